"""Every five minutes: one poll message for each connection, and what else is due by time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from fieldlink.alarms import tell_all_lost
from fieldlink.errors import FieldlinkError
from fieldlink.hearing import silence
from fieldlink.listing import every_connection
from fieldlink.looking import polling
from fieldlink.observability import logger, metrics
from fieldlink.tracking import waking
from fieldlink.wiring import services
from fieldlink.writing import confirming

if TYPE_CHECKING:
    from fieldlink.records import Connection


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """A scheduled event; its own time names the slot, so that it does nothing when repeated."""
    at = datetime.fromisoformat(event["time"])
    connections = every_connection(services().state)
    started = polling.start(polling.slot_of(at), connections, polls=services().polls)
    tell_all_lost(services().state)
    woken = sum(_due(each, at) for each in connections if each.live)
    logger.info("polls started", connections=started, woken=woken)
    metrics.add_metric(name="PollsStarted", unit="Count", value=started)
    return {"started": started, "woken": woken}


def _due(connection: Connection, now: datetime) -> int:
    """What goes on without Salesforce. One connection's trouble is not the others'."""
    state, changes = services().state, services().changes
    try:
        woken = waking.wake(connection, state=state, changes=changes, now=now)
        confirming.confirm(connection, state=state, events=services().events, now=now)
        silent = silence.listen(connection, state=state, changes=changes, now=now)
    except FieldlinkError as error:
        name = connection.connection
        logger.warning("not woken", connection=name, error=type(error).__name__)
        return 0
    if silent:
        logger.warning("hypertrack is silent", connection=connection.connection, people=silent)
    return woken
