"""Rule: what a HyperTrack event says, as a fact in our words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.hearing import facts_of_devices, facts_of_orders, facts_of_visits
from fieldlink.hearing.envelope import Event, Ignored, ignored, opened
from fieldlink.hearing.meanings import EXIT, LINK, UNKNOWN, meaning, tells
from fieldlink.hearing.webhooks import TEST_DEVICE
from fieldlink.models import Fact, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.hearing.facts_of_orders import Remembered
    from fieldlink.models import Report

type Reader = Callable[[Event, Kind, Report, Remembered], Fact | Ignored]

READERS: dict[str, Reader] = {
    "geofence": facts_of_visits.of_geofence,
    "geotag": facts_of_visits.of_geotag,
    "custom_marker": facts_of_visits.of_geotag,
    "order": facts_of_orders.of_order,
    LINK: facts_of_orders.of_link,
    EXIT: facts_of_visits.of_exit,
}

FORGED = "an event that only Fieldlink tells, and it did not"


def read(report: Report, remembered: Remembered = facts_of_orders.none) -> Fact | Ignored:
    """The fact that an event tells, or why it tells none. Refused if it cannot be read.

    `remembered`: the orders that we have made, by their handles.
    """
    event = opened(report.event)
    if event.device == TEST_DEVICE:
        return Fact(kind=Kind.WEBHOOK_TESTED, key="test", at=report.received_at)
    value, reason = event.value, event.text("reason")
    if event.type in {"geotag", "custom_marker"}:
        value, reason = facts_of_visits.button(event), ""
    if event.type == LINK:
        value = "offered" if event.text("link") else "withdrawn"
    if event.type == EXIT and not report.own:
        return ignored(event, FORGED)
    found = meaning(event.type, value, reason)
    if "data" in event.odd and not found.kind and tells(event.type):
        event.refuse("data")
    if found.kind:
        reader = READERS.get(event.type, facts_of_devices.of_device)
        return reader(event, found.kind, report, remembered)
    name = f"{event.type or 'event without type'} {value}".strip()
    return ignored(event, name if found is UNKNOWN else f"{name}: {found.words}")
