"""Looks at the work that is about to be written to, many in one call."""

from __future__ import annotations

from itertools import batched
from typing import TYPE_CHECKING, Any, NamedTuple

from fieldlink.adapters import salesforce_rows, salesforce_soql_work
from fieldlink.adapters.salesforce_errors import body_errors, refusal
from fieldlink.adapters.salesforce_seen import Seen, view
from fieldlink.adapters.salesforce_soql import checked
from fieldlink.errors import FieldlinkError, Refused, Unavailable, Unclear

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from fieldlink.adapters.salesforce_rest import SalesforceRest
    from fieldlink.adapters.salesforce_soql import Wants
    from fieldlink.models import Look, View

# An address, also one in a Composite, may have 16,384 bytes. An id takes 27 of them: 18, two
# quotes and a comma, each of three; 500 x 27 = 13,500, and the fields have the rest.
MOST_IDS = 500

type Row = dict[str, Any]


class Org(NamedTuple):
    """An org that is looked at, by one of its users."""

    rest: SalesforceRest
    user: str
    unreadable: Collection[str]
    wants: Wants


def views(looks: Sequence[Look], org: Org) -> list[View | FieldlinkError]:
    """In one call, unless there are more ids than an address can hold."""
    answers: dict[int, View | FieldlinkError] = {}
    numbered = [*enumerate(looks)]
    for number, look in numbered:
        if (wrong := _no_id(look)) is not None:
            answers[number] = Refused(f"{wrong!r} is not a Salesforce id")
    for some in _packed([each for each in numbered if each[0] not in answers]):
        seen = _seen([look for _, look in some], org)
        answers |= {number: _answer(look, seen, org) for number, look in some}
    return [answers[number] for number, _ in numbered]


def _no_id(look: Look) -> str | None:
    """What would not be let into a query."""
    ids = [look.resource, *look.entries, *look.others]
    for each in [look.appointment, *ids] if look.appointment else ids:
        try:
            checked(each)
        except ValueError:
            return each
    return None


def _packed(looks: list[tuple[int, Look]]) -> Iterator[list[tuple[int, Look]]]:
    """All of them at once if their ids fit, else in as many parts as these take at least."""
    if not looks:
        return
    sight = salesforce_soql_work.sight(look for _, look in looks)
    most = max(len(sight.appointments), len(sight.resources), len(sight.entries))
    parts = min(len(looks), -(-most // MOST_IDS) or 1)
    if parts == 1:
        yield looks
        return
    for some in batched(looks, -(-len(looks) // parts), strict=False):
        yield from _packed([*some])


def _seen(looks: list[Look], org: Org) -> Seen:
    sight = salesforce_soql_work.sight(looks)
    queries = salesforce_soql_work.view_queries(sight, org.unreadable, org.wants)
    parts = ask(queries, org.rest)
    try:
        sheets, problem = _sheets(parts.get("sheets"), org)
        told = _rows(parts.get("statuses"), org)
        return Seen(
            {row["Id"]: row for row in _rows(parts.get("appointments"), org)},
            _by("ServiceAppointmentId", _rows(parts.get("assignments"), org)),
            None if sheets is None else _by("ServiceResourceId", sheets),
            problem,
            {row["Id"]: row for row in _rows(parts.get("entries"), org)},
            salesforce_soql_work.no_entries(org.unreadable),
            tuple(salesforce_rows.status(row) for row in told),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise Unclear("Salesforce's answer can't be read") from error


def ask(
    queries: dict[str, str], rest: SalesforceRest, *, deleted: bool = False
) -> dict[str, Row]:
    """The answers of one Composite, by the names of the queries."""
    if not queries:
        return {}
    answer = rest.composite(
        [rest.query(name, soql, deleted=deleted) for name, soql in queries.items()],
        atomic=False,
    )
    try:
        parts = {part["referenceId"]: part for part in answer.json()["compositeResponse"]}
        return {name: parts[name] for name in queries}
    except (ValueError, KeyError, TypeError) as error:
        raise Unclear("Salesforce's answer can't be read") from error


def good(part: Row) -> Row:
    if part["httpStatusCode"] >= 300:
        raise refusal(body_errors(part["body"]), part["httpStatusCode"])
    return dict(part["body"])


def _rows(part: Row | None, org: Org) -> list[Row]:
    return [*org.rest.rows(good(part))] if part else []


def _sheets(part: Row | None, org: Org) -> tuple[list[Row] | None, str]:
    """The time sheets, or None and why there are none."""
    if part is None:
        return None, salesforce_soql_work.no_sheets(org.unreadable, org.wants)
    try:
        return _rows(part, org), ""
    except Refused as refused:  # not switched on, or not for us
        return None, str(refused)


def _by(field: str, rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[field], []).append(row)
    return found


def _answer(look: Look, seen: Seen, org: Org) -> View | FieldlinkError:
    try:
        return view(look, seen, org.user, org.wants)
    except FieldlinkError as error:
        return error
    except (KeyError, TypeError, ValueError):
        return Unavailable("a row of Salesforce's answer can't be read")
