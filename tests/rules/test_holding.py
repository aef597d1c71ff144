"""What waits for an org is neither lost nor doubled, whoever dies when."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from fieldlink.connecting import holding
from fieldlink.errors import Unavailable
from fieldlink.parking import Attempt
from fieldlink.records import Held
from tests.fakes import NOON, FakeOutbox, FakeState, Fate
from tests.make import CONNECTION, connection
from tests.rules.killing import every_death

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fieldlink.ports import Message

ALWAYS = 1_000  # pages; more than any test has


class Waiting:
    """A queue, and what is held of it."""

    def __init__(self, count: int = 3) -> None:
        self.fate = Fate()
        self.state = FakeState(self.fate)
        self.events = FakeOutbox(self.fate, "Report")
        for number in range(count):
            self.hold(number)

    def hold(self, number: int, at: timedelta = timedelta(0)) -> None:
        message = Attempt(CONNECTION, "events", f"body {number}", f"group {number % 2}", 1)
        holding.hold(
            message,
            arrived=NOON + timedelta(microseconds=number),
            state=self.state,
            now=NOON + at,
        )

    def release(self, pages: int = ALWAYS) -> int:
        left = iter(range(pages))
        return holding.release(
            connection(),
            state=self.state,
            bursts=self.events,
            more=lambda: next(left, None) is not None,
        )

    @property
    def left(self) -> int:
        return len(self.state.all_of(Held, CONNECTION))

    @property
    def queued(self) -> list[str]:
        return [each.body for each in self.events.queued]


def test_what_is_held_goes_back_to_its_queue_and_group_in_the_order_in_which_it_came() -> None:
    waiting = Waiting(0)
    for number in (2, 0, 1):
        waiting.hold(number)

    assert waiting.release() == 3

    assert [(each.body, each.group) for each in waiting.events.messages] == [
        ("body 0", "group 0"),
        ("body 1", "group 1"),
        ("body 2", "group 0"),
    ]
    assert waiting.left == 0


def test_what_is_held_twice_is_one() -> None:
    waiting = Waiting(1)

    waiting.hold(0, timedelta(minutes=1))

    assert waiting.left == 1


def test_what_is_held_of_one_connection_waits_for_no_other() -> None:
    waiting = Waiting()

    other = connection(connection="other-connection-for-tests-01")
    sent = holding.release(other, state=waiting.state, bursts=waiting.events, more=lambda: True)

    assert (sent, waiting.left) == (0, 3)


@pytest.mark.parametrize("count", [1, 4])
def test_nothing_is_lost_and_nothing_doubled_whoever_dies_while_it_is_sent_back(
    count: int,
) -> None:
    for waiting, death in every_death(lambda: Waiting(count), Waiting.release):
        waiting.release()

        assert waiting.queued == [f"body {number}" for number in range(count)], death
        assert waiting.left == 0


def test_nothing_is_lost_whoever_dies_while_it_is_held() -> None:
    for waiting, death in every_death(lambda: Waiting(0), lambda each: each.hold(0)):
        waiting.hold(0, timedelta(minutes=6))  # the queue brings the message again
        waiting.release()

        assert waiting.queued == ["body 0"], death


def test_what_the_queue_does_not_take_stays_held() -> None:
    waiting = Waiting()
    waiting.fate.fail("put Report", Unavailable("SQS"))

    with pytest.raises(Unavailable):
        waiting.release()

    assert waiting.left == 3


def test_a_release_ends_with_its_time_and_goes_on_at_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(holding, "PAGE", 2)
    waiting = Waiting(7)

    assert waiting.release(pages=2) == 4
    assert waiting.left == 3
    assert waiting.release() == 3

    assert Counter(waiting.queued) == Counter(f"body {number}" for number in range(7))


class ClosedAgain(FakeOutbox):
    """A queue whose worker finds the org closed at once, and holds what it is sent."""

    def __init__(self, waiting: Waiting) -> None:
        super().__init__(waiting.fate)
        self.waiting = waiting

    def put(self, messages: Iterable[Message]) -> None:
        wanted = list(messages)
        super().put(wanted)
        for each in wanted:
            number = int(each.body.removeprefix("body "))
            self.waiting.hold(number, timedelta(minutes=len(self.messages)))


def test_what_is_held_again_meanwhile_stays_held_and_is_sent_once_for_each_look() -> None:
    waiting = Waiting()
    waiting.events = ClosedAgain(waiting)

    assert waiting.release() == 3

    assert waiting.left == 3
    assert len(waiting.events.messages) == 3


def test_the_queue_takes_what_is_sent_back_a_second_time_for_something_new() -> None:
    waiting = Waiting(1)
    waiting.release()

    waiting.hold(0, timedelta(minutes=1))
    waiting.release()

    first, second = waiting.events.messages
    assert first.body == second.body
    assert first.key != second.key
