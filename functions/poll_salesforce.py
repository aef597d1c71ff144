"""Polls queue: hand on what changed in one Salesforce org, and what waited for it."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fieldlink.alarms import flush, tell_lost
from fieldlink.connecting import capabilities, disconnecting, holding, renewing
from fieldlink.errors import Closed, FieldlinkError, Lost, Refused, Unavailable
from fieldlink.looking import polling
from fieldlink.models import Poll
from fieldlink.observability import logger, metrics
from fieldlink.records import Access, Connection, Held, Watermark
from fieldlink.wiring import now, random_text, services

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.connecting.gate import Doorkeeper
    from fieldlink.worker import Context

# Milliseconds that must be left to send another page of held messages: 500 in batches of ten,
# and the erasing of each, at some 10 ms a call, take 6 s.
LONGEST_PAGE = 30_000
PUT_OFF = "put off"
RENEWAL_KNOWN = renewing.RENEWAL_ABANDONED + timedelta(seconds=5)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """One message at a time. What fails is not tried again, as the next tick comes anyway; but
    for a renewal of which it is not known how it went, which is not left unknown for so long.
    """

    def more() -> bool:
        return context.get_remaining_time_in_millis() > LONGEST_PAGE

    again = []
    for record in event["Records"]:
        poll = Poll.model_validate_json(record["body"])
        try:
            outcome = _poll(poll, record["messageId"], more)
        finally:
            flush(services().meter)
        if outcome["outcome"] == PUT_OFF and _comes_again(poll, record):
            again.append({"itemIdentifier": record["messageId"]})
        logger.info("polled", connection=poll.connection, **outcome)
        metrics.add_metric(name="Polled", unit="Count", value=1)
    return {"batchItemFailures": again}


def _comes_again(poll: Poll, record: dict[str, Any]) -> bool:
    """Once, when whoever began to renew the access has ended or is gone."""
    access = services().state.read(Access, poll.connection)
    if access is None or access.renewing_since is None:
        return False
    if int(record["attributes"]["ApproximateReceiveCount"]) > 1:
        return False
    services().polls.postpone({record["receiptHandle"]: RENEWAL_KNOWN})
    return True


def _poll(poll: Poll, cause: str, more: Callable[[], bool]) -> dict[str, Any]:
    connection = services().state.read(Connection, poll.connection)
    try:
        if connection and connection.state == "ending":
            return {"outcome": _end(connection, cause, more)}
        if connection is None or connection.state != "connected":
            return {"outcome": "not connected"}
        return _look(connection, poll, more)
    except Lost:
        tell_lost(poll.connection, services().state)
        return {"outcome": "lost"}
    except Closed:
        return {"outcome": "paused"}
    except Unavailable as error:
        return {"outcome": PUT_OFF, "error": type(error).__name__}


def _end(connection: Connection, cause: str, more: Callable[[], bool]) -> str:
    """What waits goes to its worker all the same, which notes that it came too late."""
    _release(connection, more)
    if services().state.some_of(Held, connection.connection, limit=1):
        return "ending"
    ended = disconnecting.finish(
        connection, office=services().office(), changes=services().changes, cause=cause
    )
    return "ended" if ended else "ending"


def _look(connection: Connection, poll: Poll, more: Callable[[], bool]) -> dict[str, Any]:
    # One that was asked for is worth least, since the tick looks anyway.
    doorkeeper = services().doorkeeper(connection, "extra" if poll.nudged else "look")
    try:
        polled = _counted(connection, poll, doorkeeper)
    except Refused as refusal:
        _learn(connection, refusal)
        # The org has answered, so what waits for it need not wait for a better look.
        released = _release(connection, more) if doorkeeper.settle() else 0
        return {"outcome": "refused", "released": released}
    _note_problem(connection, "")
    if polled.full and more():  # before what was held, which may take all the time there is
        _keep_up(connection)
    released = _release(connection, more) if doorkeeper.settle() else 0
    return {"outcome": "looked", **polled._asdict(), "released": released}


def _counted(connection: Connection, poll: Poll, doorkeeper: Doorkeeper) -> polling.Polled:
    state, name = services().state, connection.connection
    before = state.read(Watermark, name)
    polled = polling.poll(
        connection,
        salesforce=services().salesforce(connection, doorkeeper=doorkeeper),
        state=state,
        queues=polling.Queues(changes=services().changes, invites=services().invites),
        run=random_text(),
        full=poll.full,
    )
    after = state.read(Watermark, name)
    services().meter.looked(name, now(), before, after, nudged=poll.nudged)
    return polled


def _learn(connection: Connection, refusal: Refused) -> None:
    """Of a right that is gone the next look knows: it is asked for once for each refusal."""
    problem = f"Salesforce refused a look for changes: {refusal}"
    if problem != connection.problem and capabilities.stale(refusal):
        with suppress(Refused):  # it is the look's own refusal that is told
            _ask_anew(connection)
    _note_problem(connection, problem)


def _ask_anew(connection: Connection) -> None:
    capabilities.refresh(
        connection,
        salesforce=services().salesforce(connection, "extra"),
        state=services().state,
        now=now(),
    )


def _note_problem(connection: Connection, problem: str) -> None:
    if problem != connection.problem:
        services().state.write(connection.model_copy(update={"problem": problem}))


def _keep_up(connection: Connection) -> None:
    """Once a night: the access kept from idling, and what we may read and write asked anew.

    If that fails the look was good all the same, and the next night comes.
    """
    try:
        renewing.keep_alive(connection, services().office())
        _ask_anew(connection)
    except Lost:
        raise
    except FieldlinkError as error:
        logger.warning(
            "not kept up", connection=connection.connection, error=type(error).__name__
        )


def _release(connection: Connection, more: Callable[[], bool]) -> int:
    return holding.release(
        connection, state=services().state, bursts=services().bursts, more=more
    )
