"""Times that a wrong clock gave are doubtful, whenever they are told."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from fieldlink.models import Fact, Kind, Outcome
from fieldlink.records import Device
from fieldlink.trouble import clocks
from tests.make import CONNECTION, DEVICE, RESOURCE, World, at, delivered, fact
from tests.rules.killing import every_death

if TYPE_CHECKING:
    from datetime import datetime

LATE = at(20)
HOUR = 3600.0


def with_phone() -> World:
    world = World()
    world.now = LATE
    world.state.write_all([Device(connection=CONNECTION, id=DEVICE, resource=RESOURCE)])
    return world


def changed(when: datetime, seconds: float) -> Fact:
    return fact(Kind.CLOCK_CHANGED, when, resource="", appointment="", seconds=seconds)


def take(world: World, *told: Fact) -> list[Outcome]:
    messages = [delivered(each, received_at=LATE) for each in told]
    return [clocks.take(each, world.desk) for each in messages]


def phone(world: World) -> Device:
    found = world.state.read(Device, CONNECTION, DEVICE)
    assert found
    return found


def doubts(world: World, when: datetime, kind: Kind = Kind.ARRIVED) -> bool:
    return clocks.doubted(fact(kind, when), world.desk).doubtful


def test_a_clock_is_off_until_it_is_put_right() -> None:
    world = with_phone()

    assert take(world, changed(at(12), HOUR)) == [Outcome.APPLIED]
    assert (phone(world).clock_off, phone(world).clock_at) == (HOUR, at(12))
    assert take(world, changed(at(14), 20)) == [Outcome.APPLIED]

    assert (phone(world).clock_off, phone(world).clock_at) == (0, None)


@pytest.mark.parametrize(
    ("seconds", "off"), [(600, False), (601, True), (-600, False), (-601, True)]
)
def test_ten_minutes_are_tolerated(seconds: float, off: bool) -> None:
    world = with_phone()

    take(world, changed(at(12), seconds))

    assert bool(phone(world).clock_off) == off
    assert doubts(world, at(13)) == off


@pytest.mark.parametrize(
    ("seconds", "first", "last"),
    [(HOUR, at(12), at(14, 59)), (-HOUR, at(11), at(13, 59))],
)
def test_every_time_that_a_wrong_clock_may_have_given_is_doubtful(
    seconds: float, first: datetime, last: datetime
) -> None:
    world = with_phone()

    take(world, changed(at(12), seconds), changed(at(14), 0))

    moments = [at(hour, minute) for hour in range(9, 18) for minute in range(60)]
    doubtful = [each for each in moments if doubts(world, each)]
    assert (doubtful[0], doubtful[-1]) == (first, last)
    assert len(doubtful) == (last - first).total_seconds() / 60 + 1


def test_the_order_in_which_changes_are_told_does_not_matter() -> None:
    told = [
        changed(at(9), HOUR),
        changed(at(10), 0),
        changed(at(12), -HOUR),
        changed(at(14), 5),
    ]
    moments = [at(hour, 30) for hour in range(8, 17)]
    found = set()
    for each in permutations(told):
        world = with_phone()
        take(world, *each)
        off = (phone(world).clock_off, phone(world).clock_at)
        found.add((*off, *(doubts(world, moment) for moment in moments)))

    assert len(found) == 1


def test_a_clock_that_is_wrong_by_years_does_not_spoil_the_days_before() -> None:
    world = with_phone()

    take(world, changed(at(12), -9e9))

    assert doubts(world, at(13))
    assert not doubts(world, at(12).replace(day=2))


@pytest.mark.parametrize("kind", list(Kind))
def test_only_what_is_told_with_the_device_s_own_time_is_doubted(kind: Kind) -> None:
    world = with_phone()
    take(world, changed(at(12), HOUR))

    assert doubts(world, at(13), kind) == (kind in clocks.BY_ITS_CLOCK)


def test_a_fact_costs_one_look_at_most() -> None:
    world = with_phone()
    before = len(world.fate.effects)

    clocks.doubted(fact(Kind.ARRIVED, at(13)), world.desk)
    clocks.doubted(fact(Kind.ARRIVED, at(13), device=""), world.desk)

    assert world.fate.effects[before:] == ["read Device"]


def test_another_device_is_not_doubted() -> None:
    world = with_phone()
    take(world, changed(at(12), HOUR))

    other = fact(Kind.ARRIVED, at(13), device="another")

    assert not clocks.doubted(other, world.desk).doubtful


def test_what_is_told_again_changes_nothing() -> None:
    world = with_phone()
    take(world, changed(at(12), HOUR))
    before = phone(world)
    again = delivered(changed(at(12), HOUR), received_at=LATE, delivery="again")

    assert clocks.take(again, world.desk) is Outcome.DUPLICATE
    assert take(world, changed(at(12), HOUR)) == [Outcome.DUPLICATE]

    assert phone(world) == before
    assert [each.outcome for each in world.ledger.rows] == [Outcome.APPLIED, Outcome.DUPLICATE]


def test_a_device_of_nobody_is_ignored() -> None:
    world = World()
    world.now = LATE

    assert take(world, changed(at(12), HOUR)) == [Outcome.IGNORED]


def test_whoever_dies_when_leaves_one_row() -> None:
    told = changed(at(12), HOUR)
    for world, death in every_death(with_phone, lambda each: take(each, told)):
        take(world, told)

        assert phone(world).clock_off == HOUR, death
        assert [each.outcome for each in world.ledger.rows] == [Outcome.APPLIED], death
