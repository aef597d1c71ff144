"""HyperTrack's own record: visits, geotags, markers and the webhooks of orders."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from local.hypertrack import FakeHyperTrack, Phone
from tests.local.hypertrack_setting import (
    ACCOUNT,
    DEPOT,
    HANDLE,
    MORNING,
    OTHER,
    OTHER_SECRET,
    SITE,
    Clock,
    Receiver,
    call,
    fence,
    invited,
    phone_of,
    receiving,
    running,
    told,
)

LATER = f"{MORNING + timedelta(minutes=90):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as it:
        yield it


@pytest.fixture
def hypertrack(receiver: Receiver) -> Iterator[FakeHyperTrack]:
    with running(Clock()) as it:
        it.set_webhook(ACCOUNT, receiver.url)
        yield it


def drive_there_and_back(hypertrack: FakeHyperTrack, phone: Phone) -> str:
    """A visit of three quarters of an hour, and the id of its geofence."""
    geofence_id = fence(hypertrack, phone)
    if not phone.tracking:
        phone.clock_in()
    phone.drive_to(*SITE, minutes=20)
    phone.stay(45)
    phone.drive_to(*DEPOT, minutes=20)
    return geofence_id


def listed(hypertrack: FakeHyperTrack, path: str) -> dict[str, Any]:
    answer = call(hypertrack, "GET", path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def visits(hypertrack: FakeHyperTrack, query: str = "") -> list[dict[str, Any]]:
    orders = listed(hypertrack, f"/visits/?{query}")["orders"]
    return [visit for order in orders for visit in order["visits"]]


def geotags(hypertrack: FakeHyperTrack, query: str = "") -> list[dict[str, Any]]:
    orders = listed(hypertrack, f"/geotags/?{query}")["orders"]
    return [geotag for order in orders for geotag in order["geotags"]]


# ── visits ────────────────────────────────────────────────────────────────────


def test_a_visit_is_recorded_as_its_webhooks_told_it(hypertrack: FakeHyperTrack) -> None:
    phone = hypertrack.install(invited(hypertrack), "ios-2.20")
    phone.be_at(*DEPOT)
    geofence_id = drive_there_and_back(hypertrack, phone)

    (visit,) = visits(hypertrack)

    _, leave = (each["data"] for each in told(hypertrack, "geofence"))
    assert visit["visit_id"] == leave["marker_id"]
    assert visit["geofence_id"] == geofence_id
    assert visit["geofence_metadata"] == leave["geofence_metadata"]
    assert (visit["arrival"], visit["exit"]) == (leave["arrival"], leave["exit"])
    assert visit["enroute"] == leave["route_to"]
    assert visit["service"]["duration"] == leave["duration"]
    assert (visit["worker_handle"], visit["device_id"]) == (HANDLE, phone.device_id)
    assert call(hypertrack, "GET", f"/visits/{visit['visit_id']}").json() == visit


def test_a_visit_that_lasts_has_no_exit_and_an_archived_geofence_keeps_it(
    hypertrack: FakeHyperTrack,
) -> None:
    phone = phone_of(hypertrack)
    geofence_id = fence(hypertrack, phone)
    phone.clock_in()
    phone.drive_to(*SITE, minutes=20)
    call(hypertrack, "DELETE", f"/geofences/{geofence_id}")

    (visit,) = visits(hypertrack, f"geofence_id={geofence_id}")

    assert visit["exit"] is None
    assert visit["service"]["duration"] is None


def test_a_switch_gives_visits_an_id_of_their_own(hypertrack: FakeHyperTrack) -> None:
    drive_there_and_back(hypertrack, phone_of(hypertrack))
    marker = told(hypertrack, "geofence")[0]["data"]["marker_id"]
    assert [each["visit_id"] for each in visits(hypertrack)] == [marker]

    hypertrack.switches.visit_is_its_marker = False

    (visit,) = visits(hypertrack)
    assert visit["visit_id"] != marker
    assert visits(hypertrack, f"visit_id={visit['visit_id']}") == [visit]
    assert call(hypertrack, "GET", f"/visits/{marker}").status_code == 404


def test_visits_are_found_by_device_worker_geofence_and_time(
    hypertrack: FakeHyperTrack,
) -> None:
    mine = hypertrack.install(invited(hypertrack), "ios-2.20")
    theirs = hypertrack.install(invited(hypertrack, "colleague"), "ios-2.20")
    for phone in (mine, theirs):
        phone.be_at(*DEPOT)
    geofence_id = drive_there_and_back(hypertrack, mine)
    drive_there_and_back(hypertrack, theirs)
    drive_there_and_back(hypertrack, theirs)

    assert len(visits(hypertrack)) == 4  # the last drive of theirs ends in two geofences
    for query in (
        f"device_id={mine.device_id}",
        f"worker_handle={HANDLE}",
        f"driver_handle={HANDLE}",
        f"geofence_id={geofence_id}",
    ):
        assert [each["device_id"] for each in visits(hypertrack, query)] == [mine.device_id]
    assert len(visits(hypertrack, f"visited_at_to={LATER}")) == 2
    assert [each["device_id"] for each in visits(hypertrack, f"visited_at_from={LATER}")] == (
        [theirs.device_id] * 2
    )
    assert visits(hypertrack, "order_handle=nobody") == []


def test_visits_without_an_order_are_grouped_under_one_that_the_system_made(
    hypertrack: FakeHyperTrack,
) -> None:
    phone = phone_of(hypertrack)
    drive_there_and_back(hypertrack, phone)
    drive_there_and_back(hypertrack, phone)

    (order,) = listed(hypertrack, "/visits/")["orders"]

    assert order["system_generated_order_handle"] is True
    assert {each["order_handle"] for each in order["visits"]} == {order["order_handle"]}
    assert visits(hypertrack, f"order_handle={order['order_handle']}") == order["visits"]


def test_the_record_comes_in_pages(hypertrack: FakeHyperTrack) -> None:
    phones = [phone_of(hypertrack) for _ in range(3)]
    for phone in phones:
        drive_there_and_back(hypertrack, phone)

    first = listed(hypertrack, "/visits/?limit=2")
    last = listed(hypertrack, f"/visits/?limit=2&pagination_token={first['pagination_token']}")

    found = [order["visits"][0]["device_id"] for order in first["orders"] + last["orders"]]
    assert sorted(found) == sorted(each.device_id for each in phones)
    assert (len(first["orders"]), last["pagination_token"]) == (2, None)


@pytest.mark.parametrize(
    "path",
    [
        "/visits/?visited_at_from=yesterday",
        "/visits/?limit=0",
        "/visits/?limit=many",
        "/visits/?pagination_token=x",
        "/visits/?geofence_id=x",
        "/geotags/?from_time=yesterday",
        "/geotags/?pagination_token=x",
        "/geotags/?device_id=x",
    ],
)
def test_a_query_that_cannot_be_read_is_unprocessable(
    hypertrack: FakeHyperTrack, path: str
) -> None:
    phone_of(hypertrack).add_geotag({"a": "b"})
    drive_there_and_back(hypertrack, phone_of(hypertrack))

    answer = call(hypertrack, "GET", path)

    assert answer.status_code == 422
    assert answer.json()["detail"]["query"]


@pytest.mark.parametrize("path", ["/visits/none", "/geotags/none", "/orders/none/webhooks"])
def test_what_is_not_there_is_not_found(hypertrack: FakeHyperTrack, path: str) -> None:
    answer = call(hypertrack, "GET", path)

    assert (answer.status_code, answer.json()["detail"]) == (404, {})


def test_one_account_does_not_see_the_record_of_another(hypertrack: FakeHyperTrack) -> None:
    phone = phone_of(hypertrack)
    drive_there_and_back(hypertrack, phone)
    phone.add_geotag({"a": "b"})

    theirs = {"auth": (OTHER, OTHER_SECRET)}

    assert call(hypertrack, "GET", "/visits/", **theirs).json()["orders"] == []
    assert call(hypertrack, "GET", "/geotags/", **theirs).json()["orders"] == []


# ── geotags ───────────────────────────────────────────────────────────────────


def test_a_geotag_is_recorded_as_its_webhook_told_it(hypertrack: FakeHyperTrack) -> None:
    phone = phone_of(hypertrack, "android-0.3")
    geofence_id = fence(hypertrack, phone)
    phone.clock_in()
    phone.drive_to(*SITE, minutes=20)
    phone.check_out(geofence_id, note="done")

    geotag = geotags(hypertrack)[-1]

    event = told(hypertrack, "geotag")[-1]
    assert geotag["metadata"] == event["data"]["metadata"]
    assert geotag["recorded_at"] == event["recorded_at"]
    assert geotag["location"]["geometry"] == event["location"]
    assert geotag["deviation"] == event["data"]["deviation"]
    assert geotag["distance"] == event["data"]["route_to"]["distance"]
    assert call(hypertrack, "GET", f"/geotags/{geotag['geotag_id']}").json() == geotag


def test_a_geotag_without_a_place_has_no_geometry(hypertrack: FakeHyperTrack) -> None:
    phone = hypertrack.install(invited(hypertrack))
    phone.add_geotag({"a": "b"})

    (geotag,) = geotags(hypertrack)

    assert geotag["location"]["geometry"] is None


def test_geotags_are_found_by_device_worker_and_time(hypertrack: FakeHyperTrack) -> None:
    mine = hypertrack.install(invited(hypertrack), "ios-2.20")
    theirs = phone_of(hypertrack)
    mine.add_geotag({"number": 1})
    theirs.add_geotag({"number": 2})
    theirs.add_geotag({"number": 3}, at=MORNING + timedelta(hours=3))

    def numbers(query: str) -> list[int]:
        return [each["metadata"]["number"] for each in geotags(hypertrack, query)]

    assert numbers(f"device_id={mine.device_id}") == [1]
    assert numbers(f"worker_handle={HANDLE}") == [1]
    assert numbers(f"device_id={theirs.device_id}&from_time={LATER}") == [3]
    assert sorted(numbers(f"to_time={LATER}")) == [1, 2]
    assert numbers("system_generated_order_handle=false") == []


# ── markers of geofences ──────────────────────────────────────────────────────


def test_a_geofence_has_its_markers_alone_and_in_the_list(hypertrack: FakeHyperTrack) -> None:
    geofence_id = drive_there_and_back(hypertrack, phone_of(hypertrack))

    alone = listed(hypertrack, f"/geofences/{geofence_id}")["markers"]

    (marker,) = alone["data"]
    assert marker["exit"]["recorded_at"] > marker["arrival"]["recorded_at"]
    assert marker["trip_id"] is alone["pagination_token"] is None
    assert "markers" not in listed(hypertrack, "/geofences")["data"][0]
    assert listed(hypertrack, "/geofences?include_markers=true")["data"][0]["markers"] == alone

    call(hypertrack, "DELETE", f"/geofences/{geofence_id}")
    query = "include_markers=true&include_archived=true"
    assert listed(hypertrack, f"/geofences?{query}")["data"][0]["markers"] == alone


# ── silence ───────────────────────────────────────────────────────────────────


def test_what_happened_in_silence_is_lost_but_recorded(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    phone = phone_of(hypertrack)
    hypertrack.wait_idle()
    before = len(receiver.events)

    hypertrack.silent()
    drive_there_and_back(hypertrack, phone)
    hypertrack.speak()
    phone.add_geotag({"heard": "yes"})
    hypertrack.wait_idle()

    heard = receiver.events[before:]
    assert [each["data"].get("metadata") for each in heard] == [{"heard": "yes"}]
    assert {each.outcome for each in hypertrack.events} == {"delivered", "given up"}
    assert len(visits(hypertrack)) == 1


def test_what_happened_in_silence_may_come_late_instead(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    phone = phone_of(hypertrack)
    hypertrack.silent()
    phone.add_geotag({"late": "yes"})
    hypertrack.speak(lost=False)
    hypertrack.wait_idle()

    assert receiver.events[-1]["data"]["metadata"] == {"late": "yes"}
    assert {each.outcome for each in hypertrack.events} == {"delivered"}


def test_silence_can_be_for_one_account_alone(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    hypertrack.silent(OTHER)
    phone_of(hypertrack).add_geotag({"heard": "yes"})
    hypertrack.wait_idle()
    assert len(receiver.events) == 2

    hypertrack.silent(ACCOUNT)
    phone = phone_of(hypertrack)
    hypertrack.speak()
    hypertrack.wait_idle()
    assert len(receiver.events) == 2

    phone.add_geotag({"heard": "again"})
    hypertrack.wait_idle()
    assert len(receiver.events) == 3


# ── webhooks of an order ──────────────────────────────────────────────────────

ORDER = "08pXX0000000abcYAA"


def track(hypertrack: FakeHyperTrack) -> Phone:
    """An order at the site, and the phone at the depot that is tracked for it."""
    phone = hypertrack.install(invited(hypertrack), "ios-2.20")
    phone.be_at(*DEPOT)
    there = {"geometry": {"type": "Point", "coordinates": [SITE[1], SITE[0]]}, "radius": 100}
    order = {"order_handle": ORDER, "destination": there, "metadata": {"a": "b"}}
    body = {"worker_handle": HANDLE, "track_mode": "pre_shift", "orders": [order]}
    assert call(hypertrack, "POST", "/orders/track", body).status_code == 201
    return phone


def webhooks(hypertrack: FakeHyperTrack, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = listed(hypertrack, f"/orders/{ORDER}/webhooks?{query}")[
        "webhooks"
    ]
    return found


def values(hypertrack: FakeHyperTrack, query: str = "") -> list[str]:
    return [each["data"]["value"] for each in webhooks(hypertrack, query)]


def paged(hypertrack: FakeHyperTrack, most: int) -> list[str]:
    """The values, two at a time, in no more pages than there are values."""
    found: list[str] = []
    path = f"/orders/{ORDER}/webhooks?limit=2&pagination_token="
    token: str | None = ""
    for _ in range(most):
        if token is not None:
            page = listed(hypertrack, path + token)
            found += [each["data"]["value"] for each in page["webhooks"]]
            token = page["pagination_token"]
    assert token is None
    return found


def test_the_webhooks_of_an_order_are_listed_as_they_were_told(
    hypertrack: FakeHyperTrack,
) -> None:
    phone = track(hypertrack)
    phone.drive_to(*SITE, minutes=5)
    hypertrack.wait_idle()

    newest_first = webhooks(hypertrack)
    oldest_first = webhooks(hypertrack, "sort_direction=asc")

    assert newest_first == sorted(newest_first, key=lambda e: e["recorded_at"], reverse=True)
    went = ("delivery_http_status", "retry_count", "delivery_http_response_text")
    bare = [{k: v for k, v in each.items() if k not in went} for each in oldest_first]
    assert bare == told(hypertrack, "order")
    assert {tuple(each[name] for name in went) for each in oldest_first} == {(200, 0, "")}


def test_the_webhooks_of_an_order_say_how_their_delivery_went(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    hypertrack.install(invited(hypertrack), "ios-2.20")
    hypertrack.wait_idle()
    receiver.statuses = [503, 503, 200]
    hypertrack.hold()
    track(hypertrack)
    hypertrack.batch(100)
    hypertrack.release()
    hypertrack.wait_idle()

    went = {(e["delivery_http_status"], e["retry_count"]) for e in webhooks(hypertrack)}

    assert went == {(200, 2)}


def test_webhooks_that_were_never_delivered_are_listed_without_a_status(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    hypertrack.silent()
    track(hypertrack)
    hypertrack.speak()
    hypertrack.wait_idle()

    (started,) = webhooks(hypertrack, "value=started")

    assert (started["delivery_http_status"], started["retry_count"]) == (None, 0)
    assert [each for each in receiver.events if each["type"] == "order"] == []


def test_the_webhooks_of_an_order_are_found_by_value_and_time_and_in_pages(
    hypertrack: FakeHyperTrack,
) -> None:
    phone = track(hypertrack)
    phone.drive_to(*SITE, minutes=20)
    phone.stay(100)
    phone.drive_to(*DEPOT, minutes=20)
    everything = values(hypertrack)

    assert values(hypertrack, "value=arrived,exited") == ["exited", "arrived"]
    assert values(hypertrack, f"from_time={LATER}") == ["exited"]
    assert values(hypertrack, f"to_time={LATER}") == everything[1:]
    assert values(hypertrack, "fulfillment_attempt=2") == []
    assert paged(hypertrack, len(everything)) == everything


def test_what_the_contract_has_no_schema_for_is_not_in_its_list(
    hypertrack: FakeHyperTrack,
) -> None:
    track(hypertrack)
    hypertrack.tell_order(ACCOUNT, ORDER, "timesheet_updated")

    assert "timesheet_updated" not in values(hypertrack)


# ── visits and geotags of orders ──────────────────────────────────────────────


def test_a_visit_to_an_order_is_recorded_under_it(hypertrack: FakeHyperTrack) -> None:
    phone = track(hypertrack)
    phone.drive_to(*SITE, minutes=20)
    phone.stay(45)
    phone.drive_to(*DEPOT, minutes=20)

    (order,) = listed(hypertrack, f"/visits/?order_handle={ORDER}")["orders"]

    (visit,) = order["visits"]
    (arrived,) = webhooks(hypertrack, "value=arrived")
    assert (order["order_handle"], order["system_generated_order_handle"]) == (ORDER, False)
    assert visit["arrival"]["recorded_at"] == arrived["data"]["arrival"]["recorded_at"]
    assert visit["exit"]["recorded_at"] > visit["arrival"]["recorded_at"]
    assert visit["metadata"] == {"a": "b"}
    assert (visit["worker_handle"], visit["device_id"]) == (HANDLE, phone.device_id)
    assert visits(hypertrack, f"geofence_id={visit['geofence_id']}") == [visit]


def test_the_visit_that_an_order_saw_is_of_whoever_made_it(hypertrack: FakeHyperTrack) -> None:
    phone = track(hypertrack)
    phone.drive_to(*SITE, minutes=20)
    hypertrack.install(invited(hypertrack, "colleague"), "ios-2.20")

    body = {"worker_handle": "colleague"}
    assert call(hypertrack, "POST", f"/orders/{ORDER}/reassign", body).status_code == 200

    (visit,) = visits(hypertrack, f"order_handle={ORDER}")
    assert visit["device_id"] == phone.device_id


def test_a_geotag_of_an_order_is_listed_only_for_those_who_ask(
    hypertrack: FakeHyperTrack,
) -> None:
    phone = track(hypertrack)
    phone.drive_to(*SITE, minutes=20)
    phone.geotag_order(ORDER, "ClockIn", {"a": "b"})
    phone.add_geotag({"c": "d"})

    def metadata(query: str) -> list[Any]:
        return [each["metadata"] for each in geotags(hypertrack, query)]

    assert metadata("") == [{"c": "d"}]
    assert metadata("include_geotags_with_orders=true") == [{"a": "b"}, {"c": "d"}]
    assert metadata(f"order_handle={ORDER}") == [{"a": "b"}]
    hypertrack.switches.order_geotags_if_asked = False
    assert metadata("") == [{"a": "b"}, {"c": "d"}]
    assert geotags(hypertrack)[0]["geotag_type"] == "ClockIn"
    assert geotags(hypertrack)[0]["expected_location"]["geometry"]["type"] == "Point"
