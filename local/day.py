"""A working day: three technicians, eight appointments, and what usually goes wrong.

One appointment is reassigned, one cancelled, one rescheduled, one technician's departure is
reported late, one delivery comes twice, and one customer is not at home. It is the same day
whether people are tracked by geofences, by orders, or some by these and some by those: each
team has a HyperTrack account and a connection of its own then.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from local.town import ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.hypertrack import Phone
    from local.operator import Operator
    from local.town import Town

# Places in Berlin, a few kilometres apart.
DEPOT = (52.5200, 13.3700)
PLACES = {
    "Boiler": (52.5321, 13.3849),
    "Heat pump": (52.5099, 13.3989),
    "Radiator": (52.5012, 13.4105),
    "Fibre": (52.5405, 13.3502),
    "Router": (52.5480, 13.3910),
    "Switch": (52.5301, 13.3305),
    "Lift": (52.4995, 13.3560),
    "Crane": (52.4871, 13.3899),
}
PEOPLE = ("Ada Lovelace", "Bob Noyce", "Cem Kaner")
# Each generation of the Visits App says the same in other words; the last one knows orders.
APPS = {"Ada Lovelace": "android-0.2", "Bob Noyce": "android-0.4", "Cem Kaner": "ios-2.0"}
APP_WITH_ORDERS = "ios-2.20"

type Way = Literal["geofences", "orders"]
WAYS: dict[str, dict[str, Way]] = {
    "geofences": dict.fromkeys(PEOPLE, "geofences"),
    "orders": dict.fromkeys(PEOPLE, "orders"),
    "mixed": {"Ada Lovelace": "geofences", "Bob Noyce": "geofences", "Cem Kaner": "orders"},
}


class Line(NamedTuple):
    """What Salesforce should hold about an appointment in the end; times in UTC."""

    resource: str
    status: str
    arrival: str
    departure: str
    minutes: int | None
    visit: tuple[str, ...]  # what the Activity tells of the visit, in its order


FENCED = ("Arrived", "Checked out", "Left")
ORDERED = ("Arrived", "Checked out")  # tracking ends with the order, so nobody is seen to leave
CANCELLED = ("Arrived", "Left")

EXPECTED = {
    "Boiler": Line("Ada Lovelace", "Completed", "08:40", "09:45", 65, FENCED),
    "Heat pump": Line("Ada Lovelace", "Completed", "10:30", "11:40", 70, FENCED),
    # Field Service takes the schedule and the assignments off what is cancelled.
    "Radiator": Line("", "Canceled", "", "", None, ()),
    "Fibre": Line("Bob Noyce", "Completed", "08:50", "10:00", 70, FENCED),
    "Router": Line("Cem Kaner", "Completed", "11:20", "12:05", 45, FENCED),
    "Switch": Line("Bob Noyce", "Completed", "11:15", "12:00", 45, FENCED),
    "Lift": Line("Cem Kaner", "Completed", "09:20", "10:25", 65, FENCED),
    "Crane": Line("Cem Kaner", "Cannot Complete", "13:00", "13:25", 25, CANCELLED),
}


def expected(ways: dict[str, Way]) -> dict[str, Line]:
    """What Salesforce should hold, whichever way each of them is tracked."""
    return {
        subject: line._replace(visit=ORDERED)
        if ways.get(line.resource) == "orders" and line.visit == FENCED
        else line
        for subject, line in EXPECTED.items()
    }


class WorkingDay:
    """Drives the simulated vendors through the day, in a town that is up and connected."""

    def __init__(
        self, town: Town, say: Callable[[str], None], ways: dict[str, Way] | None = None
    ) -> None:
        self._town = town
        self._say = say
        self._ways = ways or WAYS["geofences"]
        self._midnight = town.clock().replace(hour=0, minute=0, second=0, microsecond=0)
        self._resources: dict[str, str] = {}
        self._appointments: dict[str, str] = {}
        self._phones: dict[str, Phone] = {}

    def plan(self) -> None:
        """What the dispatcher has planned the evening before."""
        for name in PEOPLE:
            email = f"{name.split()[0].lower()}@acme.example"
            self._resources[name] = self._town.salesforce.add_resource(name, email)
        for subject, who, start in (
            ("Boiler", "Ada Lovelace", "09:00"),
            ("Heat pump", "Ada Lovelace", "10:45"),
            ("Radiator", "Ada Lovelace", "14:00"),
            ("Fibre", "Bob Noyce", "09:00"),
            ("Router", "Bob Noyce", "11:30"),
            ("Switch", "Bob Noyce", "13:00"),
            ("Lift", "Cem Kaner", "09:30"),
            ("Crane", "Cem Kaner", "13:00"),
        ):
            latitude, longitude = PLACES[subject]
            self._appointments[subject] = self._town.salesforce.add_appointment(
                self._resources[who],
                self._at(start),
                Subject=subject,
                Latitude=latitude,
                Longitude=longitude,
            )

    def connect(self, operator: Operator) -> None:
        """A connection for each way that somebody is tracked in."""
        for way in sorted(set(self._ways.values())):
            self._town.connect(operator, account=ACCOUNTS[way], tracking=way, lead="90")

    def live(self) -> None:
        """From opening the invitations to clocking out."""
        self._install()
        self._morning()
        self._dispatcher_changes_plans()
        self._noon()
        self._afternoon()

    def _install(self) -> None:
        self._now("07:30", "each technician opens the link that came by mail")
        for invite in self._town.hypertrack.invites:
            name = next(n for n, i in self._resources.items() if i == invite.worker_handle)
            if invite.account_id == ACCOUNTS[self._ways[name]]:
                app = APP_WITH_ORDERS if self._by_orders(name) else APPS[name]
                self._phones[name] = self._town.hypertrack.install(invite.link, app)
                self._phones[name].be_at(*DEPOT)
        self._town.settle()
        standing = len(self._town.hypertrack.geofences())
        self._say(f"{standing} geofences stand, one for each assignment in that way")

    def _morning(self) -> None:
        self._now("08:20", "everybody clocks in, or is tracked by an order, and drives off")
        self._town.tick()
        for name, phone in self._phones.items():
            if not self._by_orders(name):
                phone.clock_in()
        self._town.hypertrack.duplicate(2)
        self._visit("Fibre", "Bob Noyce", "08:40", 10, checkout="10:00")
        self._town.hypertrack.duplicate(1)
        self._say("every delivery about Fibre was sent twice")
        self._town.tick()
        self._visit("Boiler", "Ada Lovelace", "08:32", 8, checkout="09:45")
        self._visit("Lift", "Cem Kaner", "09:12", 8, checkout="10:25")

    def _dispatcher_changes_plans(self) -> None:
        salesforce = self._town.salesforce
        self._now("10:28", "the dispatcher gives Router to Cem and brings Switch forward")
        [row] = [
            each
            for each in salesforce.rows("AssignedResource")
            if each["ServiceAppointmentId"] == self._appointments["Router"]
        ]
        salesforce.update(
            "AssignedResource", row["Id"], ServiceResourceId=self._resources["Cem Kaner"]
        )
        start = self._at("11:15")
        salesforce.update(
            "ServiceAppointment",
            self._appointments["Switch"],
            SchedStartTime=start,
            SchedEndTime=start + timedelta(hours=1),
        )
        self._town.tick()

    def _noon(self) -> None:
        ada = self._phones["Ada Lovelace"]
        self._arrive("Heat pump", "Ada Lovelace", "10:22", 8)
        self._arrive("Switch", "Bob Noyce", "11:07", 8)
        self._arrive("Router", "Cem Kaner", "11:10", 10)
        self._now("11:40", "Ada checks out of Heat pump, then her phone loses its network")
        self._check_out("Heat pump", "Ada Lovelace", "Filter changed", self._at("11:40"))
        ada.offline()
        ada.drive_to(*DEPOT, minutes=8, start=self._at("11:50"))
        self._depart("Switch", "Bob Noyce", "12:00")
        self._depart("Router", "Cem Kaner", "12:05")
        self._now("12:40", "her phone is back: the departure of 11:50 is told now")
        ada.online(at=self._at("12:40"))
        self._town.settle()

    def _afternoon(self) -> None:
        self._now("12:50", "the dispatcher cancels Radiator")
        self._town.salesforce.update(
            "ServiceAppointment", self._appointments["Radiator"], Status="Canceled"
        )
        self._town.tick()
        self._arrive("Crane", "Cem Kaner", "12:52", 8)
        self._now("13:25", "nobody is at home at Crane, Cem leaves and cancels on the way")
        cem = self._phones["Cem Kaner"]
        left = cem.drive_to(*DEPOT, minutes=8, start=self._at("13:25"))
        self._town.clock.move_to(left)
        self._cancel("Crane", "Cem Kaner", "nobody at home", left)
        self._now("16:00", "everybody clocks out")
        for name, phone in self._phones.items():
            if not self._by_orders(name):
                phone.clock_out(at=self._at("16:00"))
        self._town.settle()
        self._town.tick()

    def _visit(self, subject: str, who: str, start: str, minutes: int, checkout: str) -> None:
        self._arrive(subject, who, start, minutes)
        self._depart(subject, who, checkout)

    def _arrive(self, subject: str, who: str, start: str, minutes: int) -> None:
        """Drive there; half a minute later than the full one, as the fence is met before."""
        begin = self._at(start) + timedelta(seconds=45)
        self._town.clock.move_to(begin)
        arrived = self._phones[who].drive_to(*PLACES[subject], minutes=minutes, start=begin)
        self._town.clock.move_to(arrived)
        self._town.settle()
        self._say(f"{arrived:%H:%M}  {who} arrives at {subject}")

    def _depart(self, subject: str, who: str, checkout: str) -> None:
        phone, at = self._phones[who], self._at(checkout)
        self._town.clock.move_to(at)
        self._check_out(subject, who, f"{subject} done", at)
        phone.drive_to(*DEPOT, minutes=8, start=at + timedelta(minutes=5))
        self._town.settle()
        self._say(f"{at:%H:%M}  {who} checks out of {subject}")

    def _check_out(self, subject: str, who: str, note: str, at: datetime) -> None:
        phone = self._phones[who]
        if self._by_orders(who):
            phone.complete_order(self._order(subject), note=note, at=at)
        else:
            phone.check_out(self._geofence(subject), note=note, at=at)

    def _cancel(self, subject: str, who: str, note: str, at: datetime) -> None:
        phone = self._phones[who]
        if self._by_orders(who):
            phone.cancel_order(self._order(subject), note=note, at=at)
        else:
            phone.cancel(self._geofence(subject), note, at=at)

    def _by_orders(self, who: str) -> bool:
        return self._ways[who] == "orders"

    def _order(self, subject: str) -> str:
        """As the app lists it."""
        return next(
            each.handle
            for each in self._town.hypertrack.orders(ACCOUNTS["orders"])
            if (each.metadata or {})["name"] == subject and each.status == "ongoing"
        )

    def _geofence(self, subject: str) -> str:
        """As the app lists it."""
        return next(
            each.geofence_id
            for each in self._town.hypertrack.geofences()
            if each.metadata["name"] == subject
        )

    def _now(self, time: str, what: str) -> None:
        self._town.clock.move_to(self._at(time))
        self._say(f"{time}  {what}")

    def _at(self, time: str) -> datetime:
        hours, minutes = time.split(":")
        return self._midnight + timedelta(hours=int(hours), minutes=int(minutes))
