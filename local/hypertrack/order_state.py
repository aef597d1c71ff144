"""One attempt to fulfil an order, and what HyperTrack has noticed about it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any, Literal, NamedTuple
from uuid import uuid4

from local.hypertrack.events import Event
from local.hypertrack.geometry import Place, distance, inside
from local.hypertrack.state import Account, Fix, Json

Status = Literal["ongoing", "disabled", "completed", "cancelled", "unplanned"]
ENDED = ("completed", "cancelled")
RADIUS = 100  # metres around a Point, unless the order says otherwise


class Estimate(NamedTuple):
    """When the device would arrive, as of one of its locations."""

    at: datetime
    metres: float
    seconds: float

    @property
    def arrive_at(self) -> datetime:
        return self.at + timedelta(seconds=self.seconds)


@dataclass
class Stay:
    """One time inside the destination; `reason` is that of `exited`, if that was told.

    The end of the order does not end it: that the worker left, nobody saw.
    """

    arrival: Fix
    device_id: str | None
    worker_handle: str | None
    route_to: Json | None = None  # the way there, of the first stay
    left_at: datetime | None = None
    left_from: Fix | None = None
    reason: str | None = None
    visit_id: str = field(default_factory=lambda: str(uuid4()))


@dataclass
class Order:
    """An order under the caller's handle; a handle that is used again is another attempt."""

    account_id: str
    handle: str
    destination: Json
    created_at: datetime
    embed_url: str
    status: Status = "ongoing"
    fulfillment_attempt: int = 1
    worker_handle: str | None = None
    device_id: str | None = None
    route_handle: str | None = None
    track_mode: str | None = None
    kind: str | None = None
    kind_index: int | None = None
    scheduled_at: datetime | None = None
    expected_service_time: int | None = None
    metadata: Json | None = None
    extra: Json = field(default_factory=dict)  # kept and given back, without an effect
    device_switch_mode: str = "login"
    share_url: str = field(default_factory=lambda: f"https://trck.at/{token_urlsafe(6)}")

    assigned_at: datetime | None = None
    started_at: datetime | None = None
    disabled_at: datetime | None = None
    enabled_at: datetime | None = None
    completed_at: datetime | None = None
    cancelled_at: datetime | None = None
    rescheduled_at: datetime | None = None

    travelled: float = 0.0  # metres since it was started
    idle: float = 0.0  # seconds without moving
    held_up: float = 0.0  # seconds of traffic, on top of the plain estimate
    last: Fix | None = None
    first_eta: datetime | None = None
    estimate: Estimate | None = None
    eta_told: Estimate | None = None
    change_reason: str = "position_update"  # of the next change of the estimate
    delayed: bool = False
    near: bool = False
    arrived: bool = False  # by whoever has it now: no more estimates
    risk: str = "green"
    stays: list[Stay] = field(default_factory=list)
    sessions: list[Json] = field(default_factory=list)  # which device had it, and when
    told: list[Event] = field(default_factory=list)

    @property
    def live(self) -> bool:
        """Whether it is under way, disabled or not."""
        return self.status in ("ongoing", "disabled")

    @property
    def incomplete(self) -> bool:
        """Whether its handle is still taken."""
        return self.status not in ENDED

    @property
    def ended_at(self) -> datetime | None:
        return self.completed_at or self.cancelled_at

    @property
    def geometry(self) -> Json:
        shape: Json = self.destination["geometry"]
        return {"type": "Point", **shape}

    @property
    def radius(self) -> int | None:
        """Metres, of a Point; a Polygon has none."""
        point = self.geometry["type"] == "Point"
        return (self.destination.get("radius") or RADIUS) if point else None

    @property
    def centre(self) -> Place:
        shape = self.geometry["coordinates"]
        corners = [shape] if self.geometry["type"] == "Point" else shape[0][:-1]
        lon, lat = (sum(each[axis] for each in corners) / len(corners) for axis in (0, 1))
        return Place(lat, lon)

    @property
    def stay(self) -> Stay | None:
        """The one that is going on."""
        return self.stays[-1] if self.stays and self.stays[-1].left_at is None else None

    def contains(self, place: Place) -> bool:
        return inside(place, self.geometry, self.radius)

    def deviation(self) -> int | None:
        """Metres between the destination and where the device was last seen."""
        return None if self.last is None else round(distance(self.last.place, self.centre))

    def service_time(self, now: datetime) -> int | None:
        """Seconds its worker was inside the destination, until leaving it or until now."""
        mine = [each for each in self.stays if each.worker_handle == self.worker_handle]
        times = [(each.left_at or now) - each.arrival.at for each in mine]
        return round(sum(times, timedelta()).total_seconds()) if mine else None

    def under(self, handle: str, kind: str | None, index: int | None) -> bool:
        """Whether a type and index given along with the handle mean this one."""
        same_kind = (kind or "drop") == (self.kind or "drop")
        return self.handle == handle and same_kind and (index or 0) == (self.kind_index or 0)


def every(account: Account) -> list[Order]:
    """All attempts, in the order in which they were made."""
    found = [each for attempts in account.orders.values() for each in attempts]
    return sorted(found, key=lambda each: each.created_at)


def on_device(account: Account, device_id: str) -> list[Order]:
    attempts = account.orders.values()
    return [each for some in attempts for each in some if each.device_id == device_id]


def attempts(account: Account, handle: str, kind: Any = None, index: Any = None) -> list[Order]:
    some = account.orders.get(handle, [])
    return [each for each in some if each.under(handle, kind, index)]
