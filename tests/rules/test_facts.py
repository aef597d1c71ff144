"""What HyperTrack's events say, in all the shapes that they have had."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.errors import Refused
from fieldlink.hearing import facts
from fieldlink.hearing.envelope import Ignored
from fieldlink.models import Fact, Kind, Travel
from tests.fakes import NOON
from tests.make import (
    APPOINTMENT,
    DEVICE,
    GEOFENCE,
    NINE,
    RESOURCE,
    at,
    device_event,
    estimate,
    event,
    geotag,
    order,
    report,
)

REGISTRATIONS = ("registration", "registration_update", "reinstall")
NO_TIMES = [
    None,
    "yesterday",
    "2026-03-04T09:00:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    10**30,
]
BUTTONS = [
    ("CLOCK_IN", Kind.CLOCKED_IN),
    ("CLOCK_OUT", Kind.CLOCKED_OUT),
    ("PICK_UP", Kind.ON_THE_WAY),
    ("CHECK_IN", Kind.CHECKED_IN),
    ("VISIT_ADDED", Kind.CHECKED_IN),
    ("CHECK_OUT", Kind.CHECKED_OUT),
    ("VISIT_MARKED_COMPLETE", Kind.CHECKED_OUT),
    ("CANCEL", Kind.CANCELLED),
    ("VISIT_MARKED_CANCELED", Kind.CANCELLED),
]


def told(content: Any) -> Fact:
    found = facts.read(report(content))
    assert isinstance(found, Fact), found
    return found


def ignored(content: Any) -> Ignored:
    found = facts.read(report(content))
    assert isinstance(found, Ignored), found
    return found


def fact_of(content: Any) -> Fact:
    """Without its key, which may hold what else there is."""
    return told(content).model_copy(update={"key": ""})


def with_metadata(name: str, value: Any) -> dict[str, Any]:
    content = geotag()
    content["data"]["metadata"][name] = value
    return content


# ── geofences ─────────────────────────────────────────────────────────────────


def test_an_entry_is_an_arrival_at_the_time_of_the_device() -> None:
    arrived = told(event("entry", at=at(9, 1, 2)))

    assert (arrived.kind, arrived.at) == (Kind.ARRIVED, at(9, 1, 2))
    assert (arrived.appointment, arrived.resource) == (APPOINTMENT, RESOURCE)
    assert (arrived.device, arrived.geofence) == (DEVICE, GEOFENCE)
    assert arrived.travel == Travel(metres=1234, seconds=930, idle_seconds=12)


def test_an_exit_tells_when_the_visit_that_it_ends_began() -> None:
    left = told(event("exit", at=at(10)))

    assert (left.kind, left.at, left.arrived_at) == (Kind.LEFT, at(10), at(9))


@pytest.mark.parametrize("exit_", [None, {}, {"location": None}, {"recorded_at": None}, 5])
def test_an_exit_without_its_own_time_has_that_of_the_event(exit_: Any) -> None:
    assert told(event("exit", at=at(10), exit=exit_)).at == at(10)


@pytest.mark.parametrize(
    "arrival", [None, {}, {"recorded_at": None}, {"recorded_at": "soon"}, "text", []]
)
def test_an_exit_that_tells_no_arrival_is_still_a_departure(arrival: Any) -> None:
    left = told(event("exit", arrival=arrival))

    assert (left.kind, left.arrived_at) == (Kind.LEFT, None)


@pytest.mark.parametrize("location", [None, {}, {"coordinates": None}])
def test_the_place_of_an_exit_may_be_missing(location: Any) -> None:
    moment = {"recorded_at": at(10).isoformat(), "location": location}

    assert told(event("exit", at=at(10), exit=moment)).at == at(10)


@pytest.mark.parametrize(
    "route", [None, {}, [], "far", {"distance": "far"}, {"duration": [1]}, {"distance": None}]
)
def test_without_a_readable_way_there_is_no_travel(route: Any) -> None:
    assert told(event(route_to=route)).travel is None


@pytest.mark.parametrize("endless", [b"1e999", b"-1e999"])
def test_a_way_without_end_is_no_travel(endless: bytes) -> None:
    content = json.loads(json.dumps(event()).encode().replace(b"930", endless))

    assert told(content).travel is None


def test_part_of_a_way_is_kept() -> None:
    assert told(event(route_to={"duration": 60})).travel == Travel(seconds=60)


def test_ids_of_fifteen_characters_become_eighteen() -> None:
    short = {"service_appointment_id": APPOINTMENT[:15], "service_resource_id": RESOURCE[:15]}

    arrived = told(event(geofence_metadata=short))

    assert (arrived.appointment, arrived.resource) == (APPOINTMENT, RESOURCE)


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        [],
        "text",
        {"service_appointment_id": APPOINTMENT},
        {"service_resource_id": RESOURCE},
        {"service_appointment_id": RESOURCE, "service_resource_id": APPOINTMENT},
        {"service_appointment_id": "1' OR Id != '", "service_resource_id": RESOURCE},
        {"service_appointment_id": [APPOINTMENT], "service_resource_id": {}},
        {"service_appointment_id": 8, "service_resource_id": 9},
        {"store": "Berlin"},
    ],
)
def test_a_geofence_that_is_not_ours_is_ignored(metadata: Any) -> None:
    assert ignored(event(geofence_metadata=metadata)).reason == "geofence that is not ours"


@pytest.mark.parametrize("value", ["", "dwell", None, 5])
def test_an_unknown_geofence_value_is_ignored(value: Any) -> None:
    assert ignored({**event(), "data": {**event()["data"], "value": value}}).reason


def test_entry_and_exit_of_one_visit_are_two_facts() -> None:
    entry = told(event("entry", at=at(9), marker_id="visit-1"))
    left = told(event("exit", at=at(10), marker_id="visit-1"))

    assert entry.key != left.key


def test_a_visit_without_a_marker_is_told_by_device_place_and_time() -> None:
    first = told(event(at=at(9), marker_id=None))
    second = told(event(at=at(11), marker_id=None))

    assert first.key != second.key


# ── geotags ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("action", "kind"), BUTTONS)
@pytest.mark.parametrize("type_", ["geotag", "custom_marker"])
def test_every_button_of_every_visits_app_has_its_meaning(
    action: str, kind: Kind, type_: str
) -> None:
    pressed = told({**geotag(action, at=at(9, 30)), "type": type_})

    assert (pressed.kind, pressed.at, pressed.geofence) == (kind, at(9, 30), GEOFENCE)


def test_the_first_visits_app_said_completed_and_no_type() -> None:
    content = geotag(completed=True)
    del content["data"]["metadata"]["type"]

    assert told(content).kind is Kind.CHECKED_OUT


@pytest.mark.parametrize("completed", [False, None, "true", 1])
def test_only_true_is_completed(completed: Any) -> None:
    content = geotag("SOMETHING", completed=completed)

    assert ignored(content).reason == (
        "geotag SOMETHING: no Visits App button writes such a one"
    )


@pytest.mark.parametrize("name", ["visit_note", "delivery_note", "order_note"])
def test_the_note_has_had_three_names(name: str) -> None:
    assert told(with_metadata(name, "Replaced the valve")).note == "Replaced the valve"


@pytest.mark.parametrize("name", ["_visit_photos", "_visit_photo", "order_photos"])
@pytest.mark.parametrize("photos", ["p-1", ["p-1"], ("p-1",)])
def test_photos_have_had_three_names_and_two_shapes(name: str, photos: Any) -> None:
    assert told(with_metadata(name, photos)).photos == ("p-1",)


@pytest.mark.parametrize("photos", [5, True, 1.5, {"a": "b"}, [None, {"a": 1}]])
def test_odd_photos_are_no_reason_to_lose_a_check_out(photos: Any) -> None:
    assert told(geotag(order_photos=photos)).kind is Kind.CHECKED_OUT


def test_clocking_in_needs_no_geofence() -> None:
    assert told(geotag("CLOCK_IN", geofence_id=None)).kind is Kind.CLOCKED_IN


def test_a_visit_that_was_never_planned_is_ignored() -> None:
    assert "never planned" in ignored(geotag("CHECK_IN", geofence_id=None)).reason


@pytest.mark.parametrize("member", ["worker_handle", "driver_handle"])
def test_a_geotag_may_say_whose_it_is(member: str) -> None:
    assert told({**geotag(), member: RESOURCE[:15]}).resource == RESOURCE


def test_the_same_button_pressed_again_is_another_fact() -> None:
    assert told(geotag(at=at(9))).key != told(geotag(at=at(9, 0, 1))).key


def test_two_buttons_of_one_second_are_two_facts() -> None:
    assert told(geotag("CHECK_IN")).key != told(geotag("CHECK_OUT")).key


# ── devices, tests, and all the rest ──────────────────────────────────────────


@pytest.mark.parametrize("kind", REGISTRATIONS)
def test_a_registration_shows_a_device(kind: str) -> None:
    seen = told(device_event(kind))

    assert (seen.kind, seen.device) == (Kind.DEVICE_SEEN, DEVICE)


def test_a_worker_who_is_linked_to_a_device_shows_whose_it_is() -> None:
    content = device_event(
        "worker", data={"value": "device_linked", "worker_handle": RESOURCE[:15]}
    )

    assert (told(content).device, told(content).resource) == (DEVICE, RESOURCE)


def test_a_registration_without_times_happened_when_it_came() -> None:
    content = device_event(recorded_at=None, created_at=None)

    assert told(content).at == NOON


def test_a_registration_without_a_device_is_ignored() -> None:
    assert ignored(device_event(device_id="")).reason == "registration without a device"


def test_the_dashboards_test_event_is_recognised() -> None:
    content = {"type": "location", "device_id": "TEST_DEVICE_ID", "data": {}}

    assert told(content).kind is Kind.WEBHOOK_TESTED


@pytest.mark.parametrize("kind", ["", "trip", "order", "worker", "brand_new"])
def test_what_is_not_for_us_is_ignored_and_says_what_it_was(kind: str) -> None:
    found = ignored({"type": kind, "device_id": DEVICE, "data": {"value": "x"}})

    assert found.reason == f"{kind or 'event without type'} x"
    assert found.device == DEVICE


@pytest.mark.parametrize(
    "content",
    [
        None,
        5,
        "text",
        [],
        [event()],
        *({**each, "data": []} for each in (event(), geotag(), order())),
        *(device_event(each, data=[]) for each in ("worker", "device_status", "battery")),
        *({**geotag(), "recorded_at": odd} for odd in NO_TIMES),
        *({**order(), "recorded_at": odd} for odd in NO_TIMES),
        {**event(exit=None, arrival=None), "recorded_at": None},
        *(device_event(each, device_id=True) for each in REGISTRATIONS),
        device_event("time_offset_changed", data={"value": "much"}),
        device_event("time_offset_changed", data=[]),
    ],
)
def test_what_can_not_be_read_is_refused_with_the_reason(content: Any) -> None:
    with pytest.raises(Refused, match=r"\w"):
        facts.read(report(content))


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(Refused) as refusal:
        facts.read(report({**geotag(), "recorded_at": "at Ada Lovelace's"}))

    assert "Ada" not in str(refusal.value)


ODD: list[dict[str, Any]] = [
    {"data": []},
    {"data": "text"},
    {"device_id": {}},
    {"device_id": True},
    {"recorded_at": "soon, says Ada"},
    {"recorded_at": 10**30},
    {"created_at": []},
    {"worker_handle": {}},
    {"type": []},
    {"type": {}},
]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_what_is_not_for_us_is_ignored_though_it_can_not_be_read(odd: dict[str, Any]) -> None:
    found = ignored(device_event("trip", **odd))

    assert found.reason == ("event without type" if "type" in odd else "trip")
    assert found.kind == ("" if "type" in odd else "trip")


@pytest.mark.parametrize("name", ["account_id", "created_at", "version", "location", "name"])
@pytest.mark.parametrize("odd", [None, "", [], {}, True, 10**30, "Ada"])
@pytest.mark.parametrize(
    "told",
    [event(), event("exit"), geotag(), order(), device_event()],
    ids=lambda it: it["type"],
)
def test_an_odd_member_that_nobody_needs_costs_no_fact(told: Any, odd: Any, name: str) -> None:
    without = {each: value for each, value in told.items() if each != name}

    assert fact_of({**told, name: odd}) == fact_of(without)


NOT_NEEDED = [
    ({**event(), "device_id": {}}, Kind.ARRIVED),
    ({**event(), "recorded_at": "yesterday"}, Kind.ARRIVED),
    ({**event("exit"), "recorded_at": 10**30}, Kind.LEFT),
    ({**geotag(), "worker_handle": True}, Kind.CHECKED_OUT),
    ({**order(arrival={"recorded_at": NINE.isoformat()}), "recorded_at": []}, Kind.ARRIVED),
    (order(status=5, share_url=[], metadata="text", place_handle={}), Kind.ARRIVED),
    (order("exited", reason=None, exit="text", scheduled_at="soon"), Kind.LEFT),
    (order("completed", metadata={"visits_app": []}, duration="long"), Kind.CHECKED_OUT),
    *((device_event(each, data=[]), Kind.DEVICE_SEEN) for each in REGISTRATIONS),
    (device_event("battery", data={"value": "low", "battery_percent": {}}), Kind.BATTERY_LOW),
    (
        device_event("device_status", data={"value": "inactive", "reason": []}),
        Kind.OUTAGE_BEGAN,
    ),
]


@pytest.mark.parametrize(("content", "kind"), NOT_NEEDED)
def test_a_wrong_type_where_nothing_is_needed_costs_no_fact(content: Any, kind: Kind) -> None:
    assert told(content).kind is kind


@pytest.mark.parametrize("member", ["data", "device_id", "recorded_at", "created_at", "type"])
@pytest.mark.parametrize("blank", [None, ""])
def test_a_blank_member_of_the_envelope_is_as_good_as_missing(member: str, blank: Any) -> None:
    content = device_event("trip")

    assert ignored({**content, member: blank}) == ignored(
        {name: value for name, value in content.items() if name != member}
    )


@pytest.mark.parametrize("handle", [None, "", 5, 5.5, 10**30])
def test_an_odd_handle_is_no_reason_to_lose_a_check_out(handle: Any) -> None:
    found = told({**geotag(), "worker_handle": handle})

    assert (found.kind, found.resource) == (Kind.CHECKED_OUT, "")


def test_a_handle_or_a_device_given_as_a_number_is_its_text() -> None:
    assert told(device_event(device_id=5)).device == "5"
    assert ignored(device_event("trip", device_id=5)).device == "5"


def test_a_blank_name_of_a_member_hides_no_other() -> None:
    assert told(device_event(device_id=None, device=DEVICE)).device == DEVICE


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([APPOINTMENT, RESOURCE, NINE.isoformat(), "entry", "CHECK_OUT"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
LIKELY = [
    event("entry"),
    event("exit"),
    geotag(completed=True),
    device_event(),
    device_event("worker", data={"value": "device_linked", "worker_handle": RESOURCE}),
    device_event("device_status", data={"value": "inactive", "reason": "deleted"}),
    device_event("location", data={"geometry": {"type": "Point", "coordinates": [1, 2]}}),
    device_event("time_offset_changed", data={"value": 700}),
    order("arrived", arrival={"recorded_at": NINE.isoformat()}, metadata={"visits_app": {}}),
    order("exited", exit={"recorded_at": NINE.isoformat()}, reason="location"),
    order("completed", metadata={"visits_app": {"note": "a", "photos": ["p"]}}),
    order("delayed", arrive_at=NINE.isoformat(), scheduled_at=NINE.isoformat()),
    estimate("traffic_update", 5),
    order("device_switched", new_device_id="d-2", previous_device_id=DEVICE),
]
PLACES = sorted(
    {("data", name) for each in LIKELY for name in each["data"]}
    | {(name, "") for each in LIKELY for name in each}
    | {("metadata", name) for name in ("type", "geofence_id", "order_photos", "visit_note")}
)


@settings(max_examples=1_500, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from(LIKELY),
    st.dictionaries(st.sampled_from(PLACES), anything, min_size=1, max_size=3),
)
def test_no_event_whatever_stands_in_it_has_an_unforeseen_end(
    likely: dict[str, Any], changes: dict[tuple[str, str], Any]
) -> None:
    content = json.loads(json.dumps(likely))
    for (first, second), value in changes.items():
        data = content.get("data")
        if not second:
            content[first] = value
        elif first == "data" and isinstance(data, dict):
            data[second] = value
        elif isinstance(data, dict) and isinstance(data.get("metadata"), dict):
            data["metadata"][second] = value

    with suppress(Refused):
        found = facts.read(report(content))
        assert type(found).model_validate_json(found.model_dump_json()) == found
