"""Rule: the facts of a visit, as one state. The order in which they came does not matter.

Everything here is a function of the *set* of facts, so any permutation or repetition of them
gives the same times, the same status and the same rows.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.models import Fact, Kind, minute
from fieldlink.practice import Practice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

USUAL = Practice()
MOMENT = timedelta(milliseconds=1)
ARRIVALS = {Kind.ARRIVED, Kind.CHECKED_IN}
DEPARTURES = {Kind.LEFT, Kind.CHECKED_OUT}

# Which of two facts of the same instant comes first.
RANKS = (
    Kind.WEBHOOK_TESTED,
    Kind.DEVICE_RELEASED,
    Kind.DEVICE_SEEN,
    Kind.CLOCK_CHANGED,
    Kind.OUTAGE_ENDED,
    Kind.BATTERY_WELL,
    Kind.TRACKING_BEGAN,
    Kind.CLOCKED_IN,
    Kind.POSITION,
    Kind.LINK_OFFERED,
    Kind.ON_THE_WAY,
    Kind.EXPECTED,
    Kind.DELAYED,
    Kind.ARRIVED,
    Kind.CHECKED_IN,
    Kind.CANCELLED,
    Kind.CHECKED_OUT,
    Kind.LEFT,
    Kind.EXIT_CONFIRMED,
    Kind.CLOSED,
    Kind.LINK_WITHDRAWN,
    Kind.CLOCKED_OUT,
    Kind.BATTERY_LOW,
    Kind.OUTAGE_BEGAN,
)
# Nobody does one of these twice in an instant: told again, under another id, it is the same.
CLOCKS = {Kind.CLOCKED_IN, Kind.CLOCKED_OUT}
DONE = ARRIVALS | DEPARTURES | CLOCKS | {Kind.ON_THE_WAY, Kind.CANCELLED, Kind.EXIT_CONFIRMED}

type Crossing = tuple[datetime, Kind]


class Stay(NamedTuple):
    """One time that a resource spent at the place, while `end` is None it lasts."""

    start: datetime | None
    end: datetime | None = None
    ended_by: Kind | None = None


class Attendance(NamedTuple):
    """What one resource did at one appointment, in whole minutes."""

    start: datetime | None
    end: datetime | None  # None: has not left yet
    checked_out: bool  # or, where that is as good, was gone for good


def attendance(facts: Iterable[Fact], practice: Practice = USUAL) -> Attendance:
    """What one resource's facts say about when it came and went."""
    ordered = in_order(facts)
    counted = working(stays(ordered, practice), ordered, practice)
    starts = [minute(stay.start) for stay in counted if stay.start]
    last = counted[-1].end if counted else None
    return Attendance(
        start=min(starts, default=None),
        end=minute(last) if last else None,
        checked_out=bool(outs(ordered, practice)),
    )


def same(one: Fact, other: Fact) -> bool:
    """Whether two facts are one, whoever told them."""
    if one.kind not in DONE:
        return one.key == other.key
    # Its record may have three digits of a second, cut or rounded, where its webhooks have six.
    at_once = abs(one.at - other.at) < MOMENT
    about = [(each.kind, each.resource, each.appointment) for each in (one, other)]
    return at_once and about[0] == about[1]


def adds(fact: Fact, alike: Iterable[Fact]) -> bool:
    """Whether a fact tells more this time than all that told it before."""
    return bool(_told(fact).difference(*map(_told, alike)))


def _told(fact: Fact) -> set[str]:
    """What a fact knows besides what it is about."""
    way = fact.travel.model_dump(exclude_none=True) if fact.travel else {}
    return {*way, *(["arrived_at"] if fact.arrived_at else [])}


def stays(ordered: Iterable[Fact], practice: Practice = USUAL) -> list[Stay]:
    """The times on site: an arrival opens one, leaving or checking out ends it.

    Whichever comes first does. So checking out at home does not lengthen the work, nor does it
    matter whether a fence still stood when somebody left after checking out.
    """
    found: list[Stay] = []
    for at, kind in crossings(ordered, practice):
        last = found[-1] if found else None
        if kind in ARRIVALS:
            if last is None or last.end:
                found.append(Stay(at))
        elif last is None:
            found.append(Stay(None, at, kind))
        elif last.end is None or (last.ended_by, kind) == (Kind.LEFT, Kind.LEFT):
            found[-1] = Stay(last.start, at, kind)
    return found


def working(found: list[Stay], facts: Iterable[Fact], practice: Practice = USUAL) -> list[Stay]:
    """The stays that count: coming back for a forgotten tool after checking out does not."""
    out = max((fact.at for fact in outs(facts, practice)), default=None)
    return [stay for stay in found if not out or not stay.start or stay.start <= out]


def outs(facts: Iterable[Fact], practice: Practice) -> list[Fact]:
    """What says that one resource is done: check-outs and, where they are as good, exits after
    which it did not come back for a while.
    """
    told = list(facts)
    found = [fact for fact in told if fact.kind is Kind.CHECKED_OUT]
    if practice.complete_by == "exit":
        gone = (fact for fact in told if fact.kind is Kind.EXIT_CONFIRMED)
        found += [fact for fact in gone if confirmed(fact.at, told, practice)]
    return found


def confirmed(left_at: datetime, facts: Iterable[Fact], practice: Practice) -> bool:
    """Whether an exit ended work, and nobody came back within the grace period."""
    told = list(facts)
    away = [at - left_at for at, kind in _seen(told) if kind in ARRIVALS and at > left_at]
    if any(each <= timedelta(minutes=practice.exit_grace) for each in away):
        return False
    begun = (fact.at for fact in told if fact.kind is Kind.CHECKED_IN)
    return practice.arrival_by == "geofence" or any(at <= left_at for at in begun)


def crossings(ordered: Iterable[Fact], practice: Practice = USUAL) -> list[Crossing]:
    """Comings and goings by time; a departure also tells of the arrival that it ends."""
    told = list(ordered)
    exits = (fact for fact in outs(told, practice) if fact.kind is Kind.EXIT_CONFIRMED)
    gone = {(fact.at, Kind.LEFT) for fact in exits}
    found = sorted(_seen(told) | gone, key=lambda each: (each[0], _rank(each[1])))
    return found if practice.arrival_by == "geofence" else list(_checked_in(found, practice))


def _seen(facts: Iterable[Fact]) -> set[Crossing]:
    told = list(facts)
    return {(fact.at, fact.kind) for fact in told if fact.kind in ARRIVALS | DEPARTURES} | {
        (fact.arrived_at, Kind.ARRIVED)
        for fact in told
        if fact.kind is Kind.LEFT and fact.arrived_at and fact.arrived_at <= fact.at
    }


def _checked_in(found: Iterable[Crossing], practice: Practice) -> Iterator[Crossing]:
    """Those that count where checking in begins the work, not a geofence.

    That only tells of coming back, if it was not for longer than a lunch.
    """
    join = timedelta(minutes=practice.join)
    inside, left_at = False, None
    for at, kind in found:
        back = left_at is not None and (kind is Kind.LEFT or at - left_at <= join)
        counts = inside or back or kind in {Kind.CHECKED_IN, Kind.CHECKED_OUT}
        if counts:
            yield at, kind
        inside = counts and kind in ARRIVALS
        left_at = at if counts and kind is Kind.LEFT else None


def in_order(facts: Iterable[Fact]) -> list[Fact]:
    """By the time at which they happened; in one instant coming is before going."""
    return sorted(facts, key=when)


def when(fact: Fact) -> tuple[datetime, int, str]:
    """What facts are ordered by."""
    return fact.at, _rank(fact.kind), fact.key


def _rank(kind: Kind) -> int:
    return RANKS.index(kind)
