"""What should be tracked, against what HyperTrack has."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.errors import Refused, Unclear
from fieldlink.models import ASSIGNMENT_KEY, Category, Kind, Outcome, Report, Sync
from fieldlink.practice import Practice
from fieldlink.records import Geofence, Invitation, Parked, Record, Tracking, Worker
from fieldlink.tracking import tracking
from fieldlink.tracking.fencing import NO_DEVICE, NO_PLACE
from fieldlink.writing import reports
from tests.make import (
    APPOINTMENT,
    ASSIGNMENT,
    COLLEAGUE,
    CONNECTION,
    DEVICE,
    RESOURCE,
    World,
    appointment,
    assignment,
    at,
    connection,
    event,
    order,
    report,
    resource,
    worker,
)
from tests.rules.killing import every_death

if TYPE_CHECKING:
    from collections.abc import Callable

ORDER = Sync(connection=CONNECTION, resource=RESOURCE, assignments=((APPOINTMENT, ASSIGNMENT),))
LATER_WORK, LATER_ASSIGNMENT = "08p000000000007AAA", "03r000000000007AAA"


def sync(world: World, order: Sync = ORDER) -> int:
    return tracking.sync(order, world.ground)


def put(world: World, *records: Record) -> None:
    world.state.write_all(records)


def assigned() -> World:
    """Open work of a resource with a device; nothing stands yet."""
    world = World()
    world.hypertrack.drivers[DEVICE] = RESOURCE
    put(world, resource(), appointment(), assignment(), worker(device=DEVICE))
    return world


def fenced() -> World:
    world = assigned()
    sync(world)
    return world


def standing(world: World) -> list[str]:
    return [each.metadata[ASSIGNMENT_KEY] for each in world.hypertrack.fences.values()]


def kept(world: World) -> Tracking | None:
    return world.state.read(Tracking, CONNECTION, RESOURCE, ASSIGNMENT)


def live(world: World) -> set[str]:
    return {each.id for each in world.state.all_of(Geofence, CONNECTION) if each.live}


# ── a geofence for every open assignment ──────────────────────────────────────


def test_an_open_assignment_is_fenced_with_both_ids_at_its_place() -> None:
    world = assigned()

    assert sync(world) == 1

    [fence] = world.hypertrack.fences.values()
    assert (fence.device, fence.latitude, fence.longitude) == (DEVICE, 52.5, 13.4)
    assert fence.radius == 100
    assert fence.metadata == {
        "service_appointment_id": APPOINTMENT,
        "service_resource_id": RESOURCE,
        "name": "Replace the valve",
        "address": "Unter den Linden 1, Berlin",
        "scheduled_start": "2026-03-04T12:00:00+00:00",
        "ht_assignment": ASSIGNMENT,
    }


def test_the_same_order_again_asks_hypertrack_for_nothing() -> None:
    world = fenced()
    before = len(world.fate.effects)

    assert sync(world) == 1

    assert "geofence" not in " ".join(world.fate.effects[before:]).lower()


def test_the_radius_is_the_connections() -> None:
    world = assigned()
    world.connection = connection(radius=250)

    sync(world)

    assert [each.radius for each in world.hypertrack.fences.values()] == [250]


def test_an_empty_order_looks_at_everything_that_is_known() -> None:
    world = fenced()
    put(world, appointment(category=Category.COMPLETED))

    sync(world, Sync(connection=CONNECTION, resource=RESOURCE))

    assert not standing(world)


GONE: dict[str, list[Record]] = {
    "reassigned": [assignment(resource=COLLEAGUE)],
    "unassigned": [assignment(deleted=True)],
    "cancelled": [appointment(category=Category.CANCELED)],
    "completed": [appointment(category=Category.COMPLETED)],
    "not to be completed": [appointment(category=Category.CANNOT_COMPLETE)],
    "deleted": [appointment(deleted=True)],
    "shared with us no more": [appointment(hidden=True)],
    "an assignment that is shared with us no more": [assignment(hidden=True)],
    "joined to a bundle": [appointment(bundled=True)],
    "given to a crew": [assignment(technician=False)],
}


@pytest.mark.parametrize("records", GONE.values(), ids=GONE.keys())
def test_work_that_is_no_longer_to_be_tracked_loses_its_geofence(
    records: list[Record],
) -> None:
    world = fenced()
    put(world, *records)

    assert sync(world) == 0

    assert not standing(world)
    assert not live(world)
    assert kept(world) is None


def test_a_resource_that_is_deactivated_for_a_while_gets_its_geofences_back() -> None:
    world = fenced()
    put(world, resource(active=False))
    sync(world)
    left = standing(world)
    put(world, resource())

    sync(world, Sync(connection=CONNECTION, resource=RESOURCE))

    assert (left, standing(world)) == ([], [ASSIGNMENT])


@pytest.mark.parametrize("change", [{"technician": False}, {"hidden": True}])
def test_who_is_no_technician_or_hidden_has_no_geofences_and_is_not_invited(
    change: dict[str, Any],
) -> None:
    world = World()
    put(world, resource(**change), appointment(), assignment())

    assert sync(world) == 0

    assert not standing(world)
    assert not world.invites.messages
    put(world, resource(), worker(device=DEVICE))
    assert sync(world) == 1


def test_a_crews_own_row_is_not_tracked_even_while_the_crew_is_not_known() -> None:
    world = World()
    put(world, appointment(), assignment(technician=False), worker(device=DEVICE))

    assert sync(world) == 0
    assert kept(world) is None


def test_an_appointment_of_several_days_keeps_its_geofence_until_it_is_closed() -> None:
    world = assigned()
    put(world, appointment(ends_at=at(14) + timedelta(days=3)))
    stood = []
    for _ in range(5):
        sync(world)
        stood.append(list(world.hypertrack.fences))
        world.pass_time(timedelta(days=1))

    assert stood == [["geofence-1"]] * 5


def test_work_that_is_first_seen_while_its_resource_is_not_active_is_fenced_afterwards() -> (
    None
):
    world = assigned()
    put(world, resource(active=False))
    sync(world)
    before = standing(world)
    put(world, resource())

    sync(world, Sync(connection=CONNECTION, resource=RESOURCE))

    assert (before, standing(world)) == ([], [ASSIGNMENT])


def test_closed_work_of_a_resource_that_is_not_active_is_not_remembered() -> None:
    world = assigned()
    put(world, resource(active=False), appointment(category=Category.COMPLETED))

    sync(world)

    assert kept(world) is None


def test_an_ending_connection_loses_every_geofence() -> None:
    world = fenced()
    world.connection = connection(state="ending")

    assert sync(world) == 0
    assert not standing(world)


def test_a_geofence_that_is_gone_is_remembered_for_late_facts() -> None:
    world = fenced()
    put(world, assignment(deleted=True))

    sync(world)

    [gone] = world.state.all_of(Geofence, CONNECTION)
    assert (gone.live, gone.appointment) == (False, APPOINTMENT)
    assert gone.ttl == int((world.now + timedelta(days=60)).timestamp())


def test_work_that_is_reopened_is_fenced_again() -> None:
    world = fenced()
    put(world, appointment(category=Category.CANCELED))
    sync(world)
    put(world, appointment())

    assert sync(world) == 1
    assert standing(world) == [ASSIGNMENT]


def test_a_moved_appointment_has_its_new_geofence_before_the_old_one_goes() -> None:
    world = fenced()
    put(world, appointment(latitude=48.1))
    before = len(world.fate.effects)

    sync(world)

    done = world.fate.effects[before:]
    assert done.index("add geofence") < done.index("remove geofence")
    assert [each.latitude for each in world.hypertrack.fences.values()] == [48.1]


def test_a_new_device_takes_the_geofence_over() -> None:
    world = fenced()
    put(world, worker(device="another"))

    sync(world)

    assert [each.device for each in world.hypertrack.fences.values()] == ["another"]


def test_a_rescheduled_appointment_keeps_its_geofence_with_other_words() -> None:
    world = fenced()
    before = dict(world.hypertrack.fences)
    put(world, appointment(starts_at=at(16)))

    sync(world)

    assert world.hypertrack.fences.keys() == before.keys()
    [fence] = world.hypertrack.fences.values()
    assert fence.metadata["scheduled_start"] == "2026-03-04T16:00:00+00:00"


# ── waiting ───────────────────────────────────────────────────────────────────


def test_an_assignment_without_a_device_waits_and_a_person_is_invited_once() -> None:
    world = World()
    put(world, resource(), appointment(), assignment())

    assert sync(world) == 0

    waiting = kept(world)
    assert waiting
    assert waiting.waiting == NO_DEVICE
    assert len(world.invites.messages) == 1


def test_who_was_invited_already_is_not_invited_by_an_assignment() -> None:
    world = World()
    sent = Invitation(state="sent", at=world.now)
    put(world, resource(), appointment(), assignment(), worker(invitation=sent))

    sync(world)

    assert not world.invites.messages


def test_a_device_that_hypertrack_knows_already_is_used_at_once() -> None:
    world = World()
    put(world, resource(), appointment(), assignment())
    world.hypertrack.drivers[DEVICE] = RESOURCE

    assert sync(world) == 1
    bound = world.state.read(Worker, CONNECTION, RESOURCE)
    assert bound
    assert bound.device == DEVICE


def test_an_appointment_without_a_place_is_parked_and_taken_up_when_it_has_one() -> None:
    world = assigned()
    put(world, appointment(latitude=None))
    sync(world)
    [parked] = world.state.all_of(Parked, CONNECTION)
    put(world, appointment())

    assert sync(world) == 1

    assert NO_PLACE in parked.cause
    assert not world.state.all_of(Parked, CONNECTION)


def test_an_appointment_without_a_place_that_is_cancelled_is_parked_no_more() -> None:
    world = assigned()
    put(world, appointment(latitude=None))
    sync(world)
    put(world, appointment(latitude=None, category=Category.CANCELED))

    sync(world)

    assert not world.state.all_of(Parked, CONNECTION)
    assert kept(world) is None


def test_an_appointment_that_loses_its_place_loses_its_geofence() -> None:
    world = fenced()
    put(world, appointment(longitude=None))

    assert sync(world) == 0
    assert not standing(world)


def test_one_refused_place_does_not_keep_the_others_from_being_tracked() -> None:
    world = assigned()
    put(
        world,
        appointment(id=LATER_WORK),
        assignment(id=LATER_ASSIGNMENT, appointment=LATER_WORK),
    )
    world.fate.fail("add geofence", Refused("HyperTrack answered 400"), times=1)
    both = ((APPOINTMENT, ASSIGNMENT), (LATER_WORK, LATER_ASSIGNMENT))

    with pytest.raises(Refused, match="400"):
        sync(world, ORDER.model_copy(update={"assignments": both}))

    assert standing(world) == [LATER_ASSIGNMENT]


# ── whoever dies when ─────────────────────────────────────────────────────────


def changed(*records: Record) -> Callable[[], World]:
    def make() -> World:
        world = fenced()
        put(world, *records)
        return world

    return make


def placeless() -> World:
    world = assigned()
    put(world, appointment(latitude=None))
    return world


SCENES: dict[str, tuple[Callable[[], World], list[Any]]] = {
    "a first geofence": (assigned, [(DEVICE, 52.5)]),
    "moved": (changed(appointment(latitude=48.1)), [(DEVICE, 48.1)]),
    "rescheduled": (changed(appointment(starts_at=at(16))), [(DEVICE, 52.5)]),
    "another device": (changed(worker(device="new")), [("new", 52.5)]),
    "unassigned": (changed(assignment(deleted=True)), []),
    "cancelled": (changed(appointment(category=Category.CANCELED)), []),
    "without a place": (placeless, []),
}


@pytest.mark.parametrize(("make", "places"), SCENES.values(), ids=SCENES.keys())
def test_no_geofence_is_lost_doubled_or_orphaned_whoever_dies_when(
    make: Callable[[], World], places: list[Any]
) -> None:
    for world, death in every_death(make, sync):
        sync(world)

        fences = world.hypertrack.fences
        assert [(each.device, each.latitude) for each in fences.values()] == places, death
        assert live(world) == set(fences), death
        tracked = kept(world)
        assert (tracked.creating if tracked else None) is None, death
        assert (tracked.leaving if tracked else ()) == (), death
        assert [tracked.live.id for tracked in [tracked] if tracked and tracked.live] == list(
            fences
        ), death


@pytest.mark.parametrize("records", GONE.values(), ids=GONE.keys())
def test_a_geofence_made_by_a_worker_that_died_goes_when_its_work_does(
    records: list[Record],
) -> None:
    for world, death in every_death(assigned, sync):
        put(world, *records)

        sync(world)

        assert not world.hypertrack.fences, death
        assert not live(world), death


def test_a_geofence_whose_answer_was_lost_is_found_and_not_made_again() -> None:
    world = assigned()
    world.fate.fail("add geofence", Unclear("no answer"), after=True, times=1)
    with pytest.raises(Unclear):
        sync(world)

    assert sync(world) == 1
    assert world.hypertrack.most_at_once == 1


def test_two_workers_on_one_resource_make_one_geofence() -> None:
    world = assigned()

    class Slow:
        """Another worker overtakes before this one's first write."""

        done = False

        def write(self, record: Record) -> bool:
            if not Slow.done:
                Slow.done = True
                sync(world)
            return world.state.write(record)

        def __getattr__(self, name: str) -> object:
            return getattr(world.state, name)

    ground = world.ground._replace(state=Slow())  # type: ignore[arg-type]
    with pytest.raises(Exception, match="another worker"):
        tracking.sync(ORDER, ground)

    assert standing(world) == [ASSIGNMENT]


# ── closed by a dispatcher ────────────────────────────────────────────────────


def told_closed(world: World) -> list[Outcome]:
    """What becomes of what the tracking tells when it has seen to closed work."""
    put(world, appointment(category=Category.COMPLETED))
    sync(world)
    sent = [Report.model_validate_json(each.body) for each in world.events.queued]
    return [reports.take(each, world.desk) for each in sent]


def entered(world: World) -> list[tuple[object, object]]:
    return [(each.starts_at, each.ends_at) for each in world.salesforce.entries]


@pytest.mark.parametrize("way", ["geofences", "orders"])
def test_work_that_only_a_dispatcher_closes_is_on_the_time_sheet(way: str) -> None:
    world = assigned()
    world.connection = connection(tracking=way)
    sync(world)
    for told in (event(at=at(9)), event("exit", at=at(10))):
        reports.take(report(told), world.desk)
    before = entered(world)
    world.events.messages.clear()

    outcomes = told_closed(world)

    assert (before, entered(world)) == ([], [(at(9), at(10))])
    assert outcomes[-1] is Outcome.APPLIED
    assert len(world.salesforce.events) == 2


def test_a_closing_costs_no_call_where_the_resource_has_checked_out() -> None:
    world = fenced()
    for told in (event(at=at(9)), order("completed", at=at(10))):
        reports.take(report(told), world.desk)
    before = len(world.fate.effects)

    assert told_closed(world) == [Outcome.SUPERSEDED]
    assert world.ledger.rows[-1].kind == Kind.CLOSED
    assert entered(world) == [(at(9), at(10))]
    assert not {"view", "views", "find", "write Salesforce"} & {*world.fate.effects[before:]}


def test_a_closing_is_told_only_where_there_are_time_sheets_and_of_whose_work_it_was() -> None:
    none, others = fenced(), fenced()
    none.connection = connection(practice=Practice(time_sheets="none"))
    put(others, assignment(resource=COLLEAGUE))

    assert told_closed(none) == []
    assert told_closed(others) == []
