"""What a follower of the simulator's changes can lose: ties, pages, cursors, bins, sharing."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from local.salesforce import FakeSalesforce
from tests.local.salesforce_setting import MORNING, Caller, refresh, running

EXPIRED = (401, "INVALID_SESSION_ID")
STALE = (400, "INVALID_QUERY_LOCATOR")
ORDERS = "SELECT Id, SystemModstamp FROM WorkOrder ORDER BY SystemModstamp, Id"


@pytest.fixture
def app() -> Iterator[Caller]:
    with running() as caller:
        yield caller


@pytest.fixture
def salesforce(app: Caller) -> FakeSalesforce:
    return app.salesforce


@pytest.fixture
def paged() -> Iterator[Caller]:
    """Three rows, and a page holds one."""
    with running(page_size=1) as caller:
        caller.salesforce.plant("WorkOrder", [{}] * 3)
        yield caller


def following(page: dict[str, Any]) -> str:
    return str(page["nextRecordsUrl"]).split("v67.0/")[1]


def wire(minutes: float) -> str:
    return (MORNING + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_five_thousand_rows_of_one_stamp_come_by_pages_in_the_order_of_their_ids(
    app: Caller,
) -> None:
    planted = app.salesforce.plant("WorkOrder", [{}] * 5000)
    page = app.call("GET", "query", q=ORDERS).json()
    rows = list(page["records"])
    while not page["done"]:
        page = app.call("GET", following(page)).json()
        rows += page["records"]

    assert page["totalSize"] == 5000
    assert {row["SystemModstamp"] for row in rows} == {"2026-03-04T08:00:00.000+0000"}
    assert [row["Id"] for row in rows] == sorted(planted)


def test_an_empty_page_may_come_before_the_last(paged: Caller) -> None:
    paged.salesforce.page_sizes = [0, 1]

    first = paged.call("GET", "query", q=ORDERS).json()
    second = paged.call("GET", following(first)).json()

    assert (first["records"], first["done"]) == ([], False)
    assert (len(second["records"]), second["done"]) == (1, False)


def test_closed_cursors_end_what_is_half_read_and_a_new_query_reads_all(
    paged: Caller,
) -> None:
    page = paged.call("GET", "query", q=ORDERS).json()

    paged.salesforce.close_cursors()

    assert paged.refused("GET", following(page)) == STALE
    assert paged.call("GET", "query", q=ORDERS).json()["totalSize"] == 3


def test_a_session_may_end_between_pages_and_the_cursor_outlives_it(paged: Caller) -> None:
    paged.salesforce.sessions_end_in = 1
    page = paged.call("GET", "query", q=ORDERS).json()
    assert paged.refused("GET", following(page)) == EXPIRED

    paged.tokens = refresh(paged.salesforce, paged.tokens["refresh_token"]).json()

    assert paged.call("GET", following(page)).ok


def test_an_emptied_bin_leaves_the_log_of_deletions_alone(app: Caller) -> None:
    gone, kept = app.salesforce.plant("WorkOrder", [{}] * 2)
    app.salesforce.delete("WorkOrder", gone)
    assert len(app.query(ORDERS, "queryAll")) == 2

    app.salesforce.empty_recycle_bin()
    app.clock.forward(minutes=5)

    assert [row["Id"] for row in app.query(ORDERS, "queryAll")] == [kept]
    path = "sobjects/WorkOrder/deleted"
    log = app.call("GET", path, start=wire(0), end=wire(5)).json()
    assert [each["id"] for each in log["deletedRecords"]] == [gone]


def test_what_is_hard_deleted_cannot_be_undeleted(app: Caller) -> None:
    (order,) = app.salesforce.plant("WorkOrder", [{}])

    app.salesforce.hard_delete("WorkOrder", order)

    assert app.query(ORDERS, "queryAll") == []
    assert app.refused("GET", f"sobjects/WorkOrder/{order}") == (404, "NOT_FOUND")


def test_an_undeleted_row_has_a_new_stamp_and_its_old_id(app: Caller) -> None:
    (order,) = app.salesforce.plant("WorkOrder", [{}])
    app.salesforce.delete("WorkOrder", order)
    app.clock.forward(minutes=3)

    app.salesforce.undelete("WorkOrder", order)

    (row,) = app.query(ORDERS)
    assert (row["Id"], row["SystemModstamp"]) == (order, "2026-03-04T08:03:00.000+0000")


def test_what_was_deleted_before_its_parent_does_not_come_back_with_it(app: Caller) -> None:
    (order,) = app.salesforce.plant("WorkOrder", [{}])
    lines = app.salesforce.plant("WorkOrderLineItem", [{"WorkOrderId": order}] * 2)
    app.salesforce.delete("WorkOrderLineItem", lines[0])
    app.salesforce.delete("WorkOrder", order)

    app.salesforce.undelete("WorkOrder", order)

    assert [row["Id"] for row in app.query("SELECT Id FROM WorkOrderLineItem")] == lines[1:]


def test_what_is_shared_again_comes_back_with_the_stamp_it_had(app: Caller) -> None:
    (order,) = app.salesforce.plant("WorkOrder", [{}])
    app.salesforce.hidden.add(order)
    app.clock.forward(minutes=3)
    hidden = app.query(ORDERS)
    log = app.call("GET", "sobjects/WorkOrder/deleted", start=wire(0), end=wire(3)).json()

    app.salesforce.hidden.clear()

    assert (hidden, log["deletedRecords"]) == ([], [])
    (row,) = app.query(ORDERS)
    assert row["SystemModstamp"] == "2026-03-04T08:00:00.000+0000"


def test_a_late_deletion_is_logged_behind_what_was_covered_already(app: Caller) -> None:
    (order,) = app.salesforce.plant("WorkOrder", [{}])
    path, span = "sobjects/WorkOrder/deleted", {"start": wire(0), "end": wire(4)}
    at = MORNING + timedelta(minutes=6)
    app.salesforce.delete("WorkOrder", order, _visible_at=at)
    app.clock.forward(minutes=5)
    early = app.call("GET", path, **span).json()

    app.clock.forward(minutes=1)
    late = app.call("GET", path, **span).json()

    assert early["deletedRecords"] == []
    assert late["deletedRecords"] == [
        {"id": order, "deletedDate": "2026-03-04T08:00:00.000+0000"}
    ]


@pytest.mark.parametrize(("status", "body"), [(503, "<html>maintenance</html>"), (420, "")])
def test_the_edge_may_answer_with_html_or_with_nothing(
    app: Caller, status: int, body: str
) -> None:
    app.salesforce.faults.append({"status": status, "body": body})

    answer = app.call("GET", "query", q=ORDERS)

    assert (answer.status_code, answer.text) == (status, body)
    assert app.salesforce.api_calls == 0


def test_every_second_record_of_a_collection_may_find_its_row_locked(app: Caller) -> None:
    ids = app.salesforce.plant("WorkOrder", [{}] * 4)
    records = [
        {"attributes": {"type": "WorkOrder"}, "id": each, "Subject": "x"} for each in ids
    ]
    app.salesforce.faults.append(
        {
            "match": {"method": "PATCH", "path": "sobjects/WorkOrder"},
            "every": 2,
            "times": None,
            "errorCode": "UNABLE_TO_LOCK_ROW",
        }
    )

    answer = app.call("PATCH", "composite/sobjects", {"records": records})

    assert [each["success"] for each in answer.json()] == [True, False, True, False]
    assert answer.json()[1]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    subjects = [app.salesforce.row("WorkOrder", each)["Subject"] for each in ids]
    assert subjects == ["x", None, "x", None]


def test_planted_appointments_are_dealt_in_turn_one_after_the_other(
    salesforce: FakeSalesforce,
) -> None:
    workers = salesforce.add_resources(2)
    made = salesforce.add_appointments(3, workers, MORNING, minutes=30, Status="Dispatched")

    rows = [salesforce.row("ServiceAppointment", each) for each in made]
    assert [row["SchedStartTime"][11:16] for row in rows] == ["08:00", "08:00", "08:30"]
    assert {row["StatusCategory"] for row in rows} == {"Dispatched"}
    assert {row["ParentRecordType"] for row in rows} == {"WorkOrder"}
    assert len({row["AppointmentNumber"] for row in rows}) == 3
    dealt = {
        row["ServiceAppointmentId"]: row["ServiceResourceId"]
        for row in salesforce.rows("AssignedResource")
    }
    assert [dealt[each] for each in made] == [workers[0], workers[1], workers[0]]


def test_planted_resources_have_a_user_with_an_email_each(app: Caller) -> None:
    app.salesforce.add_resources(2)

    soql = "SELECT Name, RelatedRecord.Email FROM ServiceResource ORDER BY Name"
    found = [(row["Name"], row["RelatedRecord"]["Email"]) for row in app.query(soql)]

    assert found == [
        ("Worker 1", "worker1@example.com"),
        ("Worker 2", "worker2@example.com"),
    ]
