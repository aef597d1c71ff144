"""Rule: what we may read and write in an org; known from its describe, not from refusals."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.connecting.checking import ENTRY_TYPES, TASK_STATUSES
from fieldlink.models import Ability
from fieldlink.records import Capabilities

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from fieldlink.errors import Refused
    from fieldlink.models import Changes, Described, NewEvent, Writes
    from fieldlink.ports import Describing, State
    from fieldlink.practice import Practice
    from fieldlink.records import Connection

GOOD_FOR = timedelta(days=7)  # then they are stored again, to say that they are still true
# Refusals of a write that say: what we know of the org is no longer true.
STALE = {
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",  # by a customer's trigger, too
    "INVALID_FIELD",
    "INVALID_FIELD_FOR_INSERT_UPDATE",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",  # a value that was renamed or removed
    "INVALID_TYPE",
    "MALFORMED_ID",  # an Event for what has no Activity
    "NOT_FOUND",  # an object that can't be seen; a row that was deleted, too
    "REQUIRED_FIELD_MISSING",
    "STRING_TOO_LONG",  # for the field that takes the link
}
NO_ACCESS = "INSUFFICIENT_ACCESS"  # with one of several endings
CHANGING = {
    "status": Ability.STATUS,
    "actual_start": Ability.ACTUAL_START,
    "actual_end": Ability.ACTUAL_END,
    "actual_minutes": Ability.ACTUAL_DURATION,
    "share_link": Ability.SHARE_LINK,
}


def refresh(
    connection: Connection, *, salesforce: Describing, state: State, now: datetime
) -> Capabilities:
    """Ask the org and keep what it says."""
    return keep(connection, salesforce.described(), state=state, now=now)


def keep(
    connection: Connection, told: Described, *, state: State, now: datetime
) -> Capabilities:
    """Store what an org says, if that is news or the last news is a week old."""
    before = state.read(Capabilities, connection.connection)
    fresh = Capabilities(
        connection=connection.connection,
        version=before.version if before else 0,
        checked_at=now,
        unreadable=told.unreadable,
        lacking=told.lacking,
        statuses=told.statuses,
        keyed=told.keyed,
        listed=told.listed,
    )
    if before and same(before, fresh) and now - before.checked_at < GOOD_FOR:
        return before
    # Whoever writes at the same moment has just asked, too: either answer will do.
    state.write(fresh)
    return fresh


def same(one: Capabilities | None, other: Capabilities | None) -> bool:
    """Whether they differ in nothing but when that was asked."""
    return bool(one and other) and _told(one) == _told(other)


def stale(refusal: Refused) -> bool:
    """Whether Salesforce refused something because of what our user may do in the org."""
    return refusal.code in STALE or refusal.code.startswith(NO_ACCESS)


def lacking(able: Capabilities | None, practice: Practice) -> dict[Ability, str]:
    """What can't be written, and why: for want of a right, or of a value that the practice
    names and the org does not list any more. A list that can't be seen tells nothing.
    """
    if able is None:
        return {}
    named = {
        Ability.VISIT_ENTRIES: (ENTRY_TYPES, practice.work_type),
        Ability.TRAVEL_ENTRIES: (ENTRY_TYPES, practice.travel_type),
    }
    if practice.activity == "tasks":
        named[Ability.DONE_TASKS] = (TASK_STATUSES, practice.task_status)
    unlisted = {
        ability: f"{field} has no value {value}"
        for ability, (field, value) in named.items()
        if field in able.listed and value not in able.listed[field]
    }
    return {**unlisted, **able.lacking}


def possible(changes: Changes, lacking: Mapping[Ability, str]) -> Changes:
    """Those of the changes to an appointment that can be written."""
    return {name: each for name, each in changes.items() if CHANGING[name] not in lacking}


def within(wished: Writes, lacking: Mapping[Ability, str]) -> Writes:
    """What can be written of it. The rest is left out, with the reason."""
    wished = _plainer(wished, lacking)
    left_out = [f"no {each}: {lacking[each]}" for each in _used(wished) if each in lacking]
    if not left_out:
        return wished
    event, task = wished.event, wished.task
    update: dict[str, object] = {
        "changes": possible(wished.changes, lacking),
        "through": "" if Ability.STATUS in lacking else wished.through,
        "travel": {} if Ability.TRAVEL_TIME in lacking else wished.travel,
        "distances": {} if Ability.DISTANCE in lacking else wished.distances,
        "event": None if event and _telling(event) in lacking else event,
        "others": tuple(each for each in wished.others if _telling(each) not in lacking),
        "task": None if Ability.TASKS in lacking else task,
        "left_out": tuple(dict.fromkeys((*wished.left_out, *left_out))),
    }
    return wished.model_copy(update=update)


def _plainer(wished: Writes, lacking: Mapping[Ability, str]) -> Writes:
    """Without what nobody need know that it is missing."""
    event, others, task = wished.event, wished.others, wished.task
    if task and Ability.URGENT_TASKS in lacking:
        task = task.model_copy(update={"urgent": False})
    if Ability.EVENT_PLACE in lacking:
        event = event and event.model_copy(update={"place": ""})
        others = tuple(each.model_copy(update={"place": ""}) for each in others)
    return wished.model_copy(update={"event": event, "others": others, "task": task})


def _telling(event: NewEvent) -> Ability:
    return Ability.DONE_TASKS if event.done_as else Ability.EVENTS


def _used(wished: Writes) -> Iterator[Ability]:
    """What these writes take, but for time sheets: `time_sheets` leaves those out itself."""
    yield from (CHANGING[name] for name in wished.changes)
    if wished.travel:
        yield Ability.TRAVEL_TIME
    if wished.distances:
        yield Ability.DISTANCE
    yield from map(_telling, wished.told)
    if wished.task:
        yield Ability.TASKS


def _told(known: Capabilities | None) -> object:
    return known and known.model_dump(exclude={"version", "ttl", "checked_at"})
