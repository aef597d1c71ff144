"""What a request about orders says, and the documented errors if it says nothing sensible."""

from datetime import UTC, datetime
from math import isfinite
from typing import Any

from local.hypertrack.answers import Refusal, business, missing, unprocessable
from local.hypertrack.state import Account, Device, Json, Worker

MALFORMED = "Order request is malformed"


def malformed(detail: str, title: str = MALFORMED) -> Refusal:
    return business(400, "validation_error", title, detail)


def taken(what: str, handle: str) -> Refusal:
    """Creating is guarded by handles; the first answer is not repeated."""
    detail = f"{what} {handle} exists"
    if what == "order":
        detail = f"An incomplete order with handle {handle} exists, complete or cancel it first"
    return business(409, "duplicate_resource", f"Duplicate {what}", detail)


def carrier(account: Account, body: Json) -> tuple[Worker | None, Device]:
    """Who is to be tracked, and by which device."""
    handle = body.get("worker_handle") or body.get("driver_handle")
    if handle:
        return _linked(account, handle)
    device_id = body.get("device_id")
    if not device_id:
        raise malformed("worker_handle or device_id is required")
    device = account.devices.get(device_id)
    if device is None or device.deleted:
        raise business(404, "device_not_found", "Device not found", f"No device {device_id}")
    return account.workers.get(device.worker_handle or ""), device


def check_group(worker: Worker | None, handle: str | None) -> None:
    known = {None, "default", worker.ops_group_handle if worker else None}
    if handle not in known:
        title, detail = "Ops group not defined", f"No ops group {handle}"
        raise business(400, "ops_group_not_defined", title, detail)


def destination(account: Account, given: Json) -> Json:
    """A Point or a Polygon, or those of a place; there are no shared geofences here."""
    if "geometry" in given:
        _check_shape(given)
        return given
    if "place_handle" not in given:
        detail = f"No geofence {given['geofence_id']}"
        raise business(404, "geofence_not_found", "Geofence not found", detail)
    handle = given["place_handle"]
    place = account.places.get(handle)
    if place is None:
        title = "Destination place not found"
        raise business(400, "destination_place_not_found", title, f"No place {handle}")
    known = {name: place.get(name) for name in ("geometry", "radius", "address", "place_id")}
    return {**known, **given}


def time_of(body: Json, name: str) -> datetime | None:
    """A time of the request; one without a zone is taken as UTC."""
    text = body.get(name)
    return None if text is None else time(text, name)


def time(text: str, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise malformed(f"{name} is not an ISO 8601 time") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def new_worker(account: Account, body: Json, otherwise: int) -> Worker:
    """Whom an order is reassigned to. What comes for one without a device is not documented."""
    handle = body.get("worker_handle") or body.get("driver_handle")
    if not handle:
        raise unprocessable({"json": {"worker_handle": ["Missing data for required field."]}})
    worker = account.workers.get(handle)
    if worker is None or worker.deleted_at is not None:
        raise missing("Worker not found")
    if worker.device_id is not None:
        return worker
    if otherwise == 404:
        raise missing("Worker has no device")
    if otherwise == 422:
        raise unprocessable({"json": {"worker_handle": ["Worker is not linked to a device."]}})
    raise _unlinked(handle)


def _linked(account: Account, handle: str) -> tuple[Worker, Device]:
    worker = account.workers.get(handle)
    if worker is None:
        raise business(404, "driver_not_found", "Driver not found", f"No driver {handle}")
    if worker.deleted_at is not None:
        detail = f"Restore driver {handle} first"
        raise business(404, "driver_deleted", "Driver deleted", detail)
    device = account.devices.get(worker.device_id or "")
    if device is None or device.deleted:
        raise _unlinked(handle)
    return worker, device


def _unlinked(handle: str) -> Refusal:
    title, detail = "Driver not linked to device", f"Driver {handle} has no device"
    return business(400, "driver_not_linked_to_device", title, detail)


def _check_shape(destination: Json) -> None:
    shape = destination["geometry"]
    points = shape["coordinates"]
    for each in [points] if shape.get("type", "Point") == "Point" else _corners(points):
        if not _is_position(each):
            raise malformed("coordinates must be [longitude, latitude]")
    if destination.get("radius", 1) <= 0:
        raise malformed("radius must be positive")


def _corners(rings: Any) -> list[Any]:
    for ring in rings:
        if len(ring) < 4 or ring[0] != ring[-1]:
            raise malformed("a ring has at least four positions and ends where it begins")
    if not rings:
        raise malformed("a polygon has at least one ring")
    return [each for ring in rings for each in ring]


def _is_position(value: Any) -> bool:
    if len(value) not in (2, 3) or not all(isfinite(each) for each in value):
        return False
    return bool(abs(value[0]) <= 180 and abs(value[1]) <= 90)
