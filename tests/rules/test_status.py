"""How far facts carry an appointment, and what is written of that."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.models import Assigned, Category, Fact, Kind, Status
from fieldlink.practice import Practice
from fieldlink.records import Ours
from fieldlink.writing import status, writes
from tests.fakes import STATUSES
from tests.make import COLLEAGUE, RESOURCE, at, fact, view
from tests.rules import drawn, oracle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fieldlink.models import View
    from fieldlink.writing.status import Decision

CAME, LEFT = fact(Kind.ARRIVED, at(9)), fact(Kind.LEFT, at(10))
IN, OUT = fact(Kind.CHECKED_IN, at(9, 5)), fact(Kind.CHECKED_OUT, at(9, 55))
GONE = fact(Kind.EXIT_CONFIRMED, at(10))
BY_EXIT = Practice(complete_by="exit")
BY_BUTTON = Practice(arrival_by="check_in")
ALL, PRIMARY = Practice(several="all"), Practice(several="primary")
CATEGORIES = {each.name: each.category for each in STATUSES}


def decide(
    *facts: Fact, seen: View | None = None, ours: Ours | None = None, by: Practice | None = None
) -> Decision:
    return status.decide(facts, seen or view(), ours or Ours(), by or Practice())


def team(**primary: bool) -> dict[str, Any]:
    """Fields of a view in which these are assigned: `ada` and `grace`."""
    ids = {"ada": RESOURCE, "grace": COLLEAGUE}
    return {
        "team": [
            Assigned(id=f"03r-{name}", resource=ids[name], primary=each)
            for name, each in primary.items()
        ]
    }


def of_grace(told: Fact) -> Fact:
    return told.model_copy(update={"resource": COLLEAGUE, "key": f"grace's {told.key}"})


# ── which fact sets which category ────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([], ""),
        ([Kind.CLOCKED_IN, Kind.DEVICE_SEEN, Kind.EXIT_CONFIRMED], ""),
        ([Kind.ON_THE_WAY], "Dispatched"),
        ([Kind.ARRIVED, Kind.ON_THE_WAY], "In Progress"),
        ([Kind.LEFT], "In Progress"),
        ([Kind.CANCELLED, Kind.ARRIVED], "Cannot Complete"),
        ([Kind.CHECKED_OUT, Kind.CANCELLED], "Completed"),
    ],
)
def test_the_furthest_fact_says_how_far_the_work_is(kinds: list[Kind], expected: str) -> None:
    assert decide(*(fact(kind) for kind in kinds)).status == expected


def test_which_fact_sets_which_category_is_a_setting() -> None:
    by = Practice(
        categories={Kind.ARRIVED: Category.DISPATCHED, Kind.CHECKED_OUT: Category.NONE}
    )

    assert decide(CAME, by=by).status == "Dispatched"
    assert decide(OUT, by=by).status == decide(IN, by=by).status == ""


def test_who_left_counts_as_who_arrived_whatever_that_is_set_to() -> None:
    by = Practice(categories={Kind.ARRIVED: Category.DISPATCHED, Kind.LEFT: Category.COMPLETED})

    assert decide(LEFT, by=by).status == "Dispatched"


# ── by check-in ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("told", "expected"),
    [([CAME], ""), ([LEFT], ""), ([CAME, IN], "In Progress"), ([CAME, OUT], "Completed")],
)
def test_where_checking_in_counts_a_geofence_sets_no_status(
    told: list[Fact], expected: str
) -> None:
    assert decide(*told, by=BY_BUTTON).status == expected


# ── by a confirmed exit ───────────────────────────────────────────────────────


def test_a_confirmed_exit_completes_the_work_only_where_that_is_wished() -> None:
    assert decide(CAME, LEFT, GONE, by=BY_EXIT).status == "Completed"
    assert decide(CAME, LEFT, GONE).status == "In Progress"
    assert decide(CAME, LEFT, by=BY_EXIT).status == "In Progress"


@pytest.mark.parametrize(
    ("back", "expected"),
    [
        (fact(Kind.ARRIVED, at(10, 0, 1)), "In Progress"),
        (fact(Kind.CHECKED_IN, at(10, 10)), "In Progress"),
        (fact(Kind.LEFT, at(11), arrived_at=at(10, 10)), "In Progress"),
        (fact(Kind.ARRIVED, at(10, 10, 1)), "Completed"),
        (fact(Kind.ARRIVED, at(10)), "Completed"),
        (of_grace(fact(Kind.ARRIVED, at(10, 5))), "Completed"),
    ],
)
def test_whoever_comes_back_within_the_grace_had_not_left_for_good(
    back: Fact, expected: str
) -> None:
    assert decide(CAME, LEFT, GONE, back, by=BY_EXIT).status == expected


DAY = timedelta(days=1)
SHANGHAI = {"site_zone": "Asia/Shanghai"}  # where it is 18:00 at 10:00 UTC


@pytest.mark.parametrize(
    ("scheduled", "expected"),
    [
        ({}, "Completed"),
        ({"ends_at": at(17)}, "Completed"),
        ({"ends_at": at(8) + DAY}, "In Progress"),  # until tomorrow
        ({"ends_at": at(0) + DAY}, "Completed"),  # what ends at midnight ends on the day before
        (
            {"starts_at": at(9, 30), "ends_at": at(1) + DAY},
            "Completed",
        ),  # of a night, not of days
        ({"starts_at": at(8) - DAY, "ends_at": at(17)}, "Completed"),  # since yesterday
        ({"starts_at": None, "ends_at": at(8) + DAY}, "Completed"),
        ({"starts_at": at(8) - DAY, "ends_at": at(15), **SHANGHAI}, "Completed"),
        ({"starts_at": at(8) - DAY, "ends_at": at(17), **SHANGHAI}, "In Progress"),
    ],
)
def test_going_home_in_the_evening_completes_no_work_that_goes_on_for_days(
    scheduled: dict[str, Any], expected: str
) -> None:
    seen = view(**{"starts_at": at(8), **scheduled})

    assert decide(CAME, LEFT, GONE, seen=seen, by=BY_EXIT).status == expected
    assert decide(CAME, OUT, seen=seen, by=BY_EXIT).status == "Completed"


def test_where_all_must_be_done_nobody_is_who_comes_again_tomorrow() -> None:
    by = Practice(several="all", complete_by="exit")
    seen = view(starts_at=at(8), ends_at=at(8) + DAY)
    tomorrow = [
        each.model_copy(update={"at": each.at + DAY, "key": f"2 {each.key}"})
        for each in (CAME, LEFT, GONE)
    ]

    assert decide(CAME, LEFT, GONE, seen=seen, by=by).status == "In Progress"
    assert decide(CAME, LEFT, GONE, *tomorrow, seen=seen, by=by).status == "Completed"


def test_an_exit_completes_with_the_category_of_checking_out() -> None:
    cannot = {Kind.CHECKED_OUT: Category.CANNOT_COMPLETE}
    by = Practice(complete_by="exit", categories=cannot)

    assert decide(LEFT, GONE, by=by).status == "Cannot Complete"


def test_driving_past_completes_nothing_where_checking_in_begins_the_work() -> None:
    by = Practice(complete_by="exit", arrival_by="check_in")

    assert decide(CAME, LEFT, GONE, by=by).status == ""
    assert decide(CAME, IN, LEFT, GONE, by=by).status == "Completed"
    assert decide(LEFT, GONE, fact(Kind.CHECKED_IN, at(11)), by=by).status == "In Progress"


# ── several resources ─────────────────────────────────────────────────────────


def test_the_first_of_several_carries_the_work_by_itself() -> None:
    both = view(**team(ada=True, grace=False))

    assert decide(of_grace(CAME), seen=both).status == "In Progress"
    assert decide(CAME, of_grace(OUT), seen=both).status == "Completed"


def test_only_the_primary_resource_carries_the_work_where_that_is_set() -> None:
    both = view(**team(ada=True, grace=False))

    assert decide(of_grace(OUT), seen=both, by=PRIMARY).status == ""
    assert decide(CAME, of_grace(OUT), seen=both, by=PRIMARY).status == "In Progress"
    assert decide(OUT, of_grace(CAME), seen=both, by=PRIMARY).status == "Completed"


def test_where_nobody_is_primary_anybody_carries_the_work() -> None:
    both = view(**team(ada=False, grace=False))

    assert decide(of_grace(OUT), seen=both, by=PRIMARY).status == "Completed"


@pytest.mark.parametrize("theirs", [CAME, IN, LEFT])
def test_where_all_must_be_done_whoever_was_there_is_waited_for(theirs: Fact) -> None:
    both = view(**team(ada=False, grace=False))

    assert decide(OUT, of_grace(theirs), seen=both, by=ALL).status == "In Progress"
    assert decide(OUT, of_grace(theirs), of_grace(OUT), seen=both, by=ALL).status == "Completed"


def test_nobody_waits_for_those_who_never_came_or_have_the_work_no_more() -> None:
    both, alone = view(**team(ada=False, grace=False)), view(**team(ada=False))
    set_out = of_grace(fact(Kind.ON_THE_WAY))

    assert decide(OUT, seen=both, by=ALL).status == "Completed"
    assert decide(OUT, set_out, seen=both, by=ALL).status == "Completed"
    assert decide(OUT, of_grace(CAME), seen=alone, by=ALL).status == "Completed"


def test_a_confirmed_exit_is_as_good_as_a_check_out_where_all_must_be_done() -> None:
    by = Practice(several="all", complete_by="exit")
    theirs = [of_grace(each) for each in (CAME, LEFT)]

    assert decide(OUT, *theirs, by=by).status == "In Progress"
    assert decide(OUT, *theirs, of_grace(GONE), by=by).status == "Completed"


# ── the org's own words ───────────────────────────────────────────────────────


def statuses(*names: str, default: str = "") -> tuple[Status, ...]:
    return tuple(
        Status(name=name, category=Category.IN_PROGRESS, default=name == default)
        for name in names
    )


@pytest.mark.parametrize(("default", "expected"), [("Vor Ort", "Vor Ort"), ("", "Started")])
def test_a_category_has_the_orgs_default_or_its_first_word(default: str, expected: str) -> None:
    seen = view(statuses=statuses("Started", "Vor Ort", default=default))

    assert decide(CAME, seen=seen).status == expected


def test_a_connection_may_choose_the_word() -> None:
    by = Practice(statuses={Category.IN_PROGRESS: "On Site"})

    assert decide(CAME, by=by).status == "On Site"


@pytest.mark.parametrize("name", ["Renamed", "Completed"])
def test_a_word_that_is_no_more_or_of_another_category_is_named_and_not_written(
    name: str,
) -> None:
    by = Practice(statuses={Category.IN_PROGRESS: name})

    decision = decide(CAME, by=by)

    assert decision.status == ""
    assert decision.left_out == (
        "no status: the Status picklist of appointments lacks "
        f"the value {name} of category InProgress",
    )


def test_an_org_without_a_word_for_the_category_is_told_so() -> None:
    assert decide(CAME, seen=view(statuses=())).left_out == (
        "no status: the Status picklist of appointments lacks a value of category InProgress",
    )


def test_without_a_word_for_the_furthest_the_next_is_written() -> None:
    by = Practice(statuses={Category.COMPLETED: "Renamed"})

    decision = decide(CAME, OUT, by=by)

    assert (decision.status, decision.category) == ("In Progress", Category.COMPLETED)
    assert "the value Renamed" in decision.left_out[0]


# ── forward only, and never over a person ─────────────────────────────────────


@pytest.mark.parametrize("category", list(Category))
@pytest.mark.parametrize("kind", [Kind.ON_THE_WAY, Kind.ARRIVED, Kind.CANCELLED, OUT.kind])
def test_no_fact_takes_the_status_back_or_reopens_what_others_closed(
    category: Category, kind: Kind
) -> None:
    decision = decide(fact(kind), seen=view(status="theirs", category=category))

    assert not decision.status or CATEGORIES[decision.status].rank > category.rank
    assert not (category.closed and decision.status)


def test_what_we_closed_as_impossible_is_completed_after_all() -> None:
    closed = view(status="Cannot Complete", category=Category.CANNOT_COMPLETE)

    assert decide(OUT, seen=closed, ours=Ours(status="Cannot Complete")).status == "Completed"


def test_what_a_person_closed_as_impossible_stays_so_and_that_is_said() -> None:
    closed = view(status="Cannot Complete", category=Category.CANNOT_COMPLETE)

    for ours in (Ours(), Ours(status="In Progress")):
        decision = decide(OUT, seen=closed, ours=ours)
        assert decision.status == ""
        assert decision.left_out == ("no status: it is closed as Cannot Complete",)


def test_facts_from_before_a_persons_decision_count_no_more() -> None:
    taken_back = view(status="Dispatched", category=Category.DISPATCHED)
    ours = Ours(status="In Progress", overruled_at=at(9, 30))

    before = decide(CAME, seen=taken_back, ours=ours)
    after = decide(CAME, OUT, seen=taken_back, ours=ours)

    assert before.status == ""
    assert before.left_out == (
        "no status: somebody else has chosen one since then, at 2026-03-04 09:30 UTC",
    )
    assert (after.status, after.left_out) == ("Completed", ())


# ── passing through ───────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("through", "category", "expected"),
    [
        ("Dispatched", Category.SCHEDULED, "Dispatched"),
        ("On Site", Category.DISPATCHED, "On Site"),
        ("Dispatched", Category.IN_PROGRESS, ""),  # back
        ("Cannot Complete", Category.SCHEDULED, ""),  # closed
        ("gone", Category.SCHEDULED, ""),
        ("now", Category.SCHEDULED, ""),
    ],
)
def test_a_status_is_passed_only_if_there_is_one_and_it_leads_forward(
    through: str, category: Category, expected: str
) -> None:
    seen = view(status="now", category=category)

    decision = decide(OUT, seen=seen, by=Practice(through={Category.COMPLETED: through}))

    assert (decision.status, decision.through) == ("Completed", expected)


def test_the_status_that_stands_is_not_passed() -> None:
    seen = view(status="Dispatched", category=Category.DISPATCHED)

    assert decide(OUT, seen=seen, by=Practice(through={Category.COMPLETED: "Dispatched"})) == (
        decide(OUT, seen=seen)
    )


# ── the reason ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("told", "by", "words"),
    [
        (
            [fact(Kind.ARRIVED, at(9, 30)), CAME],
            Practice(),
            f"'arrived' of {RESOURCE} at 2026-03-04 09:00 UTC calls for InProgress, "
            "as set for 'arrived'",
        ),
        ([LEFT], Practice(), "as set for 'arrived'; who left had been there"),
        (
            [LEFT, GONE],
            BY_EXIT,
            "calls for Completed, as set for 'checked out'; nobody came back within 10 min",
        ),
        ([CAME], PRIMARY, "as set for 'arrived'; only the primary resource counts"),
        ([OUT], ALL, "as set for 'checked out'; everybody who was there is done"),
    ],
)
def test_the_reason_names_the_fact_and_the_setting(
    told: list[Fact], by: Practice, words: str
) -> None:
    assert decide(*told, by=by).rule.endswith(words)


def test_the_reason_of_all_names_the_last_who_was_done() -> None:
    both = [CAME, OUT, of_grace(CAME), of_grace(fact(Kind.CHECKED_OUT, at(11)))]

    assert decide(*both, by=ALL).rule.startswith(
        f"'checked out' of {COLLEAGUE} at 2026-03-04 11:00 UTC calls for Completed"
    )


# ── whatever is told, in whatever order ───────────────────────────────────────

MANY = settings(max_examples=2_000, deadline=None, derandomize=True, database=None)


def seen_with(team: Mapping[str, bool] | None, **more: Any) -> View:
    assigned = [
        Assigned(id=f"03r-{who}", resource=who, primary=primary)
        for who, primary in (team or {}).items()
    ]
    return view(team=assigned, **more)


@MANY
@given(drawn.facts(), drawn.practices(), drawn.teams(), st.integers(0))
def test_any_order_and_repetition_under_any_settings_calls_for_what_the_oracle_says(
    facts: list[Fact], by: Practice, team: dict[str, bool] | None, seed: int
) -> None:
    seen, shuffled = seen_with(team), in_any_order(facts, seed)

    decision = status.decide(shuffled, seen, Ours(), by)

    assert decision == status.decide(facts, seen, Ours(), by)
    assert (decision.status or "Scheduled") == oracle.status(facts, by, team)


def in_any_order(facts: list[Fact], seed: int) -> list[Fact]:
    """The facts, some of them twice."""
    chance = Random(seed)  # noqa: S311 (nothing here is a secret)
    told = [*facts, *(each for each in facts if chance.random() < 0.4)]
    chance.shuffle(told)
    return told


class Org:
    """An appointment that we write to and a person changes."""

    def __init__(self, by: Practice, team: dict[str, bool] | None) -> None:
        self.by, self.team = by, team
        self.seen = seen_with(team)
        self.ours = Ours()
        self.known: list[Fact] = []

    def take(self, told: Fact) -> str:
        """What we write when this comes."""
        self.known.append(told)
        self.ours = writes.noticed(self.ours, self.seen)
        decided = status.decide(self.known, self.seen, self.ours, self.by).status
        if decided:
            self.ours = self.ours.model_copy(update={"status": decided})
            self.change(decided, by_us=True)
        return decided

    def change(self, name: str, minute: int = 0, *, by_us: bool = False) -> None:
        self.seen = self.seen.model_copy(
            update={
                "status": name,
                "category": CATEGORIES[name],
                "changed_by_us": by_us,
                "changed_at": at(9, minute),
            }
        )


@MANY
@given(drawn.facts(), drawn.practices(), drawn.teams(), st.integers(0))
def test_told_one_by_one_it_ends_as_far_as_it_ever_was_and_never_goes_back(
    facts: list[Fact], by: Practice, team: dict[str, bool] | None, seed: int
) -> None:
    org, so_far, furthest = Org(by, team), list[Fact](), "Scheduled"

    for each in in_any_order(facts, seed):
        so_far.append(each)
        called_for = oracle.status(so_far, by, team)
        furthest = max(furthest, called_for, key=lambda name: CATEGORIES[name].rank)
        org.take(each)

    assert org.seen.status == furthest
    waits = by.several == "all" or by.complete_by == "exit"
    assert waits or furthest == oracle.status(facts, by, team)


# After how many facts, to which status, and when.
persons = st.tuples(st.integers(0, 8), st.sampled_from(sorted(CATEGORIES)), st.integers(0, 59))


@MANY
@given(drawn.facts(), drawn.practices(), drawn.teams(), st.lists(persons, max_size=3))
def test_nothing_goes_back_and_no_decision_of_a_person_is_undone_by_what_was_before(
    facts: list[Fact],
    by: Practice,
    team: dict[str, bool] | None,
    changes: list[tuple[int, str, int]],
) -> None:
    org, decided_at = Org(by, team), None

    for number, told in enumerate(facts):
        for _, name, minute in [each for each in changes if each[0] == number]:
            org.change(name, minute)
        before, last = org.seen, org.ours.status
        if last not in {None, before.status} and not before.changed_by_us:
            decided_at = before.changed_at

        wrote = org.take(told)

        since = [each for each in org.known if not decided_at or each.at >= decided_at]
        assert not wrote or CATEGORIES[wrote].rank > before.category.rank
        assert not wrote or before.status == last or not before.category.closed
        assert not wrote or since
        if wrote and by.several != "all" and by.complete_by == "check_out":
            assert wrote == oracle.status(since, by, team)
