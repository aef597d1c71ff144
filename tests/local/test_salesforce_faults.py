"""Faults and quota of the simulator: what goes wrong when it is told to."""

from collections.abc import Iterator
from threading import Event

import pytest
import requests

from tests.local.salesforce_setting import Caller, item, running


@pytest.fixture
def app() -> Iterator[Caller]:
    with running() as caller:
        yield caller


def orders(app: Caller) -> int:
    return len(app.salesforce.rows("WorkOrder"))


def test_a_fault_fits_its_method_path_and_content_and_is_used_up(app: Caller) -> None:
    match = {"method": "POST", "path": "sobjects/WorkOrder", "contains": "boiler"}
    app.salesforce.faults.append({"match": match, "status": 503, "body": "<html>busy</html>"})

    others = [app.call("GET", "sobjects"), app.call("POST", "sobjects/WorkOrder", {})]
    hit = app.call("POST", "sobjects/WorkOrder", {"Subject": "boiler"})
    again = app.call("POST", "sobjects/WorkOrder", {"Subject": "boiler"})

    assert [each.status_code for each in [*others, hit, again]] == [200, 201, 503, 201]
    assert (hit.text, hit.headers["Content-Type"]) == (
        "<html>busy</html>",
        "text/html;charset=UTF-8",
    )
    assert app.salesforce.faults == []


def test_a_fault_without_after_leaves_the_work_undone(app: Caller) -> None:
    app.salesforce.faults.append({"errorCode": "UNABLE_TO_LOCK_ROW", "message": "locked"})

    assert app.refused("POST", "sobjects/WorkOrder", {}) == (400, "UNABLE_TO_LOCK_ROW")
    assert orders(app) == 0


def test_a_fault_with_after_does_the_work_and_hides_it(app: Caller) -> None:
    app.salesforce.faults.append({"after": True, "status": 500, "body": ""})

    assert app.call("POST", "sobjects/WorkOrder", {}).status_code == 500
    assert orders(app) == 1


@pytest.mark.parametrize(("after", "done"), [(False, 0), (True, 1)])
def test_a_dropped_connection_may_come_before_or_after_the_work(
    app: Caller, after: bool, done: int
) -> None:
    app.salesforce.faults.append({"drop": True, "after": after})

    with pytest.raises(requests.ConnectionError):
        app.call("POST", "sobjects/WorkOrder", {})

    assert orders(app) == done


def test_an_answer_may_break_off_in_the_middle(app: Caller) -> None:
    app.salesforce.faults.append({"half": True})

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        app.call("GET", "sobjects")


def test_a_held_call_waits_and_is_answered_all_the_same(app: Caller) -> None:
    let_go = Event()
    let_go.set()
    app.salesforce.faults.append({"hold": let_go})

    assert app.call("GET", "sobjects").ok


def test_every_fifth_call_may_fail_for_ever(app: Caller) -> None:
    app.salesforce.faults.append(
        {"every": 5, "times": None, "errorCode": "UNABLE_TO_LOCK_ROW", "message": "locked"}
    )

    answers = [app.call("GET", "sobjects").status_code for _ in range(10)]

    assert answers == [200, 200, 200, 200, 400] * 2


def test_one_item_of_a_composite_can_fail_alone(app: Caller) -> None:
    app.salesforce.faults.append(
        {
            "match": {"method": "POST", "path": "sobjects/WorkOrder", "contains": "second"},
            "errorCode": "UNABLE_TO_LOCK_ROW",
        }
    )

    first, second = app.composite(
        item("POST", "sobjects/WorkOrder", "a", {"Subject": "first"}),
        item("POST", "sobjects/WorkOrder", "b", {"Subject": "second"}),
    )

    assert (first["httpStatusCode"], second["httpStatusCode"]) == (201, 400)
    assert second["body"][0]["errorCode"] == "UNABLE_TO_LOCK_ROW"
    assert orders(app) == 1


def test_a_session_can_end_in_the_middle_of_pages() -> None:
    with running(page_size=1) as app:
        for _ in range(2):
            app.salesforce.insert("WorkOrder")
        page = app.call("GET", "query", q="SELECT Id FROM WorkOrder").json()
        app.salesforce.expire_access_tokens()
        rest = page["nextRecordsUrl"].split("v67.0/")[1]

        assert app.refused("GET", rest) == (401, "INVALID_SESSION_ID")
        app.log_in()
        assert app.call("GET", rest).ok


def test_every_answer_tells_the_quota_and_refused_sessions_use_none(app: Caller) -> None:
    first = app.call("GET", "sobjects")
    token, app.tokens = app.tokens, {}
    stranger = app.call("GET", "sobjects")
    app.tokens = token
    last = app.call("POST", "sobjects/WorkOrder", {"Nope": 1})

    usage = [each.headers["Sforce-Limit-Info"] for each in (first, stranger, last)]
    assert usage == [f"api-usage={used}/100000" for used in (1, 1, 2)]


def test_a_used_up_quota_is_a_403_until_a_day_has_rolled_by(app: Caller) -> None:
    app.salesforce.daily_limit = 1
    app.call("GET", "sobjects")

    assert app.refused("GET", "sobjects") == (403, "REQUEST_LIMIT_EXCEEDED")
    app.clock.forward(hours=24)
    app.log_in()
    assert app.call("GET", "sobjects").ok


def test_limits_tell_what_is_left(app: Caller) -> None:
    limits = app.call("GET", "limits").json()["DailyApiRequests"]

    assert limits == {"Max": 100_000, "Remaining": 99_999}


def test_requests_are_kept_with_status_and_whether_they_counted(app: Caller) -> None:
    app.call("POST", "sobjects/WorkOrder", {"Subject": "x"})
    app.tokens = {}
    app.call("GET", "query", q="SELECT Id FROM User")

    told = app.salesforce.requests
    assert [(each.method, each.status, each.counted) for each in told] == [
        ("POST", 201, True),
        ("GET", 401, False),
    ]
    assert told[0].body == '{"Subject": "x"}'
    assert told[1].path.startswith("/services/data/v67.0/query?q=SELECT")
    assert app.salesforce.api_calls == 1
