"""The first minutes of a phone: the app is installed, reads its link and registers."""

from datetime import datetime
from uuid import uuid4

from local.hypertrack.apps import App
from local.hypertrack.linking import link, worker_called
from local.hypertrack.links import Identity, android, ios_driver_id, ios_worker
from local.hypertrack.phone import Phone
from local.hypertrack.state import Account, Device, Invite, Json
from local.hypertrack.world import World


def install(world: World, invite: Invite, app: App, at: datetime) -> Phone:
    """A new device with the metadata that this generation makes of the link."""
    phone = _register(world, invite, app, app.reads(invite.data, invite.link), at)
    invite.opened += 1
    return phone


def sign_in(world: World, account: Account, who: str, app: App, at: datetime) -> Phone:
    """Without a link: an e-mail signs in; older apps have a driver id typed by hand."""
    by_hand = app.reads in (android, ios_driver_id)
    handle = who if app.reads is ios_worker else None
    metadata = {"driver_id" if by_hand else "email": who}
    identity = Identity(metadata, who.partition("@")[0], handle)
    nothing = Invite("", account.account_id, who, "VISITS", at, {})
    return _register(world, nothing, app, identity, at)


def reinstall(world: World, phone: Phone, app: App, at: datetime) -> Phone:
    """A new device for the same person; the old one is known to be uninstalled from now on."""
    phone.uninstall(at)
    invite, told_as = phone.invite, world.switches.reinstall_told_as
    identity = app.reads(invite.data, invite.link)
    return _register(world, invite, app, identity, at, told_as)


def _register(
    world: World,
    invite: Invite,
    app: App,
    identity: Identity,
    at: datetime,
    told_as: str = "registration",
) -> Phone:
    account = world.accounts[invite.account_id]
    hardware = _hardware(app.platform, app.version)
    device = Device(at, hardware, name=identity.name, metadata=identity.metadata)
    account.devices[device.device_id] = device
    phone = Phone(world, account, device, app, invite)
    world.emit(account, told_as, {}, device=device, at=at)
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
