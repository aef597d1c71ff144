"""Rule: the facts that orders tell, and whose an order is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from fieldlink.hearing.envelope import (
    Event,
    Ignored,
    ignored,
    members,
    note,
    number,
    photos,
    travel,
)
from fieldlink.ids import salesforce_id
from fieldlink.models import APPOINTMENT_KEY, RESOURCE_KEY, Fact, Kind

if TYPE_CHECKING:
    from fieldlink.models import Report
    from fieldlink.records import Order

type Remembered = Callable[[str], Order | None]

ENDS = {Kind.CHECKED_OUT, Kind.CANCELLED}
ESTIMATES = {Kind.EXPECTED, Kind.DELAYED}
FARTHEST = 10 * 24 * 3600  # seconds; whoever is farther away is not on the way
ID = 18  # characters of a Salesforce id in full


def none(_handle: str) -> Order | None:
    """No order is remembered."""
    return None


def whose(event: Event, handle: str, order: Order | None) -> tuple[str, str]:
    """Appointment and resource of an order, each "" if it is none of ours.

    Work moves on with its order, so whom the event names is believed before what we remember.
    """
    metadata = members(event.data.get("metadata"))
    appointments = (
        order.appointment if order else "",
        salesforce_id(metadata.get(APPOINTMENT_KEY), "08p"),
        salesforce_id(handle[:ID], "08p"),
    )
    resources = (
        salesforce_id(event.worker, "0Hn"),
        order.resource if order else "",
        salesforce_id(metadata.get(RESOURCE_KEY), "0Hn"),
        salesforce_id(handle[ID + 1 : 2 * ID + 1], "0Hn"),
    )
    return next(filter(None, appointments), ""), next(filter(None, resources), "")


def of_order(
    event: Event, kind: Kind, _report: Report, remembered: Remembered
) -> Fact | Ignored:
    """What an order tells of the work that it stands for."""
    handle = event.text("order_handle")
    order = remembered(handle) if handle else None
    appointment, resource = whose(event, handle, order)
    if not (appointment and resource):
        return ignored(event, f"order {event.value}: of an order that is not ours")
    at = event.at(_happened(event, kind))
    expected_at = _expected(event, kind, at)
    problem = _needless(event, kind, order, expected_at)
    if problem:
        return ignored(event, f"order {event.value}: {problem}")
    return Fact(
        kind=kind,
        key=_key(event, handle, at),
        at=at,
        device=event.text("new_device_id") if kind is Kind.DEVICE_SEEN else event.device,
        appointment=appointment,
        resource=resource,
        order=handle,
        arrived_at=event.moment("arrival", "recorded_at") if kind is Kind.LEFT else None,
        travel=travel(event.data.get("route_to")) if kind is Kind.ARRIVED else None,
        expected_at=expected_at,
        scheduled_at=event.moment("scheduled_at"),
        **_words(event, kind),
    )


def of_link(event: Event, kind: Kind, report: Report, remembered: Remembered) -> Fact | Ignored:
    """That a customer may follow, or may no more. By ourselves: nobody else can queue it."""
    handle = event.text("order_handle")
    known = whose(event, handle, remembered(handle) if handle else None)
    appointment = salesforce_id(event.text("appointment"), "08p") or known[0]
    if not appointment:
        return ignored(event, "link of no appointment")
    at = event.recorded_at or report.received_at
    return Fact(
        kind=kind,
        key=f"{kind}/{appointment}/{handle}/{at.isoformat()}",
        at=at,
        appointment=appointment,
        resource=salesforce_id(event.text("resource"), "0Hn") or known[1],
        order=handle,
        link=event.text("link"),
    )


def _happened(event: Event, kind: Kind) -> datetime | None:
    """When the phone crossed the line, which is a little before it told so."""
    crossing = {Kind.ARRIVED: "arrival", Kind.LEFT: "exit"}.get(kind)
    return event.moment(crossing, "recorded_at") if crossing else None


def _needless(
    event: Event, kind: Kind, order: Order | None, expected_at: datetime | None
) -> str:
    if kind in ENDS and order and order.ended_by_us:
        return "we ended it ourselves"
    if kind in ESTIMATES and expected_at is None:
        return "it holds no estimate"
    if kind is Kind.DEVICE_SEEN and not event.text("new_device_id"):
        return "it names no device"
    return ""


def _expected(event: Event, kind: Kind, at: datetime) -> datetime | None:
    """When the resource will arrive: HyperTrack tells the time, or how long it will take."""
    if kind is Kind.DELAYED:
        return event.moment("arrive_at")
    seconds = number(event.data.get("remaining_duration"))
    minutes = number(event.data.get("remaining_minutes"))
    left = minutes * 60 if seconds is None and minutes is not None else seconds
    if kind is not Kind.EXPECTED or left is None or not 0 <= left <= FARTHEST:
        return None
    return at + timedelta(seconds=left)


def _words(event: Event, kind: Kind) -> dict[str, Any]:
    """What made HyperTrack estimate anew; what a technician wrote with the end of an order."""
    if kind in ESTIMATES:
        return {"reason": event.text("change_reason") or event.value}
    if kind not in ENDS:
        return {}
    written = members(members(event.data.get("metadata")).get("visits_app"))
    return {"note": note(written), "photos": photos(written)}


def _key(event: Event, handle: str, at: datetime) -> str:
    """The handle of an order may be used again once that is over; its route's is not."""
    recorded = (event.recorded_at or at).isoformat()
    return f"order/{handle}/{event.text('route_handle')}/{event.value}/{recorded}"
