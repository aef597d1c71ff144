"""Rule: what the mail system says became of an invitation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from fieldlink.errors import must
from fieldlink.records import Worker

if TYPE_CHECKING:
    from fieldlink.ports import State

# A mail's labels may hold letters, digits, - and _ only: no colon, no point.
SENT_AT = "%Y%m%dT%H%M%S%fZ"
LONGEST_WHY = 300
SUPPRESSED = {"Suppressed", "OnAccountSuppressionList"}
ON_THE_LIST = "SES sends nothing to this address any more, since an earlier mail bounced"


class News(NamedTuple):
    """What became of one invitation."""

    connection: str
    resource: str
    sent_at: datetime
    why: str


def labels(connection: str, resource: str, sent_at: datetime) -> dict[str, str]:
    """What a mail carries, so that it is known again when it comes back."""
    at = sent_at.astimezone(UTC).strftime(SENT_AT)
    return {"connection": connection, "resource": resource, "sent": at}


def read(event: dict[str, Any]) -> News | None:
    """What SES tells through EventBridge; None of a mail that is no invitation of ours."""
    detail = _object(event.get("detail"))
    tags = _object(_object(detail.get("mail")).get("tags"))
    found = {name: _first(tags.get(name)) for name in ("connection", "resource", "sent")}
    if not all(found.values()):
        return None
    try:
        sent_at = datetime.strptime(found["sent"], SENT_AT).replace(tzinfo=UTC)
    except ValueError:
        return None
    return News(found["connection"], found["resource"], sent_at, _why(detail)[:LONGEST_WHY])


def note(connection: str, resource: str, sent_at: datetime, why: str, state: State) -> bool:
    """Note that the invitation bounced. False if it is not the last one."""
    worker = state.read(Worker, connection, resource)
    last = worker.invitation if worker else None
    if worker is None or last is None or last.at != sent_at:
        return False
    bounced = last.model_copy(update={"state": "bounced", "why": why})
    if bounced != last:
        must(state.write(worker.model_copy(update={"invitation": bounced})))
    return True


def _why(detail: dict[str, Any]) -> str:
    if "complaint" in detail:
        return "its receiver reported it as spam"
    if "reject" in detail:
        reason = _object(detail["reject"]).get("reason")
        return f"SES did not send it: {reason}" if reason else "SES did not send it"
    bounce = _object(detail.get("bounce"))
    if bounce.get("bounceSubType") in SUPPRESSED:
        return ON_THE_LIST
    told = bounce.get("bouncedRecipients")
    receivers = told if isinstance(told, list) else []
    words = [_object(each).get("diagnosticCode") for each in receivers]
    kinds = [bounce.get("bounceType"), bounce.get("bounceSubType")]
    return " ".join(str(each) for each in ([*filter(None, words)] or filter(None, kinds)))


def _first(values: Any) -> str:
    """SES tells each label's values as a list."""
    return str(values[0]) if isinstance(values, list) and values else ""


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
