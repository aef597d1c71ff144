"""Faults of the simulator happen as often as told, before or after the work."""

from collections.abc import Iterator

import pytest
import requests

from local.hypertrack import FakeHyperTrack
from tests.local.hypertrack_setting import ACCOUNT, HANDLE, Clock, call, running

BODY = {"worker_handle": HANDLE}


@pytest.fixture
def hypertrack() -> Iterator[FakeHyperTrack]:
    with running(Clock()) as it:
        yield it


def test_a_fault_is_used_up_by_the_requests_that_it_matches(hypertrack: FakeHyperTrack) -> None:
    match = {"method": "POST", "path": "/workers"}
    hypertrack.faults.append({"match": match, "times": 2, "status": 503, "body": {"a": 1}})

    listed = call(hypertrack, "GET", "/workers/")
    answers = [call(hypertrack, "POST", "/workers/", BODY) for _ in range(3)]

    assert listed.status_code == 200
    assert [each.status_code for each in answers] == [503, 503, 201]
    assert answers[0].json() == {"a": 1}
    assert hypertrack.faults == []


def test_a_fault_afterwards_hides_work_that_was_done(hypertrack: FakeHyperTrack) -> None:
    hypertrack.faults.append({"match": {"method": "POST"}, "status": 500, "after": True})

    assert call(hypertrack, "POST", "/workers/", BODY).status_code == 500
    assert call(hypertrack, "POST", "/workers/", BODY).status_code == 409


@pytest.mark.parametrize("after", [False, True])
def test_a_dropped_connection_has_no_answer(hypertrack: FakeHyperTrack, after: bool) -> None:
    hypertrack.faults.append({"match": {}, "drop": True, "after": after})

    with pytest.raises(requests.ConnectionError):
        call(hypertrack, "POST", "/workers/", BODY)

    assert len(hypertrack.workers(ACCOUNT)) == after
    assert hypertrack.requests[0].status is None
    assert call(hypertrack, "GET", "/workers/").status_code == 200


def test_a_fault_may_match_a_pattern_and_carry_headers(hypertrack: FakeHyperTrack) -> None:
    match = {"path": "/workers/*"}
    headers = {"retry-after": "7"}
    hypertrack.faults.append({"match": match, "status": 429, "headers": headers})

    answer = call(hypertrack, "GET", f"/workers/{HANDLE}")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


def test_a_delayed_answer_comes_after_its_caller_has_gone(hypertrack: FakeHyperTrack) -> None:
    hypertrack.faults.append({"match": {}, "delay": 60, "after": True})

    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{hypertrack.url}/workers/", json=BODY, auth=(ACCOUNT, "secret-1"), timeout=0.2
        )

    assert len(hypertrack.workers(ACCOUNT)) == 1


def test_a_delay_alone_lets_the_real_answer_come_late(hypertrack: FakeHyperTrack) -> None:
    hypertrack.faults.append({"match": {}, "delay": 0.01})

    answer = call(hypertrack, "POST", "/workers/", BODY)

    assert answer.status_code == 201
    assert answer.elapsed.total_seconds() >= 0.01


def test_every_request_is_kept_with_its_answer(hypertrack: FakeHyperTrack) -> None:
    call(hypertrack, "POST", "/workers/", BODY)
    call(hypertrack, "GET", "/workers/?limit=5", auth=("nobody", "x"))

    made, refused = hypertrack.requests

    assert (made.method, made.path, made.body, made.status) == (
        "POST",
        "/workers/",
        BODY,
        201,
    )
    assert (made.account_id, refused.account_id) == (ACCOUNT, None)
    assert (refused.query, refused.status) == ("limit=5", 401)
