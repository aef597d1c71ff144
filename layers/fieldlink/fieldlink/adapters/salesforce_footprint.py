"""Which fields we ask for and which we write: read off the queries and requests themselves, so
that nobody has to keep a second list of them true.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from fieldlink.adapters import salesforce_requests, salesforce_soql, salesforce_soql_work
from fieldlink.adapters.salesforce_soql import NOTHING_MORE, Wants
from fieldlink.models import Ability, NewEvent, NewTask, Place, SheetEntry, Writes

# Those that make a row; the others change one.
MAKING = {
    Ability.EVENTS,
    Ability.TASKS,
    Ability.TIME_SHEETS,
    Ability.TIME_SHEET_ENTRIES,
    Ability.URGENT_TASKS,
}
_SELECT = re.compile(r"SELECT (.+?) FROM (\w+)")
_ID = "x" * 18
_THEN = datetime(2000, 1, 1, tzinfo=UTC)


class Request(NamedTuple):
    """One of our requests: the object that it is about, and the fields that it fills."""

    sobject: str
    fields: tuple[str, ...]


@cache
def asked(wants: Wants = NOTHING_MORE) -> tuple[str, ...]:
    """Object.Field of every field that any of our queries asks for."""
    of_work = salesforce_soql_work.view_queries(_ID, _ID, _THEN, _ID, (), wants.field)
    queries = [
        *salesforce_soql.changed(_THEN).values(),
        *salesforce_soql.changed(_THEN, shifts=wants.shifts).values(),
        *salesforce_soql.current(_THEN).values(),
        *of_work.values(),
        *salesforce_soql_work.find_queries(_everything("")).values(),
    ]
    selected = [found for text in queries for found in _SELECT.findall(text)]
    paths = {(sobject, path) for fields, sobject in selected for path in fields.split(", ")}
    return tuple(sorted({step for each in paths for step in salesforce_soql.steps(*each)}))


@cache
def written(wants: Wants = NOTHING_MORE) -> dict[Ability, Request]:
    """What each of our abilities fills in; of those that a connection may want, the wanted."""
    new, changed = _requests(""), _requests(_ID)
    work, named = new["appointment"].sobject, salesforce_requests.FIELDS
    task = new["task"]
    more = {}
    if wants.field:
        more[Ability.SHARE_LINK] = Request(work, (wants.field,))
    if wants.positions:
        more[Ability.POSITIONS] = _place()
    return {
        **more,
        Ability.STATUS: Request(work, (named["status"],)),
        Ability.ACTUAL_START: Request(work, (named["actual_start"],)),
        Ability.ACTUAL_END: Request(work, (named["actual_end"],)),
        Ability.ACTUAL_DURATION: Request(work, (named["actual_minutes"],)),
        Ability.TRAVEL_TIME: new["assignment"],
        Ability.EVENTS: new["event"],
        Ability.TASKS: task._replace(fields=task.fields[:-1]),
        Ability.URGENT_TASKS: task._replace(fields=task.fields[-1:]),
        Ability.TIME_SHEETS: new["sheet"],
        Ability.TIME_SHEET_ENTRIES: new["entry"],
        Ability.CHANGED_ENTRIES: changed["entry"],
    }


def _requests(entry: str) -> dict[str, Request]:
    made = salesforce_requests.write_requests(_everything(entry), "")
    return {each["referenceId"]: _request(each) for each in made}


def _place() -> Request:
    here = Place(latitude=0, longitude=0)
    _, url, body = salesforce_requests.place_request(_ID, here, _THEN, "")
    return _request({"url": url, "body": body})


def _request(made: dict[str, Any]) -> Request:
    sobject = made["url"].removeprefix("/sobjects/").partition("/")[0]
    return Request(sobject, tuple(made["body"]))


def _everything(entry: str) -> Writes:
    """Writes that leave nothing out; `entry`: the id of the one to change, "" for a new one."""
    return Writes(
        appointment=_ID,
        assignment=_ID,
        changes={
            "status": "x",
            "actual_start": _THEN,
            "actual_end": _THEN,
            "actual_minutes": 1,
        },
        travel_minutes=1,
        event=NewEvent(key="x", starts_at=_THEN, minutes=1, subject="x", description="x"),
        task=NewTask(key="x", subject="x", description="x", due=_THEN.date()),
        entry=SheetEntry(
            id=entry,
            key="x",
            resource=_ID,
            day=_THEN.date(),
            starts_at=_THEN,
            ends_at=_THEN,
            subject="x",
            description="x",
            work_order=_ID,
            work_order_line=_ID,
        ),
    )
