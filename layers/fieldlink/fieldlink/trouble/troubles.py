"""Rule: what the console shows of outages, batteries and clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.records import Outage, Resource, Worker
from fieldlink.trouble import causes

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from fieldlink.ports import State
    from fieldlink.records import Device


class Trouble(NamedTuple):
    """The last time that somebody couldn't be tracked."""

    name: str
    since: datetime
    lasted: str  # "" while it lasts
    words: str
    cure: str


def outages(connection: str, state: State) -> list[Trouble]:
    """Everybody's last outage: those that last first, then the latest."""
    found = [each for each in state.all_of(Outage, connection) if each.since]
    keys = [(connection, each.resource) for each in found]
    names = {each.id: each.name for each in state.read_many(Resource, keys)} if keys else {}
    phones = {each.resource: each for each in state.read_many(Worker, keys)} if keys else {}
    shown = [
        _trouble(each, each.since, names.get(each.resource) or each.resource)
        for each in found
        if each.since and not _laid_aside(each, phones.get(each.resource))
    ]
    return sorted(shown, key=lambda each: (bool(each.lasted), -each.since.timestamp()))


def of_phone(device: Device | None) -> list[str]:
    """What is wrong with a phone that tracks."""
    lines = []
    if device and device.battery_since:
        lines.append(f"battery low since {_shown(device.battery_since)}")
    if device and device.clock_at:
        minutes, way = abs(device.clock_off) / 60, "ahead" if device.clock_off > 0 else "behind"
        since = _shown(device.clock_at)
        lines.append(f"clock {minutes:.0f} min {way} since {since}: its times are doubtful")
    return lines


def _laid_aside(outage: Outage, worker: Worker | None) -> bool:
    """Whether it is of a phone that the resource does not use any more."""
    device = worker.device if worker else ""
    return bool(device) and outage.device not in {"", device}


def _trouble(outage: Outage, since: datetime, name: str) -> Trouble:
    cause = causes.of(outage.reason)
    lasted = _span(outage.ended_at - since) if outage.ended_at else ""
    return Trouble(name, since, lasted, cause.words, cause.cure)


def _span(span: timedelta) -> str:
    """To the minute; the first one counts."""
    hours, minutes = divmod(max(round(span.total_seconds() / 60), 1), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
