"""Rule: what a HyperTrack event says, as a fact in our words."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime  # noqa: TC003 (pydantic reads it)
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from fieldlink.errors import Refused
from fieldlink.ids import salesforce_id
from fieldlink.models import APPOINTMENT_KEY, RESOURCE_KEY, Fact, Kind, Report, Travel, Utc
from fieldlink.webhooks import TEST_DEVICE

# What each generation of the Visits App writes when a button is pressed.
GEOTAGS = {
    "CLOCK_IN": Kind.CLOCKED_IN,
    "CLOCK_OUT": Kind.CLOCKED_OUT,
    "PICK_UP": Kind.ON_THE_WAY,
    "CHECK_IN": Kind.CHECKED_IN,
    "VISIT_ADDED": Kind.CHECKED_IN,
    "CHECK_OUT": Kind.CHECKED_OUT,
    "VISIT_MARKED_COMPLETE": Kind.CHECKED_OUT,
    "CANCEL": Kind.CANCELLED,
    "VISIT_MARKED_CANCELED": Kind.CANCELLED,
}
NOTES = ("visit_note", "delivery_note", "order_note")
PHOTOS = ("_visit_photos", "_visit_photo", "order_photos")
TRAVEL = {"metres": "distance", "seconds": "duration", "idle_seconds": "idle_time"}
# Device events that tell, or may tell, whose phone a device is.
DEVICE_NEWS = {"registration", "registration_update", "reinstall"}
# A person must look at one of these that can't be read; no other could change anything.
ACTED_ON = {"geofence", "geotag", "custom_marker", "worker"} | DEVICE_NEWS


class Event(BaseModel):
    """The envelope, in every version and shape that HyperTrack's sources show."""

    model_config = ConfigDict(hide_input_in_errors=True, coerce_numbers_to_str=True)

    type: str = ""
    data: dict[str, Any] = {}
    device: str = Field(default="", validation_alias=AliasChoices("device_id", "device"))
    worker: str | None = Field(
        default=None, validation_alias=AliasChoices("worker_handle", "driver_handle")
    )
    recorded_at: Utc | None = None
    created_at: Utc | None = None

    @property
    def value(self) -> str:
        return str(self.data.get("value") or "")


class Ignored(BaseModel):
    """An event that we understand well enough to know that it is not for us."""

    reason: str
    kind: str
    device: str = ""
    at: Utc | None = None


def read(report: Report) -> Fact | Ignored:
    """The fact that an event tells, or why it tells none. Refused if it cannot be read."""
    if not isinstance(report.event, dict):
        raise Refused("event not understood: no object")
    # Null, and a text without any, are as good as missing.
    given = {name: value for name, value in report.event.items() if value not in (None, "")}
    try:
        event = Event.model_validate(given)
    except ValidationError as error:
        return _not_understood(given, error)
    if event.device == TEST_DEVICE:
        return Fact(kind=Kind.WEBHOOK_TESTED, key="test", at=report.received_at)
    if event.type == "geofence":
        return _of_geofence(event)
    if event.type in {"geotag", "custom_marker"}:
        return _of_geotag(event)
    if event.type in DEVICE_NEWS or (event.type, event.value) == ("worker", "device_linked"):
        return _of_device(event, report)
    return _ignored(event, f"{event.type or 'event without type'} {event.value}".strip())


def _not_understood(given: dict[str, Any], error: ValidationError) -> Ignored:
    problem = error.errors(include_input=False, include_url=False)[0]
    reason = f"event not understood: {problem['loc'][0]}: {problem['msg']}"
    kind = given["type"] if isinstance(given.get("type"), str) else ""
    if kind in ACTED_ON:
        raise Refused(reason) from error
    return Ignored(reason=reason, kind=kind)


def _of_geofence(event: Event) -> Fact | Ignored:
    kind = {"entry": Kind.ARRIVED, "exit": Kind.LEFT}.get(event.value)
    metadata = _object(event.data.get("geofence_metadata"))
    appointment = salesforce_id(metadata.get(APPOINTMENT_KEY), "08p")
    resource = salesforce_id(metadata.get(RESOURCE_KEY), "0Hn")
    if kind is None or not appointment or not resource:
        reason = "that is not ours" if kind else "value unknown"
        return _ignored(event, f"geofence {reason}")
    arrived = _moment(_object(event.data.get("arrival")).get("recorded_at"))
    left = _moment(_object(event.data.get("exit")).get("recorded_at"))
    at = _known(event, arrived if kind is Kind.ARRIVED else left)
    geofence = str(event.data.get("geofence_id") or "")
    visit = event.data.get("marker_id") or f"{event.device}/{geofence}/{at.isoformat()}"
    return Fact(
        kind=kind,
        key=f"geofence/{visit}/{event.value}",
        at=at,
        device=event.device,
        appointment=appointment,
        resource=resource,
        geofence=geofence,
        arrived_at=arrived if kind is Kind.LEFT else None,
        travel=_travel(event.data.get("route_to")),
    )


def _of_geotag(event: Event) -> Fact | Ignored:
    metadata = _object(event.data.get("metadata"))
    kind = GEOTAGS.get(str(metadata.get("type")))
    if kind is None and metadata.get("completed") is True:
        kind = Kind.CHECKED_OUT  # Visits App before 0.2.3
    if kind is None:
        return _ignored(event, "geotag that no Visits App button writes")
    geofence = str(metadata.get("geofence_id") or "")
    if not geofence and kind not in {Kind.CLOCKED_IN, Kind.CLOCKED_OUT}:
        return _ignored(event, "geotag without a geofence: a visit that was never planned")
    at = _known(event)
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode()).hexdigest()[:16]
    return Fact(
        kind=kind,
        key=f"geotag/{event.device}/{at.isoformat()}/{digest}",
        at=at,
        device=event.device,
        resource=salesforce_id(event.worker or event.data.get("worker_handle"), "0Hn"),
        geofence=geofence,
        travel=_travel(event.data.get("route_to")),
        note=_first(metadata, NOTES),
        photos=_photos(metadata),
    )


def _of_device(event: Event, report: Report) -> Fact | Ignored:
    if not event.device:
        return _ignored(event, f"{event.type} without a device")
    at = event.recorded_at or event.created_at or report.received_at
    return Fact(
        kind=Kind.DEVICE_SEEN,
        key=f"{event.type}/{event.device}/{event.value}/{at.isoformat()}",
        at=at,
        device=event.device,
        resource=salesforce_id(event.worker or event.data.get("worker_handle"), "0Hn"),
    )


def _ignored(event: Event, reason: str) -> Ignored:
    return Ignored(reason=reason, kind=event.type, device=event.device, at=event.recorded_at)


def _known(event: Event, better: datetime | None = None) -> datetime:
    """The device's own time of an event, without which it can't be put in order."""
    at = better or event.recorded_at
    if at is None:
        raise Refused(f"{event.type} event without recorded_at")
    return at


def _moment(text: Any) -> datetime | None:
    try:
        return TypeAdapter(Utc | None).validate_python(text)
    except ValidationError:
        return None


def _travel(route: Any) -> Travel | None:
    """`route_to`: metres, seconds, idle seconds; null or missing for a first visit."""
    fields = _object(route)
    try:
        travel = Travel.model_validate({ours: fields.get(its) for ours, its in TRAVEL.items()})
    except ValidationError:
        return None
    return travel if travel != Travel() else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(metadata: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((str(metadata[name]) for name in names if metadata.get(name)), "")


def _photos(metadata: dict[str, Any]) -> tuple[str, ...]:
    found = next((metadata[name] for name in PHOTOS if metadata.get(name)), ())
    listed = found if isinstance(found, list | tuple) else (found,)
    return tuple(str(photo) for photo in listed)
