"""Rule: what is kept of a try while nobody knows that it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.models import NewEvent, NewTask, SheetEntry, Writes
from fieldlink.records import Intent

if TYPE_CHECKING:
    from fieldlink.models import Delivered


def with_earlier(planned: Writes, begun: Intent | None) -> Writes:
    """What is planned, and what an earlier try planned: of that, too, rows may be there."""
    earlier = begun.planned if begun else None
    if earlier is None:
        return planned
    entries = {each.key: each for each in planned.entries}
    # One that was found and is changed now is made for whoever has to look for it once more.
    entries |= {
        each.key: each
        for each in earlier.entries
        if each.key not in entries or (entries[each.key].id and not each.id)
    }
    sheets = {each.key: each for each in (*earlier.sheets, *planned.sheets)}
    return planned.model_copy(
        update={
            "changes": {**earlier.changes, **planned.changes},
            "travel": {**earlier.travel, **planned.travel},
            "distances": {**earlier.distances, **planned.distances},
            "event": planned.event or earlier.event,
            "others": planned.others or earlier.others,
            "task": planned.task or earlier.task,
            "entries": tuple(entries.values()),
            "sheets": tuple(sheets.values()),
            "removed": tuple(dict.fromkeys([*earlier.removed, *planned.removed])),
            "rule": planned.rule or earlier.rule,
        }
    )


def as_kept(planned: Writes) -> Writes:
    """As an intent keeps it: of what a row says its last line is enough to find the row."""
    return planned.model_copy(
        update={
            "event": planned.event and _short(planned.event),
            "others": tuple(map(_short, planned.others)),
            "task": planned.task and _short(planned.task),
            "entries": tuple(map(_short, planned.entries)),
        }
    )


def without(intent: Intent, keys: set[str]) -> Intent:
    """An intent of a day of which these entries are in doubt no more."""
    planned, meant = intent.planned, intent.meant_of_day
    update: dict[str, object] = {}
    if planned:
        entries = tuple(each for each in planned.entries if each.key not in keys)
        update["planned"] = planned.model_copy(update={"entries": entries})
    if meant:
        left = {key: each for key, each in meant.entries.items() if key not in keys}
        update["meant_of_day"] = meant.model_copy(update={"entries": left})
    return intent.model_copy(update=update)


def singly(intent: Intent) -> list[Intent]:
    """An intent of several facts as one of each: what they change is the first one's, and each
    has its own row.
    """
    if not intent.others:
        return [intent]
    planned = intent.planned or Writes(appointment=intent.delivered.fact.appointment)
    rows = {each.key: each for each in planned.others}
    first = planned.model_copy(update={"others": ()})
    return [
        intent.model_copy(update={"planned": first, "others": ()}),
        *(_of_other(each, intent, rows.get(each.fact.key)) for each in intent.others),
    ]


def _short[R: (NewEvent, NewTask, SheetEntry)](row: R) -> R:
    return row.model_copy(update={"description": row.description.rpartition("\n")[2]})


def _of_other(told: Delivered, intent: Intent, row: NewEvent | None) -> Intent:
    return Intent(
        delivered=told,
        since=intent.since,
        planned=Writes(appointment=told.fact.appointment, event=row),
        seen=intent.seen,
        days=intent.days,
    )
