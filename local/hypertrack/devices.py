"""/devices: the first generation of the API, which knows installations and not people."""

from typing import Any

from local.hypertrack.answers import Answer, Ask, NoSuchPage, page, problem
from local.hypertrack.linking import unlink
from local.hypertrack.state import Account, Device, Json, stamp
from local.hypertrack.world import World


class Devices:
    """The operations on devices; ids are upper-case UUIDs and case sensitive."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.routes = (
            ("GET", "/devices", self.list),
            ("GET", "/devices/<device_id>", self.read),
            ("PATCH", "/devices/<device_id>", self.change),
            ("DELETE", "/devices/<device_id>", self.delete),
            ("POST", "/devices/<device_id>/undelete", self.undelete),
            ("POST", "/devices/<device_id>/start", self.start),
            ("POST", "/devices/<device_id>/stop", self.stop),
        )

    def list(self, ask: Ask) -> Answer:
        """A plain array of all, or pages of it with `pagination=1`."""
        every = [each for each in ask.account.devices.values() if not each.deleted]
        if ask.query.get("pagination") != "1":
            return 200, [describe(each) for each in every]
        size, token = self._world.switches.device_page, ask.query.get("pagination_token")
        try:
            some = page(every, size, token)
        except NoSuchPage as wrong:
            raise problem(400, "bad_request", "Bad request", f"invalid {wrong}") from None
        links = {"pagination_token": some.token} if some.token else {}
        return 200, {"data": [describe(each) for each in some.items], "links": links}

    def read(self, ask: Ask, device_id: str) -> Answer:
        return 200, describe(_find(ask.account, device_id))

    def change(self, ask: Ask, device_id: str) -> Answer:
        """Sets metadata or name; answers with an empty body."""
        device, wanted = _find(ask.account, device_id), _checked(ask.body)
        if "metadata" in wanted:
            merges = self._world.switches.metadata_merges
            device.metadata = (device.metadata if merges else {}) | wanted["metadata"]
        device.name = wanted.get("name", device.name)
        now = self._world.clock()
        self._world.emit(ask.account, "registration_update", {}, device=device, at=now)
        return 200, None

    def delete(self, ask: Ask, device_id: str) -> Answer:
        """A deleted device can no longer track; its data stay."""
        device, now = _find(ask.account, device_id), self._world.clock()
        self._world.handsets[device_id].command(False)
        told = {"value": "inactive", "reason": "deleted"}
        device.status = {**told, "recorded_at": stamp(now, 6)}
        self._world.emit(ask.account, "device_status", told, device=device, at=now)
        device.deleted = True  # first: it is to hear of no orders any more
        unlink(self._world, ask.account, device, now)
        return 204, None

    def undelete(self, ask: Ask, device_id: str) -> Answer:
        _find(ask.account, device_id, deleted=True).deleted = False
        return 200, None

    def start(self, ask: Ask, device_id: str) -> Answer:
        """A push to the phone: the answer comes before anything is tracked."""
        return self._command(ask.account, device_id, tracking=True)

    def stop(self, ask: Ask, device_id: str) -> Answer:
        return self._command(ask.account, device_id, tracking=False)

    def _command(self, account: Account, device_id: str, *, tracking: bool) -> Answer:
        _find(account, device_id)
        self._world.handsets[device_id].command(tracking)
        return 200, None


def describe(device: Device) -> Json:
    """A device as the reference page of the first generation has it."""
    views = f"https://embed.hypertrack.com/devices/{device.device_id}"
    return {
        "device_id": device.device_id,
        "registered_at": stamp(device.registered_at, 6),
        "name": device.name,
        "metadata": device.metadata,
        "battery": device.battery,
        "location": location_of(device),
        "device_status": status_of(device),
        "device_info": device.hardware,
        "views": {"share_url": f"{views}?share=1", "embed_url": views},
    }


def location_of(device: Device) -> Json | None:
    fix = device.fix
    if fix is None:
        return None
    measured = {"speed": fix.speed, "accuracy": 14.7, "bearing": fix.bearing}
    return {"geometry": fix.point, **measured, "recorded_at": stamp(fix.at, 6)}


def status_of(device: Device) -> Json:
    """The nested form that belongs to device objects; webhooks have a flat one."""
    data = {key: value for key, value in device.status.items() if key != "value"}
    return {"value": device.status["value"], "data": data}


def _find(account: Account, device_id: str, *, deleted: bool = False) -> Device:
    device = account.devices.get(device_id)
    if device is None or (device.deleted and not deleted):
        raise problem(404, "device_not_found", "Not found", f"Device {device_id} not found")
    return device


def _checked(body: Any) -> Json:
    if not isinstance(body, dict) or not body.keys() & {"metadata", "name"}:
        raise problem(400, "validation_error", "Bad request", "metadata or name is required")
    if not isinstance(body.get("metadata", {}), dict):
        raise problem(400, "validation_error", "Bad request", "metadata must be an object")
    if not isinstance(body.get("name", ""), str):
        raise problem(400, "validation_error", "Bad request", "name must be a string")
    return body
