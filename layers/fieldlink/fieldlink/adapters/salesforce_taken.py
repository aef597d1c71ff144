"""The rows of a look. Those that are as we know them are told by a fingerprint and not read on:
that would take several times as long, and in most looks at everything nothing is new.
"""

from __future__ import annotations

import marshal
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from fieldlink.adapters import salesforce_rows
from fieldlink.errors import Unavailable
from fieldlink.records import Appointment, Assignment, Resource, Row, Shift

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fieldlink.ports import Fingerprints

type Raw = dict[str, Any]
type Key = tuple[str, ...]

READ: dict[type[Row], Callable[[Raw, str], Any]] = {
    Resource: salesforce_rows.resource,
    Appointment: salesforce_rows.appointment,
    Assignment: salesforce_rows.assignment,
    Shift: salesforce_rows.shift,
}
# Rows within our rows.
RELATED = ("RelatedRecord", "ServiceResource", "ServiceTerritory", "OperatingHours")
# To be raised when rows come to be read in another way: then none is taken for known.
READING = b"1"


class Taken(NamedTuple):
    """What a look found of one kind of row."""

    rows: tuple[Any, ...]
    unchanged: frozenset[str]  # ids of those that are as we know them


def taken(
    kind: type[Row], pages: Iterable[list[Raw]], connection: str, known: Fingerprints
) -> Taken:
    """Every row once, as it was last read."""
    news: dict[Key, Row] = {}
    unchanged: set[str] = set()
    for page in pages:
        rows = _by_key(kind, page, connection)
        stored = known(kind, rows.keys()) if rows else {}
        for key, row in rows.items():
            told = fingerprint(row)
            if stored.get(key) == told:
                unchanged.add(key[-1])
                news.pop(key, None)
            else:
                unchanged.discard(key[-1])
                news[key] = READ[kind](row, connection).model_copy(update={"fingerprint": told})
    return Taken(tuple(news.values()), frozenset(unchanged))


def fingerprint(row: Raw) -> str:
    """Alike for the same row with the same fields, in the order in which they were asked for.
    Another one costs time and nothing else, so it does not matter that `marshal` may write
    another form in another Python.
    """
    _strip(row)
    told = marshal.dumps([*row.values()], 2)
    return blake2b(told, digest_size=16, person=READING).hexdigest()


def _strip(row: Raw) -> None:
    row.pop("attributes", None)  # an address, with the version of the API in it
    for name in RELATED:
        if isinstance(related := row.get(name), dict):
            _strip(related)


def _by_key(kind: type[Row], page: list[Raw], connection: str) -> dict[Key, Raw]:
    """With the rows' own keys; an id that is none finds nothing and is refused when it is read.

    An assignment may be held for nobody in particular: it is nobody's work.
    """
    try:
        if kind is not Assignment:
            return {(connection, row.get("Id", "")): row for row in page}
        return {
            (connection, row.get("ServiceAppointmentId", ""), row.get("Id", "")): row
            for row in page
            if row.get("ServiceResourceId")
        }
    except (AttributeError, TypeError) as error:
        raise Unavailable("Salesforce's answer has a row without a valid id") from error
