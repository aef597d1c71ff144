"""An org that is down or used up is left alone, and called again as soon as it can be."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldlink.connecting.gate import PROBE_EVERY, Doorkeeper, Purpose
from fieldlink.errors import Closed, Lost
from fieldlink.records import Gate
from tests.fakes import NOON, FakeMeter, FakeState
from tests.make import CONNECTION, connection

if TYPE_CHECKING:
    from fieldlink.records import Connection

TICK = timedelta(minutes=5)
ALLOWED = 100_000  # of which our share is 5,000


@dataclass
class Org:
    """A connection, the time, and what its doorkeepers told."""

    connection: Connection = field(default_factory=connection)
    state: FakeState = field(default_factory=FakeState)
    meter: FakeMeter = field(default_factory=FakeMeter)
    now: datetime = NOON
    told: list[str] = field(default_factory=list)

    def doorkeeper(self, purpose: Purpose = "write") -> Doorkeeper:
        return Doorkeeper(
            self.connection, self.state, self.meter, lambda: self.now, purpose, self.told.append
        )

    @property
    def gate(self) -> Gate:
        return self.state.read(Gate, self.connection.connection) or Gate(connection=CONNECTION)

    @property
    def writes(self) -> int:
        return self.state.fate.effects.count("write Gate")

    def calls(self, purpose: Purpose = "write") -> bool:
        """Whether a call of this purpose may be made now."""
        try:
            self.doorkeeper(purpose).enter()
        except Closed:
            return False
        return True

    def fail(self, times: int, purpose: Purpose = "write") -> None:
        for _ in range(times):
            doorkeeper = self.doorkeeper(purpose)
            doorkeeper.enter()
            doorkeeper.failed()

    def look(self, used: int = 10, allowed: int = ALLOWED) -> bool:
        """A look that gets through; returns whether writes go on."""
        doorkeeper = self.doorkeeper("look")
        doorkeeper.enter()
        doorkeeper.answered(used, allowed)
        return doorkeeper.settle()

    def wait(self, **span: float) -> None:
        self.now += timedelta(**span)


# ── the breaker ────────────────────────────────────────────────────────────────


def test_the_breaker_opens_at_the_fifth_failure_in_a_row() -> None:
    org = Org()

    org.fail(4)
    assert org.calls()
    org.fail(1)

    assert org.gate.opened_at == NOON
    assert not org.calls("write")
    assert not org.calls("extra")
    assert org.told == ["paused: failures"]


def test_a_success_in_between_begins_the_count_anew() -> None:
    org = Org()

    org.fail(4)
    doorkeeper = org.doorkeeper()
    doorkeeper.enter()
    doorkeeper.answered(1, ALLOWED)
    org.fail(4)

    assert org.gate.opened_at is None


def test_a_success_is_written_only_if_something_was_counted() -> None:
    org = Org()

    for _ in range(3):
        doorkeeper = org.doorkeeper()
        doorkeeper.enter()
        doorkeeper.answered(1, ALLOWED)

    assert org.writes == 0


def test_workers_that_fail_at_the_same_moment_open_the_breaker_within_ten_failures() -> None:
    org = Org()
    workers = [org.doorkeeper() for _ in range(10)]
    for each in workers:
        each.enter()

    for each in workers:
        each.failed()

    assert org.gate.opened_at


def test_a_failure_that_loses_every_race_is_ignored() -> None:
    org = Org()
    doorkeeper = org.doorkeeper()
    doorkeeper.enter()
    state = Contested(org.state)

    Doorkeeper(org.connection, state, org.meter, lambda: org.now, "write").failed()

    assert state.lost == 3
    assert org.gate.failures == 0


class Contested(FakeState):
    """A table in which somebody else is always faster."""

    def __init__(self, state: FakeState) -> None:
        super().__init__()
        self._stored = state._stored
        self.lost = 0

    def write(self, _record: Any) -> bool:
        self.lost += 1
        return False


def test_while_the_breaker_is_open_one_look_in_half_a_minute_tries() -> None:
    org = Org()
    org.fail(5)

    tried = []
    for seconds in range(121):
        org.now = NOON + timedelta(seconds=seconds)
        if org.calls("look"):
            tried.append(seconds)

    assert tried == [0, 30, 60, 90, 120]


def test_of_many_looks_at_the_same_moment_one_tries() -> None:
    org = Org()
    org.fail(5)
    lookers = [org.doorkeeper("look") for _ in range(5)]
    for each in lookers:
        each._recent()

    tried = 0
    for each in lookers:
        with suppress(Closed):
            each.enter()
            tried += 1

    assert tried == 1


def test_a_look_that_fails_leaves_the_breaker_open_and_one_that_gets_through_closes_it() -> (
    None
):
    org = Org()
    org.fail(5)

    org.fail(1, "look")
    assert not org.calls()
    org.wait(seconds=30)

    assert org.look()
    assert org.calls()
    assert org.gate.failures == 0
    assert org.told == ["paused: failures", "resumed"]


def test_a_look_that_got_through_closes_the_breaker_though_the_gate_was_changed_meanwhile() -> (
    None
):
    org = Org()
    org.fail(5)
    looker = org.doorkeeper("look")
    looker.enter()
    org.doorkeeper().used_up()

    looker.answered(1, ALLOWED)

    assert org.gate.opened_at is None
    assert org.gate.paused == "limit"


def test_a_late_success_does_not_close_what_others_have_opened_since() -> None:
    org = Org()
    org.fail(1)
    slow = org.doorkeeper()
    slow.enter()
    org.fail(4)

    slow.answered(1, ALLOWED)

    assert org.gate.opened_at


def test_one_org_that_is_down_leaves_the_others_alone() -> None:
    org = Org()
    other = Org(connection(connection="other-connection-for-tests-01"), org.state)

    org.fail(5)

    assert other.calls()
    assert not org.calls()


def test_a_worker_that_waited_long_looks_at_the_gate_again() -> None:
    org = Org()
    doorkeeper = org.doorkeeper()
    doorkeeper.enter()
    org.fail(5)
    org.wait(seconds=5)

    with pytest.raises(Closed):
        doorkeeper.enter()


# ── the quota ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("ours", "used", "write", "extra"),
    [
        (3_000, 70_000, True, True),
        (3_997, 10, True, True),
        (4_000, 10, True, False),
        (10, 80_000, True, False),
        (4_748, 10, True, False),
        (4_750, 10, False, False),
        (10, 95_000, False, False),
        (9_999, 200_000, False, False),
    ],
)
def test_what_is_extra_stops_first_and_then_what_writes_and_never_a_look(
    ours: int, used: int, *, write: bool, extra: bool
) -> None:
    org = Org()
    org.meter.add(CONNECTION, NOON, ours)
    org.look(used)

    assert org.calls("extra") is extra
    assert org.calls("write") is write
    assert org.calls("look")


def test_a_worker_stops_by_itself_when_our_share_is_used_up_between_two_looks() -> None:
    org = Org()
    org.look()
    org.meter.add(CONNECTION, NOON, 4_748)

    assert org.calls()
    assert not org.calls()

    assert (org.gate.paused, org.gate.paused_at) == ("share", NOON)
    assert org.told == ["paused: share"]


def test_a_small_share_of_a_small_org_still_leaves_writes_beside_the_looks_of_a_day() -> None:
    org = Org(connection=connection(quota_share=1))
    org.look(allowed=15_000)
    org.meter.add(CONNECTION, NOON, 288)

    assert org.calls("extra")
    assert org.calls()


def test_a_worker_goes_by_the_numbers_that_it_has_just_heard() -> None:
    org = Org()
    doorkeeper = org.doorkeeper()
    doorkeeper.enter()
    doorkeeper.answered(95_000, ALLOWED)

    with pytest.raises(Closed):
        doorkeeper.enter()


def test_of_an_org_that_has_not_said_how_much_it_allows_nothing_is_held_back() -> None:
    org = Org()
    org.meter.add(CONNECTION, NOON, 1_000_000)
    doorkeeper = org.doorkeeper("look")
    doorkeeper.enter()
    doorkeeper.answered(None, None)

    assert doorkeeper.settle()
    assert org.calls("extra")


def test_every_call_is_counted_and_no_call_that_was_not_made() -> None:
    org = Org()

    org.look()
    org.calls()
    org.fail(5)
    org.calls()

    assert org.meter.last_day(CONNECTION, NOON) == 7


def test_an_org_without_calls_is_looked_at_and_not_written_to() -> None:
    org = Org()

    org.doorkeeper().used_up()
    org.doorkeeper().used_up()

    assert org.writes == 1
    assert not org.calls("write")
    assert not org.calls("extra")
    assert org.calls("look")
    assert org.told == ["paused: limit"]


@pytest.mark.parametrize("why", ["share", "limit"])
def test_writes_go_on_with_the_first_look_after_the_reset(why: str) -> None:
    org = Org()
    org.look()
    if why == "share":
        org.look(96_000)
    else:
        org.doorkeeper().used_up()
    assert not org.calls()

    org.wait(minutes=5)
    assert org.look(10)

    assert org.calls()
    assert (org.gate.paused, org.gate.paused_at) == ("", None)
    assert org.told == [f"paused: {why}", "resumed"]


def test_what_was_stopped_for_our_share_goes_on_well_below_it_and_not_at_its_edge() -> None:
    org = Org()
    assert not org.look(95_000)

    assert not org.look(94_999)
    assert not org.look(90_000)
    assert org.look(89_999)
    assert org.look(94_999)


def test_an_idle_connection_costs_one_write_in_an_hour() -> None:
    org = Org()

    for _ in range(24):
        org.look()
        org.wait(minutes=5)

    assert org.writes == 2
    gate = org.gate
    assert (gate.used, gate.allowed) == (10, ALLOWED)
    assert gate.seen_at == NOON + timedelta(hours=1)


def test_numbers_that_cross_a_line_are_noted_at_once() -> None:
    org = Org()
    org.look(10)
    org.wait(minutes=5)

    org.look(81_000)

    assert org.gate.used == 81_000


@pytest.mark.parametrize("purpose", ["look", "write", "extra"])
def test_the_org_of_a_lost_connection_is_not_called_and_its_end_is_named(
    purpose: Purpose,
) -> None:
    org = Org(connection(state="lost", end="user frozen", problem="The user is frozen."))

    with pytest.raises(Lost, match="frozen") as lost:
        org.doorkeeper(purpose).enter()

    assert lost.value.end == "user frozen"
    assert org.meter.hours.total() == 0


# ── any course of things ───────────────────────────────────────────────────────

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["look", "write", "extra"]),
        st.sampled_from(["ok", "down", "limit"]),
        st.integers(0, 120_000),  # used
        st.integers(0, 3_000),  # our calls in between
        st.integers(0, 400),  # seconds until then
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_happens_a_closed_org_is_not_called_and_a_good_look_opens_it(
    steps: list[tuple[Purpose, str, int, int, int]],
) -> None:
    org = Org()
    course = Course()
    for purpose, answer, used, ours, seconds in steps:
        org.wait(seconds=seconds)
        org.meter.add(CONNECTION, org.now, ours)
        doorkeeper = org.doorkeeper(purpose)
        try:
            doorkeeper.enter()
        except Closed:
            assert purpose != "look" or course.probed_lately(org.now)
            continue
        course.called(org.now, purpose)
        if purpose == "write" and org.gate.allowed:
            assert org.meter.last_day(CONNECTION, org.now) <= 4_750
        course.answered(org.now, answer)
        if answer == "down":
            doorkeeper.failed()
        elif answer == "limit":
            doorkeeper.answered(None, None)
            doorkeeper.used_up()
        else:
            doorkeeper.answered(used, ALLOWED)
            if purpose == "look":
                course.paused = not doorkeeper.settle()

    org.wait(days=2)
    assert org.look(10)
    assert org.calls("write")
    assert org.calls("extra")


@dataclass
class Course:
    """What must be so, kept apart from the gate's own record."""

    failures: int = 0
    probed_at: datetime | None = None
    paused: bool = False

    @property
    def down(self) -> bool:
        return self.failures >= 5

    def probed_lately(self, now: datetime) -> bool:
        return bool(self.down and self.probed_at and now - self.probed_at < PROBE_EVERY)

    def called(self, now: datetime, purpose: Purpose) -> None:
        if purpose != "look":
            assert not self.down, "a write while the breaker is open"
            assert not self.paused, "a write while the day's calls are used up"
        elif self.down:
            assert not self.probed_lately(now), "two probes within half a minute"
            self.probed_at = now

    def answered(self, _now: datetime, answer: str) -> None:
        self.failures = self.failures + 1 if answer == "down" else 0
        if answer == "limit":
            self.paused = True
