"""Rows of ours that an earlier try has made, be it that nobody heard of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fieldlink.adapters.salesforce_requests import KEY, row_key
from fieldlink.adapters.salesforce_soql import checked, listed, moment
from fieldlink.models import Written

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from fieldlink.models import NewEvent, NewTask, SheetEntry, Writes

A_DAY = timedelta(days=1)

type Row = dict[str, Any]


def find_queries(writes: Writes, keyed: Collection[str] = ()) -> dict[str, str]:
    """Where they would be: by their keys, and, as the field for those may not have been there
    then, by what nobody is likely to change.
    """
    queries, event, task = {}, writes.event, writes.task
    of_work = f"WhatId = '{checked(writes.appointment)}'" if event or task else ""
    if event and not event.done_as:
        there = f"{of_work} AND StartDateTime = {moment(event.starts_at)}"
        queries["event"] = _query("Event", there, keyed, [row_key("event", event.key)])
    if event and event.done_as:
        queries["event"] = _query("Task", of_work, keyed, [row_key("event", event.key)])
    if task:
        queries["task"] = _query("Task", of_work, keyed, [row_key("task", task.key)])
    new = [each for each in writes.entries if not each.id]
    if new:
        keys = [row_key("entry", each.key) for each in new]
        queries["entries"] = _query("TimeSheetEntry", _about(new), keyed, keys, "TimeSheetId, ")
    return queries


def _about(entries: list[SheetEntry]) -> str:
    """All entries of the same resources around the same time: those are a few dozens. Times
    are corrected, and a person may change them, too.
    """
    first = min(each.starts_at for each in entries) - A_DAY
    last = max(each.starts_at for each in entries) + A_DAY
    resources = listed(sorted({each.resource for each in entries}))
    return (
        f"TimeSheet.ServiceResourceId IN ({resources}) "
        f"AND StartTime >= {moment(first)} AND StartTime <= {moment(last)}"
    )


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
        event=_id(rows.get("event", ()), "event", writes.event),
        task=_id(rows.get("task", ()), "task", writes.task),
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


def _id(rows: Iterable[Row], what: str, told: NewEvent | NewTask | None) -> str:
    return str(_ours(rows, what, told).get("Id", "")) if told else ""


def _ours(rows: Iterable[Row], what: str, new: NewEvent | NewTask | SheetEntry) -> Row:
    key, reference = row_key(what, new.key), new.description.rpartition("\n")[2]
    for row in rows:
        text = row["Description"] or ""
        if row.get(KEY) == key or (reference and reference in text):
            return dict(row)
    return {}
