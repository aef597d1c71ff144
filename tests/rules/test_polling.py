"""What changed in Salesforce is handed on, all of it, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from fieldlink import polling
from fieldlink.errors import Unavailable
from fieldlink.models import Category, Invite, Poll, Sync
from fieldlink.polling import Polled, Queues
from fieldlink.records import (
    Appointment,
    Assignment,
    Invitation,
    Listed,
    Resource,
    Row,
    Watermark,
)
from tests.fakes import NOON, FakeOutbox
from tests.make import (
    APPOINTMENT,
    ASSIGNMENT,
    COLLEAGUE,
    CONNECTION,
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
    from collections.abc import Iterable
    from datetime import datetime

    from fieldlink.ports import Message

TICK = timedelta(minutes=5)


def poll(world: World, run: str = "run") -> Polled:
    return polling.poll(
        world.connection,
        run=run,
        salesforce=world.salesforce,
        state=world.state,
        queues=Queues(changes=world.changes, invites=world.invites),
    )


def touched(world: World, *rows: Row, at: datetime | None = None) -> None:
    world.salesforce.changed += [(at or world.now, row) for row in rows]


def syncs(world: World) -> dict[str, set[tuple[str, str]]]:
    """Which assignments of whom were handed on."""
    found: dict[str, set[tuple[str, str]]] = {}
    for message in world.changes.messages:
        order = Sync.model_validate_json(message.body)
        found.setdefault(order.resource, set()).update(order.assignments)
    return found


def invited(world: World) -> list[str]:
    bodies = [message.body for message in world.invites.queued]
    return [Invite.model_validate_json(each).resource for each in bodies]


def watermark(world: World) -> datetime | None:
    found = world.state.read(Watermark, CONNECTION)
    return found.at if found else None


def new_work() -> World:
    world = World()
    touched(world, resource(), appointment(), assignment())
    return world


def known_work() -> World:
    """Everything was handed on at noon; it is five past."""
    world = new_work()
    poll(world)
    for queue in (world.changes, world.invites):
        queue.messages.clear()
    world.salesforce.changed.clear()
    world.pass_time(TICK)
    return world


PAIR = (APPOINTMENT, ASSIGNMENT)


def test_the_first_look_hands_on_everything_and_sets_the_watermark() -> None:
    world = new_work()

    polled = poll(world)

    assert polled == Polled(rows=3, changed=3, syncs=1, invites=1)
    assert syncs(world) == {RESOURCE: {PAIR}}
    assert invited(world) == [RESOURCE]
    assert watermark(world) == NOON


def test_the_same_rows_once_more_hand_on_nothing() -> None:
    world = known_work()
    touched(world, resource(), appointment(), assignment())

    assert poll(world) == Polled(rows=3, changed=0, syncs=0, invites=0)
    assert not world.changes.messages


def test_each_look_reaches_ten_minutes_past_the_last_one() -> None:
    world = known_work()
    late = appointment(subject="committed late")
    touched(world, late, at=NOON - timedelta(minutes=9, seconds=59))

    assert poll(world).changed == 1


def test_a_look_without_changes_writes_nothing() -> None:
    world = known_work()
    before = len(world.fate.effects)

    poll(world)

    assert not [each for each in world.fate.effects[before:] if each.startswith("write")]


def test_without_changes_the_watermark_still_moves_every_hour() -> None:
    world = known_work()
    world.pass_time(timedelta(hours=1))

    poll(world)

    assert watermark(world) == world.now


CHANGES: dict[str, Row] = {
    "rescheduled": appointment(starts_at=at(13)),
    "moved": appointment(latitude=48.1, longitude=11.6),
    "cancelled": appointment(category=Category.CANCELED),
    "deleted": appointment(deleted=True),
    "unassigned": assignment(deleted=True),
}


@pytest.mark.parametrize("row", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_happens_to_work_its_resource_is_looked_at(row: Row) -> None:
    world = known_work()
    touched(world, row)

    poll(world)

    assert syncs(world) == {RESOURCE: {PAIR}}


def test_reassigning_has_both_resources_looked_at() -> None:
    world = known_work()
    touched(world, assignment(resource=COLLEAGUE))

    poll(world)

    assert syncs(world) == {RESOURCE: {PAIR}, COLLEAGUE: {PAIR}}


def test_reassigning_by_deleting_and_adding_has_both_resources_looked_at() -> None:
    world = known_work()
    other = "03r000000000009AAA"
    touched(world, assignment(deleted=True), assignment(id=other, resource=COLLEAGUE))

    poll(world)

    assert syncs(world) == {RESOURCE: {PAIR}, COLLEAGUE: {(APPOINTMENT, other)}}


def test_an_undeleted_assignment_is_handed_on_again() -> None:
    world = known_work()
    touched(world, assignment(deleted=True))
    poll(world)
    world.pass_time(TICK)
    world.changes.messages.clear()
    touched(world, assignment())

    poll(world)

    assert syncs(world) == {RESOURCE: {PAIR}}


def test_a_deactivated_resource_is_looked_at_and_not_invited() -> None:
    world = known_work()
    touched(world, resource(active=False))

    poll(world)

    assert set(syncs(world)) == {RESOURCE}
    assert not invited(world)


@pytest.mark.parametrize(
    "known",
    [worker(device="d-1"), worker(invitation=Invitation(state="sent", at=NOON))],
)
def test_who_has_the_app_or_an_invitation_is_not_invited(known: Row) -> None:
    world = World()
    world.state.write(known)
    touched(world, resource())

    poll(world)

    assert not invited(world)


def test_dispatchers_and_crews_are_not_invited() -> None:
    world = World()
    touched(world, resource(technician=False))

    poll(world)

    assert not invited(world)


def test_a_row_that_is_read_twice_in_one_look_counts_as_it_was_read_last() -> None:
    world = World()
    touched(world, resource(email="old@example.com"), resource(email="new@example.com"))

    polled = poll(world)

    kept = world.state.read(Resource, CONNECTION, RESOURCE)
    assert polled.rows == 1
    assert kept
    assert kept.email == "new@example.com"


def test_closed_work_is_forgotten_sixty_days_after_it() -> None:
    world = World()
    touched(world, appointment(category=Category.COMPLETED))

    poll(world)

    kept = world.state.read(Appointment, CONNECTION, APPOINTMENT)
    assert kept
    assert kept.ttl == int((at(14) + timedelta(days=60)).timestamp())


def test_reopened_work_is_not_forgotten() -> None:
    world = World()
    touched(world, appointment(category=Category.COMPLETED))
    poll(world)
    touched(world, appointment(), at=world.now + TICK)
    world.pass_time(TICK)

    poll(world)

    kept = world.state.read(Appointment, CONNECTION, APPOINTMENT)
    assert kept
    assert kept.ttl is None


# ── who dies, and who comes twice ─────────────────────────────────────────────


def reassigned() -> World:
    world = known_work()
    touched(world, assignment(resource=COLLEAGUE), resource(id=COLLEAGUE), appointment())
    return world


@pytest.mark.parametrize("make", [new_work, reassigned, known_work])
def test_a_look_that_was_killed_skips_nothing(make: type[World]) -> None:
    whole = make()
    poll(whole)

    for world, death in every_death(make, poll):
        world.pass_time(TICK)
        poll(world)

        assert syncs(world).items() >= syncs(whole).items(), death
        assert set(invited(world)) == set(invited(whole)), death
        kept = world.state.all_of(Assignment, CONNECTION, APPOINTMENT)
        assert kept == whole.state.all_of(Assignment, CONNECTION, APPOINTMENT), death
        world.pass_time(TICK)
        assert poll(world).changed == 0, death


@pytest.mark.parametrize("make", [new_work, reassigned])
def test_the_watermark_moves_after_everything_was_handed_on(make: type[World]) -> None:
    world = make()

    poll(world)

    effects = world.fate.effects
    mark = len(effects) - 1 - effects[::-1].index("write Watermark")
    assert mark == len(effects) - 1
    assert mark > effects.index("put Sync")


@pytest.mark.parametrize("queue", ["put Sync", "put Invite"])
def test_a_queue_that_is_down_leaves_the_watermark_where_it_was(queue: str) -> None:
    world = new_work()
    world.fate.fail(queue, Unavailable("SQS"), times=1)

    with pytest.raises(Unavailable):
        poll(world)

    assert watermark(world) is None
    assert poll(world).changed == 3


def test_a_poller_that_was_thought_dead_does_not_move_the_watermark_back() -> None:
    world = known_work()
    touched(world, appointment(starts_at=at(13)))

    class Slow:
        """Another poller overtakes while this one hands on."""

        def put(self, messages: Iterable[Message]) -> None:
            world.pass_time(TICK)
            poll(world, "overtaking")
            world.changes.put(messages)

    with pytest.raises(Unavailable):
        polling.poll(
            world.connection,
            run="slow",
            salesforce=world.salesforce,
            state=world.state,
            queues=Queues(changes=Slow(), invites=world.invites),
        )

    assert watermark(world) == world.now


def test_two_looks_that_want_the_same_are_two_messages() -> None:
    world = known_work()
    for number, subject in enumerate(("first", "second")):
        touched(world, appointment(subject=subject), at=world.now + timedelta(minutes=number))
        poll(world, f"run {number}")

    assert len(world.changes.queued) == 2


# ── ticks ─────────────────────────────────────────────────────────────────────


def test_every_tick_polls_each_connection_that_is_connected_or_ending() -> None:
    world, polls = World(), FakeOutbox()
    states = ("new", "incomplete", "connected", "lost", "ending", "ended")
    for state in states:
        world.state.write(connection(connection=state, state=state))
        world.state.write(Listed(connection=state))

    started = polling.start(NOON, state=world.state, polls=polls)

    due = [Poll.model_validate_json(each.body).connection for each in polls.messages]
    assert (started, sorted(due)) == (2, ["connected", "ending"])


def test_a_tick_that_comes_twice_polls_once() -> None:
    world, polls = World(), FakeOutbox()
    world.state.write(connection())
    world.state.write(Listed(connection=CONNECTION))
    for moment in (at(12, 0, 3), at(12, 4, 59)):
        polling.start(polling.slot_of(moment), state=world.state, polls=polls)

    assert len(polls.queued) == 1


def test_the_next_tick_is_another_slot() -> None:
    assert polling.slot_of(at(12, 4, 59)) != polling.slot_of(at(12, 5))


def test_polls_of_one_connection_never_overlap() -> None:
    world, polls = World(), FakeOutbox()
    for name in (CONNECTION, "another"):
        world.state.write(connection(connection=name))
        world.state.write(Listed(connection=name))
    for slot in (NOON, NOON + TICK):
        polling.start(slot, state=world.state, polls=polls)

    assert len(polls.queued) == 4
    assert {message.group for message in polls.queued} == {CONNECTION, "another"}
