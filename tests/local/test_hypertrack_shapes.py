"""Webhooks of the simulator can be told in each shape that the sources show."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.hypertrack import SHAPES, FakeHyperTrack
from tests.local.hypertrack_setting import (
    ACCOUNT,
    DEPOT,
    HANDLE,
    OTHER,
    SECRET,
    SITE,
    Clock,
    Receiver,
    call,
    fence,
    invited,
    receiving,
    running,
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as it:
        yield it


@pytest.fixture
def hypertrack(receiver: Receiver) -> Iterator[FakeHyperTrack]:
    with running(Clock()) as it:
        it.set_webhook(ACCOUNT, receiver.url)
        yield it


def tell_a_day(hypertrack: FakeHyperTrack) -> None:
    phone = hypertrack.install(invited(hypertrack), "ios-2.20")
    phone.be_at(*DEPOT)
    fence(hypertrack, phone)
    phone.set_tracking(True)
    phone.drive_to(*SITE, minutes=20)
    phone.add_geotag({"a": "b"})
    phone.add_geotag({"c": "d"})
    hypertrack.wait_idle()


def received(receiver: Receiver) -> list[dict[str, Any]]:
    every = [json.loads(body) for body in receiver.bodies]
    return [event for body in every for event in (body if isinstance(body, list) else [body])]


def day_in(hypertrack: FakeHyperTrack, receiver: Receiver, shape: str) -> dict[str, Any]:
    """The last event of each type, as it arrived."""
    hypertrack.shape = SHAPES[shape]
    tell_a_day(hypertrack)
    return {each["type"]: each for each in received(receiver)}


def test_the_documented_shape_is_the_default(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    tell_a_day(hypertrack)

    assert hypertrack.shape == SHAPES["array"]
    assert received(receiver) == [each.body for each in hypertrack.events]


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_each_shape_is_signed_and_leaves_the_record_as_it_was(
    hypertrack: FakeHyperTrack, receiver: Receiver, shape: str
) -> None:
    day_in(hypertrack, receiver, shape)

    for body, headers in zip(receiver.bodies, receiver.headers, strict=True):
        signature = hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
        assert headers["x-hypertrack-signature"] == signature
    assert len(receiver.bodies) == len(hypertrack.events)
    geofence = next(e.body for e in hypertrack.events if e.body["type"] == "geofence")
    assert geofence["data"]["geofence_id"]
    assert geofence["worker_handle"] == HANDLE


def test_a_bare_object_holds_one_event_whatever_the_batch(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    hypertrack.shape = SHAPES["object"]
    hypertrack.batch(10)
    hypertrack.hold()
    tell_a_day(hypertrack)
    hypertrack.release()
    hypertrack.wait_idle()

    assert len(receiver.bodies) == len(hypertrack.events)
    assert all(isinstance(json.loads(body), dict) for body in receiver.bodies)


@pytest.mark.parametrize(("shape", "version"), [("v2", "2.0.0"), ("v3", "3.0.0")])
def test_every_type_has_the_same_version(
    hypertrack: FakeHyperTrack, receiver: Receiver, shape: str, version: str
) -> None:
    day = day_in(hypertrack, receiver, shape)

    assert {each["version"] for each in day.values()} == {version}


def test_the_worker_can_have_its_old_name(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    day = day_in(hypertrack, receiver, "driver_handle")

    assert day["geofence"]["driver_handle"] == HANDLE
    assert "worker_handle" not in day["geofence"]


def test_the_worker_can_have_both_names(hypertrack: FakeHyperTrack, receiver: Receiver) -> None:
    day = day_in(hypertrack, receiver, "both handles")

    assert day["worker"]["driver_handle"] == day["worker"]["worker_handle"] == HANDLE


def test_the_account_can_be_missing(hypertrack: FakeHyperTrack, receiver: Receiver) -> None:
    day = day_in(hypertrack, receiver, "no account")

    assert not [each for each in day.values() if "account_id" in each]


def test_the_value_can_stand_outside(hypertrack: FakeHyperTrack, receiver: Receiver) -> None:
    day = day_in(hypertrack, receiver, "value outside")

    assert day["geofence"]["value"] == "entry"
    assert "value" not in day["geofence"]["data"]


def test_a_geotag_can_have_its_location_inside(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    geotag = day_in(hypertrack, receiver, "geotag location in data")["geotag"]

    assert geotag["data"]["location"]["coordinates"] == [SITE[1], SITE[0]]
    assert geotag["data"]["worker_handle"] == HANDLE
    assert geotag["data"]["distance"] == 0
    assert "location" not in geotag
    assert "route_to" not in geotag["data"]


def test_a_geofence_can_be_named_by_its_place(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    data = day_in(hypertrack, receiver, "place_handle")["geofence"]["data"]

    assert data["place_handle"] == hypertrack.geofences(ACCOUNT)[0].geofence_id
    assert not data.keys() & {"geofence_id", "geometry"}


# ── keys ──────────────────────────────────────────────────────────────────────


def signer_of(receiver: Receiver) -> str | None:
    """Which of the known keys signed the last delivery."""
    body, given = receiver.bodies[-1], receiver.headers[-1]["x-hypertrack-signature"]
    for key in (SECRET, "another", "third"):
        if hmac.new(key.encode(), body, hashlib.sha1).hexdigest() == given:
            return key
    return None


def test_another_key_may_sign_than_opens_the_api(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    hypertrack.sign_with(ACCOUNT, "another")
    tell_a_day(hypertrack)
    assert signer_of(receiver) == "another"
    assert call(hypertrack, "GET", "/workers/", auth=(ACCOUNT, SECRET)).status_code == 200
    assert call(hypertrack, "GET", "/workers/", auth=(ACCOUNT, "another")).status_code == 401

    hypertrack.send_raw(ACCOUNT, b"[]")
    assert signer_of(receiver) == "another"

    hypertrack.sign_with(ACCOUNT, None)
    hypertrack.send_raw(ACCOUNT, b"[]")
    assert signer_of(receiver) == SECRET


def test_a_rotated_secret_signs_and_opens_from_then_on(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    hypertrack.rotate_secret(ACCOUNT, "third")
    hypertrack.sign_with(OTHER, "another")
    hypertrack.send_test_event(ACCOUNT)
    hypertrack.wait_idle()

    assert signer_of(receiver) == "third"
    assert call(hypertrack, "GET", "/workers/", auth=(ACCOUNT, SECRET)).status_code == 401
    assert call(hypertrack, "GET", "/workers/", auth=(ACCOUNT, "third")).status_code == 200
