"""Rule: whom work is assigned to, whether they are at work, and what they carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.commands import invite_message
from fieldlink.models import Invite
from fieldlink.people import devices
from fieldlink.records import Resource, Worker

if TYPE_CHECKING:
    from fieldlink.tracking.tracking import Ground


class People:
    """Who the work is assigned to, each looked at once."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._rows: dict[str, Resource | None] = {}
        self._devices: dict[str, str] = {}

    def row(self, resource: str) -> Resource | None:
        if resource not in self._rows:
            name = self._ground.connection.connection
            self._rows[resource] = self._ground.state.read(Resource, name, resource)
        return self._rows[resource]

    def at_work(self, resource: str) -> bool:
        """Crews, dispatchers and machines carry no phone; a crew's members have own rows."""
        row = self.row(resource)
        return row is None or (row.active and row.technician and not row.gone)

    def has_left(self, resource: str) -> bool:
        row = self.row(resource)
        return row is not None and not row.active

    def name(self, resource: str) -> str:
        row = self.row(resource)
        return (row.name if row else "") or resource

    def zone(self, resource: str) -> str:
        row = self.row(resource)
        return row.time_zone if row else "UTC"

    def device(self, resource: str) -> str:
        """The resource's device; if there is none, HyperTrack is asked and a person invited."""
        if resource not in self._devices:
            self._devices[resource] = _device(resource, self._ground)
        return self._devices[resource]


def _device(resource: str, ground: Ground) -> str:
    name = ground.connection.connection
    worker = ground.state.read(Worker, name, resource)
    device = (worker.device if worker else "") or devices.find(resource, ground)
    if not device and (worker is None or worker.invitation is None):
        invite = Invite(connection=name, resource=resource)
        ground.invites.put([invite_message(invite, ground.now.isoformat())])
    return device
