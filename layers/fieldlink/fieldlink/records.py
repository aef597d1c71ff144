"""What the state table keeps: one record for each key, guarded by its version."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from fieldlink.models import (
    EMPTY,
    Ability,
    Category,
    Delivered,
    Fence,
    Model,
    Sign,
    Status,
    Utc,
    WantedOrder,
    Writes,
)
from fieldlink.practice import Practice


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
    tracking: Literal["geofences", "orders"] = "geofences"
    track_mode: Literal["pre_shift", "on_shift", "full_shift"] = "pre_shift"  # of orders
    lead: int = 60  # minutes before its scheduled start that an order is tracked from
    by_shifts: bool = False  # Shifts switch tracking on and off
    live_positions: bool = False  # positions go to the dispatcher's map
    outage_notice: Literal["task", "mail", "none"] = "task"  # who hears of an outage at work
    share_field: str = ""  # API name of the appointment's field for the customer's link
    practice: Practice = Field(default_factory=Practice)  # how work is written
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
    shifts: bool = False  # whether Shifts are looked at; the connection's wish may be newer


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


LATER = {
    Ability.DISTANCE,
    Ability.EVENT_PLACE,
    Ability.DONE_TASKS,
    Ability.REMOVED_ENTRIES,
    Ability.VISIT_ENTRIES,
    Ability.TRAVEL_ENTRIES,
}
APART = "lacking_later"


class Capabilities(Record):
    """What the connected user can read and write in this org, from Salesforce's describe."""

    checked_at: Utc
    unreadable: tuple[str, ...] = ()  # of the fields that we ask for, as Object.Field
    lacking: dict[Ability, str] = EMPTY  # what we can't write, and why
    statuses: tuple[Status, ...] = ()  # the org's own picklist
    keyed: tuple[str, ...] = ()  # objects that have a field for our key which we may fill
    listed: dict[str, tuple[str, ...]] = EMPTY  # active values by Object.Field

    @model_validator(mode="before")
    @classmethod
    def _together(cls, told: Any) -> Any:
        """Abilities that came later lie apart: the version before them could not read them."""
        if not isinstance(told, dict) or APART not in told:
            return told
        return {**told, "lacking": {**told.get("lacking", {}), **told[APART]}}

    @model_serializer(mode="wrap")
    def _apart(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        told: dict[str, Any] = dump(self)
        known: dict[str, str] = {}
        later: dict[str, str] = {}
        for ability, why in told.get("lacking", {}).items():
            (later if ability in LATER else known)[ability] = why
        return {**told, "lacking": known, APART: later}


class Held(Record):
    """A message that waits until its org may be called again; it goes back to its queue."""

    id: str
    queue: Literal["events", "bursts"]
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


class Shift(Row):
    """A Shift, whose resource may change."""

    resource: str  # "": nobody's yet
    starts_at: Utc
    ends_at: Utc
    firm: bool = True  # published or confirmed, not tentative
    former: tuple[str, ...] = ()  # whose it was, until they have been told

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.id)


class Planned(Record):
    """A firm Shift, as it lies with its resource."""

    resource: str
    id: str
    starts_at: Utc
    ends_at: Utc

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.resource, self.id)


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
    time_zone: str = ""  # of the site, as its territory has it; "": not known

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
    shifts: tuple[Shift, ...] = ()
    shifts_seen: bool = False  # whether they were looked at
    statuses: tuple[Status, ...] = ()
    unchanged: frozenset[str] = frozenset()  # ids of further rows, which are as they were


class Invitation(Model):
    """A mail with a link to the Visits App."""

    state: Literal["sending", "sent", "bounced"]
    at: Utc
    why: str = ""  # it bounced, in the mail system's words
    email: str = Field(default="", repr=False)  # "": not known, it is from an earlier version


class Phone(Model):
    """What is known of a device that says whether it is the one in use."""

    id: str
    since: Utc | None = None  # when it was put into use; None: not known, so long ago
    active_at: Utc | None = None  # when it last told that it tracks
    gone: str = ""  # why it will not track again: uninstalled, deleted; "": it may
    gone_at: Utc | None = None


class Worker(Record):
    """What HyperTrack's side knows of a resource."""

    resource: str
    device: str = ""  # the one of `phones` that counts
    device_since: Utc | None = None  # when that was put into use
    phones: tuple[Phone, ...] = ()  # the devices that are theirs, the newest first
    devices: tuple[str, ...] = ()  # all that were ever theirs, the newest first
    not_released: str = ""  # why HyperTrack did not let a device go, in its words
    opened_at: Utc | None = None  # when the app first told of itself
    tracked_at: Utc | None = None  # when it first tracked
    invitation: Invitation | None = None
    not_invited: str = ""  # why, in plain words

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.resource)


class Device(Record):
    """Whose phone a device is."""

    id: str
    resource: str = ""  # "": nobody's
    told_at: Utc | None = None  # when that was so
    since: Utc | None = None  # as of `Phone`, like the next three
    active_at: Utc | None = None
    gone: str = ""
    gone_at: Utc | None = None
    battery: Literal["", "low"] = ""
    battery_since: Utc | None = None  # while it is low
    battery_signs: tuple[Sign, ...] = ()
    clock_off: float = 0.0  # seconds by which its clock is off, if by more than 10 minutes
    clock_at: Utc | None = None  # when that was told
    clock_signs: tuple[Sign, ...] = ()

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
    ordered: bool = False  # the assignment may have orders: see `Ordered`
    waiting: str = ""
    closed_at: Utc | None = None  # when we saw its work closed, while the geofence stays

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.resource, self.assignment)


class LiveOrder(Model):
    """One order of an assignment, of one day of it."""

    day: date | None = None  # None: the appointment takes one day only
    wanted: WantedOrder  # as HyperTrack has it, as far as we know
    asked: bool = False  # it was asked to be so, and no answer seen yet
    tracked: bool = False  # HyperTrack has answered that it tracks it
    since: Utc | None = None  # when it was tracked first for whoever has it
    paused: bool = False  # disabled: not to be done just now
    later: bool = False  # rescheduled: HyperTrack plans it and does not track it
    over: bool = False  # somebody has ended it, and it was not us
    leaving: bool = False  # still to be ended, if that has not been done yet
    share_url: str = Field(default="", repr=False)
    embed_url: str = Field(default="", repr=False)


class Ordered(Record):
    """The orders of one assignment, whoever it is assigned to; shared by all its resources."""

    appointment: str
    assignment: str
    orders: tuple[LiveOrder, ...] = ()
    offered: str = Field(default="", repr=False)  # the link that the customer was offered

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.appointment, self.assignment)


class Order(Record):
    """Which assignment an order stands for, also for a while after it is over."""

    id: str  # its handle
    resource: str
    appointment: str
    assignment: str
    tracked: bool = False  # HyperTrack has answered that it tracks it; else it is only claimed
    ended_by_us: bool = False  # so that its end tells nothing new

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.id)


class Due(Record):
    """When a resource is to be looked at again, though nothing changes until then."""

    at: Utc
    resource: str
    why: str  # one for each reason: an assignment, a shift

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.at.isoformat(), self.resource, self.why)


class OnShift(Record):
    """Whether we have switched a resource's tracking on, by its Shifts."""

    resource: str
    tracking: bool
    asked: bool = False  # it was asked to be on, and no answer seen yet

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.resource)


class Notice(Model):
    """That a dispatcher is told of an outage: claimed first, and settled once it is done."""

    fact: str  # the key of the fact that it is told by
    at: Utc  # when that was
    settled: bool = False


class Outage(Record):
    """The last time that a resource couldn't be tracked, and what its phone has told of it."""

    resource: str
    device: str = ""
    reason: str = ""
    since: Utc | None = None  # None: there was none yet
    ended_at: Utc | None = None
    signs: tuple[Sign, ...] = ()
    told: dict[str, Notice] = EMPTY  # by appointment

    @property
    def open(self) -> bool:
        """Whether it lasts, as far as is known."""
        return self.since is not None and self.ended_at is None

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.resource)


class Position(Record):
    """When a resource's place was last shown, for a day; the place itself is in Salesforce."""

    resource: str
    at: Utc  # when they were there
    shown_at: Utc  # by our clock
    fact: str  # its key
    received_at: Utc

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.resource)


class Heard(Record):
    """When HyperTrack last told us something, and up to when its record has been compared."""

    at: Utc
    compared_at: Utc | None = None


class Geofence(Record):
    """Which assignment a geofence stands for, also for a while after it is gone."""

    id: str
    resource: str
    appointment: str
    assignment: str
    live: bool = True
    closed_at: Utc | None = None  # who comes later comes for other work: see `seeing_off`

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
    overruled_at: Utc | None = None  # when a person chose another status than ours
    share_link: str | None = None
    # As an earlier version kept them, until they are moved to the days: see `inheriting`.
    travel: dict[str, float] = EMPTY  # by assignment, minutes
    entries: dict[str, Entry] = EMPTY  # by resource


class OursOfDay(Model):
    """What we last wrote of a resource's day."""

    entries: dict[str, Entry] = EMPTY  # by their keys
    removed: tuple[str, ...] = ()  # ids of those that we have taken away again
    travel: dict[str, float | None] = EMPTY  # by assignment, minutes
    distances: dict[str, float | None] = EMPTY  # by appointment


class Intent(Model):
    """A fact whose writes have begun and are not known to have ended."""

    delivered: Delivered
    since: Utc
    planned: Writes | None = None  # for the ledger
    meant: Ours | None = None  # what we will have written once it is carried out
    meant_of_day: OursOfDay | None = None  # likewise
    seen: Utc | None = None  # when the appointment had been changed last before that
    before: dict[str, Any] = EMPTY  # for the ledger: what stood there
    days: tuple[date, ...] = ()  # of the resource, that are written, too
    others: tuple[Delivered, ...] = ()  # applied along with it

    @property
    def told(self) -> tuple[Delivered, ...]:
        return (self.delivered, *self.others)

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_version(cls, told: Any) -> Any:
        """It planned one entry and one travel time, of the appointment's own resource."""
        planned = told.get("planned") if isinstance(told, dict) else None
        if not isinstance(planned, dict) or "assignment" not in planned:
            return told
        entry, minutes = planned.get("entry"), planned.get("travel_minutes")
        more = {
            "entries": [entry] if entry else [],
            "travel": {} if minutes is None else {planned["assignment"]: minutes},
        }
        return {**told, "planned": {**planned, **more}}


class Anchor(Record):
    """The record that facts are about: the facts applied so far and at most one intent."""

    facts: dict[str, Delivered] = EMPTY  # by fact key
    intent: Intent | None = None
    doubtful: dict[str, Intent] = EMPTY  # of parked facts, by fact key
    earlier: bool = False  # read as a version before this one stores it


class Stretch(Model):
    """A time of work, in whole minutes."""

    start: Utc
    end: Utc


class Trip(Model):
    """The way to an appointment, as HyperTrack measured it."""

    arrived_at: Utc
    seconds: float
    idle_seconds: float = 0
    metres: float | None = None
    # Of all to this appointment: its minutes stand as the resource's travel time.
    first: bool = True


class Part(Model):
    """What one appointment contributes to one local day of a resource."""

    appointment: str
    assignment: str = ""
    number: str = ""
    zone: str = "UTC"  # of the site
    work_order: str = ""
    work_order_line: str = ""
    blocks: tuple[Stretch, ...] = ()  # of work that is over, as it belongs on a time sheet
    trip: Trip | None = None  # of the first arrival of that day
    problem: str = ""  # why some of its work is not among the blocks

    @property
    def mark(self) -> str:
        """By which it is known whether another is the same, in a twentieth of the room."""
        told = self.model_dump_json(exclude_defaults=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]


class Visit(Anchor):
    """The facts about one appointment, and what we wrote of them."""

    appointment: str
    ours: Ours = Field(default_factory=Ours)  # as with EMPTY
    marks: dict[str, str] = EMPTY  # of what days know of it, by "resource/day"

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_version(cls, kept: Any) -> Any:
        """It kept all that days know, under a name of its own, and finds none if it is back."""
        if not isinstance(kept, dict) or "marks" in kept:
            return kept
        parts = kept.get("told", {}).items()
        return {**kept, "marks": {name: Part.model_validate(each).mark for name, each in parts}}

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.appointment)


class Day(Anchor):
    """One resource's local day, in the time zone of its user: when it was clocked in, what each
    appointment contributes, and what we wrote of them. Its facts are clock-ins and clock-outs.
    """

    resource: str
    on: date
    parts: dict[str, Part] = EMPTY  # by appointment
    ours: OursOfDay = Field(default_factory=OursOfDay)

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.resource, self.on.isoformat())


class SheetClaim(Record):
    """That a worker is making a time sheet of a resource, from its first day on."""

    resource: str
    first: date
    since: Utc
    delivery: str  # of the fact that it is made for

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.resource, self.first.isoformat())


# What a worker claims before it writes.
type Claim = Anchor | SheetClaim


class Confirming(Record):
    """An exit that completes the work if nobody has come back by then."""

    at: Utc
    appointment: str
    resource: str
    left_at: Utc

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.at.isoformat(), self.appointment, self.resource)


class Parked(Record):
    """A message that was refused for good, with its cause; an operator may replay it."""

    id: str
    queue: Literal["polls", "changes", "invites", "events", "bursts"]
    body: str = Field(repr=False)
    group: str
    cause: str
    at: Utc

    @property
    def key(self) -> tuple[str, ...]:
        return (self.connection, self.id)
