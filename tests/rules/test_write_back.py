"""One fact at a time, in any order, however often, and whoever dies when."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.models import Delivered, Fact, Kind, Outcome, Travel
from fieldlink.practice import Practice
from fieldlink.records import Confirming, Day, Visit
from fieldlink.writing import activity, days, releasing, write_back
from fieldlink.writing.expecting import ESTIMATES
from tests.fakes import NOON, Death, Fate, Killed
from tests.make import (
    APPOINTMENT,
    COLLEAGUE,
    CONNECTION,
    RESOURCE,
    World,
    at,
    delivered,
    fact,
)
from tests.rules.crew import (
    ESTIMATED,
    MAKERS,
    NAMES,
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
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from random import Random

LEASE = timedelta(minutes=12)  # longer than any worker lives and any request lasts
OF_APPOINTMENTS = (
    Kind.ARRIVED,
    Kind.LEFT,
    Kind.CHECKED_IN,
    Kind.CHECKED_OUT,
    Kind.CANCELLED,
    Kind.ON_THE_WAY,
)
CLOCKS = (Kind.CLOCKED_IN, Kind.CLOCKED_OUT)
CAUSES = ("first_eta", "traffic_update", "route_change", "delayed", "eta", "")


def told_once_for_each_cause(facts: list[Fact], world: World) -> None:
    """No estimate has two rows, no cause is told twice of anybody, and no estimate is lost."""
    rows = [each for each in world.salesforce.events if each.subject.startswith(ESTIMATED)]
    by_reference = {activity.reference(each.key): each for each in facts}
    told = [by_reference[each.description.splitlines()[-1]] for each in rows]
    whose = {(each.resource, each.appointment, each.reason) for each in told}
    assert len(whose) == len(told)
    assert {each.reason for each in told} <= set(CAUSES[:4])
    deliveries = {delivered(each).delivery for each in facts}
    assert deliveries <= {row.delivery for row in world.ledger.rows}


# ── any order, any repetition ─────────────────────────────────────────────────

# One of the three sees midnight in it.
seconds = st.integers(0, 24).map(lambda part: 600 * part) | st.integers(0, 14_400)
moments = seconds.map(lambda passed: at(9) + timedelta(seconds=passed))
travels = st.none() | st.builds(
    Travel,
    metres=st.none() | st.just(1234.0),
    seconds=st.none() | st.integers(0, 5000).map(float),
    idle_seconds=st.none() | st.integers(0, 600).map(float),
)


@st.composite
def facts_of_a_visit(draw: st.DrawFn) -> list[Fact]:
    told = draw(
        st.lists(
            st.tuples(
                st.sampled_from(OF_APPOINTMENTS) | st.sampled_from(CLOCKS),
                moments,
                st.sampled_from(list(NAMES)[: draw(st.integers(1, 3))]),
                st.none() | moments,
                travels,
                st.sampled_from([APPOINTMENT, OTHER][: draw(st.integers(1, 2))]),
            ),
            min_size=1,
            max_size=8,
        )
    )
    # Who tells one thing twice tells the same of it, or less.
    whole: dict[Any, tuple[Any, Any]] = {}
    for kind, moment, who, arrived, travel, where in told:
        known = whole.get((kind, moment, who, where), (None, None))
        whole[kind, moment, who, where] = (known[0] or arrived, known[1] or travel)
    return [
        fact(
            kind,
            moment,
            key=f"fact-{number}",
            resource=who,
            appointment="" if kind in CLOCKS else where,
            arrived_at=whole[kind, moment, who, where][0]
            if arrived and kind is Kind.LEFT
            else None,
            travel=whole[kind, moment, who, where][1] if travel else None,
        )
        for number, (kind, moment, who, arrived, travel, where) in enumerate(told)
    ]


@st.composite
def estimates(draw: st.DrawFn) -> list[Fact]:
    """When somebody will arrive, as HyperTrack thinks from time to time."""
    told = draw(
        st.lists(
            st.tuples(moments, st.sampled_from(list(NAMES)), st.sampled_from(CAUSES), moments),
            max_size=4,
        )
    )
    return [
        fact(
            Kind.DELAYED if cause == "delayed" else Kind.EXPECTED,
            moment,
            key=f"estimate-{number}",
            resource=who,
            reason=cause,
            expected_at=expected_at,
        )
        for number, (moment, who, cause, expected_at) in enumerate(told)
    ]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Fact], list[Delivered]]:
    """Facts, and how they come: shuffled, some of them twice, as the same message or anew."""
    facts = [*draw(facts_of_a_visit()), *draw(estimates())]
    again = draw(st.lists(st.sampled_from(facts), max_size=4))
    first = [delivered(each) for each in facts]
    more = [
        delivered(each, delivery=f"again-{number}" if draw(st.booleans()) else "")
        for number, each in enumerate(again)
    ]
    return facts, draw(st.permutations([*first, *more]))


@settings(max_examples=1_000, deadline=None, derandomize=True, database=None)
@given(deliveries(), st.sampled_from(list(MAKERS.values())))
def test_any_order_and_repetition_of_the_same_facts_ends_as_the_oracles_say(
    told: tuple[list[Fact], list[Delivered]], make: Callable[[], World]
) -> None:
    facts, messages = told
    world = make()

    apply(world, *messages)

    assert held(world) == truth(facts)
    told_once_for_each_cause(facts, world)
    assert not pending(world)


@settings(max_examples=1_000, deadline=None, derandomize=True, database=None)
@given(
    deliveries(),
    st.lists(st.tuples(st.sampled_from(["before", "after"]), st.integers(1, 120)), max_size=4),
    st.booleans(),
    st.sampled_from(list(MAKERS.values())),
)
def test_any_order_ends_as_the_oracles_say_though_workers_die_in_between(
    told: tuple[list[Fact], list[Delivered]],
    deaths: list[Any],
    at_once: bool,
    make: Callable[[], World],
) -> None:
    facts, waiting = told[0], list(told[1])
    world = make()
    doomed = [Death(side, number) for side, number in deaths]

    while waiting:
        message = waiting.pop(0)
        world.fate.death = world.fate.death or (doomed.pop() if doomed else None)
        try:
            apply(world, message)
        except Killed:
            waiting.insert(0 if at_once else len(waiting), message)
            world.pass_time(LEASE)
    world.fate.death = None

    assert held(world) == truth(facts)
    told_once_for_each_cause(facts, world)
    assert not pending(world)


class Shaky(Fate):
    """Every third effect fails; half of those that do have been done all the same."""

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self.chance = chance
        self.steady = False

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Nothing fails meanwhile."""
        self.steady = True
        yield
        self.steady = False

    @contextmanager
    def effect(self, name: str) -> Iterator[None]:
        fails = not self.steady and self.chance.random() < 0.3
        done = self.chance.random() < 0.5
        if fails and not done:
            raise Unavailable(f"no {name}")
        with super().effect(name):
            yield
        if fails:
            raise Unclear(f"no answer to {name}")


PRACTICES = [
    Practice(),
    Practice(time_sheets="visits_and_travel", sheet_period="week"),
    Practice(time_sheets="visits_and_travel", join=0),
]
# A fact takes some ten calls, so that one in 35 tries gets through: 0.7^10.
MOST_TRIES = 4_000


@settings(max_examples=250, deadline=None, derandomize=True, database=None)
@given(
    deliveries(),
    st.randoms(use_true_random=True),
    st.sampled_from(list(MAKERS.values())),
    st.sampled_from(PRACTICES),
)
def test_any_order_ends_as_the_oracles_say_though_nearly_every_third_call_fails(
    told: tuple[list[Fact], list[Delivered]],
    chance: Random,
    make: Callable[..., World],
    practice: Practice,
) -> None:
    facts, waiting = told
    fate = Shaky(chance)
    with fate.at_rest():
        world = make(fate=fate, practice=practice)

    tries = work_off(waiting, world, fate)

    with fate.at_rest():
        assert tries < MOST_TRIES
        assert held(world) == truth(facts, practice)
        told_once_for_each_cause(facts, world)
        assert not pending(world)


def work_off(
    messages: list[Delivered],
    world: World,
    fate: Shaky,
    attempt: Callable[..., Iterable[object]] = apply,
    most: int = 1,
) -> int:
    """Try up to so many at a time until all are applied, in any order; some are parked, and
    replayed at the end.

    Estimates are not: one that is parked in doubt and another of its cause may both be told.
    """
    waiting, parked, tries = list(messages), list[Delivered](), 0
    while (waiting or parked) and tries < MOST_TRIES:
        tries += 1
        if not waiting:
            waiting, parked = parked, []
        fate.chance.shuffle(waiting)
        size = fate.chance.randint(1, most)
        batch, waiting = waiting[:size], waiting[size:]
        left = not_applied(batch, world, fate, attempt)
        one = fate.chance.choice(left) if left and fate.chance.random() < 0.1 else None
        if one and one.fact.kind not in ESTIMATES:
            with fate.at_rest():
                let_go(one, world)
            left.remove(one)
            parked.append(one)
        waiting += left
        if fate.chance.random() < 0.5:
            world.pass_time(LEASE)
    return tries


def not_applied(
    batch: list[Delivered],
    world: World,
    fate: Shaky,
    attempt: Callable[..., Iterable[object]],
) -> list[Delivered]:
    """Now and then a worker dies, too: then all of its batch comes again."""
    if fate.chance.random() < 0.1:
        number = len(fate.effects) + fate.chance.randint(1, 14)
        fate.death = fate.chance.choice([Death("before", number), Death("after", number)])
    try:
        ended = attempt(world, *batch)
    except (Killed, Unavailable):
        return batch
    finally:
        fate.death = None
    return [
        each for each, end in zip(batch, ended, strict=True) if isinstance(end, Unavailable)
    ]


def let_go(message: Delivered, world: World) -> None:
    """As `reports` does of what is parked."""
    told = message.fact
    if told.kind in CLOCKS:
        on = days.on(told, world.desk)
        releasing.release_day(message.delivery, told.resource, on, world.desk)
    else:
        releasing.release(message.delivery, told.appointment, world.desk)


# ── every kill point ──────────────────────────────────────────────────────────

BEFORE: dict[str, list[Fact]] = {
    "nothing": [],
    "another job": [
        fact(Kind.CLOCKED_IN, at(8, 10), appointment=""),
        fact(Kind.ARRIVED, at(8, 20), appointment=OTHER, travel=Travel(seconds=900)),
        fact(Kind.CHECKED_OUT, at(9, 4), appointment=OTHER),
        fact(Kind.ARRIVED, at(9, 10), travel=Travel(seconds=600, idle_seconds=60)),
    ],
    "completed": [
        fact(Kind.CHECKED_IN, at(9, 10)),
        fact(Kind.CHECKED_OUT, at(9, 50)),
        fact(Kind.CHECKED_OUT, at(10, 20), appointment=OTHER, arrived_at=at(10)),
    ],
}
STRUCK: dict[str, Fact] = {
    "an earlier arrival": fact(Kind.ARRIVED, at(9, 5), travel=Travel(seconds=300)),
    "a departure": fact(
        Kind.LEFT, at(10), arrived_at=at(9, 10), travel=Travel(seconds=480), key="departure"
    ),
    "checking in": fact(Kind.CHECKED_IN, at(9, 5)),
    "checking out": fact(Kind.CHECKED_OUT, at(9, 45), note="Replaced the valve"),
    "cancelling": fact(Kind.CANCELLED, at(9, 46)),
    "setting out": fact(Kind.ON_THE_WAY, at(8, 30)),
    "an estimate": fact(
        Kind.EXPECTED, at(8, 40), reason="first_eta", expected_at=at(9), key="estimate"
    ),
    "a delay": fact(
        Kind.DELAYED, at(8, 50), reason="delayed", expected_at=at(9, 30), scheduled_at=at(9)
    ),
    "a link": fact(Kind.LINK_OFFERED, at(8), link="https://trck.at/x", order="order-1"),
    "clocking in": fact(Kind.CLOCKED_IN, at(9, 8), appointment=""),
    "clocking out": fact(Kind.CLOCKED_OUT, at(9, 40), appointment=""),
    "the end of another job": fact(Kind.CHECKED_OUT, at(9, 20), appointment=OTHER),
}
LATER = [
    fact(Kind.ARRIVED, at(9, 1), key="late", travel=Travel(seconds=240)),
    fact(Kind.LEFT, at(10, 20), key="later departure"),
    fact(Kind.CHECKED_OUT, at(10, 30), key="later check-out"),
]
OF_A_COLLEAGUE = fact(Kind.LEFT, at(9, 58), arrived_at=at(9, 2), resource=COLLEAGUE)
ELSEWHERE = fact(
    Kind.CHECKED_OUT, at(9, 30), appointment=OTHER, key="elsewhere", travel=Travel(seconds=60)
)


def struck_down(
    known: list[Fact], struck: Fact, make: Callable[[], World] = crew
) -> Iterator[tuple[World, Death]]:
    """A world for each effect of applying a fact, in which a worker died there."""

    def made() -> World:
        world = make()
        apply(world, *known)
        return world

    return every_death(made, lambda world: apply(world, struck))


def settled(world: World, facts: Iterable[Fact], at_death: Death) -> None:
    """Nothing lost, nothing doubled, one ledger row for each delivery, and nothing pending."""
    told = list(facts)
    assert held(world) == truth(told), at_death
    assert sorted(row.key for row in world.ledger.rows) == sorted(each.key for each in told)
    assert {row.outcome for row in world.ledger.rows} <= {Outcome.APPLIED, Outcome.SUPERSEDED}
    assert not pending(world), at_death


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
@pytest.mark.parametrize("known", BEFORE.values(), ids=BEFORE.keys())
@pytest.mark.parametrize("struck", STRUCK.values(), ids=STRUCK.keys())
def test_a_killed_delivery_that_comes_again_is_applied_once(
    known: list[Fact], struck: Fact, make: Callable[[], World]
) -> None:
    for world, death in struck_down(known, struck, make):
        world.pass_time(LEASE)

        apply(world, struck)

        settled(world, [*known, struck], death)
        apply(world, *LATER)
        settled(world, [*known, struck, *LATER], death)


@pytest.mark.parametrize("known", [BEFORE["another job"]])
@pytest.mark.parametrize("struck", STRUCK.values(), ids=STRUCK.keys())
def test_any_message_waits_for_a_killed_worker_while_it_may_live_even_its_own(
    known: list[Fact], struck: Fact
) -> None:
    for world, death in struck_down(known, struck):
        begun = [each for each in anchors(world) if each.intent]

        if any(isinstance(each, Visit) and each.appointment == APPOINTMENT for each in begun):
            with pytest.raises(Unavailable):
                take(world, OF_A_COLLEAGUE)
        if any(isinstance(each, Day) for each in begun):
            with pytest.raises(Unavailable):
                take(world, ELSEWHERE)
        if begun:
            with pytest.raises(Unavailable):
                take(world, struck)
        world.pass_time(LEASE)
        apply(world, struck, OF_A_COLLEAGUE, ELSEWHERE)

        settled(world, [*known, struck, OF_A_COLLEAGUE, ELSEWHERE], death)


@pytest.mark.parametrize("known", [BEFORE["nothing"], BEFORE["another job"]])
@pytest.mark.parametrize("struck", STRUCK.values(), ids=STRUCK.keys())
@pytest.mark.parametrize("other", [OF_A_COLLEAGUE, ELSEWHERE, STRUCK["clocking out"]])
def test_another_fact_finishes_what_a_killed_worker_began(
    known: list[Fact], struck: Fact, other: Fact
) -> None:
    for world, death in struck_down(known, struck):
        world.pass_time(LEASE)

        apply(world, other, struck)

        told = {each.key: each for each in (*known, struck, other)}
        settled(world, told.values(), death)


@pytest.mark.parametrize("other", [OF_A_COLLEAGUE, ELSEWHERE])
def test_a_worker_that_dies_while_it_takes_over_is_taken_over_in_its_turn(other: Fact) -> None:
    known, struck = BEFORE["another job"], STRUCK["checking out"]
    for first, death in enumerate(struck_down(known, struck)):
        for number in range(1 + first % 3, 40, 3):
            world = twice_struck_down(known, struck, death[1], other, number)
            world.pass_time(LEASE)

            apply(world, struck, other)

            settled(world, [*known, struck, other], death[1])


def twice_struck_down(
    known: list[Fact], struck: Fact, death: Death, other: Fact, number: int
) -> World:
    """Who takes over dies after so many effects, unless it is done by then."""
    world = crew()
    apply(world, *known)
    world.fate.death = death
    with pytest.raises(Killed):
        take(world, struck)
    world.pass_time(LEASE)
    world.fate.death = Death("after", len(world.fate.effects) + number)
    with suppress(Killed):
        take(world, other)
    world.fate.death = None
    return world


def test_a_write_whose_answer_was_lost_is_not_repeated() -> None:
    world = crew()
    world.fate.fail("write Salesforce", Unclear("no answer"), after=True, times=1)
    arrived = fact(Kind.ARRIVED, at(9))

    with pytest.raises(Unclear):
        apply(world, arrived)
    with pytest.raises(Unavailable):  # Salesforce may still be at it
        apply(world, arrived)
    world.pass_time(LEASE)
    apply(world, arrived)

    settled(world, [arrived], Death("after", 0))


def test_a_write_that_surely_failed_lets_anybody_go_on_at_once() -> None:
    world = crew()
    world.fate.fail("write Salesforce", Unavailable("503"), times=1)
    arrived = fact(Kind.ARRIVED, at(9))

    with pytest.raises(Unavailable):
        apply(world, arrived)
    apply(world, OF_A_COLLEAGUE, arrived)

    settled(world, [arrived, OF_A_COLLEAGUE], Death("after", 0))


def test_the_ledger_says_what_a_killed_worker_wrote_though_nothing_is_left_to_write() -> None:
    world = crew()
    checked_in = fact(Kind.CHECKED_IN, at(9))
    world.fate.fail("write Salesforce", Unclear("no answer"), after=True, times=1)
    with pytest.raises(Unclear):
        apply(world, checked_in)
    world.pass_time(LEASE)

    assert apply(world, checked_in) == [Outcome.APPLIED]

    [row] = world.ledger.rows
    assert row.wrote["changes"]["status"] == "In Progress"


def test_two_workers_on_one_appointment_write_one_after_the_other() -> None:
    world = crew()
    arrived, left = fact(Kind.ARRIVED, at(9)), fact(Kind.LEFT, at(10))
    hasty = HastyState(world, left)

    with pytest.raises(Unavailable):
        write_back.to_appointment(delivered(arrived), world.desk._replace(state=hasty))
    apply(world, arrived)

    settled(world, [arrived, left], Death("after", 0))


class HastyState:
    """Lets another worker apply a fact just before this worker's first write."""

    def __init__(self, world: World, other: Fact) -> None:
        self._world = world
        self._other: Fact | None = other

    def write(self, record: Any) -> bool:
        other, self._other = self._other, None
        if other:
            apply(self._world, other)
        return self._world.state.write(record)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.state, name)


# ── outcomes ──────────────────────────────────────────────────────────────────


def test_the_same_fact_under_another_delivery_is_a_duplicate_with_a_row_of_its_own() -> None:
    world = crew()
    arrived = fact(Kind.ARRIVED, at(9))

    outcomes = apply(world, arrived, delivered(arrived, delivery="another"))

    assert outcomes == [Outcome.APPLIED, Outcome.DUPLICATE]
    assert [row.outcome for row in world.ledger.rows] == outcomes
    assert len(world.salesforce.events) == 1


@pytest.mark.parametrize("kind", OF_APPOINTMENTS)
def test_what_is_done_once_is_one_fact_under_whatever_key_it_is_told_again(kind: Kind) -> None:
    world = crew()

    outcomes = apply(world, fact(kind, at(9)), fact(kind, at(9), key="from the record"))

    assert outcomes == [Outcome.APPLIED, Outcome.DUPLICATE]
    assert len(world.salesforce.events) <= 1
    assert len(anchor(world).facts) == 1


def test_an_instant_that_the_record_cuts_to_milliseconds_is_the_same() -> None:
    world = crew()
    whole = at(9).replace(microsecond=123_456)
    cut = at(9).replace(microsecond=123_000)

    outcomes = apply(world, fact(Kind.ARRIVED, whole), fact(Kind.ARRIVED, cut, key="record"))

    assert outcomes == [Outcome.APPLIED, Outcome.DUPLICATE]


@pytest.mark.parametrize(
    "other", [{"at": at(9, 0, 1)}, {"resource": COLLEAGUE}, {"kind": Kind.CHECKED_IN}]
)
def test_another_instant_resource_or_kind_is_another_fact(other: dict[str, Any]) -> None:
    world = crew()
    second = fact(Kind.ARRIVED, at(9), key="another").model_copy(update=other)

    apply(world, fact(Kind.ARRIVED, at(9)), second)

    assert len(anchor(world).facts) == 2


@pytest.mark.parametrize("more", [{"travel": Travel(seconds=600)}, {"arrived_at": at(8, 30)}])
def test_a_fact_that_tells_more_the_second_time_changes_what_it_can_and_adds_no_row(
    more: dict[str, Any],
) -> None:
    world = crew()
    told, again = fact(Kind.LEFT, at(9)), fact(Kind.LEFT, at(9), key="again", **more)

    outcomes = apply(world, told, again, fact(Kind.LEFT, at(9), key="once more", **more))

    assert outcomes == [Outcome.APPLIED, Outcome.APPLIED, Outcome.DUPLICATE]
    assert held(world) == truth([told, again])
    assert len(world.salesforce.events) == 1
    apply(world, again)
    assert [row.outcome for row in world.ledger.rows] == outcomes


@pytest.mark.parametrize(
    "struck", [each for each in STRUCK.values() if each.kind in OF_APPOINTMENTS]
)
def test_a_killed_fact_that_the_record_tells_again_is_written_once(struck: Fact) -> None:
    told_again = struck.model_copy(update={"key": "from the record"})
    for world, death in struck_down([], struck):
        world.pass_time(LEASE)

        apply(world, told_again, struck)

        assert held(world) == truth([struck]), death
        assert sum(len(each.facts) for each in anchors(world)) == 1, death


def test_a_parked_fact_that_the_record_tells_again_is_looked_for() -> None:
    world = crew()
    world.fate.fail("write Salesforce", Unclear("no answer"), after=True, times=1)
    struck = delivered(STRUCK["checking out"])
    with pytest.raises(Unclear):
        apply(world, struck)
    releasing.release(struck.delivery, APPOINTMENT, world.desk)

    apply(world, struck.fact.model_copy(update={"key": "from the record"}), struck)

    assert held(world) == truth([struck.fact])
    assert not anchor(world).doubtful


@pytest.mark.parametrize("carried_out", [True, False])
def test_what_a_parked_fact_tells_is_not_lost_if_another_tells_less_of_the_same(
    carried_out: bool,
) -> None:
    world = crew()
    told = delivered(fact(Kind.ARRIVED, at(9), travel=Travel(seconds=600)))
    world.fate.fail("write Salesforce", Unclear("no answer"), after=carried_out, times=1)
    with pytest.raises(Unclear):
        take(world, told)
    releasing.release(told.delivery, APPOINTMENT, world.desk)
    world.pass_time(LEASE)

    apply(world, fact(Kind.ARRIVED, at(9), key="from the record"), told)

    assert held(world) == truth([told.fact])
    assert not pending(world)


def test_the_same_message_once_more_leaves_its_row_as_it_was() -> None:
    world = crew()
    arrived = fact(Kind.ARRIVED, at(9))

    apply(world, arrived, arrived)

    assert [row.outcome for row in world.ledger.rows] == [Outcome.APPLIED]


def test_a_fact_that_changes_nothing_is_superseded_and_kept() -> None:
    world = crew()
    apply(world, fact(Kind.ARRIVED, at(9)))

    outcomes = apply(world, fact(Kind.ON_THE_WAY, at(8)))

    assert outcomes == [Outcome.SUPERSEDED]
    assert len(anchor(world).facts) == 2
    assert len(world.salesforce.wrote) == 1


def test_a_settled_entry_is_not_written_again_with_every_later_fact() -> None:
    world = crew()
    apply(world, fact(Kind.CHECKED_IN, at(9, 0, 10)), fact(Kind.CHECKED_OUT, at(9, 0, 50)))

    outcomes = apply(world, fact(Kind.ON_THE_WAY, at(8)))

    assert outcomes == [Outcome.SUPERSEDED]


def test_the_note_is_in_salesforce_and_not_in_the_state() -> None:
    world = crew()

    apply(world, fact(Kind.CHECKED_OUT, at(10), note="Replaced the valve", photos=("p-1",)))

    assert "Replaced the valve" in world.salesforce.events[0].description
    assert "Replaced the valve" not in world.state.texts
    assert "p-1" not in world.state.texts


def test_what_the_ledger_keeps_of_a_fact_says_which_rows_it_made() -> None:
    world = crew()

    apply(world, fact(Kind.CHECKED_IN, at(9)), fact(Kind.CHECKED_OUT, at(10)))

    wrote = world.ledger.rows[1].wrote
    [event], [entry] = world.salesforce.events, world.salesforce.entries
    assert wrote["changes"]["status"] == "Completed"
    assert (wrote["event"]["id"], wrote["entries"][0]["id"]) == (event.id, entry.id)


def test_the_ledger_says_what_stood_there_before_why_it_was_changed_and_by_which_request() -> (
    None
):
    world = crew()
    apply(world, fact(Kind.CHECKED_IN, at(9)), fact(Kind.CHECKED_OUT, at(10)))

    apply(world, fact(Kind.CHECKED_IN, at(8, 30)))

    row = world.ledger.rows[2]
    [changed] = row.wrote["entries"]
    assert changed["starts_at"] == "2026-03-04T08:30:00Z"
    assert row.before["entries"][changed["key"]]["starts_at"] == "2026-03-04T09:00:00Z"
    assert row.before["changes"]["actual_start"] == "2026-03-04T09:00:00Z"
    assert "Actual Start" in row.rule
    assert (row.request, row.decided_at) == ("request-3", world.now)


def test_the_ledger_keeps_what_stood_there_before_a_try_that_nobody_saw_the_end_of() -> None:
    world = crew()
    apply(world, fact(Kind.CHECKED_IN, at(9)), fact(Kind.CHECKED_OUT, at(10)))
    world.fate.fail("write Salesforce", Unclear("no answer"), after=True, times=1)
    earlier = fact(Kind.CHECKED_IN, at(8, 30))
    with pytest.raises(Unclear):
        take(world, earlier)
    world.pass_time(LEASE)

    take(world, earlier)

    row = world.ledger.rows[2]
    [changed] = row.wrote["entries"]
    assert row.before["entries"][changed["key"]]["starts_at"] == "2026-03-04T09:00:00Z"
    assert row.before["changes"]["actual_start"] == "2026-03-04T09:00:00Z"


def test_the_ledger_tells_nothing_of_a_try_that_was_not_carried_out() -> None:
    world = crew()
    world.fate.fail("write Salesforce", Unclear("no answer"), times=1)
    arrived = fact(Kind.ARRIVED, at(9))
    with pytest.raises(Unclear):
        take(world, arrived)
    world.salesforce.edit(APPOINTMENT, at=at(11), status="Completed", actual_start=at(8))
    world.pass_time(LEASE)

    take(world, arrived)

    [row] = world.ledger.rows
    assert row.wrote.keys() == {"appointment", "parent", "event"}


def test_a_parked_fact_that_was_written_after_all_is_found_when_it_is_replayed() -> None:
    world = crew()
    world.fate.fail("write Salesforce", Unclear("no answer"), after=True, times=1)
    told, next_one = delivered(STRUCK["checking out"]), fact(Kind.LEFT, at(10))
    with pytest.raises(Unclear):
        apply(world, told)
    releasing.release(told.delivery, APPOINTMENT, world.desk)

    apply(world, next_one, told)

    settled(world, [next_one, told.fact], Death("after", 0))
    assert not anchor(world).doubtful
    late = fact(Kind.ARRIVED, at(8, 50), key="late")
    apply(world, late)
    settled(world, [next_one, told.fact, late], Death("after", 0))


def test_a_refused_check_out_completes_when_replayed_after_a_person_edited_the_work() -> None:
    world = crew()
    apply(world, fact(Kind.ARRIVED, at(9, 10)))
    told = delivered(STRUCK["checking out"])
    world.fate.fail("write Salesforce", Refused("a signature is missing"), times=2)
    with pytest.raises(Refused):
        apply(world, told)
    releasing.release(told.delivery, APPOINTMENT, world.desk)
    world.salesforce.edit(APPOINTMENT, at=at(11), status="In Progress")

    apply(world, told)

    assert world.salesforce.work[APPOINTMENT].status == "Completed"
    assert not anchor(world).doubtful


@pytest.mark.parametrize("effect", ["view", "write Salesforce"])
def test_a_refused_fact_does_not_hold_up_the_next_one(effect: str) -> None:
    world = crew()
    refused, next_one = delivered(fact(Kind.ARRIVED, at(9))), fact(Kind.LEFT, at(10))
    tries = {"view": 1, "write Salesforce": 2}[effect]
    world.fate.fail(effect, Refused("FIELD_CUSTOM_VALIDATION_EXCEPTION"), times=tries)

    with pytest.raises(Refused):
        apply(world, refused)
    releasing.release(refused.delivery, APPOINTMENT, world.desk)
    apply(world, next_one)

    settled(world, [next_one], Death("after", 0))


def test_an_abandoned_fact_that_salesforce_refuses_lets_the_next_one_pass() -> None:
    world = crew()
    refused = fact(Kind.ARRIVED, at(9))
    world.fate.fail("write Salesforce", Unclear("no answer"), times=1)
    with pytest.raises(Unclear):
        apply(world, refused)
    world.pass_time(LEASE)
    world.fate.fail("write Salesforce", Refused("locked"), times=2)

    apply(world, OF_A_COLLEAGUE)

    assert held(world) == truth([OF_A_COLLEAGUE])
    assert anchor(world).doubtful.keys() == {refused.key}
    apply(world, refused)
    settled(world, [OF_A_COLLEAGUE, refused], Death("after", 0))


def test_releasing_leaves_the_intent_of_another_delivery_alone() -> None:
    world = crew()
    world.fate.fail("write Salesforce", Unclear("no answer"), times=1)
    with pytest.raises(Unclear):
        apply(world, fact(Kind.ARRIVED, at(9)))

    releasing.release("another delivery", APPOINTMENT, world.desk)

    assert anchor(world).intent


def test_an_arrival_long_before_the_schedule_is_left_out_and_says_so() -> None:
    world = crew()
    world.connection = world.connection.model_copy(update={"early_hours": 2})

    outcomes = apply(world, fact(Kind.ARRIVED, at(9, 59)), fact(Kind.ARRIVED, at(10, 1)))

    assert outcomes == [Outcome.IGNORED, Outcome.APPLIED]
    assert world.ledger.rows[0].reason == "more than 2 h before the scheduled start"
    assert len(world.salesforce.events) == 1


def test_a_departure_is_left_out_with_the_arrival_that_it_ends() -> None:
    world = crew()
    world.connection = world.connection.model_copy(update={"early_hours": 2})

    assert apply(world, fact(Kind.LEFT, at(10, 1), arrived_at=at(9, 59))) == [Outcome.IGNORED]


def test_work_that_is_moved_to_another_day_while_somebody_is_there_has_its_end() -> None:
    world = crew()
    came, left = fact(Kind.ARRIVED, at(9)), fact(Kind.LEFT, at(10), arrived_at=at(9))
    apply(world, came)
    world.salesforce.work[APPOINTMENT].starts_at = NOON + timedelta(days=2)

    assert apply(world, left) == [Outcome.APPLIED]
    assert world.salesforce.work[APPOINTMENT].actual_end == at(10)
    passed_by = fact(Kind.LEFT, at(16, 5), arrived_at=at(16))
    assert apply(world, fact(Kind.ARRIVED, at(16)), passed_by) == [Outcome.IGNORED] * 2


def test_an_arrival_that_has_been_begun_is_not_too_early_when_the_work_is_put_off() -> None:
    world = crew()
    arrived = fact(Kind.ARRIVED, at(9))
    world.fate.fail("write Salesforce", Unclear("no answer"), after=True, times=1)
    with pytest.raises(Unclear):
        take(world, arrived)
    world.salesforce.work[APPOINTMENT].starts_at = NOON + timedelta(days=2)
    world.pass_time(LEASE)

    assert take(world, arrived) is Outcome.APPLIED
    assert len(world.salesforce.events) == 1
    assert not pending(world)


def test_a_button_pressed_long_before_the_schedule_counts() -> None:
    world = crew()
    world.connection = world.connection.model_copy(update={"early_hours": 2})

    assert apply(world, fact(Kind.CHECKED_IN, at(6))) == [Outcome.APPLIED]


def test_an_appointment_with_too_many_facts_refuses_more() -> None:
    world = crew()
    known = [fact(Kind.ARRIVED, at(9), key=f"fact-{number}") for number in range(300)]
    facts = {each.key: delivered(each) for each in known}
    world.state.write(Visit(connection=CONNECTION, appointment=APPOINTMENT, facts=facts))

    with pytest.raises(Refused, match="more than 300 facts"):
        apply(world, fact(Kind.LEFT, at(10)))


BY_EXIT = Practice(complete_by="exit")


def test_a_departure_is_looked_at_again_after_the_grace_period_whoever_dies_when() -> None:
    left = fact(Kind.LEFT, at(9, 50), arrived_at=at(9))
    for world, death in every_death(
        lambda: crew(practice=BY_EXIT), lambda world: take(world, left)
    ):
        world.pass_time(LEASE)

        take(world, left)

        [noted] = world.state.all_of(Confirming, CONNECTION)
        assert (noted.at, noted.left_at) == (at(10), at(9, 50)), death


def test_a_departure_from_which_somebody_is_known_to_have_come_back_is_not() -> None:
    world = crew(practice=BY_EXIT)

    apply(world, fact(Kind.ARRIVED, at(9, 55)), fact(Kind.LEFT, at(9, 50), arrived_at=at(9)))

    assert not world.state.all_of(Confirming, CONNECTION)


# ── a person's word ───────────────────────────────────────────────────────────


def test_a_status_that_a_person_set_after_the_fact_stays() -> None:
    world = crew()
    apply(world, fact(Kind.ON_THE_WAY, at(8)))
    world.salesforce.edit(APPOINTMENT, at=at(10), status="Scheduled")

    apply(world, fact(Kind.ARRIVED, at(9)))

    assert world.salesforce.work[APPOINTMENT].status == "Scheduled"
    assert world.salesforce.work[APPOINTMENT].actual_start == at(9)


def test_a_status_that_a_person_set_stays_though_we_have_written_other_fields_since() -> None:
    world = crew()
    apply(world, fact(Kind.ON_THE_WAY, at(8)))
    world.salesforce.edit(APPOINTMENT, at=at(10), status="Scheduled")

    apply(world, fact(Kind.ARRIVED, at(9)), fact(Kind.LEFT, at(9, 30)))

    assert world.salesforce.work[APPOINTMENT].status == "Scheduled"
    assert world.salesforce.work[APPOINTMENT].actual_end == at(9, 30)


def test_a_status_that_a_person_set_stays_though_the_writing_worker_died() -> None:
    known, struck = [fact(Kind.ON_THE_WAY, at(8))], fact(Kind.ARRIVED, at(9))

    def overruled() -> World:
        world = crew()
        apply(world, *known)
        world.salesforce.edit(APPOINTMENT, at=at(10), status="Scheduled")
        return world

    for world, death in every_death(overruled, lambda world: take(world, struck)):
        world.pass_time(LEASE)
        apply(world, struck)

        assert world.salesforce.work[APPOINTMENT].status == "Scheduled", death


@pytest.mark.parametrize("kind", [Kind.ON_THE_WAY, Kind.ARRIVED])
def test_a_status_that_a_person_set_back_while_a_worker_lay_dead_stays(kind: Kind) -> None:
    struck = fact(kind, at(9))
    world, _ = list(struck_down([], struck))[-2]  # just before it was taken in
    world.salesforce.edit(APPOINTMENT, at=NOON + timedelta(seconds=30), status="Scheduled")
    world.pass_time(LEASE)

    apply(world, struck)

    assert world.salesforce.work[APPOINTMENT].status == "Scheduled"


def test_a_fact_later_than_a_persons_status_carries_it_on() -> None:
    world = crew()
    apply(world, fact(Kind.ON_THE_WAY, at(8)))
    world.salesforce.edit(APPOINTMENT, at=at(8, 30), status="Scheduled")

    apply(world, fact(Kind.ARRIVED, at(9)))

    assert world.salesforce.work[APPOINTMENT].status == "In Progress"


@pytest.mark.parametrize("status", ["Completed", "Cannot Complete", "Canceled"])
@pytest.mark.parametrize("kind", OF_APPOINTMENTS)
def test_an_appointment_that_a_person_closed_stays_closed(status: str, kind: Kind) -> None:
    world = crew()
    world.salesforce.edit(APPOINTMENT, at=at(8), status=status)

    apply(world, fact(kind, at(9)))

    assert world.salesforce.work[APPOINTMENT].status == status


def test_an_appointment_that_we_cancelled_and_a_person_closed_otherwise_stays_so() -> None:
    world = crew()
    apply(world, fact(Kind.CANCELLED, at(9)))
    world.salesforce.edit(APPOINTMENT, at=at(9, 30), status="Canceled")

    apply(world, fact(Kind.CHECKED_OUT, at(10)))

    assert world.salesforce.work[APPOINTMENT].status == "Canceled"


def test_a_late_arrival_fills_the_times_of_a_closed_appointment_and_never_reopens_it() -> None:
    world = crew()
    apply(world, fact(Kind.CHECKED_OUT, at(10)))

    apply(world, fact(Kind.ARRIVED, at(9)))

    work = world.salesforce.work[APPOINTMENT]
    assert (work.status, work.actual_start, work.actual_end) == ("Completed", at(9), at(10))


@pytest.mark.parametrize("edited", [at(8, 45), None])
def test_an_actual_start_that_a_person_edited_stays(edited: datetime | None) -> None:
    world = crew()
    apply(world, fact(Kind.ARRIVED, at(9)))
    world.salesforce.edit(APPOINTMENT, at=at(9, 30), actual_start=edited)

    apply(world, fact(Kind.ARRIVED, at(8, 50)), fact(Kind.LEFT, at(10)))

    work = world.salesforce.work[APPOINTMENT]
    assert (work.actual_start, work.actual_end) == (edited, at(10))


def test_actual_times_that_were_there_before_us_stay() -> None:
    world = crew()
    world.salesforce.edit(APPOINTMENT, at=at(8), actual_start=at(7), actual_end=at(7, 30))

    apply(world, fact(Kind.ARRIVED, at(9)), fact(Kind.LEFT, at(10)))

    work = world.salesforce.work[APPOINTMENT]
    assert (work.actual_start, work.actual_end) == (at(7), at(7, 30))


def test_travel_that_a_person_edited_stays() -> None:
    world = crew()
    apply(world, fact(Kind.ARRIVED, at(9), travel=Travel(seconds=600)))
    world.salesforce.assigned[APPOINTMENT, RESOURCE].travel = 12.5

    apply(world, fact(Kind.ARRIVED, at(8, 50), travel=Travel(seconds=300)))

    assert world.salesforce.assigned[APPOINTMENT, RESOURCE].travel == 12.5


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.permutations([fact(kind, at(9, 10 * n)) for n, kind in enumerate(OF_APPOINTMENTS)]))
def test_the_status_never_goes_back(facts: list[Fact]) -> None:
    world = crew()
    salesforce = world.salesforce
    ranks = []

    for each in facts:
        apply(world, each)
        ranks.append(salesforce.category(salesforce.work[APPOINTMENT].status).rank)

    assert ranks == sorted(ranks)
