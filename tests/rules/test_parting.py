"""What an appointment contributes to each day of a resource."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.hours import parting
from fieldlink.hours.parting import NOT_LEFT, TOO_LONG, UNSEEN
from fieldlink.models import Fact, Kind, Travel
from fieldlink.practice import Practice
from tests.make import APPOINTMENT, ASSIGNMENT, COLLEAGUE, RESOURCE, at, fact, view
from tests.rules import day_oracle

if TYPE_CHECKING:
    import random

    from fieldlink.records import Part

CAME, LEFT = Kind.ARRIVED, Kind.LEFT
IN, OUT, GONE = Kind.CHECKED_IN, Kind.CHECKED_OUT, Kind.EXIT_CONFIRMED
CLOSED = Kind.CLOSED
TODAY = date(2026, 3, 4)
TOMORROW = date(2026, 3, 5)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Africa/Cairo",  # where the clock goes forward at midnight
    "America/Havana",  # where it goes back to midnight
    "Australia/Lord_Howe",  # by half an hour
    "Asia/Kathmandu",
)
# Days on which the clock is changed in one or the other of these, and one on which it is not.
DAYS = ((2026, 3, 4), (2026, 3, 29), (2026, 10, 25), (2026, 4, 24), (2026, 11, 1), (2026, 4, 5))


def parts(*told: Fact, practice: Practice | None = None, **seen: object) -> dict[date, Part]:
    return parting.parts(told, RESOURCE, view(**seen), practice or Practice())


def hours(part: Part) -> list[tuple[str, str]]:
    """When it has work, in UTC."""
    return [(f"{each.start:%d %H:%M}", f"{each.end:%d %H:%M}") for each in part.blocks]


def test_work_that_was_checked_out_is_over() -> None:
    found = parts(fact(CAME, at(9, 0, 59)), fact(OUT, at(10, 30, 59)))

    assert hours(found[TODAY]) == [("04 09:00", "04 10:30")]


def test_work_that_goes_on_contributes_nothing_yet() -> None:
    assert parts(fact(CAME, at(9)), fact(LEFT, at(10))) == {}
    assert parts(fact(CAME, at(9)), fact(OUT, at(10)), fact(CAME, at(11))) == parts(
        fact(CAME, at(9)), fact(OUT, at(10))
    )


def test_work_of_a_day_is_over_once_the_next_one_begins() -> None:
    first = [fact(CAME, at(9)), fact(LEFT, at(17))]

    found = parts(*first, fact(CAME, at(9) + timedelta(days=1)))

    assert {day: hours(part) for day, part in found.items()} == {
        TODAY: [("04 09:00", "04 17:00")]
    }


def test_a_night_is_split_at_midnight_where_the_resource_lives() -> None:
    found = parts(fact(CAME, at(22)), fact(OUT, at(23, 50)), time_zone="Europe/Berlin")

    assert hours(found[TODAY]) == [("04 22:00", "04 23:00")]
    assert hours(found[TOMORROW]) == [("04 23:00", "04 23:50")]


def test_a_lunch_is_within_the_work_and_a_longer_break_parts_it() -> None:
    told = [fact(CAME, at(9)), fact(LEFT, at(12)), fact(CAME, at(12, 45)), fact(OUT, at(15))]

    joined = parts(*told, practice=Practice(join=45))[TODAY]
    parted = parts(*told, practice=Practice(join=44))[TODAY]

    assert hours(joined) == [("04 09:00", "04 15:00")]
    assert hours(parted) == [("04 09:00", "04 12:00"), ("04 12:45", "04 15:00")]


def test_work_of_no_length_lasts_a_minute() -> None:
    found = parts(fact(CAME, at(23, 59, 10)), fact(OUT, at(23, 59, 50)))

    assert hours(found[TODAY]) == [("04 23:59", "05 00:00")]


def test_leaving_for_good_is_as_good_as_checking_out_where_that_is_the_practice() -> None:
    told = [fact(CAME, at(9)), fact(LEFT, at(10)), fact(GONE, at(10))]
    by_exit = Practice(complete_by="exit")

    assert parts(*told) == {}
    assert hours(parts(*told, practice=by_exit)[TODAY]) == [("04 09:00", "04 10:00")]


def test_going_home_in_between_ends_no_work_that_goes_on_for_days() -> None:
    day = timedelta(days=1)
    first = [fact(CAME, at(9)), fact(LEFT, at(17)), fact(GONE, at(17))]
    second = [fact(CAME, at(9) + day), fact(LEFT, at(12) + day), fact(CLOSED, at(13) + day)]
    scheduled = {"starts_at": at(8), "ends_at": at(17) + day}
    by_exit = Practice(complete_by="exit")

    evening = parts(*first, practice=by_exit, **scheduled)
    found = parts(*first, *second, practice=by_exit, **scheduled)

    assert hours(evening[TODAY]) == hours(found[TODAY]) == [("04 09:00", "04 17:00")]
    assert hours(found[TOMORROW]) == [("05 09:00", "05 12:00")]


def test_an_exit_counts_for_nothing_once_it_is_known_that_they_came_back() -> None:
    told = [fact(CAME, at(9)), fact(LEFT, at(10)), fact(GONE, at(10)), fact(CAME, at(10, 5))]

    assert parts(*told, practice=Practice(complete_by="exit")) == {}


def test_work_that_was_closed_in_salesforce_ends_with_the_departure() -> None:
    came, left = fact(CAME, at(9)), fact(LEFT, at(10))

    found = parts(came, left, fact(CLOSED, at(17)))

    assert hours(found[TODAY]) == [("04 09:00", "04 10:00")]
    assert parts(came, fact(CLOSED, at(9, 50)), left) == found


def test_a_dispatcher_who_closes_work_ends_no_stay_and_that_is_told() -> None:
    found = parts(fact(CAME, at(9)), fact(CLOSED, at(17)))

    assert (hours(found[TODAY]), found[TODAY].problem) == ([], NOT_LEFT)
    assert parts(fact(CLOSED, at(8))) == {}
    assert parts(fact(CLOSED, at(8)), fact(CAME, at(9)), fact(LEFT, at(10))) == {}


def test_a_check_out_says_more_than_a_closing() -> None:
    out = [fact(CAME, at(9)), fact(OUT, at(10)), fact(CAME, at(11)), fact(LEFT, at(12))]

    assert parts(*out, fact(CLOSED, at(17))) == parts(*out)


def test_work_of_which_the_beginning_was_not_seen_is_told_as_a_problem() -> None:
    found = parts(fact(OUT, at(10)))

    assert (found[TODAY].blocks, found[TODAY].problem) == ((), UNSEEN)


def test_nobody_is_believed_to_have_stayed_for_more_than_a_day() -> None:
    begun = fact(CAME, at(9))

    believed = parts(begun, fact(OUT, at(9) + timedelta(hours=24)))
    doubted = parts(begun, fact(OUT, at(9, 1) + timedelta(hours=24)))

    assert [hours(part) for part in believed.values()] == [
        [("04 09:00", "05 00:00")],
        [("05 00:00", "05 09:00")],
    ]
    assert {day: (part.blocks, part.problem) for day, part in doubted.items()} == {
        TOMORROW: ((), TOO_LONG)
    }


def test_what_a_colleague_did_is_not_of_this_resources_day() -> None:
    theirs = [fact(CAME, at(9), resource=COLLEAGUE), fact(OUT, at(10), resource=COLLEAGUE)]

    assert parts(*theirs) == {}


def test_a_part_says_what_its_entries_are_linked_to() -> None:
    [part] = parts(
        fact(CAME, at(9), travel=Travel(seconds=60)),
        number="SA-0001",
        work_order="0WO000000000001AAA",
        work_order_line="1WL000000000001AAA",
        time_zone="Europe/Berlin",
        site_zone="Europe/Lisbon",
    ).values()

    assert (part.appointment, part.assignment, part.number) == (
        APPOINTMENT,
        ASSIGNMENT,
        "SA-0001",
    )
    assert (part.work_order, part.work_order_line) == (
        "0WO000000000001AAA",
        "1WL000000000001AAA",
    )
    assert part.zone == "Europe/Lisbon"


# ── the way there ─────────────────────────────────────────────────────────────


def test_the_way_is_told_at_once_and_is_that_of_the_first_arrival_of_the_day() -> None:
    later = fact(CAME, at(13), travel=Travel(seconds=60))
    first = fact(CAME, at(9), travel=Travel(seconds=600, idle_seconds=20, metres=5_000))

    [part] = parts(later, first, fact(IN, at(8), travel=Travel(seconds=1))).values()

    assert part.trip
    assert (part.trip.arrived_at, part.trip.seconds) == (at(9), 600)
    assert (part.trip.idle_seconds, part.trip.metres) == (20, 5_000)


def test_a_departure_tells_of_the_way_to_its_arrival() -> None:
    left = fact(LEFT, at(10), arrived_at=at(9), travel=Travel(seconds=600))

    [part] = parts(left).values()

    assert part.trip
    assert part.trip.arrived_at == at(9)


def test_of_the_ways_of_several_days_one_is_the_first() -> None:
    tomorrow = fact(CAME, at(9) + timedelta(days=1), travel=Travel(seconds=60))
    today = fact(CAME, at(9), travel=Travel(seconds=60))

    alone, both = parts(tomorrow), parts(tomorrow, today)

    assert [bool(part.trip and part.trip.first) for part in alone.values()] == [True]
    assert [bool(part.trip and part.trip.first) for part in both.values()] == [True, False]


@pytest.mark.parametrize("seconds", [-1.0, 1e300])
def test_an_absurd_way_is_no_way(seconds: float) -> None:
    assert parts(fact(CAME, at(9), travel=Travel(seconds=seconds))) == {}


# ── any order ─────────────────────────────────────────────────────────────────


# Of three days, in steps of five minutes and 15 seconds, so that they often coincide.
STEPS = st.tuples(st.integers(0, 3 * 24 * 12), st.integers(0, 3))
WAYS = st.none() | st.builds(
    Travel,
    seconds=st.integers(0, 7_200),
    idle_seconds=st.none() | st.integers(0, 1_000),
    metres=st.none() | st.integers(0, 9_999),
)
TOLD = st.lists(
    st.tuples(
        st.sampled_from([CAME, CAME, LEFT, LEFT, IN, OUT, CLOSED, Kind.ON_THE_WAY]),
        STEPS,
        WAYS,
        st.none() | STEPS,
    ),
    max_size=9,
)


def facts_of(
    on: tuple[int, int, int],
    told: list[tuple[Kind, tuple[int, int], Travel | None, tuple[int, int] | None]],
) -> list[Fact]:
    """Three days of coming and going."""
    begin = datetime(*on, tzinfo=UTC) - timedelta(hours=12)

    def moment(step: tuple[int, int]) -> datetime:
        return begin + timedelta(minutes=5 * step[0], seconds=15 * step[1])

    return [
        fact(
            kind,
            moment(when),
            key=str(number),
            travel=way,
            arrived_at=moment(came) if came and kind is LEFT else None,
        )
        for number, (kind, when, way, came) in enumerate(told)
    ]


@settings(max_examples=1_000, deadline=None, derandomize=True, database=None)
@given(
    st.builds(facts_of, st.sampled_from(DAYS), TOLD),
    st.randoms(use_true_random=False),
    st.sampled_from(ZONES),
    st.sampled_from([0, 15, 60]),
)
def test_any_order_and_repetition_gives_what_the_oracle_tells(
    facts: list[Fact], order: random.Random, zone: str, join: int
) -> None:
    shuffled = order.sample(facts * 2, 2 * len(facts))
    practice = Practice(join=join)

    found = parts(*shuffled, practice=practice, time_zone=zone)

    assert found == parts(*facts, practice=practice, time_zone=zone)
    minutes = {
        day: [
            frozenset(range(int(each.start.timestamp()) // 60, int(each.end.timestamp()) // 60))
            for each in part.blocks
        ]
        for day, part in found.items()
        if part.blocks
    }
    assert minutes == day_oracle.work(facts, zone, join)
    assert {day: way_of(part) for day, part in found.items() if part.trip} == day_oracle.ways(
        facts, zone
    )


def way_of(part: Part) -> day_oracle.Way:
    trip = part.trip
    assert trip
    arrived = int(trip.arrived_at.timestamp())
    return day_oracle.Way(arrived, int(trip.seconds), int(trip.idle_seconds), trip.metres)
