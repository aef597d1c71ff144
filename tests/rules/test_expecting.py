"""When somebody will arrive: told once for each cause, if it is news, and never too late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.errors import Unclear
from fieldlink.models import Outcome
from fieldlink.records import Visit
from fieldlink.writing import reports
from fieldlink.writing.standing import ABANDONED
from tests.fakes import NOON
from tests.make import (
    APPOINTMENT,
    COLLEAGUE,
    CONNECTION,
    HANDLE,
    World,
    at,
    estimate,
    event,
    order,
    report,
)
from tests.rules.killing import every_death

FIRST = estimate("first_eta", 60)
CAUSES = ("first_eta", "position_update", "traffic_update", "route_change", "n_minutes_away")


def take(world: World, *told: Any) -> list[Outcome]:
    return [reports.take(report(each), world.desk) for each in told]


def delayed(*, expected: Any, at: Any, handle: str = HANDLE) -> dict[str, Any]:
    times = {"arrive_at": expected.isoformat(), "scheduled_at": NOON.isoformat()}
    return order("delayed", at=at, handle=handle, **times)


def told(world: World) -> list[str]:
    """The second line of each row of an estimate."""
    rows = [each for each in world.salesforce.events if "xpected" in each.description]
    return [each.description.splitlines()[1] for each in rows]


def reasons(world: World) -> list[str]:
    return [row.reason for row in world.ledger.rows if row.outcome is Outcome.SUPERSEDED]


def test_the_first_estimate_is_told() -> None:
    world = World()

    assert take(world, FIRST) == [Outcome.APPLIED]

    [row] = world.salesforce.events
    assert row.subject == "Expected: Ada Lovelace"
    assert told(world) == ["Expected at 2026-03-04 10:00 UTC"]


@pytest.mark.parametrize("cause", CAUSES[1:])
def test_an_estimate_that_moves_by_ten_minutes_is_told_once_for_its_cause(cause: str) -> None:
    world = World()

    outcomes = take(
        world,
        FIRST,
        estimate(cause, 60, at=at(9, 10)),
        estimate(cause, 120, at=at(9, 20)),
    )

    assert outcomes == [Outcome.APPLIED, Outcome.APPLIED, Outcome.SUPERSEDED]
    assert told(world)[1] == "Expected at 2026-03-04 10:10 UTC"
    assert reasons(world) == [f"told before: {cause}"]


@pytest.mark.parametrize("minutes", [51, 69])
def test_an_estimate_that_moves_by_less_is_in_the_ledger_only(minutes: int) -> None:
    world = World()

    take(world, FIRST, estimate("traffic_update", minutes, at=at(9, 0, 1)))

    assert len(told(world)) == 1
    assert reasons(world) == ["less than 10 min from what was told"]


def test_an_estimate_that_creeps_is_told_once_it_has_moved_by_ten_minutes() -> None:
    world = World()

    take(
        world,
        FIRST,
        estimate("traffic_update", 65, at=at(9, 1)),
        estimate("route_change", 68, at=at(9, 2)),
    )

    assert told(world)[1:] == ["Expected at 2026-03-04 10:10 UTC"]


def test_a_routine_estimate_is_in_the_ledger_only() -> None:
    world = World()

    assert take(world, estimate("eta", 60)) == [Outcome.SUPERSEDED]
    assert reasons(world) == ["a routine estimate"]


def test_a_delay_is_told_though_the_time_is_known_for_it_says_that_the_plan_fails() -> None:
    world = World()

    take(world, FIRST, delayed(expected=at(10), at=at(9, 5)))
    take(world, delayed(expected=at(13), at=at(9, 6)))

    assert told(world)[1:] == [
        "Delayed: expected at 2026-03-04 10:00 UTC, was planned for 2026-03-04 12:00 UTC"
    ]
    assert reasons(world) == ["told before: delayed"]


def test_an_older_estimate_is_no_news() -> None:
    world = World()

    take(world, estimate("traffic_update", 60, at=at(9, 5)), FIRST)

    assert len(told(world)) == 1
    assert reasons(world) == ["a later estimate is known"]


@pytest.mark.parametrize(
    "there", [order("arrived", at=at(9, 30)), event("entry", at=at(9, 30)), order("completed")]
)
def test_whoever_has_arrived_is_expected_no_more(there: Any) -> None:
    world = World()

    take(world, there, FIRST, delayed(expected=at(13), at=at(9, 40)))

    assert told(world) == []
    assert set(reasons(world)) == {"the resource has arrived"}


def test_a_colleague_who_has_arrived_leaves_the_other_expected() -> None:
    world = World()
    theirs = {**order("arrived"), "worker_handle": COLLEAGUE}

    take(world, theirs, FIRST)

    assert len(told(world)) == 1


def test_each_day_of_work_that_takes_days_has_its_own_estimates() -> None:
    world = World()
    days = [f"{HANDLE}-2026-03-0{day}" for day in (4, 5)]

    take(world, estimate("first_eta", 30, handle=days[0]), order(handle=days[0], at=at(9, 30)))
    take(world, estimate("first_eta", 30, at=at(10), handle=days[1]))

    assert len(told(world)) == 2


def test_what_is_not_told_is_not_kept_so_that_hundreds_do_no_harm() -> None:
    world = World()

    for number in range(400):
        take(world, estimate("position_update", 60, at=at(9) + timedelta(seconds=number)))

    visit = world.state.read(Visit, CONNECTION, APPOINTMENT)
    assert visit
    assert len(visit.facts) == 1
    assert len(world.ledger.rows) == 400
    assert take(world, order("arrived", at=at(11))) == [Outcome.APPLIED]


def test_an_estimate_of_whoever_has_the_work_no_more_is_ignored_and_not_parked() -> None:
    world = World(resources=(COLLEAGUE,))

    assert take(world, FIRST) == [Outcome.IGNORED]
    assert world.ledger.rows[0].reason == "the resource is not assigned any more"


def test_an_estimate_is_judged_by_the_one_that_another_worker_had_begun_to_tell() -> None:
    world = World()
    world.fate.fail("write Salesforce", Unclear("no answer"), times=1)
    with pytest.raises(Unclear):
        take(world, FIRST)
    world.pass_time(ABANDONED)

    take(world, estimate("traffic_update", 61, at=at(9, 1)), FIRST)

    assert [row.outcome for row in world.ledger.rows] == [Outcome.APPLIED, Outcome.SUPERSEDED]
    assert told(world) == ["Expected at 2026-03-04 10:00 UTC"]


@pytest.mark.parametrize("before", [[], [FIRST], [order("arrived", at=at(8))]])
@pytest.mark.parametrize(
    "struck",
    [estimate("traffic_update", 90, at=at(9, 5)), delayed(expected=at(13), at=at(9, 6))],
)
def test_an_estimate_is_told_once_whoever_dies_when(before: list[Any], struck: Any) -> None:
    def start() -> World:
        world = World()
        take(world, *before)
        return world

    whole = start()
    take(whole, struck)

    for world, death in every_death(start, lambda world: take(world, struck)):
        world.pass_time(ABANDONED)
        take(world, struck)

        assert told(world) == told(whole), death
        assert len(world.ledger.rows) == len(before) + 1, death


minutes = st.integers(0, 90)
EVENTS = st.one_of(
    st.tuples(st.sampled_from([*CAUSES, "eta"]), minutes, st.integers(1, 200)),
    st.tuples(st.sampled_from(["delayed"]), minutes, st.integers(1, 200)),
    st.tuples(st.sampled_from(["arrived"]), minutes, st.just(0)),
)


def content(kind: str, minute: int, away: int) -> dict[str, Any]:
    moment = at(9) + timedelta(minutes=minute)
    if kind == "arrived":
        return order("arrived", at=moment)
    if kind == "delayed":
        return delayed(expected=moment + timedelta(minutes=away), at=moment)
    return estimate(kind, away, at=moment)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(EVENTS, max_size=12).flatmap(st.permutations))
def test_in_any_order_nobody_is_told_twice_of_one_cause_nor_after_an_arrival(
    told: list[tuple[str, int, int]],
) -> None:
    world = World()
    last: tuple[int, int] | None = None  # when it was told, and the time that was told then
    causes: set[str] = set()
    there = False
    for kind, minute, away in told:
        before = len(world.salesforce.events)
        take(world, content(kind, minute, away))
        rows = world.salesforce.events[before:]
        if kind == "arrived":
            there = True
            continue
        expected = minute + away
        if rows:
            assert kind != "eta"
            assert not there
            assert kind not in causes
            assert last is None or minute > last[0]
            assert last is None or kind == "delayed" or abs(expected - last[1]) >= 10
            last = (minute, expected)
            causes.add(kind)
        elif last is None and kind != "eta":
            assert there
    assert len(world.ledger.rows) == len({report(content(*each)).id for each in told})
