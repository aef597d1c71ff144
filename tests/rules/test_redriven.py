"""Dead letters that come back, and workers who meet: every fact is written once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.errors import Unavailable
from fieldlink.models import Outcome
from fieldlink.records import Visit
from fieldlink.writing import reports
from fieldlink.writing.standing import ABANDONED
from tests.make import APPOINTMENT, CONNECTION, NINE, World, event, geofence, report
from tests.rules.test_joining import MANY, outcome, told_of, town

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fieldlink.models import Report

LETTERS = 10_000
PEOPLE = 200
TIMES = 10  # that each fact is among them
DAY = (("entry", 0), ("entry", 2), ("out", 3), ("exit", 1), ("exit", 4))


def day_of(people: int) -> list[Report]:
    """What HyperTrack tells of a day on which everybody goes out for lunch."""
    return [
        report(told_of(number, kind, hours)) for number in range(people) for kind, hours in DAY
    ]


def taken(world: World, told: Sequence[Report]) -> None:
    for each in told:
        reports.take(each, world.desk)


def standing(world: World) -> Any:
    """What stands in Salesforce in the end: whose work, when, and its rows but for ids."""
    org = world.salesforce
    return (
        {
            key: (work.status, work.actual_start, work.actual_end)
            for key, work in org.work.items()
        },
        sorted((each.appointment, each.subject, each.starts_at) for each in org.events),
        sorted((each.starts_at, each.ends_at, each.subject) for each in org.entries),
    )


def test_ten_thousand_dead_letters_in_any_order_leave_what_the_facts_once_in_order_leave() -> (
    None
):
    facts = day_of(PEOPLE)
    letters = facts * TIMES
    assert len(letters) == LETTERS
    Random(3).shuffle(letters)  # noqa: S311
    once, redriven = town(PEOPLE), town(PEOPLE)

    taken(once, facts)
    taken(redriven, letters)

    assert standing(redriven) == standing(once)
    assert len({each.description for each in redriven.salesforce.events}) == len(
        redriven.salesforce.events
    )
    assert sorted(row.delivery for row in redriven.ledger.rows) == sorted(
        each.id for each in facts
    )


def test_letters_that_were_written_before_they_died_write_nothing_more() -> None:
    world, facts = town(), day_of(MANY)
    taken(world, facts)
    before = outcome(world), len(world.salesforce.wrote)

    taken(world, facts[::-1])

    assert (outcome(world), len(world.salesforce.wrote)) == before


@pytest.mark.parametrize("workers", [2, 20])
def test_workers_who_have_the_same_message_in_hand_write_it_once(workers: int) -> None:
    world, gate = World(), Barrier(workers)
    world.state.write_all([geofence()])
    told = report(event())

    def work(_: int) -> Outcome | None:
        gate.wait(10)
        try:
            return reports.take(told, world.desk)
        except Unavailable:
            return None

    with ThreadPoolExecutor(workers) as threads:
        found = list(threads.map(work, range(workers)))
    world.pass_time(ABANDONED)
    again = reports.take(told, world.desk)

    assert set(found) <= {Outcome.APPLIED, Outcome.DUPLICATE, None}
    assert again in {Outcome.APPLIED, Outcome.DUPLICATE, Outcome.SUPERSEDED}
    assert len(world.salesforce.events) == 1
    assert len(world.ledger.rows) == 1


def test_workers_on_one_appointment_lose_none_of_its_facts() -> None:
    """Two workers on one group: its lease ran out while the first was still at it."""
    world, gate = World(), Barrier(8)
    world.state.write_all([geofence()])
    told = [report(event(at=NINE + timedelta(minutes=number))) for number in range(8)]

    def work(mine: Report) -> bool:
        gate.wait(10)
        try:
            reports.take(mine, world.desk)
        except Unavailable:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(work, told))
    for mine, finished in zip(told, done, strict=True):
        world.pass_time(ABANDONED)
        if not finished:
            reports.take(mine, world.desk)

    visit = world.state.read(Visit, CONNECTION, APPOINTMENT)
    assert visit
    assert len(visit.facts) == 8
    assert visit.intent is None
    assert len(world.salesforce.events) == len({e.starts_at for e in world.salesforce.events})
    assert len({row.delivery for row in world.ledger.rows}) == 8
