"""Composite and Collections of the simulator: many operations in one call."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.local.salesforce_setting import MORNING, Caller, item, running

QUERY = "query?q=SELECT+Id,Subject+FROM+WorkOrder+ORDER+BY+Id"


@pytest.fixture
def app() -> Iterator[Caller]:
    with running() as caller:
        yield caller


@pytest.fixture
def appointment(app: Caller) -> str:
    resource = app.salesforce.add_resource("Ada", "ada@example.com")
    return app.salesforce.add_appointment(resource, MORNING + timedelta(hours=1))


def order(subject: str = "x") -> dict[str, Any]:
    return {"Subject": subject}


def statuses(answers: list[dict[str, Any]]) -> list[int]:
    return [each["httpStatusCode"] for each in answers]


def test_five_queries_in_one_composite_are_one_call(app: Caller) -> None:
    answers = app.composite(*(item("GET", QUERY, f"q{each}") for each in range(5)))

    assert statuses(answers) == [200] * 5
    assert [each["referenceId"] for each in answers] == ["q0", "q1", "q2", "q3", "q4"]
    assert app.salesforce.api_calls == 1


def test_a_later_item_uses_what_an_earlier_one_made_or_found(app: Caller) -> None:
    made, found, line, changed = app.composite(
        item("POST", "sobjects/WorkOrder", "made", order("Boiler")),
        item("GET", QUERY, "found"),
        item("POST", "sobjects/WorkOrderLineItem", "line", {"WorkOrderId": "@{made.id}"}),
        item(
            "PATCH",
            "sobjects/WorkOrder/@{found.records[0].Id}",
            "changed",
            {"Subject": "was @{found.records[0].Subject}"},
        ),
        collateSubrequests=False,
    )

    assert made["httpHeaders"]["Location"].endswith(made["body"]["id"])
    assert line["httpStatusCode"] == 201
    assert (changed["httpStatusCode"], changed["body"]) == (204, None)
    assert found["body"]["totalSize"] == 1
    assert app.salesforce.rows("WorkOrder")[0]["Subject"] == "was Boiler"


def test_one_item_that_fails_leaves_the_others_standing(app: Caller) -> None:
    answers = app.composite(
        item("POST", "sobjects/WorkOrder", "a", order()),
        item("POST", "sobjects/WorkOrder", "b", {"Nope": 1}),
        item("POST", "sobjects/WorkOrder", "c", order()),
    )

    assert statuses(answers) == [201, 400, 201]
    assert answers[1]["body"][0]["errorCode"] == "INVALID_FIELD"
    assert len(app.salesforce.rows("WorkOrder")) == 2


def test_all_or_none_undoes_everything_and_says_which_one_failed(
    app: Caller, appointment: str
) -> None:
    writes = len(app.salesforce.writes)
    path = f"sobjects/ServiceAppointment/{appointment}"

    answers = app.composite(
        item("PATCH", path, "a", {"Status": "In Progress"}),
        item("POST", "sobjects/Event", "b", {"Subject": "no start"}),
        item("POST", "sobjects/WorkOrder", "c", order()),
        allOrNone=True,
    )

    assert statuses(answers) == [400, 400, 400]
    codes = [each["body"][0]["errorCode"] for each in answers]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"]
    assert app.salesforce.row("ServiceAppointment", appointment)["Status"] == "Scheduled"
    assert len(app.salesforce.writes) == writes


def test_an_item_that_refers_to_a_failed_one_is_halted(app: Caller) -> None:
    _, line = app.composite(
        item("POST", "sobjects/WorkOrder", "a", {"Nope": 1}),
        item("POST", "sobjects/WorkOrderLineItem", "b", {"WorkOrderId": "@{a.id}"}),
    )

    assert line["body"][0]["errorCode"] == "PROCESSING_HALTED"


@pytest.mark.parametrize(("collate", "seen"), [(True, 2), (False, 1)])
def test_collation_may_run_alike_items_before_those_between_them(
    app: Caller, collate: bool, seen: int
) -> None:
    answers = app.composite(
        item("POST", "sobjects/WorkOrder", "a", order()),
        item("GET", QUERY, "b"),
        item("POST", "sobjects/WorkOrder", "c", order()),
        collateSubrequests=collate,
    )

    assert [each["referenceId"] for each in answers] == ["a", "b", "c"]
    assert answers[1]["body"]["totalSize"] == seen


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ([item("GET", "sobjects", f"r{each}") for each in range(26)], "LIMIT_EXCEEDED"),
        ([item("GET", QUERY, f"r{each}") for each in range(6)], "LIMIT_EXCEEDED"),
        ([item("GET", QUERY, "same"), item("GET", QUERY, "same")], "INVALID_INPUT"),
        ([{"method": "GET", "url": "/x"}], "JSON_PARSER_ERROR"),
        ([], "INVALID_INPUT"),
    ],
)
def test_a_composite_beyond_its_limits_is_refused_as_a_whole(
    app: Caller, items: list[dict[str, Any]], code: str
) -> None:
    body = {"compositeRequest": items}

    assert app.refused("POST", "composite", body) == (400, code)


def test_a_composite_within_a_composite_is_refused_alone(app: Caller) -> None:
    (answer,) = app.composite(item("POST", "composite", "a", {"compositeRequest": []}))

    assert answer["body"][0]["errorCode"] == "INVALID_INPUT"


def test_a_query_in_a_composite_is_paged_like_any_other() -> None:
    with running(page_size=1) as app:
        for _ in range(2):
            app.salesforce.insert("WorkOrder")

        (answer,) = app.composite(item("GET", QUERY, "a"))

        assert answer["body"]["nextRecordsUrl"]


def records(*rows: dict[str, Any], **options: Any) -> dict[str, Any]:
    typed = [{"attributes": {"type": "WorkOrder"}} | row for row in rows]
    return {"records": typed, **options}


def test_a_collection_answers_200_and_says_status_code_for_each_record(app: Caller) -> None:
    answer = app.call("POST", "composite/sobjects", records(order(), {"Nope": 1}, order()))

    assert answer.status_code == 200
    first, second, third = answer.json()
    assert first["success"]
    assert third["success"]
    assert second["errors"] == [
        {
            "statusCode": "INVALID_FIELD",
            "message": "No such column 'Nope' on sobject of type WorkOrder",
            "fields": [],
        }
    ]


def test_a_collection_with_all_or_none_keeps_nothing(app: Caller) -> None:
    body = records(order(), {"Nope": 1}, allOrNone=True)

    good, bad = app.call("POST", "composite/sobjects", body).json()

    assert good["errors"][0]["statusCode"] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert bad["errors"][0]["statusCode"] == "INVALID_FIELD"
    assert app.salesforce.rows("WorkOrder") == []


def test_collections_update_upsert_and_delete_by_id(app: Caller) -> None:
    app.salesforce.add_field("WorkOrder", "Key__c", external_id=True)
    made = [app.salesforce.insert("WorkOrder") for _ in range(2)]
    rows = records(*({"id": each, "Subject": "new"} for each in made))

    updated = app.call("PATCH", "composite/sobjects", rows).json()
    keyed = records({"Key__c": "k-1", "Subject": "by key"})
    upserted = [
        app.call("PATCH", "composite/sobjects/WorkOrder/Key__c", keyed).json()[0]["created"]
        for _ in range(2)
    ]
    deleted = app.call("DELETE", "composite/sobjects", ids=",".join(made)).json()

    assert [each["success"] for each in [*updated, *deleted]] == [True] * 4
    assert upserted == [True, False]
    assert [row["Subject"] for row in app.salesforce.rows("WorkOrder")] == ["by key"]


def test_a_collection_takes_two_hundred_records_of_ten_chunks(app: Caller) -> None:
    many = records(*(order() for _ in range(201)))
    names = ["WorkOrder", "Task"] * 6
    mixed = {"records": [{"attributes": {"type": name}} for name in names]}

    assert app.refused("POST", "composite/sobjects", many) == (400, "EXCEEDED_MAX_RECORDS")
    assert app.refused("POST", "composite/sobjects", mixed) == (400, "LIMIT_EXCEEDED")
