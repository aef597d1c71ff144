"""Devices and geofences of the simulator answer as the first generation of the API did."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.hypertrack import FakeHyperTrack
from tests.local.hypertrack_setting import (
    ACCOUNT,
    DEPOT,
    HANDLE,
    SITE,
    Clock,
    call,
    fence,
    invited,
    phone_of,
    running,
    told,
)

POINT = {"type": "Point", "coordinates": [SITE[1], SITE[0]]}
TRIANGLE = [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]]
CIRCLE = {"geometry": POINT, "radius": 100}


@pytest.fixture
def hypertrack() -> Iterator[FakeHyperTrack]:
    with running(Clock()) as it:
        yield it


def test_devices_are_a_plain_array_unless_pages_are_asked_for(
    hypertrack: FakeHyperTrack,
) -> None:
    hypertrack.switches.device_page = 2
    for _ in range(3):
        phone_of(hypertrack)

    plain = call(hypertrack, "GET", "/devices").json()
    first = call(hypertrack, "GET", "/devices?pagination=1").json()
    token = first["links"]["pagination_token"]
    last = call(hypertrack, "GET", f"/devices?pagination=1&pagination_token={token}").json()

    assert plain == first["data"] + last["data"]
    assert (len(first["data"]), last["links"]) == (2, {})


def test_device_ids_are_case_sensitive(hypertrack: FakeHyperTrack) -> None:
    phone = phone_of(hypertrack)

    assert phone.device_id == phone.device_id.upper()
    assert call(hypertrack, "GET", f"/devices/{phone.device_id}").status_code == 200
    assert call(hypertrack, "GET", f"/devices/{phone.device_id.lower()}").status_code == 404


def test_device_metadata_is_replaced_or_merged_by_switch(hypertrack: FakeHyperTrack) -> None:
    phone = phone_of(hypertrack)
    path, device = f"/devices/{phone.device_id}", hypertrack.devices(ACCOUNT)[0]

    answer = call(hypertrack, "PATCH", path, {"metadata": {"a": 1}})
    assert (answer.status_code, answer.content, device.metadata) == (200, b"", {"a": 1})

    hypertrack.switches.metadata_merges = True
    call(hypertrack, "PATCH", path, {"metadata": {"b": 2}})
    assert device.metadata == {"a": 1, "b": 2}
    assert len(told(hypertrack, "registration_update")) == 2


@pytest.mark.parametrize("body", [{}, {"metadata": 1}, {"name": 1}, [], {"device_id": "x"}])
def test_a_device_takes_nothing_but_metadata_and_name(
    hypertrack: FakeHyperTrack, body: Any
) -> None:
    phone = phone_of(hypertrack)

    answer = call(hypertrack, "PATCH", f"/devices/{phone.device_id}", body)

    assert answer.status_code == 400
    assert answer.json().keys() == {"status", "code", "title", "type", "detail"}


def test_start_and_stop_are_commands_to_the_phone(hypertrack: FakeHyperTrack) -> None:
    phone = phone_of(hypertrack)

    answer = call(hypertrack, "POST", f"/devices/{phone.device_id}/start")
    assert (answer.status_code, answer.content, phone.tracking) == (200, b"", True)

    phone.offline()
    assert call(hypertrack, "POST", f"/devices/{phone.device_id}/stop").status_code == 200
    assert phone.tracking
    phone.online()
    assert not phone.tracking


def test_a_deleted_device_is_silent_and_unlinked(hypertrack: FakeHyperTrack) -> None:
    phone = hypertrack.install(invited(hypertrack), "ios-2.20")
    phone.clock_in()

    assert call(hypertrack, "DELETE", f"/devices/{phone.device_id}").status_code == 204
    before = len(hypertrack.events)
    phone.add_geotag({"a": "b"})

    assert not phone.tracking
    assert len(hypertrack.events) == before
    assert call(hypertrack, "GET", "/devices").json() == []
    assert call(hypertrack, "GET", f"/workers/{HANDLE}").json()["device_id"] is None


def test_a_deleted_device_comes_back_and_is_inactive_until_it_tracks(
    hypertrack: FakeHyperTrack,
) -> None:
    phone = phone_of(hypertrack)
    path = f"/devices/{phone.device_id}"
    call(hypertrack, "DELETE", path)
    assert told(hypertrack, "device_status")[-1]["data"]["reason"] == "deleted"
    assert call(hypertrack, "GET", path).status_code == 404

    assert call(hypertrack, "POST", f"{path}/undelete").status_code == 200

    status = call(hypertrack, "GET", path).json()["device_status"]
    assert (status["value"], status["data"]["reason"]) == ("inactive", "deleted")
    phone.clock_in()
    assert call(hypertrack, "GET", path).json()["device_status"]["value"] == "active"


@pytest.mark.parametrize("told_as", ["reinstall", "registration"])
def test_a_reinstall_is_another_device_of_the_same_person(
    hypertrack: FakeHyperTrack, told_as: Any
) -> None:
    hypertrack.switches.reinstall_told_as = told_as
    first = phone_of(hypertrack)
    first.clock_in()

    second = hypertrack.reinstall(first)

    old, new = hypertrack.devices(ACCOUNT)
    assert (old.device_id, new.device_id) == (first.device_id, second.device_id)
    assert old.metadata == new.metadata == {"driver_id": HANDLE}
    assert (old.status["value"], old.status["reason"]) == ("inactive", "uninstalled")
    last = hypertrack.events[-1].body
    assert (last["type"], last["device_id"]) == (told_as, second.device_id)
    assert (first.tracking, second.tracking) == (False, False)
    first.stay(5)
    assert hypertrack.events[-1].body == last


def test_a_reinstall_of_the_newest_app_takes_the_worker_along(
    hypertrack: FakeHyperTrack,
) -> None:
    first = hypertrack.install(invited(hypertrack), "ios-2.20")

    second = hypertrack.reinstall(first)

    (worker,) = hypertrack.workers(ACCOUNT)
    assert worker.device_id == second.device_id
    changes = [
        (each["data"]["value"], each["device_id"])
        for each in told(hypertrack, "worker")
        if each["data"]["value"].startswith("device_")
    ]
    assert changes == [
        ("device_linked", first.device_id),
        ("device_unlinked", first.device_id),
        ("device_linked", second.device_id),
    ]


def test_two_phones_of_one_person_are_both_active(hypertrack: FakeHyperTrack) -> None:
    link = invited(hypertrack)
    phones = [hypertrack.install(link, app) for app in ("android-0.2", "ios-2.3")]
    for phone in phones:
        phone.clock_in()

    devices = call(hypertrack, "GET", "/devices").json()

    assert [each["metadata"] for each in devices] == [{"driver_id": HANDLE}] * 2
    assert [each["device_status"]["value"] for each in devices] == ["active", "active"]


def test_metadata_that_the_app_changes_is_told(hypertrack: FakeHyperTrack) -> None:
    phone = phone_of(hypertrack)

    phone.set_metadata({"email": "rosa@example.com"})

    assert hypertrack.devices(ACCOUNT)[0].metadata == {"email": "rosa@example.com"}
    assert len(told(hypertrack, "registration_update")) == 1


@pytest.mark.parametrize(
    ("app", "metadata", "workers"),
    [
        ("android-0.2", {"driver_id": "rosa@example.com"}, []),
        ("ios-2.3", {"driver_id": "rosa@example.com"}, []),
        ("android-later", {"email": "rosa@example.com"}, []),
        ("ios-2.16", {"email": "rosa@example.com"}, []),
        ("ios-2.20", {"email": "rosa@example.com"}, ["rosa@example.com"]),
    ],
)
def test_who_signs_in_without_a_link_is_known_by_an_e_mail(
    hypertrack: FakeHyperTrack, app: str, metadata: dict[str, str], workers: list[str]
) -> None:
    hypertrack.sign_in(ACCOUNT, "rosa@example.com", app)

    assert hypertrack.devices(ACCOUNT)[0].metadata == metadata
    assert [each.worker_handle for each in hypertrack.workers(ACCOUNT)] == workers


@pytest.mark.parametrize("app", ["android-later", "ios-2.16"])
def test_a_link_with_an_e_mail_alone_names_nobody_else(
    hypertrack: FakeHyperTrack, app: str
) -> None:
    link = invited(hypertrack)

    hypertrack.install(link, app, carrying={"email": "rosa@example.com", "driver_id": None})

    metadata = hypertrack.devices(ACCOUNT)[0].metadata
    assert metadata == {"email": "rosa@example.com", "invite_id": link}


def test_null_releases_the_device_of_a_worker_unless_it_is_refused(
    hypertrack: FakeHyperTrack,
) -> None:
    hypertrack.install(invited(hypertrack), "ios-2.20")
    (worker,), path = hypertrack.workers(ACCOUNT), f"/workers/{HANDLE}"
    hypertrack.switches.null_releases_device = False
    refused = call(hypertrack, "PATCH", path, {"device_id": None})
    assert (refused.status_code, worker.device_id is None) == (422, False)
    assert refused.json()["detail"]["json"].keys() == {"device_id"}

    hypertrack.switches.null_releases_device = True
    released = call(hypertrack, "PATCH", path, {"device_id": None})

    assert (released.status_code, released.json()["device_id"]) == (200, None)
    assert told(hypertrack, "worker")[-1]["data"] == {"value": "device_unlinked"}
    assert call(hypertrack, "PATCH", path, {"device_id": None}).status_code == 200


def test_geofences_are_made_for_each_device_and_shape(hypertrack: FakeHyperTrack) -> None:
    ids = [phone_of(hypertrack).device_id for _ in range(2)]
    polygon = {"geometry": {"type": "Polygon", "coordinates": [TRIANGLE]}}

    body = {"device_ids": ids, "geofences": [CIRCLE, polygon]}
    answer = call(hypertrack, "POST", "/geofences/", body)

    assert answer.status_code == 201
    made = [(each["device_id"], each["geometry"]["type"]) for each in answer.json()]
    assert made == [(device, kind) for device in ids for kind in ("Point", "Polygon")]
    assert answer.json()[0].keys() >= {"geofence_id", "account_id", "archived", "created_at"}


@pytest.mark.parametrize(
    "shapes",
    [
        None,
        [],
        ["x"],
        [{}],
        [{"geometry": POINT}],
        [{"geometry": POINT, "radius": 0}],
        [{"geometry": POINT, "radius": "100"}],
        [{"geometry": POINT, "radius": True}],
        [{"geometry": {"type": "Point", "coordinates": [37.79, -122.39]}, "radius": 100}],
        [{"geometry": {"type": "Point", "coordinates": []}, "radius": 100}],
        [{"geometry": {"type": "Point", "coordinates": ["1", "2"]}, "radius": 100}],
        [{"geometry": {"type": "Line", "coordinates": [1, 2]}, "radius": 100}],
        [{"geometry": {"type": "Polygon", "coordinates": [TRIANGLE[:3]]}}],
        [{"geometry": {"type": "Polygon", "coordinates": []}}],
        [{**CIRCLE, "metadata": "text"}],
        [CIRCLE, {"geometry": POINT}],
    ],
)
def test_a_wrong_shape_is_refused_and_none_of_the_call_is_made(
    hypertrack: FakeHyperTrack, shapes: Any
) -> None:
    phone = phone_of(hypertrack)

    body = {"device_ids": [phone.device_id], "geofences": shapes}
    answer = call(hypertrack, "POST", "/geofences", body)

    assert (answer.status_code, answer.json()["status"]) == (400, 400)
    assert hypertrack.geofences() == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 400),
        ({"device_ids": "x", "geofences": [CIRCLE]}, 400),
        ({"device_id": "x", "geofences": [CIRCLE]}, 400),
        ({"device_ids": ["x"], "geofences": [CIRCLE]}, 404),
        ({"device_ids": [7], "geofences": [CIRCLE]}, 404),
    ],
)
def test_geofences_need_devices_that_exist(
    hypertrack: FakeHyperTrack, body: Any, status: int
) -> None:
    answer = call(hypertrack, "POST", "/geofences", body)

    assert answer.status_code == status
    assert hypertrack.geofences() == []


def test_bytes_that_are_no_json_are_a_bad_request(hypertrack: FakeHyperTrack) -> None:
    answer = call(hypertrack, "POST", "/geofences", data=b"\xff{")

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_geofence_metadata_is_replaced_and_nothing_else_can_be(
    hypertrack: FakeHyperTrack,
) -> None:
    path = f"/geofences/{fence(hypertrack, phone_of(hypertrack))}"

    assert call(hypertrack, "PATCH", path, {"radius": 5}).status_code == 400
    assert call(hypertrack, "PATCH", path, {"metadata": []}).status_code == 400
    assert call(hypertrack, "PATCH", path, {"metadata": {"a": "b"}}).status_code == 200
    assert call(hypertrack, "GET", path).json()["metadata"] == {"a": "b"}


def test_a_deleted_geofence_is_only_in_the_archive(hypertrack: FakeHyperTrack) -> None:
    phone = phone_of(hypertrack)
    path = f"/geofences/{fence(hypertrack, phone)}"

    assert call(hypertrack, "DELETE", path).status_code == 204
    for method in ("GET", "DELETE"):
        assert call(hypertrack, method, path).status_code == 404
    assert call(hypertrack, "PATCH", path, {"metadata": {}}).status_code == 404
    assert call(hypertrack, "GET", "/geofences").json()["data"] == []
    archive = call(hypertrack, "GET", "/geofences?include_archived=true").json()["data"]
    assert [each["archived"] for each in archive] == [True]
    assert hypertrack.geofences(ACCOUNT, phone.device_id) == []
    assert len(hypertrack.geofences(ACCOUNT, phone.device_id, archived=True)) == 1


def test_geofences_are_listed_by_device_and_in_pages(hypertrack: FakeHyperTrack) -> None:
    one, two = phone_of(hypertrack), phone_of(hypertrack)
    mine = [fence(hypertrack, one) for _ in range(3)]
    fence(hypertrack, two)

    path = f"/geofences?device_id={one.device_id}&limit=2&pagination_token="
    first = call(hypertrack, "GET", path).json()
    last = call(hypertrack, "GET", path + first["pagination_token"]).json()

    assert [each["geofence_id"] for each in first["data"] + last["data"]] == mine
    assert (last["pagination_token"], last["links"]) == (None, {})


def test_a_token_of_nobodys_is_refused(hypertrack: FakeHyperTrack) -> None:
    assert call(hypertrack, "GET", "/geofences?pagination_token=x").status_code == 400
    assert (
        call(hypertrack, "GET", "/devices?pagination=1&pagination_token=x").status_code == 400
    )
    assert call(hypertrack, "GET", "/workers/?pagination_token=x").status_code == 422


def test_the_page_shows_all_and_escapes_it(hypertrack: FakeHyperTrack) -> None:
    phone = phone_of(hypertrack)
    phone.clock_in()
    fence(hypertrack, phone, metadata={"name": "<script>alert(1)</script>"})
    call(hypertrack, "PATCH", f"/workers/{HANDLE}", {"name": "<b>Rosa</b>"})

    page = call(hypertrack, "GET", "/", auth=None)

    assert page.headers["content-type"].startswith("text/html")
    assert phone.device_id in page.text
    assert str(DEPOT[0]) in page.text
    assert "&lt;b&gt;Rosa" in page.text
    assert "<script>" not in page.text
