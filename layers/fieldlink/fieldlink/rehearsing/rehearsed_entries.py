"""Rule: in what two reckonings of one day differ, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.hours import own_entries, sheets
from fieldlink.hours.booking import WAY
from fieldlink.hours.entering import LEFT_OUT
from fieldlink.hours.time_sheets import WAY_RULE, work_rule
from fieldlink.models import Ability
from fieldlink.rehearsing.difference import Difference, span
from fieldlink.zones import zone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fieldlink.models import NewSheet, Sheet, SheetEntry, Writes
    from fieldlink.records import Day
    from fieldlink.rehearsing.rehearsed_days import Reckoned
    from fieldlink.rehearsing.sample import SeenDay

ENTRY, OF_TRAVEL = "Time sheet entry", "Time sheet entry of travel"
SHEET = "Time sheet, where one has to be made"
DISTANCE = "Travelled distance"
NO_ENTRIES = "no time sheet entries are wanted"
NO_TRAVEL = "no entries of travel are wanted"
WITHIN = "its time is within another entry, or not over"
NO_FIELD = "no field is named for it"


def of_entries(
    seen: SeenDay, present: Reckoned, typed: Reckoned, coming: Writes
) -> Iterator[Difference]:
    """Entry by entry, by their keys: the first, the second of an appointment."""
    was, would_be = ({each.key: each for each in one.anew.entries} for one in (present, typed))
    for key in sorted({*was, *would_be}):
        before, after = (_entry(each.get(key)) for each in (was, would_be))
        if before == after:
            continue
        appointment = key.partition("/")[0]
        way = own_entries.number(key) == WAY
        why = WAY_RULE if way else work_rule(typed.side.practice)
        yield Difference(
            appointment=appointment,
            number=_number(appointment, typed),
            what=OF_TRAVEL if way else ENTRY,
            held=_held(key, seen),
            present=before,
            typed=after,
            at_once=_comes(key, seen.day, coming),
            rule=why if after else _why_none(key, typed),
            of="entry",
        )


def of_sheets(
    seen: SeenDay, present: Reckoned, typed: Reckoned, made: set[str]
) -> Iterator[Difference]:
    """The sheets that would be made; `made`: by days before this one."""
    if present.side.practice.sheet_period == typed.side.practice.sheet_period:
        return
    for entry in typed.anew.entries:
        appointment = entry.key.partition("/")[0]
        on = entry.starts_at.astimezone(zone(typed.day.parts[appointment].zone)).date()
        was, would_be = (
            sheets.new(on, entry.resource, each.side.practice) for each in (present, typed)
        )
        if would_be.key in made or _period(was) == _period(would_be):
            continue
        made.add(would_be.key)
        there = [each for each in seen.view.sheets or () if each.first <= on <= each.last]
        yield Difference(
            appointment=appointment,
            number=_number(appointment, typed),
            what=SHEET,
            held="; ".join(f"{_period(each)}, {each.status}" for each in there),
            present=_period(was),
            typed=_period(would_be),
            rule="a sheet that covers the day is used first, whatever its period",
            of="day",
        )


def of_distances(
    seen: SeenDay, present: Reckoned, typed: Reckoned, coming: Writes
) -> Iterator[Difference]:
    """Of each appointment whose distance is this resource's."""
    was, would_be = present.anew.distances, typed.anew.distances
    for appointment in sorted({*was, *would_be}):
        before = _distance(was.get(appointment), present)
        after = _distance(would_be.get(appointment), typed)
        if before == after:
            continue
        asked = typed if typed.side.practice.distance_field else present
        beside = seen.view.beside.get(appointment)
        stands = beside.distance if beside else None
        field = asked.side.practice.distance_field
        yield Difference(
            appointment=appointment,
            number=_number(appointment, typed),
            what=DISTANCE,
            held="" if stands is None else f"{stands:g} in {field}",
            present=before,
            typed=after,
            at_once=appointment in coming.distances,
            rule=WAY_RULE if after else _why_no_distance(typed),
            of="day",
        )


def _entry(entry: SheetEntry | None) -> str:
    if entry is None:
        return ""
    return f"{span(entry.starts_at, entry.ends_at)}, {entry.type}, “{entry.subject}”"


def _held(key: str, seen: SeenDay) -> str:
    """The entry of ours that stands; its type and its subject are not looked at."""
    ours = seen.day.ours.entries.get(key)
    booked = seen.view.entries.get(ours.id) if ours else None
    return span(booked.starts_at, booked.ends_at) if booked else ""


def _comes(key: str, day: Day, coming: Writes) -> bool:
    """Whether an entry would be made, changed or removed."""
    ours = day.ours.entries.get(key)
    removed = ours is not None and ours.id in coming.removed
    return removed or any(each.key == key for each in coming.entries)


def _why_none(key: str, typed: Reckoned) -> str:
    practice, number = typed.side.practice, _number(key.partition("/")[0], typed)
    if practice.time_sheets == "none":
        return NO_ENTRIES
    if own_entries.number(key) == WAY and practice.time_sheets == "visits":
        return NO_TRAVEL
    told = (each for each in typed.anew.left_out if each.startswith(LEFT_OUT))
    said = [each for each in told if each.endswith(f"({number})") or not each.endswith(")")]
    return "; ".join(said) or WITHIN


def _distance(value: float | None, of: Reckoned) -> str:
    practice = of.side.practice
    if value is None:
        return ""
    return f"{value:g} {practice.distance_unit} in {practice.distance_field}"


def _why_no_distance(typed: Reckoned) -> str:
    said = [each for each in typed.anew.left_out if each.startswith(f"no {Ability.DISTANCE}")]
    return "; ".join(said) or NO_FIELD


def _period(sheet: NewSheet | Sheet) -> str:
    return f"{sheet.first}" if sheet.first == sheet.last else f"{sheet.first} to {sheet.last}"


def _number(appointment: str, of: Reckoned) -> str:
    part = of.day.parts.get(appointment)
    return part.number if part else ""
