"""Orders and routes as the published contract has them."""

from collections.abc import Sequence
from datetime import datetime

from local.hypertrack.order_acts import duration
from local.hypertrack.order_state import Order
from local.hypertrack.state import Json, stamp

PLACES = ("geofence_id", "place_handle", "place_id", "address")


def listed(order: Order) -> Json:
    """An order in a list or in a route."""
    ended = order.ended_at
    return {
        "order_handle": order.handle,
        "status": order.status,
        "destination": _destination(order),
        "fulfillment_attempt": order.fulfillment_attempt,
        "ops_group_handle": "default",
        "plan_mode": None,
        "device_id": order.device_id,
        "driver_handle": order.worker_handle,
        "worker_handle": order.worker_handle,
        **_times(order),
        "metadata": order.metadata,
        "expected_service_time": order.expected_service_time,
        "type": order.kind,
        "type_index": order.kind_index,
        "distance": round(order.travelled) if ended else None,
        "duration": duration(order) if ended else None,
        "estimate": _estimate(order),
        "share_url": order.share_url,
        "embed_url": order.embed_url,
        "route_handle": order.route_handle,
        "track_mode": order.track_mode,
        "actual_service_time": order.service_time(ended) if ended else None,
        "device_switch_mode": order.device_switch_mode,
        **order.extra,
    }


def detailed(order: Order, before: Sequence[Order]) -> Json:
    """One order; `before` are its earlier attempts."""
    return listed(order) | {
        "risks": {"delayed": order.risk} if order.eta_told else None,
        "deviation_from_destination": order.deviation() if order.ended_at else None,
        "completed_at_destination": _was_there(order, order.completed_at),
        "cancelled_at_destination": _was_there(order, order.cancelled_at),
        "visited_destination": bool(order.stays),
        "previous_fulfillments": [
            {"order_handle": each.handle, "fulfillment_attempt": each.fulfillment_attempt}
            for each in before
        ],
    }


def with_timeline(order: Order, before: Sequence[Order]) -> Json:
    """What GET says of one order; the timeline has what was told of it."""
    first, last = order.stays[:1], order.stays[-1:]
    return detailed(order, before) | {
        "timezone": "UTC",
        "device_sessions": order.sessions,
        "service_started_at": next((stamp(each.arrival.at) for each in first), None),
        "service_ended_at": next((_stamp(each.left_at) for each in last), None),
        "timeline": [
            {
                "type": f"driver_order_{each.body['data']['value']}",
                "recorded_at": each.body["recorded_at"],
                "order_handle": order.handle,
                "route_handle": order.route_handle,
                "fulfillment_attempt": order.fulfillment_attempt,
            }
            for each in order.told
        ],
    }


def route(orders: Sequence[Order], embed_url: str) -> Json:
    """The answer to POST /orders/track."""
    first = orders[0]
    return {
        "route_handle": first.route_handle,
        "status": "tracking",
        "version": 1,
        "created_at": stamp(first.created_at),
        "embed_url": embed_url,
        "orders": [listed(each) for each in orders],
        "ops_group_handle": "default",
        "track_mode": first.track_mode,
        "started_at": _stamp(first.started_at),
        "assigned_at": _stamp(first.assigned_at),
        "device_id": first.device_id,
        "driver_handle": first.worker_handle,
        "worker_handle": first.worker_handle,
        "device_switch_mode": first.device_switch_mode,
    }


def _times(order: Order) -> Json:
    first, last = order.stays[:1], order.stays[-1:]
    known = {
        "created_at": order.created_at,
        "assigned_at": order.assigned_at,
        "started_at": order.started_at,
        "scheduled_at": order.scheduled_at,
        "completed_at": order.completed_at,
        "cancelled_at": order.cancelled_at,
        "disabled_at": order.disabled_at,
        "enabled_at": order.enabled_at,
        "rescheduled_marked_at": order.rescheduled_at,
        "arrived_at": next((each.arrival.at for each in first), None),
        "exited_at": next((each.left_at for each in last if each.reason), None),
    }
    return {name: _stamp(each) for name, each in known.items()}


def _destination(order: Order) -> Json:
    given = {name: order.destination.get(name) for name in PLACES}
    return {"geometry": order.geometry, "radius": order.radius, **given}


def _estimate(order: Order) -> Json | None:
    now = order.estimate
    if now is None:
        return None
    return {
        "arrive_at": stamp(now.arrive_at),
        "distance": round(now.metres),
        "duration": round(now.seconds),
        "initial_arrive_at": _stamp(order.first_eta),
    }


def _was_there(order: Order, ended: datetime | None) -> bool | None:
    if ended is None:
        return None
    return any(each.left_at in (None, ended) for each in order.stays)


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)
