"""Rule: how several threads come by the same doorkeeper."""

from __future__ import annotations

from threading import RLock
from typing import Protocol


class Door(Protocol):
    """Whoever says whether an org may be called, and hears how it went."""

    def enter(self) -> None: ...

    def answered(self, used: int | None, allowed: int | None) -> None: ...

    def failed(self) -> None: ...

    def used_up(self) -> None: ...


class Turnstile:
    """A door that several threads go through, one at a time."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._lock = RLock()

    def enter(self) -> None:
        with self._lock:
            self._door.enter()

    def answered(self, used: int | None, allowed: int | None) -> None:
        with self._lock:
            self._door.answered(used, allowed)

    def failed(self) -> None:
        with self._lock:
            self._door.failed()

    def used_up(self) -> None:
        with self._lock:
            self._door.used_up()
