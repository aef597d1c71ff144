"""What one appointment's change does to the others of its resource: drip feed and travel.

Source: Field Service Developer Guide, "Field Service Managed Triggers".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.salesforce.records import Actor, Records
    from local.salesforce.store import Row


def feed(records: Records, finished: Row, dispatched: Row, actor: Actor) -> None:
    """The resource's next scheduled appointment is dispatched."""
    start = finished["SchedStartTime"] or ""
    waiting = [
        each
        for each in _others(records, finished["Id"])
        if each["StatusCategory"] == "Scheduled" and (each["SchedStartTime"] or "") > start
    ]
    following = min(waiting, key=lambda each: each["SchedStartTime"], default=None)
    if following and dispatched:
        records.as_package("ServiceAppointment", following, dispatched, actor)


def echo(records: Records, appointment: str, actor: Actor) -> None:
    """Travel is calculated anew for the whole day, so each of its appointments is saved."""
    row = records.store.get("ServiceAppointment", appointment)
    day = ((row and row["SchedStartTime"]) or "")[:10]
    for each in _others(records, appointment):
        if day and (each["SchedStartTime"] or "").startswith(day):
            records.as_package("ServiceAppointment", each, {}, actor)


def _others(records: Records, appointment: str) -> Iterator[Row]:
    """The other living appointments of everyone who is assigned to this one, once each."""
    store, seen = records.store, {appointment}
    for mine in store.find("AssignedResource", ServiceAppointmentId=appointment, IsDeleted=0):
        resource = mine["ServiceResourceId"]
        for each in store.find("AssignedResource", ServiceResourceId=resource, IsDeleted=0):
            row = store.get("ServiceAppointment", each["ServiceAppointmentId"])
            if row and row["Id"] not in seen:
                seen.add(row["Id"])
                yield row
