"""What Salesforce must hold about an appointment, told from the facts alone.

Written from the description of the system and not from its rules, with which it shares no code.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.models import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fieldlink.models import Fact

FURTHER_AND_FURTHER = (
    ("Scheduled", ()),
    ("Dispatched", (Kind.ON_THE_WAY,)),
    ("In Progress", (Kind.ARRIVED, Kind.CHECKED_IN, Kind.LEFT)),
    ("Cannot Complete", (Kind.CANCELLED,)),
    ("Completed", (Kind.CHECKED_OUT,)),
)
WORDS = {
    Kind.ARRIVED: "Arrived",
    Kind.LEFT: "Left",
    Kind.CHECKED_OUT: "Checked out",
    Kind.LINK_OFFERED: "Live tracking",
}

type Stay = tuple[datetime | None, datetime | None]


class Truth(NamedTuple):
    """An appointment as it must end, whatever happened on the way."""

    status: str
    start: datetime | None
    end: datetime | None
    minutes: float | None  # from start to end
    # Each Event's time and subject. What one does in one instant is one thing, however often it
    # is told. Estimates are left out: which of them are told depends on which came first.
    told: list[tuple[datetime, str]]
    booked: dict[str, tuple[datetime, datetime]]  # the time sheet entry of a resource
    travel: dict[str, float]  # minutes


def truth(facts: Iterable[Fact], names: Mapping[str, str]) -> Truth:
    known = list(facts)
    by_resource = {name: [each for each in known if each.resource == name] for name in names}
    visits = {name: visit(of_one) for name, of_one in by_resource.items()}
    present = [each for each in visits.values() if each != (None, None)]
    starts = [start for start, _ in present if start]
    ends = [end for _, end in present if end]
    start = min(starts) if starts else None
    over = len(ends) == len(present) or _any(known, Kind.CHECKED_OUT)
    end = max(ends) if ends and over else None
    return Truth(
        status=[name for name, kinds in FURTHER_AND_FURTHER if _any(known, *kinds)][-1],
        start=start,
        end=end,
        minutes=(end - start).total_seconds() / 60 if start and end else None,
        told=sorted(
            (_whole(when), f"{WORDS[kind]}: {names[who]}")
            for when, kind, who in {(each.at, each.kind, each.resource) for each in known}
            if kind in WORDS
        ),
        booked={
            name: (start, max(end, start + timedelta(minutes=1)))
            for name, of_one in by_resource.items()
            for start, end in [paid(of_one)]
            if _any(of_one, Kind.CHECKED_OUT) and start and end
        },
        travel={
            name: minutes
            for name, of_one in by_resource.items()
            if (minutes := travelled(of_one)) is not None
        },
    )


def paid(facts: list[Fact]) -> Stay:
    """From the first arrival after the last break of more than an hour to the end."""
    begin: datetime | None = None
    before: datetime | None = None
    for start, end in work(facts):
        away = start - before if start and before else None
        if begin is None or (away and away > timedelta(hours=1)):
            begin = start
        before = end
    return (_whole(begin) if begin else None, _whole(before) if before else None)


def work(facts: list[Fact]) -> list[Stay]:
    """The stays that are work: what begins after the last check-out is not."""
    outs = [each.at for each in facts if each.kind is Kind.CHECKED_OUT]
    return [
        (start, end)
        for start, end in stays(facts)
        if not outs or start is None or start <= max(outs)
    ]


def visit(facts: list[Fact]) -> Stay:
    """First arrival and last departure of one resource, in whole minutes."""
    counted = work(facts)
    starts = [start for start, _ in counted if start]
    last = counted[-1][1] if counted else None
    return (_whole(starts[0]) if starts else None, _whole(last) if last else None)


def stays(facts: list[Fact]) -> list[Stay]:
    """The times on site. Who comes and goes in one instant has come before going."""
    comings = {each.at for each in facts if each.kind in {Kind.ARRIVED, Kind.CHECKED_IN}} | {
        each.arrived_at
        for each in facts
        if each.kind is Kind.LEFT and each.arrived_at and each.arrived_at <= each.at
    }
    goings = sorted(
        (each.at, each.kind is Kind.LEFT)
        for each in facts
        if each.kind in {Kind.LEFT, Kind.CHECKED_OUT}
    )
    found: list[Stay] = []
    arrivals = sorted(comings)
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


def travelled(facts: list[Fact]) -> float | None:
    """Minutes on the way, as the earliest arrival or departure that knows of a way tells."""
    told = sorted(
        (each.at, each.kind is Kind.LEFT, each.key, each.travel.seconds)
        for each in facts
        if each.kind in {Kind.ARRIVED, Kind.LEFT}
        and each.travel is not None
        and each.travel.seconds is not None
    )
    return round(told[0][3] / 60, 2) if told else None


def _gone(departures: list[tuple[datetime, bool]]) -> datetime:
    """Checking out ends a stay at once; leaving is over with the last one heard of."""
    first, by_leaving = departures[0]
    return max(at for at, left in departures if left) if by_leaving else first


def _any(facts: list[Fact], *kinds: Kind) -> bool:
    return not kinds or any(each.kind in kinds for each in facts)


def _whole(moment: datetime) -> datetime:
    return datetime.fromtimestamp(moment.timestamp() // 60 * 60, UTC)
