"""What an org lets our user read and write, by Salesforce's own descriptions, in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fieldlink.adapters import salesforce_footprint, salesforce_rows, salesforce_soql
from fieldlink.adapters.salesforce_errors import body_errors, refusal
from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.models import Ability, Described, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fieldlink.adapters.salesforce_rest import SalesforceRest

WORK = "ServiceAppointment"
PERSON = "User"
STARTS = f"{WORK}.SchedStartTime"
OBJECTS = (
    WORK,
    "AssignedResource",
    "ServiceResource",
    PERSON,
    "Event",
    "TimeSheet",
    "TimeSheetEntry",
    "ServiceAppointmentStatus",
)
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
# Ours, where an administrator has made it: then it has to tell rows apart.
KEY = "Fieldlink_Key__c"
KEYED = ("Event", "TimeSheetEntry")
ZONE = (*salesforce_soql.steps(*salesforce_soql.ZONE),)
# By these we tell what to write: how far the work is, when a person decided last, whether it is
# another day's, which day that is, and what became of our entry. Without them it is a guess.
JUDGED_BY = {
    Ability.STATUS: (f"{WORK}.StatusCategory", f"{WORK}.LastModifiedDate", STARTS),
    Ability.ACTUAL_START: (STARTS,),
    Ability.ACTUAL_END: (STARTS,),
    Ability.TRAVEL_TIME: (STARTS,),
    Ability.TIME_SHEETS: ZONE,
    Ability.TIME_SHEET_ENTRIES: ZONE,
    Ability.CHANGED_ENTRIES: ("TimeSheetEntry.TimeSheetId", "TimeSheet.Status"),
}
# Field Service Mobile sets statuses itself in every mode but this one.
MOBILE = "SELECT DeveloperName, AscAutomaticMode FROM FieldServiceMobileSettings"
OFF = "Off"


class _Object:
    """One object as our user sees it."""

    def __init__(self, name: str, told: dict[str, Any] | None) -> None:
        self.name = name
        self.visible = told is not None
        self.told = told or {}
        self.fields = {each["name"]: each for each in self.told.get("fields", ())}

    def may(self, verb: str, fields: tuple[str, ...]) -> str:
        """Why these fields can't be filled, or ""; `verb` is createable or updateable."""
        if not self.visible:
            return f"{self.name} can't be seen"
        if not self.told.get(verb):
            return f"{self.name}: access is read only"
        for field in fields:
            if field not in self.fields:
                return f"{self.name}.{field} can't be seen"
            if not self.fields[field].get(verb):
                return f"{self.name}.{field} is read only"
        return ""

    def wants(self, given: tuple[str, ...]) -> str:
        """Which field must be filled that we don't fill, or ""."""
        for name, each in self.fields.items():
            needed = each.get("createable") and not each.get("nillable", True)
            if needed and not each.get("defaultedOnCreate") and name not in given:
                return f"{self.name}.{name} is required and has no default value"
        return ""


def described(rest: SalesforceRest) -> Described:
    """What is not visible counts as not there. Unavailable if that can't be told now."""
    parts = _asked(rest)
    objects = {name: _Object(name, parts.get(name)) for name in OBJECTS}
    if not any(each.visible for each in objects.values()):
        # People and Events are there for everybody, so this says nothing of what is there.
        raise Refused("Salesforce describes no object at all")
    unreadable = [each for each in salesforce_footprint.asked() if not _visible(each, objects)]
    mobile = parts.get("mobile")
    return Described(
        # People are there in every org, though their fields may be hidden.
        missing=tuple(
            name for name, each in objects.items() if not (each.visible or name == PERSON)
        ),
        unreadable=tuple(unreadable),
        needed=tuple(sorted(NEEDED & set(unreadable))),
        lacking={each: why for each in Ability if (why := _lacking(each, objects))},
        statuses=_statuses(parts.get("statuses")),
        loose_keys=tuple(_loose_keys(objects)),
        automatic=None if mobile is None else tuple(_automatic(mobile["records"])),
    )


def _visible(path: str, objects: dict[str, _Object]) -> bool:
    name, _, field = path.partition(".")
    return field in objects[name].fields


def _asked(rest: SalesforceRest) -> dict[str, dict[str, Any]]:
    """The answers by reference. Those of what our user can't see are left out."""
    answer = rest.composite(
        [
            *(
                {
                    "method": "GET",
                    "referenceId": name,
                    "url": f"{rest.base}/sobjects/{name}/describe",
                }
                for name in OBJECTS
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


def _lacking(ability: Ability, objects: dict[str, _Object]) -> str:
    """Why our user can't do this, or ""."""
    request = salesforce_footprint.written()[ability]
    found = objects[request.sobject]
    if ability not in salesforce_footprint.MAKING:
        why = found.may("updateable", request.fields)
    else:
        why = (
            found.may("createable", request.fields)
            or found.wants(request.fields)
            or (_unrelated(found) if ability is Ability.EVENTS else "")
        )
    hidden = [each for each in JUDGED_BY.get(ability, ()) if not _visible(each, objects)]
    return why or (f"{hidden[0]} can't be seen" if hidden else "")


def _unrelated(event: _Object) -> str:
    related = event.fields["WhatId"].get("referenceTo") or ()
    return (
        "" if WORK in related else f"{WORK} has no Activity: no {event.name} can be put there"
    )


def _statuses(part: dict[str, Any] | None) -> tuple[Status, ...]:
    return tuple(salesforce_rows.status(row) for row in (part or {}).get("records", ()))


def _loose_keys(objects: dict[str, _Object]) -> Iterator[str]:
    for name in KEYED:
        key = objects[name].fields.get(KEY)
        if key and not (key.get("externalId") and key.get("unique")):
            yield f"{name}.{KEY}"


def _automatic(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        if (row.get("AscAutomaticMode") or OFF) != OFF:
            yield f"{row.get('DeveloperName')}: {row['AscAutomaticMode']}"
