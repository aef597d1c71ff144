"""Polls queue: hand on what changed in one Salesforce org."""

from __future__ import annotations

from typing import Any

from fieldlink import disconnecting, polling
from fieldlink.errors import Lost, Refused, Unavailable
from fieldlink.models import Poll
from fieldlink.observability import logger, metrics
from fieldlink.records import Connection
from fieldlink.wiring import random_text, services


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """One message at a time. What fails is not tried again: the next tick comes anyway."""
    for record in event["Records"]:
        poll = Poll.model_validate_json(record["body"])
        outcome = _poll(poll.connection, record["messageId"])
        logger.info("polled", connection=poll.connection, **outcome)
        metrics.add_metric(name="Polled", unit="Count", value=1)
    return {"batchItemFailures": []}


def _poll(name: str, cause: str) -> dict[str, Any]:
    connection = services().state.read(Connection, name)
    try:
        if connection and connection.state == "ending":
            ended = disconnecting.finish(
                connection, office=services().office(), changes=services().changes, cause=cause
            )
            return {"outcome": "ended" if ended else "ending"}
        if connection is None or connection.state != "connected":
            return {"outcome": "not connected"}
        return _look(connection)
    except Lost:
        logger.error("connection lost", connection=name)
        return {"outcome": "lost"}
    except Unavailable as error:
        return {"outcome": "put off", "error": type(error).__name__}


def _look(connection: Connection) -> dict[str, Any]:
    problem = ""
    outcome: dict[str, Any] = {"outcome": "refused"}
    try:
        polled = polling.poll(
            connection,
            salesforce=services().salesforce(connection),
            state=services().state,
            queues=polling.Queues(changes=services().changes, invites=services().invites),
            run=random_text(),
        )
        outcome = {"outcome": "looked", **polled._asdict()}
    except Refused as refusal:
        problem = f"Salesforce refused a look for changes: {refusal}"
    if problem != connection.problem:
        services().state.write(connection.model_copy(update={"problem": problem}))
    return outcome
