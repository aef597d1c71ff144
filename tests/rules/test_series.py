"""A series of signs says the same in whatever order they come."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from fieldlink.models import Sign
from fieldlink.trouble import series
from tests.fakes import NOON

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fieldlink.trouble.series import Spell


def sign(minute: int, *, ill: bool) -> Sign:
    at = NOON + timedelta(minutes=minute)
    key = f"{minute} {ill}"
    return Sign(at=at, key=key, delivery=key, received_at=at, ill=ill)


def added(signs: Iterable[Sign]) -> tuple[Sign, ...]:
    kept: tuple[Sign, ...] = ()
    for each in signs:
        kept = series.added(kept, each)
    return kept


signs = st.lists(
    st.builds(sign, st.integers(0, 20), ill=st.booleans()),
    max_size=12,
    unique_by=lambda each: each.key,
)


@given(signs.flatmap(lambda each: st.tuples(st.just(each), st.permutations(each))))
def test_whether_it_is_ill_and_since_when_does_not_depend_on_the_order(
    told: tuple[list[Sign], list[Sign]],
) -> None:
    whole, in_some_order = series.spells(told[0]), series.spells(added(told[1]))

    assert lasting(in_some_order) == lasting(whole)
    assert ills(in_some_order) == ills(whole)


def lasting(spells: list[Spell]) -> tuple[Sign, ...]:
    """The signs of the spell that lasts."""
    return spells[-1].signs if spells and spells[-1].over is None else ()


def ills(spells: list[Spell]) -> list[Sign]:
    return [each for spell in spells for each in spell.signs]


def test_a_spell_ends_with_the_first_sign_that_all_is_well() -> None:
    [spell] = series.spells(
        added([sign(1, ill=True), *(sign(n, ill=False) for n in (3, 4, 5))])
    )

    assert spell.since == NOON + timedelta(minutes=1)
    assert spell.over == NOON + timedelta(minutes=3)


def test_what_ends_in_the_instant_in_which_it_began_is_over() -> None:
    [spell] = series.spells([sign(1, ill=False), sign(1, ill=True)])

    assert spell.over == spell.since


def test_of_signs_that_all_is_well_only_two_in_a_row_are_kept() -> None:
    kept = added(sign(each, ill=each == 50) for each in range(100))

    minutes = [(each.at - NOON) / timedelta(minutes=1) for each in kept]
    assert minutes == [0, 49, 50, 51, 99]


def test_a_record_of_signs_does_not_grow_for_ever() -> None:
    kept = added(sign(each, ill=each % 2 == 0) for each in range(200))

    assert len(kept) == series.MOST
    assert kept[-1].at == NOON + timedelta(minutes=199)


def test_the_beginning_is_kept_however_often_it_is_said_that_it_is_ill() -> None:
    kept = added(sign(each, ill=True) for each in range(100))

    assert len(kept) == series.MOST
    assert series.spells(kept)[-1].since == NOON
