"""Spans of time, and what is left of one where others have been."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.models import minute

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

type Span = tuple[datetime, datetime]  # begin and end; nothing if they are the same


def without(span: Span, others: Iterable[Span]) -> list[Span]:
    """The pieces of a span that no other covers, in time order."""
    pieces, (start, end) = [], span
    for first, last in sorted(others):
        if last <= start or first >= last:
            continue
        if first > start:
            pieces.append((start, min(first, end)))
        start = last
        if start >= end:
            break
    pieces.append((start, end))
    return [each for each in pieces if each[0] < each[1]]


def overlap(one: Span, other: Span) -> float:
    """Seconds that two spans have in common."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0.0, shared.total_seconds())


def seconds(spans: Iterable[Span]) -> float:
    """How long they last together."""
    return sum((end - start).total_seconds() for start, end in spans)


def whole(span: Span) -> Span:
    """The same in whole minutes."""
    return minute(span[0]), minute(span[1])
