"""Rule: what should be tracked now, against what HyperTrack has. One rule for every cause.

A resource's work is looked at as a whole, from what the state holds, so a message about it can
come twice, late or out of order.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink import devices
from fieldlink.commands import invite_message
from fieldlink.errors import Refused, Unavailable
from fieldlink.models import APPOINTMENT_KEY, ASSIGNMENT_KEY, RESOURCE_KEY, Fence, Invite, Sync
from fieldlink.records import (
    Appointment,
    Assignment,
    Connection,
    Geofence,
    LiveFence,
    Parked,
    Resource,
    Tracking,
    Worker,
)

if TYPE_CHECKING:
    from fieldlink.ports import HyperTrack, Outbox, State

# A geofence's facts may come days after it is gone: a phone was offline.
REMEMBER_GEOFENCE = timedelta(days=60)
NO_DEVICE = "no device yet"
NO_PLACE = "the appointment has no coordinates"


class Ground(NamedTuple):
    """What the rule works with for one connection."""

    connection: Connection
    state: State
    hypertrack: HyperTrack
    invites: Outbox
    changes: Outbox
    now: datetime


def sync(order: Sync, ground: Ground) -> int:
    """Bring one resource's geofences in line with its assignments. Returns how many stand."""
    name = ground.connection.connection
    known = _known(order, ground)
    resource = ground.state.read(Resource, name, order.resource)
    works = ground.connection.live and (resource is None or _at_work(resource))
    open_work = {each.assignment: _open(each, ground) for each in known.values()}
    device = _device(order.resource, ground) if works and any(open_work.values()) else ""
    standing, refusals = 0, []
    for tracking in known.values():
        found = open_work[tracking.assignment]
        try:
            kept = _bring_in_line(tracking, found if works else None, device, ground)
        except Refused as refusal:  # of one place; the others are tracked all the same
            refusals.append(refusal)
            continue
        standing += kept.live is not None
        _remember_while_open(kept, found, ground)
    if refusals:
        raise refusals[0]
    return standing


def _remember_while_open(
    tracking: Tracking, appointment: Appointment | None, ground: Ground
) -> None:
    """Work that is only not to be done now, by a resource that is not active, stays known."""
    over = appointment is None or not ground.connection.live
    if tracking.version and over:
        ground.state.erase(Tracking, *tracking.key)
    elif not tracking.version and not over:
        _keep(tracking, ground)


def _known(order: Sync, ground: Ground) -> dict[str, Tracking]:
    """By assignment: everything that is tracked or waits already, and what the order names."""
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
    return known


def _at_work(resource: Resource) -> bool:
    """Crews, dispatchers and machines carry no phone; a crew's members have their own rows."""
    return resource.active and resource.technician and not resource.gone


def _open(tracking: Tracking, ground: Ground) -> Appointment | None:
    """The appointment of an assignment that still is to be tracked, be it for days."""
    state, name = ground.state, ground.connection.connection
    assignment = state.read(Assignment, name, tracking.appointment, tracking.assignment)
    appointment = state.read(Appointment, name, tracking.appointment)
    holds = (
        assignment is not None
        and not assignment.gone
        and assignment.technician
        and assignment.resource == tracking.resource
        and appointment is not None
        and not appointment.gone
        and not appointment.bundled
        and not appointment.category.closed
    )
    return appointment if holds else None


def _device(resource: str, ground: Ground) -> str:
    """The resource's device; if there is none, HyperTrack is asked and a person invited."""
    name = ground.connection.connection
    worker = ground.state.read(Worker, name, resource)
    if worker and worker.device:
        return worker.device
    found = ground.hypertrack.device_of(resource)
    if found:
        cause = f"{ground.now.isoformat()} {found}"
        devices.bind(
            name,
            found,
            resource,
            since=ground.now,
            takes_over=False,
            state=ground.state,
            changes=ground.changes,
            cause=cause,
        )
        return found
    if worker is None or worker.invitation is None:
        invite = Invite(connection=name, resource=resource)
        ground.invites.put([invite_message(invite, ground.now.isoformat())])
    return ""


def _bring_in_line(
    tracking: Tracking, appointment: Appointment | None, device: str, ground: Ground
) -> Tracking:
    """Make before break: the new geofence stands before the old one goes."""
    wanted = fence(tracking, appointment, device, ground.connection) if appointment else None
    tracking = _recover(tracking, ground)
    if wanted:
        tracking = _stand(tracking, wanted, ground)
    elif tracking.live:
        leaving = (*tracking.leaving, tracking.live.id)
        tracking = _keep(tracking, ground, live=None, leaving=leaving)
    tracking = _remove_old(tracking, ground)
    return _note_waiting(tracking, waiting(appointment, device), ground)


def fence(
    tracking: Tracking, appointment: Appointment, device: str, connection: Connection
) -> Fence | None:
    """The geofence that an assignment should have; None while something for it is missing."""
    if (
        waiting(appointment, device)
        or appointment.latitude is None
        or appointment.longitude is None
    ):
        return None
    starts = appointment.starts_at.isoformat() if appointment.starts_at else ""
    shown = {
        APPOINTMENT_KEY: tracking.appointment,
        RESOURCE_KEY: tracking.resource,
        "name": appointment.subject or appointment.number,
        "address": appointment.address,
        "scheduled_start": starts,
        ASSIGNMENT_KEY: tracking.assignment,
    }
    return Fence(
        device=device,
        latitude=appointment.latitude,
        longitude=appointment.longitude,
        radius=connection.radius,
        metadata={name: text for name, text in shown.items() if text},
    )


def waiting(appointment: Appointment | None, device: str) -> str:
    """What an open assignment waits for before it can be tracked, or ""."""
    if appointment is None:
        return ""
    if appointment.latitude is None or appointment.longitude is None:
        return NO_PLACE
    return "" if device else NO_DEVICE


def _recover(tracking: Tracking, ground: Ground) -> Tracking:
    """Settle a geofence that was asked for by a worker that did not live to see the answer."""
    if tracking.creating is None:
        return tracking
    made = ground.hypertrack.find_geofence(tracking.creating)
    if made is None:
        return _keep(tracking, ground, creating=None)
    return _made(tracking, made, tracking.creating, ground)


def _stand(tracking: Tracking, wanted: Fence, ground: Ground) -> Tracking:
    """Have the wanted geofence stand in HyperTrack."""
    live = tracking.live
    if live and live.fence == wanted:
        return tracking
    if live and live.fence.same_place(wanted):
        ground.hypertrack.relabel_geofence(live.id, wanted.metadata)
        return _keep(tracking, ground, live=LiveFence(id=live.id, fence=wanted))
    # HyperTrack knows no idempotency key. The wish is noted before, so that whoever comes
    # after a crash looks for the geofence instead of making a second one.
    tracking = _keep(tracking, ground, creating=wanted)
    return _made(tracking, ground.hypertrack.add_geofence(wanted), wanted, ground)


def _made(tracking: Tracking, geofence: str, fence: Fence, ground: Ground) -> Tracking:
    ground.state.write_all([_geofence(tracking, geofence)])
    leaving = (*tracking.leaving, tracking.live.id) if tracking.live else tracking.leaving
    live = LiveFence(id=geofence, fence=fence)
    return _keep(tracking, ground, live=live, creating=None, leaving=leaving)


def _remove_old(tracking: Tracking, ground: Ground) -> Tracking:
    if not tracking.leaving:
        return tracking
    until = int((ground.now + REMEMBER_GEOFENCE).timestamp())
    for geofence in tracking.leaving:
        ground.hypertrack.remove_geofence(geofence)
        gone = _geofence(tracking, geofence).model_copy(update={"live": False, "ttl": until})
        ground.state.write_all([gone])
    return _keep(tracking, ground, leaving=())


def _geofence(tracking: Tracking, geofence: str) -> Geofence:
    return Geofence(
        connection=tracking.connection,
        id=geofence,
        resource=tracking.resource,
        appointment=tracking.appointment,
        assignment=tracking.assignment,
    )


def _note_waiting(tracking: Tracking, reason: str, ground: Ground) -> Tracking:
    """Show an appointment without a place to the operator, for as long as it has none."""
    if reason == tracking.waiting:
        return tracking
    key = f"fence-{tracking.assignment}"
    if reason == NO_PLACE:
        order = Sync(connection=tracking.connection, resource=tracking.resource)
        parked = Parked(
            connection=tracking.connection,
            id=key,
            queue="changes",
            body=order.model_dump_json(),
            group=f"{tracking.connection}-{tracking.resource}",
            cause=f"appointment {tracking.appointment} is not tracked: {NO_PLACE}",
            at=ground.now,
        )
        ground.state.write_all([parked])
    elif tracking.waiting == NO_PLACE:
        ground.state.erase(Parked, tracking.connection, key)
    return _keep(tracking, ground, waiting=reason)


def _keep(tracking: Tracking, ground: Ground, **update: object) -> Tracking:
    kept = tracking.model_copy(update=update)
    if not ground.state.write(kept):
        raise Unavailable("another worker changed the same tracking")
    return kept.model_copy(update={"version": kept.version + 1})
