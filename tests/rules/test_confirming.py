"""An exit completes the work once nobody has come back for a while."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from fieldlink.errors import Unavailable
from fieldlink.hearing import facts
from fieldlink.hearing.envelope import Ignored
from fieldlink.models import Fact, Kind, Outcome, Report
from fieldlink.practice import Practice
from fieldlink.records import Confirming
from fieldlink.writing import confirming, reports
from tests.fakes import NOON, Death, Killed
from tests.make import (
    APPOINTMENT,
    COLLEAGUE,
    CONNECTION,
    RESOURCE,
    World,
    at,
    connection,
    delivered,
    event,
    fact,
    order,
    report,
)

BY_EXIT = Practice(complete_by="exit", exit_grace=10)
ONE_DAY = timedelta(days=1)
LEFT = fact(Kind.LEFT, at(10))
GONE: dict[str, Any] = {
    "type": "fieldlink.exit",
    "recorded_at": at(10).isoformat(),
    "data": {"value": "confirmed", "appointment": APPOINTMENT, "resource": RESOURCE},
}


def world(practice: Practice = BY_EXIT) -> World:
    made = World()
    made.connection = connection(practice=practice)
    return made


def note(made: World, *told: Fact) -> None:
    """The last one is what came in."""
    confirming.note(delivered(told[-1]), told, made.desk)


def noted(made: World) -> list[Confirming]:
    return made.state.all_of(Confirming, CONNECTION)


def tick(made: World, now: Any = NOON) -> int:
    return confirming.confirm(made.connection, state=made.state, events=made.events, now=now)


def sent(made: World) -> list[Report]:
    return [Report.model_validate_json(each.body) for each in made.events.queued]


# ── what is noted ─────────────────────────────────────────────────────────────


def test_a_departure_is_looked_at_again_when_the_grace_period_is_over() -> None:
    made = world()

    note(made, LEFT)

    [due] = noted(made)
    assert (due.at, due.left_at) == (at(10, 10), at(10))
    assert (due.appointment, due.resource) == (APPOINTMENT, RESOURCE)
    assert due.ttl
    assert due.ttl > (NOON + timedelta(days=30)).timestamp()


def test_a_departure_that_is_noted_twice_is_noted_once() -> None:
    made = world()

    note(made, LEFT)
    note(made, LEFT)

    assert len(noted(made)) == 1


@pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.LEFT}))
def test_nothing_but_a_departure_is_noted(kind: Kind) -> None:
    made = world()

    note(made, fact(kind))

    assert noted(made) == []


def test_nothing_is_noted_where_only_a_check_out_completes_the_work() -> None:
    made = world(Practice())

    note(made, LEFT)

    assert noted(made) == []


@pytest.mark.parametrize(
    ("other", "count"),
    [
        (fact(Kind.ARRIVED, at(10, 10)), 0),
        (fact(Kind.CHECKED_IN, at(10, 0, 1)), 0),
        (fact(Kind.ARRIVED, at(10, 10, 1)), 1),
        (fact(Kind.ARRIVED, at(10)), 1),
        (fact(Kind.LEFT, at(10, 5)), 1),
        (fact(Kind.ARRIVED, at(10, 5), resource=COLLEAGUE), 1),
    ],
)
def test_whoever_is_known_to_have_come_back_is_not_noted(other: Fact, count: int) -> None:
    made = world()

    note(made, other, LEFT)

    assert len(noted(made)) == count


@pytest.mark.parametrize("day", ["2026-03-05T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_the_clock_of_a_phone_that_is_ahead_puts_nothing_off(day: str) -> None:
    made = world()

    note(made, Fact.model_validate({**LEFT.model_dump(), "at": day}))

    assert noted(made)[0].at == NOON + timedelta(minutes=10)


# ── when its time has come ────────────────────────────────────────────────────


def test_what_is_due_is_told_once_and_what_is_not_waits() -> None:
    made = world()
    note(made, LEFT)

    early = tick(made, at(10, 9))
    in_time = tick(made, at(10, 10))
    again = tick(made, at(10, 15))

    assert (early, in_time, again) == (0, 1, 0)
    [told] = sent(made)
    assert (told.connection, told.received_at, told.own) == (CONNECTION, at(10, 10), True)
    assert noted(made) == []


def test_a_tick_asks_for_nothing_where_only_a_check_out_completes_the_work() -> None:
    made = world()
    note(made, LEFT)
    made.connection = connection()
    before = len(made.fate.effects)

    assert tick(made) == 0
    assert len(made.fate.effects) == before


@pytest.mark.parametrize("count", [24, 25, 26, 60])
def test_however_many_are_due_all_are_told(count: int) -> None:
    made = world()
    for number in range(count):
        note(made, fact(Kind.LEFT, at(9, 0, number), appointment=f"08p{number:012}AAA"))

    assert tick(made) == count
    assert len(sent(made)) == count
    assert len({each.group for each in made.events.queued}) == count


def test_what_comes_from_another_grace_period_is_told_by_the_moment_of_leaving() -> None:
    made = world()
    note(made, LEFT)
    made.connection = connection(practice=Practice(complete_by="exit", exit_grace=30))

    note(made, LEFT)
    tick(made)

    assert len(sent(made)) == 1


def test_a_tick_that_dies_anywhere_loses_nothing_and_tells_nothing_twice() -> None:
    calm = world()
    note(calm, LEFT)
    before = len(calm.fate.effects)
    tick(calm)
    for number in range(before + 1, len(calm.fate.effects) + 1):
        for side in ("before", "after"):
            made = world()
            note(made, LEFT)
            made.fate.death = Death(side, number)
            with pytest.raises(Killed):
                tick(made)

            tick(made)

            assert len(sent(made)) == 1
            assert noted(made) == []


def test_what_the_queue_did_not_take_is_told_at_the_next_tick() -> None:
    made = world()
    note(made, LEFT)
    made.fate.fail("put Report", Unavailable("down"), times=1)

    with pytest.raises(Unavailable):
        tick(made)

    assert tick(made) == 1


# ── as a fact ─────────────────────────────────────────────────────────────────


def test_it_is_heard_as_what_the_resource_did_when_it_left() -> None:
    made = world()
    note(made, LEFT)
    tick(made)

    told, later = (
        facts.read(sent(made)[0].model_copy(update={"received_at": at(hour)}))
        for hour in (12, 20)
    )

    assert isinstance(told, Fact)
    assert (told.kind, told.at) == (Kind.EXIT_CONFIRMED, at(10))
    assert (told.appointment, told.resource) == (APPOINTMENT, RESOURCE)
    assert told == later


def test_no_delivery_can_tell_it_whatever_stands_in_its_event() -> None:
    forged = [GONE, {**GONE, "own": True}, {**GONE, "data": {**GONE["data"], "own": True}}]

    for each in forged:
        told = facts.read(report(each))
        assert isinstance(told, Ignored)
        assert "only Fieldlink" in told.reason


def test_only_what_is_ours_is_marked_so() -> None:
    assert not report(event()).own
    assert json.loads(report(GONE).model_dump_json())["own"] is False


# ── with everything behind it ─────────────────────────────────────────────────


def hear(made: World, *told: Any) -> list[Outcome]:
    return [reports.take(report(each), made.desk) for each in told]


def stands(made: World) -> tuple[str, Any]:
    work = made.salesforce.work[APPOINTMENT]
    return work.status, work.actual_end


def after_the_grace(made: World) -> list[Outcome]:
    tick(made, made.now)
    outcomes = [reports.take(each, made.desk) for each in sent(made)]
    made.events.messages.clear()
    return outcomes


def test_an_exit_completes_the_work_after_the_grace_period() -> None:
    made = world()

    hear(made, event(at=at(9)), event("exit", at=at(10)))
    during = stands(made)
    outcomes = after_the_grace(made)

    assert during == ("In Progress", at(10))
    assert outcomes == [Outcome.APPLIED]
    assert stands(made) == ("Completed", at(10))
    assert [each.subject for each in made.salesforce.events] == [
        "Arrived: Ada Lovelace",
        "Left: Ada Lovelace",
    ]


def test_a_short_exit_completes_nothing() -> None:
    made = world()

    hear(made, event(at=at(9)), event("exit", at=at(10)), event(at=at(10, 8)))
    after_the_grace(made)

    assert stands(made) == ("In Progress", None)


BACK = event(at=at(10, 8), marker_id="back")
BY_CHECK_IN = BY_EXIT.model_copy(update={"arrival_by": "check_in"})


@pytest.mark.parametrize(
    ("practice", "more", "days", "reason"),
    [
        (BY_EXIT, [BACK], 0, "the resource was back within 10 min"),
        (BY_CHECK_IN, [BACK], 0, "the resource was back within 10 min"),
        (BY_CHECK_IN, [], 0, "the resource had not checked in before"),
        (BY_EXIT, [], 1, "the work goes on on a later day"),
        (Practice(), [BACK], 1, "leaving completes no work any more"),
        (BY_EXIT, [], 0, ""),
    ],
)
def test_the_ledger_says_why_a_confirmed_exit_completes_nothing(
    practice: Practice, more: list[dict[str, Any]], days: int, reason: str
) -> None:
    made = world()
    work = made.salesforce.work[APPOINTMENT]
    work.starts_at, work.ends_at = at(8), at(17) + days * ONE_DAY
    hear(made, event(at=at(9)), event("exit", at=at(10)))
    tick(made, made.now)
    made.connection = connection(practice=practice)

    hear(made, *more)
    for each in sent(made):
        reports.take(each, made.desk)

    assert (stands(made)[0] == "Completed") is not bool(reason)
    assert made.ledger.rows[-1].reason == (f"no status: {reason}" if reason else "")


@pytest.mark.parametrize(
    ("several", "reason"),
    [
        ("all", "somebody else who was there is not done"),
        ("primary", "only the primary resource completes work"),
    ],
)
def test_the_ledger_says_so_where_the_exit_of_one_of_several_completes_nothing(
    several: str, reason: str
) -> None:
    made = world(BY_EXIT.model_copy(update={"several": several}))
    made.salesforce.assign(APPOINTMENT, COLLEAGUE).primary = True
    theirs = {"service_appointment_id": APPOINTMENT, "service_resource_id": COLLEAGUE}
    hear(made, event(at=at(9)), event(at=at(9), geofence_metadata=theirs, marker_id="theirs"))

    hear(made, event("exit", at=at(10)))
    after_the_grace(made)

    assert made.ledger.rows[-1].reason == f"no status: {reason}"


def test_who_comes_back_later_reopens_nothing_and_the_end_follows_the_last_exit() -> None:
    made = world()

    hear(made, event(at=at(9)), event("exit", at=at(10)))
    after_the_grace(made)
    hear(made, event(at=at(10, 30)))
    back = stands(made)
    hear(made, event("exit", at=at(11), arrival={"recorded_at": at(10, 30).isoformat()}))
    after_the_grace(made)

    assert back == ("Completed", at(10))
    assert stands(made) == ("Completed", at(11))


def test_work_of_two_days_is_completed_on_the_second_evening() -> None:
    made = world()
    work = made.salesforce.work[APPOINTMENT]
    work.starts_at, work.ends_at = at(8), at(17) + ONE_DAY

    hear(made, event(at=at(9)), event("exit", at=at(10)))
    after_the_grace(made)
    first = stands(made)
    made.pass_time(ONE_DAY)
    hear(made, event(at=at(9) + ONE_DAY, marker_id="second day"))
    during = stands(made)
    came = {"recorded_at": (at(9) + ONE_DAY).isoformat()}
    left = event("exit", at=at(11) + ONE_DAY, arrival=came, marker_id="second day")
    hear(made, left)
    after_the_grace(made)

    assert first == ("In Progress", at(10))
    assert during == ("In Progress", None)
    assert stands(made) == ("Completed", at(11) + ONE_DAY)


def test_a_check_out_that_comes_first_is_as_ever() -> None:
    made = world()

    hear(made, event(at=at(9)), order("completed", at=at(9, 55)), event("exit", at=at(10)))
    outcomes = after_the_grace(made)

    assert outcomes == [Outcome.SUPERSEDED]
    assert stands(made) == ("Completed", at(9, 55))


def test_nothing_is_parked_for_somebody_who_has_the_work_no_more() -> None:
    made = world()
    hear(made, event(at=at(9)), event("exit", at=at(10)))
    del made.salesforce.assigned[APPOINTMENT, RESOURCE]

    outcomes = after_the_grace(made)

    assert outcomes == [Outcome.IGNORED]
    assert stands(made) == ("In Progress", at(10))
