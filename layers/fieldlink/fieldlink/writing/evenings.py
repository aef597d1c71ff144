"""Rule: who goes home in the evening is not done with work that goes on for days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.models import Kind
from fieldlink.tracking.ordered_days import last_of_several
from fieldlink.zones import zone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fieldlink.models import Fact, View


def without(facts: Iterable[Fact], view: View) -> list[Fact]:
    """All but the confirmed exits before the last scheduled day, by the clocks of the site."""
    told = list(facts)
    if view.starts_at is None or view.ends_at is None:
        return told
    site = zone(view.zone)
    last = last_of_several(view.starts_at, view.ends_at, site)
    return [
        fact
        for fact in told
        if fact.kind is not Kind.EXIT_CONFIRMED
        or last is None
        or fact.at.astimezone(site).date() >= last
    ]
