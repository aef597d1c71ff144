"""Changes queue: bring a resource's tracking in HyperTrack in line with its assignments, or
fetch what HyperTrack recorded of it and never told us.
"""

from __future__ import annotations

import json
from typing import Any

from fieldlink.hearing import recovering
from fieldlink.models import Recover, Sync
from fieldlink.observability import logger, metrics
from fieldlink.records import Connection
from fieldlink.tracking import tracking
from fieldlink.wiring import now, services
from fieldlink.worker import Context, Work, work_off


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """A batch of Sync and Recover messages."""
    return work_off(event, Work("changes", services().changes, _connection_of, _take), context)


def _connection_of(body: str) -> str:
    return _order(body).connection


def _take(body: str) -> str:
    order = _order(body)
    connection = services().state.read(Connection, order.connection)
    if connection is None:
        return "no such connection"
    ground = tracking.Ground(
        connection=connection,
        state=services().state,
        hypertrack=services().hypertrack(connection),
        invites=services().invites,
        changes=services().changes,
        events=services().events,
        now=now(),
    )
    if isinstance(order, Recover):
        return f"{recovering.recover(order, ground)} events recovered"
    return f"{tracking.sync(order, ground)} tracked"


def _order(body: str) -> Sync | Recover:
    """Of the two only a Recover names a span of time."""
    asked = json.loads(body)
    return Recover.model_validate(asked) if "since" in asked else Sync.model_validate(asked)
