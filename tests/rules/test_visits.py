"""Coming and going, told in any order."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.models import Category, Fact, Kind, Travel
from fieldlink.writing import visits
from tests.make import RESOURCE, at, fact
from tests.rules.oracle import travelled, visit

if TYPE_CHECKING:
    from fieldlink.writing.visits import Attendance

CAME, LEFT = Kind.ARRIVED, Kind.LEFT
IN, OUT = Kind.CHECKED_IN, Kind.CHECKED_OUT


def attendance(*told: tuple[Kind, int]) -> Attendance:
    """Of facts at minutes past nine."""
    return visits.attendance(fact(kind, at(9, minute)) for kind, minute in told)


def times(*told: tuple[Kind, int]) -> tuple[int | None, int | None]:
    """Start and end in minutes past nine."""
    found = attendance(*told)
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


def test_a_lunch_joins_two_stays_and_a_longer_break_parts_them() -> None:
    before, after = attendance((CAME, 0), (LEFT, 10)), fact(LEFT, at(10, 30))
    morning = [fact(CAME, at(9)), fact(LEFT, at(9, 10)), after]

    lunch = visits.attendance([*morning, fact(CAME, at(10, 10))])
    elsewhere = visits.attendance([*morning, fact(CAME, at(10, 11))])

    assert (lunch.block_start, lunch.interrupted) == (before.start, False)
    assert (elsewhere.block_start, elsewhere.interrupted) == (at(10, 11), True)


def test_the_way_is_that_of_the_first_arrival() -> None:
    facts = [
        fact(CAME, at(9, 30), travel=Travel(seconds=1)),
        fact(CAME, at(9), travel=Travel(seconds=600)),
        fact(IN, at(8), travel=Travel(seconds=2)),
    ]

    assert visits.attendance(facts).travel == Travel(seconds=600)


@pytest.mark.parametrize(
    ("kinds", "category"),
    [
        ([], Category.NONE),
        ([Kind.CLOCKED_IN, Kind.DEVICE_SEEN], Category.NONE),
        ([Kind.ON_THE_WAY], Category.DISPATCHED),
        ([CAME, Kind.ON_THE_WAY], Category.IN_PROGRESS),
        ([LEFT], Category.IN_PROGRESS),
        ([Kind.CANCELLED, CAME], Category.CANNOT_COMPLETE),
        ([OUT, Kind.CANCELLED], Category.COMPLETED),
    ],
)
def test_the_furthest_fact_says_how_far_the_work_is(
    kinds: list[Kind], category: Category
) -> None:
    assert visits.category(fact(kind) for kind in kinds) is category


def test_every_kind_of_fact_has_its_place_in_an_instant() -> None:
    assert set(visits.RANKS) == set(Kind)


@st.composite
def facts_of_one(draw: st.DrawFn) -> list[Fact]:
    moment = st.integers(0, 240).map(lambda passed: at(9) + timedelta(seconds=15 * passed))
    told = draw(
        st.lists(st.tuples(st.sampled_from(list(Kind)), moment, st.none() | moment), max_size=9)
    )
    return [
        fact(kind, moment, key=str(number), arrived_at=arrived if kind is LEFT else None)
        for number, (kind, moment, arrived) in enumerate(told)
    ]


@settings(max_examples=3_000, deadline=None, derandomize=True, database=None)
@given(facts_of_one().flatmap(lambda facts: st.tuples(st.just(facts), st.permutations(facts))))
def test_any_order_gives_the_attendance_that_the_oracle_tells(
    told: tuple[list[Fact], list[Fact]],
) -> None:
    facts, shuffled = told

    found = visits.attendance(shuffled)

    assert found == visits.attendance(facts)
    assert (found.start, found.end) == visit(facts)
    if found.block_start and found.start:
        assert found.block_start >= found.start
    assert travelled(facts) is None


def test_facts_of_one_instant_are_ordered_by_meaning_and_then_by_key() -> None:
    kinds = [LEFT, OUT, Kind.CANCELLED, IN, CAME, Kind.ON_THE_WAY]
    facts = [fact(kind, resource=RESOURCE) for kind in kinds]

    assert [each.kind for each in visits.in_order(facts)] == kinds[::-1]
