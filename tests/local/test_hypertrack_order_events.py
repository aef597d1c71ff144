"""Order webhooks of the simulator come of real movement and keep to the contract."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from local.hypertrack import FakeHyperTrack, NotPossible, Phone
from local.hypertrack.geometry import Place, distance
from local.hypertrack.openapi import contract, schema_problems
from local.hypertrack.order_events import UNDECLARED
from local.hypertrack.order_tracking import SPEED
from tests.local.hypertrack_setting import (
    ACCOUNT,
    DEPOT,
    HANDLE,
    MORNING,
    SITE,
    Clock,
    call,
    fence,
    phone_of,
    running,
    told,
)
from tests.local.test_hypertrack_orders import (
    COLLEAGUE,
    ORDER,
    act,
    linked,
    moment,
    only,
    track,
    values,
)

WAY = distance(Place(*DEPOT), Place(*SITE))  # about 3.9 km


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hypertrack(clock: Clock) -> Iterator[FakeHyperTrack]:
    with running(clock) as it:
        yield it


@pytest.fixture
def phone(hypertrack: FakeHyperTrack) -> Phone:
    return linked(hypertrack)


def events(hypertrack: FakeHyperTrack, value: str) -> list[dict[str, Any]]:
    return [each for each in told(hypertrack, "order") if each["data"]["value"] == value]


def one(hypertrack: FakeHyperTrack, value: str) -> dict[str, Any]:
    (event,) = events(hypertrack, value)
    return event


def at(event: dict[str, Any]) -> datetime:
    return moment(event["recorded_at"])


def test_a_day_at_an_order_is_told_in_order(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    track(hypertrack)
    phone.drive_to(*SITE, minutes=8)
    phone.stay(45)
    phone.drive_to(*DEPOT, minutes=8)
    act(hypertrack, "complete")

    assert values(hypertrack) == [
        *("assigned", "started", "first_eta", "n_minutes_away"),
        *("arrived", "exited", "completed"),
    ]
    every = told(hypertrack, "order")
    assert all(at(before) <= at(after) for before, after in pairwise(every))
    assert [each["data"]["status"] for each in every] == ["ongoing"] * 6 + ["completed"]
    assert {each["worker_handle"] for each in every} == {HANDLE}
    assert [each.body for each in only(hypertrack).told] == every


def test_each_event_keeps_to_the_contract(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    hypertrack.switches.noisy_eta = True
    track(hypertrack)
    phone.drive_to(*SITE, minutes=50)
    phone.drive_to(*DEPOT, minutes=8)
    act(hypertrack, "disable")
    act(hypertrack, "enable")
    act(hypertrack, "cancel")

    every = told(hypertrack, "order")

    assert {each["data"]["value"] for each in every} >= {
        *("eta_change", "delayed", "risk_updated", "disabled", "enabled", "cancelled"),
    }
    assert [schema_problems("OrderWebhookEvent", each) for each in every] == [[]] * len(every)


def test_an_event_that_breaks_the_contract_is_noticed(clock: Clock) -> None:
    with FakeHyperTrack(clock, {ACCOUNT: "secret-1"}) as hypertrack:
        linked(hypertrack)
        track(hypertrack)

        hypertrack.tell_order(ACCOUNT, ORDER, "delayed", arrive_at=7)

        assert any("delayed" in each for each in hypertrack.breaches)


# ── estimates ─────────────────────────────────────────────────────────────────


def test_the_first_estimate_is_the_way_at_the_simulators_speed(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack)
    assert phone

    first = one(hypertrack, "first_eta")["data"]

    assert first["remaining_distance"] == round(WAY)
    assert first["remaining_duration"] == round(WAY / SPEED)
    estimate = call(hypertrack, "GET", f"/orders/{ORDER}").json()["estimate"]
    arrival = MORNING + timedelta(seconds=WAY / SPEED)
    assert abs(moment(estimate["arrive_at"]) - arrival) < timedelta(milliseconds=2)


def test_a_slow_drive_changes_the_estimate_sparingly(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack)
    phone.drive_to(*SITE, minutes=30)

    changes = events(hypertrack, "eta_change")

    assert len(changes) >= 3
    known = [one(hypertrack, "first_eta"), *changes]
    for before, after in pairwise(known):
        arrivals = [
            at(e) + timedelta(seconds=e["data"]["remaining_duration"]) for e in (before, after)
        ]
        assert arrivals[1] - arrivals[0] >= timedelta(minutes=2) - timedelta(seconds=1)
        assert at(after) - at(before) >= timedelta(minutes=3) or before is known[0]
    assert {each["data"]["change_reason"] for each in changes} == {"position_update"}


def test_a_drive_as_estimated_changes_nothing(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    track(hypertrack)
    phone.drive_to(*SITE, minutes=WAY / SPEED / 60)

    assert events(hypertrack, "eta_change") == []


def test_a_switch_makes_the_estimate_noisy(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    hypertrack.switches.noisy_eta = True
    track(hypertrack)
    phone.drive_to(*SITE, minutes=30)

    assert len(events(hypertrack, "eta_change")) > 100


def test_traffic_is_a_reason_of_its_own(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    track(hypertrack)
    hypertrack.hold_up(ACCOUNT, ORDER, minutes=5)
    phone.stay(4)
    phone.stay(4)

    reasons = [each["data"]["change_reason"] for each in events(hypertrack, "eta_change")]
    assert reasons == ["traffic_update", "position_update"]


@pytest.mark.parametrize(("minutes", "delayed"), [(28, False), (45, True)])
def test_who_would_come_more_than_ten_minutes_late_is_delayed_once(
    hypertrack: FakeHyperTrack, phone: Phone, minutes: int, delayed: bool
) -> None:
    track(hypertrack)
    phone.drive_to(*SITE, minutes=minutes)

    late = events(hypertrack, "delayed")

    assert len(late) == delayed
    for each in late:
        planned, arrival = (moment(each["data"][n]) for n in ("scheduled_at", "arrive_at"))
        assert timedelta(minutes=10) < arrival - planned < timedelta(minutes=11)


def test_without_a_plan_the_first_estimate_is_what_it_is_late_against(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack, track_mode="full_shift")
    hypertrack.order(ACCOUNT, ORDER).scheduled_at = None
    phone.drive_to(*SITE, minutes=40)

    late = one(hypertrack, "delayed")["data"]

    assert "scheduled_at" not in late
    assert moment(late["arrive_at"]) - moment(late["initial_eta"]) > timedelta(minutes=10)


def test_a_later_plan_makes_it_late_anew(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    track(hypertrack)
    phone.stay(60)
    later = {"scheduled_at": "2026-03-04T09:10:00Z"}
    call(hypertrack, "PATCH", f"/orders/{ORDER}", later)
    phone.stay(60)

    assert len(events(hypertrack, "delayed")) == 2


def test_the_risk_grows_with_the_delay_and_goes_with_it(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack)
    hypertrack.hold_up(ACCOUNT, ORDER, minutes=30)
    phone.stay(1)
    hypertrack.hold_up(ACCOUNT, ORDER, minutes=-30)
    phone.stay(1)

    found = [
        each["data"]["risks"]["delayed_from_scheduled_at"]
        for each in events(hypertrack, "risk_updated")
    ]
    assert [each["intensity_label"] for each in found] == ["red", "green"]
    assert [each["previous_intensity_label"] for each in found] == ["green", "red"]


def test_nearness_is_told_once_at_five_minutes(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack)
    phone.drive_to(*SITE, minutes=20)

    near = one(hypertrack, "n_minutes_away")["data"]

    assert near["remaining_minutes"] == 5
    assert 290 <= near["remaining_duration"] <= 300


def test_who_is_tracked_on_shift_only_has_no_estimates(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack, track_mode="on_shift")
    phone.drive_to(*SITE, minutes=60)

    assert values(hypertrack) == ["assigned", "started", "arrived"]


# ── arrivals and departures ───────────────────────────────────────────────────


def test_it_arrives_and_leaves_where_the_circle_is_crossed(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack)
    phone.drive_to(*SITE, minutes=20)
    phone.stay(30)
    phone.drive_to(*DEPOT, minutes=20)

    arrival = one(hypertrack, "arrived")["data"]["arrival"]
    left = one(hypertrack, "exited")["data"]

    lon, lat = arrival["location"]["coordinates"]
    assert 100 - WAY / 120 <= distance(Place(lat, lon), Place(*SITE)) <= 100
    lon, lat = left["exit"]["location"]["coordinates"]
    assert 100 < distance(Place(lat, lon), Place(*SITE)) <= 100 + WAY / 120
    assert left["reason"] == "location"
    assert left["scheduled_at"] == "2026-03-04T08:20:00.000Z"


def test_who_comes_back_arrives_again(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    track(hypertrack)
    for place in (SITE, DEPOT, SITE):
        phone.drive_to(*place, minutes=7)

    assert values(hypertrack)[-3:] == ["arrived", "exited", "arrived"]


def test_the_destination_of_an_order_is_no_geofence(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack)
    phone.drive_to(*SITE, minutes=20)
    assert told(hypertrack, "geofence") == []

    fence(hypertrack, phone)
    phone.stay(1)
    assert len(told(hypertrack, "geofence")) == 1


def test_a_completed_order_says_what_it_took(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    track(hypertrack)
    phone.drive_to(*SITE, minutes=20)
    phone.stay(30)
    act(hypertrack, "complete")

    done = one(hypertrack, "completed")
    arrived = at(one(hypertrack, "arrived"))

    assert done["data"]["duration"] == 50 * 60
    assert done["data"]["distance"] == pytest.approx(WAY, abs=5)
    assert done["data"]["deviation"] == 0
    assert done["data"]["actual_service_time"] == round((at(done) - arrived).total_seconds())


def test_after_its_end_an_order_is_not_told_of(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    phone.clock_in()
    track(hypertrack)
    phone.drive_to(*SITE, minutes=20)
    act(hypertrack, "complete")
    before = values(hypertrack)

    phone.drive_to(*DEPOT, minutes=20)

    assert values(hypertrack) == before
    assert before[-1] == "completed"


def test_a_switch_tells_of_an_exit_that_nobody_made(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    hypertrack.switches.order_exit_on_end = True
    track(hypertrack)
    phone.drive_to(*SITE, minutes=20)
    act(hypertrack, "complete")

    assert values(hypertrack)[-2:] == ["completed", "exited"]
    left = one(hypertrack, "exited")["data"]
    assert left["reason"] == "geofence_deleted"
    assert left["exit"]["location"] is None


@pytest.mark.parametrize("switch", [False, True])
def test_a_switch_makes_an_outage_an_exit(
    hypertrack: FakeHyperTrack, phone: Phone, switch: bool
) -> None:
    hypertrack.switches.order_exit_on_outage = switch
    track(hypertrack)
    phone.drive_to(*SITE, minutes=20)
    phone.status("inactive", reason="location_services_disabled")

    assert [each["data"]["reason"] for each in events(hypertrack, "exited")] == (
        ["outage"] if switch else []
    )


def test_what_is_recorded_offline_is_told_later_with_its_own_times(
    hypertrack: FakeHyperTrack, clock: Clock, phone: Phone
) -> None:
    track(hypertrack)
    phone.offline()
    phone.drive_to(*SITE, minutes=20)
    phone.stay(30)
    assert "arrived" not in values(hypertrack)
    clock.forward(360)
    act(hypertrack, "complete")
    phone.online()

    arrived, done = one(hypertrack, "arrived"), one(hypertrack, "completed")
    assert at(arrived) < MORNING + timedelta(minutes=20)
    assert moment(arrived["created_at"]) == at(done) == MORNING + timedelta(hours=6)
    assert values(hypertrack)[-2:] == ["completed", "arrived"]


def test_who_was_inside_before_being_offline_does_not_arrive_again(
    hypertrack: FakeHyperTrack, clock: Clock, phone: Phone
) -> None:
    track(hypertrack)
    phone.drive_to(*SITE, minutes=20)
    phone.offline()
    phone.stay(30)
    phone.drive_to(*DEPOT, minutes=20)
    clock.forward(120)
    act(hypertrack, "complete")
    phone.online()

    assert values(hypertrack)[-3:] == ["arrived", "completed", "exited"]
    assert at(one(hypertrack, "exited")) < at(one(hypertrack, "completed"))


def test_a_phone_with_a_wrong_clock_arrives_by_its_own_time(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack)
    phone.set_clock(-3600)
    phone.drive_to(*SITE, minutes=20)

    arrived = one(hypertrack, "arrived")
    assert at(arrived) < MORNING < moment(arrived["created_at"])


def test_an_order_names_its_worker_even_if_the_device_went_to_another(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack)
    call(hypertrack, "POST", "/workers/", {"worker_handle": COLLEAGUE})
    call(hypertrack, "PATCH", f"/workers/{COLLEAGUE}", {"device_id": phone.device_id})

    act(hypertrack, "cancel")

    assert one(hypertrack, "cancelled")["worker_handle"] == HANDLE


def test_a_disabled_order_is_not_told_of(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    phone.clock_in()
    track(hypertrack)
    act(hypertrack, "disable")
    phone.drive_to(*SITE, minutes=20)
    assert values(hypertrack)[-1] == "disabled"

    act(hypertrack, "enable")
    phone.stay(1)
    assert values(hypertrack)[-2:] == ["enabled", "arrived"]


def test_the_new_workers_way_is_estimated_anew(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    colleague = linked(hypertrack, COLLEAGUE)
    colleague.be_at(SITE[0] + 0.05, SITE[1])
    track(hypertrack)
    act(hypertrack, "reassign", {"worker_handle": COLLEAGUE})

    first, second = events(hypertrack, "first_eta")

    assert (first["device_id"], second["device_id"]) == (phone.device_id, colleague.device_id)
    assert second["data"]["remaining_distance"] > first["data"]["remaining_distance"]


# ── on demand ─────────────────────────────────────────────────────────────────


def declared() -> list[str]:
    variants = contract()["components"]["schemas"]
    names = [each for each in variants if each.endswith("WebhookEventData")]
    return sorted(
        v["allOf"][1]["properties"]["value"]["enum"][0] for n in names if (v := variants[n])
    )


@pytest.mark.parametrize("value", [*declared(), *sorted(UNDECLARED)])
def test_every_value_can_be_told_on_demand(
    hypertrack: FakeHyperTrack, phone: Phone, value: str
) -> None:
    track(hypertrack)

    event = hypertrack.tell_order(ACCOUNT, ORDER, value)

    assert event.body["data"]["value"] == value
    assert only(hypertrack).told[-1] is event
    if value not in UNDECLARED:
        assert schema_problems("OrderWebhookEvent", event.body) == []
    assert phone


def test_what_is_told_on_demand_can_say_more(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    track(hypertrack)
    assert phone

    told = hypertrack.tell_order(ACCOUNT, ORDER, "exited", reason="deleted", place_handle="p")

    assert told.body["data"]["place_handle"] == "p"


def test_an_order_without_a_device_cannot_be_told_of(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    assert phone
    track(hypertrack)
    act(hypertrack, "reschedule", {"scheduled_at": "2026-03-05T08:00:00Z"})

    with pytest.raises(ValueError, match="no device"):
        hypertrack.tell_order(ACCOUNT, ORDER, "updated")


def test_a_switch_tells_of_routes(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    assert phone
    hypertrack.switches.route_events = True
    track(hypertrack)
    act(hypertrack, "complete")

    routes = [each["data"]["value"] for each in told(hypertrack, "route")]
    assert routes == ["created", "assigned", "started", "completed"]


# ── the phone's buttons ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("button", "value"), [("complete_order", "completed"), ("cancel_order", "cancelled")]
)
def test_the_app_ends_an_order_with_note_and_photos(
    hypertrack: FakeHyperTrack, button: str, value: str
) -> None:
    phone = android(hypertrack)

    getattr(phone, button)(ORDER, note="done", photos=["p1"], at=MORNING + timedelta(minutes=5))

    assert values(hypertrack)[-2:] == ["updated", value]
    ended = one(hypertrack, value)
    assert ended["data"]["metadata"]["visits_app"] == {"note": "done", "photos": ["p1"]}
    assert ended["data"]["metadata"]["appointment_id"] == "08pXX0000000abcYAA"
    assert at(ended) == MORNING + timedelta(minutes=5)
    assert not phone.tracking


def test_without_note_and_photos_the_app_writes_no_metadata(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack)

    phone.complete_order(ORDER)

    assert "updated" not in values(hypertrack)
    assert values(hypertrack)[-1] == "completed"


def test_the_app_snoozes_by_disabling(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    track(hypertrack)

    phone.snooze_order(ORDER)
    with pytest.raises(NotPossible):
        phone.snooze_order(ORDER)
    phone.unsnooze_order(ORDER)

    assert values(hypertrack)[-2:] == ["disabled", "enabled"]


@pytest.mark.parametrize(
    ("app", "has"),
    [
        ("android-0.7", False),
        ("android-0.8", True),
        ("android-0.9", True),
        ("ios-2.5", False),
        ("ios-2.9", True),
        ("ios-2.20", True),
    ],
)
def test_only_later_apps_show_orders(hypertrack: FakeHyperTrack, app: str, has: bool) -> None:
    phone = android(hypertrack, app)

    assert [each.handle for each in phone.visible_orders()] == ([ORDER] if has else [])
    if not has:
        with pytest.raises(NotPossible):
            phone.complete_order(ORDER)


def test_an_iphone_takes_no_photos_of_orders(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    track(hypertrack)

    with pytest.raises(NotPossible):
        phone.complete_order(ORDER, photos=["p1"])


def test_the_app_shows_no_orders_of_others_and_none_that_ended(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    colleague = linked(hypertrack, COLLEAGUE)
    track(hypertrack)
    with pytest.raises(NotPossible):
        colleague.complete_order(ORDER)

    phone.complete_order(ORDER)

    with pytest.raises(NotPossible):
        phone.complete_order(ORDER)


def test_what_is_pressed_offline_is_told_later_with_its_own_time(
    hypertrack: FakeHyperTrack, clock: Clock, phone: Phone
) -> None:
    track(hypertrack)
    phone.offline()
    phone.drive_to(*SITE, minutes=20)
    pressed = phone.stay(30)
    phone.complete_order(ORDER, note="done")
    assert only(hypertrack).live
    clock.forward(120)
    phone.online()

    done = one(hypertrack, "completed")
    assert at(done) == pressed
    assert moment(done["created_at"]) == MORNING + timedelta(hours=2)
    assert only(hypertrack).completed_at == pressed
    assert values(hypertrack)[-3:] == ["arrived", "updated", "completed"]
    assert not phone.tracking


def test_what_ended_meanwhile_is_not_ended_again(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack)
    phone.offline()
    phone.complete_order(ORDER, note="done")
    act(hypertrack, "cancel")
    phone.online()

    assert values(hypertrack)[-1] == "cancelled"
    assert "updated" not in values(hypertrack)


@pytest.mark.parametrize("status", ["ClockIn", "ClockOut", "Custom"])
def test_todays_sdk_marks_an_order(
    hypertrack: FakeHyperTrack, phone: Phone, status: Any
) -> None:
    track(hypertrack)
    phone.drive_to(*SITE, minutes=20)
    phone.geotag_order(ORDER, status, {"by": "Rosa"})

    (geotag,) = told(hypertrack, "geotag")

    assert geotag["version"] == "3.0.0"
    assert not {"location", "worker_handle"} & geotag.keys()
    data = geotag["data"]
    assert (data["order_handle"], data["order_status"]) == (ORDER, status)
    assert (data["metadata"], data["worker_handle"]) == ({"by": "Rosa"}, HANDLE)
    assert data["deviation"] == 0
    assert data["distance"] == pytest.approx(WAY, abs=5)
    assert data["location"] == data["expected_location"]


def test_a_mark_made_offline_or_without_a_location_is_told_all_the_same(
    hypertrack: FakeHyperTrack, clock: Clock, phone: Phone
) -> None:
    track(hypertrack)
    phone.status("inactive", reason="location_services_disabled")
    phone.offline()
    phone.geotag_order(ORDER, "ClockIn")
    clock.forward(60)
    phone.online()

    (geotag,) = told(hypertrack, "geotag")
    assert at(geotag) == MORNING
    assert "location" not in geotag["data"]


def test_a_clock_in_of_the_visits_app_is_still_a_geotag(hypertrack: FakeHyperTrack) -> None:
    phone = android(hypertrack)

    phone.clock_in()
    phone.complete_order(ORDER)
    assert phone.tracking
    phone.clock_out()

    kinds = [each["data"]["metadata"]["type"] for each in told(hypertrack, "geotag")]
    assert kinds == ["CLOCK_IN", "CLOCK_OUT"]
    assert not phone.tracking


def android(hypertrack: FakeHyperTrack, app: str = "android-0.8") -> Phone:
    """A phone whose app does not link itself, linked, with an order."""
    phone = phone_of(hypertrack, app)
    call(hypertrack, "PATCH", f"/workers/{HANDLE}", {"device_id": phone.device_id})
    track(hypertrack)
    return phone
