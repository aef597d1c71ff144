"""Every five minutes: one poll message for each connection."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fieldlink import polling
from fieldlink.alarms import tell_all_lost
from fieldlink.observability import logger, metrics
from fieldlink.wiring import services


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """A scheduled event; its own time names the slot, so that it does nothing when repeated."""
    slot = polling.slot_of(datetime.fromisoformat(event["time"]))
    started = polling.start(slot, state=services().state, polls=services().polls)
    tell_all_lost(services().state)
    logger.info("polls started", connections=started)
    metrics.add_metric(name="PollsStarted", unit="Count", value=started)
    return {"started": started}
