"""What we ask Salesforce, in SOQL. Built from typed parts and checked ids alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from fieldlink.models import Writes

APPOINTMENT = (
    "Id, IsDeleted, AppointmentNumber, Subject, StatusCategory, SchedStartTime, SchedEndTime, "
    "Latitude, Longitude, Street, City, State, PostalCode, Country, IsBundleMember"
)
ASSIGNMENT = (
    "Id, IsDeleted, ServiceAppointmentId, ServiceResourceId, ServiceCrewId, "
    "ServiceResource.ResourceType"
)
RESOURCE = (
    "Id, Name, IsActive, ResourceType, RelatedRecord.Email, RelatedRecord.IsActive, "
    "RelatedRecord.TimeZoneSidKey"
)
WORK = (
    "Id, Status, StatusCategory, SchedStartTime, ActualStartTime, ActualEndTime, "
    "ActualDuration, ParentRecordId, LastModifiedDate, LastModifiedById"
)
ZONE = ("AssignedResource", "ServiceResource.RelatedRecord.TimeZoneSidKey")
TRAVEL = f"Id, ActualTravelTime, ServiceResource.Name, {ZONE[1]}"
BOOKED = "Id, StartTime, EndTime, TimeSheet.Status"
STATUSES = (
    "SELECT ApiName, StatusCode, IsDefault, SortOrder FROM ServiceAppointmentStatus "
    "ORDER BY SortOrder"
)
# Without these a row means nothing. If one can't be read, Salesforce's refusal names it.
VITAL = {"Id", "IsDeleted", "StatusCategory", "ServiceAppointmentId", "ServiceResourceId"}
# An address with its headers may have 16,384 bytes. An id takes 27 of them: 18, two quotes and
# a comma, each of three; 500 x 27 = 13,500, and fields, token and the rest have 2,884.
MOST_IDS = 500
# Salesforce's own pages spell the last one both ways.
CLOSED = "'Completed', 'Canceled', 'CannotComplete', 'Cannot Complete'"
_ID = re.compile(r"[a-zA-Z0-9]{18}", re.ASCII)


def changed(since: datetime, unreadable: Collection[str] = ()) -> dict[str, str]:
    """What was touched since: five minutes' worth, in one Composite."""
    touched = f"WHERE SystemModstamp >= {moment(since)} ORDER BY SystemModstamp, Id"
    by_user = f"WHERE RelatedRecord.SystemModstamp >= {moment(since)} ORDER BY Id"
    people = {"users": f"{_resources(unreadable)} {by_user}"}
    return {
        "appointments": f"{_appointments(unreadable)} {touched}",
        "assignments": f"{_assignments(unreadable)} {touched}",
        "resources": f"{_resources(unreadable)} {touched}",
        **({} if "ServiceResource.RelatedRecordId" in unreadable else people),
        "statuses": STATUSES,
    }


def current(since: datetime, unreadable: Collection[str] = ()) -> dict[str, str]:
    """Everything that counts now: all resources, and work that ends after `since` or is still
    open, be it overdue or without times.
    """
    timed = "ServiceAppointment.SchedEndTime" not in unreadable
    work = _current_work(since, timed=timed)
    of_work = _current_work(since, "ServiceAppointment.", timed=timed)
    return {
        "appointments": f"{_appointments(unreadable)} WHERE {work} ORDER BY Id",
        "assignments": f"{_assignments(unreadable)} WHERE {of_work} ORDER BY Id",
        "resources": f"{_resources(unreadable)} ORDER BY Id",
        "statuses": STATUSES,
    }


def appointments_again(ids: Iterable[str], unreadable: Collection[str] = ()) -> str:
    return f"{_appointments(unreadable)} WHERE Id IN ({_ids(ids)}) ORDER BY Id"


def assignments_again(ids: Iterable[str], unreadable: Collection[str] = ()) -> str:
    return f"{_assignments(unreadable)} WHERE Id IN ({_ids(ids)}) ORDER BY Id"


def _appointments(unreadable: Collection[str]) -> str:
    return _select(APPOINTMENT, "ServiceAppointment", unreadable)


def _assignments(unreadable: Collection[str]) -> str:
    return _select(ASSIGNMENT, "AssignedResource", unreadable)


def _resources(unreadable: Collection[str]) -> str:
    return _select(RESOURCE, "ServiceResource", unreadable)


def _select(fields: str, sobject: str, unreadable: Collection[str]) -> str:
    """Without what our user can't read: one such field has the whole query refused."""
    paths = [
        each
        for each in fields.split(", ")
        if each in VITAL or not {*steps(sobject, each)} & {*unreadable}
    ]
    return f"SELECT {', '.join(paths)} FROM {sobject}"


def steps(sobject: str, path: str) -> Iterator[str]:
    """Every field that a path leads through: a relationship is a field that holds an id."""
    *relationships, field = path.split(".")
    for name in relationships:
        yield f"{sobject}.{name}Id"
        sobject = "User" if name == "RelatedRecord" else name
    yield f"{sobject}.{field}"


def _current_work(since: datetime, path: str = "", *, timed: bool) -> str:
    still_open = f"{path}StatusCategory NOT IN ({CLOSED})"
    recent = f"{path}SchedEndTime >= {moment(since)}"
    return f"({recent} OR {still_open})" if timed else still_open


def view_queries(
    appointment: str,
    resource: str,
    day: datetime,
    entry: str,
    unreadable: Collection[str] = (),
) -> dict[str, str]:
    # The local day is not known yet: a visit begins up to two days before it is told of in UTC.
    first, last = (day - timedelta(days=2)).date(), (day + timedelta(days=1)).date()
    queries = {
        "appointment": (
            f"{_select(WORK, 'ServiceAppointment', unreadable)} WHERE Id = '{_id(appointment)}'"
        ),
        "assignment": (
            f"{_select(TRAVEL, 'AssignedResource', unreadable)} "
            f"WHERE ServiceAppointmentId = '{_id(appointment)}' "
            f"AND ServiceResourceId = '{_id(resource)}' ORDER BY Id"
        ),
        "sheets": (
            "SELECT Id, StartDate, EndDate, Status FROM TimeSheet "
            f"WHERE ServiceResourceId = '{_id(resource)}' AND StartDate <= {last} "
            f"AND EndDate >= {first} ORDER BY StartDate, Id"
        ),
    }
    if not {*steps("ServiceAppointmentStatus", "ApiName")} & {*unreadable}:
        queries["statuses"] = STATUSES
    booked = {step for each in BOOKED.split(", ") for step in steps("TimeSheetEntry", each)}
    if entry and not booked & {*unreadable}:
        queries["entry"] = (
            f"SELECT {BOOKED} FROM TimeSheetEntry WHERE Id = '{_id(entry)}' ORDER BY Id"
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


def _ids(ids: Iterable[str]) -> str:
    return ",".join(f"'{_id(each)}'" for each in ids)


def _text(text: str) -> str:
    """A SOQL string: backslash first, then the quote and what would break the line."""
    for plain, quoted in (("\\", "\\\\"), ("'", "\\'"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(plain, quoted)
    return f"'{text}'"
