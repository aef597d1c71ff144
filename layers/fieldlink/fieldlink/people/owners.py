"""Rule: whose a device is, by what HyperTrack has of it."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.ids import salesforce_id
from fieldlink.records import Resource

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.models import SeenDevice
    from fieldlink.ports import State

NOBODYS = "device of no resource of ours"


class Owner(NamedTuple):
    """The resource that a device belongs to, or why it is nobody's."""

    resource: str = ""
    why: str = ""
    registered_at: datetime | None = None  # the device, as far as HyperTrack says


class Addresses:
    """The active technicians by their e-mail addresses, read when they are first needed."""

    def __init__(self, connection: str, state: State) -> None:
        self._connection = connection
        self._state = state

    def of(self, email: str) -> list[str]:
        return self._known.get(email.strip().casefold(), [])

    @cached_property
    def _known(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for each in self._state.all_of(Resource, self._connection):
            if each.email and at_work(each):
                found[each.email.strip().casefold()].append(each.id)
        return found


def at_work(resource: Resource) -> bool:
    """Crews, dispatchers and machines carry no phone; a crew's members have their own rows."""
    return resource.active and resource.technician and not resource.gone


def whose(device: SeenDevice, addresses: Addresses) -> Owner:
    """By its metadata, else by the worker that it is linked to, else by an e-mail address.

    Some Visits Apps write the address where the others write the driver or the worker.
    """
    named = (device.driver, device.worker)
    ids = [found for each in named if (found := salesforce_id(each, "0Hn"))]
    if ids:
        return Owner(ids[0], registered_at=device.registered_at)
    told = [each for each in (*named, device.email) if "@" in each]
    people = [addresses.of(each) for each in told]
    some = next((each for each in people if each), [])
    if len(some) > 1:
        return Owner(why=f"{len(some)} resources have the e-mail address of this device")
    return Owner(some[0], registered_at=device.registered_at) if some else Owner(why=NOBODYS)
