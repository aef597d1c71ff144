"""Rule: look at one connection from end to end, and say what is wrong and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fieldlink.connecting import capabilities
from fieldlink.console import overview
from fieldlink.errors import Refused
from fieldlink.examining import (
    examining_org,
    examining_rights,
    examining_stack,
    examining_wishes,
)
from fieldlink.examining.findings import Case, Check, Once, Report, fault, look
from fieldlink.records import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.examining.findings import Finding, Told
    from fieldlink.models import Described
    from fieldlink.ports import State

# Of an incomplete connection: what has to be right to call it connected.
ENOUGH = {"credentials", "Field Service"}


def rounds(
    wanted: str,
    *,
    state: State,
    case: Callable[[Connection], Case],
    more: Callable[[], bool],
) -> dict[str, Any]:
    """The reports about one connection, or with "" about all that have not been ended.

    `more`: whether there is time for another one.
    """
    found = [state.read(Connection, wanted)] if wanted else overview.connections(state)
    there = [each for each in found if each and (wanted or each.state != "ended")]
    if wanted and not there:
        raise Refused("there is no such connection")
    reports = [examine(case(each)) for each in there if more()]
    return {
        "healthy": len(reports) == len(there) and all(each.healthy for each in reports),
        "not_looked_at": [each.connection for each in there[len(reports) :]],
        "reports": [
            {"healthy": each.healthy, **each.model_dump(mode="json")} for each in reports
        ],
    }


def examine(case: Case) -> Report:
    """Every finding. What the org says of itself is kept, and may heal the connection."""
    front = Once(case.org.front)

    def described() -> Described:
        front()  # an org that does not even answer this would keep us waiting for longer
        return told()

    told = Once(lambda: _described(case))
    if case.connection.state in {"new", "ending", "ended"}:
        org = look([Check("credentials", _not_connected)])
    else:
        org = look(
            [
                *examining_org.checks(case, front, described),
                *examining_rights.checks(described, case.connection),
                *examining_wishes.checks(described, case.connection),
            ]
        )
    findings = (*org, *look(examining_stack.checks(case)))
    _heal(case, findings)
    return Report(
        connection=case.connection.connection,
        name=case.connection.name,
        at=case.now,
        findings=findings,
    )


def _not_connected() -> Told:
    return fault(
        "this connection is not connected to Salesforce",
        "Choose Connect to Salesforce on the connection's page.",
    )


def _described(case: Case) -> Described:
    told = case.org.described()
    case.settle()
    capabilities.keep(case.connection, told, state=case.state, now=case.now)
    return told


def _heal(case: Case, findings: tuple[Finding, ...]) -> None:
    """Once Field Service is there nobody needs to go through Salesforce's login again."""
    good = {each.check for each in findings if each.state == "ok"}
    current = case.state.read(Connection, case.connection.connection)
    if current and current.state == "incomplete" and good >= ENOUGH:
        case.state.write(current.model_copy(update={"state": "connected", "problem": ""}))
