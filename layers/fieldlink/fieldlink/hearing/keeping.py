"""Rule: what is kept of deliveries in the spool: where, in what shape, and how much of it.

| prefix | what | until |
| events/ | an event that is too large for a message | it expires |
| whole/ | a delivery of too many events | it expires |
| spare/ | a delivery that the queue did not take | it is taken up |
| unsigned/ | a delivery that is signed with no secret that we know | likewise, or expires |
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.ports import Spool

EVENTS, WHOLE, SPARE, UNSIGNED = "events/", "whole/", "spare/", "unsigned/"
SIGNATURE = re.compile(r"[0-9a-f]{40}")

# Unsigned deliveries may be anybody's who knows the connection's address. So a quarter of a day
# has so many places for them, each of so many bytes at most, and who comes first stays:
#   8,192 of 16 KiB = 128 MiB, for deliveries of up to some 15 events; they are 1 KB each
#     128 of  1 MiB = 128 MiB, for what a phone had stored up
# Those that are three days old expire at the next midnight, so 17 quarters are there at most:
# 141,440 objects and 4.25 GiB for each connection, and with the list prices of 2026 less than
# 2 $ for the calls that filled them all and 3 cents for the days that they lie there. What one
# filled for hours is free again in the next quarter.
PLACES = ((16 * 1024, 8_192, "s"), (1024 * 1024, 128, "l"))
# The places that a delivery may take follow from its content. With every second one taken, all
# of 8 are in 0.5^8 = 0.4 % of cases; up to 2,000 in a quarter there is room for practically
# each (8,192 x 0.25^9 / 9 = 0.004 are lost).
TRIES = 8


class Delivery(NamedTuple):
    """What a request brought."""

    connection: str
    received_at: str  # ISO 8601, in UTC
    body: bytes
    signature: str = ""

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def packed(delivery: Delivery) -> bytes:
    """As it is kept: what belongs to the body in a line before it."""
    return f"{delivery.received_at} {delivery.signature}\n".encode() + delivery.body


def unpacked(key: str, kept: bytes) -> Delivery:
    line, _, body = kept.partition(b"\n")
    received_at, _, signature = line.decode().partition(" ")
    return Delivery(owner(key), received_at, body, signature)


def owner(key: str) -> str:
    """The connection that something in the spool belongs to."""
    return key.split("/")[1]


def spare(delivery: Delivery, spool: Spool) -> None:
    """Keep what the queue did not take. Those of a connection follow each other in time."""
    when = re.sub(r"\D", "", delivery.received_at)[:20]
    key = f"{SPARE}{delivery.connection}/{when}-{delivery.digest[:16]}"
    spool.put(key, packed(delivery))


def hold(delivery: Delivery, spool: Callable[[], Spool]) -> bool:
    """Keep what nobody signed whom we know, if there is a place for it.

    HyperTrack's always is an array or an object, and its signature 40 digits.
    """
    if not SIGNATURE.fullmatch(delivery.signature) or delivery.body[:1] not in {b"[", b"{"}:
        return False
    kept = packed(delivery)
    return any(spool().claim(place, kept) for place in _places(delivery, len(kept)))


def _places(delivery: Delivery, size: int) -> list[str]:
    """The places that it may take, in its own order."""
    room = next(((count, name) for most, count, name in PLACES if size <= most), None)
    if room is None:
        return []
    count, name = room
    day, hour = delivery.received_at[:10], int(delivery.received_at[11:13])
    quarter = f"{UNSIGNED}{delivery.connection}/{day}-{hour // 6}"
    digest = hashlib.sha256(delivery.body).digest()
    numbers = (int.from_bytes(digest[at : at + 4]) % count for at in range(0, 4 * TRIES, 4))
    return [f"{quarter}/{name}{number}" for number in numbers]
