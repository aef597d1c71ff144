"""Coming and going, told in any order."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.models import Fact, Kind, Travel
from fieldlink.practice import Practice
from fieldlink.writing import visits
from tests.make import RESOURCE, at, fact
from tests.rules import drawn, oracle

CAME, LEFT = Kind.ARRIVED, Kind.LEFT
IN, OUT = Kind.CHECKED_IN, Kind.CHECKED_OUT
GONE = Kind.EXIT_CONFIRMED
GEOFENCE = Practice()
BY_BUTTON = Practice(arrival_by="check_in", join=60)
BY_EXIT = Practice(complete_by="exit", exit_grace=10)


def times(*told: tuple[Kind, int], by: Practice = GEOFENCE) -> tuple[int | None, int | None]:
    """Start and end in minutes past nine, of facts at such minutes."""
    facts = [fact(kind, at(9) + timedelta(minutes=minute)) for kind, minute in told]
    found = visits.attendance(facts, by)
    start, end = (
        int((each - at(9)) / timedelta(minutes=1)) if each else None
        for each in (found.start, found.end)
    )
    return start, end


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([], (None, None)),
        ([(CAME, 0)], (0, None)),
        ([(CAME, 0), (LEFT, 30)], (0, 30)),
        ([(IN, 0), (OUT, 30)], (0, 30)),
        ([(LEFT, 30)], (None, 30)),
        ([(OUT, 30)], (None, 30)),
        ([(CAME, 0), (IN, 5), (OUT, 30), (LEFT, 40)], (0, 30)),
        ([(CAME, 0), (LEFT, 30), (OUT, 50)], (0, 30)),
        ([(CAME, 0), (LEFT, 10), (CAME, 20)], (0, None)),
        ([(CAME, 0), (LEFT, 10), (CAME, 20), (OUT, 40)], (0, 40)),
        ([(CAME, 0), (OUT, 30), (CAME, 35), (LEFT, 40)], (0, 30)),
        ([(CAME, 0), (LEFT, 10), (LEFT, 20)], (0, 20)),
        ([(CAME, 0), (OUT, 10), (OUT, 20)], (0, 10)),
        ([(LEFT, 5), (CAME, 10)], (10, None)),
        ([(OUT, 5), (CAME, 10)], (None, 5)),
        ([(CAME, 10), (LEFT, 10)], (10, 10)),
        ([(Kind.ON_THE_WAY, 0), (Kind.CANCELLED, 5)], (None, None)),
    ],
)
def test_a_visit_begins_with_coming_and_ends_with_going(
    told: list[tuple[Kind, int]], expected: tuple[int | None, int | None]
) -> None:
    assert times(*told) == expected
    assert times(*reversed(told)) == expected


def test_an_exit_tells_of_the_arrival_that_was_never_heard_of() -> None:
    left = fact(LEFT, at(10), arrived_at=at(9, 0, 40))

    assert visits.attendance([left])[:2] == (at(9), at(10))


def test_an_arrival_later_than_its_exit_is_not_believed() -> None:
    left = fact(LEFT, at(10), arrived_at=at(11))

    assert visits.attendance([left])[:2] == (None, at(10))


def test_times_are_whole_minutes() -> None:
    found = visits.attendance([fact(CAME, at(9, 0, 59)), fact(LEFT, at(9, 30, 59))])

    assert found[:2] == (at(9), at(9, 30))


# ── where checking in begins the work ─────────────────────────────────────────


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([(CAME, 0)], (None, None)),
        ([(CAME, 0), (LEFT, 30)], (None, None)),
        ([(CAME, 0), (IN, 5)], (5, None)),
        ([(CAME, 0), (IN, 5), (LEFT, 30)], (5, 30)),
        ([(CAME, 0), (LEFT, 10), (IN, 40), (OUT, 50)], (40, 50)),
        # A lunch of an hour is within the work, and nobody checks in again after it.
        ([(IN, 0), (LEFT, 10), (CAME, 70), (LEFT, 90)], (0, 90)),
        ([(IN, 0), (LEFT, 10), (CAME, 71), (LEFT, 90)], (0, 10)),
        ([(IN, 0), (LEFT, 10), (CAME, 71), (IN, 80), (LEFT, 90)], (0, 90)),
        ([(IN, 0), (LEFT, 10), (LEFT, 12)], (0, 12)),
        ([(IN, 0), (OUT, 10), (CAME, 20), (LEFT, 30)], (0, 10)),
        ([(OUT, 30)], (None, 30)),
        ([(CAME, 0), (LEFT, 10), (OUT, 30)], (None, 30)),
    ],
)
def test_a_geofence_begins_no_work_where_checking_in_does(
    told: list[tuple[Kind, int]], expected: tuple[int | None, int | None]
) -> None:
    assert times(*told, by=BY_BUTTON) == expected
    assert times(*reversed(told), by=BY_BUTTON) == expected


def test_the_arrival_that_an_exit_tells_of_begins_no_work_there_either() -> None:
    left = fact(LEFT, at(10), arrived_at=at(9))

    assert visits.attendance([left], BY_BUTTON)[:2] == (None, None)


# ── confirmed exits ───────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([(CAME, 0), (LEFT, 30), (GONE, 30)], (0, 30)),
        # Whoever comes back later than the grace is there again once that is confirmed, too.
        ([(CAME, 0), (LEFT, 30), (GONE, 30), (CAME, 41)], (0, 30)),
        ([(CAME, 0), (LEFT, 30), (GONE, 30), (CAME, 41), (LEFT, 50)], (0, 30)),
        ([(CAME, 0), (LEFT, 30), (GONE, 30), (CAME, 41), (LEFT, 50), (GONE, 50)], (0, 50)),
        # Whoever comes back within it had not left for good.
        ([(CAME, 0), (LEFT, 30), (GONE, 30), (CAME, 40)], (0, None)),
        ([(CAME, 0), (GONE, 30)], (0, 30)),
        ([(CAME, 0), (LEFT, 30), (GONE, 30), (LEFT, 35)], (0, 35)),
    ],
)
def test_an_exit_after_which_nobody_came_back_is_as_good_as_a_check_out(
    told: list[tuple[Kind, int]], expected: tuple[int | None, int | None]
) -> None:
    assert times(*told, by=BY_EXIT) == expected
    assert times(*reversed(told), by=BY_EXIT) == expected


def test_a_confirmed_exit_means_nothing_where_only_a_check_out_does() -> None:
    told = [(CAME, 0), (LEFT, 30), (GONE, 30), (CAME, 50)]

    assert times(*told) == times(*told[:2], told[3]) == (0, None)


def test_only_what_is_done_is_done() -> None:
    left = [fact(CAME, at(9)), fact(LEFT, at(10))]
    gone = fact(GONE, at(10))

    done = [
        visits.attendance(facts, by).checked_out
        for facts, by in (
            (left, BY_EXIT),
            ([*left, gone], GEOFENCE),
            ([*left, gone], BY_EXIT),
            ([*left, fact(OUT, at(10))], GEOFENCE),
        )
    ]

    assert done == [False, False, True, True]


# ── the same told twice ───────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [CAME, LEFT, IN, OUT, GONE, Kind.ON_THE_WAY, Kind.CLOCKED_IN])
def test_nobody_does_one_thing_twice_in_one_instant(kind: Kind) -> None:
    one, later = fact(kind, key="one"), fact(kind, at(9, 0, 1), key="later")
    other = one.model_copy(update={"key": "other", "at": one.at + timedelta(microseconds=999)})

    assert visits.same(one, other)
    assert not visits.same(one, later)
    assert not visits.same(one, other.model_copy(update={"resource": "another's"}))


def test_it_may_tell_more_the_second_time() -> None:
    bare, whole = fact(CAME), fact(CAME, travel=Travel(seconds=60))

    assert visits.adds(whole, [bare])
    assert not visits.adds(bare, [whole])
    assert not visits.adds(whole, [bare, whole])


# ── whatever is told, in whatever order ───────────────────────────────────────


def test_every_kind_of_fact_has_its_place_in_an_instant() -> None:
    assert set(visits.RANKS) == set(Kind)


@settings(max_examples=3_000, deadline=None, derandomize=True, database=None)
@given(drawn.facts(), drawn.practices(), st.integers(0))
def test_any_order_under_any_settings_gives_the_attendance_that_the_oracle_tells(
    facts: list[Fact], by: Practice, seed: int
) -> None:
    of_one = [each.model_copy(update={"resource": RESOURCE}) for each in facts]
    shuffled = [*of_one, *of_one]
    Random(seed).shuffle(shuffled)  # noqa: S311 (nothing here is a secret)

    found = visits.attendance(shuffled, by)

    assert found == visits.attendance(of_one, by)
    assert (found.start, found.end) == oracle.visit(of_one, by)
    assert found.checked_out == bool(oracle.done_at(of_one, by))


@settings(max_examples=2_000, deadline=None, derandomize=True, database=None)
@given(drawn.facts(), drawn.practices())
def test_stays_follow_each_other_and_only_the_last_may_last(
    facts: list[Fact], by: Practice
) -> None:
    found = visits.stays(visits.in_order(facts), by)

    assert all(
        stay.start is None or stay.end is None or stay.start <= stay.end for stay in found
    )
    for before, after in pairwise(found):
        assert before.end
        assert after.start
        assert before.end <= after.start
    assert [(stay.start, stay.end) for stay in found] == oracle.stays(facts, by)


def test_facts_of_one_instant_are_ordered_by_meaning_and_then_by_key() -> None:
    kinds = [LEFT, OUT, Kind.CANCELLED, IN, CAME, Kind.ON_THE_WAY]
    facts = [fact(kind, resource=RESOURCE) for kind in kinds]

    assert [each.kind for each in visits.in_order(facts)] == kinds[::-1]
