"""Rule: what HyperTrack recorded and never told us, sent on as if it had."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from fieldlink.commands import recover_message, report_message
from fieldlink.errors import Refused
from fieldlink.hearing import facts
from fieldlink.hearing.envelope import Ignored
from fieldlink.models import Fact, Kind, Recover, Report
from fieldlink.records import (
    Connection,
    Day,
    Geofence,
    Heard,
    Order,
    Resource,
    Tracking,
    Visit,
    Worker,
)
from fieldlink.writing import visits
from fieldlink.zones import zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from fieldlink.ports import Outbox, State
    from fieldlink.records import Anchor
    from fieldlink.tracking.tracking import Ground

# A day, and the one before: a phone that was offline in the evening tells of it in the morning.
SPAN = timedelta(days=2)
OVERLAP = timedelta(days=1)
MOST = timedelta(days=14)  # further back the queues would have told us
# What is worth recovering. Estimates, outages and positions of hours ago are of no use.
OF_WORK = {
    Kind.ARRIVED,
    Kind.LEFT,
    Kind.ON_THE_WAY,
    Kind.CHECKED_IN,
    Kind.CHECKED_OUT,
    Kind.CANCELLED,
}
OF_THE_DAY = {Kind.CLOCKED_IN, Kind.CLOCKED_OUT}


def start(
    night: date, connections: Iterable[Connection], *, state: State, changes: Outbox
) -> int:
    """Have HyperTrack's record of every resource compared. Returns for how many.

    One that was stopped in the middle goes on there when the schedule repeats it.
    """
    count = 0
    until = datetime.combine(night, time(2, 17), UTC)  # the schedule's own minute
    for connection in connections:
        if not connection.live:
            continue
        name = connection.connection
        heard = state.read(Heard, name) or Heard(connection=name, at=until)
        if heard.compared_at and heard.compared_at >= until:
            continue
        since = min(until - SPAN, (heard.compared_at or until) - OVERLAP)
        count += of_everybody(
            name, max(since, until - MOST), until, state=state, changes=changes
        )
        # Lost to whoever notes just now that it was heard of: the next night reaches back.
        state.write(heard.model_copy(update={"compared_at": until}))
    return count


def of_everybody(
    name: str, since: datetime, until: datetime, *, state: State, changes: Outbox
) -> int:
    """Have the record of every resource with a device compared. Returns how many those are."""
    carriers = [each.resource for each in state.all_of(Worker, name) if _devices(each)]
    changes.put(
        recover_message(Recover(connection=name, resource=each, since=since, until=until))
        for each in carriers
    )
    return len(carriers)


def recover(order: Recover, ground: Ground) -> int:
    """Send on what we were not told of a resource. Returns how many events."""
    if not ground.connection.live:
        return 0
    missed: dict[str, Report] = {}
    try:
        recorded = list(_recorded(order, ground))
    except Refused:
        if order.nightly:
            raise
        return 0  # the night asks for it again: a person need not hear of it each hour
    for event in recorded:
        report = _report(event, order)
        fact = _fact(report, ground)
        if fact and not _known(fact, order.resource, ground):
            missed.setdefault(f"{fact.kind} {fact.at} {fact.geofence or fact.order}", report)
    ground.events.put(report_message(each) for each in missed.values())
    return len(missed)


def _recorded(order: Recover, ground: Ground) -> Iterator[dict[str, object]]:
    account, name = ground.hypertrack, ground.connection.connection
    worker = ground.state.read(Worker, name, order.resource)
    # The geofence itself comes first: its markers have the names that webhooks give them.
    for tracking in ground.state.all_of(Tracking, name, order.resource):
        if tracking.live:
            yield from account.markers(tracking.live.id, order.since)
    for device in _devices(worker) if worker else ():
        yield from account.visits(device, order.since, order.until)
        yield from account.geotags(device, order.since, order.until)
    for handle in account.orders_of(order.resource, order.since):
        yield from account.told_of_order(handle, order.since)


def _devices(worker: Worker) -> tuple[str, ...]:
    """All that were ever theirs: one that was replaced may have told something before."""
    return tuple(dict.fromkeys(each for each in (worker.device, *worker.devices) if each))


def _report(event: dict[str, object], order: Recover) -> Report:
    """The same whenever the order is tried again, so that the queue drops what it has."""
    content = json.dumps(event, sort_keys=True, default=str)
    digest = hashlib.sha256(f"{order.connection}{content}".encode()).hexdigest()
    return Report(
        connection=order.connection,
        id=digest,
        received_at=order.until,
        event=event,
        recovered=True,
    )


def _fact(report: Report, ground: Ground) -> Fact | None:
    """What an event tells, if that is worth having it late."""

    def remembered(handle: str) -> Order | None:
        return ground.state.read(Order, report.connection, handle)

    try:
        fact = facts.read(report, remembered)
    except Refused:  # nothing that we asked for by ourselves is worth a person's look
        return None
    if isinstance(fact, Ignored) or fact.kind not in OF_WORK | OF_THE_DAY:
        return None
    return fact


def _known(fact: Fact, resource: str, ground: Ground) -> bool:
    """Whether the record that the fact is about has it, under whatever key."""
    appointment = fact.appointment or _appointment(fact, ground)
    anchor = _anchor(fact, resource, appointment, ground)
    whole = fact.model_copy(
        update={"resource": fact.resource or resource, "appointment": appointment}
    )
    return anchor is not None and any(
        key == fact.key or visits.same(each.fact, whole) for key, each in anchor.facts.items()
    )


def _anchor(fact: Fact, resource: str, appointment: str, ground: Ground) -> Anchor | None:
    state, name = ground.state, ground.connection.connection
    if fact.kind in OF_THE_DAY:
        person = state.read(Resource, name, resource)
        local = fact.at.astimezone(zone(person.time_zone if person else "UTC")).date()
        return state.read(Day, name, resource, local.isoformat())
    return state.read(Visit, name, appointment) if appointment else None


def _appointment(fact: Fact, ground: Ground) -> str:
    state, name = ground.state, ground.connection.connection
    found: Geofence | Order | None = None
    if fact.geofence:
        found = state.read(Geofence, name, fact.geofence)
    elif fact.order:
        found = state.read(Order, name, fact.order)
    return found.appointment if found else ""
