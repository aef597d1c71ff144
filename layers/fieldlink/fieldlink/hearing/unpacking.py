"""Rule: what a message of Events points to in the spool, taken out of it again.

Nothing is removed there: a message may come twice, and one that is parked may come after weeks.
It expires by itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fieldlink.errors import Refused, Unreadable
from fieldlink.hearing import cutting, keeping, webhooks
from fieldlink.hearing.envelope import members, text
from fieldlink.hearing.keeping import Delivery
from fieldlink.hearing.meanings import meaning
from fieldlink.models import AT_WORK

if TYPE_CHECKING:
    from fieldlink.models import Report
    from fieldlink.ports import Outbox, Spool

# Events that are queued at a time: 500 calls of some 20 ms. What is left is a message again.
PART = 5_000
PRESSED = {"geotag", "custom_marker"}  # buttons of an app


def holds_many(report: Report) -> bool:
    """Whether this is no event but a delivery that was kept whole."""
    return report.spooled.startswith(keeping.WHOLE)


def with_event(report: Report, spool: Spool) -> Report:
    """The report with its event, wherever that lies."""
    if not report.spooled:
        return report
    return report.model_copy(update={"event": json.loads(_fetched(report, spool))})


def split(report: Report, *, live_positions: bool, outbox: Outbox, spool: Spool) -> int:
    """Queue the next events of a delivery, and what is left of it as one message.

    If it is killed in the middle the same messages come again, under the same keys.
    """
    received_at = report.received_at.isoformat()
    delivery = Delivery(report.connection, received_at, _fetched(report, spool))
    try:
        found = cutting.cut(delivery.body)
    except Unreadable as error:
        raise Refused(str(error)) from error
    end = report.first + PART
    pieces = found.part(report.first, end)
    messages = list(webhooks.queueable(pieces, delivery, live_positions, lambda: spool))
    if end < len(found.elements):
        messages.append(webhooks.rest(report.connection, received_at, report.spooled, end))
    outbox.put(messages)
    return len(messages)


def _fetched(report: Report, spool: Spool) -> bytes:
    if keeping.owner(report.spooled) != report.connection:
        raise Refused("what a message points to is another connection's")
    found = spool.get(report.spooled)
    if found is None:
        raise Refused("what HyperTrack reported is no longer kept")
    return found


def strand(report: Report) -> str:
    """Messages of a group for which this is the same are taken in their order: those about the
    same geofence or order, and those about none. What somebody did at their work need not wait
    for anything, as of that the set counts; then it can be applied together with the rest.
    """
    place, event = _place(report), members(report.event)
    type_ = text(event.get("type"))
    kind = meaning(type_, text(members(event.get("data")).get("value"))).kind
    free = type_ in PRESSED or kind in AT_WORK
    return f"{place} {report.id}" if place and free else place


def _place(report: Report) -> str:
    """The geofence or the order that an event tells of; "" if of none, or if it lies apart."""
    data = members(members(report.event).get("data"))
    named = (
        data.get("geofence_id"),
        members(data.get("metadata")).get("geofence_id"),
        data.get("order_handle"),
    )
    return next((text(each) for each in named if text(each)), "")
