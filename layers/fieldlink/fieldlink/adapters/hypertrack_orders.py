"""HyperTrack's REST API: the orders of one account, and whether a worker is tracked."""

from __future__ import annotations

from datetime import UTC
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fieldlink.adapters.hypertrack_rest import HyperTrackRest, field
from fieldlink.errors import Refused, Unclear
from fieldlink.models import TrackedOrder, Travel

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fieldlink.models import WantedOrder

GONE = frozenset({HTTPStatus.NOT_FOUND})


class OrdersApi(HyperTrackRest):
    """What can be done with orders, and with a worker's own switch."""

    def track(self, order: WantedOrder, mode: str) -> TrackedOrder:
        point = {"type": "Point", "coordinates": [order.longitude, order.latitude]}
        wanted = {
            "order_handle": order.handle,
            "destination": {"geometry": point, "radius": order.radius},
            **_plan(order),
        }
        body = {"worker_handle": order.worker, "track_mode": mode, "orders": [wanted]}
        answer = self.call("POST", "/orders/track", body)
        found = [
            _tracked(each)
            for each in field(answer, "orders") or ()
            if field(each, "order_handle") == order.handle
        ]
        if not found:
            raise Unclear("HyperTrack's answer does not name the order")
        return found[0]

    def order(self, handle: str) -> TrackedOrder | None:
        found = self.call("GET", _path(handle), accept=GONE)
        return _tracked(found) if found else None

    def change_order(self, order: WantedOrder) -> None:
        """Its destination is left out: it can be changed only before tracking starts."""
        self.call("PATCH", _path(order.handle), _plan(order))

    def reassign_order(self, handle: str, worker: str) -> None:
        body = {"worker_handle": worker}
        self._act(
            handle,
            "reassign",
            body,
            done=lambda order: order.tracked and order.worker == worker,
        )

    def reschedule_order(self, handle: str, at: datetime) -> None:
        self._act(handle, "reschedule", {"scheduled_at": _stamp(at)})

    def end_order(self, handle: str, *, completed: bool) -> None:
        """What ending it twice does is written nowhere."""
        action = "complete" if completed else "cancel"
        self._act(handle, action, {}, done=lambda order: order.over, accept=GONE)

    def pause_order(self, handle: str, *, paused: bool) -> None:
        action, status = ("disable", "disabled") if paused else ("enable", "ongoing")
        self._act(handle, action, {}, done=lambda order: order.status == status)

    def way_to(self, handle: str) -> Travel | None:
        """That of the first visit; what HyperTrack says of the order itself may be a sum."""
        answer = self.call("GET", "/visits/", query={"order_handle": handle})
        for each in field(answer, "orders") or ():
            if field(each, "order_handle") == handle:
                visits = sorted(field(each, "visits") or (), key=_arrived_at)
                ways = [field(visit, "enroute") for visit in visits[:1]]
                return next(
                    (_travel(way) for way in (*ways, each.get("enroute")) if _said(way)), None
                )
        return None

    def undelete_worker(self, handle: str) -> None:
        self.call("POST", f"{_worker(handle)}/undelete")

    def link_device(self, handle: str, device: str) -> None:
        self.call("PATCH", _worker(handle), {"device_id": device})

    def set_tracking(self, handle: str, *, tracking: bool) -> None:
        self.call("POST", f"{_worker(handle)}/work_status", {"tracking": tracking})

    def _act(
        self,
        handle: str,
        action: str,
        body: dict[str, Any],
        *,
        done: Callable[[TrackedOrder], bool] = lambda _: False,
        accept: frozenset[HTTPStatus] = frozenset(),
    ) -> None:
        """Do something to an order; what was refused because it is done already is done."""
        try:
            self.call("POST", f"{_path(handle)}/{action}", body, accept=accept)
        except Refused:
            found = self.order(handle)
            if found is None or not done(found):
                raise


def _plan(order: WantedOrder) -> dict[str, Any]:
    """What can be told of an order at any time."""
    plan: dict[str, Any] = {"metadata": order.metadata}
    if order.scheduled_at is not None:
        plan["scheduled_at"] = _stamp(order.scheduled_at)
    if order.service_seconds is not None:
        plan["expected_service_time"] = order.service_seconds
    return plan


def _tracked(found: Any) -> TrackedOrder:
    told = {name: field(found, name) or "" for name in ("status", "share_url", "embed_url")}
    return TrackedOrder(
        handle=str(field(found, "order_handle")),
        worker=str(field(found, "worker_handle") or field(found, "driver_handle") or ""),
        device=str(field(found, "device_id") or ""),
        **told,
    )


def _arrived_at(visit: Any) -> str:
    return str(field(field(visit, "arrival"), "recorded_at") or "")


def _said(way: Any) -> bool:
    """Whether it says anything: a way that was not measured has nothing, or zeros."""
    return bool(field(way, "duration") or field(way, "distance"))


def _travel(way: Any) -> Travel:
    return Travel(
        metres=field(way, "distance"),
        seconds=field(way, "duration"),
        idle_seconds=field(way, "idle_time"),
    )


def _path(handle: str) -> str:
    return f"/orders/{quote(handle, safe='')}"


def _worker(handle: str) -> str:
    return f"/workers/{quote(handle, safe='')}"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
