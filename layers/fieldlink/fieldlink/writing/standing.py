"""Rule: what stands in Salesforce of writes whose end nobody has seen."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.models import Writes, Written
from fieldlink.records import Entry, OursOfDay

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fieldlink.models import View
    from fieldlink.records import Intent
    from fieldlink.writing.desk import Desk

# A worker is stopped after one minute, and Salesforce ends a request after ten at most. What
# was begun longer ago than both is either done or will never be.
ABANDONED = timedelta(minutes=11)


def rows(intents: Iterable[Intent | None], desk: Desk) -> Written:
    """Which of the rows that were to be made are there.

    An Event or Task with our key needs no search: the same fact writes the same one once more.
    An entry does: by now it may not be called for any more.
    """
    planned = [each.planned for each in intents if each and each.planned]
    sought = _new_rows(planned) if planned else None
    if sought is None or sought.empty or (safe(sought, desk) and not sought.entries):
        return Written()
    return desk.salesforce.find(sought)


def safe(writes: Writes, desk: Desk) -> bool:
    """Whether writing this once more makes no second row, also if the first try goes on."""
    made = {
        "Event": any(not each.done_as for each in writes.told),
        "Task": writes.task is not None or any(each.done_as for each in writes.told),
        "TimeSheetEntry": bool(new(writes)),
    }
    return not writes.sheets and all(name in desk.keyed for name, used in made.items() if used)


def only_new(writes: Writes) -> bool:
    """Whether nothing that stands is changed. Else a try that Salesforce carries out late would
    put its older values over newer ones.
    """
    changed = (writes.changes, writes.travel, writes.distances, writes.removed)
    return not any(changed) and not any(each.id for each in writes.entries)


def new(writes: Writes) -> set[str]:
    """The keys of the entries that are to be made, not changed."""
    return {each.key for each in writes.entries if not each.id}


def carried_out(begun: Intent, found: Written, view: View | None) -> bool:
    """Whether an earlier try was, as far as can be told: all of it was, or nothing."""
    planned = begun.planned
    if planned is None or view is None:
        return False
    if found != Written():
        return True
    held, wanted = (each.model_dump(mode="json") for each in (view, planned))
    travel = {each.id: each.travel for each in view.team}
    changed = any(held[name] == to for name, to in wanted["changes"].items())
    return changed or any(travel.get(name) == to for name, to in planned.travel.items())


def of_day(ours: OursOfDay, intent: Intent, view: View, found: Written) -> OursOfDay:
    """What we have written of a day, and what a worker wrote that did not live to say so."""
    meant = intent.meant_of_day
    if meant is None:
        return ours
    planned = intent.planned.removed if intent.planned else ()
    removed = dict.fromkeys(
        [*ours.removed, *(each for each in planned if each not in view.entries)]
    )
    entries = {key: each for key, each in ours.entries.items() if each.id not in removed}
    for key, each in meant.entries.items():
        # One that we took away ourselves lies in the bin under the same key.
        there = "" if found.entries.get(key) in removed else found.entries.get(key, "")
        stands = _stands(each, entries.get(key), there, view)
        entries |= {key: stands} if stands else {}
    travel = {each.id: each.travel for each in view.team}
    travel |= {each.id: each.travel for one in view.beside.values() for each in one.team}
    distances = {view.appointment: view.distance}
    distances |= {name: each.distance for name, each in view.beside.items()}
    return OursOfDay(
        entries=entries,
        removed=tuple(removed),
        travel=_written(ours.travel, meant.travel, travel),
        distances=_written(ours.distances, meant.distances, distances),
    )


def _stands(meant: Entry, ours: Entry | None, found: str, view: View) -> Entry | None:
    """An entry as it was meant, if it stands so or was made by then."""
    if ours is None:
        return meant.model_copy(update={"id": found}) if found else None
    booked = view.entries.get(ours.id)
    times = (meant.starts_at, meant.ends_at)
    if booked is None or (booked.starts_at, booked.ends_at) != times:
        return None
    return meant.model_copy(update={"id": ours.id})


def _written(
    ours: Mapping[str, float | None],
    meant: Mapping[str, float | None],
    held: Mapping[str, float | None],
) -> dict[str, float | None]:
    """Ours, and what was meant wherever just that is held."""
    stands = {name: each for name, each in meant.items() if name in held and held[name] == each}
    return {**ours, **stands}


def _new_rows(planned: list[Writes]) -> Writes:
    """Of several writes the rows that they were to make."""
    of_work = next((each for each in planned if each.appointment), planned[0])
    entries = {each.key: each for one in planned for each in one.entries if not each.id}
    wanted = {each.new_sheet for each in entries.values()}
    sheets = {each.key: each for one in planned for each in one.sheets if each.key in wanted}
    return Writes(
        appointment=of_work.appointment,
        event=of_work.event,
        others=of_work.others,
        task=of_work.task,
        entries=tuple(entries.values()),
        sheets=tuple(sheets.values()),
    )
