"""What other settings would have made of the last days' work, without a write."""

from datetime import timedelta

import pytest

from fieldlink.errors import Refused, Unavailable
from fieldlink.models import Ability, Category, Fact, Kind, LedgerRow, Outcome
from fieldlink.practice import Practice
from fieldlink.records import Capabilities, Ours, Visit
from fieldlink.rehearsing import sample
from fieldlink.rehearsing.difference import Difference
from fieldlink.rehearsing.rehearsal import Rehearsal
from tests.fakes import NOON
from tests.make import APPOINTMENT, COLLEAGUE, CONNECTION, RESOURCE, World, at, delivered, fact
from tests.rules.dry_run import rehearsed

NINE_OCLOCK = "2026-03-04 09:00 UTC"


def told(
    world: World, *facts: Fact, appointment: str = APPOINTMENT, ours: Ours | None = None
) -> None:
    """Facts that were applied, and the rows that say so."""
    world.salesforce.assign(appointment, RESOURCE)
    kept = [delivered(each, received_at=each.at) for each in facts]
    world.state.write(
        Visit(
            connection=CONNECTION,
            appointment=appointment,
            facts={each.fact.key: each for each in kept},
            ours=ours or Ours(),
        )
    )
    world.ledger.put_all([row(each.fact) for each in kept])


def row(of: Fact, outcome: Outcome = Outcome.APPLIED) -> LedgerRow:
    return LedgerRow(
        connection=CONNECTION,
        received_at=of.at,
        delivery=f"of {of.key} at {of.appointment}",
        outcome=outcome,
        kind=of.kind,
        at=of.at,
        resource=of.resource,
        appointment=of.appointment,
    )


def of_work(found: Rehearsal) -> list[Difference]:
    """Those of status and times."""
    return [each for each in found.differences if each.of == "work"]


def worked(world: World, appointment: str = APPOINTMENT) -> None:
    """A visit with an arrival, a check-in, a check-out and a departure."""
    times = ((Kind.ARRIVED, 9), (Kind.CHECKED_IN, 10), (Kind.CHECKED_OUT, 11), (Kind.LEFT, 12))
    facts = (fact(kind, at(hour), appointment=appointment) for kind, hour in times)
    told(world, *facts, appointment=appointment)


def test_the_same_settings_change_nothing() -> None:
    world = World()
    worked(world)

    assert rehearsed(world) == Rehearsal(1)


def test_what_other_settings_would_have_written_is_shown_beside_what_stands() -> None:
    world = World()
    worked(world)
    world.salesforce.edit(
        APPOINTMENT, at=at(11), status="Completed", actual_start=at(9), number="SA-1"
    )

    found = rehearsed(world, arrival_by="check_in")

    assert found.looked_at == 1
    [start] = of_work(found)
    assert start == Difference(
        appointment=APPOINTMENT,
        number="SA-1",
        what="Actual Start",
        held=NINE_OCLOCK,
        present=NINE_OCLOCK,
        typed="2026-03-04 10:00 UTC",
        at_once=False,  # it stands, and a person wrote it
        rule="Actual Start is the first check-in",
    )


def test_a_value_of_ours_that_the_next_fact_would_change_is_marked() -> None:
    world = World()
    times = ((Kind.ARRIVED, 9), (Kind.CHECKED_IN, 10))
    ours = Ours(status="In Progress", actual_start=at(9))
    told(world, *(fact(kind, at(hour)) for kind, hour in times), ours=ours)
    work = world.salesforce.work[APPOINTMENT]
    work.status, work.actual_start, work.changed_by_us = "In Progress", at(9), True

    [start] = rehearsed(world, arrival_by="check_in").differences

    assert (start.held, start.typed, start.at_once) == (
        NINE_OCLOCK,
        "2026-03-04 10:00 UTC",
        True,
    )


def test_another_status_is_shown_though_what_is_closed_stays() -> None:
    world = World()
    worked(world)
    world.salesforce.edit(APPOINTMENT, at=at(11), status="Completed")

    found = rehearsed(world, categories={Kind.CHECKED_IN: Category.IN_PROGRESS})

    [status] = [each for each in found.differences if each.what == "Status"]
    assert (status.held, status.present, status.typed) == (
        "Completed",
        "Completed",
        "In Progress",
    )
    assert not status.at_once
    assert "checked in" in status.rule


def test_a_status_that_nothing_calls_for_or_that_is_not_there_is_told_so() -> None:
    world = World()
    told(world, fact(Kind.ARRIVED, at(9)))

    [none] = rehearsed(world, categories={}).differences
    [gone] = rehearsed(world, statuses={Category.IN_PROGRESS: "Working"}).differences

    assert (none.present, none.typed, none.rule) == ("In Progress", "", "no fact calls for one")
    assert (gone.typed, "Working" in gone.rule) == ("", True)
    assert not none.at_once  # though the present settings would write it now


def test_whose_facts_count_is_compared() -> None:
    world = World()
    colleague = fact(Kind.ARRIVED, at(8), resource=COLLEAGUE)
    told(world, colleague, fact(Kind.ARRIVED, at(9)), fact(Kind.CHECKED_OUT, at(11)))
    world.salesforce.assigned[APPOINTMENT, RESOURCE].primary = True

    for_all = of_work(rehearsed(world, several="all"))
    for_one = of_work(rehearsed(world, several="primary"))

    assert [(each.what, each.present, each.typed) for each in for_all] == [
        ("Status", "Completed", "In Progress"),
        ("Actual End", "2026-03-04 11:00 UTC", ""),
    ]
    assert [(each.what, each.present, each.typed) for each in for_one] == [
        ("Actual Start", "2026-03-04 08:00 UTC", NINE_OCLOCK)
    ]


def test_exits_that_would_have_been_confirmed_by_now_complete_the_work() -> None:
    world = World()
    told(world, fact(Kind.ARRIVED, at(9)), fact(Kind.LEFT, at(10)))

    by_exit = rehearsed(world, complete_by="exit", exit_grace=30)
    world.now = at(10, 29)
    too_soon = rehearsed(world, complete_by="exit", exit_grace=30)

    [status] = of_work(by_exit)
    assert (status.what, status.typed) == ("Status", "Completed")
    assert not status.at_once  # nobody is there to confirm exits of days gone by
    assert too_soon.differences == ()


def test_nothing_is_asked_where_nothing_was_reported() -> None:
    world = World()
    world.fate.fail("views", Unavailable("down"))

    assert rehearsed(world, arrival_by="check_in") == Rehearsal(0)


def test_the_last_hundred_appointments_of_two_weeks_are_looked_at_in_one_call() -> None:
    world = World()
    for number in range(120):
        name = f"08p{number:012d}AAA"
        ago = timedelta(days=number // 12, minutes=number)
        told(world, fact(Kind.ARRIVED, NOON - ago, appointment=name), appointment=name)

    found = rehearsed(world, categories={})

    shown = {each.appointment for each in found.differences}
    assert (found.looked_at, len(shown)) == (100, 100)
    assert shown == {f"08p{number:012d}AAA" for number in range(100)}
    assert world.fate.effects.count("views") == 1


def test_work_of_two_weeks_ago_is_too_old() -> None:
    world = World()
    for days, name in ((13, "08pX"), (14, "08pY")):
        of = fact(Kind.ARRIVED, NOON - timedelta(days=days), appointment=name)
        told(world, of, appointment=name)

    found = rehearsed(world, categories={})

    assert {each.appointment for each in found.differences} == {"08pX"}


def test_what_was_only_ignored_or_parked_is_not_looked_at() -> None:
    world = World()
    for outcome in (Outcome.IGNORED, Outcome.PARKED):
        world.ledger.put(row(fact(Kind.ARRIVED, at(9)), outcome))
    assert rehearsed(world, arrival_by="check_in") == Rehearsal(0)

    worked(world)
    for number in range(sample.MOST):
        of = fact(Kind.ARRIVED, at(13), appointment=f"08p{number:012d}XXX")
        world.ledger.put(row(of, Outcome.IGNORED))
    assert rehearsed(world, arrival_by="check_in").looked_at == 1


def test_one_that_can_not_be_seen_is_named_and_the_others_are_compared() -> None:
    world = World()
    worked(world)
    gone = "08p000000000009AAA"
    worked(world, gone)
    world.fate.fail(f"view {gone}", Refused("deleted"))

    found = rehearsed(world, arrival_by="check_in")

    assert found.looked_at == 1
    assert found.unseen == ((gone, "deleted"),)
    assert {each.appointment for each in found.differences} == {APPOINTMENT}


def test_whoever_left_the_work_is_no_hindrance() -> None:
    world = World()
    worked(world)
    world.salesforce.assigned.clear()

    assert rehearsed(world, arrival_by="check_in").looked_at == 1


def test_an_org_that_is_down_is_told_plainly() -> None:
    world = World()
    worked(world)
    world.fate.fail("views", Unavailable("Salesforce does not answer"))

    with pytest.raises(Unavailable, match="does not answer"):
        rehearsed(world, arrival_by="check_in")


def test_what_the_org_lacks_is_in_neither() -> None:
    world = World()
    worked(world)
    lacking = {Ability.ACTUAL_START: "read only"}
    world.state.write(Capabilities(connection=CONNECTION, checked_at=NOON, lacking=lacking))

    assert of_work(rehearsed(world, arrival_by="check_in")) == []


def test_the_comparison_is_with_the_settings_as_the_connection_has_them() -> None:
    world = World()
    worked(world)
    world.connection = world.connection.model_copy(
        update={"practice": Practice(arrival_by="check_in")}
    )

    [start] = of_work(rehearsed(world, arrival_by="geofence"))

    assert (start.present, start.typed) == ("2026-03-04 10:00 UTC", NINE_OCLOCK)
