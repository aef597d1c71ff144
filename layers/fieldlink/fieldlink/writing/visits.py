"""Rule: the facts of a visit, as one state. The order in which they came does not matter.

Everything here is a function of the *set* of facts, so any permutation or repetition of them
gives the same times, the same status and the same rows.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.models import Category, Fact, Kind, Travel, minute

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

# A lunch is within the work on a time sheet; whoever is away for longer worked elsewhere.
BREAK = timedelta(hours=1)
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
    Kind.LINK_WITHDRAWN,
    Kind.CLOCKED_OUT,
    Kind.BATTERY_LOW,
    Kind.OUTAGE_BEGAN,
)
# Nobody does one of these twice in one instant: who tells it again tells the same, be it by a
# webhook or from HyperTrack's record, which has other ids.
DONE = (
    ARRIVALS
    | DEPARTURES
    | {
        Kind.ON_THE_WAY,
        Kind.CANCELLED,
        Kind.CLOCKED_IN,
        Kind.CLOCKED_OUT,
    }
)

# How far a fact carries an appointment. Nothing carries it back.
CATEGORIES = {
    Kind.ON_THE_WAY: Category.DISPATCHED,
    Kind.ARRIVED: Category.IN_PROGRESS,
    Kind.CHECKED_IN: Category.IN_PROGRESS,
    Kind.LEFT: Category.IN_PROGRESS,  # who left had been there, though we never heard of it
    Kind.CANCELLED: Category.CANNOT_COMPLETE,
    Kind.CHECKED_OUT: Category.COMPLETED,
}


class Stay(NamedTuple):
    """One time that a resource spent at the place, while `end` is None it lasts."""

    start: datetime | None
    end: datetime | None = None
    ended_by: Kind | None = None


class Attendance(NamedTuple):
    """What one resource did at one appointment, in whole minutes."""

    start: datetime | None
    end: datetime | None  # None: has not left yet
    checked_out: bool
    block_start: datetime | None  # of the last stay, and of those that short breaks join to it
    interrupted: bool  # whether there were stays before that
    travel: Travel | None


def category(facts: Iterable[Fact]) -> Category:
    """How far these facts carry the appointment."""
    reached = (CATEGORIES.get(fact.kind, Category.NONE) for fact in facts)
    return max(reached, key=lambda each: each.rank, default=Category.NONE)


def attendance(facts: Iterable[Fact]) -> Attendance:
    """What one resource's facts say about when it came, went and how it travelled."""
    ordered = in_order(facts)
    counted = working(stays(ordered), ordered)
    starts = [minute(stay.start) for stay in counted if stay.start]
    last = counted[-1].end if counted else None
    block = _last_block(counted)
    return Attendance(
        start=min(starts, default=None),
        end=minute(last) if last else None,
        checked_out=any(fact.kind is Kind.CHECKED_OUT for fact in ordered),
        block_start=minute(block[0].start) if block and block[0].start else None,
        interrupted=len(block) < len(counted),
        travel=next((fact.travel for fact in ordered if _tells_travel(fact)), None),
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


def stays(ordered: Iterable[Fact]) -> list[Stay]:
    """The times on site: an arrival opens one, leaving or checking out ends it.

    Whichever comes first ends it. So checking out at home does not lengthen the work, and a
    fence that was removed once the appointment was completed does not change its end.
    """
    found: list[Stay] = []
    for at, kind in crossings(ordered):
        last = found[-1] if found else None
        if kind in ARRIVALS:
            if last is None or last.end:
                found.append(Stay(at))
        elif last is None:
            found.append(Stay(None, at, kind))
        elif last.end is None or (last.ended_by, kind) == (Kind.LEFT, Kind.LEFT):
            found[-1] = Stay(last.start, at, kind)
    return found


def working(found: list[Stay], ordered: Iterable[Fact]) -> list[Stay]:
    """The stays that count: coming back for a forgotten tool after checking out does not."""
    out = max((fact.at for fact in ordered if fact.kind is Kind.CHECKED_OUT), default=None)
    return [stay for stay in found if not out or not stay.start or stay.start <= out]


def crossings(ordered: Iterable[Fact]) -> list[tuple[datetime, Kind]]:
    """Comings and goings by time; a departure also tells of the arrival that it ends."""
    found = {(fact.at, fact.kind) for fact in ordered if fact.kind in ARRIVALS | DEPARTURES}
    found |= {
        (fact.arrived_at, Kind.ARRIVED)
        for fact in ordered
        if fact.kind is Kind.LEFT and fact.arrived_at and fact.arrived_at <= fact.at
    }
    return sorted(found, key=lambda each: (each[0], _rank(each[1])))


def in_order(facts: Iterable[Fact]) -> list[Fact]:
    """By the time at which they happened; in one instant coming is before going."""
    return sorted(facts, key=lambda fact: (fact.at, _rank(fact.kind), fact.key))


def _rank(kind: Kind) -> int:
    return RANKS.index(kind)


def _last_block(counted: list[Stay]) -> list[Stay]:
    """The last stay, and those before it that a break no longer than `BREAK` parts from it."""
    block = counted[-1:]
    for stay in reversed(counted[:-1]):
        start = block[0].start
        if not start or not stay.start or not stay.end or start - stay.end > BREAK:
            break
        block.insert(0, stay)
    return block


def _tells_travel(fact: Fact) -> bool:
    timed = fact.travel is not None and fact.travel.seconds is not None
    return timed and fact.kind in {Kind.ARRIVED, Kind.LEFT}
