"""Our writes as the parts of one Composite request, and what it answered."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from fieldlink.adapters.salesforce_soql import moment
from fieldlink.models import Written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fieldlink.models import SheetEntry, Writes

FIELDS = {
    "status": "Status",
    "actual_start": "ActualStartTime",
    "actual_end": "ActualEndTime",
    "actual_minutes": "ActualDuration",
}


def write_requests(writes: Writes, base: str) -> list[dict[str, Any]]:
    """The parts of the Composite that carries out `writes`, in their order."""
    parts: list[tuple[str, str, str, dict[str, Any]]] = []
    if writes.changes:
        fields: dict[str, Any] = {
            FIELDS[name]: _json(value) for name, value in writes.changes.items()
        }
        parts.append(
            ("appointment", "PATCH", f"ServiceAppointment/{writes.appointment}", fields)
        )
    if writes.travel_minutes is not None:
        fields = {"ActualTravelTime": writes.travel_minutes}
        parts.append(("assignment", "PATCH", f"AssignedResource/{writes.assignment}", fields))
    if writes.entry:
        parts += _entry_requests(writes.entry)
    if writes.event:
        fields = {
            "WhatId": writes.appointment,
            "Subject": writes.event.subject,
            "Description": writes.event.description,
            "StartDateTime": _json(writes.event.starts_at),
            "DurationInMinutes": writes.event.minutes,
            "ShowAs": "Free",
            "IsReminderSet": False,
        }
        parts.append(("event", "POST", "Event", fields))
    return [
        {"referenceId": name, "method": verb, "url": f"{base}/sobjects/{path}", "body": body}
        for name, verb, path, body in parts
    ]


def _entry_requests(entry: SheetEntry) -> list[tuple[str, str, str, dict[str, Any]]]:
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
    )


def found(writes: Writes, records: Mapping[str, list[dict[str, Any]]]) -> Written:
    """Our rows among those of the same time and subject: the last line of their text tells."""
    event = _ours(records.get("event", ()), writes.event.description if writes.event else "")
    entry = _ours(records.get("entry", ()), writes.entry.description if writes.entry else "")
    return Written(
        event=event.get("Id", ""), entry=entry.get("Id", ""), sheet=entry.get("TimeSheetId", "")
    )


def _ours(candidates: Any, description: str) -> dict[str, Any]:
    reference = description.rpartition("\n")[2]
    return next(
        (row for row in candidates if (row["Description"] or "").endswith(reference)), {}
    )
