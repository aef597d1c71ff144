"""POST /nudges/salesforce/{connection_id}: Salesforce asks us to look soon."""

from __future__ import annotations

import json
from typing import Any

from fieldlink.errors import BadSignature, Refused, Unavailable
from fieldlink.looking import nudging
from fieldlink.observability import logger, metrics
from fieldlink.records import Connection
from fieldlink.wiring import now, services

# What is told to the caller, and logged. Whether a connection exists is told to nobody who does
# not show its key.
ANSWERS = {
    202: "the org will be looked at",
    401: "nudge refused",
    409: "this connection is not connected to Salesforce",
    503: "try again",
}


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """One call of a Flow or of Event Relay, in API Gateway's payload format 2.0.

    Its body is not read: polling stays the truth.
    """
    connection = (event.get("pathParameters") or {}).get("connection_id", "")
    try:
        status, looked = _nudge(event, connection)
    except BadSignature:
        status, looked, connection = 401, False, ""
    except (Unavailable, Refused):  # by AWS: for the caller all the same
        status, looked = 503, False
    logger.info("nudge answered", status=status, connection=connection, looked=looked)
    metrics.add_metric(name=f"Nudge{status}", unit="Count", value=1)
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"message": ANSWERS[status]}),
    }


def _nudge(event: dict[str, Any], connection: str) -> tuple[int, bool]:
    headers = {name.lower(): text for name, text in event["headers"].items()}
    scheme, _, shown = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise BadSignature
    nudging.check(shown.strip(), connection, services().console_key)
    found = services().state.read(Connection, connection)
    if found is None or found.state != "connected":
        return 409, False
    looked = nudging.nudge(
        connection, state=services().state, polls=services().polls, now=now()
    )
    return 202, looked
