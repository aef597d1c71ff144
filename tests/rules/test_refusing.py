"""A status that Salesforce refuses: another way there, or the rest without it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from fieldlink.errors import Refused, Unclear
from fieldlink.models import Ability, Category, Fact, Kind, Outcome
from fieldlink.practice import Practice
from fieldlink.writing import releasing, replanning
from tests.make import APPOINTMENT, World, at, delivered, fact
from tests.rules.crew import apply, crew, take
from tests.rules.killing import every_death

LEASE = timedelta(minutes=12)
BY_STEPS = Practice(through={Category.COMPLETED: "In Progress"})
ALLOWED = {("Scheduled", "In Progress"), ("In Progress", "Completed")}
CAME = fact(Kind.CHECKED_IN, at(9))
OUT = fact(Kind.CHECKED_OUT, at(10), note="Done")
ON_THE_WAY = fact(Kind.ON_THE_WAY, at(8))


def strict(practice: Practice = BY_STEPS, transitions: Any = ALLOWED) -> World:
    """An org that lets a status follow another only as its rules say."""
    world = crew(practice=practice)
    world.salesforce.transitions = transitions
    return world


def writes(world: World) -> int:
    return world.fate.effects.count("write Salesforce")


def test_a_status_that_is_refused_at_once_is_reached_by_the_one_that_is_set_for_it() -> None:
    world = strict()

    assert take(world, OUT) is Outcome.APPLIED

    assert world.salesforce.work[APPOINTMENT].status == "Completed"
    assert world.salesforce.wrote[-1].through == "In Progress"
    assert writes(world) == 2
    assert world.ledger.rows[0].wrote["through"] == "In Progress"


def test_a_status_that_is_not_refused_is_set_at_once() -> None:
    world = strict(transitions=None)

    take(world, OUT)

    assert world.salesforce.wrote[-1].through == ""
    assert writes(world) == 1


@pytest.mark.parametrize("practice", [Practice(), BY_STEPS])
def test_without_a_way_there_the_times_are_written_and_an_event_says_so(
    practice: Practice,
) -> None:
    world = strict(practice, transitions=set())

    assert take(world, OUT) is Outcome.APPLIED

    work = world.salesforce.work[APPOINTMENT]
    [event] = world.salesforce.events
    assert (work.status, work.actual_end) == ("Scheduled", at(10))
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION" in event.description
    assert "Note: Done" in event.description
    [row] = world.ledger.rows
    assert "Completed was refused" in row.reason
    assert "status" not in row.wrote["changes"]


def test_a_later_fact_tries_the_refused_status_again() -> None:
    world = strict(transitions=set())
    take(world, OUT)
    world.salesforce.transitions = None

    take(world, fact(Kind.LEFT, at(9, 50)))

    assert world.salesforce.work[APPOINTMENT].status == "Completed"


def test_if_the_rest_is_refused_too_the_first_refusal_is_what_parks_it() -> None:
    world = strict(transitions=set())
    world.salesforce.told = world.salesforce.told.model_copy(
        update={"lacking": {Ability.ACTUAL_END: "no right"}}
    )
    world.salesforce.transitions = set()

    with pytest.raises(Refused, match="INVALID_FIELD_FOR_INSERT_UPDATE"):
        take(world, OUT)


def test_whatever_else_is_refused_is_tried_once() -> None:
    world = strict(transitions=None)
    world.fate.fail("write Salesforce", Refused("the record is locked"))

    with pytest.raises(Refused):
        take(world, fact(Kind.OUTAGE_BEGAN, at(9)))

    assert writes(world) == 1


def test_a_refusal_for_our_users_rights_is_planned_anew_before_the_status_is_given_up() -> None:
    world = strict(transitions=None)
    lacking = {Ability.ACTUAL_END: "ServiceAppointment.ActualEndTime can't be written"}
    told = world.salesforce.told.model_copy(update={"lacking": lacking})
    world.salesforce.told = told

    outcome = replanning.to_appointment(delivered(OUT), world.desk)

    assert outcome is Outcome.APPLIED
    work = world.salesforce.work[APPOINTMENT]
    assert (work.status, work.actual_end) == ("Completed", None)
    assert writes(world) == 2


def test_a_value_that_the_org_has_no_more_keeps_nothing_else_from_being_written() -> None:
    world = strict(Practice(statuses={Category.COMPLETED: "Completed"}), transitions=None)
    code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    refusal = Refused(f"{code}: bad value for restricted picklist field", code=code)
    world.fate.fail("write Salesforce", refusal, times=2)

    outcome = replanning.to_appointment(delivered(OUT), world.desk)

    assert outcome is Outcome.APPLIED
    work = world.salesforce.work[APPOINTMENT]
    assert (work.status, work.actual_end) == ("Scheduled", at(10))
    assert code in world.ledger.rows[0].reason


def test_a_clock_out_that_is_refused_for_our_users_rights_is_planned_anew() -> None:
    world = crew(practice=Practice())
    apply(world, CAME, OUT)
    lacking = {Ability.CHANGED_ENTRIES: "TimeSheetEntry.EndTime can't be written"}
    world.salesforce.told = world.salesforce.told.model_copy(update={"lacking": lacking})

    clocked_out = fact(Kind.CLOCKED_OUT, at(9, 40), appointment="")
    outcome = replanning.to_day(delivered(clocked_out), world.desk)

    assert outcome is Outcome.APPLIED
    assert "TimeSheetEntry.EndTime can't be written" in world.ledger.rows[2].reason


def test_a_fact_that_moves_no_status_is_not_parked_for_one_that_is_refused() -> None:
    world = strict(Practice(), transitions=set())
    apply(world, OUT, fact(Kind.LINK_OFFERED, at(9), link="https://trck.at/x", order="o-1"))

    withdrawn = fact(Kind.LINK_WITHDRAWN, at(11), order="o-1")
    outcome = take(world, withdrawn)

    assert outcome is Outcome.SUPERSEDED
    assert "Completed was refused" in world.ledger.rows[-1].reason
    assert len(world.salesforce.events) == 2


@pytest.mark.parametrize("practice", [Practice(), BY_STEPS])
@pytest.mark.parametrize("told", [OUT, ON_THE_WAY])
@pytest.mark.parametrize("transitions", [ALLOWED, set()])
def test_a_refused_status_has_one_event_whoever_dies_when(
    told: Fact, practice: Practice, transitions: Any
) -> None:
    whole = strict(practice, transitions)
    take(whole, told)

    for world, death in every_death(
        lambda: strict(practice, transitions), lambda world: take(world, told)
    ):
        world.pass_time(LEASE)

        take(world, told)

        assert world.salesforce.events == whole.salesforce.events, death
        assert len(world.ledger.rows) == 1, death
        assert world.salesforce.work[APPOINTMENT].status == (
            whole.salesforce.work[APPOINTMENT].status
        ), death


def test_an_answer_that_was_lost_after_a_refusal_is_looked_for() -> None:
    world = strict(Practice(), transitions=set())
    take(world, CAME)
    told = delivered(OUT)
    world.fate.fail("write Salesforce", Unclear("no answer"), after=True, times=1)
    with pytest.raises(Unclear):
        take(world, told)
    releasing.release(told.delivery, APPOINTMENT, world.desk)
    world.pass_time(LEASE)

    take(world, told)

    assert [each.starts_at for each in world.salesforce.events] == [at(9), at(10)]
    assert len(world.salesforce.entries) == 1
