"""Rule: a fact refused for what our user may no longer do is planned anew, without that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.connecting import capabilities
from fieldlink.errors import Refused
from fieldlink.records import Visit
from fieldlink.writing import days, write_back
from fieldlink.writing.refusing import StatusRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.models import Delivered, Outcome
    from fieldlink.records import Anchor
    from fieldlink.writing.desk import Desk


def to_appointment(delivered: Delivered, desk: Desk) -> Outcome:
    """Apply a fact about an appointment. Raises Refused if it has to be parked."""
    return _apply(write_back.to_appointment, _visit, delivered, desk)


def to_day(delivered: Delivered, desk: Desk) -> Outcome:
    """Likewise a fact about a resource's day."""
    return _apply(write_back.to_day, _day, delivered, desk)


def _apply(
    apply: Callable[[Delivered, Desk], Outcome],
    anchor: Callable[[Delivered, Desk], Anchor | None],
    delivered: Delivered,
    desk: Desk,
) -> Outcome:
    try:
        return apply(delivered, desk)
    except Refused as refusal:
        if not capabilities.stale(refusal):
            raise
        informed = _informed(refusal, anchor(delivered, desk), delivered, desk)
        if informed is None:
            raise
    return apply(delivered, informed)


def _informed(
    refusal: Refused, anchor: Anchor | None, delivered: Delivered, desk: Desk
) -> Desk | None:
    """The desk with what the org now says of our user; None if another try is of no use."""
    if anchor and (anchor.intent or delivered.fact.key in anchor.doubtful):
        return None  # an earlier try may have been carried out: this one is looked for first
    fresh = capabilities.refresh(
        desk.connection, salesforce=desk.salesforce, state=desk.state, now=desk.now
    )
    no_news = capabilities.same(desk.capabilities, fresh)
    if no_news and not isinstance(refusal, StatusRefused):
        return None
    return desk._replace(capabilities=fresh, fresh=True)


def _visit(delivered: Delivered, desk: Desk) -> Anchor | None:
    return desk.state.read(Visit, desk.connection.connection, delivered.fact.appointment)


def _day(delivered: Delivered, desk: Desk) -> Anchor:
    return days.read(delivered.fact.resource, days.on(delivered.fact, desk), desk)
