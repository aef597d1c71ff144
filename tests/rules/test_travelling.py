"""Whose a trip is, and how long it took."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.hours.travelling import Share, shares
from fieldlink.records import Part, Trip
from tests.make import at
from tests.rules import day_oracle
from tests.rules.day_oracle import Way

ONE, OTHER, THIRD = "08p000000000001AAA", "08p000000000002AAA", "08p000000000003AAA"


def trip(arrived: datetime, minutes: float, idle: float = 0, metres: float = 9_000) -> Trip:
    return Trip(arrived_at=arrived, seconds=60 * minutes, idle_seconds=60 * idle, metres=metres)


def whose(begin: datetime | None = None, **trips: Trip) -> dict[str, Share]:
    """The shares of three appointments."""
    names = {"one": ONE, "other": OTHER, "third": THIRD}
    parts = {
        names[name]: Part(appointment=names[name], trip=each) for name, each in trips.items()
    }
    return shares(parts, begin)


def minutes(found: dict[str, Share]) -> list[float]:
    return [each.minutes for _, each in sorted(found.items())]


def test_idle_time_is_apart() -> None:
    assert minutes(whose(one=trip(at(9), 30, idle=10))) == [20]
    assert minutes(whose(one=trip(at(9), 30, idle=40))) == [0]
    assert minutes(whose(one=trip(at(9), 10.333))) == [10.33]


def test_each_has_its_own_trip() -> None:
    found = whose(one=trip(at(9), 30), other=trip(at(12), 30, metres=500))

    assert minutes(found) == [30, 30]
    assert [each.metres for each in found.values()] == [9_000, 500]


def test_of_two_at_one_place_the_one_reached_first_has_the_trip() -> None:
    found = whose(one=trip(at(9, 2), 32), other=trip(at(9), 30))

    assert minutes(found) == [2, 30]
    assert (found[ONE].metres, found[OTHER].metres) == (None, 9_000)


def test_of_two_reached_in_one_moment_the_lower_id_has_the_trip() -> None:
    found = whose(other=trip(at(9), 30), one=trip(at(9), 30))

    assert minutes(found) == [30, 0]


def test_a_trip_within_another_frees_nothing_of_it() -> None:
    found = whose(one=trip(at(9), 60), other=trip(at(8, 40), 10), third=trip(at(9, 10), 70))

    assert minutes(found) == [50, 10, 10]


def test_there_is_no_travel_before_the_clock_in() -> None:
    found = whose(at(8, 45), one=trip(at(9), 30), other=trip(at(8, 30), 10))

    assert minutes(found) == [15, 0]
    assert (found[ONE].metres, found[OTHER].metres) == (9_000, None)


def test_idle_time_lies_before_the_clock_in_if_there_is_room() -> None:
    assert minutes(whose(at(8, 45), one=trip(at(9), 30, idle=10))) == [15]


ways = st.builds(
    lambda arrived, seconds, idle: Way(
        int(at(9).timestamp()) + arrived, seconds, idle, float(seconds)
    ),
    st.integers(0, 400).map(lambda step: step * 15),
    st.integers(0, 3_600),
    st.integers(0, 400),
)


@settings(max_examples=2_000, deadline=None, derandomize=True, database=None)
@given(
    st.dictionaries(st.sampled_from([ONE, OTHER, THIRD, "a", "z"]), ways).flatmap(
        lambda there: st.tuples(st.just(there), st.permutations(list(there)))
    ),
    st.none() | st.integers(-60, 100).map(lambda step: at(9) + timedelta(minutes=step)),
)
def test_no_trip_is_shared_twice_in_whatever_order_it_was_told(
    told: tuple[dict[str, Way], list[str]], begin: datetime | None
) -> None:
    there, shuffled = told
    parts = {name: Part(appointment=name, trip=as_trip(there[name])) for name in shuffled}

    found = shares(parts, begin)

    expected = day_oracle.shared(there, int(begin.timestamp()) if begin else None)
    assert {name: each.minutes for name, each in found.items()} == {
        name: round(len(its) / 60, 2) for name, its in expected.items()
    }
    assert {name: each.metres for name, each in found.items()} == {
        name: way.metres if expected[name] and day_oracle.alone(name, there) else None
        for name, way in there.items()
    }
    travelled = [
        frozenset(range(int(first.timestamp()), int(last.timestamp())))
        for each in found.values()
        for first, last in each.spans
    ]
    union: set[int] = set().union(*(day_oracle.seconds(way) for way in there.values()))
    assert sum(map(len, travelled)) == len(frozenset().union(*travelled))
    assert frozenset().union(*travelled) <= union


def as_trip(way: Way) -> Trip:
    arrived = at(0) + timedelta(seconds=way.arrived - int(at(0).timestamp()))
    return Trip(
        arrived_at=arrived, seconds=way.seconds, idle_seconds=way.idle, metres=way.metres
    )
