"""What can be done to an order, by the API, by the app, or by a change of the device."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal
from uuid import uuid4

from local.hypertrack import intents
from local.hypertrack.order_events import tell, tell_route
from local.hypertrack.order_state import Order, every
from local.hypertrack.order_tracking import leave
from local.hypertrack.state import Account, Json, Worker, stamp
from local.hypertrack.world import World

Ending = Literal["completed", "cancelled"]


def moment(world: World, device_id: str | None) -> datetime:
    """Now, for a device that may have been driven ahead of the clock."""
    handset = world.handsets.get(device_id or "")
    return handset.now() if handset else world.clock()


def start(world: World, account: Account, orders: Iterable[Order], at: datetime) -> None:
    """Track these, which have a device: it gets a silent push."""
    for order in orders:
        order.status, order.assigned_at, order.started_at = "ongoing", at, at
        _hand_to(order, order.device_id, at)
        tell(world, order, "assigned", at, assigned_at=stamp(at))
        tell(world, order, "started", at)
        intents.push(world, account, order.device_id)
        world.handsets[order.device_id or ""].geofence_made()


def end(
    world: World,
    account: Account,
    order: Order,
    how: Ending,
    at: datetime,
    heard_at: datetime | None = None,
) -> None:
    """Complete or cancel it; tracking stops with the last one."""
    order.status = how
    setattr(order, f"{how}_at", at)
    known: Json = {"duration": duration(order), "distance": round(order.travelled)}
    if how == "completed":
        known["deviation"] = order.deviation()
        known["actual_service_time"] = order.service_time(at)
    tell(world, order, how, at, heard_at=heard_at, **known)
    if world.switches.order_exit_on_end:
        leave(world, order, at, None, "geofence_deleted", heard_at)
    _close(order, at)
    _end_route(world, account, order, at)
    intents.push(world, account, order.device_id)


def duration(order: Order) -> int:
    """Seconds from start to end."""
    if order.started_at is None or order.ended_at is None:
        return 0
    return max(0, round((order.ended_at - order.started_at).total_seconds()))


def switch(
    world: World,
    account: Account,
    order: Order,
    at: datetime,
    *,
    on: bool,
    heard_at: datetime | None = None,
) -> None:
    """Enable or disable it, in the app: unsnooze or snooze."""
    if on:
        order.status, order.enabled_at = "ongoing", at
    else:
        order.status, order.disabled_at = "disabled", at
    tell(world, order, "enabled" if on else "disabled", at, heard_at=heard_at)
    intents.push(world, account, order.device_id)


def note(
    world: World, order: Order, metadata: Json, at: datetime, heard_at: datetime | None = None
) -> None:
    """Set its metadata."""
    order.metadata = metadata
    tell(world, order, "updated", at, heard_at=heard_at)


def reassign(
    world: World, account: Account, order: Order, worker: Worker, at: datetime
) -> None:
    """The order moves, with handle and share link, into the new worker's route."""
    before, order.worker_handle = order.device_id, worker.worker_handle
    order.device_id = worker.device_id
    order.route_handle = _route_of(account, order) or str(uuid4())
    order.first_eta = order.estimate = order.eta_told = order.last = None
    order.delayed, order.near, order.arrived, order.risk = False, False, False, "green"
    if order.stay is not None:
        order.stay.left_at = at
    start(world, account, [order], at)
    intents.push(world, account, before)


def hand_over(world: World, account: Account, worker: Worker, at: datetime) -> None:
    """The worker has another device: what is under way moves to it."""
    for order in every(account):
        before, mine = order.device_id, order.worker_handle == worker.worker_handle
        if mine and order.live and before not in (None, worker.device_id):
            if order.device_switch_mode == "manual":
                continue
            order.device_id, order.last = worker.device_id, None
            _hand_to(order, worker.device_id, at)
            new = worker.device_id
            event = "device_switched"
            tell(world, order, event, at, previous_device_id=before, new_device_id=new)
            intents.push(world, account, before)


def _hand_to(order: Order, device_id: str | None, at: datetime) -> None:
    _close(order, at)
    session = {"device_id": device_id, "start_time": stamp(at), "end_time": None}
    order.sessions.append(session)


def _close(order: Order, at: datetime) -> None:
    for session in order.sessions[-1:]:
        session["end_time"] = session["end_time"] or stamp(at)


def _route_of(account: Account, order: Order) -> str | None:
    """The route that the worker's device is on, apart from this order."""
    for each in every(account):
        if each.live and each is not order and each.device_id == order.device_id:
            return each.route_handle
    return None


def _end_route(world: World, account: Account, order: Order, at: datetime) -> None:
    same = [each for each in every(account) if each.route_handle == order.route_handle]
    if not any(each.live for each in same):
        tell_route(world, account, order, "completed", at, "completed")
