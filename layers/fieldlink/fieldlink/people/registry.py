"""Rule: the work of a resource goes to the device that counts, whoever told of it first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from fieldlink.commands import sync_message
from fieldlink.errors import must
from fieldlink.models import Sync
from fieldlink.people import owners, phones
from fieldlink.records import Device, Resource, Worker

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.ports import HyperTrack, Outbox, State
    from fieldlink.records import Connection


class Place(Protocol):
    """Where a rule about devices is applied: a worker's desk, a Sync's ground."""

    @property
    def connection(self) -> Connection: ...
    @property
    def state(self) -> State: ...
    @property
    def hypertrack(self) -> HyperTrack: ...
    @property
    def changes(self) -> Outbox: ...
    @property
    def now(self) -> datetime: ...


class Claim(NamedTuple):
    """That a device is a resource's, or with "" nobody's."""

    device: str
    resource: str
    told_at: datetime  # when that was so
    used_at: datetime | None  # when it was put into use, as far as this says so
    cause: str


def known_device(device: str, place: Place) -> Device:
    """What is known of a device."""
    name = place.connection.connection
    return place.state.read(Device, name, device) or Device(connection=name, id=device)


def bind(claim: Claim, place: Place) -> bool:
    """Note whose a device is, and move the work to and from it. False if none moves."""
    known = known_device(claim.device, place)
    now_known = phones.told(known, used_at=claim.used_at)
    before = (known.told_at or known.since or phones.LONG_AGO, known.resource)
    if (claim.told_at, claim.resource) > before:
        update = {"resource": claim.resource, "told_at": claim.told_at}
        now_known = now_known.model_copy(update=update)
    return settle(known, now_known, place, claim.cause)


def settle(known: Device, now_known: Device, place: Place, cause: str) -> bool:
    """Keep what is known of a device now, its resource's work first. Whether that moves."""
    moved = False
    for resource in sorted({known.resource, now_known.resource} - {""}):
        before = known if known.resource == resource else None
        after = now_known if now_known.resource == resource else None
        moved |= _carry(resource, before, after, place, cause)
    # Of a device that is nobody's nothing need be known for long.
    until = None if now_known.resource else now_known.ttl or int(place.now.timestamp())
    now_known = now_known.model_copy(update={"ttl": until})
    if now_known != known:
        must(place.state.write(now_known))
    return moved


def _carry(
    resource: str, before: Device | None, after: Device | None, place: Place, cause: str
) -> bool:
    """Bring a worker in line with one of its devices. Whether another one counts now."""
    name = place.connection.connection
    [device] = {each.id for each in (before, after) if each}
    if after and not _may_carry(resource, place):
        return False
    worker = place.state.read(Worker, name, resource) or Worker(
        connection=name, resource=resource
    )
    kept = _with_firsts(phones.carrying(worker, device, after), after)
    if kept != worker:
        must(place.state.write(kept))
    # Against what was known before, too: whoever dies in between does it all again.
    if kept.device == worker.device == phones.carrying(worker, device, before).device:
        return False
    order = Sync(connection=name, resource=resource)
    place.changes.put([sync_message(order, cause)])
    return True


def _with_firsts(worker: Worker, device: Device | None) -> Worker:
    """When the app was first opened, and first tracked."""
    if device is None:
        return worker
    opened = phones.earlier(worker.opened_at, device.since or device.told_at)
    tracked = phones.earlier(worker.tracked_at, device.active_at)
    return worker.model_copy(update={"opened_at": opened, "tracked_at": tracked})


def _may_carry(resource: str, place: Place) -> bool:
    """Who left was made to carry no phone any more; it is not given back by what it tells."""
    known = place.state.read(Resource, place.connection.connection, resource)
    return known is None or owners.at_work(known)
