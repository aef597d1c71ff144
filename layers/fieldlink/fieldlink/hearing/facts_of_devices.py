"""Rule: the facts that devices tell of themselves, and HyperTrack of their workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.hearing.envelope import Event, Ignored, ignored, number
from fieldlink.ids import salesforce_id
from fieldlink.models import Fact, Kind

if TYPE_CHECKING:
    from fieldlink.hearing.facts_of_orders import Remembered
    from fieldlink.models import Report

REASONS = ("reason", "outage_code", "outage_label")  # of a device, of a worker
LOST = {"disconnected", "device_disconnected"}


def of_device(
    event: Event, kind: Kind, report: Report, _remembered: Remembered
) -> Fact | Ignored:
    """What becomes of a phone: whose it is, whether it tracks, how it fares."""
    resource = salesforce_id(event.worker, "0Hn")
    if not event.device and not resource:
        if "device_id" in event.odd and kind is not Kind.POSITION:  # not parked with its place
            event.refuse("device_id")
        return ignored(event, f"{event.type} without a device")
    if kind is Kind.POSITION and event.place is None:
        return ignored(event, "location without a place")
    seconds = number(event.value) if kind is Kind.CLOCK_CHANGED else None
    if kind is Kind.CLOCK_CHANGED and seconds is None:
        event.refuse("value")
    at = event.recorded_at or event.created_at or report.received_at
    return Fact(
        kind=kind,
        key=f"{event.type}/{event.device or event.worker}/{event.value}/{at.isoformat()}",
        at=at,
        device=event.device,
        resource=resource,
        reason=_reason(event) if kind is Kind.OUTAGE_BEGAN else "",
        seconds=seconds,
        place=event.place if kind is Kind.POSITION else None,
    )


def _reason(event: Event) -> str:
    """HyperTrack's word for why it can't track; there is none for a phone that fell silent."""
    told = next((event.text(name) for name in REASONS if event.text(name)), "")
    return told or ("disconnected" if event.value in LOST else "")
