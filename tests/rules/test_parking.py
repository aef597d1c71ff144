"""Tried again while it is worth it, and parked before the queue gives up."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldlink import parking
from fieldlink.errors import UNREADABLE, Closed, Contended, Lost, Refused, Unavailable, Unclear
from fieldlink.parking import Again, Attempt
from tests.fakes import NOON
from tests.make import CONNECTION

MESSAGE = Attempt(CONNECTION, "events", '{"a": 1}', "group", tries=1)
LAST_OF_THE_QUEUE = 30


def settled(error: Exception, tries: int, spread: float = 1) -> str:
    return parking.settle(
        error,
        MESSAGE._replace(tries=tries),
        park=lambda cause: f"parked: {cause}",
        spread=spread,
    )


def waits(error: Exception, spread: float, most: int = 11) -> list[int]:
    """How many seconds lie between the tries."""
    found = []
    for tries in range(1, most + 1):
        with pytest.raises(Again) as again:
            settled(error, tries, spread)
        found.append(int(again.value.wait.total_seconds()))
    return found


def test_what_is_refused_is_parked_at_once_in_the_vendors_words() -> None:
    assert settled(Refused("the record is locked"), 1) == "parked: the record is locked"


def test_what_a_later_version_wrote_is_tried_until_that_version_may_be_there() -> None:
    error = Refused("a visit can't be read", code=UNREADABLE)

    assert waits(error, 1, parking.LAST_TRY_OF_POISON - 1) == [5, 10, 20, 40]
    assert settled(error, parking.LAST_TRY_OF_POISON) == "parked: a visit can't be read"


@pytest.mark.parametrize("error", [Unavailable("503"), Unclear("no answer"), Lost("revoked")])
def test_what_is_unavailable_comes_again_after_twice_as_long_each_time(
    error: Unavailable,
) -> None:
    assert waits(error, 1) == [5, 10, 20, 40, 80, 160, 320, 600, 600, 600, 600]
    assert waits(error, 0) == [3, 5, 10, 20, 40, 80, 160, 300, 300, 300, 300]


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 10**9))
def test_a_wait_is_whole_seconds_between_half_and_all_of_what_was_doubled(
    spread: float, tries: int
) -> None:
    whole = parking.wait(tries, 1).total_seconds()
    found = parking.wait(tries, spread).total_seconds()

    assert whole / 2 <= found <= whole
    assert found == int(found) >= 1


def test_those_who_failed_together_come_again_at_many_moments() -> None:
    random = Random(7)  # noqa: S311

    assert len({parking.wait(8, random.random()) for _ in range(200)}) > 100


def test_a_row_that_somebody_held_is_tried_again_within_seconds() -> None:
    assert waits(Contended("UNABLE_TO_LOCK_ROW"), 1, 6) == [1, 2, 4, 8, 16, 32]
    assert waits(Contended("UNABLE_TO_LOCK_ROW"), 0, 6) == [1, 1, 2, 4, 8, 16]


def test_a_row_that_is_held_one_time_in_five_is_written_within_six_tries() -> None:
    random = Random(11)  # noqa: S311

    def tries_of_one() -> int:
        for tries in range(1, 30):
            error = Contended("UNABLE_TO_LOCK_ROW") if random.random() < 0.2 else None
            try:
                settled(error, tries, random.random()) if error else None
            except Again:
                continue
            return tries
        return 30

    assert max(tries_of_one() for _ in range(1_000)) <= 6


def test_what_waits_for_a_closed_org_is_held_at_any_try_and_where_nothing_is_held_waits() -> (
    None
):
    for error in (Closed("down"), Lost("revoked")):
        for tries in (1, LAST_OF_THE_QUEUE - 1):
            message = MESSAGE._replace(tries=tries)
            held = parking.settle(
                error, message, park=lambda _: "parked", hold=lambda e: f"held: {e}"
            )
            assert held == f"held: {error}"
        with pytest.raises(Again):
            settled(error, 1)


def test_only_what_waits_for_a_closed_org_is_held() -> None:
    for error in (Unavailable("503"), Unclear("no answer"), Contended("locked")):
        with pytest.raises(Again):
            parking.settle(error, MESSAGE, park=lambda _: "parked", hold=lambda _: "held")


def test_what_stays_unavailable_is_parked_one_try_before_the_queue_gives_up() -> None:
    with pytest.raises(Again):
        settled(Unavailable("503"), LAST_OF_THE_QUEUE - 2)

    parked = settled(Unavailable("503"), LAST_OF_THE_QUEUE - 1)

    assert parked == "parked: given up after 29 tries: 503"


def test_what_nobody_foresaw_is_parked_at_the_fifth_try() -> None:
    for tries in range(1, 5):
        with pytest.raises(Again):
            settled(KeyError("secret"), tries)

    assert settled(KeyError("secret"), 5) == "parked: unexpected KeyError: see the log"


def test_a_cause_that_nobody_foresaw_does_not_tell_what_was_in_it() -> None:
    with pytest.raises(Again) as again:
        settled(KeyError("ada@example.com"), 1)

    assert str(again.value) == "KeyError"


def test_no_number_of_tries_is_too_large_to_wait_for() -> None:
    assert parking.wait(10**6, 1) == timedelta(minutes=10)


def test_the_same_message_has_the_same_place_and_another_has_another() -> None:
    first = parking.parked(MESSAGE, "cause", now=NOON)
    again = parking.parked(MESSAGE._replace(tries=9), "other cause", now=NOON)
    other = parking.parked(MESSAGE._replace(body="{}"), "cause", now=NOON)

    assert first.key == again.key != other.key


def test_a_message_may_be_replayed_in_other_words() -> None:
    parked = parking.parked(MESSAGE._replace(replay='{"again": true}'), "cause", now=NOON)

    assert parked.body == '{"again": true}'
