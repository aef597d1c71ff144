"""One contract for orders, kept by the adapter against the simulator and by the fake."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest
import requests

from fieldlink.adapters.hypertrack import HyperTrackAccount
from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.models import TrackedOrder, Travel, WantedOrder
from fieldlink.ports import Orders
from local.hypertrack import FakeHyperTrack as Simulator
from local.hypertrack import Phone
from tests import fakes
from tests.adapters.scripted import Answer, scripted
from tests.conftest import ACCOUNT, ROSA, SECRET_KEY, SITE

ROSAS, TOMS = "0Hn000000000001AAA", "0Hn000000000002AAA"
HANDLE = f"08p000000000001AAA-{ROSAS}"
NOON = datetime(2031, 3, 4, 12, tzinfo=UTC)


def wanted(**more: Any) -> WantedOrder:
    fields = {
        "handle": HANDLE,
        "worker": ROSAS,
        "latitude": SITE[0],
        "longitude": SITE[1],
        "radius": 150,
        "scheduled_at": NOON,
        "service_seconds": 5_400,
        "metadata": {"service_appointment_id": "08p000000000001AAA", "name": "Boiler"},
    }
    return WantedOrder.model_validate(fields | more)


class Place(Protocol):
    """An account of HyperTrack, and what else happens there."""

    api: Orders

    def hire(self, handle: str) -> str:
        """A worker with a device, which is returned."""

    def make(self, handle: str) -> None:
        """A worker without one."""

    def delete(self, handle: str) -> None: ...

    def install(self, handle: str) -> str:
        """A device that says whose it is, and is not the worker's."""

    def as_wanted(self, handle: str) -> WantedOrder: ...

    def switched_on(self, handle: str) -> bool: ...


class Real:
    """The adapter, and the simulator behind it."""

    def __init__(self, http: requests.Session, simulator: Simulator) -> None:
        self.simulator = simulator
        self.account = HyperTrackAccount(http, simulator.url, ACCOUNT, lambda: SECRET_KEY)
        self.api: Orders = self.account
        self.phones: dict[str, Phone] = {}

    def make(self, handle: str) -> None:
        self.account.ensure_worker(handle, ROSA)

    def hire(self, handle: str) -> str:
        self.make(handle)
        self.phones[handle] = self.simulator.install(
            self.account.invitation_link(handle), "ios-2.20"
        )
        return self.phones[handle].device_id

    def delete(self, handle: str) -> None:
        self.account.call("DELETE", f"/workers/{handle}")

    def install(self, handle: str) -> str:
        device = self.hire(handle)
        self.account.release_device(handle)
        return device

    def as_wanted(self, handle: str) -> WantedOrder:
        found = self.simulator.order(ACCOUNT, handle)
        longitude, latitude = found.geometry["coordinates"]
        return WantedOrder(
            handle=found.handle,
            worker=found.worker_handle or "",
            latitude=latitude,
            longitude=longitude,
            radius=found.radius or 0,
            scheduled_at=found.scheduled_at,
            service_seconds=found.expected_service_time,
            metadata=found.metadata or {},
        )

    def switched_on(self, handle: str) -> bool:
        [found] = [e for e in self.simulator.workers(ACCOUNT) if e.worker_handle == handle]
        return found.tracking


class InMemory:
    """The fake."""

    def __init__(self) -> None:
        self.fake = fakes.FakeHyperTrack()
        self.api: Orders = self.fake

    def make(self, handle: str) -> None:
        self.fake.ensure_worker(handle, ROSA)

    def hire(self, handle: str) -> str:
        self.make(handle)
        self.fake.linked[handle] = f"device of {handle}"
        return self.fake.linked[handle]

    def delete(self, handle: str) -> None:
        self.fake.deleted.add(handle)

    def install(self, handle: str) -> str:
        self.make(handle)
        self.fake.drivers[f"device of {handle}"] = handle
        return f"device of {handle}"

    def as_wanted(self, handle: str) -> WantedOrder:
        return self.fake.orders[handle].wanted

    def switched_on(self, handle: str) -> bool:
        return handle in self.fake.switched_on


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture(params=["adapter", "fake"])
def place(
    request: pytest.FixtureRequest, http: requests.Session, hypertrack: Simulator
) -> Place:
    return Real(http, hypertrack) if request.param == "adapter" else InMemory()


@pytest.fixture
def real(http: requests.Session, hypertrack: Simulator) -> Real:
    return Real(http, hypertrack)


def tracked(place: Place, **more: Any) -> TrackedOrder:
    place.hire(ROSAS)
    return place.api.track(wanted(**more), "pre_shift")


def found(place: Place, handle: str = HANDLE) -> TrackedOrder:
    order = place.api.order(handle)
    assert order
    return order


# ── tracking ──────────────────────────────────────────────────────────────────


def test_an_order_is_tracked_as_wanted_and_has_links(place: Place) -> None:
    device = place.hire(ROSAS)

    order = place.api.track(wanted(), "on_shift")

    assert (order.handle, order.worker, order.device) == (HANDLE, ROSAS, device)
    assert (order.tracked, order.over) == (True, False)
    assert order.share_url.startswith("https://")
    assert order.embed_url.startswith("https://")
    assert place.as_wanted(HANDLE) == wanted()
    assert found(place) == order


def test_an_order_may_have_neither_time_nor_words(place: Place) -> None:
    bare: dict[str, Any] = {"scheduled_at": None, "service_seconds": None, "metadata": {}}

    tracked(place, **bare)

    assert place.as_wanted(HANDLE) == wanted(**bare)


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (lambda _: None, "driver_not_found"),
        (lambda place: place.make(ROSAS), "driver_not_linked_to_device"),
        (lambda place: place.install(ROSAS), "driver_not_linked_to_device"),
        (lambda place: (place.hire(ROSAS), place.delete(ROSAS)), "driver_deleted"),
        (tracked, "duplicate_resource"),
    ],
)
def test_what_can_not_be_tracked_is_refused_with_hypertracks_own_word(
    place: Place, prepare: Any, code: str
) -> None:
    prepare(place)

    with pytest.raises(Refused) as caught:
        place.api.track(wanted(), "pre_shift")

    assert caught.value.code == code


def test_a_deleted_worker_who_is_undeleted_can_be_tracked(place: Place) -> None:
    device = place.hire(ROSAS)
    place.delete(ROSAS)

    place.api.undelete_worker(ROSAS)
    place.api.link_device(ROSAS, device)

    assert place.api.track(wanted(), "pre_shift").tracked


def test_a_device_that_is_linked_can_be_tracked(place: Place) -> None:
    device = place.install(ROSAS)

    place.api.link_device(ROSAS, device)

    assert place.api.track(wanted(), "pre_shift").device == device


def test_there_is_no_order_of_an_unknown_handle(place: Place) -> None:
    assert place.api.order("nothing") is None


# ── changes ───────────────────────────────────────────────────────────────────


def test_time_and_words_change_in_place(place: Place) -> None:
    tracked(place)
    changed = wanted(
        scheduled_at=NOON + timedelta(minutes=30),
        service_seconds=60,
        metadata={"name": "Valve"},
    )

    place.api.change_order(changed)

    assert place.as_wanted(HANDLE) == changed


def test_an_order_that_is_tracked_does_not_move(place: Place) -> None:
    tracked(place)

    place.api.change_order(wanted(latitude=1.0, radius=500))

    assert place.as_wanted(HANDLE) == wanted()


def test_an_order_moves_to_another_worker_with_its_link_and_twice_is_as_good(
    place: Place,
) -> None:
    before = tracked(place)
    place.hire(TOMS)

    place.api.reassign_order(HANDLE, TOMS)
    place.api.reassign_order(HANDLE, TOMS)

    assert found(place).worker == TOMS
    assert found(place).share_url == before.share_url


@pytest.mark.parametrize("status", [400, 404, 422])
def test_an_order_is_not_moved_to_a_worker_without_a_device(place: Place, status: Any) -> None:
    tracked(place)
    place.make(TOMS)
    if isinstance(place, Real):
        place.simulator.switches.order_reassign_unlinked = status

    with pytest.raises(Refused):
        place.api.reassign_order(HANDLE, TOMS)

    assert found(place).worker == ROSAS


def test_an_order_is_paused_and_goes_on_and_twice_is_as_good(place: Place) -> None:
    tracked(place)

    for paused, status in ((True, "disabled"), (False, "ongoing")):
        place.api.pause_order(HANDLE, paused=paused)
        place.api.pause_order(HANDLE, paused=paused)

        assert found(place).status == status
        assert found(place).tracked


def test_a_rescheduled_order_is_planned_and_not_tracked(place: Place) -> None:
    tracked(place)

    place.api.reschedule_order(HANDLE, NOON + timedelta(days=1))
    place.api.reschedule_order(HANDLE, NOON + timedelta(days=2))

    assert (found(place).tracked, found(place).over) == (False, False)
    assert place.as_wanted(HANDLE).scheduled_at == NOON + timedelta(days=2)
    with pytest.raises(Refused) as caught:
        place.api.track(wanted(), "pre_shift")
    assert caught.value.code == "duplicate_resource"


@pytest.mark.parametrize("completed", [True, False])
@pytest.mark.parametrize("twice", [200, 404, 409])
def test_an_order_is_ended_once_and_one_that_is_over_is_as_good(
    place: Place, completed: bool, twice: Any
) -> None:
    tracked(place)
    if isinstance(place, Real):
        place.simulator.switches.order_ended_twice = twice

    for _ in range(2):
        place.api.end_order(HANDLE, completed=completed)

    assert found(place).over
    assert found(place).status == ("completed" if completed else "cancelled")
    place.api.end_order(HANDLE, completed=not completed)
    assert found(place).status == ("completed" if completed else "cancelled")


def test_ending_an_order_that_is_not_there_is_as_good(place: Place) -> None:
    place.api.end_order("nothing", completed=False)


def test_a_planned_order_can_be_cancelled(place: Place) -> None:
    tracked(place)
    place.api.reschedule_order(HANDLE, NOON + timedelta(days=1))

    place.api.end_order(HANDLE, completed=False)

    assert found(place).over
    assert place.api.track(wanted(), "pre_shift").tracked


@pytest.mark.parametrize("action", ["change", "reassign", "reschedule", "pause"])
def test_nothing_else_can_be_done_to_an_order_that_is_not_there(
    place: Place, action: str
) -> None:
    place.hire(ROSAS)
    act: dict[str, Callable[[], None]] = {
        "change": lambda: place.api.change_order(wanted()),
        "reassign": lambda: place.api.reassign_order(HANDLE, ROSAS),
        "reschedule": lambda: place.api.reschedule_order(HANDLE, NOON),
        "pause": lambda: place.api.pause_order(HANDLE, paused=True),
    }

    with pytest.raises(Refused, match="404"):
        act[action]()


# ── workers ───────────────────────────────────────────────────────────────────


def test_a_workers_own_switch_is_apart_from_orders(place: Place) -> None:
    tracked(place)

    place.api.set_tracking(ROSAS, tracking=True)
    place.api.end_order(HANDLE, completed=True)
    assert place.switched_on(ROSAS)

    place.api.set_tracking(ROSAS, tracking=False)
    assert not place.switched_on(ROSAS)


def test_who_is_no_worker_has_no_switch_and_no_device(place: Place) -> None:
    with pytest.raises(Refused, match="404"):
        place.api.set_tracking(ROSAS, tracking=True)
    with pytest.raises(Refused, match="404"):
        place.api.undelete_worker(ROSAS)
    with pytest.raises(Refused, match="404"):
        place.api.link_device(ROSAS, "8A4A9A52-7E7C-4F0B-9D0E-6B8E1D5B7C11")


# ── the adapter's own ─────────────────────────────────────────────────────────


def test_nothing_is_known_of_the_way_to_an_order_before_it_is_reached(real: Real) -> None:
    tracked(real)

    assert real.api.way_to(HANDLE) is None


WAY = {"duration": 1_200, "distance": 11_100, "idle_time": 60}
LATER = {"arrival": {"recorded_at": "2031-03-04T14:00:00Z"}, "enroute": {"duration": 5}}
FIRST = {"arrival": {"recorded_at": "2031-03-04T12:00:00Z"}, "enroute": WAY}
UNMEASURED = FIRST | {"enroute": {"duration": None}}


@pytest.mark.parametrize(
    ("order", "way"),
    [
        ({"enroute": {"duration": 1_205}, "visits": [LATER, FIRST]}, WAY),
        ({"enroute": WAY, "visits": [UNMEASURED]}, WAY),
        ({"enroute": WAY, "visits": []}, WAY),
        ({"enroute": {"duration": 0, "distance": 0}, "visits": [UNMEASURED]}, None),
        ({"visits": None}, None),
        ({"enroute": WAY, "order_handle": "another"}, None),
    ],
)
def test_the_way_to_an_order_is_that_of_its_first_visit(
    http: requests.Session, order: Any, way: Any
) -> None:
    body = {"orders": [{"order_handle": HANDLE, **order}]}
    with scripted(Answer(200, body)) as script:
        found = HyperTrackAccount(http, script.url, ACCOUNT, str).way_to(HANDLE)

    expected = way and Travel(metres=11_100, seconds=1_200, idle_seconds=60)
    assert found == expected
    assert script.asked[0].path == f"/visits/?order_handle={HANDLE}"


def test_the_fake_tells_the_way_that_a_test_puts_there() -> None:
    place = InMemory()
    tracked(place)
    place.fake.orders[HANDLE].way = Travel(metres=1)

    assert (place.api.way_to(HANDLE), place.api.way_to("no")) == (Travel(metres=1), None)


@pytest.mark.parametrize("body", [{}, [], {"orders": []}, {"orders": [{"order_handle": "x"}]}])
def test_an_answer_that_does_not_name_the_order_says_nothing(
    http: requests.Session, body: Any
) -> None:
    with scripted(Answer(201, body)) as script, pytest.raises(Unclear, match="does not name"):
        HyperTrackAccount(http, script.url, ACCOUNT, str).track(wanted(), "pre_shift")


def test_an_order_under_its_older_name_of_the_worker_is_read(http: requests.Session) -> None:
    told = {"order_handle": HANDLE, "status": "ongoing", "driver_handle": ROSAS}
    with scripted(Answer(200, told)) as script:
        order = HyperTrackAccount(http, script.url, ACCOUNT, str).order(HANDLE)

    assert order == TrackedOrder(handle=HANDLE, status="ongoing", worker=ROSAS)


def test_what_is_refused_for_another_reason_than_that_it_is_done_is_refused(
    http: requests.Session,
) -> None:
    ongoing = Answer(200, {"order_handle": HANDLE, "status": "ongoing"})
    with (
        scripted(Answer(409, {"message": "no"}), ongoing) as script,
        pytest.raises(Refused, match="409"),
    ):
        HyperTrackAccount(http, script.url, ACCOUNT, str).end_order(HANDLE, completed=True)


@pytest.mark.parametrize(("status", "error"), [(429, Unavailable), (500, Unclear)])
def test_trouble_of_hypertracks_is_worth_another_try(
    http: requests.Session, status: int, error: type[Exception]
) -> None:
    with scripted(Answer(status)) as script, pytest.raises(error):
        HyperTrackAccount(http, script.url, ACCOUNT, str).track(wanted(), "pre_shift")


def test_a_handle_is_one_part_of_the_path_whatever_is_in_it(http: requests.Session) -> None:
    with scripted(Answer(404)) as script:
        assert HyperTrackAccount(http, script.url, ACCOUNT, str).order("a/../b?c") is None

    assert script.asked[0].path == "/orders/a%2F..%2Fb%3Fc"
