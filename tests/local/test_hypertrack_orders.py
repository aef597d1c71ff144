"""Orders of the simulator: made, changed and ended as the published contract says."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from local.hypertrack import FakeHyperTrack, Phone
from local.hypertrack.openapi import schema_problems
from local.hypertrack.order_state import Order
from tests.local.hypertrack_setting import (
    ACCOUNT,
    DEPOT,
    HANDLE,
    MORNING,
    OTHER,
    OTHER_SECRET,
    SITE,
    Clock,
    call,
    invited,
    phone_of,
    running,
    told,
)

ORDER = "08pXX0000000abcYAA"
COLLEAGUE = "0HnXX0000004CtpSAE"
THERE = {"type": "Point", "coordinates": [SITE[1], SITE[0]]}
SQUARE = {
    "type": "Polygon",
    "coordinates": [
        [[SITE[1] + x, SITE[0] + y] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))]
    ],
}


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


def linked(hypertrack: FakeHyperTrack, handle: str = HANDLE) -> Phone:
    """A phone at the depot whose worker has it."""
    phone = hypertrack.install(invited(hypertrack, handle), "ios-2.20")
    phone.be_at(*DEPOT)
    return phone


def wanted(handle: str = ORDER, **more: Any) -> dict[str, Any]:
    return {
        "order_handle": handle,
        "destination": {"geometry": THERE, "radius": 100},
        "scheduled_at": "2026-03-04T08:20:00Z",
        "expected_service_time": 2700,
        "metadata": {"appointment_id": "08pXX0000000abcYAA"},
        **more,
    }


def ask(hypertrack: FakeHyperTrack, *orders: dict[str, Any], **more: Any) -> requests.Response:
    body = {"worker_handle": HANDLE, "track_mode": "pre_shift", "orders": list(orders)} | more
    return call(hypertrack, "POST", "/orders/track", body)


def track(hypertrack: FakeHyperTrack, *handles: str, **more: Any) -> None:
    orders = [wanted(handle) for handle in handles or [ORDER]]
    assert ask(hypertrack, *orders, **more).status_code == 201


def act(
    hypertrack: FakeHyperTrack, action: str, body: Any = None, handle: str = ORDER
) -> requests.Response:
    return call(hypertrack, "POST", f"/orders/{handle}/{action}", body or {})


def values(hypertrack: FakeHyperTrack, handle: str = ORDER) -> list[str]:
    every = [each["data"] for each in told(hypertrack, "order")]
    return [each["value"] for each in every if each["order_handle"] == handle]


def only(hypertrack: FakeHyperTrack) -> Order:
    (order,) = hypertrack.orders(ACCOUNT)
    return order


# ── tracking ──────────────────────────────────────────────────────────────────


def test_an_order_is_tracked_as_a_route_that_holds_it(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    answer = ask(hypertrack, wanted())

    assert answer.status_code == 201
    body = answer.json()
    assert schema_problems("TrackOrdersResponse", body) == []
    (order,) = body["orders"]
    assert (body["status"], order["status"]) == ("tracking", "ongoing")
    assert order["worker_handle"] == body["worker_handle"] == HANDLE
    assert order["device_id"] == phone.device_id
    assert order["fulfillment_attempt"] == 1
    assert order["route_handle"] == body["route_handle"]
    assert order["metadata"] == {"appointment_id": "08pXX0000000abcYAA"}
    assert order["scheduled_at"] == "2026-03-04T08:20:00.000Z"
    assert order["share_url"].startswith("https://trck.at/")
    assert order["embed_url"].startswith(f"https://embed.hypertrack.com/orders/{ORDER}?")


def test_the_facade_shows_what_was_asked_for(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    track(hypertrack)

    order = only(hypertrack)

    assert (order.handle, order.worker_handle, order.device_id) == (
        ORDER,
        HANDLE,
        phone.device_id,
    )
    assert (order.status, order.track_mode) == ("ongoing", "pre_shift")
    assert (order.geometry, order.radius) == (THERE, 100)
    assert order.scheduled_at == MORNING + timedelta(minutes=20)
    assert order.expected_service_time == 2700
    assert hypertrack.order(ACCOUNT, ORDER) is order
    assert hypertrack.orders(OTHER) == []


def test_a_device_can_be_tracked_without_its_worker(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    answer = ask(hypertrack, wanted(), worker_handle=None, device_id=phone.device_id)

    assert answer.json()["worker_handle"] == HANDLE
    assert phone.tracking


def test_a_polygon_is_a_destination_too(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    assert ask(hypertrack, wanted(destination={"geometry": SQUARE})).status_code == 201

    phone.drive_to(*SITE, minutes=20)

    assert "arrived" in values(hypertrack)
    assert only(hypertrack).radius is None


def test_a_place_is_a_destination_too(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    place = {"place_handle": "p", "geometry": SQUARE, "address": "1 Ferry Building"}
    call(hypertrack, "POST", "/places/v1/", place)

    answer = ask(hypertrack, wanted(destination={"place_handle": "p"}))
    phone.drive_to(*SITE, minutes=20)

    assert answer.json()["orders"][0]["destination"]["geometry"] == SQUARE
    (arrived,) = (e["data"] for e in told(hypertrack, "order") if "arrival" in e["data"])
    assert arrived["place_handle"] == "p"


def test_several_orders_are_one_route_and_all_or_none(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    assert phone
    track(hypertrack, "first", "second")
    refused = ask(hypertrack, wanted("third"), wanted("second"))

    assert refused.status_code == 409
    assert [each.handle for each in hypertrack.orders(ACCOUNT)] == ["first", "second"]
    assert len({each.route_handle for each in hypertrack.orders(ACCOUNT)}) == 1


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"worker_handle": "nobody"}, 404, "driver_not_found"),
        ({"worker_handle": "deleted"}, 404, "driver_deleted"),
        ({"worker_handle": "unlinked"}, 400, "driver_not_linked_to_device"),
        ({"worker_handle": None, "device_id": "NONE"}, 404, "device_not_found"),
        ({"worker_handle": None}, 400, "validation_error"),
        ({"orders": None}, 400, "validation_error"),
        ({"orders": []}, 400, "validation_error"),
        ({"ops_group_handle": "north"}, 400, "ops_group_not_defined"),
        ({"route_handle": "none"}, 404, "route_not_found"),
    ],
)
def test_a_documented_error_is_named(
    hypertrack: FakeHyperTrack, phone: Phone, more: dict[str, Any], status: int, code: str
) -> None:
    for handle in ("deleted", "unlinked"):
        call(hypertrack, "POST", "/workers/", {"worker_handle": handle})
    call(hypertrack, "DELETE", "/workers/deleted")

    answer = ask(hypertrack, wanted(), **more)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert schema_problems("Error", answer.json()) == []
    assert hypertrack.orders(ACCOUNT) == []
    assert not phone.tracking


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"destination": {"place_handle": "p"}}, 400, "destination_place_not_found"),
        ({"destination": {"geofence_id": "g"}}, 404, "geofence_not_found"),
        ({"destination": {"geometry": THERE, "radius": 0}}, 400, "validation_error"),
        (
            {"destination": {"geometry": {"type": "Point", "coordinates": [200, 0]}}},
            400,
            "validation_error",
        ),
        (
            {"destination": {"geometry": {"type": "Polygon", "coordinates": [[[0, 0]]]}}},
            400,
            "validation_error",
        ),
        ({"scheduled_at": "soon"}, 400, "validation_error"),
    ],
)
def test_an_order_that_cannot_be_made_is_refused(
    hypertrack: FakeHyperTrack, phone: Phone, more: dict[str, Any], status: int, code: str
) -> None:
    answer = ask(hypertrack, wanted(**more))

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not phone.tracking


@pytest.mark.parametrize(
    "more",
    [
        {"destination": {}},
        {"destination": {"geometry": THERE, "place_handle": "p"}},
        {"order_handle": ""},
        {"metadata": "text"},
        {"expected_service_time": "long"},
    ],
)
def test_what_breaks_the_schema_is_unprocessable(
    hypertrack: FakeHyperTrack, phone: Phone, more: dict[str, Any]
) -> None:
    answer = ask(hypertrack, wanted(**more))

    assert answer.status_code == 422
    assert schema_problems("ValidationError", answer.json()) == []
    assert not phone.tracking


@pytest.mark.parametrize("state", ["ongoing", "disabled", "unplanned"])
def test_a_handle_is_taken_while_its_order_is_incomplete(
    hypertrack: FakeHyperTrack, phone: Phone, state: str
) -> None:
    track(hypertrack)
    if state == "disabled":
        act(hypertrack, "disable")
    if state == "unplanned":
        act(hypertrack, "reschedule", {"scheduled_at": "2026-03-05T08:00:00Z"})
    assert hypertrack.order(ACCOUNT, ORDER).status == state

    answer = ask(hypertrack, wanted())

    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_resource")
    assert phone


@pytest.mark.parametrize("ending", ["complete", "cancel"])
def test_a_handle_that_ended_is_used_again_as_the_next_attempt(
    hypertrack: FakeHyperTrack, phone: Phone, ending: str
) -> None:
    assert phone
    track(hypertrack)
    act(hypertrack, ending)
    track(hypertrack)

    first, second = hypertrack.orders(ACCOUNT)

    assert (first.fulfillment_attempt, second.fulfillment_attempt) == (1, 2)
    assert first.route_handle != second.route_handle
    assert first.share_url != second.share_url
    details = call(hypertrack, "GET", f"/orders/{ORDER}").json()
    assert details["fulfillment_attempt"] == 2
    assert details["previous_fulfillments"] == [
        {"order_handle": ORDER, "fulfillment_attempt": 1}
    ]
    query = "?fulfillment_attempt=1"
    assert call(hypertrack, "GET", f"/orders/{ORDER}{query}").json()["status"] == first.status


def test_a_route_that_is_named_exists_once(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    assert phone
    track(hypertrack, "first", route={"route_handle": "r"})

    again = ask(hypertrack, wanted("second"), route={"route_handle": "r"})
    tracking = ask(hypertrack, route_handle="r")
    act(hypertrack, "complete", handle="first")
    completed = ask(hypertrack, route_handle="r")

    assert (again.status_code, again.json()["code"]) == (409, "duplicate_resource")
    assert (tracking.status_code, tracking.json()["title"]) == (400, "Route already tracking")
    assert (completed.status_code, completed.json()["title"]) == (
        400,
        "Route already completed",
    )


def test_accounts_do_not_see_each_others_orders(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    assert phone
    track(hypertrack)

    theirs = call(hypertrack, "GET", f"/orders/{ORDER}", auth=(OTHER, OTHER_SECRET))

    assert theirs.status_code == 404


# ── intents ───────────────────────────────────────────────────────────────────


def test_a_phone_is_tracked_from_its_first_order_to_the_end_of_its_last(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    assert not phone.tracking
    track(hypertrack, "first", "second")
    assert phone.tracking

    act(hypertrack, "complete", handle="first")
    assert phone.tracking

    act(hypertrack, "cancel", handle="second")
    assert not phone.tracking


def test_a_clock_in_outlasts_the_order(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    phone.clock_in()
    track(hypertrack)
    act(hypertrack, "complete")
    assert phone.tracking

    phone.clock_out()
    assert not phone.tracking


def test_work_status_outlasts_the_order_and_the_order_outlasts_it(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    def work(tracking: bool) -> None:
        path = f"/workers/{HANDLE}/work_status"
        assert call(hypertrack, "POST", path, {"tracking": tracking}).status_code == 200

    work(True)
    track(hypertrack)
    act(hypertrack, "complete")
    assert phone.tracking

    track(hypertrack)
    work(False)
    assert phone.tracking

    act(hypertrack, "complete")
    assert not phone.tracking


def test_work_status_leaves_a_clock_in_alone(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    phone.clock_in()

    call(hypertrack, "POST", f"/workers/{HANDLE}/work_status", {"tracking": False})

    assert phone.tracking


def test_what_is_stopped_on_the_phone_starts_again_with_the_app(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack)
    phone.set_tracking(False)
    assert not phone.tracking

    phone.restart()

    assert phone.tracking


def test_a_new_push_undoes_what_was_stopped_on_the_phone(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack, "first")
    phone.set_tracking(False)

    track(hypertrack, "second")

    assert phone.tracking


def test_a_phone_that_is_offline_hears_of_its_order_later(
    hypertrack: FakeHyperTrack, clock: Clock, phone: Phone
) -> None:
    phone.offline()
    track(hypertrack)
    assert not phone.tracking

    clock.forward(15)
    phone.online()

    assert phone.tracking
    assert values(hypertrack) == ["assigned", "started", "first_eta"]


def test_a_phone_that_is_offline_hears_only_the_last_word(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    phone.offline()
    track(hypertrack)
    act(hypertrack, "cancel")
    phone.online()

    assert not phone.tracking
    assert told(hypertrack, "device_status") == []


def test_a_disabled_order_does_not_track_until_it_is_enabled(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack)
    act(hypertrack, "disable")
    assert not phone.tracking

    act(hypertrack, "enable")
    assert phone.tracking


def test_a_switch_lets_a_disabled_order_track(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    hypertrack.switches.disabled_order_tracks = True
    track(hypertrack)

    act(hypertrack, "disable")

    assert phone.tracking


# ── reading ───────────────────────────────────────────────────────────────────


def test_the_details_tell_of_the_visit(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    track(hypertrack)
    phone.drive_to(*SITE, minutes=20)
    phone.stay(30)
    phone.drive_to(*DEPOT, minutes=20)
    act(hypertrack, "complete")

    details = call(hypertrack, "GET", f"/orders/{ORDER}").json()

    assert schema_problems("GetOrderTimelineResponse", details) == []
    assert details["status"] == "completed"
    assert details["visited_destination"] is True
    assert details["completed_at_destination"] is False
    assert details["arrived_at"] == details["service_started_at"]
    assert details["exited_at"] == details["service_ended_at"]
    stayed = moment(details["exited_at"]) - moment(details["arrived_at"])
    assert details["actual_service_time"] == stayed.total_seconds()
    assert [each["device_id"] for each in details["device_sessions"]] == [phone.device_id]


def test_the_list_filters_by_what_an_integration_asks(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    assert phone
    track(hypertrack, "first", "second")
    ask(hypertrack, wanted("third", scheduled_at="2026-03-05T08:00:00Z", metadata={"a": "b"}))
    act(hypertrack, "complete", handle="second")

    def found(query: str) -> list[str]:
        answer = call(hypertrack, "GET", f"/orders/{query}")
        assert answer.status_code == 200
        return [each["order_handle"] for each in answer.json()["orders"]]

    assert found("") == ["first", "second", "third"]
    assert found("?sort_direction=desc") == ["third", "second", "first"]
    assert found("?status=completed") == ["second"]
    assert found("?status=completed,ongoing") == ["first", "second", "third"]
    assert found(f"?worker_handle={HANDLE}&status=ongoing") == ["first", "third"]
    assert found("?worker_handle=nobody") == []
    assert found("?scheduled_at_date=2026-03-05") == ["third"]
    assert found("?scheduled_at_to=2026-03-04 23:59:59") == ["first", "second"]
    assert found("?completed_at_from=2026-03-04 00:00:00") == ["second"]
    assert found('?order_metadata_filter={"a":"b"}') == ["third"]
    assert found("?search_term=IR") == ["first", "third"]


def test_the_list_has_pages(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    assert phone
    track(hypertrack, "first", "second", "third")

    one = call(hypertrack, "GET", "/orders/?limit=2").json()
    token = one["pagination_token"]
    two = call(hypertrack, "GET", f"/orders/?limit=2&pagination_token={token}").json()

    assert [each["order_handle"] for each in one["orders"]] == ["first", "second"]
    assert [each["order_handle"] for each in two["orders"]] == ["third"]
    assert two["pagination_token"] is None


@pytest.mark.parametrize("query", ["limit=0", "order_metadata_filter=7", "pagination_token=x"])
def test_a_list_that_cannot_be_made_is_unprocessable(
    hypertrack: FakeHyperTrack, query: str
) -> None:
    assert call(hypertrack, "GET", f"/orders/?{query}").status_code == 422


# ── changing ──────────────────────────────────────────────────────────────────


def test_metadata_and_time_can_be_changed_while_it_is_tracked(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    assert phone
    track(hypertrack)
    body = {"metadata": {"a": "b"}, "scheduled_at": "2026-03-04T09:00:00Z"}

    answer = call(hypertrack, "PATCH", f"/orders/{ORDER}", body)

    assert answer.status_code == 200
    assert answer.json()["metadata"] == {"a": "b"}
    assert answer.json()["scheduled_at"] == "2026-03-04T09:00:00.000Z"
    assert values(hypertrack)[-1] == "updated"


def test_a_switch_makes_metadata_merge(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    assert phone
    hypertrack.switches.order_metadata_merges = True
    track(hypertrack)

    call(hypertrack, "PATCH", f"/orders/{ORDER}", {"metadata": {"a": "b"}})

    assert only(hypertrack).metadata == {"appointment_id": "08pXX0000000abcYAA", "a": "b"}


def test_the_destination_can_be_changed_only_before_it_is_tracked(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    assert phone
    elsewhere = {"destination": {"geometry": {"type": "Point", "coordinates": [1, 2]}}}
    track(hypertrack)

    assert call(hypertrack, "PATCH", f"/orders/{ORDER}", elsewhere).status_code == 422
    act(hypertrack, "reschedule", {"scheduled_at": "2026-03-05T08:00:00Z"})
    assert call(hypertrack, "PATCH", f"/orders/{ORDER}", elsewhere).status_code == 200

    assert hypertrack.order(ACCOUNT, ORDER).geometry["coordinates"] == [1, 2]


@pytest.mark.parametrize("action", ["complete", "cancel", "disable", "enable"])
def test_each_action_answers_with_its_time(
    hypertrack: FakeHyperTrack, phone: Phone, action: str
) -> None:
    assert phone
    track(hypertrack)

    answer = act(hypertrack, action)

    assert answer.status_code == 200
    assert schema_problems(f"{action.title()}OrderResponse", answer.json()) == []


@pytest.mark.parametrize(
    "action", ["complete", "cancel", "disable", "enable", "reassign", "reschedule"]
)
def test_an_order_that_nobody_knows_is_not_found(
    hypertrack: FakeHyperTrack, action: str
) -> None:
    body = {"worker_handle": HANDLE, "scheduled_at": "2026-03-05T08:00:00Z"}

    answer = act(hypertrack, action, body)

    assert (answer.status_code, answer.json()["message"]) == (404, "Order not found")


@pytest.mark.parametrize(("switch", "status"), [(404, 404), (409, 409), (200, 200)])
def test_a_switch_says_what_ending_twice_answers(
    hypertrack: FakeHyperTrack, phone: Phone, switch: Any, status: int
) -> None:
    assert phone
    hypertrack.switches.order_ended_twice = switch
    track(hypertrack)
    act(hypertrack, "complete")

    assert act(hypertrack, "complete").status_code == status
    assert values(hypertrack).count("completed") == 1


def test_disabling_twice_is_told_once(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    assert phone
    track(hypertrack)

    assert [act(hypertrack, "disable").status_code for _ in range(2)] == [200, 200]
    assert [act(hypertrack, "enable").status_code for _ in range(2)] == [200, 200]

    assert values(hypertrack)[-2:] == ["disabled", "enabled"]


# ── reassigning, rescheduling ─────────────────────────────────────────────────


def test_a_reassigned_order_moves_to_the_new_workers_phone(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    colleague = linked(hypertrack, COLLEAGUE)
    track(hypertrack)
    before = only(hypertrack).share_url

    answer = act(hypertrack, "reassign", {"worker_handle": COLLEAGUE})

    assert answer.status_code == 200
    assert schema_problems("ReassignOrderResponse", answer.json()) == []
    assert answer.json()["share_url"] == before
    assert answer.json()["worker_handle"] == COLLEAGUE
    assert answer.json()["device_id"] == colleague.device_id
    assert (phone.tracking, colleague.tracking) == (False, True)
    events = told(hypertrack, "order")
    assigned = [each for each in events if each["data"]["value"] == "assigned"]
    assert [each["worker_handle"] for each in assigned] == [HANDLE, COLLEAGUE]
    assert assigned[1]["device_id"] == colleague.device_id


def test_only_the_new_worker_arrives_at_a_reassigned_order(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    colleague = linked(hypertrack, COLLEAGUE)
    track(hypertrack)
    act(hypertrack, "reassign", {"worker_handle": COLLEAGUE})
    phone.clock_in()

    phone.drive_to(*SITE, minutes=10)
    assert "arrived" not in values(hypertrack)

    colleague.drive_to(*SITE, minutes=10)
    assert "arrived" in values(hypertrack)


def test_a_reassigned_order_joins_the_route_that_the_new_worker_has(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    assert phone
    linked(hypertrack, COLLEAGUE)
    track(hypertrack)
    track(hypertrack, "theirs", worker_handle=COLLEAGUE)

    act(hypertrack, "reassign", {"worker_handle": COLLEAGUE})

    mine, theirs = hypertrack.orders(ACCOUNT)
    assert mine.route_handle == theirs.route_handle


def test_reassigning_to_who_has_it_changes_nothing(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    assert phone
    track(hypertrack)

    assert act(hypertrack, "reassign", {"worker_handle": HANDLE}).status_code == 200

    assert values(hypertrack).count("assigned") == 1


def test_an_order_cannot_be_reassigned_to_nobody(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    assert phone
    track(hypertrack)

    assert act(hypertrack, "reassign", {}).status_code == 422
    assert act(hypertrack, "reassign", {"worker_handle": "nobody"}).status_code == 404


@pytest.mark.parametrize("switch", [400, 404, 422])
def test_a_switch_says_what_comes_of_reassigning_to_a_worker_without_a_device(
    hypertrack: FakeHyperTrack, phone: Phone, switch: Any
) -> None:
    hypertrack.switches.order_reassign_unlinked = switch
    call(hypertrack, "POST", "/workers/", {"worker_handle": COLLEAGUE})
    track(hypertrack)

    assert act(hypertrack, "reassign", {"worker_handle": COLLEAGUE}).status_code == switch
    assert only(hypertrack).device_id == phone.device_id


def test_a_tracked_order_that_is_rescheduled_is_cancelled_and_made_anew(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack)

    answer = act(hypertrack, "reschedule", {"scheduled_at": "2026-03-05T08:00:00Z"})

    assert answer.status_code == 200
    assert answer.json()["status"] == "unplanned"
    assert answer.json()["fulfillment_attempt"] == 2
    assert answer.json()["scheduled_at"] == "2026-03-05T08:00:00.000Z"
    assert not phone.tracking
    before, after = hypertrack.orders(ACCOUNT)
    assert (before.status, after.device_id) == ("cancelled", None)
    assert values(hypertrack)[-1] == "cancelled"
    listed = call(hypertrack, "GET", "/orders/?status=rescheduled").json()["orders"]
    assert [each["fulfillment_attempt"] for each in listed] == [1]


def test_an_unplanned_order_is_rescheduled_in_place_and_can_be_cancelled(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    assert phone
    track(hypertrack)
    for day in (5, 6):
        act(hypertrack, "reschedule", {"scheduled_at": f"2026-03-0{day}T08:00:00Z"})

    assert len(hypertrack.orders(ACCOUNT)) == 2
    assert hypertrack.order(ACCOUNT, ORDER).scheduled_at == datetime.fromisoformat(
        "2026-03-06T08:00:00Z"
    )
    assert act(hypertrack, "disable").status_code == 404
    assert act(hypertrack, "cancel").status_code == 200
    track(hypertrack)
    assert hypertrack.order(ACCOUNT, ORDER).fulfillment_attempt == 3


# ── another device ────────────────────────────────────────────────────────────


def test_the_orders_of_a_worker_move_to_the_new_device(
    hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack)

    second = linked(hypertrack)

    (switched,) = (
        each for each in told(hypertrack, "order") if each["data"]["value"] == "device_switched"
    )
    assert switched["data"]["previous_device_id"] == phone.device_id
    assert switched["data"]["new_device_id"] == switched["device_id"] == second.device_id
    assert only(hypertrack).device_id == second.device_id
    assert (phone.tracking, second.tracking) == (False, True)


@pytest.mark.parametrize("how", ["mode", "transfer"])
def test_orders_stay_where_they_are_if_asked_to(
    hypertrack: FakeHyperTrack, phone: Phone, how: str
) -> None:
    track(hypertrack, **({"device_switch_mode": "manual"} if how == "mode" else {}))
    second = phone_of(hypertrack)
    body = {"device_id": second.device_id, "transfer_existing_work": how == "mode"}

    call(hypertrack, "PATCH", f"/workers/{HANDLE}", body)

    assert only(hypertrack).device_id == phone.device_id
    assert "device_switched" not in values(hypertrack)
    assert (phone.tracking, second.tracking) == (True, False)


def test_a_deleted_device_hears_of_no_orders(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    track(hypertrack)

    call(hypertrack, "DELETE", f"/devices/{phone.device_id}")

    assert not phone.tracking
    assert ask(hypertrack, wanted("next")).json()["code"] == "driver_not_linked_to_device"


def test_orders_are_shown_on_the_page(hypertrack: FakeHyperTrack, phone: Phone) -> None:
    assert phone
    track(hypertrack)

    shown = requests.get(hypertrack.url, timeout=5).text

    assert ORDER in shown
    assert "2026-03-04 08:20" in shown


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
