"""Events queue: what HyperTrack reported, into Salesforce and the ledger."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fieldlink.alarms import flush
from fieldlink.errors import Refused, Unavailable
from fieldlink.hearing import unpacking
from fieldlink.models import Report
from fieldlink.observability import logger, metrics
from fieldlink.records import Connection
from fieldlink.wiring import services
from fieldlink.worker import Context, Work, work_off
from fieldlink.writing import reports

if TYPE_CHECKING:
    from fieldlink.writing.desk import Desk


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """A batch of reported events."""
    work = Work(
        "events",
        services().events,
        _connection_of,
        _take,
        note_parked=_note_parked,
        arrived=lambda body: _report(body).received_at,
    )
    try:
        return work_off(event, work, context)
    finally:
        flush(services().meter)


def _connection_of(body: str) -> str:
    return _report(body).connection


def _take(body: str) -> str:
    report = _report(body)
    if unpacking.holds_many(report):
        return _split(report)
    desk = _desk(report)
    if report.unreadable and desk.connection.live:  # of others nothing is wanted any more
        raise Refused(f"event not understood: {report.unreadable}")
    return reports.take(unpacking.with_event(report, services().spool), desk)


def _split(report: Report) -> str:
    live_positions = _desk(report).connection.live_positions
    unpacking.split(
        report,
        live_positions=live_positions,
        outbox=services().events,
        spool=services().spool,
    )
    return "split"


def _note_parked(body: str, cause: str) -> None:
    report = _report(body)
    connection = services().state.read(Connection, report.connection)
    if not connection:  # without one there is nothing else to note
        return
    with suppress(Unavailable, Refused):  # of what can't be fetched no more is noted
        if not unpacking.holds_many(report):
            report = unpacking.with_event(report, services().spool)
    reports.park(report, services().desk(connection), cause)


def _report(body: str) -> Report:
    """Read as the door read it: pydantic's own reader gives up at 200 levels."""
    return Report.model_validate(json.loads(body))


def _desk(report: Report) -> Desk:
    connection = services().state.read(Connection, report.connection)
    if connection is None:
        raise Refused("no such connection")
    return services().desk(connection)
