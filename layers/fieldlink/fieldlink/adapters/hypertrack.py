"""HyperTrack's REST API: workers, invitations, devices and geofences of one account."""

from __future__ import annotations

import math
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fieldlink.adapters.hypertrack_orders import OrdersApi
from fieldlink.adapters.hypertrack_record import RecordApi
from fieldlink.adapters.hypertrack_rest import field
from fieldlink.errors import Refused, Unclear
from fieldlink.models import ASSIGNMENT_KEY, RESOURCE_KEY, SeenDevice

if TYPE_CHECKING:
    from fieldlink.models import Fence

DELETED = "driver_deleted"
THERE_ALREADY = {"duplicate_resource", "409", DELETED}
SAME_PLACE = 1e-6  # degrees: Salesforce rounds to six decimals, and HyperTrack may round, too


class HyperTrackAccount(OrdersApi, RecordApi):
    """All that we ask of one account."""

    def check(self) -> None:
        """Refused if the keys are not valid."""
        self.call("GET", "/workers/", query={"limit": 1})

    def ensure_worker(self, handle: str, name: str) -> None:
        """Have a worker; one that is there already is as good, one that was deleted is not."""
        try:
            self.call("POST", "/workers/", {"worker_handle": handle, "name": name})
        except Refused as refusal:
            if refusal.code not in THERE_ALREADY:
                raise
            if refusal.code == DELETED or self._worker(handle) is None:
                self.undelete_worker(handle)

    def invitation_link(self, handle: str) -> str:
        """The worker's own link to the Visits App. Nobody is mailed by this."""
        answer = self.call(
            "POST", f"/workers/{quote(handle, safe='')}/invite", {"app": "VISITS"}
        )
        # One of HyperTrack's pages shows an array and the other name.
        invitation = answer[0] if isinstance(answer, list) and answer else answer
        link = field(invitation, "link") or field(invitation, "invite_link")
        if not link:
            raise Refused("HyperTrack's invitation has no link")
        return str(link)

    def device_of(self, handle: str) -> SeenDevice | None:
        """The device that is linked to a worker, since when that is so."""
        worker = self._worker(handle)
        device = field(worker, "device_id")
        if not device:
            return None
        links = field(worker, "devices") or []
        since = [
            field(each, "start_time") for each in links if field(each, "device_id") == device
        ]
        told = {**worker, "registered_at": since[-1] if since else None}
        return _seen(told, worker=handle)

    def driver_of(self, device: str) -> SeenDevice | None:
        """A device, with whatever says whose it is; None if nothing does."""
        found = self.call(
            "GET", f"/devices/{quote(device, safe='')}", accept={HTTPStatus.NOT_FOUND}
        )
        # An id that is no UUID is nobody's, and a 422 here.
        listed = self.call(
            "GET",
            "/workers/",
            query={"device_id": device, "limit": 1},
            accept={HTTPStatus.UNPROCESSABLE_CONTENT},
        )
        worker = next(
            (field(each, "worker_handle") for each in field(listed, "workers") or ()), ""
        )
        seen = _seen({**(found or {}), "device_id": device}, worker=str(worker or ""))
        return seen if seen and (seen.driver or seen.worker or seen.email) else None

    def add_geofence(self, fence: Fence) -> str:
        body = {
            "device_ids": [fence.device],
            "geofences": [
                {
                    "geometry": {
                        "type": "Point",
                        "coordinates": [fence.longitude, fence.latitude],
                    },
                    "radius": fence.radius,
                    "metadata": fence.metadata,
                }
            ],
        }
        answer = self.call("POST", "/geofences", body)
        made = field(answer[0], "geofence_id") if isinstance(answer, list) and answer else None
        if not made:
            raise Unclear("HyperTrack's answer names no geofence")
        return str(made)

    def find_geofence(self, fence: Fence) -> str | None:
        """A geofence of the device that was made for the same assignment at the same place."""
        for found in self.pages("/geofences", {"device_id": fence.device}):
            metadata = field(found, "metadata") or {}
            ids = {name: metadata.get(name) for name in (ASSIGNMENT_KEY, RESOURCE_KEY)}
            same = ids.items() <= fence.metadata.items() and _same_place(found, fence)
            if same and not found.get("archived"):
                return str(found["geofence_id"])
        return None

    def relabel_geofence(self, geofence: str, metadata: dict[str, str]) -> None:
        self.call("PATCH", f"/geofences/{quote(geofence, safe='')}", {"metadata": metadata})

    def remove_geofence(self, geofence: str) -> None:
        """One that is gone already is as good."""
        self.call(
            "DELETE", f"/geofences/{quote(geofence, safe='')}", accept={HTTPStatus.NOT_FOUND}
        )

    def geofence_metadata(self, geofence: str) -> dict[str, Any]:
        """{} for a geofence that does not exist."""
        found = self.call(
            "GET", f"/geofences/{quote(geofence, safe='')}", accept={HTTPStatus.NOT_FOUND}
        )
        metadata = field(found, "metadata")
        return metadata if isinstance(metadata, dict) else {}

    def devices(self) -> list[SeenDevice]:
        """Every device of the account, without the workers that they are linked to."""
        every = (_seen(each) for each in self.pages("/devices", {"pagination": "1"}))
        return [each for each in every if each]

    def release_device(self, handle: str) -> None:
        """Have a worker carry no device any more; one that is not there carries none.

        That null does this is written nowhere: Refused if it does not.
        """
        path, nothing = f"/workers/{quote(handle, safe='')}", {"device_id": None}
        self.call("PATCH", path, nothing, accept={HTTPStatus.NOT_FOUND})

    def _worker(self, handle: str) -> Any:
        """None if it was never there, or was deleted."""
        found = self.call(
            "GET", f"/workers/{quote(handle, safe='')}", accept={HTTPStatus.NOT_FOUND}
        )
        return None if field(found, "deleted") else found


def _same_place(found: Any, fence: Fence) -> bool:
    """Whether a geofence of theirs is a circle where ours should be."""
    place = field(field(found, "geometry"), "coordinates")
    wanted = (fence.longitude, fence.latitude, fence.radius)
    try:
        numbers = [float(number) for number in (*place[:2], found["radius"])]
        return math.dist(numbers, wanted) < SAME_PLACE
    except (KeyError, TypeError, ValueError):  # no circle
        return False


def _seen(told: Any, worker: str = "") -> SeenDevice | None:
    """A device as a device or a worker object tells of it; None if it has no id."""
    metadata, status = field(told, "metadata"), field(told, "device_status")
    found = {
        "id": field(told, "device_id"),
        "driver": field(metadata, "driver_id"),
        "email": field(metadata, "email"),
        "worker": worker,
        "registered_at": _moment(field(told, "registered_at")),
        "status": field(status, "value"),
        "reason": field(field(status, "data"), "reason"),
    }
    words = {name: each for name, each in found.items() if isinstance(each, str | datetime)}
    return SeenDevice.model_validate(words) if words.get("id") else None


def _moment(told: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(told))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
