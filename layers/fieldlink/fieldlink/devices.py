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
    from datetime import datetime

    from fieldlink.desk import Desk
    from fieldlink.ports import HyperTrack, Outbox, State

# How long a device that is nobody's is not asked about again: a HyperTrack account may hold
# devices that Salesforce knows nothing of, and each of them reports all day.
NOBODYS_FOR = timedelta(hours=1)


def bind(
    connection: str,
    device: str,
    resource: str,
    *,
    since: datetime,
    takes_over: bool,
    state: State,
    changes: Outbox,
    cause: str,
) -> bool:
    """Let the work of a resource move to this device. False if it stays where it is.

    `takes_over`: the device was put into use at `since`, so it is the one that counts if no
    other was put into use later. Else it only steps in where there is none.
    """
    known = state.read(Device, connection, device) or Device(connection=connection, id=device)
    worker = state.read(Worker, connection, resource) or Worker(
        connection=connection, resource=resource
    )
    if known.resource not in {"", resource}:
        _take_from(known, state=state, changes=changes, cause=cause)
    if not _moves(worker, known, since, takes_over=takes_over):
        _note(known, resource, known.since, state)
        return False
    if (worker.device, worker.device_since) != (device, since):
        update = {"device": device, "device_since": since}
        must(state.write(worker.model_copy(update=update)))
    # The message goes before the last record: whoever dies in between does it all again.
    changes.put([sync_message(Sync(connection=connection, resource=resource), cause)])
    _note(known, resource, since, state)
    return True


def _moves(worker: Worker, known: Device, since: datetime, *, takes_over: bool) -> bool:
    if worker.device == known.id:
        # Bound, unless whoever began that did not live to note it with the device.
        return (known.resource, known.since) != (worker.resource, worker.device_since)
    if not worker.device:
        return True
    return takes_over and (worker.device_since is None or since > worker.device_since)


def _note(known: Device, resource: str, since: datetime | None, state: State) -> None:
    """Remember whose the device is."""
    noted = known.model_copy(update={"resource": resource, "since": since, "ttl": None})
    if noted != known:
        must(state.write(noted))


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
        bind(
            connection,
            device,
            found,
            since=desk.now,
            takes_over=False,
            state=desk.state,
            changes=desk.changes,
            cause=cause,
        )
        return
    kept = known or Device(connection=connection, id=device)
    until = now + int(NOBODYS_FOR.total_seconds())
    must(desk.state.write(kept.model_copy(update={"ttl": until})))


def _take_from(known: Device, *, state: State, changes: Outbox, cause: str) -> None:
    """The phone was handed on: its former owner's work waits for another device."""
    former = state.read(Worker, known.connection, known.resource)
    if former and former.device == known.id:
        must(state.write(former.model_copy(update={"device": ""})))
    order = Sync(connection=known.connection, resource=known.resource)
    changes.put([sync_message(order, f"{cause} handed on")])
