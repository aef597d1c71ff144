"""What the version before kept: one entry and one travel time with each appointment."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.models import Kind, Outcome, Sheet, Travel
from fieldlink.practice import Practice
from fieldlink.records import Day, Visit
from fieldlink.writing import activity
from tests.fakes import NOON, Booked, Told
from tests.make import APPOINTMENT, COLLEAGUE, RESOURCE, World, at, delivered, fact
from tests.rules.crew import NAMES, anchor, anchors, apply, crew, held, pending, take, truth
from tests.rules.killing import every_death

if TYPE_CHECKING:
    from fieldlink.models import Fact

LEASE = timedelta(minutes=12)
ENTRY = "0ku000000000000AAA"
SHEET = "0kt000000000000AAA"
KEY = f"{APPOINTMENT}/{RESOURCE}"
ARRIVED = fact(Kind.ARRIVED, at(9), travel=Travel(seconds=600))
OUT = fact(Kind.CHECKED_OUT, at(10))
EARLIER = fact(Kind.ARRIVED, at(8, 30), travel=Travel(seconds=1200))
PLAIN = Practice()

# As the version before wrote it into the table.
FACTS = """{
  "arrived/0Hn000000000001CAA/2026-03-04T09:00:00+00:00": {
    "fact": {"kind": "arrived",
      "key": "arrived/0Hn000000000001CAA/2026-03-04T09:00:00+00:00",
      "at": "2026-03-04T09:00:00Z", "device": "A1B2C3D4-0001-4AAA-8BBB-000000000001",
      "resource": "0Hn000000000001CAA", "appointment": "08p000000000001AAA", "geofence": "",
      "arrived_at": null,
      "travel": {"metres": null, "seconds": 600.0, "idle_seconds": null},
      "note": "", "photos": [], "order": "", "reason": "", "expected_at": null,
      "scheduled_at": null, "link": "", "seconds": null, "place": null, "doubtful": false},
    "delivery": "of arrived/0Hn000000000001CAA/2026-03-04T09:00:00+00:00",
    "received_at": "2026-03-04T12:00:00Z", "recovered": false},
  "checked out/0Hn000000000001CAA/2026-03-04T10:00:00+00:00": {
    "fact": {"kind": "checked out",
      "key": "checked out/0Hn000000000001CAA/2026-03-04T10:00:00+00:00",
      "at": "2026-03-04T10:00:00Z", "device": "A1B2C3D4-0001-4AAA-8BBB-000000000001",
      "resource": "0Hn000000000001CAA", "appointment": "08p000000000001AAA", "geofence": "",
      "arrived_at": null, "travel": null, "note": "", "photos": [], "order": "",
      "reason": "", "expected_at": null, "scheduled_at": null, "link": "", "seconds": null,
      "place": null, "doubtful": false},
    "delivery": "of checked out/0Hn000000000001CAA/2026-03-04T10:00:00+00:00",
    "received_at": "2026-03-04T12:00:00Z", "recovered": false}}"""
OF_THE_WORK = """{"status": "Completed", "actual_start": "2026-03-04T09:00:00Z",
  "actual_end": "2026-03-04T10:00:00Z", "travel": {"03r000000000000AAA": 10.0},
  "entries": {"0Hn000000000001CAA": {"id": "0ku000000000000AAA",
    "starts_at": "2026-03-04T09:00:00Z", "ends_at": "2026-03-04T10:00:00Z"}},
  "overruled_at": null, "share_link": null}"""
BEFORE_IT = """{"status": "In Progress", "actual_start": "2026-03-04T09:00:00Z",
  "actual_end": null, "travel": {"03r000000000000AAA": 10.0}, "entries": {},
  "overruled_at": null, "share_link": null}"""
INTENT = """{
  "delivered": %s, "since": "2026-03-04T12:00:00Z",
  "planned": {"appointment": "08p000000000001AAA", "assignment": "03r000000000000AAA",
    "changes": {"status": "Completed", "actual_end": "2026-03-04T10:00:00Z"},
    "travel_minutes": null,
    "event": {"key": "checked out/0Hn000000000001CAA/2026-03-04T10:00:00+00:00",
      "starts_at": "2026-03-04T10:00:00Z", "minutes": 1,
      "subject": "Checked out: Ada Lovelace",
      "description": "Ada Lovelace: checked out\\nFieldlink reference 0fc9cc57d054b27017b1"},
    "entry": {"id": "", "key": "08p000000000001AAA/0Hn000000000001CAA", "sheet": "",
      "resource": "0Hn000000000001CAA", "day": "2026-03-04",
      "starts_at": "2026-03-04T09:00:00Z", "ends_at": "2026-03-04T10:00:00Z",
      "subject": "Site visit", "description": "Fieldlink reference a44320b088a7164275e5",
      "work_order": "", "work_order_line": ""},
    "task": null, "left_out": []},
  "meant": {"status": "Completed", "actual_start": "2026-03-04T09:00:00Z",
    "actual_end": "2026-03-04T10:00:00Z", "travel": {"03r000000000000AAA": 10.0},
    "entries": {"0Hn000000000001CAA": {"id": "", "starts_at": "2026-03-04T09:00:00Z",
      "ends_at": "2026-03-04T10:00:00Z"}}, "overruled_at": null, "share_link": null},
  "seen": "2026-03-04T12:00:00Z"}"""
OLD_DAY = """{"connection": "connection-for-tests-0123456789", "intent": null,
  "resource": "0Hn000000000001CAA", "on": "2026-03-04",
  "facts": {"clocked in/0Hn000000000001CAA/2026-03-04T08:00:00+00:00": {
    "fact": {"kind": "clocked in",
      "key": "clocked in/0Hn000000000001CAA/2026-03-04T08:00:00+00:00",
      "at": "2026-03-04T08:00:00Z", "device": "A1B2C3D4-0001-4AAA-8BBB-000000000001",
      "resource": "0Hn000000000001CAA", "appointment": "", "geofence": "",
      "arrived_at": null, "travel": null, "note": "", "photos": [], "order": "",
      "reason": "", "expected_at": null, "scheduled_at": null, "link": "", "seconds": null,
      "place": null, "doubtful": false},
    "delivery": "of clocked in/0Hn000000000001CAA/2026-03-04T08:00:00+00:00",
    "received_at": "2026-03-04T12:00:00Z", "recovered": false}}}"""
CLOCKED_IN = fact(Kind.CLOCKED_IN, at(8), appointment="")


def visit(**changes: Any) -> Visit:
    told = {
        "connection": "connection-for-tests-0123456789",
        "appointment": APPOINTMENT,
        "facts": json.loads(FACTS),
        "intent": None,
        "ours": json.loads(OF_THE_WORK),
        "doubtful": {},
        **changes,
    }
    return Visit.model_validate_json(json.dumps(told))


def unsettled() -> tuple[dict[str, Any], dict[str, Any]]:
    """The facts before the check-out, and the intent of that."""
    facts = json.loads(FACTS)
    out = facts.pop(OUT.key)
    return facts, json.loads(INTENT % json.dumps(out))


def left_by_the_version_before(kept: Visit | None = None) -> World:
    """An org to which it has written, and its records."""
    world = crew(practice=PLAIN)
    salesforce = world.salesforce
    ours = {"actual_start": at(9), "actual_end": at(10), "actual_minutes": 60.0}
    salesforce.edit(APPOINTMENT, at=NOON, status="Completed", **ours)
    salesforce.work[APPOINTMENT].changed_by_us = True
    salesforce.assigned[APPOINTMENT, RESOURCE].travel = 10.0
    assert salesforce.assigned[APPOINTMENT, RESOURCE].id == "03r000000000000AAA"
    salesforce.events += [told(ARRIVED, "Arrived"), told(OUT, "Checked out")]
    salesforce.sheets[RESOURCE] = [
        Sheet(id=SHEET, first=at(0).date(), last=at(0).date(), status="New")
    ]
    salesforce.entries.append(
        Booked(
            id=ENTRY,
            sheet=SHEET,
            resource=RESOURCE,
            starts_at=at(9),
            ends_at=at(10),
            subject="Site visit",
            description=activity.reference(KEY),
            work_order=salesforce.work[APPOINTMENT].work_order,
        )
    )
    world.state.write_all([kept or visit(), Day.model_validate_json(OLD_DAY)])
    return world


def told(each: Fact, subject: str) -> Told:
    return Told(
        id=f"00U of {subject}",
        appointment=APPOINTMENT,
        starts_at=each.at,
        minutes=1,
        subject=f"{subject}: {NAMES[RESOURCE]}",
        description=activity.reference(each.key),
    )


def begun() -> Visit:
    facts, intent = unsettled()
    return visit(facts=facts, intent=intent, ours=json.loads(BEFORE_IT))


def parked() -> Visit:
    facts, intent = unsettled()
    return visit(facts=facts, doubtful={OUT.key: intent}, ours=json.loads(BEFORE_IT))


UNSETTLED = {"begun": begun, "parked": parked}


def test_an_entry_and_travel_of_the_version_before_are_corrected_and_not_made_again() -> None:
    world = left_by_the_version_before()

    outcome = take(world, EARLIER)

    assert outcome is Outcome.APPLIED
    assert held(world) == truth([ARRIVED, OUT, EARLIER, CLOCKED_IN], PLAIN)
    assert [each.id for each in world.salesforce.entries] == [ENTRY]


def test_what_the_version_before_kept_moves_to_the_day_and_is_with_the_work_no_more() -> None:
    world = left_by_the_version_before()

    take(world, EARLIER)

    kept = anchor(world).ours
    [day] = [each for each in anchors(world) if isinstance(each, Day)]
    assert (kept.entries, kept.travel) == ({}, {})
    assert day.ours.entries[KEY].id == ENTRY
    assert day.ours.travel == {"03r000000000000AAA": 20.0}


def test_it_moves_once_whoever_dies_when() -> None:
    facts = [ARRIVED, OUT, EARLIER, CLOCKED_IN]
    late = fact(Kind.ARRIVED, at(8, 20), travel=Travel(seconds=1800))
    for world, death in every_death(
        left_by_the_version_before, lambda world: take(world, EARLIER)
    ):
        world.pass_time(LEASE)

        take(world, EARLIER)

        assert held(world) == truth(facts, PLAIN), death
        take(world, late)
        assert held(world) == truth([*facts, late], PLAIN), death
        assert not pending(world), death


def test_what_a_person_changed_before_the_deployment_stays() -> None:
    world = left_by_the_version_before()
    world.salesforce.edit_entry(ENTRY, ends_at=at(9, 45))
    world.salesforce.assigned[APPOINTMENT, RESOURCE].travel = 7.5

    apply(world, EARLIER, fact(Kind.CHECKED_OUT, at(10, 30)))

    [entry] = world.salesforce.entries
    assert (entry.starts_at, entry.ends_at) == (at(9), at(9, 45))
    assert world.salesforce.assigned[APPOINTMENT, RESOURCE].travel == 7.5


def test_what_a_person_deleted_before_the_deployment_is_not_made_again() -> None:
    world = left_by_the_version_before()
    world.salesforce.delete_entry(ENTRY)

    apply(world, EARLIER, fact(Kind.CHECKED_OUT, at(10, 30)))

    assert not world.salesforce.entries


@pytest.mark.parametrize("again", [ARRIVED, OUT, CLOCKED_IN])
def test_a_fact_that_the_version_before_applied_is_a_duplicate(again: Fact) -> None:
    world = left_by_the_version_before()

    assert take(world, delivered(again, delivery="another")) is Outcome.DUPLICATE
    assert not world.salesforce.wrote


def test_the_work_of_a_colleague_is_left_where_it_is_until_it_is_touched() -> None:
    ours = json.loads(OF_THE_WORK)
    ours["entries"][COLLEAGUE] = {**ours["entries"][RESOURCE], "id": "0ku of Grace"}
    ours["travel"]["03r of Grace"] = 3.0
    world = left_by_the_version_before(visit(ours=ours))

    take(world, EARLIER)

    assert anchor(world).ours.entries.keys() == {COLLEAGUE}
    assert anchor(world).ours.travel == {"03r of Grace": 3.0}


@pytest.mark.parametrize("kept", UNSETTLED.values(), ids=UNSETTLED.keys())
@pytest.mark.parametrize("first", [OUT, EARLIER, fact(Kind.CHECKED_OUT, at(10, 15))])
def test_what_the_version_before_began_and_carried_out_is_found_and_not_made_again(
    kept: Any, first: Fact
) -> None:
    world = left_by_the_version_before(kept())
    world.pass_time(LEASE)

    apply(world, first, OUT)

    told = {each.key: each for each in (ARRIVED, OUT, first, CLOCKED_IN)}
    assert held(world) == truth(told.values(), PLAIN)
    assert [each.id for each in world.salesforce.entries] == [ENTRY]
    assert not pending(world)


@pytest.mark.parametrize("kept", UNSETTLED.values(), ids=UNSETTLED.keys())
def test_what_the_version_before_began_and_did_not_carry_out_is_done_now(kept: Any) -> None:
    world = left_by_the_version_before(kept())
    salesforce = world.salesforce
    salesforce.entries.clear()
    salesforce.events.pop()
    undone = {"actual_end": None, "actual_minutes": None, "status": "In Progress"}
    salesforce.edit(APPOINTMENT, at=NOON, **undone)
    salesforce.work[APPOINTMENT].changed_by_us = True
    world.pass_time(LEASE)

    apply(world, OUT)

    assert held(world) == truth([ARRIVED, OUT, CLOCKED_IN], PLAIN)
    assert not pending(world)


def test_travel_that_the_version_before_wrote_and_did_not_live_to_note_is_ours() -> None:
    facts, intent = unsettled()
    arrived = facts.pop(ARRIVED.key)
    planned = {
        **intent["planned"],
        "travel_minutes": 10.0,
        "entry": None,
        "changes": {"status": "In Progress", "actual_start": "2026-03-04T09:00:00Z"},
        "event": {
            "key": ARRIVED.key,
            "starts_at": "2026-03-04T09:00:00Z",
            "minutes": 1,
            "subject": "Arrived: Ada Lovelace",
            "description": activity.reference(ARRIVED.key),
        },
    }
    meant = {**json.loads(BEFORE_IT), "travel": {"03r000000000000AAA": 10.0}}
    intent |= {"delivered": arrived, "planned": planned, "meant": meant}
    world = left_by_the_version_before(visit(facts={}, intent=intent, ours={}))
    world.salesforce.entries.clear()
    world.salesforce.events.pop()
    undone = {"actual_end": None, "actual_minutes": None, "status": "In Progress"}
    world.salesforce.edit(APPOINTMENT, at=NOON, **undone)
    world.salesforce.work[APPOINTMENT].changed_by_us = True
    world.pass_time(LEASE)

    apply(world, ARRIVED, EARLIER)

    assert held(world) == truth([ARRIVED, EARLIER, CLOCKED_IN], PLAIN)


def test_a_fact_that_tells_nothing_of_any_day_moves_nothing() -> None:
    world = left_by_the_version_before()

    take(world, fact(Kind.OUTAGE_BEGAN, at(9, 30)))

    assert anchor(world).ours.entries.keys() == {RESOURCE}
