"""What the state table keeps: one record for each key, guarded by its version."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from fieldlink.models import Ability, Category, Delivered, Fence, Model, Status, Utc, Writes


class Record(Model):
    """Something kept in the state table under `key`, guarded by its version."""

    connection: str
    version: int = 0  # 0: not stored yet
    ttl: int | None = None  # seconds since 1970 at which the table may forget it

    @property
    def key(self) -> tuple[str, ...]:
        """What the record is found by, the connection first."""
        return (self.connection,)


class Connection(Record):
    """One HyperTrack account joined to one Salesforce org."""

    state: Literal["new", "incomplete", "connected", "lost", "ending", "ended"] = "new"
    name: str
    hypertrack_account: str
    hypertrack_secret: str = Field(repr=False)  # sealed
    login_url: str
    authorise: Literal["web", "jwt", "client"] = "web"  # how we get access: see `connecting`
    username: str = ""  # whom a JWT speaks for
    audience: str = ""  # a JWT's: Salesforce's login host, or "" for the one of `login_url`
    org: str = ""
    user: str = ""
    radius: int = 100  # metres
    invitation_template: str = ""
    early_hours: int = 12  # an arrival longer than this before the schedule is no visit
    overlap: int = 10  # minutes that each look for changes reaches back past the last one
    quota_share: int = 5  # percent of the org's daily API calls that we may use
    problem: str = ""
    end: str = ""  # if lost: the name of the cause, from `ends`
    told: bool = False  # whether that has been alarmed

    @property
    def live(self) -> bool:
        """Whether it has been connected and nobody has ended it: its work goes on or waits."""
        return self.state in {"connected", "lost", "incomplete"}


class Tokens(Model):
    """What opens a Salesforce org; only ever stored sealed."""

    access_token: str = Field(repr=False)
    refresh_token: str = Field(repr=False)


class Access(Record):
    """A connection's tokens, apart from the rest so that only those who renew them write it."""

    tokens: str = Field(repr=False)  # sealed Tokens
    instance_url: str
    renewing_since: Utc | None = None
    renewed_at: Utc | None = None  # Salesforce lets a refresh token idle for 30 days
    answer_lost: bool = False  # a renewal was asked for and its answer never stored


class Listed(Record):
    """A line in the list of all connections of the stack."""


class WebhookKeys(Record):
    """What the webhook door reads, and nothing else of the connection."""

    secrets: tuple[str, ...] = Field(repr=False)  # sealed; the current one first
    live_positions: bool = False


class WebhookTested(Record):
    """When the dashboard's test event last arrived."""

    at: Utc


class PendingAuthorisation(Record):
    """An OAuth flow that an operator has begun; used once, within ten minutes."""

    state: str
    session: str
    verifier: str = Field(repr=False)  # sealed
    callback: str
    login_url: str

    @property
    def key(self) -> tuple[str, ...]:
        return (self.state,)


class UsedLink(Record):
    """A setup link that has been opened."""


class Watermark(Record):
    """Up to when this org's changes have been handed on, by Salesforce's clock."""

    at: Utc
    full_at: Utc | None = None  # when everything current was last compared, not only changes
    claimed: bool = False  # a poller has begun to write rows, and has not ended


class Gate(Record):
    """Whether an org may be called: the circuit breaker and the quota of one connection."""

    failures: int = 0  # in a row
    opened_at: Utc | None = None  # the breaker is open since then: nobody calls
    probed_at: Utc | None = None  # when it was last tried whether the org is back
    paused: Literal["", "share", "limit"] = ""  # why writes wait: our share, Salesforce's no
    paused_at: Utc | None = None
    used: int = 0  # calls of the whole org in the last 24 hours, as Salesforce counts
    allowed: int = 0  # calls that the org has in 24 hours; 0: not heard yet
    ours: int = 0  # calls of this connection in the last 24 hours, as we count
    seen_at: Utc | None = None  # when these three were noted


class Capabilities(Record):
    """What the connected user can read and write in this org, from Salesforce's describe."""

    checked_at: Utc
    unreadable: tuple[str, ...] = ()  # of the fields that we ask for, as Object.Field
    lacking: dict[Ability, str] = Field(default={})  # what we can't write, and why
    statuses: tuple[Status, ...] = ()  # the org's own picklist


class Held(Record):
    """A message that waits until its org may be called again; it goes back to its queue."""

    id: str
    queue: Literal["events"]
    body: str = Field(repr=False)
    group: str
    at: Utc

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.id)


class Nudged(Record):
    """When Salesforce last woke the poller."""

    at: Utc


class Vanished(Record):
    """A row that was open work and that Salesforce no longer shows us."""

    id: str
    what: Literal["appointment", "assignment", "resource"]
    name: str = ""  # the appointment's number, if known
    deleted: bool = False  # in the deletion log; else shared with us no more, or gone for good
    at: Utc

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.id)


# What a row has that Salesforce does not tell.
OURS = {"version": 0, "ttl": None, "handed_on": True, "due": (), "fingerprint": ""}


class Row(Record):
    """A row of Salesforce as last seen; written by PollSalesforce alone."""

    id: str
    deleted: bool = False
    hidden: bool = False  # Salesforce shows it to us no more
    handed_on: bool = False
    due: tuple[str, ...] = ()  # what happened to it and is not handed on: see `transitions`
    # Of Salesforce's own row, once all of it is handed on: the same row need not be read again.
    fingerprint: str = ""

    @property
    def gone(self) -> bool:
        return self.deleted or self.hidden

    def same_as(self, other: Row | None) -> bool:
        """Whether nothing that we care about differs from what was handed on."""
        return (
            other is not None
            and other.handed_on
            and type(self) is type(other)
            and vars(self) | OURS == vars(other) | OURS
        )


class Resource(Row):
    """A ServiceResource, with what its user adds."""

    name: str = ""
    email: str = Field(default="", repr=False)
    time_zone: str = "UTC"
    active: bool = True  # and its user is, too
    user_active: bool = True
    technician: bool = True

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.id)


class Appointment(Row):
    """A ServiceAppointment, as far as tracking needs it."""

    number: str = ""
    subject: str = ""
    category: Category = Category.NONE
    starts_at: Utc | None = None
    ends_at: Utc | None = None
    latitude: float | None = Field(default=None, repr=False)
    longitude: float | None = Field(default=None, repr=False)
    address: str = Field(default="", repr=False)
    bundled: bool = False  # a member of a bundle: the bundle is visited, not its members

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.id)


class Assignment(Row):
    """An AssignedResource row; its resource may change, its appointment does not."""

    appointment: str
    resource: str
    former: tuple[str, ...] = ()  # whose it was, until they have been told
    technician: bool = True  # its resource is one, as far as the row says
    crew: str = ""  # the crew that the resource was assigned with

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.appointment, self.id)


class PolledRows(Model):
    """What changed in an org since the last look."""

    asked_at: Utc  # by Salesforce's clock
    resources: tuple[Resource, ...] = ()
    appointments: tuple[Appointment, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    statuses: tuple[Status, ...] = ()
    unchanged: frozenset[str] = frozenset()  # ids of further rows, which are as they were


class Invitation(Model):
    """A mail with a link to the Visits App."""

    state: Literal["sending", "sent"]
    at: Utc
    email: str = Field(default="", repr=False)  # "": not known, it is from an earlier version


class Worker(Record):
    """What HyperTrack's side knows of a resource."""

    resource: str
    device: str = ""
    device_since: Utc | None = None  # when that was put into use
    invitation: Invitation | None = None
    not_invited: str = ""  # why, in plain words

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.resource)


class Device(Record):
    """Whose phone a device is."""

    id: str
    resource: str = ""  # "": nobody's
    since: Utc | None = None  # when its resource's work moved to it

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.id)


class LiveFence(Model):
    """A geofence as it stands in HyperTrack."""

    id: str
    fence: Fence


class Tracking(Record):
    """One assignment of one resource, and the geofences that HyperTrack has for it."""

    resource: str
    appointment: str
    assignment: str
    live: LiveFence | None = None
    leaving: tuple[str, ...] = ()  # geofences still to be removed
    creating: Fence | None = None  # asked for, answer not seen yet
    waiting: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.resource, self.assignment)


class Geofence(Record):
    """Which assignment a geofence stands for, also for a while after it is gone."""

    id: str
    resource: str
    appointment: str
    assignment: str
    live: bool = True

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.id)


class Entry(Model):
    """A time sheet entry of ours."""

    id: str
    starts_at: Utc
    ends_at: Utc


class Ours(Model):
    """What we last wrote to an appointment, so that a person's later change can be told."""

    status: str | None = None
    actual_start: Utc | None = None
    actual_end: Utc | None = None
    travel: dict[str, float] = Field(default={})  # by assignment, minutes
    entries: dict[str, Entry] = Field(default={})  # by resource
    overruled_at: Utc | None = None  # when a person chose another status than ours


class Intent(Model):
    """A fact whose writes have begun and are not known to have ended."""

    delivered: Delivered
    since: Utc
    planned: Writes | None = None  # for the ledger
    meant: Ours | None = None  # what we will have written once it is carried out
    seen: Utc | None = None  # when the appointment had been changed last before that


class Anchor(Record):
    """The record that facts are about: the facts applied so far and at most one intent."""

    facts: dict[str, Delivered] = Field(default={})  # by fact key
    intent: Intent | None = None


class Visit(Anchor):
    """The facts about one appointment, and what we wrote of them."""

    appointment: str
    ours: Ours = Ours()
    doubtful: dict[str, Intent] = Field(default={})  # of parked facts, by fact key

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.appointment)


class Day(Anchor):
    """The facts about one resource's local day."""

    resource: str
    on: date

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.resource, self.on.isoformat())


class Parked(Record):
    """A message that was refused for good, with its cause; an operator may replay it."""

    id: str
    queue: Literal["polls", "changes", "invites", "events"]
    body: str = Field(repr=False)
    group: str
    cause: str
    at: Utc

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.id)
