"""Ids of 15 and of 18 characters."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.ids import salesforce_id


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("001D000000IBVzo", "001D000000IBVzoIAH"),  # Salesforce's own example
        ("08p000000000001", "08p000000000001AAA"),
        ("0HnABCDEFGHIJKL", "0HnABCDEFGHIJKL055"),
    ],
)
def test_fifteen_characters_become_eighteen_and_eighteen_stay(short: str, long: str) -> None:
    assert salesforce_id(short, short[:3]) == long
    assert salesforce_id(long, short[:3]) == long


@pytest.mark.parametrize(
    "text",
    [
        "",
        "001",
        "001D000000IBVz",
        "001D000000IBVzoI",
        "001D000000IBVzoIAHX",
        "001D000000IBVzoAAA",  # the check does not fit
        "001d000000ibvzoIAH",
        "001D000000IBVzo' OR Id != '",
        "001D000000IBVz\n",
        "001D000000IBVzé",
        "\uff10\uff10\uff11D000000IBVzo",  # digits of another alphabet
        None,
        5,
        ["001D000000IBVzo"],
        {"id": "001D000000IBVzo"},
    ],
)
def test_what_is_no_id_is_nothing(text: Any) -> None:
    assert salesforce_id(text, "001") == ""


def test_an_id_of_another_kind_is_nothing() -> None:
    assert salesforce_id("001D000000IBVzoIAH", "08p") == ""


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.from_regex(r"\A08p[a-zA-Z0-9]{12}\Z"))
def test_no_two_ids_that_differ_in_case_alone_have_the_same_check(short: str) -> None:
    swapped = "08p" + short[3:].swapcase()

    long, other = salesforce_id(short, "08p"), salesforce_id(swapped, "08p")

    assert salesforce_id(long, "08p") == long
    assert (long[15:] == other[15:]) is (short == swapped)
