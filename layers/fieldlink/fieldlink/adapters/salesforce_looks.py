"""Looks at an org: what changed in it, all that counts now, or rows one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import batched, chain
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from pydantic_core import from_json

from fieldlink.adapters import salesforce_rows, salesforce_soql
from fieldlink.adapters.salesforce_errors import body_errors, refusal
from fieldlink.adapters.salesforce_taken import taken
from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.ids import salesforce_id
from fieldlink.ports import Again, nothing_is_known
from fieldlink.records import Appointment, Assignment, PolledRows, Resource, Shift

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from fieldlink.adapters.salesforce_rest import SalesforceRest
    from fieldlink.models import Status
    from fieldlink.ports import Fingerprints

# A look at everything takes what was scheduled to end since then, so that late facts about
# closed work find it, and what is still open however old.
CLOSED_SINCE = timedelta(days=30)
MOST_QUERIES = 5  # in one Composite
# The deletion log reaches 15 days back. It ignores seconds, and time goes by on the way.
LOG_REACH = timedelta(days=15) - timedelta(minutes=2)

type Row = dict[str, Any]
type Pages = Iterator[list[Row]]


class Org(NamedTuple):
    """An org that is looked at, and what our user can't read there."""

    rest: SalesforceRest
    connection: str
    unreadable: Collection[str]
    shifts: bool = False  # whether they are looked at


def changes(since: datetime | None, known: Fingerprints, org: Org) -> PolledRows:
    """Rows touched at or after `since`, deleted ones too; None: all that counts now."""
    soql = _everything(org)
    if since:
        soql = salesforce_soql.changed(since, org.unreadable, shifts=org.shifts)
    asked_at, found = _ask(soql, org, deleted=since is not None)
    return _read(found, asked_at, known, org)


def _everything(org: Org) -> dict[str, str]:
    now = datetime.now(UTC)
    shifts_at = now if org.shifts else None
    return salesforce_soql.current(now - CLOSED_SINCE, org.unreadable, shifts_at=shifts_at)


def again(appointments: list[str], assignments: list[str], org: Org) -> Again:
    """Rows by id, deleted ones too; of those that are not there, which the log has deleted."""
    found: dict[str, list[Pages]] = {}
    asked_at = datetime.min.replace(tzinfo=UTC)
    for batch in batched(_by_id(appointments, assignments, org), MOST_QUERIES, strict=False):
        asked_at, parts = _ask(dict(batch), org, deleted=True)
        for name, pages in parts.items():
            found.setdefault(name.partition("_")[0], []).append(pages)
    joined = {name: chain.from_iterable(parts) for name, parts in found.items()}
    seen = _read(joined, asked_at, nothing_is_known, org)
    work = {*appointments} - {each.id for each in seen.appointments}
    assigned = {*assignments} - {each.id for each in seen.assignments}
    deleted = _deleted("ServiceAppointment", work, asked_at, org)
    return Again(seen, deleted | _deleted("AssignedResource", assigned, asked_at, org))


def _by_id(
    appointments: list[str], assignments: list[str], org: Org
) -> Iterator[tuple[str, str]]:
    kinds: tuple[tuple[str, Callable[..., str], list[str]], ...] = (
        ("appointments", salesforce_soql.appointments_again, appointments),
        ("assignments", salesforce_soql.assignments_again, assignments),
    )
    for name, query, ids in kinds:
        parts = batched(ids, salesforce_soql.MOST_IDS, strict=False)
        for number, part in enumerate(parts):
            yield f"{name}_{number}", query(part, org.unreadable)


def _ask(soql: dict[str, str], org: Org, *, deleted: bool) -> tuple[datetime, dict[str, Pages]]:
    """One Composite, when it was answered, and its answers, of which the first page is here."""
    answer = org.rest.composite(
        [
            org.rest.query(name, text, deleted=deleted and name != "statuses")
            for name, text in soql.items()
        ],
        atomic=False,
    )
    try:
        body = from_json(answer.content, cache_strings="keys")
        parts = {part["referenceId"]: part for part in body["compositeResponse"]}
        found = {name: _pages(name, parts[name], org) for name in soql}
    except (ValueError, KeyError, TypeError) as error:
        raise Unclear("Salesforce's answer can't be read") from error
    return _time_of(answer.headers), found


def _pages(name: str, part: Row, org: Org) -> Pages:
    if part["httpStatusCode"] < 300:
        return _followed(part["body"], org)
    refused = refusal(body_errors(part["body"]), part["httpStatusCode"])
    if name == "statuses" and isinstance(refused, Refused):
        return iter(())  # not for us to see; the work is looked at all the same
    raise refused


def _followed(part: Row, org: Org) -> Pages:
    try:
        yield from org.rest.pages(part)
    except Refused as error:  # the first page was given, so it is no matter of rights
        raise Unavailable(f"a page of Salesforce's answer was refused: {error}") from error


def _read(
    found: Mapping[str, Pages], asked_at: datetime, known: Fingerprints, org: Org
) -> PolledRows:
    people = chain(found.get("resources", ()), found.get("users", ()))
    resources = taken(Resource, people, org.connection, known)
    work = found.get("appointments", ())
    appointments = taken(Appointment, work, org.connection, known)
    assigned = found.get("assignments", ())
    assignments = taken(Assignment, assigned, org.connection, known)
    shifts = taken(Shift, found.get("shifts", ()), org.connection, known)
    kinds = (resources, appointments, assignments, shifts)
    return PolledRows(
        asked_at=asked_at,
        resources=resources.rows,
        appointments=appointments.rows,
        assignments=assignments.rows,
        statuses=_statuses(chain.from_iterable(found.get("statuses", ()))),
        shifts=shifts.rows,
        shifts_seen="shifts" in found,
        unchanged=frozenset().union(*(each.unchanged for each in kinds)),
    )


def _statuses(rows: Iterable[Row]) -> tuple[Status, ...]:
    try:
        return tuple(salesforce_rows.status(row) for row in rows)
    except AttributeError as error:
        raise Unclear("Salesforce's answer can't be read") from error


def _time_of(headers: Mapping[str, str]) -> datetime:
    """By Salesforce's clock, never ours: it is the one that stamps the rows."""
    try:
        told = parsedate_to_datetime(headers["Date"])
    except (KeyError, ValueError) as error:
        raise Unavailable("Salesforce did not say what time it is") from error
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def _deleted(sobject: str, missing: set[str], now: datetime, org: Org) -> frozenset[str]:
    """Those that the deletion log names. It may be purged, or say nothing to us."""
    if not missing:
        return frozenset()
    start, end = (
        quote(salesforce_soql.moment(each), safe="") for each in (now - LOG_REACH, now)
    )
    path = f"{org.rest.base}/sobjects/{sobject}/deleted/?start={start}&end={end}"
    try:
        rows = org.rest.call("GET", path).json()["deletedRecords"]
    except Refused:
        return frozenset()
    except (ValueError, KeyError, TypeError) as error:
        raise Unclear("Salesforce's answer can't be read") from error
    return frozenset(salesforce_id(row.get("id"), "") for row in rows) & missing
