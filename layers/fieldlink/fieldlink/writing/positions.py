"""Rule: where a resource was last, for the dispatcher's map.

What is not shown at once is of no use later: a position is never held, parked or tried again.
Where somebody is goes into the call to Salesforce and nowhere else, no refusal's words either.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.errors import Refused, Unavailable
from fieldlink.ids import salesforce_id
from fieldlink.models import Ability, Kind, Outcome
from fieldlink.records import Device, OnShift, Position
from fieldlink.trouble import duty
from fieldlink.writing.belonging import NOBODYS, ignore, with_fact
from fieldlink.writing.desk import row

if TYPE_CHECKING:
    from fieldlink.models import Delivered, Place
    from fieldlink.writing.desk import Desk

EVERY = timedelta(minutes=1)  # for each resource, by the phone's time and by ours
OLD = timedelta(minutes=10)  # after that a position is no news
AHEAD = timedelta(minutes=1)  # of a phone's clock before ours; a later one would stand for good
FORGET = timedelta(days=1)
RESOURCE = "0Hn"
OF_NO_USE = "a position is of no use later"


def take(delivered: Delivered, desk: Desk) -> Outcome:
    """Show a position in Salesforce, unless a later one is shown or nobody is on shift."""
    placed = with_fact(delivered, resource=_resource(delivered, desk))
    why_not = _unwanted(placed, desk)
    if why_not:
        return ignore(placed, desk, why_not)
    known = desk.state.read(Position, desk.connection.connection, placed.fact.resource)
    if known and known.fact == placed.fact.key:
        return _once_more(known, placed, desk)
    why_not = _too_soon(known, placed, desk) or _off_shift(placed, desk)
    if why_not:
        return ignore(placed, desk, why_not)
    if not desk.state.write(_position(known, placed, desk)):
        return ignore(placed, desk, "another position was shown at the same moment")
    return _show(placed, desk)


def _resource(delivered: Delivered, desk: Desk) -> str:
    """As we know the device, else the worker that HyperTrack names; nobody is asked."""
    fact = delivered.fact
    known = desk.state.read(Device, desk.connection.connection, fact.device)
    return (
        known.resource if known and known.resource else salesforce_id(fact.resource, RESOURCE)
    )


def _unwanted(placed: Delivered, desk: Desk) -> str:
    """Why a position is not looked at, or ""."""
    fact, age = placed.fact, desk.now - placed.fact.at
    for true, why in (
        (not desk.connection.live_positions, "live positions are not wanted"),
        (not fact.resource, NOBODYS),
        (Ability.POSITIONS in desk.lacking, desk.lacking.get(Ability.POSITIONS, "")),
        (not _on_earth(fact.place), "it says no place on earth"),
        (fact.doubtful or age < -AHEAD, "the phone's clock is wrong"),
        (age > OLD, f"it is more than {OLD.seconds // 60} minutes old: {OF_NO_USE}"),
    ):
        if true:
            return why
    return ""


def _on_earth(place: Place | None) -> bool:
    return place is not None and abs(place.latitude) <= 90 and abs(place.longitude) <= 180


def _once_more(known: Position, placed: Delivered, desk: Desk) -> Outcome:
    """The queue brings the very message again: whether it was shown is not known, so it is."""
    if known.received_at == placed.received_at:
        return _show(placed, desk)
    desk.ledger.put(row(placed, Outcome.DUPLICATE, desk))
    return Outcome.DUPLICATE


def _too_soon(known: Position | None, placed: Delivered, desk: Desk) -> str:
    if known is None:
        return ""
    if placed.fact.at <= known.at:
        return "a later position is shown"
    if placed.fact.at - known.at < EVERY or desk.now - known.shown_at < EVERY:
        return "one was shown less than a minute ago"
    return ""


def _off_shift(placed: Delivered, desk: Desk) -> str:
    """Nothing is kept of who is off: neither clocked in, nor on a Shift, nor at work."""
    resource, at = placed.fact.resource, placed.fact.at
    button = duty.last_button(resource, at, desk)
    if button is None:
        on = _by_shifts(resource, desk) or bool(duty.work_on(resource, at, desk, left=False))
    else:
        on = button is Kind.CLOCKED_IN
    return "" if on else "the resource is off shift"


def _by_shifts(resource: str, desk: Desk) -> bool:
    shift = desk.state.read(OnShift, desk.connection.connection, resource)
    return shift is not None and shift.tracking


def _position(known: Position | None, placed: Delivered, desk: Desk) -> Position:
    """Written before the call, so that an older place never follows a newer one."""
    return Position(
        connection=desk.connection.connection,
        version=known.version if known else 0,
        ttl=int((desk.now + FORGET).timestamp()),
        resource=placed.fact.resource,
        at=placed.fact.at,
        shown_at=desk.now,
        fact=placed.fact.key,
        received_at=placed.received_at,
    )


def _show(placed: Delivered, desk: Desk) -> Outcome:
    fact = placed.fact
    if fact.place is None:
        return ignore(placed, desk, OF_NO_USE)
    salesforce = desk.low() if desk.low else desk.salesforce
    try:
        salesforce.locate(fact.resource, fact.place, fact.at)
    except (Refused, Unavailable) as error:
        # Its words may say where somebody is.
        code = error.code if isinstance(error, Refused) else ""
        told = code or type(error).__name__
        return ignore(placed, desk, f"Salesforce did not take it ({told}): {OF_NO_USE}")
    desk.ledger.put(row(placed, Outcome.APPLIED, desk))
    return Outcome.APPLIED
