"""What changed in Salesforce is handed on, all of it, and nothing else."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.errors import Unavailable
from fieldlink.listing import every_connection
from fieldlink.looking import polling
from fieldlink.looking.polling import Polled, Queues
from fieldlink.models import Category, Invite, Poll, Sync
from fieldlink.records import (
    Appointment,
    Assignment,
    Capabilities,
    Invitation,
    Listed,
    Resource,
    Row,
    Watermark,
)
from tests.fakes import NOON, STATUSES, FakeOutbox, Fate
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
    from collections.abc import Callable, Iterable, Iterator
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
    """Up to when the org has been looked at; a first look that is not over has none."""
    found = world.state.read(Watermark, CONNECTION)
    return found.at if found and found.full_at else None


def written(world: World, since: int = 0) -> list[str]:
    return [each for each in world.fate.effects[since:] if each.startswith("write")]


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

    assert polled._replace(found={}) == Polled(3, 3, syncs=1, invites=1, full=True)
    assert polled.found == {"appointment created": 1, "assigned": 1, "new technician": 1}
    assert syncs(world) == {RESOURCE: {PAIR}}
    assert invited(world) == [RESOURCE]
    assert watermark(world) == NOON


def test_the_same_rows_once_more_hand_on_nothing() -> None:
    world = known_work()
    touched(world, resource(), appointment(), assignment())

    assert poll(world) == Polled(rows=3, changed=0, syncs=0, invites=0)
    assert not world.changes.messages


@pytest.mark.parametrize("minutes", [10, 25])
def test_each_look_reaches_past_the_last_one_as_the_connection_says(minutes: int) -> None:
    world = known_work()
    world.connection = connection(overlap=minutes)
    late = appointment(subject="committed late")
    touched(world, late, at=NOON - timedelta(minutes=minutes) + timedelta(seconds=1))

    assert poll(world).changed == 1


def test_a_look_without_changes_reads_two_records_and_writes_nothing() -> None:
    world = known_work()
    before = len(world.fate.effects)

    poll(world)

    assert world.fate.effects[before:] == [
        "read Watermark",
        "read Capabilities",
        "query changes",
    ]


def test_rows_that_are_only_read_again_cost_one_read_for_each_kind() -> None:
    world = known_work()
    touched(world, resource(), appointment(), assignment())
    before = len(world.fate.effects)

    poll(world)

    kinds = ("Resource", "Appointment", "Assignment")
    reads = [f"read fingerprints of {kind}s" for kind in kinds]
    assert world.fate.effects[before + 3 :] == reads


def test_the_statuses_of_the_org_are_noted_when_they_change_and_only_then() -> None:
    world = known_work()
    world.state.write(Capabilities(connection=CONNECTION, checked_at=NOON, statuses=STATUSES))
    renamed = (*STATUSES[:-1], STATUSES[-1].model_copy(update={"name": "Called off"}))
    poll(world)
    same = world.state.read(Capabilities, CONNECTION)
    world.salesforce.statuses = renamed

    poll(world)

    noted = world.state.read(Capabilities, CONNECTION)
    assert same
    assert noted
    assert (same.version, noted.version) == (1, 2)
    assert (noted.statuses, noted.checked_at) == (renamed, NOON)


def test_statuses_that_can_not_be_read_are_not_forgotten() -> None:
    world = known_work()
    world.state.write(Capabilities(connection=CONNECTION, checked_at=NOON, statuses=STATUSES))
    world.salesforce.statuses = ()

    poll(world)

    noted = world.state.read(Capabilities, CONNECTION)
    assert noted
    assert noted.statuses == STATUSES


@pytest.mark.parametrize("minutes", [-10, 10])
def test_salesforces_clock_drives_the_watermark_whatever_ours_says(minutes: int) -> None:
    world = known_work()
    world.now += timedelta(minutes=minutes)  # Salesforce's stays as it is
    late = appointment(subject="committed late")
    touched(world, late, at=NOON - timedelta(minutes=9))

    polled = poll(world)

    assert polled.changed == 1
    assert watermark(world) == world.salesforce.now


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


def test_who_was_on_the_work_once_and_a_crew_are_not_looked_at_when_it_changes() -> None:
    world = known_work()
    gone = assignment(id="03r000000000008AAA", resource=COLLEAGUE, deleted=True)
    crew = assignment(id="03r000000000009AAA", resource="0Hn000000000009CAA", technician=False)
    world.state.write_all(each.model_copy(update={"handed_on": True}) for each in (gone, crew))
    touched(world, appointment(starts_at=at(13)))

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


def test_a_row_that_an_earlier_version_left_unfinished_is_handed_on_to_everybody() -> None:
    world = known_work()
    left = assignment(former=(COLLEAGUE,)).model_copy(update={"handed_on": False})
    world.state.write_all([left])
    touched(world, assignment())

    poll(world)

    assert syncs(world) == {RESOURCE: {PAIR}, COLLEAGUE: {PAIR}}


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

    class Slow(FakeOutbox):
        """Another poller overtakes while this one hands on."""

        def put(self, messages: Iterable[Message]) -> None:
            world.pass_time(TICK)
            poll(world, "overtaking")
            super().put(messages)

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


# ── the edge of the watermark ─────────────────────────────────────────────────


def many(count: int) -> list[Row]:
    """Appointments with nobody on them."""
    return [appointment(id=f"08p{number:012}AAA") for number in range(2, count + 2)]


def test_five_thousand_rows_of_one_moment_are_all_seen_and_cost_nothing_when_seen_again() -> (
    None
):
    world = known_work()
    rows = many(5000)
    touched(world, *rows, at=world.now)
    first = poll(world)
    effects = len(world.fate.effects)
    world.pass_time(TICK)

    again = poll(world)

    assert (first.rows, first.changed) == (5000, 5000)
    assert (again.rows, again.changed) == (5000, 0)
    assert not written(world, effects)


def test_rows_that_become_visible_behind_the_watermark_are_seen_in_any_look() -> None:
    world = known_work()
    seen = 0
    rows = many(120)
    for number, row in enumerate(rows):  # each is stamped nine minutes before it is seen
        world.pass_time(timedelta(minutes=1))
        touched(world, row, at=world.now - timedelta(minutes=9))
        if number % 5 == 4:
            seen += poll(world).changed

    assert seen == 120


# ── five at once ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("make", [new_work, reassigned])
def test_of_five_looks_at_once_one_moves_and_the_others_write_nothing(
    make: Callable[[], World],
) -> None:
    world = make()
    outcomes: list[str] = []
    ends: list[int] = []

    class Crowd(Fate):
        """Each poller has looked and compared when the next one comes by."""

        left = 4

        @contextmanager
        def effect(self, name: str) -> Iterator[None]:
            if name == "write Watermark" and self.left:
                self.left -= 1
                look()
            with super().effect(name):
                yield

    def look() -> None:
        try:
            poll(world, f"run {len(outcomes)}")
            outcomes.append("moved")
        except Unavailable:
            outcomes.append("behind")
        ends.append(len(world.state.fate.effects))

    world.state.fate = world.changes.fate = world.invites.fate = Crowd()
    look()

    assert outcomes == ["moved", *["behind"] * 4]
    assert world.state.fate.effects[ends[0] :] == ["write Watermark"] * 4  # each is refused


@pytest.mark.parametrize("paused_at", ["put Sync", "write Appointment", "write Resource"])
def test_a_poller_that_wakes_after_another_is_done_writes_no_row(paused_at: str) -> None:
    world = new_work()
    poll(world)
    world.pass_time(TICK)
    touched(world, appointment(starts_at=at(13)), resource(name="Ada King"))
    newest = appointment(starts_at=at(15))
    state: list[Any] = []

    class Pausing(Fate):
        """Once, before an effect of the slow poller, another one does all its work."""

        done = False

        @contextmanager
        def effect(self, name: str) -> Iterator[None]:
            if name == paused_at and not Pausing.done:
                Pausing.done = True
                world.pass_time(TICK)
                touched(world, newest)
                poll(world, "overtaking")
                state.append(rows_of(world))
            with super().effect(name):
                yield

    fate = Pausing()
    world.state.fate = world.changes.fate = fate
    with pytest.raises(Unavailable):
        poll(world, "slow")

    assert [rows_of(world)] == state
    kept = world.state.read(Appointment, CONNECTION, APPOINTMENT)
    assert kept
    assert (kept.starts_at, kept.handed_on, kept.due) == (at(15), True, ())


def rows_of(world: World) -> list[Row | None]:
    return [
        world.state.read(Appointment, CONNECTION, APPOINTMENT),
        world.state.read(Assignment, CONNECTION, APPOINTMENT, ASSIGNMENT),
        world.state.read(Resource, CONNECTION, RESOURCE),
    ]


def test_a_row_that_a_slow_poller_writes_until_it_is_fenced_off_is_put_right() -> None:
    """It has claimed, and writes what it saw long ago until the very moment of our claim."""
    world = known_work()
    mark = world.state.read(Watermark, CONNECTION)
    assert mark
    world.state.write(mark.model_copy(update={"claimed": True}))
    stale = appointment(subject="seen by the slow one").model_copy(update={"handed_on": True})
    touched(world, appointment(), assignment(resource=COLLEAGUE))
    wrote: list[str] = []

    class Late(Fate):
        """Once, before our first write, which fences it off."""

        @contextmanager
        def effect(self, name: str) -> Iterator[None]:
            if name == "write Watermark" and not wrote:
                wrote.append(name)
                world.state.write_all([stale])
            with super().effect(name):
                yield

    world.state.fate = Late()
    poll(world)

    kept = world.state.read(Appointment, CONNECTION, APPOINTMENT)
    assert kept
    assert kept.subject == "Replace the valve"


# ── ticks ─────────────────────────────────────────────────────────────────────


def test_every_tick_polls_each_connection_that_is_connected_or_ending() -> None:
    world, polls = World(), FakeOutbox()
    states = ("new", "incomplete", "connected", "lost", "ending", "ended")
    for state in states:
        world.state.write(connection(connection=state, state=state))
        world.state.write(Listed(connection=state))

    started = polling.start(NOON, every_connection(world.state), polls=polls)

    due = [Poll.model_validate_json(each.body).connection for each in polls.messages]
    assert (started, sorted(due)) == (2, ["connected", "ending"])


def test_a_tick_that_comes_twice_polls_once() -> None:
    world, polls = World(), FakeOutbox()
    world.state.write(connection())
    world.state.write(Listed(connection=CONNECTION))
    for moment in (at(12, 0, 3), at(12, 4, 59)):
        polling.start(polling.slot_of(moment), every_connection(world.state), polls=polls)

    assert len(polls.queued) == 1


def test_the_next_tick_is_another_slot() -> None:
    assert polling.slot_of(at(12, 4, 59)) != polling.slot_of(at(12, 5))


def test_polls_of_one_connection_never_overlap() -> None:
    world, polls = World(), FakeOutbox()
    for name in (CONNECTION, "another"):
        world.state.write(connection(connection=name))
        world.state.write(Listed(connection=name))
    for slot in (NOON, NOON + TICK):
        polling.start(slot, every_connection(world.state), polls=polls)

    assert len(polls.queued) == 4
    assert {message.group for message in polls.queued} == {CONNECTION, "another"}


def test_after_a_look_that_died_the_next_one_ends_its_claim_though_nothing_is_new() -> None:
    world = known_work()
    mark = world.state.read(Watermark, CONNECTION)
    assert mark
    world.state.write(mark.model_copy(update={"claimed": True}))

    poll(world)
    before = len(world.fate.effects)
    poll(world)

    assert not [each for each in world.fate.effects[before:] if each.startswith("write")]


def test_the_work_of_one_resource_is_told_in_messages_that_a_queue_takes() -> None:
    world = World()
    ids = [f"03r{number:012d}AAA" for number in range(2_500)]
    touched(world, resource(), *(assignment(id=each) for each in ids))

    poll(world)

    syncs = [Sync.model_validate_json(each.body) for each in world.changes.messages]
    told = [pair for sync in syncs for pair in sync.assignments]
    assert sorted(each for _, each in told) == ids
    assert max(len(each.body) for each in world.changes.messages) < 100_000
