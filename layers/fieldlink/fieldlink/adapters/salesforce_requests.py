"""Our writes as the nodes of a graph, and what their answers say."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from fieldlink.adapters.salesforce_soql import NOTHING_MORE, checked, moment
from fieldlink.models import Written

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from fieldlink.adapters.salesforce_soql import Wants
    from fieldlink.models import NewEvent, NewSheet, NewTask, Place, SheetEntry, Writes

FIELDS = {
    "status": "Status",
    "actual_start": "ActualStartTime",
    "actual_end": "ActualEndTime",
    "actual_minutes": "ActualDuration",
}
HIGH = "High"
# Our key, where an administrator has made a field for it that tells rows apart.
KEY = "Fieldlink_Key__c"
LONGEST_PLACE = 255

type Node = dict[str, Any]
# Its reference, which `written` knows it by; method; address below sobjects; body.
type Part = tuple[str, str, str, dict[str, Any] | None]


def nodes(
    writes: Writes, base: str, wants: Wants = NOTHING_MORE, keyed: Collection[str] = ()
) -> list[Node]:
    """What carries out `writes`, in this order. ValueError for what is no id."""
    parts = [
        *_appointment_parts(writes, wants),
        *_time_sheet_parts(writes, keyed),
        *_activity_parts(writes, keyed),
    ]
    found = []
    for name, verb, path, body in parts:
        node = {"referenceId": name, "method": verb, "url": f"{base}/sobjects/{path}"}
        found.append(node if body is None else node | {"body": body})
    return found


def row_key(what: str, key: str) -> str:
    """Our key of a row as it goes into an address: letters and digits only."""
    return sha256(f"{what}/{key}".encode()).hexdigest()[:32]


def place_request(
    resource: str, place: Place, at: datetime, base: str
) -> tuple[str, str, dict[str, Any]]:
    """Verb, path and body of the call that shows where a resource was last."""
    fields = {
        "LastKnownLatitude": place.latitude,
        "LastKnownLongitude": place.longitude,
        "LastKnownLocationDate": moment(at),
    }
    return "PATCH", f"{base}/sobjects/ServiceResource/{checked(resource)}", fields


def _appointment_parts(writes: Writes, wants: Wants) -> Iterator[Part]:
    work, distances = "ServiceAppointment", dict(writes.distances)
    if writes.through:
        path = f"{work}/{checked(writes.appointment)}"
        yield "through", "PATCH", path, {FIELDS["status"]: writes.through}
    names = {**FIELDS, "share_link": wants.field}
    fields = {names[name]: _json(value) for name, value in writes.changes.items()}
    if writes.appointment in distances:
        fields[wants.distance_field] = distances.pop(writes.appointment)
    if fields:
        yield "appointment", "PATCH", f"{work}/{checked(writes.appointment)}", fields
    for number, (name, minutes) in enumerate(writes.travel.items()):
        path = f"AssignedResource/{checked(name)}"
        yield f"travel{number}", "PATCH", path, {"ActualTravelTime": minutes}
    for number, (name, distance) in enumerate(distances.items()):
        fields = {wants.distance_field: distance}
        yield f"distance{number}", "PATCH", f"{work}/{checked(name)}", fields


def _time_sheet_parts(writes: Writes, keyed: Collection[str]) -> Iterator[Part]:
    made = {each.key: f"sheet{number}" for number, each in enumerate(writes.sheets)}
    for each in writes.sheets:
        yield made[each.key], "POST", "TimeSheet", _sheet(each)
    for number, entry in enumerate(writes.entries):
        times = {"StartTime": _json(entry.starts_at), "EndTime": _json(entry.ends_at)}
        if entry.id:
            yield f"entry{number}", "PATCH", f"TimeSheetEntry/{checked(entry.id)}", times
        else:
            sheet = checked(entry.sheet) if entry.sheet else f"@{{{made[entry.new_sheet]}.id}}"
            fields = {**times, "TimeSheetId": sheet, **_entry(entry)}
            # Not by its key's address: the sheet of a row that is there can't be named again,
            # so a row that is there has to be refused, and is looked for then.
            if "TimeSheetEntry" in keyed:
                fields[KEY] = row_key("entry", entry.key)
            yield f"entry{number}", "POST", "TimeSheetEntry", fields
    for number, name in enumerate(writes.removed):
        yield f"removed{number}", "DELETE", f"TimeSheetEntry/{checked(name)}", None


def _sheet(sheet: NewSheet) -> dict[str, Any]:
    return {
        "ServiceResourceId": checked(sheet.resource),
        "StartDate": sheet.first.isoformat(),
        "EndDate": sheet.last.isoformat(),
    }


def _entry(entry: SheetEntry) -> dict[str, Any]:
    fields = {"Subject": entry.subject, "Description": entry.description, "Type": entry.type}
    if entry.work_order:
        fields["WorkOrderId"] = entry.work_order
    if entry.work_order_line:
        fields["WorkOrderLineItemId"] = entry.work_order_line
    return fields


def _activity_parts(writes: Writes, keyed: Collection[str]) -> Iterator[Part]:
    work, task = writes.appointment, writes.task
    rows = [("event", writes.event)] if writes.event else []
    rows += [(f"other{number}", each) for number, each in enumerate(writes.others)]
    for name, each in sorted(rows, key=lambda row: row[1].starts_at):  # as they happened
        sobject = "Task" if each.done_as else "Event"
        fields = (_done_task if each.done_as else _event)(checked(work), each)
        yield name, *_new(sobject, row_key("event", each.key), fields, keyed)
    if task:
        fields = _task(checked(work), task)
        yield "task", *_new("Task", row_key("task", task.key), fields, keyed)


def _new(
    sobject: str, key: str, fields: dict[str, Any], keyed: Collection[str]
) -> tuple[str, str, dict[str, Any]]:
    """With a key of ours it is the same row however often it is sent."""
    if sobject in keyed:
        return "PATCH", f"{sobject}/{KEY}/{key}", fields
    return "POST", sobject, fields


def _event(appointment: str, event: NewEvent) -> dict[str, Any]:
    fields = {
        "WhatId": appointment,
        "Subject": event.subject,
        "Description": event.description,
        "StartDateTime": _json(event.starts_at),
        "DurationInMinutes": event.minutes,
        "ShowAs": "Free",
        "IsReminderSet": False,
    }
    return fields | ({"Location": event.place[:LONGEST_PLACE]} if event.place else {})


def _done_task(appointment: str, event: NewEvent) -> dict[str, Any]:
    return {
        "WhatId": appointment,
        "Subject": event.subject,
        "Description": event.description,
        "Status": event.done_as,
        "ActivityDate": (event.due or event.starts_at.date()).isoformat(),
    }


def _task(appointment: str, task: NewTask) -> dict[str, Any]:
    """Its status is the org's default, which is an open one."""
    fields = {
        "WhatId": appointment,
        "Subject": task.subject,
        "Description": task.description,
        "ActivityDate": task.due.isoformat(),
    }
    return fields | ({"Priority": HIGH} if task.urgent else {})


def _json(value: str | float | datetime | None) -> str | float | None:
    return moment(value) if isinstance(value, datetime) else value


def written(writes: Writes, bodies: Mapping[str, Any], request: str = "") -> Written:
    def made(name: str) -> str:
        return str((bodies.get(name) or {}).get("id") or "")

    return Written(
        event=made("event"),
        others={each.key: made(f"other{number}") for number, each in enumerate(writes.others)},
        task=made("task"),
        entries={
            each.key: each.id or made(f"entry{number}")
            for number, each in enumerate(writes.entries)
        },
        sheets={each.key: made(f"sheet{number}") for number, each in enumerate(writes.sheets)},
        request=request,
    )
