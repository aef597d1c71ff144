"""What HyperTrack knows: accounts, and their workers, devices, geofences and invitations."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from uuid import uuid4

from local.hypertrack.geometry import Place

if TYPE_CHECKING:
    from local.hypertrack.order_state import Order

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
    order_ended_twice: Literal[200, 404, 409] = 404
    """What it answers if an order is completed or cancelled that has ended."""
    order_exit_on_end: bool = False
    """An order that ends inside its destination is `exited` with reason `geofence_deleted`."""
    order_exit_on_outage: bool = False
    """An outage inside the destination is `exited` with reason `outage` and no location."""
    order_metadata_merges: bool = False
    """PATCH /orders merges the metadata into what was there; otherwise it replaces it."""
    order_reassign_unlinked: Literal[400, 404, 422] = 400
    """The answer if an order is reassigned to a worker without a device."""
    disabled_order_tracks: bool = False
    """A disabled order alone keeps its device tracking."""
    noisy_eta: bool = False
    """Each location that changes an ETA by a second is told; otherwise sparingly."""
    route_events: bool = False
    """Orders are told of as routes too: created, assigned, started, completed."""
    visit_is_its_marker: bool = True
    """The visit_id of GET /visits/ is the marker_id of the webhooks; otherwise another one."""
    reinstall_told_as: Literal["reinstall", "registration"] = "reinstall"
    """Which webhook tells of the new device of an app that was installed again."""
    null_releases_device: bool = True
    """PATCH /workers with device_id null takes the device away; otherwise it answers 422."""
    order_geotags_if_asked: bool = True
    """GET /geotags/ leaves out geotags of orders unless include_geotags_with_orders asks."""


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
    worker_handle: str | None = None
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


@dataclass(frozen=True)
class Geotag:
    """A mark that an app set, with the route from the one before."""

    device_id: str
    worker_handle: str | None
    recorded_at: datetime
    metadata: Json
    fix: Fix | None
    told: Json  # the data of its webhook, which has no id
    geotag_id: str = field(default_factory=lambda: str(uuid4()))


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


class Token(NamedTuple):
    """A bearer token that was issued."""

    account_id: str
    until: datetime


@dataclass
class Account:
    """One customer of HyperTrack, knowing nothing of the others."""

    account_id: str
    secret_key: str
    publishable_key: str
    signing_key: str | None = None  # what webhooks are signed with, if not with the secret
    webhook: str | None = None
    location_updates: bool = False
    workers: dict[str, Worker] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    geofences: dict[str, Geofence] = field(default_factory=dict)
    orders: dict[str, list["Order"]] = field(default_factory=dict)  # attempts, oldest first
    geotags: list[Geotag] = field(default_factory=list)
    places: dict[str, Json] = field(default_factory=dict)
    locates: dict[str, Json] = field(default_factory=dict)
