"""Rule: tell the dispatchers of an outage, once for each appointment that has been claimed.

A Task can be looked for, so a fact that comes again finishes what it claimed. A mail can't:
what was claimed by an earlier try is left at that, and the ledger says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.errors import NOT_ASSIGNED, Refused, Unavailable, Unclear, must
from fieldlink.models import Outcome
from fieldlink.records import Appointment, Resource
from fieldlink.trouble import telling
from fieldlink.trouble.one_row import OneRow
from fieldlink.writing import releasing, replanning
from fieldlink.writing.belonging import with_fact
from fieldlink.writing.desk import row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fieldlink.models import Delivered
    from fieldlink.records import Outage
    from fieldlink.writing.desk import Desk

OTHERS_WORK = "the resource is not assigned any more"
PERHAPS_SENT = "the topic did not answer: dispatchers may or may not have been told"


def notify(
    outage: Outage, begun: list[str], claimed: list[str], delivered: Delivered, desk: Desk
) -> Outcome:
    """Tell it. `begun`: appointments that were claimed by an earlier try."""
    if desk.connection.outage_notice == "task":
        outcome = _tasks([*begun, *claimed], delivered, desk)
    else:
        outcome = _mails(outage, begun, claimed, delivered, desk)
    _settle(outage, {*begun, *claimed}, desk)
    return outcome


def keep(outage: Outage, desk: Desk, **update: object) -> Outage:
    """Store it as it is now, if nobody else has changed it."""
    kept = outage.model_copy(update=update)
    must(desk.state.write(kept))
    return kept.model_copy(update={"version": kept.version + 1})


def _settle(outage: Outage, done: Iterable[str], desk: Desk, left: Iterable[str] = ()) -> None:
    """Note that these have been told, and that others have not been."""
    told = {name: each for name, each in outage.told.items() if name not in {*left}}
    settled = {name: told[name].model_copy(update={"settled": True}) for name in done}
    keep(outage, desk, told={**told, **settled})


def _tasks(appointments: list[str], delivered: Delivered, desk: Desk) -> Outcome:
    """Each appointment's Task, which brings its own row in the ledger; several share one.

    One that is refused keeps none of the others from being made.
    """
    if len(appointments) > 1:
        desk = desk._replace(ledger=OneRow.of(desk.ledger, delivered.delivery))
    made: list[Outcome] = []
    refusal = None
    for each in appointments:
        try:
            made.append(_task(with_fact(delivered, appointment=each), desk))
        except Refused as error:
            refusal = error
    if refusal:
        raise refusal
    if len(made) == 1:
        return made[0]
    return Outcome.SUPERSEDED if {*made} == {Outcome.SUPERSEDED} else Outcome.APPLIED


def _task(delivered: Delivered, desk: Desk) -> Outcome:
    try:
        return replanning.to_appointment(delivered, desk)
    except Refused as refusal:
        releasing.release(delivered.delivery, delivered.fact.appointment, desk)
        if refusal.code != NOT_ASSIGNED:
            raise
    desk.ledger.put(row(delivered, Outcome.SUPERSEDED, desk, reason=OTHERS_WORK))
    return Outcome.SUPERSEDED


def _mails(
    outage: Outage, begun: list[str], claimed: list[str], delivered: Delivered, desk: Desk
) -> Outcome:
    unclear = [*begun]
    for number, each in enumerate(claimed):
        try:
            _mail(each, delivered, desk)
        except Unclear:
            unclear.append(each)
        except (Refused, Unavailable):
            _settle(outage, {*begun, *claimed[:number]}, desk, left=claimed[number:])
            raise
    wrote = {"notices": [*begun, *claimed]}
    reason = PERHAPS_SENT if unclear else ""
    desk.ledger.put(row(delivered, Outcome.APPLIED, desk, wrote=wrote, reason=reason))
    return Outcome.APPLIED


def _mail(appointment: str, delivered: Delivered, desk: Desk) -> None:
    connection = desk.connection
    name = connection.connection
    message = telling.mail(
        delivered.fact,
        connection,
        desk.state.read(Resource, name, delivered.fact.resource),
        desk.state.read(Appointment, name, appointment),
    )
    desk.notices.send(
        connection=name, name=connection.name, subject=message.subject, text=message.text
    )
