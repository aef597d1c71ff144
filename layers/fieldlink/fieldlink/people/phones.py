"""Rule: which of a resource's devices counts. It does not matter who told what first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fieldlink.records import Device, Phone, Worker

if TYPE_CHECKING:
    from collections.abc import Iterable

# Two devices that have both told within this span that they track are in use both.
AT_ONCE = timedelta(minutes=60)
# A phone may be silent for hours while its owner stands still. One that told nothing for half a
# day while another one of the same person tracks has been laid aside, lost or broken.
LAID_ASIDE = timedelta(hours=12)
LONG_AGO = datetime.min.replace(tzinfo=UTC)
MOST_KEPT = 20  # of one resource: a record is read and written as a whole


def phone_of(device: Device) -> Phone:
    """What a worker keeps of its device."""
    return Phone.model_validate({name: getattr(device, name) for name in Phone.model_fields})


def phones_of(worker: Worker) -> tuple[Phone, ...]:
    """The devices of a worker; an earlier version of ours kept one only."""
    if worker.phones or not worker.device:
        return worker.phones
    return (Phone(id=worker.device, since=worker.device_since),)


def in_use(phones: Iterable[Phone]) -> Phone | None:
    """The newest of those that are in use."""
    there = [each for each in phones if not each.gone]
    last = max((_sign(each) for each in there), default=LONG_AGO)
    return max(
        (each for each in there if last - _sign(each) <= LAID_ASIDE), key=_age, default=None
    )


def at_once(phones: Iterable[Phone], now: datetime) -> list[str]:
    """The devices that are in use just now, the newest first."""
    there = [
        each
        for each in phones
        if not each.gone and each.active_at and now - each.active_at <= AT_ONCE
    ]
    return [each.id for each in sorted(there, key=_age, reverse=True)]


def told(
    device: Device,
    *,
    used_at: datetime | None = None,
    active_at: datetime | None = None,
    gone: str = "",
    gone_at: datetime | None = None,
) -> Device:
    """A device as it is known once this is known, too."""
    since, active = _later(device.since, used_at), _later(device.active_at, active_at)
    end, why = max((device.gone_at or LONG_AGO, device.gone), (gone_at or LONG_AGO, gone))
    alive = max(since or LONG_AGO, active or LONG_AGO) > end
    update = {
        "since": since,
        "active_at": active,
        "gone": "" if alive else why,
        "gone_at": _later(device.gone_at, gone_at),
    }
    return device.model_copy(update=update)


def carrying(worker: Worker, device: str, now_known: Device | None) -> Worker:
    """A worker with this device as it is now, or without it, and with the one that counts."""
    others = [each for each in phones_of(worker) if each.id != device]
    ours = [*others, phone_of(now_known)] if now_known else others
    phones = sorted(ours, key=_age, reverse=True)[:MOST_KEPT]
    counts = in_use(phones)
    ever = dict.fromkeys([*(each.id for each in phones), *worker.devices])
    update = {
        "phones": tuple(phones),
        "device": counts.id if counts else "",
        "device_since": counts.since if counts else None,
        "devices": tuple(ever)[:MOST_KEPT],
    }
    return worker.model_copy(update=update)


def _sign(phone: Phone) -> datetime:
    """When it last showed that somebody has it."""
    return max(phone.since or LONG_AGO, phone.active_at or LONG_AGO)


def _age(phone: Phone) -> tuple[datetime, str]:
    return phone.since or LONG_AGO, phone.id


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(one, other) if one and other else one or other


def earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """Of what is known."""
    return min(one, other) if one and other else one or other
