"""Which of our writes an org's own descriptions allow, and why not the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fieldlink.adapters import salesforce_footprint, salesforce_soql
from fieldlink.adapters.salesforce_requests import HIGH, KEY
from fieldlink.models import LINK_LENGTH, Ability

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fieldlink.adapters.salesforce_footprint import Request
    from fieldlink.adapters.salesforce_soql import Wants

WORK = "ServiceAppointment"
STARTS = f"{WORK}.SchedStartTime"
TEXTS = {"string", "textarea", "url"}
NUMBERS = {"double", "int"}
FILLING = ("createable", "updateable")
ZONE = (*salesforce_soql.steps(*salesforce_soql.ZONE),)
BOOKED = (
    "TimeSheetEntry.TimeSheetId",
    "TimeSheetEntry.StartTime",
    "TimeSheetEntry.EndTime",
    "TimeSheet.Status",
)
# By these we tell what to write: how far the work is, when a person decided last, whether it is
# another day's, which day that is, and what became of our entry. Without them it is a guess.
JUDGED_BY = {
    Ability.STATUS: (f"{WORK}.StatusCategory", f"{WORK}.LastModifiedDate", STARTS),
    Ability.ACTUAL_START: (STARTS,),
    Ability.ACTUAL_END: (STARTS,),
    Ability.TRAVEL_TIME: (STARTS,),
    Ability.DISTANCE: (STARTS,),
    Ability.TIME_SHEETS: ZONE,
    Ability.TIME_SHEET_ENTRIES: ZONE,
    Ability.CHANGED_ENTRIES: BOOKED,
    Ability.REMOVED_ENTRIES: BOOKED,
}


class SObject:
    """One object as our user sees it."""

    def __init__(self, name: str, told: dict[str, Any] | None) -> None:
        self.name = name
        self.visible = told is not None
        self.told = told or {}
        self.fields = {each["name"]: each for each in self.told.get("fields", ())}

    def may(self, verb: str, fields: tuple[str, ...] = ()) -> str:
        """Why not, or ""; `verb` is createable or updateable for fields, or deletable."""
        if not self.visible:
            return f"{self.name} can't be seen"
        if not self.told.get(verb):
            what = "rows can't be deleted" if verb == "deletable" else "access is read only"
            return f"{self.name}: {what}"
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


def lacking(objects: Mapping[str, SObject], wants: Wants) -> dict[Ability, str]:
    """What our user can't do of what is wanted, and why."""
    wanted = salesforce_footprint.written(wants)
    found = {each: _lacking(each, request, objects) for each, request in wanted.items()}
    return {each: why for each, why in found.items() if why}


def visible(path: str, objects: Mapping[str, SObject]) -> bool:
    name, _, field = path.partition(".")
    return field in objects[name].fields


def hidden(paths: Iterable[str], objects: Mapping[str, SObject]) -> str:
    """Which of these fields can't be seen first, or ""."""
    first = next((each for each in paths if not visible(each, objects)), "")
    return f"{first} can't be seen" if first else ""


def _lacking(ability: Ability, request: Request, objects: Mapping[str, SObject]) -> str:
    """Why our user can't do this, or ""."""
    found, fields = objects[request.sobject], request.fields
    if ability is Ability.REMOVED_ENTRIES:
        why = found.may("deletable")
    elif ability not in salesforce_footprint.MAKING:
        why = found.may("updateable", fields)
    else:
        why = found.may("createable", fields)
    why = why or _unfit(ability, found, fields)
    return why or hidden(JUDGED_BY.get(ability, ()), objects)


def _unfit(ability: Ability, found: SObject, fields: tuple[str, ...]) -> str:
    """Why what may be written does not do, or ""."""
    if ability is Ability.URGENT_TASKS:
        return _unlisted(found, fields[0])
    if ability is Ability.SHARE_LINK:
        return _short(found, fields[0])
    if ability is Ability.DISTANCE:
        return _no_number(found, fields[0])
    making = ability in salesforce_footprint.MAKING - {Ability.EVENT_PLACE}
    wanting = found.wants(fields) if making else ""
    of_activity = ability in {Ability.EVENTS, Ability.TASKS, Ability.DONE_TASKS}
    return wanting or (_unrelated(found) if of_activity else "")


def _unrelated(activity: SObject) -> str:
    related = activity.fields["WhatId"].get("referenceTo") or ()
    if WORK in related:
        return ""
    return f"{WORK} has no Activity: no {activity.name} can be put there"


def _unlisted(task: SObject, field: str) -> str:
    listed = task.fields[field].get("picklistValues") or ()
    if any(each.get("value") == HIGH and each.get("active", True) for each in listed):
        return ""
    return f"{task.name}.{field} has no value {HIGH}"


def _short(work: SObject, field: str) -> str:
    """A link of which the end is missing leads nowhere."""
    told = work.fields[field]
    if told.get("type") not in TEXTS:
        return f"{work.name}.{field} is no text"
    length = told.get("length") or 0
    if length >= LINK_LENGTH:
        return ""
    return f"{work.name}.{field} takes {length} characters, and {LINK_LENGTH} may be needed"


def _no_number(work: SObject, field: str) -> str:
    numeric = work.fields[field].get("type") in NUMBERS
    return "" if numeric else f"{work.name}.{field} is no number"


def keyed(names: Iterable[str], objects: Mapping[str, SObject]) -> tuple[str, ...]:
    """Those in which a field for our key tells rows apart, and which we may fill."""
    return tuple(
        name
        for name in names
        if distinct(objects[name])
        and not any(objects[name].may(verb, (KEY,)) for verb in FILLING)
    )


def distinct(found: SObject) -> bool:
    key = found.fields.get(KEY, {})
    return bool(key.get("externalId") and key.get("unique"))
