"""Rule: who is told what of the rows that changed, as the table of transitions has it."""

from __future__ import annotations

from collections import defaultdict
from itertools import batched
from typing import TYPE_CHECKING, NamedTuple, Protocol

from fieldlink.commands import invite_message, sync_message
from fieldlink.looking import transitions
from fieldlink.looking.transitions import Effect
from fieldlink.models import Invite, Sync
from fieldlink.records import Appointment, Assignment, Resource, Shift, Vanished, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fieldlink.looking.comparing import Changed
    from fieldlink.ports import Outbox, State
    from fieldlink.records import Row


# Of 43 bytes each, in a message that may have 256 KB: 43 KB.
MOST_PAIRS = 1_000


class Queues(Protocol):
    """The queues that a look hands on to."""

    @property
    def changes(self) -> Outbox: ...

    @property
    def invites(self) -> Outbox: ...


class Told(NamedTuple):
    """How many were put into each queue."""

    syncs: int
    invites: int


def hand_on(changed: Changed, run: str, state: State, queues: Queues) -> Told:
    """Have the tracking looked at and people invited."""
    syncs = _syncs(changed)
    queues.changes.put(sync_message(sync, run) for sync in syncs)
    invites = _invites(changed, state)
    queues.invites.put(invite_message(invite, run) for invite in invites)
    for row in changed.rows:
        if Effect.UNVANISH in transitions.effects(row.due):
            state.erase(Vanished, row.connection, row.id)
    return Told(len(syncs), len(invites))


def _syncs(changed: Changed) -> list[Sync]:
    """Whose tracking to look at again, and because of which assignments."""
    wanted: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for row in changed.rows:
        for resource, pairs in _looks(row, changed):
            wanted[row.connection, resource].update(pairs)
    return [
        Sync(connection=connection, resource=resource, assignments=part)
        for (connection, resource), pairs in sorted(wanted.items())
        for part in (batched(sorted(pairs), MOST_PAIRS, strict=False) if pairs else ((),))
    ]


def _looks(row: Row, changed: Changed) -> Iterator[tuple[str, set[tuple[str, str]]]]:
    """The resources to look at because of one row, each with assignments to look for."""
    effects = transitions.effects(row.due)
    if Effect.LOOK in effects:
        yield from _assigned(row, changed)
    if Effect.LOOK_AT_FORMER in effects and isinstance(row, Assignment | Shift):
        pairs = {(row.appointment, row.id)} if isinstance(row, Assignment) else set()
        yield from ((each, pairs) for each in row.former if each)


def _assigned(row: Row, changed: Changed) -> Iterator[tuple[str, set[tuple[str, str]]]]:
    """Whom a row is about now."""
    if isinstance(row, Resource):
        yield row.id, set()
    if isinstance(row, Assignment):
        yield row.resource, {(row.appointment, row.id)}
    if isinstance(row, Shift) and row.resource:
        yield row.resource, set()
    if isinstance(row, Appointment):
        for each in changed.assignments[row.id]:
            if not each.gone and each.technician:
                yield each.resource, {(row.id, each.id)}


def _invites(changed: Changed, state: State) -> list[Invite]:
    """Technicians without the app whom nobody has invited yet, or only at another address."""
    wanted = [
        row
        for row in changed.rows
        if isinstance(row, Resource)
        and row.active
        and row.technician
        and not row.gone
        and Effect.INVITE in transitions.effects(row.due)
    ]
    keys = [row.key for row in wanted]
    known = {each.resource: each for each in state.read_many(Worker, keys)} if keys else {}
    found = (_invite(row, known.get(row.id)) for row in wanted)
    return [each for each in found if each]


def _invite(row: Resource, worker: Worker | None) -> Invite | None:
    invite = Invite(connection=row.connection, resource=row.id)
    if worker is None or not (worker.device or worker.invitation):
        return invite
    sent = worker.invitation
    if worker.device or sent is None or sent.state == "sending" or sent.email == row.email:
        return None
    if not row.email or Effect.INVITE_ANEW not in transitions.effects(row.due):
        return None
    return invite.model_copy(update={"despite": sent.at})
