"""Rule: what to do with one event that HyperTrack reported."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from fieldlink import days, devices, facts, replanning, write_back
from fieldlink.desk import row
from fieldlink.errors import Refused, Unavailable
from fieldlink.facts import Ignored
from fieldlink.ids import salesforce_id
from fieldlink.models import (
    APPOINTMENT_KEY,
    RESOURCE_KEY,
    Delivered,
    Fact,
    Kind,
    LedgerRow,
    Outcome,
    Report,
)
from fieldlink.records import Device, Geofence, WebhookTested

if TYPE_CHECKING:
    from fieldlink.desk import Desk

# News of any device, in use or not; the others say that one was put into use.
UPDATE = "registration_update/"
OF_THE_DAY = {Kind.CLOCKED_IN, Kind.CLOCKED_OUT}


def take(report: Report, desk: Desk) -> Outcome:
    """Carry one event to its outcome. Raises Refused if it must be parked."""
    if not desk.connection.live:
        return _ignore(report, desk, Ignored(reason="not connected to Salesforce", kind=""))
    fact = facts.read(report)
    if isinstance(fact, Ignored):
        return _ignore(report, desk, fact)
    delivered = Delivered(fact=fact, delivery=report.id, received_at=report.received_at)
    if fact.kind is Kind.WEBHOOK_TESTED:
        return _tested(delivered, desk)
    if fact.kind is Kind.DEVICE_SEEN:
        return _device_seen(delivered, desk)
    return _of_work(delivered, desk)


def park(report: Report, desk: Desk, cause: str) -> None:
    """Note in the ledger that an event is parked; others go on with its appointment."""
    try:
        fact = facts.read(report)
    except Refused:
        fact = Ignored(reason="", kind="")
    desk.ledger.put(_row(report, desk, Outcome.PARKED, fact, reason=cause))
    if isinstance(fact, Fact):
        known = desk.state.read(Geofence, desk.connection.connection, fact.geofence)
        appointment = fact.appointment or (known.appointment if known else "")
        write_back.release(report.id, appointment, desk)


def _of_work(delivered: Delivered, desk: Desk) -> Outcome:
    placed = _placed(delivered, desk)
    fact = placed.fact
    if not fact.resource:
        desk.ledger.put(
            row(placed, Outcome.IGNORED, desk, reason="device of no resource of ours")
        )
        return Outcome.IGNORED
    if fact.kind in OF_THE_DAY:
        return days.to_day(placed, desk)
    if not fact.appointment:
        desk.ledger.put(row(placed, Outcome.IGNORED, desk, reason="geofence that is not ours"))
        return Outcome.IGNORED
    return replanning.to_appointment(placed, desk)


def _placed(delivered: Delivered, desk: Desk) -> Delivered:
    """The fact with whose it is and where, if only the device and the geofence were told."""
    fact, name = delivered.fact, desk.connection.connection
    if fact.appointment and fact.resource:
        return delivered
    more: dict[str, str] = {}
    if fact.geofence:
        more = _of_geofence(fact.geofence, desk)
    if not fact.resource and not more.get("resource"):
        device = desk.state.read(Device, name, fact.device)
        found = device.resource if device and device.resource else None
        more["resource"] = found or devices.owner(fact.device, desk.hypertrack)
    return delivered.model_copy(update={"fact": fact.model_copy(update=more)})


def _of_geofence(geofence: str, desk: Desk) -> dict[str, str]:
    known = desk.state.read(Geofence, desk.connection.connection, geofence)
    if known:
        return {"appointment": known.appointment, "resource": known.resource}
    metadata = desk.hypertrack.geofence_metadata(geofence)
    ids = {
        "appointment": salesforce_id(metadata.get(APPOINTMENT_KEY), "08p"),
        "resource": salesforce_id(metadata.get(RESOURCE_KEY), "0Hn"),
    }
    return {name: found for name, found in ids.items() if found}


def _device_seen(delivered: Delivered, desk: Desk) -> Outcome:
    fact = delivered.fact
    owner = fact.resource or devices.owner(fact.device, desk.hypertrack)
    bound = bool(owner) and devices.bind(
        desk.connection.connection,
        fact.device,
        owner,
        since=fact.at,
        takes_over=not fact.key.startswith(UPDATE),
        state=desk.state,
        changes=desk.changes,
        cause=f"{delivered.received_at.isoformat()} {delivered.delivery}",
    )
    outcome = Outcome.APPLIED if bound else Outcome.IGNORED
    reason = "" if bound else ("known device" if owner else "device of no resource of ours")
    placed = delivered.model_copy(update={"fact": fact.model_copy(update={"resource": owner})})
    desk.ledger.put(row(placed, outcome, desk, reason=reason))
    return outcome


def _tested(delivered: Delivered, desk: Desk) -> Outcome:
    name = desk.connection.connection
    desk.state.write_all([WebhookTested(connection=name, at=delivered.received_at)])
    desk.ledger.put(row(delivered, Outcome.APPLIED, desk))
    return Outcome.APPLIED


def _ignore(report: Report, desk: Desk, ignored: Ignored) -> Outcome:
    if desk.connection.live and ignored.device:
        # Any sign of life of an unknown device may stand for a registration that we missed. It
        # holds nobody up: the next sign is as good.
        with suppress(Unavailable, Refused):
            devices.meet(desk.connection.connection, ignored.device, desk)
    desk.ledger.put(_row(report, desk, Outcome.IGNORED, ignored, reason=ignored.reason))
    return Outcome.IGNORED


def _row(
    report: Report, desk: Desk, outcome: Outcome, told: Fact | Ignored, reason: str
) -> LedgerRow:
    more = told.model_dump(exclude={"reason", "note", "photos", "travel", "geofence"})
    return LedgerRow.model_validate(
        {
            **more,
            "connection": desk.connection.connection,
            "received_at": report.received_at,
            "delivery": report.id,
            "outcome": outcome,
            "reason": reason,
        }
    )
