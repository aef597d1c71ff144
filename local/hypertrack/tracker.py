"""What the cloud makes of one device's locations: geofence visits, distances, geotags."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from local.hypertrack.geometry import Place, distance, inside
from local.hypertrack.order_state import Order
from local.hypertrack.order_tracking import break_off, follow
from local.hypertrack.state import Account, Device, Fix, Geofence, Geotag, Json, Marker, stamp
from local.hypertrack.world import World


class Reading(NamedTuple):
    """The odometer and the idle seconds of a device at a moment."""

    at: datetime
    metres: float = 0.0
    idle: float = 0.0


def visit_end(place: Fix, at: datetime) -> Json:
    return {"location": place.point, "recorded_at": stamp(at)}


@dataclass
class Tracker:
    """Follows one device; hears of nothing that its phone does not send."""

    world: World
    account: Account
    device: Device
    heard_at: datetime | None = None
    skew: timedelta = timedelta()  # how far ahead the clock is that dates it all
    _now: Reading | None = None
    _leg: Reading | None = None
    _last: Fix | None = None
    _geotag: tuple[Fix, Reading] | None = None

    def __post_init__(self) -> None:
        self._inside: dict[str, Marker] = {}

    def heard(self, at: datetime) -> datetime:
        """When HyperTrack heard of what the device dates so: by true time."""
        return self.heard_at or at - self.skew

    def begin(self, at: datetime) -> None:
        """Distances to the first visit count from here: the clock in."""
        self._last = None
        now = self._now
        self._now = self._leg = Reading(at, now.metres, now.idle) if now else Reading(at)

    def end(self, at: datetime) -> None:
        """No more locations; open visits end only if the switch says so."""
        if self.world.switches.exit_on_stop:
            for geofence in list(self._fences()):
                if geofence.geofence_id in self._inside:
                    self._exit(geofence, at, None)

    def locate(self, fix: Fix) -> None:
        """Take a location in; geofences are noticed with locations only."""
        if self.device.deleted or self._now is None:
            return
        self._count(self._now, fix)
        self.device.fix = self._last = fix
        if self.account.location_updates:
            measured = {"speed": fix.speed, "accuracy": 14.7, "bearing": fix.bearing}
            self.emit("location", {"geometry": fix.point, **measured}, fix.at)
        for geofence in list(self._fences()):
            self._compare(geofence, fix)
        follow(self.world, self.account, self.device, fix, self.heard(fix.at), self.skew)

    def geotag(
        self, kind: str, metadata: Json, fix: Fix | None, at: datetime, expected: Json | None
    ) -> None:
        """Pass a geotag on with the route from the one before, which the first one lacks."""
        data: Json = {"metadata": metadata}
        if self._geotag is not None and self._now is not None:
            data["route_to"] = self._since_geotag(self._geotag, self._now, at)
        if expected is not None and fix is not None:
            lon, lat = expected["coordinates"][:2]
            data["expected_location"] = expected
            data["deviation"] = round(distance(fix.place, Place(lat, lon)))
        if fix is not None and self._now is not None:
            self._geotag = (fix, self._now)
        self._record(metadata, data, fix, at)
        self.emit(kind, data, at, fix)

    def geotag_of_order(
        self, order: Order, status: str, metadata: Json, fix: Fix | None, at: datetime
    ) -> None:
        """The geotag of today's SDK, which names an order and what it means for it."""
        data: Json = {"order_handle": order.handle, "order_status": status}
        data |= {"metadata": metadata, "worker_handle": order.worker_handle}
        if fix is not None and self._now is not None:
            start = self._geotag[1].metres if self._geotag else 0.0
            data |= {"distance": round(self._now.metres - start), "location": fix.point}
            centre = order.centre
            data["deviation"] = round(distance(fix.place, centre))
            data["expected_location"] = Fix(centre, at).point
            self._geotag = (fix, self._now)
        data = {key: each for key, each in data.items() if each is not None}
        self._record(metadata, data, fix, at)
        self.emit("geotag", data, at, more={"version": "3.0.0", "worker_handle": None})

    def emit(
        self,
        kind: str,
        data: Json,
        at: datetime,
        fix: Fix | None = None,
        more: Json | None = None,
    ) -> None:
        if self.device.deleted:
            return
        self.world.emit(
            self.account,
            kind,
            data,
            device=self.device,
            at=at,
            location=fix.point if fix else None,
            heard_at=self.heard(at),
            more=more,
        )
        if kind == "device_status" and data["value"] != "active":
            break_off(self.world, self.account, self.device, at, self.heard(at))

    def _record(self, metadata: Json, data: Json, fix: Fix | None, at: datetime) -> None:
        """HyperTrack knows it, whatever becomes of the webhook."""
        device = self.device
        if not device.deleted:
            known = Geotag(device.device_id, device.worker_handle, at, metadata, fix, data)
            self.account.geotags.append(known)

    def _fences(self) -> list[Geofence]:
        every = self.account.geofences.values()
        return [geofence for geofence in every if geofence.concerns(self.device)]

    def _count(self, before: Reading, fix: Fix) -> None:
        moved = distance(self._last.place, fix.place) if self._last else 0.0
        stood = (fix.at - before.at).total_seconds() if moved < 1 else 0.0
        self._now = Reading(fix.at, before.metres + moved, before.idle + stood)

    def _compare(self, geofence: Geofence, fix: Fix) -> None:
        now_inside = inside(fix.place, geofence.geometry, geofence.radius)
        was_inside = geofence.geofence_id in self._inside
        if now_inside and not was_inside:
            self._entry(geofence, fix)
        elif was_inside and not now_inside:
            self._exit(geofence, fix.at, fix)

    def _entry(self, geofence: Geofence, fix: Fix) -> None:
        whose = self.device.worker_handle
        marker = Marker(self.device.device_id, fix, self._route(), worker_handle=whose)
        geofence.markers.append(marker)
        self._inside[geofence.geofence_id] = marker
        self.emit("geofence", {"value": "entry", **describe(geofence, marker)}, fix.at, fix)

    def _exit(self, geofence: Geofence, at: datetime, fix: Fix | None) -> None:
        marker = self._inside.pop(geofence.geofence_id)
        marker.left_at, marker.left_from = at, fix
        self._leg = self._now
        self.emit("geofence", {"value": "exit", **describe(geofence, marker)}, at, fix)

    def _route(self) -> Json | None:
        if self._leg is None or self._now is None or self._now.at == self._leg.at:
            return None
        return {
            "distance": round(self._now.metres - self._leg.metres),
            "duration": round((self._now.at - self._leg.at).total_seconds()),
            "idle_time": round(self._now.idle - self._leg.idle),
        }

    def _since_geotag(self, before: tuple[Fix, Reading], now: Reading, at: datetime) -> Json:
        fix, reading = before
        start = {"geometry": fix.point, "recorded_at": stamp(fix.at, 6)}
        return {
            "distance": round(now.metres - reading.metres),
            "duration": round((at - fix.at).total_seconds()),
            "start_location": start,
        }


def describe(geofence: Geofence, marker: Marker) -> Json:
    """A marker as webhooks and lists have it: no exit before there was one."""
    known: Json = {"arrival": visit_end(marker.arrival, marker.arrival.at)}
    if marker.left_at is not None:
        place = marker.left_from.point if marker.left_from else None
        known["exit"] = {"location": place, "recorded_at": stamp(marker.left_at)}
        known["duration"] = round((marker.left_at - marker.arrival.at).total_seconds())
    known |= {"geofence_id": geofence.geofence_id, "geometry": geofence.geometry}
    if geofence.metadata:
        known["geofence_metadata"] = geofence.metadata
    return known | {"marker_id": marker.marker_id, "route_to": marker.route_to}
