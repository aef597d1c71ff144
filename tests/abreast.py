"""Runs programs that wait for each other."""

from collections.abc import Callable
from threading import Thread
from typing import Any

SOON = 20  # seconds; by then a thread that hangs has been found out


def abreast(*programs: Callable[[], Any]) -> list[Any]:
    """What each program returns, run in a thread of its own.

    Not in a pool's: that may have a thread less than there are programs.
    """
    told: dict[int, Any] = {}

    def run(number: int) -> None:
        told[number] = programs[number]()

    threads = [Thread(target=run, args=(each,), daemon=True) for each in range(len(programs))]
    for each in threads:
        each.start()
    for each in threads:
        each.join(SOON)
    return [told[number] for number in range(len(programs))]
