"""What the Field Service managed package does behind a write.

Source: Field Service Developer Guide, "Field Service Managed Triggers"; the wording of its
refusals is ours, since the guide has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.salesforce import crews, dispatching
from local.salesforce.errors import Refusal
from local.salesforce.values import moment, seconds_stripped

if TYPE_CHECKING:
    from local.salesforce.records import Actor, Records
    from local.salesforce.store import Row

DATETIMES = (
    "EarliestStartTime",
    "DueDate",
    "SchedStartTime",
    "SchedEndTime",
    "ArrivalWindowStartTime",
    "ArrivalWindowEndTime",
    "ActualStartTime",
    "ActualEndTime",
)
SCHEDULE = ("SchedStartTime", "SchedEndTime")
UNSCHEDULED = dict.fromkeys(SCHEDULE)
PINNED = (*SCHEDULE, "Latitude", "Longitude")
IDLE = {"None", "Canceled"}
FINISHED = {"Completed", "Canceled", "CannotComplete"}
OPEN = {"None", "Scheduled", "Dispatched", "InProgress"}


class FieldService:
    def __init__(self, records: Records) -> None:
        self._records = records

    def before(self, name: str, old: Row | None, row: Row, changes: Row) -> None:
        """Before the save: refuses, or changes the row that is about to be saved."""
        if name == "ServiceAppointment":
            self._before_appointment(old, row)
        elif name == "AssignedResource":
            self._before_assignment(old, row)
        elif name == "ServiceResource" and changes.get("IsActive") == 0:
            self._unassigned(row)

    def after_insert(self, name: str, row: Row, actor: Actor) -> None:
        if name != "AssignedResource":
            return
        appointment = self._appointment(row)
        if appointment and appointment["StatusCategory"] in IDLE:
            scheduled = self._named("Scheduled")
            self._records.as_package("ServiceAppointment", appointment, scheduled, actor)
        crews.spawn(self._records, row, actor)

    def after_update(self, name: str, old: Row, row: Row, actor: Actor) -> None:
        if name == "ServiceAppointment":
            self._after_appointment(old, row, actor)
        elif name == "AssignedResource":
            self._travel(row["ServiceAppointmentId"], actor)

    def _after_appointment(self, old: Row, row: Row, actor: Actor) -> None:
        if self._records.rules.drip_feed and _finished(old, row):
            dispatching.feed(self._records, old, self._named("Dispatched"), actor)
        self._travel(row["Id"], actor)
        if _lost_schedule(old, row):
            self._clear(row, actor)

    def _clear(self, row: Row, actor: Actor) -> None:
        assigned = self._assigned(ServiceAppointmentId=row["Id"])
        for each in assigned:
            self._records.delete_as_package("AssignedResource", each, actor)
        if assigned and row["StatusCategory"] != "Canceled":
            self._unschedule(row, actor)

    def after_delete(self, name: str, row: Row, actor: Actor) -> None:
        """The last assignment gone: the appointment loses its schedule and starts over."""
        if name != "AssignedResource":
            return
        crews.dismiss(self._records, row, actor)
        appointment = self._appointment(row)
        if appointment and not self._assigned(ServiceAppointmentId=appointment["Id"]):
            self._unschedule(appointment, actor)

    def _before_appointment(self, old: Row | None, row: Row) -> None:
        if old is not None:
            self._transition(old["Status"], row["Status"])
            _pinned(old, row)
            _normalised(row)
            _least_duration(row)
            if row["StatusCategory"] in IDLE - {old["StatusCategory"]}:
                row |= UNSCHEDULED
        _first_duration(old, row)

    def _before_assignment(self, old: Row | None, row: Row) -> None:
        if old is None:
            self._scheduled(row)
        appointment = self._appointment(row)
        if self._records.rules.memberships and appointment:
            crews.belongs(self._records, row, appointment)

    def _travel(self, appointment: str, actor: Actor) -> None:
        if self._records.rules.travel_echo:
            dispatching.echo(self._records, appointment, actor)

    def _transition(self, old: str, new: str) -> None:
        allowed = self._records.rules.transitions
        if old != new and allowed is not None and (old, new) not in allowed:
            raise Refusal(
                "FIELD_CUSTOM_VALIDATION_EXCEPTION",
                f"The status can't be changed from {old} to {new}.",
                ["Status"],
            )

    def _scheduled(self, row: Row) -> None:
        appointment = self._appointment(row)
        if appointment is None or any(appointment[name] is None for name in SCHEDULE):
            raise Refusal(
                "FIELD_CUSTOM_VALIDATION_EXCEPTION",
                "A resource can only be assigned to a service appointment that has scheduled "
                "start and end times.",
            )

    def _unassigned(self, row: Row) -> None:
        for each in self._assigned(ServiceResourceId=row["Id"]):
            appointment = self._appointment(each)
            if appointment and appointment["StatusCategory"] in OPEN:
                raise Refusal(
                    "FIELD_INTEGRITY_EXCEPTION",
                    "A resource that is assigned to service appointments can't be deactivated.",
                    ["IsActive"],
                )

    def _unschedule(self, appointment: Row, actor: Actor) -> None:
        changes: Row = dict(UNSCHEDULED)
        if appointment["StatusCategory"] != "Canceled":
            changes |= self._named("None")
        self._records.as_package("ServiceAppointment", appointment, changes, actor)

    def _appointment(self, assigned: Row) -> Row | None:
        return self._records.store.get("ServiceAppointment", assigned["ServiceAppointmentId"])

    def _assigned(self, **where: str) -> list[Row]:
        return self._records.store.find("AssignedResource", IsDeleted=0, **where)

    def _named(self, category: str) -> Row:
        """The first status of that category as a change; none where the org has none."""
        found = self._records.store.find("ServiceAppointmentStatus", StatusCode=category)
        first = min(found, key=lambda row: row["SortOrder"], default=None)
        return {"Status": first["ApiName"]} if first else {}


def _lost_schedule(old: Row, row: Row) -> bool:
    had = all(old[name] is not None for name in SCHEDULE)
    return had and any(row[name] is None for name in SCHEDULE)


def _finished(old: Row, row: Row) -> bool:
    return old["StatusCategory"] not in FINISHED and row["StatusCategory"] in FINISHED


def _pinned(old: Row, row: Row) -> None:
    if old["FSL__Pinned__c"] and any(old[name] != row[name] for name in PINNED):
        raise Refusal(
            "FIELD_CUSTOM_VALIDATION_EXCEPTION", "A pinned service appointment can't be moved."
        )


def _normalised(row: Row) -> None:
    for name in DATETIMES:
        row[name] = seconds_stripped(row[name])
    for name in ("Latitude", "Longitude"):
        row[name] = row[name] if row[name] is None else round(row[name], 6)


def _least_duration(row: Row) -> None:
    if row["DurationInMinutes"] is not None and row["DurationInMinutes"] < 1:
        row |= {"Duration": 1.0, "DurationType": "Hours", "DurationInMinutes": 60.0}


def _first_duration(old: Row | None, row: Row) -> None:
    """ActualDuration is filled when both actual times first stand, and never again."""
    both = row["ActualStartTime"] and row["ActualEndTime"]
    had_both = old and old["ActualStartTime"] and old["ActualEndTime"]
    if both and not had_both and row["ActualDuration"] is None:
        length = moment(row["ActualEndTime"]) - moment(row["ActualStartTime"])
        row["ActualDuration"] = round(length.total_seconds() / 60, 2)
