"""Rule: the facts that geofences tell, and the buttons of apps."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from fieldlink.hearing.envelope import (
    Event,
    Ignored,
    ignored,
    members,
    note,
    photos,
    text,
    travel,
)
from fieldlink.hearing.facts_of_orders import whose
from fieldlink.hearing.meanings import BUTTONS
from fieldlink.ids import salesforce_id
from fieldlink.models import APPOINTMENT_KEY, RESOURCE_KEY, Fact, Kind

if TYPE_CHECKING:
    from fieldlink.hearing.facts_of_orders import Remembered
    from fieldlink.models import Report

OF_A_DAY = {Kind.CLOCKED_IN, Kind.CLOCKED_OUT}
NOT_OURS = "geotag of an order that is not ours"
NOT_PLANNED = "geotag without a geofence: a visit that was never planned"
STATUSES = {
    "clockin": "order_status ClockIn",
    "clockout": "order_status ClockOut",
}  # as apps on other systems write them


def of_geofence(
    event: Event, kind: Kind, _report: Report, remembered: Remembered
) -> Fact | Ignored:
    """An arrival or a departure."""
    metadata = members(event.data.get("geofence_metadata"))
    appointment = salesforce_id(metadata.get(APPOINTMENT_KEY), "08p")
    resource = salesforce_id(metadata.get(RESOURCE_KEY), "0Hn")
    order = event.text("order_handle")
    if order and not (appointment and resource):
        appointment, resource = whose(event, order, remembered(order))
    if not (appointment and resource):
        return ignored(event, "geofence that is not ours")
    arrived = event.moment("arrival", "recorded_at")
    left = event.moment("exit", "recorded_at")
    at = event.at(arrived if kind is Kind.ARRIVED else left)
    geofence = event.text("geofence_id")
    visit = event.text("marker_id") or f"{event.device}/{geofence}/{at.isoformat()}"
    return Fact(
        kind=kind,
        key=f"geofence/{visit}/{event.value}",
        at=at,
        device=event.device,
        appointment=appointment,
        resource=resource,
        geofence=geofence,
        order=order,
        arrived_at=arrived if kind is Kind.LEFT else None,
        travel=travel(event.data.get("route_to")),
    )


def of_exit(event: Event, kind: Kind, _report: Report, _remembered: Remembered) -> Fact:
    """That nobody came back after leaving, at the moment of leaving; or that the work was
    closed in Salesforce, at the moment when we saw it. By ourselves.
    """
    at = event.at()
    appointment, resource = event.text("appointment"), event.text("resource")
    return Fact(
        kind=kind,
        key=f"{kind}/{appointment}/{resource}/{at.isoformat()}",
        at=at,
        appointment=appointment,
        resource=resource,
    )


def button(event: Event) -> str:
    """What was pressed, by its name in `meanings`; "" if that can't be told."""
    metadata = members(event.data.get("metadata"))
    pressed = text(metadata.get("type"))
    if pressed in BUTTONS:
        return pressed
    if metadata.get("completed") is True:
        return "completed: true"
    status = event.text("order_status").lower().replace("_", "").replace(" ", "")
    return STATUSES.get(status, pressed)


def of_geotag(
    event: Event, kind: Kind, _report: Report, remembered: Remembered
) -> Fact | Ignored:
    """A button of the Visits App, or of a customer's own."""
    metadata = members(event.data.get("metadata"))
    geofence = text(metadata.get("geofence_id"))
    # Handles were called ids when the Visits App wrote them.
    order = event.text("order_handle") or text(metadata.get("order_id"))
    appointment, resource = "", salesforce_id(event.worker, "0Hn")
    if order and not geofence:
        appointment, resource = whose(event, order, remembered(order))
    if not (geofence or appointment or kind in OF_A_DAY):
        return ignored(event, NOT_OURS if order else NOT_PLANNED)
    at = event.at()
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode()).hexdigest()[:16]
    return Fact(
        kind=kind,
        key=f"geotag/{event.device}/{at.isoformat()}/{digest}",
        at=at,
        device=event.device,
        appointment="" if kind in OF_A_DAY else appointment,
        resource=resource,
        geofence=geofence,
        order=order,
        travel=travel(event.data.get("route_to")),
        note=note(metadata),
        photos=photos(metadata),
    )
