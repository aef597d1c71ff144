"""From one event to its one outcome."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.models import (
    APPOINTMENT_KEY,
    RESOURCE_KEY,
    Fence,
    Outcome,
    Travel,
    WantedOrder,
)
from fieldlink.records import Day, Device, Heard, Order, Visit, WebhookTested
from fieldlink.writing import reports
from fieldlink.writing.standing import ABANDONED
from tests.fake_orders import Attempt
from tests.fakes import NOON, Work
from tests.make import (
    APPOINTMENT,
    ASSIGNMENT,
    COLLEAGUE,
    CONNECTION,
    DEVICE,
    GEOFENCE,
    HANDLE,
    NINE,
    RESOURCE,
    World,
    at,
    connection,
    device_event,
    estimate,
    event,
    geofence,
    geotag,
    order,
    report,
)
from tests.rules.killing import every_death

if TYPE_CHECKING:
    from datetime import datetime

TEST_EVENT = {"type": "location", "device_id": "TEST_DEVICE_ID", "data": {}}
POINT = {"type": "Point", "coordinates": [13.4, 52.5]}
WORKER = {"worker_handle": RESOURCE}
ASKED = ("driver of", "geofence metadata")  # of HyperTrack, to find out whose an event is


def link(url: str) -> dict[str, Any]:
    """What SyncTracking puts into the queue of events."""
    data = {"appointment": APPOINTMENT, "resource": RESOURCE, "order_handle": HANDLE}
    return {"type": "fieldlink.link", "data": {**data, "link": url}}


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
    "an order's start": order("started"),
    "an arrival at an order": order("arrived", at=at(9, 30)),
    "a departure from an order": order("exited", at=at(10)),
    "the end of an order": order("completed", at=at(10)),
    "an order that is cancelled": order("cancelled", at=at(10)),
    "an estimate": estimate("first_eta", 30),
    "a routine estimate": estimate("eta", 30),
    "a delay": order("delayed", arrive_at=at(13).isoformat(), scheduled_at=NOON.isoformat()),
    "another device of an order": order("device_switched", new_device_id=DEVICE),
    "an order of somebody else": order(handle="order-1"),
    "a link": link("https://trck.at/x"),
    "a link of nobody": link(""),
    "an outage": device_event("device_status", data={"value": "inactive", "reason": "deleted"}),
    "the end of an outage": device_event("device_status", data={"value": "active"}),
    "a low battery": device_event("battery", data={"value": "low"}),
    "a changed clock": device_event("time_offset_changed", data={"value": 3600}),
    "a position": device_event("location", data={"geometry": POINT}),
    "tracking": {**device_event("worker", data={"value": "tracking_started"}), **WORKER},
    "a device let go": {**device_event("worker", data={"value": "device_unlinked"}), **WORKER},
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


# ── orders ────────────────────────────────────────────────────────────────────


def ordered_world(**more: Any) -> World:
    """An order of ours, whose way HyperTrack has measured."""
    world = known_world()
    wanted = WantedOrder(handle=HANDLE, worker=RESOURCE, latitude=1, longitude=2, radius=100)
    way = Travel(metres=5000, seconds=600, idle_seconds=30)
    world.hypertrack.orders[HANDLE] = Attempt(wanted, way=way)
    fields = {
        "connection": CONNECTION,
        "id": HANDLE,
        "resource": RESOURCE,
        "appointment": APPOINTMENT,
        "assignment": ASSIGNMENT,
        **more,
    }
    world.state.write_all([Order.model_validate(fields)])
    return world


def test_an_order_carries_its_appointment_from_arrival_to_completion() -> None:
    world = ordered_world()

    take(world, order("arrived", at=at(9)))
    take(world, order("exited", at=at(9, 50), reason="location"))
    take(world, order("completed", at=at(9, 51), metadata={"visits_app": {"note": "Done"}}))

    work = world.salesforce.work[APPOINTMENT]
    assert (work.status, work.actual_start, work.actual_end) == ("Completed", NINE, at(9, 50))
    assert world.salesforce.assigned[APPOINTMENT, RESOURCE].travel == 9.5  # idle time apart
    assert "Note: Done" in world.salesforce.events[-1].description


def test_the_way_is_asked_for_once_though_an_arrival_is_told_twice() -> None:
    world = ordered_world()

    for number in range(3):
        reports.take(report({**order(), "seen": number}), world.desk)

    assert world.fate.effects.count("way to") == 1
    assert len(world.salesforce.events) == 1


def test_an_arrival_waits_for_its_way_while_hypertrack_does_not_answer() -> None:
    world = ordered_world()
    world.fate.fail("way to", Unavailable("503"), times=1)

    with pytest.raises(Unavailable):
        take(world, order())
    take(world, order())

    assert world.salesforce.assigned[APPOINTMENT, RESOURCE].travel == 9.5  # idle time apart


def test_an_arrival_whose_way_is_refused_is_applied_without_it() -> None:
    world = ordered_world()
    world.fate.fail("way to", Refused("HyperTrack answered 404", code="404"))

    assert take(world, order()) is Outcome.APPLIED
    assert world.salesforce.work[APPOINTMENT].actual_start == NINE
    assert world.salesforce.assigned[APPOINTMENT, RESOURCE].travel is None


def test_an_end_that_we_made_ourselves_does_not_complete_the_work() -> None:
    world = ordered_world(ended_by_us=True)

    assert take(world, order("completed")) is Outcome.IGNORED
    assert world.ledger.rows[0].reason == "order completed: we ended it ourselves"
    assert not world.salesforce.wrote


def test_a_link_is_told_once_until_it_is_taken_back() -> None:
    world = ordered_world()
    later = NOON + timedelta(minutes=10)

    take(world, link("https://trck.at/x"))
    again = reports.take(report(link("https://trck.at/x"), received_at=later), world.desk)
    gone = reports.take(report(link(""), received_at=later), world.desk)
    twice = reports.take(report(link(""), received_at=at(13)), world.desk)

    assert (again, gone, twice) == (Outcome.SUPERSEDED,) * 3
    assert [each.subject for each in world.salesforce.events] == ["Live tracking: Ada Lovelace"]


def test_a_link_stands_in_its_field_until_it_is_taken_back_by_whoever_has_the_work() -> None:
    world = ordered_world()
    world.salesforce.link_field = True
    work = world.salesforce.work[APPOINTMENT]

    take(world, link("https://trck.at/x"))
    offered = work.share_link
    theirs = link("")
    theirs["data"]["resource"] = COLLEAGUE
    outcome = reports.take(report(theirs, received_at=at(13)), world.desk)

    assert (offered, work.share_link, outcome) == ("https://trck.at/x", None, Outcome.APPLIED)
    assert not world.salesforce.events


def test_a_link_without_its_order_is_taken_back_from_whom_it_was_offered_for() -> None:
    world = ordered_world()
    world.salesforce.link_field = True
    take(world, link("https://trck.at/x"))
    bare = {"appointment": APPOINTMENT, "resource": "", "order_handle": "", "link": ""}

    told = report({"type": "fieldlink.link", "data": bare}, received_at=at(13))

    assert reports.take(told, world.desk) is Outcome.APPLIED
    assert world.salesforce.work[APPOINTMENT].share_link is None


# ── doubtful clocks, and that HyperTrack talks ────────────────────────────────


def test_a_time_that_a_wrong_clock_gave_is_told_as_doubtful() -> None:
    world = known_world()
    take(world, device_event())
    take(world, device_event("time_offset_changed", at=at(8), data={"value": 3600}))

    take(world, event("entry", at=at(9)))

    assert "clock was changed by 60 min: times may be wrong." in (
        world.salesforce.events[0].description
    )


def heard(world: World) -> datetime | None:
    found = world.state.read(Heard, CONNECTION)
    return found.at if found else None


@pytest.mark.parametrize("told", [event(), device_event("trip"), {"type": "brand_new"}])
def test_that_hypertrack_talks_is_noted_every_ten_minutes_whatever_it_says(told: Any) -> None:
    world = known_world()

    for minutes in (0, 9, 10, 15):
        moment = NOON + timedelta(minutes=minutes)
        reports.take(report(told, received_at=moment), world.desk)

    assert heard(world) == NOON + timedelta(minutes=10)


def test_who_knows_that_hypertrack_talks_does_not_look_whether_it_is_noted() -> None:
    world = known_world()
    desk = world.desk._replace(heard={})

    for minutes in (0, 1, 9, 10, 11):
        moment = NOON + timedelta(minutes=minutes)
        reports.take(report(event(), received_at=moment), desk)

    looks = [each for each in world.fate.effects if each.endswith("Heard")]
    assert looks == ["read Heard", "write Heard"] * 2
    assert heard(world) == NOON + timedelta(minutes=10)


def test_what_was_noted_by_others_is_known_from_then_on() -> None:
    world = known_world()
    world.state.write(Heard(connection=CONNECTION, at=NOON - timedelta(minutes=5)))
    desk = world.desk._replace(heard={})
    world.fate.effects.clear()

    for minutes in (0, 4, 5):
        moment = NOON + timedelta(minutes=minutes)
        reports.take(report(event(), received_at=moment), desk)

    looks = [each for each in world.fate.effects if each.endswith("Heard")]
    assert looks == ["read Heard", "read Heard", "write Heard"]


def test_a_note_that_failed_is_made_by_the_next_event() -> None:
    world = known_world()
    desk = world.desk._replace(heard={})
    world.fate.fail("write Heard", Unavailable("down"), times=1)

    for minutes in (0, 1):
        reports.take(report(event(), received_at=NOON + timedelta(minutes=minutes)), desk)

    assert heard(world) == NOON + timedelta(minutes=1)


def test_what_we_fetched_or_told_ourselves_does_not_show_that_hypertrack_talks() -> None:
    world = ordered_world()

    take(world, link("https://trck.at/x"))
    reports.take(report(event()).model_copy(update={"recovered": True}), world.desk)

    assert heard(world) is None
    assert len(world.ledger.rows) == 2


@pytest.mark.parametrize("failing", ["read Heard", "write Heard"])
def test_an_event_is_not_held_up_by_the_note_that_it_came(failing: str) -> None:
    world = known_world()
    world.fate.fail(failing, Unavailable("down"))

    assert take(world, event()) is Outcome.APPLIED


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
    unreadable = report({**geotag("CLOCK_IN"), "recorded_at": "yesterday"})

    with pytest.raises(Refused) as refusal:
        reports.take(unreadable, world.desk)
    reports.park(unreadable, world.desk, str(refusal.value))

    [row] = world.ledger.rows
    assert (row.outcome, row.reason) == (Outcome.PARKED, str(refusal.value))


@pytest.mark.parametrize(
    ("told", "where"),
    [
        (event("entry"), APPOINTMENT),
        (geotag("CHECK_OUT"), APPOINTMENT),
        (geotag("CLOCK_OUT", geofence_id=None), ""),
        (order("arrived"), APPOINTMENT),
    ],
)
def test_the_row_of_a_parked_event_says_whose_it_is_and_where_though_nobody_answers(
    told: Any, where: str
) -> None:
    world = known_world()
    world.state.write(Device(connection=CONNECTION, id=DEVICE, resource=RESOURCE))
    for call in ASKED:
        world.fate.fail(call, Unavailable("down"))

    reports.park(report(told), world.desk, "given up")

    [row] = world.ledger.rows
    assert (row.outcome, row.resource, row.appointment) == (Outcome.PARKED, RESOURCE, where)


@pytest.mark.parametrize("told", [geotag("CLOCK_OUT", geofence_id=None), geotag("CHECK_OUT")])
def test_an_event_of_an_unknown_device_is_parked_though_hypertrack_does_not_answer(
    told: Any,
) -> None:
    world = World()
    for call in ASKED:
        world.fate.fail(call, Unavailable("down"))

    reports.park(report(told), world.desk, "given up")

    [row] = world.ledger.rows
    assert (row.outcome, row.resource) == (Outcome.PARKED, "")


@pytest.mark.parametrize("told", [event("entry"), geotag("CHECK_IN")])
def test_a_parked_event_lets_the_next_one_pass_at_once(told: Any) -> None:
    world = known_world()
    world.fate.fail("write Salesforce", Refused("the record is locked"), times=2)

    with pytest.raises(Refused):
        take(world, told)
    reports.park(report(told), world.desk, "the record is locked")

    assert take(world, event("exit", at=at(10))) is Outcome.APPLIED
    assert [row.outcome for row in world.ledger.rows] == [Outcome.PARKED, Outcome.APPLIED]


@pytest.mark.parametrize("kind", ["Geofence", "Device", "Resource", "Order", "Visit", "Day"])
@pytest.mark.parametrize("told", [geotag("CHECK_OUT"), geotag("CLOCK_IN", geofence_id=None)])
def test_an_event_is_parked_whatever_of_what_is_known_cannot_be_read(
    told: Any, kind: str
) -> None:
    world = known_world()
    world.fate.fail(f"read {kind}", Refused("it can't be read"))

    reports.park(report(told), world.desk, "it can't be read")

    [row] = world.ledger.rows
    assert (row.outcome, row.device) == (Outcome.PARKED, DEVICE)


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


@pytest.mark.parametrize("carried_out", [True, False])
def test_a_parked_clock_out_lets_the_day_go_on_and_is_applied_when_it_is_replayed(
    carried_out: bool,
) -> None:
    world = known_world()
    world.state.write(Device(connection=CONNECTION, id=DEVICE, resource=RESOURCE))
    take(world, geotag("CHECK_IN", at=at(9)))
    take(world, geotag("CHECK_OUT", at=at(11)))
    clock_out = geotag("CLOCK_OUT", at=at(10), geofence_id=None)
    world.fate.fail("write Salesforce", Unclear("no answer"), after=carried_out, times=1)
    with pytest.raises(Unclear):
        take(world, clock_out)

    reports.park(report(clock_out), world.desk, "given up")
    take(world, geotag("CHECK_OUT", at=at(11, 30)))
    take(world, clock_out)

    [entry] = world.salesforce.entries
    assert (entry.starts_at, entry.ends_at) == (at(9), at(10))
    assert {row.outcome for row in world.ledger.rows} == {Outcome.APPLIED}


def test_a_confirmed_exit_of_who_has_the_work_no_more_is_ignored() -> None:
    world = known_world()
    del world.salesforce.assigned[APPOINTMENT, RESOURCE]
    told = {
        "type": "fieldlink.exit",
        "recorded_at": at(10).isoformat(),
        "data": {"value": "confirmed", "appointment": APPOINTMENT, "resource": RESOURCE},
    }

    own = report(told).model_copy(update={"own": True})

    assert reports.take(own, world.desk) is Outcome.IGNORED
    assert world.ledger.rows[0].reason == "the resource is not assigned any more"
    assert heard(world) is None


# ── however often ─────────────────────────────────────────────────────────────

OF_A_DAY = [
    geotag("CLOCK_IN", at=at(8, 30), geofence_id=None),
    event("entry", at=at(9)),
    geotag("CHECK_OUT", at=at(9, 50)),
    event("exit", at=at(9, 55), arrival={"recorded_at": at(9).isoformat()}),
    geotag("CLOCK_OUT", at=at(9, 45), geofence_id=None),
]


def worked_world() -> World:
    world = known_world()
    world.state.write(Device(connection=CONNECTION, id=DEVICE, resource=RESOURCE))
    for told in OF_A_DAY:
        take(world, told)
    return world


@pytest.mark.parametrize("later", [timedelta(hours=1), timedelta(hours=8), timedelta(days=8)])
@pytest.mark.parametrize("told", OF_A_DAY)
def test_what_is_told_again_under_a_new_message_id_is_a_duplicate_and_has_no_effect(
    told: Any, later: timedelta
) -> None:
    world = worked_world()
    writes, rows = len(world.salesforce.wrote), len(world.ledger.rows)
    world.pass_time(later)
    again = report({**told, "retold": str(later)}, received_at=world.now)

    outcome = reports.take(again, world.desk)

    assert outcome is Outcome.DUPLICATE
    assert len(world.salesforce.wrote) == writes
    assert [row.outcome for row in world.ledger.rows[rows:]] == [Outcome.DUPLICATE]


def test_what_an_appointment_and_a_day_know_is_kept_for_good() -> None:
    world = worked_world()

    anchors = [
        *world.state.all_of(Visit, CONNECTION),
        *world.state.all_of(Day, CONNECTION),
    ]

    assert len(anchors) == 2
    assert {each.ttl for each in anchors} == {None}


@pytest.mark.parametrize("told", [OF_A_DAY[0], OF_A_DAY[2]])
def test_fifty_threads_with_one_webhook_have_one_effect(told: Any) -> None:
    world = known_world()
    world.state.write(Device(connection=CONNECTION, id=DEVICE, resource=RESOURCE))
    take(world, event("entry", at=at(9)))
    start = Barrier(50)

    def at_once(number: int) -> Outcome | None:
        start.wait(timeout=30)
        with suppress(Unavailable):
            return reports.take(report({**told, "copy": number}), world.desk)
        return None

    with ThreadPoolExecutor(50) as threads:
        first = list(threads.map(at_once, range(50)))
    waiting = [number for number, outcome in enumerate(first) if outcome is None]
    again = [reports.take(report({**told, "copy": each}), world.desk) for each in waiting]

    outcomes = Counter([*filter(None, first), *again])
    assert outcomes == {Outcome.APPLIED: 1, Outcome.DUPLICATE: 49}
    assert len(world.ledger.rows) == 51
    assert len(world.salesforce.events) == (1 if told is OF_A_DAY[0] else 2)
    assert len(world.salesforce.entries) == (0 if told is OF_A_DAY[0] else 1)
