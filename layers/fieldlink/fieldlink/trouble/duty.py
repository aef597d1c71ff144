"""Rule: what a resource was at work on at a moment, and whether it was at work at all."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.models import Kind
from fieldlink.records import (
    Appointment,
    Day,
    OnShift,
    Ordered,
    Resource,
    Tracking,
    Visit,
)
from fieldlink.tracking.ordered_days import LONGEST_SHIFT
from fieldlink.writing import visits
from fieldlink.writing.visits import ARRIVALS, DEPARTURES
from fieldlink.zones import zone

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from fieldlink.records import LiveOrder
    from fieldlink.writing.desk import Desk
    from fieldlink.writing.visits import Stay

ON_THE_WAY = timedelta(
    minutes=60
)  # before its scheduled start work is on: somebody drives to it
OVER = {Kind.CHECKED_OUT, Kind.CANCELLED}
CLOCKS = {Kind.CLOCKED_IN, Kind.CLOCKED_OUT}
# The app stops tracking while it clocks out, and either may be told first.
AT_ONCE = timedelta(minutes=2)
# Tracking that stopped before an order, or as it began, has not stopped during its work:
# the order before it was given to somebody else.
SWITCHING = timedelta(minutes=1)


def work_on(resource: str, at: datetime, desk: Desk, *, left: bool) -> list[str]:
    """The appointments of a resource that were on at a moment and still are tracked.

    `left`: also those that it had left, to which it may come back, and those whose order
    was not tracked yet.
    """
    name = desk.connection.connection
    tracked = {each.appointment for each in _tracked(resource, None if left else at, desk)}
    keys = [(name, each) for each in tracked]
    if not keys:
        return []
    seen = {each.appointment: each for each in desk.state.read_many(Visit, keys)}
    return sorted(
        each.id
        for each in desk.state.read_many(Appointment, keys)
        if _on(each, _stays(seen.get(each.id), resource, at), at, desk, left=left)
    )


def off_duty(resource: str, at: datetime, desk: Desk) -> str:
    """Why nobody expects to see a resource at a moment, or ""."""
    if desk.connection.by_shifts:
        shift = desk.state.read(OnShift, desk.connection.connection, resource)
        if shift and not shift.tracking:
            return "tracking is switched off: the resource is off shift"
    return (
        "tracking ended: the resource is clocked out"
        if last_button(resource, at, desk) is Kind.CLOCKED_OUT
        else ""
    )


def last_button(resource: str, at: datetime, desk: Desk) -> Kind | None:
    """Clocked in or out, by what was pressed last, today or yesterday: some work at night.

    Who clocked in longer ago than anybody works has forgotten to clock out.
    """
    name = desk.connection.connection
    known = desk.state.read(Resource, name, resource)
    local = at.astimezone(zone(known.time_zone if known else "UTC")).date()
    days = (local, local - timedelta(days=1))
    found = desk.state.read_many(Day, [(name, resource, each.isoformat()) for each in days])
    return _last_button(found, at)


def _tracked(resource: str, at: datetime | None, desk: Desk) -> list[Tracking]:
    """What HyperTrack has a geofence or an order for, and had at a moment if one is named."""
    known = desk.state.all_of(Tracking, desk.connection.connection, resource)
    keys = [(each.connection, each.appointment, each.assignment) for each in known]
    in_orders = desk.connection.tracking == "orders" or any(each.ordered for each in known)
    found = desk.state.read_many(Ordered, keys) if in_orders and keys else []
    live = {
        each.assignment for each in found if any(_is_tracked(one, at) for one in each.orders)
    }
    return [each for each in known if each.live or each.assignment in live]


def _is_tracked(order: LiveOrder, at: datetime | None) -> bool:
    if at and order.since and at < order.since + SWITCHING:
        return False
    return order.tracked and not (order.paused or order.later or order.over or order.leaving)


def _stays(visit: Visit | None, resource: str, at: datetime) -> list[Stay] | None:
    """The resource's stays up to a moment; None if the work was over by then."""
    facts = [each.fact for each in visit.facts.values() if each.fact.at <= at] if visit else []
    if any(each.kind in OVER for each in facts):
        return None
    kinds = ARRIVALS | DEPARTURES
    crossings = (each for each in facts if each.resource == resource and each.kind in kinds)
    return visits.stays(visits.in_order(crossings))


def _on(
    appointment: Appointment, stays: list[Stay] | None, at: datetime, desk: Desk, *, left: bool
) -> bool:
    """Whether it lasts: by what has been told of it, else by its schedule."""
    if stays is None or appointment.gone or appointment.category.closed:
        return False
    if stays and stays[-1].end is None:
        return True
    start = appointment.starts_at
    if start is None or (stays and not left):
        return False
    return start - _before(desk) <= at <= max(start, appointment.ends_at or start)


def _before(desk: Desk) -> timedelta:
    """An order is tracked only from its lead time; before that nobody is missed."""
    lead = timedelta(minutes=desk.connection.lead)
    return min(lead, ON_THE_WAY) if desk.connection.tracking == "orders" else ON_THE_WAY


def _last_button(days: Iterable[Day], at: datetime) -> Kind | None:
    pressed = [
        each.fact
        for day in days
        for each in day.facts.values()
        if each.fact.kind in CLOCKS and each.fact.at <= at + AT_ONCE
    ]
    last = visits.in_order(pressed)[-1] if pressed else None
    forgotten = last and last.kind is Kind.CLOCKED_IN and at - last.at > LONGEST_SHIFT
    return last.kind if last and not forgotten else None
