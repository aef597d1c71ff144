"""Rule: end a connection without leaving anything of it behind, but for the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.commands import poll_message, sync_message
from fieldlink.errors import Unavailable
from fieldlink.models import Poll, Sync
from fieldlink.records import Connection, Geofence, WebhookKeys
from fieldlink.renewing import revoke

if TYPE_CHECKING:
    from fieldlink.connecting import Office
    from fieldlink.ports import Outbox, State


def start(connection: Connection, *, office: Office, changes: Outbox, polls: Outbox) -> None:
    """Stop polling, revoke the access, and have the geofences removed.

    HyperTrack's key is kept for as long as there are geofences to remove with it.
    """
    ending = connection.model_copy(update={"state": "ending", "problem": ""})
    if not office.state.write(ending):
        raise Unavailable("somebody else changed this connection just now")
    cause = office.now.isoformat()
    _remove_geofences(ending, state=office.state, changes=changes, cause=cause)
    polls.put([poll_message(Poll(connection=ending.connection), f"end {cause}")])
    revoke(ending, office)


def finish(connection: Connection, *, office: Office, changes: Outbox, cause: str) -> bool:
    """Erase the last secrets once no geofence is left; else see to those first.

    Whoever started this may not have lived to revoke the access, or Salesforce was down.
    """
    state = office.state
    left = _remove_geofences(connection, state=state, changes=changes, cause=cause)
    revoke(connection, office)
    if left:
        return False
    state.erase(WebhookKeys, connection.connection)
    ended = connection.model_copy(update={"state": "ended", "hypertrack_secret": ""})
    if not state.write(ended):
        raise Unavailable("another worker changed this connection")
    return True


def _remove_geofences(
    connection: Connection, *, state: State, changes: Outbox, cause: str
) -> int:
    """Have every resource that still has a geofence looked at: an ended connection has none."""
    name = connection.connection
    resources = {each.resource for each in state.all_of(Geofence, name) if each.live}
    changes.put(
        sync_message(Sync(connection=name, resource=resource), f"end {cause}")
        for resource in sorted(resources)
    )
    return len(resources)
