"""Rule: end a connection without leaving anything of it behind, but for the ledger."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from fieldlink.commands import poll_message, sync_message
from fieldlink.connecting.renewing import revoke
from fieldlink.errors import Refused, Unavailable
from fieldlink.models import Poll, Sync
from fieldlink.records import (
    Connection,
    Geofence,
    OnShift,
    Order,
    Resource,
    Tracking,
    WebhookKeys,
    Worker,
)

if TYPE_CHECKING:
    from fieldlink.connecting.office import Office
    from fieldlink.ports import Outbox, State


def start(connection: Connection, *, office: Office, changes: Outbox, polls: Outbox) -> None:
    """Stop polling, revoke the access, and have all tracking ended.

    HyperTrack's key is kept for as long as there is anything to end with it.
    """
    if connection.state == "ended":
        raise Refused("This connection has been ended.")
    ending = connection.model_copy(update={"state": "ending", "problem": ""})
    if not office.state.write(ending):
        raise Unavailable("somebody else changed this connection just now")
    cause = office.now.isoformat()
    _look_at(_tracked(ending, office.state), ending, changes=changes, cause=cause)
    polls.put([poll_message(Poll(connection=ending.connection), f"end {cause}")])
    revoke(ending, office)


def finish(connection: Connection, *, office: Office, changes: Outbox, cause: str) -> bool:
    """Erase the last secrets once nobody is tracked; else see to that first.

    Whoever started this may not have lived to revoke the access, or Salesforce was down.
    """
    state = office.state
    left = _tracked(connection, state) or _unsettled(connection, state)
    _look_at(left, connection, changes=changes, cause=cause)
    revoke(connection, office)
    if left:
        return False
    state.erase(WebhookKeys, connection.connection)
    ended = connection.model_copy(update={"state": "ended", "hypertrack_secret": ""})
    if not state.write(ended):
        raise Unavailable("another worker changed this connection")
    return True


type _Pairs = dict[str, set[tuple[str, str]]]  # appointments and assignments, by resource


def _tracked(connection: Connection, state: State) -> _Pairs:
    """The resources that have a geofence, an order, or their tracking switched on."""
    name = connection.connection
    found: _Pairs = defaultdict(set)
    for fenced in state.all_of(Geofence, name):
        if fenced.live:
            found[fenced.resource] = set()
    for shift in state.all_of(OnShift, name):
        if shift.tracking:
            found[shift.resource] = set()
    for order in state.all_of(Order, name):
        if order.ttl is None:  # named, since it may have moved to somebody who does not know
            found[order.resource].add((order.appointment, order.assignment))
    return found


def _unsettled(connection: Connection, state: State) -> _Pairs:
    """Those who may be tracked: SyncTracking died before it could note what it made.

    Tracking lies with its resource, so this is a query for each; it is only asked at the end.
    """
    name = connection.connection
    resources = {each.id for each in state.all_of(Resource, name)}
    resources |= {each.resource for each in state.all_of(Worker, name)}
    return {
        each.resource: set()
        for resource in resources
        for each in state.all_of(Tracking, name, resource)
        if each.creating or each.leaving or each.live or each.ordered
    }


def _look_at(resources: _Pairs, connection: Connection, *, changes: Outbox, cause: str) -> None:
    """An ended connection tracks nobody, so those who look end it."""
    name = connection.connection
    changes.put(
        sync_message(
            Sync(connection=name, resource=resource, assignments=tuple(sorted(pairs))),
            f"end {cause}",
        )
        for resource, pairs in sorted(resources.items())
    )
