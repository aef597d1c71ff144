"""Phones of the simulator fail, go out of reach, run low and have wrong clocks."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.hypertrack import FakeHyperTrack, Phone
from local.hypertrack.outages import REASONS
from tests.local.hypertrack_setting import (
    ACCOUNT,
    DEPOT,
    HANDLE,
    MORNING,
    SITE,
    Clock,
    call,
    fence,
    invited,
    phone_of,
    running,
    told,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hypertrack(clock: Clock) -> Iterator[FakeHyperTrack]:
    with running(clock) as it:
        yield it


@pytest.fixture
def phone(hypertrack: FakeHyperTrack) -> Phone:
    """A phone that is linked to its worker, at the depot."""
    phone = hypertrack.install(invited(hypertrack), "ios-2.20")
    phone.be_at(*DEPOT)
    return phone


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def data(hypertrack: FakeHyperTrack, *kinds: str) -> list[dict[str, Any]]:
    return [each["data"] for each in told(hypertrack, *kinds)]


def of_worker(hypertrack: FakeHyperTrack) -> list[dict[str, Any]]:
    """What was told of the worker, without the link of the device."""
    every = data(hypertrack, "worker")
    return [each for each in every if not each["value"].startswith("device_link")]


# ── outages ───────────────────────────────────────────────────────────────────


def test_there_are_thirty_one_reasons() -> None:
    assert len(REASONS) == 31


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_an_outage_is_told_of_the_device_and_of_its_worker_and_so_is_its_end(
    hypertrack: FakeHyperTrack, phone: Phone, reason: str
) -> None:
    phone.clock_in()
    phone.outage(reason, at=MORNING + timedelta(minutes=5))
    phone.recover(at=MORNING + timedelta(minutes=25))

    begin, end = told(hypertrack, "device_status")[-2:]
    assert begin["data"] == {"value": "inactive", "reason": reason}
    assert end["data"] == {"value": "active", "activity": "stop"}
    started, ended = of_worker(hypertrack)[-2:]
    assert (started["value"], ended["value"]) == ("outage_started", "outage_ended")
    assert started["outage_code"] == ended["outage_code"] == reason
    assert started["outage_label"]
    assert started["outage_category"] in (
        ("behavioural", "adversarial", "reachability", "os", "sporadic")
    )
    last = told(hypertrack, "worker")[-1]
    assert last["worker_handle"] == HANDLE
    assert moment(last["recorded_at"]) == MORNING + timedelta(minutes=25)


def test_one_outage_ends_where_another_begins(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    phone.outage("airplane_mode_detected")
    phone.outage("low_battery")

    found = [(each["value"], each["outage_code"]) for each in of_worker(hypertrack)]

    assert found == [
        ("outage_started", "airplane_mode_detected"),
        ("outage_ended", "airplane_mode_detected"),
        ("outage_started", "low_battery"),
    ]


def test_a_device_of_nobody_has_no_worker_to_tell_of(hypertrack: FakeHyperTrack) -> None:
    phone = phone_of(hypertrack)
    phone.clock_in()
    phone.outage("low_battery")
    phone.disconnect()
    phone.recover()

    assert told(hypertrack, "worker") == []
    values = [each["value"] for each in data(hypertrack, "device_status")]
    assert values == ["active", "inactive", "disconnected", "active"]


def test_nothing_is_noticed_in_an_outage_and_the_place_at_once_afterwards(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    fence(hypertrack, phone)
    phone.clock_in()
    phone.outage("location_services_disabled")
    phone.drive_to(*SITE, minutes=20)
    assert told(hypertrack, "geofence") == []

    phone.recover(at=MORNING + timedelta(minutes=40))

    (entry,) = told(hypertrack, "geofence")
    assert moment(entry["recorded_at"]) == MORNING + timedelta(minutes=40)


def test_wanting_to_track_does_not_end_an_outage(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    phone.outage("location_permissions_denied")
    phone.clock_in()

    assert phone.tracking
    assert data(hypertrack, "device_status")[-1]["reason"] == "location_permissions_denied"
    assert hypertrack.devices(ACCOUNT)[0].status["value"] == "inactive"

    phone.recover()
    assert data(hypertrack, "device_status")[-1]["value"] == "active"


# ── out of reach ──────────────────────────────────────────────────────────────


def test_a_phone_out_of_reach_is_disconnected_after_more_than_an_hour(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    fence(hypertrack, phone)
    phone.clock_in()
    phone.disconnect(at=MORNING + timedelta(minutes=10))
    phone.drive_to(*SITE, minutes=20)

    status = told(hypertrack, "device_status")[-1]
    assert status["data"] == {"value": "disconnected"}
    assert moment(status["recorded_at"]) > MORNING + timedelta(minutes=70)
    assert of_worker(hypertrack)[-1] == {"value": "device_disconnected"}
    device = call(hypertrack, "GET", f"/devices/{phone.device_id}").json()
    assert device["device_status"]["value"] == "disconnected"
    assert told(hypertrack, "geofence") == []

    phone.recover(at=MORNING + timedelta(hours=2))

    assert of_worker(hypertrack)[-1] == {"value": "device_connected"}
    assert data(hypertrack, "device_status")[-1]["value"] == "active"
    (entry,) = told(hypertrack, "geofence")
    assert moment(entry["recorded_at"]) < MORNING + timedelta(minutes=31)
    assert moment(entry["created_at"]) == MORNING + timedelta(hours=2)


def test_what_was_kept_offline_has_the_place_where_it_happened(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    phone.clock_in()
    phone.offline()
    phone.battery("low")
    phone.drive_to(*SITE, minutes=20)
    phone.online()

    (low,) = told(hypertrack, "battery")
    assert low["location"]["coordinates"] == [DEPOT[1], DEPOT[0]]


# ── battery and clock ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(("value", "percent"), [("low", 15), ("normal", 80), ("charging", 50)])
def test_the_battery_is_told_with_its_percent(
    hypertrack: FakeHyperTrack, phone: Phone, value: str, percent: int
) -> None:
    phone.battery(value)
    phone.battery(value, percent=7)

    assert data(hypertrack, "battery") == [
        {"value": value, "battery_percent": percent},
        {"value": value, "battery_percent": 7},
    ]
    assert hypertrack.devices(ACCOUNT)[0].battery == value


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_clock_that_moves_by_more_than_ten_minutes_is_told_and_dates_what_follows(
    hypertrack: FakeHyperTrack, phone: Phone, clock: Clock, seconds: int
) -> None:
    fence(hypertrack, phone)
    phone.clock_in()
    phone.set_clock(seconds)
    phone.drive_to(*SITE, minutes=20)
    clock.forward(20)
    phone.add_geotag({"a": "b"})

    (changed,) = told(hypertrack, "time_offset_changed")
    ahead = timedelta(seconds=seconds)
    assert changed["data"]["value"] == seconds
    assert moment(changed["data"]["user_time"]) == MORNING + ahead
    assert moment(changed["recorded_at"]) == MORNING
    geotag = told(hypertrack, "geotag")[-1]
    assert moment(geotag["recorded_at"]) == MORNING + timedelta(minutes=20) + ahead
    assert moment(geotag["created_at"]) == MORNING + timedelta(minutes=20)
    (entry,) = told(hypertrack, "geofence")
    late = MORNING + timedelta(minutes=20) - moment(entry["data"]["arrival"]["recorded_at"])
    assert timedelta(0) <= late + ahead < timedelta(minutes=1)
    visit = call(hypertrack, "GET", "/visits/").json()["orders"][0]["visits"][0]
    assert visit["arrival"] == entry["data"]["arrival"]


def test_a_clock_that_moves_a_little_is_not_told(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    phone.set_clock(600)
    assert told(hypertrack, "time_offset_changed") == []

    phone.set_clock(-1)
    assert data(hypertrack, "time_offset_changed")[0]["value"] == -1
