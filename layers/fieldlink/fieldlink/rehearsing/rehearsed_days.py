"""Rule: time sheet entries and distances of people's days, under two settings.

Each is reckoned twice by the rules of the days: as if nothing had been written yet, and as the
next fact that changes the day would have it, since what stands is mended only then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.hours import parting, time_sheets
from fieldlink.hours.sheets import OPEN_SHEET
from fieldlink.records import OursOfDay
from fieldlink.rehearsing import rehearsed_entries
from fieldlink.rehearsing.cases import with_confirmed
from fieldlink.rehearsing.sample import SeenDay

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime

    from fieldlink.models import View, Writes
    from fieldlink.practice import Practice
    from fieldlink.records import Day, Part
    from fieldlink.rehearsing.cases import Side, Sides
    from fieldlink.rehearsing.difference import Difference
    from fieldlink.rehearsing.sample import Sample

type Parts = Mapping[tuple[str, str], Mapping[date, Part]]  # by appointment and resource


class Reckoned(NamedTuple):
    """One day by one of the settings."""

    side: Side
    day: Day  # with what its facts contribute by this one
    anew: Writes  # as if nothing had been written yet


def touched(present: Practice, typed: Practice) -> bool:
    """Whether days have to be looked at: something of them is wanted by one of the settings."""
    return any(
        each.time_sheets != "none" or bool(each.distance_field) for each in (present, typed)
    )


def differences(sample: Sample, sides: Sides, now: datetime) -> Iterator[Difference]:
    """The newest day first."""
    present, typed = (_reckoned(sample, each, now) for each in sides)
    # What the next fact that changes the day would write.
    coming = _planned(_told(sample.days, _parts(sample, sides.typed, None)), sides.typed)
    made: set[str] = set()
    for seen, was, would_be, to_come in zip(sample.days, present, typed, coming, strict=True):
        yield from rehearsed_entries.of_entries(seen, was, would_be, to_come)
        yield from rehearsed_entries.of_sheets(seen, was, would_be, made)
        yield from rehearsed_entries.of_distances(seen, was, would_be, to_come)


def _reckoned(sample: Sample, side: Side, now: datetime) -> list[Reckoned]:
    blank = [SeenDay(_unwritten(each.day), _blank(each.view)) for each in sample.days]
    told = _told(blank, _parts(sample, side, now))
    plans = _planned(told, side)
    return [Reckoned(side, each.day, anew) for each, anew in zip(told, plans, strict=True)]


def _parts(sample: Sample, side: Side, now: datetime | None) -> Parts:
    """What each work contributes; `now`: with the exits that would be confirmed by now."""
    practice = side.practice
    found = {}
    for work in sample.works:
        facts = with_confirmed(work.facts, practice, now) if now else work.facts
        for resource, view in work.people.items():
            parts = parting.parts(facts, resource, view, practice)
            found[view.appointment, resource] = parts
    return found


def _told(days: Sequence[SeenDay], parts: Parts) -> list[SeenDay]:
    """The days with that; what else they know stays, such as work that is not looked at."""
    return [each._replace(day=_with(each.day, parts)) for each in days]


def _with(day: Day, parts: Parts) -> Day:
    its = dict(day.parts)
    for (appointment, resource), by_date in parts.items():
        if resource == day.resource:
            its.pop(appointment, None)
            its |= {appointment: by_date[day.on]} if day.on in by_date else {}
    return day.model_copy(update={"parts": its})


def _planned(days: list[SeenDay], side: Side) -> list[Writes]:
    by_work: dict[tuple[str, str], list[Day]] = {}
    for day, _ in days:
        for appointment in day.parts:
            by_work.setdefault((appointment, day.resource), []).append(day)
    found = []
    for day, view in days:
        alike = (each for name in day.parts for each in by_work[name, day.resource])
        elsewhere = list({each.on: each for each in alike if each.on != day.on}.values())
        planned = time_sheets.plan(day, view, side.practice, side.lacking, elsewhere)
        found.append(planned.writes)
    return found


def _unwritten(day: Day) -> Day:
    return day.model_copy(update={"ours": OursOfDay()})


def _blank(view: View) -> View:
    """As it stood before anything was written: no sheet had been handed in yet, either."""
    sheets = view.sheets
    if sheets is not None:
        sheets = tuple(each.model_copy(update={"status": OPEN_SHEET}) for each in sheets)
    beside = {
        name: each.model_copy(update={"distance": None}) for name, each in view.beside.items()
    }
    return view.model_copy(update={"sheets": sheets, "beside": beside})
