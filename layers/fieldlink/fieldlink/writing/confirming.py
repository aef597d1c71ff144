"""Rule: an exit completes the work once nobody has come back for a while.

Whether it does is for `visits` to say, by the facts as they are known then: a note too many
does no harm.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.hearing import webhooks
from fieldlink.hearing.meanings import EXIT
from fieldlink.models import Kind
from fieldlink.records import Confirming
from fieldlink.writing import evenings, status, visits
from fieldlink.writing.visits import ARRIVALS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from fieldlink.models import Delivered, Fact, View
    from fieldlink.ports import Message, Outbox, State
    from fieldlink.practice import Practice
    from fieldlink.records import Connection
    from fieldlink.writing.desk import Desk

PAGE = 1_000  # of one connection in one tick; the rest is due in the next
GLANCE = 25  # are read to see whether there is anything to do, which mostly there is not
NO_TIME = timedelta()
OTHERS_ARE_NOT_DONE = "somebody else who was there is not done"
FORGET = timedelta(days=60)  # of a connection that has ended, for which nobody asks any more


def note(delivered: Delivered, visit_facts: Iterable[Fact], desk: Desk) -> None:
    """Have a departure looked at again when the grace period is over. Noted twice, it is one.

    `visit_facts`: all that is known of the appointment by now.
    """
    fact, practice = delivered.fact, desk.connection.practice
    if fact.kind is not Kind.LEFT or practice.complete_by != "exit":
        return
    grace = timedelta(minutes=practice.exit_grace)
    own = (each for each in visit_facts if each.resource == fact.resource)
    if any(each.kind in ARRIVALS and NO_TIME < each.at - fact.at <= grace for each in own):
        return
    at = min(fact.at, delivered.received_at) + grace  # a phone's clock may be ahead
    noted = Confirming(
        connection=desk.connection.connection,
        at=at,
        appointment=fact.appointment,
        resource=fact.resource,
        left_at=fact.at,
        ttl=int((max(at, desk.now) + FORGET).timestamp()),
    )
    desk.state.write_all([noted])


def why_not(fact: Fact, facts: Iterable[Fact], view: View, practice: Practice) -> str:
    """Why a confirmed exit completes no work, by the facts as they are known now."""
    if fact.kind is not Kind.EXIT_CONFIRMED:
        return ""
    told = list(facts)
    own = [each for each in told if each.resource == fact.resource]
    by_geofence = practice.model_copy(update={"arrival_by": "geofence"})
    if practice.complete_by != "exit":
        return "leaving completes no work any more"
    if not evenings.without([fact], view):
        return "the work goes on on a later day"
    if not visits.confirmed(fact.at, own, by_geofence):
        return f"the resource was back within {practice.exit_grace} min"
    if not visits.confirmed(fact.at, own, practice):
        return "the resource had not checked in before"
    if not status.moving([fact], view, practice):
        return "only the primary resource completes work"
    return "" if status.completing(told, view, practice) else OTHERS_ARE_NOT_DONE


def confirm(connection: Connection, *, state: State, events: Outbox, now: datetime) -> int:
    """Have every exit looked at whose time has come. Returns how many. Called at each tick."""
    name = connection.connection
    if (
        connection.practice.complete_by != "exit"
    ):  # what was noted before waits, and is forgotten
        return 0
    due = _due(name, GLANCE, state, now)
    if len(due) == GLANCE:
        due = _due(name, PAGE, state, now)
    # The same page again after a crash tells the same: the queue drops those it has seen, and
    # later the appointment knows them.
    events.put(_message(each, now) for each in due)
    for each in due:
        state.erase(Confirming, *each.key)
    return len(due)


def _due(connection: str, limit: int, state: State, now: datetime) -> list[Confirming]:
    """The oldest first."""
    return [
        each for each in state.some_of(Confirming, connection, limit=limit) if each.at <= now
    ]


def _message(due: Confirming, now: datetime) -> Message:
    told = {
        "type": EXIT,
        "recorded_at": due.left_at.isoformat(),
        "data": {
            "value": "confirmed",
            "appointment": due.appointment,
            "resource": due.resource,
        },
    }
    name = due.connection
    message = webhooks.message(told, connection=name, received_at=now.isoformat(), own=True)
    # It has no device by which to be grouped; one that waits must not hold up the others.
    return message._replace(group=webhooks.group(name, {"device_id": due.appointment}))
