"""HyperTrack's own record says what its webhooks told, in the same shape."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from fieldlink.adapters.hypertrack import HyperTrackAccount
from fieldlink.errors import Refused, Unclear
from fieldlink.hearing import facts
from fieldlink.models import APPOINTMENT_KEY, ASSIGNMENT_KEY, RESOURCE_KEY, Fact, Fence, Report
from local.clock import SteppedClock
from local.hypertrack import FakeHyperTrack, Phone
from tests.conftest import ACCOUNT, ROSA, SECRET_KEY, SITE

HANDLE = "0Hn000000000001CAA"
APPOINTMENT = "08p000000000001AAA"
DEPOT = (SITE[0] + 0.05, SITE[1])
MORNING = datetime(2026, 3, 4, 8, tzinfo=UTC)
ORDER = {
    "order_handle": f"{APPOINTMENT}-{HANDLE}",
    "scheduled_at": "2026-03-04T09:00:00Z",
    "destination": {
        "geometry": {"type": "Point", "coordinates": [SITE[1], SITE[0]]},
        "radius": 100,
    },
}


@pytest.fixture
def hypertrack() -> Iterator[FakeHyperTrack]:
    """It tells nobody of anything; what happens is on record all the same."""
    accounts = {ACCOUNT: SECRET_KEY}
    with FakeHyperTrack(SteppedClock(MORNING), accounts=accounts) as simulator:
        yield simulator
        assert simulator.breaches == []


@pytest.fixture
def account(hypertrack: FakeHyperTrack) -> Iterator[HyperTrackAccount]:
    with requests.Session() as session:
        session.trust_env = False
        yield HyperTrackAccount(session, hypertrack.url, ACCOUNT, lambda: SECRET_KEY)


@pytest.fixture
def phone(account: HyperTrackAccount, hypertrack: FakeHyperTrack) -> Phone:
    account.ensure_worker(HANDLE, ROSA)
    found = hypertrack.install(account.invitation_link(HANDLE), "ios-2.20")
    found.be_at(*DEPOT)
    return found


@pytest.fixture
def old_phone(account: HyperTrackAccount, hypertrack: FakeHyperTrack) -> Phone:
    account.ensure_worker(HANDLE, ROSA)
    found = hypertrack.install(account.invitation_link(HANDLE), "android-0.2")
    found.be_at(*DEPOT)
    return found


def fenced(account: HyperTrackAccount, phone: Phone) -> str:
    metadata = {
        APPOINTMENT_KEY: APPOINTMENT,
        RESOURCE_KEY: HANDLE,
        ASSIGNMENT_KEY: "03r000000000001AAA",
    }
    return account.add_geofence(
        Fence(
            device=phone.device_id,
            latitude=SITE[0],
            longitude=SITE[1],
            radius=100,
            metadata=metadata,
        )
    )


def work(phone: Phone, geofence: str) -> None:
    """Clock in, go there, stay for half an hour, check out, and leave."""
    phone.clock_in()
    phone.drive_to(*SITE, minutes=20)
    phone.stay(30)
    phone.check_out(geofence, note="done")
    phone.drive_to(*DEPOT, minutes=20)


def told(hypertrack: FakeHyperTrack) -> list[Fact]:
    """The facts that the webhooks would have told."""
    return understood([each.body for each in hypertrack.events])


def understood(events: list[dict[str, Any]]) -> list[Fact]:
    read = [
        facts.read(Report(connection="c", id="i", received_at=MORNING, event=each))
        for each in events
    ]
    return [each for each in read if isinstance(each, Fact)]


def said(found: list[Fact], *kinds: str) -> list[tuple[str, datetime, str, str, str]]:
    every = [(each.kind, each.at, each.geofence, each.order, each.note) for each in found]
    return sorted(each for each in every if each[0] in kinds)


WINDOW = (MORNING - timedelta(hours=1), MORNING + timedelta(hours=8))
VISIT = ("arrived", "left")


def test_visits_and_markers_tell_what_the_webhooks_told(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack, old_phone: Phone
) -> None:
    geofence = fenced(account, old_phone)
    work(old_phone, geofence)

    wanted = said(told(hypertrack), *VISIT)
    assert len(wanted) == 2
    assert said(understood(account.visits(old_phone.device_id, *WINDOW)), *VISIT) == wanted
    assert said(understood(account.markers(geofence, WINDOW[0])), *VISIT) == wanted
    [arrival] = [each for each in told(hypertrack) if each.kind == "arrived"]
    [found] = [
        each
        for each in understood(account.visits(old_phone.device_id, *WINDOW))
        if each.kind == "arrived"
    ]
    assert found.travel == arrival.travel
    assert (found.appointment, found.resource) == (APPOINTMENT, HANDLE)


def test_a_visit_is_of_an_order_only_if_neither_it_nor_its_group_says_otherwise(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack, old_phone: Phone
) -> None:
    work(old_phone, fenced(account, old_phone))
    asked = {"device_id": old_phone.device_id}
    answer = requests.get(
        f"{hypertrack.url}/visits/", params=asked, auth=(ACCOUNT, SECRET_KEY), timeout=10
    ).json()
    for group in answer["orders"]:
        for visit in group["visits"]:
            visit["system_generated_order_handle"] = None  # as the contract allows
    hypertrack.faults.append(
        {"match": {"path": "/visits"}, "status": 200, "body": answer, "times": 1}
    )

    found = understood(account.visits(old_phone.device_id, *WINDOW))

    assert [each.kind for each in found] == list(VISIT)


def test_geotags_tell_what_the_webhooks_told(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack, old_phone: Phone
) -> None:
    work(old_phone, fenced(account, old_phone))
    buttons = ("clocked in", "checked out")

    found = said(understood(account.geotags(old_phone.device_id, *WINDOW)), *buttons)

    assert len(found) == 2
    assert found == said(told(hypertrack), *buttons)


def test_a_departure_is_found_though_its_arrival_was_before(
    account: HyperTrackAccount, old_phone: Phone
) -> None:
    work(old_phone, fenced(account, old_phone))
    noon = MORNING + timedelta(minutes=30)

    found = understood(account.visits(old_phone.device_id, noon, WINDOW[1]))

    assert [each.kind for each in found] == ["left"]


def test_what_happened_before_or_after_is_left_out(
    account: HyperTrackAccount, old_phone: Phone
) -> None:
    geofence = fenced(account, old_phone)
    work(old_phone, geofence)
    later = (MORNING + timedelta(hours=6), MORNING + timedelta(hours=8))

    assert account.visits(old_phone.device_id, *later) == []
    assert account.geotags(old_phone.device_id, *later) == []
    assert account.markers(geofence, later[0]) == []


def test_many_pages_are_read_to_their_end(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack, old_phone: Phone
) -> None:
    old_phone.clock_in()
    for _ in range(250):
        old_phone.stay(1)
        old_phone.add_geotag({"type": "PICK_UP", "geofence_id": "of nobody"})

    found = account.geotags(old_phone.device_id, *WINDOW)

    assert len(found) == 251
    assert hypertrack.requests


def test_the_webhooks_of_an_order_are_found_by_its_worker_and_handle(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack)
    phone.drive_to(*SITE, minutes=20)
    phone.stay(10)
    phone.complete_order(str(ORDER["order_handle"]), note="done")

    assert account.orders_of(HANDLE, MORNING) == [ORDER["order_handle"]]
    found = account.told_of_order(str(ORDER["order_handle"]), MORNING)

    ends = ("arrived", "checked out")
    assert len(said(understood(found), *ends)) == 2
    assert said(understood(found), *ends) == said(told(hypertrack), *ends)
    assert not {name for each in found for name in each if name.startswith("delivery_")}


def test_an_order_that_is_paused_has_told_of_an_arrival_all_the_same(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack)
    phone.drive_to(*SITE, minutes=20)
    phone.stay(10)
    phone.snooze_order(str(ORDER["order_handle"]))

    assert account.orders_of(HANDLE, MORNING) == [ORDER["order_handle"]]


def test_the_geotag_of_a_customers_own_app_says_what_was_pressed(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack, phone: Phone
) -> None:
    track(hypertrack)
    phone.geotag_order(str(ORDER["order_handle"]), "ClockIn")

    found = said(understood(account.geotags(phone.device_id, *WINDOW)), "clocked in")

    assert len(found) == 1
    assert found == said(told(hypertrack), "clocked in")


def test_an_order_that_is_not_known_has_told_nothing(account: HyperTrackAccount) -> None:
    assert account.told_of_order("nobody's", MORNING) == []
    assert account.orders_of("0Hn000000000009CAA", MORNING) == []
    assert account.markers("3a0f6f0e-5c1b-4f27-9d52-7e6c5b4a3210", MORNING) == []


@pytest.mark.parametrize(("status", "error"), [(500, Unclear), (401, Refused)])
def test_a_list_that_is_refused_or_breaks_off_is_no_empty_list(
    account: HyperTrackAccount,
    hypertrack: FakeHyperTrack,
    old_phone: Phone,
    status: int,
    error: type[Exception],
) -> None:
    hypertrack.faults.append({"match": {"path": "/visits"}, "status": status})

    with pytest.raises(error):
        account.visits(old_phone.device_id, *WINDOW)


def track(hypertrack: FakeHyperTrack) -> None:
    body = {"worker_handle": HANDLE, "track_mode": "pre_shift", "orders": [ORDER]}
    answer = requests.post(
        f"{hypertrack.url}/orders/track", json=body, auth=(ACCOUNT, SECRET_KEY), timeout=10
    )
    answer.raise_for_status()
