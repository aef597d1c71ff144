"""Every visit that was noticed, to a geofence or to the destination of an order."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_OID, uuid5

from local.hypertrack.order_state import Order, Stay, every
from local.hypertrack.state import Account, Fix, Geofence, Json, Marker


@dataclass(frozen=True)
class Visit:
    """One stay of one device at one place."""

    visit_id: str
    geofence_id: str
    device_id: str
    worker_handle: str | None
    order_handle: str | None
    place_handle: str | None
    arrival: Fix
    left_at: datetime | None
    left_from: Fix | None
    route_to: Json | None
    geometry: Json
    radius: float | None
    metadata: Json | None
    geofence_metadata: Json | None

    @property
    def recorded_at(self) -> datetime:
        return self.arrival.at

    @property
    def stayed(self) -> int | None:
        """Seconds, once it is over."""
        if self.left_at is None:
            return None
        return round((self.left_at - self.arrival.at).total_seconds())


def visits(account: Account, *, named_as_marker: bool) -> Iterator[Visit]:
    """All of an account, those of archived geofences and of ended orders included."""
    for geofence in account.geofences.values():
        for marker in geofence.markers:
            name = marker.marker_id if named_as_marker else _named(marker.marker_id)
            yield _of_geofence(name, geofence, marker)
    for order in every(account):
        for stay in order.stays:
            yield _of_order(order, stay)


def _of_geofence(visit_id: str, geofence: Geofence, marker: Marker) -> Visit:
    return Visit(
        visit_id,
        geofence.geofence_id,
        device_id=marker.device_id,
        worker_handle=marker.worker_handle,
        order_handle=None,
        place_handle=None,
        arrival=marker.arrival,
        left_at=marker.left_at,
        left_from=marker.left_from,
        route_to=marker.route_to,
        geometry=geofence.geometry,
        radius=geofence.radius,
        metadata=None,
        geofence_metadata=geofence.metadata or None,
    )


def _of_order(order: Order, stay: Stay) -> Visit:
    """The destination is a geofence too, under an id that nobody chose."""
    return Visit(
        stay.visit_id,
        _named(f"{order.account_id} {order.handle} {order.fulfillment_attempt}"),
        device_id=stay.device_id or "",
        worker_handle=stay.worker_handle,
        order_handle=order.handle,
        place_handle=order.destination.get("place_handle"),
        arrival=stay.arrival,
        left_at=stay.left_at,
        left_from=stay.left_from,
        route_to=stay.route_to,
        geometry=order.geometry,
        radius=order.radius,
        metadata=order.metadata,
        geofence_metadata=None,
    )


def _named(text: str) -> str:
    return str(uuid5(NAMESPACE_OID, text))
