"""Valid things by default; a test spells out only what it is about."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fieldlink.hearing.webhooks import message
from fieldlink.models import (
    Category,
    Delivered,
    Fact,
    Kind,
    Report,
    View,
)
from fieldlink.records import (
    Appointment,
    Assignment,
    Capabilities,
    Connection,
    Geofence,
    Resource,
    Worker,
)
from fieldlink.tracking.tracking import Ground
from fieldlink.writing.desk import Desk
from tests.fakes import (
    NOON,
    STATUSES,
    FakeHyperTrack,
    FakeLedger,
    FakeNotices,
    FakeOutbox,
    FakeSalesforce,
    FakeState,
    FakeVault,
    Fate,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

CONNECTION = "connection-for-tests-0123456789"
APPOINTMENT = "08p000000000001AAA"
RESOURCE = "0Hn000000000001CAA"
COLLEAGUE = "0Hn000000000002CAA"
ASSIGNMENT = "03r000000000001AAA"
DEVICE = "A1B2C3D4-0001-4AAA-8BBB-000000000001"
GEOFENCE = "3a0f6f0e-5c1b-4f27-9d52-7e6c5b4a3210"
HANDLE = f"{APPOINTMENT}-{RESOURCE}"  # of an order
NINE = datetime(2026, 3, 4, 9, tzinfo=UTC)


def at(hours: int, minutes: int = 0, seconds: int = 0) -> datetime:
    """A moment of the day that all tests play on."""
    return datetime(2026, 3, 4, hours, minutes, seconds, tzinfo=UTC)


def event(value: str = "entry", *, at: datetime = NINE, **more: Any) -> dict[str, Any]:
    """A geofence event of HyperTrack's; `more` replaces what stands in its `data`."""
    arrival = at if value == "entry" else at - timedelta(hours=1)
    data = {
        "value": value,
        "arrival": {"recorded_at": arrival.isoformat()},
        "exit": None if value == "entry" else {"recorded_at": at.isoformat()},
        "marker_id": f"marker-{arrival.isoformat()}",
        "geofence_id": GEOFENCE,
        "geofence_metadata": {
            "service_appointment_id": APPOINTMENT,
            "service_resource_id": RESOURCE,
        },
        "route_to": {"distance": 1234, "duration": 930, "idle_time": 12},
    }
    return _envelope("geofence", at, {**data, **more})


def geotag(
    action: str = "CHECK_OUT", *, at: datetime = NINE, **metadata: Any
) -> dict[str, Any]:
    """What a button of the Visits App writes; `metadata` is added to its own."""
    told = {"type": action, "geofence_id": GEOFENCE, **metadata}
    return _envelope("geotag", at, {"metadata": told, "route_to": None})


def device_event(
    kind: str = "registration", *, at: datetime = NINE, **more: Any
) -> dict[str, Any]:
    return {**_envelope(kind, at, {}), **more}


def order(
    value: str = "arrived", *, at: datetime = NINE, handle: str = HANDLE, **more: Any
) -> dict[str, Any]:
    """An order's event; `more` is added to its `data`."""
    data = {"value": value, "order_handle": handle, "route_handle": "route-1", **more}
    return {**_envelope("order", at, data), "version": "3.0.0", "worker_handle": RESOURCE}


def estimate(
    cause: str, minutes: float, *, at: datetime = NINE, handle: str = HANDLE
) -> dict[str, Any]:
    """That the resource will arrive in so many minutes, and why that is told."""
    value = cause if cause in {"first_eta", "eta", "n_minutes_away"} else "eta_change"
    told = {"remaining_duration": round(minutes * 60), "remaining_distance": 5000}
    reason = {"change_reason": cause} if value == "eta_change" else {}
    return order(value, at=at, handle=handle, **told, **reason)


def _envelope(kind: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "account_id": "0f6d2c1e-5b7a-4c3d-9e8f-1a2b3c4d5e6f",
        "created_at": (at + timedelta(seconds=2)).isoformat(),
        "recorded_at": at.isoformat(),
        "device_id": DEVICE,
        "type": kind,
        "version": "2.0.0",
        "data": data,
    }


def report(told: Any, *, received_at: datetime = NOON) -> Report:
    """An event as the webhook door queues it."""
    queued = message(told, connection=CONNECTION, received_at=received_at.isoformat())
    return Report.model_validate(json.loads(queued.body))


def body(*events: Any) -> bytes:
    """The body of a delivery."""
    return json.dumps(events).encode()


def fact(kind: Kind = Kind.ARRIVED, at: datetime = NINE, **more: Any) -> Fact:
    """A fact about the appointment that all tests have."""
    fields = {
        "kind": kind,
        "at": at,
        "resource": RESOURCE,
        "appointment": APPOINTMENT,
        "device": DEVICE,
        **more,
    }
    key = f"{kind}/{fields['resource']}/{at.isoformat()}"
    return Fact.model_validate({"key": key, **fields})


def delivered(told: Fact, *, received_at: datetime = NOON, delivery: str = "") -> Delivered:
    return Delivered(fact=told, delivery=delivery or f"of {told.key}", received_at=received_at)


def connection(**more: Any) -> Connection:
    fields = {
        "connection": CONNECTION,
        "state": "connected",
        "name": "Example",
        "hypertrack_account": "account",
        "hypertrack_secret": FakeVault().seal("hypertrack-secret", connection=CONNECTION),
        "login_url": "https://login.salesforce.com",
        "org": "00D000000000001EAA",
        "user": "005000000000001AAA",
        **more,
    }
    return Connection.model_validate(fields)


def view(**more: Any) -> View:
    """An appointment at noon of which nothing has happened yet."""
    fields = {
        "appointment": APPOINTMENT,
        "resource": RESOURCE,
        "status": "Scheduled",
        "category": Category.SCHEDULED,
        "statuses": STATUSES,
        "starts_at": NOON,
        "changed_at": at(0),
        "changed_by_us": False,
        "assignment": ASSIGNMENT,
        "resource_name": "Ada Lovelace",
        "sheets": (),
        **more,
    }
    return View.model_validate(fields)


def resource(**more: Any) -> Resource:
    fields = {
        "connection": CONNECTION,
        "id": RESOURCE,
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        **more,
    }
    return Resource.model_validate(fields)


def appointment(**more: Any) -> Appointment:
    fields = {
        "connection": CONNECTION,
        "id": APPOINTMENT,
        "number": "SA-0001",
        "subject": "Replace the valve",
        "category": Category.SCHEDULED,
        "starts_at": NOON,
        "ends_at": at(14),
        "latitude": 52.5,
        "longitude": 13.4,
        "address": "Unter den Linden 1, Berlin",
        **more,
    }
    return Appointment.model_validate(fields)


def assignment(**more: Any) -> Assignment:
    fields = {
        "connection": CONNECTION,
        "id": ASSIGNMENT,
        "appointment": APPOINTMENT,
        "resource": RESOURCE,
        **more,
    }
    return Assignment.model_validate(fields)


def worker(**more: Any) -> Worker:
    return Worker.model_validate({"connection": CONNECTION, "resource": RESOURCE, **more})


def geofence(**more: Any) -> Geofence:
    fields = {
        "connection": CONNECTION,
        "id": GEOFENCE,
        "resource": RESOURCE,
        "appointment": APPOINTMENT,
        "assignment": ASSIGNMENT,
        **more,
    }
    return Geofence.model_validate(fields)


class World:
    """A connection with all its fakes, under one fate."""

    def __init__(
        self,
        resources: Sequence[str] = (RESOURCE, COLLEAGUE),
        *,
        fate: Fate | None = None,
    ) -> None:
        self.fate = fate or Fate()
        self.state = FakeState(self.fate)
        self.ledger = FakeLedger(self.fate)
        self.salesforce = FakeSalesforce(self.fate)
        self.hypertrack = FakeHyperTrack(self.fate)
        self.changes = FakeOutbox(self.fate, "Sync")
        self.invites = FakeOutbox(self.fate, "Invite")
        self.events = FakeOutbox(self.fate, "Report")
        self.notices = FakeNotices(self.fate)
        self.connection = connection()
        self.capabilities: Capabilities | None = None
        self.zones: dict[tuple[str, str], tuple[datetime, ZoneInfo]] = {}
        self.now = NOON
        for number, each in enumerate(resources):
            self.salesforce.assign(
                APPOINTMENT, each, ("Ada Lovelace", "Grace Hopper")[number % 2]
            )

    @property
    def ground(self) -> Ground:
        return Ground(
            connection=self.connection,
            state=self.state,
            hypertrack=self.hypertrack,
            invites=self.invites,
            changes=self.changes,
            events=self.events,
            now=self.now,
        )

    @property
    def desk(self) -> Desk:
        return Desk(
            connection=self.connection,
            state=self.state,
            salesforce=self.salesforce,
            hypertrack=self.hypertrack,
            ledger=self.ledger,
            changes=self.changes,
            notices=self.notices,
            now=self.now,
            capabilities=self.capabilities,
            zones=self.zones,
        )

    def have_keys(self, *objects: str) -> None:
        """The org has a field for our key on these objects."""
        told = self.salesforce.told
        self.salesforce.told = told.model_copy(update={"keyed": objects})
        self.capabilities = Capabilities(
            connection=CONNECTION, checked_at=self.now, lacking=told.lacking, keyed=objects
        )

    def pass_time(self, span: timedelta) -> None:
        self.now += span
        self.salesforce.now += span
