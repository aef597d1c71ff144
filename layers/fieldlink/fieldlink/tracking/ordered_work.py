"""Rule: which order an assignment should have just now. Told from the state alone."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.models import APPOINTMENT_KEY, ASSIGNMENT_KEY, RESOURCE_KEY, WantedOrder
from fieldlink.tracking.fencing import NO_DEVICE, NO_PLACE
from fieldlink.tracking.ordered_days import Slot, slots
from fieldlink.zones import zone

if TYPE_CHECKING:
    from fieldlink.records import Appointment, Connection, LiveOrder

NO_TIME = "the appointment has no scheduled start"
TIME_OVER = "its time is over"


class Work(NamedTuple):
    """An assignment that is open, whose it is, and what they have."""

    appointment: Appointment
    assignment: str
    owner: str
    name: str  # the owner's
    zone: str  # likewise
    at_work: bool
    device: str


class Plan(NamedTuple):
    """What should be tracked of it now."""

    slot: Slot | None = None  # the one that is due
    upcoming: Slot | None = None  # the one after that
    waiting: str = ""  # why there is none, or it can't be tracked
    waits_for_its_time: bool = False
    first: date | None = None  # of its days, if it takes several

    @property
    def look_at(self) -> datetime | None:
        """When this is different though nothing has changed."""
        moments = [self.slot.over_at] if self.slot else []
        return min(moments + ([self.upcoming.due_at] if self.upcoming else []), default=None)

    def past(self, order: LiveOrder) -> bool:
        """Whether an order was for an earlier day, of work that goes on."""
        today = self.slot or self.upcoming
        if not (order.day and self.first and today and today.day):
            return False
        return self.first <= order.day < today.day


def plan(work: Work, connection: Connection, now: datetime) -> Plan:
    """What is due, what comes next, and what it waits for."""
    found = work.appointment
    if found.latitude is None or found.longitude is None:
        return Plan(waiting=NO_PLACE)
    if found.starts_at is None:
        return Plan(waiting=NO_TIME)
    local = zone(found.time_zone or work.zone)
    lead = timedelta(minutes=connection.lead)
    ends_at = found.ends_at or found.starts_at
    days = slots(found.starts_at, ends_at, local, lead=lead, near=now)
    due = [each for each in days if each.due_at <= now]
    slot = due[-1] if due and now < due[-1].over_at else None
    upcoming = next((each for each in days if each.due_at > now), None)
    device = "" if work.device or not (slot or upcoming) else NO_DEVICE
    if slot:
        return Plan(slot, upcoming, device, first=days[0].day)
    if upcoming is None:
        return Plan(waiting=TIME_OVER)
    when = f"tracked from {upcoming.due_at.astimezone(local):%Y-%m-%d %H:%M}"
    first = days[0].day
    return Plan(None, upcoming, device or when, waits_for_its_time=True, first=first)


def wanted(slot: Slot, work: Work, connection: Connection, handle: str) -> WantedOrder:
    """The order that should be tracked for a day's work at a place."""
    found = work.appointment
    shown = {
        APPOINTMENT_KEY: found.id,
        RESOURCE_KEY: work.owner,
        "name": found.subject or found.number,
        "address": found.address,
        ASSIGNMENT_KEY: work.assignment,
    }
    return WantedOrder(
        handle=handle,
        worker=work.owner,
        latitude=found.latitude or 0.0,
        longitude=found.longitude or 0.0,
        radius=connection.radius,
        scheduled_at=slot.starts_at,
        service_seconds=_seconds(slot),
        metadata={name: text for name, text in shown.items() if text},
    )


def handles(appointment: str, resource: str, day: date | None, most: int) -> list[str]:
    """The names that an order may have, the first that is free counts. At most 51 characters.

    HyperTrack would take a handle twice. Ours are not: what is told late of the order that had
    it before would be taken for news of this one.
    """
    base = "-".join((appointment, resource, *([day.isoformat()] if day else [])))
    return [base, *(f"{base}-{number}" for number in range(2, most + 1))]


def same_place(one: WantedOrder, other: WantedOrder) -> bool:
    """HyperTrack moves no order that is under way, so another place is another order."""
    places = [(each.latitude, each.longitude, each.radius) for each in (one, other)]
    return places[0] == places[1]


def standing_for(
    orders: tuple[LiveOrder, ...], wish: WantedOrder, day: date | None
) -> LiveOrder | None:
    """The order that can be brought to what is wanted; the one that needs least for it."""
    fit = [
        each
        for each in orders
        if not (each.leaving or each.later)
        and (each.day == day or None in (each.day, day))
        and (each.wanted.worker == wish.worker or not each.over)
    ]
    fit.sort(
        key=lambda each: (
            same_place(each.wanted, wish),
            each.wanted.worker == wish.worker,
            each.tracked,
        )
    )
    return fit[-1] if fit else None


def _seconds(slot: Slot) -> int | None:
    """How long that day's work is planned to take."""
    return int((slot.ends_at - slot.starts_at).total_seconds()) or None
