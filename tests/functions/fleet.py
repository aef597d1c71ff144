"""A company whose technicians all arrive at the same moment, each at a job of their own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fieldlink.hearing import webhooks
from fieldlink.models import APPOINTMENT_KEY, RESOURCE_KEY, LedgerRow
from fieldlink.records import Day, Device, Geofence, SheetClaim, Visit
from fieldlink.wiring import now
from tests.functions.conftest import CONNECTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from local.salesforce import FakeSalesforce
    from tests.functions.in_memory import House

HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)


class Fleet:
    """Technicians, their jobs, and what has been written of them."""

    def __init__(
        self, house: House, salesforce: FakeSalesforce, size: int, *, first: int = 0
    ) -> None:
        self.house = house
        self.salesforce = salesforce
        self.first = first  # number of the first device
        # Yesterday at noon: whatever the hour, an hour's work is of one day for everybody.
        noon = now().replace(hour=12, minute=0, second=0, microsecond=0)
        self.at = noon - timedelta(days=1)
        self.people = salesforce.add_resources(size)
        self.jobs = salesforce.add_appointments(size, self.people, self.at)
        house.bundle.state.write_all(
            Device(connection=CONNECTION, id=f"D{first + number}", resource=each)
            for number, each in enumerate(self.people)
        )

    def arrive(self, jobs: Sequence[int]) -> None:
        self._tell(map(self.arrival, jobs))

    def check_out(self, jobs: Sequence[int]) -> None:
        """After an hour, within the geofences that stand for their work."""
        self._fence(jobs)
        self._tell(map(self.checking_out, jobs))

    def _fence(self, jobs: Sequence[int]) -> None:
        self.house.bundle.state.write_all(
            Geofence(
                connection=CONNECTION,
                id=f"g{self.first + number}",
                resource=self.people[number],
                appointment=self.jobs[number],
                assignment="",
            )
            for number in jobs
        )

    def tell_whole_visits(self, jobs: Sequence[int]) -> None:
        """As phones do that were offline: all of one, then all of the next."""
        self._fence(jobs)
        self._tell(
            told(number)
            for number in jobs
            for told in (self.arrival, self.checking_out, self.departure)
        )

    def _tell(self, events: Iterable[dict[str, Any]]) -> None:
        received = now().isoformat()
        told = [
            webhooks.message(each, connection=CONNECTION, received_at=received)
            for each in events
        ]
        self.house.events.fill((each.body, each.group) for each in told)

    def arrival(self, number: int) -> dict[str, Any]:
        at = self.at.isoformat()
        return {
            "type": "geofence",
            "device_id": f"D{self.first + number}",
            "recorded_at": at,
            "data": {
                "value": "entry",
                "marker_id": f"m{self.first + number}",
                "geofence_id": f"g{self.first + number}",
                "geofence_metadata": {
                    APPOINTMENT_KEY: self.jobs[number],
                    RESOURCE_KEY: self.people[number],
                },
                "arrival": {"recorded_at": at},
                "exit": None,
            },
        }

    def departure(self, number: int) -> dict[str, Any]:
        came, at = self.arrival(number), (self.at + HOUR + QUARTER).isoformat()
        gone = {"value": "exit", "exit": {"recorded_at": at}}
        return {**came, "recorded_at": at, "data": {**came["data"], **gone}}

    def checking_out(self, number: int) -> dict[str, Any]:
        return {
            "type": "geotag",
            "device_id": f"D{self.first + number}",
            "recorded_at": (self.at + HOUR).isoformat(),
            "data": {
                "metadata": {"type": "CHECK_OUT", "geofence_id": f"g{self.first + number}"}
            },
        }

    @property
    def started(self) -> list[int]:
        """Whose work is in progress, and began at the minute of the arrival."""
        began = f"{self.at:%Y-%m-%dT%H:%M}:00"
        rows = [self.salesforce.row("ServiceAppointment", each) for each in self.jobs]
        return [
            number
            for number, row in enumerate(rows)
            if row["Status"] == "In Progress" and str(row["ActualStartTime"]).startswith(began)
        ]

    @property
    def told(self) -> list[str]:
        """The appointments that have an Event, each as often as it has one."""
        return sorted(row["WhatId"] for row in self.salesforce.rows("Event"))

    @property
    def ledger(self) -> list[LedgerRow]:
        return self.house.bundle.ledger.last(CONNECTION, now=now(), limit=2_000)

    def age(self) -> None:
        """A quarter of an hour passes for those who began to write and never ended."""
        state = self.house.bundle.state
        people = [(CONNECTION, each) for each in self.people]
        anchors: list[Visit | Day] = [
            *state.read_many(Visit, [(CONNECTION, job) for job in self.jobs]),
            *(day for each in people for day in state.all_of(Day, *each)),
        ]
        for anchor in anchors:
            if anchor.intent:
                since = anchor.intent.since - QUARTER
                intent = anchor.intent.model_copy(update={"since": since})
                assert state.write(anchor.model_copy(update={"intent": intent}))
        for claim in (one for each in people for one in state.all_of(SheetClaim, *each)):
            assert state.write(claim.model_copy(update={"since": claim.since - QUARTER}))
