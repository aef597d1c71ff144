"""Rule: the time sheet that an entry goes onto: one that is there, or one that is made."""

from __future__ import annotations

from calendar import monthrange
from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.models import Ability, NewSheet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from fieldlink.models import Sheet
    from fieldlink.practice import Practice

OPEN_SHEET = "New"  # a sheet that was submitted or approved is no longer ours to add to


def find(
    day: date,
    resource: str,
    sheets: Iterable[Sheet],
    practice: Practice,
    lacking: Mapping[Ability, str],
) -> Sheet | NewSheet | str:
    """The sheet that covers a day, or the one to make; else why there is none."""
    covering = sorted(
        (each for each in sheets if each.first <= day <= each.last), key=lambda each: each.id
    )
    still_open = [each for each in covering if each.status == OPEN_SHEET]
    if Ability.TIME_SHEET_ENTRIES in lacking:
        return lacking[Ability.TIME_SHEET_ENTRIES]
    if still_open:
        return still_open[0]
    if covering:
        return f"the sheet of {day} is {covering[0].status}"
    if Ability.TIME_SHEETS in lacking:
        return lacking[Ability.TIME_SHEETS]
    return new(day, resource, practice)


def new(day: date, resource: str, practice: Practice) -> NewSheet:
    """The sheet of the period in which a day lies."""
    first, last = _period(day, practice)
    return NewSheet(key=f"{resource}/{first}", resource=resource, first=first, last=last)


def _period(day: date, practice: Practice) -> tuple[date, date]:
    """Its first and its last day."""
    if practice.sheet_period == "month":
        return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])
    if practice.sheet_period == "day":
        return day, day
    since_sunday = (day.weekday() + 1) % 7
    back = since_sunday if practice.sheet_period == "week_from_sunday" else day.weekday()
    first = day - timedelta(days=back)
    return first, first + timedelta(days=6)
