"""What Salesforce must hold about an appointment, told from the facts and the settings alone.

Written from the description of the system and not from its rules, with which it shares no code.
Travel and time sheets are told by `day_oracle`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.models import Category, Kind
from fieldlink.practice import Practice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fieldlink.models import Fact

AS_SHIPPED = Practice()
HOW_FAR = (
    Category.SCHEDULED,
    Category.DISPATCHED,
    Category.IN_PROGRESS,
    Category.CANNOT_COMPLETE,
    Category.COMPLETED,
    Category.CANCELED,
)
ORG = {
    Category.SCHEDULED: ("Scheduled", "None"),
    Category.DISPATCHED: ("Dispatched",),
    Category.IN_PROGRESS: ("In Progress", "On Site"),
    Category.CANNOT_COMPLETE: ("Cannot Complete",),
    Category.COMPLETED: ("Completed",),
    Category.CANCELED: ("Canceled",),
}  # the values of the picklist, the default one first
SUBJECT = {
    Kind.ARRIVED: "Arrived",
    Kind.LEFT: "Left",
    Kind.CHECKED_OUT: "Checked out",
    Kind.LINK_OFFERED: "Live tracking",
}

type Stay = tuple[datetime | None, datetime | None]
type Step = tuple[datetime, int]  # a moment, and which of those at that moment comes first
GEOFENCE, BUTTON, OUT, EXIT = 0, 1, 2, 3


class Truth(NamedTuple):
    """An appointment as it must end, whatever happened on the way."""

    status: str
    start: datetime | None
    end: datetime | None
    minutes: float | None  # from start to end
    # Each Event's time and subject. What one does in one instant is one thing, however often it
    # is told. Estimates are left out: which of them are told depends on which came first.
    told: list[tuple[datetime, str]]


def truth(
    facts: Iterable[Fact],
    names: Mapping[str, str],
    practice: Practice = AS_SHIPPED,
    team: Mapping[str, bool] | None = None,
) -> Truth:
    """`names`: of all resources, by id. `team`: who is assigned, and whether as the primary."""
    known = list(facts)
    start, end = times(known, practice, team)
    return Truth(
        status=status(known, practice, team),
        start=start,
        end=end,
        minutes=(end - start).total_seconds() / 60 if start and end else None,
        told=sorted(
            (_whole(when), f"{SUBJECT[kind]}: {names[who]}")
            for when, kind, who in {(each.at, each.kind, each.resource) for each in known}
            if kind in SUBJECT
        ),
    )


# ── status ────────────────────────────────────────────────────────────────────


def status(
    facts: list[Fact], practice: Practice = AS_SHIPPED, team: Mapping[str, bool] | None = None
) -> str:
    """Of an appointment that was Scheduled when the first of them came."""
    words = [
        word
        for category in HOW_FAR
        if category in _reached(_counting(facts, practice, team), practice, team)
        if (word := _word(category, practice))
    ]
    return words[-1] if words else "Scheduled"


def _word(category: Category, practice: Practice) -> str:
    wanted = practice.statuses.get(category)
    if wanted and wanted not in ORG[category]:
        return ""
    return wanted or ORG[category][0]


def _reached(
    facts: list[Fact], practice: Practice, team: Mapping[str, bool] | None
) -> set[Category]:
    kinds = {each.kind for each in facts} & {Kind.ON_THE_WAY, Kind.CHECKED_IN, Kind.CANCELLED}
    if practice.arrival_by == "geofence" and _any(facts, Kind.ARRIVED, Kind.LEFT):
        kinds.add(Kind.ARRIVED)
    if is_complete(facts, practice, team):
        kinds.add(Kind.CHECKED_OUT)
    return {practice.categories.get(each, Category.NONE) for each in kinds}


def is_complete(facts: list[Fact], practice: Practice, team: Mapping[str, bool] | None) -> bool:
    """Whether one of them is done or, if so wished, all who were there and still have it."""
    of_each = _by_resource(facts)
    done = {who for who, own in of_each.items() if done_at(own, practice)}
    if practice.several != "all":
        return bool(done)
    there = {
        who
        for who, own in of_each.items()
        if stays(own, practice) and (team is None or who in team)
    }
    return bool(done) and there <= done


def _counting(
    facts: list[Fact], practice: Practice, team: Mapping[str, bool] | None
) -> list[Fact]:
    chosen = {who for who, is_primary in (team or {}).items() if is_primary}
    if practice.several != "primary" or not chosen:
        return facts
    return [each for each in facts if each.resource in chosen]


# ── times ─────────────────────────────────────────────────────────────────────


def times(
    facts: list[Fact], practice: Practice = AS_SHIPPED, team: Mapping[str, bool] | None = None
) -> Stay:
    counting = _counting(facts, practice, team)
    visits = [visit(own, practice) for own in _by_resource(counting).values()]
    present = [each for each in visits if each != (None, None)]
    starts = [start for start, _ in present if start]
    ends = [end for _, end in present if end]
    over = len(ends) == len(present) or is_complete(counting, practice, team)
    return min(starts, default=None), max(ends) if ends and over else None


def visit(facts: list[Fact], practice: Practice = AS_SHIPPED) -> Stay:
    """First arrival and last departure of one resource, in whole minutes."""
    done = done_at(facts, practice)
    counted = [
        (start, end)
        for start, end in stays(facts, practice)
        if not done or start is None or start <= max(done)
    ]
    starts = [start for start, _ in counted if start]
    last = counted[-1][1] if counted else None
    return (_whole(starts[0]) if starts else None, _whole(last) if last else None)


def done_at(facts: list[Fact], practice: Practice) -> set[datetime]:
    """When one resource has checked out, or left without coming back, where that is as good."""
    outs = {each.at for each in facts if each.kind is Kind.CHECKED_OUT}
    if practice.complete_by == "check_out":
        return outs
    grace = timedelta(minutes=practice.exit_grace)
    buttons = _moments(facts, Kind.CHECKED_IN)
    comings = buttons | _geofences(facts)
    return outs | {
        left
        for left in _moments(facts, Kind.EXIT_CONFIRMED)
        if not any(left < came <= left + grace for came in comings)
        if practice.arrival_by == "geofence" or any(pressed <= left for pressed in buttons)
    }


def stays(facts: list[Fact], practice: Practice = AS_SHIPPED) -> list[Stay]:
    """The times on site. Who comes and goes in one instant has come before going."""
    steps = _steps(facts, practice)
    if practice.arrival_by == "check_in":
        steps = [each for number, each in enumerate(steps) if _is_work(number, steps, practice)]
    arrivals = sorted({at for at, what in steps if what in {GEOFENCE, BUTTON}})
    goings = [(at, what == EXIT) for at, what in steps if what in {OUT, EXIT}]
    found: list[Stay] = []
    unheard = [each for each in goings if not arrivals or each[0] < arrivals[0]]
    if unheard:
        found.append((None, _gone(unheard)))
    while arrivals:
        start = arrivals[0]
        after = [each for each in goings if each[0] >= start]
        if not after:
            return [*found, (start, None)]
        arrivals = [each for each in arrivals if each > after[0][0]]
        own = [each for each in after if not arrivals or each[0] < arrivals[0]]
        found.append((start, _gone(own)))
    return found


def _steps(facts: list[Fact], practice: Practice) -> list[Step]:
    outs, lefts = _moments(facts, Kind.CHECKED_OUT), _moments(facts, Kind.LEFT)
    by_exit = done_at([each for each in facts if each.kind is not Kind.CHECKED_OUT], practice)
    return sorted(
        {(at, GEOFENCE) for at in _geofences(facts)}
        | {(at, BUTTON) for at in _moments(facts, Kind.CHECKED_IN)}
        | {(at, OUT) for at in outs}
        | {(at, EXIT) for at in lefts | by_exit}
    )


def _is_work(number: int, steps: list[Step], practice: Practice) -> bool:
    """Whether a step is of somebody who has checked in and was not away for long since."""
    at, what = steps[number]
    if what in {BUTTON, OUT}:
        return True
    if number == 0 or steps[number - 1][1] == OUT:
        return False
    before, came_before = steps[number - 1]
    if not _is_work(number - 1, steps, practice):
        return False
    too_long = at - before > timedelta(minutes=practice.join)
    return not (came_before == EXIT and what == GEOFENCE and too_long)


def _gone(departures: list[tuple[datetime, bool]]) -> datetime:
    """Checking out ends a stay at once; leaving is over with the last one heard of."""
    first, by_leaving = departures[0]
    return max(at for at, left in departures if left) if by_leaving else first


def _geofences(facts: list[Fact]) -> set[datetime]:
    """A departure tells of the arrival that it ends, unless that would be later."""
    return _moments(facts, Kind.ARRIVED) | {
        each.arrived_at
        for each in facts
        if each.kind is Kind.LEFT and each.arrived_at and each.arrived_at <= each.at
    }


def _moments(facts: list[Fact], kind: Kind) -> set[datetime]:
    return {each.at for each in facts if each.kind is kind}


def _by_resource(facts: list[Fact]) -> dict[str, list[Fact]]:
    names = {each.resource for each in facts}
    return {who: [each for each in facts if each.resource == who] for who in names}


def _any(facts: list[Fact], *kinds: Kind) -> bool:
    return any(each.kind in kinds for each in facts)


def _whole(moment: datetime) -> datetime:
    return datetime.fromtimestamp(moment.timestamp() // 60 * 60, UTC)
