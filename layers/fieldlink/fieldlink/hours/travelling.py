"""Rule: whose a trip is, when appointments lie at one place; and where it lies in the day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.hours.stretches import Span, seconds, without

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from fieldlink.records import Part, Trip


class Share(NamedTuple):
    """What an appointment has of the way to it."""

    minutes: float  # to the hundredth that the field holds, without idle time; 0: no share
    metres: float | None
    spans: tuple[Span, ...]  # when that was


def shares(parts: Mapping[str, Part], begin: datetime | None) -> dict[str, Share]:
    """By appointment; of those of a day that tell of a trip, in whatever order they came.

    Trips that overlap in time are one trip: the appointment reached first has it, the others
    what is left of theirs. Idle time is taken to lie at the beginning. Before `begin`, the
    clock-in, there is no travel. Only time is cut: metres are HyperTrack's own and go, whole,
    to whoever has the trip.
    """
    reached = sorted(
        (part.trip.arrived_at, name, part.trip) for name, part in parts.items() if part.trip
    )
    found: dict[str, Share] = {}
    taken: list[Span] = []
    for _, name, trip in reached:
        found[name] = _share(trip, taken, begin)
        taken.append(_span(trip, trip.seconds))
    return found


def _share(trip: Trip, taken: list[Span], begin: datetime | None) -> Share:
    start, end = _span(trip, trip.seconds - max(trip.idle_seconds, 0))
    left = without((max(start, begin) if begin else start, end), taken)
    minutes = round(seconds(left) / 60, 2)
    whole = _span(trip, trip.seconds)
    its_own = without(whole, taken) == [whole]
    return Share(minutes, trip.metres if minutes and its_own else None, tuple(left))


def _span(trip: Trip, length: float) -> Span:
    """The last so many seconds before the arrival."""
    return trip.arrived_at - timedelta(seconds=max(length, 0)), trip.arrived_at
