"""Rule: accept one delivery of HyperTrack webhooks. Imports little: HyperTrack is waiting."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fieldlink.errors import BadSignature, Refused, Unavailable
from fieldlink.hearing import cutting, keeping, pieces
from fieldlink.ports import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fieldlink.hearing.keeping import Delivery
    from fieldlink.hearing.lanes import Lanes
    from fieldlink.hearing.pieces import Piece
    from fieldlink.ports import Keys, Spool

# Bytes of a request's body. An HTTP API takes 10 MB, but hands them on as text of a JSON event,
# and Lambda takes 6,291,456 bytes of that. With at most 10,240 for the headers and some 2,000
# for the rest, 6,279,000 are left, in which each quote, backslash and line end takes two bytes.
# A ninth of what HyperTrack sends are quotes: 6,279,000 / (1 + 1/9) = 5.65 MB get through. Of
# 4 MB any gets through of which no more than (6,279,000 - 4,000,000) / 4,000,000 = 57 % are
# such, and what comes in base64 may have 6,279,000 x 3/4 = 4.7 MB whatever it is. Larger ones
# are answered 413 by AWS, and by us where we are called without it.
LARGEST_BODY = 6_291_456
# What is larger is not looked into while HyperTrack waits: it is kept whole, and cut later.
LARGEST_CUT = 1_048_576
# Likewise with more events. SQS takes ten in a call, which takes some 20 ms: 100 calls, 2 s of
# the 3 that an answer may take.
MOST_QUEUED = 1_000
# Bytes. A queue message may hold 256 KiB = 262,144 where the limit was never raised, and ours
# 10,240 less; what we add to an event (connection, id, time) is far below the 11,904 left.
LARGEST_EVENT = 240_000
# An item of the state table may hold 400 KB = 409,600. A parked message is a text in it: each
# quote and backslash takes one more. The rest is for its keys and its cause.
LARGEST_PARKED = 380_000
TEST_DEVICE = "TEST_DEVICE_ID"
MINUTE = len("2026-03-04T12:00")


def accept(
    delivery: Delivery, *, keys: Keys, lanes: Lanes, spool: Callable[[], Spool]
) -> int | None:
    """Queue each event of a signed delivery that matters. Returns how many messages that took.

    None: the queue does not take them, so the delivery is kept until it does. Raises
    BadSignature or Unreadable, each before anything is queued. `spool` is seldom called for.
    """
    verify(delivery.body, signature=delivery.signature, secrets=keys.secrets)
    try:
        return hand_on(delivery, live_positions=keys.live_positions, lanes=lanes, spool=spool)
    except (Unavailable, Refused):
        keeping.spare(delivery, spool())
        return None


def verify(body: bytes, *, signature: str, secrets: Sequence[str]) -> None:
    """Lower-case hex HMAC-SHA1 over the raw body, keyed with the account's SecretKey.

    SHA-1 because HyperTrack signs so. Every secret is tried, so that one can be changed.
    """
    given = signature.encode(errors="replace")
    matches = False
    for secret in secrets:
        expected = hmac.digest(secret.encode(), body, "sha1").hex().encode()
        matches |= hmac.compare_digest(expected, given)
    if not matches:
        raise BadSignature("webhook signature does not match its body")


def hand_on(
    delivery: Delivery,
    *,
    live_positions: bool,
    lanes: Lanes,
    spool: Callable[[], Spool],
) -> int:
    """Queue the events of a delivery, or where it lies if it has too many of them.

    What is kept whole is a burst by itself.
    """
    if len(delivery.body) <= LARGEST_CUT:
        found = cutting.cut(delivery.body)
        if len(found.elements) <= MOST_QUEUED:
            messages = list(queueable(found.pieces(), delivery, live_positions, spool))
            now = datetime.fromisoformat(delivery.received_at)
            lanes.of(delivery.connection, len(messages), now).put(messages)
            return len(messages)
    key = f"{keeping.WHOLE}{delivery.connection}/{delivery.digest}"
    spool().put(key, delivery.body)
    lanes.bursts.put([rest(delivery.connection, delivery.received_at, key, first=0)])
    return 1


def queueable(
    pieces: Iterable[Piece],
    delivery: Delivery,
    live_positions: bool,
    spool: Callable[[], Spool],
) -> Iterator[Message]:
    """A message for each event that matters, and of live positions the last of a minute."""
    latest: dict[tuple[str, str], Piece] = {}
    for each in pieces:
        if not is_position(each):
            yield _message(each, delivery, spool)
        elif live_positions:
            place = (each.device, each.at[:MINUTE])
            if place not in latest or latest[place].at <= each.at:
                latest[place] = each
    for each in latest.values():
        yield _message(each, delivery, spool)


def is_position(event: Piece) -> bool:
    """Whether this is one of a stream of positions, which are 10 to 40 times all the rest."""
    return event.kind == "location" and event.device != TEST_DEVICE


def message(event: Any, *, connection: str, received_at: str, own: bool = False) -> Message:
    """An event that is at hand, as a delivery would have brought it.

    `own`: by ourselves. That stands beside the event, where no delivery can put it.
    """
    piece = pieces.piece(event)
    key, group = _key(connection, piece.content), _group(connection, piece)
    told = f'"event":{piece.content}' + (',"own":true' if own else "")
    return _enveloped(told, connection, received_at, group, key)


def rest(connection: str, received_at: str, place: str, first: int) -> Message:
    """What is left of a delivery that is kept whole, from one of its events on."""
    told, key = f'"spooled":"{place}","first":{first}', _key(connection, f"{place} {first}")
    return _enveloped(told, connection, received_at, connection, key)


def group(connection: str, event: Any) -> str:
    """The device, or the order where there is none, hashed: strangers chose its text."""
    return _group(connection, pieces.piece(event))


def _message(event: Piece, delivery: Delivery, spool: Callable[[], Spool]) -> Message:
    """One event, in the group of its device so that order is kept there.

    Its own content is its key: HyperTrack repeats a delivery under other headers. Of live
    positions the queue drops all but one in a minute, and nothing else waits behind them.
    """
    connection, group = delivery.connection, _group(delivery.connection, event)
    key = _key(connection, event.content)
    told = f'"event":{event.content}'
    if _too_large(event.content):
        place = f"{keeping.EVENTS}{connection}/{key}"
        spool().put(place, event.content.encode())
        told = f'"spooled":"{place}"'
    if event.flaw:
        told += f',"unreadable":"{event.flaw}"'
    if is_position(event):
        key = _key(connection, f"position {event.device} {event.at[:MINUTE]}")
        group += "-positions"
    return _enveloped(told, connection, delivery.received_at, group, key)


def _too_large(content: str) -> bool:
    if len(content) <= LARGEST_PARKED // 2:
        return False
    parked = len(content) + content.count('"') + content.count("\\")
    return len(content) > LARGEST_EVENT or parked > LARGEST_PARKED


def _enveloped(told: str, connection: str, received_at: str, group: str, key: str) -> Message:
    envelope = f'"connection":"{connection}","id":"{key}","received_at":"{received_at}"'
    return Message(f"{{{envelope},{told}}}", group, key)


def _key(connection: str, content: str) -> str:
    return hashlib.sha256(f"{connection}{content}".encode(errors="replace")).hexdigest()


def _group(connection: str, event: Piece) -> str:
    subject = (event.device or event.order).encode(errors="surrogatepass")
    return f"{connection}-{hashlib.sha256(subject).hexdigest()[:24]}"
