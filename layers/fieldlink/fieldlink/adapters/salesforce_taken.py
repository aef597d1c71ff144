"""The rows of a look. Those that are as we know them are told by a fingerprint and not read on:
that would take several times as long, and in most looks at everything nothing is new.
"""

from __future__ import annotations

import marshal
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from fieldlink.adapters import salesforce_rows
from fieldlink.records import Appointment, Assignment, Resource, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fieldlink.ports import Unchanged

type Raw = dict[str, Any]
type Key = tuple[str, ...]

READ: dict[type[Row], Callable[[Raw, str], Any]] = {
    Resource: salesforce_rows.resource,
    Appointment: salesforce_rows.appointment,
    Assignment: salesforce_rows.assignment,
}


class Taken(NamedTuple):
    """What a look found of one kind of row."""

    rows: tuple[Any, ...]
    unchanged: frozenset[str]  # ids of those that are as we know them


def taken(
    kind: type[Row], pages: Iterable[list[Raw]], connection: str, unchanged: Unchanged
) -> Taken:
    """Every row once, as it was last read."""
    known: dict[Key, Row | None] = {}
    for page in pages:
        raw = {_key(kind, row, connection): row for row in page if _counts(kind, row)}
        told = {key: fingerprint(row) for key, row in raw.items()}
        same = unchanged(kind, told) if told else ()
        for key, row in raw.items():
            known[key] = None if key in same else _read(kind, row, connection, told[key])
    return Taken(
        tuple(row for row in known.values() if row),
        frozenset(key[-1] for key, row in known.items() if row is None),
    )


def fingerprint(row: Raw) -> str:
    """Alike for the same row with the same fields. Another one costs time and nothing else, so
    it does not matter that `marshal` may write another form in another Python.
    """
    values = [row[name] for name in row if name != "attributes"]
    return blake2b(marshal.dumps(values, 2), digest_size=16).hexdigest()


def _key(kind: type[Row], row: Raw, connection: str) -> Key:
    """As the row's own; an id that is none finds nothing, and is refused when it is read."""
    if kind is Assignment:
        return connection, str(row.get("ServiceAppointmentId")), str(row.get("Id"))
    return connection, str(row.get("Id"))


def _counts(kind: type[Row], row: Raw) -> bool:
    """An assignment may be held for nobody in particular."""
    return kind is not Assignment or bool(row.get("ServiceResourceId"))


def _read(kind: type[Row], row: Raw, connection: str, told: str) -> Row:
    read: Row = READ[kind](row, connection)
    return read.model_copy(update={"fingerprint": told})
