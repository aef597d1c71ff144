"""Which fields we ask for and which we write: read off the queries and requests themselves, so
that nobody has to keep a second list of them true.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from fieldlink.adapters import salesforce_requests, salesforce_soql
from fieldlink.models import Ability, NewEvent, SheetEntry, Writes

# Those that make a row; the others change one.
MAKING = {Ability.EVENTS, Ability.TIME_SHEETS, Ability.TIME_SHEET_ENTRIES}
_SELECT = re.compile(r"SELECT (.+?) FROM (\w+)")
_ID = "x" * 18
_THEN = datetime(2000, 1, 1, tzinfo=UTC)


class Request(NamedTuple):
    """One of our requests: the object that it is about, and the fields that it fills."""

    sobject: str
    fields: tuple[str, ...]


@cache
def asked() -> tuple[str, ...]:
    """Object.Field of every field that any of our queries asks for."""
    queries = [
        *salesforce_soql.changed(_THEN).values(),
        *salesforce_soql.current(_THEN).values(),
        *salesforce_soql.view_queries(_ID, _ID, _THEN, _ID).values(),
        *salesforce_soql.find_queries(_everything("")).values(),
    ]
    selected = [found for text in queries for found in _SELECT.findall(text)]
    paths = {(sobject, path) for fields, sobject in selected for path in fields.split(", ")}
    return tuple(sorted({step for each in paths for step in salesforce_soql.steps(*each)}))


@cache
def written() -> dict[Ability, Request]:
    """What each of our abilities fills in."""
    new, changed = _requests(""), _requests(_ID)
    work, named = new["appointment"].sobject, salesforce_requests.FIELDS
    return {
        Ability.STATUS: Request(work, (named["status"],)),
        Ability.ACTUAL_START: Request(work, (named["actual_start"],)),
        Ability.ACTUAL_END: Request(work, (named["actual_end"],)),
        Ability.ACTUAL_DURATION: Request(work, (named["actual_minutes"],)),
        Ability.TRAVEL_TIME: new["assignment"],
        Ability.EVENTS: new["event"],
        Ability.TIME_SHEETS: new["sheet"],
        Ability.TIME_SHEET_ENTRIES: new["entry"],
        Ability.CHANGED_ENTRIES: changed["entry"],
    }


def _requests(entry: str) -> dict[str, Request]:
    made = salesforce_requests.write_requests(_everything(entry), "")
    return {each["referenceId"]: _request(each) for each in made}


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
