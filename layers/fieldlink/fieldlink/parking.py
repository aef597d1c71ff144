"""Rule: when a message is tried again, and when it is parked so that its group goes on."""

from __future__ import annotations

import hashlib
import math
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from fieldlink.errors import UNREADABLE, Closed, Contended, Refused, Unavailable
from fieldlink.records import Parked

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


FIRST_WAIT = timedelta(seconds=5)
# Of a row that another transaction held, or a record that another worker did: it takes seconds.
FIRST_WAIT_FOR_A_ROW = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=10)
# The queues give a message up after 30 tries. 5 + 10 + ... + 320 s = 10.6 min for the first
# seven, then ten minutes each: 21 x 10 min + 10.6 min = 3.7 hours, of which the jitter takes a
# quarter on average.
LAST_TRY = 29
# What fails in a way that nobody foresaw: 5 + 10 + 20 + 40 s = 75 s.
LAST_TRY_OF_POISON = 5


class Attempt(NamedTuple):
    """A message in the hands of a worker."""

    connection: str
    queue: Literal["polls", "changes", "invites", "events", "bursts"]
    body: str
    group: str
    tries: int  # this one included
    replay: str = ""  # the body to replay with, if it differs


class Again(Unavailable):
    """The message goes back to its queue and comes again after `wait`."""

    def __init__(self, wait: timedelta, cause: str) -> None:
        super().__init__(cause)
        self.wait = wait


def settle[R](
    error: Exception,
    message: Attempt,
    *,
    park: Callable[[str], R],
    hold: Callable[[Closed], R] | None = None,
    spread: float = 0.5,
) -> R:
    """What follows from an error. Raises Again while it is worth it, else parks the message
    with its cause.

    `hold`: what to do with a message whose org may not be called, if its queue has such.
    """
    if isinstance(error, Refused):
        if error.code == UNREADABLE and message.tries < LAST_TRY_OF_POISON:
            raise Again(wait(message.tries, spread), str(error)) from error
        return park(str(error))
    if isinstance(error, Unavailable):
        if hold and isinstance(error, Closed):
            return hold(error)
        if message.tries < LAST_TRY:
            first = FIRST_WAIT_FOR_A_ROW if isinstance(error, Contended) else FIRST_WAIT
            raise Again(wait(message.tries, spread, first), str(error)) from error
        return park(f"given up after {message.tries} tries: {error}")
    # A bug of ours. It must not take the other messages of its group along with it to the
    # dead-letter queue, so after some tries it is parked like any refusal.
    if message.tries < LAST_TRY_OF_POISON:
        raise Again(wait(message.tries, spread), type(error).__name__) from error
    return park(f"unexpected {type(error).__name__}: see the log")


def wait(tries: int, spread: float, first: timedelta = FIRST_WAIT) -> timedelta:
    """How long until the next try: twice as long each time, up to ten minutes.

    `spread`, from 0 to 1, says where between the half and the whole of that, so that those who
    failed together do not come again together. In whole seconds, as the queue counts.
    """
    whole = min(first * 2 ** min(tries - 1, 20), LONGEST_WAIT).total_seconds()
    return timedelta(seconds=math.ceil(whole * (1 + spread) / 2))


def parked(message: Attempt, cause: str, *, now: datetime) -> Parked:
    """The record of a message that is set aside; the same message has the same one."""
    digest = hashlib.sha256(f"{message.queue}{message.body}".encode()).hexdigest()[:24]
    return Parked(
        connection=message.connection,
        id=f"{message.queue}-{digest}",
        queue=message.queue,
        body=message.replay or message.body,
        group=message.group,
        cause=cause,
        at=now,
    )
