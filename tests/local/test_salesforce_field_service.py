"""The managed package of the simulator: what a write sets off behind the caller's back."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from local.salesforce import FakeSalesforce
from tests.local.salesforce_setting import MORNING, Caller, running

REFUSED = (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION")


@pytest.fixture
def app() -> Iterator[Caller]:
    with running() as caller:
        yield caller


@pytest.fixture
def salesforce(app: Caller) -> FakeSalesforce:
    return app.salesforce


@pytest.fixture
def resource(salesforce: FakeSalesforce) -> str:
    return salesforce.add_resource("Ada Lovelace", "ada@example.com")


@pytest.fixture
def appointment(salesforce: FakeSalesforce, resource: str) -> str:
    return salesforce.add_appointment(resource, MORNING + timedelta(hours=1))


def change(app: Caller, appointment: str, **fields: Any) -> int:
    path = f"sobjects/ServiceAppointment/{appointment}"
    return app.call("PATCH", path, fields).status_code


def test_an_update_strips_the_seconds_and_an_insert_does_not(
    app: Caller, salesforce: FakeSalesforce, resource: str
) -> None:
    odd = salesforce.add_appointment(resource, MORNING + timedelta(seconds=59))
    assert salesforce.row("ServiceAppointment", odd)["SchedStartTime"][11:19] == "08:00:59"

    change(app, odd, ActualStartTime="2026-03-04T08:01:59Z", Latitude=1.23456789)

    row = salesforce.row("ServiceAppointment", odd)
    assert row["ActualStartTime"] == "2026-03-04T08:01:00.000+0000"
    assert row["SchedStartTime"] == "2026-03-04T08:00:00.000+0000"
    assert row["Latitude"] == 1.234568


def test_an_assignment_lifts_the_status_none_to_scheduled_as_the_package(
    salesforce: FakeSalesforce, appointment: str
) -> None:
    row = salesforce.row("ServiceAppointment", appointment)

    assert (row["Status"], row["StatusCategory"]) == ("Scheduled", "Scheduled")
    lifted = salesforce.writes[-1]
    assert (lifted.source, lifted.fields) == ("package", {"Status": "Scheduled"})


def test_an_assignment_needs_scheduled_times(
    app: Caller, salesforce: FakeSalesforce, resource: str
) -> None:
    bare = salesforce.add_appointment(None, MORNING, SchedStartTime=None, SchedEndTime=None)

    body = {"ServiceAppointmentId": bare, "ServiceResourceId": resource}

    assert app.refused("POST", "sobjects/AssignedResource", body) == REFUSED


def test_the_last_assignment_gone_clears_the_schedule_and_the_status(
    app: Caller, salesforce: FakeSalesforce, appointment: str
) -> None:
    second = salesforce.assign(appointment, salesforce.add_resource("Bob", None))
    (first,) = {row["Id"] for row in salesforce.rows("AssignedResource")} - {second}

    app.clock.forward(minutes=1)
    app.call("DELETE", f"sobjects/AssignedResource/{first}")
    assert salesforce.row("ServiceAppointment", appointment)["Status"] == "Scheduled"
    app.call("DELETE", f"sobjects/AssignedResource/{second}")

    row = salesforce.row("ServiceAppointment", appointment)
    assert (row["Status"], row["SchedStartTime"], row["SchedEndTime"]) == ("None", None, None)
    assert row["SystemModstamp"] == "2026-03-04T08:01:00.000+0000"
    assert row["LastModifiedById"] == salesforce.integration_user_id


@pytest.mark.parametrize("category", ["Canceled", "None"])
def test_a_status_of_category_canceled_or_none_clears_schedule_and_assignments(
    app: Caller, salesforce: FakeSalesforce, appointment: str, category: str
) -> None:
    salesforce.add_status("Storniert", category)

    assert change(app, appointment, Status="Storniert") == 204

    row = salesforce.row("ServiceAppointment", appointment)
    assert row["SchedStartTime"] is None
    assert row["StatusCategory"] == category
    assert salesforce.rows("AssignedResource") == []


def test_a_cancelled_appointment_stays_cancelled_when_its_assignments_go(
    app: Caller, salesforce: FakeSalesforce, appointment: str
) -> None:
    change(app, appointment, Status="Canceled")

    assert salesforce.row("ServiceAppointment", appointment)["Status"] == "Canceled"


def test_scheduled_times_taken_away_delete_the_assignments(
    app: Caller, salesforce: FakeSalesforce, appointment: str
) -> None:
    change(app, appointment, SchedStartTime=None, SchedEndTime=None)

    assert salesforce.rows("AssignedResource") == []
    assert salesforce.row("ServiceAppointment", appointment)["Status"] == "None"


def test_a_transition_that_is_not_allowed_is_refused_and_another_is_not(
    app: Caller, salesforce: FakeSalesforce, appointment: str
) -> None:
    salesforce.transitions = {("Scheduled", "Dispatched")}
    path = f"sobjects/ServiceAppointment/{appointment}"

    assert app.refused("PATCH", path, {"Status": "Completed"}) == REFUSED
    assert change(app, appointment, Status="Scheduled", Subject="no transition") == 204
    assert change(app, appointment, Status="Dispatched") == 204


def test_the_actual_duration_is_filled_once_and_never_again(
    app: Caller, salesforce: FakeSalesforce, appointment: str
) -> None:
    change(app, appointment, ActualStartTime="2026-03-04T09:00:00Z")
    change(app, appointment, ActualEndTime="2026-03-04T09:42:00Z")
    change(app, appointment, ActualEndTime="2026-03-04T10:00:00Z")

    assert salesforce.row("ServiceAppointment", appointment)["ActualDuration"] == 42


def test_a_pinned_appointment_does_not_move(
    app: Caller, salesforce: FakeSalesforce, appointment: str
) -> None:
    salesforce.update("ServiceAppointment", appointment, FSL__Pinned__c=True)

    assert change(app, appointment, SchedStartTime="2026-03-04T07:00:00Z") == 400
    assert change(app, appointment, Status="Dispatched") == 204


def test_a_resource_with_open_assignments_cannot_be_deactivated(
    app: Caller, appointment: str, resource: str
) -> None:
    path, off = f"sobjects/ServiceResource/{resource}", {"IsActive": False}

    assert app.refused("PATCH", path, off) == (400, "FIELD_INTEGRITY_EXCEPTION")
    change(app, appointment, Status="Completed")
    assert app.call("PATCH", path, off).status_code == 204
    assert app.refused("DELETE", path) == (405, "METHOD_NOT_ALLOWED")


def test_a_reassignment_may_be_an_update_of_the_same_row(
    app: Caller, salesforce: FakeSalesforce, appointment: str
) -> None:
    (row,) = salesforce.rows("AssignedResource")
    bob = salesforce.add_resource("Bob", None)
    path = f"sobjects/AssignedResource/{row['Id']}"

    assert app.call("PATCH", path, {"ServiceResourceId": bob}).status_code == 204
    moved = app.refused("PATCH", path, {"ServiceAppointmentId": appointment})
    assert moved == (400, "INVALID_FIELD_FOR_INSERT_UPDATE")


def test_a_deleted_appointment_takes_its_rows_along_and_brings_them_back(
    app: Caller, salesforce: FakeSalesforce, appointment: str
) -> None:
    body = {"WhatId": appointment, "StartDateTime": MORNING.isoformat(), "DurationInMinutes": 1}
    app.call("POST", "sobjects/Event", body)

    salesforce.delete("ServiceAppointment", appointment)
    gone = [salesforce.rows("AssignedResource"), salesforce.rows("Event")]
    salesforce.undelete("ServiceAppointment", appointment)
    back = [salesforce.rows("AssignedResource"), salesforce.rows("Event")]

    assert gone == [[], []]
    assert [len(rows) for rows in back] == [1, 1]
    row = salesforce.row("ServiceAppointment", appointment)
    assert (row["Status"], row["SchedStartTime"] is None) == ("Scheduled", False)


def test_a_validation_rule_of_the_customer_refuses_its_value_alone(
    app: Caller, salesforce: FakeSalesforce, appointment: str
) -> None:
    salesforce.refuse.append(
        {
            "object": "ServiceAppointment",
            "field": "Status",
            "value": "Completed",
            "message": "Signature is missing",
        }
    )
    path = f"sobjects/ServiceAppointment/{appointment}"

    refused = app.call("PATCH", path, {"Status": "Completed"}).json()[0]

    assert refused["message"] == "Signature is missing"
    assert refused["errorCode"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert change(app, appointment, Status="In Progress") == 204


def test_a_renamed_status_keeps_its_category_and_its_rows_follow(
    app: Caller, salesforce: FakeSalesforce, appointment: str
) -> None:
    app.clock.forward(minutes=1)

    salesforce.rename_status("Scheduled", "Geplant")

    row = salesforce.row("ServiceAppointment", appointment)
    assert (row["Status"], row["StatusCategory"]) == ("Geplant", "Scheduled")
    assert row["SystemModstamp"] == "2026-03-04T08:01:00.000+0000"
    old = (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
    path = f"sobjects/ServiceAppointment/{appointment}"
    assert app.refused("PATCH", path, {"Status": "Scheduled"}) == old
