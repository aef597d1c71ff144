"""Field Service's rows, in our words."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from fieldlink.ids import salesforce_id
from fieldlink.models import Booked, Category, Sheet, Status, View
from fieldlink.records import Appointment, Assignment, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TECHNICIAN = "T"  # others are dispatchers, crews, assets, agents and planners
WORK_ORDER = "0WO"
WORK_ORDER_LINE = "1WL"
_OFFSET = re.compile(r"([+-]\d\d)(\d\d)$")


def resource(row: Mapping[str, Any], connection: str) -> Resource:
    user = row["RelatedRecord"] or {}
    return Resource(
        connection=connection,
        id=row["Id"],
        name=row["Name"] or "",
        email=user.get("Email") or "",
        time_zone=user.get("TimeZoneSidKey") or "UTC",
        # Deactivating the user does not deactivate the resource.
        active=row["IsActive"] and user.get("IsActive") is not False,
        technician=row["ResourceType"] == TECHNICIAN,
    )


def appointment(row: Mapping[str, Any], connection: str) -> Appointment:
    place = (row["Street"], row["PostalCode"], row["City"], row["State"], row["Country"])
    return Appointment(
        connection=connection,
        id=row["Id"],
        deleted=row["IsDeleted"],
        number=row["AppointmentNumber"] or "",
        subject=row["Subject"] or "",
        category=category(row["StatusCategory"]),
        starts_at=moment(row["SchedStartTime"]),
        ends_at=moment(row["SchedEndTime"]),
        latitude=row["Latitude"],
        longitude=row["Longitude"],
        address=", ".join(part for part in place if part),
    )


def assignment(row: Mapping[str, Any], connection: str) -> Assignment:
    return Assignment(
        connection=connection,
        id=row["Id"],
        deleted=row["IsDeleted"],
        appointment=row["ServiceAppointmentId"],
        resource=row["ServiceResourceId"],
    )


def view(
    work: Mapping[str, Any],
    assigned: Mapping[str, Any],
    statuses: list[dict[str, Any]],
    sheets: list[dict[str, Any]] | None,
    problem: str,
    resource_id: str,
    user: str,
) -> View:
    person = assigned["ServiceResource"] or {}
    return View(
        appointment=work["Id"],
        resource=resource_id,
        status=work["Status"] or "",
        category=category(work["StatusCategory"]),
        statuses=tuple(
            Status(
                name=row["ApiName"],
                category=category(row["StatusCode"]),
                default=row["IsDefault"],
            )
            for row in statuses
        ),
        starts_at=moment(work["SchedStartTime"]),
        actual_start=moment(work["ActualStartTime"]),
        actual_end=moment(work["ActualEndTime"]),
        actual_minutes=work["ActualDuration"],
        work_order=salesforce_id(work["ParentRecordId"], WORK_ORDER),
        work_order_line=salesforce_id(work["ParentRecordId"], WORK_ORDER_LINE),
        changed_at=moment(work["LastModifiedDate"]) or datetime.min.replace(tzinfo=UTC),
        changed_by_us=work["LastModifiedById"] == user,
        assignment=assigned["Id"],
        actual_travel=assigned["ActualTravelTime"],
        resource_name=person.get("Name") or "",
        time_zone=(person.get("RelatedRecord") or {}).get("TimeZoneSidKey") or "UTC",
        sheets=None if sheets is None else tuple(_sheet(row) for row in sheets),
        sheets_problem=problem,
    )


def booked(rows: Sequence[Mapping[str, Any]]) -> Booked | None:
    """Our own time sheet entry; None if somebody has deleted it."""
    for row in rows:
        starts_at, ends_at = moment(row["StartTime"]), moment(row["EndTime"])
        if starts_at and ends_at:
            status = (row["TimeSheet"] or {}).get("Status") or ""
            return Booked(starts_at=starts_at, ends_at=ends_at, sheet_status=status)
    return None


def category(text: str | None) -> Category:
    """The names are seen with and without a space; `CheckedIn` came later than the others."""
    name = (text or "None").replace(" ", "")
    if name == "CheckedIn":
        return Category.IN_PROGRESS
    return Category(name) if name in set(Category) else Category.NONE


def moment(text: str | None) -> datetime | None:
    """2024-07-24T14:05:58.000+0000: its offset has no colon, as ISO 8601 wants."""
    return datetime.fromisoformat(_OFFSET.sub(r"\1:\2", text)) if text else None


def _sheet(row: Mapping[str, Any]) -> Sheet:
    return Sheet(
        id=row["Id"],
        first=date.fromisoformat(row["StartDate"]),
        last=date.fromisoformat(row["EndDate"]),
        status=row["Status"] or "",
    )
