"""Rule: what changed in Salesforce since the last look, handed on exactly when it matters."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.commands import invite_message, poll_message, sync_message
from fieldlink.errors import Unavailable
from fieldlink.models import Invite, Poll, Sync
from fieldlink.records import (
    Appointment,
    Assignment,
    Connection,
    Listed,
    PolledRows,
    Resource,
    Row,
    Watermark,
    Worker,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from fieldlink.ports import Outbox, Salesforce, State

# Salesforce stamps a row when its transaction starts but shows it only once it commits, so
# each look reaches back past the last one. Others who do this re-read 600 s too.
OVERLAP = timedelta(minutes=10)
# With nothing to hand on the watermark need not move at every look; it only must not fall far
# behind, because every look reads from there.
IDLE_STEP = timedelta(hours=1)
# Closed appointments are forgotten this long after: facts may come late, but not that late.
FORGET_CLOSED = timedelta(days=60)


class Polled(NamedTuple):
    """How much a look found."""

    rows: int
    changed: int
    syncs: int
    invites: int


class Queues(NamedTuple):
    """Where a look hands on what it found."""

    changes: Outbox
    invites: Outbox


def start(slot: datetime, *, state: State, polls: Outbox) -> int:
    """Have every connection's org looked at once in this slot of five minutes."""
    listed = state.all_of(Listed)
    connections = state.read_many(Connection, (each.key for each in listed))
    due = [each.connection for each in connections if each.state in {"connected", "ending"}]
    polls.put(poll_message(Poll(connection=name), slot.isoformat()) for name in due)
    return len(due)


def slot_of(moment: datetime) -> datetime:
    """The five minutes that a moment lies in, so that a tick that comes twice does nothing."""
    return moment.replace(minute=moment.minute - moment.minute % 5, second=0, microsecond=0)


def poll(
    connection: Connection, *, salesforce: Salesforce, state: State, queues: Queues, run: str
) -> Polled:
    """Hand on what changed in one org since its watermark.

    Rows are kept first, then handed on, then marked as handed on, and the watermark comes last:
    a crash anywhere repeats what the workers find to be done already, and skips nothing. `run`
    is this look's own word: two looks may want the same thing, each for a reason of its own.
    """
    mark = state.read(Watermark, connection.connection)
    seen = salesforce.changes(mark.at - OVERLAP if mark else None)
    before = _known(seen, state)
    changed = [
        _with_former(row, before.get(row.id))
        for row in _all(seen)
        if not row.same_as(before.get(row.id))
    ]
    state.write_all(_kept(row, handed_on=False) for row in changed)
    syncs = _syncs(changed, before, state)
    queues.changes.put(sync_message(sync, run) for sync in syncs)
    invites = _invites(changed, state)
    queues.invites.put(invite_message(invite, run) for invite in invites)
    state.write_all(_kept(row, handed_on=True) for row in changed)
    _move(mark, seen, connection, state, found=bool(changed))
    return Polled(len(list(_all(seen))), len(changed), len(syncs), len(invites))


def _known(seen: PolledRows, state: State) -> dict[str, Row]:
    kinds: tuple[tuple[type[Row], Sequence[Row]], ...] = (
        (Resource, seen.resources),
        (Appointment, seen.appointments),
        (Assignment, seen.assignments),
    )
    return {
        row.id: row
        for kind, rows in kinds
        for row in state.read_many(kind, dict.fromkeys(each.key for each in rows))
    }


def _all(seen: PolledRows) -> Iterable[Row]:
    """Every row once, as it was last read."""
    rows: dict[str, Row] = {
        row.id: row for row in (*seen.resources, *seen.appointments, *seen.assignments)
    }
    return rows.values()


def _kept(row: Row, *, handed_on: bool) -> Row:
    update: dict[str, object] = {"handed_on": handed_on}
    if isinstance(row, Appointment) and (row.deleted or row.category.closed):
        last = row.ends_at or row.starts_at
        if last:
            update["ttl"] = int((last + FORGET_CLOSED).timestamp())
    if isinstance(row, Assignment) and handed_on:
        update["former"] = ()
    return row.model_copy(update=update)


def _syncs(changed: list[Row], before: dict[str, Row], state: State) -> list[Sync]:
    """Whose tracking to look at again, and because of which assignments."""
    wanted: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for row in changed:
        if isinstance(row, Resource) and row.id in before:
            wanted[row.connection, row.id].update(())
        for each in _assignments(row, state):
            wanted[each.connection, each.resource].add((each.appointment, each.id))
    return [
        Sync(connection=connection, resource=resource, assignments=tuple(sorted(assignments)))
        for (connection, resource), assignments in sorted(wanted.items())
    ]


def _with_former(row: Row, before: Row | None) -> Row:
    """An assignment with whom it was taken from, which a crash must not forget."""
    if not isinstance(row, Assignment) or not isinstance(before, Assignment):
        return row
    former = {before.resource, *before.former} - {row.resource}
    return row.model_copy(update={"former": tuple(sorted(former))})


def _assignments(row: Row, state: State) -> list[Assignment]:
    """The assignments that a changed row touches, as they are and as they were."""
    if isinstance(row, Appointment):
        return state.all_of(Assignment, row.connection, row.id)
    if not isinstance(row, Assignment):
        return []
    return [row, *(row.model_copy(update={"resource": each}) for each in row.former)]


def _invites(changed: list[Row], state: State) -> list[Invite]:
    """New technicians whom nobody has invited yet and who have no device."""
    technicians = [
        row for row in changed if isinstance(row, Resource) and row.active and row.technician
    ]
    known = {row.resource: row for row in state.read_many(Worker, (r.key for r in technicians))}
    return [
        Invite(connection=row.connection, resource=row.id)
        for row in technicians
        if row.id not in known or not (known[row.id].device or known[row.id].invitation)
    ]


def _move(
    mark: Watermark | None,
    seen: PolledRows,
    connection: Connection,
    state: State,
    *,
    found: bool,
) -> None:
    if mark and not found and seen.asked_at - mark.at < IDLE_STEP:
        return
    moved = (mark or Watermark(connection=connection.connection, at=seen.asked_at)).model_copy(
        update={"at": seen.asked_at}
    )
    # Its version fences off a poller that was thought dead and is not.
    if not state.write(moved):
        raise Unavailable("another poller has moved the watermark")
