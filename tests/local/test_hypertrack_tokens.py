"""Tokens, locating and places of the simulator keep to the published contract."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.hypertrack import FakeHyperTrack
from tests.local.hypertrack_setting import (
    ACCOUNT,
    HANDLE,
    SECRET,
    SITE,
    Clock,
    call,
    invited,
    phone_of,
    running,
    told,
)

POINT = {"type": "Point", "coordinates": [SITE[1], SITE[0]]}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hypertrack(clock: Clock) -> Iterator[FakeHyperTrack]:
    with running(clock) as it:
        yield it


def ask_for_token(hypertrack: FakeHyperTrack, **more: str) -> requests.Response:
    form = {"grant_type": "client_credentials", "client_id": ACCOUNT, "client_secret": SECRET}
    return requests.post(f"{hypertrack.url}/oauth/token", data=form | more, timeout=5)


def with_token(hypertrack: FakeHyperTrack, token: str) -> requests.Response:
    headers = {"authorization": f"Bearer {token}"}
    return requests.get(f"{hypertrack.url}/workers/", headers=headers, timeout=5)


# ── tokens ────────────────────────────────────────────────────────────────────


def test_a_token_opens_the_api_until_it_expires(
    hypertrack: FakeHyperTrack, clock: Clock
) -> None:
    invited(hypertrack)
    answer = ask_for_token(hypertrack).json()

    assert answer["token_type"] == "Bearer"
    workers = with_token(hypertrack, answer["access_token"]).json()["workers"]
    assert [each["worker_handle"] for each in workers] == [HANDLE]

    clock.forward(answer["expires_in"] / 60)
    assert with_token(hypertrack, answer["access_token"]).status_code == 401


@pytest.mark.parametrize(
    "more",
    [
        {"client_secret": "wrong"},
        {"client_id": "nobody"},
        {"grant_type": "password"},
        {"client_secret": ""},
    ],
)
def test_no_token_for_whoever_has_not_both_keys(
    hypertrack: FakeHyperTrack, more: dict[str, str]
) -> None:
    answer = ask_for_token(hypertrack, **more)

    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_a_token_of_nobodys_opens_nothing(hypertrack: FakeHyperTrack) -> None:
    basic = base64.b64encode(f"{ACCOUNT}:{SECRET}".encode()).decode()

    assert with_token(hypertrack, "made-up").status_code == 401
    assert with_token(hypertrack, basic).status_code == 401


def test_an_embedded_view_gets_a_secure_address(hypertrack: FakeHyperTrack) -> None:
    address = f"https://embed.hypertrack.com/devices/{phone_of(hypertrack).device_id}"
    body = {"embed_url": address, "grant_type": "client_credentials"}

    answer = call(hypertrack, "POST", "/oauth/embed-token", body)

    assert answer.status_code == 200
    token = answer.json()["access_token"]
    assert answer.json()["secure_embed_url"] == f"{address}?token={token}"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"embed_url": "https://embed.hypertrack.com/devices/x", "grant_type": "x"}, 400),
        (
            {
                "embed_url": "https://embed.hypertrack.com/devices/x",
                "grant_type": "client_credentials",
            },
            404,
        ),
    ],
)
def test_an_embedded_view_of_nothing_is_refused(
    hypertrack: FakeHyperTrack, body: Any, status: int
) -> None:
    assert call(hypertrack, "POST", "/oauth/embed-token", body).status_code == status
    assert call(hypertrack, "POST", "/oauth/embed-token", body, auth=None).status_code == 401


# ── locating ──────────────────────────────────────────────────────────────────


def locate(hypertrack: FakeHyperTrack) -> dict[str, Any]:
    answer = call(hypertrack, "POST", f"/workers/{HANDLE}/locate")
    assert answer.status_code == 201
    found: dict[str, Any] = answer.json()
    return found


def polled(hypertrack: FakeHyperTrack, asked: dict[str, Any]) -> dict[str, Any]:
    path = f"/workers/locate?request_id={asked['request_id']}"
    found: dict[str, Any] = call(hypertrack, "GET", path).json()
    return found


def test_a_worker_is_located_and_a_webhook_tells_the_same(hypertrack: FakeHyperTrack) -> None:
    phone = hypertrack.install(invited(hypertrack), "ios-2.20")
    phone.be_at(*SITE)

    asked = locate(hypertrack)

    found = polled(hypertrack, asked)
    assert (asked["status"], found["status"]) == ("pending", "completed")
    assert found["devices"][0]["location"]["geometry"] == POINT
    (event,) = told(hypertrack, "locate")
    assert event["data"] == found


def test_a_phone_out_of_reach_is_located_when_it_is_back(hypertrack: FakeHyperTrack) -> None:
    phone = hypertrack.install(invited(hypertrack), "ios-2.20")
    phone.be_at(*SITE)
    phone.offline()

    asked = locate(hypertrack)
    assert polled(hypertrack, asked)["status"] == "pending"

    phone.online()
    assert polled(hypertrack, asked)["status"] == "completed"


def test_nobody_can_be_located_without_a_device_or_a_place(hypertrack: FakeHyperTrack) -> None:
    link = invited(hypertrack)
    assert polled(hypertrack, locate(hypertrack))["status"] == "error"

    hypertrack.install(link, "ios-2.20")
    assert polled(hypertrack, locate(hypertrack))["status"] == "error"
    assert call(hypertrack, "POST", "/workers/nobody/locate").status_code == 404
    assert call(hypertrack, "GET", "/workers/locate?request_id=x").status_code == 422
    assert call(hypertrack, "GET", "/workers/locate").status_code == 422


# ── places ────────────────────────────────────────────────────────────────────


def test_a_place_is_made_changed_found_and_deleted(hypertrack: FakeHyperTrack) -> None:
    place = {"place_handle": "site-1", "name": "Mill", "geometry": POINT, "radius": 120}
    path = "/places/v1/site-1"

    assert call(hypertrack, "POST", "/places/v1/", place).status_code == 200
    assert call(hypertrack, "POST", "/places/v1/", place).json()["code"] == "duplicate_resource"
    changed = call(hypertrack, "PATCH", path, {"radius": 200, "name": None}).json()
    assert (changed["radius"], changed["name"]) == (200, "Mill")
    assert call(hypertrack, "GET", path).json() == changed
    for query in ("place_handles=site-1,site-2", "name=mil", "search_term=site"):
        found = call(hypertrack, "GET", f"/places/v1/?{query}").json()
        assert found == {"places": [changed], "pagination_token": None}
    assert call(hypertrack, "GET", "/places/v1/?place_handles=x").json()["places"] == []

    assert call(hypertrack, "DELETE", path).status_code == 200
    assert call(hypertrack, "GET", path).status_code == 404


def test_places_come_in_pages(hypertrack: FakeHyperTrack) -> None:
    for number in range(3):
        body = {"place_handle": f"site-{number}", "geometry": POINT}
        call(hypertrack, "POST", "/places/v1/", body)

    first = call(hypertrack, "GET", "/places/v1/?limit=2").json()
    query = f"limit=2&pagination_token={first['pagination_token']}"
    last = call(hypertrack, "GET", f"/places/v1/?{query}").json()

    handles = [each["place_handle"] for each in first["places"] + last["places"]]
    assert handles == ["site-0", "site-1", "site-2"]


def test_a_place_needs_a_shape_or_an_address(hypertrack: FakeHyperTrack) -> None:
    assert call(hypertrack, "POST", "/places/v1/", {"name": "x"}).status_code == 422
    old = {"geometry": POINT, "detect_visits": True}
    assert call(hypertrack, "POST", "/places/v1/", old).status_code == 422

    made = call(hypertrack, "POST", "/places/v1/", {"address": "1 Main St"}).json()

    assert made["geometry"]["type"] == "Polygon"
    assert made["place_handle"]
