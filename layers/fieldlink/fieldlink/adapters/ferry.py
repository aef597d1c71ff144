"""Takes across in few calls what the threads of a process ask of the same place.

Who comes while no call is under way goes at once. Who comes while one is waits for its end, and
goes with those who have come by then, as long as there is room and each asks for other things.
So nobody waits for somebody who may never come, and alone nobody waits at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from fieldlink.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping


@dataclass(eq=False)
class Passenger[K, Q, A]:
    """One thread, what it asks, and what became of that."""

    cargo: Mapping[K, Q]
    awake: Lock = field(default_factory=Lock)
    over: bool = False
    answers: Mapping[K, A] = field(default_factory=dict)
    error: BaseException | None = None


class Ferry[K: Hashable, Q, A]:
    """Calls that each take several things, none of them twice.

    `call` answers for each thing, or leaves out what there is nothing to say of. `room`: how
    many things a call takes; who brings more goes alone.
    """

    def __init__(self, call: Callable[[Mapping[K, Q]], Mapping[K, A]], room: int) -> None:
        self._call = call
        self._room = room
        self._lock = Lock()
        self._under_way = False
        self._waiting: list[Passenger[K, Q, A]] = []

    def across(self, cargo: Mapping[K, Q]) -> Mapping[K, A]:
        """The answers to these things. Raises what the call met."""
        if not cargo:
            return {}
        own = Passenger[K, Q, A](cargo)
        own.awake.acquire()
        with self._lock:
            self._waiting.append(own)
            first, self._under_way = not self._under_way, True
        if not first:
            own.awake.acquire()
        if not own.over:
            self._sail()
        if own.error:
            raise own.error
        return own.answers

    def _sail(self) -> None:
        """By whoever waits longest; then the next of those who wait."""
        with self._lock:
            aboard = self._board()
        self._cross(aboard)
        with self._lock:
            self._under_way = bool(self._waiting)
            woken = [*aboard[1:], *self._waiting[:1]]
        for each in woken:
            each.awake.release()

    def _board(self) -> list[Passenger[K, Q, A]]:
        """In the order in which they came, those for whom there is room."""
        aboard: list[Passenger[K, Q, A]] = []
        things: set[K] = set()
        left: list[Passenger[K, Q, A]] = []
        for each in self._waiting:
            fits = len(things) + len(each.cargo) <= self._room
            if not aboard or (fits and things.isdisjoint(each.cargo)):
                aboard.append(each)
                things.update(each.cargo)
            else:
                left.append(each)
        self._waiting = left
        return aboard

    def _cross(self, aboard: list[Passenger[K, Q, A]]) -> None:
        """What is refused in company is asked alone, so that one refuses no other."""
        try:
            everything = {key: thing for each in aboard for key, thing in each.cargo.items()}
            answers = self._call(everything)
            own = [
                {key: answers[key] for key in each.cargo if key in answers} for each in aboard
            ]
        except BaseException as error:  # of whoever is killed, too: it is raised in `across`
            if isinstance(error, Refused) and len(aboard) > 1:
                for each in aboard:
                    self._cross([each])
                return
            for each in aboard:
                each.error, each.over = error, True
            return
        for each, told in zip(aboard, own, strict=True):
            each.answers, each.over = told, True
