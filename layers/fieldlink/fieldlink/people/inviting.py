"""Rule: whom to invite to the Visits App, exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from pydantic import ValidationError

from fieldlink.errors import Contended, Refused, Unavailable, Unclear
from fieldlink.ids import salesforce_id
from fieldlink.models import Invite
from fieldlink.people import bounces, devices
from fieldlink.people.owners import at_work
from fieldlink.records import Connection, Invitation, Resource, Worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fieldlink.ports import HyperTrack, Mail, Outbox, State

MOST_MEETINGS = 5  # with others who write to the same worker
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
    if not counter.connection.live or resource is None or not at_work(resource):
        return "not active"
    worker = counter.state.read(Worker, name, order.resource) or Worker(
        connection=name, resource=order.resource
    )
    counter.hypertrack.ensure_worker(resource.id, resource.name)
    if worker.device or devices.find(resource.id, counter):
        return "has the app"
    worker = counter.state.read(Worker, name, order.resource) or worker
    if worker.invitation and not _once_more(order, worker.invitation, resource):
        return _invited_before(worker.invitation)
    if not resource.email:
        _keep(worker, counter, not_invited=NO_EMAIL)
        return NO_EMAIL
    return _mail(resource, worker, counter)


def once_more(connection: str, resource: str, invited_at: str) -> Invite:
    """The order of an operator who saw that this resource was last invited then, or never.

    Given twice, it is carried out once: what was seen is no longer so.
    """
    person = salesforce_id(resource, "0Hn")
    if not person:
        raise Refused("there is no such resource")
    order = {"connection": connection, "resource": person, "despite": invited_at or None}
    try:
        return Invite.model_validate(order)
    except ValidationError as error:
        raise Refused("that is no moment of an invitation") from error


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
    labels = bounces.labels(worker.connection, resource.id, counter.now)
    # A mail can't be taken back: it is claimed first, so that nobody else sends it, too.
    claim = Invitation(state="sending", at=counter.now, email=resource.email)
    claimed = _keep(worker, counter, invitation=claim, not_invited="")
    try:
        counter.mail.send(
            to=resource.email, subject=subject, text=text, html=html, labels=labels
        )
    except Unclear as error:
        raise Refused(PERHAPS_SENT) from error
    except (Refused, Unavailable):
        _keep(claimed, counter, invitation=None)
        raise
    _note_sent(claimed, counter)
    return "invited"


def _note_sent(claimed: Worker, counter: Counter) -> None:
    """Others write to the same record. The mail has gone out: it must not be done again."""
    worker = claimed
    for _ in range(MOST_MEETINGS):
        claim = worker.invitation
        if claim is None or claim.state != "sending" or claim.at != counter.now:
            return  # it has bounced already
        sent = claim.model_copy(update={"state": "sent"})
        if counter.state.write(worker.model_copy(update={"invitation": sent})):
            return
        worker = counter.state.read(Worker, *claimed.key) or claimed
    raise Refused(PERHAPS_SENT)


def _once_more(order: Invite, before: Invitation, resource: Resource) -> bool:
    """Whether whoever ordered this knew of that invitation, or it went to another address."""
    if order.despite is None:
        return False
    elsewhere = before.state != "sending" and before.email not in {"", resource.email}
    return before.at == order.despite or elsewhere


def _invited_before(invitation: Invitation) -> str:
    if invitation.state == "sending":
        raise Refused(PERHAPS_SENT)
    return "invited before"


def _keep(worker: Worker, counter: Counter, **update: object) -> Worker:
    kept = worker.model_copy(update=update)
    if not counter.state.write(kept):
        raise Contended("another worker changed the same resource")
    return kept.model_copy(update={"version": kept.version + 1})
