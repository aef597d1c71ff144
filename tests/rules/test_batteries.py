"""A battery is low from when it was first told to be until it is told not to be."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

from fieldlink.models import Fact, Kind, Outcome
from fieldlink.records import Device
from fieldlink.trouble import batteries
from tests.make import CONNECTION, DEVICE, RESOURCE, World, at, delivered, fact
from tests.rules.killing import every_death

if TYPE_CHECKING:
    from datetime import datetime

LATE = at(18)


def with_phone() -> World:
    world = World()
    world.now = LATE
    world.state.write_all([Device(connection=CONNECTION, id=DEVICE, resource=RESOURCE)])
    return world


def low(when: datetime, **more: Any) -> Fact:
    return fact(Kind.BATTERY_LOW, when, resource="", appointment="", **more)


def well(when: datetime) -> Fact:
    return fact(Kind.BATTERY_WELL, when, resource="", appointment="")


def take(world: World, *told: Fact) -> list[Outcome]:
    messages = [delivered(each, received_at=LATE) for each in told]
    return [batteries.take(each, world.desk) for each in messages]


def phone(world: World) -> Device:
    found = world.state.read(Device, CONNECTION, DEVICE)
    assert found
    return found


def test_a_battery_is_low_until_it_is_charged() -> None:
    world = with_phone()

    assert take(world, low(at(12)), low(at(12, 30))) == [Outcome.APPLIED, Outcome.SUPERSEDED]
    assert (phone(world).battery, phone(world).battery_since) == ("low", at(12))
    assert take(world, well(at(13)), well(at(14))) == [Outcome.APPLIED, Outcome.SUPERSEDED]

    assert (phone(world).battery, phone(world).battery_since) == ("", None)
    assert len(world.ledger.rows) == 4


def test_the_order_in_which_it_is_told_does_not_matter() -> None:
    for told in permutations([low(at(9)), well(at(10)), low(at(11)), low(at(12))]):
        world = with_phone()
        take(world, *told)

        assert (phone(world).battery, phone(world).battery_since) == ("low", at(11)), told


def test_what_is_told_again_changes_nothing() -> None:
    world = with_phone()
    take(world, low(at(12)))
    before = phone(world)

    again = delivered(low(at(12)), received_at=LATE, delivery="again")

    assert batteries.take(again, world.desk) is Outcome.DUPLICATE
    assert phone(world) == before
    assert [each.outcome for each in world.ledger.rows] == [Outcome.APPLIED, Outcome.DUPLICATE]


def test_a_device_of_nobody_is_ignored() -> None:
    world = with_phone()

    assert take(world, low(at(12), device="unknown")) == [Outcome.IGNORED]

    assert world.ledger.rows[0].reason == "device of no resource of ours"


def test_whoever_dies_when_leaves_one_row() -> None:
    for world, death in every_death(with_phone, lambda each: take(each, low(at(12)))):
        take(world, low(at(12)))

        assert phone(world).battery == "low", death
        assert [each.outcome for each in world.ledger.rows] == [Outcome.APPLIED], death
