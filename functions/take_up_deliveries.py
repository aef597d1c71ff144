"""Every five minutes: deliveries that were kept whole, queued as soon as they can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fieldlink.hearing import taking_up
from fieldlink.observability import logger
from fieldlink.wiring import services

if TYPE_CHECKING:
    from fieldlink.worker import Context

# Milliseconds that must be left to begin with another delivery: its thousands of events go in
# batches of ten, at some 10 ms each.
LONGEST_DELIVERY = 30_000


@logger.inject_lambda_context
def lambda_handler(_event: dict[str, Any], context: Context) -> dict[str, int]:
    """A scheduled event; run twice, or killed in the middle, it does no harm."""

    def more() -> bool:
        return context.get_remaining_time_in_millis() > LONGEST_DELIVERY

    taken = taking_up.take_up(
        spool=services().spool,
        bursts=services().bursts,
        key_ring=services().key_ring,
        more=more,
    )
    logger.info("deliveries taken up", deliveries=taken)
    return {"taken_up": taken}
