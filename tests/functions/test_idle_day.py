"""What looking costs, counted by those who are asked: an idle day, and ticks with changes."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from bench.noted import Call, NotedAws, noted_aws
from fieldlink.records import Connection
from fieldlink.wiring import Services
from functions import poll_salesforce, reconcile, start_polls
from local.clock import SteppedClock
from local.salesforce import FakeSalesforce
from local.salesforce.server import SESSION_MINUTES
from tests.conftest import CLIENT_SECRET, Pretended
from tests.functions.calls import CONTEXT, batch

TICK = timedelta(minutes=5)
TICKS = timedelta(days=1) // TICK
NIGHT = TICKS // 2  # after which tick the nightly look at everything comes
HOURS = 24
RENEWALS = 13  # of a token that lasts two hours


@pytest.fixture
def noted() -> Iterator[NotedAws]:
    with noted_aws() as aws:
        yield aws


@pytest.fixture
def moto(noted: NotedAws) -> str:
    """In place of the one that all tests share."""
    return noted.url


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(datetime.now(UTC).replace(second=0, microsecond=0))


@pytest.fixture
def session_minutes() -> int:
    return SESSION_MINUTES


@pytest.fixture
def salesforce(clock: SteppedClock, session_minutes: int) -> Iterator[FakeSalesforce]:
    """An org whose clock stands between ticks."""
    with FakeSalesforce(
        clock=clock, client_secret=CLIENT_SECRET, session_minutes=session_minutes
    ) as org:
        yield org


class Cost(NamedTuple):
    """What one tick, or one night, took."""

    salesforce: int
    calls: list[Call]

    @property
    def writes(self) -> list[Call]:
        return [call for call in self.calls if call.writes]

    @property
    def written(self) -> Counter[str]:
        """How many items of each kind."""
        items = [each for call in self.writes for each in call.puts]
        return Counter(
            "calls" if item["pk"]["S"].endswith("#calls") else item["sk"]["S"].partition("#")[0]
            for item in items
        )

    @property
    def messages(self) -> int:
        """Into all queues; one of them is the poll itself."""
        puts = (call.asked for call in self.calls if call.action == "SendMessageBatch")
        return sum(len(each["Entries"]) for each in puts)

    @property
    def sizes(self) -> Counter[str]:
        """How many requests and items there were of each kind."""
        requests = Counter(call.action for call in self.calls)
        return requests + self.written + Counter(messages=self.messages)


class House:
    """The doors and what stands behind them, with its meters."""

    def __init__(
        self,
        aws: Pretended,
        bundle: Services,
        noted: NotedAws,
        salesforce: FakeSalesforce,
        clock: SteppedClock,
    ) -> None:
        self._aws = aws
        self._bundle = bundle
        self._noted = noted
        self._salesforce = salesforce
        self._clock = clock

    def tick(self) -> Cost:
        """Five minutes later."""
        self._clock.move_to(self._clock.now + TICK)
        return self.run(start_polls)

    def run(self, schedule: Any) -> Cost:
        """A scheduled door, and what it queues."""
        vars(self._bundle).pop("meter", None)  # what it remembers goes by the real time
        self._noted.take()
        before = self._salesforce.api_calls
        schedule.lambda_handler({"time": self._clock.now.isoformat()}, CONTEXT)
        [body] = self._aws.queued(self._aws.settings.polls_queue_url)
        poll_salesforce.lambda_handler(batch(body), CONTEXT)
        return Cost(self._salesforce.api_calls - before, self._noted.take())


@pytest.fixture
def house(
    aws: Pretended,
    noted: NotedAws,
    bundle: Services,
    connection: Connection,
    salesforce: FakeSalesforce,
    clock: SteppedClock,
) -> House:
    assert connection
    return House(aws, bundle, noted, salesforce, clock)


@pytest.fixture
def resources(salesforce: FakeSalesforce) -> list[str]:
    return salesforce.add_resources(10)


def plant(
    org: FakeSalesforce, clock: SteppedClock, resources: list[str], count: int
) -> list[str]:
    """Open appointments, from tomorrow on."""
    return org.add_appointments(count, resources, clock.now + timedelta(days=1))


def test_an_idle_day_takes_300_calls_and_writes_nothing_but_an_hourly_mark(
    house: House, salesforce: FakeSalesforce, clock: SteppedClock, resources: list[str]
) -> None:
    plant(salesforce, clock, resources, 2_000)
    house.tick()
    clock.move_to(clock.now + timedelta(hours=1))  # until nothing of it is in the overlap
    house.tick()

    ticks = []
    for number in range(TICKS):
        ticks.append(house.tick())
        if number == NIGHT:
            night = house.run(reconcile)

    assert {each.salesforce for each in ticks} == {1}
    assert sum(each.salesforce for each in (*ticks, night)) <= 300
    marked = [each for each in ticks if "watermark" in each.written]
    renewed = [each for each in ticks if "access" in each.written]
    assert len(marked) <= HOURS
    assert len(renewed) <= RENEWALS
    assert len([each for each in ticks if not each.writes]) >= TICKS - HOURS - RENEWALS
    kinds = {kind for each in (*ticks, night) for kind in each.written}
    # That HyperTrack has not been heard of yet is noted once.
    assert kinds <= {"watermark", "calls", "gate", "access", "capabilities", "heard"}
    assert {each.messages for each in (*ticks, night)} == {1}  # the poll itself


def changed(house: House, org: FakeSalesforce, clock: SteppedClock, ids: list[str]) -> Cost:
    """A tick by which these appointments have another subject, and nothing else."""
    clock.move_to(clock.now + timedelta(hours=2))
    house.tick()  # moves the mark, so that earlier changes are out of the overlap
    for each in ids:
        org.update("ServiceAppointment", each, Subject=f"Changed at {clock.now}")
    return house.tick()


@pytest.mark.parametrize("session_minutes", [2 * 24 * 60])  # no renewal in between
def test_a_tick_costs_what_changed_and_not_what_exists(
    house: House, salesforce: FakeSalesforce, clock: SteppedClock, resources: list[str]
) -> None:
    counts = (0, 1, 20, 200)

    made = plant(salesforce, clock, resources, 200)
    house.tick()
    among_few = [changed(house, salesforce, clock, made[:count]) for count in counts]
    plant(salesforce, clock, resources, 1_800)
    house.tick()
    among_many = [changed(house, salesforce, clock, made[:count]) for count in counts]

    assert [each.sizes for each in among_few] == [each.sizes for each in among_many]
    assert [each.salesforce for each in among_few] == [1] * len(counts)
    # A row is kept before and after it is handed on; each technician is told once.
    assert [each.written["appointment"] for each in among_few] == [2 * each for each in counts]
    assert [each.messages - 1 for each in among_few] == [min(each, 10) for each in counts]
    assert not among_few[0].writes


@pytest.mark.parametrize("session_minutes", [2 * 24 * 60])
def test_what_is_read_again_in_the_overlap_is_not_written_again(
    house: House, salesforce: FakeSalesforce, clock: SteppedClock, resources: list[str]
) -> None:
    made = plant(salesforce, clock, resources, 200)
    house.tick()
    idle = changed(house, salesforce, clock, [])
    first = changed(house, salesforce, clock, made)

    again = [house.tick() for _ in range(2)]

    assert first.writes
    assert not [call for each in again for call in each.writes]
    assert [each.messages for each in again] == [1, 1]  # the poll itself
    assert all(each.sizes["BatchGetItem"] > idle.sizes["BatchGetItem"] for each in again)
