"""Rule: whether a resource only drove past the place of an appointment of another day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.models import Kind, minute
from fieldlink.writing.visits import ARRIVALS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fieldlink.models import Fact, View
    from fieldlink.records import Connection


def too_early(fact: Fact, known: Iterable[Fact], view: View, connection: Connection) -> bool:
    """A departure is judged by its arrival. If that counted, so does the departure: then the
    appointment was moved to another day while they were there.
    """
    if view.starts_at is None or fact.kind not in {Kind.ARRIVED, Kind.LEFT}:
        return False
    if fact.kind is Kind.LEFT and any(_ends(fact, each) for each in known):
        return False
    came_at = fact.arrived_at or fact.at
    return view.starts_at - came_at > timedelta(hours=connection.early_hours)


def _ends(left: Fact, came: Fact) -> bool:
    """Whether a departure ends the visit of which `came` tells."""
    theirs = came.kind in ARRIVALS and came.resource == left.resource
    since = minute(left.arrived_at or came.at)
    return theirs and since <= minute(came.at) and came.at <= left.at
