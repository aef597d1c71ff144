"""Rule: what a series of signs says, each of which is well or ill, in whatever order they come.

Of signs that all is well only the first and the last in a row are kept, since a phone that
works gives dozens of them a day. So whether something lasts that is ill, and since when, is a
function of the set of signs. Only the end of what is over may be said too late, if what began
it is told after several signs that all was well again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.models import Outcome, Sign
from fieldlink.writing.desk import row

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from fieldlink.models import Delivered
    from fieldlink.writing.desk import Desk

MOST = 40  # signs of 0.3 KB: 12 KB


class Spell(NamedTuple):
    """A time in which something was ill; while `over` is None it lasts."""

    signs: tuple[Sign, ...]
    over: datetime | None

    @property
    def since(self) -> datetime:
        return self.signs[0].at


def sign(delivered: Delivered, *, ill: bool) -> Sign:
    """What a fact says about how something stands."""
    fact = delivered.fact
    return Sign(
        at=fact.at,
        key=fact.key,
        delivery=delivered.delivery,
        received_at=delivered.received_at,
        ill=ill,
        word=fact.reason if ill else "",
        seconds=fact.seconds or 0.0,
    )


def told(signs: Iterable[Sign], key: str) -> Sign | None:
    """The sign that this fact gave, if it is among them."""
    return next((each for each in signs if each.key == key), None)


def known_before(one: Sign, delivered: Delivered, desk: Desk) -> Outcome:
    """The queue brought the very same message again, or HyperTrack told the fact again."""
    if not same_delivery(one, delivered):
        desk.ledger.put(row(delivered, Outcome.DUPLICATE, desk))
    return Outcome.DUPLICATE


def same_delivery(one: Sign, delivered: Delivered) -> bool:
    """Whether the queue brings the very same message again."""
    return (one.delivery, one.received_at) == (delivered.delivery, delivered.received_at)


def added(signs: tuple[Sign, ...], one: Sign) -> tuple[Sign, ...]:
    """The signs with one more, in order, and no more of them than a record may hold."""
    if told(signs, one.key):
        return signs
    ordered = sorted((*signs, one), key=_order)
    around = zip((None, *ordered), ordered, (*ordered[1:], None), strict=False)
    kept = [
        each
        for before, each, after in around
        if not (_well(before, each) and _well(each, after))
    ]
    if len(kept) <= MOST:
        return tuple(kept)
    first = spells(kept)[-1].signs[0]  # of 40 signs not all are well
    newest = kept[-MOST:]
    return tuple(newest if first in newest else [first, *newest[1:]])


def spells(signs: Iterable[Sign]) -> list[Spell]:
    """The times in which it was ill, in order."""
    found: list[Spell] = []
    for each in sorted(signs, key=_order):
        last = found[-1] if found else None
        lasts = last is not None and last.over is None
        if each.ill and last and lasts:
            found[-1] = Spell((*last.signs, each), None)
        elif each.ill:
            found.append(Spell((each,), None))
        elif last and lasts:
            found[-1] = Spell(last.signs, each.at)
    return found


def _order(one: Sign) -> tuple[datetime, bool, str]:
    """By time; in the same instant it ends well."""
    return one.at, not one.ill, one.key


def _well(one: Sign | None, other: Sign | None) -> bool:
    """Whether two neighbours both say that all is well."""
    return one is not None and other is not None and not one.ill and not other.ill
