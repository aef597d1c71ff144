"""What HyperTrack tells of an order, each event held to the published contract."""

from datetime import datetime

from local.hypertrack.events import Event
from local.hypertrack.openapi import schema_problems
from local.hypertrack.order_state import Order
from local.hypertrack.state import Account, Fix, Json
from local.hypertrack.world import World

# Named by a third party alone: the contract has no schema for these.
UNDECLARED = frozenset(
    {
        *("planning_started", "planning_completed", "planning_failed"),
        *("timesheet_updated", "location_timesheet_finalized"),
    }
)


def tell(
    world: World,
    order: Order,
    value: str,
    at: datetime,
    *,
    fix: Fix | None = None,
    heard_at: datetime | None = None,
    **data: object,
) -> Event | None:
    """Emit one event; nothing for an order without a device, which the contract requires."""
    account = world.accounts[order.account_id]
    device = account.devices.get(order.device_id or "")
    if device is None:
        return None
    common: Json = {
        "order_handle": order.handle,
        "route_handle": order.route_handle,
        "value": value,
        "status": order.status,
        "share_url": order.share_url,
        "metadata": order.metadata,
    }
    event = world.emit(
        account,
        "order",
        {key: each for key, each in (common | data).items() if each is not None},
        device=device,
        at=at,
        location=fix.point if fix else None,
        heard_at=heard_at,
        more={"worker_handle": order.worker_handle},
    )
    order.told.append(event)
    _judge(world, event)
    return event


def tell_route(
    world: World, account: Account, order: Order, value: str, at: datetime, status: str
) -> None:
    """With the switch set, the same as seen from the route."""
    device = account.devices.get(order.device_id or "")
    if world.switches.route_events and device is not None:
        told = {"value": value, "route_handle": order.route_handle, "status": status}
        more = {"worker_handle": order.worker_handle}
        world.emit(account, "route", told, device=device, at=at, more=more)


def _judge(world: World, event: Event) -> None:
    """An event of ours that breaks the contract is a mistake of the simulator."""
    value = event.body["data"]["value"]
    if value not in UNDECLARED:
        problems = schema_problems("OrderWebhookEvent", event.body)
        world.breaches += [f"order {value}: {each}" for each in problems]
