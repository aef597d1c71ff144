"""Rule: everything that one fact changes, of its appointment and of the resource's days."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.hours import parting
from fieldlink.models import Writes, Written
from fieldlink.records import OursOfDay
from fieldlink.writing import days, inheriting, standing, writes
from fieldlink.writing.days import Case, OfDay
from fieldlink.writing.visits import same

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fieldlink.models import Delivered, View
    from fieldlink.records import Day, Intent, Ours, Part, Visit
    from fieldlink.writing.desk import Desk


class OfVisit(NamedTuple):
    """An appointment: what is kept of it while its writes go on, and then."""

    known: Visit  # with all that we know to have written
    told: Visit  # with what is new, too


class Job(NamedTuple):
    """Everything that one fact changes, or several of one visit do."""

    delivered: Delivered
    writes: Writes
    days: Sequence[OfDay] = ()
    visit: OfVisit | None = None
    view: View | None = None  # None: nothing had to be looked at
    has_row: bool = False  # the fact only tells more this time, under another key
    begun: Intent | None = None  # an earlier try, of whose rows these are there:
    found: Written = Written()
    others: Sequence[Delivered] = ()  # applied along with it

    @property
    def told(self) -> tuple[Delivered, ...]:
        """All of them."""
        return (self.delivered, *self.others)


def of_visit(visit: Visit, case: Case) -> Job:
    """What is changed: of the appointment, and of each day that knows something of it."""
    delivered, fact, view = case.delivered, case.delivered.fact, case.view
    kept = visit.model_copy(update={"ours": _ours(visit, view)})
    news = {each.fact.key: each.without_words for each in (delivered, *case.others)}
    told: dict[str, object] = {"facts": {**visit.facts, **news}}
    known = [each.fact for each in visit.facts.values()]
    inherited: Mapping[date, inheriting.Inherited] = {}
    of_days: list[OfDay] = []
    if case.first:
        every = [*known, *(each.fact for each in news.values())]
        parts = parting.parts(every, fact.resource, view, case.desk.practice)
        inherited = inheriting.of_days(visit, parts, view)
        marks = _told(visit, fact.resource)
        of_days = days.concerned(case, marks, parts, inherited, _doubtful(visit, case))
        told["marks"] = _telling(visit, fact.resource, parts)
    settled = inheriting.emptied(kept.model_copy(update=told), inherited, view)
    has_row = any(same(each, fact) for each in known)
    writes = merged(_planned(kept, case, has_row=has_row), [each.writes for each in of_days])
    return Job(
        delivered,
        writes,
        of_days,
        OfVisit(kept, settled),
        view,
        has_row,
        case.begun,
        case.found,
        case.others,
    )


def _doubtful(visit: Visit, case: Case) -> set[date]:
    """Days of the resource that an interrupted try of whatever fact may have told of."""
    begun = [*visit.doubtful.values(), *([case.begun] if case.begun else [])]
    resource = case.delivered.fact.resource
    theirs = (each for each in begun if each.delivered.fact.resource == resource)
    return {day for each in theirs for day in each.days}


def _told(visit: Visit, resource: str) -> dict[date, str]:
    """Marks of what days know of a resource's work on an appointment."""
    named = {tuple(name.rsplit("/", 1)): mark for name, mark in visit.marks.items()}
    return {
        date.fromisoformat(day): mark
        for (whose, day), mark in named.items()
        if whose == resource
    }


def _telling(visit: Visit, resource: str, parts: Mapping[date, Part]) -> dict[str, str]:
    """Marks of what days know of an appointment, once they know these parts."""
    others = {
        name: mark for name, mark in visit.marks.items() if not name.startswith(f"{resource}/")
    }
    return others | {f"{resource}/{day.isoformat()}": part.mark for day, part in parts.items()}


def _ours(visit: Visit, view: View) -> Ours:
    """What we have written to an appointment, also by tries that nobody saw the end of."""
    ours = visit.ours
    for intent in (*visit.doubtful.values(), *([visit.intent] if visit.intent else [])):
        ours = writes.finished(ours, intent, view)
    return writes.noticed(ours, view)


def _planned(kept: Visit, case: Case, *, has_row: bool) -> Writes:
    """`has_row`: the fact only tells more this time."""
    desk, fact = case.desk, case.delivered.fact
    known = [each.fact for each in kept.facts.values()]
    others = [each.fact for each in case.others]
    planned = writes.plan(
        fact, known, case.view, kept.ours, desk.practice, desk.lacking, others
    )
    return planned.model_copy(update={"event": None}) if has_row else planned


def of_day(day: Day, delivered: Delivered, desk: Desk) -> Job:
    """What clocking in or out changes: nothing while nothing is known of the day's work."""
    fact = delivered.fact
    news = {"facts": {**day.facts, fact.key: delivered.without_words}}
    begun = day.intent or day.doubtful.get(fact.key)
    if not day.parts and day.ours == OursOfDay() and not begun:
        plain = OfDay(day, day, day.model_copy(update=news), Writes(appointment=""), day.ours)
        return Job(delivered, plain.writes, [plain])
    found = standing.rows([begun], desk)
    of_no_work = fact.model_copy(update={"appointment": ""})  # though pressed at its place
    look = days.look(of_no_work, day, found.entries.values())
    view = desk.salesforce.view(look)
    told = delivered.model_copy(update={"fact": of_no_work})
    case = Case(told, desk, look, view, day, begun, found)
    [of_day] = days.planned([days.seen(day, day, news, case)], case)
    return Job(delivered, of_day.writes, [of_day], None, view, begun=begun, found=found)


def merged(planned: Writes, of_days: Sequence[Writes]) -> Writes:
    """One call's writes. A sheet of a week may be wanted by several of its days."""
    every = [planned, *of_days]
    sheets = {each.key: each for one in every for each in one.sheets}
    return planned.model_copy(
        update={
            "travel": {name: each for one in every for name, each in one.travel.items()},
            "distances": {name: each for one in every for name, each in one.distances.items()},
            "entries": tuple(each for one in every for each in one.entries),
            "sheets": tuple(sheets.values()),
            "removed": tuple(each for one in every for each in one.removed),
            "left_out": tuple(dict.fromkeys(each for one in every for each in one.left_out)),
            "rule": "; ".join(dict.fromkeys(one.rule for one in every if one.rule)),
        }
    )
