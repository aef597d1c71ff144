"""Rule: how full the battery of a device is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.errors import must
from fieldlink.models import Kind, Outcome
from fieldlink.records import Device
from fieldlink.trouble import series
from fieldlink.writing.belonging import ignore, placed
from fieldlink.writing.desk import row

if TYPE_CHECKING:
    from fieldlink.models import Delivered
    from fieldlink.writing.desk import Desk


def take(delivered: Delivered, desk: Desk) -> Outcome:
    """Note that a battery runs low, or does not any more."""
    told = placed(delivered, desk)
    fact, name = told.fact, desk.connection.connection
    device = desk.state.read(Device, name, fact.device) if fact.resource else None
    if device is None:
        return ignore(told, desk)
    before = series.told(device.battery_signs, fact.key)
    if before:
        return series.known_before(before, told, desk)
    after = told_of(device, told)
    outcome = Outcome.APPLIED if after.battery != device.battery else Outcome.SUPERSEDED
    desk.ledger.put(row(told, outcome, desk))
    must(desk.state.write(after))
    return outcome


def told_of(device: Device, delivered: Delivered) -> Device:
    """The device as it is known once it has told this, too."""
    sign = series.sign(delivered, ill=delivered.fact.kind is Kind.BATTERY_LOW)
    signs = series.added(device.battery_signs, sign)
    spells = series.spells(signs)
    low = bool(spells) and spells[-1].over is None
    return device.model_copy(
        update={
            "battery": "low" if low else "",
            "battery_since": spells[-1].since if low else None,
            "battery_signs": signs,
        }
    )
