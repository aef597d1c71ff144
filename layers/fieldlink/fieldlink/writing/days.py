"""Rule: which of a resource's days a fact concerns, and what has to be written of each."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.errors import Unavailable
from fieldlink.hours import time_sheets
from fieldlink.models import Kind, Look, Written
from fieldlink.records import Day
from fieldlink.writing import intents, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from fieldlink.models import Delivered, Fact, View, Writes
    from fieldlink.records import Intent, OursOfDay, Part
    from fieldlink.writing.desk import Desk
    from fieldlink.writing.inheriting import Inherited

# These tell nothing of when somebody came, worked or travelled.
OF_NO_DAY = {
    Kind.EXPECTED,
    Kind.DELAYED,
    Kind.LINK_OFFERED,
    Kind.LINK_WITHDRAWN,
    Kind.OUTAGE_BEGAN,
}
NEAR = timedelta(days=1)  # a look shows the sheets of the days beside its own as well


class Case(NamedTuple):
    """A fact that is being worked on, and what is seen of its work."""

    delivered: Delivered
    desk: Desk
    look: Look
    view: View
    first: Day | None = None  # the one on which it happened, if it concerns any
    begun: Intent | None = None  # an earlier try, of whose rows these are there:
    found: Written = Written()
    free: Callable[[Day], Day] = lambda day: day  # once nobody else is at it
    others: Sequence[Delivered] = ()  # of the same resource, that are applied along with it


class Seen(NamedTuple):
    """One day as it is read, as it is with all that we know to have written, and with news."""

    read: Day
    known: Day
    told: Day
    view: View


class OfDay(NamedTuple):
    """One day: what is to be written of it, and what is kept then."""

    read: Day
    known: Day  # with all that we know to have written
    told: Day  # with what is new, too
    writes: Writes
    meant: OursOfDay  # what we will have written, ids of new rows empty


def on(fact: Fact, desk: Desk) -> date:
    """The resource's local day."""
    return fact.at.astimezone(desk.zone_of(fact.resource)).date()


def read(resource: str, day: date, desk: Desk) -> Day:
    name = desk.connection.connection
    found = desk.state.read(Day, name, resource, day.isoformat())
    return found or Day(connection=name, resource=resource, on=day)


def look(fact: Fact, day: Day | None, more: Iterable[str]) -> Look:
    """What has to be seen of a fact's work, and of the day on which it happened.

    `more`: ids of entries that the day does not know to be ours. A link is taken back from who
    left the work, too.
    """
    known = [each.id for each in day.ours.entries.values()] if day else []
    return Look(
        appointment=fact.appointment,
        resource=fact.resource,
        day=fact.at,
        entries=tuple(sorted({*known, *more})),
        others=tuple(sorted({*day.parts} - {fact.appointment})) if day else (),
        left=fact.kind is Kind.LINK_WITHDRAWN,
    )


def concerned(
    case: Case,
    told: Mapping[date, str],
    parts: Mapping[date, Part],
    inherited: Mapping[date, Inherited],
    doubtful: Iterable[date],
) -> list[OfDay]:
    """Every day that was told something else of this work, with what is to be written of it.

    `told`: the marks of what they were told.
    `doubtful`: days of which it is not known what they were told by a try that did not end.
    """
    fact, first = case.delivered.fact, case.first
    marks = {day: part.mark for day, part in parts.items()}
    dates = {day for day in {*marks, *told} if marks.get(day) != told.get(day)}
    dates |= {*inherited, *doubtful}
    if first and (first.intent or fact.key in first.doubtful or _differs(first, fact, parts)):
        dates |= {first.on}
    found = []
    for each in sorted(dates):
        at_hand = first if first and first.on == each else None
        day = at_hand or case.free(read(fact.resource, each, case.desk))
        known = inherited[each].into(day) if each in inherited else day
        its = {name: part for name, part in known.parts.items() if name != fact.appointment}
        if each in parts:
            its[fact.appointment] = parts[each]
        found.append(seen(day, known, {"parts": its}, case))
    return planned(found, case)


def _differs(day: Day, fact: Fact, parts: Mapping[date, Part]) -> bool:
    return day.parts.get(fact.appointment) != parts.get(day.on)


def seen(day: Day, known: Day, news: Mapping[str, object], case: Case) -> Seen:
    """A day, with what interrupted tries have written of it as ours.

    Whether those of other facts have made rows is asked only if it matters.
    """
    view, key = _view(known, (), case), case.delivered.fact.key
    ours = known.ours
    for each in (*known.doubtful.values(), *([known.intent] if known.intent else [])):
        found = case.found if each.delivered.fact.key == key else Written()
        ours = standing.of_day(ours, each, view, found)
    known = known.model_copy(update={"ours": ours})
    return Seen(day, known, known.model_copy(update=dict(news)), view)


def planned(days: Sequence[Seen], case: Case) -> list[OfDay]:
    """What has to be written of each of these days."""
    found = []
    for number, each in enumerate(days):
        elsewhere = [one.told for one in (*days[:number], *days[number + 1 :])]
        wished = _plan(each, elsewhere, case.desk)
        doubted = _doubted(wished, each.known, case.delivered.fact.key)
        if doubted and not standing.safe(wished.writes, case.desk):
            each = _undoubted(each, doubted, wished, case)
            wished = _plan(each, elsewhere, case.desk)
        found.append(OfDay(each.read, each.known, each.told, wished.writes, wished.meant))
    return found


def _plan(of_day: Seen, elsewhere: Sequence[Day], desk: Desk) -> time_sheets.Plan:
    return time_sheets.plan(
        of_day.told, of_day.view, desk.practice, desk.lacking, elsewhere=elsewhere
    )


def _doubted(wished: time_sheets.Plan, day: Day, key: str) -> list[Intent]:
    """Parked facts that may have made the very entries that are wished for."""
    wanted = standing.new(wished.writes)
    others = [each for name, each in day.doubtful.items() if name != key]
    return [each for each in others if each.planned and wanted & standing.new(each.planned)]


def _undoubted(
    of_day: Seen, doubted: Sequence[Intent], wished: time_sheets.Plan, case: Case
) -> Seen:
    """The day with those of these entries as ours that are there."""
    found = standing.rows(doubted, case.desk)
    wanted = standing.new(wished.writes)
    missing = wanted - {*found.entries}
    for each in doubted:
        at_it = case.desk.now - each.since < standing.ABANDONED
        if at_it and each.planned and missing & standing.new(each.planned):
            raise Unavailable("an entry of a parked fact may still appear")
    view = _view(of_day.known, found.entries.values(), case)
    ours, doubtful = of_day.known.ours, dict(of_day.known.doubtful)
    for each in doubted:
        ours = standing.of_day(ours, each, view, found)
        doubtful[each.delivered.fact.key] = intents.without(each, wanted)
    more = {"ours": ours, "doubtful": doubtful}
    known, told = (each.model_copy(update=more) for each in (of_day.known, of_day.told))
    return Seen(of_day.read, known, told, view)


def _view(day: Day, more: Iterable[str], case: Case) -> View:
    """What is seen of a day: in the first look, unless that did not ask for enough."""
    fact, asked = case.delivered.fact, case.look
    wanted = look(fact, day, {*more, *case.found.entries.values()})
    near = abs(day.on - asked.day.date()) <= NEAR
    if near and {*wanted.entries} <= {*asked.entries} and {*wanted.others} <= {*asked.others}:
        return case.view
    noon = datetime.combine(day.on, time(12), UTC)
    return case.desk.salesforce.view(wanted.model_copy(update={"day": noon}))
