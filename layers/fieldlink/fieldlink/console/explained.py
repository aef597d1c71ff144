"""Rule: what the console tells of one appointment: each fact, and what it wrote."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.people.technicians import shown
from fieldlink.records import Appointment, Resource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fieldlink.books.explaining import Explained
    from fieldlink.books.values import Told
    from fieldlink.ports import State

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z", re.ASCII)
FIELDS = {
    "changes.status": "Status",
    "changes.actual_start": "Actual Start",
    "changes.actual_end": "Actual End",
    "changes.actual_minutes": "Actual Duration (minutes)",
    "changes.share_link": "customer's link",
}
# The rest of the name says of which row.
GROUPS = {
    "travel": "Actual Travel Time (minutes) of",
    "distances": "travelled distance to",
    "removed": "removed from the time sheet",
}
ROWS = {
    "event": "in the Activity",
    "task": "Task",
    "entries": "time sheet entry",
    "sheets": "new time sheet",
}
# Of a row what a reader wants to see, in this order.
TELLING = ("subject", "type", "starts_at", "ends_at", "due", "first", "last", "id")
OWN_ROWS = {"event", "task"}  # each fact's own: no other writes over them


class Change(NamedTuple):
    """One value that a fact wrote."""

    field: str
    before: str
    after: str
    stands: bool  # nothing of ours was written over it


class Step(NamedTuple):
    """One fact, as it is told on the page."""

    at: str
    kind: str
    who: str
    received: str
    decided: str
    outcome: str
    changes: list[Change]
    rule: str
    reason: str
    request: str
    reference: str
    recovered: bool


class Story(NamedTuple):
    """Everything about one appointment."""

    appointment: str
    number: str
    problem: str
    steps: list[Step]  # by the time at which they happened


def story(told: Explained, connection: str, state: State) -> Story:
    """What is told, with names, and by the time at which it happened."""
    keys = sorted({(connection, each.resource) for each in told.told if each.resource})
    names = {each.id: each.name for each in state.read_many(Resource, keys)} if keys else {}
    work = state.read(Appointment, connection, told.record)
    in_time = sorted(told.told, key=lambda each: (each.at, each.received_at, each.delivery))
    return Story(
        appointment=told.record,
        number=work.number if work else "",
        problem=told.problem,
        steps=[
            _step(each, told, names.get(each.resource) or each.resource) for each in in_time
        ],
    )


def _step(each: Told, told: Explained, who: str) -> Step:
    return Step(
        at=shown(each.at),
        kind=each.kind,
        who=who,
        received=f"{each.received_at:%Y-%m-%d %H:%M:%S} UTC",
        decided=f"{each.decided_at:%Y-%m-%d %H:%M:%S} UTC" if each.decided_at else "",
        outcome=each.outcome,
        changes=list(_changes(each, told)),
        rule=each.rule,
        reason=each.reason,
        request=each.request,
        reference=each.reference,
        recovered=each.recovered,
    )


def _changes(each: Told, told: Explained) -> Iterator[Change]:
    """Value by value, but row by row where rows were made or changed."""
    rows: dict[str, list[str]] = {}
    for path, value in each.wrote.items():
        row = _row_of(path)
        if row:
            rows.setdefault(row, []).append(path)
            continue
        stands = told.stands[path].delivery == each.delivery
        yield Change(_field(path), _text(each.before.get(path)), _text(value), stands)
    for row, paths in rows.items():
        first = row.partition(".")[0]
        stands = first in OWN_ROWS or any(
            told.stands[path].delivery == each.delivery for path in paths
        )
        before, after = (_in_a_line(row, values) for values in (each.before, each.wrote))
        if after:
            yield Change(ROWS[first], before, after, stands)


def _row_of(path: str) -> str:
    """The row that a value belongs to, or "": `event.subject`, `entries.<key>.subject`."""
    row = path.rpartition(".")[0]
    return row if row.partition(".")[0] in ROWS else ""


def _in_a_line(row: str, values: Mapping[str, object]) -> str:
    texts = (_text(values.get(f"{row}.{name}")) for name in TELLING)
    return ", ".join(filter(None, texts))


def _field(path: str) -> str:
    """The name that people know a value by."""
    first, _, rest = path.partition(".")
    group = GROUPS.get(first, first)
    return FIELDS.get(path) or f"{group} {rest}".strip()


def _text(value: object) -> str:
    """Times as people write them, lists in one line; nothing is nothing."""
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    if isinstance(value, str) and MOMENT.fullmatch(value):
        return shown(datetime.fromisoformat(value))
    return "" if value is None else str(value)
