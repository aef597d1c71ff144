"""What one more fact changes, given what Salesforce holds."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from fieldlink.models import Category, Fact, Kind, Sheet, Status, View, Writes
from fieldlink.records import Entry, Ours
from fieldlink.writing import writes
from tests.fakes import NOON
from tests.make import COLLEAGUE, RESOURCE, at, fact, view

CAME, OUT = fact(Kind.CHECKED_IN, at(9)), fact(Kind.CHECKED_OUT, at(10))


def plan(
    told: Fact, *known: Fact, seen: View | None = None, ours: Ours | None = None
) -> Writes:
    return writes.plan(told, known, seen or view(), ours or Ours())


def test_an_arrival_sets_status_and_start_and_tells_it() -> None:
    planned = plan(fact(Kind.ARRIVED, at(9, 0, 59)))

    assert planned.changes == {"status": "In Progress", "actual_start": at(9)}
    assert planned.event
    assert planned.event.starts_at == at(9)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Kind.ARRIVED, True),
        (Kind.LEFT, True),
        (Kind.CHECKED_OUT, True),
        (Kind.CHECKED_IN, False),
        (Kind.CANCELLED, False),
        (Kind.ON_THE_WAY, False),
    ],
)
def test_arrival_exit_and_check_out_are_told_in_the_activity(kind: Kind, told: bool) -> None:
    assert (plan(fact(kind)).event is not None) is told


def test_a_fact_that_is_known_already_changes_nothing_more() -> None:
    assert plan(CAME, CAME) == plan(CAME)


# ── the org's own words ───────────────────────────────────────────────────────


def statuses(*names: str, default: str = "") -> tuple[Status, ...]:
    return tuple(
        Status(name=name, category=Category.IN_PROGRESS, default=name == default)
        for name in names
    )


def test_the_orgs_default_status_of_the_category_is_chosen() -> None:
    seen = view(statuses=statuses("Started", "Vor Ort", default="Vor Ort"))

    assert plan(CAME, seen=seen).changes["status"] == "Vor Ort"


def test_without_a_default_the_first_status_of_the_category_is_chosen() -> None:
    seen = view(statuses=statuses("Started", "Vor Ort"))

    assert plan(CAME, seen=seen).changes["status"] == "Started"


def test_an_org_without_the_category_keeps_its_status_and_gets_the_times() -> None:
    seen = view(statuses=())

    assert plan(CAME, seen=seen).changes == {"actual_start": at(9)}


@pytest.mark.parametrize("category", list(Category))
@pytest.mark.parametrize("kind", [Kind.ON_THE_WAY, Kind.ARRIVED, Kind.CANCELLED, OUT.kind])
def test_no_fact_takes_the_status_back_or_reopens_what_others_closed(
    category: Category, kind: Kind
) -> None:
    planned = plan(fact(kind), seen=view(status="theirs", category=category))

    name = planned.changes.get("status")
    reached = [each.category for each in view().statuses if each.name == name]
    assert all(each.rank > category.rank for each in reached)
    assert not (category.closed and name)


def test_what_we_closed_as_impossible_is_completed_after_all() -> None:
    closed = view(status="Cannot Complete", category=Category.CANNOT_COMPLETE)

    planned = plan(OUT, seen=closed, ours=Ours(status="Cannot Complete"))

    assert planned.changes["status"] == "Completed"


# ── times of several ──────────────────────────────────────────────────────────


def test_the_work_has_not_ended_while_a_colleague_is_there() -> None:
    there = fact(Kind.CHECKED_IN, at(9, 30), resource=COLLEAGUE)

    assert "actual_end" not in plan(fact(Kind.LEFT, at(10)), CAME, there).changes


def test_once_it_is_checked_out_nobody_who_was_not_seen_to_leave_keeps_it_open() -> None:
    there = fact(Kind.CHECKED_IN, at(9, 30), resource=COLLEAGUE)

    assert plan(OUT, CAME, there).changes["actual_end"] == at(10)


def test_the_work_ends_with_the_last_to_leave() -> None:
    theirs = [
        fact(Kind.CHECKED_IN, at(9, 30), resource=COLLEAGUE),
        fact(Kind.CHECKED_OUT, at(11), resource=COLLEAGUE),
    ]

    assert plan(OUT, CAME, *theirs).changes["actual_end"] == at(11)


def test_a_colleague_who_only_set_out_does_not_keep_the_work_open() -> None:
    away = fact(Kind.ON_THE_WAY, at(9), resource=COLLEAGUE)

    assert plan(OUT, CAME, away).changes["actual_end"] == at(10)


def test_an_end_that_is_no_end_any_more_is_taken_back() -> None:
    seen = view(actual_start=at(9), actual_end=at(10))
    ours = Ours(actual_start=at(9), actual_end=at(10))
    back = fact(Kind.ARRIVED, at(10, 30))

    planned = plan(back, CAME, fact(Kind.LEFT, at(10)), seen=seen, ours=ours)

    assert planned.changes["actual_end"] is None


def test_seconds_that_an_org_keeps_are_no_persons_edit() -> None:
    seen = view(actual_start=at(9, 0, 31))

    planned = plan(
        fact(Kind.ARRIVED, at(8, 50)), CAME, seen=seen, ours=Ours(actual_start=at(9))
    )

    assert planned.changes["actual_start"] == at(8, 50)


# ── time sheets ───────────────────────────────────────────────────────────────


def sheet(first: date, last: date, status: str = "New") -> Sheet:
    return Sheet(id="0kt000000000001AAA", first=first, last=last, status=status)


def test_a_check_out_books_the_visit_on_the_days_sheet() -> None:
    of_the_week = sheet(date(2026, 3, 2), date(2026, 3, 8))

    planned = plan(OUT, CAME, seen=view(sheets=(of_the_week,), work_order="0WO1"))

    assert planned.entry
    assert (planned.entry.starts_at, planned.entry.ends_at) == (at(9), at(10))
    assert (planned.entry.sheet, planned.entry.resource) == (of_the_week.id, RESOURCE)
    assert planned.entry.work_order == "0WO1"


def test_without_a_sheet_one_is_made_for_the_resources_own_day() -> None:
    planned = plan(OUT, CAME, seen=view(time_zone="Pacific/Kiritimati"))

    assert planned.entry
    assert (planned.entry.sheet, planned.entry.day) == ("", date(2026, 3, 4))


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Pacific/Auckland", 5), ("America/Los_Angeles", 4), ("Nowhere/Land", 4), ("", 4)],
)
def test_the_day_is_the_local_one(zone: str, day: int) -> None:
    facts = [fact(Kind.CHECKED_IN, at(20)), fact(Kind.CHECKED_OUT, at(21))]

    planned = plan(*facts, seen=view(time_zone=zone))

    assert planned.entry
    assert planned.entry.day == date(2026, 3, day)


@pytest.mark.parametrize("status", ["Submitted", "Approved", "Rejected"])
def test_a_sheet_that_is_not_open_is_left_alone_and_said(status: str) -> None:
    closed = sheet(date(2026, 3, 4), date(2026, 3, 4), status)

    planned = plan(OUT, CAME, seen=view(sheets=(closed,)))

    assert planned.entry is None
    assert planned.left_out == (f"no time sheet entry: the sheet of 2026-03-04 is {status}",)


def test_an_org_without_time_sheets_says_so_and_gets_the_rest() -> None:
    planned = plan(OUT, CAME, seen=view(sheets=None, sheets_problem="INVALID_TYPE"))

    assert planned.entry is None
    assert planned.left_out == ("no time sheet entry: INVALID_TYPE",)
    assert planned.changes["status"] == "Completed"


def test_a_check_out_without_a_known_start_books_nothing() -> None:
    assert plan(OUT).entry is None


def test_a_visit_of_no_length_is_booked_as_a_minute() -> None:
    facts = [fact(Kind.CHECKED_IN, at(9, 0, 1)), fact(Kind.CHECKED_OUT, at(9, 0, 50))]

    planned = plan(*facts)

    assert planned.entry
    assert planned.entry.ends_at == at(9, 1)


def test_a_booked_visit_that_changes_is_changed_and_not_booked_again() -> None:
    booked = Entry(id="0ku000000000001AAA", starts_at=at(9), ends_at=at(10))
    ours = Ours(entries={RESOURCE: booked})

    seen = view(entry={"starts_at": at(9), "ends_at": at(10)})
    planned = plan(fact(Kind.ARRIVED, at(8, 50)), CAME, OUT, ours=ours, seen=seen)

    assert planned.entry
    assert (planned.entry.id, planned.entry.starts_at) == (booked.id, at(8, 50))


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (None, "has been deleted"),
        ({"starts_at": at(9), "ends_at": at(9, 30)}, "a person has changed"),
        ({"starts_at": at(9), "ends_at": at(10), "sheet_status": "Approved"}, "is Approved"),
    ],
)
def test_an_entry_that_a_person_changed_or_deleted_is_left_alone_and_that_is_said(
    now: dict[str, Any] | None, reason: str
) -> None:
    booked = Entry(id="0ku000000000001AAA", starts_at=at(9), ends_at=at(10))
    ours = Ours(entries={RESOURCE: booked})

    planned = plan(fact(Kind.ARRIVED, at(8, 50)), CAME, OUT, ours=ours, seen=view(entry=now))

    assert planned.entry is None
    assert reason in planned.left_out[0]
    assert planned.changes["actual_start"] == at(8, 50)


def test_a_check_out_without_a_known_arrival_says_why_nothing_is_booked() -> None:
    planned = plan(OUT)

    assert planned.entry is None
    assert planned.left_out == ("no time sheet entry: the arrival is not known",)


def test_only_the_stay_that_was_checked_out_is_booked_after_a_long_break() -> None:
    morning = [fact(Kind.ARRIVED, at(6)), fact(Kind.LEFT, at(7), key="left at seven")]

    planned = plan(OUT, CAME, *morning)

    assert planned.entry
    assert (planned.entry.starts_at, planned.entry.ends_at) == (at(9), at(10))
    assert planned.left_out == ("stays before the last break are not on the time sheet",)


def test_what_was_written_is_remembered() -> None:
    planned = plan(OUT, CAME, fact(Kind.ARRIVED, at(9), travel={"seconds": 90}))

    ours = writes.remember(Ours(), planned, "0ku1")

    assert (ours.status, ours.actual_start, ours.actual_end) == ("Completed", at(9), at(10))
    assert ours.travel == {planned.assignment: 1.5}
    assert ours.entries == {RESOURCE: Entry(id="0ku1", starts_at=at(9), ends_at=at(10))}


def test_remembered_and_unchanged_there_is_nothing_left_to_write() -> None:
    facts = [CAME, OUT]
    ours = writes.remember(Ours(), plan(OUT, CAME), "0ku1")
    seen = view(
        status="Completed",
        category=Category.COMPLETED,
        actual_start=at(9),
        actual_end=at(10),
        changed_by_us=True,
        changed_at=NOON,
    )

    assert plan(fact(Kind.ON_THE_WAY, at(8)), *facts, seen=seen, ours=ours).empty
