"""Field Service in Salesforce. The names of its objects and fields live only here and beside:
`salesforce_soql` asks, `salesforce_rows` reads, `salesforce_requests` writes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from fieldlink.adapters import salesforce_requests, salesforce_rows, salesforce_soql
from fieldlink.adapters.salesforce_rest import body_errors, refusal
from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.models import View, Writes, Written
from fieldlink.records import PolledRows

if TYPE_CHECKING:
    import requests

    from fieldlink.adapters.salesforce_rest import SalesforceRest

NEEDED = ("ServiceAppointment", "AssignedResource", "ServiceResource")
# The first look at an org takes what was scheduled to end since then, so that late facts about
# closed work find it, and what is still open however old.
FIRST_LOOK = timedelta(days=30)


class SalesforceOrg:
    """One connection's org."""

    def __init__(self, rest: SalesforceRest, connection: str, user: str) -> None:
        self._rest = rest
        self._connection = connection
        self._user = user

    def missing_objects(self) -> list[str]:
        """The objects of Field Service that this org lacks or this user can't see."""
        return [name for name in NEEDED if not self._described(name)]

    def _described(self, name: str) -> bool:
        try:
            self._rest.call("GET", f"{self._rest.base}/sobjects/{name}/describe")
        except Refused:
            return False
        return True

    def changes(self, since: datetime | None) -> PolledRows:
        """Rows touched at or after `since`, deleted ones too; None: the current ones."""
        soql = (
            salesforce_soql.changed(since)
            if since
            else salesforce_soql.current(datetime.now(UTC) - FIRST_LOOK)
        )
        answer = self._composite(soql, deleted=since is not None)
        found = {
            name: list(self._rest.rows(_good(part))) for name, part in _parts(answer).items()
        }
        return PolledRows(
            # Salesforce's clock, never ours: it is the one that stamps the rows.
            asked_at=parsedate_to_datetime(answer.headers["Date"]),
            resources=tuple(
                salesforce_rows.resource(row, self._connection)
                for row in (*found["resources"], *found.get("users", ()))
            ),
            appointments=tuple(
                salesforce_rows.appointment(row, self._connection)
                for row in found["appointments"]
            ),
            assignments=tuple(
                salesforce_rows.assignment(row, self._connection)
                for row in found["assignments"]
                if row["ServiceResourceId"]  # a crew's own row: its members have rows, too
            ),
        )

    def view(self, appointment: str, resource: str, day: datetime, entry: str = "") -> View:
        """One resource's work on one appointment, with the time sheets around a day.

        `entry`: the id of our own time sheet entry, if there is one.
        """
        parts = _parts(
            self._composite(salesforce_soql.view_queries(appointment, resource, day, entry))
        )
        work = next(iter(_good(parts["appointment"])["records"]), None)
        if work is None:
            raise Refused(f"appointment {appointment} does not exist or is not shared with us")
        assigned = next(iter(_good(parts["assignment"])["records"]), None)
        if assigned is None:
            raise Refused(f"resource {resource} is not assigned to appointment {appointment}")
        sheets, problem = _sheets(parts["sheets"])
        statuses = _good(parts["statuses"])["records"]
        seen = salesforce_rows.view(
            work, assigned, statuses, sheets, problem, resource, self._user
        )
        own = _good(parts["entry"])["records"] if entry else ()
        return seen.model_copy(update={"entry": salesforce_rows.booked(own)})

    def find(self, writes: Writes) -> Written:
        """Rows of `writes` that are there already, told by the reference in their text."""
        queries = salesforce_soql.find_queries(writes)
        if not queries:
            return Written()
        parts = _parts(self._composite(queries, deleted=True))
        found = {name: list(self._rest.rows(_good(part))) for name, part in parts.items()}
        return salesforce_requests.found(writes, found)

    def write(self, writes: Writes) -> Written:
        """One Composite, all or nothing: what is refused leaves nothing behind."""
        answer = self._rest.composite(
            salesforce_requests.write_requests(writes, self._rest.base), atomic=True
        )
        parts = _parts(answer)
        failed = [part for part in parts.values() if part["httpStatusCode"] >= 300]
        if failed:
            errors = [error for part in failed for error in body_errors(part["body"])]
            raise refusal(errors, failed[0]["httpStatusCode"])
        return salesforce_requests.written(
            writes, {name: part["body"] for name, part in parts.items()}
        )

    def _composite(
        self, queries: dict[str, str], *, deleted: bool = False
    ) -> requests.Response:
        return self._rest.composite(
            [self._rest.query(name, soql, deleted=deleted) for name, soql in queries.items()],
            atomic=False,
        )


def _parts(answer: requests.Response) -> dict[str, dict[str, Any]]:
    """The answers of a Composite by reference."""
    try:
        return {part["referenceId"]: part for part in answer.json()["compositeResponse"]}
    except (ValueError, KeyError, TypeError) as error:
        raise Unclear("Salesforce's answer can't be read") from error


def _good(part: dict[str, Any]) -> dict[str, Any]:
    if part["httpStatusCode"] >= 300:
        raise refusal(body_errors(part["body"]), part["httpStatusCode"])
    return dict(part["body"])


def _sheets(part: dict[str, Any]) -> tuple[list[dict[str, Any]] | None, str]:
    """The time sheets, or None and why there are none."""
    if part["httpStatusCode"] < 300:
        return part["body"]["records"], ""
    # Not switched on, or not for us. What passes by itself is no reason to go without.
    refused = refusal(body_errors(part["body"]), part["httpStatusCode"])
    if isinstance(refused, Unavailable):
        raise refused
    return None, str(refused)
