"""SES, through EventBridge: what became of an invitation."""

from __future__ import annotations

from typing import Any

from fieldlink.observability import logger, metrics
from fieldlink.people import bounces
from fieldlink.wiring import services


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """One mail that bounced, was rejected, or was taken for spam."""
    news = bounces.read(event)
    noted = news is not None and bounces.note(*news, state=services().state)
    # Not the reason: it may name the address.
    logger.info("mail came back", kind=event.get("detail-type"), noted=noted)
    metrics.add_metric(name="MailCameBack", unit="Count", value=1)
    return {"noted": noted}
