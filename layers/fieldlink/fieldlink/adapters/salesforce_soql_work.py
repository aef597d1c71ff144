"""What we ask about one appointment, before and after we write to it, in SOQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from fieldlink.adapters.salesforce_soql import (
    SITE_ZONE,
    STATUSES,
    ZONE,
    checked,
    moment,
    quoted,
    select,
    steps,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from fieldlink.models import Writes

WORK = (
    "Id, Status, StatusCategory, SchedStartTime, ActualStartTime, ActualEndTime, "
    "ActualDuration, ParentRecordId, LastModifiedDate, LastModifiedById, "
    f"{SITE_ZONE}"
)
TRAVEL = f"Id, ActualTravelTime, ServiceResource.Name, {ZONE[1]}"
BOOKED = "Id, StartTime, EndTime, TimeSheet.Status"


def view_queries(
    appointment: str,
    resource: str,
    day: datetime,
    entry: str,
    unreadable: Collection[str] = (),
    share_field: str = "",
) -> dict[str, str]:
    # The local day is not known yet: a visit begins up to two days before it is told of in UTC.
    first, last = (day - timedelta(days=2)).date(), (day + timedelta(days=1)).date()
    work = f"{WORK}, {share_field}" if share_field else WORK
    queries = {
        "appointment": (
            f"{select(work, 'ServiceAppointment', unreadable)} "
            f"WHERE Id = '{checked(appointment)}'"
        ),
        "assignment": (
            f"{select(TRAVEL, 'AssignedResource', unreadable)} "
            f"WHERE ServiceAppointmentId = '{checked(appointment)}' "
            f"AND ServiceResourceId = '{checked(resource)}' ORDER BY Id"
        ),
        "sheets": (
            "SELECT Id, StartDate, EndDate, Status FROM TimeSheet "
            f"WHERE ServiceResourceId = '{checked(resource)}' AND StartDate <= {last} "
            f"AND EndDate >= {first} ORDER BY StartDate, Id"
        ),
    }
    if not {*steps("ServiceAppointmentStatus", "ApiName")} & {*unreadable}:
        queries["statuses"] = STATUSES
    booked = {step for each in BOOKED.split(", ") for step in steps("TimeSheetEntry", each)}
    if entry and not booked & {*unreadable}:
        queries["entry"] = (
            f"SELECT {BOOKED} FROM TimeSheetEntry WHERE Id = '{checked(entry)}' ORDER BY Id"
        )
    return queries


def find_queries(writes: Writes) -> dict[str, str]:
    """Where a row of ours would be, if an earlier try had made it."""
    queries = {}
    of_work = f"WhatId = '{checked(writes.appointment)}'"
    if writes.event:
        queries["event"] = (
            f"SELECT Id, Description FROM Event WHERE {of_work} "
            f"AND StartDateTime = {moment(writes.event.starts_at)} "
            f"AND Subject = {quoted(writes.event.subject)} ORDER BY Id"
        )
    if writes.task:  # by nothing that a dispatcher who works on it may change
        queries["task"] = f"SELECT Id, Description FROM Task WHERE {of_work} ORDER BY Id"
    if writes.entry and not writes.entry.id:
        queries["entry"] = (
            "SELECT Id, TimeSheetId, Description FROM TimeSheetEntry "
            f"WHERE TimeSheet.ServiceResourceId = '{checked(writes.entry.resource)}' "
            f"AND StartTime = {moment(writes.entry.starts_at)} "
            f"AND Subject = {quoted(writes.entry.subject)} ORDER BY Id"
        )
    return queries
