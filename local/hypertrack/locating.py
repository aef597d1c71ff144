"""/workers/.../locate: where is somebody right now? Asked of the phone, answered later."""

from uuid import uuid4

from local.hypertrack.answers import Answer, Ask, missing, unprocessable
from local.hypertrack.devices import location_of, status_of
from local.hypertrack.state import Account, Device, Fix, Json, stamp
from local.hypertrack.world import World


class Locating:
    """A request and its result; the result is told by a webhook as well."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.routes = (
            ("GET", "/workers/locate", self.poll),
            ("POST", "/workers/<worker_handle>/locate", self.locate),
        )

    def locate(self, ask: Ask, worker_handle: str) -> Answer:
        """Pending in the answer; a phone that is offline keeps it so until it is back."""
        worker = ask.account.workers.get(worker_handle)
        if worker is None or worker.deleted_at is not None:
            raise missing("Worker not found")
        request = self._begin(worker_handle)
        ask.account.locates[request["request_id"]] = request
        device = ask.account.devices.get(worker.device_id or "")
        answer = dict(request)
        if device is None:
            self._end(request, "error")
            return 201, answer
        request["devices"] = [{"device_id": device.device_id, "status": "pending"}]
        whose, phone = ask.account, self._world.handsets[device.device_id]
        phone.locate(lambda fix: self._complete(whose, request, device, fix))
        return 201, answer

    def poll(self, ask: Ask) -> Answer:
        """An unknown request is unprocessable: the contract declares no 404 here."""
        request = ask.account.locates.get(ask.query.get("request_id", ""))
        if request is None:
            raise unprocessable({"query": {"request_id": ["Unknown request."]}})
        return 200, request

    def _begin(self, handle: str) -> Json:
        now = stamp(self._world.clock())
        return {
            "request_id": str(uuid4()),
            "worker_handle": handle,
            "status": "pending",
            "devices": [],
            "created_at": now,
            "updated_at": now,
            "completed_at": None,
        }

    def _complete(
        self, account: Account, request: Json, device: Device, fix: Fix | None
    ) -> None:
        """The device's last known place, and the webhook with the same body."""
        if fix is not None:
            device.fix = fix
        now = self._world.clock()
        found = {"location": location_of(device), "device_status": status_of(device)}
        status = "completed" if fix is not None else "error"
        seen = {"device_id": device.device_id, "status": status, "completed_at": stamp(now)}
        request["devices"] = [seen | found]
        self._end(request, status)
        self._world.emit(account, "locate", dict(request), device=device, at=now)

    def _end(self, request: Json, status: str) -> None:
        now = stamp(self._world.clock())
        request.update(status=status, updated_at=now, completed_at=now)
