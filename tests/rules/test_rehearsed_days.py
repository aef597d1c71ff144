"""What other settings would have made of time sheets, distances and the Activity."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from fieldlink.connecting.checking import ENTRY_TYPES
from fieldlink.models import Ability, Fact, Kind, LedgerRow, Travel
from fieldlink.practice import Practice
from fieldlink.records import Capabilities, Day, Entry, OursOfDay, Visit
from fieldlink.rehearsing import rehearsal, rehearsed_rows, sample
from fieldlink.rehearsing.difference import Difference
from fieldlink.rehearsing.rehearsal import Rehearsal
from tests.fakes import NOON
from tests.make import APPOINTMENT, COLLEAGUE, CONNECTION, RESOURCE, World, at, delivered, fact
from tests.rules.crew import OTHER, apply, crew
from tests.rules.dry_run import rehearsed

USUAL = Practice()
WAY = Travel(metres=12_300, seconds=1_200, idle_seconds=0)
CAME = fact(Kind.ARRIVED, at(8), travel=WAY)
WORK = (CAME, fact(Kind.LEFT, at(9)), fact(Kind.ARRIVED, at(9, 40)))
DONE = fact(Kind.CHECKED_OUT, at(11))
LATER = fact(Kind.LEFT, at(10, 50))  # told late: the end of the work is another
STAY = ((Kind.ARRIVED, 8), (Kind.CHECKED_OUT, 9))
ONCE_CHANGED = "written once a fact of this work changes that day"
TIMES_CHANGED = "its times changed once a fact of this work changes that day"
STAYS = "what stands stays"
ROW_STAYS = "a row that stands stays as it is"


def lived(*told: Fact, practice: Practice = USUAL) -> World:
    """A day as it was told, and written."""
    world = crew(practice=practice)
    world.salesforce.work[APPOINTMENT].number = "SA-1"
    world.salesforce.work[OTHER].number = "SA-2"
    for each in world.salesforce.work.values():
        each.starts_at = NOON - timedelta(days=3)
    world.salesforce.distance_field = True
    apply(world, *(told or (*WORK, DONE)))
    return world


def of_days(found: Rehearsal) -> list[Difference]:
    return [each for each in found.differences if each.of in {"day", "entry"}]


def of_rows(found: Rehearsal) -> list[Difference]:
    return [each for each in found.differences if each.of == "row"]


def told(each: Difference) -> tuple[str, str, str, str, str]:
    return each.what, each.held, each.present, each.typed, each.note


def entries(world: World) -> list[tuple[str, Any, Any]]:
    found = [(each.type, each.starts_at, each.ends_at) for each in world.salesforce.entries]
    return sorted(found, key=lambda each: each[1])


def change(world: World, **practice: Any) -> None:
    """The settings are saved."""
    wanted = world.connection.practice.model_copy(update=practice)
    world.connection = world.connection.model_copy(update={"practice": wanted})


# ── time sheets ───────────────────────────────────────────────────────────────


def test_no_time_sheets_any_more_is_shown_and_what_stands_stays() -> None:
    world = lived()

    [entry] = of_days(rehearsed(world, time_sheets="none"))

    assert (entry.appointment, entry.number) == (APPOINTMENT, "SA-1")
    assert told(entry) == (
        "Time sheet entry",
        "2026-03-04 08:00 to 11:00 UTC",
        "2026-03-04 08:00 to 11:00 UTC, Direct, “Site visit”",
        "",
        STAYS,
    )
    assert entry.rule == "no time sheet entries are wanted"
    change(world, time_sheets="none")
    apply(world, LATER)
    assert entries(world) == [("Direct", at(8), at(11))]


def test_time_sheets_that_were_not_wanted_are_shown_and_made_once_the_day_changes() -> None:
    world = lived(practice=Practice(time_sheets="none"))

    [entry] = of_days(rehearsed(world, time_sheets="visits"))

    assert told(entry) == (
        "Time sheet entry",
        "",
        "",
        "2026-03-04 08:00 to 11:00 UTC, Direct, “Site visit”",
        ONCE_CHANGED,
    )
    assert "work that is over" in entry.rule
    change(world, time_sheets="visits")
    apply(world, fact(Kind.ON_THE_WAY, at(7)))
    assert entries(world) == []  # it does not change the day
    apply(world, LATER)
    assert entries(world) == [("Direct", at(8), at(10, 50))]


def test_entries_of_travel_are_shown_and_made_once_the_day_changes() -> None:
    world = lived()

    [entry] = of_days(rehearsed(world, time_sheets="visits_and_travel"))

    assert told(entry) == (
        "Time sheet entry of travel",
        "",
        "",
        "2026-03-04 07:40 to 08:00 UTC, Indirect, “Travel”",
        ONCE_CHANGED,
    )
    change(world, time_sheets="visits_and_travel")
    apply(world, LATER)
    assert entries(world)[0] == ("Indirect", at(7, 40), at(8))


def test_entries_of_travel_that_are_wanted_no_more_stay() -> None:
    world = lived(practice=Practice(time_sheets="visits_and_travel"))

    [entry] = of_days(rehearsed(world, time_sheets="visits"))

    assert (entry.what, entry.typed, entry.note) == ("Time sheet entry of travel", "", STAYS)
    assert entry.held == "2026-03-04 07:40 to 08:00 UTC"
    assert entry.rule == "no entries of travel are wanted"
    change(world, time_sheets="visits")
    apply(world, LATER)
    assert entries(world)[0] == ("Indirect", at(7, 40), at(8))


def test_a_shorter_break_parts_an_entry_in_two() -> None:
    world = lived()

    first, second = of_days(rehearsed(world, join=30))

    assert told(first) == (
        "Time sheet entry",
        "2026-03-04 08:00 to 11:00 UTC",
        "2026-03-04 08:00 to 11:00 UTC, Direct, “Site visit”",
        "2026-03-04 08:00 to 09:00 UTC, Direct, “Site visit”",
        TIMES_CHANGED,
    )
    assert (second.held, second.present, second.note) == ("", "", ONCE_CHANGED)
    assert second.typed == "2026-03-04 09:40 to 11:00 UTC, Direct, “Site visit”"
    assert "at most 30 min" in first.rule
    change(world, join=30)
    apply(world, LATER)
    assert entries(world) == [("Direct", at(8), at(9)), ("Direct", at(9, 40), at(10, 50))]


def test_a_longer_break_makes_one_entry_of_two() -> None:
    world = lived(practice=Practice(join=30))

    first, second = of_days(rehearsed(world, join=60))

    assert first.typed == "2026-03-04 08:00 to 11:00 UTC, Direct, “Site visit”"
    assert (second.held, second.typed) == ("2026-03-04 09:40 to 11:00 UTC", "")
    assert second.rule == "its time is within another entry, or not over"
    assert (first.note, second.note) == (
        TIMES_CHANGED,
        "taken away once a fact of this work changes that day",
    )
    change(world, join=60)
    apply(world, LATER)
    assert entries(world) == [("Direct", at(8), at(10, 50))]


@pytest.mark.parametrize(
    ("setting", "typed"),
    [
        ({"work_type": "Arbeit"}, "2026-03-04 08:00 to 11:00 UTC, Arbeit, “Site visit”"),
        (
            {"words": {"sheet_visit": "Einsatz"}},
            "2026-03-04 08:00 to 11:00 UTC, Direct, “Einsatz”",
        ),
    ],
)
def test_type_and_subject_of_an_entry_that_stands_stay(
    setting: dict[str, Any], typed: str
) -> None:
    world = lived()

    [entry] = of_days(rehearsed(world, **setting))

    assert (entry.typed, entry.note) == (typed, STAYS)
    change(world, **setting)
    apply(world, LATER)
    [stands] = world.salesforce.entries
    assert (stands.type, stands.subject) == ("Direct", "Site visit")


def test_the_type_of_travel_is_shown() -> None:
    world = lived(practice=Practice(time_sheets="visits_and_travel"))

    [entry] = of_days(rehearsed(world, travel_type="Fahrt"))

    assert entry.typed == "2026-03-04 07:40 to 08:00 UTC, Fahrt, “Travel”"


def test_a_type_that_the_org_does_not_list_makes_no_entry_and_that_is_why() -> None:
    world = lived()
    listed = {ENTRY_TYPES: ("Direct", "Indirect")}
    world.state.write(Capabilities(connection=CONNECTION, checked_at=NOON, listed=listed))

    [entry] = of_days(rehearsed(world, work_type="Arbeit"))

    assert entry.typed == ""
    assert entry.rule == "no time sheet entry: TimeSheetEntry.Type has no value Arbeit"


@pytest.mark.parametrize(
    ("period", "typed"),
    [
        ("week", "2026-03-02 to 2026-03-08"),
        ("week_from_sunday", "2026-03-01 to 2026-03-07"),
        ("month", "2026-03-01 to 2026-03-31"),
    ],
)
def test_another_period_of_sheets_is_shown_beside_the_sheet_that_is_used_first(
    period: str, typed: str
) -> None:
    world = lived()

    [sheet] = of_days(rehearsed(world, sheet_period=period))

    assert told(sheet) == (
        "Time sheet, where one has to be made",
        "2026-03-04, New",
        "2026-03-04",
        typed,
        STAYS,
    )
    assert "used first" in sheet.rule


def test_a_sheet_that_several_days_share_is_shown_once() -> None:
    days = [timedelta(), timedelta(days=1)]
    world = lived(*(fact(kind, at(hour) - day) for day in days for kind, hour in STAY))

    [sheet] = of_days(rehearsed(world, sheet_period="week"))

    assert sheet.typed == "2026-03-02 to 2026-03-08"


@pytest.mark.parametrize("told_as", ["visits", "none"])
def test_a_confirmed_exit_makes_an_entry_where_it_completes_the_work(told_as: str) -> None:
    world = lived(CAME, fact(Kind.LEFT, at(9)))

    found = rehearsed(world, complete_by="exit", time_sheets=told_as)

    expected = ["2026-03-04 08:00 to 09:00 UTC, Direct, “Site visit”"]
    assert [each.typed for each in of_days(found)] == expected * (told_as == "visits")
    assert not any(each.at_once for each in of_days(found))  # nobody confirms it any more


def test_work_that_a_confirmed_exit_completes_no_more_has_no_entry() -> None:
    stay = (fact(Kind.ARRIVED, at(8)), fact(Kind.LEFT, at(9)), fact(Kind.EXIT_CONFIRMED, at(9)))
    world = lived(*stay, practice=Practice(complete_by="exit"))

    [entry] = of_days(rehearsed(world, complete_by="check_out"))

    assert (entry.held, entry.typed) == ("2026-03-04 08:00 to 09:00 UTC", "")
    assert entry.note == "taken away once a fact of this work changes that day"
    change(world, complete_by="check_out")
    apply(world, fact(Kind.ARRIVED, at(10)))
    assert entries(world) == []


def test_what_both_settings_would_mend_is_not_said_to_stay() -> None:
    world = lived()
    change(world, join=30)  # and no fact has come since

    first, second = of_days(rehearsed(world, work_type="Arbeit"))

    assert (first.held, first.typed, first.note) == (
        "2026-03-04 08:00 to 11:00 UTC",
        "2026-03-04 08:00 to 09:00 UTC, Arbeit, “Site visit”",
        TIMES_CHANGED,
    )
    assert (second.typed, second.note) == (
        "2026-03-04 09:40 to 11:00 UTC, Arbeit, “Site visit”",
        ONCE_CHANGED,
    )


def test_work_that_begins_with_the_check_in_has_a_shorter_entry() -> None:
    world = lived(CAME, fact(Kind.CHECKED_IN, at(8, 30)), DONE)

    [entry] = of_days(rehearsed(world, arrival_by="check_in"))

    assert entry.typed == "2026-03-04 08:30 to 11:00 UTC, Direct, “Site visit”"
    assert entry.note == TIMES_CHANGED


def test_what_is_handed_in_is_shown_and_stays() -> None:
    world = lived()
    world.salesforce.close_sheet(world.salesforce.sheets[RESOURCE][0].id)

    [first, second] = of_days(rehearsed(world, join=30))

    assert (first.present[-12:], first.note) == ("“Site visit”", STAYS)
    assert second.typed
    assert not second.at_once


def test_of_two_jobs_of_a_day_each_has_its_own_line() -> None:
    other = [
        fact(Kind.ARRIVED, at(11, 30), appointment=OTHER),
        fact(Kind.CHECKED_OUT, at(12), appointment=OTHER),
    ]
    world = lived(*WORK, DONE, *other)

    found = of_days(rehearsed(world, time_sheets="none"))

    assert {(each.number, each.held) for each in found} == {
        ("SA-1", "2026-03-04 08:00 to 11:00 UTC"),
        ("SA-2", "2026-03-04 11:30 to 12:00 UTC"),
    }


def test_each_job_is_told_its_own_reason() -> None:
    other = fact(Kind.ARRIVED, at(11, 30), appointment=OTHER)
    done = [fact(Kind.CHECKED_OUT, at(12), appointment=OTHER)]
    world = lived(*WORK, DONE, other, *done)

    found = of_days(rehearsed(world, arrival_by="check_in"))

    assert sorted((each.number, each.rule) for each in found) == [
        (each, f"no time sheet entry: the arrival is not known ({each})")
        for each in ("SA-1", "SA-2")
    ]


def test_an_arrival_that_only_the_departure_tells_of_has_its_day_too() -> None:
    came = at(23) - timedelta(days=1)
    world = lived(fact(Kind.LEFT, at(1), arrived_at=came), fact(Kind.CHECKED_OUT, at(1, 5)))

    found = of_days(rehearsed(world, time_sheets="none"))

    assert [each.held for each in found] == [
        "2026-03-04 00:00 to 01:00 UTC",
        "2026-03-03 23:00 to 2026-03-04 00:00 UTC",
    ]


def test_clock_in_and_clock_out_frame_both() -> None:
    world = lived(fact(Kind.CLOCKED_IN, at(8, 20), appointment=""), *WORK, DONE)

    [entry] = of_days(rehearsed(world, time_sheets="none"))

    assert entry.present == "2026-03-04 08:20 to 11:00 UTC, Direct, “Site visit”"


def test_colleagues_have_days_of_their_own_by_their_own_clocks() -> None:
    """In New York the day of the first of these is the one before."""
    times = [(Kind.ARRIVED, at(3)), (Kind.CHECKED_OUT, at(4, 30))]
    world = lived(*WORK, DONE, *(fact(kind, when, resource=COLLEAGUE) for kind, when in times))

    found = of_days(rehearsed(world, time_sheets="none"))

    assert sorted(each.held for each in found) == [
        "2026-03-04 03:00 to 04:30 UTC",
        "2026-03-04 08:00 to 11:00 UTC",
    ]


def test_of_who_is_not_assigned_any_more_nothing_is_told_of_days() -> None:
    world = lived()
    del world.salesforce.assigned[APPOINTMENT, RESOURCE]

    found = rehearsed(world, join=30)

    assert (found.looked_at, of_days(found)) == (1, [])


def test_an_org_without_time_sheets_has_none_under_either() -> None:
    world = lived()
    world.salesforce.sheets_problem = "no time sheets here"

    assert rehearsed(world, join=30) == Rehearsal(1)


def test_no_setting_changes_the_travel_time() -> None:
    world = lived()

    found = rehearsed(world, time_sheets="none", join=0, arrival_by="check_in", several="all")

    assert "Travel Time" not in " ".join(each.what for each in found.differences)


# ── distance ──────────────────────────────────────────────────────────────────

TO_KM = Practice(distance_field="Way__c")


def test_a_field_for_the_distance_is_shown_and_filled_once_the_day_changes() -> None:
    world = lived(CAME)
    world.salesforce.work[APPOINTMENT].distance = None

    [way] = of_days(rehearsed(world, distance_field="Way__c"))

    assert told(way) == ("Travelled distance", "", "", "12.3 km in Way__c", ONCE_CHANGED)
    assert way.number == "SA-1"
    change(world, distance_field="Way__c")
    apply(world, fact(Kind.ARRIVED, at(7, 55), travel=WAY))
    assert world.salesforce.work[APPOINTMENT].distance == 12.3


def test_another_unit_is_shown_and_written_once_the_day_changes() -> None:
    world = lived(CAME, practice=TO_KM)

    [way] = of_days(rehearsed(world, distance_unit="mi"))

    assert told(way) == (
        "Travelled distance",
        "12.3 in Way__c",
        "12.3 km in Way__c",
        "7.64 mi in Way__c",
        ONCE_CHANGED,
    )
    change(world, distance_unit="mi")
    apply(world, fact(Kind.ARRIVED, at(7, 55), travel=WAY))
    assert world.salesforce.work[APPOINTMENT].distance == 7.64


def test_no_field_any_more_is_shown_and_the_old_one_stays() -> None:
    world = lived(CAME, practice=TO_KM)

    [way] = of_days(rehearsed(world, distance_field=""))

    assert (way.held, way.present, way.typed) == ("12.3 in Way__c", "12.3 km in Way__c", "")
    assert (way.rule, way.note) == ("no field is named for it", STAYS)


def test_a_field_that_replaces_another_is_not_filled_for_days_that_are_written() -> None:
    world = lived(CAME, practice=TO_KM)
    world.salesforce.work[APPOINTMENT].distance = None  # as the other field stands

    [way] = of_days(rehearsed(world, distance_field="Other__c"))

    assert told(way) == (
        "Travelled distance",
        "",
        "12.3 km in Way__c",
        "12.3 km in Other__c",
        "",
    )
    change(world, distance_field="Other__c")
    apply(world, fact(Kind.ARRIVED, at(7, 55), travel=WAY))
    assert world.salesforce.work[APPOINTMENT].distance is None


def test_what_was_lacking_of_one_field_is_not_said_of_another() -> None:
    world = lived(CAME)
    lacking = {Ability.DISTANCE: "Way__c is read only"}
    world.state.write(Capabilities(connection=CONNECTION, checked_at=NOON, lacking=lacking))
    world.connection = world.connection.model_copy(update={"practice": TO_KM})

    [other] = of_days(rehearsed(world, distance_field="Other__c"))
    same = of_days(rehearsed(world, distance_unit="mi"))

    assert (other.present, other.typed) == ("", "12.3 km in Other__c")
    assert same == []


def test_of_a_way_to_several_days_the_first_counts_under_both() -> None:
    again = fact(Kind.ARRIVED, at(8) + timedelta(days=1), travel=Travel(metres=5, seconds=600))
    world = lived(CAME, again, practice=TO_KM)
    world.now = NOON + timedelta(days=1)

    [way] = of_days(rehearsed(world, distance_unit="mi"))

    assert way.typed == "7.64 mi in Way__c"


# ── the Activity ──────────────────────────────────────────────────────────────


def test_done_tasks_instead_of_events_are_shown_and_rows_that_stand_stay() -> None:
    world = lived(CAME, DONE)

    came, done = of_rows(rehearsed(world, activity="tasks", task_status="Erledigt"))

    assert told(came) == (
        "Activity: arrived, 2026-03-04 08:00 UTC",
        "",
        "Event “Arrived: Ada Lovelace”",
        "Task, Erledigt, “Arrived: Ada Lovelace”",
        ROW_STAYS,
    )
    assert done.what == "Activity: checked out, 2026-03-04 11:00 UTC"
    before = [each.subject for each in world.salesforce.events]
    change(world, activity="tasks", task_status="Erledigt")
    apply(world, LATER)
    assert [each.subject for each in world.salesforce.events] == before
    assert [each.subject for each in world.salesforce.done] == ["Left: Ada Lovelace"]


def test_subjects_and_lines_of_ones_own_are_shown() -> None:
    world = lived(CAME, DONE)
    words = {"subject_arrived": "Angekommen", "travel_time": "Fahrzeit: {minutes} Min."}

    [came] = of_rows(rehearsed(world, words=words))

    assert came.present == "Event “Arrived: Ada Lovelace”: Travel time: 20 min"
    assert came.typed == "Event “Angekommen: Ada Lovelace”: Fahrzeit: 20 Min."


def test_the_unit_of_the_distance_is_shown_in_the_activity_too() -> None:
    [came] = of_rows(rehearsed(lived(CAME, DONE), distance_unit="mi"))

    assert came.present.endswith(": Travel distance: 12.3 km")
    assert came.typed.endswith(": Travel distance: 7.6 mi")


def test_the_words_of_a_task_about_an_outage_are_shown() -> None:
    world = lived(CAME, fact(Kind.OUTAGE_BEGAN, at(9), reason="low_battery"))
    words = {"subject_outage": "Nicht zu sehen", "cause_of_low_battery": "Akku leer."}

    [task] = of_rows(rehearsed(world, words=words))

    assert task.present == (
        "open Task “Not tracked: Ada Lovelace”: Cause: The phone's battery is too low to track."
    )
    assert task.typed == "open Task “Nicht zu sehen: Ada Lovelace”: Cause: Akku leer."


def test_rows_that_the_org_does_not_take_are_left_out_with_the_reason() -> None:
    world = lived(CAME)
    lacking = {Ability.DONE_TASKS: "Task can't be seen"}
    world.state.write(Capabilities(connection=CONNECTION, checked_at=NOON, lacking=lacking))

    [came] = of_rows(rehearsed(world, activity="tasks"))

    assert (came.typed, "Task can't be seen" in came.rule) == ("", True)


def test_each_colleague_is_named_in_their_own_rows() -> None:
    world = lived(CAME, fact(Kind.ARRIVED, at(8, 5), resource=COLLEAGUE))

    found = of_rows(rehearsed(world, words={"subject_arrived": "Da"}))

    assert [each.typed for each in found] == [
        "Event “Da: Ada Lovelace”",
        "Event “Da: Grace Hopper”",
    ]


def test_a_link_that_was_offered_before_has_no_second_row() -> None:
    links = [
        fact(Kind.LINK_OFFERED, at(hour), link="https://trck.at/x", order=str(hour))
        for hour in (6, 7)
    ]
    world = crew(practice=USUAL)
    apply(world, *(delivered(each, received_at=each.at) for each in links))

    found = of_rows(rehearsed(world, activity="tasks"))

    assert [each.what for each in found] == ["Activity: link offered, 2026-03-04 06:00 UTC"]
    assert len(world.salesforce.events) == 1


# ── bounds ────────────────────────────────────────────────────────────────────


def test_of_many_facts_the_newest_are_compared() -> None:
    times = [at(8) + timedelta(minutes=each) for each in range(30)]
    world = lived(*(fact(Kind.CHECKED_OUT, each) for each in times))

    found = of_rows(rehearsed(world, activity="tasks"))

    assert len(found) == rehearsed_rows.MOST_TOLD
    assert found[-1].what == "Activity: checked out, 2026-03-04 08:29 UTC"


def test_what_is_not_shown_is_counted() -> None:
    world = World()
    for number in range(100):
        name = f"08p{number:012d}AAA"
        times = (at(8, minute) for minute in range(6))
        reported(
            world, name, *(fact(Kind.CHECKED_OUT, each, appointment=name) for each in times)
        )

    found = rehearsed(world, activity="tasks")

    assert (len(found.differences), found.more) == (500, 100)


def test_no_more_facts_are_compared_than_a_page_can_wait_for() -> None:
    world = World()
    for number in range(7):
        name, ago = f"08p{number:012d}AAA", timedelta(days=number)
        times = (at(8) - ago + timedelta(minutes=each) for each in range(300))
        told = (fact(Kind.EXPECTED, each, appointment=name) for each in times)
        reported(world, name, *told, received_at=NOON - ago)

    found = rehearsed(world, activity="tasks")

    assert found.looked_at == 6
    assert {each.appointment for each in found.differences} == {
        f"08p{number:012d}AAA" for number in range(6)
    }


def reported(world: World, appointment: str, *told: Fact, received_at: datetime = NOON) -> None:
    """Kept as if it had been applied."""
    for each in told:
        world.salesforce.assign(appointment, each.resource)
    kept = {each.key: delivered(each) for each in told}
    world.state.write(Visit(connection=CONNECTION, appointment=appointment, facts=kept))
    row = {"connection": CONNECTION, "delivery": f"of {appointment}", "outcome": "applied"}
    row |= {"appointment": appointment, "resource": told[-1].resource}
    world.ledger.put(
        LedgerRow.model_validate({**row, "received_at": received_at, "at": told[-1].at})
    )


def test_days_with_more_entries_than_can_be_seen_at_once_are_left_and_counted() -> None:
    world = World()
    days = [date(2026, 3, 4 - each) for each in range(3)]
    times = [(kind, at(hour) - timedelta(days=ago)) for ago in range(3) for kind, hour in STAY]
    reported(world, APPOINTMENT, *(fact(kind, when) for kind, when in times))
    for day in days:
        many = {
            f"{APPOINTMENT}/{RESOURCE}/{day}/{number}": Entry(
                id=f"{day}-{number}", starts_at=at(8), ends_at=at(9)
            )
            for number in range(1, 226)
        }
        kept = Day(connection=CONNECTION, resource=RESOURCE, on=day)
        world.state.write(kept.model_copy(update={"ours": OursOfDay(entries=many)}))

    found = rehearsed(world, time_sheets="none")

    assert [each.present[:10] for each in of_days(found)] == ["2026-03-04", "2026-03-03"]
    assert found.days_left == 1


def test_of_many_people_those_who_told_of_the_last_work_are_looked_at() -> None:
    world = World()
    people = [f"0Hn{number:012d}CAA" for number in range(160)]
    told = (fact(kind, at(hour), resource=each) for each in people for kind, hour in STAY)
    reported(world, APPOINTMENT, *told)

    found = rehearsed(world, time_sheets="none")

    assert len(of_days(found)) == sample.MOST_PEOPLE


def test_where_nobody_wants_time_sheets_or_distances_no_day_is_read() -> None:
    world = lived(practice=Practice(time_sheets="none"))
    before = len(world.fate.effects)

    rehearsed(world, activity="tasks")

    assert not [each for each in world.fate.effects[before:] if "Day" in each]


@pytest.mark.parametrize(
    ("present", "typed", "asked"),
    [
        (Practice(), Practice(time_sheets="none"), ("visits", "", "first")),
        (Practice(time_sheets="none"), Practice(), ("visits", "", "first")),
        (TO_KM, Practice(), ("visits", "Way__c", "first")),
        (TO_KM, Practice(distance_field="B__c"), ("visits", "B__c", "first")),
        (Practice(several="primary"), Practice(several="all"), ("visits", "", "primary")),
        (Practice(), Practice(several="primary"), ("visits", "", "primary")),
    ],
)
def test_salesforce_is_asked_for_what_either_of_both_looks_at(
    present: Practice, typed: Practice, asked: tuple[str, str, str]
) -> None:
    connection = World().connection.model_copy(update={"practice": present})

    practice = rehearsal.seen_by(connection, typed).practice

    assert (practice.time_sheets, practice.distance_field, practice.several) == asked


def test_the_day_of_the_first_line_is_that_of_the_last_work() -> None:
    """Newest first, as the appointments are."""
    other = [fact(kind, at(hour) - timedelta(days=1), appointment=OTHER) for kind, hour in STAY]
    world = lived(*other, *WORK, DONE)

    found = of_days(rehearsed(world, time_sheets="none"))

    assert [each.held[:10] for each in found] == [
        date(2026, 3, 4).isoformat(),
        date(2026, 3, 3).isoformat(),
    ]
