"""Rule: how far each technician is with the Visits App, in plain words."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.people import phones
from fieldlink.people.owners import at_work
from fieldlink.records import Device, Resource, Worker
from fieldlink.trouble import troubles

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.ports import State
    from fieldlink.records import Invitation

# Who has not opened an invitation within this time has lost it, or never got it.
GOOD_FOR = timedelta(days=14)


class Person(NamedTuple):
    """A resource on the console's page."""

    resource: str
    name: str
    app: str  # how far they are with it
    phones: str = ""  # that they use more than one at a time
    trouble: str = ""
    invited_at: str = ""  # so that who sends again says what they saw
    may_be_invited: bool = False


def listed(connection: str, state: State, now: datetime) -> list[Person]:
    """Each active technician, and whoever has left with a device that HyperTrack keeps."""
    workers = {each.resource: each for each in state.all_of(Worker, connection)}
    in_use = {(connection, each.device) for each in workers.values() if each.device}
    known = state.read_many(Device, in_use) if in_use else []
    ills = {each.resource: troubles.of_phone(each) for each in known}
    found = [
        _person(each, workers.get(each.id), ills.get(each.id, []), now)
        for each in state.all_of(Resource, connection)
    ]
    return sorted((each for each in found if each), key=lambda each: (each.name, each.resource))


def _person(
    resource: Resource, known: Worker | None, ills: list[str], now: datetime
) -> Person | None:
    worker = known or Worker(connection=resource.connection, resource=resource.id)
    name = resource.name or resource.id
    if not at_work(resource):
        kept = worker.not_released and f"HyperTrack keeps the device: {worker.not_released}"
        return Person(resource.id, name, "has left", trouble=kept) if kept else None
    return Person(
        resource.id,
        name,
        _app(worker, now),
        _too_many(worker, now),
        "; ".join(ills),
        invited_at=worker.invitation.at.isoformat() if worker.invitation else "",
        may_be_invited=not worker.device,
    )


def _too_many(worker: Worker, now: datetime) -> str:
    """Which devices are in use at once, or ""."""
    active = phones.at_once(phones.phones_of(worker), now)
    if len(active) < 2:
        return ""
    return f"{len(active)} phones are active: {', '.join(active)}; the newest one counts"


def _app(worker: Worker, now: datetime) -> str:
    if worker.device:
        first = worker.tracked_at
        return f"in use, tracked first {shown(first)}" if first else "installed"
    ends = [(each.gone_at, each.gone) for each in worker.phones if each.gone and each.gone_at]
    last, why = max(ends, default=(None, ""))
    sent = worker.invitation
    if last and (sent is None or sent.at < last):
        return f"the app was {why} {shown(last)}"
    if sent:
        return _invited(sent, now)
    return f"not invited: {worker.not_invited}" if worker.not_invited else "not invited yet"


def _invited(sent: Invitation, now: datetime) -> str:
    if sent.state == "bounced":
        return f"invitation of {shown(sent.at)} came back: {sent.why}"
    if sent.state == "sent" and now - sent.at > GOOD_FOR:
        return f"invited {shown(sent.at)}, and has not opened it for {GOOD_FOR.days} days"
    return f"invitation {sent.state} {shown(sent.at)}"


def shown(moment: datetime) -> str:
    """A moment for an operator to read."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
