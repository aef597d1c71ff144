"""What stands of a resource's day, on time sheets and as travel."""

from __future__ import annotations

from datetime import date, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.hours import time_sheets
from fieldlink.models import Ability, Assigned, Beside, Fact, Kind, Sheet, Travel
from fieldlink.practice import Practice
from fieldlink.records import Day, Entry, OursOfDay, Part, Stretch, Trip
from fieldlink.writing.activity import reference
from tests.make import (
    APPOINTMENT,
    ASSIGNMENT,
    COLLEAGUE,
    CONNECTION,
    RESOURCE,
    at,
    delivered,
    fact,
    view,
)
from tests.rules.paper import ASSIGNED, FURTHER_OFF, NEXT_DOOR, TODAY, Book

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.hours.time_sheets import Plan
    from fieldlink.models import Writes

CAME, LEFT, OUT = Kind.ARRIVED, Kind.LEFT, Kind.CHECKED_OUT
CLOCK_IN, CLOCK_OUT = Kind.CLOCKED_IN, Kind.CLOCKED_OUT
MINE = f"{APPOINTMENT}/{RESOURCE}/2026-03-04"
WITH_TRAVEL = Practice(time_sheets="visits_and_travel")
IN_KM = Practice(distance_field="Distance__c")
NOTHING = MappingProxyType[Ability, str]({})


def work(
    came: datetime, out: datetime, appointment: str = APPOINTMENT, **more: Any
) -> list[Fact]:
    """Somebody came and checked out."""
    return [
        fact(CAME, came, appointment=appointment, key=f"{appointment} came {came}", **more),
        fact(OUT, out, appointment=appointment, key=f"{appointment} out {out}"),
    ]


def way(minutes: float, idle: float = 0, metres: float | None = None) -> Travel:
    return Travel(seconds=60 * minutes, idle_seconds=60 * idle, metres=metres)


def booked(*told: Fact, **how: Any) -> Book:
    book = Book(**how)
    book.hear(*told)
    return book


def times(book: Book) -> list[tuple[str, str]]:
    return [(start, end) for _, start, end in book.paper.standing()]


def only(book: Book) -> str:
    """The id of the only entry."""
    [entry] = book.paper.entries
    return entry


# ── entries ───────────────────────────────────────────────────────────────────


def test_work_that_is_over_is_entered_on_a_sheet_of_its_day() -> None:
    book = booked(*work(at(9), at(10, 30)))

    [(entry, stands)] = book.paper.entries.values()
    assert (entry.key, entry.type, entry.subject) == (f"{MINE}/1", "Direct", "Site visit")
    assert entry.description == f"Appointment SA-0001\n{reference(entry.key)}"
    assert (entry.starts_at, entry.ends_at) == (at(9), at(10, 30))
    assert book.paper.sheets[stands.sheet].first == TODAY
    assert book.paper.sheets[stands.sheet].last == TODAY


def test_an_entry_is_linked_to_the_work_order_and_its_line() -> None:
    part = Part(
        appointment=APPOINTMENT,
        work_order="0WO000000000001AAA",
        work_order_line="1WL000000000001AAA",
        blocks=(Stretch(start=at(9), end=at(10)),),
    )

    [entry] = planned(day(part)).writes.entries

    assert entry.work_order == "0WO000000000001AAA"
    assert entry.work_order_line == "1WL000000000001AAA"
    assert entry.description == reference(entry.key)


def test_words_and_types_are_those_of_the_practice() -> None:
    practice = Practice(
        time_sheets="visits_and_travel",
        work_type="Arbeit",
        travel_type="Fahrt",
        words={"sheet_visit": "Einsatz", "sheet_travel": "Anfahrt"},
    )

    book = booked(*work(at(9), at(10), travel=way(30)), practice=practice)

    written = {(each.subject, each.type) for each, _ in book.paper.entries.values()}
    assert written == {("Einsatz", "Arbeit"), ("Anfahrt", "Fahrt")}


def test_each_block_of_work_has_its_entry() -> None:
    book = booked(fact(CAME, at(9)), fact(LEFT, at(10)), *work(at(14), at(15)))

    assert times(book) == [("09:00", "10:00"), ("14:00", "15:00")]
    assert [each.key[-1] for each, _ in book.paper.entries.values()] == ["1", "2"]
    assert len(book.paper.sheets) == 1


def test_the_trip_is_entered_before_the_work_without_idle_time() -> None:
    book = booked(*work(at(9), at(10), travel=way(30, idle=10)), practice=WITH_TRAVEL)

    assert times(book) == [("08:40", "09:00"), ("09:00", "10:00")]
    [trip] = [each for each, _ in book.paper.entries.values() if each.type == "Indirect"]
    assert (trip.key, trip.subject) == (f"{MINE}/way", "Travel")


def test_a_trip_is_entered_once_its_work_is() -> None:
    book = booked(fact(CAME, at(9), travel=way(30)), practice=WITH_TRAVEL)

    assert times(book) == []
    assert book.paper.travel == {ASSIGNMENT: 30}


def test_a_trip_ends_where_its_work_began_before_the_arrival_was_seen() -> None:
    pressed = fact(Kind.CHECKED_IN, at(8, 55))

    book = booked(pressed, *work(at(9), at(10), travel=way(30)), practice=WITH_TRAVEL)

    assert times(book) == [("08:30", "08:55"), ("08:55", "10:00")]


def test_a_trip_belongs_to_the_day_on_which_it_ends() -> None:
    book = booked(*work(at(0, 10), at(1), travel=way(30)), practice=WITH_TRAVEL)

    assert times(book) == [("00:00", "00:10"), ("00:10", "01:00")]
    assert book.paper.travel == {ASSIGNMENT: 30}


def test_nothing_is_entered_where_that_is_not_the_practice() -> None:
    book = booked(*work(at(9), at(10), travel=way(30)), practice=Practice(time_sheets="none"))

    assert times(book) == []
    assert book.left_out == []


def test_what_the_practice_no_longer_covers_is_not_taken_away() -> None:
    book = booked(*work(at(9), at(10), travel=way(30)), practice=WITH_TRAVEL)

    for practice in (Practice(), Practice(time_sheets="none")):
        book.practice = practice
        assert book.left_out == []
        assert len(times(book)) == 2
    book.hear(*work(at(8, 40), at(8, 50), NEXT_DOOR))

    book.practice = Practice()
    assert book.settle()[0].empty
    assert times(book) == [("08:30", "09:00"), ("09:00", "10:00")]


# ── clocking ──────────────────────────────────────────────────────────────────


def test_clock_in_and_clock_out_frame_the_day() -> None:
    clock = [fact(CLOCK_IN, at(8, 30, 59)), fact(CLOCK_OUT, at(10, 15, 1))]

    book = booked(*work(at(8), at(11)), *clock)

    [(entry, _)] = book.paper.entries.values()
    assert (entry.starts_at, entry.ends_at) == (at(8, 30), at(10, 15))
    assert book.left_out == [
        "75 min before clock-in or after clock-out are not on the time sheet (SA-0001)"
    ]


def test_who_clocks_in_again_works_on() -> None:
    clock = [fact(CLOCK_IN, at(8)), fact(CLOCK_OUT, at(9)), fact(CLOCK_IN, at(9, 30))]

    assert times(booked(*work(at(8, 30), at(11)), *clock)) == [("08:30", "11:00")]


def test_who_clocks_out_first_thing_has_worked_since_the_day_before() -> None:
    clock = [fact(CLOCK_OUT, at(2)), fact(CLOCK_IN, at(20))]

    assert times(booked(*work(at(0, 30), at(1)), *clock)) == [("00:30", "01:00")]


def test_work_that_lies_outside_the_frame_has_no_entry_any_more() -> None:
    book = booked(*work(at(8), at(9)))

    book.hear(fact(CLOCK_IN, at(9, 30)))

    assert times(book) == []
    assert len(book.left_out) == 1


def test_there_is_no_travel_before_the_clock_in() -> None:
    told = work(at(9), at(10), travel=way(30))

    book = booked(*told, fact(CLOCK_IN, at(8, 50)), practice=WITH_TRAVEL)

    assert times(book) == [("08:50", "09:00"), ("09:00", "10:00")]
    assert book.paper.travel == {ASSIGNMENT: 10}


# ── no minute twice ───────────────────────────────────────────────────────────


def test_of_two_that_overlap_the_later_begins_where_the_earlier_ends() -> None:
    book = booked(*work(at(9, 5), at(10, 30), NEXT_DOOR), *work(at(9), at(10)))

    assert book.paper.standing() == [
        (APPOINTMENT, "09:00", "10:00"),
        (NEXT_DOOR, "10:00", "10:30"),
    ]


def test_of_two_that_begin_at_once_the_lower_id_is_first() -> None:
    book = booked(*work(at(9), at(10), NEXT_DOOR), *work(at(9), at(9, 30)))

    assert book.paper.standing() == [
        (APPOINTMENT, "09:00", "09:30"),
        (NEXT_DOOR, "09:30", "10:00"),
    ]


def test_work_within_other_work_has_no_entry_of_its_own() -> None:
    book = booked(*work(at(9), at(10)), *work(at(9, 10), at(9, 20), NEXT_DOOR))

    assert book.paper.standing() == [(APPOINTMENT, "09:00", "10:00")]
    assert book.left_out == [
        "no time sheet entry: all of its time is on other entries (SA-0002)"
    ]


def test_a_trip_and_the_work_before_it_do_not_overlap() -> None:
    book = booked(
        *work(at(9), at(10)),
        *work(at(10, 20), at(11), NEXT_DOOR, travel=way(30)),
        practice=WITH_TRAVEL,
    )

    assert times(book) == [("09:00", "10:00"), ("10:00", "10:20"), ("10:20", "11:00")]


# ── sheets ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("day", 4, 4),
        ("week", 2, 8),
        ("week_from_sunday", 1, 7),
        ("month", 1, 31),
    ],
)
def test_a_sheet_is_made_for_the_period(period: Any, first: int, last: int) -> None:
    book = booked(*work(at(9), at(10)), practice=Practice(sheet_period=period))

    [sheet] = book.paper.sheets.values()
    assert (sheet.first, sheet.last) == (date(2026, 3, first), date(2026, 3, last))


@pytest.mark.parametrize(
    ("day", "first"),
    [(date(2026, 3, 1), date(2026, 2, 23)), (date(2026, 3, 2), date(2026, 3, 2))],
)
def test_a_week_begins_on_monday(day: date, first: date) -> None:
    came = at(9) + (day - TODAY)

    book = booked(
        *work(came, came + timedelta(hours=1)), practice=Practice(sheet_period="week")
    )

    [sheet] = book.paper.sheets.values()
    assert sheet.first == first


def test_a_sheet_is_made_once_for_several_entries() -> None:
    part = Part(
        appointment=APPOINTMENT,
        blocks=(Stretch(start=at(9), end=at(10)), Stretch(start=at(14), end=at(15))),
    )

    writes = planned(day(part)).writes

    assert [each.key for each in writes.sheets] == [f"{RESOURCE}/2026-03-04"]
    assert [each.new_sheet for each in writes.entries] == [f"{RESOURCE}/2026-03-04"] * 2


def test_the_sheet_is_that_of_the_day_at_the_site() -> None:
    book = booked(*work(at(9), at(10)), site="Pacific/Honolulu")

    [sheet] = book.paper.sheets.values()
    assert sheet.first == date(2026, 3, 3)


def test_an_open_sheet_that_covers_the_day_is_used() -> None:
    book = Book()
    for number, status in enumerate(["Approved", "New"]):
        name = f"0kt{number}"
        first, last = date(2026, 3, 2), date(2026, 3, 8)
        book.paper.sheets[name] = Sheet(id=name, first=first, last=last, status=status)

    book.hear(*work(at(9), at(10)))

    assert [stands.sheet for _, stands in book.paper.entries.values()] == ["0kt1"]


def test_a_sheet_that_is_not_open_any_more_is_left_alone() -> None:
    book = Book()
    book.paper.sheets["0kt1"] = Sheet(id="0kt1", first=TODAY, last=TODAY, status="Submitted")

    book.hear(*work(at(9), at(10)))

    assert times(book) == []
    assert book.left_out == ["no time sheet entry: the sheet of 2026-03-04 is Submitted"]


def test_an_org_without_time_sheets_is_told_once() -> None:
    part = Part(appointment=APPOINTMENT, blocks=(Stretch(start=at(9), end=at(10)),))

    writes = planned(day(part), sheets=None, sheets_problem="no TimeSheet").writes

    assert writes.empty
    assert writes.left_out == ("no time sheet entry: no TimeSheet",)


def test_our_entries_are_not_taken_for_deleted_where_time_sheets_cannot_be_seen() -> None:
    ours = OursOfDay(entries={f"{MINE}/1": Entry(id="0ku1", starts_at=at(9), ends_at=at(10))})
    part = Part(appointment=APPOINTMENT, blocks=(Stretch(start=at(9), end=at(11)),))

    plan = planned(day(part, ours=ours), sheets=None, sheets_problem="no TimeSheet")

    assert plan.meant.entries == ours.entries


# ── what may not be written ───────────────────────────────────────────────────


@pytest.mark.parametrize("ability", [Ability.TIME_SHEETS, Ability.TIME_SHEET_ENTRIES])
def test_an_entry_that_can_not_be_made_is_left_out(ability: Ability) -> None:
    book = booked(*work(at(9), at(10)), lacking={ability: "not allowed"})

    assert times(book) == []
    assert book.left_out == ["no time sheet entry: not allowed"]


def test_an_entry_that_can_not_be_changed_stands_in_the_way_of_others() -> None:
    book = booked(*work(at(9), at(10)))
    book.lacking = {Ability.CHANGED_ENTRIES: "not allowed"}

    book.hear(*work(at(8, 30), at(9, 30), NEXT_DOOR))

    assert book.paper.standing() == [
        (APPOINTMENT, "09:00", "10:00"),
        (NEXT_DOOR, "08:30", "09:00"),
    ]
    assert "no time sheet entry: not allowed (SA-0001)" in book.left_out


def test_an_entry_that_can_not_be_removed_stands_in_the_way_of_others() -> None:
    book = booked(*work(at(9), at(10)))
    book.lacking = {Ability.REMOVED_ENTRIES: "not allowed"}

    book.hear(*work(at(8, 30), at(10, 5), NEXT_DOOR))

    assert book.paper.standing() == [
        (APPOINTMENT, "09:00", "10:00"),
        (NEXT_DOOR, "08:30", "09:00"),
    ]
    assert book.left_out == [
        "no time sheet entry: the one that is there can't be removed: not allowed (SA-0001)"
    ]


def test_work_of_which_the_beginning_was_not_seen_is_left_out() -> None:
    book = booked(fact(OUT, at(10)))

    assert book.left_out == ["no time sheet entry: the arrival is not known (SA-0001)"]


# ── corrections ───────────────────────────────────────────────────────────────


def test_a_late_fact_corrects_our_entry() -> None:
    book = booked(*work(at(9), at(10)))
    before = only(book)

    book.hear(fact(CAME, at(8, 45)))

    assert (only(book), times(book)) == (before, [("08:45", "10:00")])


def test_an_entry_that_a_person_has_changed_is_left_alone() -> None:
    book = booked(*work(at(9), at(10)))
    book.paper.change(only(book), ends_at=at(11))

    book.hear(fact(CAME, at(8, 45)))

    assert times(book) == [("09:00", "11:00")]
    assert book.left_out == ["no time sheet entry: a person has changed its times (SA-0001)"]


def test_an_entry_that_a_person_has_deleted_is_not_made_again() -> None:
    book = booked(*work(at(9), at(10)))
    book.paper.entries.clear()

    book.hear(fact(CAME, at(8, 45)))

    assert times(book) == []
    assert book.left_out == [
        "no time sheet entry: the one that was there has been deleted (SA-0001)"
    ]


def test_an_entry_on_a_sheet_that_is_approved_is_left_alone() -> None:
    book = booked(*work(at(9), at(10)))
    book.paper.change(only(book), sheet_status="Approved")
    assert book.left_out == []

    book.hear(fact(CAME, at(8, 45)))

    assert times(book) == [("09:00", "10:00")]
    assert book.left_out == ["no time sheet entry: its sheet is Approved (SA-0001)"]


def test_earlier_work_that_is_heard_of_later_is_not_entered_over_what_is_approved() -> None:
    book = booked(*work(at(13), at(15)))
    book.paper.change(only(book), sheet_status="Approved")

    book.hear(fact(CAME, at(8)), fact(LEFT, at(10)))

    assert times(book) == [("08:00", "10:00"), ("13:00", "15:00")]
    assert book.left_out == []


def test_what_a_person_has_deleted_is_not_made_again_at_another_time() -> None:
    ours = OursOfDay(entries={f"{MINE}/1": Entry(id="0ku1", starts_at=at(13), ends_at=at(15))})
    moved, more = Stretch(start=at(9), end=at(10)), Stretch(start=at(16), end=at(17))

    plan = planned(day(Part(appointment=APPOINTMENT, blocks=(moved, more)), ours=ours))

    assert [(each.key, each.starts_at) for each in plan.writes.entries] == [
        (f"{MINE}/2", at(16))
    ]


def test_entries_that_a_person_has_deleted_are_of_what_became_of_their_work() -> None:
    ours = OursOfDay(
        entries={
            f"{MINE}/1": Entry(id="0ku1", starts_at=at(9), ends_at=at(10)),
            f"{MINE}/2": Entry(id="0ku2", starts_at=at(11), ends_at=at(12)),
        }
    )
    joined, more = Stretch(start=at(9), end=at(12)), Stretch(start=at(15), end=at(16))

    plan = planned(day(Part(appointment=APPOINTMENT, blocks=(joined, more)), ours=ours))

    assert [(each.key, each.starts_at) for each in plan.writes.entries] == [
        (f"{MINE}/3", at(15))
    ]


def test_what_is_cut_from_work_that_is_left_alone_is_not_told() -> None:
    book = booked(*work(at(9), at(10)))
    book.paper.change(only(book), ends_at=at(11))

    book.hear(fact(CLOCK_IN, at(9, 30)))

    assert book.left_out == ["no time sheet entry: a person has changed its times (SA-0001)"]


def test_others_make_room_for_what_a_person_has_written() -> None:
    book = booked(*work(at(9), at(10)), *work(at(10), at(12), NEXT_DOOR))
    mine = next(
        name for name, (each, _) in book.paper.entries.items() if APPOINTMENT in each.key
    )
    book.paper.change(mine, ends_at=at(10, 30))

    book.settle()

    assert book.paper.standing() == [
        (APPOINTMENT, "09:00", "10:30"),
        (NEXT_DOOR, "10:30", "12:00"),
    ]


def test_of_the_time_on_both_sides_of_what_a_person_has_written_the_longer_counts() -> None:
    book = booked(*work(at(9), at(10)), *work(at(10), at(12), NEXT_DOOR))
    mine = next(
        name for name, (each, _) in book.paper.entries.items() if APPOINTMENT in each.key
    )
    book.paper.change(mine, starts_at=at(10, 30), ends_at=at(11))

    book.settle()

    assert book.paper.standing() == [
        (APPOINTMENT, "10:30", "11:00"),
        (NEXT_DOOR, "11:00", "12:00"),
    ]


def test_an_entry_whose_answer_was_lost_is_wanted_still() -> None:
    entry = Entry(id="", starts_at=at(9), ends_at=at(10))
    part = Part(appointment=APPOINTMENT, blocks=(Stretch(start=at(9), end=at(10)),))

    plan = planned(day(part, ours=OursOfDay(entries={f"{MINE}/1": entry})))

    assert [(each.id, each.key) for each in plan.writes.entries] == [("", f"{MINE}/1")]


# ── entries of the version before ─────────────────────────────────────────────

OLD = f"{APPOINTMENT}/{RESOURCE}"


def test_an_entry_of_the_version_before_stays_one_row() -> None:
    book = booked(*work(at(13), at(15)))
    _rename(book, OLD)

    book.hear(fact(CAME, at(12, 45)))

    assert times(book) == [("12:45", "15:00")]
    assert list(book.days[TODAY].ours.entries) == [OLD]
    assert book.settle()[0].empty


def test_an_entry_of_the_version_before_is_of_the_last_block() -> None:
    book = booked(fact(CAME, at(9)), fact(LEFT, at(10)), *work(at(13), at(15)))
    earlier = next(name for name, (e, _) in book.paper.entries.items() if e.key.endswith("/1"))
    del book.paper.entries[earlier]
    _rename(book, OLD)

    book.settle()

    assert times(book) == [("09:00", "10:00"), ("13:00", "15:00")]
    assert {*book.days[TODAY].ours.entries} == {OLD, f"{MINE}/1"}
    assert book.settle()[0].empty


def _rename(book: Book, key: str) -> None:
    """As if the last entry had been made by the version before."""
    mine = book.days[TODAY]
    *_, last = mine.ours.entries.values()
    ours = mine.ours.model_copy(update={"entries": {key: last}})
    book.days[TODAY] = mine.model_copy(update={"ours": ours})


# ── travel ────────────────────────────────────────────────────────────────────


def test_travel_time_is_known_on_arrival_and_stands_with_the_assignment() -> None:
    book = booked(fact(CAME, at(9), travel=way(30, idle=7.5)))

    assert book.paper.travel == {ASSIGNMENT: 22.5}


def test_a_trip_is_taken_back_from_who_turns_out_to_have_been_reached_later() -> None:
    book = booked(fact(CAME, at(9), travel=way(30)))

    book.hear(fact(CAME, at(9), appointment=NEXT_DOOR, key="b", travel=way(30)))
    assert book.paper.travel == {ASSIGNMENT: 30}
    book.hear(fact(CAME, at(8, 50), appointment=FURTHER_OFF, key="c", travel=way(30)))

    assert book.paper.travel == {ASSIGNMENT: 10, ASSIGNED[FURTHER_OFF]: 30}


def test_a_trip_that_is_anothers_as_a_whole_is_no_value() -> None:
    book = booked(fact(CAME, at(9, 1), appointment=NEXT_DOOR, key="b", travel=way(20)))
    assert book.paper.travel == {ASSIGNED[NEXT_DOOR]: 20}

    book.hear(fact(CAME, at(9), travel=way(30)), fact(CLOCK_IN, at(9, 1)))

    assert book.paper.travel == {ASSIGNED[NEXT_DOOR]: None, ASSIGNMENT: None}


def test_travel_time_that_a_person_wrote_is_left_alone() -> None:
    book = Book()
    book.paper.travel[ASSIGNMENT] = 12

    book.hear(fact(CAME, at(9), travel=way(30)))

    assert book.paper.travel == {ASSIGNMENT: 12}
    assert book.left_out == ["no actual travel time: another stands there (SA-0001)"]


def test_travel_time_that_a_person_has_removed_stays_so() -> None:
    book = booked(fact(CAME, at(9), travel=way(30)))
    book.paper.travel[ASSIGNMENT] = None

    book.hear(fact(CLOCK_IN, at(8, 50)))

    assert book.paper.travel == {ASSIGNMENT: None}


def test_travel_that_may_not_be_written_is_left_out() -> None:
    book = booked(
        fact(CAME, at(9), travel=way(30)), lacking={Ability.TRAVEL_TIME: "not allowed"}
    )

    assert book.paper.travel == {}
    assert book.left_out == ["no actual travel time: not allowed"]


def test_a_colleagues_assignment_is_never_written() -> None:
    theirs = Assigned(id=ASSIGNMENT, resource=COLLEAGUE)

    assert planned(day(reached()), team=(theirs,)).writes.travel == {}


def test_an_assignment_that_was_made_anew_has_the_travel_time() -> None:
    again = Assigned(id="03r000000000009AAA", resource=RESOURCE)

    assert planned(day(reached()), team=(again,)).writes.travel == {again.id: 30}


def test_of_two_assignments_that_one_is_written_by_which_the_work_was_done() -> None:
    earlier = Assigned(id="03r000000000000AAA", resource=RESOURCE)
    known = Assigned(id=ASSIGNMENT, resource=RESOURCE)

    assert planned(day(reached()), team=(earlier, known)).writes.travel == {ASSIGNMENT: 30}


def test_nothing_is_told_of_travel_time_where_none_is_known() -> None:
    theirs = Assigned(id=ASSIGNMENT, resource=RESOURCE, travel=12)

    writes = planned(day(), team=(theirs,)).writes

    assert (writes.travel, writes.left_out) == ({}, ())


def test_the_travel_of_an_appointment_that_is_not_to_be_seen_is_left_alone() -> None:
    beside = day(reached(NEXT_DOOR), ours=OursOfDay(travel={ASSIGNED[NEXT_DOOR]: 5.0}))
    team = (Assigned(id=ASSIGNED[NEXT_DOOR], resource=RESOURCE, travel=5),)

    unseen = planned(beside)
    seen = planned(beside, beside={NEXT_DOOR: Beside(team=team)})

    assert (unseen.writes.travel, unseen.meant.travel) == ({}, {ASSIGNED[NEXT_DOOR]: 5.0})
    assert seen.writes.travel == {ASSIGNED[NEXT_DOOR]: 30}


def test_of_the_trips_of_several_days_the_first_one_stands() -> None:
    tomorrow = fact(CAME, at(9) + timedelta(days=1), travel=way(20))
    today = fact(CAME, at(9), travel=way(30))

    for told in ([today, tomorrow], [tomorrow, today]):
        book = booked(*told)
        assert book.paper.travel == {ASSIGNMENT: 30}
        assert all(each.empty for each in book.settle())


def test_a_day_that_becomes_the_first_answers_for_what_another_wrote() -> None:
    tomorrow = fact(CAME, at(9) + timedelta(days=1), travel=way(30))
    book = booked(tomorrow, fact(CAME, at(9), travel=way(30)))

    book.hear(fact(CLOCK_IN, at(8, 50)))

    assert book.paper.travel == {ASSIGNMENT: 10}


# ── distance ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("unit", "far"), [("km", 12.35), ("mi", 7.67)])
def test_the_distance_is_in_the_unit_of_the_practice(unit: Any, far: float) -> None:
    practice = Practice(distance_field="Distance__c", distance_unit=unit)

    book = booked(fact(CAME, at(9), travel=way(30, metres=12_345.6)), practice=practice)

    assert book.paper.distances == {APPOINTMENT: far}


def test_the_distance_is_that_of_the_first_resource() -> None:
    mine = Assigned(id=ASSIGNMENT, resource=RESOURCE)
    earlier = Assigned(id="03r000000000000AAA", resource=COLLEAGUE)
    primary = Assigned(id="03r000000000009AAA", resource=COLLEAGUE, primary=True)

    def written(*team: Assigned) -> Writes:
        return planned(day(reached()), IN_KM, team=team, distance_field=True).writes

    assert written(mine).distances == {APPOINTMENT: 9}
    assert written(mine, earlier).distances == {}
    assert written(mine, primary).distances == {}
    assert written(mine.model_copy(update={"primary": True}), earlier).distances == {
        APPOINTMENT: 9
    }


@pytest.mark.parametrize(
    ("practice", "seen"), [(Practice(), True), (IN_KM, False)], ids=["no field", "unseen"]
)
def test_without_a_field_there_is_no_distance(practice: Practice, seen: bool) -> None:
    assert planned(day(reached()), practice, distance_field=seen).writes.distances == {}


def test_a_distance_that_a_person_wrote_is_left_alone() -> None:
    plan = planned(day(reached()), IN_KM, distance_field=True, distance=5)

    assert plan.writes.distances == {}
    assert plan.writes.left_out == ("no travel distance: another stands there",)


def test_a_distance_that_may_not_be_written_is_left_out() -> None:
    lacking = {Ability.DISTANCE: "not allowed"}

    writes = planned(day(reached()), IN_KM, lacking, distance_field=True).writes

    assert writes.distances == {}
    assert writes.left_out == ("no travel distance: not allowed",)


def day(*parts: Part, ours: OursOfDay | None = None, clock: tuple[Fact, ...] = ()) -> Day:
    return Day(
        connection=CONNECTION,
        resource=RESOURCE,
        on=TODAY,
        parts={each.appointment: each for each in parts},
        facts={each.key: delivered(each) for each in clock},
        ours=ours or OursOfDay(),
    )


def reached(appointment: str = APPOINTMENT) -> Part:
    """By a way of half an hour and nine kilometres."""
    trip = Trip(arrived_at=at(9), seconds=1_800, metres=9_000)
    return Part(appointment=appointment, assignment=ASSIGNED[appointment], trip=trip)


def planned(
    of: Day, practice: Practice | None = None, lacking: Any = NOTHING, **seen: Any
) -> Plan:
    team = (Assigned(id=ASSIGNMENT, resource=RESOURCE),)
    seen = {"team": team, **seen}
    return time_sheets.plan(of, view(**seen), practice or Practice(), lacking)
