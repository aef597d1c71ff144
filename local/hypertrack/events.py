"""One webhook event: its envelope, what became of it, and each attempt to deliver it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from local.hypertrack.state import Json, stamp

Outcome = Literal["no webhook", "pending", "delivered", "refused", "given up"]

# As the examples have them: three fractional digits in these types, six in the others.
MILLISECONDS = frozenset({"geofence", "order", "route", "worker"})
GENERATION_C = frozenset({"order", "route", "worker"})

TEST_EVENT: Json = {
    "recorded_at": "2019-02-27T22:50:24.538000Z",
    "data": {
        "altitude": 495.2,
        "bearing": 90,
        "location": {"coordinates": [-6.2755, 57.6398983], "type": "Point"},
        "location_accuracy": 14.087,
        "speed": 0,
    },
    "device_id": "TEST_DEVICE_ID",
    "type": "location",
    "account_id": "0",
}


def envelope(kind: str, data: Json, *, created_at: datetime, recorded_at: datetime) -> Json:
    """What every event has: when the device saw it, when HyperTrack told of it, and what."""
    digits = 3 if kind in MILLISECONDS else 6
    return {
        "created_at": stamp(created_at, digits),
        "recorded_at": stamp(recorded_at, digits),
        "type": kind,
        "version": "3.0.0" if kind in GENERATION_C else "2.0.0",
        "data": data,
    }


@dataclass
class Event:
    """Something that HyperTrack told, or wanted to tell, a receiver."""

    account_id: str
    body: Json
    outcome: Outcome = "pending"
    status: int | None = None  # of the last attempt, None if there was no answer
    attempts: int = 0
    answer: str | None = None

    @property
    def moment(self) -> str:
        """To the millisecond, since the events come with three or with six digits."""
        return str(self.body.get("recorded_at") or self.body.get("created_at") or "")[:23]


@dataclass(frozen=True)
class Delivery:
    """One attempt; its status is None where no answer came in time."""

    time: datetime
    account_id: str
    url: str
    body: bytes
    status: int | None
    attempt: int
    message_id: str
    headers: Mapping[str, str] = field(repr=False)
