"""Every way in which two workers can meet: each stops once, before whichever effect."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import product
from math import inf
from threading import Condition, local
from typing import TYPE_CHECKING, NamedTuple

from tests.fakes import Fate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.make import World

SOON = 20  # seconds; by then a thread that hangs has been found out
FIRST, SECOND = 0, 1


class Met(NamedTuple):
    """Where two workers were when they met, and what came of it."""

    world: World
    stops: tuple[int, int]  # so many effects the first had done, and then the second
    ends: tuple[object, object]  # what each returned or raised


class Turns(Fate):
    """The first goes on to its stop, then the second to its own; then each to its end."""

    def __init__(self) -> None:
        super().__init__()
        self._met = Condition()
        self._mine = local()
        self._left: list[float] = [0, 0]
        self._turn = FIRST
        self._over: set[int] = set()

    def begin(self, stops: tuple[int, int]) -> None:
        self._left, self._turn, self._over = [*stops], FIRST, set()

    @contextmanager
    def effect(self, name: str) -> Iterator[None]:
        who: int | None = getattr(self._mine, "number", None)
        if who is not None:
            self._wait(who)
        with super().effect(name):
            yield

    def run(self, who: int, program: Callable[[], object]) -> object:
        self._mine.number = who
        try:
            return program()
        except Exception as error:
            return error
        finally:
            with self._met:
                self._over.add(who)
                self._pass_on(who)

    def _wait(self, who: int) -> None:
        with self._met:
            assert self._met.wait_for(lambda: self._turn == who, SOON)
            if not self._left[who]:
                self._left[who] = inf
                self._pass_on(who)
                assert self._met.wait_for(lambda: self._turn == who, SOON)
            self._left[who] -= 1

    def _pass_on(self, who: int) -> None:
        other = SECOND if who == FIRST else FIRST
        if other not in self._over:
            self._turn = other
            self._met.notify_all()


def every_meeting(
    make: Callable[[Fate], World],
    first: Callable[[World], object],
    second: Callable[[World], object],
) -> Iterator[Met]:
    """A world for each pair of stops, in which both have ended."""
    most = [_effects(make, program) for program in (first, second)]
    with ThreadPoolExecutor(2) as threads:
        for stops in product(range(most[FIRST] + 1), range(most[SECOND] + 1)):
            turns = Turns()
            world = make(turns)
            turns.begin(stops)
            running = [
                threads.submit(turns.run, who, partial(program, world))
                for who, program in enumerate((first, second))
            ]
            one, other = (each.result(SOON) for each in running)
            yield Met(world, stops, (one, other))


def _effects(make: Callable[[Fate], World], program: Callable[[World], object]) -> int:
    world = make(Fate())
    before = len(world.fate.effects)
    program(world)
    return len(world.fate.effects) - before
