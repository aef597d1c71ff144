"""What an org or its user can't have written is left out; all else is written."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldlink.connecting import capabilities
from fieldlink.errors import Refused, Unclear
from fieldlink.hours import time_sheets
from fieldlink.models import (
    Ability,
    Assigned,
    Booked,
    Category,
    Described,
    Kind,
    Outcome,
    Sheet,
    Status,
    View,
    Writes,
)
from fieldlink.practice import Practice
from fieldlink.records import (
    Capabilities,
    Day,
    Entry,
    Ours,
    OursOfDay,
    Part,
    Stretch,
    Trip,
    Visit,
)
from fieldlink.writing import reports, writes
from tests.fakes import NOON, STATUSES
from tests.make import (
    APPOINTMENT,
    ASSIGNMENT,
    CONNECTION,
    RESOURCE,
    World,
    at,
    event,
    fact,
    report,
    view,
)
from tests.rules.login import Town

CAME = fact(Kind.ARRIVED, at(9), travel={"seconds": 600})
OUT = fact(Kind.CHECKED_OUT, at(10))
WEEK = Sheet(id="0kt1", first=at(0).date(), last=at(0).date(), status="New")
WHY = "not for us"
PRACTICE = Practice(time_sheets="visits_and_travel")
TASKS = Practice(activity="tasks", task_status="Done")
WORK = Part(
    appointment=APPOINTMENT,
    assignment=ASSIGNMENT,
    blocks=(Stretch(start=at(9), end=at(10)),),
    trip=Trip(arrived_at=at(9), seconds=600),
)


def why(*lacking: Ability) -> dict[Ability, str]:
    return {each: f"{WHY}: {each}" for each in lacking}


def planned(
    *lacking: Ability,
    seen: View | None = None,
    ours: Ours | None = None,
    practice: Practice = PRACTICE,
) -> Writes:
    """What a check-out after an arrival writes, where these things can't be written."""
    seen = seen or view()
    return writes.plan(OUT, [CAME], seen, ours or Ours(), practice, why(*lacking))


def planned_day(
    *lacking: Ability, seen: View | None = None, ours: OursOfDay | None = None
) -> Writes:
    """Likewise what the day of that work calls for."""
    day = Day(
        connection=CONNECTION,
        resource=RESOURCE,
        on=at(0).date(),
        parts={APPOINTMENT: WORK},
        ours=ours or OursOfDay(),
    )
    return time_sheets.plan(day, seen or sighted(), PRACTICE, why(*lacking)).writes


def sighted(**more: Any) -> View:
    team = (Assigned(id=ASSIGNMENT, resource=RESOURCE),)
    return view(team=team, **more)


@pytest.mark.parametrize(
    ("ability", "name"),
    [
        (Ability.STATUS, "status"),
        (Ability.ACTUAL_START, "actual_start"),
        (Ability.ACTUAL_END, "actual_end"),
    ],
)
def test_a_field_that_cannot_be_written_is_left_out_alone(ability: Ability, name: str) -> None:
    everything, without = planned(), planned(ability)

    assert without.left_out == (f"no {ability}: {WHY}: {ability}",)
    changes = {key: each for key, each in everything.changes.items() if key != name}
    rest = everything.model_copy(update={"changes": changes, "left_out": without.left_out})
    assert without == rest


def test_travel_time_that_cannot_be_written_is_left_out_alone() -> None:
    without = planned_day(Ability.TRAVEL_TIME)

    assert without.left_out == (f"no {Ability.TRAVEL_TIME}: {WHY}: {Ability.TRAVEL_TIME}",)
    everything = planned_day()
    assert everything.travel == {ASSIGNMENT: 10}
    assert (without.travel, without.entries) == ({}, everything.entries)


def test_an_activity_that_takes_no_rows_is_left_out_alone() -> None:
    without = planned(Ability.EVENTS)

    assert without.left_out == (f"no {Ability.EVENTS}: {WHY}: {Ability.EVENTS}",)
    assert without == planned().model_copy(update={"event": None, "left_out": without.left_out})


def test_a_duration_is_mended_only_by_the_times_that_are_written() -> None:
    stood = view(actual_start=at(8), actual_end=at(11), actual_minutes=180)
    ours = Ours(actual_start=at(8), actual_end=at(11))

    both = planned(seen=stood, ours=ours)
    start_only = planned(Ability.ACTUAL_END, seen=stood, ours=ours)
    neither = planned(Ability.ACTUAL_DURATION, seen=stood, ours=ours)

    assert both.changes["actual_minutes"] == 60
    assert start_only.changes["actual_minutes"] == 120  # from nine to eleven, as it stands
    assert "actual_minutes" not in neither.changes


@pytest.mark.parametrize("practice", [PRACTICE, TASKS])
def test_what_cannot_be_written_in_the_middle_is_left_out_of_any_writes(
    practice: Practice,
) -> None:
    event = planned(practice=practice).event
    whole = Writes(
        appointment=APPOINTMENT,
        through="Dispatched",
        changes={"status": "Completed", "actual_end": at(10)},
        travel={ASSIGNMENT: None},
        distances={APPOINTMENT: 3.2},
        event=event,
    )
    told = Ability.DONE_TASKS if practice is TASKS else Ability.EVENTS
    lacks = (Ability.STATUS, Ability.TRAVEL_TIME, Ability.DISTANCE, told)

    without = capabilities.within(whole, why(*lacks))

    assert without.left_out == tuple(f"no {each}: {WHY}: {each}" for each in lacks)
    assert without == Writes(
        appointment=APPOINTMENT, changes={"actual_end": at(10)}, left_out=without.left_out
    )


def test_an_event_without_its_place_is_made_all_the_same_and_nobody_need_know() -> None:
    somewhere = planned(seen=view(address="Unter den Linden 1"))
    nowhere = planned(Ability.EVENT_PLACE, seen=view(address="Unter den Linden 1"))

    assert somewhere.event
    assert nowhere.event
    assert (somewhere.event.place, nowhere.event.place) == ("Unter den Linden 1", "")
    assert nowhere.left_out == ()


@pytest.mark.parametrize("ability", [Ability.TIME_SHEETS, Ability.TIME_SHEET_ENTRIES])
def test_without_the_right_to_a_sheet_or_an_entry_no_entry_is_made(ability: Ability) -> None:
    without = planned_day(ability)

    assert (without.entries, without.sheets) == ((), ())
    assert without.left_out == (f"no time sheet entry: {WHY}: {ability}",)
    assert without.travel == planned_day().travel


def test_an_entry_goes_onto_a_sheet_that_is_there_without_the_right_to_make_one() -> None:
    without = planned_day(Ability.TIME_SHEETS, seen=sighted(sheets=(WEEK,)))

    assert {each.sheet for each in without.entries} == {WEEK.id}


def test_an_entry_of_ours_stays_as_it_is_where_entries_cannot_be_changed() -> None:
    [entry, *_] = planned_day(Ability.TRAVEL_ENTRIES).entries
    wrote = Entry(id="0ku1", starts_at=at(9), ends_at=at(11))
    booked = Booked(starts_at=at(9), ends_at=at(11), sheet=WEEK.id)
    seen = sighted(sheets=(WEEK,), entries={"0ku1": booked})

    without = planned_day(
        Ability.CHANGED_ENTRIES,
        Ability.TRAVEL_ENTRIES,
        seen=seen,
        ours=OursOfDay(entries={entry.key: wrote}),
    )

    assert without.entries == ()
    told = f"no time sheet entry: {WHY}: {Ability.CHANGED_ENTRIES}"
    assert told in without.left_out


@pytest.mark.parametrize("ability", [Ability.VISIT_ENTRIES, Ability.TRAVEL_ENTRIES])
def test_one_kind_of_entry_is_left_out_and_the_other_is_made(ability: Ability) -> None:
    without = planned_day(ability)

    left = {Ability.VISIT_ENTRIES: "Indirect", Ability.TRAVEL_ENTRIES: "Direct"}
    assert [each.type for each in without.entries] == [left[ability]]
    assert without.left_out == (f"no time sheet entry: {WHY}: {ability}",)


def test_what_is_not_wished_for_is_not_told_of() -> None:
    on_the_way = fact(Kind.ON_THE_WAY, at(8))
    known = view(category=Category.DISPATCHED)

    planned = writes.plan(on_the_way, [], known, Ours(), PRACTICE, why(*Ability))

    assert planned.left_out == ()


def test_an_org_without_a_status_of_the_category_gets_the_times_and_is_told_so() -> None:
    few = tuple(each for each in STATUSES if each.category is not Category.COMPLETED)

    without = planned(seen=view(statuses=few))

    assert without.changes["status"] == "In Progress"  # as far as the org has one
    assert {"actual_start", "actual_end"} <= set(without.changes)
    [told] = without.left_out
    assert told.startswith("no status: ")
    assert told.endswith("lacks a value of category Completed")


@given(st.sets(st.sampled_from(Ability)))
def test_nothing_lacking_is_written_and_nothing_else_is_left_out(lacking: set[Ability]) -> None:
    everything, without = planned(), planned(*lacking)

    for name, ability in capabilities.CHANGING.items():
        kept = ability not in lacking and name in everything.changes
        assert (name in without.changes) is kept
    assert (without.event is None) is (Ability.EVENTS in lacking)
    used = {Ability.STATUS, Ability.ACTUAL_START, Ability.ACTUAL_END, Ability.EVENTS}
    assert bool(without.left_out) is bool(lacking & used)


OUTAGE = fact(Kind.OUTAGE_BEGAN, at(9), reason="airplane_mode_detected")


def test_an_outage_is_told_in_an_urgent_task_and_changes_nothing_else() -> None:
    planned = writes.plan(
        OUTAGE,
        [CAME],
        view(
            actual_start=at(9),
            status="In Progress",
            category=Category.IN_PROGRESS,
        ),
        Ours(actual_start=at(9)),
        PRACTICE,
    )

    assert planned.task
    assert planned.task.urgent
    assert "airplane mode" in planned.task.description
    assert planned.model_copy(update={"task": None}).empty


def test_a_task_that_cannot_be_made_is_left_out_alone() -> None:
    lacking = {Ability.TASKS: WHY, Ability.URGENT_TASKS: WHY}

    planned = writes.plan(OUTAGE, [], view(), Ours(), PRACTICE, lacking)

    assert planned.task is None
    assert planned.left_out == (f"no {Ability.TASKS}: {WHY}",)


def test_a_task_that_cannot_be_urgent_is_made_all_the_same_and_nobody_need_know() -> None:
    lacking = {Ability.URGENT_TASKS: WHY}

    planned = writes.plan(OUTAGE, [], view(), Ours(), PRACTICE, lacking)

    assert planned.task
    assert not planned.task.urgent
    assert planned.left_out == ()


# ── values that an org no longer lists ────────────────────────────────────────


def known(**listed: tuple[str, ...]) -> Capabilities:
    names = {"types": "TimeSheetEntry.Type", "tasks": "Task.Status"}
    told = {names[name]: values for name, values in listed.items()}
    return Capabilities(
        connection=CONNECTION, checked_at=NOON, lacking={Ability.STATUS: WHY}, listed=told
    )


def test_a_value_that_was_renamed_costs_only_what_is_written_with_it() -> None:
    able = known(types=("Direct", "Driving"), tasks=("Completed",))

    assert capabilities.lacking(able, PRACTICE) == {
        Ability.STATUS: WHY,
        Ability.TRAVEL_ENTRIES: "TimeSheetEntry.Type has no value Indirect",
    }
    assert capabilities.lacking(able, TASKS)[Ability.DONE_TASKS] == (
        "Task.Status has no value Done"
    )


def test_a_list_that_cannot_be_seen_tells_nothing() -> None:
    assert capabilities.lacking(known(), TASKS) == {Ability.STATUS: WHY}
    assert capabilities.lacking(None, TASKS) == {}


@pytest.mark.parametrize("activity", ["events", "tasks"])
def test_a_renamed_status_of_tasks_leaves_out_the_row_and_writes_the_times(
    activity: str,
) -> None:
    world = World()
    practice = Practice.model_validate({"activity": activity, "task_status": "Done"})
    world.connection = world.connection.model_copy(update={"practice": practice})
    world.salesforce.told = Described(
        statuses=STATUSES, listed={"Task.Status": ("Not Started", "Completed")}
    )

    outcome = arrive(world)

    assert outcome is Outcome.APPLIED
    assert world.salesforce.work[APPOINTMENT].actual_start == at(9)
    [row] = world.ledger.rows
    told = "no Tasks in the Activity: Task.Status has no value Done"
    assert (row.reason == told) is (activity == "tasks")
    assert world.salesforce.done == []


# ── what is known of an org ───────────────────────────────────────────────────


def refreshed(world: World) -> Capabilities:
    return capabilities.refresh(
        world.connection, salesforce=world.salesforce, state=world.state, now=world.now
    )


def stored(world: World) -> Capabilities:
    known = world.state.read(Capabilities, CONNECTION)
    assert known is not None
    return known


def test_what_an_org_says_is_kept() -> None:
    world = World()
    world.salesforce.told = Described(
        unreadable=("User.Email",), lacking={Ability.STATUS: WHY}, statuses=STATUSES[:1]
    )

    refreshed(world)

    known = stored(world)
    assert (known.unreadable, known.lacking) == (("User.Email",), {Ability.STATUS: WHY})
    assert (known.statuses, known.checked_at) == (STATUSES[:1], world.now)


def test_the_same_again_is_written_once_a_week() -> None:
    world = World()
    refreshed(world)
    world.pass_time(timedelta(days=6, hours=23))
    refreshed(world)
    assert stored(world).checked_at == NOON

    world.pass_time(timedelta(hours=1))
    refreshed(world)

    assert stored(world).checked_at == NOON + timedelta(days=7)


@pytest.mark.parametrize(
    "news",
    [
        Described(unreadable=("User.Email",), statuses=STATUSES),
        Described(lacking={Ability.STATUS: WHY}, statuses=STATUSES),
        Described(statuses=(Status(name="Begun", category=Category.IN_PROGRESS),)),
        Described(statuses=STATUSES, keyed=("Event",)),
        Described(statuses=STATUSES, listed={"Task.Status": ("Done",)}),
    ],
)
def test_news_is_written_at_once(news: Described) -> None:
    world = World()
    refreshed(world)
    world.salesforce.told = news

    refreshed(world)

    known = stored(world)
    assert (known.unreadable, known.lacking) == (news.unreadable, news.lacking)
    assert known.statuses == news.statuses
    assert (known.keyed, known.listed) == (news.keyed, news.listed)


def test_a_connection_knows_what_it_may_do_as_soon_as_it_is_connected() -> None:
    town = Town()
    town.salesforce.told = Described(lacking={Ability.EVENTS: WHY})

    assert town.finish(town.begin()).state == "connected"

    known = town.state.read(Capabilities, CONNECTION)
    assert known is not None
    assert known.lacking == {Ability.EVENTS: WHY}


# ── a refusal that says that what we know is stale ────────────────────────────


def arrive(world: World) -> Outcome:
    return reports.take(report(event("entry")), world.desk)


def test_a_right_that_was_taken_away_costs_only_what_it_was_for() -> None:
    world = World()
    world.salesforce.told = Described(lacking={Ability.STATUS: WHY}, statuses=STATUSES)

    outcome = arrive(world)

    assert outcome is Outcome.APPLIED
    work = world.salesforce.work[APPOINTMENT]
    assert (work.status, work.actual_start) == ("Scheduled", at(9))
    [row] = world.ledger.rows
    assert row.reason == f"no status: {WHY}"
    assert stored(world).lacking == {Ability.STATUS: WHY}


def test_nothing_is_tried_that_is_known_to_be_refused() -> None:
    world = World()
    world.salesforce.told = Described(lacking={Ability.STATUS: WHY}, statuses=STATUSES)
    refreshed(world)
    world.capabilities = stored(world)

    arrive(world)

    assert world.fate.effects.count("describe all") == 1  # by this test
    assert world.fate.effects.count("write Salesforce") == 1


def test_an_org_that_refuses_without_a_reason_that_we_see_is_asked_once_and_not_again() -> None:
    world = World()
    world.fate.fail("write Salesforce", Refused("no", code="INSUFFICIENT_ACCESS_OR_READONLY"))
    refreshed(world)
    world.capabilities = stored(world)

    with pytest.raises(Refused, match="no"):
        arrive(world)

    assert world.fate.effects.count("describe all") == 2  # once by this test
    # As planned, as planned once more, and without the status, which may have been the cause.
    assert world.fate.effects.count("write Salesforce") == 3


def test_a_second_refusal_parks_it() -> None:
    world = World()
    world.salesforce.told = Described(lacking={Ability.STATUS: WHY}, statuses=STATUSES)
    world.fate.fail("write Salesforce", Refused("no", code="INVALID_FIELD"))

    with pytest.raises(Refused, match="no"):
        arrive(world)

    assert world.fate.effects.count("write Salesforce") == 2
    visit = world.state.read(Visit, CONNECTION, APPOINTMENT)
    assert visit is not None
    assert (visit.intent, visit.facts) == (None, {})


def test_a_refusal_for_another_reason_is_not_looked_into() -> None:
    world = World()
    world.fate.fail("write Salesforce", Refused("no", code="FIELD_CUSTOM_VALIDATION_EXCEPTION"))

    with pytest.raises(Refused, match="no"):
        arrive(world)

    assert "describe all" not in world.fate.effects


def test_a_look_at_an_appointment_that_is_refused_for_a_field_is_done_again_without_it() -> (
    None
):
    world = World()
    world.fate.fail("view", Refused("no such column", code="INVALID_FIELD"), times=1)
    world.salesforce.told = Described(unreadable=("ServiceAppointment.ActualDuration",))

    assert arrive(world) is Outcome.APPLIED


def test_a_fact_in_doubt_is_not_planned_anew() -> None:
    world = World()
    world.fate.fail("write Salesforce", Unclear("no answer"), times=1)
    with pytest.raises(Unclear):
        arrive(world)
    world.pass_time(timedelta(minutes=12))
    world.fate.fail("write Salesforce", Refused("no", code="INVALID_FIELD"))

    with pytest.raises(Refused, match="no"):
        arrive(world)

    assert "describe all" not in world.fate.effects
