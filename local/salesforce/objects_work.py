"""Appointments, assignments, resources and work orders, field by field.

Source: Field Service Developer Guide, one page per object (release 262).
"""

from local.salesforce.schema import Field, SObject, picklist, ref, sobject

STATUSES = {
    "None": "None",
    "Scheduled": "Scheduled",
    "Dispatched": "Dispatched",
    "In Progress": "InProgress",
    "Completed": "Completed",
    "Cannot Complete": "CannotComplete",
    "Canceled": "Canceled",
}
WORK_STATUSES = (
    "New",
    "In Progress",
    "On Hold",
    "Completed",
    "Closed",
    "Cannot Complete",
    "Canceled",
)
ADDRESS_PARTS = {
    "city": "City",
    "country": "Country",
    "geocodeAccuracy": "GeocodeAccuracy",
    "latitude": "Latitude",
    "longitude": "Longitude",
    "postalCode": "PostalCode",
    "state": "State",
    "street": "Street",
}


def address() -> list[Field]:
    return [
        Field("Street", "textarea"),
        Field("City", length=40),
        Field("State", length=80),
        Field("PostalCode", length=20),
        Field("Country", length=80),
        Field("Latitude", "double", scale=15),
        Field("Longitude", "double", scale=15),
        picklist("GeocodeAccuracy", "CUF", "Address", "NearAddress", "Block", "Street", "Zip"),
        Field("Address", "address", "F", parts=ADDRESS_PARTS),
    ]


def service_appointment() -> SObject:
    return sobject(
        "ServiceAppointment",
        "08p",
        "Service Appointment",
        Field("AppointmentNumber", access="F"),
        picklist("Status", "CUF", *STATUSES, required=True, restricted=True, default="None"),
        picklist("StatusCategory", "F", *STATUSES.values()),
        Field("EarliestStartTime", "datetime", required=True),
        Field("DueDate", "datetime", required=True),
        *(
            Field(name, "datetime")
            for name in (
                "SchedStartTime",
                "SchedEndTime",
                "ArrivalWindowStartTime",
                "ArrivalWindowEndTime",
                "ActualStartTime",
                "ActualEndTime",
            )
        ),
        Field("ActualDuration", "double"),
        Field("Duration", "double"),
        picklist("DurationType", "CUF", "Hours", "Minutes", default="Hours"),
        Field("DurationInMinutes", "double", "F"),
        *address(),
        ref(
            "ParentRecordId",
            "CF",
            "WorkOrder",
            "WorkOrderLineItem",
            "Account",
            "Asset",
            "Lead",
            "Opportunity",
            required=True,
        ),
        Field("ParentRecordType", access="F"),
        ref("ServiceTerritoryId", "CUF", "ServiceTerritory"),
        ref("WorkTypeId", "CUF", "WorkType"),
        ref("ContactId", "CUF", "Contact"),
        ref("AccountId", "F", "Account"),
        ref("OwnerId", "CUF", "User"),
        Field("Description", "textarea", "CU", length=32000),
        Field("Subject"),
        Field("IsBundle", "boolean"),
        Field("IsBundleMember", "boolean"),
        ref("RelatedBundleId", "CUF", "ServiceAppointment"),
        Field("FSL__Pinned__c", "boolean"),
        autonumber=("AppointmentNumber", "SA-{:04}"),
    )


def assigned_resource() -> SObject:
    return sobject(
        "AssignedResource",
        "03r",
        "Assigned Resource",
        Field("AssignedResourceNumber", access="F"),
        ref("ServiceAppointmentId", "CF", "ServiceAppointment", required=True, cascade=True),
        ref("ServiceResourceId", "CUF", "ServiceResource", required=True),
        ref("ServiceCrewId", "CUF", "ServiceCrew"),
        Field("EstimatedTravelTime", "double"),
        Field("ActualTravelTime", "double"),
        Field("IsPrimaryResource", "boolean"),
        Field("IsRequiredResource", "boolean"),
        picklist("Role", "CUF"),
        ref("EventId", "F", "Event"),
        picklist("LocationStatus", "CU", "EnRoute", "LastMile"),
        Field("ApptAssistantInfoUrl", access="CU"),
        autonumber=("AssignedResourceNumber", "AR-{:04}"),
    )


def service_resource() -> SObject:
    place = {"latitude": "LastKnownLatitude", "longitude": "LastKnownLongitude"}
    return sobject(
        "ServiceResource",
        "0Hn",
        "Service Resource",
        Field("Name", required=True),
        ref("RelatedRecordId", "CUF", "User"),
        picklist(
            "ResourceType",
            "CUF",
            "T",
            "D",
            "C",
            "S",
            "A",
            "P",
            required=True,
            restricted=True,
            default="T",
        ),
        Field("IsActive", "boolean"),
        Field("LastKnownLatitude", "double", scale=15),
        Field("LastKnownLongitude", "double", scale=15),
        Field("LastKnownLocationDate", "datetime", "UF"),
        Field("LastKnownLocation", "location", "F", parts=place),
        Field("Description", "textarea", "CU", length=32000),
        ref("ServiceCrewId", "CUF", "ServiceCrew"),
        ref("OwnerId", "CUF", "User"),
        deletable=False,
    )


def service_appointment_status() -> SObject:
    return sobject(
        "ServiceAppointmentStatus",
        "0hS",
        "Service Appointment Status",
        Field("ApiName", access="F"),
        Field("MasterLabel", access="F"),
        picklist("StatusCode", "F", *STATUSES.values()),
        Field("IsDefault", "boolean", "F"),
        Field("SortOrder", "int", "F"),
        deletes=False,
        createable=False,
        updateable=False,
        deletable=False,
    )


def work_order() -> SObject:
    return sobject(
        "WorkOrder",
        "0WO",
        "Work Order",
        Field("WorkOrderNumber", access="F"),
        picklist("Status", "CUF", *WORK_STATUSES, default="New"),
        Field("Subject"),
        Field("Description", "textarea", "CU", length=32000),
        Field("StartDate", "datetime"),
        Field("EndDate", "datetime"),
        ref("AccountId", "CUF", "Account"),
        ref("ContactId", "CUF", "Contact"),
        ref("ServiceTerritoryId", "CUF", "ServiceTerritory"),
        ref("OwnerId", "CUF", "User"),
        *address(),
        autonumber=("WorkOrderNumber", "{:08}"),
    )


def work_order_line_item() -> SObject:
    return sobject(
        "WorkOrderLineItem",
        "1WL",
        "Work Order Line Item",
        Field("LineItemNumber", access="F"),
        ref("WorkOrderId", "CF", "WorkOrder", required=True, cascade=True),
        picklist("Status", "CUF", *WORK_STATUSES, default="New"),
        Field("Subject"),
        Field("Description", "textarea", "CU", length=32000),
        *address(),
        autonumber=("LineItemNumber", "{:08}"),
    )
