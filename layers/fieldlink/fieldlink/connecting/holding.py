"""Rule: what waits for an org that may not be called, and how it goes on.

It waits in the state and not in its queue, which would count each try until it gives up.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fieldlink.ports import Message
from fieldlink.records import Held

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fieldlink.parking import Attempt
    from fieldlink.ports import Outbox, State
    from fieldlink.records import Connection

PAGE = 500  # messages, of about 1 KB each


def hold(message: Attempt, *, arrived: datetime, state: State, now: datetime) -> Held:
    """Set a message aside until its org may be called. Holding it twice is harmless."""
    held = Held(
        connection=message.connection,
        id=f"{arrived:%Y-%m-%dT%H:%M:%S.%f}-{_digest(message.body)[:24]}",
        queue="bursts" if message.queue == "bursts" else "events",
        body=message.body,
        group=message.group,
        at=now,
    )
    state.write_all([held])
    return held


def release(
    connection: Connection, *, state: State, bursts: Outbox, more: Callable[[], bool]
) -> int:
    """Send all that is held on, oldest first, while there is time for more.

    All of it goes by Bursts, wherever it came from: what an org missed in an hour is much at
    once, and what happens now should not wait behind it.
    A message is sent before its record goes, so a crash sends it twice, which its worker finds
    out. What was held anew meanwhile keeps its record and ends the release: the org is closed
    again.
    """
    sent: set[str] = set()
    while more():
        page = state.some_of(Held, connection.connection, limit=PAGE)
        if not page or sent & {each.id for each in page}:
            break
        bursts.put(_message(each) for each in page)
        for each in page:
            state.forget(each)
        sent |= {each.id for each in page}
    return len(sent)


def _message(held: Held) -> Message:
    """The queue drops a key that it has seen, so each holding has a key of its own."""
    return Message(held.body, held.group, _digest(f"{held.id} {held.at.isoformat()}"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
