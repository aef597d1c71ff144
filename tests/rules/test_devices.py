"""Whose phone a device is."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from fieldlink import devices
from fieldlink.errors import Unavailable
from fieldlink.models import Sync
from fieldlink.records import Device, Worker
from tests.make import COLLEAGUE, CONNECTION, DEVICE, NINE, RESOURCE, World, at, worker
from tests.rules.killing import every_death


def bind(
    world: World,
    device: str = DEVICE,
    resource: str = RESOURCE,
    *,
    since: datetime = NINE,
    takes_over: bool = True,
) -> bool:
    return devices.bind(
        CONNECTION,
        device,
        resource,
        since=since,
        takes_over=takes_over,
        state=world.state,
        changes=world.changes,
        cause="seen",
    )


def device_of(world: World, resource: str) -> str:
    found = world.state.read(Worker, CONNECTION, resource)
    return found.device if found else ""


def looked_at(world: World) -> set[str]:
    bodies = [message.body for message in world.changes.messages]
    return {Sync.model_validate_json(each).resource for each in bodies}


def handed_on() -> World:
    world = World()
    bind(world, resource=COLLEAGUE)
    world.changes.messages.clear()
    return world


def test_a_new_device_moves_the_work_of_its_resource() -> None:
    world = World()

    assert bind(world)

    assert device_of(world, RESOURCE) == DEVICE
    assert looked_at(world) == {RESOURCE}


def test_a_known_device_changes_nothing() -> None:
    world = World()
    bind(world)

    assert not bind(world)
    assert len(world.changes.messages) == 1


def test_the_device_that_was_put_into_use_last_counts_whenever_that_is_heard() -> None:
    world = World()
    bind(world, "new", since=at(10))

    assert not bind(world, "old", since=at(9))

    assert device_of(world, RESOURCE) == "new"
    assert bind(world, "newest", since=at(11))
    assert device_of(world, RESOURCE) == "newest"


def test_a_known_device_that_is_put_into_use_again_takes_over_again() -> None:
    world = World()
    bind(world, "first", since=at(9))
    bind(world, "second", since=at(10))

    assert bind(world, "first", since=at(11))

    assert device_of(world, RESOURCE) == "first"


def test_a_sign_of_life_of_an_old_phone_moves_no_work_and_tells_whose_it_is() -> None:
    world = World()
    bind(world, "new", since=at(9))

    assert not bind(world, "old", since=at(12), takes_over=False)

    assert device_of(world, RESOURCE) == "new"
    known = world.state.read(Device, CONNECTION, "old")
    assert known
    assert known.resource == RESOURCE


def test_a_phone_that_was_handed_on_leaves_its_former_owner_without_one() -> None:
    world = handed_on()

    bind(world)

    assert (device_of(world, RESOURCE), device_of(world, COLLEAGUE)) == (DEVICE, "")
    assert looked_at(world) == {RESOURCE, COLLEAGUE}


def test_a_former_owner_with_a_newer_phone_keeps_it() -> None:
    world = handed_on()
    bind(world, "newer", COLLEAGUE, since=at(10))

    bind(world)

    assert device_of(world, COLLEAGUE) == "newer"


def test_the_binding_keeps_the_invitation() -> None:
    world = World()
    world.state.write(worker(not_invited="no e-mail address"))

    bind(world)

    kept = world.state.read(Worker, CONNECTION, RESOURCE)
    assert kept
    assert kept.not_invited == "no e-mail address"


@pytest.mark.parametrize("make", [World, handed_on])
def test_a_binding_ends_alike_whoever_dies_when(make: type[World]) -> None:
    for world, death in every_death(make, bind):
        bind(world)

        kept = world.state.read(Device, CONNECTION, DEVICE)
        assert device_of(world, RESOURCE) == DEVICE, death
        assert device_of(world, COLLEAGUE) == "", death
        assert kept, death
        assert kept.resource == RESOURCE, death
        assert RESOURCE in looked_at(world), death


def test_a_binding_that_loses_a_race_comes_again() -> None:
    world = World()

    class Racing:
        def __getattr__(self, name: str) -> object:
            return (lambda _: False) if name == "write" else getattr(world.state, name)

    with pytest.raises(Unavailable):
        devices.bind(
            CONNECTION,
            DEVICE,
            RESOURCE,
            since=NINE,
            takes_over=True,
            state=Racing(),  # type: ignore[arg-type]
            changes=world.changes,
            cause="seen",
        )


def test_a_device_of_nobodys_is_asked_about_again_after_an_hour() -> None:
    world = World()
    devices.meet(CONNECTION, DEVICE, world.desk)
    world.hypertrack.drivers[DEVICE] = RESOURCE
    world.pass_time(timedelta(minutes=59))
    devices.meet(CONNECTION, DEVICE, world.desk)
    early = device_of(world, RESOURCE)
    world.pass_time(timedelta(minutes=2))

    devices.meet(CONNECTION, DEVICE, world.desk)

    assert (early, device_of(world, RESOURCE)) == ("", DEVICE)
    kept = world.state.read(Device, CONNECTION, DEVICE)
    assert kept
    assert kept.ttl is None


@pytest.mark.parametrize("driver", ["", "driver-7", "0Hn", "08p000000000001AAA"])
def test_a_driver_that_is_no_resource_owns_nothing(driver: str) -> None:
    world = World()
    world.hypertrack.drivers[DEVICE] = driver

    assert devices.owner(DEVICE, world.hypertrack) == ""


def test_a_driver_of_fifteen_characters_is_the_resource_of_eighteen() -> None:
    world = World()
    world.hypertrack.drivers[DEVICE] = RESOURCE[:15]

    assert devices.owner(DEVICE, world.hypertrack) == RESOURCE
