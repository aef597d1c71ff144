"""Shifts, time sheets, activities, users and mobile settings, field by field.

Source: Field Service Developer Guide and Object Reference (release 262). `Event.Type` and
`Task.Type` are missing in some orgs.
"""

from local.salesforce.schema import Field, SObject, picklist, ref, sobject

SHEET_STATUSES = ("New", "Submitted", "Approved")
ACTIVITY_PARENTS = (
    "ServiceAppointment",
    "AssignedResource",
    "ServiceResource",
    "WorkOrder",
    "WorkOrderLineItem",
    "Shift",
    "Account",
    "Case",
)


def shift() -> SObject:
    return sobject(
        "Shift",
        "0SH",
        "Shift",
        Field("ShiftNumber", access="F"),
        ref("ServiceResourceId", "CUF", "ServiceResource"),
        ref("ServiceTerritoryId", "CUF", "ServiceTerritory"),
        Field("StartTime", "datetime", required=True),
        Field("EndTime", "datetime", required=True),
        picklist(
            "Status",
            "CUF",
            "Tentative",
            "Published",
            "Confirmed",
            required=True,
            default="Tentative",
        ),
        picklist("StatusCategory", "F", "Tentative", "Published", "Confirmed"),
        picklist("TimeSlotType", "CUF", "Normal", "Extended", default="Normal"),
        autonumber=("ShiftNumber", "SFT-{:04}"),
    )


def time_sheet() -> SObject:
    return sobject(
        "TimeSheet",
        "0hF",
        "Time Sheet",
        Field("TimeSheetNumber", access="F"),
        ref("ServiceResourceId", "CUF", "ServiceResource", required=True),
        Field("StartDate", "date", required=True),
        Field("EndDate", "date", required=True),
        picklist("Status", "CUF", *SHEET_STATUSES, default="New"),
        Field("TotalDurationInMinutes", "int", "F"),
        Field("TimeSheetEntryCount", "int", "F"),
        ref("OwnerId", "CUF", "User"),
        autonumber=("TimeSheetNumber", "TS-{:04}"),
    )


def time_sheet_entry() -> SObject:
    return sobject(
        "TimeSheetEntry",
        "0hG",
        "Time Sheet Entry",
        Field("TimeSheetEntryNumber", access="F"),
        ref("TimeSheetId", "CF", "TimeSheet", required=True, cascade=True),
        Field("StartTime", "datetime"),
        Field("EndTime", "datetime"),
        Field("Subject"),
        Field("Description", "textarea", "CU", length=32000),
        picklist("Type", "CUF", "Direct", "Indirect"),
        picklist("Status", "CUF", *SHEET_STATUSES, default="New"),
        ref("WorkOrderId", "CUF", "WorkOrder"),
        ref("WorkOrderLineItemId", "CUF", "WorkOrderLineItem"),
        picklist(
            "LocationTimeZone",
            "CUF",
            "Europe/Berlin",
            "America/New_York",
            "America/Chicago",
            "America/Los_Angeles",
            "Europe/London",
            "GMT",
            restricted=True,
        ),
        Field("DurationInMinutes", "int", "F"),
        autonumber=("TimeSheetEntryNumber", "TSE-{:04}"),
    )


def event() -> SObject:
    return sobject(
        "Event",
        "00U",
        "Event",
        ref("WhatId", "CUF", *ACTIVITY_PARENTS, cascade=True),
        ref("WhoId", "CUF", "Contact", "Lead"),
        ref("OwnerId", "CUF", "User"),
        Field("Subject"),
        Field("Description", "textarea", "CU", length=32000),
        Field("Location"),
        Field("StartDateTime", "datetime"),
        Field("EndDateTime", "datetime"),
        Field("ActivityDateTime", "datetime"),
        Field("ActivityDate", "date"),
        Field("DurationInMinutes", "int"),
        Field("IsAllDayEvent", "boolean"),
        picklist("Type", "CUF", "Call", "Email", "Meeting", "Other"),
        picklist(
            "ShowAs", "CUF", "Busy", "OutOfOffice", "Free", restricted=True, default="Busy"
        ),
        Field("IsPrivate", "boolean"),
        Field("IsReminderSet", "boolean"),
        Field("IsArchived", "boolean", "F"),
        picklist("EventSubtype", "CF", "Event", default="Event"),
    )


def task() -> SObject:
    return sobject(
        "Task",
        "00T",
        "Task",
        ref("WhatId", "CUF", *ACTIVITY_PARENTS, cascade=True),
        ref("WhoId", "CUF", "Contact", "Lead"),
        ref("OwnerId", "CUF", "User"),
        Field("Subject"),
        Field("Description", "textarea", "CU", length=32000),
        Field("ActivityDate", "date"),
        picklist(
            "Status",
            "CUF",
            "Not Started",
            "In Progress",
            "Completed",
            required=True,
            default="Not Started",
        ),
        picklist("Priority", "CUF", "High", "Normal", "Low", required=True, default="Normal"),
        picklist("Type", "CUF", "Call", "Email", "Meeting", "Other"),
    )


def user() -> SObject:
    return sobject(
        "User",
        "005",
        "User",
        Field("Username", length=80, required=True),
        Field("LastName", length=80, required=True),
        Field("FirstName", length=40),
        Field("Name", access="F"),
        Field("Email", "email", length=128, required=True),
        Field("Alias", length=8),
        Field("MobilePhone", "phone", length=40),
        Field("IsActive", "boolean", default=1),
        Field("TimeZoneSidKey", "picklist", default="Europe/Berlin"),
        Field("LanguageLocaleKey", "picklist", default="en_US"),
        Field("LocaleSidKey", "picklist", default="en_US"),
        deletes=False,
        deletable=False,
    )


def field_service_mobile_settings() -> SObject:
    modes = ("Off", "Manual", "Timed", "Automated")
    return sobject(
        "FieldServiceMobileSettings",
        "0HV",
        "Field Service Mobile Settings",
        Field("DeveloperName", length=80, required=True),
        Field("MasterLabel", length=80, required=True),
        Field("IsDefault", "boolean"),
        Field("IsSendLocationHistory", "boolean"),
        Field("IsTimeSheetEnabled", "boolean"),
        picklist("AscAutomaticMode", "CUF", *modes, restricted=True, default="Off"),
        Field("AscRadiusInMeters", "int"),
        deletes=False,
        deletable=False,
    )
