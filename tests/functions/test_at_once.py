"""The loop of the queues that may hold very much: more than a batch, group beside group."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from threading import Barrier, Lock
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.at_once import MOST, _threads, work_off_at_once
from fieldlink.errors import Refused, Unavailable
from fieldlink.records import Parked
from fieldlink.worker import LONGEST_MESSAGE, Work
from tests.fakes import Killed
from tests.functions.calls import CONTEXT, Context
from tests.functions.fifo import Fifo

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.wiring import Services


@dataclass
class Hands:
    """Does what it is told for each body, and notes who was at it."""

    errors: dict[str, BaseException] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    begun: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    meet: Barrier | None = None  # all groups have to be at work at the same time
    lock: Any = field(default_factory=Lock)

    def take(self, body: str) -> str:
        if self.meet:
            self.meet.wait(10)
        with self.lock:
            self.taken.append(body)
        if body in self.errors:
            raise self.errors[body]
        return "done"

    def connection_of(self, body: str) -> str:
        if body == "nobody can read this":
            raise ValueError(body)
        return body.partition(" ")[0]

    def strand(self, body: str) -> str:
        return body.partition(" of ")[2]

    def begin(self, strands: Counter[str]) -> None:
        self.begun = Counter(strands)

    def over(self, connection: str) -> None:
        with self.lock:
            self.ended[connection] += 1


def worked(
    queue: Fifo, hands: Hands, context: Context = CONTEXT, spread: float = 1
) -> dict[str, Any]:
    """One batch, as Lambda sees to it; it hands over none that is empty."""
    event = queue.event()
    if not event["Records"]:
        return {"batchItemFailures": []}
    work = Work("events", queue.outbox, hands.connection_of, hands.take, spread=lambda: spread)
    answer = work_off_at_once(event, work, context, hands)
    queue.settle(event, answer)
    return answer


def filled(*messages: tuple[str, str]) -> Fifo:
    queue = Fifo()
    queue.fill(messages)
    return queue


def each_of_its_own_group(count: int) -> Fifo:
    return filled(*((f"c {number}", f"group {number}") for number in range(count)))


def test_messages_of_one_device_about_different_visits_do_not_wait_for_each_other(
    bundle: Services,
) -> None:
    assert bundle
    queue = filled(*((f"c {number} of visit {number % 3}", "a device") for number in range(6)))
    hands = Hands(meet=Barrier(3))

    worked(queue, hands)

    assert hands.begun == Counter({"c": 3})
    for visit in range(3):
        of_one = [each for each in hands.taken if each.endswith(f"visit {visit}")]
        assert of_one == [f"c {visit} of visit {visit}", f"c {visit + 3} of visit {visit}"]


def test_what_has_to_come_again_takes_along_only_what_is_about_the_same_visit(
    bundle: Services,
) -> None:
    assert bundle
    queue = filled(*((f"c {number} of visit {number % 2}", "a device") for number in range(4)))
    hands = Hands(errors={"c 0 of visit 0": Unavailable("busy")})

    answer = worked(queue, hands)

    assert sorted(hands.taken) == [
        "c 0 of visit 0",
        "c 1 of visit 1",
        "c 3 of visit 1",
    ]
    assert len(answer["batchItemFailures"]) == 2


def test_those_of_one_device_that_have_to_come_again_do_so_together(bundle: Services) -> None:
    assert bundle
    bodies = [f"c {number} of visit {number}" for number in range(4)]
    queue = filled(*((each, "a device") for each in bodies))

    worked(queue, Hands(errors=dict.fromkeys(bodies, Unavailable("busy"))))

    assert len(queue.lying) == 4
    assert len({each.visible_at for each in queue.lying}) == 1


@dataclass
class Looking(Hands):
    """Notes on which processors its thread may be."""

    allowed: list[set[int]] = field(default_factory=list)

    def take(self, body: str) -> str:
        self.allowed.append(processors())
        return super().take(body)


def processors() -> set[int]:
    """Of this thread; a system that does not tell has one."""
    return getattr(os, "sched_getaffinity", lambda _thread: {0})(0)


def test_threads_that_wait_for_each_other_stay_on_one_processor_and_nobody_else_does(
    bundle: Services,
) -> None:
    assert bundle
    before, hands = processors(), Looking(meet=Barrier(3))

    worked(each_of_its_own_group(3), hands)

    assert len(hands.allowed) == 3
    assert [hands.allowed[0]] * 3 == hands.allowed
    assert len(hands.allowed[0]) == 1
    assert processors() == before


# ── how much ──────────────────────────────────────────────────────────────────


def test_a_batch_that_is_not_full_is_all_that_is_done(bundle: Services) -> None:
    assert bundle
    queue, hands = each_of_its_own_group(9), Hands()

    worked(queue, hands)

    assert len(hands.taken) == 9
    assert queue.lying == []
    assert queue.asked == []


@pytest.mark.parametrize(("there", "taken"), [(10, 10), (37, 37), (100, MOST), (250, MOST)])
def test_after_a_full_batch_more_is_taken_up_to_a_hundred(
    bundle: Services, there: int, taken: int
) -> None:
    assert bundle
    queue, hands = each_of_its_own_group(there), Hands()

    answer = worked(queue, hands)

    assert answer == {"batchItemFailures": []}
    assert len(hands.taken) == taken
    assert len(queue.lying) == there - taken
    received, removed = (
        queue.asked.count(each) for each in ("ReceiveMessage", "DeleteMessageBatch")
    )
    assert received == min(-(-taken // 10), 9)  # until it is told that there is none
    assert removed == -(-(taken - 10) // 10)


def test_what_is_taken_and_never_heard_of_comes_again_once_its_taker_is_stopped(
    bundle: Services,
) -> None:
    assert bundle

    class Lost(Fifo):
        """Answers of which nobody hears."""

        def _received(self, most: int, seconds: float) -> list[dict[str, Any]]:
            super()._received(most, seconds)
            raise Unavailable("no answer")

    queue, hands = Lost(), Hands()
    queue.fill((f"c {number}", f"group {number}") for number in range(20))
    worked(queue, hands, Context(remaining=60_000))

    assert len(hands.taken) == 10
    assert {each.visible_at - queue.now for each in queue.lying} == {70}


def test_no_more_is_taken_when_little_time_is_left(bundle: Services) -> None:
    assert bundle
    queue, hands = each_of_its_own_group(50), Hands()

    worked(queue, hands, Context(remaining=LONGEST_MESSAGE + 1_000))

    assert len(hands.taken) == 10
    assert "ReceiveMessage" not in queue.asked


def test_a_queue_that_gives_no_more_is_no_reason_to_leave_what_is_in_hand(
    bundle: Services, logged: Callable[[], str]
) -> None:
    assert bundle

    class Down(Fifo):
        def _received(self, most: int, seconds: float) -> list[dict[str, Any]]:
            raise Unavailable(f"no {most} for {seconds} s today")

    queue, hands = Down(), Hands()
    queue.fill((f"c {number}", f"group {number}") for number in range(20))

    answer = worked(queue, hands)

    assert answer == {"batchItemFailures": []}
    assert len(hands.taken) == 10
    assert "no more taken" in logged()


def test_one_line_of_the_log_tells_of_a_hundred_messages(
    bundle: Services, logged: Callable[[], str]
) -> None:
    assert bundle

    worked(each_of_its_own_group(100), Hands())

    [line] = [each for each in logged().splitlines() if '"worked off"' in each]
    assert '"done":100' in line.replace(" ", "")


# ── groups ────────────────────────────────────────────────────────────────────


def test_groups_are_worked_off_at_the_same_time_and_each_in_its_order(
    bundle: Services,
) -> None:
    assert bundle
    groups = [f"group {number}" for number in range(5)]
    queue = filled(*((f"c {n} {each}", each) for n in range(2) for each in groups))
    hands = Hands(meet=Barrier(5))

    worked(queue, hands)

    for each in groups:
        assert [body for body in hands.taken if each in body] == [f"c 0 {each}", f"c 1 {each}"]


def test_each_connection_is_told_how_many_of_its_groups_begin_and_when_each_is_over(
    bundle: Services,
) -> None:
    assert bundle
    messages = [("a 1", "one"), ("b 1", "two"), ("a 2", "one"), ("a 3", "three")]
    hands = Hands({"a 3": KeyError("a bug")})

    worked(filled(*messages), hands)

    assert hands.begun == {"a": 2, "b": 1}
    assert hands.ended == hands.begun


def test_a_message_that_has_to_come_again_takes_the_rest_of_its_group_along(
    bundle: Services,
) -> None:
    assert bundle
    messages = [("c 1", "one"), ("c 2", "two"), ("c 3", "one"), ("c 4", "two")]
    queue, hands = filled(*messages), Hands({"c 1": Unavailable("down")})

    answer = worked(queue, hands)

    assert sorted(hands.taken) == ["c 1", "c 2", "c 4"]
    assert len(answer["batchItemFailures"]) == 2
    assert [(each.body, each.visible_at) for each in queue.lying] == [("c 1", 5), ("c 3", 5)]


def test_what_was_taken_beside_the_batch_is_postponed_and_not_reported_to_lambda(
    bundle: Services,
) -> None:
    """Lambda would take an id that it did not hand over for a failure of the whole batch."""
    assert bundle
    queue = each_of_its_own_group(30)
    hands = Hands({f"c {number}": Unavailable("down") for number in (3, 12, 25)})

    answer = worked(queue, hands)

    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["message-3"]
    assert [(each.body, each.visible_at) for each in queue.lying] == [
        ("c 3", 5),
        ("c 12", 5),
        ("c 25", 5),
    ]


def test_nothing_begins_when_too_little_time_is_left_but_the_first(bundle: Services) -> None:
    assert bundle
    queue, hands = each_of_its_own_group(4), Hands()

    answer = worked(queue, hands, Context(remaining=LONGEST_MESSAGE - 1))

    assert hands.taken == ["c 0"]
    assert len(answer["batchItemFailures"]) == 3


def test_a_body_that_nobody_can_read_harms_no_other_group(bundle: Services) -> None:
    assert bundle
    queue = filled(("nobody can read this", "one"), ("c 1", "two"), ("c 2", "three"))
    hands = Hands()

    answer = worked(queue, hands)

    assert sorted(hands.taken) == ["c 1", "c 2"]
    assert answer["batchItemFailures"] == [{"itemIdentifier": "message-0"}]


def test_what_is_killed_comes_again_all_of_it_and_nothing_is_lost(bundle: Services) -> None:
    assert bundle
    queue, hands = each_of_its_own_group(25), Hands({"c 20": Killed("power cut")})
    with pytest.raises(Killed):
        worked(queue, hands)
    hands.errors.clear()
    hands.taken.clear()

    worked(queue, hands)
    assert hands.taken == []  # lent still
    queue.now += queue.time_out
    worked(queue, hands)

    assert len(hands.taken) == 25
    assert queue.lying == []


# ── a message that fails each time ────────────────────────────────────────────


def test_a_poisoned_message_is_parked_on_the_fifth_try_and_others_never_notice(
    bundle: Services,
) -> None:
    queue = each_of_its_own_group(30)
    queue.fill([("c behind", "group 7")])
    hands = Hands({"c 7": KeyError("a bug of ours")})

    worked(queue, hands)

    assert len(hands.taken) == 30  # all but the one behind it
    tried, hands.taken = hands.taken.count("c 7"), []
    for _ in range(10):
        queue.now = max((each.visible_at for each in queue.lying), default=queue.now)
        worked(queue, hands)
    assert tried + hands.taken.count("c 7") == 5
    assert queue.now <= 600  # seconds until its group goes on
    assert hands.taken[-1] == "c behind"
    assert queue.lying == []
    [item] = bundle.state.all_of(Parked, "c")
    assert (item.body, item.group) == ("c 7", "group 7")


def test_what_is_refused_is_parked_and_its_group_goes_on_in_the_same_batch(
    bundle: Services,
) -> None:
    queue = filled(("c 1", "one"), ("c 2", "one"), ("c 3", "two"))
    hands = Hands({"c 1": Refused("the record is locked")})

    answer = worked(queue, hands)

    assert answer == {"batchItemFailures": []}
    assert sorted(hands.taken) == ["c 1", "c 2", "c 3"]
    [item] = bundle.state.all_of(Parked, "c")
    assert item.cause == "the record is locked"


def test_a_hundred_that_wait_for_each_other_all_have_a_thread_whatever_the_pool_counts() -> (
    None
):
    """Python's pool may count one of its threads as idle that has just taken something else."""
    threads, all_there = _threads.__wrapped__(), Barrier(MOST)
    threads._idle_semaphore.release()

    begun = [threads.submit(all_there.wait, 30) for _ in range(MOST)]

    assert sorted(each.result() for each in begun) == list(range(MOST))
    threads.shutdown()
