"""What the rules need from the outside, as small Protocols in our own words."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from fieldlink.errors import FieldlinkError
    from fieldlink.models import (
        Described,
        Fence,
        Grant,
        Identity,
        LedgerRow,
        Look,
        Place,
        SeenDevice,
        TrackedOrder,
        Travel,
        View,
        WantedOrder,
        Writes,
        Written,
    )
    from fieldlink.records import PolledRows, Record, Row


# The fingerprints of those rows of a kind that are stored, by key.
type Fingerprints = Callable[
    [type[Row], Collection[tuple[str, ...]]], Mapping[tuple[str, ...], str]
]


def nothing_is_known(
    _kind: type[Row], _keys: Collection[tuple[str, ...]]
) -> Mapping[tuple[str, ...], str]:
    """Every row is news."""
    return {}


class Again(NamedTuple):
    """Rows that were asked for one by one, and which of the others were deleted."""

    rows: PolledRows
    deleted: frozenset[str]  # ids that the org's deletion log names


class Front(NamedTuple):
    """What an org tells anybody who asks."""

    versions: tuple[str, ...]  # of its API
    at: datetime  # by its own clock


class Sender(NamedTuple):
    """How the address stands that we send from."""

    address: str
    verified: bool
    production: bool  # whether mail goes out to anybody, and not only to verified addresses
    enabled: bool


class Depth(NamedTuple):
    """How many messages lie in a queue, roughly."""

    waiting: int
    dead: int  # in its dead-letter queue


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

    def depth(self) -> Depth:
        """How much waits in it, and in its dead-letter queue."""
        ...


class State(Protocol):
    """The small, current facts: one record for each key, guarded by its version. What reads
    them raises Refused if what lies there can't be read.
    """

    def read[R: Record](self, kind: type[R], *key: str) -> R | None: ...

    def read_many[R: Record](
        self, kind: type[R], keys: Iterable[tuple[str, ...]]
    ) -> list[R]: ...

    def fingerprints(
        self, kind: type[Row], keys: Collection[tuple[str, ...]]
    ) -> Mapping[tuple[str, ...], str]:
        """Those of stored rows, by key; less to read than the rows themselves."""
        ...

    def all_of[R: Record](self, kind: type[R], *key: str) -> list[R]: ...

    def some_of[R: Record](self, kind: type[R], *key: str, limit: int) -> list[R]:
        """The first so many of them, in the order of their keys."""
        ...

    def write(self, record: Record) -> bool:
        """Store the record if its version is still the stored one; False if it is not."""
        ...

    def write_each(self, records: Sequence[Record]) -> Sequence[bool | FieldlinkError]:
        """Likewise each of several, of which none is a Row; where one fails, why."""
        ...

    def write_all(
        self, records: Iterable[Record], *, fence: Record | None = None, once: bool = False
    ) -> None:
        """Store records that have only one writer, whatever their version.

        `fence`: raise Unavailable, from there on writing nothing, once this record is no
        longer stored in the version that it has. `once`: others may write them as soon as
        they are stored, so whether they are is not made sure of by storing them again.
        """
        ...

    def take[R: Record](self, kind: type[R], *key: str) -> R | None:
        """Remove a record and return it: exactly one of any number of callers gets it."""
        ...

    def erase(self, kind: type[Record], *key: str) -> None: ...

    def forget(self, record: Record) -> None:
        """Erase the record, unless it is no longer what was read."""
        ...


class Meter(Protocol):
    """Counts the API calls of each connection, by the hour."""

    def add(self, connection: str, at: datetime, calls: int) -> None: ...

    def last_day(self, connection: str, now: datetime) -> int:
        """How many there were in the last 24 hours."""
        ...


class Link(NamedTuple):
    """One link of the chain over a connection's ledger of one day."""

    number: int  # from 1 on, without a gap
    before: str  # hash of the link before it, "" of the first
    rows: Mapping[str, str]  # hash of each row that was put with it, by the row's key
    at: str  # when, in ISO 8601
    hash: str  # over all of the above

    @property
    def text(self) -> str:
        """What is hashed: one text for the same link, whoever spells it."""
        told = {"number": self.number, "before": self.before, "rows": self.rows, "at": self.at}
        return json.dumps(told, sort_keys=True, separators=(",", ":"))

    @property
    def sealed(self) -> Link:
        """The same with the hash that it must have."""
        return self._replace(hash=digest(self.text))


def digest(text: str) -> str:
    """The hash of a row or a link, by its text as it is stored."""
    return hashlib.sha256(text.encode()).hexdigest()


class Kept(NamedTuple):
    """A row as the ledger keeps it."""

    row: LedgerRow | None  # None: it can't be read, so it is not what was put
    hash: str  # of its text; once that was erased, of what it was


class Ledger(Protocol):
    """One row for each event that we acknowledged, saying what became of it; chained, so that
    nobody changes or removes one unnoticed.
    """

    def put(self, row: LedgerRow) -> None:
        """Store the row under its event; storing it twice is harmless."""
        ...

    def put_all(self, rows: Sequence[LedgerRow]) -> None:
        """The same for several, with one link of the chain for each connection and day."""
        ...

    def last(self, connection: str, *, now: datetime, limit: int) -> list[LedgerRow]:
        """The newest rows of today and yesterday."""
        ...

    def of_deliveries(
        self, connection: str, told: Collection[tuple[datetime, str]]
    ) -> list[LedgerRow]:
        """Those of deliveries, each by when it was received and its id."""
        ...

    def of_day(
        self, connection: str, day: date, after: str = "", limit: int = 1_000
    ) -> tuple[dict[str, Kept], str]:
        """Rows by key, in the order in which they were received, and where to go on; "" at
        the end.
        """
        ...

    def chain(self, connection: str, day: date) -> Iterator[Link]:
        """In the order of their numbers."""
        ...

    def erase(self, connection: str, day: date, key: str, *, at: datetime) -> None:
        """Leave nothing of a row but that it was there, when, its outcome and its hash."""
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

    def by_jwt(self, login_url: str, *, username: str, audience: str) -> Grant:
        """A grant for a user who has approved our app before; it brings no refresh token."""
        ...

    def by_client(self, login_url: str) -> Grant:
        """A grant for the app's own Run As user; it brings no refresh token."""
        ...

    def revoke(self, login_url: str, *, token: str) -> None: ...

    def scopes(self, login_url: str, *, token: str) -> frozenset[str] | None:
        """What a token is good for; None if it is good for nothing any more."""
        ...

    def identity(self, grant: Grant, *, unsigned: bool = False) -> Identity:
        """Org and user of a grant; Refused if Salesforce did not sign them.

        `unsigned`: an answer without a signature will do, one with a wrong one will not.
        """
        ...


class Describing(Protocol):
    """An org that tells what it lets our user do."""

    def described(self) -> Described:
        """What our user may read and write. From then on nothing unreadable is asked for."""
        ...


class Examination(Describing, Protocol):
    """One connection's org, for whoever wants to know how it is set up."""

    def front(self) -> Front:
        """What can be known without our access."""
        ...

    def scopes(self) -> frozenset[str]:
        """What our access is good for; Lost if Salesforce no longer knows it."""
        ...


class Salesforce(Describing, Protocol):
    """One connection's org."""

    def missing_objects(self) -> list[str]: ...

    def changes(
        self, since: datetime | None, known: Fingerprints = nothing_is_known
    ) -> PolledRows:
        """Rows touched at or after `since`, deleted ones too; None: all that counts now.

        Those whose fingerprints are `known` are named by their ids only.
        """
        ...

    def again(self, appointments: Iterable[str], assignments: Iterable[str]) -> Again:
        """What became of rows that a full look did not show."""
        ...

    def view(self, look: Look) -> View:
        """Refused (NOT_ASSIGNED) if the resource is not assigned, unless `look.left`."""
        ...

    def find(self, writes: Writes) -> Written:
        """Which of the new rows in `writes` are there already."""
        ...

    def write(self, writes: Writes) -> Written:
        """Carry out all of the writes or none of them."""
        ...

    def locate(self, resource: str, place: Place, at: datetime) -> None:
        """Show where a resource was last."""
        ...


class SeveralAtOnce(Protocol):
    """An org that takes several looks, searches or writes in few calls. Each has an answer or
    an error of its own; what went wrong with the call as a whole is raised.
    """

    def views(self, looks: Sequence[Look]) -> list[View | FieldlinkError]: ...

    def find_all(self, several: Sequence[Writes]) -> list[Written | FieldlinkError]: ...

    def write_all(self, several: Sequence[Writes]) -> list[Written | FieldlinkError]:
        """Each of the writes is carried out as a whole or not at all."""
        ...


class HyperTrackRecord(Protocol):
    """What one HyperTrack account has recorded, in the shape of the webhooks that told it."""

    def orders_of(self, worker: str, since: datetime) -> list[str]:
        """The handles of a worker's orders that are not over, or ended since then."""
        ...

    def told_of_order(self, handle: str, since: datetime) -> list[dict[str, Any]]:
        """Every webhook that an order has caused since then; none if it is not known."""
        ...

    def visits(self, device: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """Arrivals at geofences and departures, as `geofence` events."""
        ...

    def markers(self, geofence: str, since: datetime) -> list[dict[str, Any]]:
        """Likewise, from the geofence itself; none if it is gone."""
        ...

    def geotags(self, device: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """As `geotag` events."""
        ...


class Orders(Protocol):
    """The orders of one HyperTrack account. Refused.code is HyperTrack's own word."""

    def track(self, order: WantedOrder, mode: str) -> TrackedOrder:
        """Refused with `duplicate_resource` if an order of this handle is not over yet."""
        ...

    def order(self, handle: str) -> TrackedOrder | None: ...

    def change_order(self, order: WantedOrder) -> None:
        """Its time and its words; HyperTrack moves no order that is tracked."""
        ...

    def reassign_order(self, handle: str, worker: str) -> None:
        """One that is theirs already is as good."""
        ...

    def reschedule_order(self, handle: str, at: datetime) -> None:
        """Its tracking ends; it is planned anew for then."""
        ...

    def end_order(self, handle: str, *, completed: bool) -> None:
        """Complete or cancel it. One that is not there is as good."""
        ...

    def pause_order(self, handle: str, *, paused: bool) -> None:
        """One that is so already is as good."""
        ...

    def way_to(self, handle: str) -> Travel | None:
        """The way to an order's place, once it has been reached."""
        ...

    def undelete_worker(self, handle: str) -> None: ...

    def link_device(self, handle: str, device: str) -> None:
        """Have a worker carry this device."""
        ...

    def set_tracking(self, handle: str, *, tracking: bool) -> None:
        """A worker's own switch, apart from all orders."""
        ...


class HyperTrack(Orders, HyperTrackRecord, Protocol):
    """One connection's HyperTrack account."""

    def check(self) -> None:
        """Refused if the account id and secret key are not valid."""
        ...

    def ensure_worker(self, handle: str, name: str) -> None: ...

    def invitation_link(self, handle: str) -> str: ...

    def device_of(self, handle: str) -> SeenDevice | None:
        """The device that is linked to a worker."""
        ...

    def driver_of(self, device: str) -> SeenDevice | None:
        """A device, with whatever says whose it is; None if nothing does."""
        ...

    def devices(self) -> list[SeenDevice]:
        """Every device of the account, without the workers that they are linked to."""
        ...

    def release_device(self, handle: str) -> None:
        """Have a worker carry no device any more; one that is not there carries none."""
        ...

    def add_geofence(self, fence: Fence) -> str: ...

    def find_geofence(self, fence: Fence) -> str | None: ...

    def relabel_geofence(self, geofence: str, metadata: dict[str, str]) -> None: ...

    def remove_geofence(self, geofence: str) -> None: ...

    def geofence_metadata(self, geofence: str) -> dict[str, Any]: ...


class Mail(Protocol):
    """Sends mail."""

    def send(
        self, *, to: str, subject: str, text: str, html: str, labels: Mapping[str, str]
    ) -> None:
        """`labels` come back with the news of what became of the mail."""
        ...

    def check(self) -> Sender: ...


class Notices(Protocol):
    """Tells the dispatchers of a connection, by whatever they have subscribed."""

    def send(self, *, connection: str, name: str, subject: str, text: str) -> None: ...


class Spooled(NamedTuple):
    """Something that is kept: its key, and when it was put there, in whole seconds."""

    key: str
    put_at: datetime
    size: int  # bytes


class Spool(Protocol):
    """Keeps whole deliveries and large events for a while, encrypted."""

    def put(self, key: str, body: bytes) -> None: ...

    def claim(self, key: str, body: bytes) -> bool:
        """Put it unless something lies there already; False if it does."""
        ...

    def get(self, key: str) -> bytes | None: ...

    def list(self, prefix: str, limit: int, after: str = "") -> list[Spooled]:
        """The first so many behind `after`, at most 1,000, in the order of their keys."""
        ...

    def remove(self, key: str) -> None: ...


class Keys(NamedTuple):
    """What the webhook door knows of a connection."""

    secrets: Sequence[str]
    live_positions: bool


class KeyRing(Protocol):
    """The secrets with which a connection's webhooks are signed."""

    def of(self, connection: str) -> Keys | None: ...

    def lately(self, connection: str) -> Keys | None:
        """As of a few seconds ago, at most."""
        ...
