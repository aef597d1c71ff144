"""Rule: what changed in Salesforce since the last look, handed on exactly when it matters."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.commands import poll_message
from fieldlink.errors import Unavailable
from fieldlink.looking import comparing, handing_on, reconciling, transitions
from fieldlink.looking.reconciling import Settled
from fieldlink.models import Poll
from fieldlink.records import Capabilities, Connection, PolledRows, Watermark
from fieldlink.tracking import shifts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from fieldlink.looking.comparing import Changed
    from fieldlink.models import Status
    from fieldlink.ports import Outbox, Salesforce, State

# With nothing to hand on the watermark need not move at every look; it only must not fall far
# behind, because every look reads from there.
IDLE_STEP = timedelta(hours=1)
# The night brings a look at everything. One that failed, or that a silence of the whole stack
# swallowed, is made up for: Salesforce forgets what was deleted after 15 days.
MOST_BETWEEN_FULL = timedelta(hours=25)
BEHIND = "another poller has moved the watermark"


class Polled(NamedTuple):
    """How much a look found."""

    rows: int = 0
    changed: int = 0
    syncs: int = 0
    invites: int = 0
    full: bool = False
    vanished: int = 0
    found: dict[str, int] = {}  # noqa: RUF012  # nobody changes it


class Queues(NamedTuple):
    """Where a look hands on what it found."""

    changes: Outbox
    invites: Outbox


class Ground(NamedTuple):
    """What a look works with."""

    connection: str
    salesforce: Salesforce
    state: State
    queues: Queues
    run: str
    shifts: bool  # whether the connection goes by them


def start(slot: datetime, connections: Iterable[Connection], *, polls: Outbox) -> int:
    """Have every connection's org looked at once in this slot of five minutes."""
    due = [each.connection for each in connections if each.state in {"connected", "ending"}]
    polls.put(poll_message(Poll(connection=name), slot.isoformat()) for name in due)
    return len(due)


def slot_of(moment: datetime) -> datetime:
    """The five minutes that a moment lies in, so that a tick that comes twice does nothing."""
    return moment.replace(minute=moment.minute - moment.minute % 5, second=0, microsecond=0)


def poll(
    connection: Connection,
    *,
    salesforce: Salesforce,
    state: State,
    queues: Queues,
    run: str,
    full: bool = False,
) -> Polled:
    """Hand on what changed in one org since its watermark; `full`: compare everything, too.

    `run` is this look's own word: two looks may want the same thing, each for its own reason.
    """
    name, by_shifts = connection.connection, connection.by_shifts
    ground = Ground(name, salesforce, state, queues, run, by_shifts)
    mark = _mark(ground)
    able = state.read(Capabilities, ground.connection)
    if mark is None or mark.full_at is None:
        return _look_at_everything(mark, None, able, ground)
    since = mark.at - timedelta(minutes=connection.overlap)
    seen = salesforce.changes(since, state.fingerprints)
    _note_statuses(able, seen.statuses, state)
    polled, mark = _look_at_changes(seen, mark, ground)
    if mark.shifts != by_shifts:
        shifts.look_at_all(name, run, state=state, changes=queues.changes)
    elif not full and seen.asked_at - (mark.full_at or mark.at) < MOST_BETWEEN_FULL:
        return polled
    # It comes second, so that the changes go on should it fail time after time.
    return _both(polled, _look_at_everything(mark, seen.asked_at, able, ground))


def _mark(ground: Ground) -> Watermark | None:
    """Whoever has claimed it and not ended is dead or slow, and writes no row after this."""
    mark = ground.state.read(Watermark, ground.connection)
    return _write(mark, ground.state) if mark and mark.claimed else mark


def _look_at_changes(
    seen: PolledRows, mark: Watermark, ground: Ground
) -> tuple[Polled, Watermark]:
    changed = comparing.changed(seen, ground.state)
    idle = not changed.rows and not mark.claimed
    if idle and seen.asked_at - mark.at < IDLE_STEP:
        return Polled(rows=comparing.count(seen)), mark
    return _take_in(Settled(seen), changed, mark, {"at": seen.asked_at}, ground)


def _look_at_everything(
    mark: Watermark | None, at: datetime | None, able: Capabilities | None, ground: Ground
) -> Polled:
    """`at`: up to when changes have been read; closed work is none of what is current."""
    seen = ground.salesforce.changes(None, ground.state.fingerprints)
    _note_statuses(able, seen.statuses, ground.state)
    at = at or seen.asked_at
    settled = reconciling.settle(
        ground.connection, seen, salesforce=ground.salesforce, state=ground.state
    )
    first = Watermark(connection=ground.connection, at=at)
    moved = {"at": at, "full_at": seen.asked_at, "shifts": ground.shifts}
    changed = comparing.changed(settled.rows, ground.state)
    polled, _ = _take_in(settled, changed, mark or first, moved, ground)
    return polled._replace(full=True)


def _take_in(
    settled: Settled,
    changed: Changed,
    mark: Watermark,
    moved: dict[str, object],
    ground: Ground,
) -> tuple[Polled, Watermark]:
    """Rows are kept first, then handed on, then marked as handed on; the watermark comes last.

    A crash anywhere repeats what the workers find to be done already, and skips nothing. The
    claim fails if another poller has claimed since the mark was read, so what was compared with
    the rows still holds; and who is slow and loses the claim to another writes no row any more.
    """
    state = ground.state
    claimed = _write(mark.model_copy(update={"claimed": True}), state)
    state.write_all(settled.vanished, fence=claimed)
    due = [row for row in changed.rows if transitions.effects(row.due)]
    state.write_all([*map(comparing.begun, due), *shifts.planned(due)], fence=claimed)
    told = handing_on.hand_on(changed, ground.run, state, ground.queues)
    state.write_all(map(comparing.finished, changed.rows), fence=claimed)
    names = Counter(name for row in changed.rows for name in row.due)
    polled = Polled(
        rows=comparing.count(settled.rows),
        changed=len(changed.rows),
        syncs=told.syncs,
        invites=told.invites,
        vanished=len(settled.vanished),
        found=dict(sorted(names.items())),
    )
    return polled, _write(claimed.model_copy(update={**moved, "claimed": False}), state)


def _write(mark: Watermark, state: State) -> Watermark:
    if not state.write(mark):
        raise Unavailable(BEHIND)
    return mark.model_copy(update={"version": mark.version + 1})


def _note_statuses(
    able: Capabilities | None, statuses: tuple[Status, ...], state: State
) -> None:
    """A status that was renamed is known within one look. Another writer knows it, too."""
    if able and statuses and statuses != able.statuses:
        state.write(able.model_copy(update={"statuses": statuses}))


def _both(one: Polled, other: Polled) -> Polled:
    return Polled(
        rows=one.rows + other.rows,
        changed=one.changed + other.changed,
        syncs=one.syncs + other.syncs,
        invites=one.invites + other.invites,
        full=True,
        vanished=other.vanished,
        found=dict(Counter(one.found) + Counter(other.found)),
    )
