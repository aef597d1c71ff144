"""Rule: whose a fact of work is and where, if only the device and the geofence were told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.errors import Refused
from fieldlink.ids import salesforce_id
from fieldlink.models import APPOINTMENT_KEY, RESOURCE_KEY, Kind
from fieldlink.people import devices
from fieldlink.records import Device, Geofence, Order, Visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.models import Delivered, Fact
    from fieldlink.writing.desk import Desk


def remembered(desk: Desk) -> Callable[[str], Order | None]:
    """Looks orders of ours up, also those that are over."""
    return lambda handle: desk.state.read(Order, desk.connection.connection, handle)


def placed(delivered: Delivered, desk: Desk) -> Delivered:
    """The fact with whose it is and where, as far as that can be found out."""
    fact, name = delivered.fact, desk.connection.connection
    if fact.appointment and fact.resource:
        return delivered
    more = _of_geofence(fact.geofence, desk) if fact.geofence else {}
    if not fact.resource and not more.get("resource") and fact.device:
        device = desk.state.read(Device, name, fact.device)
        found = device.resource if device and device.resource else None
        more["resource"] = found or devices.owner(fact.device, desk).resource
    if fact.kind is Kind.LINK_WITHDRAWN and not fact.resource:
        more |= _of_link(fact.appointment, desk)
    return delivered.model_copy(update={"fact": fact.model_copy(update=more)})


def known(fact: Fact, desk: Desk) -> Fact:
    """Likewise, as far as that is kept here: nobody outside is asked."""
    state, name = desk.state, desk.connection.connection
    if fact.appointment and fact.resource:
        return fact
    fence = state.read(Geofence, name, fact.geofence) if fact.geofence else None
    appointment = fence.appointment if fence else fact.appointment
    resource = fence.resource if fence else fact.resource
    if not resource and fact.device:
        device = state.read(Device, name, fact.device)
        resource = device.resource if device else ""
    return fact.model_copy(update={"appointment": appointment, "resource": resource})


def travelled(delivered: Delivered, desk: Desk) -> Delivered:
    """An arrival with the way there, which HyperTrack tells of an order only if it is asked."""
    fact = delivered.fact
    if fact.kind is not Kind.ARRIVED or not fact.order or fact.travel:
        return delivered
    visit = desk.state.read(Visit, desk.connection.connection, fact.appointment)
    if visit and fact.key in visit.facts:
        return delivered
    try:
        way = desk.hypertrack.way_to(fact.order)
    except Refused:  # the arrival is worth more than the way
        return delivered
    return delivered.model_copy(update={"fact": fact.model_copy(update={"travel": way})})


def _of_link(appointment: str, desk: Desk) -> dict[str, str]:
    """Whose link was offered last: once all its orders are gone it is not told with them."""
    visit = desk.state.read(Visit, desk.connection.connection, appointment)
    told = [each.fact for each in visit.facts.values()] if visit else []
    offered = [each for each in told if each.kind is Kind.LINK_OFFERED]
    last = max(offered, key=lambda each: each.at, default=None)
    return {"resource": last.resource, "order": last.order} if last else {}


def _of_geofence(geofence: str, desk: Desk) -> dict[str, str]:
    known = desk.state.read(Geofence, desk.connection.connection, geofence)
    if known:
        return {"appointment": known.appointment, "resource": known.resource}
    metadata = desk.hypertrack.geofence_metadata(geofence)
    ids = {
        "appointment": salesforce_id(metadata.get(APPOINTMENT_KEY), "08p"),
        "resource": salesforce_id(metadata.get(RESOURCE_KEY), "0Hn"),
    }
    return {name: found for name, found in ids.items() if found}
