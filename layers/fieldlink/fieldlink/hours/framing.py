"""Rule: clock-in and clock-out frame a resource's day."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.models import Kind, minute
from fieldlink.writing import visits

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.hours.stretches import Span
    from fieldlink.records import Day


class Frame(NamedTuple):
    """When a day's work begins and ends at the latest; None: nobody has said so."""

    begin: datetime | None = None
    end: datetime | None = None


def frame(day: Day) -> Frame:
    """From the first clock-in to the last clock-out.

    Who clocks out first thing in a day has worked since the day before, and who clocks in last
    thing works on.
    """
    clock = visits.in_order(each.fact for each in day.facts.values())
    clock = [each for each in clock if each.kind in {Kind.CLOCKED_IN, Kind.CLOCKED_OUT}]
    if not clock:
        return Frame()
    first, last = clock[0], clock[-1]
    return Frame(
        begin=first.at if first.kind is Kind.CLOCKED_IN else None,
        end=last.at if last.kind is Kind.CLOCKED_OUT else None,
    )


def within(span: Span, of: Frame) -> Span:
    """What of a span lies in the frame, in whole minutes; of no length if nothing does."""
    start = max(span[0], minute(of.begin)) if of.begin else span[0]
    end = min(span[1], minute(of.end)) if of.end else span[1]
    return start, max(start, end)
