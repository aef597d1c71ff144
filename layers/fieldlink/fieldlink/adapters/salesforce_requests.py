"""Our writes as the parts of one Composite request, and what it answered."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from fieldlink.adapters.salesforce_soql import checked, moment
from fieldlink.models import Written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fieldlink.models import NewEvent, NewTask, Place, SheetEntry, Writes

FIELDS = {
    "status": "Status",
    "actual_start": "ActualStartTime",
    "actual_end": "ActualEndTime",
    "actual_minutes": "ActualDuration",
}
HIGH = "High"


type Part = tuple[str, str, str, dict[str, Any]]


def write_requests(writes: Writes, base: str, share_field: str = "") -> list[dict[str, Any]]:
    """The parts of the Composite that carries out `writes`, in their order."""
    parts: list[Part] = []
    if writes.changes:
        names = {**FIELDS, "share_link": share_field}
        fields = {names[name]: _json(value) for name, value in writes.changes.items()}
        parts.append(
            ("appointment", "PATCH", f"ServiceAppointment/{writes.appointment}", fields)
        )
    if writes.travel_minutes is not None:
        fields = {"ActualTravelTime": writes.travel_minutes}
        parts.append(("assignment", "PATCH", f"AssignedResource/{writes.assignment}", fields))
    if writes.entry:
        parts += _entry_requests(writes.entry)
    if writes.event:
        parts.append(_event_request(writes.appointment, writes.event))
    if writes.task:
        parts.append(_task_request(writes.appointment, writes.task))
    return [
        {"referenceId": name, "method": verb, "url": f"{base}/sobjects/{path}", "body": body}
        for name, verb, path, body in parts
    ]


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


def _event_request(appointment: str, event: NewEvent) -> Part:
    fields = {
        "WhatId": appointment,
        "Subject": event.subject,
        "Description": event.description,
        "StartDateTime": _json(event.starts_at),
        "DurationInMinutes": event.minutes,
        "ShowAs": "Free",
        "IsReminderSet": False,
    }
    return "event", "POST", "Event", fields


def _task_request(appointment: str, task: NewTask) -> Part:
    """Its status is the org's default, which is an open one."""
    fields = {
        "WhatId": appointment,
        "Subject": task.subject,
        "Description": task.description,
        "ActivityDate": task.due.isoformat(),
    }
    return "task", "POST", "Task", fields | ({"Priority": HIGH} if task.urgent else {})


def _entry_requests(entry: SheetEntry) -> list[Part]:
    times = {"StartTime": _json(entry.starts_at), "EndTime": _json(entry.ends_at)}
    if entry.id:
        return [("entry", "PATCH", f"TimeSheetEntry/{entry.id}", times)]
    fields = {
        **times,
        "TimeSheetId": entry.sheet or "@{sheet.id}",
        "Subject": entry.subject,
        "Description": entry.description,
        "Type": "Direct",
    }
    if entry.work_order:
        fields["WorkOrderId"] = entry.work_order
    if entry.work_order_line:
        fields["WorkOrderLineItemId"] = entry.work_order_line
    made = [("entry", "POST", "TimeSheetEntry", fields)]
    if entry.sheet:
        return made
    day = entry.day.isoformat()
    sheet = {"ServiceResourceId": entry.resource, "StartDate": day, "EndDate": day}
    return [("sheet", "POST", "TimeSheet", sheet), *made]


def _json(value: str | float | datetime | None) -> str | float | None:
    return moment(value) if isinstance(value, datetime) else value


def written(writes: Writes, bodies: Mapping[str, Any]) -> Written:
    entry = writes.entry.id if writes.entry else ""
    return Written(
        event=(bodies.get("event") or {}).get("id", ""),
        entry=entry or (bodies.get("entry") or {}).get("id", ""),
        sheet=(bodies.get("sheet") or {}).get("id", "")
        or (writes.entry.sheet if writes.entry else ""),
        task=(bodies.get("task") or {}).get("id", ""),
    )


def found(writes: Writes, records: Mapping[str, list[dict[str, Any]]]) -> Written:
    """Our rows among the others: the reference in their text tells."""
    event = _ours(records.get("event", ()), writes.event.description if writes.event else "")
    entry = _ours(records.get("entry", ()), writes.entry.description if writes.entry else "")
    task = _ours(records.get("task", ()), writes.task.description if writes.task else "")
    return Written(
        event=event.get("Id", ""),
        entry=entry.get("Id", ""),
        sheet=entry.get("TimeSheetId", ""),
        task=task.get("Id", ""),
    )


def _ours(candidates: Any, description: str) -> dict[str, Any]:
    reference = description.rpartition("\n")[2]
    return next((row for row in candidates if reference in (row["Description"] or "")), {})
