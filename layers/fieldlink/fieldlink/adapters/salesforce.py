"""Field Service in Salesforce. The names of its objects and fields live only here and beside:
`salesforce_soql` and `salesforce_soql_work` ask, `salesforce_rows` reads, `salesforce_requests`
writes, and `salesforce_looks` finds what changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fieldlink.adapters import (
    salesforce_describe,
    salesforce_looks,
    salesforce_requests,
    salesforce_rows,
    salesforce_soql_work,
)
from fieldlink.adapters.salesforce_errors import body_errors, refusal
from fieldlink.adapters.salesforce_soql import NOTHING_MORE
from fieldlink.errors import NOT_ASSIGNED, Refused, Unavailable, Unclear
from fieldlink.models import Described, View, Writes, Written
from fieldlink.ports import nothing_is_known

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime

    import requests

    from fieldlink.adapters.salesforce_rest import SalesforceRest
    from fieldlink.adapters.salesforce_soql import Wants
    from fieldlink.models import Place
    from fieldlink.ports import Again, Fingerprints
    from fieldlink.records import PolledRows

NEEDED = ("ServiceAppointment", "AssignedResource", "ServiceResource")


class SalesforceOrg:
    """One connection's org."""

    def __init__(
        self,
        rest: SalesforceRest,
        connection: str,
        user: str,
        unreadable: Callable[[], Collection[str]] = tuple,
        wants: Wants = NOTHING_MORE,
    ) -> None:
        """`unreadable`: fields that are not to be asked for, as Object.Field."""
        self._rest = rest
        self._connection = connection
        self._user = user
        self._unreadable = unreadable
        self._wants = wants

    def missing_objects(self) -> list[str]:
        """The objects of Field Service that this org lacks or this user can't see."""
        return [name for name in NEEDED if not self._described(name)]

    def _described(self, name: str) -> bool:
        try:
            self._rest.call("GET", f"{self._rest.base}/sobjects/{name}/describe")
        except Refused:
            return False
        return True

    def described(self) -> Described:
        """What our user may read and write here."""
        return salesforce_describe.described(self._rest, self._wants)

    def changes(
        self, since: datetime | None, known: Fingerprints = nothing_is_known
    ) -> PolledRows:
        """Rows touched at or after `since`, deleted ones too; None: all that counts now."""
        return salesforce_looks.changes(since, known, self._looked_at)

    def again(self, appointments: Iterable[str], assignments: Iterable[str]) -> Again:
        """Rows by id; of those that are not shown, which the deletion log names."""
        return salesforce_looks.again([*appointments], [*assignments], self._looked_at)

    @property
    def _looked_at(self) -> salesforce_looks.Org:
        return salesforce_looks.Org(
            self._rest, self._connection, self._unreadable(), self._wants.shifts
        )

    def view(
        self,
        appointment: str,
        resource: str,
        day: datetime,
        entry: str = "",
        *,
        left: bool = False,
    ) -> View:
        """One resource's work on one appointment, with the time sheets around a day.

        `entry`: our own time sheet entry. `left`: though the resource is assigned no more.
        """
        queries = salesforce_soql_work.view_queries(
            appointment, resource, day, entry, self._unreadable(), self._wants.field
        )
        parts = _parts(self._composite(queries))
        work, assigned = _first(parts["appointment"]), _first(parts["assignment"])
        if not work:
            raise Refused(f"appointment {appointment} does not exist or is not shared with us")
        if not (assigned or left):
            why = f"resource {resource} is not assigned to appointment {appointment}"
            raise Refused(why, code=NOT_ASSIGNED)
        sheets, problem = _sheets(parts["sheets"])
        told = _good(parts["statuses"])["records"] if "statuses" in parts else []
        seen = salesforce_rows.view(work, assigned, told, sheets, problem, resource, self._user)
        own = _good(parts["entry"])["records"] if "entry" in parts else ()
        link = salesforce_rows.link(work, self._wants.field)
        return seen.model_copy(update={"entry": salesforce_rows.booked(own), **link})

    def find(self, writes: Writes) -> Written:
        """Rows of `writes` that are there already, told by the reference in their text."""
        queries = salesforce_soql_work.find_queries(writes)
        if not queries:
            return Written()
        parts = _parts(self._composite(queries, deleted=True))
        found = {name: list(self._rest.rows(_good(part))) for name, part in parts.items()}
        return salesforce_requests.found(writes, found)

    def write(self, writes: Writes) -> Written:
        """One Composite, all or nothing: what is refused leaves nothing behind."""
        requests_ = salesforce_requests.write_requests(
            writes, self._rest.base, self._wants.field
        )
        answer = self._rest.composite(requests_, atomic=True)
        parts = _parts(answer)
        failed = [part for part in parts.values() if part["httpStatusCode"] >= 300]
        if failed:
            errors = [error for part in failed for error in body_errors(part["body"])]
            raise refusal(errors, failed[0]["httpStatusCode"])
        return salesforce_requests.written(
            writes, {name: part["body"] for name, part in parts.items()}
        )

    def locate(self, resource: str, place: Place, at: datetime) -> None:
        """Show where a resource was last."""
        self._rest.call(
            *salesforce_requests.place_request(resource, place, at, self._rest.base)
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


def _first(part: dict[str, Any]) -> dict[str, Any]:
    return dict(next(iter(_good(part)["records"]), {}))


def _sheets(part: dict[str, Any]) -> tuple[list[dict[str, Any]] | None, str]:
    """The time sheets, or None and why there are none."""
    if part["httpStatusCode"] < 300:
        return part["body"]["records"], ""
    # Not switched on, or not for us. What passes by itself is no reason to go without.
    refused = refusal(body_errors(part["body"]), part["httpStatusCode"])
    if isinstance(refused, Unavailable):
        raise refused
    return None, str(refused)
