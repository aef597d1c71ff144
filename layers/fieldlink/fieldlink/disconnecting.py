"""Rule: end a connection without leaving anything of it behind, but for the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.commands import poll_message, sync_message
from fieldlink.errors import Refused, Unavailable
from fieldlink.models import Poll, Sync
from fieldlink.records import Connection, Geofence, Resource, Tracking, WebhookKeys, Worker
from fieldlink.renewing import revoke

if TYPE_CHECKING:
    from fieldlink.office import Office
    from fieldlink.ports import Outbox, State


def start(connection: Connection, *, office: Office, changes: Outbox, polls: Outbox) -> None:
    """Stop polling, revoke the access, and have the geofences removed.

    HyperTrack's key is kept for as long as there are geofences to remove with it.
    """
    if connection.state == "ended":
        raise Refused("This connection has been ended.")
    ending = connection.model_copy(update={"state": "ending", "problem": ""})
    if not office.state.write(ending):
        raise Unavailable("somebody else changed this connection just now")
    cause = office.now.isoformat()
    _look_at(_fenced(ending, office.state), ending, changes=changes, cause=cause)
    polls.put([poll_message(Poll(connection=ending.connection), f"end {cause}")])
    revoke(ending, office)


def finish(connection: Connection, *, office: Office, changes: Outbox, cause: str) -> bool:
    """Erase the last secrets once no geofence is left; else see to those first.

    Whoever started this may not have lived to revoke the access, or Salesforce was down.
    """
    state = office.state
    left = _fenced(connection, state) or _unsettled(connection, state)
    _look_at(left, connection, changes=changes, cause=cause)
    revoke(connection, office)
    if left:
        return False
    state.erase(WebhookKeys, connection.connection)
    ended = connection.model_copy(update={"state": "ended", "hypertrack_secret": ""})
    if not state.write(ended):
        raise Unavailable("another worker changed this connection")
    return True


def _fenced(connection: Connection, state: State) -> set[str]:
    """The resources that have a geofence."""
    found = state.all_of(Geofence, connection.connection)
    return {each.resource for each in found if each.live}


def _unsettled(connection: Connection, state: State) -> set[str]:
    """The resources that may have one: SyncTracking died before it could note what it made.

    Tracking lies with its resource, so this is a query for each; it is only asked at the end.
    """
    name = connection.connection
    resources = {each.id for each in state.all_of(Resource, name)}
    resources |= {each.resource for each in state.all_of(Worker, name)}
    return {
        each.resource
        for resource in resources
        for each in state.all_of(Tracking, name, resource)
        if each.creating or each.leaving or each.live
    }


def _look_at(
    resources: set[str], connection: Connection, *, changes: Outbox, cause: str
) -> None:
    """An ended connection has no geofences, so those who look remove them."""
    name = connection.connection
    changes.put(
        sync_message(Sync(connection=name, resource=resource), f"end {cause}")
        for resource in sorted(resources)
    )
