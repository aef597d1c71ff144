"""Field Service's rows, in our words."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from fieldlink.errors import Unavailable
from fieldlink.ids import salesforce_id
from fieldlink.models import Assigned, Booked, Category, Sheet, Status
from fieldlink.records import Appointment, Assignment, Resource, Shift

if TYPE_CHECKING:
    from collections.abc import Mapping

TECHNICIAN = "T"  # others are dispatchers, crews, assets, agents and planners
# Of a Shift; the third category is Tentative. No kind of Shift stands for time off: that is a
# Resource Absence, and its time slot type is Normal or Extended.
FIRM = {"Published", "Confirmed"}
# `CheckedIn` came later than the others.
CATEGORIES = {str(each): each for each in Category} | {"CheckedIn": Category.IN_PROGRESS}


def resource(row: Mapping[str, Any], connection: str) -> Resource:
    user = row.get("RelatedRecord") or {}
    user_active = user.get("IsActive") is not False
    return Resource(
        connection=connection,
        id=identifier(row.get("Id")),
        name=row.get("Name") or "",
        email=user.get("Email") or "",
        time_zone=user.get("TimeZoneSidKey") or "UTC",
        # Deactivating the user does not deactivate the resource.
        active=row.get("IsActive") is not False and user_active,
        user_active=user_active,
        technician=_technician(row),
    )


def appointment(row: Mapping[str, Any], connection: str) -> Appointment:
    return Appointment(
        connection=connection,
        id=identifier(row.get("Id")),
        deleted=row.get("IsDeleted") is True,
        number=row.get("AppointmentNumber") or "",
        subject=row.get("Subject") or "",
        category=category(row.get("StatusCategory")),
        starts_at=moment(row.get("SchedStartTime")),
        ends_at=moment(row.get("SchedEndTime")),
        latitude=row.get("Latitude"),
        longitude=row.get("Longitude"),
        address=address(row),
        bundled=row.get("IsBundleMember") is True,
        time_zone=site_zone(row),
    )


def address(row: Mapping[str, Any]) -> str:
    place = ("Street", "PostalCode", "City", "State", "Country")
    return ", ".join(part for name in place if (part := row.get(name)))


def assignment(row: Mapping[str, Any], connection: str) -> Assignment:
    return Assignment(
        connection=connection,
        id=identifier(row.get("Id")),
        deleted=row.get("IsDeleted") is True,
        appointment=identifier(row.get("ServiceAppointmentId")),
        resource=identifier(row.get("ServiceResourceId")),
        technician=_technician(row.get("ServiceResource") or {}),
        crew=salesforce_id(row.get("ServiceCrewId"), ""),
    )


def shift(row: Mapping[str, Any], connection: str) -> Shift:
    """One that has no resource is nobody's yet."""
    starts_at, ends_at = moment(row.get("StartTime")), moment(row.get("EndTime"))
    if starts_at is None or ends_at is None:
        raise Unavailable("Salesforce's answer has a Shift without its times")
    return Shift(
        connection=connection,
        id=identifier(row.get("Id")),
        deleted=row.get("IsDeleted") is True,
        resource=salesforce_id(row.get("ServiceResourceId"), ""),
        starts_at=starts_at,
        ends_at=ends_at,
        firm=row.get("StatusCategory") in FIRM,
    )


def status(row: Mapping[str, Any]) -> Status:
    return Status(
        name=row.get("ApiName") or "",
        category=category(row.get("StatusCode")),
        default=row.get("IsDefault") is True,
    )


def identifier(text: Any) -> str:
    """The 18-character form. What has none can't be told apart from anything else."""
    found = salesforce_id(text, "")
    if not found:
        raise Unavailable("Salesforce's answer has a row without a valid id")
    return found


def site_zone(row: Mapping[str, Any]) -> str:
    """An appointment's, by the hours of its territory; "" without one, or if it is hidden."""
    hours = (row.get("ServiceTerritory") or {}).get("OperatingHours") or {}
    return hours.get("TimeZone") or ""


def _technician(resource: Mapping[str, Any]) -> bool:
    """Who can't be seen, or whose kind can't, is taken for one."""
    return resource.get("ResourceType") in {None, TECHNICIAN}


def assigned(row: Mapping[str, Any]) -> Assigned:
    return Assigned(
        id=identifier(row.get("Id")),
        resource=identifier(row.get("ServiceResourceId")),
        primary=row.get("IsPrimaryResource") is True,
        travel=row.get("ActualTravelTime"),
    )


def booked(row: Mapping[str, Any]) -> Booked | None:
    """A time sheet entry; None if it has no times."""
    starts_at, ends_at = moment(row["StartTime"]), moment(row["EndTime"])
    if not (starts_at and ends_at):
        return None
    return Booked(
        starts_at=starts_at,
        ends_at=ends_at,
        sheet=row["TimeSheetId"] or "",
        sheet_status=(row["TimeSheet"] or {}).get("Status") or "",
    )


def sheet(row: Mapping[str, Any]) -> Sheet:
    return Sheet(
        id=row["Id"],
        first=date.fromisoformat(row["StartDate"]),
        last=date.fromisoformat(row["EndDate"]),
        status=row["Status"] or "",
    )


def category(text: str | None) -> Category:
    """The names are seen with and without a space."""
    return CATEGORIES.get((text or "").replace(" ", ""), Category.NONE)


def moment(text: str | None) -> datetime | None:
    """2024-07-24T14:05:58.000+0000."""
    return datetime.fromisoformat(text) if text else None
