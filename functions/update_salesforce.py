"""Events and Bursts: what HyperTrack reported, into Salesforce and the ledger."""

from __future__ import annotations

import gc
import json
import sys
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

from fieldlink.alarms import flush
from fieldlink.at_once import work_off_at_once
from fieldlink.errors import FieldlinkError, Refused, Unavailable, sure
from fieldlink.hearing import unpacking
from fieldlink.models import Report
from fieldlink.observability import logger, metrics
from fieldlink.wiring import now, services
from fieldlink.worker import Context, Work
from fieldlink.writing import reports
from fieldlink.writing.joining import joined
from fieldlink.writing.together import Together

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from fieldlink.writing.desk import Desk

# New objects after which Python looks for garbage that holds itself, ten times its own number:
# a hundred messages in hand live until their batch ends, so nearly all that it found was alive.
# Of objects of some 200 bytes that is 20 MB of garbage at most.
gc.set_threshold(100_000)
# Seconds after which Python takes the processor from one thread for another. A batch's threads
# go on abreast and soon wait anyway; with Python's 5 ms they are interrupted for nothing.
sys.setswitchinterval(0.05)
# Milliseconds that must be left to begin a call of Salesforce: 23 s for the call, 4 s for AWS.
LONGEST_CALL = 3_000 + 20_000 + 4_000


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """A batch of reported events."""
    crew = Crew(context)
    source = event["Records"][0].get("eventSourceARN", "").rpartition(":")[2]
    bursts = services().bursts
    work = Work(
        "bursts" if bursts.is_called(source) else "events",
        bursts if bursts.is_called(source) else services().events,
        crew.connection_of,
        crew.take,
        note_parked=crew.note_parked,
        arrived=lambda body: crew.report(body).received_at,
    )
    try:
        return work_off_at_once(event, work, context, crew)
    finally:
        flush(services().meter)


class Crew:
    """Threads that work off a batch, and what those of one connection share."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reports: dict[str, Report] = {}
        self._meetings: dict[str, Together] = {}
        self._desks: dict[str, Desk | FieldlinkError | None] = {}
        self._lock = Lock()

    def begin(self, strands: Counter[str]) -> None:
        """What is stored of their connections as a whole is read at once."""
        self._meetings = {name: Together(count) for name, count in strands.items()}
        with suppress(Exception):  # then each message meets it, and no other does
            self._open([name for name in strands if name])

    def strand(self, body: str) -> str:
        return unpacking.strand(self.report(body))

    def over(self, connection: str) -> None:
        self._meetings[connection].leave()

    def report(self, body: str) -> Report:
        """Read as the door read it, once: pydantic's own reader gives up at 200 levels."""
        if body not in self._reports:
            self._reports[body] = Report.model_validate(json.loads(body))
        return self._reports[body]

    def connection_of(self, body: str) -> str:
        return self.report(body).connection

    def take(self, body: str) -> str:
        report = self.report(body)
        if unpacking.holds_many(report):
            return self._split(report)
        with self._at_desk(report.connection) as desk:
            if report.unreadable and desk.connection.live:  # of others nothing is wanted now
                raise Refused(f"event not understood: {report.unreadable}")
            return reports.take(unpacking.with_event(report, services().spool), desk)

    def note_parked(self, body: str, cause: str) -> None:
        report = self.report(body)
        try:
            if self._desk_of(report.connection) is None:  # then there is nothing else to note
                return
        except Refused:  # its connection can't be read
            return
        with suppress(Unavailable, Refused):  # of what can't be fetched no more is noted
            if not unpacking.holds_many(report):
                report = unpacking.with_event(report, services().spool)
        with self._at_desk(report.connection) as desk:
            reports.park(report, desk, cause)

    def _split(self, report: Report) -> str:
        with self._at_desk(report.connection) as desk:
            unpacking.split(
                report,
                live_positions=desk.connection.live_positions,
                outbox=services().bursts,
                spool=services().spool,
            )
        return "split"

    @contextmanager
    def _at_desk(self, name: str) -> Iterator[Desk]:
        """A connection's desk, for one message."""
        desk = self._desk_of(name)
        if desk is None:
            raise Refused("no such connection")
        try:
            yield desk._replace(now=now())
        finally:
            self._meeting(name).done()

    def _desk_of(self, name: str) -> Desk | None:
        with self._lock:
            if name not in self._desks:
                self._open([name])
        return sure(self._desks[name])

    def _open(self, names: list[str]) -> None:
        for name, desk in services().desks(names).items():
            if isinstance(desk, FieldlinkError) or desk is None:
                self._desks[name] = desk
            else:
                self._desks[name] = joined(desk, self._meeting(name), self._time_left)

    def _meeting(self, name: str) -> Together:
        return self._meetings.setdefault(name, Together(1))

    def _time_left(self) -> bool:
        return self._context.get_remaining_time_in_millis() >= LONGEST_CALL
