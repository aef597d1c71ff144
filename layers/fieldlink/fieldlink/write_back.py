"""Rule: apply one fact to its anchor and to Salesforce, exactly once whoever dies when.

What Salesforce holds is looked at, and the writes are planned. Then come the effects in this
order, each of which may be the last one that this worker lives to see:

1. the intent goes onto the anchor, so that everybody knows that writes have begun, and which;
2. Salesforce is written, all or nothing, in one call;
3. the ledger row is put, keyed by the delivery, so that putting it twice is harmless;
4. the anchor takes the fact in and loses the intent.

Whoever finds an intent that its owner can't be working on any more looks in Salesforce for its
rows before writing them. So stopping between any two steps repeats only what does no harm.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink import writes
from fieldlink.errors import Refused, Unavailable
from fieldlink.models import Delivered, Fact, Kind, LedgerRow, Outcome, View, Writes, Written
from fieldlink.records import Connection, Day, Intent, Resource, Visit

if TYPE_CHECKING:
    from fieldlink.ports import HyperTrack, Ledger, Outbox, Salesforce, State

# UpdateSalesforce is stopped after 60 s, so whoever began longer ago is gone.
ABANDONED = timedelta(seconds=90)
# An anchor item may hold 400 KB; a fact takes up to about 1 KB with a long note.
MOST_FACTS = 300


class Desk(NamedTuple):
    """What a worker has at hand for one connection."""

    connection: Connection
    state: State
    salesforce: Salesforce
    hypertrack: HyperTrack
    ledger: Ledger
    changes: Outbox
    now: datetime


def to_appointment(delivered: Delivered, desk: Desk) -> Outcome:
    """Apply a fact about an appointment."""
    fact = delivered.fact
    visit = desk.state.read(Visit, desk.connection.connection, fact.appointment) or Visit(
        connection=desk.connection.connection, appointment=fact.appointment
    )
    others = visit.intent and visit.intent.delivered.delivery != delivered.delivery
    if visit.intent and others and fact.key not in visit.facts:
        visit = _settle_abandoned(visit, visit.intent, desk)
    if fact.key in visit.facts:
        return _known(visit.facts[fact.key], delivered, desk)
    if len(visit.facts) >= MOST_FACTS:
        raise Refused(f"more than {MOST_FACTS} facts about one appointment")
    return _apply(visit, delivered, desk)


def to_day(delivered: Delivered, desk: Desk) -> Outcome:
    """Keep a fact about a resource's day, of which Salesforce is told nothing."""
    fact, name = delivered.fact, desk.connection.connection
    resource = desk.state.read(Resource, name, fact.resource)
    local = fact.at.astimezone(writes.zone(resource.time_zone if resource else "UTC")).date()
    day = desk.state.read(Day, name, fact.resource, local.isoformat()) or Day(
        connection=name, resource=fact.resource, on=local
    )
    if fact.key in day.facts:
        return _known(day.facts[fact.key], delivered, desk)
    desk.ledger.put(row(delivered, Outcome.APPLIED, desk))
    _must(
        desk.state.write(day.model_copy(update={"facts": {**day.facts, fact.key: delivered}}))
    )
    return Outcome.APPLIED


def release(delivery: str, appointment: str, desk: Desk) -> None:
    """Take the intent of a refused delivery off its anchor, so that others can go on."""
    visit = desk.state.read(Visit, desk.connection.connection, appointment)
    if visit and visit.intent and visit.intent.delivered.delivery == delivery:
        _must(desk.state.write(visit.model_copy(update={"intent": None})))


def row(delivered: Delivered, outcome: Outcome, desk: Desk, **more: object) -> LedgerRow:
    """The ledger's row for a delivery of a fact."""
    fact = delivered.fact
    return LedgerRow.model_validate(
        {
            "connection": desk.connection.connection,
            "received_at": delivered.received_at,
            "delivery": delivered.delivery,
            "outcome": outcome,
            **fact.model_dump(
                include={"key", "kind", "at", "device", "resource", "appointment"}
            ),
            **more,
        }
    )


def _apply(visit: Visit, delivered: Delivered, desk: Desk) -> Outcome:
    fact = delivered.fact
    view = desk.salesforce.view(fact.appointment, fact.resource, fact.at)
    if too_early(fact, view, desk.connection):
        return _leave_out(visit, delivered, desk)
    begun = visit.intent
    ours = writes.finished(visit.ours, begun, view) if begun else visit.ours
    ours = writes.noticed(ours, view)
    known = [each.fact for each in visit.facts.values()]
    planned = writes.plan(fact, known, view, ours)
    meant = writes.remember(ours, planned, "")
    intent = Intent(delivered=delivered, since=desk.now, meant=meant, seen=view.changed_at)
    claimed = visit.model_copy(update={"ours": ours, "intent": intent})
    _must(desk.state.write(claimed))
    claimed = claimed.model_copy(update={"version": visit.version + 1})
    made = _carry_out(planned, desk, look=begun is not None)
    outcome = Outcome.SUPERSEDED if planned.empty else Outcome.APPLIED
    wrote = {**planned.model_dump(mode="json", exclude_defaults=True), **made.model_dump()}
    desk.ledger.put(
        row(delivered, outcome, desk, wrote=wrote, reason="; ".join(planned.left_out))
    )
    _settle(claimed, delivered, planned, made, desk)
    return outcome


def _carry_out(planned: Writes, desk: Desk, *, look: bool) -> Written:
    """Write what is planned, but for the rows that an earlier try has made."""
    if planned.empty:
        return Written()
    found = desk.salesforce.find(planned) if look else Written()
    rest = planned.model_copy(
        update={
            **({"event": None} if found.event else {}),
            **({"entry": None} if found.entry else {}),
        }
    )
    made = Written() if rest.empty else desk.salesforce.write(rest)
    return Written(
        event=found.event or made.event,
        entry=found.entry or made.entry,
        sheet=found.sheet or made.sheet,
    )


def _settle(
    claimed: Visit, delivered: Delivered, planned: Writes, made: Written, desk: Desk
) -> None:
    settled = claimed.model_copy(
        update={
            "facts": {**claimed.facts, delivered.fact.key: delivered.without_words},
            "ours": writes.remember(claimed.ours, planned, made.entry),
            "intent": None,
        }
    )
    _must(desk.state.write(settled))


def _settle_abandoned(visit: Visit, intent: Intent, desk: Desk) -> Visit:
    """Finish what another worker began, if it can't be at it any more."""
    if desk.now - intent.since < ABANDONED:
        raise Unavailable("another worker is writing to this appointment")
    try:
        _apply(visit, intent.delivered, desk)
    except Refused:
        # Nothing of it was written. Its own message comes back to its own worker and is parked
        # there; until then it must not hold up the others.
        release(intent.delivered.delivery, visit.appointment, desk)
    return desk.state.read(Visit, visit.connection, visit.appointment) or visit


def _leave_out(visit: Visit, delivered: Delivered, desk: Desk) -> Outcome:
    reason = f"more than {desk.connection.early_hours} h before the scheduled start"
    desk.ledger.put(row(delivered, Outcome.IGNORED, desk, reason=reason))
    if visit.intent:
        _must(desk.state.write(visit.model_copy(update={"intent": None})))
    return Outcome.IGNORED


def too_early(fact: Fact, view: View, connection: Connection) -> bool:
    """Whether a resource only drove past the place of an appointment of another day."""
    if view.starts_at is None or fact.kind not in {Kind.ARRIVED, Kind.LEFT}:
        return False
    return view.starts_at - fact.at > timedelta(hours=connection.early_hours)


def _known(first: Delivered, delivered: Delivered, desk: Desk) -> Outcome:
    """The queue brought the very same message again, or HyperTrack told the fact again."""
    if (first.delivery, first.received_at) != (delivered.delivery, delivered.received_at):
        desk.ledger.put(row(delivered, Outcome.DUPLICATE, desk))
    return Outcome.DUPLICATE


def _must(written: bool) -> None:
    if not written:
        raise Unavailable("another worker changed the same record")
