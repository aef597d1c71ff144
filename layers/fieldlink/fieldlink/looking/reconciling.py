"""Rule: what became of open work that a look at everything current did not show."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from fieldlink.commands import poll_message
from fieldlink.models import Poll
from fieldlink.records import (
    Appointment,
    Assignment,
    Geofence,
    PolledRows,
    Resource,
    Row,
    Shift,
    Tracking,
    Vanished,
    Worker,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from fieldlink.ports import Outbox, Salesforce, State
    from fieldlink.records import Connection

REMEMBER = timedelta(days=60)  # what has vanished; as long as facts about it may come
NEXT_DAYS = timedelta(days=13)  # a look at everything shows the Shifts that begin within 14
WHAT: dict[type[Row], Literal["appointment", "assignment", "resource"]] = {
    Appointment: "appointment",
    Assignment: "assignment",
    Resource: "resource",
}


class Settled(NamedTuple):
    """A look at everything, with what it did not show by itself."""

    rows: PolledRows
    vanished: tuple[Vanished, ...] = ()


def start(night: date, connections: Iterable[Connection], *, polls: Outbox) -> int:
    """Have everything current compared in every org that is connected, once a night."""
    due = [each.connection for each in connections if each.state == "connected"]
    slot = f"night of {night.isoformat()}"
    polls.put(poll_message(Poll(connection=name, full=True), slot) for name in due)
    return len(due)


def settle(name: str, seen: PolledRows, *, salesforce: Salesforce, state: State) -> Settled:
    """Ask one by one for open work that was not shown: it is there, deleted or hidden."""
    tracked = _tracked(name, state)
    keys = dict.fromkeys((name, each.appointment) for each in tracked)
    work = {each.id: each for each in state.read_many(Appointment, keys)}
    shown = _shown(seen)
    appointments = _missed(work.values(), shown)
    assignments = _missed(_assignments(name, tracked, state), shown)
    resources = _missed(state.all_of(Resource, name), shown)
    shifts = _missed(_shifts(name, seen, state), shown)
    if appointments or assignments:
        again = salesforce.again(
            [each.id for each in appointments], [each.id for each in assignments]
        )
        seen, deleted = _with(seen, again.rows), again.deleted
    else:
        deleted = frozenset()
    shown, missed = _shown(seen), (*appointments, *assignments, *resources, *shifts)
    gone = [_gone(row, deleted) for row in missed if row.id not in shown]
    names = {each.id: each.number for each in work.values()}
    return Settled(
        _with(seen, _rows(gone, seen.asked_at)),
        tuple(_vanished(row, names, seen.asked_at) for row in gone if type(row) in WHAT),
    )


def _tracked(name: str, state: State) -> list[Tracking]:
    """What is believed to be open work. It lies with its resource: a query for each."""
    resources = {each.id for each in state.all_of(Resource, name)}
    resources |= {each.resource for each in state.all_of(Worker, name)}
    resources |= {each.resource for each in state.all_of(Geofence, name) if each.live}
    return [
        each
        for resource in sorted(resources)
        for each in state.all_of(Tracking, name, resource)
    ]


def _assignments(name: str, tracked: list[Tracking], state: State) -> list[Assignment]:
    keys = dict.fromkeys((name, each.appointment, each.assignment) for each in tracked)
    return state.read_many(Assignment, keys)


def _shifts(name: str, seen: PolledRows, state: State) -> list[Shift]:
    """Those that the look must have shown, if they are still planned."""
    if not seen.shifts_seen:
        return []
    ahead = seen.asked_at + NEXT_DAYS
    known = state.all_of(Shift, name)
    return [each for each in known if each.ends_at >= seen.asked_at and each.starts_at <= ahead]


def _shown(seen: PolledRows) -> set[str]:
    found = (*seen.appointments, *seen.assignments, *seen.resources, *seen.shifts)
    return {each.id for each in found} | seen.unchanged


def _missed[R: Row](believed: Iterable[R], shown: set[str]) -> list[R]:
    """Those that are not among the shown ones and not known to be gone already."""
    return [row for row in believed if row.id not in shown and not (row.gone and row.handed_on)]


def _gone[R: Row](row: R, deleted: frozenset[str]) -> R:
    known = row.id in deleted
    # It is as no row of Salesforce's: seen again it is news, whatever it is like.
    return row.model_copy(update={"deleted": known, "hidden": not known, "fingerprint": ""})


def _rows(rows: list[Row], asked_at: datetime) -> PolledRows:
    return PolledRows(
        asked_at=asked_at,
        appointments=tuple(row for row in rows if isinstance(row, Appointment)),
        assignments=tuple(row for row in rows if isinstance(row, Assignment)),
        resources=tuple(row for row in rows if isinstance(row, Resource)),
        shifts=tuple(row for row in rows if isinstance(row, Shift)),
    )


def _with(seen: PolledRows, more: PolledRows) -> PolledRows:
    return seen.model_copy(
        update={
            "appointments": (*seen.appointments, *more.appointments),
            "assignments": (*seen.assignments, *more.assignments),
            "resources": (*seen.resources, *more.resources),
            "shifts": (*seen.shifts, *more.shifts),
        }
    )


def _vanished(row: Row, numbers: dict[str, str], at: datetime) -> Vanished:
    if isinstance(row, Resource):
        shown = row.name
    else:
        work = row.appointment if isinstance(row, Assignment) else row.id
        shown = numbers.get(work, "")
    return Vanished(
        connection=row.connection,
        id=row.id,
        what=WHAT[type(row)],
        name=shown,
        deleted=row.deleted,
        at=at,
        ttl=int((at + REMEMBER).timestamp()),
    )
