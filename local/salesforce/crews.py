"""Crews and territories: whom an assignment stands for, and who may be assigned where.

Source: Field Service Developer Guide, "Field Service Managed Triggers". That a crew's members
go with its assignment is ours: the guide tells only how they come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.salesforce.errors import Refusal

if TYPE_CHECKING:
    from local.salesforce.records import Actor, Records
    from local.salesforce.store import Row


def spawn(records: Records, assigned: Row, actor: Actor) -> None:
    """One assignment more for each member that the crew has on that day."""
    crew = _crew(records, assigned)
    appointment = records.store.get("ServiceAppointment", assigned["ServiceAppointmentId"])
    if crew is None or appointment is None:
        return
    there = {each["ServiceResourceId"] for each in _assigned(records, assigned)}
    for member in records.store.find("ServiceCrewMember", ServiceCrewId=crew, IsDeleted=0):
        if member["ServiceResourceId"] in there or not _in_crew(member, appointment):
            continue
        fields = {
            "ServiceAppointmentId": assigned["ServiceAppointmentId"],
            "ServiceResourceId": member["ServiceResourceId"],
            "ServiceCrewId": crew,
        }
        records.create_as_package("AssignedResource", fields, actor)


def dismiss(records: Records, assigned: Row, actor: Actor) -> None:
    crew = _crew(records, assigned)
    for each in _assigned(records, assigned):
        if crew and each["ServiceCrewId"] == crew:
            records.delete_as_package("AssignedResource", each, actor)


def belongs(records: Records, assigned: Row, appointment: Row) -> None:
    """Refuses a resource that has no membership of the territory at the scheduled time."""
    wanted = {"ServiceResourceId": assigned["ServiceResourceId"]}
    if appointment["ServiceTerritoryId"]:
        wanted["ServiceTerritoryId"] = appointment["ServiceTerritoryId"]
    start = appointment["SchedStartTime"]
    for member in records.store.find("ServiceTerritoryMember", IsDeleted=0, **wanted):
        end = member["EffectiveEndDate"]
        if member["EffectiveStartDate"] <= start and (end is None or start < end):
            return
    raise Refusal(
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "The resource is no member of the service territory at the scheduled time.",
    )


def _crew(records: Records, assigned: Row) -> str | None:
    resource = records.store.get("ServiceResource", assigned["ServiceResourceId"])
    is_crew = resource is not None and resource["ResourceType"] == "C"
    return resource["ServiceCrewId"] if resource and is_crew else None


def _assigned(records: Records, assigned: Row) -> list[Row]:
    appointment = assigned["ServiceAppointmentId"]
    return records.store.find("AssignedResource", ServiceAppointmentId=appointment, IsDeleted=0)


def _in_crew(member: Row, appointment: Row) -> bool:
    day = appointment["SchedStartTime"][:10]
    start, end = member["StartDate"], member["EndDate"]
    return (start is None or start <= day) and (end is None or day <= end)
