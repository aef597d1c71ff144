"""What is parked, as the console lists it."""

import json
from datetime import timedelta
from typing import Any

import pytest

from fieldlink import replaying
from fieldlink.console import parked_pages
from fieldlink.errors import Refused
from fieldlink.records import Parked
from tests.fakes import NOON, FakeState
from tests.make import APPOINTMENT, CONNECTION, event, report

VALIDATION = "FIELD_CUSTOM_VALIDATION_EXCEPTION: no visits on Sundays"
BUSY = "given up after 29 tries: Salesforce does not answer"


def lying(
    state: FakeState, number: int, cause: str = VALIDATION, body: str = "{}", **more: Any
) -> Parked:
    fields = {"queue": "events", "group": "g", "at": NOON + timedelta(minutes=number), **more}
    item = Parked.model_validate(
        {"connection": CONNECTION, "id": f"p{number}", "body": body, "cause": cause, **fields}
    )
    assert state.write(item)
    return item


def shown(state: FakeState, now: Any = NOON + timedelta(days=1), **form: str) -> dict[str, Any]:
    return parked_pages.words(CONNECTION, parked_pages.typed(form), state, now)


def ids(words: dict[str, Any]) -> list[str]:
    return [line.id for section in words["sections"] for line in section.lines]


def test_each_cause_has_its_number_its_hint_and_its_times() -> None:
    state = FakeState()
    for number in range(3):
        lying(state, number)
    lying(state, 9, BUSY)

    first, second = shown(state)["sections"]

    assert (first.cause, first.number) == (VALIDATION, 3)
    assert "validation rule" in first.hint
    assert (first.first, first.last) == ("2026-03-04 12:00 UTC", "2026-03-04 12:02 UTC")
    assert second.number == 1


def test_of_many_the_newest_are_listed_and_all_are_counted() -> None:
    state = FakeState()
    for number in range(70):
        lying(state, number)

    words = shown(state)

    assert words["sections"][0].number == 70
    assert ids(words) == [f"p{number}" for number in range(69, 19, -1)]


@pytest.mark.parametrize(
    ("form", "fit"),
    [
        ({}, {"p0", "p1", "p2"}),
        ({"queue": "changes"}, {"p1"}),
        ({"cause": "given UP"}, {"p2"}),
        ({"about": "0Hn7"}, {"p1"}),
        ({"since": "2026-03-04T12:01"}, {"p1", "p2"}),
        ({"until": "2026-03-04T12:01"}, {"p0", "p1"}),
        ({"since": "2026-03-04T13:01+01:00", "until": "2026-03-04T12:01"}, {"p1"}),
        ({"group": replaying.group_of(BUSY)}, {"p2"}),
        ({"queue": "polls"}, set()),
    ],
)
def test_they_are_found_by_what_they_are_when_they_came_and_why(
    form: dict[str, str], fit: set[str]
) -> None:
    state = FakeState()
    lying(state, 0)
    lying(state, 1, body='{"resource":"0Hn7"}', queue="changes")
    lying(state, 2, BUSY)

    words = shown(state, **form)

    assert set(ids(words)) == fit
    assert words["filtered"] == bool(form)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01T00:00", "0001-01-01T00:00+14:00"])
def test_a_time_that_can_not_be_read_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="in UTC"):
        shown(FakeState(), since=text)


def test_buttons_mean_what_was_parked_when_their_page_was_made() -> None:
    state = FakeState()
    lying(state, 0)
    meant = shown(state, now=NOON + timedelta(minutes=1))["meant"]
    lying(state, 2)  # refused anew, after a replay

    again = parked_pages.choice(meant)
    narrower = shown(state, until="2026-03-04T12:00")["meant"]

    assert [each.id for each in replaying.chosen(CONNECTION, again, state)] == ["p0"]
    assert narrower["until"] == "2026-03-04T12:00"


def test_a_line_says_what_a_message_is_about_and_no_place() -> None:
    state = FakeState()
    told = report(event()).model_dump_json()
    lying(state, 0, body=told)
    lying(state, 1, body='{"connection":"c","resource":"0Hn1"}', queue="changes")

    changes, visit = [line for section in shown(state)["sections"] for line in section.lines]

    assert visit.about.startswith("geofence, entry, 2026-03-04T09:00:00")
    assert APPOINTMENT in visit.about
    assert (changes.about, changes.queue) == ("0Hn1", "tracking")


@pytest.mark.parametrize(
    "body",
    ["", "no json", "[]", "3", "null", '{"event":[]}', '{"event":{"data":7,"type":{}}}'],
)
def test_a_message_that_says_nothing_is_listed_all_the_same(body: str) -> None:
    state = FakeState()
    lying(state, 0, body=body)

    [section] = shown(state)["sections"]

    assert section.lines[0].about == ""


def test_no_message_makes_a_line_of_any_length() -> None:
    state = FakeState()
    lying(state, 0, body=json.dumps({"event": {"type": "x" * 10_000}}))

    [section] = shown(state)["sections"]

    assert section.lines[0].about == "x" * 80
