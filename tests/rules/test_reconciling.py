"""A look at everything finds what no change tells of, and leaves alone what is as it was."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from fieldlink.listing import every_connection
from fieldlink.looking import polling, reconciling
from fieldlink.looking.polling import Polled, Queues
from fieldlink.models import Category, Poll, Sync
from fieldlink.records import (
    Appointment,
    Assignment,
    Geofence,
    Listed,
    Record,
    Resource,
    Row,
    Vanished,
    Watermark,
    Worker,
)
from fieldlink.tracking import tracking
from tests.fakes import NOON, FakeOutbox, Fate
from tests.make import (
    APPOINTMENT,
    ASSIGNMENT,
    CONNECTION,
    DEVICE,
    RESOURCE,
    World,
    appointment,
    assignment,
    at,
    connection,
    resource,
    worker,
)
from tests.rules.killing import every_death

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TICK = timedelta(minutes=5)
PAIR = (APPOINTMENT, ASSIGNMENT)


def poll(world: World, *, full: bool = True) -> Polled:
    return polling.poll(
        world.connection,
        run=f"run {len(world.fate.effects)}",
        salesforce=world.salesforce,
        state=world.state,
        queues=Queues(changes=world.changes, invites=world.invites),
        full=full,
    )


def deliver(world: World) -> None:
    """Give what was handed on to SyncTracking."""
    for message in list(world.changes.messages):
        tracking.sync(Sync.model_validate_json(message.body), world.ground)
    world.changes.messages.clear()


def tracked() -> World:
    """Open work with its geofence; the next look is due."""
    world = World()
    world.state.write(worker(device=DEVICE))
    rows = (resource(), appointment(), assignment())
    world.salesforce.changed += [(world.now, row) for row in rows]
    poll(world)
    deliver(world)
    world.pass_time(TICK)
    return world


def touched(world: World, row: Row) -> None:
    """Changed, but so that no look for changes sees it."""
    world.salesforce.changed.append((world.now - timedelta(days=2), row))


def vanished(world: World) -> dict[str, tuple[str, str, bool]]:
    found = world.state.all_of(Vanished, CONNECTION)
    return {each.id: (each.what, each.name, each.deleted) for each in found}


def full_at(world: World) -> object:
    mark = world.state.read(Watermark, CONNECTION)
    return mark and mark.full_at


def test_every_night_each_connected_org_is_compared_once() -> None:
    world, polls = World(), FakeOutbox()
    for state in ("new", "incomplete", "connected", "lost", "ending", "ended"):
        world.state.write(connection(connection=state, state=state))
        world.state.write(Listed(connection=state))

    started = [
        reconciling.start(date(2026, 3, day), every_connection(world.state), polls=polls)
        for day in (4, 4, 5)
    ]

    assert started == [1, 1, 1]
    queued = [Poll.model_validate_json(each.body) for each in polls.queued]
    assert queued == [Poll(connection="connected", full=True)] * 2
    assert {each.group for each in polls.queued} == {"connected"}


def test_a_nightly_look_is_no_tick_of_the_same_moment() -> None:
    polls = FakeOutbox()
    world = World()
    world.state.write(connection())
    world.state.write(Listed(connection=CONNECTION))

    reconciling.start(NOON.date(), every_connection(world.state), polls=polls)
    polling.start(NOON, every_connection(world.state), polls=polls)

    assert len(polls.queued) == 2


def test_where_nothing_differs_only_the_watermark_is_written() -> None:
    world = tracked()
    before = len(world.fate.effects)

    polled = poll(world)

    wrote = [each for each in world.fate.effects[before:] if each.startswith("write")]
    assert set(wrote) == {"write Watermark"}
    assert (polled.full, polled.changed, polled.vanished) == (True, 0, 0)
    assert full_at(world) == world.now
    assert "query again" not in world.fate.effects[before:]
    assert not world.changes.messages


def test_a_change_that_no_look_saw_is_handed_on() -> None:
    world = tracked()
    touched(world, appointment(starts_at=at(15)))
    without = poll(world, full=False).changed

    polled = poll(world)

    assert (without, polled.changed) == (0, 1)
    assert polled.found == {"appointment rescheduled": 1}


def test_work_that_was_closed_long_ago_and_is_not_shown_is_found_by_its_id() -> None:
    world = tracked()
    old = at(14) - timedelta(days=100)
    closed = appointment(category=Category.COMPLETED, starts_at=old, ends_at=old)
    touched(world, closed)

    polled = poll(world)
    deliver(world)

    assert polled.found["appointment completed"] == 1
    assert not world.hypertrack.fences
    assert not vanished(world)


def hide(world: World) -> None:
    world.salesforce.hidden |= {APPOINTMENT, ASSIGNMENT}


def purge(world: World) -> None:
    """Deleted, and gone from the recycle bin."""
    for row in (appointment(deleted=True), assignment(deleted=True)):
        touched(world, row)
        world.salesforce.purged.add(row.id)


def purge_the_log_too(world: World) -> None:
    purge(world)
    world.salesforce.log_purged = True


@pytest.mark.parametrize(
    ("happens", "deleted"),
    [(hide, False), (purge, True), (purge_the_log_too, False)],
    ids=["shared with us no more", "deleted for good", "and the log is purged"],
)
def test_open_work_that_is_shown_no_more_ends_and_the_operator_is_told(
    happens: Callable[[World], None], deleted: bool
) -> None:
    world = tracked()
    happens(world)

    polled = poll(world)
    deliver(world)

    assert not world.hypertrack.fences
    assert polled.vanished == 2
    assert vanished(world) == {
        APPOINTMENT: ("appointment", "SA-0001", deleted),
        ASSIGNMENT: ("assignment", "SA-0001", deleted),
    }
    [told, _] = world.state.all_of(Vanished, CONNECTION)
    assert told.ttl == int((world.now + timedelta(days=60)).timestamp())
    kept = world.state.read(Appointment, CONNECTION, APPOINTMENT)
    assert kept
    assert (kept.deleted, kept.hidden) == (deleted, not deleted)


def test_what_is_only_in_the_recycle_bin_has_not_vanished() -> None:
    world = tracked()
    touched(world, assignment(deleted=True))

    polled = poll(world)
    deliver(world)

    assert polled.found == {"unassigned": 1}
    assert (polled.vanished, vanished(world)) == (0, {})
    assert not world.hypertrack.fences


def hide_the_resource(world: World) -> None:
    world.salesforce.hidden.add(RESOURCE)


@pytest.mark.parametrize("happens", [hide, hide_the_resource, purge])
def test_what_is_shown_again_is_tracked_again_and_no_longer_told_of(
    happens: Callable[[World], None],
) -> None:
    world = tracked()
    happens(world)
    poll(world)
    deliver(world)
    assert vanished(world)
    world.salesforce.hidden.clear()
    world.salesforce.purged.clear()
    world.pass_time(TICK)
    for row in (appointment(), assignment()):
        touched(world, row)

    poll(world)
    deliver(world)

    assert len(world.hypertrack.fences) == 1
    assert not vanished(world)


def test_work_that_stays_hidden_is_told_of_once() -> None:
    world = tracked()
    hide(world)
    poll(world)
    deliver(world)
    world.pass_time(timedelta(days=1))

    polled = poll(world)

    assert (polled.vanished, polled.changed) == (0, 0)
    assert len(vanished(world)) == 2


@pytest.mark.parametrize("left", [Geofence, Worker])
def test_work_of_a_resource_that_was_never_shown_ends_as_well(left: type[Record]) -> None:
    """It is known by its geofence alone, or by its worker alone."""
    world = tracked()
    world.state.erase(Resource, CONNECTION, RESOURCE)
    world.salesforce.purged.add(RESOURCE)
    other: type[Record] = Worker if left is Geofence else Geofence
    for record in world.state.all_of(other, CONNECTION):
        world.state.erase(other, *record.key)
    hide(world)

    poll(world)
    deliver(world)

    assert not world.hypertrack.fences
    assert set(vanished(world)) == {APPOINTMENT, ASSIGNMENT}


def test_a_resource_that_is_shown_no_more_is_tracked_no_more() -> None:
    world = tracked()
    world.salesforce.hidden.add(RESOURCE)

    poll(world)
    deliver(world)

    assert not world.hypertrack.fences
    assert vanished(world) == {RESOURCE: ("resource", "Ada Lovelace", False)}


# ── when it is due by itself ──────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("silence", "full"),
    [(timedelta(hours=24), False), (timedelta(hours=25), True), (timedelta(days=16), True)],
    ids=["a night is on its way", "a night was missed", "sixteen days"],
)
def test_a_night_that_was_missed_is_made_up_for(silence: timedelta, full: bool) -> None:
    world = tracked()
    world.salesforce.now = NOON + silence
    hide(world)

    polled = poll(world, full=False)

    assert polled.full is full
    assert bool(vanished(world)) is full


def test_after_a_long_outage_rows_deleted_for_good_meanwhile_are_found() -> None:
    world = tracked()
    world.pass_time(timedelta(days=16))
    purge_the_log_too(world)

    poll(world, full=False)
    deliver(world)

    assert not world.hypertrack.fences
    assert len(vanished(world)) == 2


def test_a_watermark_of_an_earlier_version_has_everything_compared() -> None:
    world = tracked()
    mark = world.state.read(Watermark, CONNECTION)
    assert mark
    world.state.write(mark.model_copy(update={"full_at": None}))

    assert poll(world, full=False).full
    assert full_at(world) == world.now


def test_the_watermark_says_up_to_when_changes_were_read_and_not_everything() -> None:
    """What is closed or deleted while everything is read is none of it."""
    world = tracked()
    asked_at = world.now

    class Slow(Fate):
        """An hour goes by before everything is read."""

        looks = 0

        @contextmanager
        def effect(self, name: str) -> Iterator[None]:
            self.looks += name == "query changes"
            if name == "query changes" and self.looks == 2:
                world.salesforce.now += timedelta(hours=1)
            with super().effect(name):
                yield

    world.salesforce.fate = Slow()
    poll(world)

    mark = world.state.read(Watermark, CONNECTION)
    assert mark
    assert (mark.at, mark.full_at) == (asked_at, asked_at + timedelta(hours=1))


def test_a_look_at_everything_that_fails_leaves_the_changes_handed_on() -> None:
    world = tracked()
    world.salesforce.changed.append((world.now, appointment(starts_at=at(15))))
    world.salesforce.hidden.add(RESOURCE)
    world.fate.fail("write Vanished", RuntimeError("a bug of ours"))

    with pytest.raises(RuntimeError):
        poll(world)

    kept = world.state.read(Appointment, CONNECTION, APPOINTMENT)
    mark = world.state.read(Watermark, CONNECTION)
    assert kept
    assert mark
    assert (kept.starts_at, kept.handed_on) == (at(15), True)
    assert (mark.at, mark.full_at) == (world.now, NOON)


# ── who dies ──────────────────────────────────────────────────────────────────


def hidden_work() -> World:
    world = tracked()
    hide(world)
    return world


def shown_again() -> World:
    world = hidden_work()
    poll(world)
    deliver(world)
    world.salesforce.hidden.clear()
    world.pass_time(TICK)
    return world


@pytest.mark.parametrize("make", [hidden_work, shown_again])
def test_a_look_at_everything_that_was_killed_is_made_good_by_the_next(
    make: Callable[[], World],
) -> None:
    whole = make()
    poll(whole)
    deliver(whole)

    for world, death in every_death(make, poll):
        poll(world)
        deliver(world)

        assert len(world.hypertrack.fences) == len(whole.hypertrack.fences), death
        assert vanished(world) == vanished(whole), death
        kept = world.state.all_of(Assignment, CONNECTION, APPOINTMENT)
        told = whole.state.all_of(Assignment, CONNECTION, APPOINTMENT)
        assert [one.same_as(other) for one, other in zip(kept, told, strict=True)] == [True]
