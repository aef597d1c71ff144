"""What we ask Salesforce, in SOQL. Built from typed parts and checked ids alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fieldlink.models import Writes

APPOINTMENT = (
    "SELECT Id, IsDeleted, AppointmentNumber, Subject, StatusCategory, SchedStartTime, "
    "SchedEndTime, Latitude, Longitude, Street, City, State, PostalCode, Country "
    "FROM ServiceAppointment"
)
ASSIGNMENT = (
    "SELECT Id, IsDeleted, ServiceAppointmentId, ServiceResourceId FROM AssignedResource"
)
RESOURCE = (
    "SELECT Id, Name, IsActive, ResourceType, RelatedRecord.Email, RelatedRecord.IsActive, "
    "RelatedRecord.TimeZoneSidKey FROM ServiceResource"
)
# Salesforce's own pages spell the last one both ways.
CLOSED = "'Completed', 'Canceled', 'CannotComplete', 'Cannot Complete'"
_ID = re.compile(r"[a-zA-Z0-9]{18}", re.ASCII)


def changed(since: datetime) -> dict[str, str]:
    """What was touched since: five minutes' worth, in one Composite."""
    touched = f"WHERE SystemModstamp >= {moment(since)} ORDER BY SystemModstamp, Id"
    return {
        "appointments": f"{APPOINTMENT} {touched}",
        "assignments": f"{ASSIGNMENT} {touched}",
        "resources": f"{RESOURCE} {touched}",
        "users": f"{RESOURCE} WHERE RelatedRecord.SystemModstamp >= {moment(since)}",
    }


def current(since: datetime) -> dict[str, str]:
    """What is there when we first look: active resources, and work that ends after `since` or
    is still open, be it overdue or without times.
    """
    return {
        "appointments": f"{APPOINTMENT} WHERE {_current_work(since)} ORDER BY Id",
        "assignments": (
            f"{ASSIGNMENT} WHERE {_current_work(since, 'ServiceAppointment.')} ORDER BY Id"
        ),
        "resources": f"{RESOURCE} WHERE IsActive = true ORDER BY Id",
    }


def _current_work(since: datetime, path: str = "") -> str:
    return f"({path}SchedEndTime >= {moment(since)} OR {path}StatusCategory NOT IN ({CLOSED}))"


def view_queries(appointment: str, resource: str, day: datetime, entry: str) -> dict[str, str]:
    # The local day is not known yet: a visit begins up to two days before it is told of in UTC.
    first, last = (day - timedelta(days=2)).date(), (day + timedelta(days=1)).date()
    queries = {
        "appointment": (
            "SELECT Id, Status, StatusCategory, SchedStartTime, ActualStartTime, "
            "ActualEndTime, ActualDuration, ParentRecordId, LastModifiedDate, LastModifiedById "
            f"FROM ServiceAppointment WHERE Id = '{_id(appointment)}'"
        ),
        "assignment": (
            "SELECT Id, ActualTravelTime, ServiceResource.Name, "
            "ServiceResource.RelatedRecord.TimeZoneSidKey FROM AssignedResource "
            f"WHERE ServiceAppointmentId = '{_id(appointment)}' "
            f"AND ServiceResourceId = '{_id(resource)}' ORDER BY Id"
        ),
        "statuses": (
            "SELECT ApiName, StatusCode, IsDefault, SortOrder FROM ServiceAppointmentStatus "
            "ORDER BY SortOrder"
        ),
        "sheets": (
            "SELECT Id, StartDate, EndDate, Status FROM TimeSheet "
            f"WHERE ServiceResourceId = '{_id(resource)}' AND StartDate <= {last} "
            f"AND EndDate >= {first} ORDER BY StartDate, Id"
        ),
    }
    if entry:
        queries["entry"] = (
            "SELECT Id, StartTime, EndTime, TimeSheet.Status FROM TimeSheetEntry "
            f"WHERE Id = '{_id(entry)}' ORDER BY Id"
        )
    return queries


def find_queries(writes: Writes) -> dict[str, str]:
    """Where a row of ours would be, if an earlier try had made it."""
    queries = {}
    if writes.event:
        queries["event"] = (
            f"SELECT Id, Description FROM Event WHERE WhatId = '{_id(writes.appointment)}' "
            f"AND StartDateTime = {moment(writes.event.starts_at)} "
            f"AND Subject = {_text(writes.event.subject)} ORDER BY Id"
        )
    if writes.entry and not writes.entry.id:
        queries["entry"] = (
            "SELECT Id, TimeSheetId, Description FROM TimeSheetEntry "
            f"WHERE TimeSheet.ServiceResourceId = '{_id(writes.entry.resource)}' "
            f"AND StartTime = {moment(writes.entry.starts_at)} "
            f"AND Subject = {_text(writes.entry.subject)} ORDER BY Id"
        )
    return queries


def moment(at: datetime) -> str:
    """A dateTime as Salesforce reads it, in queries and bodies."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _id(text: str) -> str:
    """Ids come from HyperTrack's metadata too: nothing else may enter a query."""
    if not _ID.fullmatch(text):
        raise ValueError("not a Salesforce id")
    return text


def _text(text: str) -> str:
    """A SOQL string: backslash first, then the quote and what would break the line."""
    for plain, quoted in (("\\", "\\\\"), ("'", "\\'"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(plain, quoted)
    return f"'{text}'"
