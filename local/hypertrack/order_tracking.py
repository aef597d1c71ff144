"""Orders seen from the road: estimates, delays, arrivals and departures by real movement.

Estimates go straight to the destination of each order by itself, as if it were the next one.
"""

from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

from local.hypertrack.geometry import distance
from local.hypertrack.order_events import tell
from local.hypertrack.order_state import Estimate, Order, Stay, on_device
from local.hypertrack.state import Account, Device, Fix, Json, stamp
from local.hypertrack.world import World

SPEED = 10.0  # metres a second = 36 km/h, straight through a town: 3 km take 5 minutes
ACCURACY = 14.7  # metres
ETA_STEP = timedelta(minutes=2)  # a smaller change of the arrival is not told
ETA_PAUSE = timedelta(minutes=3)  # between two changes that are told
NEAR = timedelta(minutes=5)  # n_minutes_away
LATE = timedelta(minutes=10)  # delayed, and red
ALMOST_LATE = timedelta(minutes=5)  # yellow
WITH_ETA = ("pre_shift", "full_shift", "on_time", "flex")  # assumed: on_shift has no way there


class Sighting(NamedTuple):
    """A location, and when HyperTrack heard of it if that was later."""

    world: World
    fix: Fix
    heard_at: datetime | None

    def tell(self, order: Order, value: str, **data: object) -> None:
        fix, heard_at = self.fix, self.heard_at
        tell(self.world, order, value, fix.at, fix=fix, heard_at=heard_at, **data)


def follow(
    world: World,
    account: Account,
    device: Device,
    fix: Fix,
    heard_at: datetime | None,
    skew: timedelta,
) -> None:
    """Take in a location that was recorded during an order, even if heard of after its end.

    `skew` is how far the device's clock, which dated the location, is ahead.
    """
    seen = Sighting(world, fix, heard_at)
    for order in on_device(account, device.device_id):
        if _recorded_during(order, fix.at - skew) and order.status != "disabled":
            _count(order, fix)
            _compare(seen, order)
            if order.live and not order.arrived and order.track_mode in WITH_ETA:
                _estimate(seen, order)


def break_off(
    world: World, account: Account, device: Device, at: datetime, heard_at: datetime | None
) -> None:
    """An outage: with the switch set it ends every stay, and nobody knows where."""
    if world.switches.order_exit_on_outage:
        for order in on_device(account, device.device_id):
            if order.live:
                leave(world, order, at, None, "outage", heard_at)


def leave(
    world: World,
    order: Order,
    at: datetime,
    fix: Fix | None,
    reason: str,
    heard_at: datetime | None = None,
) -> None:
    """End the stay that is going on, if there is one, and tell why."""
    stay = order.stay
    if stay is None:
        return
    stay.left_at, stay.left_from, stay.reason = at, fix, reason
    end: Json = {"recorded_at": stamp(at), "location": None}
    if fix is not None:
        end |= {"location": fix.point, "location_accuracy": ACCURACY}
    told = {"exit": end, "reason": reason, **_there(order)}
    tell(world, order, "exited", at, fix=fix, heard_at=heard_at, **told)


def _plan(order: Order) -> Json:
    """When it was due, by the caller and by the first estimate."""
    known = {"scheduled_at": order.scheduled_at, "initial_eta": order.first_eta}
    return {name: stamp(each) for name, each in known.items() if each is not None}


def _there(order: Order) -> Json:
    """What arrivals and departures say of the order."""
    place = order.destination.get("place_handle")
    return _plan(order) | ({"place_handle": place} if place else {})


def _recorded_during(order: Order, at: datetime) -> bool:
    if order.started_at is None or at < order.started_at:
        return False
    return order.ended_at is None or at < order.ended_at


def _count(order: Order, fix: Fix) -> None:
    if order.last is not None:
        moved = distance(order.last.place, fix.place)
        order.travelled += moved
        if moved < 1:
            order.idle += (fix.at - order.last.at).total_seconds()
    order.last = fix


def _way(order: Order, fix: Fix) -> Json | None:
    """From where the order began to be tracked; none for whoever was there already."""
    if order.started_at is None or not order.travelled:
        return None
    return {
        "distance": round(order.travelled),
        "duration": round((fix.at - order.started_at).total_seconds()),
        "idle_time": round(order.idle),
    }


def _compare(seen: Sighting, order: Order) -> None:
    fix = seen.fix
    now_inside = order.contains(fix.place)
    if now_inside and order.stay is None:
        order.arrived = True
        way = None if order.stays else _way(order, fix)
        order.stays.append(Stay(fix, order.device_id, order.worker_handle, way))
        place = {"location": fix.point, "recorded_at": stamp(fix.at)}
        arrival = {**place, "location_accuracy": ACCURACY}
        seen.tell(order, "arrived", arrival=arrival, **_there(order))
    elif order.stay is not None and not now_inside:
        leave(seen.world, order, fix.at, fix, "location", seen.heard_at)


def _estimate(seen: Sighting, order: Order) -> None:
    metres = distance(seen.fix.place, order.centre)
    now = Estimate(seen.fix.at, metres, metres / SPEED + order.held_up)
    left = {"remaining_duration": round(now.seconds), "remaining_distance": round(metres)}
    order.estimate = now
    if order.eta_told is None:
        order.first_eta, order.eta_told = now.arrive_at, now
        seen.tell(order, "first_eta", **left)
    elif _is_news(seen.world, order.eta_told, now):
        why, order.change_reason = order.change_reason, "position_update"
        order.eta_told = now
        seen.tell(order, "eta_change", **left, change_reason=why)
    if not order.near and now.arrive_at - now.at <= NEAR:
        order.near = True
        seen.tell(order, "n_minutes_away", **left, remaining_minutes=ceil(now.seconds / 60))
    _watch(seen, order, now)


def _is_news(world: World, told: Estimate, now: Estimate) -> bool:
    change = abs(now.arrive_at - told.arrive_at)
    if world.switches.noisy_eta:
        return change >= timedelta(seconds=1)
    return change >= ETA_STEP and now.at - told.at >= ETA_PAUSE


def _watch(seen: Sighting, order: Order, now: Estimate) -> None:
    """Delay is measured against the plan, or without one against the first estimate."""
    planned = order.scheduled_at or order.first_eta or now.arrive_at
    late = now.arrive_at - planned
    if late > LATE and not order.delayed:
        order.delayed = True
        seen.tell(order, "delayed", arrive_at=stamp(now.arrive_at), **_plan(order))
    label = "red" if late > LATE else "yellow" if late > ALMOST_LATE else "green"
    if label != order.risk:
        against = "scheduled_at" if order.scheduled_at else "initial_eta"
        risk = {
            "intensity_label": label,
            "intensity_value": min(1.0, max(0.0, round(late / (2 * LATE), 2))),
            "previous_intensity_label": order.risk,
        }
        order.risk = label
        seen.tell(order, "risk_updated", risks={f"delayed_from_{against}": risk})
