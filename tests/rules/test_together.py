"""Threads that meet: each gets its own answer, from as few calls as there can be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.errors import FieldlinkError, Refused, Unavailable
from fieldlink.writing.together import Together
from tests.abreast import abreast
from tests.fakes import Killed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass
class Oracle:
    """Answers one question or many; its calls by kind, as the number of questions in each."""

    bad: frozenset[int] = frozenset()
    calls: list[tuple[str, int]] = field(default_factory=list)
    down: BaseException | None = None
    lock: Any = field(default_factory=Lock)

    def one(self, kind: str) -> Callable[[int], str]:
        def answer(question: int) -> str:
            [told] = self.many(kind)([question])
            if isinstance(told, Exception):
                raise told
            return told

        return answer

    def many(self, kind: str) -> Callable[[list[int]], Sequence[str | Exception]]:
        def answer(questions: list[int]) -> list[str | Exception]:
            with self.lock:
                self.calls.append((kind, len(questions)))
            if self.down:
                raise self.down
            return [self._told(kind, each) for each in questions]

        return answer

    def _told(self, kind: str, question: int) -> str | Exception:
        return Refused(f"{kind} {question}") if question in self.bad else f"{kind} {question}"


def ask(together: Together, oracle: Oracle, kind: str, question: int) -> str:
    return together.ask(kind, question, oracle.one(kind), oracle.many(kind))


def at_once(together: Together, *programs: Callable[[], Any]) -> list[Any]:
    """What each program returns or raises, run in a thread of its own."""

    def run(program: Callable[[], Any]) -> Any:
        try:
            return program()
        except BaseException as error:
            return error
        finally:
            together.leave()

    return abreast(*(partial(run, each) for each in programs))


def asking(together: Together, oracle: Oracle, *asked: tuple[str, int]) -> Callable[[], Any]:
    """A program that asks one thing after the other, and stops at the first refusal."""

    def program() -> Any:
        told = []
        for kind, question in asked:
            try:
                told.append(ask(together, oracle, kind, question))
            except FieldlinkError as error:
                return [*told, repr(error)]
        return told

    return program


def test_who_is_alone_calls_straight_through() -> None:
    together, oracle = Together(1), Oracle()

    told = [ask(together, oracle, "view", 1), ask(together, oracle, "write", 2)]

    assert told == ["view 1", "write 2"]
    assert oracle.calls == [("view", 1), ("write", 1)]


def test_what_all_ask_at_the_same_time_is_one_call_of_each_kind() -> None:
    together, oracle = Together(5), Oracle()
    kinds = ["view", "view", "view", "write", "write"]

    told = at_once(
        together, *(asking(together, oracle, (kind, n)) for n, kind in enumerate(kinds))
    )

    assert told == [[f"{kind} {n}"] for n, kind in enumerate(kinds)]
    assert sorted(oracle.calls) == [("view", 3), ("write", 2)]


def test_many_steps_of_many_threads_are_one_call_for_each_step() -> None:
    together, oracle = Together(20), Oracle()
    steps = ["read", "view", "read", "write", "put"]

    told = at_once(
        together, *(asking(together, oracle, *((kind, n) for kind in steps)) for n in range(20))
    )

    assert told == [[f"{kind} {n}" for kind in steps] for n in range(20)]
    assert oracle.calls == [(kind, 20) for kind in steps]


def test_who_leaves_is_waited_for_no_more() -> None:
    together, oracle = Together(3), Oracle()
    nothing: Callable[[], None] = lambda: None  # noqa: E731 (a program that asks nothing)

    told = at_once(
        together,
        nothing,
        asking(together, oracle, ("view", 1), ("view", 2)),
        asking(together, oracle, ("view", 3)),
    )

    assert told == [None, ["view 1", "view 2"], ["view 3"]]
    assert oracle.calls == [("view", 2), ("view", 1)]


def test_an_error_is_raised_for_the_one_whose_answer_it_is() -> None:
    together, oracle = Together(3), Oracle(bad=frozenset({1}))

    told = at_once(together, *(asking(together, oracle, ("write", n)) for n in range(3)))

    assert told == [["write 0"], ["Refused('write 1')"], ["write 2"]]
    assert oracle.calls == [("write", 3)]


@pytest.mark.parametrize("error", [Unavailable("down"), KeyError("bug"), Killed("power cut")])
def test_what_a_call_as_a_whole_raises_is_raised_for_all_and_nobody_hangs(
    error: BaseException,
) -> None:
    together, oracle = Together(4), Oracle(down=error)

    told = at_once(together, *(lambda n=n: ask(together, oracle, "write", n) for n in range(4)))

    assert told == [error] * 4
    assert oracle.calls == [("write", 4)]


def test_a_call_that_answers_too_few_leaves_nobody_with_the_answer_of_another() -> None:
    together = Together(2)

    def half(asked: list[int]) -> list[str]:
        return [str(each) for each in asked[1:]]

    told = at_once(
        together, *(lambda n=n: together.ask("view", n, str, half) for n in range(2))
    )

    assert [type(each) for each in told] == [Unavailable, Unavailable]


def test_a_thread_that_fails_in_the_middle_does_not_hold_up_the_others() -> None:
    together, oracle = Together(3), Oracle()

    def failing() -> None:
        ask(together, oracle, "view", 9)
        raise KeyError("a bug of ours")

    told = at_once(
        together,
        failing,
        *(asking(together, oracle, ("view", n), ("write", n)) for n in range(2)),
    )

    assert isinstance(told[0], KeyError)
    assert told[1:] == [["view 0", "write 0"], ["view 1", "write 1"]]
    assert oracle.calls == [("view", 3), ("write", 2)]


# ── stages and laps ───────────────────────────────────────────────────────────


def staged(together: Together, oracle: Oracle, *asked: tuple[str, int]) -> Callable[[], Any]:
    """Asks for each kind at its stage, as itself."""

    def run() -> list[str]:
        return [
            together.ask(kind, 0, oracle.one(kind), oracle.many(kind), stage)
            for kind, stage in asked
        ]

    return run


def test_who_is_behind_is_waited_for_so_that_the_next_thing_is_asked_for_by_all() -> None:
    together, oracle = Together(3), Oracle()
    short, long = [("view", 2), ("write", 3)], [("read", 1), ("view", 2), ("write", 3)]

    told = at_once(together, *(staged(together, oracle, *each) for each in (short, long, long)))

    assert [len(each) for each in told] == [2, 3, 3]
    assert oracle.calls == [("read", 2), ("view", 3), ("write", 3)]


def test_who_is_at_its_next_message_already_waits_for_those_that_are_not() -> None:
    together, oracle = Together(2), Oracle()

    def two_messages() -> None:
        for _ in range(2):
            staged(together, oracle, ("read", 1))()
            together.done()

    told = at_once(
        together, two_messages, staged(together, oracle, ("read", 1), ("write", 2), ("put", 3))
    )

    assert told[0] is None
    assert oracle.calls == [("read", 2), ("write", 1), ("put", 1), ("read", 1)]


def test_who_had_to_wait_for_its_turn_waits_for_those_who_had_not() -> None:
    together, oracle = Together(3), Oracle()

    def in_turn() -> None:
        together.turn("one")
        staged(together, oracle, ("read", 1))()
        together.done()

    at_once(
        together,
        in_turn,
        in_turn,
        staged(together, oracle, ("read", 1), ("write", 2), ("put", 3)),
    )

    assert oracle.calls == [("read", 2), ("write", 1), ("put", 1), ("read", 1)]


# ── turns ─────────────────────────────────────────────────────────────────────


def test_who_waits_for_its_turn_holds_up_nobody_who_asks() -> None:
    together, oracle, order = Together(3), Oracle(), list[str]()

    def program(name: str, thing: str) -> Callable[[], None]:
        def run() -> None:
            together.turn(thing)
            for kind in ("read", "write"):
                order.append(f"{name} {ask(together, oracle, kind, 0)}")
            together.done()

        return run

    told = at_once(together, program("a", "one"), program("b", "one"), program("c", "two"))

    assert told == [None] * 3
    first, second = [each for each in order if each[0] in "ab"][::2]
    of_both = [each for each in order if each[0] in "ab"]
    assert [each[0] for each in of_both] == [first[0]] * 2 + [second[0]] * 2
    assert sorted(oracle.calls) == [("read", 1), ("read", 2), ("write", 1), ("write", 2)]


def test_who_has_one_thing_waits_for_no_other() -> None:
    together, oracle = Together(2), Oracle()

    def crossing(first: str, second: str) -> Callable[[], str]:
        def run() -> str:
            together.turn(first)
            ask(together, oracle, "read", 1)
            together.turn(second)
            return ask(together, oracle, "write", 1)

        return run

    told = at_once(together, crossing("one", "two"), crossing("two", "one"))

    assert told == ["write 1", "write 1"]


def test_who_fails_in_its_turn_leaves_it_to_the_next() -> None:
    together, oracle = Together(4), Oracle(down=Unavailable("down"))

    def run() -> str:
        together.turn("thing")
        return ask(together, oracle, "write", 1)

    told = at_once(together, *([run] * 4))

    assert [type(each) for each in told] == [Unavailable] * 4
    assert oracle.calls == [("write", 1)] * 4


def test_who_has_a_thing_waits_for_one_that_ranks_above_it() -> None:
    together, oracle, order = Together(2), Oracle(), list[str]()

    def program(name: str) -> Callable[[], None]:
        def run() -> None:
            together.turn(f"visit of {name}", 0)
            ask(together, oracle, "read", 0)
            together.turn("day", 1)
            for kind in ("read", "write"):
                order.append(f"{name} {ask(together, oracle, kind, 0)}")
            together.done()

        return run

    told = at_once(together, program("a"), program("b"))

    assert told == [None] * 2
    assert [each[0] for each in order] in (list("aabb"), list("bbaa"))
    assert oracle.calls[0] == ("read", 2)


STEPS = st.lists(
    st.tuples(st.sampled_from(["turn", "ask", "done", "fail"]), st.integers(0, 5)), max_size=8
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(STEPS, min_size=2, max_size=8))
def test_whatever_turns_threads_want_in_whatever_order_none_waits_for_ever(
    programs: list[list[tuple[str, int]]],
) -> None:
    together, oracle = Together(len(programs)), Oracle()

    def program(steps: list[tuple[str, int]]) -> Callable[[], None]:
        def run() -> None:
            for what, number in steps:
                if what == "turn":
                    together.turn(number, number % 2)
                elif what == "ask":
                    ask(together, oracle, "read", number)
                elif what == "done":
                    together.done()
                else:
                    raise KeyError("a bug of ours")

        return run

    told = at_once(together, *map(program, programs))

    assert {type(each) for each in told} <= {type(None), KeyError}


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.integers(3, 4)), max_size=3),
        min_size=2,
        max_size=8,
    )
)
def test_of_those_who_want_things_by_rank_one_at_a_time_has_each(
    programs: list[list[tuple[int, int]]],
) -> None:
    together, oracle = Together(len(programs)), Oracle()
    had, twice = Counter[int](), list[int]()

    def program(pairs: list[tuple[int, int]]) -> Callable[[], None]:
        def run() -> None:
            for pair in pairs:
                for rank, thing in enumerate(pair):
                    together.turn(thing, rank)
                    had[thing] += 1
                    twice.extend([thing] if had[thing] > 1 else [])
                    ask(together, oracle, "read", thing)
                for thing in pair:
                    had[thing] -= 1
                together.done()

        return run

    told = at_once(together, *map(program, programs))

    assert told == [None] * len(programs)
    assert twice == []


PROGRAMS = st.lists(
    st.lists(
        st.tuples(st.sampled_from(["read", "view", "write"]), st.integers(0, 9)), max_size=6
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(PROGRAMS, st.frozensets(st.integers(0, 9), max_size=3))
def test_whatever_threads_ask_each_is_told_what_it_would_have_been_told_alone(
    programs: list[list[tuple[str, int]]], bad: frozenset[int]
) -> None:
    alone = [asking(Together(1), Oracle(bad), *asked)() for asked in programs]
    together, oracle = Together(len(programs)), Oracle(bad)

    told = at_once(together, *(asking(together, oracle, *asked) for asked in programs))

    assert told == alone
    # No question is asked twice, and nobody is kept waiting for a call that is not needed.
    stopped = [len(each) for each in alone]
    wanted = Counter(
        kind
        for asked, length in zip(programs, stopped, strict=True)
        for kind, _ in asked[:length]
    )
    asked_for = Counter[str]()
    for kind, count in oracle.calls:
        asked_for[kind] += count
    assert asked_for == wanted
    assert len(oracle.calls) <= 3 * max(stopped, default=0)
