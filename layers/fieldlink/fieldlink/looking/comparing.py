"""Rule: which rows differ from what was handed on of them, and what has happened to each."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.looking import transitions
from fieldlink.looking.transitions import Change
from fieldlink.records import Appointment, Assignment, PolledRows, Resource, Row, Shift

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fieldlink.ports import State

# Closed appointments are forgotten this long after: facts may come late, but not that late.
FORGET_CLOSED = timedelta(days=60)
FORGET_SHIFT = timedelta(days=7)  # after its end


class Changed(NamedTuple):
    """Rows that differ, each with what is due of it."""

    rows: list[Row]
    assignments: dict[str, list[Assignment]]  # by appointment, as they are now


def rows(seen: PolledRows) -> list[Row]:
    """Every row once, as it was last read."""
    last: dict[str, Row] = {
        row.id: row
        for row in (*seen.resources, *seen.appointments, *seen.assignments, *seen.shifts)
    }
    return list(last.values())


def count(seen: PolledRows) -> int:
    """How many rows there were."""
    return len({row.id for row in rows(seen)} | seen.unchanged)


def changed(seen: PolledRows, state: State) -> Changed:
    """The rows that differ, with what has happened to them."""
    known = _known(seen, state)
    differ = [row for row in rows(seen) if not row.same_as(known.get(row.id))]
    were = _beside(differ, state)
    are = {appointment: _now(appointment, before, seen) for appointment, before in were.items()}
    return Changed([_with_due(row, known.get(row.id), were, are) for row in differ], are)


def begun(row: Row) -> Row:
    """As it is kept before it is handed on."""
    return row.model_copy(update={"handed_on": False, "fingerprint": "", **_until(row)})


def finished(row: Row) -> Row:
    """As it is kept once it is handed on."""
    told: dict[str, object] = {"handed_on": True, "due": ()}
    if isinstance(row, Assignment | Shift):
        told["former"] = ()
    return row.model_copy(update={**told, **_until(row)})


def _until(row: Row) -> dict[str, int | None]:
    if isinstance(row, Appointment) and (row.gone or row.category.closed):
        last = row.ends_at or row.starts_at
        return {"ttl": int((last + FORGET_CLOSED).timestamp()) if last else None}
    if isinstance(row, Shift):
        return {"ttl": int((row.ends_at + FORGET_SHIFT).timestamp())}
    return {"ttl": None}


def _known(seen: PolledRows, state: State) -> dict[str, Row]:
    kinds: tuple[tuple[type[Row], Sequence[Row]], ...] = (
        (Resource, seen.resources),
        (Appointment, seen.appointments),
        (Assignment, seen.assignments),
        (Shift, seen.shifts),
    )
    return {
        row.id: row
        for kind, found in kinds
        if found
        for row in state.read_many(kind, dict.fromkeys(each.key for each in found))
    }


def _beside(differ: Iterable[Row], state: State) -> dict[str, list[Assignment]]:
    """The assignments of each appointment that something happened to, as they were."""
    touched = dict.fromkeys(
        (row.connection, row.appointment if isinstance(row, Assignment) else row.id)
        for row in differ
        if isinstance(row, Appointment | Assignment)
    )
    return {
        appointment: state.all_of(Assignment, connection, appointment)
        for connection, appointment in touched
    }


def _now(appointment: str, before: list[Assignment], seen: PolledRows) -> list[Assignment]:
    rows = {each.id: each for each in before}
    rows |= {each.id: each for each in seen.assignments if each.appointment == appointment}
    return list(rows.values())


def _with_due(
    row: Row,
    was: Row | None,
    were: dict[str, list[Assignment]],
    are: dict[str, list[Assignment]],
) -> Row:
    """A row with what is to be handed on of it, which a crash must not forget."""
    update: dict[str, object] = {}
    change = Change(was, row)
    if isinstance(row, Assignment):
        before, after = (
            [each for each in of[row.appointment] if each.id != row.id] for of in (were, are)
        )
        change = Change(was, row, before, after)
    if isinstance(row, Assignment | Shift) and isinstance(was, Assignment | Shift):
        update["former"] = tuple(sorted({was.resource, *was.former} - {row.resource}))
    left: tuple[str, ...] = ()
    if was and not was.handed_on:
        left = was.due or (transitions.UNKNOWN,)
    due = tuple(dict.fromkeys((*left, *transitions.found(change))))
    return row.model_copy(update={**update, "due": due})
