"""The nouns that cross a boundary: queue messages, facts, and what Salesforce holds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:  # the first and the last day of the calendar
        raise ValueError("no moment in UTC") from error


Utc = Annotated[AwareDatetime, AfterValidator(_utc)]
EMPTY: Any = Field(default_factory=dict)  # one in its place would be copied deeply each time


# Salesforce shows and compares whole minutes: the Field Service package strips seconds.
def minute(moment: datetime) -> datetime:
    """The whole minute that a moment lies in."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


class Model(BaseModel):
    """Frozen; tolerant of what vendors and later versions of ours add."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


# ── queue messages ────────────────────────────────────────────────────────────


class Poll(Model):
    """Look for what changed in this connection's org."""

    connection: str
    full: bool = False  # compare everything current, not only what changed
    nudged: bool = False  # Salesforce asked for it, between two ticks


class Sync(Model):
    """Bring the tracking of a resource in line with its assignments."""

    connection: str
    resource: str
    assignments: tuple[tuple[str, str], ...] = ()  # (appointment, assignment) newly seen
    due: Utc | None = None  # when the time came that this look is for


class Recover(Model):
    """Find what HyperTrack recorded of a resource and we may never have been told."""

    connection: str
    resource: str
    since: Utc
    until: Utc
    nightly: bool = True  # else it is of a silence, and the night asks for the same again


class Invite(Model):
    """Invite a resource to the Visits App unless that has been done."""

    connection: str
    resource: str
    # An operator asked to send again, knowing that the mail claimed then may have gone out.
    despite: Utc | None = None


class Report(Model):
    """One event that HyperTrack reported, as the webhook door queued it."""

    connection: str
    id: str  # hash of connection and content
    received_at: Utc
    event: Any = None
    recovered: bool = False  # found in HyperTrack's record, not told by a webhook
    unreadable: str = ""  # why its event can't be read, which is a text then
    spooled: str = ""  # where the event lies if it, or its delivery, is too large for a message
    first: int = 0  # of a delivery that is kept whole: the event to go on with
    own: bool = False  # told by ourselves; no delivery can say so of its events


# ── facts ─────────────────────────────────────────────────────────────────────


class Kind(StrEnum):
    """What a fact says, in our words."""

    ARRIVED = "arrived"
    LEFT = "left"
    ON_THE_WAY = "on the way"
    CHECKED_IN = "checked in"
    CHECKED_OUT = "checked out"
    CANCELLED = "cancelled"
    CLOCKED_IN = "clocked in"
    CLOCKED_OUT = "clocked out"
    EXPECTED = "expected"  # when the resource will arrive, as HyperTrack estimates
    DELAYED = "delayed"
    LINK_OFFERED = "link offered"  # for the customer to follow; by ourselves
    LINK_WITHDRAWN = "link withdrawn"
    EXIT_CONFIRMED = "exit confirmed"  # nobody came back for a while; by ourselves
    CLOSED = "closed"  # the work, in Salesforce, by whomever; by ourselves
    OUTAGE_BEGAN = "outage began"
    OUTAGE_ENDED = "outage ended"
    BATTERY_LOW = "battery low"
    BATTERY_WELL = "battery well"
    CLOCK_CHANGED = "clock changed"
    POSITION = "position"
    TRACKING_BEGAN = "tracking began"
    DEVICE_SEEN = "device seen"
    DEVICE_RELEASED = "device released"
    WEBHOOK_TESTED = "webhook tested"


# What somebody does at their work. Of these the set counts, and no order.
AT_WORK = {
    Kind.ON_THE_WAY,
    Kind.ARRIVED,
    Kind.CHECKED_IN,
    Kind.CHECKED_OUT,
    Kind.LEFT,
}


class Travel(Model):
    """The way to a place, as HyperTrack measured it."""

    metres: FiniteFloat | None = None
    seconds: FiniteFloat | None = None
    idle_seconds: FiniteFloat | None = None


class Place(Model):
    """A point on the map, in degrees."""

    latitude: FiniteFloat = Field(repr=False)
    longitude: FiniteFloat = Field(repr=False)


class Fact(Model):
    """One thing that happened, whoever told it and however often."""

    kind: Kind
    key: str  # same key, same fact
    at: Utc
    device: str = ""
    resource: str = ""
    appointment: str = ""
    geofence: str = ""
    arrived_at: Utc | None = None  # of the visit that a departure ends
    travel: Travel | None = None
    note: str = ""
    photos: tuple[str, ...] = ()
    order: str = ""  # HyperTrack's order handle
    reason: str = ""  # of an outage or a changed estimate, in HyperTrack's word
    expected_at: Utc | None = None  # when the resource will arrive
    scheduled_at: Utc | None = None
    link: str = Field(default="", repr=False)
    seconds: FiniteFloat | None = None  # by which the device's clock was changed
    place: Place | None = Field(default=None, repr=False)  # of a position only
    doubtful: bool = False  # the device's clock was wrong when it told the time


class Delivered(Model):
    """A fact and the delivery that brought it."""

    fact: Fact
    delivery: str
    received_at: Utc
    recovered: bool = False  # found in HyperTrack's record, not told by a webhook

    @property
    def name(self) -> tuple[datetime, str]:
        """As its row in the ledger is named: an event may be delivered once more, later."""
        return self.received_at, self.delivery

    @property
    def without_words(self) -> Delivered:
        """As it is kept: what a technician wrote is in Salesforce and of no use here."""
        return self.model_copy(
            update={"fact": self.fact.model_copy(update={"note": "", "photos": ()})}
        )


class Sign(Model):
    """That something was well, or not, at a moment; of outages, batteries and clocks."""

    at: Utc
    key: str  # of the fact that told it
    delivery: str
    received_at: Utc
    ill: bool
    word: str = ""  # why, in HyperTrack's words
    seconds: float = 0.0  # by which a clock was off


class Outcome(StrEnum):
    """What became of an event that we acknowledged; each has exactly one."""

    APPLIED = "applied"
    SUPERSEDED = "superseded"  # true, kept, and nothing to change in Salesforce
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    PARKED = "parked"


class LedgerRow(Model):
    """What became of one event, and why."""

    connection: str
    received_at: Utc
    delivery: str
    outcome: Outcome
    key: str = ""
    kind: str = ""
    at: Utc | None = None
    device: str = ""
    resource: str = ""
    appointment: str = ""
    reason: str = ""
    recovered: bool = False  # found in HyperTrack's record, not told by a webhook
    wrote: dict[str, Any] = EMPTY
    before: dict[str, Any] = EMPTY  # what stood where `wrote` says what was written
    rule: str = ""  # why that was written, in plain words
    request: str = ""  # Salesforce's own id of the request that wrote it
    decided_at: Utc | None = None
    erased: str = ""  # when a person's data were erased from it: then nothing else is left


# ── what Salesforce holds ─────────────────────────────────────────────────────


class Category(StrEnum):
    """StatusCategory of an appointment, in the order in which work goes forward."""

    NONE = "None"
    SCHEDULED = "Scheduled"
    DISPATCHED = "Dispatched"
    IN_PROGRESS = "InProgress"
    CANNOT_COMPLETE = "CannotComplete"
    COMPLETED = "Completed"
    CANCELED = "Canceled"

    @property
    def rank(self) -> int:
        """Higher is further on; of the closed ones, Completed beats Cannot Complete, and
        Canceled beats both.
        """
        return list(Category).index(self)

    @property
    def closed(self) -> bool:
        return self in {Category.CANNOT_COMPLETE, Category.COMPLETED, Category.CANCELED}


LINK_LENGTH = 255  # characters of the longest link that is written: what a URL field holds


class Ability(StrEnum):
    """Something that we write in Salesforce; an org or its user may lack any of them."""

    STATUS = "status"
    ACTUAL_START = "actual start"
    ACTUAL_END = "actual end"
    ACTUAL_DURATION = "actual duration"
    TRAVEL_TIME = "actual travel time"
    EVENTS = "Events in the Activity"
    TIME_SHEETS = "new time sheets"
    TIME_SHEET_ENTRIES = "time sheet entries"
    CHANGED_ENTRIES = "changed time sheet entries"
    TASKS = "Tasks for the dispatcher"
    URGENT_TASKS = "Tasks of high priority"
    SHARE_LINK = "share link"
    DISTANCE = "travel distance"
    EVENT_PLACE = "places of Events"
    DONE_TASKS = "Tasks in the Activity"
    REMOVED_ENTRIES = "removed time sheet entries"
    VISIT_ENTRIES = "time sheet entries of visits"  # for want of their type only
    TRAVEL_ENTRIES = "time sheet entries of travel"  # likewise
    POSITIONS = "last known positions"


class Status(Model):
    """One value of the org's own status picklist."""

    name: str
    category: Category
    default: bool = False


class Described(Model):
    """What Salesforce tells about itself: what our user may read and write in this org."""

    missing: tuple[str, ...] = ()  # objects that can't be seen
    unreadable: tuple[str, ...] = ()  # of the fields that we ask for, as Object.Field
    needed: tuple[str, ...] = ()  # those of them without which nothing can be tracked
    lacking: dict[Ability, str] = EMPTY  # what we can't write, and why
    no_site_zone: str = ""  # why the time zones of sites can't be told; "": they can
    no_shifts: str = ""  # why Shifts can't be looked at; "": they can, or nobody wants it
    statuses: tuple[Status, ...] = ()
    loose_keys: tuple[str, ...] = ()  # fields for our key that don't tell rows apart
    automatic: tuple[str, ...] | None = None  # settings that set statuses; None: can't be seen
    keyed: tuple[str, ...] = ()  # objects that have a field for our key which we may fill
    listed: dict[str, tuple[str, ...]] = EMPTY  # active values by Object.Field, of what we fill


class Sheet(Model):
    """A time sheet of a resource; `first` and `last` day inclusive."""

    id: str
    first: date
    last: date
    status: str


class Booked(Model):
    """A time sheet entry as it stands, and the status of its sheet."""

    starts_at: Utc
    ends_at: Utc
    sheet: str = ""
    sheet_status: str = "New"


class Assigned(Model):
    """One resource's assignment to an appointment."""

    id: str
    resource: str
    primary: bool = False
    travel: float | None = None  # minutes


class Beside(Model):
    """What is seen of another appointment of the same resource's day."""

    team: tuple[Assigned, ...] = ()
    distance: float | None = None


class Look(Model):
    """What is wanted to be seen of one resource's work on one appointment."""

    appointment: str
    resource: str
    day: Utc  # around which time sheets are wanted
    entries: tuple[str, ...] = ()  # ids of our own
    others: tuple[str, ...] = ()  # appointments of the same day, whose trips may change
    left: bool = False  # though the resource is not assigned any more; else Refused


class View(Model):
    """What Salesforce holds about one resource's work on one appointment, just now."""

    appointment: str
    resource: str
    number: str = ""  # of the appointment
    address: str = Field(default="", repr=False)  # likewise
    status: str
    category: Category
    statuses: tuple[Status, ...]
    starts_at: Utc | None = None
    ends_at: Utc | None = None
    actual_start: Utc | None = None
    actual_end: Utc | None = None
    actual_minutes: float | None = None
    work_order: str = ""
    work_order_line: str = ""
    changed_at: Utc
    changed_by_us: bool
    assignment: str  # "": not any more
    team: tuple[Assigned, ...] = ()  # all who are assigned, in the order of their ids
    resource_name: str = ""
    time_zone: str = "UTC"  # of the resource's user
    site_zone: str = ""  # "": not known
    sheets: tuple[Sheet, ...] | None = None  # None: this org or user has no time sheets
    sheets_problem: str = ""
    entries: dict[str, Booked] = EMPTY  # our own by id; one that is missing has been deleted
    beside: dict[str, Beside] = EMPTY  # by appointment: those that were asked for and are there
    link_field: bool = False  # whether there is a field for the link that we can read
    share_link: str | None = None  # what stands there
    distance_field: bool = False  # likewise for the distance
    distance: float | None = None

    @property
    def zone(self) -> str:
        """The time zone in which a day of this work is meant: the site's."""
        return self.site_zone or self.time_zone

    @property
    def travel(self) -> float | None:
        """Minutes that stand as the resource's travel time."""
        return next((each.travel for each in self.team if each.id == self.assignment), None)


class NewEvent(Model):
    """A row for the appointment's Activity: an Event, or a Task that is done."""

    key: str  # of the fact that it tells
    starts_at: Utc
    minutes: int
    subject: str
    description: str
    place: str = Field(default="", repr=False)  # where it happened, as the work's address
    done_as: str = ""  # the status of the Task; "": it is an Event
    due: date | None = None  # of the Task: the day on which it happened, at the site


class NewTask(Model):
    """Something that the dispatcher should see to, as an open Task of the appointment."""

    key: str  # of the fact that it tells
    subject: str
    description: str
    due: date
    urgent: bool = True  # of high priority, if the org has one


class NewSheet(Model):
    """A time sheet that is made together with its first entries."""

    key: str
    resource: str
    first: date
    last: date


class SheetEntry(Model):
    """A stretch of work or travel on a time sheet: new if it has no id, else changed."""

    id: str = ""
    key: str
    sheet: str = ""  # the id of its sheet, or ""
    new_sheet: str = ""  # else the key of the one that is made with it
    resource: str
    type: str = "Direct"  # the org's word
    starts_at: Utc
    ends_at: Utc
    subject: str
    description: str
    work_order: str = ""
    work_order_line: str = ""


type Changes = dict[
    Literal["status", "actual_start", "actual_end", "actual_minutes", "share_link"],
    str | Utc | float | None,
]


class Writes(Model):
    """Everything that one fact, or several at once, change in Salesforce: all or nothing."""

    appointment: str
    parent: str = ""  # the work order that a write locks, too
    changes: Changes = EMPTY
    through: str = ""  # a status to be set just before the one in `changes`
    travel: dict[str, float | None] = EMPTY  # minutes by assignment
    distances: dict[str, float | None] = EMPTY  # by appointment, in the unit of the connection
    event: NewEvent | None = None
    others: tuple[NewEvent, ...] = ()  # of the facts that are applied along with the first
    entries: tuple[SheetEntry, ...] = ()
    sheets: tuple[NewSheet, ...] = ()
    removed: tuple[str, ...] = ()  # ids of entries of ours that are true no more
    task: NewTask | None = None
    left_out: tuple[str, ...] = ()  # what could not be written, in plain words
    rule: str = ""  # why, in plain words

    @property
    def told(self) -> tuple[NewEvent, ...]:
        """The rows of its facts."""
        return (*([self.event] if self.event else []), *self.others)

    @property
    def empty(self) -> bool:
        maps = (self.changes, self.travel, self.distances)
        rows = (self.told, self.entries, self.removed, self.task)
        return not any(maps) and not any(rows)

    @property
    def without_words(self) -> dict[str, Any]:
        """For the ledger: what a technician wrote is not kept there as well."""
        words: dict[str, Any] = {
            "event": {"description", "place"},
            "task": {"description"},
            "others": True,  # each has a row of its own in the ledger, too
            "entries": {"__all__": {"description"}},
            "changes": {"share_link"},  # whoever has it sees where somebody is
            "left_out": True,
            "rule": True,
        }
        return self.model_dump(mode="json", exclude_defaults=True, exclude=words)


class Written(Model):
    """Ids of the rows that were made, empty where none was."""

    event: str = ""
    others: dict[str, str] = EMPTY  # by the keys of their facts
    entries: dict[str, str] = EMPTY  # by the keys of the entries
    sheets: dict[str, str] = EMPTY  # likewise of the sheets
    task: str = ""
    request: str = ""  # Salesforce's own id of the request


# ── what the vendors answer ───────────────────────────────────────────────────


class Grant(Model):
    """Salesforce's answer to a token request."""

    access_token: str = Field(repr=False)
    refresh_token: str = Field(default="", repr=False)
    instance_url: str
    id: str = ""
    issued_at: str = ""
    signature: str = Field(default="", repr=False)
    scope: str = ""  # words, with blanks between; "" if Salesforce does not say


class Identity(Model):
    """Whom a grant speaks for."""

    org: str
    user: str


# What our geofences carry. The Visits App shows the worker every pair whose value is a string,
# but for keys that begin with ht_.
APPOINTMENT_KEY = "service_appointment_id"
RESOURCE_KEY = "service_resource_id"
ASSIGNMENT_KEY = "ht_assignment"


class Fence(Model):
    """A geofence as we want it."""

    device: str
    latitude: float
    longitude: float
    radius: int  # metres
    metadata: dict[str, str]

    def same_place(self, other: Fence) -> bool:
        """Whether only the words differ, which can be changed in place."""
        return self.model_copy(update={"metadata": {}}) == other.model_copy(
            update={"metadata": {}}
        )


class WantedOrder(Model):
    """An order as we want HyperTrack to track it."""

    handle: str  # of our choice: the same order has the same one
    worker: str  # handle: the resource
    latitude: float = Field(repr=False)
    longitude: float = Field(repr=False)
    radius: int  # metres
    scheduled_at: Utc | None = None
    service_seconds: int | None = None  # how long the work is expected to take
    metadata: dict[str, str] = EMPTY


class TrackedOrder(Model):
    """An order as HyperTrack has it."""

    handle: str
    status: str  # "ongoing" while it is tracked; see `OVER` of those that are not live
    worker: str = ""
    device: str = ""
    share_url: str = Field(default="", repr=False)
    embed_url: str = Field(default="", repr=False)

    @property
    def over(self) -> bool:
        return self.status in {"completed", "cancelled", "summarizing", "rescheduled"}

    @property
    def tracked(self) -> bool:
        """Whether it is in a worker's hands, be it disabled; else it is only planned."""
        return self.status in {"ongoing", "disabled", "dispatched"}


class SeenDevice(Model):
    """A device as HyperTrack's list has it."""

    id: str
    driver: str = ""  # metadata's driver_id
    email: str = Field(default="", repr=False)  # metadata's
    worker: str = ""  # handle that it is linked to
    registered_at: Utc | None = None
    status: str = ""  # active, inactive, disconnected
    reason: str = ""  # of being inactive
