"""What an operator asks is understood, or what is wrong with it is said."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldlink.books import asking
from fieldlink.errors import Refused
from fieldlink.replaying import Choice

DAY = {"action": "verify_ledger", "connection": "c", "day": "2026-03-04"}
SPAN = {"action": "export", "connection": "c", "from": "2026-03-04", "to": "2026-03-06"}


def span(event: dict[str, Any]) -> tuple[date, date]:
    ask = asking.read(event)
    assert isinstance(ask, asking.OfDays)
    return ask.span


def test_a_day_is_a_span_of_one_day() -> None:
    assert span(DAY) == (date(2026, 3, 4), date(2026, 3, 4))
    assert span(SPAN) == (date(2026, 3, 4), date(2026, 3, 6))
    assert span({**SPAN, "to": None}) == (date(2026, 3, 4), date(2026, 3, 4))


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({**DAY, "day": None}, "name a day"),
        ({**DAY, "from": "2026-03-04"}, "name a day"),
        ({**SPAN, "from": None}, "name a day"),
        ({**SPAN, "to": "2026-03-01"}, "to lies before from"),
    ],
)
def test_days_that_make_no_sense_are_refused(event: dict[str, Any], problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        span(event)


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({}, "action is one of verify_ledger, explain"),
        ({"action": "delete_everything"}, "action is one of"),
        ({"action": ["replay"]}, "action is one of"),
        ([], "valid dictionary"),
        (None, "valid dictionary"),
        ({**DAY, "day": "yesterday"}, "day: "),
        ({**DAY, "dya": "2026-03-04"}, "dya: Extra inputs are not permitted"),
        ({"action": "parked"}, "connection: Field required"),
        ({"action": "parked", "connection": ""}, "connection: "),
        ({"action": "explain", "connection": "c"}, "record: Field required"),
        ({"action": "erase", "connection": "c"}, "resource: Field required"),
        ({"action": "replay", "connection": "c", "queue": "Events"}, "queue: "),
        ({"action": "replay", "connection": "c", "since": "2026-03-04T09:00"}, "since: "),
        ({"action": "replay", "connection": "c", "ids": []}, "ids: "),
        ({"action": "replay", "connection": "c", "group": ""}, "group: "),
        ({"action": "replay", "connection": "c", "queue": ""}, "queue: "),
        ({"action": "replay", "connection": "c", "cause": ""}, "cause: "),
        ({"action": "replay", "connection": "c", "about": ""}, "about: "),
        ({"action": "redrive"}, "queue: Field required"),
        ({"action": "redrive", "queue": "Elsewhere"}, "queue: Input should be 'Polls'"),
        ({"action": "redrive", "queue": "Events", "connection": "c"}, "connection: Extra"),
    ],
)
def test_what_is_wrong_is_said_and_where(event: Any, problem: str) -> None:
    with pytest.raises(Refused) as refused:
        asking.read(event)

    assert problem in str(refused.value)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(Refused, match=r"record: .*; day: .*"):
        asking.read({"action": "explain", "connection": "c", "day": "x"})


def test_nothing_that_was_sent_is_told_again() -> None:
    with pytest.raises(Refused) as refused:
        asking.read({**DAY, "connection": 7, "day": "a secret", "token": "another"})

    assert "secret" not in str(refused.value)
    assert "another" not in str(refused.value)


def test_a_replay_is_a_dry_run_until_somebody_says_that_it_is_not() -> None:
    ask = asking.read({"action": "replay", "connection": "c"})

    assert isinstance(ask, asking.Replay)
    assert ask.dry_run
    assert ask.choice == Choice()


def test_every_part_of_a_choice_can_be_asked_for() -> None:
    wanted = {
        "ids": ["a", "b"],
        "group": "g",
        "queue": "bursts",
        "cause": "locked",
        "since": "2026-03-04T09:00:00Z",
        "until": "2026-03-04T11:00:00+01:00",
        "about": "08p",
    }

    ask = asking.read({"action": "parked", "connection": "c", **wanted})

    assert isinstance(ask, asking.Parked)
    since, until = (datetime(2026, 3, 4, hour, tzinfo=UTC) for hour in (9, 10))
    assert ask.choice == Choice(("a", "b"), "g", "bursts", "locked", since, until, "08p")
    assert set(wanted) == set(Choice._fields)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=5,
)
NAMES = ("action", "connection", "day", "record", "resource", "queue", "ids", "dry_run")


@given(st.dictionaries(st.sampled_from(NAMES), JSON | st.sampled_from(asking.ACTIONS)))
def test_whatever_is_asked_is_understood_or_refused(event: dict[str, Any]) -> None:
    with suppress(Refused):
        assert asking.read(event).action == event["action"]
