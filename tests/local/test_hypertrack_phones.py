"""Phones of the simulator move, enter and leave geofences by real distance."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.hypertrack import FakeHyperTrack, Phone
from local.hypertrack.geometry import Place, along, distance, inside
from tests.local.hypertrack_setting import (
    ACCOUNT,
    DEPOT,
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
    return phone_of(hypertrack)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def visits(hypertrack: FakeHyperTrack) -> list[dict[str, Any]]:
    return [each["data"] for each in told(hypertrack, "geofence")]


def test_a_visit_is_an_entry_and_an_exit_under_one_marker(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    geofence_id = fence(hypertrack, phone)
    phone.clock_in()
    phone.drive_to(*SITE, minutes=20)
    phone.stay(45)
    phone.drive_to(*DEPOT, minutes=20)

    entry, leave = visits(hypertrack)

    assert (entry["value"], leave["value"]) == ("entry", "exit")
    assert entry["marker_id"] == leave["marker_id"]
    assert entry["geofence_id"] == geofence_id
    assert "exit" not in entry
    assert "duration" not in entry
    assert leave["arrival"] == entry["arrival"]
    stayed = moment(leave["exit"]["recorded_at"]) - moment(leave["arrival"]["recorded_at"])
    assert leave["duration"] == stayed.total_seconds()
    assert timedelta(minutes=45) < stayed < timedelta(minutes=47)


def test_entry_is_recorded_within_a_step_of_the_crossing(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    fence(hypertrack, phone)
    phone.clock_in()
    phone.drive_to(*SITE, minutes=20)

    (entry,) = visits(hypertrack)

    lon, lat = entry["arrival"]["location"]["coordinates"]
    whole = distance(Place(*DEPOT), Place(*SITE))
    assert 100 - whole / 120 <= distance(Place(lat, lon), Place(*SITE)) <= 100
    crossing = MORNING + timedelta(minutes=20) * ((whole - 100) / whole)
    arrived = moment(entry["arrival"]["recorded_at"])
    assert timedelta(0) <= arrived - crossing <= timedelta(seconds=10)


def test_the_route_counts_from_clock_in_and_then_from_the_last_exit(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    fence(hypertrack, phone)
    phone.clock_in()
    phone.stay(10)
    phone.drive_to(*SITE, minutes=20)
    phone.drive_to(*DEPOT, minutes=20)
    phone.drive_to(*SITE, minutes=20)

    first, _, second = visits(hypertrack)

    whole = distance(Place(*DEPOT), Place(*SITE))
    assert first["route_to"]["distance"] == pytest.approx(whole - 100, abs=60)
    assert first["route_to"]["idle_time"] == 600
    assert 29 * 60 < first["route_to"]["duration"] <= 30 * 60
    assert second["route_to"]["distance"] == pytest.approx(2 * (whole - 100), abs=120)
    assert second["route_to"]["idle_time"] == 0


def test_nothing_is_noticed_while_not_tracking(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    fence(hypertrack, phone)
    phone.drive_to(*SITE, minutes=20)

    assert visits(hypertrack) == []
    assert told(hypertrack, "device_status") == []

    phone.clock_in()
    (entry,) = visits(hypertrack)
    assert entry["route_to"] is None


def test_a_geofence_around_a_standing_phone_enters_with_its_next_location(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    phone.be_at(*SITE)
    phone.clock_in()
    fence(hypertrack, phone)
    assert visits(hypertrack) == []

    phone.stay(5)
    assert len(visits(hypertrack)) == 1


def test_a_switch_makes_it_enter_at_once(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    hypertrack.switches.entry_where_it_stands = True
    phone.be_at(*SITE)
    phone.clock_in()

    fence(hypertrack, phone)

    assert [each["value"] for each in visits(hypertrack)] == ["entry"]


def test_a_deleted_geofence_has_no_exit(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    geofence_id = fence(hypertrack, phone)
    phone.clock_in()
    phone.drive_to(*SITE, minutes=20)
    call(hypertrack, "DELETE", f"/geofences/{geofence_id}")
    phone.drive_to(*DEPOT, minutes=20)

    assert [each["value"] for each in visits(hypertrack)] == ["entry"]


def test_who_clocks_out_on_site_leaves_when_next_seen_elsewhere(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    fence(hypertrack, phone)
    phone.clock_in()
    phone.drive_to(*SITE, minutes=20)
    phone.clock_out()
    phone.drive_to(*DEPOT, minutes=20)
    assert len(visits(hypertrack)) == 1

    phone.clock_in()

    leave = visits(hypertrack)[1]
    assert (leave["value"], leave["duration"] > 20 * 60) == ("exit", True)


def test_a_switch_ends_the_visit_with_tracking(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    hypertrack.switches.exit_on_stop = True
    fence(hypertrack, phone)
    phone.clock_in()
    phone.drive_to(*SITE, minutes=20)
    phone.clock_out()

    assert visits(hypertrack)[1]["exit"]["location"] is None


def test_another_devices_geofence_is_none_of_its_business(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    fence(hypertrack, phone_of(hypertrack))
    phone.clock_in()
    phone.drive_to(*SITE, minutes=20)

    assert visits(hypertrack) == []


def test_an_account_wide_geofence_concerns_every_device(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    point = {"type": "Point", "coordinates": [SITE[1], SITE[0]]}
    body = {"geofences": [{"geometry": point, "radius": 100}]}
    call(hypertrack, "POST", "/geofences", body)
    for each in (phone, phone_of(hypertrack)):
        each.clock_in()
        each.drive_to(*SITE, minutes=5)

    assert [each["value"] for each in visits(hypertrack)] == ["entry", "entry"]
    assert "geofence_metadata" not in visits(hypertrack)[0]


def test_markers_can_be_listed(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    fence(hypertrack, phone)
    phone.clock_in()
    phone.drive_to(*SITE, minutes=20)

    listed = call(hypertrack, "GET", "/geofences?include_markers=true").json()["data"]

    (marker,) = listed[0]["markers"]["data"]
    assert marker["marker_id"] == visits(hypertrack)[0]["marker_id"]


def test_what_happens_offline_is_told_late_with_its_true_time(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    fence(hypertrack, phone)
    phone.clock_in()
    phone.offline()
    phone.drive_to(*SITE, minutes=20)
    phone.stay(60)
    before = len(hypertrack.events)
    assert visits(hypertrack) == []

    phone.online()

    assert len(hypertrack.events) > before
    (entry,) = told(hypertrack, "geofence")
    assert moment(entry["recorded_at"]) < MORNING + timedelta(minutes=21)
    assert moment(entry["created_at"]) == MORNING + timedelta(minutes=80)


def test_an_outage_records_no_location_until_it_ends(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    fence(hypertrack, phone)
    phone.clock_in()
    phone.status("inactive", reason="location_permissions_denied")
    phone.drive_to(*SITE, minutes=20)
    phone.stay(30)
    assert visits(hypertrack) == []

    phone.status("active", activity="stop")
    phone.stay(1)

    (entry,) = visits(hypertrack)
    assert moment(entry["arrival"]["recorded_at"]) == MORNING + timedelta(minutes=50)
    reasons = [each["data"].get("reason") for each in told(hypertrack, "device_status")]
    assert "location_permissions_denied" in reasons


def test_the_phone_lives_by_the_clock_and_may_run_ahead_of_it(
    hypertrack: FakeHyperTrack, phone: Phone, clock: Clock
) -> None:
    phone.clock_in()
    assert phone.drive_to(*SITE, minutes=20) == MORNING + timedelta(minutes=20)
    assert phone.now() == MORNING + timedelta(minutes=20)
    clock.forward(90)
    assert phone.now() == MORNING + timedelta(minutes=90)

    phone.battery("low")

    (low,) = told(hypertrack, "battery")
    assert low["recorded_at"] == low["created_at"] == "2026-03-04T09:30:00.000000Z"


def test_locations_are_told_only_to_those_who_asked(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    phone.clock_in()
    phone.stay(1)
    assert told(hypertrack, "location") == []

    hypertrack.set_webhook(ACCOUNT, None, location_updates=True)
    phone.drive_to(*SITE, minutes=1)

    assert len(told(hypertrack, "location")) == 7
    assert told(hypertrack, "location")[-1]["data"]["speed"] > 10


def test_device_and_worker_show_where_the_phone_is(hypertrack: FakeHyperTrack) -> None:
    phone = hypertrack.install(invited(hypertrack), "ios-2.20")
    phone.be_at(*SITE)
    phone.clock_in()

    device = call(hypertrack, "GET", f"/devices/{phone.device_id}").json()
    worker = call(hypertrack, "GET", "/workers/").json()["workers"][0]

    assert device["location"]["geometry"]["coordinates"] == [SITE[1], SITE[0]]
    assert device["device_status"]["value"] == "active"
    assert worker["location"]["geometry"] == device["location"]["geometry"]


def test_a_polygon_has_an_outside_and_holes() -> None:
    def ring(low: float, high: float) -> list[list[float]]:
        return [[low, low], [high, low], [high, high], [low, high], [low, low]]

    shape = {"type": "Polygon", "coordinates": [ring(0, 10), ring(4, 6)]}

    assert inside(Place(2, 2), shape, None)
    assert not inside(Place(5, 5), shape, None)
    assert not inside(Place(11, 5), shape, None)


def test_a_degree_of_latitude_is_about_111_kilometres() -> None:
    assert distance(Place(0, 0), Place(1, 0)) == pytest.approx(111_195, abs=1)
    assert distance(Place(60, 0), Place(60, 1)) == pytest.approx(55_597, abs=10)


@given(st.floats(-60, 60), st.floats(-179, 178), st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
def test_a_drive_ends_where_it_should_and_never_jumps(
    lat: float, lon: float, north: float, east: float
) -> None:
    start, goal = Place(lat, lon), Place(lat + north, lon + east)
    places = [start, *along(start, goal, 20)]

    longest = max(distance(a, b) for a, b in pairwise(places))

    assert distance(places[-1], goal) < 0.01
    assert longest <= distance(start, goal) / 20 * 1.05 + 0.01
