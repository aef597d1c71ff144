"""The loop of the three workers: each message is done, comes again, or is parked.

Not Powertools' FIFO processor: when one message has to come again, those behind it in its group
do, too, and each keeps the whole group waiting until its own time-out is over. So here they are
all postponed alike.
"""

from __future__ import annotations

import random
import traceback
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from fieldlink.alarms import tell_lost
from fieldlink.connecting import holding
from fieldlink.errors import Lost
from fieldlink.observability import logger, metrics
from fieldlink.parking import Again, Attempt, attempt, parked, wait
from fieldlink.records import Connection
from fieldlink.wiring import now, services

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from fieldlink.adapters.sqs import SqsOutbox
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
    """Every message of a batch; returns which ones are to come again."""
    waits: dict[str, timedelta] = {}
    again: list[dict[str, str]] = []
    for number, record in enumerate(event["Records"]):
        group = record["attributes"]["MessageGroupId"]
        if group not in waits:
            late = number and context.get_remaining_time_in_millis() < LONGEST_MESSAGE
            wait = _too_late(record, work) if late else _one(record, group, work)
            if wait is None:
                continue
            waits[group] = wait
        work.outbox.postpone(record["receiptHandle"], waits[group])
        again.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": again}


def _one(record: dict[str, Any], group: str, work: Work) -> timedelta | None:
    """Do one message. Returns how long to wait if it has to come again."""
    tries = int(record["attributes"]["ApproximateReceiveCount"])
    connection = ""
    try:
        connection = work.connection_of(record["body"])
        message = Attempt(connection, work.queue, record["body"], group, tries)
        outcome = attempt(
            lambda: work.take(message.body),
            message,
            park=lambda cause: _park(message, cause, work),
            hold=(lambda closed: _hold(message, closed, work)) if work.arrived else None,
            spread=work.spread(),
        )
    except Again as later:
        return _later(later.wait, later.__cause__, connection, tries, work)
    except Exception as error:
        # Not even parked. It must not take the other groups of its batch along.
        return _later(wait(tries, work.spread()), error, connection, tries, work)
    logger.info("done", queue=work.queue, connection=connection, outcome=outcome)
    metrics.add_metric(name="Done", unit="Count", value=1)
    return None


def _too_late(record: dict[str, Any], work: Work) -> timedelta:
    """FIRST_WAIT the first time. Longer each time, since the queue counts this as a try: thirty
    times 5 s of a slow vendor would be a dead letter within the hour.
    """
    logger.info("no time left", queue=work.queue)
    metrics.add_metric(name="Retried", unit="Count", value=1)
    return wait(int(record["attributes"]["ApproximateReceiveCount"]), work.spread())


def _later(
    span: timedelta, cause: BaseException | None, connection: str, tries: int, work: Work
) -> timedelta:
    logger.warning(
        "comes again",
        queue=work.queue,
        connection=connection,
        tries=tries,
        wait=span.total_seconds(),
        error=type(cause).__name__,
        where=_where(cause),
    )
    if isinstance(cause, Lost):
        tell_lost(connection, services().state)
    metrics.add_metric(name="Retried", unit="Count", value=1)
    return span


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
    metrics.add_metric(name="Held", unit="Count", value=1)
    if isinstance(closed, Lost):
        tell_lost(message.connection, state)
    return "held"


def _park(message: Attempt, cause: str, work: Work) -> str:
    replay = work.replay(message.body, cause)
    item = parked(message._replace(replay=replay), cause, now=now())
    services().state.write_all([item])
    work.note_parked(message.body, cause)
    # The cause may name a person or a place, so it is shown on the console and not logged.
    logger.error("parked", queue=message.queue, connection=message.connection, item=item.id)
    return "parked"


def _where(error: BaseException | None) -> str:
    """The place of an error without its text, which may hold what a vendor answered."""
    frames = traceback.extract_tb(error.__traceback__) if error else []
    return " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-4:]))
