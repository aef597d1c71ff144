"""Rule: what an earlier version kept with an appointment moves to the days, once.

It wrote at most one time sheet entry of a resource's work and knew nothing of days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.models import Writes
from fieldlink.records import Entry, OursOfDay
from fieldlink.zones import zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date, datetime

    from fieldlink.models import View
    from fieldlink.records import Day, Intent, Ours, Part, Visit


class Inherited(NamedTuple):
    """What one day takes over; what it knows itself is newer."""

    ours: OursOfDay = OursOfDay()
    doubtful: Mapping[str, Intent] = {}

    def into(self, day: Day) -> Day:
        entries = {**self.ours.entries, **day.ours.entries}
        travel = {**self.ours.travel, **day.ours.travel}
        ours = day.ours.model_copy(update={"entries": entries, "travel": travel})
        doubtful = {**self.doubtful, **day.doubtful}
        return day.model_copy(update={"ours": ours, "doubtful": doubtful})


def ids(visit: Visit, resource: str) -> list[str]:
    """Entries that no day knows to be ours yet."""
    entry = visit.ours.entries.get(resource)
    return [entry.id] if entry else []


def of_days(visit: Visit, parts: Mapping[date, Part], view: View) -> dict[date, Inherited]:
    """What each day takes over of the resource's work on an appointment."""
    found: dict[date, Inherited] = {}
    for day, ours in _written(visit.ours, visit.appointment, parts, view):
        known = found.get(day, Inherited())
        entries, travel = (
            {**known.ours.entries, **ours.entries},
            {**known.ours.travel, **ours.travel},
        )
        found[day] = known._replace(ours=OursOfDay(entries=entries, travel=travel))
    for day, intent in _begun(visit, parts, view):
        known = found.get(day, Inherited())
        key = intent.delivered.fact.key
        found[day] = known._replace(doubtful={**known.doubtful, key: intent})
    return found


def emptied(visit: Visit, inherited: Mapping[date, Inherited], view: View) -> Visit:
    """The appointment, of which the days have taken over what is theirs."""
    if not inherited:
        return visit
    entries = {name: each for name, each in visit.ours.entries.items() if name != view.resource}
    moved = {name for each in inherited.values() for name in each.ours.travel}
    travel = {name: each for name, each in visit.ours.travel.items() if name not in moved}
    ours = visit.ours.model_copy(update={"entries": entries, "travel": travel})
    days = {key: day for day, each in inherited.items() for key in each.doubtful}
    doubtful = {
        key: each.model_copy(update={"days": (days[key],)}) if key in days else each
        for key, each in visit.doubtful.items()
    }
    return visit.model_copy(update={"ours": ours, "doubtful": doubtful})


def _written(
    ours: Ours, appointment: str, parts: Mapping[date, Part], view: View
) -> Iterator[tuple[date, OursOfDay]]:
    entry, minutes = ours.entries.get(view.resource), ours.travel.get(view.assignment)
    if entry:
        named = {f"{appointment}/{view.resource}": entry}
        yield _local(entry.starts_at, view), OursOfDay(entries=named)
    day = _of_travel(parts)
    if minutes is not None and day:
        yield day, OursOfDay(travel={view.assignment: minutes})


def _begun(
    visit: Visit, parts: Mapping[date, Part], view: View
) -> Iterator[tuple[date, Intent]]:
    """Writes that nobody saw the end of: of one entry at most, and of travel."""
    for intent in (*visit.doubtful.values(), *([visit.intent] if visit.intent else [])):
        planned = intent.planned
        if intent.days or not planned or intent.delivered.fact.resource != view.resource:
            continue
        day = _local(planned.entries[0].starts_at, view) if planned.entries else None
        day = day or (_of_travel(parts) if planned.travel else None)
        meant = {
            each.key: Entry(id=each.id, starts_at=each.starts_at, ends_at=each.ends_at)
            for each in planned.entries
        }
        of_day = {
            "planned": Writes(appointment="", entries=planned.entries),
            "meant": None,
            "meant_of_day": OursOfDay(entries=meant, travel=planned.travel),
        }
        if day:
            yield day, intent.model_copy(update=of_day)


def _of_travel(parts: Mapping[date, Part]) -> date | None:
    """The day that tells of the first way to the work."""
    return min((day for day, part in parts.items() if part.trip), default=None)


def _local(moment: datetime, view: View) -> date:
    return moment.astimezone(zone(view.time_zone)).date()
