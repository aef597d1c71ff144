"""Rule: what should be tracked now, against what HyperTrack has. One rule for every cause.

A resource's work is looked at as a whole, from what the state holds, so a message about it can
come twice, late or out of order. Geofences or orders carry it out, as the connection has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.models import Category
from fieldlink.people import devices
from fieldlink.records import Appointment, Assignment, Ordered, Tracking
from fieldlink.tracking import closed_work, fencing, ordering, seeing_off, shifts
from fieldlink.tracking.fencing import NO_DEVICE, keep
from fieldlink.tracking.one_by_one import Troubles
from fieldlink.tracking.ordered_work import Work
from fieldlink.tracking.whose_work import People

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.models import Sync
    from fieldlink.ports import HyperTrack, Outbox, State
    from fieldlink.records import Connection


class Ground(NamedTuple):
    """What the rule works with for one connection."""

    connection: Connection
    state: State
    hypertrack: HyperTrack
    invites: Outbox
    changes: Outbox
    events: Outbox
    now: datetime


class _Seen(NamedTuple):
    """One assignment of a resource as the state has it."""

    tracking: Tracking
    ordered: Ordered
    assignment: Assignment | None
    appointment: Appointment | None

    @property
    def open(self) -> Appointment | None:
        """The appointment, if it still is to be tracked, be it for days."""
        assignment, appointment = self.assignment, self.appointment
        holds = (
            assignment is not None
            and not assignment.gone
            and assignment.technician
            and appointment is not None
            and not appointment.gone
            and not appointment.bundled
            and not appointment.category.closed
        )
        return appointment if holds else None

    @property
    def own(self) -> Appointment | None:
        """Likewise, if it is this resource's still."""
        theirs = self.assignment and self.assignment.resource == self.tracking.resource
        return self.open if theirs else None

    @property
    def closed(self) -> Appointment | None:
        """The appointment, if it is over as this resource's work, and not only taken away."""
        assignment, appointment = self.assignment, self.appointment
        holds = (
            assignment is not None
            and not assignment.gone
            and assignment.resource == self.tracking.resource
            and appointment is not None
            and not appointment.gone
            and appointment.category.closed
        )
        return appointment if holds else None

    @property
    def completed(self) -> bool:
        return self.appointment is not None and self.appointment.category is Category.COMPLETED


def sync(order: Sync, ground: Ground) -> int:
    """Bring one resource's tracking in line with its assignments. Returns how many stand."""
    if order.due:  # whoever was woken counts as awake, though this worker's clock is behind
        ground = ground._replace(now=max(ground.now, order.due))
    seen = [_see(each, ground) for each in _known(order, ground)]
    people = People(ground)
    standing, troubles = 0, Troubles()
    for each in seen:
        with troubles:
            standing += _bring_in_line(each, people, ground)
    with troubles:
        shifts.bring_in_line(order.resource, ground)
    if people.has_left(order.resource):
        with troubles:
            devices.release(order.resource, ground)
    troubles.tell()
    return standing


def _known(order: Sync, ground: Ground) -> list[Tracking]:
    """Everything that is tracked or waits already, and what the order names."""
    name = ground.connection.connection
    known = {
        each.assignment: each for each in ground.state.all_of(Tracking, name, order.resource)
    }
    for appointment, assignment in order.assignments:
        known.setdefault(
            assignment,
            Tracking(
                connection=name,
                resource=order.resource,
                appointment=appointment,
                assignment=assignment,
            ),
        )
    return list(known.values())


def _see(tracking: Tracking, ground: Ground) -> _Seen:
    """The orders are read first: who then writes them knows no older rows than their writer."""
    state, name = ground.state, ground.connection.connection
    key = (name, tracking.appointment, tracking.assignment)
    ordered = None
    new_or_ordered = tracking.ordered or not tracking.version
    if new_or_ordered or ground.connection.tracking == "orders":
        ordered = state.read(Ordered, *key)
    ordered = ordered or Ordered(
        connection=name, appointment=tracking.appointment, assignment=tracking.assignment
    )
    assignment = state.read(Assignment, *key)
    return _Seen(tracking, ordered, assignment, state.read(Appointment, *key[:2]))


def _bring_in_line(seen: _Seen, people: People, ground: Ground) -> bool:
    """Whether it stands. Work that is only not to be done now stays known."""
    orders = ground.connection.tracking == "orders"
    tracking, stands = (_by_orders if orders else _by_fences)(seen, people, ground)
    # A geofence that still stands may have to see its resource off.
    over = tracking.live is None and (seen.own is None or not ground.connection.live)
    if tracking.version and over:
        if seen.closed and ground.connection.live:
            closed_work.tell(tracking, ground)
        ground.state.erase(Tracking, *tracking.key)
    elif not tracking.version and not over:
        keep(tracking, ground)
    return stands


def _by_fences(seen: _Seen, people: People, ground: Ground) -> tuple[Tracking, bool]:
    """A geofence; what the assignment may have had as orders goes once it stands."""
    resource = seen.tracking.resource
    open_now = seen.own if ground.connection.live and people.at_work(resource) else None
    device = people.device(resource) if open_now else ""
    tracking, stays = seeing_off.look(seen.tracking, seen.closed, people, ground)
    tracking = fencing.bring_in_line(tracking, open_now, device, ground, stays=stays)
    waiting = fencing.waiting(open_now, device)
    if waiting != NO_DEVICE:
        if seen.ordered.version:
            ordering.bring_in_line(seen.ordered, None, ground, completed=seen.completed)
        if tracking.ordered:
            tracking = keep(tracking, ground, ordered=False)
    tracking = fencing.note_waiting(tracking, waiting, ground)
    return tracking, tracking.live is not None


def _by_orders(seen: _Seen, people: People, ground: Ground) -> tuple[Tracking, bool]:
    """Orders, of whoever has the work now; the geofence goes once that is settled."""
    tracking = seen.tracking
    if seen.own and ground.connection.live and not tracking.ordered:
        tracking = keep(tracking, ground, ordered=True)
    work = _work(seen, people) if ground.connection.live else None
    found = ordering.bring_in_line(seen.ordered, work, ground, completed=seen.completed)
    if found.settled or not seen.own:
        tracking = fencing.bring_in_line(tracking, None, "", ground)
    tracking = fencing.note_waiting(tracking, found.waiting if seen.own else "", ground)
    return tracking, found.stands and seen.own is not None


def _work(seen: _Seen, people: People) -> Work | None:
    appointment, assignment = seen.open, seen.assignment
    if appointment is None or assignment is None:
        return None
    owner = assignment.resource
    return Work(
        appointment=appointment,
        assignment=assignment.id,
        owner=owner,
        name=people.name(owner),
        zone=people.zone(owner),
        at_work=people.at_work(owner),
        device=people.device(owner) if people.at_work(owner) else "",
    )
