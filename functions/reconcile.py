"""Every night: have each connection compared as a whole, not only what changed in it.

With its org, by a poll of everything; with HyperTrack's record, resource by resource.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fieldlink.hearing import recovering
from fieldlink.listing import every_connection
from fieldlink.looking import reconciling
from fieldlink.observability import logger, metrics
from fieldlink.wiring import services


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """A scheduled event; its date names the night, so that it does nothing when repeated."""
    night = datetime.fromisoformat(event["time"]).date()
    state = services().state
    connections = every_connection(state)
    started = reconciling.start(night, connections, polls=services().polls)
    people = recovering.start(night, connections, state=state, changes=services().changes)
    logger.info("reconciliation started", connections=started, people=people)
    metrics.add_metric(name="ReconciliationsStarted", unit="Count", value=started)
    return {"started": started, "people": people}
