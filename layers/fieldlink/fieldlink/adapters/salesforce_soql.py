"""How we look at an org, in SOQL. Built from typed parts and checked ids alone.

Beside it, `salesforce_soql_work` asks about one appointment.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from fieldlink.records import Connection

SITE_ZONE = "ServiceTerritory.OperatingHours.TimeZone"
APPOINTMENT = (
    "Id, IsDeleted, AppointmentNumber, Subject, StatusCategory, SchedStartTime, SchedEndTime, "
    "Latitude, Longitude, Street, City, State, PostalCode, Country, IsBundleMember, "
    f"{SITE_ZONE}"
)
ASSIGNMENT = (
    "Id, IsDeleted, ServiceAppointmentId, ServiceResourceId, ServiceCrewId, "
    "ServiceResource.ResourceType"
)
RESOURCE = (
    "Id, Name, IsActive, ResourceType, RelatedRecord.Email, RelatedRecord.IsActive, "
    "RelatedRecord.TimeZoneSidKey"
)
ZONE = ("AssignedResource", "ServiceResource.RelatedRecord.TimeZoneSidKey")
SHIFT = "Id, IsDeleted, ServiceResourceId, StartTime, EndTime, StatusCategory"
_SHIFTS = f"SELECT {SHIFT} FROM Shift"
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
# Shifts are planned for months. These are all that can matter until the next look at everything
# and the one after it, should that fail.
SHIFTS_BACK, SHIFTS_AHEAD = timedelta(days=2), timedelta(days=14)
_ID = re.compile(r"[a-zA-Z0-9]{18}", re.ASCII)
_CUSTOM = re.compile(r"[A-Za-z]\w*__c", re.ASCII)


class Wants(NamedTuple):
    """What a connection asks of its org beyond what all do."""

    share_field: str = ""  # of an appointment, for the customer's link
    shifts: bool = False
    positions: bool = False
    distance: str = ""  # likewise a field, for the way there
    done_tasks: bool = False  # the Activity is told in Tasks, not in Events
    time_sheets: bool = True
    primary: bool = False  # it matters who of several resources is in charge

    @classmethod
    def of(cls, connection: Connection) -> Wants:
        practice = connection.practice
        return cls(
            share_field=connection.share_field,
            shifts=connection.by_shifts,
            positions=connection.live_positions,
            distance=practice.distance_field,
            done_tasks=practice.activity == "tasks",
            time_sheets=practice.time_sheets != "none",
            primary=practice.several == "primary",
        )

    @property
    def field(self) -> str:
        """The field for the link; "" if there is none by a name that could be one."""
        return self.share_field if _CUSTOM.fullmatch(self.share_field) else ""

    @property
    def distance_field(self) -> str:
        return self.distance if _CUSTOM.fullmatch(self.distance) else ""


NOTHING_MORE = Wants()


def changed(
    since: datetime, unreadable: Collection[str] = (), *, shifts: bool = False
) -> dict[str, str]:
    """What was touched since: five minutes' worth, in one Composite.

    That has room for five queries. Where Shifts are looked at, the statuses wait for the look
    at everything.
    """
    touched = f"WHERE SystemModstamp >= {moment(since)} ORDER BY SystemModstamp, Id"
    by_user = f"WHERE RelatedRecord.SystemModstamp >= {moment(since)} ORDER BY Id"
    people = {"users": f"{_resources(unreadable)} {by_user}"}
    planned = shifts and shifts_readable(unreadable)
    return {
        "appointments": f"{_appointments(unreadable)} {touched}",
        "assignments": f"{_assignments(unreadable)} {touched}",
        "resources": f"{_resources(unreadable)} {touched}",
        **({} if "ServiceResource.RelatedRecordId" in unreadable else people),
        **({"shifts": f"{_SHIFTS} {touched}"} if planned else {"statuses": STATUSES}),
    }


def current(
    since: datetime, unreadable: Collection[str] = (), *, shifts_at: datetime | None = None
) -> dict[str, str]:
    """Everything that counts now: all resources, and work that ends after `since` or is still
    open, be it overdue or without times. `shifts_at`: with the Shifts around that moment.
    """
    timed = "ServiceAppointment.SchedEndTime" not in unreadable
    work = _current_work(since, timed=timed)
    of_work = _current_work(since, "ServiceAppointment.", timed=timed)
    queries = {
        "appointments": f"{_appointments(unreadable)} WHERE {work} ORDER BY Id",
        "assignments": f"{_assignments(unreadable)} WHERE {of_work} ORDER BY Id",
        "resources": f"{_resources(unreadable)} ORDER BY Id",
        "statuses": STATUSES,
    }
    if shifts_at and shifts_readable(unreadable):
        queries["shifts"] = (
            f"{_SHIFTS} WHERE EndTime >= {moment(shifts_at - SHIFTS_BACK)} "
            f"AND StartTime <= {moment(shifts_at + SHIFTS_AHEAD)} ORDER BY Id"
        )
    return queries


def shifts_readable(unreadable: Collection[str]) -> bool:
    """A Shift of which a part is missing can't be gone by."""
    return not {*OF_SHIFTS} & {*unreadable}


def appointments_again(ids: Iterable[str], unreadable: Collection[str] = ()) -> str:
    return f"{_appointments(unreadable)} WHERE Id IN ({listed(ids)}) ORDER BY Id"


def assignments_again(ids: Iterable[str], unreadable: Collection[str] = ()) -> str:
    return f"{_assignments(unreadable)} WHERE Id IN ({listed(ids)}) ORDER BY Id"


def _appointments(unreadable: Collection[str]) -> str:
    return select(APPOINTMENT, "ServiceAppointment", unreadable)


def _assignments(unreadable: Collection[str]) -> str:
    return select(ASSIGNMENT, "AssignedResource", unreadable)


def _resources(unreadable: Collection[str]) -> str:
    return select(RESOURCE, "ServiceResource", unreadable)


def select(fields: str, sobject: str, unreadable: Collection[str]) -> str:
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


SITE = (*steps("ServiceAppointment", SITE_ZONE),)
OF_SHIFTS = tuple(f"Shift.{each}" for each in SHIFT.split(", "))


def moment(at: datetime) -> str:
    """A dateTime as Salesforce reads it, in queries and bodies."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def checked(text: str) -> str:
    """Ids come from HyperTrack's metadata too: nothing else may enter a query."""
    if not _ID.fullmatch(text):
        raise ValueError("not a Salesforce id")
    return text


def listed(ids: Iterable[str]) -> str:
    return ",".join(f"'{checked(each)}'" for each in ids)
