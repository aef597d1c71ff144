"""Those of a batch who tell of the same appointment: one applies what several of them tell.

A phone that was offline tells an arrival, a departure and a check-out at once. One after the
other, each would have its own look, claims, write and stores; together they have one of each.
Who was not told along applies its own fact, and finds it known if it was; who waits behind one
that has to come again comes again with it.
"""

from __future__ import annotations

from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.errors import Unavailable, sure
from fieldlink.models import AT_WORK
from fieldlink.writing import knowing, passing_by
from fieldlink.writing.visits import same
from fieldlink.zones import zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from fieldlink.errors import FieldlinkError
    from fieldlink.models import Delivered, Fact, Outcome
    from fieldlink.records import Visit
    from fieldlink.writing.days import Case
    from fieldlink.writing.together import Together

type Name = tuple[datetime, str]  # of a delivery
# So a visit's graph stays far below what a call takes, and its record below 400 KB.
MOST = 10
A_DAY = timedelta(days=1)


class Along(NamedTuple):
    """What is told along with a fact: other facts, and what is known once those are."""

    others: tuple[Delivered, ...] = ()
    repeated: tuple[Delivered, ...] = ()


def along(visit: Visit, case: Case) -> Along:
    """What is applied along with a case's fact: what a try that has begun was to do, or, if
    nothing is in doubt, what others wait with. Who tells more of what is known comes alone, and
    so does who was there on another day, by whose facts that is explained, or perhaps for other
    work.
    """
    if case.begun:
        return Along(case.begun.others)
    desk, fact, first = case.desk, case.delivered.fact, case.first
    in_doubt = visit.doubtful or (first and (first.intent or first.doubtful))
    if desk.company is None or in_doubt or _known(fact, visit):
        return Along()
    known = [each.fact for each in visit.facts.values()]
    told = _with(visit, case.delivered)
    others: list[Delivered] = []
    repeated: list[Delivered] = []
    for each in desk.company.of(case.delivered):
        twin = knowing.twin(each.fact, told)
        if twin and twin.name != each.name:
            repeated.append(each)
        elif _known(each.fact, told) or _of_another(each.fact, known, case):
            continue
        elif len(others) < MOST - 1 and len(told.facts) < knowing.MOST_FACTS:
            others.append(each)
            told = _with(told, each)
    return Along(tuple(others), tuple(repeated))


def _with(visit: Visit, delivered: Delivered) -> Visit:
    facts = {**visit.facts, delivered.fact.key: delivered}
    return visit.model_copy(update={"facts": facts})


def _of_another(fact: Fact, known: Iterable[Fact], case: Case) -> bool:
    """Whether it tells of another day of the resource, or of other work."""
    own, there = case.delivered.fact, zone(case.view.time_zone)
    if abs(fact.at - own.at) > A_DAY:  # of that the local day may not even be in the calendar
        return True
    another = fact.at.astimezone(there).date() != own.at.astimezone(there).date()
    return another or bool(passing_by.why_not(fact, known, case.view, case.desk))


def _known(fact: Fact, visit: Visit) -> bool:
    return any(same(fact, each.fact) for each in visit.facts.values())


class Company:
    """Of one connection: who waits with what, and what became of it."""

    def __init__(self, connection: str, together: Together) -> None:
        self._connection = connection
        self._together = together
        self._lock = Lock()
        self._waiting: dict[str, dict[Name, Delivered]] = {}  # by appointment
        self._ended: dict[Name, Outcome | FieldlinkError] = {}
        self._apart: set[str] = set()  # appointments

    def in_turn(self, delivered: Delivered, apply: Callable[[], Outcome]) -> Outcome:
        """What becomes of a fact when nobody else is at its appointment. Who waits with more of
        the same meets the same error, unless that is a refusal: they come again together.
        """
        told = self.turn(delivered)
        if told:
            return told
        try:
            return apply()
        except Unavailable as error:
            self.ended(self.of(delivered), error)
            raise

    def turn(self, delivered: Delivered) -> Outcome | None:
        """Wait until no other is at the appointment. What became of the fact, if another has
        applied it along with its own; raises why it could not be applied.
        """
        fact = delivered.fact
        if fact.kind not in AT_WORK:
            return None
        self.wait(delivered)
        self._together.turn((self._connection, fact.appointment))
        with self._lock:
            self._waiting[fact.appointment].pop(delivered.name, None)
            ended = self._ended.pop(delivered.name, None)
        return sure(ended)

    def wait(self, delivered: Delivered) -> None:
        """Say what one waits with, so that others may apply it along with their own."""
        with self._lock:
            waiting = self._waiting.setdefault(delivered.fact.appointment, {})
            waiting[delivered.name] = delivered

    def of(self, delivered: Delivered) -> list[Delivered]:
        """What others of the same resource wait with that can be applied along with it."""
        fact = delivered.fact
        with self._lock:
            if fact.kind not in AT_WORK or fact.appointment in self._apart:
                return []
            waiting = [*self._waiting.get(fact.appointment, {}).values()]
        return [each for each in waiting if each.fact.resource == fact.resource]

    def part(self, appointment: str) -> None:
        """From now on everybody applies their own fact."""
        with self._lock:
            self._apart.add(appointment)

    def ended(self, told: Iterable[Delivered], end: Outcome | FieldlinkError) -> None:
        """What became of facts of others."""
        with self._lock:
            self._ended |= {each.name: end for each in told}
