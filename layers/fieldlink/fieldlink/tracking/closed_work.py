"""Rule: that work was closed in Salesforce is told to what writes, as a fact like any other.

Where only a dispatcher closes work no check-out is ever heard of, and what was worked would not
get onto time sheets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.hearing import webhooks
from fieldlink.hearing.meanings import EXIT

if TYPE_CHECKING:
    from fieldlink.records import Tracking
    from fieldlink.tracking.tracking import Ground


def tell(tracking: Tracking, ground: Ground) -> None:
    """Twice, after a crash, it is two facts that say the same."""
    if ground.connection.practice.time_sheets == "none":
        return
    at = ground.now.isoformat()
    told = {
        "type": EXIT,
        "recorded_at": at,
        "data": {
            "value": "closed",
            "appointment": tracking.appointment,
            "resource": tracking.resource,
        },
    }
    name = tracking.connection
    message = webhooks.message(told, connection=name, received_at=at, own=True)
    # It has no device by which to be grouped; one that waits must not hold up the others.
    group = webhooks.group(name, {"device_id": tracking.appointment})
    ground.events.put([message._replace(group=group)])
