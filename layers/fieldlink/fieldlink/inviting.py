"""Rule: whom to invite to the Visits App, exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from fieldlink import devices
from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.records import Connection, Invitation, Resource, Worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fieldlink.models import Invite
    from fieldlink.ports import HyperTrack, Mail, Outbox, State

NO_EMAIL = "no e-mail address in Salesforce"
PERHAPS_SENT = (
    "the mail server was given the invitation, but did not answer: it may or may not have been "
    "sent. Replay to send it (again)."
)


class Counter(NamedTuple):
    """What an invitation needs at hand."""

    connection: Connection
    state: State
    hypertrack: HyperTrack
    mail: Mail
    changes: Outbox
    letter: Callable[[str, str], tuple[str, str, str]]  # name, link → subject, text, html
    now: datetime


def invite(order: Invite, counter: Counter) -> str:
    """Give a resource its worker in HyperTrack and one mail. Returns what came of it."""
    name = counter.connection.connection
    resource = counter.state.read(Resource, name, order.resource)
    if not counter.connection.live or resource is None or not _at_work(resource):
        return "not active"
    worker = counter.state.read(Worker, name, order.resource) or Worker(
        connection=name, resource=order.resource
    )
    counter.hypertrack.ensure_worker(resource.id, resource.name)
    if worker.device or _has_app(resource, counter):
        return "has the app"
    if worker.invitation and not _once_more(order, worker.invitation, resource):
        return _invited_before(worker.invitation)
    if not resource.email:
        _keep(worker, counter, not_invited=NO_EMAIL)
        return NO_EMAIL
    return _mail(resource, worker, counter)


def link(resource: Resource, counter: Counter) -> str:
    """HyperTrack's own unique link, or the connection's template, filled in."""
    template = counter.connection.invitation_template
    if not template:
        return counter.hypertrack.invitation_link(resource.id)
    fields = {"resource_id": resource.id, "email": resource.email, "name": resource.name}
    for field, text in fields.items():
        template = template.replace(f"{{{field}}}", quote(text, safe=""))
    return template


def _mail(resource: Resource, worker: Worker, counter: Counter) -> str:
    subject, text, html = counter.letter(resource.name, link(resource, counter))
    # A mail can't be taken back: it is claimed first, so that nobody else sends it, too.
    claim = Invitation(state="sending", at=counter.now, email=resource.email)
    claimed = _keep(worker, counter, invitation=claim, not_invited="")
    try:
        counter.mail.send(to=resource.email, subject=subject, text=text, html=html)
    except Unclear as error:
        raise Refused(PERHAPS_SENT) from error
    except (Refused, Unavailable):
        _keep(claimed, counter, invitation=None)
        raise
    _keep(claimed, counter, invitation=claim.model_copy(update={"state": "sent"}))
    return "invited"


def _at_work(resource: Resource) -> bool:
    return resource.active and resource.technician and not resource.gone


def _once_more(order: Invite, before: Invitation, resource: Resource) -> bool:
    """Whether whoever ordered this knew of that invitation, or it went to another address."""
    if order.despite is None:
        return False
    elsewhere = before.state == "sent" and before.email not in {"", resource.email}
    return before.at == order.despite or elsewhere


def _invited_before(invitation: Invitation) -> str:
    if invitation.state == "sending":
        raise Refused(PERHAPS_SENT)
    return "invited before"


def _has_app(resource: Resource, counter: Counter) -> bool:
    device = counter.hypertrack.device_of(resource.id)
    if device is None:
        return False
    name = counter.connection.connection
    cause = f"{counter.now.isoformat()} {device}"
    devices.bind(
        name,
        device,
        resource.id,
        since=counter.now,
        takes_over=False,
        state=counter.state,
        changes=counter.changes,
        cause=cause,
    )
    return True


def _keep(worker: Worker, counter: Counter, **update: object) -> Worker:
    kept = worker.model_copy(update=update)
    if not counter.state.write(kept):
        raise Unavailable("another worker changed the same resource")
    return kept.model_copy(update={"version": kept.version + 1})
