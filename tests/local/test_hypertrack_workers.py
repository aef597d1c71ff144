"""Workers and invitations of the simulator answer as the published contract says."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.hypertrack import FakeHyperTrack
from local.hypertrack.openapi import schema_problems
from tests.local.hypertrack_setting import (
    ACCOUNT,
    HANDLE,
    OTHER,
    OTHER_SECRET,
    SECRET,
    Clock,
    call,
    invited,
    running,
    told,
)


@pytest.fixture
def hypertrack() -> Iterator[FakeHyperTrack]:
    with running(Clock()) as it:
        yield it


@pytest.mark.parametrize("auth", [None, (ACCOUNT, "wrong"), ("nobody", SECRET), (ACCOUNT, "é")])
@pytest.mark.parametrize("path", ["/workers/", "/devices", "/geofences"])
def test_whoever_has_not_both_keys_is_refused(
    hypertrack: FakeHyperTrack, auth: tuple[str, str] | None, path: str
) -> None:
    coded = (auth[0].encode(), auth[1].encode()) if auth else None

    answer = call(hypertrack, "GET", path, auth=coded)

    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_a_rotated_secret_replaces_the_old_one(hypertrack: FakeHyperTrack) -> None:
    hypertrack.rotate_secret(ACCOUNT, "new")

    assert call(hypertrack, "GET", "/devices").status_code == 401
    assert call(hypertrack, "GET", "/devices", auth=(ACCOUNT, "new")).status_code == 200


@pytest.mark.parametrize("path", ["/workers", "/workers/"])
def test_a_worker_is_made_under_the_callers_handle(
    hypertrack: FakeHyperTrack, path: str
) -> None:
    answer = call(hypertrack, "POST", path, {"worker_handle": HANDLE, "name": "Rosa"})

    assert answer.status_code == 201
    assert (answer.json()["worker_handle"], answer.json()["name"]) == (HANDLE, "Rosa")
    assert schema_problems("Worker", answer.json()) == []


def test_a_handle_can_be_taken_only_once(hypertrack: FakeHyperTrack) -> None:
    call(hypertrack, "POST", "/workers/", {"worker_handle": HANDLE, "name": "Rosa"})

    answer = call(hypertrack, "POST", "/workers/", {"worker_handle": HANDLE, "name": "Eve"})

    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_resource")
    assert hypertrack.workers(ACCOUNT)[0].name == "Rosa"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "worker_handle"),
        ({"worker_handle": 7}, "worker_handle"),
        ({"worker_handle": "a", "device_id": "no uuid"}, "device_id"),
        ({"worker_handle": "a", "profile": []}, "profile"),
        ([], "_schema"),
    ],
)
def test_a_body_against_the_contract_is_unprocessable(
    hypertrack: FakeHyperTrack, body: Any, field: str
) -> None:
    answer = call(hypertrack, "POST", "/workers/", body)

    assert answer.status_code == 422
    assert answer.json()["detail"]["json"].keys() == {field}
    assert hypertrack.workers(ACCOUNT) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "many"),
        ("limit", "0"),
        ("limit", "-1"),
        ("pagination_token", "x"),
        ("pagination_token", "LTE="),
        ("device_id", "no uuid"),
        ("filter_status", "asleep"),
        ("include_deleted", "perhaps"),
        ("profile", "no json"),
        ("profile", "[]"),
    ],
)
def test_a_query_against_the_contract_is_unprocessable(
    hypertrack: FakeHyperTrack, name: str, value: str
) -> None:
    answer = call(hypertrack, "GET", "/workers/", params={name: value})

    assert answer.status_code == 422
    assert answer.json()["detail"]["query"].keys() == {name}


def test_workers_come_in_pages_of_twenty_five(hypertrack: FakeHyperTrack) -> None:
    for number in range(30):
        call(hypertrack, "POST", "/workers/", {"worker_handle": f"w{number}"})

    first = call(hypertrack, "GET", "/workers/").json()
    token = {"pagination_token": first["pagination_token"]}
    second = call(hypertrack, "GET", "/workers/", params=token).json()

    assert (len(first["workers"]), len(second["workers"])) == (25, 5)
    assert second["pagination_token"] is None


def test_workers_are_found_by_handle_name_and_profile(hypertrack: FakeHyperTrack) -> None:
    for handle, name in (("a", "Rosa"), ("b", "Eve"), ("c", "Roswitha")):
        worker = {"worker_handle": handle, "name": name, "profile": {"first": name[0]}}
        call(hypertrack, "POST", "/workers/", worker)

    by_handle = call(hypertrack, "GET", "/workers/?worker_handle=a,b").json()["workers"]
    by_name = call(hypertrack, "GET", "/workers/?search_term=ros").json()["workers"]

    profile = {"profile": '{"first": "R"}'}
    by_profile = call(hypertrack, "GET", "/workers/", params=profile).json()["workers"]

    assert [each["worker_handle"] for each in by_handle] == ["a", "b"]
    assert by_profile == by_name
    assert [each["worker_handle"] for each in by_name] == ["a", "c"]


def test_a_deleted_worker_is_gone_until_undeleted(hypertrack: FakeHyperTrack) -> None:
    call(hypertrack, "POST", "/workers/", {"worker_handle": HANDLE})
    path = f"/workers/{HANDLE}"

    assert call(hypertrack, "DELETE", path).status_code == 204
    assert call(hypertrack, "GET", path).status_code == 404
    assert call(hypertrack, "DELETE", path).status_code == 404
    assert call(hypertrack, "GET", "/workers/").json()["workers"] == []
    assert call(hypertrack, "POST", f"{path}/undelete").json()["deleted"] is False
    assert call(hypertrack, "GET", path).status_code == 200


def test_an_invitation_is_for_the_orders_app_unless_asked(hypertrack: FakeHyperTrack) -> None:
    call(hypertrack, "POST", "/workers/", {"worker_handle": HANDLE})
    path = f"/workers/{HANDLE}/invite"

    plain = call(hypertrack, "POST", path)
    visits = call(hypertrack, "POST", path, {"app": "VISITS"})

    assert plain.json()["link"].startswith("https://hypertrack-orders.app.link/")
    assert visits.json()["link"].startswith("https://hypertrack-logistics.app.link/")
    assert [each.app for each in hypertrack.invites] == ["ORDERS", "VISITS"]


def test_an_invitation_is_refused_for_nobody_and_for_no_known_app(
    hypertrack: FakeHyperTrack,
) -> None:
    call(hypertrack, "POST", "/workers/", {"worker_handle": HANDLE})

    nobody = call(hypertrack, "POST", "/workers/nobody/invite", {"app": "VISITS"})
    no_app = call(hypertrack, "POST", f"/workers/{HANDLE}/invite", {"app": "GAMES"})

    assert (nobody.status_code, no_app.status_code) == (404, 422)
    assert hypertrack.invites == []


def test_the_invitation_can_answer_as_each_source_has_it(hypertrack: FakeHyperTrack) -> None:
    call(hypertrack, "POST", "/workers/", {"worker_handle": HANDLE})
    path = f"/workers/{HANDLE}/invite"

    hypertrack.switches.invite_answer = "invite_link"
    schema = call(hypertrack, "POST", path).json()
    hypertrack.switches.invite_answer = "array"
    guide = call(hypertrack, "POST", path).json()

    assert schema_problems("PostWorkerInviteResponse", schema) == []
    assert guide[0].keys() == {"worker_handle", "invite_link"}


def test_work_status_reaches_the_linked_phone(hypertrack: FakeHyperTrack) -> None:
    phone = hypertrack.install(invited(hypertrack), "ios-2.20")

    answer = call(hypertrack, "POST", f"/workers/{HANDLE}/work_status", {"tracking": True})

    assert answer.json()["work_status"] == {"tracking": True, "available": False}
    assert phone.tracking
    values = [each["data"]["value"] for each in told(hypertrack, "worker")]
    assert values == ["device_linked", "work_status_updated", "tracking_started"]


def test_linking_another_device_unlinks_the_first(hypertrack: FakeHyperTrack) -> None:
    link = invited(hypertrack)
    first = hypertrack.install(link, "ios-2.20")
    second = hypertrack.install(link, "android-0.4")

    body = {"device_id": second.device_id}
    answer = call(hypertrack, "PATCH", f"/workers/{HANDLE}", body)

    assert answer.json()["device_id"] == second.device_id
    links = [(e["data"]["value"], e["device_id"]) for e in told(hypertrack, "worker")]
    assert links[1:] == [
        ("device_unlinked", first.device_id),
        ("device_linked", second.device_id),
    ]
    history = call(hypertrack, "GET", f"/workers/{HANDLE}").json()["devices"]
    assert [each["end_time"] is None for each in history] == [False, True]


def test_a_device_that_changes_hands_leaves_its_first_worker(
    hypertrack: FakeHyperTrack,
) -> None:
    phone = hypertrack.install(invited(hypertrack), "ios-2.20")

    body = {"worker_handle": "new", "device_id": phone.device_id}
    call(hypertrack, "POST", "/workers/", body)

    holders = {each.worker_handle: each.device_id for each in hypertrack.workers(ACCOUNT)}
    assert holders == {HANDLE: None, "new": phone.device_id}
    told_of = [(e["data"]["value"], e["worker_handle"]) for e in told(hypertrack, "worker")]
    assert told_of[1:] == [("device_unlinked", HANDLE), ("device_linked", "new")]


def test_accounts_do_not_see_each_other(hypertrack: FakeHyperTrack) -> None:
    phone = hypertrack.install(invited(hypertrack), "ios-2.20")
    auth = (OTHER, OTHER_SECRET)

    assert call(hypertrack, "GET", f"/workers/{HANDLE}", auth=auth).status_code == 404
    assert call(hypertrack, "GET", "/devices", auth=auth).json() == []
    path = f"/devices/{phone.device_id}"
    assert call(hypertrack, "GET", path, auth=auth).status_code == 404


@pytest.mark.parametrize("path", ["/trips/", "/nearby/v4", "/nonsense"])
def test_a_path_that_is_not_simulated_is_not_found(
    hypertrack: FakeHyperTrack, path: str
) -> None:
    assert call(hypertrack, "POST", path, {}).status_code == 404
