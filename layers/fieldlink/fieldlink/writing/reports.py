"""Rule: what to do with one event that HyperTrack reported."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.errors import NOT_ASSIGNED, Refused, Unavailable
from fieldlink.hearing import facts
from fieldlink.hearing.envelope import Ignored
from fieldlink.models import Delivered, Fact, Kind, LedgerRow, Outcome, Report
from fieldlink.people import devices
from fieldlink.records import Heard, WebhookTested
from fieldlink.trouble import batteries, clocks, one_row, outages
from fieldlink.writing import days, placing, positions, releasing, replanning
from fieldlink.writing.desk import row
from fieldlink.writing.write_back import OF_THE_DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.writing.desk import Desk

# Not worth a person's look when they come too late: the work has moved on, and they with it.
PASSING = {
    Kind.EXPECTED,
    Kind.DELAYED,
    Kind.LINK_OFFERED,
    Kind.LINK_WITHDRAWN,
    Kind.EXIT_CONFIRMED,
    Kind.CLOSED,
}
# Told by ourselves, not by HyperTrack.
OURS = {Kind.LINK_OFFERED, Kind.LINK_WITHDRAWN, Kind.EXIT_CONFIRMED, Kind.CLOSED}
OF_A_ROW = {"key", "kind", "at", "device", "resource", "appointment"}
# How finely it is noted that HyperTrack talks: often enough to notice hours of silence.
HEARD = timedelta(minutes=10)


def take(report: Report, desk: Desk) -> Outcome:
    """Carry one event to its outcome. Raises Refused if it must be parked."""
    if not desk.connection.live:
        return _ignore(report, desk, Ignored(reason="not connected to Salesforce", kind=""))
    fact = facts.read(report, placing.remembered(desk))
    _note_heard(report, fact, desk)
    if isinstance(fact, Ignored):
        return _ignore(report, desk, fact)
    return TAKERS.get(fact.kind, _of_work)(_delivered(report, fact), desk)


def park(report: Report, desk: Desk, cause: str) -> None:
    """Note in the ledger that an event is parked; others go on with its appointment.

    It is told whose it is and where as far as that is known here, and can be read: who is asked
    may be down.
    """
    try:
        fact = facts.read(report, placing.remembered(desk))
    except Refused:
        fact = Ignored(reason="", kind="")
    if isinstance(fact, Fact):
        with suppress(Refused):
            fact = placing.known(fact, desk)
    told = _row(report, desk, Outcome.PARKED, fact, reason=cause)
    of_several = isinstance(fact, Fact) and fact.kind is Kind.OUTAGE_BEGAN
    desk.ledger.put(one_row.parked(told, desk.ledger) if of_several else told)
    with suppress(Refused):  # what can't be read nobody is at
        _release(report, fact, desk)


def _release(report: Report, fact: Fact | Ignored, desk: Desk) -> None:
    if isinstance(fact, Fact) and fact.kind in OF_THE_DAY:
        if fact.resource:
            releasing.release_day(report.id, fact.resource, days.on(fact, desk), desk)
    elif isinstance(fact, Fact):
        releasing.release(report.id, fact.appointment, desk)


def _delivered(report: Report, fact: Fact) -> Delivered:
    return Delivered(
        fact=fact,
        delivery=report.id,
        received_at=report.received_at,
        recovered=report.recovered,
    )


def _of_work(delivered: Delivered, desk: Desk) -> Outcome:
    placed = placing.placed(delivered, desk)
    if not placed.fact.resource:
        return _left_out(placed, desk, "device of no resource of ours")
    doubted = clocks.doubted(placed.fact, desk)
    placed = placed.model_copy(update={"fact": doubted})
    if doubted.kind in OF_THE_DAY:
        return replanning.to_day(placed, desk)
    if not doubted.appointment:
        return _left_out(placed, desk, "geofence that is not ours")
    try:
        return replanning.to_appointment(placing.travelled(placed, desk), desk)
    except Refused as refusal:
        if doubted.kind not in PASSING or refusal.code != NOT_ASSIGNED:
            raise
    releasing.release(delivered.delivery, doubted.appointment, desk)
    return _left_out(placed, desk, "the resource is not assigned any more")


def _left_out(delivered: Delivered, desk: Desk, reason: str) -> Outcome:
    desk.ledger.put(row(delivered, Outcome.IGNORED, desk, reason=reason))
    return Outcome.IGNORED


def _tracking_began(delivered: Delivered, desk: Desk) -> Outcome:
    fact = delivered.fact
    if not fact.device:
        return _left_out(delivered, desk, "it does not say on which device")
    devices.told_alive(fact.device, fact.at, desk)
    desk.ledger.put(row(delivered, Outcome.APPLIED, desk))
    return Outcome.APPLIED


def _tested(delivered: Delivered, desk: Desk) -> Outcome:
    name = desk.connection.connection
    desk.state.write_all([WebhookTested(connection=name, at=delivered.received_at)])
    desk.ledger.put(row(delivered, Outcome.APPLIED, desk))
    return Outcome.APPLIED


TAKERS: dict[Kind, Callable[[Delivered, Desk], Outcome]] = {
    Kind.WEBHOOK_TESTED: _tested,
    Kind.DEVICE_SEEN: devices.seen,
    Kind.DEVICE_RELEASED: devices.released,
    Kind.TRACKING_BEGAN: _tracking_began,
    Kind.OUTAGE_BEGAN: outages.take,
    Kind.OUTAGE_ENDED: outages.take,
    Kind.BATTERY_LOW: batteries.take,
    Kind.BATTERY_WELL: batteries.take,
    Kind.CLOCK_CHANGED: clocks.take,
    Kind.POSITION: positions.take,
}


def _note_heard(report: Report, told: Fact | Ignored, desk: Desk) -> None:
    """That HyperTrack talks to us; what we fetched ourselves does not show that."""
    if report.recovered or (isinstance(told, Fact) and told.kind in OURS):
        return
    name, at = desk.connection.connection, report.received_at
    known = {} if desk.heard is None else desk.heard
    if name in known and at - known[name] < HEARD:
        return
    with suppress(Unavailable, Refused):  # the next event shows it as well
        heard = desk.state.read(Heard, name)
        if heard and at - heard.at < HEARD:
            known[name] = heard.at
        elif desk.state.write(
            (heard or Heard(connection=name, at=at)).model_copy(update={"at": at})
        ):
            known[name] = at


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
    more = told.model_dump(include=OF_A_ROW)
    return LedgerRow.model_validate(
        {
            **more,
            "connection": desk.connection.connection,
            "received_at": report.received_at,
            "delivery": report.id,
            "outcome": outcome,
            "recovered": report.recovered,
            "decided_at": desk.now,
            "reason": reason,
        }
    )
