"""POST /webhooks/hypertrack/{connection_id}: check the signature, queue the events, answer.

HyperTrack takes every 2xx and 4xx for delivered and repeats the rest, so a fault of ours is
always a 5xx. Powertools and pydantic stay out of here: they double the time of a cold start.
"""

from __future__ import annotations

import logging
import re
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from fieldlink.errors import BadSignature, Refused, TooLarge, Unavailable, Unreadable
from fieldlink.hearing import keeping, webhooks
from fieldlink.hearing.keeping import Delivery
from fieldlink.wiring import now, services

if TYPE_CHECKING:
    from fieldlink.ports import Keys, Spool

logger = logging.getLogger("fieldlink")
logger.setLevel(logging.INFO)

CONNECTION = re.compile(r"[A-Za-z0-9_-]{20,64}")
# What is told to strangers, and logged.
ANSWERS = {
    200: "webhook accepted",
    400: "webhook not understood",
    401: "webhook refused",
    404: "no such connection",
    413: "webhook too large",
    415: "compressed webhooks are not understood",
    503: "try again",
}


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """One delivery, in API Gateway's payload format 2.0."""
    connection = (event.get("pathParameters") or {}).get("connection_id", "")
    try:
        return _answered(event, connection)
    except Unreadable:
        return answer(400, connection)
    except TooLarge:
        return answer(413, connection)
    except (Unavailable, Refused):  # by AWS: for HyperTrack all the same
        return answer(503, connection)


def _answered(event: dict[str, Any], connection: str) -> dict[str, Any]:
    headers = {name.lower(): text for name, text in (event.get("headers") or {}).items()}
    if headers.get("content-encoding", "identity").lower() not in {"", "identity"}:
        return answer(415, connection)
    body = raw_body(event)
    keys = services().key_ring.lately(connection) if CONNECTION.fullmatch(connection) else None
    if keys is None:
        return answer(404, "")
    signature = headers.get("x-hypertrack-signature", "")
    return _accepted(Delivery(connection, now().isoformat(), body, signature), keys)


def _accepted(delivery: Delivery, keys: Keys) -> dict[str, Any]:
    try:
        count = _count(delivery, keys)
    except BadSignature:
        held = keeping.hold(delivery, spool)
        return answer(401, delivery.connection, held=int(held))
    if count is None:
        logger.warning("webhook kept", extra={"connection": delivery.connection})
    return answer(200, delivery.connection, events=count or 0)


def _count(delivery: Delivery, keys: Keys) -> int | None:
    """Raises BadSignature if it is signed with none of the secrets that there are now."""
    lanes = services().lanes
    try:
        return webhooks.accept(delivery, keys=keys, lanes=lanes, spool=spool)
    except BadSignature:
        changed = services().key_ring.of(delivery.connection)
        if changed is None or changed == keys:
            raise
        return webhooks.accept(delivery, keys=changed, lanes=lanes, spool=spool)


def spool() -> Spool:
    """Seldom needed, and then imported."""
    return services().spool


def raw_body(event: dict[str, Any]) -> bytes:
    """The very bytes that were signed; API Gateway encodes those that are no text."""
    body = event.get("body") or ""
    if len(body) > webhooks.LARGEST_BODY:
        raise TooLarge(f"a body of {len(body)} characters")
    if not event.get("isBase64Encoded"):
        return body.encode(errors="surrogatepass")
    try:
        return b64decode(body)
    except ValueError as error:
        raise Unreadable("body is not in base64") from error


def answer(status: int, connection: str, **details: int) -> dict[str, Any]:
    """The status, and nothing that helps a stranger."""
    message = ANSWERS[status]
    level = logging.INFO if status < 400 else logging.WARNING
    logger.log(level, message, extra={"status": status, "connection": connection, **details})
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": f'{{"message":"{message}"}}',
    }
