"""Rule: when somebody will arrive is told once for each cause, and only if it is news.

HyperTrack may estimate anew every minute. What is not told is in the ledger and nowhere else.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.models import Fact, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

ESTIMATES = {Kind.EXPECTED, Kind.DELAYED}
# What a dispatcher is told of; a plain `eta` comes all the time and has no cause.
CAUSES = {
    "first_eta",
    "eta_change",
    "position_update",
    "traffic_update",
    "route_change",
    "n_minutes_away",
    "delayed",
}
NEWS = timedelta(minutes=10)  # by which an estimate must move to be worth another row
OVER = {Kind.ARRIVED, Kind.CHECKED_IN, Kind.LEFT, Kind.CHECKED_OUT, Kind.CANCELLED}


def untold(fact: Fact, known: Iterable[Fact]) -> str:
    """Why an estimate is not told, given what is known of the appointment; "" if it is."""
    if fact.kind not in ESTIMATES:
        return ""
    # Each day of an appointment of several has an order of its own.
    of_it = [
        each
        for each in known
        if each.resource == fact.resource and each.order in {"", fact.order}
    ]
    told = [each for each in of_it if each.kind in ESTIMATES]
    if fact.reason not in CAUSES:
        return "a routine estimate"
    if any(each.kind in OVER for each in of_it):
        return "the resource has arrived"
    if any(each.at >= fact.at for each in told):
        return "a later estimate is known"
    if any(each.reason == fact.reason for each in told):
        return f"told before: {fact.reason}"
    return "" if _news(fact, told) else f"less than {NEWS.seconds // 60} min from what was told"


def _news(fact: Fact, told: list[Fact]) -> bool:
    """Whether it differs from the last word. That a plan will not hold is news in itself."""
    last = max(told, key=lambda each: each.at, default=None)
    if last is None or fact.kind is Kind.DELAYED:
        return True
    if fact.expected_at is None or last.expected_at is None:
        return False
    return abs(fact.expected_at - last.expected_at) >= NEWS
