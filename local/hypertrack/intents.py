"""What HyperTrack wants of a device: orders and work status, beside the SDK's own intent."""

from local.hypertrack.order_state import on_device
from local.hypertrack.state import Account
from local.hypertrack.world import World


def wanted(world: World, account: Account, device_id: str) -> bool:
    """Whether an order that is under way, or its worker's status, wants the device tracked."""
    device = account.devices[device_id]
    worker = account.workers.get(device.worker_handle or "")
    if worker is not None and worker.tracking and worker.device_id == device_id:
        return True
    disabled_too = world.switches.disabled_order_tracks
    orders = [each for each in on_device(account, device_id) if each.live]
    return any(each.status == "ongoing" or disabled_too for each in orders)


def push(world: World, account: Account, device_id: str | None) -> None:
    """The silent push; a phone that is offline hears the last one later."""
    if device_id is not None and not account.devices[device_id].deleted:
        world.handsets[device_id].intend(wanted(world, account, device_id))
