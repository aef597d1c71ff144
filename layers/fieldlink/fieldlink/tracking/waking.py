"""Rule: who is to be looked at again now, though nothing has changed.

Whoever looks at a resource notes when to look again, so a note that is no longer true only
costs a look.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.commands import sync_message
from fieldlink.models import Sync
from fieldlink.records import Due, Resource

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.ports import Outbox, State
    from fieldlink.records import Connection

# Of one connection in one tick. A look takes far longer than its message, so a fleet that
# begins its day at one minute is sent on in full within a few ticks.
PAGE = 1_000
FORGET = timedelta(days=60)  # of a connection that has ended, and looks at nobody
GLANCE = 25  # are read to see whether there is anything to do, which mostly there is not


def at(connection: str, moment: datetime, resource: str, why: str, *, state: State) -> None:
    """Have a resource looked at when a moment has come. Noted twice, it is one."""
    until = int((moment + FORGET).timestamp())
    due = Due(connection=connection, at=moment, resource=resource, why=why, ttl=until)
    state.write_all([due])


def wake(connection: Connection, *, state: State, changes: Outbox, now: datetime) -> int:
    """Have every resource looked at whose time has come. Returns how many."""
    name = connection.connection
    due = _due(name, GLANCE, state, now)
    if len(due) == GLANCE:
        due = _due(name, PAGE, state, now)
    # The same page again after a crash has the same causes: the queue drops those it has seen.
    latest = {each.resource: each for each in due}
    changes.put(
        sync_message(
            Sync(connection=name, resource=resource, due=each.at),
            f"due {each.at.isoformat()} {each.why}",
        )
        for resource, each in latest.items()
    )
    for each in due:
        state.erase(Due, *each.key)
    return len(latest)


def everybody(connection: Connection, *, state: State, changes: Outbox, cause: str) -> int:
    """Have every resource looked at, as when the way of tracking has been changed."""
    name = connection.connection
    resources = sorted(each.id for each in state.all_of(Resource, name))
    changes.put(sync_message(Sync(connection=name, resource=each), cause) for each in resources)
    return len(resources)


def _due(connection: str, limit: int, state: State, now: datetime) -> list[Due]:
    """The oldest first."""
    return [each for each in state.some_of(Due, connection, limit=limit) if each.at <= now]
