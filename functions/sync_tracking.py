"""Changes queue: bring a resource's geofences in HyperTrack in line with its assignments."""

from __future__ import annotations

from typing import Any

from fieldlink import tracking
from fieldlink.models import Sync
from fieldlink.observability import logger, metrics
from fieldlink.records import Connection
from fieldlink.wiring import now, services
from fieldlink.worker import Context, Work, work_off


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """A batch of Sync messages."""
    return work_off(event, Work("changes", services().changes, _connection_of, _take), context)


def _connection_of(body: str) -> str:
    return Sync.model_validate_json(body).connection


def _take(body: str) -> str:
    order = Sync.model_validate_json(body)
    connection = services().state.read(Connection, order.connection)
    if connection is None:
        return "no such connection"
    ground = tracking.Ground(
        connection=connection,
        state=services().state,
        hypertrack=services().hypertrack(connection),
        invites=services().invites,
        changes=services().changes,
        now=now(),
    )
    return f"{tracking.sync(order, ground)} geofences"
