"""Rule: apply one fact to its appointment and to the resource's days.

Both are read, what Salesforce holds is looked at once, and what has to be written is planned:
the difference between what the set of facts calls for and what stands. `carrying_out` does it.
Whoever finds that another worker has begun and can't be at it any more finishes that first.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from fieldlink.errors import Contended, Refused, Unavailable, sure
from fieldlink.models import Kind, Outcome
from fieldlink.writing import (
    days,
    departing,
    inheriting,
    jobs,
    knowing,
    passing_by,
    releasing,
    standing,
)
from fieldlink.writing.carrying_out import carry_out
from fieldlink.writing.company import along
from fieldlink.writing.days import Case
from fieldlink.writing.desk import known_before, row
from fieldlink.writing.standing import ABANDONED
from fieldlink.writing.together import tried
from fieldlink.writing.visits import when

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fieldlink.models import Delivered, Fact
    from fieldlink.records import Day, Intent, Visit
    from fieldlink.writing.desk import Desk

OF_THE_DAY = {Kind.CLOCKED_IN, Kind.CLOCKED_OUT}
# Of workers that died one upon the other, how many are taken over in one go.
DEEPEST = 3


def to_appointment(delivered: Delivered, desk: Desk, depth: int = 0) -> Outcome:
    """Apply a fact about an appointment, and with it what others of its batch tell of that."""
    apply = partial(_to_appointment, delivered, desk, depth)
    return desk.company.in_turn(delivered, apply) if desk.company else apply()


def _to_appointment(delivered: Delivered, desk: Desk, depth: int) -> Outcome:
    visit = knowing.visit(delivered.fact.appointment, desk)
    delivered = knowing.as_doubtful(delivered, visit)
    if visit.intent and not knowing.settled(delivered.fact, visit):
        visit = _take_over(visit, visit.intent, delivered, desk, depth)
    outcome = knowing.outcome(delivered, visit, desk)
    if outcome:
        return outcome
    knowing.bounded(visit, "one appointment")
    return _apply(visit, delivered, desk, depth)


def to_day(delivered: Delivered, desk: Desk, depth: int = 0) -> Outcome:
    """Apply a fact about a resource's day, which frames what all its work contributes."""
    day = days.read(delivered.fact.resource, days.on(delivered.fact, desk), desk)
    delivered = knowing.as_doubtful(delivered, day)
    fact = delivered.fact
    known = knowing.twin(fact, day)
    if known:
        return known_before(known, delivered, desk)
    if day.intent and desk.now - day.intent.since < ABANDONED:
        raise Contended("another worker is writing to this day")
    day = _freed(day, fact=fact, desk=desk, depth=depth)
    known = knowing.twin(fact, day)
    if known:
        return known_before(known, delivered, desk)
    knowing.bounded(day, "one day")
    return carry_out(jobs.of_day(day, delivered, desk), desk)


def _apply(visit: Visit, delivered: Delivered, desk: Desk, depth: int) -> Outcome:
    fact = delivered.fact
    begun = visit.intent or visit.doubtful.get(fact.key)
    found = standing.rows([begun], desk)
    free = partial(_freed, fact=fact, desk=desk, depth=depth)
    first = None
    if fact.kind not in days.OF_NO_DAY:
        first = free(days.read(fact.resource, days.on(fact, desk), desk))
    entries = [*found.entries.values(), *inheriting.ids(visit, fact.resource)]
    look = days.look(fact, first, entries)
    view = desk.salesforce.view(look)
    known = [each.fact for each in visit.facts.values()]
    why_not = "" if begun else passing_by.why_not(fact, known, view, desk)
    if why_not:
        desk.ledger.put(row(delivered, Outcome.IGNORED, desk, reason=why_not))
        return Outcome.IGNORED
    case = Case(delivered, desk, look, view, first, begun, found, free)
    told = along(visit, case)
    try:
        outcome = _carried_out(visit, case._replace(others=told.others), told.repeated)
    except Refused:
        if not told.others:
            raise
        return _one_by_one(delivered, told.others, desk, depth)
    for each in (delivered, *told.others):
        departing.look(each.fact, known, view, desk)
    return outcome


def _carried_out(visit: Visit, case: Case, repeated: Iterable[Delivered]) -> Outcome:
    desk = case.desk
    again = [row(each, Outcome.DUPLICATE, desk) for each in repeated]
    outcome = carry_out(jobs.of_visit(visit, case), desk, again)
    if desk.company:
        desk.company.ended(case.others, outcome)
        desk.company.ended(repeated, Outcome.DUPLICATE)
    return outcome


def _one_by_one(
    delivered: Delivered, others: Iterable[Delivered], desk: Desk, depth: int
) -> Outcome:
    """What Salesforce refuses of several facts at once it may take of each by itself, in the
    order in which they happened: one status may be reached from another only.
    """
    if desk.company:
        desk.company.part(delivered.fact.appointment)
    releasing.release(delivered.delivery, delivered.fact.appointment, desk)
    apply = partial(to_appointment, desk=desk, depth=depth)
    in_order = sorted((delivered, *others), key=lambda each: when(each.fact))
    ends = {each.name: tried(apply, each) for each in in_order}
    if desk.company:
        for each in others:
            desk.company.ended([each], ends[each.name])
    return sure(ends[delivered.name])


def _take_over(
    visit: Visit, intent: Intent, delivered: Delivered, desk: Desk, depth: int
) -> Visit:
    """Finish what another worker began, if it can't be at it any more.

    It may have begun with this very message: then that is applied as any other, but looked for.
    """
    if desk.now - intent.since < ABANDONED:
        raise Contended("another worker is writing to this appointment")
    if intent.delivered.delivery == delivered.delivery:
        return visit
    _finish(visit, intent, desk, depth)
    return knowing.visit(visit.appointment, desk)


def _finish(visit: Visit, intent: Intent, desk: Desk, depth: int) -> None:
    if depth >= DEEPEST:
        raise Unavailable("too many workers died here one upon the other")
    try:
        _apply(visit, intent.delivered, desk, depth + 1)
    except Refused:
        # Its own message comes back to its own worker and is parked there; until then it must
        # not hold up the others.
        releasing.release(intent.delivered.delivery, visit.appointment, desk)


def _freed(day: Day, *, fact: Fact, desk: Desk, depth: int) -> Day:
    """The day once nobody else is at it; what another worker left there is finished first."""
    intent = day.intent
    if intent is None or intent.delivered.fact.key == fact.key:
        return day
    if desk.now - intent.since < ABANDONED:
        raise Contended("another worker is writing to this day")
    with suppress(Refused):  # of an appointment that can't be read
        _finish_day(intent, day, desk, depth)
    left = days.read(day.resource, day.on, desk)
    # Of an appointment that knows nothing of it: its rows are looked for where they matter.
    unknown = left.intent and left.intent.delivered.fact.key == intent.delivered.fact.key
    return (
        releasing.aside(left, intent)
        if unknown
        else _freed(left, fact=fact, desk=desk, depth=depth + 1)
    )


def _finish_day(intent: Intent, day: Day, desk: Desk, depth: int) -> None:
    told = intent.delivered
    if told.fact.kind not in OF_THE_DAY:
        visit = knowing.visit(told.fact.appointment, desk)
        if visit.intent and visit.intent.delivered.fact.key == told.fact.key:
            if desk.now - visit.intent.since < ABANDONED:
                raise Contended("another worker is finishing what is left of this day")
            _finish(visit, visit.intent, desk, depth)
        return
    if depth >= DEEPEST:
        raise Unavailable("too many workers died here one upon the other")
    try:
        to_day(told, desk, depth + 1)
    except Refused:
        releasing.release_day(told.delivery, day.resource, day.on, desk)
