"""The words of the rows that we add."""

from __future__ import annotations

from typing import Any

import pytest

from fieldlink.models import Kind, Travel
from fieldlink.writing import activity
from tests.make import at, fact, view


def test_a_departure_tells_way_stay_note_and_photos() -> None:
    told = fact(
        Kind.LEFT,
        at(10, 5),
        arrived_at=at(9),
        travel=Travel(metres=1250, seconds=930, idle_seconds=61),
        note="Gate code 7",
        photos=("p-1", "p-2"),
    )

    row = activity.row(told, view())

    assert row.subject == "Left: Ada Lovelace"
    assert row.description.splitlines()[:-1] == [
        "Ada Lovelace: left",
        "Travel distance: 1.2 km",
        "Travel time: 16 min",
        "Idle time on the way: 1 min",
        "Time on site: 65 min",
        "Note: Gate code 7",
        "Photos: p-1, p-2",
    ]


def test_what_is_not_known_is_not_told() -> None:
    row = activity.row(fact(Kind.ARRIVED, travel=Travel(metres=0)), view(resource_name=""))

    assert row.description.splitlines()[:-1] == [
        f"{view().resource}: arrived",
        "Travel distance: 0.0 km",
    ]


def test_the_last_line_is_the_facts_own() -> None:
    first = activity.row(fact(key="one"), view()).description.splitlines()[-1]
    again = activity.row(fact(key="one", note="more"), view()).description.splitlines()[-1]
    other = activity.row(fact(key="two"), view()).description.splitlines()[-1]

    assert first == again != other


@pytest.mark.parametrize("length", [31_900, 32_000, 100_000])
def test_a_long_note_is_cut_before_the_last_line(length: int) -> None:
    row = activity.row(fact(note="x" * length), view())

    assert len(row.description) <= 32_000
    assert row.description.splitlines()[-1].startswith("Fieldlink reference ")


def test_a_long_name_fits_into_the_subject() -> None:
    assert len(activity.row(fact(), view(resource_name="x" * 300)).subject) == 255


def test_a_row_is_told_alike_whatever_else_has_happened_since() -> None:
    told = fact(Kind.ARRIVED, at(9))

    before = activity.row(told, view())
    after = activity.row(told, view(status="Completed", actual_start=at(8), actual_end=at(9)))

    assert before == after


BERLIN = {"time_zone": "Europe/Berlin"}


def test_an_estimate_is_told_in_the_time_of_the_place_and_of_everybody() -> None:
    expected = fact(Kind.EXPECTED, reason="traffic_update", expected_at=at(9, 40))

    row = activity.row(expected, view(**BERLIN))

    assert row.subject == "Expected: Ada Lovelace"
    assert row.description.splitlines()[:-1] == [
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

    row = activity.row(late, view(**BERLIN))

    assert row.subject == "Delayed: Ada Lovelace"
    expected = "Delayed: expected at 2026-03-04 10:40 Europe/Berlin (09:40 UTC)"
    assert row.description.splitlines()[1:-1] == [expected + words]


@pytest.mark.parametrize(("seconds", "by"), [(-5400.0, " by 90 min"), (None, "")])
def test_a_time_that_a_wrong_clock_gave_says_so(seconds: float | None, by: str) -> None:
    row = activity.row(fact(Kind.ARRIVED, doubtful=True, seconds=seconds), view())

    assert f"The phone's clock was changed{by}: times may be wrong." in row.description


def test_a_zone_that_nobody_knows_is_utc() -> None:
    expected = fact(Kind.EXPECTED, expected_at=at(9, 40))

    row = activity.row(expected, view(time_zone="Middle/Earth"))

    assert "Expected at 2026-03-04 09:40 UTC" in row.description
