"""What is done once for a batch of messages, when it is known what became of each."""

from __future__ import annotations

from collections import Counter, deque
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, NamedTuple

from fieldlink.alarms import tell_lost
from fieldlink.errors import FieldlinkError, Lost
from fieldlink.observability import logger, metrics
from fieldlink.wiring import services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import timedelta

    from fieldlink.worker import Work

AGAIN, NO_TIME, HELD = "comes again", "no time left", "held"

type Message = dict[str, Any]  # as Lambda hands it


class Ended(NamedTuple):
    """What became of a message."""

    message: Message
    outcome: str
    connection: str = ""
    wait: timedelta | None = None  # until it comes again
    error: BaseException | None = None  # why it is not simply done


def close(ended: list[Ended], work: Work) -> None:
    """Tell of all of them in one line, first of all, and postpone what is to come again."""
    outcomes = Counter(str(each.outcome) for each in ended)
    connections = Counter(each.connection for each in ended if each.connection)
    again = _causes(each for each in ended if each.wait and each.error)
    tell = logger.warning if again else logger.info
    tell(
        "worked off", queue=work.queue, outcomes=outcomes, connections=connections, again=again
    )
    waits = {each.message["receiptHandle"]: each.wait for each in ended if each.wait}
    if waits:
        quietly(lambda: work.outbox.postpone(waits), "not postponed")
    for connection in {each.connection for each in ended if isinstance(each.error, Lost)}:
        tell_lost(connection, services().state)
    done, held = len(ended) - len(waits), outcomes[HELD]
    for name, count in ("Done", done), ("Retried", len(waits)), ("Held", held):
        if count:
            metrics.add_metric(name=name, unit="Count", value=count)


def _causes(again: Iterable[Ended]) -> list[dict[str, Any]]:
    """Why messages come again: those of one connection that failed alike are told once."""
    alike: dict[tuple[str, str, str], list[Ended]] = {}
    for each in again:
        name = each.connection, type(each.error).__name__, _where(each.error)
        alike.setdefault(name, []).append(each)
    return [
        {
            "connection": connection,
            "error": error,
            "where": where,
            "messages": len(some),
            "tries": max(tries_of(each.message) for each in some),
            "wait": max(each.wait for each in some if each.wait).total_seconds(),
        }
        for (connection, error, where), some in alike.items()
    ]


def tries_of(message: Message) -> int:
    """How often it has been handed over, this time too."""
    return int(message["attributes"]["ApproximateReceiveCount"])


def _where(error: BaseException | None) -> str:
    """The place of an error without its text, which may hold what a vendor answered."""
    frames = deque(walk_tb(error.__traceback__ if error else None), maxlen=4)
    return " < ".join(f"{frame.f_code.co_name}:{line}" for frame, line in reversed(frames))


def failures(ended: Iterable[Ended]) -> dict[str, Any]:
    """Lambda's answer: everything else is taken off the queue."""
    again = [each.message["messageId"] for each in ended if each.wait is not None]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in again]}


def quietly(step: Callable[[], None], failed: str) -> None:
    """What need not succeed: the queue's time-out brings the messages again all the same."""
    try:
        step()
    except FieldlinkError as error:
        logger.warning(failed, error=type(error).__name__)
