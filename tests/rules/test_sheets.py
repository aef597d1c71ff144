"""A time sheet has no key of ours, and several days share it: one worker at a time makes it."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from fieldlink.errors import Contended, Refused, Unavailable, Unclear
from fieldlink.models import Kind
from fieldlink.practice import Practice
from fieldlink.records import SheetClaim
from fieldlink.writing import releasing
from tests.make import CONNECTION, RESOURCE, World, at, fact
from tests.rules.crew import OTHER, anchor, apply, crew, held, pending, take, truth
from tests.rules.killing import every_death
from tests.rules.meeting import every_meeting

if TYPE_CHECKING:
    from tests.fakes import Fate

LEASE = timedelta(minutes=12)
WEEKLY = Practice(sheet_period="week")


def tuesday(hours: int, minutes: int = 0) -> datetime:
    """The day before that on which all else happens."""
    return datetime(2026, 3, 3, hours, minutes, tzinfo=UTC)


ARRIVALS = [fact(Kind.ARRIVED, at(9)), fact(Kind.ARRIVED, tuesday(9), appointment=OTHER)]
OUT = fact(Kind.CHECKED_OUT, at(10))
OUT_TUESDAY = fact(Kind.CHECKED_OUT, tuesday(10), appointment=OTHER)
ALL = [*ARRIVALS, OUT, OUT_TUESDAY]


def week(fate: Fate | None = None) -> World:
    """Somebody is at work on two days of a week that has no sheet yet."""
    world = crew(practice=WEEKLY, fate=fate)
    world.salesforce.work[OTHER].starts_at = tuesday(9)
    apply(world, *ARRIVALS)
    return world


def has_one_sheet(world: World) -> bool:
    [sheet] = world.salesforce.sheets[RESOURCE]
    return (
        {each.sheet for each in world.salesforce.entries} == {sheet.id}
        and held(world) == truth(ALL, WEEKLY)
        and not pending(world)
    )


def claimed(world: World) -> bool:
    return "SheetClaim" in world.state.kinds


def test_two_days_of_a_week_have_one_new_sheet_wherever_their_workers_meet() -> None:
    ended = set()
    for met in every_meeting(
        week, lambda world: take(world, OUT), lambda world: take(world, OUT_TUESDAY)
    ):
        for told, end in zip((OUT, OUT_TUESDAY), met.ends, strict=True):
            ended.add(isinstance(end, Contended))
            if isinstance(end, Unavailable):
                take(met.world, told)

        assert has_one_sheet(met.world), met.stops
    assert True in ended, "they never met"


@pytest.mark.parametrize("first", ["who died", "who came then"])
def test_a_week_has_one_new_sheet_whoever_dies_when(first: str) -> None:
    for world, death in every_death(week, lambda world: take(world, OUT)):
        with suppress(Unavailable):
            take(world, OUT_TUESDAY)
        world.pass_time(LEASE)

        apply(world, *([OUT, OUT_TUESDAY] if first == "who died" else [OUT_TUESDAY, OUT]))

        assert has_one_sheet(world), death


def answer_lost(*, carried_out: bool) -> World:
    world = week()
    lost = Unclear("no answer")
    world.fate.fail("write Salesforce", lost, after=carried_out, times=1)
    with pytest.raises(Unclear):
        take(world, OUT)
    return world


def test_a_sheet_whose_answer_was_lost_is_used_as_soon_as_it_is_seen() -> None:
    world = answer_lost(carried_out=True)

    take(world, OUT_TUESDAY)
    world.pass_time(LEASE)
    take(world, OUT)

    assert has_one_sheet(world)


@pytest.mark.parametrize("parked", [False, True])
def test_nobody_makes_a_sheet_that_may_still_appear(parked: bool) -> None:
    world, late = answer_lost(carried_out=False), answer_lost(carried_out=True)
    begun = anchor(world).intent
    assert begun
    if parked:
        releasing.release(begun.delivered.delivery, OUT.appointment, world.desk)

    with pytest.raises(Unavailable, match="another worker makes this time sheet"):
        take(world, OUT_TUESDAY)
    world.salesforce.write(late.salesforce.wrote[-1])
    take(world, OUT_TUESDAY)
    world.pass_time(LEASE)
    take(world, OUT)

    assert has_one_sheet(world)


def test_a_sheet_that_has_not_appeared_when_nobody_can_be_at_it_is_made() -> None:
    world = answer_lost(carried_out=False)
    world.pass_time(LEASE)

    apply(world, OUT_TUESDAY, OUT)

    assert has_one_sheet(world)


@pytest.mark.parametrize("error", [Unavailable("503"), Refused("no")])
def test_a_sheet_that_was_surely_not_made_is_anybodys_at_once(error: Exception) -> None:
    world = week()
    world.fate.fail("write Salesforce", error, times=3)
    with pytest.raises(type(error)):
        take(world, OUT)
    world.fate.recover()

    assert not claimed(world)
    apply(world, OUT_TUESDAY, OUT)

    assert has_one_sheet(world)


def test_a_sheet_that_a_person_deletes_is_made_anew_once_nobody_can_be_at_it() -> None:
    world = week()
    take(world, OUT)
    for each in [*world.salesforce.entries]:
        world.salesforce.delete_entry(each.id)
    world.salesforce.sheets[RESOURCE].clear()
    with pytest.raises(Unavailable, match="another worker makes this time sheet"):
        take(world, OUT_TUESDAY)

    world.pass_time(LEASE)
    take(world, OUT_TUESDAY)

    assert len(world.salesforce.sheets[RESOURCE]) == 1
    assert [each.starts_at for each in world.salesforce.entries] == [tuesday(9)]


def test_a_sheet_that_is_there_costs_no_claim() -> None:
    world = week()
    take(world, OUT)
    before = len(world.fate.effects)

    take(world, OUT_TUESDAY)

    assert not [each for each in world.fate.effects[before:] if "SheetClaim" in each]


def test_a_claim_of_a_sheet_goes_by_itself() -> None:
    world = week()

    take(world, OUT)

    [claim] = world.state.all_of(SheetClaim, CONNECTION)
    assert claim.ttl == int((world.now + timedelta(days=1)).timestamp())
