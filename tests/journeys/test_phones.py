"""Phones come and go: the work is always with the one that its technician uses."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.hypertrack.state import Worker as HyperTrackWorker
from tests.journeys.setting import Scene, opened, visit


@pytest.fixture(scope="module")
def shared(built: Path) -> Iterator[Scene]:
    with opened(built) as town:
        yield Scene(town)


def test_an_app_that_is_installed_again_goes_on_where_the_former_one_was(shared: Scene) -> None:
    ada = shared.hire()
    boiler = shared.book(ada)
    shared.later()
    former = shared.install(ada)

    phone = shared.hypertrack.reinstall(former)
    shared.town.settle()

    fence = shared.fence(boiler)
    assert fence.device_id == phone.device_id
    visit(phone, fence.geofence_id)
    shared.town.settle()
    assert shared.appointment(boiler)["Status"] == "Completed"


def test_the_work_goes_back_to_the_first_phone_when_the_second_is_gone(shared: Scene) -> None:
    bob = shared.hire("Bob Noyce")
    boiler = shared.book(bob)
    shared.later()
    first = shared.install(bob)
    shared.later()
    second = shared.hypertrack.install(first.invite.link, app="android-0.3")
    shared.town.settle()
    assert shared.fence(boiler).device_id == second.device_id

    second.uninstall()
    shared.town.settle()

    assert shared.fence(boiler).device_id == first.device_id


def test_who_leaves_carries_no_device_and_has_it_again_on_coming_back(shared: Scene) -> None:
    cem = shared.hire("Cem Kaner")
    shared.later()
    phone = shared.install(cem, app="ios-2.20")
    assert linked(shared, cem) == phone.device_id

    shared.salesforce.update("ServiceResource", cem, IsActive=False)
    shared.later()
    assert linked(shared, cem) is None

    shared.salesforce.update("ServiceResource", cem, IsActive=True)
    boiler = shared.book(cem)
    shared.later()
    assert shared.fence(boiler).device_id == phone.device_id


def test_a_worker_that_was_deleted_in_hypertrack_is_there_again_for_an_invitation(
    shared: Scene,
) -> None:
    eve = shared.hire("Eve Hill")
    gone = HyperTrackWorker(eve, shared.town.clock(), deleted_at=shared.town.clock())
    shared.hypertrack.world.accounts[shared.account].workers[eve] = gone

    shared.later()

    assert gone.deleted_at is None
    assert shared.install(eve)


def linked(scene: Scene, resource: str) -> str | None:
    """The device that HyperTrack says a resource carries."""
    [worker] = [
        each
        for each in scene.hypertrack.workers(scene.account)
        if each.worker_handle == resource
    ]
    return worker.device_id


def test_the_people_s_table_says_what_became_of_everybody(shared: Scene) -> None:
    dan = shared.hire("Dan Bricklin")
    shared.later()
    before = shared.page()
    shared.install(dan)

    assert "invitation sent" in before
    assert "Invite again" in before
    assert "installed" in shared.page()
