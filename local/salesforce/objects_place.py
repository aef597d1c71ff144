"""Crews, territories and their hours, field by field.

Source: Field Service Developer Guide, one page per object (release 262). The prefixes of the
crews are ours.
"""

from local.salesforce.schema import Field, SObject, picklist, ref, sobject


def operating_hours() -> SObject:
    return sobject(
        "OperatingHours",
        "0OH",
        "Operating Hours",
        Field("Name", required=True),
        Field("Description", "textarea", "CU", length=32000),
        Field("TimeZone", "picklist", required=True),
        ref("OwnerId", "CUF", "User"),
    )


def service_territory() -> SObject:
    return sobject(
        "ServiceTerritory",
        "0Hh",
        "Service Territory",
        Field("Name", required=True),
        Field("IsActive", "boolean"),
        Field("Description", "textarea", "CU", length=32000),
        ref("OperatingHoursId", "CUF", "OperatingHours"),
        ref("OwnerId", "CUF", "User"),
    )


def service_territory_member() -> SObject:
    return sobject(
        "ServiceTerritoryMember",
        "0Hu",
        "Service Territory Member",
        Field("MemberNumber", access="F"),
        ref("ServiceTerritoryId", "CF", "ServiceTerritory", required=True, cascade=True),
        ref("ServiceResourceId", "CF", "ServiceResource", required=True),
        picklist("TerritoryType", "CUF", "P", "S", "R", restricted=True, default="P"),
        Field("EffectiveStartDate", "datetime", required=True),
        Field("EffectiveEndDate", "datetime"),
        autonumber=("MemberNumber", "STM-{:04}"),
    )


def service_crew() -> SObject:
    return sobject(
        "ServiceCrew",
        "1SC",
        "Service Crew",
        Field("Name", required=True),
        Field("CrewSize", "int", default=2),
        ref("OwnerId", "CUF", "User"),
    )


def service_crew_member() -> SObject:
    return sobject(
        "ServiceCrewMember",
        "1SM",
        "Service Crew Member",
        Field("ServiceCrewMemberNumber", access="F"),
        ref("ServiceCrewId", "CF", "ServiceCrew", required=True, cascade=True),
        ref("ServiceResourceId", "CUF", "ServiceResource", required=True),
        Field("IsLeader", "boolean"),
        Field("StartDate", "date"),
        Field("EndDate", "date"),
        autonumber=("ServiceCrewMemberNumber", "SCM-{:04}"),
    )
