"""What a resource's day takes in: all its work, and its clock-ins and clock-outs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.models import Fact, Kind, Outcome, Travel
from fieldlink.practice import Practice
from fieldlink.records import Day, Resource
from fieldlink.writing import days, releasing, write_back
from tests.fakes import Death, Killed
from tests.make import (
    APPOINTMENT,
    CONNECTION,
    RESOURCE,
    World,
    at,
    delivered,
    fact,
    resource,
)
from tests.rules.crew import (
    APPRENTICE,
    OTHER,
    anchor,
    anchors,
    apply,
    crew,
    held,
    pending,
    take,
    truth,
)
from tests.rules.killing import every_death

if TYPE_CHECKING:
    from collections.abc import Callable

LEASE = timedelta(minutes=12)
TO_WORK = [
    fact(Kind.ARRIVED, at(9), travel=Travel(seconds=600)),
    fact(Kind.CHECKED_OUT, at(9, 50)),
]
TO_OTHER_WORK = [
    fact(Kind.ARRIVED, at(9, 40), appointment=OTHER, travel=Travel(seconds=900)),
    fact(Kind.CHECKED_OUT, at(10, 30), appointment=OTHER),
]
IN = fact(Kind.CLOCKED_IN, at(9, 10), appointment="")
OUT = fact(Kind.CLOCKED_OUT, at(10, 10), appointment="")


def day(world: World, on: str = "2026-03-04", whose: str = RESOURCE) -> Day:
    found = world.state.read(Day, CONNECTION, whose, on)
    assert found
    return found


def effects(world: World, told: Fact) -> list[str]:
    """What applying a fact takes."""
    before = len(world.fate.effects)
    take(world, told)
    return world.fate.effects[before:]


# ── what it takes ─────────────────────────────────────────────────────────────


def test_a_fact_takes_one_look_and_one_write_however_many_jobs_its_day_has() -> None:
    world = crew()
    apply(world, IN, *TO_OTHER_WORK, TO_WORK[0])

    done = effects(world, TO_WORK[1])

    asked = [each for each in done if each in {"view", "write Salesforce", "find"}]
    assert asked == ["view", "write Salesforce"]
    assert held(world) == truth([IN, *TO_OTHER_WORK, *TO_WORK])


def test_the_work_of_two_jobs_overlaps_nowhere_and_is_written_in_one_call_with_the_status() -> (
    None
):
    world = crew()
    apply(world, *TO_WORK, TO_OTHER_WORK[0])

    apply(world, TO_OTHER_WORK[1])

    written = world.salesforce.wrote[-1]
    assert written.changes["status"] == "Completed"
    assert {each.starts_at for each in written.entries} >= {at(9, 50)}
    assert held(world) == truth([*TO_WORK, *TO_OTHER_WORK])


def test_a_fact_that_changes_nothing_of_a_day_leaves_the_day_alone() -> None:
    world = crew()
    apply(world, *TO_WORK)

    done = effects(world, fact(Kind.ON_THE_WAY, at(8)))

    assert not [each for each in done if each.startswith("write")][1:]
    assert "write Day" not in done


@pytest.mark.parametrize("kind", sorted(days.OF_NO_DAY))
def test_what_tells_nothing_of_coming_or_going_reads_no_day(kind: Kind) -> None:
    world = crew()

    done = effects(world, fact(kind, at(9)))

    assert "read Day" not in done


def test_a_fact_of_which_nothing_is_to_be_written_claims_nothing() -> None:
    world = crew()
    apply(world, fact(Kind.ARRIVED, at(9)))

    done = effects(world, fact(Kind.ON_THE_WAY, at(8)))

    assert done.count("write Visit") == 1
    assert "write Salesforce" not in done


# ── days of one appointment ───────────────────────────────────────────────────


def monday(hours: int, minutes: int = 0) -> datetime:
    return datetime(2026, 3, 2, hours, minutes, tzinfo=UTC)


def test_work_of_several_days_is_entered_day_by_day_also_if_the_first_is_told_last() -> None:
    world = crew(practice=Practice())
    world.salesforce.work[APPOINTMENT].starts_at = monday(8)
    told = [
        fact(Kind.CHECKED_OUT, at(12)),
        fact(Kind.ARRIVED, at(8)),
        fact(Kind.LEFT, monday(16)),
        fact(Kind.ARRIVED, monday(8), travel=Travel(seconds=600)),
    ]

    apply(world, *told)

    spans = sorted((each.starts_at, each.ends_at) for each in world.salesforce.entries)
    assert spans == [(monday(8), monday(16)), (at(8), at(12))]
    assert len(world.salesforce.sheets[RESOURCE]) == 2
    assert held(world) == truth(told, Practice())


def test_a_week_has_one_new_sheet_though_two_of_its_days_want_it_at_once() -> None:
    practice = Practice(sheet_period="week")
    world = crew(practice=practice)
    told = [
        fact(Kind.ARRIVED, at(10), resource=APPRENTICE),  # 23:00 in Auckland
        fact(Kind.CHECKED_OUT, at(12), resource=APPRENTICE),
    ]

    apply(world, *told)

    [sheet] = world.salesforce.sheets[APPRENTICE]
    assert {each.sheet for each in world.salesforce.entries} == {sheet.id}
    assert len(world.salesforce.entries) == 2
    assert held(world) == truth(told, practice)


def test_a_day_with_entries_that_the_first_look_did_not_ask_for_is_looked_at_once_more() -> (
    None
):
    world = crew()
    told = [
        fact(Kind.ARRIVED, at(8), resource=APPRENTICE, appointment=OTHER),
        fact(Kind.CHECKED_OUT, at(9), resource=APPRENTICE, appointment=OTHER),
        fact(Kind.ARRIVED, at(10), resource=APPRENTICE),
    ]
    apply(world, *told)

    over_midnight = fact(Kind.CHECKED_OUT, at(12), resource=APPRENTICE)
    done = effects(world, over_midnight)

    assert done.count("view") == 2
    assert held(world) == truth([*told, over_midnight])


def test_a_resource_that_is_not_known_yet_has_its_days_by_what_salesforce_tells() -> None:
    world = crew()
    world.state.erase(Resource, CONNECTION, APPRENTICE)
    told = [
        fact(Kind.ARRIVED, at(12), resource=APPRENTICE),
        fact(Kind.CHECKED_OUT, at(13), resource=APPRENTICE),
    ]

    apply(world, *told)

    assert day(world, "2026-03-05", APPRENTICE).parts.keys() == {APPOINTMENT}
    assert held(world) == truth(told)


# ── clocking in and out ───────────────────────────────────────────────────────


def test_clocking_in_is_kept_with_the_resources_own_day_and_asks_salesforce_nothing() -> None:
    world = World()
    world.state.write(resource(time_zone="Pacific/Auckland"))
    clocked_in = delivered(fact(Kind.CLOCKED_IN, at(20), appointment=""))

    outcome = write_back.to_day(clocked_in, world.desk)

    assert outcome is Outcome.APPLIED
    assert world.state.read(Day, CONNECTION, RESOURCE, "2026-03-05")
    assert not {"view", "write Salesforce"} & {*world.fate.effects}


def test_another_time_zone_of_a_resource_counts_within_a_minute() -> None:
    world = World()
    late = fact(Kind.CLOCKED_IN, at(20), appointment="")
    assert days.on(late, world.desk).day == 4  # of somebody unknown, whom a poll may bring

    for zone, when, its_day in (
        ("Pacific/Auckland", timedelta(0), 5),
        ("Europe/Berlin", timedelta(seconds=59), 5),
        ("Europe/Berlin", timedelta(seconds=1), 4),
        ("Pacific/Auckland", timedelta(minutes=1), 5),
    ):
        world.state.write_all([resource(time_zone=zone)])
        world.pass_time(when)
        assert days.on(late, world.desk).day == its_day


@pytest.mark.parametrize("keyed", [False, True])
def test_clocking_in_and_out_frame_what_is_entered_already(keyed: bool) -> None:
    world = crew(keyed=keyed)
    apply(world, *TO_WORK, *TO_OTHER_WORK)

    outcomes = apply(world, OUT, IN)

    assert outcomes == [Outcome.APPLIED] * 2
    assert held(world) == truth([*TO_WORK, *TO_OTHER_WORK, IN, OUT])
    entries = world.ledger.rows[-1].wrote["entries"]
    assert {each["starts_at"] for each in entries} == {"2026-03-04T09:10:00Z"}


def test_clocking_in_is_kept_once_though_it_is_told_under_two_keys() -> None:
    world = crew()

    outcomes = apply(world, *TO_WORK, IN, IN.model_copy(update={"key": "from the record"}))

    assert outcomes[2:] == [Outcome.APPLIED, Outcome.DUPLICATE]
    assert len(day(world).facts) == 1


@pytest.mark.parametrize("known", [[], TO_WORK])
def test_clocking_in_is_kept_once_whoever_dies_when(known: list[Fact]) -> None:
    def made() -> World:
        world = crew()
        apply(world, *known)
        return world

    for world, death in every_death(made, lambda world: take(world, IN)):
        world.pass_time(LEASE)

        take(world, IN)

        rows = [row.outcome for row in world.ledger.rows if row.key == IN.key]
        assert rows == [Outcome.APPLIED], death
        assert held(world) == truth([*known, IN]), death
        assert not pending(world), death


def test_a_clock_in_that_was_killed_and_is_told_by_the_record_is_kept_once() -> None:
    again = IN.model_copy(update={"key": "from the record"})

    def made() -> World:
        world = crew()
        apply(world, *TO_WORK)
        return world

    for world, death in every_death(made, lambda world: take(world, IN)):
        world.pass_time(LEASE)

        apply(world, again, IN)

        assert len(day(world).facts) == 1, death
        assert held(world) == truth([*TO_WORK, IN]), death


def test_a_parked_clock_in_lets_others_pass_and_is_looked_for_when_it_is_replayed() -> None:
    world = crew()
    apply(world, *TO_WORK)
    told = delivered(IN)
    world.fate.fail("write Salesforce", Unclear("no answer"), after=True, times=1)
    with pytest.raises(Unclear):
        take(world, told)

    releasing.release_day(told.delivery, RESOURCE, at(0).date(), world.desk)
    apply(world, *TO_OTHER_WORK, told)

    assert held(world) == truth([*TO_WORK, *TO_OTHER_WORK, IN])
    assert not pending(world)


def test_releasing_leaves_a_day_that_another_delivery_claims_alone() -> None:
    world = crew()
    apply(world, *TO_WORK)
    world.fate.fail("write Salesforce", Unclear("no answer"), times=1)
    with pytest.raises(Unclear):
        take(world, IN)

    releasing.release_day("another delivery", RESOURCE, at(0).date(), world.desk)

    assert day(world).intent


def test_a_day_of_too_many_clock_ins_refuses_more() -> None:
    world = crew()
    many = [fact(Kind.CLOCKED_IN, at(9), key=str(number)) for number in range(300)]
    facts = {each.key: delivered(each) for each in many}
    known = Day(connection=CONNECTION, resource=RESOURCE, on=at(0).date(), facts=facts)
    world.state.write(known)

    with pytest.raises(Refused, match="more than 300 facts about one day"):
        take(world, OUT)


# ── two at one day ────────────────────────────────────────────────────────────


def test_two_workers_on_one_day_write_one_after_the_other() -> None:
    world = crew()
    apply(world, TO_WORK[0], TO_OTHER_WORK[0])
    hasty = OtherFirst(world, TO_OTHER_WORK[1], "Day")

    with pytest.raises(Unavailable):
        write_back.to_appointment(
            delivered(TO_WORK[1]),
            world.desk._replace(state=hasty),
        )
    claims = [each for each in anchors(world) if each.intent]
    apply(world, TO_WORK[1])

    assert not claims, "what was claimed for nothing is let go"
    assert held(world) == truth([*TO_WORK, *TO_OTHER_WORK])


class OtherFirst:
    """Lets another worker apply a fact just before this worker first writes such a record."""

    def __init__(self, world: World, other: Fact, kind: str) -> None:
        self._world = world
        self._other: Fact | None = other
        self._kind = kind

    def write(self, record: Any) -> bool:
        other = self._other
        if other and type(record).__name__ == self._kind:
            self._other = None
            take(self._world, other)
        return self._world.state.write(record)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.state, name)


def test_a_write_that_surely_failed_lets_go_of_the_day_too() -> None:
    world = crew()
    apply(world, *TO_WORK)
    world.fate.fail("write Salesforce", Unavailable("503"), times=1)
    with pytest.raises(Unavailable):
        take(world, TO_OTHER_WORK[0])

    done = effects(world, IN)
    apply(world, *TO_OTHER_WORK)

    assert "find" not in done
    assert held(world) == truth([*TO_WORK, *TO_OTHER_WORK, IN])


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("kind", ["Visit", "Day", "SheetClaim"])
def test_a_claim_that_failed_holds_nobody_up_also_if_it_is_there(kind: str, done: bool) -> None:
    world = crew()
    apply(world, TO_WORK[0], TO_OTHER_WORK[0])
    world.fate.fail(f"write {kind}", Unavailable("throttled"), after=done, times=1)
    with pytest.raises(Unavailable):
        take(world, TO_WORK[1])

    apply(world, TO_OTHER_WORK[1], TO_WORK[1])

    assert "find" not in world.fate.effects
    assert held(world) == truth([*TO_WORK, *TO_OTHER_WORK])


def test_an_event_with_a_key_is_written_once_more_at_once_and_without_a_search() -> None:
    world = crew(keyed=True)
    left = fact(Kind.LEFT, at(9, 55))
    apply(world, *TO_WORK)
    world.fate.fail("write Salesforce", Unclear("no answer"), after=True, times=1)
    with pytest.raises(Unclear):
        take(world, left)

    done = effects(world, left)

    assert "find" not in done
    assert held(world) == truth([*TO_WORK, left])
    assert not pending(world)


def test_what_stands_is_changed_by_nobody_else_while_a_try_to_change_it_may_go_on() -> None:
    """Also in an org with our keys: its older values might come to stand over newer ones."""
    world = crew(keyed=True)
    world.salesforce.sheets[RESOURCE] = []
    apply(world, *TO_WORK)
    told = [*TO_WORK, *TO_OTHER_WORK]
    apply(world, TO_OTHER_WORK[0])
    world.fate.fail("write Salesforce", Unclear("no answer"), after=True, times=1)
    with pytest.raises(Unclear):
        take(world, TO_OTHER_WORK[1])

    with pytest.raises(Unavailable, match="another worker"):
        take(world, TO_OTHER_WORK[1])
    world.pass_time(LEASE)
    take(world, TO_OTHER_WORK[1])

    assert held(world) == truth(told)
    assert not pending(world)


@pytest.mark.parametrize("keyed", [True, False])
def test_an_entry_in_doubt_that_is_not_called_for_any_more_is_taken_away(keyed: bool) -> None:
    world, parked = in_doubt(carried_out=True, keyed=keyed)
    left = fact(Kind.LEFT, at(9))
    apply(world, left)

    apply(world, parked)

    assert held(world) == truth([TO_WORK[0], left, parked])


@pytest.mark.parametrize("keyed", [(), ("TimeSheetEntry",)])
def test_without_a_key_on_every_row_it_waits_until_nobody_can_be_at_it(
    keyed: tuple[str, ...],
) -> None:
    world, left = crew(), fact(Kind.LEFT, at(9, 55))
    apply(world, *TO_WORK)
    world.have_keys(*keyed)
    world.fate.fail("write Salesforce", Unclear("no answer"), after=True, times=1)
    with pytest.raises(Unclear):
        take(world, left)

    with pytest.raises(Unavailable, match="another worker"):
        take(world, left)


def test_a_sheet_that_may_be_made_has_no_key_so_everybody_waits() -> None:
    world = crew(keyed=True)
    apply(world, TO_WORK[0])
    world.fate.fail("write Salesforce", Unclear("no answer"), after=True, times=1)
    with pytest.raises(Unclear):
        take(world, TO_WORK[1])

    with pytest.raises(Unavailable, match="another worker"):
        take(world, TO_WORK[1])


def test_who_finishes_what_was_left_of_a_day_is_not_disturbed_by_others_of_that_day() -> None:
    world = crew()
    apply(world, TO_WORK[0], TO_OTHER_WORK[0])
    world.fate.fail("write Salesforce", Unclear("no answer"), times=1)
    with pytest.raises(Unclear):
        take(world, TO_WORK[1])
    world.pass_time(LEASE)
    before = len(world.fate.effects)
    found_by = ["read Visit", "find", "read Resource", "read Day", "view", "write Visit"]
    world.fate.death = Death("after", before + len(found_by))
    with pytest.raises(Killed):
        take(world, TO_WORK[1])
    assert world.fate.effects[before:] == found_by

    with pytest.raises(Unavailable, match="finishing"):
        take(world, TO_OTHER_WORK[1])
    world.pass_time(LEASE)
    apply(world, TO_OTHER_WORK[1], TO_WORK[1])

    assert held(world) == truth([*TO_WORK, *TO_OTHER_WORK])
    assert not pending(world)


# ── parked in doubt ───────────────────────────────────────────────────────────


def in_doubt(*, carried_out: bool, keyed: bool = False) -> tuple[World, Fact]:
    """A check-out whose answer was lost, and which is parked."""
    world, out = begun(carried_out=carried_out, keyed=keyed), delivered(TO_WORK[1])
    releasing.release(out.delivery, APPOINTMENT, world.desk)
    return world, out.fact


def begun(*, carried_out: bool, keyed: bool = False) -> World:
    """A check-out whose answer was lost."""
    world = crew(keyed=keyed)
    apply(world, TO_WORK[0])
    lost = Unclear("no answer")
    world.fate.fail("write Salesforce", lost, after=carried_out, times=1)
    with pytest.raises(Unclear):
        take(world, delivered(TO_WORK[1]))
    return world


@pytest.mark.parametrize("carried_out", [True, False])
def test_a_fact_in_doubt_is_kept_aside_on_its_day_and_settled_when_it_is_replayed(
    carried_out: bool,
) -> None:
    world, parked = in_doubt(carried_out=carried_out)

    aside = [each.doubtful.keys() for each in (anchor(world), day(world))]
    world.pass_time(LEASE)  # until then the sheet that it was to make may still appear
    apply(world, *TO_OTHER_WORK, parked)

    assert aside == [{parked.key}] * 2
    assert held(world) == truth([*TO_WORK, *TO_OTHER_WORK])
    assert not pending(world)


@pytest.mark.parametrize("wait", [timedelta(), LEASE])
def test_an_entry_that_a_parked_fact_has_made_is_not_made_again_by_another(
    wait: timedelta,
) -> None:
    world, parked = in_doubt(carried_out=True)
    world.pass_time(wait)
    other = fact(Kind.CHECKED_OUT, at(9, 55))

    take(world, other)

    assert held(world).booked == truth([TO_WORK[0], other]).booked
    take(world, parked)
    assert held(world) == truth([TO_WORK[0], other, parked])
    assert not pending(world)


def test_an_entry_of_a_parked_fact_that_we_have_taken_away_since_is_made_again_when_due() -> (
    None
):
    world, parked = in_doubt(carried_out=True)
    other = fact(Kind.CHECKED_OUT, at(9, 55))
    late_in = fact(Kind.CLOCKED_IN, at(10), appointment="")
    first_in = fact(Kind.CLOCKED_IN, at(9), appointment="")
    apply(world, other, late_in)
    assert not held(world).booked[RESOURCE]

    apply(world, first_in, parked)

    assert held(world) == truth([TO_WORK[0], other, late_in, first_in, parked])
    assert not pending(world)


def test_a_day_that_took_in_what_its_appointment_did_not_live_to_is_told_again() -> None:
    known = [
        fact(Kind.CLOCKED_IN, at(9, 20), appointment=""),
        fact(Kind.ARRIVED, at(9)),
        fact(Kind.CHECKED_OUT, at(9, 20)),
    ]
    parked = delivered(fact(Kind.LEFT, at(9)))
    more = [fact(Kind.ARRIVED, at(9, 10)), fact(Kind.CLOCKED_IN, at(9, 10), appointment="")]
    world = crew(practice=Practice())
    apply(world, *known)
    whole = effects(crew_after(known), parked.fact)
    world.fate.death = Death("before", len(world.fate.effects) + len(whole))
    with pytest.raises(Killed):
        take(world, parked)
    releasing.release(parked.delivery, APPOINTMENT, world.desk)

    apply(world, *more, parked)

    assert held(world) == truth([*known, parked.fact, *more], Practice())
    assert not pending(world)


def crew_after(known: list[Fact]) -> World:
    world = crew(practice=Practice())
    apply(world, *known)
    return world


def test_an_entry_that_was_found_and_has_to_change_is_found_once_more_whoever_dies_when() -> (
    None
):
    out = fact(Kind.CHECKED_OUT, at(9, 50))
    clocked_out = fact(Kind.CLOCKED_OUT, at(9, 30), appointment="")

    def made() -> World:
        """The check-out is in doubt, and would be entered otherwise by now."""
        world, _ = in_doubt(carried_out=True)
        take(world, clocked_out)
        return world

    for world, death in every_death(made, lambda world: take(world, out)):
        world.pass_time(LEASE)

        take(world, out)

        assert held(world) == truth([TO_WORK[0], clocked_out, out]), death


def test_travel_that_a_parked_fact_wrote_is_ours_to_correct() -> None:
    world = crew()
    second_day = delivered(
        fact(Kind.ARRIVED, at(12), resource=APPRENTICE, travel=Travel(seconds=900))
    )
    world.fate.fail("write Salesforce", Unclear("no answer"), after=True, times=1)
    with pytest.raises(Unclear):
        take(world, second_day)
    releasing.release(second_day.delivery, APPOINTMENT, world.desk)

    first_day = fact(Kind.ARRIVED, at(9), resource=APPRENTICE, travel=Travel(seconds=600))
    apply(world, first_day, second_day)

    assert held(world) == truth([first_day, second_day.fact])


@pytest.mark.parametrize("carried_out", [True, False])
def test_an_entry_that_we_took_away_is_not_taken_for_one_that_a_person_deleted(
    carried_out: bool,
) -> None:
    world = crew()
    late_in = fact(Kind.CLOCKED_IN, at(10), appointment="")
    first_in = fact(Kind.CLOCKED_IN, at(9), appointment="")
    apply(world, *TO_WORK, late_in)
    lost = Unclear("no answer")
    world.fate.fail("write Salesforce", lost, after=carried_out, times=1)
    with pytest.raises(Unclear):
        take(world, first_in)
    world.pass_time(LEASE)

    take(world, first_in)

    assert held(world) == truth([*TO_WORK, late_in, first_in])


def test_an_entry_that_a_parked_fact_may_still_make_is_waited_for() -> None:
    world, parked = in_doubt(carried_out=False)
    other = fact(Kind.CHECKED_OUT, at(9, 55))

    with pytest.raises(Unavailable, match="may still appear"):
        take(world, other)
    world.pass_time(LEASE)
    apply(world, other, parked)

    assert held(world) == truth([TO_WORK[0], other, parked])
    assert not pending(world)


def test_an_intent_of_an_appointment_that_knows_nothing_of_it_holds_nobody_up_for_good() -> (
    None
):
    world, _ = in_doubt(carried_out=True)
    left = day(world)
    [intent] = left.doubtful.values()
    world.state.write(left.model_copy(update={"intent": intent, "doubtful": {}}))
    with pytest.raises(Unavailable):
        take(world, IN)
    world.pass_time(LEASE)

    take(world, IN)

    assert day(world).doubtful.keys() == {intent.delivered.fact.key}
    take(world, intent.delivered.fact)
    assert held(world) == truth([*TO_WORK, IN])


@pytest.mark.parametrize("carried_out", [True, False])
def test_what_was_begun_of_an_appointment_that_cannot_be_read_holds_its_day_up_no_longer(
    carried_out: bool,
) -> None:
    world = begun(carried_out=carried_out)
    world.pass_time(LEASE)
    world.fate.fail("read Visit", Refused("it can't be read"))

    take(world, IN)

    assert day(world).doubtful.keys() == {TO_WORK[1].key}
    world.fate.recover()
    apply(world, TO_WORK[1])
    assert held(world) == truth([*TO_WORK, IN])
    assert not pending(world)


@pytest.mark.parametrize("carried_out", [True, False])
def test_an_appointment_is_let_go_of_though_its_day_cannot_be_read(carried_out: bool) -> None:
    world = begun(carried_out=carried_out)
    world.fate.fail("read Day", Refused("it can't be read"))

    releasing.release(delivered(TO_WORK[1]).delivery, APPOINTMENT, world.desk)

    assert anchor(world).doubtful.keys() == {TO_WORK[1].key}
    world.fate.recover()
    world.pass_time(LEASE)
    apply(world, *TO_OTHER_WORK, TO_WORK[1])
    assert held(world) == truth([*TO_WORK, *TO_OTHER_WORK])
    assert not pending(world)


# ── a person's word ───────────────────────────────────────────────────────────


def by_hand(change: Callable[[World, str], object]) -> World:
    """A day of one entry, to which a person does something."""
    world = crew(practice=Practice())
    apply(world, *TO_WORK)
    change(world, world.salesforce.entries[0].id)
    return world


PEOPLES = {
    "changed": lambda world, entry: world.salesforce.edit_entry(entry, ends_at=at(9, 45)),
    "deleted": lambda world, entry: world.salesforce.delete_entry(entry),
    "approved": lambda world, _: world.salesforce.close_sheet(
        world.salesforce.entries[0].sheet
    ),
}


@pytest.mark.parametrize("change", PEOPLES.values(), ids=PEOPLES.keys())
def test_an_entry_that_a_person_has_touched_stays_whoever_dies_when(
    change: Callable[[World, str], object],
) -> None:
    late = fact(Kind.ARRIVED, at(8, 30), key="late")
    before = [(each.starts_at, each.ends_at) for each in by_hand(change).salesforce.entries]

    for world, death in every_death(lambda: by_hand(change), lambda world: take(world, late)):
        world.pass_time(LEASE)

        apply(world, late, IN)

        kept = [(each.starts_at, each.ends_at) for each in world.salesforce.entries]
        assert kept == before, death
        assert "no time sheet entry" in world.ledger.rows[2].reason, death


def test_an_entry_that_a_person_deleted_while_a_worker_lay_dead_stays_deleted() -> None:
    world = crew()
    apply(world, TO_WORK[0])
    world.fate.fail("write Salesforce", Unclear("no answer"), after=True, times=1)
    with pytest.raises(Unclear):
        take(world, TO_WORK[1])
    for each in [*world.salesforce.entries]:
        world.salesforce.delete_entry(each.id)
    world.pass_time(LEASE)

    apply(world, TO_WORK[1], fact(Kind.CHECKED_OUT, at(9, 55)))

    assert not world.salesforce.entries
