"""What the parts of the simulator share, and the one way in which it tells of an event."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import Any, Protocol

from local.hypertrack.events import Event, envelope
from local.hypertrack.state import (
    Account,
    Clock,
    Device,
    Fix,
    Invite,
    Json,
    Switches,
    Token,
    Worker,
)
from local.hypertrack.webhooks import Webhooks


def link_data(account: Account, worker: Worker) -> Json:
    """What an invitation link carries; the real keys are not published.

    Assumed: the driver id that the Salesforce guide names, which every old app reads, and the
    worker handle that the newest iOS reads. No e-mail, since HyperTrack was not told any.
    """
    handle = worker.worker_handle
    named = {"driver_id": handle, "worker_handle": handle}
    return {"publishable_key": account.publishable_key, **named}


class Handset(Protocol):
    """What HyperTrack can tell a phone."""

    def now(self) -> datetime: ...

    def command(self, tracking: bool) -> None: ...

    def intend(self, tracking: bool) -> None: ...

    def geofence_made(self) -> None: ...

    def locate(self, answer: Callable[[Fix | None], None]) -> None: ...


@dataclass(frozen=True)
class Request:
    """One request to the REST API and the status it got, None where it got no answer."""

    method: str
    path: str
    query: str
    body: Any
    status: int | None
    account_id: str | None


@dataclass
class World:
    """The state of one simulator; whoever touches it holds the lock."""

    clock: Clock
    accounts: dict[str, Account]
    webhooks: Webhooks
    validate: bool = True
    switches: Switches = field(default_factory=Switches)
    invites: list[Invite] = field(default_factory=list)
    handsets: dict[str, Handset] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    faults: list[Json] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    lock: RLock = field(default_factory=RLock)

    link_data: Callable[[Account, Worker], Json] = field(default=link_data)

    def emit(
        self,
        account: Account,
        kind: str,
        data: Json,
        *,
        device: Device,
        at: datetime,
        location: Json | None = None,
        heard_at: datetime | None = None,
        more: Json | None = None,
    ) -> Event:
        """Tell of something that the device recorded `at` and HyperTrack heard of later.

        `more` has the fields of the envelope that differ; None leaves one out.
        """
        told = max(self.clock(), heard_at or at)
        body = envelope(kind, data, created_at=told, recorded_at=at) | {
            "device_id": device.device_id,
            "account_id": account.account_id,
            "location": location,
            "worker_handle": device.worker_handle,
            **(more or {}),
        }
        present = {key: value for key, value in body.items() if value is not None}
        return self.webhooks.emit(account, present)
