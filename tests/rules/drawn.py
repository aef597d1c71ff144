"""What Hypothesis draws: an appointment's facts, and ways in which a company has it written.

All of it is read out of a few bytes, which is quick enough for thousands of cases.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from fieldlink.models import Category, Fact, Kind
from fieldlink.practice import CATEGORIES, Practice
from tests.make import COLLEAGUE, RESOURCE, at, fact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

APPRENTICE = "0Hn000000000003CAA"
PEOPLE = (RESOURCE, COLLEAGUE, APPRENTICE)
OF_WORK = (
    Kind.ARRIVED,
    Kind.LEFT,
    Kind.CHECKED_IN,
    Kind.CHECKED_OUT,
    Kind.EXIT_CONFIRMED,
    Kind.CANCELLED,
    Kind.ON_THE_WAY,
)
KINDS = (*OF_WORK, *OF_WORK[:5], Kind.EXPECTED, Kind.LINK_OFFERED, Kind.CLOCKED_OUT)
NAMES = ("On Site", "In Progress", "Completed", "Dispatched", "gone")
BYTES_OF_A_FACT = 4


def facts(most: int = 8) -> st.SearchStrategy[list[Fact]]:
    """With moments that often fall together, or just on a limit of the settings."""
    return st.binary(max_size=BYTES_OF_A_FACT * most).map(_facts)


def _facts(drawn: bytes) -> list[Fact]:
    people = PEOPLE[: 1 + len(drawn) % 3]
    whole = len(drawn) - len(drawn) % BYTES_OF_A_FACT
    return [
        _fact(drawn[start : start + BYTES_OF_A_FACT], f"fact-{start}", people)
        for start in range(0, whole, BYTES_OF_A_FACT)
    ]


def _fact(drawn: bytes, key: str, people: Sequence[str]) -> Fact:
    kind, moment, who, came = drawn
    told = KINDS[kind % len(KINDS)]
    arrived = _moment(came) if told is Kind.LEFT and came % 3 else None
    person = people[who % len(people)]
    return fact(told, _moment(moment), key=key, resource=person, arrived_at=arrived)


def _moment(drawn: int) -> datetime:
    return at(9) + timedelta(minutes=10 * (drawn % 13), seconds=drawn // 128)


def practices() -> st.SearchStrategy[Practice]:
    """Any settings of the status and the times."""
    return st.binary(min_size=11, max_size=11).map(_practice)


def _practice(drawn: bytes) -> Practice:
    categories, kinds = list(Category), list(CATEGORIES)
    changed = {
        kinds[drawn[place] % len(kinds)]: categories[drawn[place + 1] % len(categories)]
        for place in (0, 2)
        if drawn[place] >= 64
    }
    named = {
        categories[drawn[place] % len(categories)]: NAMES[drawn[place + 1] % len(NAMES)]
        for place in (4, 6)
        if drawn[place] >= 128
    }
    return Practice(
        categories={**CATEGORIES, **changed},
        statuses=named,
        arrival_by="check_in" if drawn[8] % 2 else "geofence",
        complete_by="exit" if drawn[8] // 2 % 2 else "check_out",
        exit_grace=(0, 10, 20)[drawn[9] % 3],
        several=(["first", "primary", "all"] * 2)[drawn[10] % 6],
        join=(0, 20, 60)[drawn[9] // 3 % 3],
    )


def teams() -> st.SearchStrategy[dict[str, bool] | None]:
    """Who is assigned, and whether as the primary resource; None: that is not known."""
    return st.integers(0, 63).map(_team)


def _team(drawn: int) -> dict[str, bool] | None:
    some = {who: bool(drawn >> 3 + place & 1) for place, who in enumerate(PEOPLE)}
    return {who: some[who] for place, who in enumerate(PEOPLE) if drawn >> place & 1} or None
