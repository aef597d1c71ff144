"""What must stand of a resource's days, told from the facts alone, minute by minute.

Written from the description of the system and not from its rules, with which it shares no code.
A minute is the number of minutes since 1970; a span of minutes is the set of them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from fieldlink.models import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fieldlink.models import Fact

type Minutes = frozenset[int]
type Stay = tuple[datetime | None, datetime]
type Standing = tuple[str, bool, int, int]  # appointment, whether travel, first minute, end

COMING = {Kind.ARRIVED, Kind.CHECKED_IN}
GOING = {Kind.LEFT, Kind.CHECKED_OUT}
DAY = 24 * 60 * 60


class Way(NamedTuple):
    """The way to an appointment, in seconds since 1970."""

    arrived: int
    seconds: int
    idle: int
    metres: float | None


class Truth(NamedTuple):
    """What must stand of one day."""

    entries: set[Standing]
    travel: dict[str, float | None]  # minutes, of each appointment that has a way
    metres: dict[str, float | None]
    cut: dict[str, int]  # minutes outside clock-in and clock-out


# ── one appointment ───────────────────────────────────────────────────────────


def work(facts: Iterable[Fact], zone: str, join: int) -> dict[date, list[Minutes]]:
    """The blocks of work that is over, by local day."""
    known = list(facts)
    out = max((each.at for each in known if each.kind is Kind.CHECKED_OUT), default=None)
    closed = max((each.at for each in known if each.kind is Kind.CLOSED), default=None)
    going_on, over = _stays(known)
    counted = [each for each in over if not out or not each[0] or each[0] <= out]
    begun = [start for start, _ in counted if start]
    begun += [going_on] if going_on and not (out and going_on > out) else []
    latest = max(begun, default=None)
    paid: list[tuple[int, int]] = []
    for start, end in counted:
        seen_off = closed and (start or end) <= closed
        next_day = latest and _day(_minute(end), zone) < _day(_minute(latest), zone)
        done = out or seen_off or next_day
        if start and done and (end - start).total_seconds() <= DAY:
            paid.append((_minute(start), max(_minute(end), _minute(start) + 1)))
    minutes = {each for start, end in paid for each in range(start, end)}
    for (_, left), (came, _) in pairwise(paid):
        if came - left <= join:
            minutes |= set(range(left, came))
    return _by_day(minutes, zone)


def ways(facts: Iterable[Fact], zone: str) -> dict[date, Way]:
    """Of each local day the way of its first arrival that tells one."""
    told: list[tuple[datetime, datetime, bool, str, Way]] = []
    for each in facts:
        way = each.travel
        if each.kind not in {Kind.ARRIVED, Kind.LEFT} or not way or way.seconds is None:
            continue
        before = each.kind is Kind.LEFT and each.arrived_at and each.arrived_at <= each.at
        came = each.arrived_at if before and each.arrived_at else each.at
        seen = Way(
            int(came.timestamp()), int(way.seconds), int(way.idle_seconds or 0), way.metres
        )
        told.append((came, each.at, each.kind is Kind.LEFT, each.key, seen))
    found: dict[date, Way] = {}
    for came, *_, way_there in sorted(told, key=lambda each: each[:4]):
        found.setdefault(_day(_minute(came), zone), way_there)
    return found


def _stays(facts: list[Fact]) -> tuple[datetime | None, list[Stay]]:
    """Since when somebody is on site, if they are, and when they were before."""
    inside: datetime | None = None
    over: list[Stay] = []
    by_leaving = False
    for at, kind in sorted(_crossings(facts), key=lambda each: (each[0], _turn(each[1]))):
        if kind in COMING:
            inside = inside or at
        elif inside or not over:
            over.append((inside, at))
            inside, by_leaving = None, kind is Kind.LEFT
        elif by_leaving and kind is Kind.LEFT:
            over[-1] = (over[-1][0], at)
    return inside, over


def _crossings(facts: list[Fact]) -> set[tuple[datetime, Kind]]:
    told = {(each.at, each.kind) for each in facts if each.kind in COMING | GOING}
    return told | {
        (each.arrived_at, Kind.ARRIVED)
        for each in facts
        if each.kind is Kind.LEFT and each.arrived_at and each.arrived_at <= each.at
    }


def _turn(kind: Kind) -> int:
    return 0 if kind in COMING else 1 if kind is Kind.CHECKED_OUT else 2


# ── one day ───────────────────────────────────────────────────────────────────


def truth(
    blocks: Mapping[str, list[Minutes]],
    there: Mapping[str, Way],
    clock: Iterable[Fact],
    *,
    on: date,
    zone: str,
    with_travel: bool,
) -> Truth:
    """Of the blocks of each appointment, the way to it, and what the resource clocked."""
    begin, end = framed(clock)
    shares = shared(there, begin)
    claims: list[tuple[int, str, int, Minutes]] = [
        (min(block), name, number, block)
        for name, its in blocks.items()
        for number, block in enumerate(its, 1)
    ]
    if with_travel:
        for name, share in shares.items():
            way = _on_sheet(share, blocks.get(name, []), on, zone)
            claims += [(min(way), name, 0, way)] if way else []
    inside = [
        (start, name, number, frozenset(m for m in its if _in_frame(m, begin, end)))
        for start, name, number, its in claims
    ]
    whose: dict[int, tuple[int, str, int]] = {}
    for start, name, number, its in sorted(inside, key=lambda each: each[:3], reverse=True):
        whose |= dict.fromkeys(its, (start, name, number))
    got: dict[tuple[int, str, int], list[int]] = {}
    for each, claim_of in whose.items():
        got.setdefault(claim_of, []).append(each)
    return Truth(
        entries={
            (name, number == 0, min(its), max(its) + 1)
            for (_, name, number), its in got.items()
        },
        travel={name: round(len(its) / 60, 2) or None for name, its in shares.items()},
        metres={
            name: way.metres if shares[name] and alone(name, there) else None
            for name, way in there.items()
        },
        cut=_cut(claims, inside),
    )


def framed(clock: Iterable[Fact]) -> tuple[int | None, int | None]:
    """First clock-in and last clock-out, in seconds; None where the other one comes."""
    told = sorted((each.at, each.kind is Kind.CLOCKED_OUT) for each in clock)
    begin = int(told[0][0].timestamp()) if told and not told[0][1] else None
    end = int(told[-1][0].timestamp()) if told and told[-1][1] else None
    return begin, end


def shared(there: Mapping[str, Way], begin: int | None) -> dict[str, set[int]]:
    """The seconds of travel that each appointment has."""
    found: dict[str, set[int]] = {}
    taken: set[int] = set()
    for name, way in sorted(there.items(), key=lambda each: (each[1].arrived, each[0])):
        moving = range(way.arrived - max(way.seconds - way.idle, 0), way.arrived)
        found[name] = {each for each in moving if begin is None or each >= begin} - taken
        taken |= seconds(way)
    return found


def alone(name: str, there: Mapping[str, Way]) -> bool:
    own = there[name]
    return not any(
        seconds(own) & seconds(way)
        for other, way in there.items()
        if (way.arrived, other) < (own.arrived, name)
    )


def seconds(way: Way) -> set[int]:
    return set(range(way.arrived - way.seconds, way.arrived))


def _on_sheet(share: set[int], blocks: list[Minutes], on: date, zone: str) -> Minutes:
    """The last piece of the way, in minutes of that day, up to the work."""
    if not share or not blocks:
        return frozenset()
    last = max(share) + 1
    first = last
    while first - 1 in share:
        first -= 1
    way = set(range(first // 60, last // 60))
    for block in blocks:
        if min(block) <= last // 60 <= max(block) + 1:
            way = {each for each in way if each < min(block)}
    return frozenset(each for each in way if _day(each, zone) >= on)


def _in_frame(minute: int, begin: int | None, end: int | None) -> bool:
    return (begin is None or minute >= begin // 60) and (end is None or minute < end // 60)


def _cut(
    claims: list[tuple[int, str, int, Minutes]], inside: list[tuple[int, str, int, Minutes]]
) -> dict[str, int]:
    found: dict[str, int] = {}
    for (_, name, _, before), (*_, after) in zip(claims, inside, strict=True):
        lost = len(before) - len(after)
        if lost:
            found[name] = found.get(name, 0) + lost
    return found


# ── minutes ───────────────────────────────────────────────────────────────────


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def local(moment: datetime, zone: str) -> date:
    return _day(_minute(moment), zone)


@cache
def _day(minute: int, zone: str) -> date:
    return datetime.fromtimestamp(minute * 60, UTC).astimezone(ZoneInfo(zone)).date()


def _by_day(minutes: set[int], zone: str) -> dict[date, list[Minutes]]:
    found: dict[date, list[Minutes]] = {}
    for run in _runs(sorted(minutes)):
        of_run: dict[date, list[int]] = {}
        for minute in run:
            of_run.setdefault(_day(minute, zone), []).append(minute)
        for day, its in of_run.items():
            found.setdefault(day, []).append(frozenset(its))
    return found


def _runs(minutes: list[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for each in minutes:
        if run and each != run[-1] + 1:
            yield run
            run = []
        run.append(each)
    if run:
        yield run
