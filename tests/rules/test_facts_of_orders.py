"""What orders tell, and whose they are."""

from __future__ import annotations

from typing import Any

import pytest

from fieldlink.hearing import facts
from fieldlink.hearing.envelope import Ignored
from fieldlink.models import Fact, Kind, Travel
from fieldlink.records import Order
from tests.fakes import NOON
from tests.make import (
    APPOINTMENT,
    ASSIGNMENT,
    COLLEAGUE,
    CONNECTION,
    DEVICE,
    HANDLE,
    NINE,
    RESOURCE,
    at,
    device_event,
    estimate,
    geotag,
    order,
    report,
)

ANOTHER = "08p000000000002AAA"
IDS = {"service_appointment_id": APPOINTMENT, "service_resource_id": RESOURCE}


def remembered(**more: Any) -> Order:
    fields = {
        "connection": CONNECTION,
        "id": HANDLE,
        "appointment": APPOINTMENT,
        "resource": RESOURCE,
        "assignment": ASSIGNMENT,
        **more,
    }
    return Order.model_validate(fields)


def read(content: Any, *orders: Order) -> Fact | Ignored:
    known = {each.id: each for each in orders}
    return facts.read(report(content), known.get)


def told(content: Any, *orders: Order) -> Fact:
    found = read(content, *orders)
    assert isinstance(found, Fact), found
    return found


def ignored(content: Any, *orders: Order) -> str:
    found = read(content, *orders)
    assert isinstance(found, Ignored), found
    return found.reason


# ── whose ─────────────────────────────────────────────────────────────────────


def anonymous(handle: str, **more: Any) -> dict[str, Any]:
    """An order's event that names nobody."""
    return {**order(handle=handle, **more), "worker_handle": None}


@pytest.mark.parametrize(
    ("content", "orders"),
    [
        (anonymous("any-handle"), [remembered(id="any-handle")]),
        (anonymous("any-handle", metadata=IDS), []),
        (anonymous(HANDLE), []),
        (anonymous(f"{HANDLE}-2026-03-04"), []),
        (anonymous(f"{HANDLE}-2026-03-04", metadata={"service_appointment_id": 5}), []),
        ({**anonymous(APPOINTMENT), "driver_handle": RESOURCE[:15]}, []),
    ],
)
def test_an_order_is_known_by_record_by_metadata_or_by_its_handle(
    content: Any, orders: list[Order]
) -> None:
    arrived = told(content, *orders)

    assert (arrived.appointment, arrived.resource) == (APPOINTMENT, RESOURCE)


def test_what_we_remember_of_an_order_counts_more_than_what_it_carries() -> None:
    metadata = {"service_appointment_id": ANOTHER, "service_resource_id": COLLEAGUE}

    arrived = told(anonymous(HANDLE, metadata=metadata), remembered())

    assert (arrived.appointment, arrived.resource) == (APPOINTMENT, RESOURCE)


def test_a_reassigned_order_tells_of_whoever_has_it_now() -> None:
    content = {**order(), "worker_handle": COLLEAGUE}

    assert told(content, remembered()).resource == COLLEAGUE


def test_a_worker_with_a_handle_of_another_kind_is_whoever_has_the_order() -> None:
    content = {**order(), "worker_handle": "ada@example.com"}

    assert told(content, remembered()).resource == RESOURCE


@pytest.mark.parametrize(
    "handle", ["", "order-1", RESOURCE, f"{RESOURCE}-{APPOINTMENT}", {}, 5]
)
@pytest.mark.parametrize("value", ["arrived", "completed", "first_eta", "device_switched"])
def test_an_order_that_is_not_ours_is_ignored(handle: Any, value: str) -> None:
    assert ignored(order(value, handle=handle)) == (
        f"order {value}: of an order that is not ours"
    )


# ── coming, going and the end ─────────────────────────────────────────────────


def test_an_arrival_happened_when_the_phone_says_and_not_when_it_was_told() -> None:
    arrived = told(order("arrived", at=at(9, 5), arrival={"recorded_at": at(9).isoformat()}))

    assert (arrived.kind, arrived.at, arrived.order) == (Kind.ARRIVED, at(9), HANDLE)
    assert arrived.travel is None


def test_an_arrival_that_tells_its_way_need_not_be_asked_for() -> None:
    assert told(order("arrived", route_to={"duration": 60})).travel == Travel(seconds=60)


@pytest.mark.parametrize("reason", [None, "", "location", 0.0])
def test_leaving_is_a_departure(reason: Any) -> None:
    content = order("exited", at=at(10, 1), exit={"recorded_at": at(10).isoformat()})
    content["data"]["reason"] = reason or None if reason != "location" else reason

    assert (told(content).kind, told(content).at) == (Kind.LEFT, at(10))


@pytest.mark.parametrize("reason", ["outage", "geofence_deleted", "deleted", "something new"])
def test_an_exit_that_nobody_saw_is_no_departure(reason: str) -> None:
    assert "no departure was seen" in ignored(order("exited", reason=reason))


@pytest.mark.parametrize(
    ("value", "kind"), [("completed", Kind.CHECKED_OUT), ("cancelled", Kind.CANCELLED)]
)
def test_the_end_of_an_order_is_told_with_the_note_and_the_photos(
    value: str, kind: Kind
) -> None:
    metadata = {"visits_app": {"note": "Replaced the valve", "photos": ["p-1", "p-2"]}}

    ended = told(order(value, metadata=metadata), remembered())

    assert (ended.kind, ended.note, ended.photos) == (
        kind,
        "Replaced the valve",
        ("p-1", "p-2"),
    )


@pytest.mark.parametrize("value", ["completed", "cancelled"])
def test_an_end_that_we_made_ourselves_tells_nothing(value: str) -> None:
    assert ignored(order(value), remembered(ended_by_us=True)) == (
        f"order {value}: we ended it ourselves"
    )


def test_an_arrival_is_told_though_we_have_ended_the_order_since() -> None:
    assert told(order("arrived"), remembered(ended_by_us=True)).kind is Kind.ARRIVED


def test_a_start_shows_that_the_device_tracks() -> None:
    began = told(order("started"))

    assert (began.kind, began.device, began.resource) == (Kind.TRACKING_BEGAN, DEVICE, RESOURCE)


# ── estimates ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("first_eta", "first_eta"),
        ("eta", "eta"),
        ("n_minutes_away", "n_minutes_away"),
        ("traffic_update", "traffic_update"),
    ],
)
def test_an_estimate_tells_when_the_resource_arrives_and_why_that_is_told(
    cause: str, reason: str
) -> None:
    expected = told(estimate(cause, 25, at=at(9, 5)))

    assert (expected.kind, expected.at) == (Kind.EXPECTED, at(9, 5))
    assert (expected.expected_at, expected.reason) == (at(9, 30), reason)


def test_a_change_without_a_cause_is_a_change() -> None:
    assert told(order("eta_change", remaining_duration=60)).reason == "eta_change"


@pytest.mark.parametrize("left", [{"remaining_duration": "300"}, {"remaining_minutes": 5}])
def test_how_long_it_takes_may_be_told_in_other_ways(left: dict[str, Any]) -> None:
    assert told(order("n_minutes_away", **left)).expected_at == at(9, 5)


@pytest.mark.parametrize(
    "left", [None, "soon", -1, 10**9, 10**300, True, [], {"seconds": 5}], ids=str
)
@pytest.mark.parametrize("value", ["first_eta", "eta", "eta_change", "n_minutes_away"])
def test_an_estimate_without_a_time_is_none(value: str, left: Any) -> None:
    content = order(value, remaining_duration=left)

    assert ignored(content) == f"order {value}: it holds no estimate"


def test_a_delay_tells_the_expected_and_the_planned_time() -> None:
    times: Any = {"arrive_at": at(9, 40).isoformat(), "scheduled_at": at(9, 15).isoformat()}

    late = told(order("delayed", **times))

    assert (late.kind, late.expected_at, late.scheduled_at) == (
        Kind.DELAYED,
        at(9, 40),
        at(9, 15),
    )
    assert ignored(order("delayed")) == "order delayed: it holds no estimate"


# ── the same and not the same ─────────────────────────────────────────────────


def test_the_same_event_read_again_is_the_same_fact() -> None:
    assert told(order()).key == told(order()).key


@pytest.mark.parametrize(
    "other",
    [
        order("exited"),
        order(at=at(9, 0, 1)),
        order(handle=f"{HANDLE}-2026-03-05"),
        order(route_handle="route-2"),
    ],
)
def test_another_handle_value_time_or_route_is_another_fact(other: Any) -> None:
    assert told(order()).key != told(other).key


# ── devices, geotags, geofences and links of orders ───────────────────────────


def test_an_order_that_is_tracked_by_another_device_now_shows_that_one() -> None:
    switched = told(order("device_switched", previous_device_id=DEVICE, new_device_id="d-2"))

    assert (switched.kind, switched.device) == (Kind.DEVICE_SEEN, "d-2")
    assert switched.resource == RESOURCE
    assert not switched.key.startswith("registration_update/")
    assert "names no device" in ignored(order("device_switched"))


@pytest.mark.parametrize("member", ["order_handle", "order_id"])
def test_a_button_pressed_at_an_order_is_of_its_work(member: str) -> None:
    content = geotag("CHECK_OUT", geofence_id=None, visit_note="Replaced the valve")
    where = content["data"] if member == "order_handle" else content["data"]["metadata"]
    where[member] = HANDLE

    out = told(content, remembered())

    assert (out.kind, out.appointment, out.resource) == (
        Kind.CHECKED_OUT,
        APPOINTMENT,
        RESOURCE,
    )
    assert (out.order, out.note) == (HANDLE, "Replaced the valve")


def test_a_button_pressed_at_an_order_of_others_is_ignored() -> None:
    assert ignored(geotag("CHECK_OUT", geofence_id=None, order_id="c0ffee")) == (
        "geotag of an order that is not ours"
    )


@pytest.mark.parametrize("status", ["ClockIn", "CLOCK_IN", "clock in", "clockIn"])
def test_a_customers_own_app_clocks_in_at_an_order(status: str) -> None:
    data = {"order_handle": HANDLE, "order_status": status, "metadata": {"mood": "fine"}}
    clocked = told(device_event("geotag", data=data))

    assert (clocked.kind, clocked.resource, clocked.appointment) == (
        Kind.CLOCKED_IN,
        RESOURCE,
        "",
    )


@pytest.mark.parametrize("status", ["Custom", "", None, [], "ClockedOff"])
def test_another_status_of_an_app_is_kept_and_ignored(status: Any) -> None:
    data = {"order_handle": HANDLE, "order_status": status, "metadata": {"event": "check_out"}}

    assert "no Visits App button" in ignored(device_event("geotag", data=data))


def test_a_geofence_that_names_an_order_is_of_its_work() -> None:
    data = {"value": "entry", "order_handle": HANDLE, "place_handle": "somewhere"}

    arrived = told(device_event("geofence", data=data))

    assert (arrived.kind, arrived.appointment, arrived.at) == (Kind.ARRIVED, APPOINTMENT, NINE)


def link(url: str, **more: Any) -> dict[str, Any]:
    """What SyncTracking puts into the queue."""
    data = {"appointment": APPOINTMENT, "resource": COLLEAGUE, "order_handle": HANDLE}
    return {"type": "fieldlink.link", "data": {**data, "link": url, **more}}


def test_a_link_comes_through_the_queue_of_events_as_it_was_sent() -> None:
    offered = told(link("https://trck.at/x"), remembered())
    withdrawn = told(link(""), remembered())

    assert (offered.kind, offered.link) == (Kind.LINK_OFFERED, "https://trck.at/x")
    assert (withdrawn.kind, withdrawn.link) == (Kind.LINK_WITHDRAWN, "")
    assert {(each.resource, each.order) for each in (offered, withdrawn)} == {
        (COLLEAGUE, HANDLE)
    }
    assert offered.at == NOON


def test_a_link_may_be_taken_back_when_nobody_has_the_order_any_more() -> None:
    taken_back = told(link("", resource="", order_handle=""))

    assert (taken_back.kind, taken_back.resource) == (Kind.LINK_WITHDRAWN, "")
    assert "no appointment" in ignored(link("", appointment="", order_handle="x"))
