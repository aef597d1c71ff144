"""HyperTrack's REST API: what it has recorded, whether or not its webhooks reached us.

Everything is given in the shape of the webhook that told it, or should have.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fieldlink.adapters.hypertrack_rest import MOST_PAGES, HyperTrackRest, field

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = 100
# A visit is listed by its arrival, and we want to hear of departures, too.
LONGEST_VISIT = timedelta(days=1)
# An order that is not over may have told of an arrival before it was put off or paused.
NOT_OVER = "ongoing,disabled,rescheduled,assigned,planned,unplanned"
# What a list of an order's webhooks says of their delivery.
OF_DELIVERY = {"delivery_http_status", "retry_count", "delivery_http_response_text"}
WAY = ("distance", "duration", "idle_time")

type Event = dict[str, Any]


class RecordApi(HyperTrackRest):
    """Visits, geotags and the webhooks of orders, as events."""

    def orders_of(self, worker: str, since: datetime) -> list[str]:
        """The handles of a worker's orders that are not over, or ended since then."""
        found: dict[str, None] = {}
        ended = f"{since.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        for only in (
            {"status": NOT_OVER},
            {"completed_at_from": ended},
            {"cancelled_at_from": ended},
        ):
            query = {"worker_handle": worker, "limit": PAGE, **only}
            for order in self._listed("/orders/", "orders", query):
                if field(order, "order_handle"):
                    found[str(order["order_handle"])] = None
        return list(found)

    def told_of_order(self, handle: str, since: datetime) -> list[Event]:
        """Every webhook that an order has caused since then; none if it is not known."""
        path = f"/orders/{quote(handle, safe='')}/webhooks"
        query = {"from_time": _moment(since), "limit": PAGE, "sort_direction": "asc"}
        return [
            {name: value for name, value in told.items() if name not in OF_DELIVERY}
            for told in self._listed(path, "webhooks", query)
            if isinstance(told, dict)
        ]

    def visits(self, device: str, since: datetime, until: datetime) -> list[Event]:
        """Arrivals and departures at geofences; what orders tell is `told_of_order`."""
        query = {
            "device_id": device,
            "visited_at_from": _moment(since - LONGEST_VISIT),
            "visited_at_to": _moment(until),
            "limit": PAGE,
        }
        events = [
            event
            for order in self._listed("/visits/", "orders", query)
            for visit in field(order, "visits") or ()
            if not _of_an_order(visit, order)
            for event in _of_visit(visit)
        ]
        return [each for each in events if _since(each, since)]

    def markers(self, geofence: str, since: datetime) -> list[Event]:
        """Arrivals and departures, from the geofence itself; none if it is gone."""
        found = self.call(
            "GET", f"/geofences/{quote(geofence, safe='')}", accept={HTTPStatus.NOT_FOUND}
        )
        markers = field(field(found, "markers"), "data") or ()
        events = [event for marker in markers for event in _of_marker(marker, found)]
        return [each for each in events if _since(each, since)]

    def geotags(self, device: str, since: datetime, until: datetime) -> list[Event]:
        query = {
            "device_id": device,
            "from_time": _moment(since),
            "to_time": _moment(until),
            "include_geotags_with_orders": "true",
            "include_system_generated_order_handle": "true",
            "limit": PAGE,
        }
        return [
            _of_geotag(geotag, order)
            for order in self._listed("/geotags/", "orders", query)
            for geotag in field(order, "geotags") or ()
        ]

    def _listed(self, path: str, name: str, query: dict[str, Any]) -> Iterator[Any]:
        """A list in pages; nothing if what it is of does not exist."""
        for _ in range(MOST_PAGES):
            answer = self.call("GET", path, query=query, accept={HTTPStatus.NOT_FOUND})
            yield from field(answer, name) or ()
            token = field(answer, "pagination_token")
            if not token:
                return
            query = {**query, "pagination_token": token}


def _of_visit(visit: Any) -> Iterator[Event]:
    enroute = field(visit, "enroute")
    told = {
        "marker_id": field(visit, "visit_id"),
        "geofence_id": field(visit, "geofence_id"),
        "geofence_metadata": field(visit, "geofence_metadata"),
        "place_handle": field(visit, "place_handle"),
        "route_to": {name: field(enroute, name) for name in WAY} if enroute else None,
        "arrival": field(visit, "arrival"),
    }
    return _ends(told, field(visit, "exit"), visit)


def _of_marker(marker: Any, geofence: Any) -> Iterator[Event]:
    named = ("marker_id", "route_to", "arrival", "geofence_metadata")
    told = {name: field(marker, name) for name in named}
    told["geofence_id"] = field(geofence, "geofence_id")
    told["geofence_metadata"] = told["geofence_metadata"] or field(geofence, "metadata")
    return _ends(told, field(marker, "exit"), marker)


def _ends(told: dict[str, Any], left: Any, source: Any) -> Iterator[Event]:
    """The arrival and, if there was one, the departure."""
    arrived = field(told["arrival"], "recorded_at")
    for value, at, more in (
        ("entry", arrived, {}),
        ("exit", field(left, "recorded_at"), {"exit": left}),
    ):
        if at:
            yield {
                "type": "geofence",
                "version": "2.0.0",
                "device_id": field(source, "device_id"),
                "worker_handle": field(source, "worker_handle"),
                "recorded_at": at,
                "data": {"value": value, **told, **more},
            }


def _of_geotag(geotag: Any, group: Any) -> Event:
    way = {name: field(geotag, name) for name in WAY}
    data = {"metadata": field(geotag, "metadata") or {}}
    if field(geotag, "geotag_type"):  # so it is called there
        data["order_status"] = geotag["geotag_type"]
    if way["distance"] is not None:
        data["route_to"] = way
    if _of_an_order(geotag, group):
        data["order_handle"] = geotag["order_handle"]
    return {
        "type": "geotag",
        "version": "2.0.0",
        "device_id": field(geotag, "device_id"),
        "worker_handle": field(geotag, "worker_handle"),
        "recorded_at": field(geotag, "recorded_at"),
        "data": data,
    }


def _of_an_order(found: Any, group: Any) -> bool:
    """HyperTrack gives one of its own making to what belongs to none, and says so of either."""
    made_up = any(field(each, "system_generated_order_handle") for each in (found, group))
    return bool(field(found, "order_handle")) and not made_up


def _since(event: Event, since: datetime) -> bool:
    try:
        return datetime.fromisoformat(event["recorded_at"]) >= since
    except (TypeError, ValueError):  # whoever reads the event says what is wrong with it
        return True


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
