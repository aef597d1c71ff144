"""Tens of thousands of rows in a moment, for what is measured and not for what is tested."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from local.salesforce.people import People
from local.salesforce.store import Row
from local.salesforce.values import kept, stamp


class Planting(People):
    def plant(self, sobject: str, rows: Iterable[dict[str, Any]]) -> list[str]:
        """Rows with the stamps of now and what the platform derives, but past every check,
        every trigger and the record of writes: the caller gives what those would have given.
        """
        with self.lock, self.org.store.all_or_nothing():
            self.settle()
            found = (self._kept(sobject, row) for row in rows)
            return self.org.records.plant(sobject, found, self._dispatcher)

    def add_resources(self, count: int) -> list[str]:
        """Active technicians with a user each: Worker 1, worker1@example.com and so on."""
        numbers = range(1, count + 1)
        users = self.plant("User", (_user(each) for each in numbers))
        return self.plant(
            "ServiceResource",
            (
                {"Name": f"Worker {each}", "RelatedRecordId": user, "IsActive": True}
                for each, user in zip(numbers, users, strict=True)
            ),
        )

    def add_appointments(
        self,
        count: int,
        resources: Sequence[str],
        start: datetime,
        minutes: int = 60,
        **fields: Any,
    ) -> list[str]:
        """Appointments of one work order, dealt to the resources in turn: each resource has
        one after the other from `start` on."""
        shared = {"ParentRecordId": self.insert("WorkOrder"), "Status": "Scheduled"} | fields
        length = timedelta(minutes=minutes)
        starts = [start + length * (at // len(resources)) for at in range(count)]
        made = self.plant(
            "ServiceAppointment", (_scheduled(each, each + length) | shared for each in starts)
        )
        self.plant(
            "AssignedResource",
            (
                {
                    "ServiceAppointmentId": each,
                    "ServiceResourceId": resources[at % len(resources)],
                }
                for at, each in enumerate(made)
            ),
        )
        return made

    def _kept(self, sobject: str, row: dict[str, Any]) -> Row:
        fields = self.org.objects[sobject].fields
        return {
            name: stamp(value) if isinstance(value, datetime) else kept(value, fields[name])
            for name, value in row.items()
        }


def _user(number: int) -> dict[str, Any]:
    email = f"worker{number}@example.com"
    return {"FirstName": "Worker", "LastName": str(number), "Email": email, "Username": email}


def _scheduled(start: datetime, end: datetime) -> dict[str, Any]:
    return {
        "EarliestStartTime": start,
        "DueDate": end,
        "SchedStartTime": start,
        "SchedEndTime": end,
    }
