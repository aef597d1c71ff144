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
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fieldlink import models
from fieldlink.errors import NOT_ASSIGNED, FieldlinkError, Refused, Unavailable
from fieldlink.models import (
    ASSIGNMENT_KEY,
    RESOURCE_KEY,
    Ability,
    Category,
    Described,
    Grant,
    Identity,
    LedgerRow,
    SeenDevice,
    Sheet,
    Status,
    View,
    Writes,
    Written,
    minute,
)
from fieldlink.ports import Again, Depth, Keys, Message, Sender, Spooled, nothing_is_known
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
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import date

    from fieldlink.models import Fence, Place
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
        self._fail(name, after=False)
        try:
            yield
        except FieldlinkError:
            self._die(Death("after", number))
            raise
        self._fail(name, after=True)
        self._die(Death("after", number))

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

    def write_all(self, records: Iterable[Record], *, fence: Record | None = None) -> None:
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
    """One row for each delivery of each event."""

    def __init__(self, fate: Fate | None = None) -> None:
        self.fate = fate or Fate()
        self._stored: dict[tuple[str, datetime, str], str] = {}

    def put(self, row: LedgerRow) -> None:
        with self.fate.effect("put LedgerRow"):
            key = (row.connection, row.received_at, row.delivery)
            self._stored[key] = row.model_dump_json(exclude_defaults=True)

    def last(self, connection: str, *, now: datetime, limit: int) -> list[LedgerRow]:
        """The newest rows of today and yesterday."""
        days = {now.astimezone(UTC).date().toordinal() - before for before in (0, 1)}
        found = [
            key
            for key in self._stored
            if key[0] == connection and key[1].astimezone(UTC).date().toordinal() in days
        ]
        newest = sorted(found, key=lambda key: key[1:], reverse=True)[:limit]
        return [LedgerRow.model_validate_json(self._stored[key]) for key in newest]

    @property
    def rows(self) -> list[LedgerRow]:
        return [LedgerRow.model_validate_json(text) for text in self._stored.values()]


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
    starts_at: datetime | None = NOON
    actual_start: datetime | None = None
    actual_end: datetime | None = None
    actual_minutes: float | None = None
    changed_at: datetime = NOON - timedelta(hours=12)
    changed_by_us: bool = False
    share_link: str | None = None
    site_zone: str = ""


@dataclass
class Assigned:
    """A resource on an appointment."""

    id: str
    name: str
    time_zone: str = "UTC"
    travel: float | None = None


@dataclass
class Told:
    """An Event in an appointment's Activity."""

    id: str
    appointment: str
    starts_at: datetime
    minutes: int
    subject: str
    description: str


@dataclass
class Asked:
    """An open Task of an appointment."""

    id: str
    appointment: str
    subject: str
    description: str
    due: date
    urgent: bool


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
    tasks: list[Asked] = field(default_factory=list)
    located: list[Shown] = field(default_factory=list)
    link_field: bool = False  # whether the connection maps one for the customer's link
    shifts_wanted: bool = False
    entries: list[Booked] = field(default_factory=list)
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

    def assign(self, appointment: str, resource: str, name: str = "Ada Lovelace") -> Assigned:
        self.work.setdefault(appointment, Work(id=appointment))
        assigned = Assigned(id=f"03r{len(self.assigned):012d}AAA", name=name)
        return self.assigned.setdefault((appointment, resource), assigned)

    def edit(self, appointment: str, *, at: datetime, **changes: Any) -> None:
        """What a person does to an appointment."""
        work = self.work[appointment]
        for name, value in changes.items():
            setattr(work, name, value)
        work.changed_at, work.changed_by_us = at, False

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

    def view(
        self,
        appointment: str,
        resource: str,
        day: datetime,
        entry: str = "",
        *,
        left: bool = False,
    ) -> View:
        with self.fate.effect("view"):
            work = self.work.get(appointment)
            nobody = Assigned(id="", name="") if left else None
            assigned = self.assigned.get((appointment, resource), nobody)
            if work is None or assigned is None:
                why = f"resource {resource} is not assigned to {appointment}"
                raise Refused(why, code=NOT_ASSIGNED)
            assert day.tzinfo
            return View(
                appointment=appointment,
                resource=resource,
                status=work.status,
                category=self.category(work.status),
                statuses=self.statuses,
                starts_at=work.starts_at,
                actual_start=work.actual_start,
                actual_end=work.actual_end,
                actual_minutes=work.actual_minutes,
                changed_at=work.changed_at,
                changed_by_us=work.changed_by_us,
                assignment=assigned.id,
                actual_travel=assigned.travel,
                resource_name=assigned.name,
                time_zone=assigned.time_zone,
                site_zone=work.site_zone,
                link_field=self.link_field,
                share_link=work.share_link if self.link_field else None,
                sheets=None if self.sheets_problem else tuple(self.sheets.get(resource, ())),
                sheets_problem=self.sheets_problem,
                entry=next(
                    (
                        models.Booked(starts_at=each.starts_at, ends_at=each.ends_at)
                        for each in self.entries
                        if each.id == entry
                    ),
                    None,
                ),
            )

    def find(self, writes: Writes) -> Written:
        with self.fate.effect("find"):
            event, entry = writes.event, writes.entry
            told = [
                each.id
                for each in self.events
                if event
                and (each.appointment, each.starts_at, each.subject)
                == (writes.appointment, event.starts_at, event.subject)
                and _reference(each.description) == _reference(event.description)
            ]
            booked = [
                each
                for each in self.entries
                if entry
                and not entry.id
                and (each.resource, each.starts_at, each.subject)
                == (entry.resource, entry.starts_at, entry.subject)
                and _reference(each.description) == _reference(entry.description)
            ]
            return Written(
                event=told[0] if told else "",
                entry=booked[0].id if booked else "",
                sheet=booked[0].sheet if booked else "",
                task=self._asked(writes),
            )

    def write(self, writes: Writes) -> Written:
        assert not writes.empty, "an empty Composite is refused"
        with self.fate.effect("write Salesforce"):
            self._check(writes)
            self.wrote.append(writes)
            self._change(writes)
            entry, sheet = self._book(writes)
            event, task = self._tell(writes), self._ask(writes)
            return Written(event=event, entry=entry, sheet=sheet, task=task)

    def locate(self, resource: str, place: Place, at: datetime) -> None:
        with self.fate.effect("locate"):
            self._refuse({Ability.POSITIONS: True})
            self.located.append(Shown(resource, place, at.replace(microsecond=0)))

    def category(self, status: str) -> Category:
        return next(each.category for each in self.statuses if each.name == status)

    def _check(self, writes: Writes) -> None:
        """What our user may not write is refused as a whole, as Salesforce does it."""
        entry, changes = writes.entry, writes.changes
        wanted = {
            Ability.STATUS: "status" in changes,
            Ability.ACTUAL_START: "actual_start" in changes,
            Ability.ACTUAL_END: "actual_end" in changes,
            Ability.ACTUAL_DURATION: "actual_minutes" in changes,
            Ability.TRAVEL_TIME: writes.travel_minutes is not None,
            Ability.EVENTS: writes.event is not None,
            Ability.TIME_SHEETS: entry is not None and not (entry.id or entry.sheet),
            Ability.TIME_SHEET_ENTRIES: entry is not None and not entry.id,
            Ability.CHANGED_ENTRIES: entry is not None and bool(entry.id),
            Ability.SHARE_LINK: "share_link" in changes,
            Ability.TASKS: writes.task is not None,
            Ability.URGENT_TASKS: writes.task is not None and writes.task.urgent,
        }
        assert self.link_field or not wanted[Ability.SHARE_LINK], "no field is mapped"
        self._refuse(wanted)

    def _refuse(self, wanted: dict[Ability, bool]) -> None:
        for ability, why in self.told.lacking.items():
            if wanted.get(ability):
                code = "INVALID_FIELD_FOR_INSERT_UPDATE"
                raise Refused(f"{code}: {why}", code=code)

    def _change(self, writes: Writes) -> None:
        work = self.work[writes.appointment]
        for name, value in writes.changes.items():
            setattr(work, name, minute(value) if isinstance(value, datetime) else value)
        if work.actual_start and work.actual_end and work.actual_minutes is None:
            # The Field Service package fills it once.
            span = work.actual_end - work.actual_start
            work.actual_minutes = span.total_seconds() / 60
        if writes.changes:
            work.changed_at, work.changed_by_us = self.now, True
        for assigned in self.assigned.values():
            if assigned.id == writes.assignment and writes.travel_minutes is not None:
                assigned.travel = writes.travel_minutes

    def _tell(self, writes: Writes) -> str:
        if writes.event is None:
            return ""
        event, made = writes.event, f"00U{len(self.events):012d}AAA"
        self.events.append(
            Told(
                id=made,
                appointment=writes.appointment,
                starts_at=minute(event.starts_at),
                minutes=event.minutes,
                subject=event.subject,
                description=event.description,
            )
        )
        return made

    def _asked(self, writes: Writes) -> str:
        """The Task that an earlier try has made."""
        task = writes.task
        return next(
            (
                each.id
                for each in self.tasks
                if task
                and (each.appointment, each.due, each.subject)
                == (writes.appointment, task.due, task.subject)
                and _reference(each.description) == _reference(task.description)
            ),
            "",
        )

    def _ask(self, writes: Writes) -> str:
        task, made = writes.task, f"00T{len(self.tasks):012d}AAA"
        if task is None:
            return ""
        self.tasks.append(
            Asked(
                id=made,
                appointment=writes.appointment,
                subject=task.subject,
                description=task.description,
                due=task.due,
                urgent=task.urgent,
            )
        )
        return made

    def _book(self, writes: Writes) -> tuple[str, str]:
        entry = writes.entry
        if entry is None:
            return "", ""
        if entry.id:
            [kept] = [each for each in self.entries if each.id == entry.id]
            kept.starts_at, kept.ends_at = minute(entry.starts_at), minute(entry.ends_at)
            return kept.id, kept.sheet
        sheets = self.sheets.setdefault(entry.resource, [])
        if not entry.sheet:
            made = f"0kt{sum(map(len, self.sheets.values())):012d}AAA"
            sheets.append(Sheet(id=made, first=entry.day, last=entry.day, status="New"))
        booked = Booked(
            id=f"0ku{len(self.entries):012d}AAA",
            sheet=entry.sheet or sheets[-1].id,
            resource=entry.resource,
            starts_at=minute(entry.starts_at),
            ends_at=minute(entry.ends_at),
            subject=entry.subject,
            description=entry.description,
        )
        self.entries.append(booked)
        return booked.id, booked.sheet


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
