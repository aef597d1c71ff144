"""What HyperTrack knows: accounts, and their workers, devices, geofences and invitations."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from local.hypertrack.geometry import Place

Json = dict[str, Any]
Clock = Callable[[], datetime]
NEVER_TRACKED: Json = {"value": "inactive", "reason": "tracking_stopped"}
NO_DEVICE = "00000000-0000-0000-0000-000000000000"  # device_id of an account-wide geofence


def stamp(moment: datetime, digits: int = 3) -> str:
    """ISO 8601 in UTC with 3 or 6 fractional digits and a Z, as in the documented examples."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"{text[: len(text) - 6 + digits]}Z"


@dataclass(frozen=True)
class Fix:
    """Where a device was, and when."""

    place: Place
    at: datetime
    speed: float = 0.0
    bearing: float = 0.0

    @property
    def point(self) -> Json:
        """GeoJSON, longitude first; coordinates to a tenth of a metre."""
        lon, lat = round(self.place.lon, 6), round(self.place.lat, 6)
        return {"type": "Point", "coordinates": [lon, lat]}


@dataclass
class Switches:
    """What HyperTrack does where its documentation is silent or of two minds."""

    entry_where_it_stands: bool = False
    """A geofence made around a device enters at once; otherwise with its next location."""
    exit_on_stop: bool = False
    """Stopping to track inside a geofence ends the visit, with an exit of unknown location."""
    metadata_merges: bool = False
    """PATCH /devices merges the metadata into what was there; otherwise it replaces it."""
    invite_answer: Literal["link", "invite_link", "array"] = "link"
    """OpenAPI's example, OpenAPI's schema, and an older guide name three different answers."""
    device_page: int = 100
    """How many devices one page of GET /devices?pagination=1 holds."""


@dataclass
class Worker:
    """A person who is tracked, under the handle that the caller chose."""

    worker_handle: str
    created_at: datetime
    name: str | None = None
    ops_group_handle: str | None = "default"
    profile: Json | None = None
    home: Json | None = None
    schedule: list[Json] | None = None
    product_types: list[str] | None = None
    unavailable_on: list[str] | None = None
    device_id: str | None = None
    devices: list[Json] = field(default_factory=list)
    tracking: bool = False
    available: bool = False
    deleted_at: datetime | None = None


@dataclass
class Device:
    """One installation of the app; a reinstall is another device."""

    registered_at: datetime
    hardware: Json
    device_id: str = field(default_factory=lambda: str(uuid4()).upper())
    name: str = ""
    metadata: Json = field(default_factory=dict)
    battery: str = "normal"
    status: Json = field(default_factory=lambda: dict(NEVER_TRACKED))
    fix: Fix | None = None
    worker_handle: str | None = None
    deleted: bool = False


@dataclass
class Marker:
    """One visit of one device to one geofence."""

    device_id: str
    arrival: Fix
    route_to: Json | None
    marker_id: str = field(default_factory=lambda: str(uuid4()))
    left_at: datetime | None = None
    left_from: Fix | None = None


@dataclass
class Geofence:
    """A circle or a polygon around a place; archived when deleted."""

    account_id: str
    device_id: str
    geometry: Json
    radius: float | None
    metadata: Json
    created_at: datetime
    geofence_id: str = field(default_factory=lambda: str(uuid4()))
    archived: bool = False
    markers: list[Marker] = field(default_factory=list)

    def concerns(self, device: Device) -> bool:
        return not self.archived and self.device_id in (device.device_id, NO_DEVICE)


@dataclass
class Invite:
    """A link that was handed out; `data` is what the app reads from it."""

    link: str
    account_id: str
    worker_handle: str
    app: str
    made_at: datetime
    data: Json
    expired: bool = False
    opened: int = 0


@dataclass
class Account:
    """One customer of HyperTrack, knowing nothing of the others."""

    account_id: str
    secret_key: str
    publishable_key: str
    webhook: str | None = None
    location_updates: bool = False
    workers: dict[str, Worker] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    geofences: dict[str, Geofence] = field(default_factory=dict)
