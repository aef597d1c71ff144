"""Rule: when a resource can't be tracked, and who is told.

Whether somebody can be tracked follows from the set of signs that their phone gave. An outage
is told once for each appointment: that is claimed on the outage before it is done, so that of
several facts about one outage only one is told.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.models import Kind, Outcome
from fieldlink.people import devices
from fieldlink.records import Notice, Outage, Worker
from fieldlink.trouble import duty, notifying, series
from fieldlink.writing.belonging import NOBODYS, ignore, placed
from fieldlink.writing.desk import row

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from fieldlink.models import Delivered, Fact
    from fieldlink.trouble.series import Spell
    from fieldlink.writing.desk import Desk

# Tracking that comes and goes, as in a cellar, is one outage to a dispatcher.
BREATH = timedelta(minutes=15)
STOPPED = "tracking_stopped"  # how tracking ends on any day
NOT_IN_USE = "of a phone that is not in use"
NO_WORK = "tracking ended: no work is on"
OVER = "it had ended when this was told"


def take(delivered: Delivered, desk: Desk) -> Outcome:
    """Note that an outage began or ended, and tell whoever should know."""
    _tell_registry(delivered.fact, desk)
    told = placed(delivered, desk)
    fact, name = told.fact, desk.connection.connection
    if not fact.resource:
        return ignore(told, desk, NOBODYS)
    worker = desk.state.read(Worker, name, fact.resource)
    device = worker.device if worker else ""
    if fact.device and device and fact.device != device:
        return ignore(told, desk, NOT_IN_USE)
    outage = _outage(fact, desk)
    before = series.told(outage.signs, fact.key)
    ended = fact.kind is Kind.OUTAGE_ENDED
    if before and (ended or not series.same_delivery(before, told)):
        return series.known_before(before, told, desk)
    if not ended:
        return _began(outage, told, desk, again=before is not None)
    return _noted(outage, _with(outage, told), told, desk)


def _tell_registry(fact: Fact, desk: Desk) -> None:
    if fact.device and fact.kind is Kind.OUTAGE_ENDED:
        devices.told_alive(fact.device, fact.at, desk)
    elif fact.device:
        devices.told_gone(fact.device, fact.reason, fact.at, desk)


def _outage(fact: Fact, desk: Desk) -> Outage:
    """What is known of a resource; the signs of a phone that it had before count no more."""
    name = desk.connection.connection
    known = desk.state.read(Outage, name, fact.resource)
    version = known.version if known else 0
    if known and (not fact.device or known.device in {"", fact.device}):
        return known.model_copy(update={"device": known.device or fact.device})
    return Outage(connection=name, resource=fact.resource, device=fact.device, version=version)


def _began(outage: Outage, delivered: Delivered, desk: Desk, *, again: bool) -> Outcome:
    fact = delivered.fact
    stopped = fact.reason == STOPPED
    work = duty.work_on(fact.resource, fact.at, desk, left=not stopped)
    if stopped and not again:
        off = duty.off_duty(fact.resource, fact.at, desk) or ("" if work else NO_WORK)
        if off:
            return ignore(delivered, desk, off)
    after = _with(outage, delivered)
    begun, claims = _claims(after, work, fact)
    if (begun or claims) and desk.connection.outage_notice != "none":
        claimed = notifying.keep(after, desk, told={**_heard(after), **claims})
        return notifying.notify(claimed, begun, [*claims], delivered, desk)
    if again:
        return Outcome.DUPLICATE
    return _noted(outage, after, delivered, desk)


def _noted(before: Outage, after: Outage, delivered: Delivered, desk: Desk) -> Outcome:
    """The ledger comes first: whoever dies in between does the same again."""
    outcome = Outcome.APPLIED if before.open is not after.open else Outcome.SUPERSEDED
    late = delivered.fact.kind is Kind.OUTAGE_BEGAN and not after.open
    desk.ledger.put(row(delivered, outcome, desk, reason=OVER if late else ""))
    if after != before:
        notifying.keep(after, desk)
    return outcome


def _with(outage: Outage, delivered: Delivered) -> Outage:
    """The outage as it is known once its phone has told this, too."""
    sign = series.sign(delivered, ill=delivered.fact.kind is Kind.OUTAGE_BEGAN)
    signs = series.added(outage.signs, sign)
    spells = series.spells(signs)
    known = outage.model_copy(update={"signs": signs})
    return known.model_copy(update=_shown(spells[-1])) if spells else known


def _shown(spell: Spell) -> dict[str, object]:
    """When it began, what it was, and when it ended; signs may come without a reason."""
    reason = next((each.word for each in spell.signs if each.word), "")
    return {"since": spell.since, "ended_at": spell.over, "reason": reason}


def _claims(
    outage: Outage, work: Iterable[str], fact: Fact
) -> tuple[list[str], dict[str, Notice]]:
    """The appointments that this fact has begun to be told to, and those that it has to be."""
    begun = [
        name for name, each in outage.told.items() if each.fact == fact.key and not each.settled
    ]
    spells = series.spells(outage.signs)
    if not outage.open or not series.told(spells[-1].signs, fact.key):
        return begun, {}
    heard = _heard(outage)
    notice = Notice(fact=fact.key, at=fact.at)
    return begun, {name: notice for name in work if name not in heard}


def _heard(outage: Outage) -> dict[str, Notice]:
    """Who has been told of this outage, or has still to be told of another one."""
    start = _start(series.spells(outage.signs))
    return {
        name: each for name, each in outage.told.items() if each.at >= start or not each.settled
    }


def _start(spells: list[Spell]) -> datetime:
    """When the last outage began, of which pauses to take breath are a part."""
    start = spells[-1].since
    for each in reversed(spells[:-1]):
        if each.over is None or start - each.over > BREATH:
            break
        start = each.since
    return start
