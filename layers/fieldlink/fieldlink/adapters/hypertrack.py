"""HyperTrack's REST API: workers, invitations, devices and geofences of one account."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests

from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.models import ASSIGNMENT_KEY, RESOURCE_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fieldlink.models import Fence

TIMEOUT = (3.05, 20)  # seconds to connect, to read
SAME_PLACE = 1e-6  # degrees: Salesforce rounds to six decimals, and HyperTrack may round, too
MOST_PAGES = 200  # a list that does not end is the vendor's fault, not a reason to go on


class HyperTrackAccount:
    """Calls with one account's AccountId and SecretKey, the latter opened when it is needed."""

    def __init__(
        self, http: requests.Session, url: str, account: str, secret: Callable[[], str]
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._account = account
        self._secret = secret

    def check(self) -> None:
        """Refused if the keys are not valid."""
        self._call("GET", "/workers/", query={"limit": 1})

    def ensure_worker(self, handle: str, name: str) -> None:
        """Have a worker; one that is there already is as good."""
        self._call(
            "POST",
            "/workers/",
            {"worker_handle": handle, "name": name},
            accept={HTTPStatus.CONFLICT},
        )

    def invitation_link(self, handle: str) -> str:
        """The worker's own link to the Visits App. Nobody is mailed by this."""
        answer = self._call(
            "POST", f"/workers/{quote(handle, safe='')}/invite", {"app": "VISITS"}
        )
        # One of HyperTrack's pages shows an array and the other name.
        invitation = answer[0] if isinstance(answer, list) and answer else answer
        link = _field(invitation, "link") or _field(invitation, "invite_link")
        if not link:
            raise Refused("HyperTrack's invitation has no link")
        return str(link)

    def device_of(self, handle: str) -> str | None:
        """The device that is linked to a worker, or that says it is this driver's."""
        worker = self._call(
            "GET", f"/workers/{quote(handle, safe='')}", accept={HTTPStatus.NOT_FOUND}
        )
        if _field(worker, "device_id"):
            return str(worker["device_id"])
        named = [each for each in self._devices() if _driver(each) == handle]
        # A reinstalled app is a new device: the one that registered last is in use.
        named.sort(key=lambda each: str(each.get("registered_at") or ""))
        return str(named[-1]["device_id"]) if named else None

    def driver_of(self, device: str) -> str | None:
        """Whom a device belongs to: its metadata, else the worker that it is linked to."""
        found = self._call(
            "GET", f"/devices/{quote(device, safe='')}", accept={HTTPStatus.NOT_FOUND}
        )
        if _driver(found):
            return _driver(found)
        # An id that is no UUID is nobody's, and a 422 here.
        listed = self._call(
            "GET",
            "/workers/",
            query={"device_id": device, "limit": 1},
            accept={HTTPStatus.UNPROCESSABLE_CONTENT},
        )
        workers = _field(listed, "workers") or []
        return str(workers[0]["worker_handle"]) if workers else None

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
        answer = self._call("POST", "/geofences", body)
        made = _field(answer[0], "geofence_id") if isinstance(answer, list) and answer else None
        if not made:
            raise Unclear("HyperTrack's answer names no geofence")
        return str(made)

    def find_geofence(self, fence: Fence) -> str | None:
        """A geofence of the device that was made for the same assignment at the same place."""
        for found in self._pages("/geofences", {"device_id": fence.device}):
            metadata = _field(found, "metadata") or {}
            ids = {name: metadata.get(name) for name in (ASSIGNMENT_KEY, RESOURCE_KEY)}
            same = ids.items() <= fence.metadata.items() and _same_place(found, fence)
            if same and not found.get("archived"):
                return str(found["geofence_id"])
        return None

    def relabel_geofence(self, geofence: str, metadata: dict[str, str]) -> None:
        self._call("PATCH", f"/geofences/{quote(geofence, safe='')}", {"metadata": metadata})

    def remove_geofence(self, geofence: str) -> None:
        """One that is gone already is as good."""
        self._call(
            "DELETE", f"/geofences/{quote(geofence, safe='')}", accept={HTTPStatus.NOT_FOUND}
        )

    def geofence_metadata(self, geofence: str) -> dict[str, Any]:
        """{} for a geofence that does not exist."""
        found = self._call(
            "GET", f"/geofences/{quote(geofence, safe='')}", accept={HTTPStatus.NOT_FOUND}
        )
        metadata = _field(found, "metadata")
        return metadata if isinstance(metadata, dict) else {}

    def _devices(self) -> Iterator[dict[str, Any]]:
        return self._pages("/devices", {"pagination": "1"})

    def _pages(self, path: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """A list, as an array or in pages: both forms are documented."""
        for _ in range(MOST_PAGES):
            answer = self._call("GET", path, query=query)
            yield from answer if isinstance(answer, list) else _field(answer, "data") or ()
            token = _field(answer, "pagination_token") or _field(
                _field(answer, "links"), "pagination_token"
            )
            if not token:
                return
            query = {**query, "pagination_token": token}

    def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, Any] | None = None,
        accept: set[HTTPStatus] | frozenset[HTTPStatus] = frozenset(),
    ) -> Any:
        try:
            answer = self._http.request(
                method,
                self._url + path,
                json=body,
                params=query,
                auth=(self._account, self._secret()),
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.ConnectTimeout as error:
            raise Unavailable("HyperTrack can't be reached") from error
        except requests.RequestException as error:
            raise Unclear(f"HyperTrack did not answer ({type(error).__name__})") from error
        return _read(answer, accept)


def _read(answer: requests.Response, accept: set[HTTPStatus] | frozenset[HTTPStatus]) -> Any:
    status = answer.status_code
    if status >= 500:
        raise Unclear(f"HyperTrack answered {status}")
    if status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}:
        raise Unavailable(f"HyperTrack answered {status}")
    if status in accept:
        return None
    if status >= 300:  # a redirect too: the key goes to no other host
        raise Refused(f"HyperTrack answered {status}: {_words(answer)}", code=str(status))
    try:
        return answer.json() if answer.content else None
    except ValueError as error:
        raise Unclear("HyperTrack's answer can't be read") from error


def _words(answer: requests.Response) -> str:
    """What went wrong, in whichever of HyperTrack's four shapes of error."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    found = [_field(body, name) for name in ("code", "title", "message", "detail")]
    return "; ".join(str(each)[:300] for each in found if each)


def _same_place(found: Any, fence: Fence) -> bool:
    """Whether a geofence of theirs is a circle where ours should be."""
    place = _field(_field(found, "geometry"), "coordinates")
    wanted = (fence.longitude, fence.latitude, fence.radius)
    try:
        numbers = [float(number) for number in (*place[:2], found["radius"])]
        return math.dist(numbers, wanted) < SAME_PLACE
    except (KeyError, TypeError, ValueError):  # no circle
        return False


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _driver(device: Any) -> str:
    return str(_field(_field(device, "metadata"), "driver_id") or "")
