"""Rule: which time of a day is whose: what is to be booked, framed, and no minute twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.hours import framing
from fieldlink.hours.parting import midnight
from fieldlink.hours.stretches import Span, seconds, whole, without

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from fieldlink.hours.framing import Frame
    from fieldlink.hours.travelling import Share
    from fieldlink.practice import Practice
    from fieldlink.records import Day, Part

WAY = 0  # in the place of a block's number


class Claim(NamedTuple):
    """A time that belongs on the sheet, if nothing stands against it."""

    span: Span
    appointment: str
    number: int  # of the block, in time order from 1; `WAY`: the way to the first of them


def claims(
    day: Day, shares: Mapping[str, Share], there: ZoneInfo, practice: Practice
) -> list[Claim]:
    """Everything that the parts of a day call for: whoever began earlier is first."""
    found = list(_work(day))
    if practice.time_sheets == "visits_and_travel":
        begin = midnight(day.on, there)
        for name, part in day.parts.items():
            way = _way(part, shares[name]) if name in shares and part.blocks else None
            if way and max(way[0], begin) < way[1]:
                found.append(Claim((max(way[0], begin), way[1]), name, WAY))
    return sorted(found, key=_turn)


def given(wanted: Iterable[Claim], frame: Frame, fixed: Iterable[Span]) -> dict[Claim, Span]:
    """What each gets of what it claims; those that get nothing are not in it.

    Whoever began earlier has all of its time; the next begins where that ends. Entries that are
    `fixed` are not ours to change, so the others make room for them: of what is left on both
    sides the longer piece counts.
    """
    found: dict[Claim, Span] = {}
    standing = list(fixed)
    before: list[Span] = []
    for claim in sorted(wanted, key=_turn):
        framed = framing.within(claim.span, frame)
        free = without(framed, before + standing)
        before.append(framed)
        if free:
            found[claim] = max(free, key=lambda each: (seconds([each]), -each[0].timestamp()))
    return found


def inside(claim: Claim, frame: Frame) -> bool:
    """Whether any of it lies in the frame."""
    start, end = framing.within(claim.span, frame)
    return start < end


def cut(claim: Claim, frame: Frame) -> int:
    """How many minutes of it lie outside the frame."""
    lost = seconds([claim.span]) - seconds([framing.within(claim.span, frame)])
    return round(lost / 60)


def _turn(claim: Claim) -> tuple[datetime, str, int]:
    return claim.span[0], claim.appointment, claim.number


def _work(day: Day) -> Iterator[Claim]:
    for name, part in day.parts.items():
        for number, block in enumerate(part.blocks, 1):
            yield Claim((block.start, block.end), name, number)


def _way(part: Part, share: Share) -> Span | None:
    """The last uninterrupted piece of a trip, before the work that it leads to."""
    if not share.spans:
        return None
    start, end = whole(share.spans[-1])
    begun = (each.start for each in part.blocks if each.start <= end <= each.end)
    return start, min([end, *begun])
