"""Rule: the time sheet entry of a visit."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.models import Ability, SheetEntry
from fieldlink.writing import activity
from fieldlink.zones import zone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from fieldlink.models import View, Writes
    from fieldlink.records import Entry, Intent, Ours
    from fieldlink.writing.visits import Attendance

OPEN_SHEET = "New"  # a sheet that was submitted or approved is no longer ours to add to
LEFT_OUT = "no time sheet entry: "


def entry(
    present: Attendance, view: View, ours: Ours, lacking: Mapping[Ability, str]
) -> tuple[SheetEntry | None, tuple[str, ...]]:
    """The entry to make or change for a visit that was checked out, and what was left out.

    It spans the last block of stays; a break of more than an hour before it is no work here.
    """
    if not present.checked_out:
        return None, ()
    start, end = present.block_start, present.end
    if not start or not end:
        return None, (f"{LEFT_OUT}the arrival is not known",)
    # An entry must not end before it begins, nor be empty.
    end = max(end, start + timedelta(minutes=1))
    before = ours.entries.get(view.resource)
    if before and (before.starts_at, before.ends_at) == (start, end):
        return None, ()
    wished = _entry(start, end, before, view)
    problem = _forbidden(wished, lacking) or (
        _untouchable(before, view) if before else _no_sheet(start, view)
    )
    if problem:
        return None, (f"{LEFT_OUT}{problem}",)
    missing = ("stays before the last break are not on the time sheet",)
    return wished, missing if present.interrupted else ()


def changed(ours: Ours, meant: Ours, view: View) -> Entry | None:
    """Our entry, if a worker that did not live to say so has changed its times."""
    before, wanted = ours.entries.get(view.resource), meant.entries.get(view.resource)
    if not before or not wanted or not view.entry:
        return None
    stands = (wanted.starts_at, wanted.ends_at) == (view.entry.starts_at, view.entry.ends_at)
    return wanted.model_copy(update={"id": before.id}) if stands else None


def sought(planned: Writes, begun: Intent | None, ours: Ours) -> Writes:
    """With the entry that an earlier try may have made, though it can't be made any more."""
    before = begun.planned.entry if begun and begun.planned else None
    if planned.entry or before is None or before.id or before.resource in ours.entries:
        return planned
    return planned.model_copy(update={"entry": before})


def _forbidden(wished: SheetEntry, lacking: Mapping[Ability, str]) -> str:
    """Why this org or our user can't have this entry, or ""."""
    if wished.id:
        return lacking.get(Ability.CHANGED_ENTRIES, "")
    needed = [Ability.TIME_SHEET_ENTRIES, *(() if wished.sheet else (Ability.TIME_SHEETS,))]
    return next((lacking[each] for each in needed if each in lacking), "")


def _untouchable(before: Entry, view: View) -> str:
    """Why our own entry is not ours to change any more, or ""."""
    if view.entry is None:
        return "the one that was there has been deleted"
    if view.entry.sheet_status != OPEN_SHEET:
        return f"its sheet is {view.entry.sheet_status}"
    if (view.entry.starts_at, view.entry.ends_at) != (before.starts_at, before.ends_at):
        return "a person has changed its times"
    return ""


def _no_sheet(start: datetime, view: View) -> str:
    """Why no entry can be made on the sheet of that day, or ""."""
    if view.sheets is None:
        return view.sheets_problem
    day = start.astimezone(zone(view.time_zone)).date()
    statuses = [each.status for each in view.sheets if each.first <= day <= each.last]
    if statuses and OPEN_SHEET not in statuses:
        return f"the sheet of {day} is {statuses[0]}"
    return ""


def _entry(start: datetime, end: datetime, before: Entry | None, view: View) -> SheetEntry:
    day = start.astimezone(zone(view.time_zone)).date()
    sheets = [
        each
        for each in view.sheets or ()
        if each.first <= day <= each.last and each.status == OPEN_SHEET
    ]
    return SheetEntry(
        id=before.id if before else "",
        key=f"{view.appointment}/{view.resource}",
        sheet=sheets[0].id if sheets else "",
        resource=view.resource,
        day=day,
        starts_at=start,
        ends_at=end,
        subject=activity.SHEET_SUBJECT,
        description=activity.reference(f"{view.appointment}/{view.resource}"),
        work_order=view.work_order,
        work_order_line=view.work_order_line,
    )
