"""Whose phone a device is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.errors import Unavailable
from fieldlink.models import Kind, Outcome, Sync
from fieldlink.people import devices, registry
from fieldlink.people.registry import Claim
from fieldlink.records import Device, Record, Worker
from tests.fakes import NOON
from tests.make import (
    COLLEAGUE,
    CONNECTION,
    DEVICE,
    NINE,
    RESOURCE,
    World,
    at,
    delivered,
    fact,
    resource,
    worker,
)
from tests.rules.killing import every_death


def bind(
    world: World,
    device: str = DEVICE,
    resource: str = RESOURCE,
    *,
    since: datetime = NINE,
    takes_over: bool = True,
) -> bool:
    used_at = since if takes_over else None
    return registry.bind(Claim(device, resource, since, used_at, "seen"), world.desk)


def device_of(world: World, resource: str) -> str:
    found = world.state.read(Worker, CONNECTION, resource)
    return found.device if found else ""


def looked_at(world: World) -> set[str]:
    bodies = [message.body for message in world.changes.messages]
    return {Sync.model_validate_json(each).resource for each in bodies}


def handed_on() -> World:
    world = World()
    bind(world, resource=COLLEAGUE, since=at(8))
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


@pytest.mark.parametrize("lost", [Worker, Device])
def test_a_binding_that_loses_a_race_comes_again(lost: type[Record]) -> None:
    world = World()

    class Racing:
        def __getattr__(self, name: str) -> object:
            return getattr(world.state, name)

        def write(self, record: Record) -> bool:
            return not isinstance(record, lost) and world.state.write(record)

    with pytest.raises(Unavailable):
        registry.bind(
            Claim(DEVICE, RESOURCE, NINE, NINE, "seen"),
            world.desk._replace(state=Racing()),  # type: ignore[arg-type]
        )


# ── several phones of one person ──────────────────────────────────────────────


def phones_of(world: World) -> list[str]:
    found = world.state.read(Worker, CONNECTION, RESOURCE)
    return [each.id for each in found.phones] if found else []


def test_when_the_newest_is_gone_the_work_moves_back_to_the_older_one() -> None:
    world = World()
    bind(world, "old", since=at(8))
    bind(world, "new", since=at(9))
    world.changes.messages.clear()

    devices.told_gone("new", "uninstalled", at(10), world.desk)

    assert device_of(world, RESOURCE) == "old"
    assert looked_at(world) == {RESOURCE}


def test_when_the_only_one_is_gone_the_work_waits() -> None:
    world = World()
    bind(world)

    devices.told_gone(DEVICE, "deleted", at(10), world.desk)

    assert device_of(world, RESOURCE) == ""
    assert len(world.changes.messages) == 2


def test_a_reason_that_passes_takes_no_phone_away() -> None:
    world = World()
    bind(world)

    devices.told_gone(DEVICE, "low_battery", at(10), world.desk)

    assert device_of(world, RESOURCE) == DEVICE


@pytest.mark.parametrize("again", ["put into use", "active"])
def test_a_phone_that_shows_up_after_it_was_gone_counts_again(again: str) -> None:
    world = World()
    bind(world)
    devices.told_gone(DEVICE, "uninstalled", at(10), world.desk)

    if again == "active":
        devices.told_alive(DEVICE, at(11), world.desk)
    else:
        bind(world, since=at(11))

    assert device_of(world, RESOURCE) == DEVICE


def test_a_phone_that_was_laid_aside_yields_to_the_one_that_tracks() -> None:
    world = World()
    bind(world, "old", since=at(7))
    bind(world, "new", since=at(8))
    world.pass_time(timedelta(hours=12))

    devices.told_alive("old", at(20), world.desk)
    early = device_of(world, RESOURCE)
    devices.told_alive("old", at(20, 1), world.desk)

    assert (early, device_of(world, RESOURCE)) == ("new", "old")
    devices.told_alive("new", at(20, 2), world.desk)
    assert device_of(world, RESOURCE) == "new"


def test_history_stays_and_the_newest_comes_first() -> None:
    world = World()
    bind(world, "second", since=at(9))
    bind(world, "first", since=at(8))
    bind(world, "third", since=at(10))
    bind(world, "second", COLLEAGUE, since=at(11))

    found = world.state.read(Worker, CONNECTION, RESOURCE)

    assert phones_of(world) == ["third", "first"]
    assert found
    assert set(found.devices) == {"third", "second", "first"}
    assert found.devices[0] == "third"


def test_who_first_opened_the_app_and_first_tracked_stays_known() -> None:
    world = World()
    bind(world, since=at(9))
    devices.told_alive(DEVICE, at(10), world.desk)
    devices.told_alive(DEVICE, at(11), world.desk)
    bind(world, "new", since=at(12))

    found = world.state.read(Worker, CONNECTION, RESOURCE)

    assert found
    assert (found.opened_at, found.tracked_at) == (at(9), at(10))


def test_a_worker_of_an_earlier_version_keeps_its_device_until_another_is_put_into_use() -> (
    None
):
    world = World()
    world.state.write(worker(device="former", device_since=at(8)))

    bind(world, "unknown age", since=at(12), takes_over=False)
    before = device_of(world, RESOURCE)
    bind(world, "new", since=at(9))

    assert (before, device_of(world, RESOURCE)) == ("former", "new")


NEWS = [
    ("old", "used", 8),
    ("old", "active", 10),
    ("old", "active", 23),
    ("new", "used", 9),
    ("new", "active", 9),
    ("new", "gone", 11),
    ("new", "used", 12),
    ("other", "used", 7),
    ("other", "handed on", 13),
    ("other", "gone", 14),
]


def tell(world: World, news: tuple[str, str, int]) -> None:
    device, what, hour = news
    if what == "active":
        devices.told_alive(device, at(hour), world.desk)
    elif what == "gone":
        devices.told_gone(device, "uninstalled", at(hour), world.desk)
    else:
        owner = COLLEAGUE if what == "handed on" else RESOURCE
        bind(world, device, owner, since=at(hour))


def told(order: list[tuple[str, str, int]]) -> tuple[World, dict[str, Any]]:
    world = World()
    world.pass_time(timedelta(hours=12))
    for each in order:
        tell(world, each)
    kept = [world.state.read(Worker, CONNECTION, each) for each in (RESOURCE, COLLEAGUE)]
    found = {each.resource: (each.device, each.phones) for each in kept if each and each.phones}
    return world, found


@settings(max_examples=50)
@given(news=st.lists(st.sampled_from(NEWS), max_size=12), data=st.data())
def test_it_does_not_matter_in_which_order_devices_are_heard_of(
    news: list[tuple[str, str, int]], data: st.DataObject
) -> None:
    _, before = told(news)
    _, after = told(data.draw(st.permutations(news)))

    assert before == after


@settings(max_examples=30)
@given(news=st.permutations(NEWS))
def test_whenever_another_device_counts_the_work_is_looked_at(
    news: list[tuple[str, str, int]],
) -> None:
    world = World()
    world.pass_time(timedelta(hours=12))
    for each in news:
        before = device_of(world, RESOURCE)
        world.changes.messages.clear()
        tell(world, each)

        assert device_of(world, RESOURCE) == before or RESOURCE in looked_at(world)
    assert device_of(world, RESOURCE) == "new"


@pytest.mark.parametrize("news", [("new", "gone", 11), ("old", "active", 23)])
def test_news_of_a_device_end_alike_whoever_dies_when(news: tuple[str, str, int]) -> None:
    def two_phones() -> World:
        world, _ = told([("old", "used", 8), ("new", "used", 9)])
        world.changes.messages.clear()
        return world

    for world, death in every_death(two_phones, lambda world: tell(world, news)):
        tell(world, news)

        assert device_of(world, RESOURCE) == "old", death
        assert looked_at(world) == {RESOURCE}, death


# ── asking HyperTrack ─────────────────────────────────────────────────────────


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

    assert devices.owner(DEVICE, world.desk).resource == ""


def test_a_driver_of_fifteen_characters_is_the_resource_of_eighteen() -> None:
    world = World()
    world.hypertrack.drivers[DEVICE] = RESOURCE[:15]

    assert devices.owner(DEVICE, world.desk).resource == RESOURCE


@pytest.mark.parametrize(
    ("metadata", "worker_of", "email", "owner"),
    [
        (RESOURCE, COLLEAGUE, "grace@example.com", RESOURCE),
        ("", RESOURCE, "grace@example.com", RESOURCE),
        ("typed by hand", RESOURCE, "", RESOURCE),
        ("", "", "ADA@example.com", RESOURCE),
        ("ada@Example.com", "", "", RESOURCE),
        ("", "ada@example.com", "", RESOURCE),
        ("nobody@example.com", "", "ada@example.com", RESOURCE),
        ("", "", "left@example.com", ""),
        ("", "", "nobody@example.com", ""),
    ],
)
def test_a_device_is_its_driver_s_then_its_worker_s_then_that_of_its_address(
    metadata: str, worker_of: str, email: str, owner: str
) -> None:
    world = World()
    world.state.write(resource())
    world.state.write(resource(id=COLLEAGUE, email="grace@example.com"))
    gone = "0Hn000000000003CAA"
    world.state.write(resource(id=gone, email="left@example.com", active=False))
    told = world.hypertrack
    told.drivers[DEVICE], told.emails[DEVICE], told.linked[worker_of] = metadata, email, DEVICE

    assert devices.owner(DEVICE, world.desk).resource == owner


def test_an_address_that_two_have_is_nobody_s_and_that_is_told() -> None:
    world = World()
    world.state.write(resource())
    world.state.write(resource(id=COLLEAGUE))
    world.hypertrack.emails[DEVICE] = "ada@example.com"

    outcome = devices.seen(delivered(fact(Kind.DEVICE_SEEN, resource="")), world.desk)

    [row] = world.ledger.rows
    assert outcome is Outcome.IGNORED
    assert row.reason == "2 resources have the e-mail address of this device"


def test_all_devices_that_hypertrack_has_of_a_resource_are_bound_by_their_age() -> None:
    world = World()
    world.state.write(resource())
    told = world.hypertrack
    told.drivers |= {"newest": RESOURCE, "gone": RESOURCE}
    told.emails |= {"older": "ada@example.com", "another's": "grace@example.com"}
    told.registered |= {"older": at(8), "newest": at(9), "gone": at(10)}
    told.uninstalled.add("gone")

    assert devices.find(RESOURCE, world.desk) == "newest"

    assert phones_of(world) == ["newest", "older"]
    assert world.fate.effects.count("list devices") == 1


def test_the_device_that_is_linked_is_found_without_a_look_at_all() -> None:
    world = World()
    world.hypertrack.linked[RESOURCE] = DEVICE

    assert devices.find(RESOURCE, world.desk) == DEVICE
    assert "list devices" not in world.fate.effects


def test_who_has_no_device_is_not_given_one() -> None:
    world = World()

    assert devices.find(RESOURCE, world.desk) == ""
    assert world.state.kinds["Worker"] == 0


# ── what HyperTrack tells ─────────────────────────────────────────────────────


def seen(world: World, key: str = "registration", **more: Any) -> Outcome:
    told = fact(Kind.DEVICE_SEEN, **more)
    told = told.model_copy(update={"key": f"{key}/{told.device}//{told.at.isoformat()}"})
    return devices.seen(delivered(told), world.desk)


@pytest.mark.parametrize("key", ["registration", "reinstall", "worker", "device_switched"])
def test_a_device_that_is_put_into_use_takes_the_work_over(key: str) -> None:
    world = World()
    bind(world, "old", since=at(8))

    assert seen(world, key) is Outcome.APPLIED
    assert device_of(world, RESOURCE) == DEVICE


def test_an_update_takes_nothing_over_and_is_told() -> None:
    world = World()
    bind(world, "old", since=at(8))

    assert seen(world, "registration_update") is Outcome.IGNORED
    assert device_of(world, RESOURCE) == "old"
    assert [each.reason for each in world.ledger.rows] == ["known device"]


def test_a_device_whose_clock_is_ahead_was_not_put_into_use_in_the_future() -> None:
    world = World()
    seen(world, at=at(23))

    found = world.state.read(Worker, CONNECTION, RESOURCE)
    assert found
    assert found.device_since == NOON


def test_an_old_registration_that_comes_late_asks_whose_the_device_is_now() -> None:
    world = World()
    bind(world, resource=COLLEAGUE, since=at(11))
    world.hypertrack.drivers[DEVICE] = COLLEAGUE

    seen(world, at=at(8), resource="")

    assert (device_of(world, RESOURCE), device_of(world, COLLEAGUE)) == ("", DEVICE)


def test_a_link_that_was_overtaken_is_not_taken_for_news() -> None:
    world = World()
    bind(world, resource=COLLEAGUE, since=at(11))

    assert seen(world, "worker", at=at(8)) is Outcome.IGNORED
    assert (device_of(world, RESOURCE), device_of(world, COLLEAGUE)) == ("", DEVICE)


def released(world: World, **more: Any) -> Outcome:
    return devices.released(delivered(fact(Kind.DEVICE_RELEASED, **more)), world.desk)


def test_a_device_that_was_taken_away_leaves_its_resource_without_one() -> None:
    world = World()
    bind(world, since=at(8))
    world.changes.messages.clear()

    assert released(world) is Outcome.APPLIED

    assert device_of(world, RESOURCE) == ""
    assert looked_at(world) == {RESOURCE}


def test_a_device_that_was_taken_away_for_another_one_makes_way_for_that() -> None:
    world = World()
    bind(world, since=at(8))
    world.hypertrack.drivers[DEVICE] = RESOURCE
    world.hypertrack.linked[RESOURCE] = "new"
    world.hypertrack.registered["new"] = at(9)

    assert released(world) is Outcome.APPLIED

    assert phones_of(world) == ["new", DEVICE]


def test_a_release_that_names_no_worker_has_the_former_one_asked_about() -> None:
    world = World()
    bind(world, since=at(8))
    world.hypertrack.linked[RESOURCE] = "new"

    released(world, resource="")

    assert device_of(world, RESOURCE) == "new"


def test_a_device_that_was_given_to_a_colleague_is_theirs() -> None:
    world = World()
    bind(world, since=at(8))
    world.hypertrack.linked[COLLEAGUE] = DEVICE

    released(world)

    assert (device_of(world, RESOURCE), device_of(world, COLLEAGUE)) == ("", DEVICE)


def test_a_device_that_is_still_the_resource_s_by_what_it_says_stays() -> None:
    world = World()
    bind(world, since=at(8))
    world.hypertrack.drivers[DEVICE] = RESOURCE

    assert released(world) is Outcome.IGNORED
    assert device_of(world, RESOURCE) == DEVICE


def test_a_release_that_names_no_device_has_the_resource_asked_about() -> None:
    world = World()
    world.hypertrack.linked[RESOURCE] = DEVICE

    assert released(world, device="") is Outcome.APPLIED
    assert device_of(world, RESOURCE) == DEVICE


def test_a_sign_that_an_unknown_device_tracks_makes_up_for_a_registration() -> None:
    world = World()
    world.hypertrack.drivers[DEVICE] = RESOURCE

    devices.told_alive(DEVICE, NINE, world.desk)

    found = world.state.read(Worker, CONNECTION, RESOURCE)
    assert found
    assert (found.device, found.tracked_at) == (DEVICE, NINE)


def test_hypertrack_being_down_holds_no_sign_of_life_up() -> None:
    world = World()
    world.fate.fail("driver of", Unavailable("503"))

    devices.told_alive(DEVICE, NINE, world.desk)

    known = world.state.read(Device, CONNECTION, DEVICE)
    assert known
    assert (known.active_at, known.resource) == (NINE, "")


# ── who has left ──────────────────────────────────────────────────────────────


def left() -> World:
    world = World()
    bind(world, since=at(8))
    world.hypertrack.workers[RESOURCE] = "Ada"
    world.hypertrack.linked[RESOURCE] = DEVICE
    world.hypertrack.drivers[DEVICE] = RESOURCE
    world.state.write(resource(active=False))
    return world


def test_who_has_left_carries_no_device_and_keeps_the_history() -> None:
    world = left()

    devices.release(RESOURCE, world.desk)

    found = world.state.read(Worker, CONNECTION, RESOURCE)
    assert found
    assert (found.device, found.phones, found.devices) == ("", (), (DEVICE,))
    assert world.hypertrack.linked == {}
    known = world.state.read(Device, CONNECTION, DEVICE)
    assert known
    assert known.resource == RESOURCE  # what it did before is still theirs


def test_hypertrack_s_refusal_to_let_a_device_go_is_noted_and_holds_nothing_up() -> None:
    world = left()
    world.hypertrack.keeps_devices = True

    devices.release(RESOURCE, world.desk)

    found = world.state.read(Worker, CONNECTION, RESOURCE)
    assert found
    assert (found.device, found.not_released) == (
        "",
        "HyperTrack answered 422: may not be null",
    )


def test_hypertrack_is_asked_once_to_let_a_device_go() -> None:
    world = left()

    devices.release(RESOURCE, world.desk)
    devices.release(RESOURCE, world.desk)
    devices.release(COLLEAGUE, world.desk)

    assert world.fate.effects.count("release device") == 1


def test_whatever_the_device_of_somebody_who_left_tells_it_is_not_given_back() -> None:
    world = left()
    devices.release(RESOURCE, world.desk)

    seen(world, resource="")
    released(world)
    devices.told_alive(DEVICE, NOON, world.desk)

    assert device_of(world, RESOURCE) == ""


def test_who_comes_back_has_their_device_again() -> None:
    world = left()
    devices.release(RESOURCE, world.desk)
    world.state.write_all([resource()])

    assert devices.find(RESOURCE, world.desk) == DEVICE


def test_the_device_of_somebody_who_left_can_become_a_colleague_s() -> None:
    world = left()
    devices.release(RESOURCE, world.desk)
    world.hypertrack.drivers[DEVICE] = COLLEAGUE

    seen(world, resource="")

    assert device_of(world, COLLEAGUE) == DEVICE
