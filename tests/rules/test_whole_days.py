"""Whole days, told in any order, and with a person at the same sheets."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.models import Fact, Kind, Travel
from fieldlink.practice import Practice
from tests.make import fact
from tests.rules import day_oracle
from tests.rules.paper import ASSIGNED, CLOCKS, Book
from tests.rules.test_parting import DAYS, ZONES

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from fieldlink.models import Booked, SheetEntry

KINDS = [Kind.ARRIVED, Kind.ARRIVED, Kind.LEFT, Kind.CHECKED_OUT, Kind.CHECKED_OUT]
MINUTE = timedelta(minutes=1)

type Told = tuple[Kind, int, Travel | None, str]


class Case(NamedTuple):
    """What happened, in one order and in another, and where."""

    told: list[Fact]
    shuffled: list[Fact]
    zone: str
    practice: Practice


# Of two days, in steps of ten minutes; half of them in the first hours, so that they overlap.
STEPS = st.integers(0, 24) | st.integers(0, 9 * 24)
WAYS = st.none() | st.builds(
    lambda minutes, idle, metres: Travel(
        seconds=60 * minutes, idle_seconds=60 * idle, metres=metres
    ),
    st.integers(0, 90),
    st.integers(0, 20),
    st.integers(0, 9_999),
)
WORK = st.lists(
    st.tuples(st.sampled_from(KINDS), STEPS, WAYS, st.sampled_from([*ASSIGNED])), max_size=9
)
CLOCK = st.lists(
    st.tuples(st.sampled_from(sorted(CLOCKS)), STEPS, st.none(), st.just("")), max_size=2
)
PRACTICES = st.builds(
    Practice,
    time_sheets=st.sampled_from(["visits", "visits_and_travel"]),
    sheet_period=st.sampled_from(["day", "week", "month"]),
    join=st.sampled_from([0, 30]),
    distance_field=st.just("Distance__c"),
)


def told_of(
    on: tuple[int, int, int],
    work: list[Told],
    clock: list[Told],
    order: random.Random,
    zone: str,
    practice: Practice,
) -> Case:
    """At up to three places that are next to each other."""
    begin = datetime(*on, tzinfo=UTC) - timedelta(hours=3)
    facts = {}
    for kind, step, way, appointment in [*work, *clock]:
        at, key = begin + 10 * step * MINUTE, f"{kind}/{step}/{appointment}"
        travel = way if kind is Kind.ARRIVED else None
        facts[key] = fact(kind, at, travel=travel, appointment=appointment, key=key)
    told = list(facts.values())
    return Case(told, order.sample(told, len(told)), zone, practice)


CASES = st.builds(
    told_of,
    st.sampled_from(DAYS),
    WORK,
    CLOCK,
    st.randoms(use_true_random=False),
    st.sampled_from(ZONES),
    PRACTICES,
)
# A person does what, after which fact, and to which entry.
TOUCHES = st.lists(
    st.tuples(
        st.integers(0, 11),
        st.sampled_from(["shorter", "longer", "earlier", "deleted", "Submitted"]),
        st.integers(0, 9),
    ),
    min_size=1,
)


@settings(max_examples=1_000, deadline=None, derandomize=True, database=None)
@given(CASES)
def test_whatever_the_order_what_stands_is_what_the_oracle_tells(case: Case) -> None:
    book = Book(practice=case.practice, zone=case.zone)

    for each in case.shuffled:
        book.hear(each)
        assert_no_overlap(book)

    assert entered(book) == expected_entries(case)
    travel, distances = expected_fields(case)
    assert values(book.paper.travel) == travel
    assert values(book.paper.distances) == distances
    assert all(each.empty for each in book.settle())


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(CASES)
def test_whatever_the_order_the_same_rows_have_the_same_keys(case: Case) -> None:
    one = Book(practice=case.practice, zone=case.zone)
    other = Book(practice=case.practice, zone=case.zone)

    one.hear(*case.told)
    other.hear(*case.shuffled)

    assert rows(one) == rows(other)


@settings(max_examples=700, deadline=None, derandomize=True, database=None)
@given(CASES, TOUCHES)
def test_what_a_person_has_touched_stays_so_and_the_rest_makes_room(
    case: Case, person: list[tuple[int, str, int]]
) -> None:
    book = Book(practice=case.practice, zone=case.zone)
    touched: dict[str, Booked | None] = {}

    for number, each in enumerate(case.shuffled):
        book.hear(each)
        for when, what, which in person:
            if when == number and book.paper.entries:
                touched |= touch(book, what, which)
    book.settle()

    for name, left in touched.items():
        stands = book.paper.entries.get(name)
        assert (stands[1] if stands else None) == left
    assert_no_overlap(book, touched)
    assert all(each.empty for each in book.settle())


def touch(book: Book, what: str, which: int) -> dict[str, Booked | None]:
    """A person takes one of the entries in hand."""
    name = sorted(book.paper.entries)[which % len(book.paper.entries)]
    _, booked = book.paper.entries[name]
    change: dict[str, dict[str, Any]] = {
        "shorter": {"ends_at": booked.starts_at + (booked.ends_at - booked.starts_at) / 2},
        "longer": {"ends_at": booked.ends_at + 17 * MINUTE},
        "earlier": {"starts_at": booked.starts_at - 17 * MINUTE},
        "Submitted": {"sheet_status": "Submitted"},
    }
    if what == "deleted":
        del book.paper.entries[name]
        return {name: None}
    book.paper.change(name, **change[what])
    return {name: book.paper.entries[name][1]}


# ── what stands, and what should ──────────────────────────────────────────────


def assert_no_overlap(book: Book, touched: Iterable[str] = ()) -> None:
    """A person may let entries overlap: two touched ones, or one with another day's."""
    ordered = sorted(
        (each.starts_at, each.ends_at, name, written.key.split("/")[2])
        for name, (written, each) in book.paper.entries.items()
    )
    theirs = set(touched)
    for one, other in combinations(ordered, 2):
        by_person = len({one[2], other[2]} & theirs)
        if by_person < 2 and not (by_person and one[3] != other[3]):
            assert one[1] <= other[0]


def entered(book: Book) -> set[day_oracle.Standing]:
    return {
        (
            written.key.partition("/")[0],
            written.key.endswith("/way"),
            int(each.starts_at.timestamp()) // 60,
            int(each.ends_at.timestamp()) // 60,
        )
        for written, each in book.paper.entries.values()
    }


def rows(book: Book) -> set[tuple[str, datetime, datetime, str]]:
    def row(entry: SheetEntry, stands: Booked) -> tuple[str, datetime, datetime, str]:
        return entry.key, stands.starts_at, stands.ends_at, entry.description

    return {row(*each) for each in book.paper.entries.values()}


def values(stands: dict[str, float | None]) -> dict[str, float]:
    return {name: each for name, each in stands.items() if each is not None}


def truths(case: Case) -> dict[date, day_oracle.Truth]:
    blocks = {
        name: day_oracle.work(of(case, name), case.zone, case.practice.join)
        for name in ASSIGNED
    }
    ways = {name: day_oracle.ways(of(case, name), case.zone) for name in ASSIGNED}
    clock = [each for each in case.told if each.kind in CLOCKS]
    dates = {day for name in ASSIGNED for day in {*blocks[name], *ways[name]}}
    return {
        on: day_oracle.truth(
            {name: its[on] for name, its in blocks.items() if on in its},
            {name: its[on] for name, its in ways.items() if on in its},
            [each for each in clock if day_oracle.local(each.at, case.zone) == on],
            on=on,
            zone=case.zone,
            with_travel=case.practice.time_sheets == "visits_and_travel",
        )
        for on in dates
    }


def expected_entries(case: Case) -> set[day_oracle.Standing]:
    return {each for truth in truths(case).values() for each in truth.entries}


def expected_fields(case: Case) -> tuple[dict[str, float], dict[str, float]]:
    """Travel by assignment, and distance by appointment: of the first day that has a way."""
    of_day = truths(case)
    travel: dict[str, float | None] = {}
    far: dict[str, float | None] = {}
    for name, assignment in ASSIGNED.items():
        ways = day_oracle.ways(of(case, name), case.zone)
        if ways:
            first = of_day[min(ways)]
            metres = first.metres[name]
            travel[assignment] = first.travel[name]
            far[name] = None if metres is None else round(metres / 1_000, 2)
    return values(travel), values(far)


def of(case: Case, appointment: str) -> list[Fact]:
    return [each for each in case.told if each.appointment == appointment]
