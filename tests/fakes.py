"""The ports in memory. They behave as the adapters do; the same contracts are run on both.

All fakes of a test share a `Fate`: it names their effects in the order in which they happened,
makes one of them fail, or ends the worker before or after its n-th effect, like a power cut.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fieldlink import models
from fieldlink.errors import NOT_ASSIGNED, Contended, FieldlinkError, Refused, Unavailable
from fieldlink.models import (
    ASSIGNMENT_KEY,
    RESOURCE_KEY,
    Ability,
    Beside,
    Category,
    Described,
    Grant,
    Identity,
    LedgerRow,
    NewEvent,
    SeenDevice,
    Sheet,
    Status,
    View,
    Writes,
    Written,
    minute,
)
from fieldlink.ports import (
    Again,
    Depth,
    Kept,
    Keys,
    Link,
    Message,
    Sender,
    Spooled,
    digest,
    nothing_is_known,
)
from fieldlink.records import (
    Appointment,
    Assignment,
    PolledRows,
    Record,
    Resource,
    Row,
    Shift,
    WebhookKeys,
)
from tests.fake_orders import Attempt, FakeOrders

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from fieldlink.models import Fence, Look, NewSheet, Place, SheetEntry
    from fieldlink.ports import Fingerprints

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
STATUSES = (
    Status(name="None", category=Category.SCHEDULED),
    Status(name="Scheduled", category=Category.SCHEDULED, default=True),
    Status(name="Dispatched", category=Category.DISPATCHED, default=True),
    Status(name="On Site", category=Category.IN_PROGRESS),
    Status(name="In Progress", category=Category.IN_PROGRESS, default=True),
    Status(name="Cannot Complete", category=Category.CANNOT_COMPLETE, default=True),
    Status(name="Completed", category=Category.COMPLETED, default=True),
    Status(name="Canceled", category=Category.CANCELED, default=True),
)
SHEETS_BEFORE, SHEETS_AFTER = timedelta(days=7), timedelta(days=2)  # around a day looked at


class Killed(BaseException):
    """The worker was stopped from outside; nothing of ours may catch this."""


class Death(NamedTuple):
    """Before or after which effect, counted from 1, a worker dies."""

    side: Literal["before", "after"]
    number: int


class Fate:
    """What happens to those who use the fakes."""

    def __init__(self) -> None:
        self.effects: list[str] = []
        self.death: Death | None = None
        self._failures: dict[str, tuple[Exception, bool, int]] = {}

    def fail(
        self, effect: str, error: Exception, *, after: bool = False, times: int = 1_000_000
    ) -> None:
        """Let the next `times` of this effect fail; `after`: once they have been done."""
        self._failures[effect] = (error, after, times)

    def recover(self) -> None:
        self._failures.clear()

    @contextmanager
    def effect(self, name: str) -> Iterator[None]:
        self.effects.append(name)
        number = len(self.effects)
        self._die(Death("before", number))
        try:
            with self.part(name):
                yield
        except FieldlinkError:
            self._die(Death("after", number))
            raise
        self._die(Death("after", number))

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What can fail by itself within an effect that does several things at once."""
        self._fail(name, after=False)
        yield
        self._fail(name, after=True)

    def _die(self, here: Death) -> None:
        if self.death == here:
            self.death = None
            raise Killed(f"{here.side} {self.effects[-1]}")

    def _fail(self, name: str, *, after: bool) -> None:
        error, done_first, times = self._failures.get(name, (None, False, 0))
        if error and done_first is after and times:
            self._failures[name] = (error, done_first, times - 1)
            raise error


class Stored(NamedTuple):
    """A record as the table holds it."""

    body: str
    version: int
    ttl: int | None


class FakeState:
    """Keeps records as JSON, as the table does, so that what can't be stored shows."""

    def __init__(self, fate: Fate | None = None) -> None:
        self.fate = fate or Fate()
        self._stored: dict[tuple[type[Record], tuple[str, ...]], Stored] = {}
        self.calls_for_claims = 0
        self._lock = RLock()

    def read[R: Record](self, kind: type[R], *key: str) -> R | None:
        with self.fate.effect(f"read {kind.__name__}"):
            stored = self._stored.get((kind, key))
            return _record(kind, stored) if stored else None

    def read_many[R: Record](self, kind: type[R], keys: Iterable[tuple[str, ...]]) -> list[R]:
        wanted = list(keys)
        assert len(wanted) == len(set(wanted)), "BatchGetItem refuses a key that comes twice"
        with self.fate.effect(f"read {kind.__name__}s"):
            found = [self._stored.get((kind, key)) for key in wanted]
            return [_record(kind, stored) for stored in found if stored]

    def fingerprints(
        self, kind: type[Row], keys: Collection[tuple[str, ...]]
    ) -> dict[tuple[str, ...], str]:
        with self.fate.effect(f"read fingerprints of {kind.__name__}s"):
            found = {key: self._stored.get((kind, key)) for key in keys}
            told = {key: _record(kind, each).fingerprint for key, each in found.items() if each}
            return {key: each for key, each in told.items() if each}

    def all_of[R: Record](self, kind: type[R], *key: str) -> list[R]:
        with self.fate.effect(f"read all {kind.__name__}s"):
            return [
                _record(kind, stored)
                for (stored_kind, stored_key), stored in sorted(
                    self._stored.items(), key=lambda each: each[0][1]
                )
                if stored_kind is kind and stored_key[: len(key)] == key
            ]

    def some_of[R: Record](self, kind: type[R], *key: str, limit: int) -> list[R]:
        return self.all_of(kind, *key)[:limit]

    def write(self, record: Record) -> bool:
        with self.fate.effect(f"write {type(record).__name__}"), self._lock:
            if self._version(record) != record.version:
                return False
            self._put(record)
            return True

    def write_each(self, records: Sequence[Record]) -> list[bool | FieldlinkError]:
        different = {(type(each), each.key) for each in records}
        assert len(different) == len(records), "who writes an item twice in a call loses one"
        assert not any(isinstance(each, Row) for each in records), "it may lack an attribute"
        self.calls_for_claims += 1
        return [self._tried(each) for each in records]

    def _tried(self, record: Record) -> bool | FieldlinkError:
        try:
            return self.write(record)
        except FieldlinkError as error:
            return error

    def write_all(
        self, records: Iterable[Record], *, fence: Record | None = None, once: bool = False
    ) -> None:
        del once  # nothing is repeated here
        for record in records:
            with self.fate.effect(f"write {type(record).__name__}"), self._lock:
                if fence and self._version(fence) != fence.version:
                    raise Unavailable("another worker has moved on, or DynamoDB is busy")
                self._put(record)

    def take[R: Record](self, kind: type[R], *key: str) -> R | None:
        with self.fate.effect(f"take {kind.__name__}"), self._lock:
            stored = self._stored.pop((kind, key), None)
            return _record(kind, stored) if stored else None

    def erase(self, kind: type[Record], *key: str) -> None:
        with self.fate.effect(f"erase {kind.__name__}"):
            self._stored.pop((kind, key), None)

    def forget(self, record: Record) -> None:
        kind, key = type(record), record.key
        with self.fate.effect(f"erase {kind.__name__}"), self._lock:
            stored = self._stored.get((kind, key))
            body = record.model_dump(exclude={"version", "ttl"})
            if stored and _record(kind, stored).model_dump(exclude={"version", "ttl"}) == body:
                del self._stored[kind, key]

    @property
    def texts(self) -> str:
        """Everything that is stored, to look for what must not be."""
        return "\n".join(stored.body for stored in self._stored.values())

    @property
    def kinds(self) -> Counter[str]:
        """How many records of each kind are stored."""
        return Counter(kind.__name__ for kind, _ in self._stored)

    def _version(self, record: Record) -> int:
        stored = self._stored.get((type(record), record.key))
        return stored.version if stored else 0

    def _put(self, record: Record) -> None:
        body = record.model_dump_json(exclude={"version", "ttl"})
        stored = Stored(body, record.version + 1, record.ttl)
        self._stored[type(record), record.key] = stored


def _record[R: Record](kind: type[R], stored: Stored) -> R:
    fields = {**json.loads(stored.body), "version": stored.version, "ttl": stored.ttl}
    return kind.model_validate(fields)


class FakeLedger:
    """One row for each delivery of each event, and a link for each time that some were put."""

    def __init__(self, fate: Fate | None = None) -> None:
        self.fate = fate or Fate()
        self.now = NOON
        self._stored: dict[tuple[str, str], dict[str, str]] = {}  # by connection and day
        self._hashes: dict[tuple[str, str], dict[str, str]] = {}  # of what was erased
        self._links: dict[tuple[str, str], list[Link]] = {}
        self._lock = RLock()

    def put(self, row: LedgerRow) -> None:
        self.put_all([row])

    def put_all(self, rows: Sequence[LedgerRow]) -> None:
        with self.fate.effect("put LedgerRow" if len(rows) == 1 else "put LedgerRows"):
            self._put_all(rows)

    def last(self, connection: str, *, now: datetime, limit: int) -> list[LedgerRow]:
        """The newest rows of today and yesterday."""
        days = [(now.astimezone(UTC) - timedelta(days=before)).date() for before in (0, 1)]
        found = [text for day in days for text in self._of(connection, day)[::-1]]
        return [LedgerRow.model_validate_json(text) for _, text in found[:limit]]

    def of_deliveries(
        self, connection: str, told: Collection[tuple[datetime, str]]
    ) -> list[LedgerRow]:
        with self.fate.effect("read LedgerRows"):
            wanted = {_row_key(at, delivery) for at, delivery in told}
            found = [self._stored.get((connection, key[:10]), {}).get(key) for key in wanted]
            return [LedgerRow.model_validate_json(text) for text in found if text]

    def of_day(
        self, connection: str, day: date, after: str = "", limit: int = 1_000
    ) -> tuple[dict[str, Kept], str]:
        with self.fate.effect("read a page of LedgerRows"):
            erased = self._hashes.get((connection, day.isoformat()), {})
            behind = [each for each in self._of(connection, day) if each[0] > after]
            page = {
                key: Kept(LedgerRow.model_validate_json(text), erased.get(key) or digest(text))
                for key, text in behind[:limit]
            }
            return page, max(page) if len(behind) > limit else ""

    def chain(self, connection: str, day: date) -> Iterator[Link]:
        with self.fate.effect("read Links"):
            return iter(list(self._links.get((connection, day.isoformat()), ())))

    def erase(self, connection: str, day: date, key: str, *, at: datetime) -> None:
        with self.fate.effect("erase LedgerRow"), self._lock:
            where = (connection, day.isoformat())
            text = self._stored.get(where, {}).get(key)
            if text is None or key in self._hashes.get(where, {}):
                return
            self._hashes.setdefault(where, {})[key] = digest(text)
            names = ("connection", "received_at", "delivery", "outcome")
            left = {name: json.loads(text)[name] for name in names}
            row = LedgerRow(**left, erased=at.isoformat())
            self._stored[where][key] = row.model_dump_json(exclude_defaults=True)

    @property
    def rows(self) -> list[LedgerRow]:
        """In the order in which they were first put on their day."""
        found = [text for day in self._stored.values() for text in day.values()]
        return [LedgerRow.model_validate_json(text) for text in found]

    def change(self, connection: str, key: str, text: str | None) -> None:
        """As somebody would who must not; None: take the row out."""
        day = self._stored[connection, key[:10]]
        if text is None:
            del day[key]
        else:
            day[key] = text

    def cut(self, connection: str, day: date, number: int) -> None:
        """Take a link out, as somebody would who must not."""
        links = self._links[connection, day.isoformat()]
        links[:] = [each for each in links if each.number != number]

    def _of(self, connection: str, day: date) -> list[tuple[str, str]]:
        return sorted(self._stored.get((connection, day.isoformat()), {}).items())

    def _put_all(self, rows: Sequence[LedgerRow]) -> None:
        with self._lock:
            named: dict[tuple[str, str], dict[str, str]] = {}
            for row in rows:
                key = _row_key(row.received_at, row.delivery)
                text = row.model_dump_json(exclude_defaults=True)
                where = (row.connection, key[:10])
                self._stored.setdefault(where, {})[key] = text
                self._hashes.get(where, {}).pop(key, None)
                named.setdefault(where, {})[key] = digest(text)
            for where, hashes in named.items():
                links = self._links.setdefault(where, [])
                before = links[-1].hash if links else ""
                at = self.now.isoformat()
                links.append(Link(len(links) + 1, before, hashes, at, "").sealed)


def _row_key(received_at: datetime, delivery: str) -> str:
    return f"{received_at.astimezone(UTC).isoformat()}#{delivery}"


class FakeMeter:
    """Counts by the hour, and forgets none."""

    def __init__(self, fate: Fate | None = None) -> None:
        self.fate = fate or Fate()
        self.hours: Counter[tuple[str, datetime]] = Counter()

    def add(self, connection: str, at: datetime, calls: int) -> None:
        with self.fate.effect("add calls"):
            self.hours[connection, _hour(at)] += calls

    def last_day(self, connection: str, now: datetime) -> int:
        with self.fate.effect("read calls"):
            first, last = _hour(now) - timedelta(days=1), _hour(now)
            return sum(
                calls
                for (name, hour), calls in self.hours.items()
                if name == connection and first <= hour <= last
            )


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


class FakeOutbox:
    """Records the messages that were put, each time that they were."""

    def __init__(self, fate: Fate | None = None, name: str = "Message") -> None:
        self.fate = fate or Fate()
        self.name = name
        self.messages: list[Message] = []
        self.dead = 0

    def put(self, messages: Iterable[Message]) -> None:
        wanted = list(messages)
        with self.fate.effect(f"put {self.name}"):
            self.messages += wanted

    def depth(self) -> Depth:
        with self.fate.effect(f"count {self.name}"):
            return Depth(waiting=len(self.queued), dead=self.dead)

    @property
    def queued(self) -> list[Message]:
        """As the queue would have them: a key that comes again is dropped."""
        return list({message.key: message for message in reversed(self.messages)}.values())[
            ::-1
        ]


class FakeSpool:
    """Keeps objects under their keys, and when they were put there."""

    def __init__(self, fate: Fate | None = None) -> None:
        self.fate = fate or Fate()
        self.kept: dict[str, bytes] = {}
        self.put_at: dict[str, datetime] = {}
        self.now = NOON

    def put(self, key: str, body: bytes) -> None:
        with self.fate.effect("put Spooled"):
            self._keep(key, body)

    def claim(self, key: str, body: bytes) -> bool:
        with self.fate.effect("claim Spooled"):
            if key in self.kept:
                return False
            self._keep(key, body)
            return True

    def get(self, key: str) -> bytes | None:
        with self.fate.effect("get Spooled"):
            return self.kept.get(key)

    def list(self, prefix: str, limit: int, after: str = "") -> list[Spooled]:
        with self.fate.effect("list Spooled"):
            found = sorted(key for key in self.kept if key.startswith(prefix) and key > after)
            return [
                Spooled(key, self.put_at[key], len(self.kept[key])) for key in found[:limit]
            ]

    def remove(self, key: str) -> None:
        with self.fate.effect("remove Spooled"):
            self.kept.pop(key, None)

    def _keep(self, key: str, body: bytes) -> None:
        assert re.fullmatch(r"[A-Za-z0-9_./-]+", key), "the adapter quotes no key"
        self.kept[key], self.put_at[key] = body, self.now.replace(microsecond=0)


class FakeVault:
    """Seals so that the secret can't be read, and opens for its own connection only."""

    def __init__(self, fate: Fate | None = None) -> None:
        self.fate = fate or Fate()

    def seal(self, secret: str, *, connection: str) -> str:
        with self.fate.effect("seal"):
            return b64encode(json.dumps([connection, secret]).encode()).decode()

    def open(self, sealed: str, *, connection: str) -> str:
        with self.fate.effect("open"):
            try:
                owner, secret = json.loads(b64decode(sealed, validate=True))
            except ValueError as error:
                raise Refused("KMS can't read this") from error
            if owner != connection:
                raise Refused("KMS sealed this for another connection")
            return str(secret)


class FakeKeyRing:
    """The webhook secrets of the connections in a state."""

    def __init__(self, state: FakeState, vault: FakeVault) -> None:
        self._state = state
        self._vault = vault

    def of(self, connection: str) -> Keys | None:
        found = self._state.read(WebhookKeys, connection)
        if found is None:
            return None
        secrets = [self._vault.open(each, connection=connection) for each in found.secrets]
        return Keys(secrets, found.live_positions)

    def lately(self, connection: str) -> Keys | None:
        return self.of(connection)


class Letter(NamedTuple):
    """A mail that was sent."""

    to: str
    subject: str
    text: str
    html: str
    labels: Mapping[str, str]


class FakeMail:
    """Keeps what was sent."""

    def __init__(self, fate: Fate | None = None) -> None:
        self.fate = fate or Fate()
        self.sent: list[Letter] = []
        self.sender = Sender("office@example.com", verified=True, production=True, enabled=True)

    def send(
        self, *, to: str, subject: str, text: str, html: str, labels: Mapping[str, str]
    ) -> None:
        with self.fate.effect("send mail"):
            self.sent.append(Letter(to, subject, text, html, labels))

    def check(self) -> Sender:
        with self.fate.effect("check sender"):
            return self.sender


class Notified(NamedTuple):
    """What the subscribers of the topic got."""

    connection: str
    name: str
    subject: str
    text: str


class FakeNotices:
    """Keeps what was published."""

    def __init__(self, fate: Fate | None = None) -> None:
        self.fate = fate or Fate()
        self.sent: list[Notified] = []

    def send(self, *, connection: str, name: str, subject: str, text: str) -> None:
        with self.fate.effect("send notice"):
            self.sent.append(Notified(connection, name, subject, text))


@dataclass
class FakeAuthorisation:
    """An org with rotation of refresh tokens: one that is shown twice revokes everything."""

    fate: Fate = field(default_factory=Fate)
    org: str = "00D000000000001EAA"
    user: str = "005000000000001AAA"
    instance_url: str = "https://example.my.salesforce.com"
    scope: str = "api refresh_token"
    requests: list[str] = field(default_factory=list)  # of tokens, by what was shown
    revoked: list[str] = field(default_factory=list)
    valid: set[str] = field(default_factory=set)
    forged: bool = False
    approved: set[str] = field(default_factory=set)  # usernames, for JWT
    run_as: bool = True  # whether the app has a user for client credentials
    pages: dict[str, str] = field(default_factory=dict)  # challenge by code
    _made: int = 0
    _lock: Any = field(default_factory=RLock)

    def page(self, login_url: str, *, state: str, challenge: str, callback: str) -> str:
        self.pages[f"code-{state}"] = challenge
        return f"{login_url}/authorize?state={state}&code_challenge={challenge}&to={callback}"

    def exchange(self, login_url: str, *, code: str, verifier: str, callback: str) -> Grant:
        assert login_url
        assert callback
        with self.fate.effect("exchange"), self._lock:
            self.requests.append(code)
            digest = b64encode(sha256(verifier.encode()).digest(), altchars=b"-_").decode()
            if self.pages.pop(code, None) != digest.rstrip("="):
                raise Refused("invalid_grant: invalid code verifier", code="invalid_grant")
            return self._grant()

    def refresh(self, login_url: str, *, refresh_token: str) -> Grant:
        assert login_url
        with self.fate.effect("refresh"), self._lock:
            self.requests.append(refresh_token)
            if refresh_token not in self.valid:
                self.valid.clear()
                text = "invalid_grant: expired access/refresh token"
                raise Refused(text, code="invalid_grant")
            self.valid.remove(refresh_token)
            return self._grant()

    def by_jwt(self, login_url: str, *, username: str, audience: str) -> Grant:
        assert login_url
        with self.fate.effect("by JWT"), self._lock:
            self.requests.append(f"{username} for {audience}")
            if username not in self.approved:
                text = "invalid_grant: user hasn't approved this consumer"
                raise Refused(text, code="invalid_grant")
            return self._directly()

    def by_client(self, login_url: str) -> Grant:
        with self.fate.effect("by client"), self._lock:
            self.requests.append(f"client at {login_url}")
            if not self.run_as:
                text = "invalid_grant: no client credentials user enabled"
                raise Refused(text, code="invalid_grant")
            return self._directly()

    def revoke(self, login_url: str, *, token: str) -> None:
        assert login_url
        with self.fate.effect("revoke"), self._lock:
            self.revoked.append(token)
            self.valid.discard(token)

    def scopes(self, login_url: str, *, token: str) -> frozenset[str] | None:
        assert login_url
        with self.fate.effect("introspect"):
            return frozenset(self.scope.split()) if token else None

    def identity(self, grant: Grant, *, unsigned: bool = False) -> Identity:
        assert grant.access_token
        if self.forged or not (grant.signature or unsigned):
            raise Refused("Salesforce's answer is not signed with this app's secret.")
        return Identity(org=self.org, user=self.user)

    def _directly(self) -> Grant:
        """Nothing to renew it with, and no signature."""
        return self._grant().model_copy(update={"refresh_token": "", "signature": ""})

    def _grant(self) -> Grant:
        self._made += 1
        refresh_token = f"refresh-{self._made}" if "refresh_token" in self.scope else ""
        if refresh_token:
            self.valid.add(refresh_token)
        return Grant(
            access_token=f"access-{self._made}",
            refresh_token=refresh_token,
            instance_url=self.instance_url,
            id=f"{self.instance_url}/id/{self.org}/{self.user}",
            signature="signed",
            scope=self.scope,
        )


@dataclass
class Work:
    """A service appointment in the org."""

    id: str
    status: str = "Scheduled"
    number: str = ""
    address: str = ""
    starts_at: datetime | None = NOON
    ends_at: datetime | None = None
    actual_start: datetime | None = None
    actual_end: datetime | None = None
    actual_minutes: float | None = None
    work_order: str = ""
    work_order_line: str = ""
    changed_at: datetime = NOON - timedelta(hours=12)
    changed_by_us: bool = False
    share_link: str | None = None
    distance: float | None = None
    site_zone: str = ""


@dataclass
class Assigned:
    """A resource on an appointment."""

    id: str
    name: str
    time_zone: str = "UTC"
    travel: float | None = None
    primary: bool = False


@dataclass
class Told:
    """An Event in an appointment's Activity, or a Task that is done."""

    id: str
    appointment: str
    starts_at: datetime
    minutes: int
    subject: str
    description: str
    place: str = ""
    done_as: str = ""
    due: date | None = None
    key: str = ""


@dataclass
class Asked:
    """An open Task of an appointment."""

    id: str
    appointment: str
    subject: str
    description: str
    due: date
    urgent: bool
    key: str = ""


class Shown(NamedTuple):
    """Where a resource was last."""

    resource: str
    place: Place
    at: datetime


@dataclass
class Booked:
    """A time sheet entry."""

    id: str
    sheet: str
    resource: str
    starts_at: datetime
    ends_at: datetime
    subject: str
    description: str
    type: str = "Direct"
    work_order: str = ""
    work_order_line: str = ""
    key: str = ""


def _told[R: Row](row: R) -> R:
    """A row with its fingerprint, as the adapter tells it."""
    digest = sha256(row.model_dump_json().encode()).hexdigest()
    return row.model_copy(update={"fingerprint": digest})


@dataclass
class FakeSalesforce:
    """An org of Field Service. Seconds are stripped, and a write is carried out whole."""

    fate: Fate = field(default_factory=Fate)
    statuses: tuple[Status, ...] = STATUSES
    work: dict[str, Work] = field(default_factory=dict)
    assigned: dict[tuple[str, str], Assigned] = field(default_factory=dict)
    events: list[Told] = field(default_factory=list)
    done: list[Told] = field(default_factory=list)  # Tasks that tell what happened
    tasks: list[Asked] = field(default_factory=list)
    located: list[Shown] = field(default_factory=list)
    link_field: bool = False  # whether the connection maps one for the customer's link
    distance_field: bool = False  # likewise for the distance
    transitions: set[tuple[str, str]] | None = None  # of statuses, allowed; None: any
    shifts_wanted: bool = False
    entries: list[Booked] = field(default_factory=list)
    recycled: list[Booked] = field(default_factory=list)  # entries that were deleted
    sheets: dict[str, list[Sheet]] = field(default_factory=dict)  # by resource
    sheets_problem: str = ""  # not empty: this org has no time sheets
    missing: list[str] = field(default_factory=list)
    told: Described = field(default_factory=lambda: Described(statuses=STATUSES))
    changed: list[tuple[datetime, Row]] = field(default_factory=list)  # as it was committed
    hidden: set[str] = field(default_factory=set)  # rows that are not shared with us
    purged: set[str] = field(default_factory=set)  # rows that are deleted for good
    log_purged: bool = False  # the deletion log says nothing
    now: datetime = NOON
    wrote: list[Writes] = field(default_factory=list)
    _lock: Any = field(default_factory=RLock)

    def assign(
        self,
        appointment: str,
        resource: str,
        name: str = "Ada Lovelace",
        *,
        primary: bool = False,
    ) -> Assigned:
        self.work.setdefault(appointment, Work(id=appointment))
        made = f"03r{len(self.assigned):012d}AAA"
        assigned = Assigned(id=made, name=name, primary=primary)
        return self.assigned.setdefault((appointment, resource), assigned)

    def edit(self, appointment: str, *, at: datetime, **changes: Any) -> None:
        """What a person does to an appointment."""
        work = self.work[appointment]
        for name, value in changes.items():
            setattr(work, name, value)
        work.changed_at, work.changed_by_us = at, False

    def edit_entry(self, entry: str, **changes: Any) -> None:
        """What a person does to a time sheet entry."""
        for name, value in changes.items():
            setattr(self._entry(entry), name, value)

    def delete_entry(self, entry: str) -> None:
        found = self._entry(entry)
        self.entries.remove(found)
        self.recycled.append(found)

    def close_sheet(self, sheet: str, status: str = "Approved") -> None:
        """What a manager does to a time sheet."""
        for sheets in self.sheets.values():
            sheets[:] = [
                each.model_copy(update={"status": status}) if each.id == sheet else each
                for each in sheets
            ]

    def missing_objects(self) -> list[str]:
        with self.fate.effect("describe"):
            return self.missing

    def described(self) -> Described:
        with self.fate.effect("describe all"):
            return self.told

    def changes(
        self, since: datetime | None, known: Fingerprints = nothing_is_known
    ) -> PolledRows:
        with self.fate.effect("query changes"):
            found = [row for at, row in self.shown.values() if since is None or at >= since]
            if since is None:
                found = [row for row in found if not row.deleted and self._counts(row)]
        told = [_told(row) for row in found]
        stored: dict[tuple[str, ...], str] = {}
        for kind in (Resource, Appointment, Assignment, Shift):
            if keys := {row.key for row in told if isinstance(row, kind)}:
                stored |= known(kind, keys)
        same = {row.key for row in told if stored.get(row.key) == row.fingerprint}
        return self._polled([row for row in told if row.key not in same]).model_copy(
            update={
                "statuses": () if self.shifts_wanted and since else self.statuses,
                "unchanged": frozenset(key[-1] for key in same),
            }
        )

    def again(self, appointments: Iterable[str], assignments: Iterable[str]) -> Again:
        with self.fate.effect("query again"):
            wanted = {*appointments, *assignments}
            found = [row for _, row in self.shown.values() if row.id in wanted]
            gone = {row.id for _, row in self.changed if row.deleted} & self.purged
            log = set() if self.log_purged else gone - self.hidden
            return Again(self._polled(found), frozenset(log & wanted))

    @property
    def shown(self) -> dict[str, tuple[datetime, Row]]:
        """Each row as it is now, and when it was stamped."""
        looked_at = (
            (at, row)
            for at, row in self.changed
            if self.shifts_wanted or not isinstance(row, Shift)
        )
        latest = {row.id: (at, row) for at, row in looked_at}
        unseen = self.hidden | self.purged
        return {name: each for name, each in latest.items() if name not in unseen}

    def _counts(self, row: Row) -> bool:
        """Whether a look at everything takes it."""
        if isinstance(row, Assignment):
            work = self.shown.get(row.appointment)
            return work is None or self._counts(work[1])
        if isinstance(row, Shift):
            near = self.now - timedelta(days=2) <= row.ends_at
            return near and row.starts_at <= self.now + timedelta(days=14)
        long_over = self.now - timedelta(days=30)
        return not (
            isinstance(row, Appointment)
            and row.category.closed
            and (row.ends_at is None or row.ends_at < long_over)
        )

    def _polled(self, rows: list[Row]) -> PolledRows:
        return PolledRows(
            asked_at=self.now,
            resources=tuple(row for row in rows if isinstance(row, Resource)),
            appointments=tuple(row for row in rows if isinstance(row, Appointment)),
            assignments=tuple(row for row in rows if isinstance(row, Assignment)),
            shifts=tuple(row for row in rows if isinstance(row, Shift)),
            shifts_seen=self.shifts_wanted,
        )

    def view(self, look: Look) -> View:
        with self.fate.effect("view"):
            return self._seen(look)

    def views(self, looks: Sequence[Look]) -> list[View | FieldlinkError]:
        """Each can fail by itself, as `view`, or as `view` with its appointment's id."""
        with self.fate.effect("views"):
            return [self._each("view", look.appointment, self._seen, look) for look in looks]

    def _each[W, A](
        self, name: str, appointment: str, do: Callable[[W], A], what: W
    ) -> A | FieldlinkError:
        try:
            with self.fate.part(name), self.fate.part(f"{name} {appointment}"):
                return do(what)
        except FieldlinkError as error:
            return error

    def _seen(self, look: Look) -> View:
        assert look.day.tzinfo
        beside = {each: self._beside(each) for each in look.others if each in self.work}
        common: dict[str, Any] = {
            "appointment": look.appointment,
            "resource": look.resource,
            "statuses": self.statuses,
            "sheets": None if self.sheets_problem else tuple(self._sheets(look)),
            "sheets_problem": self.sheets_problem,
            "entries": self._booked(look.entries),
            "beside": beside,
            "link_field": self.link_field,
            "distance_field": self.distance_field,
        }
        if look.appointment:
            return View.model_validate(common | self._work(look))
        known = [self.assigned.get((each, look.resource)) for each in look.others]
        person = next((each for each in known if each), Assigned(id="", name=""))
        return View(
            **common,
            status="",
            category=Category.NONE,
            changed_at=datetime.min.replace(tzinfo=UTC),
            changed_by_us=False,
            assignment="",
            resource_name=person.name,
            time_zone=person.time_zone,
        )

    def _work(self, look: Look) -> dict[str, Any]:
        work = self.work.get(look.appointment)
        nobody = Assigned(id="", name="") if look.left else None
        assigned = self.assigned.get((look.appointment, look.resource), nobody)
        if work is None or assigned is None:
            why = f"resource {look.resource} is not assigned to {look.appointment}"
            raise Refused(why, code=NOT_ASSIGNED)
        return {
            "number": work.number,
            "address": work.address,
            "status": work.status,
            "category": self.category(work.status),
            "starts_at": work.starts_at,
            "ends_at": work.ends_at,
            "actual_start": work.actual_start,
            "actual_end": work.actual_end,
            "actual_minutes": work.actual_minutes,
            "work_order": work.work_order,
            "work_order_line": work.work_order_line,
            "changed_at": work.changed_at,
            "changed_by_us": work.changed_by_us,
            "assignment": assigned.id,
            "team": self._team(look.appointment),
            "resource_name": assigned.name,
            "time_zone": assigned.time_zone,
            "site_zone": work.site_zone,
            "share_link": work.share_link if self.link_field else None,
            "distance": work.distance if self.distance_field else None,
        }

    def _team(self, appointment: str) -> tuple[models.Assigned, ...]:
        found = [
            models.Assigned(
                id=each.id, resource=resource, primary=each.primary, travel=each.travel
            )
            for (work, resource), each in self.assigned.items()
            if work == appointment
        ]
        return tuple(sorted(found, key=lambda each: each.id))

    def _beside(self, appointment: str) -> Beside:
        distance = self.work[appointment].distance if self.distance_field else None
        return Beside(team=self._team(appointment), distance=distance)

    def _sheets(self, look: Look) -> list[Sheet]:
        first = (look.day - SHEETS_BEFORE).date()
        last = (look.day + SHEETS_AFTER).date()
        found = [
            each
            for each in self.sheets.get(look.resource, ())
            if each.first <= last and each.last >= first
        ]
        return sorted(found, key=lambda each: (each.first, each.id))

    def _booked(self, ids: tuple[str, ...]) -> dict[str, models.Booked]:
        return {
            each.id: models.Booked(
                starts_at=each.starts_at,
                ends_at=each.ends_at,
                sheet=each.sheet,
                sheet_status=self._sheet(each.sheet).status,
            )
            for each in self.entries
            if each.id in ids
        }

    def _sheet(self, sheet: str) -> Sheet:
        return next(
            each for sheets in self.sheets.values() for each in sheets if each.id == sheet
        )

    def _entry(self, entry: str) -> Booked:
        found = next((each for each in self.entries if each.id == entry), None)
        if found is None:
            raise Contended("a row was deleted since we looked")
        return found

    def find(self, writes: Writes) -> Written:
        with self.fate.effect("find"):
            return self._found_rows(writes)

    def find_all(self, several: Sequence[Writes]) -> list[Written | FieldlinkError]:
        """Each can fail by itself, as `find`, or as `find` with its appointment's id."""
        with self.fate.effect("find all"):
            return [
                self._each("find", each.appointment, self._found_rows, each) for each in several
            ]

    def _found_rows(self, writes: Writes) -> Written:
        booked = {each.key: self._found(each) for each in writes.entries if not each.id}
        there = {key: each for key, each in booked.items() if each}
        return Written(
            event=self._found_told(writes.event, writes.appointment),
            others={
                each.key: made
                for each in writes.others
                if (made := self._found_told(each, writes.appointment))
            },
            task=self._found_task(writes),
            entries={key: each.id for key, each in there.items()},
            sheets={
                each.new_sheet: there[each.key].sheet
                for each in writes.entries
                if each.new_sheet and each.key in there
            },
        )

    def _found_told(self, event: NewEvent | None, appointment: str) -> str:
        if event is None:
            return ""
        rows = self.done if event.done_as else self.events
        for each in rows:
            same = each.appointment == appointment and (
                bool(event.done_as) or each.starts_at == minute(event.starts_at)
            )
            if same and _reference(each.description) == _reference(event.description):
                return each.id
            if each.key == event.key:
                return each.id
        return ""

    def _found_task(self, writes: Writes) -> str:
        """The Task that an earlier try has made."""
        task = writes.task
        return next(
            (
                each.id
                for each in self.tasks
                if task
                and (
                    each.key == task.key
                    or (
                        each.appointment == writes.appointment
                        and _reference(each.description) == _reference(task.description)
                    )
                )
            ),
            "",
        )

    def _found(self, entry: SheetEntry) -> Booked | None:
        """The entry that an earlier try has made, though somebody has deleted it since."""
        for each in (*self.entries, *self.recycled):
            near = abs(each.starts_at - entry.starts_at) <= timedelta(days=1)
            same = each.resource == entry.resource and near
            if same and _reference(each.description) == _reference(entry.description):
                return each
            if each.key == entry.key:
                return each
        return None

    def write(self, writes: Writes) -> Written:
        with self.fate.effect("write Salesforce"):
            return self._carry_out(writes)

    def write_all(self, several: Sequence[Writes]) -> list[Written | FieldlinkError]:
        """Each can fail by itself: as `write Salesforce`, with or without its appointment."""
        with self.fate.effect("write all Salesforce"):
            return [
                self._each("write Salesforce", each.appointment, self._carry_out, each)
                for each in several
            ]

    def _carry_out(self, writes: Writes) -> Written:
        assert not writes.empty, "an empty graph is refused"
        with self._lock:
            self._check(writes)
            self.wrote.append(writes)
            self._change(writes)
            sheets = {each.key: self._make(each) for each in writes.sheets}
            for each in writes.removed:
                self.delete_entry(each)
            return Written(
                event=self._tell(writes.event, writes.appointment),
                others={
                    each.key: self._tell(each, writes.appointment) for each in writes.others
                },
                task=self._ask(writes),
                entries={each.key: self._book(each, sheets) for each in writes.entries},
                sheets=sheets,
                request=f"request-{len(self.wrote)}",
            )

    def locate(self, resource: str, place: Place, at: datetime) -> None:
        with self.fate.effect("locate"):
            self._refuse({Ability.POSITIONS: True})
            self.located.append(Shown(resource, place, at.replace(microsecond=0)))

    def category(self, status: str) -> Category:
        return next(each.category for each in self.statuses if each.name == status)

    def _check(self, writes: Writes) -> None:
        """What our user may not write is refused as a whole, as Salesforce does it."""
        changes, task = writes.changes, writes.task
        rows = writes.told
        new = [each for each in writes.entries if not each.id]
        wanted = {
            Ability.STATUS: "status" in changes,
            Ability.ACTUAL_START: "actual_start" in changes,
            Ability.ACTUAL_END: "actual_end" in changes,
            Ability.ACTUAL_DURATION: "actual_minutes" in changes,
            Ability.SHARE_LINK: "share_link" in changes,
            Ability.DISTANCE: bool(writes.distances),
            Ability.TRAVEL_TIME: bool(writes.travel),
            Ability.EVENTS: any(not each.done_as for each in rows),
            Ability.EVENT_PLACE: any(each.place for each in rows),
            Ability.DONE_TASKS: any(each.done_as for each in rows),
            Ability.TIME_SHEETS: bool(writes.sheets),
            Ability.TIME_SHEET_ENTRIES: bool(new),
            Ability.CHANGED_ENTRIES: len(new) < len(writes.entries),
            Ability.REMOVED_ENTRIES: bool(writes.removed),
            Ability.TASKS: task is not None,
            Ability.URGENT_TASKS: task is not None and task.urgent,
        }
        assert self.link_field or not wanted[Ability.SHARE_LINK], "no field is mapped"
        assert self.distance_field or not wanted[Ability.DISTANCE], "no field is mapped"
        self._refuse(wanted)
        self._check_values(writes)
        self._check_rows(writes)

    def _refuse(self, wanted: dict[Ability, bool]) -> None:
        for ability, why in self.told.lacking.items():
            if wanted.get(ability):
                code = "INVALID_FIELD_FOR_INSERT_UPDATE"
                raise Refused(f"{code}: {why}", code=code)

    def _check_values(self, writes: Writes) -> None:
        steps = [each for each in (writes.through, writes.changes.get("status")) if each]
        listed = {name: set(values) for name, values in self.told.listed.items()}
        types = listed.get("TimeSheetEntry.Type")
        statuses = listed.get("Task.Status")
        done_as = next((each.done_as for each in writes.told), "")
        bad = [
            *(each for each in steps if each not in {known.name for known in self.statuses}),
            *(each.type for each in writes.entries if types and each.type not in types),
            *([done_as] if done_as and statuses and done_as not in statuses else ()),
        ]
        if bad:
            code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
            raise Refused(f"{code}: bad value for picklist: {bad[0]}", code=code)
        work = self.work.get(writes.appointment)
        here = [work.status if work else "", *map(str, steps)]
        for each in pairwise(here):
            allowed = self.transitions is None or each[0] == each[1] or each in self.transitions
            if not allowed:
                code = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
                raise Refused(f"{code}: from {each[0]} to {each[1]}", code=code)

    def _check_rows(self, writes: Writes) -> None:
        """Every row that is changed has to be there, and no sheet may be closed."""
        ids = {each.id for each in self.assigned.values()}
        if {*writes.travel} - ids or {*writes.distances} - {*self.work}:
            raise Refused("NOT_FOUND: the row does not exist", code="NOT_FOUND")
        changed = [*(each.id for each in writes.entries if each.id), *writes.removed]
        used = [self._entry(each).sheet for each in changed]
        used += [each.sheet for each in writes.entries if each.sheet and not each.id]
        if any(self._sheet(each).status != "New" for each in used):
            raise Refused("ENTITY_IS_LOCKED: the record is locked", code="ENTITY_IS_LOCKED")
        made = {each.key for each in writes.sheets}
        for each in writes.entries:
            assert each.id or each.sheet or each.new_sheet in made, "an entry without a sheet"

    def _change(self, writes: Writes) -> None:
        changed = {writes.appointment} if writes.changes or writes.through else set[str]()
        for name, value in writes.changes.items():
            work = self.work[writes.appointment]
            setattr(work, name, minute(value) if isinstance(value, datetime) else value)
        for each, distance in writes.distances.items():
            self.work[each].distance = distance
        for work in (self.work[each] for each in changed | {*writes.distances}):
            work.changed_at, work.changed_by_us = self.now, True
            if work.actual_start and work.actual_end and work.actual_minutes is None:
                # The Field Service package fills it once.
                span = work.actual_end - work.actual_start
                work.actual_minutes = span.total_seconds() / 60
        for assigned in self.assigned.values():
            if assigned.id in writes.travel:
                assigned.travel = writes.travel[assigned.id]

    def _tell(self, event: NewEvent | None, appointment: str) -> str:
        if event is None:
            return ""
        rows = self.done if event.done_as else self.events
        sobject, prefix = ("Task", "00T") if event.done_as else ("Event", "00U")
        if sobject in self.told.keyed and (found := self._found_told(event, appointment)):
            return found
        made = f"{prefix}{len(self.events) + len(self.done) + len(self.tasks):012d}AAA"
        rows.append(
            Told(
                id=made,
                appointment=appointment,
                starts_at=minute(event.starts_at),
                minutes=event.minutes,
                subject=event.subject,
                description=event.description,
                place=event.place,
                done_as=event.done_as,
                due=event.due,
                key=event.key if sobject in self.told.keyed else "",
            )
        )
        return made

    def _ask(self, writes: Writes) -> str:
        task = writes.task
        if task is None:
            return ""
        if "Task" in self.told.keyed and (found := self._found_task(writes)):
            return found
        made = f"00T{len(self.events) + len(self.done) + len(self.tasks):012d}AAA"
        self.tasks.append(
            Asked(
                id=made,
                appointment=writes.appointment,
                subject=task.subject,
                description=task.description,
                due=task.due,
                urgent=task.urgent,
                key=task.key if "Task" in self.told.keyed else "",
            )
        )
        return made

    def _make(self, sheet: NewSheet) -> str:
        sheets = self.sheets.setdefault(sheet.resource, [])
        made = f"0kt{sum(map(len, self.sheets.values())):012d}AAA"
        sheets.append(Sheet(id=made, first=sheet.first, last=sheet.last, status="New"))
        return made

    def _book(self, entry: SheetEntry, sheets: Mapping[str, str]) -> str:
        times = {"starts_at": minute(entry.starts_at), "ends_at": minute(entry.ends_at)}
        keyed = "TimeSheetEntry" in self.told.keyed
        there = next((e.id for e in self.entries if keyed and e.key == entry.key), "")
        if known := entry.id or there:
            self.edit_entry(known, **times)
            return known
        made = f"0ku{len(self.entries) + len(self.recycled):012d}AAA"
        self.entries.append(
            Booked(
                id=made,
                sheet=entry.sheet or sheets[entry.new_sheet],
                resource=entry.resource,
                subject=entry.subject,
                description=entry.description,
                type=entry.type,
                work_order=entry.work_order,
                work_order_line=entry.work_order_line,
                key=entry.key if keyed else "",
                **times,
            )
        )
        return made


def _reference(description: str) -> str:
    return description.rpartition("\n")[2]


@dataclass
class FakeHyperTrack(FakeOrders):
    """An account of HyperTrack. It knows no idempotency key: asked twice, it makes two."""

    fate: Fate = field(default_factory=Fate)
    keys_are_valid: bool = True
    workers: dict[str, str] = field(default_factory=dict)  # name by handle
    invited: list[str] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)  # workers
    drivers: dict[str, str] = field(default_factory=dict)  # by device, as its metadata says
    emails: dict[str, str] = field(default_factory=dict)  # by device, likewise
    linked: dict[str, str] = field(default_factory=dict)  # device by worker
    registered: dict[str, datetime] = field(default_factory=dict)  # by device
    uninstalled: set[str] = field(default_factory=set)
    keeps_devices: bool = False  # a device can't be taken from a worker
    fences: dict[str, Fence] = field(default_factory=dict)  # the living ones by id
    removed: list[str] = field(default_factory=list)
    most_at_once: int = 0  # geofences of one assignment
    recorded: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # events by subject
    orders: dict[str, Attempt] = field(default_factory=dict)
    attempts: int = 0
    keeps_owner: bool = False
    switched_on: set[str] = field(default_factory=set)
    orders_at_once: int = 0
    _made: int = 0

    def check(self) -> None:
        with self.fate.effect("check keys"):
            if not self.keys_are_valid:
                raise Refused("HyperTrack answered 401: Unauthorized", code="401")

    def ensure_worker(self, handle: str, name: str) -> None:
        with self.fate.effect("ensure worker"):
            self.workers.setdefault(handle, name)
            self.deleted.discard(handle)

    def invitation_link(self, handle: str) -> str:
        with self.fate.effect("invitation link"):
            if handle not in self.workers.keys() - self.deleted:
                raise Refused("HyperTrack answered 404: no such worker", code="404")
            self.invited.append(handle)
            return f"https://visits.example.com/{handle}"

    def device_of(self, handle: str) -> SeenDevice | None:
        with self.fate.effect("device of"):
            device = None if handle in self.deleted else self.linked.get(handle)
            return self._seen(device, handle) if device else None

    def driver_of(self, device: str) -> SeenDevice | None:
        with self.fate.effect("driver of"):
            worker = next((each for each, its in self.linked.items() if its == device), "")
            seen = self._seen(device, worker)
            return seen if seen.driver or seen.worker or seen.email else None

    def devices(self) -> list[SeenDevice]:
        with self.fate.effect("list devices"):
            known = dict.fromkeys([*self.drivers, *self.emails, *self.linked.values()])
            return [self._seen(each) for each in known]

    @property
    def known_devices(self) -> set[str]:
        return {*self.drivers, *self.emails, *self.linked.values()}

    def release_device(self, handle: str) -> None:
        with self.fate.effect("release device"):
            if self.keeps_devices and handle in self.workers:
                raise Refused("HyperTrack answered 422: may not be null", code="422")
            self.linked.pop(handle, None)

    def _seen(self, device: str, worker: str = "") -> SeenDevice:
        gone = device in self.uninstalled
        return SeenDevice(
            id=device,
            driver=self.drivers.get(device, ""),
            email=self.emails.get(device, ""),
            worker=worker,
            registered_at=self.registered.get(device),
            status="inactive" if gone else "",
            reason="uninstalled" if gone else "",
        )

    def add_geofence(self, fence: Fence) -> str:
        with self.fate.effect("add geofence"):
            self._made += 1
            made = f"geofence-{self._made}"
            self.fences[made] = fence
            of_one = Counter(each.metadata.get(ASSIGNMENT_KEY) for each in self.fences.values())
            self.most_at_once = max(self.most_at_once, *of_one.values())
            return made

    def find_geofence(self, fence: Fence) -> str | None:
        with self.fate.effect("find geofence"):
            return next(
                (each for each, found in self.fences.items() if _stands_for(found, fence)),
                None,
            )

    def relabel_geofence(self, geofence: str, metadata: dict[str, str]) -> None:
        with self.fate.effect("relabel geofence"):
            if geofence not in self.fences:
                raise Refused("HyperTrack answered 404: no such geofence", code="404")
            changed = self.fences[geofence].model_copy(update={"metadata": metadata})
            self.fences[geofence] = changed

    def remove_geofence(self, geofence: str) -> None:
        with self.fate.effect("remove geofence"):
            self.fences.pop(geofence, None)
            self.removed.append(geofence)

    def geofence_metadata(self, geofence: str) -> dict[str, Any]:
        with self.fate.effect("geofence metadata"):
            found = self.fences.get(geofence)
            return dict(found.metadata) if found else {}

    def markers(self, geofence: str, since: datetime) -> list[dict[str, Any]]:
        return self._recorded("geofence", geofence, since)

    def visits(self, device: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
        return self._recorded("visits", device, since, until)

    def geotags(self, device: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
        return self._recorded("geotags", device, since, until)

    def told_of_order(self, handle: str, since: datetime) -> list[dict[str, Any]]:
        return self._recorded("order", handle, since)

    def orders_of(self, worker: str, since: datetime) -> list[str]:  # noqa: ARG002
        with self.fate.effect("orders of"):
            named = [each.split()[1] for each in self.recorded if each.startswith("order ")]
            return [each for each in named if worker in each]

    def _recorded(
        self, what: str, of: str, since: datetime, until: datetime | None = None
    ) -> list[dict[str, Any]]:
        with self.fate.effect(what):
            found = self.recorded.get(f"{what} {of}", [])
            return [
                each
                for each in found
                if since
                <= datetime.fromisoformat(each["recorded_at"])
                <= (until or since.max.replace(tzinfo=UTC))
            ]


def _stands_for(found: Fence, wanted: Fence) -> bool:
    return found.same_place(wanted) and all(
        found.metadata.get(name) == wanted.metadata[name]
        for name in (ASSIGNMENT_KEY, RESOURCE_KEY)
    )
