"""What several messages of a batch tell of one visit is applied at once, as if one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.books.explaining import explain
from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.models import Delivered, Fact, Kind, Outcome, Travel
from fieldlink.writing import releasing
from tests.fakes import Death, Killed
from tests.make import APPOINTMENT, COLLEAGUE, CONNECTION, RESOURCE, World, at, delivered, fact
from tests.rules.crew import (
    APPRENTICE,
    MAKERS,
    OTHER,
    apply,
    apply_together,
    crew,
    held,
    pending,
    truth,
)
from tests.rules.killing import every_death
from tests.rules.meeting import every_meeting
from tests.rules.test_write_back import (
    LEASE,
    MOST_TRIES,
    PRACTICES,
    Shaky,
    deliveries,
    let_go,
    told_once_for_each_cause,
    work_off,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from fieldlink.books.explaining import Explained
    from fieldlink.practice import Practice

CAME = fact(Kind.ARRIVED, at(9))
OUT = fact(Kind.CHECKED_OUT, at(9, 40))
LEFT = fact(Kind.LEFT, at(9, 50), arrived_at=at(9))
VISIT = [CAME, OUT, LEFT]


def in_batches(messages: list[Delivered], sizes: Iterable[int]) -> list[list[Delivered]]:
    """The last one has whatever is left."""
    batches, rest = [], list(messages)
    for size in sizes:
        batches.append(rest[:size])
        rest = rest[size:]
    return [each for each in (*batches, rest) if each]


def each_told_once(world: World, messages: Iterable[Delivered]) -> None:
    """A row for each delivery."""
    told = sorted(row.delivery for row in world.ledger.rows)
    assert told == sorted({each.delivery for each in messages})


# ── any order, in any batches ─────────────────────────────────────────────────

SIZES = st.lists(st.integers(1, 6), max_size=6)


@settings(max_examples=1_000, deadline=None, derandomize=True, database=None)
@given(deliveries(), SIZES, st.sampled_from(list(MAKERS.values())), st.sampled_from(PRACTICES))
def test_in_whatever_batches_facts_come_the_end_is_as_the_oracles_say(
    told: tuple[list[Fact], list[Delivered]],
    sizes: list[int],
    make: Callable[..., World],
    practice: Practice,
) -> None:
    facts, messages = told
    world = make(practice=practice)

    for batch in in_batches(messages, sizes):
        apply_together(world, *batch)

    assert held(world) == truth(facts, practice)
    told_once_for_each_cause(facts, world)
    each_told_once(world, messages)
    assert not pending(world)


@settings(max_examples=1_000, deadline=None, derandomize=True, database=None)
@given(
    deliveries(),
    SIZES,
    st.lists(st.tuples(st.sampled_from(["before", "after"]), st.integers(1, 120)), max_size=4),
    st.booleans(),
    st.sampled_from(list(MAKERS.values())),
)
def test_in_whatever_batches_the_end_is_the_same_though_workers_die_in_between(
    told: tuple[list[Fact], list[Delivered]],
    sizes: list[int],
    deaths: list[Any],
    at_once: bool,
    make: Callable[[], World],
) -> None:
    facts, messages = told
    world, waiting = make(), in_batches(messages, sizes)
    doomed = [Death(side, number) for side, number in deaths]

    while waiting:
        batch = waiting.pop(0)
        world.fate.death = world.fate.death or (doomed.pop() if doomed else None)
        try:
            apply_together(world, *batch)
        except Killed:
            # What was lent to it comes again, but not in the same company.
            again = [batch] if at_once else [*filter(None, [batch[::2], batch[1::2]])]
            waiting = [*again, *waiting] if at_once else [*waiting, *again]
            world.pass_time(LEASE)
    world.fate.death = None

    assert held(world) == truth(facts)
    told_once_for_each_cause(facts, world)
    assert not pending(world)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    deliveries(),
    st.randoms(use_true_random=True),
    st.sampled_from(list(MAKERS.values())),
    st.sampled_from(PRACTICES),
)
def test_in_whatever_batches_the_end_is_the_same_though_nearly_every_third_call_fails(
    told: tuple[list[Fact], list[Delivered]],
    chance: Random,
    make: Callable[..., World],
    practice: Practice,
) -> None:
    facts, messages = told
    fate = Shaky(chance)
    with fate.at_rest():
        world = make(fate=fate, practice=practice)

    tries = work_off(messages, world, fate, apply_together, most=4)

    with fate.at_rest():
        assert tries < MOST_TRIES
        assert held(world) == truth(facts, practice)
        told_once_for_each_cause(facts, world)
        assert not pending(world)


# ── every kill point, every meeting ───────────────────────────────────────────

AGAIN = delivered(CAME, delivery="told again")


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
@pytest.mark.parametrize("then", ["together", "one by one", "backwards", "the others only"])
def test_a_batch_that_is_killed_is_applied_once_however_its_messages_come_again(
    make: Callable[[], World], then: str
) -> None:
    messages = [*map(delivered, VISIT), AGAIN]
    for world, death in every_death(make, lambda world: apply_together(world, *messages)):
        world.pass_time(LEASE)

        if then == "together":
            apply_together(world, *messages)
        elif then == "the others only":
            apply(world, *messages[1:])
            apply(world, messages[0])
        else:
            apply(world, *(messages if then == "one by one" else reversed(messages)))

        assert held(world) == truth(VISIT), death
        each_told_once(world, messages)
        assert not pending(world), death


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_a_batch_and_another_worker_lose_nothing_wherever_they_meet(
    make: Callable[..., World],
) -> None:
    messages, theirs = [*map(delivered, VISIT)], delivered(fact(Kind.CHECKED_IN, at(9, 2)))
    colleagues = delivered(fact(Kind.ARRIVED, at(9, 5), resource=COLLEAGUE))
    for other in (theirs, colleagues):
        for met in every_meeting(
            lambda fate: make(fate=fate),
            lambda world: apply_together(world, *messages),
            partial(come, other),
        ):
            apply_together(met.world, *messages, other)
            met.world.pass_time(LEASE)
            apply_together(met.world, *messages, other)

            facts = [each.fact for each in (*messages, other)]
            assert held(met.world) == truth(facts), met.stops
            each_told_once(met.world, [*messages, other])
            assert not pending(met.world), met.stops


def come(told: Delivered, world: World) -> None:
    apply(world, told)


# ── what it takes, and what it leaves ─────────────────────────────────────────


def effects(world: World, *told: Fact | Delivered) -> list[str]:
    before = len(world.fate.effects)
    apply_together(world, *told)
    return world.fate.effects[before:]


def test_a_visit_that_is_told_at_once_takes_as_many_calls_as_one_fact() -> None:
    known = crew()
    apply(known, CAME)
    known.zones.clear()  # as a worker who has not met them yet
    alone, together = effects(known, OUT), effects(crew(), *VISIT, AGAIN)

    assert len(together) == len(alone)
    assert together.count("write Salesforce") == together.count("put LedgerRows") == 1


def test_each_fact_has_its_own_row_in_the_activity_and_in_the_ledger() -> None:
    world = crew()

    ended = apply_together(world, *VISIT, AGAIN)

    assert ended == [Outcome.APPLIED] * 3 + [Outcome.DUPLICATE]
    assert len(world.salesforce.wrote) == 1
    rows = {row.delivery: row for row in world.ledger.rows}
    ids = {each.starts_at: each.id for each in world.salesforce.events}
    assert {each: rows[delivered(each).delivery].wrote["event"]["id"] for each in VISIT} == {
        each: ids[each.at] for each in VISIT
    }
    assert rows[AGAIN.delivery].outcome is Outcome.DUPLICATE
    first, *others = (rows[delivered(each).delivery] for each in VISIT)
    assert first.wrote["changes"]["status"] == "Completed"
    assert "others" not in first.wrote
    for other in others:
        assert other.wrote.keys() == {"appointment", "event"}
        assert other.rule.startswith(f"applied together with delivery {first.delivery}")
        assert other.request == first.request


@pytest.mark.parametrize("told", VISIT, ids=lambda each: str(each.kind))
def test_each_row_and_each_value_is_explained_by_two_look_ups(told: Fact) -> None:
    world = crew()
    apply_together(world, *VISIT)
    [event] = [each for each in world.salesforce.events if each.starts_at == told.at]

    def found(text: str = "") -> Explained:
        return explain(
            APPOINTMENT,
            connection=CONNECTION,
            state=world.state,
            ledger=world.ledger,
            text=text,
        )

    [row] = found(event.description).told
    assert (row.at, row.wrote["event.id"]) == (told.at, event.id)
    assert found().stands["changes.status"].value == "Completed"


def test_each_day_is_explained_though_several_are_told_at_once() -> None:
    world = crew()
    later = timedelta(days=2)
    told = [fact(Kind.CHECKED_OUT, at(12) + later), fact(Kind.ARRIVED, at(9) + later)]

    apply_together(world, *told, CAME, LEFT)

    entries = {each.starts_at: each.id for each in world.salesforce.entries}
    for began in (at(9), at(9) + later):
        found = explain(
            RESOURCE,
            connection=CONNECTION,
            state=world.state,
            ledger=world.ledger,
            day=began.date(),
        )
        assert entries[began] in {each.value for each in found.stands.values()}


def test_a_message_that_comes_again_beside_news_keeps_its_row() -> None:
    world = crew()
    apply(world, CAME)
    [row] = world.ledger.rows

    ended = apply_together(world, OUT, CAME)

    assert ended == [Outcome.APPLIED, Outcome.DUPLICATE]
    assert row in world.ledger.rows


def test_an_event_that_is_delivered_once_more_later_has_a_row_for_each_time() -> None:
    world = crew()
    world.fate.fail("write Salesforce", Unclear("no answer"), times=1)
    apply_together(world, CAME, OUT)
    world.pass_time(LEASE)
    later = delivered(OUT, received_at=world.now)

    ended = apply_together(world, CAME, later, OUT)

    assert ended == [Outcome.APPLIED, Outcome.DUPLICATE, Outcome.APPLIED]
    rows = {(row.received_at, row.delivery): row.outcome for row in world.ledger.rows}
    assert rows[later.name] is Outcome.DUPLICATE
    assert len(rows) == 3


@pytest.mark.parametrize("effect", ["view", "write Visit", "write Salesforce"])
def test_who_waits_behind_one_that_has_to_come_again_comes_again_with_it(effect: str) -> None:
    world = crew()
    world.fate.fail(effect, Unavailable("down"), times=1)

    ended = apply_together(world, *VISIT)

    assert [*map(type, ended)] == [Unavailable] * 3
    assert world.fate.effects.count("view") <= 1
    assert apply_together(world, *VISIT) == [Outcome.APPLIED] * 3
    assert held(world) == truth(VISIT)


# ── who is applied alone ──────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "other",
    [
        fact(Kind.ARRIVED, at(9, 5), resource=COLLEAGUE),
        fact(Kind.CHECKED_OUT, at(9, 20), appointment=OTHER),
        fact(Kind.EXPECTED, at(8), expected_at=at(9), reason="first_eta"),
        fact(Kind.CANCELLED, at(9, 46)),
    ],
    ids=["a colleague", "other work", "an estimate", "a cancellation"],
)
def test_only_what_one_resource_did_at_one_appointment_is_told_together(other: Fact) -> None:
    world = crew()

    apply_together(world, CAME, other)

    assert not any(each.others for each in world.salesforce.wrote)
    assert held(world) == truth([CAME, other])


def test_who_tells_more_of_what_is_known_comes_alone() -> None:
    world = crew()
    more = fact(Kind.ARRIVED, at(9), key="with the way", travel=Travel(seconds=600))

    apply_together(world, CAME, more)

    assert not any(each.others for each in world.salesforce.wrote)
    assert held(world) == truth([CAME, more])


def test_who_was_there_too_early_is_left_out_of_what_others_tell() -> None:
    world = crew()
    world.connection = world.connection.model_copy(update={"early_hours": 4})
    early = fact(Kind.ARRIVED, at(1), key="for another reason")
    gone = fact(Kind.LEFT, at(2), arrived_at=at(1), key="and left again")

    ended = apply_together(world, CAME, early, gone, OUT)

    assert ended == [Outcome.APPLIED, Outcome.IGNORED, Outcome.IGNORED, Outcome.APPLIED]
    assert held(world) == truth([CAME, OUT])


def test_who_tells_of_the_end_of_the_calendar_takes_nobody_along() -> None:
    world = crew()
    came, gone = (
        fact(Kind.ARRIVED, at(9), resource=APPRENTICE),
        fact(Kind.LEFT, datetime.max.replace(tzinfo=UTC), resource=APPRENTICE),
    )

    with pytest.raises(OverflowError):
        apply_together(world, came, gone)

    assert held(world) == truth([came])


def test_no_more_than_ten_are_applied_at_once_and_the_rest_next() -> None:
    world = crew()
    told = [fact(Kind.ARRIVED, at(9, number)) for number in range(14)]

    apply_together(world, *told)

    assert [len(each.others) for each in world.salesforce.wrote] == [9, 3]
    assert held(world) == truth(told)


# ── what Salesforce refuses ───────────────────────────────────────────────────


@pytest.mark.parametrize("told", [*permutations(VISIT)])
def test_a_way_that_leads_through_another_status_is_gone_by_each_alone_in_their_order(
    told: tuple[Fact, ...],
) -> None:
    world = crew()
    world.salesforce.transitions = {
        ("Scheduled", "In Progress"),
        ("In Progress", "Completed"),
    }

    ended = apply_together(world, *told)

    assert ended == [Outcome.APPLIED] * 3
    assert held(world) == truth(VISIT)
    assert not pending(world)


def test_a_status_that_is_refused_keeps_no_row_and_no_time_from_being_written() -> None:
    together, alone = crew(), crew()
    for world in (together, alone):
        world.salesforce.transitions = set()

    apply_together(together, *VISIT)
    apply(alone, *VISIT)

    assert held(together) == held(alone)
    assert [row.outcome for row in together.ledger.rows] == [Outcome.APPLIED] * 3
    assert not pending(together)


def test_what_is_refused_of_all_is_parked_of_each_and_can_be_replayed() -> None:
    world = crew()
    world.fate.fail("write Salesforce", Refused("a trigger"), times=7)

    ended = apply_together(world, *VISIT)
    for each in VISIT:
        let_go(delivered(each), world)

    assert [type(each) for each in ended] == [Refused] * 3
    assert apply(world, *VISIT) == [Outcome.APPLIED] * 3
    assert held(world) == truth(VISIT)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize("parked", range(3))
def test_whichever_is_parked_in_the_middle_of_all_no_row_is_there_twice(
    make: Callable[[], World], parked: int, *, carried_out: bool
) -> None:
    world = make()
    lost = Unclear("no answer")
    world.fate.fail("write Salesforce", lost, after=carried_out, times=1)
    apply_together(world, *VISIT)

    releasing.release(delivered(VISIT[parked]).delivery, APPOINTMENT, world.desk)
    world.pass_time(LEASE)
    rest = [each for number, each in enumerate(VISIT) if number != parked]
    apply_together(world, *rest)
    apply(world, VISIT[parked])

    assert held(world) == truth(VISIT)
    assert not pending(world)


def test_what_was_begun_of_all_and_is_refused_then_is_applied_of_each() -> None:
    world = crew()
    world.fate.fail("write Salesforce", Unclear("no answer"), times=1)
    apply_together(world, *VISIT)
    world.pass_time(LEASE)
    world.salesforce.transitions = set()

    ended = apply_together(world, *VISIT)

    assert {*map(type, ended)} == {Outcome}
    assert len(world.salesforce.events) == 3
    assert sorted(row.delivery for row in world.ledger.rows) == sorted(
        delivered(each).delivery for each in VISIT
    )
    assert not pending(world)
