"""Salesforce may wake the poller, with its own key and not too often."""

from datetime import timedelta

import pytest

from fieldlink.errors import BadSignature
from fieldlink.looking.nudging import PAUSE, check, key_of, nudge
from fieldlink.models import Poll
from tests.fakes import NOON, FakeOutbox, FakeState

KEY = "console-key"


def test_the_key_of_a_connection_opens_that_connection() -> None:
    check(key_of("acme", KEY), "acme", KEY)


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "x",
        key_of("other", KEY),
        key_of("acme", "another stack's key"),
        key_of("acme", KEY)[:-1],
        key_of("acme", KEY) + "=",
        key_of("acme", KEY).swapcase(),
        "\udc80",
        "é" * 27,
        "A" * 100_000,
    ],
)
def test_no_other_text_opens_it(shown: str) -> None:
    with pytest.raises(BadSignature):
        check(shown, "acme", KEY)


def test_a_connection_that_can_not_be_signed_is_refused_too() -> None:
    with pytest.raises(BadSignature):
        check("x", "\udc80", KEY)


def test_a_nudge_queues_one_look() -> None:
    state, polls = FakeState(), FakeOutbox()

    assert nudge("acme", state=state, polls=polls, now=NOON)

    [message] = polls.messages
    assert Poll.model_validate_json(message.body) == Poll(connection="acme", nudged=True)
    assert message.group == "acme"


def test_nudges_that_follow_too_soon_queue_nothing_and_others_look_again() -> None:
    state, polls = FakeState(), FakeOutbox()
    moments = [timedelta(seconds=each) for each in (0, 1, 14.9, 15, 16, 29.9, 30)]

    looked = [nudge("acme", state=state, polls=polls, now=NOON + each) for each in moments]

    assert timedelta(seconds=15) == PAUSE
    assert looked == [True, False, False, True, False, False, True]
    assert len({message.key for message in polls.messages}) == 3


def test_two_nudges_of_the_same_moment_queue_one_look() -> None:
    state, polls = FakeState(), FakeOutbox()
    nudge("acme", state=state, polls=polls, now=NOON)
    later = NOON + PAUSE

    class Slow(FakeState):
        """Another nudge is noted between our reading and our writing."""

        def write(self, record: object) -> bool:
            nudge("acme", state=state, polls=polls, now=later)
            return state.write(record)  # type: ignore[arg-type]

    slow = Slow()
    slow._stored = state._stored

    assert not nudge("acme", state=slow, polls=polls, now=later)
    assert len(polls.messages) == 2


def test_a_nudge_of_one_connection_does_not_hold_up_another() -> None:
    state, polls = FakeState(), FakeOutbox()

    assert nudge("acme", state=state, polls=polls, now=NOON)
    assert nudge("other", state=state, polls=polls, now=NOON)
