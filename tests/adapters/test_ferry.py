"""What threads ask at the same time goes together, and each gets its own answer."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from time import monotonic

import pytest

from fieldlink.adapters.ferry import Ferry
from fieldlink.errors import Refused, Unavailable

type Call = Callable[[Mapping[str, int]], Mapping[str, int]]

ROOM = 4


def until(seen: Callable[[], bool]) -> None:
    deadline = monotonic() + 30
    while not seen():
        assert monotonic() < deadline
        Event().wait(0.001)


class Crossings:
    """A ferry whose first call waits until it is let go, so that others can come meanwhile."""

    def __init__(self, call: Call, pool: ThreadPoolExecutor) -> None:
        self.asked: list[dict[str, int]] = []
        self._call = call
        self._pool = pool
        self._gone = Event()
        self._ferry = Ferry(self._across, ROOM)

    def begin(self) -> Future[Mapping[str, int]]:
        """Somebody for whom the call is under way."""
        first = self._pool.submit(self._ferry.across, {"first": 1})
        until(lambda: bool(self.asked))
        return first

    def come(self, **cargo: int) -> Future[Mapping[str, int]]:
        """Somebody who waits for its end."""
        waiting = len(self._ferry._waiting)
        coming = self._pool.submit(self._ferry.across, cargo)
        until(lambda: len(self._ferry._waiting) > waiting)
        return coming

    def go_on(self) -> None:
        self._gone.set()

    def _across(self, cargo: Mapping[str, int]) -> Mapping[str, int]:
        self.asked.append({**cargo})
        if "first" in cargo:
            assert self._gone.wait(30)
        return self._call(cargo)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(10)
    yield pool
    pool.shutdown(wait=False)  # a thread that hangs has failed its test already


def doubled(cargo: Mapping[str, int]) -> Mapping[str, int]:
    return {key: 2 * number for key, number in cargo.items()}


def test_who_comes_alone_goes_at_once_and_who_asks_nothing_not_at_all() -> None:
    asked = []

    def call(cargo: Mapping[str, int]) -> Mapping[str, int]:
        asked.append({**cargo})
        return doubled(cargo)

    ferry = Ferry(call, ROOM)

    assert ferry.across({"a": 1, "b": 2}) == {"a": 2, "b": 4}
    assert ferry.across({}) == {}
    assert ferry.across({"c": 3}) == {"c": 6}
    assert asked == [{"a": 1, "b": 2}, {"c": 3}]


def test_who_comes_meanwhile_goes_together_and_each_has_its_own_answer(
    pool: ThreadPoolExecutor,
) -> None:
    crossings = Crossings(doubled, pool)
    first = crossings.begin()
    others = [crossings.come(a=1), crossings.come(b=2, c=3)]

    crossings.go_on()

    assert first.result(30) == {"first": 2}
    assert [each.result(30) for each in others] == [{"a": 2}, {"b": 4, "c": 6}]
    assert crossings.asked == [{"first": 1}, {"a": 1, "b": 2, "c": 3}]


def test_what_a_call_says_nothing_of_is_left_out(pool: ThreadPoolExecutor) -> None:
    crossings = Crossings(lambda cargo: {"b": 7} if "b" in cargo else {}, pool)
    first = crossings.begin()
    others = [crossings.come(a=1), crossings.come(b=2)]

    crossings.go_on()

    assert first.result(30) == {}
    assert [each.result(30) for each in others] == [{}, {"b": 7}]


def test_a_call_takes_no_more_than_it_has_room_for_and_nothing_twice(
    pool: ThreadPoolExecutor,
) -> None:
    crossings = Crossings(doubled, pool)
    first = crossings.begin()
    many = {f"{number}": number for number in range(ROOM + 1)}
    others = [
        crossings.come(a=1, b=2, c=3),
        crossings.come(a=4),
        crossings.come(d=5, e=6),
        crossings.come(f=7),
        crossings.come(**many),
    ]

    crossings.go_on()

    assert first.result(30) == {"first": 2}
    assert [each.result(30) for each in others] == [
        {"a": 2, "b": 4, "c": 6},
        {"a": 8},
        {"d": 10, "e": 12},
        {"f": 14},
        doubled(many),
    ]
    assert crossings.asked == [
        {"first": 1},
        {"a": 1, "b": 2, "c": 3, "f": 7},
        {"a": 4, "d": 5, "e": 6},
        many,
    ]


def test_what_is_refused_in_company_is_asked_alone(pool: ThreadPoolExecutor) -> None:
    def call(cargo: Mapping[str, int]) -> Mapping[str, int]:
        if "bad" in cargo:
            raise Refused("too large")
        return doubled(cargo)

    crossings = Crossings(call, pool)
    first = crossings.begin()
    good, bad, last = crossings.come(a=1), crossings.come(bad=2), crossings.come(c=3)

    crossings.go_on()

    assert first.result(30) == {"first": 2}
    assert (good.result(30), last.result(30)) == ({"a": 2}, {"c": 6})
    with pytest.raises(Refused, match="too large"):
        bad.result(30)


@pytest.mark.parametrize("error", [Unavailable("busy"), KeyboardInterrupt()])
def test_what_a_call_met_is_raised_for_all_of_it_and_the_next_one_goes(
    pool: ThreadPoolExecutor, error: BaseException
) -> None:
    def call(cargo: Mapping[str, int]) -> Mapping[str, int]:
        if "a" in cargo:
            raise error
        return doubled(cargo)

    crossings = Crossings(call, pool)
    first = crossings.begin()
    both = [crossings.come(a=1, b=1, c=1), crossings.come(d=1)]
    later = crossings.come(e=2)

    crossings.go_on()

    assert [each.exception(30) for each in both] == [error, error]
    assert first.result(30) == {"first": 2}
    assert later.result(30) == {"e": 4}


def test_of_any_number_of_threads_each_gets_its_own_and_one_call_is_made_at_a_time(
    pool: ThreadPoolExecutor,
) -> None:
    under_way: list[int] = []
    most = []

    def call(cargo: Mapping[str, int]) -> Mapping[str, int]:
        under_way.append(1)
        most.append((len(under_way), len(cargo)))
        told = doubled(cargo)
        under_way.pop()
        return told

    ferry = Ferry(call, ROOM)

    def asked(thread: int) -> bool:
        told = [{f"{thread}-{number}": number, f"shared-{number}": 1} for number in range(200)]
        return all(ferry.across(each) == doubled(each) for each in told)

    assert all(pool.map(asked, range(10), timeout=60))
    assert {at_once for at_once, _ in most} == {1}
    assert {count for _, count in most} <= {2, 3, 4}
