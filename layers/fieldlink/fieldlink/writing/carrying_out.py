"""Rule: what is planned is written once, whoever dies when.

The effects come in this order, and each may be the last one that this worker lives to see:

1. the intent goes onto the appointment, then onto each day that is written, so that everybody
   knows that writes have begun, and which; a sheet to be made, which days share, is claimed;
2. Salesforce is written, all or nothing, in one call;
3. the ledger row is put, keyed by the delivery, so that putting it twice is harmless;
4. the days take in what is new and lose the intent, then the appointment does.

Whoever finds an intent that its owner can't be working on any more looks in Salesforce for its
rows before writing them. So stopping between any two steps repeats only what does no harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.models import Writes, Written
from fieldlink.records import Anchor, Intent, OursOfDay
from fieldlink.writing import confirming, intents, noting, refusing, standing, writes
from fieldlink.writing.claiming import Claims
from fieldlink.writing.visits import same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fieldlink.models import Fact, LedgerRow, Outcome
    from fieldlink.writing.days import OfDay
    from fieldlink.writing.desk import Desk
    from fieldlink.writing.jobs import Job


def carry_out(job: Job, desk: Desk, repeated: Sequence[LedgerRow] = ()) -> Outcome:
    """Write it, and say so. Raises Refused if Salesforce will have none of it.

    `repeated`: of other deliveries of what is known once this is done.
    """
    claims = _claimed(job, desk)
    written, made = _write(job, claims, desk)
    try:
        rows = noting.ledger_rows(job, written, made, desk)
        desk.ledger.put_all([*rows, *repeated])
        if job.visit:
            known = [each.fact for each in job.visit.told.facts.values()]
            for each in job.told:
                confirming.note(each, known, desk)
        _settle(job, written, made, claims)
    except Unavailable:
        claims.hand_back()
        raise
    return rows[0].outcome


def _claimed(job: Job, desk: Desk) -> Claims:
    claims = Claims(desk.state)
    # A day may take in what its appointment does not live to: so that is claimed for it, too.
    if job.writes.empty and not (job.visit and job.days):
        return claims
    intent = _intent(job, desk)
    try:
        if job.visit:
            known = job.visit.known
            meant = writes.remember(known.ours, job.writes)
            claims.take(known, intent.model_copy(update={"meant": meant}))
        for each in job.days:
            if not each.writes.empty:
                claims.take(each.known, _of_day(intent, each, job))
        for sheet in sorted(job.writes.sheets, key=lambda each: each.key):
            claims.make(sheet, desk.connection.connection, intent)
    except Unavailable:
        claims.drop()
        raise
    return claims


def _intent(job: Job, desk: Desk) -> Intent:
    begun = job.begun
    days = {each.read.on for each in job.days}
    return Intent(
        delivered=job.delivered,
        since=desk.now,
        planned=intents.as_kept(intents.with_earlier(job.writes, begun)),
        seen=job.view.changed_at if job.view else None,
        before=noting.told_before(job, job.writes),
        days=tuple(sorted(days | {*(begun.days if begun else ())})),
        others=tuple(job.others),
    )


def _of_day(intent: Intent, of_day: OfDay, job: Job) -> Intent:
    """As a day keeps it, which is about itself and tells nobody's words."""
    if job.visit is None:
        return intent.model_copy(update={"meant_of_day": of_day.meant})
    update = {
        "delivered": job.delivered.without_words,
        "planned": intents.as_kept(of_day.writes).model_copy(update={"rule": ""}),
        "meant_of_day": of_day.meant,
        "before": {},
        "others": (),
    }
    return intent.model_copy(update=update)


def _write(job: Job, claims: Claims, desk: Desk) -> tuple[Writes, Written]:
    """Write what is planned, but for the rows that an earlier try has made."""
    rest, found = _rest(job), job.found
    if rest.empty:
        return job.writes, found
    try:
        written, made = refusing.write(rest, job, desk)
    except Unclear:
        # Salesforce may still be at it, so nobody looks for the rows before the lease is over.
        if standing.only_new(rest) and standing.safe(rest, desk):
            claims.hand_back()
        raise
    except (Unavailable, Refused):
        claims.drop()
        raise
    return written, Written(
        event=found.event or made.event,
        others={**made.others, **found.others},
        entries={**found.entries, **made.entries},
        sheets={**made.sheets, **found.sheets},
        task=found.task or made.task,
        request=made.request,
    )


def _rest(job: Job) -> Writes:
    found, planned = job.found, job.writes
    stand = job.view.entries if job.view else {}
    there = {key for key, each in found.entries.items() if each in stand}
    there &= standing.new(planned)
    return planned.model_copy(
        update={
            **({"event": None} if found.event else {}),
            **({"task": None} if found.task else {}),
            "others": tuple(each for each in planned.others if each.key not in found.others),
            "entries": tuple(each for each in planned.entries if each.key not in there),
        }
    )


def _settle(job: Job, written: Writes, made: Written, claims: Claims) -> None:
    facts = [each.fact for each in job.told]
    for each in job.days:
        ours = _with_ids(each, made)
        settled = _settled(each.told, facts, claims).model_copy(update={"ours": ours})
        if settled != each.read:
            claims.store(settled)
    if job.visit:
        visit = _settled(job.visit.told, facts, claims)
        remembered = {"ours": writes.remember(visit.ours, written)}
        claims.store(visit.model_copy(update=remembered))


def _settled[A: Anchor](told: A, facts: Sequence[Fact], claims: Claims) -> A:
    update = {
        "intent": None,
        "doubtful": {
            name: each
            for name, each in told.doubtful.items()
            if not any(name == fact.key or same(each.delivered.fact, fact) for fact in facts)
        },
        "version": claims.version(told),
    }
    return told.model_copy(update=update)


def _with_ids(of_day: OfDay, made: Written) -> OursOfDay:
    """As it was meant, with the ids of the rows that were made."""
    meant = of_day.meant.entries
    ids = {key: each.id or made.entries.get(key, "") for key, each in meant.items()}
    entries = {
        key: each.model_copy(update={"id": ids[key]}) for key, each in meant.items() if ids[key]
    }
    removed = dict.fromkeys([*of_day.known.ours.removed, *of_day.writes.removed])
    return of_day.meant.model_copy(update={"entries": entries, "removed": tuple(removed)})
