"""Which worker carries which device: one at a time, and everyone is told."""

from datetime import datetime

from local.hypertrack import intents
from local.hypertrack.order_acts import hand_over
from local.hypertrack.state import Account, Device, Worker, stamp
from local.hypertrack.world import World


def link(
    world: World,
    account: Account,
    worker: Worker,
    device: Device,
    at: datetime,
    *,
    transfer: bool = True,
) -> None:
    """Give the worker this device; each of the two lets go of whom it had before.

    The worker's orders that are under way move along, unless `transfer` is off.
    """
    if worker.device_id == device.device_id:
        return
    unlink(world, account, device, at)
    if worker.device_id is not None:
        unlink(world, account, account.devices[worker.device_id], at)
    worker.device_id, device.worker_handle = device.device_id, worker.worker_handle
    entry = {"device_id": device.device_id, "start_time": stamp(at), "end_time": None}
    worker.devices.append(entry)
    world.emit(account, "worker", {"value": "device_linked"}, device=device, at=at)
    if transfer:
        hand_over(world, account, worker, at)
    intents.push(world, account, device.device_id)


def unlink(world: World, account: Account, device: Device, at: datetime) -> None:
    """Take the device from whoever has it."""
    worker = account.workers.get(device.worker_handle or "")
    if worker is None:
        return
    world.emit(account, "worker", {"value": "device_unlinked"}, device=device, at=at)
    worker.device_id = device.worker_handle = None
    worker.devices[-1]["end_time"] = stamp(at)
    intents.push(world, account, device.device_id)


def worker_called(account: Account, handle: str, at: datetime) -> Worker:
    """The worker of this handle, made if need be: the SDK does so when an app sets a handle."""
    return account.workers.setdefault(handle, Worker(handle, at))
