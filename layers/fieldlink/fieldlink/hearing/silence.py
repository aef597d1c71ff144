"""Rule: a connection that should be talking and is not has its record fetched instead."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.commands import recover_message
from fieldlink.errors import must
from fieldlink.hearing.recovering import SPAN
from fieldlink.models import Recover
from fieldlink.records import Appointment, Heard, Tracking, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from fieldlink.ports import Outbox, State
    from fieldlink.records import Connection

# A phone that tracks tells its battery, its activity or a place more often than this; one that
# does not is called disconnected by HyperTrack after an hour. So an hour is worth a question,
# which costs a few calls for each person at work and no more than one an hour.
# Told by the ticks that have gone by, so that nothing has to be written while nothing happens.
TICK = timedelta(minutes=5)
TICKS_OF_SILENCE = 12
REACH_BACK = timedelta(minutes=10)  # what was under way when the last event came
BEFORE_WORK = timedelta(hours=1)  # before its scheduled start the way to it begins


def listen(connection: Connection, *, state: State, changes: Outbox, now: datetime) -> int:
    """Have the record of everybody at work compared, if nothing was heard for too long.

    Returns how many those are.
    """
    name = connection.connection
    heard = state.read(Heard, name)
    if heard is None:
        must(state.write(Heard(connection=name, at=now)))
        return 0
    ticks = (now - heard.at) // TICK
    if not ticks or ticks % TICKS_OF_SILENCE:
        return 0
    since = max(heard.at - REACH_BACK, now - SPAN)  # the nights have seen to what was before
    silent = list(_at_work(name, state, now))
    changes.put(
        recover_message(
            Recover(connection=name, resource=each, since=since, until=now, nightly=False)
        )
        for each in silent
    )
    return len(silent)


def _at_work(name: str, state: State, now: datetime) -> Iterator[str]:
    """The resources that have a phone and should be on their way to work, or there."""
    for worker in state.all_of(Worker, name):
        if worker.device and _works(name, worker.resource, state, now):
            yield worker.resource


def _works(name: str, resource: str, state: State, now: datetime) -> bool:
    keys = dict.fromkeys(
        (name, each.appointment) for each in state.all_of(Tracking, name, resource)
    )
    return any(_is_on(each, now) for each in state.read_many(Appointment, keys))


def _is_on(work: Appointment, now: datetime) -> bool:
    if work.gone or work.category.closed or work.starts_at is None:
        return False
    ends = max(work.ends_at or work.starts_at, work.starts_at)
    return work.starts_at - BEFORE_WORK <= now <= ends
