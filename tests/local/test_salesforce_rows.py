"""Rows of the simulator: permissions, refusals in the vendor's words, stamps and describes."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from local.salesforce import FakeSalesforce
from local.salesforce.ids import checked
from tests.local.salesforce_setting import MORNING, TIMEOUT, Caller, running

AT_NINE = "2026-03-04T09:00:00.000+0000"


@pytest.fixture
def app() -> Iterator[Caller]:
    with running() as caller:
        yield caller


@pytest.fixture
def salesforce(app: Caller) -> FakeSalesforce:
    return app.salesforce


@pytest.fixture
def appointment(salesforce: FakeSalesforce) -> str:
    resource = salesforce.add_resource("Ada Lovelace", "ada@example.com")
    return salesforce.add_appointment(resource, MORNING + timedelta(hours=1))


def event(appointment: str, **changes: Any) -> dict[str, Any]:
    return {
        "WhatId": appointment,
        "Subject": "Arrived",
        "StartDateTime": "2026-03-04T09:00:00Z",
        "DurationInMinutes": 5,
    } | changes


def test_the_checksum_is_the_vendors() -> None:
    assert checked("001D000000IBVzo") == "001D000000IBVzoIAH"


def test_versions_are_listed_without_a_token_or_quota(salesforce: FakeSalesforce) -> None:
    listed = requests.get(f"{salesforce.url}/services/data/", timeout=TIMEOUT).json()

    assert {"label", "url", "version"} == set(listed[0])
    assert listed[-1]["version"] == "68.0"
    assert salesforce.api_calls == 0


@pytest.mark.parametrize(
    ("version", "status"), [("v30.0", 410), ("v31.0", 200), ("v68.0", 200), ("v69.0", 404)]
)
def test_retired_versions_are_gone_and_others_unknown(
    app: Caller, version: str, status: int
) -> None:
    url = f"{app.salesforce.url}/services/data/{version}/sobjects"
    headers = {"Authorization": f"Bearer {app.tokens['access_token']}"}

    assert requests.get(url, headers=headers, timeout=TIMEOUT).status_code == status


def test_a_row_can_be_made_read_changed_and_deleted(app: Caller, appointment: str) -> None:
    made = app.call("POST", "sobjects/Event", event(appointment))
    path = f"sobjects/Event/{made.json()['id']}"

    assert made.status_code == 201
    assert made.json() == {"id": made.json()["id"], "success": True, "errors": []}
    assert made.headers["Location"] == f"/services/data/v67.0/{path}"
    assert app.call("GET", path).json()["StartDateTime"] == AT_NINE
    assert app.call("PATCH", path, {"Subject": "Left"}).status_code == 204
    assert app.call("GET", path, fields="Subject").json()["Subject"] == "Left"
    assert app.call("DELETE", path).status_code == 204
    assert app.refused("GET", path) == (404, "ENTITY_IS_DELETED")
    assert app.refused("PATCH", path, {}) == (404, "ENTITY_IS_DELETED")


def test_an_id_of_fifteen_characters_is_as_good(app: Caller, appointment: str) -> None:
    row = app.call("GET", f"sobjects/ServiceAppointment/{appointment[:15]}").json()

    assert row["Id"] == appointment
    soql = "SELECT Id FROM ServiceAppointment WHERE Id = '{}'"
    found = app.query(soql.format(appointment[:15]))
    assert [each["Id"] for each in found] == [appointment]


@pytest.mark.parametrize(
    ("changes", "code", "fields"),
    [
        (
            {"StatusCategory": "Completed"},
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            ["StatusCategory"],
        ),
        ({"ParentRecordId": None}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["ParentRecordId"]),
        ({"Nonsense": 1}, "INVALID_FIELD", []),
        ({"EarliestStartTime": None}, "REQUIRED_FIELD_MISSING", ["EarliestStartTime"]),
        ({"Status": None}, "REQUIRED_FIELD_MISSING", ["Status"]),
        ({"Status": "Nope"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", ["Status"]),
        ({"City": "x" * 41}, "STRING_TOO_LONG", ["City"]),
        ({"ActualStartTime": "yesterday"}, "JSON_PARSER_ERROR", []),
        ({"ActualStartTime": "2026-03-04T09:00:00"}, "JSON_PARSER_ERROR", []),
        ({"ActualStartTime": "2026-02-30T09:00:00Z"}, "JSON_PARSER_ERROR", []),
        ({"ActualDuration": 10**17}, "NUMBER_OUTSIDE_VALID_RANGE", ["ActualDuration"]),
        ({"Latitude": True}, "JSON_PARSER_ERROR", []),
        ({"ContactId": "003"}, "MALFORMED_ID", ["ContactId"]),
        ({"OwnerId": checked("005000000000000")}, "INVALID_CROSS_REFERENCE_KEY", []),
        ({"OwnerId": checked("0Hn000000000000")}, "MALFORMED_ID", ["OwnerId"]),
    ],
)
def test_a_bad_value_is_refused_by_name_and_changes_nothing(
    app: Caller, appointment: str, changes: dict[str, Any], code: str, fields: list[str]
) -> None:
    before = app.salesforce.row("ServiceAppointment", appointment)

    answer = app.call("PATCH", f"sobjects/ServiceAppointment/{appointment}", changes)

    assert answer.status_code == 400
    error = answer.json()[0]
    assert (error["errorCode"], error.get("fields", [])) == (code, fields)
    assert app.salesforce.row("ServiceAppointment", appointment) == before


def test_the_vendors_words_are_kept(app: Caller, appointment: str) -> None:
    path = f"sobjects/ServiceAppointment/{appointment}"

    unknown = app.call("PATCH", path, {"Nonsense": 1}).json()[0]["message"]
    closed = app.call("PATCH", path, {"AppointmentNumber": "1"}).json()[0]["message"]

    assert unknown == "No such column 'Nonsense' on sobject of type ServiceAppointment"
    assert closed.startswith("Unable to create/update fields: AppointmentNumber.")


@pytest.mark.parametrize(
    ("body", "code"),
    [("[1]", "JSON_PARSER_ERROR"), ("{", "JSON_PARSER_ERROR"), ("", "JSON_PARSER_ERROR")],
)
def test_a_body_that_is_no_object_is_a_parser_error(app: Caller, body: str, code: str) -> None:
    url = f"{app.salesforce.url}/services/data/v67.0/sobjects/Event"
    headers = {"Authorization": f"Bearer {app.tokens['access_token']}"}

    answer = requests.post(url, data=body, headers=headers, timeout=TIMEOUT)

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "sobjects/Nope/describe", (404, "NOT_FOUND")),
        ("GET", "sobjects/Event/nonsense", (404, "NOT_FOUND")),
        ("GET", f"sobjects/Event/{checked('00U000000000000')}", (404, "NOT_FOUND")),
        ("PUT", "sobjects/Event", (405, "METHOD_NOT_ALLOWED")),
        ("GET", "nowhere", (404, "NOT_FOUND")),
        ("POST", "sobjects/ServiceAppointmentStatus",
         (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")),
    ],
)  # fmt: skip
def test_what_is_not_there_or_not_allowed_says_so(
    app: Caller, method: str, path: str, expected: tuple[int, str]
) -> None:
    assert app.refused(method, path, {}) == expected


def test_a_wrong_scheme_is_an_invalid_auth_header(app: Caller) -> None:
    answer = app.refused("GET", "sobjects", headers={"Authorization": "Basic abc"})

    assert answer == (401, "INVALID_AUTH_HEADER")


def test_stamps_follow_the_clock_and_the_acting_user(app: Caller, appointment: str) -> None:
    app.clock.forward(hours=1)
    path = f"sobjects/ServiceAppointment/{appointment}"

    answer = app.call("PATCH", path, {"Subject": "x"})

    row = app.salesforce.row("ServiceAppointment", appointment)
    assert row["SystemModstamp"] == row["LastModifiedDate"] == AT_NINE
    assert row["CreatedDate"] == "2026-03-04T08:00:00.000+0000"
    assert row["CreatedById"] == app.salesforce.dispatcher_id
    assert row["LastModifiedById"] == app.salesforce.integration_user_id
    assert answer.headers["Date"] == "Wed, 04 Mar 2026 09:00:00 GMT"


def test_a_write_that_changes_no_value_moves_the_stamp_all_the_same(
    app: Caller, appointment: str
) -> None:
    app.clock.forward(hours=1)

    app.call("PATCH", f"sobjects/ServiceAppointment/{appointment}", {})

    assert app.salesforce.row("ServiceAppointment", appointment)["SystemModstamp"] == AT_NINE


@pytest.mark.parametrize(("since", "status"), [("07:59:59", 412), ("08:00:00", 204)])
def test_if_unmodified_since_protects_a_later_change(
    app: Caller, appointment: str, since: str, status: int
) -> None:
    answer = app.call(
        "PATCH",
        f"sobjects/ServiceAppointment/{appointment}",
        {"Subject": "x"},
        headers={"If-Unmodified-Since": f"Wed, 04 Mar 2026 {since} GMT"},
    )

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (5, "2026-03-04T09:05:00.000+0000")),
        (
            {"DurationInMinutes": None, "EndDateTime": "2026-03-04T10:00:00+01:00"},
            (0, AT_NINE),
        ),
        (
            {"EndDateTime": "2026-03-04T09:05:00.000Z"},
            (5, "2026-03-04T09:05:00.000+0000"),
        ),
    ],
)
def test_an_event_has_start_end_and_length_that_agree(
    app: Caller, appointment: str, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    made = app.call("POST", "sobjects/Event", event(appointment, **changes)).json()

    row = app.salesforce.row("Event", made["id"])
    assert (row["DurationInMinutes"], row["EndDateTime"]) == expected
    assert row["ActivityDateTime"] == row["StartDateTime"] == AT_NINE
    assert row["OwnerId"] == app.salesforce.integration_user_id


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"DurationInMinutes": None}, "REQUIRED_FIELD_MISSING"),
        ({"StartDateTime": None}, "REQUIRED_FIELD_MISSING"),
        ({"EndDateTime": "2026-03-04T09:06:00Z"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"DurationInMinutes": -1}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"DurationInMinutes": 1441}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"ActivityDateTime": "2026-03-04T09:01:00Z"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"ShowAs": "Asleep"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"WhatId": checked("08p000000000000")}, "INVALID_CROSS_REFERENCE_KEY"),
        ({"WhatId": checked("005000000000000")}, "MALFORMED_ID"),
        ({"Subject": "x" * 256}, "STRING_TOO_LONG"),
        ({"Description": "x" * 32001}, "STRING_TOO_LONG"),
    ],
)
def test_an_event_that_contradicts_itself_is_refused(
    app: Caller, appointment: str, changes: dict[str, Any], code: str
) -> None:
    refused = app.refused("POST", "sobjects/Event", event(appointment, **changes))

    assert refused == (400, code)


def test_a_moved_event_keeps_its_length(app: Caller, appointment: str) -> None:
    made = app.call("POST", "sobjects/Event", event(appointment)).json()["id"]

    app.call("PATCH", f"sobjects/Event/{made}", {"StartDateTime": "2026-03-04T10:00:00Z"})

    assert app.salesforce.row("Event", made)["EndDateTime"] == "2026-03-04T10:05:00.000+0000"


def test_an_event_may_be_longer_than_a_day_where_the_org_allows_it(
    app: Caller, appointment: str
) -> None:
    app.salesforce.multiday_events = True

    two_days, fifteen = (
        app.call("POST", "sobjects/Event", event(appointment, DurationInMinutes=days * 1440))
        for days in (2, 15)
    )

    assert two_days.status_code == 201
    assert fifteen.status_code == 400


@pytest.fixture
def sheet(salesforce: FakeSalesforce) -> str:
    resource = salesforce.add_resource("Ada Lovelace", None)
    dates = {"StartDate": "2026-03-04", "EndDate": "2026-03-04"}
    return salesforce.insert("TimeSheet", ServiceResourceId=resource, **dates)


def test_the_minutes_of_a_time_sheet_entry_are_computed_and_closed(
    app: Caller, sheet: str
) -> None:
    times = {"StartTime": "2026-03-04T09:00:00Z", "EndTime": "2026-03-04T09:42:59Z"}
    made = app.call("POST", "sobjects/TimeSheetEntry", {"TimeSheetId": sheet} | times).json()
    path = f"sobjects/TimeSheetEntry/{made['id']}"

    assert app.salesforce.row("TimeSheetEntry", made["id"])["DurationInMinutes"] == 42
    closed = (400, "INVALID_FIELD_FOR_INSERT_UPDATE")
    assert app.refused("PATCH", path, {"DurationInMinutes": 1}) == closed
    assert app.refused("PATCH", path, {"TimeSheetId": sheet}) == closed
    early = {"EndTime": "2026-03-04T08:00:00Z"}
    assert app.refused("PATCH", path, early) == (400, "FIELD_INTEGRITY_EXCEPTION")


def test_an_entry_needs_its_sheet_and_a_locked_sheet_takes_none(
    app: Caller, sheet: str
) -> None:
    app.salesforce.locked.add(sheet)

    assert app.refused("POST", "sobjects/TimeSheetEntry", {}) == (400, "REQUIRED_FIELD_MISSING")
    locked = app.refused("POST", "sobjects/TimeSheetEntry", {"TimeSheetId": sheet})
    assert locked == (400, "ENTITY_IS_LOCKED")


@pytest.mark.parametrize("unique", [True, False])
def test_an_upsert_creates_and_then_updates_by_the_customers_key(
    app: Caller, appointment: str, unique: bool
) -> None:
    app.salesforce.add_field("Event", "Key__c", external_id=True, unique=unique)
    path = "sobjects/Event/Key__c/k-1"

    first = app.call("PATCH", path, event(appointment))
    second = app.call("PATCH", path, {"Subject": "Left"})

    assert (first.status_code, first.json()["created"]) == (201, True)
    assert (second.status_code, second.json()["created"]) == (200, False)
    assert [row["Subject"] for row in app.salesforce.rows("Event")] == ["Left"]
    assert app.call("GET", path).json()["Key__c"] == "k-1"


def test_an_upsert_that_matches_several_rows_answers_300(app: Caller, appointment: str) -> None:
    app.salesforce.add_field("Event", "Key__c", external_id=True)
    for _ in range(2):
        app.call("POST", "sobjects/Event", event(appointment, Key__c="k-1"))

    answer = app.call("PATCH", "sobjects/Event/Key__c/k-1", {"Subject": "x"})

    assert answer.status_code == 300
    assert len(answer.json()) == 2


def test_a_unique_key_is_taken_once(app: Caller, appointment: str) -> None:
    app.salesforce.add_field("Event", "Key__c", external_id=True, unique=True)
    app.call("POST", "sobjects/Event", event(appointment, Key__c="k-1"))

    again = app.refused("POST", "sobjects/Event", event(appointment, Key__c="k-1"))

    assert again == (400, "DUPLICATE_VALUE")


def test_an_upsert_by_a_field_that_is_no_key_is_not_found(
    app: Caller, appointment: str
) -> None:
    body = event(appointment)

    assert app.refused("PATCH", "sobjects/Event/Subject/x", body) == (404, "NOT_FOUND")
    app.salesforce.add_field("Event", "Key__c", external_id=True)
    only = app.refused("PATCH", "sobjects/Event/Key__c/k", body, updateOnly="true")
    assert only == (404, "NOT_FOUND")


def test_describe_says_what_may_be_done_with_each_field(app: Caller) -> None:
    described = app.call("GET", "sobjects/ServiceAppointment/describe").json()
    fields = {each["name"]: each for each in described["fields"]}

    assert (described["createable"], described["keyPrefix"]) == (True, "08p")
    assert not fields["Description"]["filterable"]
    assert not fields["StatusCategory"]["updateable"]
    assert fields["ParentRecordId"]["createable"]
    assert not fields["ParentRecordId"]["updateable"]
    labels = [each["value"] for each in fields["Status"]["picklistValues"]]
    assert labels[:2] == ["None", "Scheduled"]


def test_an_org_without_field_service_has_none_of_its_objects() -> None:
    with running(field_service=False) as app:
        absent = app.refused("GET", "sobjects/ServiceAppointment/describe")
        unknown = app.refused("GET", "query", q="SELECT Id FROM ServiceAppointment")
        page = requests.get(app.salesforce.url, timeout=TIMEOUT)

        assert absent == (404, "NOT_FOUND")
        assert unknown == (400, "INVALID_TYPE")
        assert app.call("GET", "sobjects/Event/describe").ok
        assert page.ok


def test_what_the_integration_user_may_not_see_is_absent_for_it(
    app: Caller, appointment: str
) -> None:
    app.salesforce.no_access |= {"ServiceAppointment.City", "TimeSheet"}
    path, soql = f"sobjects/ServiceAppointment/{appointment}", "SELECT {} FROM {}"
    described = app.call("GET", "sobjects/ServiceAppointment/describe").json()

    assert "City" not in {each["name"] for each in described["fields"]}
    city = soql.format("City", "ServiceAppointment")
    assert app.refused("GET", "query", q=city) == (400, "INVALID_FIELD")
    assert app.refused("PATCH", path, {"City": "x"}) == (400, "INVALID_FIELD")
    assert app.refused("GET", "sobjects/TimeSheet/describe") == (404, "NOT_FOUND")
    sheets = soql.format("Id", "TimeSheet")
    assert app.refused("GET", "query", q=sheets) == (400, "INVALID_TYPE")


def test_what_the_integration_user_may_not_write_is_closed_to_it_alone(
    app: Caller, appointment: str
) -> None:
    app.salesforce.read_only |= {"ServiceAppointment.Street", "Event"}
    path = f"sobjects/ServiceAppointment/{appointment}"
    described = app.call("GET", "sobjects/ServiceAppointment/describe").json()

    assert not next(f for f in described["fields"] if f["name"] == "Street")["updateable"]
    closed = (400, "INVALID_FIELD_FOR_INSERT_UPDATE")
    assert app.refused("PATCH", path, {"Street": "x"}) == closed
    assert not app.call("GET", "sobjects/Event/describe").json()["createable"]
    refused = app.refused("POST", "sobjects/Event", event(appointment))
    assert refused == (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
    app.salesforce.update("ServiceAppointment", appointment, Street="y")


def test_every_write_is_kept_with_its_user_and_its_source(
    app: Caller, appointment: str
) -> None:
    app.call("POST", "sobjects/Event", event(appointment))

    last = app.salesforce.writes[-1]
    assert (last.source, last.object, last.operation) == ("api", "Event", "insert")
    assert last.user == app.salesforce.integration_user_id
    assert last.fields["Subject"] == "Arrived"
    assert last.time == MORNING


def test_the_page_for_people_escapes_what_rows_hold(app: Caller, appointment: str) -> None:
    app.call("POST", "sobjects/Event", event(appointment, Subject="<b>Arrived</b>"))

    page = requests.get(app.salesforce.url, timeout=TIMEOUT).text

    assert "&lt;b&gt;Arrived" in page
    assert "<b>Arrived" not in page
    assert "Ada Lovelace" in page
