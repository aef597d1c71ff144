"""The words of the rows that we add."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldlink.models import Fact, Kind, Travel
from fieldlink.practice import Practice
from fieldlink.writing import activity, status, wording
from tests.make import at, fact, view

if TYPE_CHECKING:
    from fieldlink.models import NewEvent, View

PRACTICE = Practice()
BERLIN = {"site_zone": "Europe/Berlin", "time_zone": "America/New_York"}


def row(told: Fact, seen: View | None = None, by: Practice = PRACTICE) -> NewEvent:
    return activity.row(told, seen or view(), by)


def lines(told: Fact, seen: View | None = None, by: Practice = PRACTICE) -> list[str]:
    """All but the last one, which is the reference."""
    return row(told, seen, by).description.splitlines()[:-1]


def test_a_departure_tells_when_way_stay_note_and_photos() -> None:
    told = fact(
        Kind.LEFT,
        at(10, 5),
        arrived_at=at(9),
        travel=Travel(metres=1250, seconds=930, idle_seconds=61),
        note="Gate code 7",
        photos=("p-1", "p-2"),
    )

    assert row(told).subject == "Left: Ada Lovelace"
    assert lines(told) == [
        "Ada Lovelace: left",
        "Time: 2026-03-04 10:05 UTC",
        "Travel distance: 1.2 km",
        "Travel time: 16 min",
        "Idle time on the way: 1 min",
        "Time on site: 65 min",
        "Note: Gate code 7",
        "Photos: p-1, p-2",
    ]


def test_what_is_not_known_is_not_told() -> None:
    told = fact(Kind.ARRIVED, travel=Travel(metres=0))

    assert lines(told, view(resource_name="")) == [
        f"{view().resource}: arrived",
        "Time: 2026-03-04 09:00 UTC",
        "Travel distance: 0.0 km",
    ]


def test_a_distance_is_told_in_the_connections_unit() -> None:
    told = fact(Kind.ARRIVED, travel=Travel(metres=16_093))

    assert "Travel distance: 10.0 mi" in lines(told, by=Practice(distance_unit="mi"))


def test_a_time_is_that_of_the_site_and_of_everybody() -> None:
    assert "Time: 2026-03-04 10:00 Europe/Berlin (09:00 UTC)" in lines(fact(), view(**BERLIN))


def test_where_the_sites_zone_is_not_known_the_resources_stands_in() -> None:
    there = view(time_zone="America/New_York")

    assert "Time: 2026-03-04 04:00 America/New_York (09:00 UTC)" in lines(fact(), there)


def test_a_zone_that_nobody_knows_is_utc() -> None:
    assert "Time: 2026-03-04 09:00 UTC" in lines(fact(), view(site_zone="Middle/Earth"))


def test_the_last_line_is_the_facts_own() -> None:
    first = row(fact(key="one")).description.splitlines()[-1]
    again = row(fact(key="one", note="more")).description.splitlines()[-1]
    other = row(fact(key="two")).description.splitlines()[-1]

    assert first == again == activity.reference("one") != other


@pytest.mark.parametrize("length", [31_900, 32_000, 100_000])
def test_a_long_note_is_cut_before_the_last_line(length: int) -> None:
    long = row(fact(note="x" * length))

    assert len(long.description) <= 32_000
    assert long.description.splitlines()[-1].startswith("Fieldlink reference ")


def test_a_long_name_and_a_long_address_fit() -> None:
    long = row(fact(), view(resource_name="x" * 300, address="y" * 300))

    assert (len(long.subject), len(long.place)) == (255, 255)


def test_a_row_is_told_alike_whatever_else_has_happened_since() -> None:
    told = fact(Kind.ARRIVED, at(9))

    before = row(told)
    after = row(told, view(status="Completed", actual_start=at(8), actual_end=at(9)))

    assert before == after


def test_what_happens_on_site_has_the_address_and_what_is_expected_has_none() -> None:
    there = view(address="Unter den Linden 1, Berlin")

    assert row(fact(Kind.LEFT), there).place == "Unter den Linden 1, Berlin"
    assert row(fact(Kind.EXPECTED, expected_at=at(9, 40)), there).place == ""


def test_an_estimate_is_told_in_the_time_of_the_site_and_of_everybody() -> None:
    expected = fact(Kind.EXPECTED, reason="traffic_update", expected_at=at(9, 40))

    assert row(expected, view(**BERLIN)).subject == "Expected: Ada Lovelace"
    assert lines(expected, view(**BERLIN)) == [
        "Ada Lovelace: expected",
        "Expected at 2026-03-04 10:40 Europe/Berlin (09:40 UTC)",
        "Cause: traffic",
    ]


@pytest.mark.parametrize(
    ("planned", "words"),
    [
        (at(9), ", was planned for 2026-03-04 10:00 Europe/Berlin (09:00 UTC)"),
        (None, ""),
    ],
)
def test_a_delay_tells_what_was_planned_if_that_is_known(planned: Any, words: str) -> None:
    late = fact(Kind.DELAYED, reason="delayed", expected_at=at(9, 40), scheduled_at=planned)

    assert row(late).subject == "Delayed: Ada Lovelace"
    expected = "Delayed: expected at 2026-03-04 10:40 Europe/Berlin (09:40 UTC)"
    assert lines(late, view(**BERLIN))[1:] == [expected + words]


@pytest.mark.parametrize(("seconds", "by"), [(-5400.0, " by 90 min"), (None, "")])
def test_a_time_that_a_wrong_clock_gave_says_so(seconds: float | None, by: str) -> None:
    told = fact(Kind.ARRIVED, doubtful=True, seconds=seconds)

    assert f"The phone's clock was changed{by}: times may be wrong." in lines(told)


def test_a_link_is_told_with_whose_it_is() -> None:
    offered = fact(Kind.LINK_OFFERED, link="https://trck.at/x")

    assert row(offered).subject == "Live tracking: Ada Lovelace"
    assert lines(offered) == [
        "Ada Lovelace: link offered",
        "To follow on a map: https://trck.at/x",
    ]


def test_a_refused_status_is_told_in_salesforces_words() -> None:
    told = activity.row(fact(Kind.CHECKED_IN), view(), PRACTICE, "not from Scheduled")

    assert told.subject == "Status not set: Ada Lovelace"
    assert told.description.splitlines()[-2] == "The status was not set: not from Scheduled"


# ── an Event, or a Task that is done ──────────────────────────────────────────


def test_a_row_is_an_event_as_shipped() -> None:
    assert (row(fact()).done_as, row(fact()).due) == ("", None)


def test_a_row_is_a_done_task_of_the_sites_day_where_that_is_wished() -> None:
    by = Practice(activity="tasks", task_status="Done")

    told = row(fact(Kind.LEFT, at(23, 30)), view(**BERLIN), by)

    assert (told.done_as, told.due) == ("Done", date(2026, 3, 5))
    assert told.subject == row(fact(Kind.LEFT, at(23, 30)), view(**BERLIN)).subject


# ── the connection's own words ────────────────────────────────────────────────

GERMAN = Practice(
    words={
        "subject_left": "Abgefahren",
        "left": "{who} ist weg",
        "time": "Zeit: {time}",
        "distance": "Strecke: {distance}",
        "travel_time": "Fahrzeit: {minutes} Min.",
        "on_site": "",
    }
)


def test_every_word_may_be_the_connections_own_but_for_the_reference() -> None:
    told = fact(Kind.LEFT, at(10), arrived_at=at(9), travel=Travel(metres=1000, seconds=60))

    assert row(told, by=GERMAN).subject == "Abgefahren: Ada Lovelace"
    assert lines(told, by=GERMAN) == [
        "Ada Lovelace ist weg",
        "Zeit: 2026-03-04 10:00 UTC",
        "Strecke: 1.0 km",
        "Fahrzeit: 1 Min.",
        "Time on site: 60 min",
    ]
    assert row(told, by=GERMAN).description.splitlines()[-1] == activity.reference(told.key)


@pytest.mark.parametrize("text", ["{who", "{0}", "{who.__class__}", "{nobody}", "100 %", "}{"])
def test_no_word_breaks_a_row(text: str) -> None:
    by = Practice(words=dict.fromkeys(wording.ENGLISH, text))

    assert lines(fact(Kind.ARRIVED), by=by)[0] == text


def test_what_somebody_wrote_is_not_filled_in_itself() -> None:
    assert "Note: {who} {time}" in lines(fact(Kind.CHECKED_OUT, note="{who} {time}"))


def test_every_word_that_may_be_translated_says_what_it_is_for() -> None:
    assert wording.TRANSLATABLE.keys() == wording.ENGLISH.keys()
    assert all(wording.TRANSLATABLE.values())


def test_every_kind_that_may_have_a_row_has_its_words() -> None:
    for kind in {*activity.SUBJECTS, *status.MOVING}:
        told = row(fact(kind, link="https://trck.at/x", expected_at=at(10), reason="first_eta"))
        assert re.match(r"^[A-Z][a-z ]+: Ada Lovelace$", told.subject)
        assert "{" not in told.description
    assert {f"cause_{each}" for each in activity.CAUSES} <= wording.ENGLISH.keys()


@given(st.sampled_from(sorted(wording.ENGLISH)), st.text(min_size=1))
def test_a_connections_own_word_is_taken_as_it_is(key: str, text: str) -> None:
    own = wording.words(key, Practice(words={key: text}))

    assert own == text
