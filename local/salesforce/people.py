"""What a dispatcher or an administrator does in the org, by hand and past the API.

A dispatcher's write runs the same checks and triggers as a call of the API, as another user.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from local.salesforce.administration import Administration
from local.salesforce.ids import normal
from local.salesforce.records import Actor
from local.salesforce.site import Pending
from local.salesforce.store import Row
from local.salesforce.values import wired


class People(Administration):
    """The helpers of the simulator for tests and for a simulated working day."""

    def __init__(self, clock: Callable[[], datetime], session: timedelta) -> None:
        super().__init__(clock, session)
        self._holding: datetime | None = None
        mobile = {
            "DeveloperName": "Field_Service_Mobile",
            "MasterLabel": "Field Service Mobile",
        }
        self.insert("FieldServiceMobileSettings", **mobile, IsDefault=True)

    def insert(self, sobject: str, /, **fields: Any) -> str:
        """With `_visible_at`, a late commit: stamped now, seen by nobody before that time."""
        visible_at = fields.pop("_visible_at", None)
        new = self.org.records.new_id(sobject)
        body, actor = _json(fields), self._dispatcher
        self._do(lambda: self.org.records.create(sobject, body, actor, new), visible_at)
        return new

    def update(self, sobject: str, identifier: str, /, **fields: Any) -> None:
        """`_visible_at` as for insert."""
        visible_at = fields.pop("_visible_at", None)
        body, actor = _json(fields), self._dispatcher
        self._do(lambda: self.org.records.update(sobject, identifier, body, actor), visible_at)

    def delete(
        self, sobject: str, identifier: str, /, *, _visible_at: datetime | None = None
    ) -> None:
        """`_visible_at` as for insert."""
        actor = self._dispatcher
        self._do(lambda: self.org.records.delete(sobject, identifier, actor), _visible_at)

    def undelete(self, sobject: str, identifier: str, /) -> None:
        self._do(lambda: self.org.records.undelete(sobject, identifier, self._dispatcher))

    def hard_delete(self, sobject: str, identifier: str, /) -> None:
        """Past the recycle bin: only the log of deletions tells."""
        with self.lock:
            self.delete(sobject, identifier)
            self.purge(sobject, identifier)

    def purge(self, sobject: str, identifier: str, /) -> None:
        """Empty the recycle bin of one row: from now on no query shows it."""
        with self.lock:
            self.org.records.purge(sobject, identifier)

    @contextmanager
    def hold_commit(self) -> Iterator[None]:
        """Writes of the block are stamped when they are made and seen when it ends."""
        self._holding = self._clock()
        try:
            yield
        finally:
            self._holding = None
            with self.lock:
                self.commit([each for each in self.pending if each.visible_at is None])

    def rows(self, sobject: str) -> list[dict[str, Any]]:
        """Every row that is not deleted, whoever may see it, as the API would spell it."""
        with self.lock:
            self.settle()
            return [
                self._shown(sobject, row) for row in self.org.store.find(sobject, IsDeleted=0)
            ]

    def row(self, sobject: str, identifier: str) -> dict[str, Any]:
        """One row, deleted or not. Raises LookupError when there is none."""
        with self.lock:
            self.settle()
            found = self.org.store.get(sobject, normal(identifier))
        if found is None:
            raise LookupError(f"no {sobject} {identifier}")
        return self._shown(sobject, found)

    def add_user(self, name: str, email: str, timezone: str = "Europe/Berlin") -> str:
        first, _, last = name.rpartition(" ")
        return self.insert(
            "User",
            FirstName=first,
            LastName=last,
            Email=email,
            Username=email,
            TimeZoneSidKey=timezone,
        )

    def add_resource(
        self, name: str, email: str | None, timezone: str = "Europe/Berlin"
    ) -> str:
        """An active technician; without an e-mail, one that has no user."""
        user = {"RelatedRecordId": self.add_user(name, email, timezone)} if email else {}
        return self.insert("ServiceResource", Name=name, IsActive=True, **user)

    def add_appointment(
        self, resource: str | None, start: datetime, minutes: int = 60, **fields: Any
    ) -> str:
        """A scheduled appointment of a new work order, assigned if there is a resource."""
        end = start + timedelta(minutes=minutes)
        schedule = {
            "EarliestStartTime": start,
            "DueDate": end,
            "SchedStartTime": start,
            "SchedEndTime": end,
            "ParentRecordId": fields.get("ParentRecordId") or self.insert("WorkOrder"),
        }
        appointment = self.insert("ServiceAppointment", **schedule | fields)
        if resource:
            self.assign(appointment, resource)
        return appointment

    def assign(self, appointment: str, resource: str) -> str:
        return self.insert(
            "AssignedResource", ServiceAppointmentId=appointment, ServiceResourceId=resource
        )

    def add_crew(self, name: str, *members: str) -> str:
        """A crew of these resources, as a resource of its own that can be assigned."""
        crew = self.insert("ServiceCrew", Name=name, CrewSize=len(members))
        for at, member in enumerate(members):
            leads = {"IsLeader": at == 0}
            self.insert(
                "ServiceCrewMember", ServiceCrewId=crew, ServiceResourceId=member, **leads
            )
        return self.insert(
            "ServiceResource", Name=name, ResourceType="C", ServiceCrewId=crew, IsActive=True
        )

    def add_territory(
        self,
        name: str,
        *members: str,
        since: datetime | None = None,
        timezone: str = "Europe/Berlin",
    ) -> str:
        """A territory with these resources as members, from now on or since then."""
        hours = self.insert("OperatingHours", Name=name, TimeZone=timezone)
        territory = self.insert(
            "ServiceTerritory", Name=name, IsActive=True, OperatingHoursId=hours
        )
        for member in members:
            self.insert(
                "ServiceTerritoryMember",
                ServiceTerritoryId=territory,
                ServiceResourceId=member,
                EffectiveStartDate=since or self.now(),
            )
        return territory

    def add_shift(
        self, resource: str | None, start: datetime, end: datetime, **fields: Any
    ) -> str:
        """A published Shift, or one for nobody yet."""
        planned = {"ServiceResourceId": resource, "StartTime": start, "EndTime": end}
        return self.insert("Shift", **{"Status": "Published"} | planned | fields)

    @property
    def _dispatcher(self) -> Actor:
        return Actor(self.dispatcher_id, "person")

    def _do(self, work: Callable[[], Any], visible_at: datetime | None = None) -> None:
        with self.lock:
            self.settle()
            if visible_at is None and self._holding is None:
                work()
            else:
                self.pending.append(Pending(self._clock(), visible_at, work))

    def _shown(self, name: str, row: Row) -> dict[str, Any]:
        fields = self.org.objects[name].fields
        return {
            each.name: wired(row[each.name], each) for each in fields.values() if each.stored
        }


def _json(fields: dict[str, Any]) -> dict[str, Any]:
    """Python's dates and times as JSON would carry them."""
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else value
