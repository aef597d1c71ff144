"""A working day: three technicians, eight appointments, and what usually goes wrong.

One appointment is reassigned, one cancelled, one rescheduled, one technician's departure is
reported late, one delivery comes twice, and one customer is not at home.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.hypertrack import Phone
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
# Each generation of the Visits App says the same in other words.
APPS = {"Ada Lovelace": "android-0.2", "Bob Noyce": "android-0.4", "Cem Kaner": "ios-2.0"}


class Line(NamedTuple):
    """What Salesforce should hold about an appointment in the end; times in UTC."""

    resource: str
    status: str
    arrival: str
    departure: str
    minutes: int | None
    events: int


EXPECTED = {
    "Boiler": Line("Ada Lovelace", "Completed", "08:40", "09:45", 65, 3),
    "Heat pump": Line("Ada Lovelace", "Completed", "10:30", "11:40", 70, 3),
    # Field Service takes the schedule and the assignments off what is cancelled.
    "Radiator": Line("", "Canceled", "", "", None, 0),
    "Fibre": Line("Bob Noyce", "Completed", "08:50", "10:00", 70, 3),
    "Router": Line("Cem Kaner", "Completed", "11:20", "12:05", 45, 3),
    "Switch": Line("Bob Noyce", "Completed", "11:15", "12:00", 45, 3),
    "Lift": Line("Cem Kaner", "Completed", "09:20", "10:25", 65, 3),
    "Crane": Line("Cem Kaner", "Cannot Complete", "13:00", "13:25", 25, 2),
}


class WorkingDay:
    """Drives the simulated vendors through the day, in a town that is up and connected."""

    def __init__(self, town: Town, say: Callable[[str], None]) -> None:
        self._town = town
        self._say = say
        self._midnight = town.clock().replace(hour=0, minute=0, second=0, microsecond=0)
        self._resources: dict[str, str] = {}
        self._appointments: dict[str, str] = {}
        self._phones: dict[str, Phone] = {}

    def plan(self) -> None:
        """What the dispatcher has planned the evening before."""
        for name in APPS:
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
            self._phones[name] = self._town.hypertrack.install(invite.link, APPS[name])
            self._phones[name].be_at(*DEPOT)
        self._town.settle()
        standing = len(self._town.hypertrack.geofences())
        self._say(f"{standing} geofences stand, one for each assignment")

    def _morning(self) -> None:
        self._now("08:20", "everybody clocks in and drives off")
        for phone in self._phones.values():
            phone.clock_in()
        self._town.hypertrack.duplicate(2)
        self._visit("Fibre", "Bob Noyce", "08:40", 10, checkout="10:00")
        self._town.hypertrack.duplicate(1)
        self._say("every delivery about Fibre was sent twice")
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
        ada.check_out(self._geofence("Heat pump"), note="Filter changed", at=self._at("11:40"))
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
        self._now("13:20", "nobody is at home at Crane, Cem cancels there")
        cem = self._phones["Cem Kaner"]
        cem.cancel(self._geofence("Crane"), "nobody at home", at=self._at("13:20"))
        cem.drive_to(*DEPOT, minutes=8, start=self._at("13:25"))
        self._now("16:00", "everybody clocks out")
        for phone in self._phones.values():
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
        phone.check_out(self._geofence(subject), note=f"{subject} done", at=at)
        phone.drive_to(*DEPOT, minutes=8, start=at + timedelta(minutes=5))
        self._town.settle()
        self._say(f"{at:%H:%M}  {who} checks out of {subject}")

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
