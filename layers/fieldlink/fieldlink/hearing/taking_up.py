"""Rule: deliveries that were kept, taken up as soon as they can be.

Each is queued before it is removed, so whoever is killed in between queues it twice, which the
queue or the worker finds out. What is kept of a connection that has ended is removed.
"""

from __future__ import annotations

import hashlib
import hmac
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from fieldlink.errors import BadSignature, Refused, Unreadable
from fieldlink.hearing import keeping, webhooks
from fieldlink.hearing.lanes import Lanes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fieldlink.hearing.keeping import Delivery
    from fieldlink.ports import KeyRing, Keys, Outbox, Spool, Spooled

PAGE = 1_000
# What was put while the list was made may be missing in it, so each look goes back a little.
BACK = timedelta(minutes=1)
# Deliveries tried until it is noted how far that has come.
STRIDE = 200
LONG_AGO = datetime.fromisoformat("2000-01-01T00:00:00Z")


def take_up(
    *, spool: Spool, bursts: Outbox, key_ring: KeyRing, more: Callable[[], bool]
) -> int:
    """Queue what lies in the spool and can be, while there is time for more.

    All of it goes by Bursts: it has waited, and what happens now should not wait behind it.
    Returns how many deliveries that were.
    """
    work = Work(spool, bursts, key_ring, more)
    for prefix, each_of in ((keeping.SPARE, work.spare), (keeping.UNSIGNED, work.unsigned)):
        for connection, kept in listed(spool, prefix):
            if not more():
                return work.taken
            with suppress(Refused):  # KMS does not open its secrets: that harms no other
                each_of(connection, kept)
    return work.taken


def listed(spool: Spool, prefix: str) -> Iterator[tuple[str, list[Spooled]]]:
    """Everything under a prefix, by connection."""
    pages = _pages(spool, prefix)
    for connection, found in groupby(pages, lambda each: keeping.owner(each.key)):
        yield connection, list(found)


def _pages(spool: Spool, prefix: str) -> Iterator[Spooled]:
    after = ""
    while page := spool.list(prefix, PAGE, after):
        yield from page
        after = page[-1].key


class Work:
    """One run: what it works with, and how much it has taken up."""

    def __init__(
        self, spool: Spool, bursts: Outbox, key_ring: KeyRing, more: Callable[[], bool]
    ) -> None:
        self._spool = spool
        self._lanes = Lanes(bursts, bursts)
        self._key_ring = key_ring
        self._more = more
        self.taken = 0

    def spare(self, connection: str, kept: list[Spooled]) -> None:
        """They were found to be signed before they were kept."""
        keys = self._key_ring.of(connection)
        for each in kept:
            if not self._more():
                return
            self._one(each, keys, signed=True)

    def unsigned(self, connection: str, kept: list[Spooled]) -> None:
        """Each is tried once with the secrets that there are, and again when these change.

        So that it need not be tried each time, it is noted with which and up to when that was.
        """
        keys = self._key_ring.of(connection)
        note = f"{keeping.UNSIGNED}{connection}/tried"
        now = _fingerprint(keys, connection)
        tried, until = _read(self._spool.get(note))
        since = until - BACK if tried == now else LONG_AGO
        waiting = [each for each in kept if each.key != note or keys is None]
        new = sorted(
            (each for each in waiting if each.put_at >= since), key=lambda each: each.put_at
        )
        for number, each in enumerate(new, start=1):
            if not self._more():
                return
            self._one(each, keys, signed=False)
            if keys and (number % STRIDE == 0 or number == len(new)):
                self._spool.put(note, f"{now} {each.put_at.isoformat()}".encode())

    def _one(self, kept: Spooled, keys: Keys | None, *, signed: bool) -> None:
        if keys is None:
            self._spool.remove(kept.key)
            return
        found = self._spool.get(kept.key)
        if found is None:
            return
        delivery = keeping.unpacked(kept.key, found)
        if self._queued(delivery, keys, signed=signed):
            self._spool.remove(kept.key)
            self.taken += 1

    def _queued(self, delivery: Delivery, keys: Keys, *, signed: bool) -> bool:
        """False if it can't be, for whatever reason that does not pass by itself."""
        try:
            if not signed:
                secrets, signature = keys.secrets, delivery.signature
                webhooks.verify(delivery.body, signature=signature, secrets=secrets)
            webhooks.hand_on(
                delivery,
                live_positions=keys.live_positions,
                lanes=self._lanes,
                spool=lambda: self._spool,
            )
        except (BadSignature, Refused, Unreadable):
            return False
        return True


def _fingerprint(keys: Keys | None, connection: str) -> str:
    """Tells whether the secrets are the same as before, and nothing else of them."""
    secrets = keys.secrets if keys else ()
    text = connection.encode()
    return "-".join(
        hmac.digest(each.encode(), text, hashlib.sha256).hex()[:16] for each in secrets
    )


def _read(note: bytes | None) -> tuple[str, datetime]:
    tried, _, until = (note or b"").decode().partition(" ")
    return tried, datetime.fromisoformat(until) if until else LONG_AGO
