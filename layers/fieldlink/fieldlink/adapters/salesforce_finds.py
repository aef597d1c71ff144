"""Looks for rows that earlier tries may have made, of many writes in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fieldlink.adapters import salesforce_soql_found
from fieldlink.adapters.salesforce_views import ask, good
from fieldlink.errors import FieldlinkError, Refused, Unclear

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from fieldlink.adapters.salesforce_rest import SalesforceRest
    from fieldlink.models import Writes, Written

type Row = dict[str, Any]
type Answer = Written | FieldlinkError


def find_all(
    several: Sequence[Writes],
    rest: SalesforceRest,
    keyed: Collection[str],
    *,
    deleted: bool,
) -> list[Answer]:
    """Each has an answer, or the refusal of what it alone, or its kind of rows, has met with.

    `deleted`: rows that somebody has deleted since are found, too.
    """
    answers: dict[int, Answer] = {}
    for number, writes in enumerate(several):
        try:
            salesforce_soql_found.find_queries([writes])
        except ValueError as error:
            answers[number] = Refused(f"this can't be looked for: {error}")
    sound = [each for each in enumerate(several) if each[0] not in answers]
    for some in salesforce_soql_found.packed(sound):
        queries = salesforce_soql_found.find_queries([writes for _, writes in some], keyed)
        parts = ask(queries, rest, deleted=deleted)
        try:
            rows = {name: _rows(part, rest) for name, part in parts.items()}
            answers |= {number: _answer(writes, rows) for number, writes in some}
        except (KeyError, TypeError, AttributeError) as error:
            raise Unclear("Salesforce's answer can't be read") from error
    return [answers[number] for number in range(len(several))]


def _rows(part: Row, rest: SalesforceRest) -> list[Row] | FieldlinkError:
    try:
        return [*rest.rows(good(part))]
    except FieldlinkError as error:
        return error


def _answer(writes: Writes, rows: dict[str, list[Row] | FieldlinkError]) -> Answer:
    wanted: dict[str, list[Row]] = {}
    for name in salesforce_soql_found.find_queries([writes]):
        found = rows[name]
        if isinstance(found, FieldlinkError):
            return found
        wanted[name] = found
    return salesforce_soql_found.found(writes, wanted)
