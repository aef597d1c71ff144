"""Rule: whether the clock of a device can be believed.

HyperTrack tells by how much a device's clock is off, once that changes by more than ten
minutes. From then on, until it is told to be within ten minutes again, the times that it gives
are doubtful. One that was an hour ahead dated everything an hour late, so times up to an hour
after it was put right are doubtful, too; of one that was behind, those from an hour before it
went wrong. What is told before we hear of a wrong clock stays unmarked.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.errors import must
from fieldlink.models import Kind, Outcome
from fieldlink.records import Device
from fieldlink.trouble import series
from fieldlink.writing.belonging import ignore, placed
from fieldlink.writing.desk import row

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from fieldlink.models import Delivered, Fact, Sign
    from fieldlink.writing.desk import Desk

TOLERATED = 600.0  # seconds
LONGEST = timedelta(days=1)  # a clock that is off by more shows in any time that it gives
# Told with the device's own time. Estimates and the like are HyperTrack's, by its own clock.
BY_ITS_CLOCK = {
    Kind.ARRIVED,
    Kind.LEFT,
    Kind.ON_THE_WAY,
    Kind.CHECKED_IN,
    Kind.CHECKED_OUT,
    Kind.CANCELLED,
    Kind.CLOCKED_IN,
    Kind.CLOCKED_OUT,
}


def take(delivered: Delivered, desk: Desk) -> Outcome:
    """Note that the clock of a device was changed, or put right."""
    told = placed(delivered, desk)
    fact, name = told.fact, desk.connection.connection
    device = desk.state.read(Device, name, fact.device) if fact.resource else None
    if device is None:
        return ignore(told, desk)
    before = series.told(device.clock_signs, fact.key)
    if before:
        return series.known_before(before, told, desk)
    after = told_of(device, told)
    changed = (after.clock_off, after.clock_at) != (device.clock_off, device.clock_at)
    outcome = Outcome.APPLIED if changed else Outcome.SUPERSEDED
    desk.ledger.put(row(told, outcome, desk))
    must(desk.state.write(after))
    return outcome


def told_of(device: Device, delivered: Delivered) -> Device:
    """The device as it is known once it has told this, too."""
    off = abs(delivered.fact.seconds or 0.0) > TOLERATED
    signs = series.added(device.clock_signs, series.sign(delivered, ill=off))
    last = signs[-1]
    return device.model_copy(
        update={
            "clock_off": last.seconds if last.ill else 0.0,
            "clock_at": last.at if last.ill else None,
            "clock_signs": signs,
        }
    )


def doubted(fact: Fact, desk: Desk) -> Fact:
    """The fact, marked if its device's clock was wrong when it told the time."""
    if not fact.device or fact.kind not in BY_ITS_CLOCK:
        return fact
    device = desk.state.read(Device, desk.connection.connection, fact.device)
    if device is None or not doubtful(device.clock_signs, fact.at):
        return fact
    return fact.model_copy(update={"doubtful": True, "seconds": device.clock_off or None})


def doubtful(signs: Iterable[Sign], at: datetime) -> bool:
    """Whether a time may have been given by a clock that was wrong."""
    for each in series.spells(signs):
        behind = _span(max(-sign.seconds for sign in each.signs))
        ahead = _span(max(sign.seconds for sign in each.signs))
        if each.since - behind <= at and (each.over is None or at < each.over + ahead):
            return True
    return False


def _span(seconds: float) -> timedelta:
    return timedelta(seconds=min(max(seconds, 0.0), LONGEST.total_seconds()))
