"""The loop of the workers: each message is done, comes again, or is parked.

Not Powertools' FIFO processor: when one message has to come again, those behind it in its group
do, too, and each keeps the whole group waiting until its own time-out is over. So here they are
all postponed alike.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from fieldlink.closing import AGAIN, HELD, NO_TIME, Ended, close, failures, tries_of
from fieldlink.connecting import holding
from fieldlink.observability import logger
from fieldlink.parking import Again, Attempt, parked, settle, wait
from fieldlink.records import Connection
from fieldlink.wiring import now, services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime, timedelta

    from fieldlink.adapters.sqs import SqsOutbox
    from fieldlink.closing import Message
    from fieldlink.errors import Closed

# Milliseconds that must be left to begin a message: two slow calls of a vendor, which connects
# in 3 s and answers in 20 s, and 4 s for AWS. Most take far less; one that takes more is killed
# with its worker, and the intent is what makes that harmless.
LONGEST_MESSAGE = 2 * (3_000 + 20_000) + 4_000


class Context(Protocol):
    """Of Lambda's context, what the loop reads."""

    def get_remaining_time_in_millis(self) -> int: ...


class Work(NamedTuple):
    """What one worker does with one message."""

    queue: Any  # Attempt's own type for the names of queues
    outbox: SqsOutbox
    connection_of: Callable[[str], str]
    take: Callable[[str], str]
    note_parked: Callable[[str, str], None] = lambda _body, _cause: None
    replay: Callable[[str, str], str] = lambda _body, _cause: ""
    # When a message arrived, if its queue has messages that wait for an org to be open again.
    arrived: Callable[[str], datetime] | None = None
    spread: Callable[[], float] = random.random


def work_off(event: dict[str, Any], work: Work, context: Context) -> dict[str, Any]:
    """Every message of a batch, one by one; returns which ones are to come again."""
    ended = in_order(event["Records"], work, context)
    close(ended, work)
    return failures(ended)


def in_order(
    messages: Iterable[Message], work: Work, context: Context, *, first: bool = True
) -> list[Ended]:
    """Those behind one that has to come again, in its group, come again with it.

    `first`: the first of them is begun, however little time is left.
    """
    waits: dict[str, timedelta] = {}
    ended: list[Ended] = []
    for message in messages:
        group = message["attributes"]["MessageGroupId"]
        if group in waits:
            done = Ended(message, AGAIN, wait=waits[group])
        elif not first and context.get_remaining_time_in_millis() < LONGEST_MESSAGE:
            done = _too_late(message, work)
        else:
            done = _one(message, work)
        first = False
        if done.wait is not None:
            waits[group] = done.wait
        ended.append(done)
    return ended


def _one(message: Message, work: Work) -> Ended:
    body, connection = message["body"], ""
    try:
        connection = work.connection_of(body)
        outcome = work.take(body)
    except Exception as error:
        return _failed(message, error, connection, work)
    return Ended(message, outcome, connection)


def _failed(message: Message, error: Exception, connection: str, work: Work) -> Ended:
    tries, group = tries_of(message), message["attributes"]["MessageGroupId"]
    tried = Attempt(connection, work.queue, message["body"], group, tries)
    try:
        if not connection:  # it can't be read, nor parked
            raise error
        outcome = settle(
            error,
            tried,
            park=lambda cause: _park(tried, cause, work),
            hold=(lambda closed: _hold(tried, closed, work)) if work.arrived else None,
            spread=work.spread(),
        )
    except Again as later:
        return Ended(message, AGAIN, connection, later.wait, later.__cause__)
    except Exception as another:
        # Not even parked. It must not take the other groups of its batch along.
        return Ended(message, AGAIN, connection, wait(tries, work.spread()), another)
    return Ended(message, outcome, connection, error=error)


def _too_late(message: Message, work: Work) -> Ended:
    """FIRST_WAIT the first time. Longer each time, since the queue counts this as a try: thirty
    times 5 s of a slow vendor would be a dead letter within the hour.
    """
    return Ended(message, NO_TIME, wait=wait(tries_of(message), work.spread()))


def _hold(message: Attempt, closed: Closed, work: Work) -> str:
    """Set aside: it is done as far as its queue is concerned.

    What has been set aside is sent on before its connection ends. So if that is ending by now
    this one may have come too late: it comes again, to be noted as such.
    """
    if work.arrived is None:
        raise closed
    state = services().state
    held = holding.hold(message, arrived=work.arrived(message.body), state=state, now=now())
    connection = state.read(Connection, message.connection)
    if connection and not connection.live:
        state.forget(held)
        raise closed
    error = type(closed).__name__
    logger.info("held", queue=message.queue, connection=message.connection, error=error)
    return HELD


def _park(message: Attempt, cause: str, work: Work) -> str:
    replay = work.replay(message.body, cause)
    item = parked(message._replace(replay=replay), cause, now=now())
    services().state.write_all([item])
    work.note_parked(message.body, cause)
    # The cause may name a person or a place, so it is shown on the console and not logged.
    logger.error("parked", queue=message.queue, connection=message.connection, item=item.id)
    return "parked"
