"""Rule: whose a fact is that a device tells of itself."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from fieldlink.errors import Refused, Unavailable
from fieldlink.models import Outcome
from fieldlink.people import devices
from fieldlink.records import Device
from fieldlink.writing.desk import row

if TYPE_CHECKING:
    from fieldlink.models import Delivered, Fact
    from fieldlink.writing.desk import Desk

NOBODYS = "device of no resource of ours"


def placed(delivered: Delivered, desk: Desk) -> Delivered:
    """The fact with its resource: as we know the device, else as HyperTrack names the worker.

    Any sign of life of an unknown device may stand for a registration that we missed. It holds
    nobody up: the next sign is as good.
    """
    fact = delivered.fact
    owner = _owner(fact.device, desk) or fact.resource
    if not owner and fact.device:
        with suppress(Unavailable, Refused):
            devices.meet(desk.connection.connection, fact.device, desk)
        owner = _owner(fact.device, desk)
    at = min(fact.at, delivered.received_at)  # a phone's clock may be ahead
    return with_fact(delivered, resource=owner, at=at)


def with_fact(delivered: Delivered, **update: object) -> Delivered:
    """The delivery of a fact of which more is known."""
    fact: Fact = delivered.fact.model_copy(update=update)
    return delivered.model_copy(update={"fact": fact})


def ignore(delivered: Delivered, desk: Desk, reason: str = NOBODYS) -> Outcome:
    """Note in the ledger why a fact changes nothing."""
    desk.ledger.put(row(delivered, Outcome.IGNORED, desk, reason=reason))
    return Outcome.IGNORED


def _owner(device: str, desk: Desk) -> str:
    known = desk.state.read(Device, desk.connection.connection, device) if device else None
    return known.resource if known else ""
