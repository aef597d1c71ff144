"""Workers and their devices: the adapter on the simulator, and the fake, behave alike."""

from collections.abc import Iterator
from typing import Any, Protocol

import pytest
import requests

from fieldlink.adapters.hypertrack import HyperTrackAccount
from fieldlink.errors import Refused
from fieldlink.models import SeenDevice
from local.hypertrack import FakeHyperTrack as Simulator
from local.hypertrack import Phone
from tests.adapters.scripted import Answer, scripted
from tests.conftest import ACCOUNT, ROSA, ROSAS_MAIL, SECRET_KEY
from tests.fakes import FakeHyperTrack

HANDLE, OTHER = "0Hn000000000001AAA", "0Hn000000000002AAA"


class Side(Protocol):
    """An account, and what happens at the other side of it."""

    account: Any

    def install(self, handle: str) -> str: ...

    def sign_in(self, email: str) -> str: ...

    def uninstall(self, device: str) -> None: ...

    def delete(self, handle: str) -> None: ...

    def keep_devices(self) -> None: ...


class Simulated:
    """The adapter, over HTTP."""

    def __init__(self, http: requests.Session, simulator: Simulator) -> None:
        self.account = HyperTrackAccount(http, simulator.url, ACCOUNT, lambda: SECRET_KEY)
        self._simulator = simulator
        self._phones: dict[str, Phone] = {}

    def install(self, handle: str) -> str:
        self.account.ensure_worker(handle, ROSA)
        link = self.account.invitation_link(handle)
        return self._known(self._simulator.install(link, "ios-2.20"))

    def sign_in(self, email: str) -> str:
        return self._known(self._simulator.sign_in(ACCOUNT, email, "ios-2.9"))

    def uninstall(self, device: str) -> None:
        self._phones[device].uninstall()

    def delete(self, handle: str) -> None:
        self.account.call("DELETE", f"/workers/{handle}")

    def keep_devices(self) -> None:
        self._simulator.switches.null_releases_device = False

    def _known(self, phone: Phone) -> str:
        self._phones[phone.device_id] = phone
        return phone.device_id


class Faked:
    """The fake of the rules' tests."""

    def __init__(self) -> None:
        self.account = FakeHyperTrack()
        self._made = 0

    def install(self, handle: str) -> str:
        device = self._new()
        self.account.ensure_worker(handle, ROSA)
        self.account.drivers[device] = handle
        self.account.linked[handle] = device
        return device

    def sign_in(self, email: str) -> str:
        device = self._new()
        self.account.emails[device] = email
        return device

    def uninstall(self, device: str) -> None:
        self.account.uninstalled.add(device)

    def delete(self, handle: str) -> None:
        self.account.deleted.add(handle)

    def keep_devices(self) -> None:
        self.account.keeps_devices = True

    def _new(self) -> str:
        self._made += 1
        return f"DEVICE-{self._made}"


@pytest.fixture(params=["adapter", "fake"])
def side(request: pytest.FixtureRequest, hypertrack: Simulator) -> Iterator[Side]:
    with requests.Session() as session:
        session.trust_env = False
        yield Simulated(session, hypertrack) if request.param == "adapter" else Faked()


def id_of(seen: SeenDevice | None) -> str:
    return seen.id if seen else ""


def test_who_has_no_app_has_no_device(side: Side) -> None:
    side.account.ensure_worker(HANDLE, ROSA)

    assert side.account.device_of(HANDLE) is None
    assert side.account.device_of(OTHER) is None
    assert side.account.devices() == []


def test_the_device_that_was_linked_last_is_the_worker_s(side: Side) -> None:
    side.install(HANDLE)
    last = side.install(HANDLE)

    assert id_of(side.account.device_of(HANDLE)) == last


def test_a_device_tells_whose_it_is(side: Side) -> None:
    device, other = side.install(HANDLE), side.install(OTHER)

    found = [side.account.driver_of(each) for each in (device, other)]

    assert [(each.driver, each.worker) for each in found] == [(HANDLE, HANDLE), (OTHER, OTHER)]


def test_a_device_that_only_tells_an_address_is_known_by_it(side: Side) -> None:
    device = side.sign_in(ROSAS_MAIL)

    seen = side.account.driver_of(device)

    assert (seen.driver, seen.worker, seen.email) == ("", "", ROSAS_MAIL)


def test_a_device_that_is_not_there_is_nobody_s(side: Side) -> None:
    assert side.account.driver_of("00000000-0000-0000-0000-00000000000A") is None


def test_every_device_is_listed_with_what_it_says_of_itself(side: Side) -> None:
    gone, device, signed_in = (
        side.install(HANDLE),
        side.install(OTHER),
        side.sign_in(ROSAS_MAIL),
    )
    side.uninstall(gone)

    found = {each.id: each for each in side.account.devices()}

    assert found.keys() == {gone, device, signed_in}
    assert (found[gone].status, found[gone].reason) == ("inactive", "uninstalled")
    assert (found[device].driver, found[device].worker) == (OTHER, "")
    assert found[signed_in].email == ROSAS_MAIL


def test_a_device_that_was_released_is_nobody_s_by_link_and_its_driver_s_by_name(
    side: Side,
) -> None:
    device = side.install(HANDLE)

    side.account.release_device(HANDLE)
    side.account.release_device(HANDLE)

    assert side.account.device_of(HANDLE) is None
    seen = side.account.driver_of(device)
    assert (seen.driver, seen.worker) == (HANDLE, "")


def test_a_worker_that_is_not_there_carries_no_device(side: Side) -> None:
    side.account.release_device(HANDLE)


def test_an_account_that_lets_no_device_go_says_so_and_keeps_it(side: Side) -> None:
    device = side.install(HANDLE)
    side.keep_devices()

    with pytest.raises(Refused, match="422"):
        side.account.release_device(HANDLE)

    assert id_of(side.account.device_of(HANDLE)) == device


def test_a_deleted_worker_is_there_again_when_it_is_needed(side: Side) -> None:
    side.install(HANDLE)
    side.delete(HANDLE)
    assert side.account.device_of(HANDLE) is None
    with pytest.raises(Refused):
        side.account.invitation_link(HANDLE)

    side.account.ensure_worker(HANDLE, ROSA)

    assert side.account.invitation_link(HANDLE)


# ── what only scripts can show ────────────────────────────────────────────────


def test_a_device_counts_from_when_it_was_linked_last() -> None:
    links = [
        {"device_id": "D1", "start_time": "2026-03-01T08:00:00Z", "end_time": "later"},
        {"device_id": "D2", "start_time": "2026-03-02T08:00:00Z", "end_time": "later"},
        {"device_id": "D1", "start_time": "2026-03-03T08:00:00Z", "end_time": None},
    ]
    with scripted(Answer(200, {"device_id": "D1", "devices": links})) as script:
        seen = HyperTrackAccount(requests.Session(), script.url, ACCOUNT, str).device_of(HANDLE)

    assert seen
    assert seen.registered_at
    assert seen.registered_at.day == 3
