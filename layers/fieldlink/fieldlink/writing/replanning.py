"""Rule: a fact refused for what our user may no longer do is planned anew, without that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.connecting import capabilities
from fieldlink.errors import Refused
from fieldlink.records import Visit
from fieldlink.writing import write_back

if TYPE_CHECKING:
    from fieldlink.models import Delivered, Outcome
    from fieldlink.writing.desk import Desk


def to_appointment(delivered: Delivered, desk: Desk) -> Outcome:
    """Apply a fact about an appointment. Raises Refused if it has to be parked."""
    try:
        return write_back.to_appointment(delivered, desk)
    except Refused as refusal:
        informed = _informed(refusal, delivered, desk)
        if informed is None:
            raise
    return write_back.to_appointment(delivered, informed)


def _informed(refusal: Refused, delivered: Delivered, desk: Desk) -> Desk | None:
    """The desk with what the org now says of our user; None if another try is of no use."""
    if not capabilities.stale(refusal):
        return None
    fact = delivered.fact
    visit = desk.state.read(Visit, desk.connection.connection, fact.appointment)
    if visit and (visit.intent or fact.key in visit.doubtful):
        return None  # an earlier try may have been carried out: this one is looked for first
    fresh = capabilities.refresh(
        desk.connection, salesforce=desk.salesforce, state=desk.state, now=desk.now
    )
    known = capabilities.same(desk.capabilities, fresh)
    return None if known else desk._replace(capabilities=fresh)
