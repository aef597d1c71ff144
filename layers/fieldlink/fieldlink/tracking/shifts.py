"""Rule: tracking that a resource's Shifts switch on and off, by the worker's own switch.

Only what the Shifts say *changes* is carried out. Whoever switches himself in the app in the
middle of a Shift is left alone until the next one begins or ends.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.commands import sync_message
from fieldlink.errors import Refused, must
from fieldlink.models import Sync
from fieldlink.records import OnShift, Planned, Resource, Shift
from fieldlink.tracking import waking

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fieldlink.ports import Outbox, State
    from fieldlink.records import Row
    from fieldlink.tracking.tracking import Ground

FORGET = timedelta(days=1)  # a Shift, after its end
NO_WORKER = {"404", "driver_not_found", "driver_deleted"}
# HyperTrack's words for a worker who carries no phone: whoever links one has us look again.
NO_DEVICE = {"driver_not_linked_to_device", "device_not_found"}


def bring_in_line(resource: str, ground: Ground) -> None:
    """Have the worker's own switch as the Shifts of now say, and look again at the next change.

    A Shift ends before the moment of its end, so that the next one goes on from there.
    """
    name = ground.connection.connection
    known = ground.state.read(OnShift, name, resource)
    if not (ground.connection.by_shifts or (known and known.tracking)):
        return
    known = known or OnShift(connection=name, resource=resource, tracking=False)
    person = ground.state.read(Resource, name, resource)
    planned = _of(resource, ground) if _works(person, ground) else []
    wanted = any(each.starts_at <= ground.now < each.ends_at for each in planned)
    if wanted != known.tracking or known.asked:
        _turn(known, person, wanted, ground)
    moments = {at for each in planned for at in (each.starts_at, each.ends_at)}
    if following := min((at for at in moments if at > ground.now), default=None):
        waking.at(name, following, resource, "shift", state=ground.state)


def planned(rows: Iterable[Row]) -> Iterator[Planned]:
    """Shifts that have changed, as they lie with their resources; with a former one, as none.

    What is no Shift any more ends as it begins, and is not erased: who is slow must not erase
    what somebody else has written meanwhile.
    """
    for row in rows:
        if isinstance(row, Shift):
            for resource in sorted({row.resource, *row.former} - {""}):
                stands = resource == row.resource and row.firm and not row.gone
                yield Planned(
                    connection=row.connection,
                    resource=resource,
                    id=row.id,
                    starts_at=row.starts_at,
                    ends_at=row.ends_at if stands else row.starts_at,
                    ttl=int((row.ends_at + FORGET).timestamp()),
                )


def look_at_all(name: str, run: str, *, state: State, changes: Outbox) -> None:
    """Have everybody looked at whose switch we have turned on: Shifts may count no more."""
    on = [each.resource for each in state.all_of(OnShift, name) if each.tracking]
    changes.put(sync_message(Sync(connection=name, resource=each), run) for each in on)


def _works(person: Resource | None, ground: Ground) -> bool:
    connection = ground.connection
    at_work = person is None or (person.active and person.technician and not person.gone)
    return connection.by_shifts and connection.live and at_work


def _of(resource: str, ground: Ground) -> list[Planned]:
    found = ground.state.all_of(Planned, ground.connection.connection, resource)
    return [each for each in found if each.starts_at < each.ends_at]


def _turn(known: OnShift, person: Resource | None, wanted: bool, ground: Ground) -> None:
    """Who may be on is noted before, so that whoever comes after a crash switches them off."""
    if wanted and not known.asked:
        asked = known.model_copy(update={"tracking": True, "asked": True})
        must(ground.state.write(asked))
        known = asked.model_copy(update={"version": asked.version + 1})
    on = _switch(known.resource, person, wanted, ground) and wanted
    must(ground.state.write(known.model_copy(update={"tracking": on, "asked": False})))


def _switch(resource: str, person: Resource | None, wanted: bool, ground: Ground) -> bool:
    """Whether it is as wanted now. A repeat, by whoever comes after a crash, is harmless."""
    try:
        _set(resource, person, wanted, ground)
    except Refused as refusal:
        if refusal.code not in NO_DEVICE:
            raise
        return not wanted  # who has no phone is not tracked
    return True


def _set(resource: str, person: Resource | None, wanted: bool, ground: Ground) -> None:
    """A worker who is missing, or was deleted, is there first."""
    hypertrack, name = ground.hypertrack, (person.name if person else "") or resource
    cures = [
        lambda: hypertrack.ensure_worker(resource, name),
        lambda: hypertrack.undelete_worker(resource),
    ]
    while True:
        try:
            return hypertrack.set_tracking(resource, tracking=wanted)
        except Refused as refusal:
            if refusal.code not in NO_WORKER:
                raise
            if not wanted:
                return None
            if not cures:
                raise
            cures.pop(0)()
