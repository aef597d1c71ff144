"""What an org lets our user read and write, by Salesforce's own descriptions, in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fieldlink.adapters import salesforce_footprint, salesforce_rows, salesforce_soql
from fieldlink.adapters.salesforce_abilities import (
    WORK,
    SObject,
    distinct,
    hidden,
    keyed,
    lacking,
    visible,
)
from fieldlink.adapters.salesforce_errors import body_errors, refusal
from fieldlink.adapters.salesforce_requests import KEY
from fieldlink.adapters.salesforce_soql import NOTHING_MORE
from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.models import Described, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fieldlink.adapters.salesforce_rest import SalesforceRest
    from fieldlink.adapters.salesforce_soql import Wants

PERSON = "User"
OBJECTS = (
    WORK,
    "AssignedResource",
    "ServiceResource",
    PERSON,
    "Event",
    "Task",
    "TimeSheet",
    "TimeSheetEntry",
    "ServiceAppointmentStatus",
    "ServiceTerritory",
    "OperatingHours",
)
SHIFT = "Shift"  # asked for where it is looked at
# Without these nothing can be tracked; without the others something is left out.
NEEDED = {
    "AssignedResource.ServiceAppointmentId",
    "AssignedResource.ServiceResourceId",
    "ServiceAppointment.Latitude",
    "ServiceAppointment.Longitude",
    "ServiceAppointment.SchedEndTime",
    "ServiceAppointment.SchedStartTime",
    "ServiceAppointment.StatusCategory",
    "ServiceResource.IsActive",
    "ServiceResource.RelatedRecordId",
    "ServiceResource.ResourceType",
}
# Where our key may stand; that of Events and Tasks is one field, of what is both.
KEYED = ("Event", "Task", "TimeSheetEntry")
# Picklists of which a connection's settings name values.
LISTED = (("ServiceAppointment", "Status"), ("TimeSheetEntry", "Type"), ("Task", "Status"))
# Field Service Mobile sets statuses itself in every mode but this one.
MOBILE = "SELECT DeveloperName, AscAutomaticMode FROM FieldServiceMobileSettings"
OFF = "Off"


def described(rest: SalesforceRest, wants: Wants = NOTHING_MORE) -> Described:
    """What is not visible counts as not there. Unavailable if that can't be told now."""
    names = (*OBJECTS, SHIFT) if wants.shifts else OBJECTS
    parts = _asked(rest, names)
    objects = {name: SObject(name, parts.get(name)) for name in names}
    if not any(each.visible for each in objects.values()):
        # People and Events are there for everybody, so this says nothing of what is there.
        raise Refused("Salesforce describes no object at all")
    asked = salesforce_footprint.asked(wants)
    unreadable = [each for each in asked if not visible(each, objects)]
    mobile = parts.get("mobile")
    return Described(
        # People are there in every org, though their fields may be hidden.
        missing=tuple(
            name for name, each in objects.items() if not (each.visible or name == PERSON)
        ),
        unreadable=tuple(unreadable),
        needed=tuple(sorted(NEEDED & set(unreadable))),
        lacking=lacking(objects, wants),
        no_site_zone=hidden(salesforce_soql.SITE, objects) if objects[WORK].visible else "",
        no_shifts=hidden(salesforce_soql.OF_SHIFTS, objects) if wants.shifts else "",
        statuses=_statuses(parts.get("statuses")),
        loose_keys=tuple(_loose_keys(objects)),
        automatic=None if mobile is None else tuple(_automatic(mobile["records"])),
        keyed=keyed(KEYED, objects),
        listed=dict(_listed(objects)),
    )


def _asked(rest: SalesforceRest, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The answers by reference. Those of what our user can't see are left out."""
    answer = rest.composite(
        [
            *(
                {
                    "method": "GET",
                    "referenceId": name,
                    "url": f"{rest.base}/sobjects/{name}/describe",
                }
                for name in names
            ),
            rest.query("statuses", salesforce_soql.STATUSES),
            rest.query("mobile", MOBILE),
        ],
        atomic=False,
    )
    try:
        parts = {part["referenceId"]: part for part in answer.json()["compositeResponse"]}
    except (ValueError, KeyError, TypeError) as error:
        raise Unclear("Salesforce's answer can't be read") from error
    refused = [
        refusal(body_errors(part["body"]), part["httpStatusCode"])
        for part in parts.values()
        if part["httpStatusCode"] >= 300
    ]
    for each in refused:
        if isinstance(each, Unavailable):
            raise each
    return {name: part["body"] for name, part in parts.items() if part["httpStatusCode"] < 300}


def _statuses(part: dict[str, Any] | None) -> tuple[Status, ...]:
    return tuple(salesforce_rows.status(row) for row in (part or {}).get("records", ()))


def _loose_keys(objects: dict[str, SObject]) -> Iterator[str]:
    """Fields for our key that don't tell rows apart."""
    for name in ("Event", "TimeSheetEntry"):
        if KEY in objects[name].fields and not distinct(objects[name]):
            yield f"{name}.{KEY}"


def _listed(objects: dict[str, SObject]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, field in LISTED:
        values = objects[name].fields.get(field, {}).get("picklistValues") or ()
        active = tuple(each["value"] for each in values if each.get("active", True))
        if active:
            yield f"{name}.{field}", active


def _automatic(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        if (row.get("AscAutomaticMode") or OFF) != OFF:
            yield f"{row.get('DeveloperName')}: {row['AscAutomaticMode']}"
