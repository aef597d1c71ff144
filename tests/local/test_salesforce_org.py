"""What an administrator closes, offers, adds or takes away in the org of the simulator."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from local.salesforce import FakeSalesforce
from local.salesforce.errors import CLOSED
from tests.local.salesforce_setting import MORNING, TIMEOUT, Caller, running

EXPIRED = (401, "INVALID_SESSION_ID")
STATUSES = "SELECT ApiName FROM ServiceAppointmentStatus WHERE {} ORDER BY SortOrder"


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


def described(app: Caller, name: str) -> dict[str, Any]:
    return dict(app.call("GET", f"sobjects/{name}/describe").json())


def field(app: Caller, name: str, field: str) -> dict[str, Any]:
    return next(each for each in described(app, name)["fields"] if each["name"] == field)


def statuses(app: Caller, where: str) -> list[str]:
    return [row["ApiName"] for row in app.query(STATUSES.format(where))]


@pytest.mark.parametrize("code", sorted(CLOSED))
def test_a_closed_api_refuses_every_call_by_its_code_and_uses_no_quota(
    app: Caller, code: str
) -> None:
    app.salesforce.api_closed = code

    status, found = app.refused("GET", "sobjects")

    assert (status, found) == (404 if code == "UNSUPPORTED_API_VERSION" else 403, code)
    assert app.salesforce.api_calls == 0
    app.salesforce.api_closed = ""
    assert app.call("GET", "sobjects").ok


def test_some_sessions_are_refused_however_new_they_are(app: Caller) -> None:
    app.salesforce.session_refused = "Connected app is not attached to Agent"
    app.log_in()

    answer = app.call("GET", "sobjects")

    assert answer.status_code == 401
    assert answer.json() == [
        {
            "message": "Connected app is not attached to Agent",
            "errorCode": "INVALID_SESSION_ID",
        }
    ]


def test_sessions_can_end_after_so_many_calls_and_only_once(app: Caller) -> None:
    app.salesforce.sessions_end_in = 2

    answers = [app.call("GET", "sobjects").status_code for _ in range(4)]
    app.log_in()

    assert answers == [200, 200, 401, 401]
    assert app.call("GET", "sobjects").ok


def test_an_org_offers_the_versions_it_lists_and_no_others(app: Caller) -> None:
    app.salesforce.versions = range(60, 67)
    listed = requests.get(f"{app.salesforce.url}/services/data/", timeout=TIMEOUT).json()

    assert [each["version"] for each in listed][-1] == "66.0"
    assert app.refused("GET", "sobjects") == (404, "NOT_FOUND")
    app.salesforce.versions = range(60, 68)
    assert app.call("GET", "sobjects").ok
    app.salesforce.versions = range(68, 70)
    assert app.refused("GET", "sobjects") == (410, "GONE")


def test_the_calls_of_other_apps_count_and_roll_away_as_ours_do(app: Caller) -> None:
    app.salesforce.daily_limit = 1000
    app.salesforce.foreign_calls = 100
    app.salesforce.call_elsewhere(898)
    first = app.call("GET", "limits")
    app.call("GET", "sobjects")
    full = app.refused("GET", "sobjects")
    app.clock.forward(hours=24)
    app.log_in()
    last = app.call("GET", "sobjects")

    assert first.headers["Sforce-Limit-Info"] == "api-usage=999/1000"
    assert first.json()["DailyApiRequests"]["Remaining"] == 1
    assert full == (403, "REQUEST_LIMIT_EXCEEDED")
    assert last.headers["Sforce-Limit-Info"] == "api-usage=101/1000"


def test_the_header_may_name_the_apps_own_share(app: Caller) -> None:
    app.salesforce.per_app_usage = True
    app.salesforce.foreign_calls = 40

    usage = app.call("GET", "sobjects").headers["Sforce-Limit-Info"]

    own = "per-app-api-usage=1/25000(appName=Fieldlink)"
    assert usage == f"api-usage=41/100000; {own}"


def test_a_required_field_of_the_customers_shows_in_describe_and_is_demanded(
    app: Caller, appointment: str
) -> None:
    app.salesforce.add_field("Event", "Cost_Centre__c", required=True)
    start = "2026-03-04T09:00:00Z"
    body: dict[str, Any] = {"WhatId": appointment, "StartDateTime": start, "EndDateTime": start}

    found = field(app, "Event", "Cost_Centre__c")

    assert found["createable"]
    assert not found["nillable"]
    assert not found["defaultedOnCreate"]
    assert app.refused("POST", "sobjects/Event", body) == (400, "REQUIRED_FIELD_MISSING")
    assert app.call("POST", "sobjects/Event", body | {"Cost_Centre__c": "7"}).ok


def test_a_required_field_with_a_default_is_filled_and_demanded_of_nobody(
    app: Caller,
) -> None:
    app.salesforce.add_field("WorkOrder", "Kind__c", required=True, default="repair")

    made = app.call("POST", "sobjects/WorkOrder", {}).json()["id"]

    assert field(app, "WorkOrder", "Kind__c")["defaultedOnCreate"]
    assert app.call("GET", f"sobjects/WorkOrder/{made}").json()["Kind__c"] == "repair"


def test_describe_names_what_an_activity_may_be_about(app: Caller) -> None:
    assert "ServiceAppointment" in field(app, "Event", "WhatId")["referenceTo"]


def test_describe_names_the_children_that_the_user_may_see(
    app: Caller, salesforce: FakeSalesforce
) -> None:
    def children() -> set[tuple[str, str, str | None]]:
        return {
            (each["childSObject"], each["field"], each["relationshipName"])
            for each in described(app, "ServiceAppointment")["childRelationships"]
        }

    before = children()
    salesforce.no_access |= {"Event.WhatId", "Task"}
    after = children()

    assert ("Event", "WhatId", "Events") in before
    assert ("AssignedResource", "ServiceAppointmentId", "ServiceResources") in before
    assert before - after == {("Event", "WhatId", "Events"), ("Task", "WhatId", "Tasks")}


def test_statuses_have_an_order_a_category_and_one_default(app: Caller) -> None:
    app.salesforce.add_status("Unterwegs", "Dispatched")

    assert statuses(app, "IsDefault = true") == ["None"]
    assert statuses(app, "StatusCode = 'Dispatched'") == ["Dispatched", "Unterwegs"]


def test_a_removed_status_is_no_status_any_more_and_its_rows_keep_the_name(
    app: Caller, salesforce: FakeSalesforce, appointment: str
) -> None:
    salesforce.remove_status("Completed")
    path = f"sobjects/ServiceAppointment/{appointment}"

    refused = app.refused("PATCH", path, {"Status": "Completed"})
    salesforce.remove_status("Scheduled")

    assert refused == (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
    assert statuses(app, "StatusCode = 'Completed'") == []
    assert salesforce.row("ServiceAppointment", appointment)["Status"] == "Scheduled"


def test_a_removed_status_may_be_replaced_and_the_stamps_of_its_rows_move(
    app: Caller, salesforce: FakeSalesforce, appointment: str
) -> None:
    app.clock.forward(minutes=1)

    salesforce.remove_status("Scheduled", replaced_by="Dispatched")

    row = salesforce.row("ServiceAppointment", appointment)
    assert (row["Status"], row["StatusCategory"]) == ("Dispatched", "Dispatched")
    assert row["SystemModstamp"] == "2026-03-04T08:01:00.000+0000"


def test_an_org_without_a_category_leaves_the_status_where_the_package_would_set_it(
    salesforce: FakeSalesforce,
) -> None:
    salesforce.remove_status("Scheduled")
    resource = salesforce.add_resource("Ada Lovelace", "ada@example.com")

    made = salesforce.add_appointment(resource, MORNING)

    assert salesforce.row("ServiceAppointment", made)["Status"] == "None"


def test_mobile_settings_tell_who_sets_the_status_by_place(app: Caller) -> None:
    soql = "SELECT DeveloperName, AscAutomaticMode FROM FieldServiceMobileSettings"
    (before,) = app.query(soql)
    (row,) = app.salesforce.rows("FieldServiceMobileSettings")
    settings = {"AscAutomaticMode": "Automated", "AscRadiusInMeters": 200}
    app.salesforce.update("FieldServiceMobileSettings", row["Id"], **settings)

    (after,) = app.query(soql)

    assert (before["AscAutomaticMode"], after["AscAutomaticMode"]) == ("Off", "Automated")
