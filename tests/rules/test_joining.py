"""The ports of a batch: what its threads ask is joined, and what comes of it is the same."""

from __future__ import annotations

import operator
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.errors import Contended, Refused, Unavailable, Unclear
from fieldlink.models import Kind, LedgerRow, Look, NewEvent, Outcome, Writes
from fieldlink.practice import Practice
from fieldlink.records import Device, Heard, Resource, SheetClaim, Visit, Worker
from fieldlink.writing import reports, write_back
from fieldlink.writing.joining import joined
from fieldlink.writing.together import Together
from tests.abreast import abreast
from tests.fakes import NOON
from tests.make import (
    CONNECTION,
    NINE,
    World,
    delivered,
    event,
    fact,
    geotag,
    report,
    resource,
    worker,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fieldlink.models import Delivered, Report
    from fieldlink.records import Claim
    from fieldlink.writing.desk import Desk

MANY = 12


def appointment(number: int) -> str:
    return f"08p0000000{number:05d}AAA"


def person(number: int) -> str:
    return f"0Hn0000000{number:05d}CAA"


def device(number: int) -> str:
    return f"A1B2C3D4-{number:04d}-4AAA-8BBB-000000000001"


def town(people: int = MANY) -> World:
    """Everybody has an appointment and a phone of their own."""
    world = World(resources=())
    for number in range(people):
        world.salesforce.assign(appointment(number), person(number), f"Person {number}")
        phone = Device(connection=CONNECTION, id=device(number), resource=person(number))
        assert world.state.write(phone)
    world.fate.effects.clear()
    return world


def arrival(number: int, **more: Any) -> dict[str, Any]:
    of = {
        "service_appointment_id": appointment(number),
        "service_resource_id": person(number),
    }
    return {**event(geofence_metadata=of, **more), "device_id": device(number)}


def at_once(
    world: World, *programs: Callable[[Desk], Any], time_left: Callable[[], bool] = lambda: True
) -> list[Any]:
    """What each program returns or raises; all have desks that are joined."""
    together = Together(len(programs))
    desk = joined(world.desk, together, time_left)

    def run(program: Callable[[Desk], Any]) -> Any:
        try:
            return program(desk)
        except Exception as error:
            return error
        finally:
            together.leave()

    return abreast(*(partial(run, each) for each in programs))


def new_event(number: int) -> NewEvent:
    return NewEvent(
        key=f"key {number}",
        starts_at=NINE,
        minutes=1,
        subject="Arrived",
        description=f"Arrived\nreference {number}",
    )


def look(number: int) -> Look:
    return Look(appointment=appointment(number), resource=person(number), day=NOON)


# ── one port after the other ──────────────────────────────────────────────────


def test_reads_of_a_kind_are_one_read_and_who_asks_for_the_same_gets_the_same() -> None:
    world = town()
    world.state.write_all([resource(id=person(1)), resource(id=person(2)), worker()])
    wanted = [1, 2, 2, 7]
    earlier = len(world.fate.effects)

    found = at_once(
        world,
        *(lambda desk, n=n: desk.state.read(Resource, CONNECTION, person(n)) for n in wanted),
        lambda desk: desk.state.read(Worker, CONNECTION, worker().resource),
    )

    assert [each and each.id for each in found[:4]] == [person(1), person(2), person(2), None]
    assert found[4].resource == worker().resource
    assert Counter(world.fate.effects[earlier:]) == {"read Resources": 1, "read Worker": 1}


def test_looks_are_one_call_and_each_has_its_own_answer_or_refusal() -> None:
    world = town(3)
    numbers = [0, 1, 2, 2, 99]

    found = at_once(world, *(lambda desk, n=n: desk.salesforce.view(look(n)) for n in numbers))

    assert [each.appointment for each in found[:4]] == [appointment(n) for n in (0, 1, 2, 2)]
    assert isinstance(found[4], Refused)
    assert world.fate.effects.count("views") == 1


def test_searches_are_one_call_and_each_has_its_own_answer_or_refusal() -> None:
    world = town(3)
    told = [Writes(appointment=appointment(n), event=new_event(n)) for n in range(3)]
    made = [world.salesforce.write(each).event for each in told[:2]]
    world.fate.fail(f"find {appointment(0)}", Refused("no"))

    found = at_once(
        world, *(lambda desk, each=each: desk.salesforce.find(each) for each in told)
    )

    assert isinstance(found[0], Refused)
    assert [each.event for each in found[1:]] == [made[1], ""]
    assert [each for each in world.fate.effects if "find" in each] == ["find all"]


def test_writes_are_one_call_and_what_is_refused_is_refused_for_its_own_alone() -> None:
    world = town(3)
    world.fate.fail(f"write Salesforce {appointment(1)}", Refused("locked"))
    several = [
        Writes(appointment=appointment(n), changes={"actual_start": NINE}) for n in range(3)
    ]

    found = at_once(world, *(lambda desk, w=w: desk.salesforce.write(w) for w in several))

    assert str(found[1]) == "locked"
    assert len({each.request for each in (found[0], found[2])}) == 2
    starts = [world.salesforce.work[appointment(n)].actual_start for n in range(3)]
    assert starts == [NINE, None, NINE]
    assert world.fate.effects.count("write all Salesforce") == 1


def test_rows_of_the_ledger_are_put_together() -> None:
    world = town()
    rows = [
        LedgerRow(
            connection=CONNECTION, received_at=NOON, delivery=str(n), outcome=Outcome.APPLIED
        )
        for n in range(5)
    ]

    at_once(world, *(lambda desk, row=row: desk.ledger.put(row) for row in rows))

    assert sorted(each.delivery for each in world.ledger.rows) == [str(n) for n in range(5)]
    assert world.fate.effects == ["put LedgerRows"]


def test_what_is_refused_of_what_is_stored_or_noted_together_is_refused_for_its_own_alone() -> (
    None
):
    world, people = town(), [resource(id=person(number)) for number in range(3)]
    world.fate.fail("write Worker", Refused("too large"))
    rows = [
        LedgerRow(
            connection=CONNECTION, received_at=NOON, delivery=str(n), outcome=Outcome.APPLIED
        )
        for n in range(3)
    ]
    world.fate.fail("put LedgerRows", Refused("one is too large"))
    world.fate.fail("put LedgerRow", Refused("too large"), times=1)

    stored = at_once(
        world,
        *(lambda desk, each=each: desk.state.write_all([each]) for each in (worker(), *people)),
    )
    noted = at_once(world, *(lambda desk, row=row: desk.ledger.put(row) for row in rows))

    assert [str(each) for each in stored] == ["too large", "None", "None", "None"]
    assert all(world.state.read(Resource, CONNECTION, each.id) for each in people)
    assert Counter(map(type, noted)) == {Refused: 1, type(None): 2}
    assert len(world.ledger.rows) == 2


def test_records_of_one_key_are_stored_as_one_of_them_and_those_of_another_kind_besides() -> (
    None
):
    world = town()
    names = ["Ada", "Grace"]
    several = [[resource(id=person(1), name=each)] for each in names]

    at_once(
        world,
        *(lambda desk, some=some: desk.state.write_all(some) for some in several),
        lambda desk: desk.state.write_all([worker(resource=person(1))]),
        lambda desk: desk.state.write_all([]),
    )

    found = world.state.read(Resource, CONNECTION, person(1))
    assert found
    assert found.name in names
    assert world.state.read(Worker, CONNECTION, person(1))
    assert Counter(world.fate.effects)["write Resource"] == 1


def test_what_is_stored_only_once_goes_apart_from_what_may_be_stored_again() -> None:
    world = town()
    once = [worker(resource=person(number)) for number in range(2)]

    at_once(
        world,
        *(lambda desk, it=it: desk.state.write_all([it], once=True) for it in once),
        lambda desk: desk.state.write_all([resource(id=person(2))]),
    )

    assert len(world.state.all_of(Worker, CONNECTION)) == 2
    assert world.state.read(Resource, CONNECTION, person(2))


def test_what_an_org_tells_of_itself_is_asked_once_for_all_who_want_it() -> None:
    world = town()

    found = at_once(world, *([lambda desk: desk.salesforce.described()] * 4))

    assert found == [world.salesforce.told] * 4
    assert world.fate.effects == ["describe all"]


def test_whatever_is_not_joined_goes_to_its_port() -> None:
    world = town()
    heard = Heard(connection=CONNECTION, at=NINE)

    found = at_once(world, *([lambda desk: desk.state.write(heard)] * 2))

    assert sorted(found) == [False, True]
    assert world.state.calls_for_claims == 0


def claiming(claim: Claim) -> Callable[[Desk], bool]:
    return lambda desk: desk.state.write(claim)


def unclaimed(number: int, version: int = 0) -> Visit:
    return Visit(connection=CONNECTION, appointment=appointment(number), version=version)


def test_claims_of_many_are_one_call_and_each_has_its_own_answer() -> None:
    world = town()
    world.state.write(unclaimed(1))

    found = at_once(world, *(claiming(unclaimed(number)) for number in range(MANY)))

    assert found == [True, False, *[True] * (MANY - 2)]
    assert world.state.calls_for_claims == 1


def test_of_two_who_make_the_same_sheet_one_does_whoever_comes_first() -> None:
    world = town()
    sheets = [
        SheetClaim(
            connection=CONNECTION,
            resource=person(0),
            first=NINE.date(),
            since=NINE,
            delivery=delivery,
        )
        for delivery in ("one", "other")
    ]

    found = at_once(world, *map(claiming, sheets))

    assert sorted(found) == [False, True]
    stored = world.state.read(SheetClaim, *sheets[0].key)
    assert stored
    assert stored.delivery == sheets[found.index(True)].delivery


@pytest.mark.parametrize("stale_first", [True, False])
def test_who_comes_with_an_older_version_does_not_stand_in_the_way(
    *, stale_first: bool
) -> None:
    world = town()
    world.state.write(unclaimed(0))
    told = [unclaimed(0, version=0), unclaimed(0, version=1)]

    found = at_once(world, *map(claiming, told if stale_first else reversed(told)))

    assert found == [not stale_first, stale_first]


def test_a_claim_that_is_refused_in_company_is_tried_alone_and_refuses_no_other() -> None:
    world = town()
    real, refused = world.state.write_each, Refused("too large", code="ValidationError")
    world.state.write_each = lambda records: [refused, *real(records[1:])]  # type: ignore[method-assign]

    found = at_once(world, *(claiming(unclaimed(number)) for number in range(3)))

    assert found == [True] * 3
    assert world.state.calls_for_claims == 1


def test_what_cannot_be_told_of_one_claim_is_raised_for_that_one() -> None:
    world = town()
    real = world.state.write_each
    unclear = Unclear("dynamodb answered 500")
    world.state.write_each = lambda records: [*real(records[:-1]), unclear]  # type: ignore[method-assign]

    found = at_once(world, *(claiming(unclaimed(number)) for number in range(3)))

    assert sorted(map(str, found)) == sorted(["True", "True", str(unclear)])


def test_no_call_of_salesforce_begins_when_there_is_no_time_for_it_and_all_else_goes_on() -> (
    None
):
    world = town()
    write = Writes(appointment=appointment(0), changes={"actual_start": NINE})

    found = at_once(
        world,
        lambda desk: desk.salesforce.view(look(0)),
        lambda desk: desk.salesforce.write(write),
        lambda desk: desk.salesforce.find(write),
        lambda desk: desk.salesforce.described(),
        lambda desk: desk.state.read(Resource, CONNECTION, person(0)),
        time_left=lambda: False,
    )

    assert [type(each) for each in found] == [Unavailable] * 4 + [type(None)]
    assert world.fate.effects == ["read Resource"]


def test_what_is_seen_when_no_time_is_left_to_write_is_of_no_use() -> None:
    world, times = town(), iter([True, True, False])

    [found] = at_once(
        world, lambda desk: desk.salesforce.view(look(0)), time_left=lambda: next(times)
    )

    assert isinstance(found, Unavailable)
    assert world.fate.effects == ["view"]


def test_who_has_waited_too_long_for_others_begins_no_call() -> None:
    world, times = town(), iter([True, False])
    wanted = Writes(appointment=appointment(0), event=new_event(0))

    [found] = at_once(
        world, lambda desk: desk.salesforce.write(wanted), time_left=lambda: next(times)
    )

    assert isinstance(found, Unavailable)
    assert world.fate.effects == []


# ── whole messages ────────────────────────────────────────────────────────────


def taken(told: Report) -> Callable[[Desk], Any]:
    return lambda desk: reports.take(told, desk)


def outcome(world: World) -> Any:
    """What stands in Salesforce, in the ledger and in the state, but for ids and hashes."""
    salesforce = world.salesforce
    visits = [
        (each.appointment, sorted(each.facts), each.ours, each.intent)
        for number in range(MANY)
        if (each := world.state.read(Visit, CONNECTION, appointment(number)))
    ]
    return (
        {key: (work.status, work.actual_start) for key, work in salesforce.work.items()},
        sorted((each.appointment, each.subject, each.starts_at) for each in salesforce.events),
        sorted((row.delivery, row.outcome, str(row.reason)) for row in world.ledger.rows),
        visits,
    )


def test_a_hundred_arrivals_cost_as_many_calls_as_one() -> None:
    def calls(people: int) -> Counter[str]:
        world = town(people)
        earlier = len(world.fate.effects)
        told = [report(arrival(number)) for number in range(people)]
        assert at_once(world, *map(taken, told)) == [Outcome.APPLIED] * people
        effects = world.fate.effects[earlier:]
        names = ("view", "views", "write Salesforce", "write all Salesforce")
        joint = Counter(each for each in effects if each in names)
        joint["put"] = sum(each.startswith("put LedgerRow") for each in effects)
        joint["read"] = sum(each.startswith("read ") for each in effects)
        return joint

    alone, many = calls(1), calls(100)

    assert (alone["view"], alone["write Salesforce"], alone["put"]) == (1, 1, 1)
    assert (many["views"], many["write all Salesforce"], many["put"]) == (1, 1, 1)
    assert many["read"] <= alone["read"]
    assert sum(many.values()) <= sum(alone.values())


TOLD = st.lists(
    st.tuples(
        st.integers(0, MANY - 1), st.sampled_from(["entry", "exit", "out"]), st.integers(0, 5)
    ),
    min_size=1,
    max_size=20,
)


def told_of(number: int, kind: str, hours: int) -> dict[str, Any]:
    at = NINE + timedelta(hours=hours)
    if kind != "out":
        return arrival(number, at=at) if kind == "entry" else arrival(number, value=kind, at=at)
    pressed = geotag(
        "CHECK_OUT",
        at=at,
        geofence_id=None,
        service_appointment_id=appointment(number),
        service_resource_id=person(number),
    )
    return {**pressed, "device_id": device(number)}


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(TOLD)
def test_whatever_is_told_of_whoever_the_end_is_the_same_as_one_after_the_other(
    told: Sequence[tuple[int, str, int]],
) -> None:
    groups: dict[int, list[Report]] = {}
    for number, kind, hours in told:
        groups.setdefault(number, []).append(report(told_of(number, kind, hours)))

    def in_order(mine: Sequence[Report]) -> Callable[[Desk], Any]:
        return lambda desk: [reports.take(each, desk) for each in mine]

    one_by_one, together = town(), town()
    for mine in groups.values():
        for each in mine:
            reports.take(each, one_by_one.desk)
    found = at_once(together, *map(in_order, groups.values()))

    assert [each for each in found if isinstance(each, Exception)] == []
    assert outcome(together) == outcome(one_by_one)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(TOLD)
def test_messages_of_one_person_in_threads_of_their_own_end_as_one_after_the_other(
    told: Sequence[tuple[int, str, int]],
) -> None:
    messages = [report(told_of(number % 3, kind, hours)) for number, kind, hours in told]

    one_by_one, together = town(), town()
    for each in messages:
        reports.take(each, one_by_one.desk)
    found = at_once(together, *map(taken, messages))

    assert [each for each in found if isinstance(each, Exception)] == []
    # But for the outcomes, which hang on who came first.
    works, events, rows, visits = outcome(together)
    assert (works, events, visits) == operator.itemgetter(0, 1, 3)(outcome(one_by_one))
    assert [row[0] for row in rows] == [row[0] for row in outcome(one_by_one)[2]]


def test_all_who_are_on_one_appointment_have_their_turn_and_none_loses_a_race() -> None:
    world = town()
    for number in range(1, 6):
        world.salesforce.assign(appointment(0), person(number), f"Person {number}")
    told = []
    for number in range(6):
        here = arrival(number, marker_id=f"of {number}")
        here["data"]["geofence_metadata"]["service_appointment_id"] = appointment(0)
        told.append(report(here))

    found = at_once(world, *map(taken, told))

    assert found == [Outcome.APPLIED] * 6
    assert len(world.salesforce.events) == 6


def test_days_of_one_week_in_one_batch_all_end_and_have_one_new_sheet() -> None:
    world = town()
    world.connection = world.connection.model_copy(
        update={"practice": Practice(sheet_period="week")}
    )
    days = [NINE - timedelta(days=number) for number in range(3)]
    for number, day in enumerate(days):
        world.salesforce.assign(appointment(number), person(0), "Person 0")
        world.salesforce.work[appointment(number)].starts_at = day
        here = fact(at=day, appointment=appointment(number), resource=person(0))
        write_back.to_appointment(delivered(here), world.desk)
    gone = [
        delivered(
            fact(
                Kind.CHECKED_OUT,
                day + timedelta(hours=1),
                appointment=appointment(number),
                resource=person(0),
            )
        )
        for number, day in enumerate(days)
    ]

    def out(told: Delivered) -> Callable[[Desk], Any]:
        return lambda desk: write_back.to_appointment(told, desk)

    first = at_once(world, *map(out, gone))
    again = at_once(world, *map(out, gone))

    assert Counter(map(type, first)) == {Outcome: 1, Contended: 2}
    assert Counter(again) == {Outcome.DUPLICATE: 1, Outcome.APPLIED: 2}
    assert len(world.salesforce.sheets[person(0)]) == 1
    assert len(world.salesforce.entries) == 3


@pytest.mark.parametrize("effect", ["views", "write all Salesforce", "put LedgerRows"])
def test_a_joint_call_that_fails_fails_for_all_and_the_next_try_makes_up_for_it(
    effect: str,
) -> None:
    world, told = town(), [report(arrival(number)) for number in range(MANY)]
    world.fate.fail(effect, Unavailable("down"), times=1)

    first = at_once(world, *map(taken, told))
    again = at_once(world, *map(taken, told))

    assert {type(each) for each in first} == {Unavailable}
    assert again == [Outcome.APPLIED] * MANY
    assert len(world.salesforce.events) == MANY
    assert len(world.ledger.rows) == MANY
