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

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.errors import Refused, Unavailable, Unclear, must
from fieldlink.models import Delivered, Outcome, View, Writes, Written
from fieldlink.records import Intent, Ours, Visit
from fieldlink.writing import knowing, time_sheets, writes
from fieldlink.writing.desk import row, seen
from fieldlink.writing.visits import same

if TYPE_CHECKING:
    from fieldlink.writing.desk import Desk

# A worker is stopped after one minute, and Salesforce ends a request after ten at most. What
# was begun longer ago than both is either done or will never be.
ABANDONED = timedelta(minutes=11)
# An anchor item may hold 400 KB; a fact takes up to 0.9 KB, as its note is not kept: 270 KB.
MOST_FACTS = 300


def to_appointment(delivered: Delivered, desk: Desk) -> Outcome:
    """Apply a fact about an appointment."""
    name, appointment = desk.connection.connection, delivered.fact.appointment
    kept = desk.state.read(Visit, name, appointment)
    visit = kept or Visit(connection=name, appointment=appointment)
    delivered = knowing.as_doubtful(delivered, visit)
    if visit.intent and not knowing.settled(delivered.fact, visit):
        visit = _take_over(visit, visit.intent, delivered, desk)
    outcome = knowing.outcome(delivered, visit, desk)
    if outcome:
        return outcome
    if len(visit.facts) >= MOST_FACTS:
        raise Refused(f"more than {MOST_FACTS} facts about one appointment")
    return _apply(visit, delivered, desk)


def release(delivery: str, appointment: str, desk: Desk) -> None:
    """Let others go on with the appointment of a delivery that is parked.

    Whether its last try was carried out may not be known. So the intent is kept aside, and is
    looked for when the delivery comes again.
    """
    visit = desk.state.read(Visit, desk.connection.connection, appointment)
    if visit and visit.intent and visit.intent.delivered.delivery == delivery:
        key = visit.intent.delivered.fact.key
        doubtful = {**visit.doubtful, key: visit.intent}
        must(desk.state.write(visit.model_copy(update={"intent": None, "doubtful": doubtful})))


def _apply(visit: Visit, delivered: Delivered, desk: Desk) -> Outcome:
    fact = delivered.fact
    view = seen(fact, visit.ours, desk)
    if writes.too_early(fact, view, desk.connection):
        return _leave_out(visit, delivered, desk)
    begun = visit.intent or visit.doubtful.get(fact.key)
    ours = visit.ours
    for intent in (*visit.doubtful.values(), *((visit.intent,) if visit.intent else ())):
        ours = writes.finished(ours, intent, view)
    ours = writes.noticed(ours, view)
    known = [each.fact for each in visit.facts.values()]
    planned = writes.plan(fact, known, view, ours, desk.lacking)
    if any(same(each, fact) for each in known):  # it tells more this time, but has its row
        planned = planned.model_copy(update={"event": None})
    sought = time_sheets.sought(planned, begun, ours)
    claimed = _claim(visit, ours, sought, view, delivered, desk)
    try:
        made = _carry_out(planned, claimed, desk, sought if begun else None)
        outcome = _tell(delivered, planned, begun, made, desk)
        _settle(claimed, delivered, sought if made.entry else planned, made, desk)
    except Unclear:
        # Salesforce may still be at it, so nobody looks for the rows before the lease is over.
        raise
    except Unavailable:
        _hand_back(claimed, desk)
        raise
    return outcome


def _claim(
    visit: Visit, ours: Ours, planned: Writes, view: View, delivered: Delivered, desk: Desk
) -> Visit:
    """Put the intent onto the anchor, if nobody else has changed that since it was read."""
    intent = Intent(
        delivered=delivered,
        since=desk.now,
        planned=planned,
        meant=writes.remember(ours, planned, ""),
        seen=view.changed_at,
    )
    claimed = visit.model_copy(update={"ours": ours, "intent": intent})
    must(desk.state.write(claimed))
    return claimed.model_copy(update={"version": visit.version + 1})


def _tell(
    delivered: Delivered, planned: Writes, begun: Intent | None, made: Written, desk: Desk
) -> Outcome:
    """The ledger says what this try wrote, and what an earlier one did."""
    before = begun.planned if begun else None
    wrote: dict[str, object] = {}
    for each in (before, planned):
        wrote |= each.without_words if each else {}
    nothing = planned.empty and (before is None or before.empty)
    outcome = Outcome.SUPERSEDED if nothing else Outcome.APPLIED
    reason = "; ".join(planned.left_out)
    wrote |= made.model_dump(exclude_defaults=True)
    desk.ledger.put(row(delivered, outcome, desk, wrote=wrote, reason=reason))
    return outcome


def _carry_out(planned: Writes, claimed: Visit, desk: Desk, sought: Writes | None) -> Written:
    """Write what is planned, but for the rows that an earlier try has made."""
    found = desk.salesforce.find(sought) if sought and not sought.empty else Written()
    rest = planned.model_copy(
        update={
            **({"event": None} if found.event else {}),
            **({"entry": None} if found.entry else {}),
            **({"task": None} if found.task else {}),
        }
    )
    try:
        made = Written() if rest.empty else desk.salesforce.write(rest)
    except Refused:
        if not sought:  # a no to the first and only try: nothing of it is in doubt
            must(desk.state.write(claimed.model_copy(update={"intent": None})))
        raise
    return Written(
        event=found.event or made.event,
        entry=found.entry or made.entry,
        sheet=found.sheet or made.sheet,
        task=found.task or made.task,
    )


def _hand_back(claimed: Visit, desk: Desk) -> None:
    """After a failure that is certain whoever comes next may look at once."""
    if claimed.intent:
        over = claimed.intent.model_copy(update={"since": claimed.intent.since - ABANDONED})
        must(desk.state.write(claimed.model_copy(update={"intent": over})))


def _settle(
    claimed: Visit, delivered: Delivered, planned: Writes, made: Written, desk: Desk
) -> None:
    settled = claimed.model_copy(
        update={
            "facts": {**claimed.facts, delivered.fact.key: delivered.without_words},
            "ours": writes.remember(claimed.ours, planned, made.entry),
            "intent": None,
            "doubtful": {
                key: each for key, each in claimed.doubtful.items() if key != delivered.fact.key
            },
        }
    )
    must(desk.state.write(settled))


def _take_over(visit: Visit, intent: Intent, delivered: Delivered, desk: Desk) -> Visit:
    """Finish what another worker began, if it can't be at it any more.

    It may have begun with this very message: then that is applied as any other, but looked for.
    """
    if desk.now - intent.since < ABANDONED:
        raise Unavailable("another worker is writing to this appointment")
    if intent.delivered.delivery == delivered.delivery:
        return visit
    try:
        _apply(visit, intent.delivered, desk)
    except Refused:
        # Its own message comes back to its own worker and is parked there; until then it must
        # not hold up the others.
        release(intent.delivered.delivery, visit.appointment, desk)
    return desk.state.read(Visit, visit.connection, visit.appointment) or visit


def _leave_out(visit: Visit, delivered: Delivered, desk: Desk) -> Outcome:
    reason = f"more than {desk.connection.early_hours} h before the scheduled start"
    desk.ledger.put(row(delivered, Outcome.IGNORED, desk, reason=reason))
    if visit.intent:
        must(desk.state.write(visit.model_copy(update={"intent": None})))
    return Outcome.IGNORED
