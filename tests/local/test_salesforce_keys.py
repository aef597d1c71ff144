"""What a customer's administrator may add or change under a running app: key fields, other
custom fields, picklist values, locks; and the ids by which the org names requests.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.local.salesforce_setting import MORNING, Caller, item, running

KEY = "Acme_Key__c"


@pytest.fixture
def app() -> Iterator[Caller]:
    with running() as caller:
        yield caller


@pytest.fixture
def resource(app: Caller) -> str:
    return app.salesforce.add_resource("Ada", "ada@example.com")


@pytest.fixture
def appointment(app: Caller, resource: str) -> str:
    return app.salesforce.add_appointment(resource, MORNING + timedelta(hours=1))


@pytest.fixture
def sheet(app: Caller, resource: str) -> str:
    day = MORNING.date()
    return app.salesforce.insert(
        "TimeSheet", ServiceResourceId=resource, StartDate=day, EndDate=day
    )


def field(app: Caller, sobject: str, name: str) -> dict[str, Any]:
    fields = app.call("GET", f"sobjects/{sobject}/describe").json()["fields"]
    return next(each for each in fields if each["name"] == name)


def entry(sheet: str, **more: Any) -> dict[str, Any]:
    return {"TimeSheetId": sheet, "Subject": "x"} | more


@pytest.mark.parametrize("sobject", ["Event", "Task", "TimeSheetEntry"])
def test_a_key_field_is_described_as_one(app: Caller, sobject: str) -> None:
    app.salesforce.add_key_field(KEY)

    told = field(app, sobject, KEY)

    names = ("type", "length", "externalId", "unique", "idLookup", "custom", "createable")
    assert [told[name] for name in names] == ["string", 64, True, True, True, True, True]


def test_a_key_is_the_same_whatever_its_case(app: Caller, sheet: str) -> None:
    app.salesforce.add_key_field(KEY)
    app.call("POST", "sobjects/TimeSheetEntry", entry(sheet, **{KEY: "A-1"}))

    again = app.refused("POST", "sobjects/TimeSheetEntry", entry(sheet, **{KEY: "a-1"}))
    found = app.call("PATCH", f"sobjects/TimeSheetEntry/{KEY}/a-1", {"Subject": "y"})

    assert again == (400, "DUPLICATE_VALUE")
    assert (found.status_code, found.json()["created"]) == (200, False)


def test_a_key_longer_than_its_field_is_refused(app: Caller, sheet: str) -> None:
    app.salesforce.add_key_field(KEY)

    long = app.refused("PATCH", f"sobjects/TimeSheetEntry/{KEY}/{'k' * 65}", entry(sheet))

    assert long == (400, "STRING_TOO_LONG")


def test_an_upsert_that_finds_its_row_may_not_name_the_parent_that_is_fixed(
    app: Caller, sheet: str
) -> None:
    app.salesforce.add_key_field(KEY)
    path = f"sobjects/TimeSheetEntry/{KEY}/k-1"
    app.call("PATCH", path, entry(sheet))

    fixed = app.refused("PATCH", path, entry(sheet))

    assert fixed == (400, "INVALID_FIELD_FOR_INSERT_UPDATE")
    assert app.call("PATCH", path, {"Subject": "y"}).status_code == 200


def test_a_deleted_row_frees_its_key(app: Caller, sheet: str) -> None:
    app.salesforce.add_key_field(KEY)
    path = f"sobjects/TimeSheetEntry/{KEY}/k-1"
    first = app.call("PATCH", path, entry(sheet)).json()["id"]
    assert app.call("DELETE", f"sobjects/TimeSheetEntry/{first}").status_code == 204

    again = app.call("PATCH", path, entry(sheet))

    assert (again.status_code, again.json()["id"] != first) == (201, True)
    assert app.refused("GET", f"sobjects/TimeSheetEntry/{KEY}/k-2") == (404, "NOT_FOUND")


def test_number_and_url_fields_are_described_and_kept(app: Caller, appointment: str) -> None:
    add = app.salesforce.add_field
    add("ServiceAppointment", "Distance__c", kind="double", digits=9, scale=2)
    add("ServiceAppointment", "Link__c", kind="url")
    path = f"sobjects/ServiceAppointment/{appointment}"

    app.call("PATCH", path, {"Distance__c": 12.345, "Link__c": "https://x.example/a"})
    wide = app.refused("PATCH", path, {"Distance__c": 10_000_000})
    number = field(app, "ServiceAppointment", "Distance__c")

    assert (number["type"], number["precision"], number["scale"]) == ("double", 9, 2)
    assert field(app, "ServiceAppointment", "Link__c")["type"] == "url"
    row = app.call("GET", path).json()
    assert (row["Distance__c"], row["Link__c"]) == (12.35, "https://x.example/a")
    assert wide == (400, "NUMBER_OUTSIDE_VALID_RANGE")


def test_a_value_that_is_not_active_stays_on_rows_and_is_given_to_none(app: Caller) -> None:
    app.salesforce.deactivate_value("Event", "ShowAs", "Free")
    body = {"StartDateTime": "2026-03-04T09:00:00Z", "DurationInMinutes": 0, "ShowAs": "Free"}

    refused = app.refused("POST", "sobjects/Event", body)

    assert refused == (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
    told = field(app, "Event", "ShowAs")["picklistValues"]
    assert {each["value"]: each["active"] for each in told} == {
        "Busy": True,
        "OutOfOffice": True,
        "Free": False,
    }


def test_rows_follow_a_value_that_is_renamed(app: Caller, sheet: str) -> None:
    made = app.call("POST", "sobjects/TimeSheetEntry", entry(sheet, Type="Direct")).json()["id"]

    app.salesforce.rename_value("TimeSheetEntry", "Type", "Direct", "On site")

    assert app.salesforce.row("TimeSheetEntry", made)["Type"] == "On site"
    values = field(app, "TimeSheetEntry", "Type")["picklistValues"]
    assert [each["value"] for each in values] == ["On site", "Indirect"]


def test_a_locked_sheet_locks_its_entries(app: Caller, sheet: str) -> None:
    made = app.call("POST", "sobjects/TimeSheetEntry", entry(sheet)).json()["id"]
    app.salesforce.locked.add(sheet)
    path = f"sobjects/TimeSheetEntry/{made}"

    changed = app.refused("PATCH", path, {"Subject": "y"})
    gone = app.refused("DELETE", path)

    assert changed == gone == (400, "ENTITY_IS_LOCKED")
    app.salesforce.locked.clear()
    assert app.call("DELETE", path).status_code == 204


def test_a_validation_rule_may_refuse_an_entry(app: Caller, sheet: str) -> None:
    app.salesforce.refuse.append(
        {"object": "TimeSheetEntry", "field": "Type", "value": "Direct", "message": "no"}
    )

    refused = app.call("POST", "sobjects/TimeSheetEntry", entry(sheet, Type="Direct"))

    assert refused.json()[0] == {
        "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "message": "no",
        "fields": ["Type"],
    }
    other = app.call("POST", "sobjects/TimeSheetEntry", entry(sheet, Type="Indirect"))
    assert other.status_code == 201


def test_rows_of_a_deleted_parent_are_refused(app: Caller, appointment: str) -> None:
    app.salesforce.delete("ServiceAppointment", appointment)
    path = f"sobjects/ServiceAppointment/{appointment}"

    event = {
        "WhatId": appointment,
        "StartDateTime": "2026-03-04T09:00:00Z",
        "DurationInMinutes": 0,
    }

    assert app.refused("PATCH", path, {"Subject": "x"}) == (404, "ENTITY_IS_DELETED")
    assert app.refused("POST", "sobjects/Event", event) == (404, "ENTITY_IS_DELETED")


def test_every_answer_names_its_request(app: Caller) -> None:
    app.salesforce.faults.append({"match": {"path": "limits"}, "status": 503, "body": "busy"})
    answers = [
        app.call("GET", "sobjects"),
        app.call("GET", "limits"),
        app.call("GET", "sobjects/Nope"),
        app.call("POST", "composite", {"compositeRequest": [item("GET", "limits", "a")]}),
    ]

    told = [each.headers["X-SFDC-Request-Id"] for each in answers]

    assert len(set(told)) == len(told)
    assert told == [each.id for each in app.salesforce.requests]
