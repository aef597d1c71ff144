"""Invites queue: one worker in HyperTrack and one mail for each resource."""

from __future__ import annotations

from typing import Any

from fieldlink.console import letters
from fieldlink.models import Invite
from fieldlink.observability import logger, metrics
from fieldlink.people import inviting
from fieldlink.records import Connection, Worker
from fieldlink.wiring import now, services
from fieldlink.worker import Context, Work, work_off


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """A batch of Invite messages."""
    return work_off(
        event,
        Work("invites", services().invites, _connection_of, _take, replay=_replay),
        context,
    )


def _connection_of(body: str) -> str:
    return Invite.model_validate_json(body).connection


def _take(body: str) -> str:
    order = Invite.model_validate_json(body)
    connection = services().state.read(Connection, order.connection)
    if connection is None:
        return "no such connection"
    counter = inviting.Counter(
        connection=connection,
        state=services().state,
        hypertrack=services().hypertrack(connection),
        mail=services().mail,
        changes=services().changes,
        letter=letters.invitation,
        now=now(),
    )
    return inviting.invite(order, counter)


def _replay(body: str, cause: str) -> str:
    """Replaying a mail that may have gone out sends it again, as its cause says, but once."""
    order = Invite.model_validate_json(body)
    worker = services().state.read(Worker, order.connection, order.resource)
    if cause != inviting.PERHAPS_SENT or worker is None or worker.invitation is None:
        return ""
    return order.model_copy(update={"despite": worker.invitation.at}).model_dump_json()
