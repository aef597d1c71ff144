"""/geofences: circles and polygons of the first generation of the API."""

from math import isfinite
from typing import Any

from local.hypertrack.answers import Answer, Ask, NoSuchPage, Refusal, page, problem
from local.hypertrack.state import NO_DEVICE, Account, Geofence, Json, Marker, stamp
from local.hypertrack.tracker import describe as describe_marker
from local.hypertrack.world import World

PAGE = 100


class Geofences:
    """The operations on geofences; a shape cannot be changed, only made and deleted."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.routes = (
            ("POST", "/geofences", self.create),
            ("GET", "/geofences", self.list),
            ("GET", "/geofences/<geofence_id>", self.read),
            ("PATCH", "/geofences/<geofence_id>", self.change),
            ("DELETE", "/geofences/<geofence_id>", self.delete),
        )

    def create(self, ask: Ask) -> Answer:
        """One geofence per device and shape, all or none; without devices for all of them."""
        wanted = _checked(ask.body)
        devices = wanted.get("device_ids") or [NO_DEVICE]
        for each in devices:
            _check_device(ask.account, each)
        made = [self._make(ask.account, d, g) for d in devices for g in wanted["geofences"]]
        for geofence in made:
            ask.account.geofences[geofence.geofence_id] = geofence
        for device_id in devices if devices != [NO_DEVICE] else list(ask.account.devices):
            self._world.handsets[device_id].geofence_made()
        return 201, [describe(each) for each in made]

    def list(self, ask: Ask) -> Answer:
        """The form of the app's backend: the public one is not documented."""
        query = ask.query
        found = [each for each in ask.account.geofences.values() if _listed(each, query)]
        try:
            some = page(found, query.get("limit", PAGE), query.get("pagination_token"))
        except NoSuchPage as wrong:
            raise _bad(f"invalid {wrong}") from None
        markers = query.get("include_markers") == "true"
        data = [describe(each, with_markers=markers) for each in some.items]
        links = {"next": f"/geofences?pagination_token={some.token}"} if some.token else {}
        return 200, {"data": data, "pagination_token": some.token, "links": links}

    def read(self, ask: Ask, geofence_id: str) -> Answer:
        """With its markers, as the apps find it."""
        return 200, describe(_find(ask.account, geofence_id), with_markers=True)

    def change(self, ask: Ask, geofence_id: str) -> Answer:
        """Replaces the metadata, the only thing that can be changed."""
        geofence = _find(ask.account, geofence_id)
        if not isinstance(ask.body, dict) or ask.body.keys() != {"metadata"}:
            raise _bad("metadata is required and nothing else can be changed")
        if not isinstance(ask.body["metadata"], dict):
            raise _bad("metadata must be an object")
        geofence.metadata = ask.body["metadata"]
        return 200, describe(geofence)

    def delete(self, ask: Ask, geofence_id: str) -> Answer:
        """Archives it. A visit going on is not ended: no exit will come."""
        _find(ask.account, geofence_id).archived = True
        return 204, None

    def _make(self, account: Account, device_id: str, wanted: Json) -> Geofence:
        return Geofence(
            account_id=account.account_id,
            device_id=device_id,
            geometry=wanted["geometry"],
            radius=wanted.get("radius"),
            metadata=wanted.get("metadata") or {},
            created_at=self._world.clock(),
        )


def describe(geofence: Geofence, *, with_markers: bool = False) -> Json:
    body = {
        "geofence_id": geofence.geofence_id,
        "account_id": geofence.account_id,
        "device_id": geofence.device_id,
        "geofence_type": "device",
        "single_use": False,
        "archived": geofence.archived,
        "created_at": stamp(geofence.created_at, 6),
        "geometry": geofence.geometry,
        "radius": geofence.radius,
        "metadata": geofence.metadata,
    }
    if with_markers:
        data = [_marker(geofence, each) for each in geofence.markers]
        body["markers"] = {"data": data, "pagination_token": None}
    return body


def _marker(geofence: Geofence, marker: Marker) -> Json:
    """As the app's own test data have it: nulls where there was no exit and no trip."""
    more: Json = {"device_id": marker.device_id, "trip_id": None, "metadata": {}}
    lasting: Json = {"exit": None, "duration": None}
    created = {"created_at": stamp(marker.arrival.at, 6)}
    return lasting | describe_marker(geofence, marker) | more | created


def _listed(geofence: Geofence, query: Json) -> bool:
    wanted = query.get("device_id")
    archived = query.get("include_archived") == "true"
    return (archived or not geofence.archived) and wanted in (None, geofence.device_id)


def _find(account: Account, geofence_id: str) -> Geofence:
    geofence = account.geofences.get(geofence_id)
    if geofence is None or geofence.archived:
        raise problem(404, "geofence_not_found", "Not found", f"Geofence {geofence_id}")
    return geofence


def _bad(detail: str) -> Refusal:
    return problem(400, "validation_error", "Bad request", detail)


def _checked(body: Any) -> Json:
    if not isinstance(body, dict) or not isinstance(body.get("device_ids", []), list):
        raise _bad("an object with device_ids (array) and geofences (array) is required")
    if body.keys() - {"device_ids", "geofences"}:
        raise _bad(f"unknown: {', '.join(sorted(body.keys() - {'device_ids', 'geofences'}))}")
    shapes = body.get("geofences")
    if not isinstance(shapes, list) or not shapes:
        raise _bad("geofences must be an array of at least one")
    for shape in shapes:
        _check_shape(shape)
    return body


def _check_device(account: Account, device_id: object) -> None:
    device = account.devices.get(device_id) if isinstance(device_id, str) else None
    if device_id != NO_DEVICE and (device is None or device.deleted):
        raise problem(404, "device_not_found", "Not found", f"Device {device_id} not found")


def _check_shape(shape: Any) -> None:
    if not isinstance(shape, dict) or not isinstance(shape.get("geometry"), dict):
        raise _bad("geometry must be an object")
    if not isinstance(shape.get("metadata") or {}, dict):
        raise _bad("metadata must be an object")
    kind, coordinates = shape["geometry"].get("type"), shape["geometry"].get("coordinates")
    if kind == "Point" and _is_position(coordinates):
        if not _is_number(shape.get("radius")) or shape["radius"] <= 0:
            raise _bad("radius must be a positive number for a Point")
    elif kind != "Polygon" or not _are_rings(coordinates):
        raise _bad("geometry must be a Point [lon, lat] or a Polygon [[[lon, lat], ...]]")


def _are_rings(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_ring(each) for each in value)


def _is_ring(value: Any) -> bool:
    """At least a triangle, closed by its first position, as GeoJSON has it."""
    if not isinstance(value, list) or len(value) < 4:
        return False
    return all(_is_position(each) for each in value) and value[0] == value[-1]


def _is_position(value: Any) -> bool:
    if not isinstance(value, list) or len(value) not in (2, 3):
        return False
    numbers = all(_is_number(each) for each in value)
    return numbers and abs(value[0]) <= 180 and abs(value[1]) <= 90


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
