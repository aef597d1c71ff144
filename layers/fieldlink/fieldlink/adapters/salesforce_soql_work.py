"""What we ask about appointments before we write to them, in SOQL."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.adapters.salesforce_soql import (
    NOTHING_MORE,
    SITE_ZONE,
    STATUSES,
    ZONE,
    listed,
    select,
    steps,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import date

    from fieldlink.adapters.salesforce_soql import Wants
    from fieldlink.models import Look

WORK = (
    "Id, AppointmentNumber, Street, City, State, PostalCode, Country, Status, StatusCategory, "
    "SchedStartTime, SchedEndTime, ActualStartTime, ActualEndTime, ActualDuration, "
    "ParentRecordId, "
    f"LastModifiedDate, LastModifiedById, {SITE_ZONE}"
)
TEAM = (
    "Id, ServiceAppointmentId, ServiceResourceId, ActualTravelTime, ServiceResource.Name, "
    f"{ZONE[1]}"
)
PRIMARY = "IsPrimaryResource"  # some orgs do not have it
SHEET = "Id, ServiceResourceId, StartDate, EndDate, Status"
BOOKED = "Id, StartTime, EndTime, TimeSheetId, TimeSheet.Status"
# Work may have begun days before it is told of, and the local day is not known yet.
DAYS_BEFORE, DAYS_AFTER = timedelta(days=7), timedelta(days=2)


class Sight(NamedTuple):
    """The rows that some looks want to see, all of them together."""

    appointments: tuple[str, ...]
    resources: tuple[str, ...]
    entries: tuple[str, ...]
    first: date
    last: date


def sight(looks: Iterable[Look]) -> Sight:
    looks = tuple(looks)
    work = {each.appointment for each in looks if each.appointment}
    work |= {id_ for each in looks for id_ in each.others}
    days = [day for each in looks for day in span(each)]
    return Sight(
        tuple(sorted(work)),
        tuple(sorted({each.resource for each in looks})),
        tuple(sorted({id_ for each in looks for id_ in each.entries})),
        min(days),
        max(days),
    )


def span(look: Look) -> tuple[date, date]:
    """The days around it of which the time sheets are wanted."""
    return (look.day - DAYS_BEFORE).date(), (look.day + DAYS_AFTER).date()


def view_queries(
    of: Sight, unreadable: Collection[str] = (), wants: Wants = NOTHING_MORE
) -> dict[str, str]:
    """At most five: as many as a Composite takes."""
    queries = {}
    if of.appointments:
        wished = (wants.field, wants.distance_field)
        work = ", ".join([WORK, *(each for each in wished if each)])
        team = f"{TEAM}, {PRIMARY}" if wants.primary else TEAM
        ids = listed(of.appointments)
        queries["appointments"] = (
            f"{select(work, 'ServiceAppointment', unreadable)} WHERE Id IN ({ids})"
        )
        queries["assignments"] = (
            f"{select(team, 'AssignedResource', unreadable)} "
            f"WHERE ServiceAppointmentId IN ({ids}) ORDER BY Id"
        )
    if not no_sheets(unreadable, wants):
        queries["sheets"] = (
            f"SELECT {SHEET} FROM TimeSheet "
            f"WHERE ServiceResourceId IN ({listed(of.resources)}) "
            f"AND StartDate <= {of.last} AND EndDate >= {of.first} ORDER BY StartDate, Id"
        )
    if not {*steps("ServiceAppointmentStatus", "ApiName")} & {*unreadable}:
        queries["statuses"] = STATUSES
    if of.entries and wants.time_sheets and not no_entries(unreadable):
        queries["entries"] = (
            f"SELECT {BOOKED} FROM TimeSheetEntry WHERE Id IN ({listed(of.entries)})"
        )
    return queries


def no_sheets(unreadable: Collection[str], wants: Wants) -> str:
    """Why no time sheets are asked for, or ""."""
    if not wants.time_sheets:
        return "this connection keeps no time sheets"
    return _hidden("TimeSheet", SHEET, unreadable)


def no_entries(unreadable: Collection[str]) -> str:
    """Why what has become of our entries can't be told, or ""."""
    return _hidden("TimeSheetEntry", BOOKED, unreadable)


def _hidden(sobject: str, fields: str, unreadable: Collection[str]) -> str:
    paths = [step for each in fields.split(", ") for step in steps(sobject, each)]
    hidden = [each for each in paths if each in unreadable]
    if f"{sobject}.Id" in hidden:
        return f"{sobject} can't be seen"
    return f"{hidden[0]} can't be seen" if hidden else ""
