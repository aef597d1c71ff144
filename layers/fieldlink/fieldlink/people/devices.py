"""Rule: what follows from news of a device, and what HyperTrack is asked about devices."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.errors import Refused, Unavailable, must
from fieldlink.models import Outcome
from fieldlink.people import phones, registry
from fieldlink.people.owners import NOBODYS, Addresses, Owner, whose
from fieldlink.people.registry import Claim
from fieldlink.records import Device, Worker
from fieldlink.writing.desk import row

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.models import Delivered, SeenDevice
    from fieldlink.people.registry import Place
    from fieldlink.writing.desk import Desk

# How long a device that is nobody's is not asked about again: a HyperTrack account may hold
# devices that Salesforce knows nothing of, and each of them reports all day.
NOBODYS_FOR = timedelta(hours=1)
# News of any device, in use or not; the others say that one was put into use.
UPDATE = "registration_update/"
FOR_GOOD = {"uninstalled", "deleted"}  # reasons after which a device tracks no more


def seen(delivered: Delivered, desk: Desk) -> Outcome:
    """HyperTrack has told that a device was put into use, or of a change of it."""
    fact = delivered.fact
    at = min(fact.at, delivered.received_at)  # the device's own clock may be ahead
    found, told_at = Owner(fact.resource), at
    if not fact.resource:
        found, told_at = owner(fact.device, desk), desk.now
    used_at = found.registered_at if fact.key.startswith(UPDATE) else at
    claim = Claim(fact.device, found.resource, told_at, used_at, _cause(delivered))
    moved = bool(found.resource) and registry.bind(claim, desk)
    return _noted(delivered, found, desk, moved=moved)


def released(delivered: Delivered, desk: Desk) -> Outcome:
    """HyperTrack has told that a worker carries a device no more: both are asked about anew."""
    fact, cause = delivered.fact, _cause(delivered)
    former = {fact.resource}
    found = Owner(why="no device is named")
    moved = False
    if fact.device:
        former.add(registry.known_device(fact.device, desk).resource)
        found = owner(fact.device, desk)
        claim = Claim(fact.device, found.resource, desk.now, found.registered_at, cause)
        moved = registry.bind(claim, desk)
    for resource in sorted(former - {""}):
        moved |= _look_up(resource, desk, cause)
    return _noted(delivered, found, desk, moved=moved)


def _cause(delivered: Delivered) -> str:
    return f"{delivered.received_at.isoformat()} {delivered.delivery}"


def _noted(delivered: Delivered, found: Owner, desk: Desk, *, moved: bool) -> Outcome:
    outcome = Outcome.APPLIED if moved else Outcome.IGNORED
    reason = "" if moved else found.why or "known device"
    resource = found.resource or delivered.fact.resource
    fact = delivered.fact.model_copy(update={"resource": resource})
    placed = delivered.model_copy(update={"fact": fact})
    desk.ledger.put(row(placed, outcome, desk, reason=reason))
    return outcome


def told_alive(device: str, at: datetime, place: Place) -> None:
    """A device has told that it tracks. This may be the first that we hear of it."""
    known = registry.known_device(device, place)
    if not known.resource:
        with suppress(Unavailable, Refused):  # the next sign of life is as good
            meet(known.connection, device, place)
        known = registry.known_device(device, place)
    now_known = phones.told(known, active_at=min(at, place.now))
    registry.settle(known, now_known, place, f"{device} active {at.isoformat()}")


def told_gone(device: str, reason: str, at: datetime, place: Place) -> None:
    """A device has told why it tracks no more; only some reasons are for good."""
    if reason not in FOR_GOOD:
        return
    known = registry.known_device(device, place)
    now_known = phones.told(known, gone=reason, gone_at=min(at, place.now))
    registry.settle(known, now_known, place, f"{device} {reason} {at.isoformat()}")


def find(resource: str, place: Place) -> str:
    """The device of a resource, for which HyperTrack is asked; "" if there is none."""
    _look_up(resource, place, f"{place.now.isoformat()} asked")
    worker = place.state.read(Worker, place.connection.connection, resource)
    return worker.device if worker else ""


def _look_up(resource: str, place: Place, cause: str) -> bool:
    """Bind whatever HyperTrack has as a resource's. Whether its work moved."""
    linked = place.hypertrack.device_of(resource)
    moved = False
    for each in [linked] if linked else _listed(resource, place):
        if each.reason not in FOR_GOOD:
            words = f"{cause} {each.id}"
            claim = Claim(each.id, resource, place.now, each.registered_at, words)
            moved |= registry.bind(claim, place)
    return moved


def _listed(resource: str, place: Place) -> list[SeenDevice]:
    addresses = Addresses(place.connection.connection, place.state)
    every = place.hypertrack.devices()
    return [each for each in every if whose(each, addresses).resource == resource]


def owner(device: str, place: Place) -> Owner:
    """Whose a device is by what HyperTrack has of it now."""
    found = place.hypertrack.driver_of(device) if device else None
    if found is None:
        return Owner(why=NOBODYS)
    return whose(found, Addresses(place.connection.connection, place.state))


def meet(connection: str, device: str, place: Place) -> None:
    """Look up a device that was never seen before, and remember if it is nobody's."""
    known = place.state.read(Device, connection, device)
    now = int(place.now.timestamp())
    if known and (known.resource or (known.ttl or 0) > now):
        return
    found = owner(device, place)
    if found.resource:
        cause = f"{place.now.isoformat()} {device}"
        claim = Claim(device, found.resource, place.now, found.registered_at, cause)
        registry.bind(claim, place)
        return
    kept = known or Device(connection=connection, id=device)
    until = now + int(NOBODYS_FOR.total_seconds())
    must(place.state.write(kept.model_copy(update={"ttl": until})))


def release(resource: str, place: Place) -> None:
    """Let go of the devices of a resource that has left; its history stays.

    HyperTrack's pages do not say that a device can be taken from a worker, so it may refuse.
    """
    worker = place.state.read(Worker, place.connection.connection, resource)
    if worker is None or not (worker.device or worker.phones):
        return
    why = ""
    try:
        place.hypertrack.release_device(resource)
    except Refused as refusal:
        why = str(refusal)
    gone = {"phones": (), "device": "", "device_since": None, "not_released": why}
    must(place.state.write(worker.model_copy(update=gone)))
