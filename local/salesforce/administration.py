"""What an administrator of the org sets up: statuses, fields, users, tokens."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from local.salesforce.ids import numbered
from local.salesforce.objects_work import STATUSES
from local.salesforce.records import Actor
from local.salesforce.schema import Field
from local.salesforce.site import Site
from local.salesforce.values import stamp

KEYED = ("Event", "Task", "TimeSheetEntry")  # Event and Task have the fields of Activity


class Administration(Site):
    def __init__(self, clock: Callable[[], datetime], session: timedelta) -> None:
        super().__init__(clock, session)
        self._refreshed = 0
        self.dispatcher_id = self.org.records.new_id("User")
        self.integration_user_id = self.org.records.new_id("User")
        self._plant_user(self.dispatcher_id, "Dana", "Dispatcher")
        self._plant_user(self.integration_user_id, "Ida", "Integration")
        for order, (status, category) in enumerate(STATUSES.items(), start=1):
            self._plant_status(status, category, order)

    def add_status(self, name: str, category: str) -> None:
        """A status of the customer's own, of one of the seven categories."""
        with self.lock:
            self._plant_status(name, category, len(self._statuses.values) + 1)
            self._statuses.values.append(name)

    def rename_status(self, old: str, new: str) -> None:
        """Rows that have the status follow, and their SystemModstamp moves."""
        with self.lock:
            store, now = self.org.store, stamp(self.now())
            for row in store.find("ServiceAppointmentStatus", ApiName=old):
                named = {"ApiName": new, "MasterLabel": new, "SystemModstamp": now}
                store.put("ServiceAppointmentStatus", row | named)
            self._follow(old, new)
            at = self._statuses.values.index(old)
            self._statuses.values[at] = new

    def remove_status(self, name: str, replaced_by: str | None = None) -> None:
        """Rows that have it keep its name, which is no status any more, or get the other."""
        with self.lock:
            if replaced_by:
                self._follow(name, replaced_by)
            for row in self.org.store.find("ServiceAppointmentStatus", ApiName=name):
                self.org.store.remove("ServiceAppointmentStatus", row["Id"])
            self._statuses.values.remove(name)

    def deactivate_value(self, sobject: str, field: str, value: str) -> None:
        """Rows keep the value; where the picklist is restricted, no row gets it any more."""
        with self.lock:
            self.org.objects[sobject].fields[field].inactive.add(value)

    def rename_value(self, sobject: str, field: str, old: str, new: str) -> None:
        """Of a picklist that is no status: rows that have the value follow."""
        with self.lock:
            values = self.org.objects[sobject].fields[field].values
            values[values.index(old)] = new
            for row in self.org.store.find(sobject, **{field: old}):
                self.org.store.put(sobject, row | {field: new})

    def add_key_field(self, name: str, sobjects: Sequence[str] = KEYED) -> None:
        """A text for a foreign system's keys, unique whatever the case: an external id."""
        for sobject in sobjects:
            self.add_field(sobject, name, external_id=True, unique=True, length=64)

    def add_field(
        self,
        sobject: str,
        name: str,
        *,
        external_id: bool = False,
        unique: bool = False,
        required: bool = False,
        default: Any = None,
        kind: str = "string",
        length: int = 255,
        digits: int = 18,
        scale: int = 2,
    ) -> None:
        """A custom field of the customer's own. Rows that are there already have no value."""
        field = Field(name, kind, external_id=external_id, unique=unique, length=length)
        field.required, field.default = required, default
        field.digits, field.scale = digits, scale
        with self.lock:
            self.org.objects[sobject].fields[name] = field
            self.org.store.add_column(sobject, field)

    def expire_access_tokens(self) -> None:
        self.oauth.expire_sessions()

    def revoke_all(self) -> None:
        """What an administrator does on the page Connected Apps OAuth Usage."""
        self.oauth.revoke_all()

    def refresh_sandbox(self) -> None:
        """The org is made anew from production: another id, and every token dies."""
        with self.lock:
            self._refreshed += 1
            self.org_id = numbered("00D", 1 + self._refreshed)
            self.oauth.forget_all()

    def call_elsewhere(self, calls: int) -> None:
        """Calls of other apps, which roll out of the quota after a day as ours do."""
        with self.lock:
            self.org.elsewhere.append((self.now(), calls))

    def close_cursors(self) -> None:
        """Every page that is still to be fetched has an INVALID_QUERY_LOCATOR from now on."""
        with self.lock:
            self.org.cursors.clear()

    def empty_recycle_bin(self) -> None:
        """What was deleted is gone from every query; the log of deletions still names it."""
        with self.lock:
            for name in self.org.objects:
                for row in self.org.store.find(name, IsDeleted=1):
                    self.org.store.remove(name, row["Id"])

    @property
    def _statuses(self) -> Field:
        return self.org.objects["ServiceAppointment"].fields["Status"]

    def _follow(self, old: str, new: str) -> None:
        store, now = self.org.store, stamp(self.now())
        for row in store.find("ServiceAppointment", Status=old):
            found = store.find("ServiceAppointmentStatus", ApiName=new)
            category = found[0]["StatusCode"]
            changed = {"Status": new, "StatusCategory": category, "SystemModstamp": now}
            store.put("ServiceAppointment", row | changed)

    def _plant_user(self, identifier: str, first: str, last: str) -> None:
        email = f"{first}@example.com".lower()
        fields = {"FirstName": first, "LastName": last, "Email": email, "Username": email}
        actor = Actor(identifier, "person")
        self.org.records.create("User", fields, actor, identifier)

    def _plant_status(self, name: str, category: str, order: int) -> None:
        row = {
            "Id": self.org.records.new_id("ServiceAppointmentStatus"),
            "ApiName": name,
            "MasterLabel": name,
            "StatusCode": category,
            "IsDefault": int(order == 1),
            "SortOrder": order,
            "SystemModstamp": stamp(self.now()),
        }
        self.org.store.put("ServiceAppointmentStatus", row)
