"""Rule: Salesforce may wake the poller. That only brings the next look forward."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import TYPE_CHECKING

from itsdangerous import Signer

from fieldlink.commands import poll_message
from fieldlink.errors import BadSignature
from fieldlink.models import Poll
from fieldlink.records import Nudged

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.ports import Outbox, State

PAUSE = timedelta(seconds=15)  # between two looks that were asked for


def key_of(connection: str, console_key: str) -> str:
    """What Salesforce shows to wake this connection's poller; it opens nothing else."""
    return Signer(console_key, salt="nudge").get_signature(connection).decode()


def check(shown: str, connection: str, console_key: str) -> None:
    """BadSignature unless this is the connection's own key; takes the same time either way."""
    try:
        good = hmac.compare_digest(shown.encode(), key_of(connection, console_key).encode())
    except UnicodeError:  # half a surrogate pair is text that can't be signed
        good = False
    if not good:
        raise BadSignature


def nudge(connection: str, *, state: State, polls: Outbox, now: datetime) -> bool:
    """Have the org looked at soon. False if that was asked for less than PAUSE ago.

    A nudge that is lost here costs nothing: the next tick looks anyway.
    """
    before = state.read(Nudged, connection)
    if before and now - before.at < PAUSE:
        return False
    noted = (before or Nudged(connection=connection, at=now)).model_copy(update={"at": now})
    if not state.write(noted):  # another nudge came at the same moment
        return False
    polls.put(
        [poll_message(Poll(connection=connection, nudged=True), f"nudge {now.isoformat()}")]
    )
    return True
