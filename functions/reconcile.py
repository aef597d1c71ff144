"""Every night: have each connection's org compared as a whole, not only what changed in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fieldlink import reconciling
from fieldlink.observability import logger, metrics
from fieldlink.wiring import services


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """A scheduled event; its date names the night, so that it does nothing when repeated."""
    night = datetime.fromisoformat(event["time"]).date()
    started = reconciling.start(night, state=services().state, polls=services().polls)
    logger.info("reconciliation started", connections=started)
    metrics.add_metric(name="ReconciliationsStarted", unit="Count", value=started)
    return {"started": started}
