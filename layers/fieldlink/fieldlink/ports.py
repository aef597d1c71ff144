"""What the rules need from the outside, as small Protocols in our own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from fieldlink.models import Fence, Grant, Identity, LedgerRow, View, Writes, Written
    from fieldlink.records import PolledRows, Record


class Message(NamedTuple):
    """One message for a FIFO queue."""

    body: str
    group: str
    key: str  # the queue drops a second message with this key for five minutes


class Outbox(Protocol):
    """A queue, seen by those who put into it."""

    def put(self, messages: Iterable[Message]) -> None:
        """Hand over every message, or raise Unavailable; the same call may be repeated."""
        ...


class State(Protocol):
    """The small, current facts: one record for each key, guarded by its version."""

    def read[R: Record](self, kind: type[R], *key: str) -> R | None: ...

    def read_many[R: Record](
        self, kind: type[R], keys: Iterable[tuple[str, ...]]
    ) -> list[R]: ...

    def all_of[R: Record](self, kind: type[R], *key: str) -> list[R]: ...

    def write(self, record: Record) -> bool:
        """Store the record if its version is still the stored one; False if it is not."""
        ...

    def write_all(self, records: Iterable[Record]) -> None:
        """Store records that have only one writer, whatever their version."""
        ...

    def take[R: Record](self, kind: type[R], *key: str) -> R | None:
        """Remove a record and return it: exactly one of any number of callers gets it."""
        ...

    def erase(self, kind: type[Record], *key: str) -> None: ...

    def forget(self, record: Record) -> None:
        """Erase the record, unless it is no longer what was read."""
        ...


class Ledger(Protocol):
    """One row for each event that we acknowledged, saying what became of it."""

    def put(self, row: LedgerRow) -> None:
        """Store the row under its event; storing it twice is harmless."""
        ...


class Vault(Protocol):
    """Seals secrets for one connection, so that they can lie in the state."""

    def seal(self, secret: str, *, connection: str) -> str: ...

    def open(self, sealed: str, *, connection: str) -> str: ...


class Authorisation(Protocol):
    """Salesforce's OAuth endpoints for our app."""

    def page(self, login_url: str, *, state: str, challenge: str, callback: str) -> str:
        """The address to send the operator's browser to."""
        ...

    def exchange(self, login_url: str, *, code: str, verifier: str, callback: str) -> Grant: ...

    def refresh(self, login_url: str, *, refresh_token: str) -> Grant: ...

    def revoke(self, login_url: str, *, token: str) -> None: ...

    def identity(self, grant: Grant) -> Identity:
        """Org and user of a grant; Refused if Salesforce did not sign them."""
        ...


class Salesforce(Protocol):
    """One connection's org."""

    def missing_objects(self) -> list[str]: ...

    def changes(self, since: datetime | None) -> PolledRows: ...

    def view(self, appointment: str, resource: str, day: datetime, entry: str = "") -> View: ...

    def find(self, writes: Writes) -> Written:
        """Which of the new rows in `writes` are there already."""
        ...

    def write(self, writes: Writes) -> Written:
        """Carry out all of the writes or none of them."""
        ...


class HyperTrack(Protocol):
    """One connection's HyperTrack account."""

    def check(self) -> None:
        """Refused if the account id and secret key are not valid."""
        ...

    def ensure_worker(self, handle: str, name: str) -> None: ...

    def invitation_link(self, handle: str) -> str: ...

    def device_of(self, handle: str) -> str | None: ...

    def driver_of(self, device: str) -> str | None: ...

    def add_geofence(self, fence: Fence) -> str: ...

    def find_geofence(self, fence: Fence) -> str | None: ...

    def relabel_geofence(self, geofence: str, metadata: dict[str, str]) -> None: ...

    def remove_geofence(self, geofence: str) -> None: ...

    def geofence_metadata(self, geofence: str) -> dict[str, Any]: ...


class Mail(Protocol):
    """Sends mail."""

    def send(self, *, to: str, subject: str, text: str, html: str) -> None: ...


class Keys(NamedTuple):
    """What the webhook door knows of a connection."""

    secrets: Sequence[str]
    live_positions: bool


class KeyRing(Protocol):
    """The secrets with which a connection's webhooks are signed."""

    def of(self, connection: str) -> Keys | None: ...
