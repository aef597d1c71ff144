"""Events queue: what HyperTrack reported, into Salesforce and the ledger."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fieldlink import reports
from fieldlink.alarms import flush
from fieldlink.errors import Refused
from fieldlink.models import Report
from fieldlink.observability import logger, metrics
from fieldlink.records import Connection
from fieldlink.wiring import services
from fieldlink.worker import Context, Work, work_off

if TYPE_CHECKING:
    from fieldlink.desk import Desk


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
    return reports.take(report, _desk(report))


def _note_parked(body: str, cause: str) -> None:
    report = _report(body)
    connection = services().state.read(Connection, report.connection)
    if connection:  # without one there is nothing else to note
        reports.park(report, services().desk(connection), cause)


def _report(body: str) -> Report:
    """Read as the door read it: pydantic's own reader gives up at 200 levels."""
    return Report.model_validate(json.loads(body))


def _desk(report: Report) -> Desk:
    connection = services().state.read(Connection, report.connection)
    if connection is None:
        raise Refused("no such connection")
    return services().desk(connection)
