"""/workers: the current API, under handles that the caller chooses."""

import json
from datetime import datetime
from secrets import token_urlsafe
from typing import Any

from local.hypertrack import intents
from local.hypertrack.answers import Answer, Ask, business, missing, page, unprocessable
from local.hypertrack.devices import location_of, status_of
from local.hypertrack.linking import link, unlink
from local.hypertrack.state import Account, Device, Invite, Json, Worker, stamp
from local.hypertrack.world import World

NOWHERE: Json = {"address": None, "geometry": {"type": "Point", "coordinates": []}}
OWN = (
    *("name", "ops_group_handle", "home", "product_types"),
    *("schedule", "profile", "unavailable_on"),
)
HOSTS = {
    "VISITS": "https://hypertrack-logistics.app.link",
    "ORDERS": "https://hypertrack-orders.app.link",
}


class Workers:
    """The operations on workers, each under the simulator's lock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.routes = (
            ("POST", "/workers/", self.create),
            ("GET", "/workers/", self.list),
            ("GET", "/workers/<worker_handle>", self.read),
            ("PATCH", "/workers/<worker_handle>", self.change),
            ("DELETE", "/workers/<worker_handle>", self.delete),
            ("POST", "/workers/<worker_handle>/undelete", self.undelete),
            ("POST", "/workers/<worker_handle>/invite", self.invite),
            ("POST", "/workers/<worker_handle>/work_status", self.set_status),
        )

    def create(self, ask: Ask) -> Answer:
        """A handle can be taken once; a repeat does not return the first worker."""
        handle = ask.body["worker_handle"]
        if handle in ask.account.workers:
            raise business(409, "duplicate_resource", "Worker with this handle already exists")
        device = self._device(ask)
        worker = Worker(handle, self._now())
        ask.account.workers[handle] = worker
        self._apply(ask, worker, device)
        return 201, describe(ask.account, worker)

    def list(self, ask: Ask) -> Answer:
        try:
            wanted = _profile(ask.query)
            every = ask.account.workers.values()
            found = [each for each in every if _matches(each, ask.query, wanted)]
            some = page(found, ask.query["limit"], ask.query.get("pagination_token"))
        except ValueError as error:
            raise unprocessable({"query": {str(error): ["Invalid value"]}}) from None
        workers = [describe(ask.account, each) for each in some.items]
        return 200, {"workers": workers, "pagination_token": some.token}

    def read(self, ask: Ask, worker_handle: str) -> Answer:
        gone = ask.query["include_deleted"]
        worker = _find(ask.account, worker_handle, deleted=gone)
        more: Json = {"devices": worker.devices, "current_date": f"{self._now():%Y-%m-%d}"}
        if ask.query["include_timeline"]:
            more["timeline"] = []
        return 200, describe(ask.account, worker) | more

    def change(self, ask: Ask, worker_handle: str) -> Answer:
        """Null releases the device, which is nowhere documented: a switch refuses it."""
        worker = _find(ask.account, worker_handle)
        if ask.body.get("device_id", "") is None:
            self._release(ask.account, worker)
        self._apply(ask, worker, self._device(ask))
        return 200, describe(ask.account, worker)

    def delete(self, ask: Ask, worker_handle: str) -> Answer:
        _find(ask.account, worker_handle).deleted_at = self._now()
        return 204, None

    def undelete(self, ask: Ask, worker_handle: str) -> Answer:
        worker = _find(ask.account, worker_handle, deleted=True)
        worker.deleted_at = None
        return 200, describe(ask.account, worker)

    def invite(self, ask: Ask, worker_handle: str) -> Answer:
        """A link, and nothing is mailed; for the Orders App unless asked otherwise."""
        worker = _find(ask.account, worker_handle)
        app = (ask.body or {}).get("app") or "ORDERS"
        invite = Invite(
            link=f"{HOSTS[app]}/{token_urlsafe(8)}",
            account_id=ask.account.account_id,
            worker_handle=worker_handle,
            app=app,
            made_at=self._now(),
            data=self._world.link_data(ask.account, worker),
        )
        self._world.invites.append(invite)
        return 200, self._invitation(invite)

    def set_status(self, ask: Ask, worker_handle: str) -> Answer:
        """An intent of its own beside those of orders and SDK; it waits for a linked device."""
        worker, wanted = _find(ask.account, worker_handle), ask.body or {}
        if wanted.get("available") is not None:
            worker.available = wanted["available"]
        if wanted.get("tracking") is not None:
            worker.tracking = wanted["tracking"]
        if worker.device_id is not None:
            device, value = ask.account.devices[worker.device_id], "work_status_updated"
            told = {"value": value}
            self._world.emit(ask.account, "worker", told, device=device, at=self._now())
            intents.push(self._world, ask.account, device.device_id)
        return 200, describe(ask.account, worker)

    def _invitation(self, invite: Invite) -> Any:
        shape = self._world.switches.invite_answer
        key = "invite_link" if shape == "array" else shape
        body = {"worker_handle": invite.worker_handle, key: invite.link}
        return [body] if shape == "array" else body

    def _device(self, ask: Ask) -> Device | None:
        wanted = ask.body.get("device_id")
        device = ask.account.devices.get(wanted or "")
        if wanted and (device is None or device.deleted):
            raise business(404, "device_not_found", "Device not found")
        return device

    def _release(self, account: Account, worker: Worker) -> None:
        if not self._world.switches.null_releases_device:
            raise unprocessable({"json": {"device_id": ["Field may not be null."]}})
        if worker.device_id is not None:
            unlink(self._world, account, account.devices[worker.device_id], self._now())

    def _apply(self, ask: Ask, worker: Worker, device: Device | None) -> None:
        for name in OWN:
            if ask.body.get(name) is not None:
                setattr(worker, name, ask.body[name])
        if device is not None:
            whole = ask.body.get("transfer_existing_work") is not False
            link(self._world, ask.account, worker, device, self._now(), transfer=whole)

    def _now(self) -> datetime:
        return self._world.clock()


def describe(account: Account, worker: Worker) -> Json:
    """A worker as the contract has it; `home` is required there, so it is never null."""
    gone = worker.deleted_at
    return {
        "worker_handle": worker.worker_handle,
        "name": worker.name,
        "ops_group_handle": worker.ops_group_handle,
        "product_types": worker.product_types or [],
        "device_id": worker.device_id,
        "profile": worker.profile or {},
        "work_status": {"tracking": worker.tracking, "available": worker.available},
        "schedule": worker.schedule,
        "deleted": gone is not None,
        "created_at": stamp(worker.created_at),
        "home": worker.home or NOWHERE,
        "deleted_at": stamp(gone) if gone else None,
        "unavailable_on": worker.unavailable_on or [],
        **_device_of(account, worker),
    }


def _device_of(account: Account, worker: Worker) -> Json:
    device = account.devices.get(worker.device_id or "")
    if device is None:
        return {"location": None, "device_status": None, "device_info": None}
    own = {"device_status": status_of(device), "device_info": device.hardware}
    return {"location": location_of(device), **own}


def _find(account: Account, handle: str, *, deleted: bool = False) -> Worker:
    worker = account.workers.get(handle)
    if worker is None or (worker.deleted_at is not None and not deleted):
        raise missing("Worker not found")
    return worker


def _profile(query: Json) -> Json:
    try:
        wanted = json.loads(query.get("profile") or "{}")
    except ValueError:
        raise ValueError("profile") from None
    if not isinstance(wanted, dict):
        raise ValueError("profile")
    return wanted


def _matches(worker: Worker, query: Json, profile: Json) -> bool:
    """The filters that an integration needs; the other documented ones let everyone pass."""
    handles, term = query.get("worker_handle"), (query.get("search_term") or "").lower()
    return (
        (query["include_deleted"] or worker.deleted_at is None)
        and (handles is None or worker.worker_handle in handles.split(","))
        and term in f"{worker.worker_handle} {worker.name or ''}".lower()
        and query.get("device_id") in (None, worker.device_id)
        and profile == {key: (worker.profile or {}).get(key) for key in profile}
    )
