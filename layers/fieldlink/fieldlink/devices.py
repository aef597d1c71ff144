"""Rule: whose phone a device is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.commands import sync_message
from fieldlink.errors import must
from fieldlink.ids import salesforce_id
from fieldlink.models import Sync
from fieldlink.records import Device, Worker

if TYPE_CHECKING:
    from fieldlink.desk import Desk
    from fieldlink.ports import HyperTrack, Outbox, State

# How long a device that is nobody's is not asked about again: a HyperTrack account may hold
# devices that Salesforce knows nothing of, and each of them reports all day.
NOBODYS_FOR = timedelta(hours=1)


def bind(
    connection: str, device: str, resource: str, *, state: State, changes: Outbox, cause: str
) -> bool:
    """Let work of the resource move to this device. False if that was known before.

    The device that was seen for the first time last is the one in use: an app that was
    installed anew, or a second phone.
    """
    known = state.read(Device, connection, device)
    worker = state.read(Worker, connection, resource)
    if known and known.resource == resource and worker and worker.device:
        return False
    if known and known.resource not in {"", resource}:
        _take_from(device, known, state=state, changes=changes, cause=cause)
    worker = worker or Worker(connection=connection, resource=resource)
    must(state.write(worker.model_copy(update={"device": device})))
    # The message goes before the last record: whoever dies in between does it all again.
    changes.put([sync_message(Sync(connection=connection, resource=resource), cause)])
    kept = known or Device(connection=connection, id=device, resource=resource)
    must(state.write(kept.model_copy(update={"resource": resource, "ttl": None})))
    return True


def owner(device: str, hypertrack: HyperTrack) -> str:
    """The resource whose Id HyperTrack has for this device, or ""."""
    return salesforce_id(hypertrack.driver_of(device), "0Hn") if device else ""


def meet(connection: str, device: str, desk: Desk) -> None:
    """Look up a device that was never seen before, and remember if it is nobody's."""
    known = desk.state.read(Device, connection, device)
    now = int(desk.now.timestamp())
    if known and (known.resource or (known.ttl or 0) > now):
        return
    found = owner(device, desk.hypertrack)
    if found:
        cause = f"{desk.now.isoformat()} {device}"
        bind(connection, device, found, state=desk.state, changes=desk.changes, cause=cause)
        return
    kept = known or Device(connection=connection, id=device, resource="")
    until = now + int(NOBODYS_FOR.total_seconds())
    must(desk.state.write(kept.model_copy(update={"ttl": until})))


def _take_from(
    device: str, known: Device, *, state: State, changes: Outbox, cause: str
) -> None:
    """The phone was handed on: its former owner's work waits for another device."""
    former = state.read(Worker, known.connection, known.resource)
    if former and former.device == device:
        must(state.write(former.model_copy(update={"device": ""})))
    order = Sync(connection=known.connection, resource=known.resource)
    changes.put([sync_message(order, f"{cause} handed on")])
