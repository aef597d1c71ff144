"""The first minutes of a phone: the app is installed, reads its link and registers."""

from datetime import datetime
from uuid import uuid4

from local.hypertrack.apps import App
from local.hypertrack.linking import link, worker_called
from local.hypertrack.phone import Phone
from local.hypertrack.state import Device, Invite, Json
from local.hypertrack.world import World


def install(world: World, invite: Invite, app: App, at: datetime) -> Phone:
    """A new device with the metadata that this generation makes of the link."""
    identity = app.reads(invite.data, invite.link)
    account = world.accounts[invite.account_id]
    device = Device(
        at, _hardware(app.platform, app.version), name=identity.name, metadata=identity.metadata
    )
    account.devices[device.device_id] = device
    invite.opened += 1
    phone = Phone(world, account, device, app, invite)
    world.emit(account, "registration", {}, device=device, at=at)
    if identity.worker_handle is not None:
        worker = worker_called(account, identity.worker_handle, at)
        link(world, account, worker, device, at)
    return phone


def _hardware(platform: str, version: str) -> Json:
    apple = platform == "iOS"
    return {
        "app_name": "visits",
        "app_version_string": version,
        "device_brand": "apple" if apple else "google",
        "device_model": "iPhone12,1" if apple else "Pixel 4",
        "network_operator": None,
        "os_hardware_identifier": str(uuid4()),
        "os_name": platform,
        "os_version": "14.0" if apple else "10",
        "sdk_version": "4.0.0",
        "timezone": "UTC",
    }
