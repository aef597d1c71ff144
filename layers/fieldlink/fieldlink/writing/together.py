"""Joins what the messages of a batch ask of the outside into few calls.

Each message is worked off in a thread of its own by the same plain code as if it were alone.
What it asks for waits until nobody of the batch is left who could ask for more; then there is
one call for all that is alike, and each gets its own answer. Who is at a later stage waits for
those behind, so that they go on abreast and ask for the next thing together; who is at its next
message already waits for those that are not. Alone it never waits.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from threading import Lock, local
from typing import TYPE_CHECKING, Any, cast

from fieldlink.errors import FieldlinkError, Refused, Unavailable

if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Callable, Hashable, Sequence


def _shut() -> LockType:
    """What one thread waits for, and another releases. An Event takes five times as long."""
    lock = Lock()
    lock.acquire()
    return lock


@dataclass(eq=False)
class Asked:
    """What one thread waits for."""

    kind: Hashable
    request: Any
    one: Callable[[Any], Any]
    many: Callable[[list[Any]], Sequence[Any]]
    place: tuple[int, int]  # its lap, and its stage of that
    awake: LockType = field(default_factory=_shut)
    leads: Sequence[Asked] = ()  # if it is up to this thread to call: for whom
    answer: Any = None


class Together:
    """The meeting point of so many threads, each of which leaves when it is done."""

    def __init__(self, parties: int) -> None:
        self._lock = Lock()
        self._running = parties
        self._waiting: list[Asked] = []
        self._turns: dict[Hashable, deque[LockType]] = {}  # who waits for what another has
        self._mine = local()

    def ask[Q, A](
        self,
        kind: Hashable,
        request: Q,
        one: Callable[[Q], A],
        many: Callable[[list[Q]], Sequence[A | Exception]],
        stage: int = 0,
    ) -> A:
        """The answer to a request, from a call for this one or for many of the same kind.

        An answer that is an exception is raised, and what a whole call raises is raised in
        every thread that waited for it. What is asked at the lowest stage is called first.
        """
        asked = Asked(kind, request, one, many, (self._lap(), stage))
        with self._lock:
            self._waiting.append(asked)
            self._running -= 1
            self._go_on()
        asked.awake.acquire()
        if asked.leads:
            _call(asked.leads)
        if isinstance(asked.answer, BaseException):
            raise asked.answer
        return cast("A", asked.answer)

    def turn(self, thing: Hashable, rank: int = 0) -> None:
        """Wait until no other thread is at this; it is this thread's until `done`.

        A thread waits only for things that rank above all that it has, so that no two wait for
        each other; what it does not wait for may be another's at the same time.
        """
        mine = self._things()
        if thing in mine or any(rank <= other for other in mine.values()):
            return
        mine[thing], awake = rank, _shut()
        with self._lock:
            if thing not in self._turns:
                self._turns[thing] = deque()
                return
            self._turns[thing].append(awake)
            self._running -= 1
            self._go_on()
        awake.acquire()
        self._mine.lap = self._lap() + 1

    def done(self) -> None:
        """Done with a message: the next may have their turn at whatever this thread had."""
        mine = self._things()
        self._mine.lap = self._lap() + 1
        with self._lock:
            for thing in mine:
                if self._turns[thing]:
                    self._running += 1
                    self._turns[thing].popleft().release()
                else:
                    del self._turns[thing]
        mine.clear()

    def _things(self) -> dict[Hashable, int]:
        """What this thread has, by rank."""
        if not hasattr(self._mine, "things"):
            self._mine.things = {}
        things: dict[Hashable, int] = self._mine.things
        return things

    def _lap(self) -> int:
        """How often this thread began while others were under way."""
        lap: int = getattr(self._mine, "lap", 0)
        return lap

    def leave(self) -> None:
        """This thread will ask for nothing more, unless it begins with something else."""
        self.done()
        self._mine.lap = 0
        with self._lock:
            self._running -= 1
            self._go_on()

    def _go_on(self) -> None:
        """Once all wait, the first of each kind calls: those of one stage at the same time."""
        if self._running > 0 or not self._waiting:
            return
        last = min(each.place for each in self._waiting)
        behind = [each for each in self._waiting if each.place == last]
        self._running = len(behind)
        self._waiting = [each for each in self._waiting if each.place > last]
        kinds: dict[Hashable, list[Asked]] = {}
        for each in behind:
            kinds.setdefault(each.kind, []).append(each)
        for alike in kinds.values():
            alike[0].leads = alike
            alike[0].awake.release()


def apart[Q](
    asked: list[Q], *, all_: Callable[[list[Q]], None], one: Callable[[Q], None]
) -> list[Exception | None]:
    """One call for all; if it is refused each makes its own, so that one refuses no other."""
    try:
        all_(asked)
    except Refused:
        return [tried(one, each) for each in asked]
    return [None] * len(asked)


def tried[Q, A](one: Callable[[Q], A], asked: Q) -> A | FieldlinkError:
    """An answer, or why there is none."""
    try:
        return one(asked)
    except FieldlinkError as error:
        return error


def _call(alike: Sequence[Asked]) -> None:
    """Whatever happens, everybody is woken."""
    answers: Sequence[Any]
    try:
        answers = _answers(alike)
    except BaseException as error:  # of whoever is killed, too: it is raised again in `ask`
        answers = [error] * len(alike)
    for asked, answer in zip(alike, answers, strict=True):
        asked.answer = answer
        asked.awake.release()


def _answers(alike: Sequence[Asked]) -> Sequence[Any]:
    first = alike[0]
    if len(alike) == 1:
        return [first.one(first.request)]
    answers = first.many([each.request for each in alike])
    if len(answers) != len(alike):
        raise Unavailable(f"{len(answers)} answers to {len(alike)} questions")
    return answers
