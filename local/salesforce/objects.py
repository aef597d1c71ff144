"""The objects of a Field Service org that the integration may touch."""

from local.salesforce import objects_place as place
from local.salesforce import objects_time as time
from local.salesforce import objects_work as work
from local.salesforce.schema import SObject

FIELD_SERVICE = (  # what an org without Field Service does not have
    "ServiceAppointment",
    "AssignedResource",
    "ServiceResource",
    "ServiceAppointmentStatus",
    "WorkOrder",
    "WorkOrderLineItem",
    "Shift",
    "TimeSheet",
    "TimeSheetEntry",
    "FieldServiceMobileSettings",
    "OperatingHours",
    "ServiceTerritory",
    "ServiceTerritoryMember",
    "ServiceCrew",
    "ServiceCrewMember",
)


def catalog() -> dict[str, SObject]:
    objects = [
        time.user(),
        time.event(),
        time.task(),
        work.service_appointment(),
        work.assigned_resource(),
        work.service_resource(),
        work.service_appointment_status(),
        work.work_order(),
        work.work_order_line_item(),
        time.shift(),
        time.time_sheet(),
        time.time_sheet_entry(),
        time.field_service_mobile_settings(),
        place.operating_hours(),
        place.service_territory(),
        place.service_territory_member(),
        place.service_crew(),
        place.service_crew_member(),
    ]
    return {each.name: each for each in objects}
