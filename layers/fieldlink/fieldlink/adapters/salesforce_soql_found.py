"""Rows of ours that an earlier try has made, be it that nobody heard of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from fieldlink.adapters.salesforce_requests import KEY, row_key
from fieldlink.adapters.salesforce_soql import listed, moment
from fieldlink.models import NewEvent, NewTask, Written

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from fieldlink.models import SheetEntry, Writes

A_DAY, A_WEEK = timedelta(days=1), timedelta(days=7)
# An address may have 16,384 bytes. An id takes 27 of them: 18, two quotes and a comma, each of
# three; a key of ours 41. 180 x (27 + 41) = 12,240.
MOST_ROWS = 180

type Row = dict[str, Any]
type Told = NewEvent | NewTask


class Sought(NamedTuple):
    """The rows that some writes were to make, by where they lie."""

    events: list[tuple[str, NewEvent]]  # each with its appointment
    tasks: list[tuple[str, Told]]  # likewise
    entries: list[SheetEntry]


def find_queries(several: Sequence[Writes], keyed: Collection[str] = ()) -> dict[str, str]:
    """At most three. Where they would be: by their keys, and, as the field for those may not
    have been there then, by what nobody is likely to change.
    """
    queries, sought = {}, _sought(several)
    if sought.events:
        starts = [event.starts_at for _, event in sought.events]
        there = f"{_of_work(sought.events)} AND {_within('StartDateTime', starts)}"
        keys = [row_key("event", event.key) for _, event in sought.events]
        queries["events"] = _query("Event", there, keyed, keys, "WhatId, ")
    if sought.tasks:
        keys = [row_key(*_named(task)) for _, task in sought.tasks]
        queries["tasks"] = _query("Task", _of_work(sought.tasks), keyed, keys, "WhatId, ")
    if sought.entries:
        keys = [row_key("entry", each.key) for each in sought.entries]
        there = _about(sought.entries)
        queries["entries"] = _query("TimeSheetEntry", there, keyed, keys, "TimeSheetId, ")
    return queries


def packed(numbered: Iterable[tuple[int, Writes]]) -> Iterator[list[tuple[int, Writes]]]:
    """As many as a call takes; entries of about the same time lie together."""
    some: list[tuple[int, Writes]] = []
    for each in sorted(numbered, key=_first_entry):
        if some and not _fits([writes for _, writes in (*some, each)]):
            yield some
            some = []
        some.append(each)
    if some:
        yield some


def _first_entry(numbered: tuple[int, Writes]) -> datetime:
    starts = (each.starts_at for each in _sought([numbered[1]]).entries)
    return min(starts, default=datetime.min.replace(tzinfo=UTC))


def _fits(several: Sequence[Writes]) -> bool:
    sought = _sought(several)
    starts = [each.starts_at for each in sought.entries]
    near = not starts or max(starts) - min(starts) <= A_WEEK
    return near and max(len(rows) for rows in sought) <= MOST_ROWS


def _sought(several: Iterable[Writes]) -> Sought:
    sought = Sought([], [], [])
    for writes in several:
        work, task = writes.appointment, writes.task
        for each in writes.told:
            (sought.tasks if each.done_as else sought.events).append((work, each))
        if task:
            sought.tasks.append((work, task))
        sought.entries.extend(each for each in writes.entries if not each.id)
    return sought


def _of_work(told: Iterable[tuple[str, object]]) -> str:
    return f"WhatId IN ({listed(sorted({work for work, _ in told}))})"


def _about(entries: list[SheetEntry]) -> str:
    """All entries of the same resources around the same time: those are a few dozens. Times
    are corrected, and a person may change them, too.
    """
    starts = [each.starts_at for each in entries]
    near = _within("StartTime", [min(starts) - A_DAY, max(starts) + A_DAY])
    resources = listed(sorted({each.resource for each in entries}))
    return f"TimeSheet.ServiceResourceId IN ({resources}) AND {near}"


def _within(field: str, times: list[datetime]) -> str:
    return f"{field} >= {moment(min(times))} AND {field} <= {moment(max(times))}"


def _query(
    sobject: str, where: str, keyed: Collection[str], keys: list[str], more: str = ""
) -> str:
    if sobject in keyed:
        more += f"{KEY}, "
        named = ",".join(f"'{each}'" for each in keys)
        where = f"({where}) OR {KEY} IN ({named})"
    return f"SELECT Id, {more}Description FROM {sobject} WHERE {where} ORDER BY Id"


def found(writes: Writes, rows: Mapping[str, list[Row]]) -> Written:
    """Our rows among the others: their key tells, or the reference in their text."""
    new = [each for each in writes.entries if not each.id]
    booked = {
        each.key: row for each in new if (row := _ours(rows.get("entries", ()), "entry", each))
    }
    return Written(
        event=_id(writes.event, writes.appointment, rows),
        others={
            each.key: made
            for each in writes.others
            if (made := _id(each, writes.appointment, rows))
        },
        task=_id(writes.task, writes.appointment, rows),
        entries={key: row["Id"] for key, row in booked.items()},
        sheets={
            each.new_sheet: booked[each.key].get("TimeSheetId") or ""
            for each in new
            if each.new_sheet and each.key in booked
        },
    )


def adopting(writes: Writes, there: Written) -> Writes:
    """The same writes, with new entries that are there already as changed ones."""
    entries = tuple(
        each.model_copy(update={"id": there.entries.get(each.key, each.id)})
        for each in writes.entries
    )
    needed = {each.new_sheet for each in entries if not each.id}
    sheets = tuple(each for each in writes.sheets if each.key in needed)
    return writes.model_copy(update={"entries": entries, "sheets": sheets})


def _id(told: Told | None, work: str, rows: Mapping[str, list[Row]]) -> str:
    """One fact may have a row at several appointments."""
    if told is None:
        return ""
    what, key = _named(told)
    name = "tasks" if isinstance(told, NewTask) or told.done_as else "events"
    of_work = [
        row
        for row in rows.get(name, ())
        if row["WhatId"] == work or row.get(KEY) == row_key(what, key)
    ]
    return str(_ours(of_work, what, told).get("Id", ""))


def _named(told: Told) -> tuple[str, str]:
    """What the key of its row is made of."""
    return "task" if isinstance(told, NewTask) else "event", told.key


def _ours(rows: Iterable[Row], what: str, new: Told | SheetEntry) -> Row:
    key, reference = row_key(what, new.key), new.description.rpartition("\n")[2]
    for row in rows:
        text = row["Description"] or ""
        if row.get(KEY) == key or (reference and reference in text):
            return dict(row)
    return {}
