"""What each generation of the Visits App makes of the data in an invitation link.

Which keys HyperTrack puts into the link is not published; the apps show which are accepted.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.hypertrack.state import Json


class LinkRejected(Exception):
    """The app does not accept this link."""


@dataclass(frozen=True)
class Identity:
    """What the app sets on the device; `worker_handle` only where that generation sets one."""

    metadata: Json
    name: str = ""
    worker_handle: str | None = None


LinkReader = Callable[[Mapping[str, Any], str], Identity]


def android(data: Mapping[str, Any], _link: str) -> Identity:
    """Up to 0.9.13: an e-mail overrides the driver id, even under the key `driver_id`."""
    driver = data.get("email") or data.get("driver_id")
    if not data.get("publishable_key") or not driver:
        raise LinkRejected("publishable_key and driver_id or email are required")
    return Identity({"driver_id": driver}, name=driver.partition("@")[0])


def android_later(data: Mapping[str, Any], link: str) -> Identity:
    """After 0.9.13: a link with a driver id alone is an error, DeprecatedDeeplink."""
    extra = _metadata(data)
    if not data.get("email") and not data.get("phone_number"):
        raise LinkRejected("DeprecatedDeeplink" if data.get("driver_id") else "no user in link")
    if extra.keys() & {"email", "phone_number"}:
        raise LinkRejected("metadata repeats email or phone_number")
    own = _present(data, "driver_id", "email", "phone_number") | {"invite_id": _bare(link)}
    return Identity(own | extra, name=_name(data, extra))


def ios_driver_id(data: Mapping[str, Any], _link: str) -> Identity:
    """2.0 to 2.7: the user would type a missing driver id by hand."""
    if not data.get("publishable_key") or not data.get("driver_id"):
        raise LinkRejected("publishable_key and driver_id are required")
    return Identity({"driver_id": data["driver_id"]})


def ios_email(data: Mapping[str, Any], link: str) -> Identity:
    """2.8 to 2.16.5: e-mail or phone and metadata, else the driver id."""
    return _ios(data, link, handle=None)


def ios_handle(data: Mapping[str, Any], link: str) -> Identity:
    """2.16.6 to 2.18: a driver handle comes first, but the app sets no worker handle."""
    return _ios(data, link, handle=data.get("driver_handle"))


def ios_worker(data: Mapping[str, Any], link: str) -> Identity:
    """After 2.18: sets the worker handle to the handle, or e-mail, or phone, or driver id."""
    handle = data.get("worker_handle") or data.get("driver_handle")
    found = _ios(data, link, handle)
    every = (handle, data.get("email"), data.get("phone_number"), data.get("driver_id"))
    return Identity(found.metadata, found.name, next(each for each in every if each))


def _ios(data: Mapping[str, Any], link: str, handle: str | None) -> Identity:
    extra, contact = _metadata(data), _present(data, "email", "phone_number")
    driver = data.get("driver_id")
    invite = {"invite_id": _bare(link)}
    if handle and (extra or not (contact or driver)):
        return Identity(extra | invite, name=extra.get("name") or handle)
    if contact:
        return Identity(extra | contact | invite, name=_name(data, extra))
    if driver:
        return Identity({"driver_id": driver} | invite)
    raise LinkRejected("nobody is named in the link")


def _metadata(data: Mapping[str, Any]) -> Json:
    given = data.get("metadata") or {}
    read: Json = json.loads(given) if isinstance(given, str) else dict(given)
    return read


def _present(data: Mapping[str, Any], *keys: str) -> Json:
    return {key: data[key] for key in keys if data.get(key)}


def _name(data: Mapping[str, Any], extra: Json) -> str:
    known = extra.get("name") or data.get("email") or data.get("phone_number")
    return str(known).partition("@")[0]


def _bare(link: str) -> str:
    return link.partition("?")[0]
