"""Rule: whether a resource was at the place of an appointment for other work than that."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.models import Kind, minute
from fieldlink.records import Geofence
from fieldlink.writing.visits import ARRIVALS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fieldlink.models import Fact, View
    from fieldlink.records import Connection
    from fieldlink.writing.desk import Desk

TOO_LATE = "the visit began after the appointment had been closed"


def why_not(fact: Fact, known: Iterable[Fact], view: View, desk: Desk) -> str:
    """Why an arrival or a departure is of no visit of this appointment, or ""."""
    told = list(known)
    if too_early(fact, told, view, desk.connection):
        return f"more than {desk.connection.early_hours} h before the scheduled start"
    return TOO_LATE if _too_late(fact, told, view, desk) else ""


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


def _too_late(fact: Fact, known: Iterable[Fact], view: View, desk: Desk) -> bool:
    """Likewise judged; by a geofence that only stands to see them leave, see `seeing_off`."""
    came_at = {Kind.ARRIVED: fact.at, Kind.LEFT: fact.arrived_at}.get(fact.kind)
    if came_at is None or not (fact.geofence and view.category.closed):
        return False
    if fact.kind is Kind.LEFT and any(_ends(fact, each) for each in known):
        return False
    fence = desk.state.read(Geofence, desk.connection.connection, fact.geofence)
    return fence is not None and fence.closed_at is not None and came_at > fence.closed_at


def _ends(left: Fact, came: Fact) -> bool:
    """Whether a departure ends the visit of which `came` tells."""
    theirs = came.kind in ARRIVALS and came.resource == left.resource
    since = minute(left.arrived_at or came.at)
    return theirs and since <= minute(came.at) and came.at <= left.at
