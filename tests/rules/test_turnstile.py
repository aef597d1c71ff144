"""Threads that share an org: one doorkeeper, one token, one count of calls."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock
from typing import TYPE_CHECKING

from fieldlink.connecting.metering import CountingMeter
from fieldlink.connecting.renewing import Pass
from fieldlink.connecting.turnstile import Turnstile
from fieldlink.errors import Closed
from tests.fakes import NOON, FakeMeter
from tests.make import CONNECTION
from tests.rules.login import access, connected, opened

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = 20
EXPIRED = "INVALID_SESSION_ID: Session expired or invalid"


def all_at_once(step: Callable[[], object]) -> list[object]:
    """What each of the threads gets, or the error."""
    gate = Barrier(THREADS)

    def run(_: int) -> object:
        gate.wait(30)
        try:
            return step()
        except Closed as closed:
            return closed

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(run, range(THREADS)))


class Narrow:
    """A door that breaks if two are in it; it is closed to all but the first few."""

    def __init__(self) -> None:
        self.inside = Lock()
        self.passed: list[str] = []

    def _pass(self, name: str) -> None:
        assert self.inside.acquire(blocking=False), "two at once"
        self.passed.append(name)
        self.inside.release()

    def enter(self) -> None:
        self._pass("enter")
        if len(self.passed) > 4 * 10:
            raise Closed("enough")

    def answered(self, used: int | None, allowed: int | None) -> None:
        self._pass(f"answered {used} {allowed}")

    def failed(self) -> None:
        self._pass("failed")

    def used_up(self) -> None:
        self._pass("used up")


def test_many_threads_pass_one_door_one_at_a_time_and_hear_what_it_says() -> None:
    door = Narrow()
    turnstile = Turnstile(door)

    def come_and_go() -> None:
        turnstile.enter()
        turnstile.answered(1, 2)
        turnstile.failed()
        turnstile.used_up()

    found = all_at_once(come_and_go)

    assert any(isinstance(each, Closed) for each in found)
    assert {"enter", "answered 1 2", "failed", "used up"} == set(door.passed)


def test_threads_whose_shared_token_has_expired_ask_for_one_new_one() -> None:
    town = connected()
    entry = Pass(town.kept, lambda: town.office)
    stale = opened(town).access_token
    gate = Barrier(THREADS)

    def call() -> str:
        assert entry.token == stale  # each is refused with it
        gate.wait(30)
        entry.renew(EXPIRED)
        return entry.token

    found = all_at_once(call)

    assert town.authorisation.requests == ["refresh-1"]
    assert set(found) == {opened(town).access_token}
    assert stale not in found
    assert access(town).renewing_since is None


def test_a_token_that_expires_again_is_renewed_again() -> None:
    town = connected()
    entry = Pass(town.kept, lambda: town.office)
    for _ in range(2):
        before = entry.token
        entry.renew(EXPIRED)
        assert entry.token != before

    assert town.authorisation.requests == ["refresh-1", "refresh-2"]


def test_calls_that_threads_count_at_the_same_time_are_all_counted() -> None:
    told = FakeMeter()
    meter = CountingMeter(told)

    def count() -> None:
        for number in range(200):
            meter.add(f"{CONNECTION} {number}", NOON, 1)
            meter.last_day(CONNECTION, NOON)

    all_at_once(count)
    meter.flush()

    assert told.hours.total() == THREADS * 200
