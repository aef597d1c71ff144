"""Rule: what the doctor looks at first in Salesforce: may we call it, and how often."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from fieldlink.connecting import ends
from fieldlink.connecting.gate import SOFT, spent
from fieldlink.errors import Lost, Refused, Unavailable
from fieldlink.examining.findings import (
    Case,
    Check,
    Once,
    Told,
    fault,
    look,
    ok,
    unknown,
    warning,
)
from fieldlink.records import Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fieldlink.models import Described
    from fieldlink.ports import Front

SKEW = timedelta(minutes=5)
CALLS, RENEWALS, ALL = "api", {"refresh_token", "offline_access"}, "full"


def checks(
    case: Case, front: Callable[[], Front], described: Callable[[], Described]
) -> Iterator[Check]:
    """In the order in which they are told."""
    scopes = Check("scopes", Once(partial(_scopes, case)))
    version = Check("API version", lambda: _version(case, front()))
    causes = {
        "scope missing": scopes,
        "no API session": scopes,
        "API version retired": version,
    }
    yield Check("Salesforce answers", lambda: _answers(front))
    yield Check("credentials", lambda: _credentials(case, described, causes))
    yield scopes
    yield version
    yield Check("quota", partial(_quota, case))
    yield Check("circuit breaker", partial(_breaker, case))
    yield Check("clock", lambda: _clock(case, front()))


def _answers(front: Callable[[], Front]) -> Told:
    try:
        front()
    except Lost:
        raise
    except Unavailable as error:
        return fault(f"no: {error}", "Wait: everything goes on by itself once it answers.")
    return ok("yes")


def _credentials(
    case: Case, described: Callable[[], Described], causes: dict[str, Check]
) -> Told:
    """Whether Salesforce lets us in, whatever it then lets us do.

    `causes`: by the name of an end, the check that finds what may have caused it.
    """
    try:
        described()
    except Lost as lost:
        cause = causes.get(lost.end)
        if cause and look([cause])[0].state == "fault":
            return unknown(f"see {cause.name}")
        return _ended(lost.end)
    except Refused as refusal:
        return ok(f"Salesforce accepts them, but does not describe the org: {refusal}")
    if case.connection.state == "lost":  # they may still work, but nobody looks by them
        return _ended(case.connection.end)
    return ok("Salesforce accepts them")


def _ended(end: str) -> Told:
    known = ends.ENDS.get(end) or ends.ENDS["refused"]
    return fault(known.words, known.cure)


def _scopes(case: Case) -> Told:
    held = case.org.scopes()
    cure = (
        "Give the app the scopes api and refresh_token in Salesforce, then connect again on "
        "the connection's page."
    )
    if not held & {CALLS, ALL}:
        return fault("the access is without the scope api", cure)
    if case.connection.authorise == "web" and not held & {*RENEWALS, ALL}:
        return fault("the access is without the scope refresh_token", cure)
    return ok(f"the access has {', '.join(sorted(held))}")


def _version(case: Case, front: Front) -> Told:
    ours = case.api_version
    if ours in front.versions:
        return ok(f"the org offers version {ours}")
    newest = front.versions[-1] if front.versions else "none"
    return fault(
        f"the org does not offer version {ours} of its API; its newest is {newest}",
        "Deploy the stack with the parameter SalesforceApiVersion set to one that it offers.",
    )


def _quota(case: Case) -> Told:
    """By what the last answers said of it; a call of this very report is among them."""
    gate = case.state.read(Gate, case.connection.connection) or Gate(
        connection=case.connection.connection
    )
    numbers = f"{gate.used} of {gate.allowed} calls of the last 24 hours are used"
    if gate.paused == "limit" or (gate.allowed and gate.used >= gate.allowed):
        return fault(
            f"the org has no calls left: {numbers}",
            "Nothing is lost: writes go on when calls are free again. See in Salesforce which "
            "app uses them (Setup → System Overview → API Usage).",
        )
    used = spent(gate.used, gate.allowed, gate.ours, case.connection)
    if gate.paused or used >= SOFT:
        return warning(
            f"{numbers}, {gate.ours} of them ours; our share is "
            f"{case.connection.quota_share} %",
            "See which app uses them, or raise this connection's share in its settings.",
        )
    return ok(numbers if gate.allowed else "not heard yet")


def _breaker(case: Case) -> Told:
    gate = case.state.read(Gate, case.connection.connection)
    if gate and gate.opened_at:
        return warning(
            f"open since {gate.opened_at:%Y-%m-%d %H:%M} UTC: Salesforce did not answer",
            "It closes by itself with the first look that gets an answer.",
        )
    return ok("closed")


def _clock(case: Case, front: Front) -> Told:
    apart = abs(front.at - case.now)
    if apart <= SKEW:
        return ok("Salesforce's clock and ours agree")
    return warning(
        f"Salesforce's clock and ours are {int(apart.total_seconds() // 60)} minutes apart",
        "One of the two is wrong. Salesforce's decides what is looked at; ours stamps leases.",
    )
