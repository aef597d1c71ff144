"""Rule: accept one delivery of HyperTrack webhooks. Imports little: HyperTrack is waiting."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from fieldlink.errors import BadSignature, TooLarge, Unreadable
from fieldlink.ports import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fieldlink.ports import Keys, Outbox

# Bytes. A queue message may hold 256 KiB = 262,144 where the limit was never raised, and ours
# 10,240 less; what we add to an event (connection, id, time) is far below the 11,904 left.
LARGEST_EVENT = 240_000
# An item of the state table may hold 400 KB = 409,600. A parked message is a text in it: each
# quote and backslash takes one more. The rest is for its keys and its cause.
LARGEST_PARKED = 380_000
TEST_DEVICE = "TEST_DEVICE_ID"
# What was just read holds no circles; not looking for them halves the time of writing it.
WRITER = json.JSONEncoder(separators=(",", ":"), check_circular=False)


def accept(
    body: bytes,
    *,
    signature: str,
    keys: Keys,
    connection: str,
    received_at: str,
    outbox: Outbox,
) -> int:
    """Queue each event of a signed delivery that matters. Returns how many those were.

    Raises BadSignature, Unreadable or TooLarge, each before anything is queued.
    """
    verify(body, signature=signature, secrets=keys.secrets)
    messages = [
        message(event, connection=connection, received_at=received_at)
        for event in events(body)
        if keys.live_positions or not is_position(event)
    ]
    outbox.put(messages)
    return len(messages)


def verify(body: bytes, *, signature: str, secrets: Sequence[str]) -> None:
    """Lower-case hex HMAC-SHA1 over the raw body, keyed with the account's SecretKey.

    SHA-1 because HyperTrack signs so. Every secret is tried, so that one can be changed.
    """
    given = signature.encode(errors="replace")
    matches = False
    for secret in secrets:
        expected = hmac.new(secret.encode(), body, hashlib.sha1).hexdigest().encode()
        matches |= hmac.compare_digest(expected, given)
    if not matches:
        raise BadSignature("webhook signature does not match its body")


def events(body: bytes) -> list[Any]:
    """The events of a body, whether it is an array or a single object."""
    try:
        parsed = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Unreadable("webhook body is not JSON") from error
    if isinstance(parsed, dict):
        return [parsed]
    if isinstance(parsed, list):
        return parsed
    raise Unreadable("webhook body is neither an array nor an object")


def is_position(event: Any) -> bool:
    """Whether this is one of a stream of positions, which are 10 to 40 times all the rest."""
    return (
        isinstance(event, dict)
        and event.get("type") == "location"
        and event.get("device_id") != TEST_DEVICE
    )


def message(event: Any, *, connection: str, received_at: str) -> Message:
    """One event as a queue message, in the group of its device so that order is kept there."""
    try:
        content = WRITER.encode(event)
        if "\\ud" in content:
            content = _whole_text(event)
    except RecursionError as error:  # the writer gives up at a lesser depth than the reader
        raise Unreadable("an event is nested too deeply") from error
    parked = len(content) + content.count('"') + content.count("\\")
    if len(content) > LARGEST_EVENT or parked > LARGEST_PARKED:
        raise TooLarge(f"an event of {len(content)} bytes")
    # The event's own content is its key: HyperTrack repeats a delivery under other headers.
    key = hashlib.sha256(f"{connection}{content}".encode()).hexdigest()
    envelope = f'"connection":"{connection}","id":"{key}","received_at":"{received_at}"'
    return Message(f'{{{envelope},"event":{content}}}', group(connection, event), key)


def group(connection: str, event: Any) -> str:
    """The device, or the order where there is none, hashed: strangers chose its text."""
    subject = ""
    if isinstance(event, dict):
        data = event.get("data")
        order = data.get("order_handle") if isinstance(data, dict) else None
        subject = str(event.get("device_id") or order or "")
    digest = hashlib.sha256(subject.encode(errors="surrogatepass")).hexdigest()
    return f"{connection}-{digest[:24]}"


def _whole_text(event: Any) -> str:
    """Apps cut texts in the middle of an emoji; half of one is nothing that anybody reads."""
    text = json.dumps(event, ensure_ascii=False).encode(errors="replace")
    return WRITER.encode(json.loads(text))


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
