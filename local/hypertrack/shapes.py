"""The shapes in which the sources show webhooks: one is as good as another to HyperTrack.

The record keeps the documented form; a shape changes only what goes over the wire.
"""

from dataclasses import dataclass
from typing import Any, Literal

from local.hypertrack.state import Json


@dataclass(frozen=True)
class Shape:
    """One way of telling; the default is the way of the current documentation."""

    body: Literal["array", "object"] = "array"
    """Older examples show a bare object instead of an array of one."""
    version: Literal["2.0.0", "3.0.0"] | None = None
    """The same version for every type, or each type's own."""
    worker_as: Literal["worker_handle", "driver_handle", "both"] = "worker_handle"
    account: bool = True
    """Most examples of the second version lack `account_id`."""
    value_at: Literal["data", "top"] = "data"
    geotag_at: Literal["envelope", "data"] = "envelope"
    """Where a geotag has its location; in `data` its distance is flat and the worker there."""
    geofence_by: Literal["geofence_id", "place_handle"] = "geofence_id"
    """The current skills file names the place, and neither geofence nor geometry."""


SHAPES: dict[str, Shape] = {
    "array": Shape(),
    "object": Shape(body="object"),
    "v2": Shape(version="2.0.0", account=False),
    "v3": Shape(version="3.0.0", geotag_at="data", geofence_by="place_handle"),
    "driver_handle": Shape(worker_as="driver_handle"),
    "both handles": Shape(worker_as="both"),
    "no account": Shape(account=False),
    "value outside": Shape(value_at="top"),
    "geotag location in data": Shape(geotag_at="data"),
    "place_handle": Shape(geofence_by="place_handle"),
}


def wire(bodies: list[Json], shape: Shape) -> Any:
    """What is sent: an array, or the one event alone."""
    shaped = [_shaped(each, shape) for each in bodies]
    return shaped[0] if shape.body == "object" and len(shaped) == 1 else shaped


def _shaped(body: Json, shape: Shape) -> Json:
    told = {**body, "data": dict(body["data"])}
    if told["type"] in ("geotag", "custom_marker") and shape.geotag_at == "data":
        _geotag(told)
    if told["type"] == "geofence" and shape.geofence_by == "place_handle":
        _geofence(told["data"])
    if shape.version and "version" in told:
        told["version"] = shape.version
    if not shape.account:
        told.pop("account_id", None)
    if shape.value_at == "top" and "value" in told["data"]:
        told["value"] = told["data"].pop("value")
    _worker(told, shape)
    return told


def _geotag(told: Json) -> None:
    """As the skills file has it."""
    data, place = told["data"], told.pop("location", None)
    route = data.pop("route_to", None)
    own = {
        "location": place,
        "distance": route and route["distance"],
        "worker_handle": told.get("worker_handle"),
    }
    data.update({name: value for name, value in own.items() if value is not None})


def _geofence(data: Json) -> None:
    """A geofence made by hand has no place: its id is taken for the handle."""
    data["place_handle"] = data.pop("geofence_id")
    del data["geometry"]


def _worker(told: Json, shape: Shape) -> None:
    for part in (told, told["data"]):
        if shape.worker_as != "worker_handle" and "worker_handle" in part:
            part["driver_handle"] = part["worker_handle"]
        if shape.worker_as == "driver_handle":
            part.pop("worker_handle", None)
