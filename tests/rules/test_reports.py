"""From one event to its one outcome."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fieldlink import reports
from fieldlink.errors import Refused, Unavailable
from fieldlink.models import APPOINTMENT_KEY, RESOURCE_KEY, Fence, Outcome
from fieldlink.records import Device, Visit, WebhookTested
from fieldlink.write_back import ABANDONED
from tests.fakes import NOON, Work
from tests.make import (
    APPOINTMENT,
    CONNECTION,
    DEVICE,
    GEOFENCE,
    NINE,
    RESOURCE,
    World,
    at,
    connection,
    device_event,
    event,
    geofence,
    geotag,
    report,
)
from tests.rules.killing import every_death

TEST_EVENT = {"type": "location", "device_id": "TEST_DEVICE_ID", "data": {}}
KINDS: dict[str, Any] = {
    "an entry": event("entry"),
    "an exit": event("exit", at=at(10)),
    "a check-out": geotag("CHECK_OUT"),
    "clocking in": geotag("CLOCK_IN", geofence_id=None),
    "a cancellation": geotag("CANCEL"),
    "setting out": geotag("PICK_UP"),
    "a registration": device_event(),
    "the test event": TEST_EVENT,
    "an order's event": {"type": "order", "device_id": DEVICE, "data": {"value": "delayed"}},
    "an event of no device": {"type": "brand_new"},
    "another's geofence": event(geofence_metadata={"store": "Berlin"}),
    "a button at another's geofence": geotag(geofence_id="not-ours"),
}


def known_world() -> World:
    """A device that is bound, and a geofence of ours."""
    world = World()
    world.hypertrack.drivers[DEVICE] = RESOURCE
    world.state.write_all([geofence()])
    return world


def take(world: World, told: Any) -> Outcome:
    return reports.take(report(told), world.desk)


@pytest.mark.parametrize("told", KINDS.values(), ids=KINDS.keys())
def test_every_event_has_one_ledger_row_and_a_second_delivery_changes_nothing(
    told: Any,
) -> None:
    world = known_world()

    outcome = take(world, told)
    rows, events = world.ledger.rows, list(world.salesforce.events)
    take(world, told)

    assert [row.outcome for row in rows] == [outcome]
    assert len(world.ledger.rows) == 1
    assert world.salesforce.events == events


@pytest.mark.parametrize("told", KINDS.values(), ids=KINDS.keys())
def test_every_event_comes_to_the_same_end_whoever_dies_when(told: Any) -> None:
    whole = known_world()
    take(whole, told)

    for world, death in every_death(known_world, lambda world: take(world, told)):
        world.pass_time(ABANDONED)
        take(world, told)

        assert len(world.ledger.rows) == 1, death
        assert world.salesforce.events == whole.salesforce.events, death
        assert world.salesforce.entries == whole.salesforce.entries, death
        assert works(world) == works(whole), death
        assert world.state.kinds == whole.state.kinds, death
        assert bodies(world) == bodies(whole), death
        visit = world.state.read(Visit, CONNECTION, APPOINTMENT)
        assert visit is None or visit.intent is None, death


def works(world: World) -> list[Work]:
    """What the appointments say, whenever they came to say so."""
    return [replace(each, changed_at=NOON) for each in world.salesforce.work.values()]


def bodies(world: World) -> set[tuple[str, str]]:
    """What is queued, whatever it is keyed by."""
    return {(message.body, message.group) for message in world.changes.queued}


@pytest.mark.parametrize("error", [Unavailable("503"), Refused("401")])
def test_an_ignored_event_waits_for_nobody(error: Exception) -> None:
    world = World()
    world.fate.fail("driver of", error)

    assert take(world, device_event("battery")) is Outcome.IGNORED


# ── whose and where ───────────────────────────────────────────────────────────


def test_a_button_is_placed_by_the_geofence_that_we_remember() -> None:
    world = World()
    world.state.write_all([geofence(live=False)])

    assert take(world, geotag("CHECK_IN")) is Outcome.APPLIED
    assert world.salesforce.work[APPOINTMENT].actual_start == NINE


def test_a_button_is_placed_by_the_geofence_that_hypertrack_remembers() -> None:
    world = World()
    metadata = {APPOINTMENT_KEY: APPOINTMENT[:15], RESOURCE_KEY: RESOURCE[:15]}
    world.hypertrack.fences[GEOFENCE] = Fence(
        device=DEVICE, latitude=1, longitude=2, radius=100, metadata=metadata
    )

    assert take(world, geotag("CHECK_IN")) is Outcome.APPLIED


def test_a_button_at_anothers_geofence_is_ignored() -> None:
    world = known_world()

    assert take(world, geotag(geofence_id="not-ours")) is Outcome.IGNORED
    assert world.ledger.rows[0].reason == "geofence that is not ours"


def test_a_button_of_a_device_of_nobodys_is_ignored() -> None:
    world = World()

    assert take(world, geotag("CLOCK_IN", geofence_id=None)) is Outcome.IGNORED
    assert world.ledger.rows[0].reason == "device of no resource of ours"


def test_clocking_in_is_of_the_resource_that_the_device_is_bound_to() -> None:
    world = World()
    world.state.write(Device(connection=CONNECTION, id=DEVICE, resource=RESOURCE))

    assert take(world, geotag("CLOCK_IN", geofence_id=None)) is Outcome.APPLIED
    assert world.ledger.rows[0].resource == RESOURCE


# ── what is not of work ───────────────────────────────────────────────────────


def test_a_registration_binds_the_device_and_has_the_work_looked_at() -> None:
    world = World()
    world.hypertrack.drivers[DEVICE] = RESOURCE

    assert take(world, device_event()) is Outcome.APPLIED
    assert len(world.changes.messages) == 1


def test_the_registration_of_anothers_device_is_ignored() -> None:
    world = World()

    assert take(world, device_event()) is Outcome.IGNORED
    assert not world.changes.messages


def test_the_dashboards_test_event_is_noted_for_the_console() -> None:
    world = World()

    take(world, TEST_EVENT)

    assert world.state.read(WebhookTested, CONNECTION)


def test_any_sign_of_life_may_make_up_for_a_registration_that_was_missed() -> None:
    world = known_world()

    take(world, KINDS["an order's event"])

    assert world.state.read(Device, CONNECTION, DEVICE)
    assert len(world.changes.messages) == 1


def test_a_device_of_nobodys_is_not_asked_about_with_every_event() -> None:
    world = World()
    for value in range(5):
        take(world, {"type": "order", "device_id": "d-9", "data": {"value": value}})

    assert world.fate.effects.count("driver of") == 1


def test_a_connection_that_has_ended_takes_nothing_and_says_so() -> None:
    world = known_world()
    world.connection = connection(state="ended")

    assert take(world, event()) is Outcome.IGNORED
    assert world.ledger.rows[0].reason == "not connected to Salesforce"
    assert not world.salesforce.wrote


# ── parking ───────────────────────────────────────────────────────────────────


def test_an_unreadable_event_is_refused_and_its_parking_is_in_the_ledger() -> None:
    world = World()
    unreadable = report({"type": "geotag", "recorded_at": "yesterday"})

    with pytest.raises(Refused) as refusal:
        reports.take(unreadable, world.desk)
    reports.park(unreadable, world.desk, str(refusal.value))

    [row] = world.ledger.rows
    assert (row.outcome, row.reason) == (Outcome.PARKED, str(refusal.value))


@pytest.mark.parametrize("told", [event("entry"), geotag("CHECK_IN")])
def test_a_parked_event_lets_the_next_one_pass_at_once(told: Any) -> None:
    world = known_world()
    world.fate.fail("write Salesforce", Refused("the record is locked"), times=1)

    with pytest.raises(Refused):
        take(world, told)
    reports.park(report(told), world.desk, "the record is locked")

    assert take(world, event("exit", at=at(10))) is Outcome.APPLIED
    assert [row.outcome for row in world.ledger.rows] == [Outcome.PARKED, Outcome.APPLIED]


def test_a_parked_event_that_is_replayed_is_applied_in_its_own_row() -> None:
    world = known_world()
    world.fate.fail("view", Refused("not assigned"), times=1)
    with pytest.raises(Refused):
        take(world, event())
    reports.park(report(event()), world.desk, "not assigned")

    take(world, event())

    assert [row.outcome for row in world.ledger.rows] == [Outcome.APPLIED]


@pytest.mark.parametrize(
    "failing", ["view", "write Salesforce", "put LedgerRow", "write Visit", "read Visit"]
)
def test_whatever_is_down_the_event_comes_again_and_is_applied_once(failing: str) -> None:
    world = known_world()
    world.fate.fail(failing, Unavailable("down"), times=1)
    with pytest.raises(Unavailable):
        take(world, event())

    take(world, event())

    assert len(world.salesforce.events) == 1
    assert len(world.ledger.rows) == 1
