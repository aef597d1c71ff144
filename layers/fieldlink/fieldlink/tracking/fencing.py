"""Rule: the geofence of one assignment, brought in line with what should be tracked."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.errors import Contended
from fieldlink.models import APPOINTMENT_KEY, ASSIGNMENT_KEY, RESOURCE_KEY, Fence, Sync
from fieldlink.records import Geofence, LiveFence, Parked

if TYPE_CHECKING:
    from fieldlink.records import Appointment, Connection, Tracking
    from fieldlink.tracking.tracking import Ground

# A geofence's facts may come days after it is gone: a phone was offline.
REMEMBER_GEOFENCE = timedelta(days=60)
NO_DEVICE = "no device yet"
NO_PLACE = "the appointment has no coordinates"


def bring_in_line(
    tracking: Tracking,
    appointment: Appointment | None,
    device: str,
    ground: Ground,
    *,
    stays: bool = False,
) -> Tracking:
    """Make before break: the new geofence stands before the old one goes.

    `stays`: though no appointment is to be tracked.
    """
    wanted = fence(tracking, appointment, device, ground.connection) if appointment else None
    tracking = _recover(tracking, ground)
    if wanted:
        tracking = _stand(tracking, wanted, ground)
    elif tracking.live and not stays:
        leaving = (*tracking.leaving, tracking.live.id)
        tracking = keep(tracking, ground, live=None, leaving=leaving)
    return _remove_old(tracking, ground)


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


def note_waiting(tracking: Tracking, reason: str, ground: Ground) -> Tracking:
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
    return keep(tracking, ground, waiting=reason)


def keep(tracking: Tracking, ground: Ground, **update: object) -> Tracking:
    """Write what a resource's tracking is now, unless somebody else did meanwhile."""
    kept = tracking.model_copy(update=update)
    if not ground.state.write(kept):
        raise Contended("another worker changed the same tracking")
    return kept.model_copy(update={"version": kept.version + 1})


def _recover(tracking: Tracking, ground: Ground) -> Tracking:
    """Settle a geofence that was asked for by a worker that did not live to see the answer."""
    if tracking.creating is None:
        return tracking
    made = ground.hypertrack.find_geofence(tracking.creating)
    if made is None:
        return keep(tracking, ground, creating=None)
    return _made(tracking, made, tracking.creating, ground)


def _stand(tracking: Tracking, wanted: Fence, ground: Ground) -> Tracking:
    """Have the wanted geofence stand in HyperTrack."""
    live = tracking.live
    if live and live.fence == wanted:
        return tracking
    if live and live.fence.same_place(wanted):
        ground.hypertrack.relabel_geofence(live.id, wanted.metadata)
        return keep(tracking, ground, live=LiveFence(id=live.id, fence=wanted))
    # HyperTrack knows no idempotency key. The wish is noted before, so that whoever comes
    # after a crash looks for the geofence instead of making a second one.
    tracking = keep(tracking, ground, creating=wanted)
    return _made(tracking, ground.hypertrack.add_geofence(wanted), wanted, ground)


def _made(tracking: Tracking, geofence: str, fence: Fence, ground: Ground) -> Tracking:
    ground.state.write_all([remembered(tracking, geofence)])
    leaving = (*tracking.leaving, tracking.live.id) if tracking.live else tracking.leaving
    live = LiveFence(id=geofence, fence=fence)
    return keep(tracking, ground, live=live, creating=None, leaving=leaving)


def _remove_old(tracking: Tracking, ground: Ground) -> Tracking:
    if not tracking.leaving:
        return tracking
    until = int((ground.now + REMEMBER_GEOFENCE).timestamp())
    for geofence in tracking.leaving:
        ground.hypertrack.remove_geofence(geofence)
        gone = remembered(tracking, geofence).model_copy(update={"live": False, "ttl": until})
        ground.state.write_all([gone])
    return keep(tracking, ground, leaving=())


def remembered(tracking: Tracking, geofence: str) -> Geofence:
    """For what a geofence stands."""
    return Geofence(
        connection=tracking.connection,
        id=geofence,
        resource=tracking.resource,
        appointment=tracking.appointment,
        assignment=tracking.assignment,
        closed_at=tracking.closed_at,
    )
