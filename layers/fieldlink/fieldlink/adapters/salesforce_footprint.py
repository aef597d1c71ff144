"""Which fields we ask for and which we write: read off the queries and requests themselves, so
that nobody has to keep a second list of them true.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from fieldlink.adapters import (
    salesforce_requests,
    salesforce_soql,
    salesforce_soql_found,
    salesforce_soql_work,
)
from fieldlink.adapters.salesforce_soql import NOTHING_MORE, Wants
from fieldlink.models import (
    Ability,
    Look,
    NewEvent,
    NewSheet,
    NewTask,
    Place,
    SheetEntry,
    Writes,
)

# Those that make a row; the others change one.
MAKING = {
    Ability.DONE_TASKS,
    Ability.EVENTS,
    Ability.EVENT_PLACE,
    Ability.TASKS,
    Ability.TIME_SHEETS,
    Ability.TIME_SHEET_ENTRIES,
    Ability.URGENT_TASKS,
}
_SELECT = re.compile(r"SELECT (.+?) FROM (\w+)")
_ID, _OTHER = "x" * 18, "y" * 18
_THEN = datetime(2000, 1, 1, tzinfo=UTC)


class Request(NamedTuple):
    """One of our requests: the object that it is about, and the fields that it fills."""

    sobject: str
    fields: tuple[str, ...]


@cache
def asked(wants: Wants = NOTHING_MORE) -> tuple[str, ...]:
    """Object.Field of every field that any of our queries asks for."""
    look = Look(appointment=_ID, resource=_ID, day=_THEN, entries=(_ID,))
    sight = salesforce_soql_work.sight([look])
    found = salesforce_soql_found.find_queries([_everything(wants)])
    queries = [
        *salesforce_soql.changed(_THEN).values(),
        *salesforce_soql.changed(_THEN, shifts=wants.shifts).values(),
        *salesforce_soql.current(_THEN).values(),
        *salesforce_soql_work.view_queries(sight, (), wants).values(),
        *found.values(),
    ]
    selected = [found for text in queries for found in _SELECT.findall(text)]
    paths = {(sobject, path) for fields, sobject in selected for path in fields.split(", ")}
    return tuple(sorted({step for each in paths for step in salesforce_soql.steps(*each)}))


@cache
def written(wants: Wants = NOTHING_MORE) -> dict[Ability, Request]:
    """What each of our abilities fills in; of those that a connection may want, the wanted."""
    made = _requests(wants)
    work, named = made["through"].sobject, salesforce_requests.FIELDS
    task = made["task"]
    return {
        **_wished(wants),
        **(_on_time_sheets(made) if wants.time_sheets else {}),
        **_told(made["event"], wants),
        Ability.STATUS: Request(work, (named["status"],)),
        Ability.ACTUAL_START: Request(work, (named["actual_start"],)),
        Ability.ACTUAL_END: Request(work, (named["actual_end"],)),
        Ability.ACTUAL_DURATION: Request(work, (named["actual_minutes"],)),
        Ability.TRAVEL_TIME: made["travel0"],
        Ability.TASKS: task._replace(fields=task.fields[:-1]),
        Ability.URGENT_TASKS: task._replace(fields=task.fields[-1:]),
    }


def _wished(wants: Wants) -> dict[Ability, Request]:
    made = _requests(wants)
    found = {}
    if wants.field:
        found[Ability.SHARE_LINK] = Request(made["through"].sobject, (wants.field,))
    if wants.distance_field:
        found[Ability.DISTANCE] = made["distance0"]
    if wants.positions:
        found[Ability.POSITIONS] = _place()
    return found


def _told(event: Request, wants: Wants) -> dict[Ability, Request]:
    if wants.done_tasks:
        return {Ability.DONE_TASKS: event}
    return {
        Ability.EVENTS: event._replace(fields=event.fields[:-1]),
        Ability.EVENT_PLACE: event._replace(fields=event.fields[-1:]),
    }


def _on_time_sheets(made: dict[str, Request]) -> dict[Ability, Request]:
    return {
        Ability.TIME_SHEETS: made["sheet0"],
        Ability.TIME_SHEET_ENTRIES: made["entry0"],
        Ability.CHANGED_ENTRIES: made["entry1"],
        Ability.REMOVED_ENTRIES: made["removed0"],
    }


def _requests(wants: Wants) -> dict[str, Request]:
    made = salesforce_requests.nodes(_everything(wants), "", wants)
    return {each["referenceId"]: _request(each) for each in made}


def _place() -> Request:
    here = Place(latitude=0, longitude=0)
    _, url, body = salesforce_requests.place_request(_ID, here, _THEN, "")
    return _request({"url": url, "body": body})


def _request(made: dict[str, Any]) -> Request:
    sobject = made["url"].removeprefix("/sobjects/").partition("/")[0]
    return Request(sobject, tuple(made.get("body", ())))


def _everything(wants: Wants) -> Writes:
    """Writes that leave nothing out."""
    told = {"key": "x", "subject": "x", "description": "x"}
    new = {"new_sheet": "x", "work_order": _ID, "work_order_line": _ID}
    booked = {**told, "resource": _ID, "starts_at": _THEN, "ends_at": _THEN}
    how = {"done_as": "x"} if wants.done_tasks else {"place": "x"}
    return Writes(
        appointment=_ID,
        through="x",
        changes={
            "status": "x",
            "actual_start": _THEN,
            "actual_end": _THEN,
            "actual_minutes": 1,
        },
        travel={_ID: 1},
        distances={_OTHER: 1},
        event=NewEvent.model_validate({**told, **how, "starts_at": _THEN, "minutes": 1}),
        task=NewTask.model_validate({**told, "due": _THEN.date()}),
        sheets=(NewSheet(key="x", resource=_ID, first=_THEN.date(), last=_THEN.date()),),
        entries=(
            SheetEntry.model_validate(booked | new),
            SheetEntry.model_validate({**booked, "id": _ID}),
        ),
        removed=(_ID,),
    )
