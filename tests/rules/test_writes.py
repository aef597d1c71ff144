"""What one more fact changes on its appointment, given what Salesforce holds."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.models import (
    Ability,
    Assigned,
    Beside,
    Booked,
    Category,
    Changes,
    Fact,
    Kind,
    SheetEntry,
    Status,
    View,
    Writes,
)
from fieldlink.practice import Practice
from fieldlink.records import Intent, Ours
from fieldlink.writing import passing_by, writes
from tests.fakes import STATUSES
from tests.make import (
    APPOINTMENT,
    ASSIGNMENT,
    COLLEAGUE,
    RESOURCE,
    at,
    connection,
    delivered,
    fact,
    view,
)
from tests.rules import drawn, oracle

CAME, OUT = fact(Kind.CHECKED_IN, at(9)), fact(Kind.CHECKED_OUT, at(10))
PRACTICE = Practice()
CATEGORIES = {each.name: each.category for each in STATUSES}
WHY = "Event: no access"


def plan(
    told: Fact,
    *known: Fact,
    seen: View | None = None,
    ours: Ours | None = None,
    by: Practice = PRACTICE,
    lacking: dict[Ability, str] | None = None,
) -> Writes:
    return writes.plan(told, known, seen or view(), ours or Ours(), by, lacking or {})


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
        (Kind.EXIT_CONFIRMED, False),
    ],
)
def test_arrival_exit_and_check_out_are_told_in_the_activity(kind: Kind, told: bool) -> None:
    assert (plan(fact(kind)).event is not None) is told


def test_a_fact_that_is_known_already_changes_nothing_more() -> None:
    assert plan(CAME, CAME) == plan(CAME)


def test_a_status_that_can_not_be_named_leaves_all_else_to_be_written() -> None:
    seen = view(statuses=(Status(name="Done", category=Category.COMPLETED),))
    arrived = fact(Kind.ARRIVED, at(9))

    planned = plan(arrived, seen=seen)

    assert planned.changes == {"actual_start": at(9)}
    assert planned.event == plan(arrived).event
    assert "Status picklist" in planned.left_out[0]


def test_the_status_to_pass_through_is_planned_with_the_one_to_reach() -> None:
    by = Practice(through={Category.COMPLETED: "On Site"})

    assert plan(OUT, by=by).through == "On Site"
    assert plan(CAME, by=by).through == ""


@pytest.mark.parametrize(
    ("seen", "parent"),
    [
        ({"work_order": "0WO1", "work_order_line": "1WL1"}, "0WO1"),
        ({"work_order_line": "1WL1"}, "1WL1"),
        ({}, ""),
    ],
)
def test_writes_name_the_parent_that_they_lock(seen: dict[str, Any], parent: str) -> None:
    assert plan(CAME, seen=view(**seen)).parent == parent


def test_an_outage_is_told_as_a_task_and_moves_nothing() -> None:
    planned = plan(fact(Kind.OUTAGE_BEGAN, reason="outage"))

    assert planned.task
    assert (planned.changes, planned.event) == ({}, None)


def test_travel_and_time_sheets_are_not_planned_with_the_appointment() -> None:
    planned = plan(OUT, fact(Kind.ARRIVED, at(9), travel={"seconds": 90, "metres": 900}))

    assert (planned.travel, planned.distances, planned.entries) == ({}, {}, ())


# ── times ─────────────────────────────────────────────────────────────────────


def test_the_work_has_not_ended_while_a_colleague_is_there() -> None:
    there = fact(Kind.CHECKED_IN, at(9, 30), resource=COLLEAGUE)

    assert "actual_end" not in plan(fact(Kind.LEFT, at(10)), CAME, there).changes


def test_once_it_is_checked_out_nobody_who_was_not_seen_to_leave_keeps_it_open() -> None:
    there = fact(Kind.CHECKED_IN, at(9, 30), resource=COLLEAGUE)

    assert plan(OUT, CAME, there).changes["actual_end"] == at(10)


def test_where_all_must_be_done_whoever_is_there_keeps_it_open() -> None:
    there = fact(Kind.CHECKED_IN, at(9, 30), resource=COLLEAGUE)
    gone = fact(Kind.CHECKED_OUT, at(11), resource=COLLEAGUE)
    by = Practice(several="all")

    assert "actual_end" not in plan(OUT, CAME, there, by=by).changes
    assert plan(gone, OUT, CAME, there, by=by).changes["actual_end"] == at(11)


def test_a_confirmed_exit_ends_the_work_as_a_check_out_does() -> None:
    there = fact(Kind.CHECKED_IN, at(9, 30), resource=COLLEAGUE)
    left, gone = fact(Kind.LEFT, at(10)), fact(Kind.EXIT_CONFIRMED, at(10))

    planned = plan(gone, CAME, left, there, by=Practice(complete_by="exit"))

    assert planned.changes["actual_end"] == at(10)
    assert planned.changes["status"] == "Completed"


def test_the_work_ends_with_the_last_to_leave() -> None:
    theirs = [
        fact(Kind.CHECKED_IN, at(9, 30), resource=COLLEAGUE),
        fact(Kind.CHECKED_OUT, at(11), resource=COLLEAGUE),
    ]

    assert plan(OUT, CAME, *theirs).changes["actual_end"] == at(11)


def test_the_primary_resources_times_are_the_works_where_that_is_set() -> None:
    theirs = [
        fact(Kind.CHECKED_IN, at(8), resource=COLLEAGUE),
        fact(Kind.CHECKED_OUT, at(11), resource=COLLEAGUE),
    ]
    team = [
        Assigned(id=ASSIGNMENT, resource=RESOURCE, primary=True),
        Assigned(id="03r2", resource=COLLEAGUE),
    ]

    planned = plan(OUT, CAME, *theirs, seen=view(team=team), by=Practice(several="primary"))

    assert (planned.changes["actual_start"], planned.changes["actual_end"]) == (at(9), at(10))


def test_where_checking_in_counts_the_arrival_does_not_start_the_time() -> None:
    by, arrived = Practice(arrival_by="check_in"), fact(Kind.ARRIVED, at(8, 50))

    assert plan(arrived, by=by).changes == {}
    assert plan(arrived, by=by).event
    assert plan(CAME, arrived, by=by).changes["actual_start"] == at(9)


def test_a_colleague_who_only_set_out_does_not_keep_the_work_open() -> None:
    away = fact(Kind.ON_THE_WAY, at(9), resource=COLLEAGUE)

    assert plan(OUT, CAME, away).changes["actual_end"] == at(10)


def test_an_end_that_is_no_end_any_more_is_taken_back() -> None:
    seen = view(actual_start=at(9), actual_end=at(10))
    ours = Ours(actual_start=at(9), actual_end=at(10))
    back = fact(Kind.ARRIVED, at(10, 30))

    planned = plan(back, CAME, fact(Kind.LEFT, at(10)), seen=seen, ours=ours)

    assert planned.changes["actual_end"] is None


def test_a_late_arrival_corrects_the_start_and_reopens_nothing() -> None:
    seen = view(
        status="Completed", category=Category.COMPLETED, actual_start=at(9), actual_end=at(10)
    )
    ours = Ours(status="Completed", actual_start=at(9), actual_end=at(10))

    planned = plan(fact(Kind.ARRIVED, at(8, 50)), CAME, OUT, seen=seen, ours=ours)

    assert planned.changes == {"actual_start": at(8, 50)}


def test_a_persons_time_is_left_alone() -> None:
    seen = view(actual_start=at(8))

    assert plan(CAME, seen=seen).changes == {"status": "In Progress"}
    assert "actual_start" not in plan(CAME, seen=seen, ours=Ours(actual_start=at(9))).changes


def test_seconds_that_an_org_keeps_are_no_persons_edit() -> None:
    seen = view(actual_start=at(9, 0, 31))

    planned = plan(
        fact(Kind.ARRIVED, at(8, 50)), CAME, seen=seen, ours=Ours(actual_start=at(9))
    )

    assert planned.changes["actual_start"] == at(8, 50)


@pytest.mark.parametrize(("stood", "mended"), [(60, 70), (45, None), (None, None)])
def test_a_duration_that_is_that_of_our_times_is_mended_with_them(
    stood: float | None, mended: float | None
) -> None:
    seen = view(actual_start=at(9), actual_end=at(10), actual_minutes=stood)
    ours = Ours(actual_start=at(9), actual_end=at(10))

    planned = plan(fact(Kind.ARRIVED, at(8, 50)), CAME, OUT, seen=seen, ours=ours)

    assert planned.changes.get("actual_minutes") == mended


# ── the reason ────────────────────────────────────────────────────────────────


def test_every_change_has_its_reason() -> None:
    assert plan(OUT, CAME).rule == (
        f"'checked out' of {RESOURCE} at 2026-03-04 10:00 UTC calls for Completed, "
        "as set for 'checked out'; Actual Start is the first arrival; "
        "Actual End is the last departure"
    )
    assert plan(fact(Kind.EXPECTED, expected_at=at(9))).rule == ""


def test_the_reason_of_the_times_names_the_settings() -> None:
    by = Practice(arrival_by="check_in", several="primary")

    assert plan(OUT, CAME, by=by).rule.endswith(
        "Actual Start is the primary resource's first check-in; "
        "Actual End is the primary resource's last departure"
    )


def test_the_reason_of_an_end_that_is_taken_back_says_so() -> None:
    seen = view(actual_start=at(9), actual_end=at(10), category=Category.IN_PROGRESS)
    ours = Ours(actual_start=at(9), actual_end=at(10))

    planned = plan(
        fact(Kind.ARRIVED, at(11)), CAME, fact(Kind.LEFT, at(10)), seen=seen, ours=ours
    )

    assert planned.rule == "Actual End is taken back: somebody is there"


# ── a status that Salesforce refuses ──────────────────────────────────────────


def without(told: Fact, *known: Fact, by: Practice = PRACTICE) -> Writes:
    planned = plan(told, *known, by=by)
    return writes.without_status(planned, told, view(), by, "not from Scheduled")


def test_a_refused_status_leaves_the_times_and_says_so_in_the_row_of_the_fact() -> None:
    arrived = fact(Kind.ARRIVED, at(9))

    rest = without(arrived, by=Practice(through={Category.IN_PROGRESS: "Dispatched"}))

    assert (rest.changes, rest.through) == ({"actual_start": at(9)}, "")
    assert rest.left_out == ("no status: In Progress was refused: not from Scheduled",)
    assert rest.event
    assert rest.event.subject == "Arrived: Ada Lovelace"
    assert "The status was not set: not from Scheduled" in rest.event.description


@pytest.mark.parametrize("kind", [Kind.CHECKED_IN, Kind.CANCELLED, Kind.ON_THE_WAY])
def test_a_fact_without_a_row_of_its_own_gets_one_that_says_what_was_refused(
    kind: Kind,
) -> None:
    rest = without(fact(kind, at(9)))

    assert rest.event
    assert rest.event.subject == "Status not set: Ada Lovelace"
    assert f"Ada Lovelace: {kind}" in rest.event.description
    assert "not from Scheduled" in rest.event.description


def test_a_fact_that_moves_no_status_tells_nothing_of_one() -> None:
    late = fact(Kind.EXPECTED, expected_at=at(11), reason="first_eta")

    assert without(late, CAME).event == plan(late, CAME).event
    assert without(fact(Kind.CLOCKED_OUT), CAME).event is None


def test_a_row_that_was_left_out_is_not_made_for_a_refused_status() -> None:
    arrived = fact(Kind.ARRIVED)
    planned = plan(arrived, lacking={Ability.EVENTS: WHY})

    assert writes.without_status(planned, arrived, view(), PRACTICE, "no").event is None


# ── what stood before, for the ledger ─────────────────────────────────────────


def test_before_a_write_is_what_stands_just_where_it_writes() -> None:
    seen = view(
        actual_start=at(9),
        share_link="https://trck.at/secret",
        team=[Assigned(id=ASSIGNMENT, resource=RESOURCE, travel=12.5)],
        distance=3.5,
        beside={"08p2": Beside(team=(Assigned(id="03r2", resource=RESOURCE, travel=None),))},
        entries={
            "0ku1": Booked(starts_at=at(9), ends_at=at(10)),
            "0ku2": Booked(starts_at=at(11), ends_at=at(12)),
            "0ku3": Booked(starts_at=at(13), ends_at=at(14)),
        },
    )
    times = {"starts_at": at(8), "ends_at": at(9)}
    words = {"subject": "", "description": ""}
    planned = Writes(
        appointment=APPOINTMENT,
        changes={"status": "Completed", "actual_start": at(8), "share_link": None},
        travel={ASSIGNMENT: 10, "03r2": 5},
        distances={APPOINTMENT: 4},
        entries=(
            SheetEntry(id="0ku1", key="one", resource=RESOURCE, **times, **words),
            SheetEntry(key="new", resource=RESOURCE, **times, **words),
        ),
        removed=("0ku2",),
    )

    assert writes.before(planned, seen) == {
        "changes": {
            "status": "Scheduled",
            "actual_start": "2026-03-04T09:00:00Z",
            "share_link": True,
        },
        "travel": {ASSIGNMENT: 12.5, "03r2": None},
        "distances": {APPOINTMENT: 3.5},
        "entries": {
            "0ku1": {"starts_at": "2026-03-04T09:00:00Z", "ends_at": "2026-03-04T10:00:00Z"},
            "0ku2": {"starts_at": "2026-03-04T11:00:00Z", "ends_at": "2026-03-04T12:00:00Z"},
        },
    }


def test_before_nothing_is_nothing() -> None:
    assert writes.before(Writes(appointment=APPOINTMENT), view()) == {}


# ── what we have written ──────────────────────────────────────────────────────


def test_what_was_written_is_remembered() -> None:
    planned = plan(OUT, CAME)

    ours = writes.remember(Ours(), planned)

    assert (ours.status, ours.actual_start, ours.actual_end) == ("Completed", at(9), at(10))


def test_remembered_and_unchanged_there_is_nothing_left_to_write() -> None:
    ours = writes.remember(Ours(), plan(OUT, CAME))
    seen = view(
        status="Completed",
        category=Category.COMPLETED,
        actual_start=at(9),
        actual_end=at(10),
        changed_by_us=True,
    )

    assert plan(fact(Kind.ON_THE_WAY, at(8)), CAME, OUT, seen=seen, ours=ours).empty


def test_what_a_worker_wrote_that_did_not_live_to_say_so_is_found_standing() -> None:
    meant = Ours(status="In Progress", actual_start=at(9), actual_end=at(10))
    begun = Intent(delivered=delivered(CAME), since=at(9), meant=meant, seen=at(0))
    carried_out = view(status="In Progress", actual_start=at(9, 0, 30), changed_by_us=True)

    ours = writes.finished(Ours(actual_end=at(8)), begun, carried_out)

    assert ours == Ours(status="In Progress", actual_start=at(9), actual_end=at(8))


def test_a_status_that_a_person_has_replaced_since_counts_as_written() -> None:
    begun = Intent(
        delivered=delivered(CAME), since=at(9), meant=Ours(status="In Progress"), seen=at(0)
    )

    replaced = writes.finished(Ours(), begun, view(changed_at=at(9, 30)))
    not_done = writes.finished(Ours(), begun, view(changed_at=at(0)))

    assert (replaced.status, not_done.status) == ("In Progress", None)


def test_a_persons_other_status_is_noticed_with_its_time() -> None:
    ours, theirs = Ours(status="In Progress"), view(changed_at=at(9, 30))

    assert writes.noticed(ours, theirs).overruled_at == at(9, 30)
    assert writes.noticed(ours, view(changed_by_us=True)) == ours
    assert writes.noticed(ours, view(status="In Progress")) == ours
    assert writes.noticed(Ours(), theirs) == Ours()


@pytest.mark.parametrize(
    ("kind", "came", "early"),
    [
        (Kind.ARRIVED, at(0), False),
        (Kind.ARRIVED, at(0, 0) - (at(1) - at(0)), True),
        (Kind.CHECKED_IN, at(0, 0) - (at(1) - at(0)), False),
    ],
)
def test_whoever_comes_half_a_day_early_only_drove_past(
    kind: Kind, came: Any, early: bool
) -> None:
    drove_past = fact(kind, came)

    assert passing_by.too_early(drove_past, [], view(), connection(early_hours=12)) is early


# ── for a dry run ─────────────────────────────────────────────────────────────


def test_what_stands_to_be_written_follows_the_settings() -> None:
    facts, seen = [fact(Kind.ARRIVED, at(8, 50)), CAME, OUT], view()

    usual = writes.standing(facts, seen, Ours(), PRACTICE)
    other = writes.standing(facts, seen, Ours(), Practice(arrival_by="check_in"))

    assert usual == {"status": "Completed", "actual_start": at(8, 50), "actual_end": at(10)}
    assert other == {"status": "Completed", "actual_start": at(9), "actual_end": at(10)}


def test_a_dry_run_respects_persons_rights_and_what_stands() -> None:
    seen = view(status="Dispatched", category=Category.DISPATCHED, changed_at=at(11))

    overruled = writes.standing([CAME], seen, Ours(status="In Progress"), PRACTICE)
    lacking = writes.standing([CAME], view(), Ours(), PRACTICE, {Ability.STATUS: WHY})
    done = writes.standing([CAME], view(actual_start=at(9)), Ours(), PRACTICE)

    assert overruled == {"actual_start": at(9)}
    assert lacking == {"actual_start": at(9)}
    assert done == {"status": "In Progress"}


# ── whatever is told, in whatever order ───────────────────────────────────────


class Org:
    """An appointment that is written as planned."""

    def __init__(self, by: Practice, team: dict[str, bool] | None) -> None:
        assigned = [
            Assigned(id=f"03r-{who}", resource=who, primary=primary)
            for who, primary in (team or {}).items()
        ]
        self.by, self.ours, self.known = by, Ours(), dict[str, Fact]()
        self.seen = view(team=assigned)
        self.rows: list[str] = []

    def take(self, told: Fact) -> None:
        if told.key in self.known:
            return
        planned = writes.plan(told, self.known.values(), self.seen, self.ours, self.by)
        self.known[told.key] = told
        self.ours = writes.remember(self.ours, planned)
        self.rows += [planned.event.key] if planned.event else []
        self.seen = self.seen.model_copy(update=_carried_out(planned.changes))


def _carried_out(changes: Changes) -> dict[str, Any]:
    held: dict[str, Any] = {str(name): to for name, to in changes.items()}
    if "status" in held:
        held["category"] = CATEGORIES[held["status"]]
    return held | {"changed_by_us": True}


@settings(max_examples=2_000, deadline=None, derandomize=True, database=None)
@given(drawn.facts(), drawn.practices(), drawn.teams(), st.integers(0))
def test_any_order_and_repetition_under_any_settings_ends_with_the_oracles_times_and_rows(
    facts: list[Fact], by: Practice, team: dict[str, bool] | None, seed: int
) -> None:
    org, told = Org(by, team), [*facts, *facts]
    Random(seed).shuffle(told)  # noqa: S311 (nothing here is a secret)

    for each in told:
        org.take(each)

    assert (org.seen.actual_start, org.seen.actual_end) == oracle.times(facts, by, team)
    rows = {each.key for each in facts if each.kind in {*oracle.SUBJECT, Kind.EXPECTED}}
    links = {each.key for each in facts if each.kind is Kind.LINK_OFFERED}
    assert sorted({*org.rows} - links) == sorted(rows - links)
    assert len(org.rows) == len({*org.rows})
    if by.several != "all" and by.complete_by == "check_out":
        assert org.seen.status == oracle.status(facts, by, team)
    assert writes.standing(facts, org.seen, org.ours, by) == {}
