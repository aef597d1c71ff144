"""Order webhooks on demand: those that no movement brings about, and any other."""

from datetime import datetime
from typing import Any

from local.hypertrack.events import Event
from local.hypertrack.order_acts import duration, moment
from local.hypertrack.order_events import tell
from local.hypertrack.order_state import Order
from local.hypertrack.order_tracking import ACCURACY
from local.hypertrack.state import Json, stamp
from local.hypertrack.world import World


def on_demand(
    world: World, order: Order, value: str, at: datetime | None = None, **data: Any
) -> Event:
    """Tell of it as if it had happened; the order itself does not change."""
    now = at or moment(world, order.device_id)
    event = tell(world, order, value, now, **{**_required(order, value, now), **data})
    if event is None:
        raise ValueError("the order has no device, which every order event names")
    return event


def _required(order: Order, value: str, at: datetime) -> Json:
    """The fields of the contract's schema for this value; none where it has none."""
    here = order.last.point if order.last else {"type": "Point", "coordinates": [0.0, 0.0]}
    left = {"remaining_duration": 0, "remaining_distance": 0}
    if order.estimate is not None:
        seconds, metres = round(order.estimate.seconds), round(order.estimate.metres)
        left = {"remaining_duration": seconds, "remaining_distance": metres}
    seen = {"location": here, "recorded_at": stamp(at), "location_accuracy": ACCURACY}
    task = {"task_id": "task-1", "label": "check", "created_at": stamp(at)}
    risk = {"intensity_label": "red", "intensity_value": 0.85}
    known: dict[str, Json] = {
        "assigned": {"assigned_at": stamp(at)},
        "first_eta": left,
        "eta": left,
        "eta_change": left | {"change_reason": "route_change"},
        "n_minutes_away": left | {"remaining_minutes": -(-left["remaining_duration"] // 60)},
        "delayed": {"arrive_at": stamp(at)},
        "arrived": {"arrival": seen},
        "exited": {"exit": {"recorded_at": stamp(at), "location": None}, "reason": "deleted"},
        "completed": {"duration": duration(order)},
        "cancelled": {"duration": duration(order)},
        "device_switched": {
            "previous_device_id": order.device_id,
            "new_device_id": order.device_id,
        },
        "on_device_geofence_checked": {"is_inside": order.stay is not None},
        "risk_updated": {"risks": {"is_offline": risk | {"previous_intensity_label": "green"}}},
        "billing_details_updated": _billing(order, at),
        "task_created": {"task": task | {"status": "pending"}},
        "task_updated": {"task": task | {"status": "ongoing"}},
        "task_completed": {"task": task | {"status": "completed"}},
    }
    return known.get(value, {})


def _billing(order: Order, at: datetime) -> Json:
    """Whole hours, rounded up, of the way there and the time inside."""
    service = order.service_time(at) or 0
    travel = max(0, duration(order) - service)
    parts = {"travel_time": travel, "service_time": service}
    none = {"over_time": 0, "arrival_delay": 0, "post_shift_tracking_time": 0}
    return {"billable_hours": -(-(travel + service) // 3600), "billing_details": parts | none}
