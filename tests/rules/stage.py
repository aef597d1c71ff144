"""A plain org, put on as rows that the poller sees, and the workers behind the poller."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from fieldlink.console import letters
from fieldlink.looking import polling
from fieldlink.looking.polling import Polled, Queues
from fieldlink.models import ASSIGNMENT_KEY, Category, Invite, Sync
from fieldlink.people import inviting, registry
from fieldlink.people.inviting import Counter
from fieldlink.people.registry import Claim
from fieldlink.records import Appointment, Assignment, Resource, Row, Shift
from fieldlink.tracking import tracking, waking
from tests.fakes import FakeMail, Killed
from tests.make import CONNECTION, World, connection
from tests.rules import transitions_oracle
from tests.rules.transitions_oracle import Circle, Job, Person, Plan, Seat, Task, Turn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fieldlink.ports import Message, Salesforce
    from tests.fakes import Death

TICK = timedelta(minutes=5)
type Order = Literal["as sent", "backwards", "each twice"]
type Way = Literal["geofences", "orders"]


class Stage(World):
    """An org that changes, polled, with everything that follows."""

    def __init__(self, plan: Plan, way: Way = "geofences") -> None:
        super().__init__(resources=())
        self.connection = connection(tracking=way, by_shifts=True)
        self.mail = FakeMail(self.fate)
        self.salesforce.shifts_wanted = True
        self.plan = plan
        self._ticks = 0
        self._late: dict[str, tuple[datetime, datetime, Row]] = {}  # visible at, stamped, row
        for person in plan.people.values():
            if person.phone:
                self._carry(person.id, person.phone)
        self.put_on()

    def put_on(self, *, late: timedelta = timedelta()) -> None:
        """Have the org show what the plan says; what is as before is not stamped anew.

        `late`: how long after its stamp it is seen; who changes it once more waits for that.
        """
        for row in rows(self.plan):
            if row.id in self._late and self._late[row.id][2] != row:
                self._commit(row.id)
        known = {row.id: (at, row) for at, row in self.salesforce.changed}
        known |= {name: (at, row) for name, (_, at, row) in self._late.items()}
        for row in rows(self.plan):
            before = known.get(row.id)
            if before is None or before[1] != row:
                same = before is not None and _same_but_kind(before[1], row)
                stamp = before[0] if before and same else self.now
                self._late[row.id] = (self.now + late, stamp, row)
        self.pass_time(timedelta())
        self.salesforce.hidden = {
            name for name, each in self.plan.things.items() if each.hidden
        }

    def pass_time(self, span: timedelta) -> None:
        super().pass_time(span)
        for name in [name for name, late in self._late.items() if late[0] <= self.now]:
            self._commit(name)

    def _commit(self, name: str) -> None:
        _, stamp, row = self._late.pop(name)
        self.salesforce.changed.append((stamp, row))

    def tick(self, *, full: bool = False, salesforce: Salesforce | None = None) -> Polled:
        self.pass_time(TICK)
        self._ticks += 1
        waking.wake(self.connection, state=self.state, changes=self.changes, now=self.now)
        return polling.poll(
            self.connection,
            salesforce=salesforce or self.salesforce,
            state=self.state,
            queues=Queues(changes=self.changes, invites=self.invites),
            run=f"run {self._ticks}",
            full=full,
        )

    def deliver(self, order: Order = "as sent") -> None:
        """Give all messages to the workers, and those that they send in their turn."""
        for _ in range(10):
            changes, invites = _taken(self.changes.messages), _taken(self.invites.messages)
            for message in _in(order, changes):
                tracking.sync(Sync.model_validate_json(message.body), self.ground)
            for message in _in(order, invites):
                inviting.invite(Invite.model_validate_json(message.body), self._counter)
            if not (changes or invites):
                return
        raise AssertionError("the workers never come to rest")

    def look_and_die(self, death: Death) -> None:
        """A worker of the changes is killed; the queue brings again what it had begun."""
        messages = list(self.changes.messages)
        self.fate.death = death
        try:
            while self.changes.messages:
                message = self.changes.messages[0]
                tracking.sync(Sync.model_validate_json(message.body), self.ground)
                self.changes.messages.remove(message)
        except Killed:
            self.changes.messages += messages
        self.fate.death = None

    def install(self, person: str, phone: str) -> None:
        self.plan.people[person].phone = phone
        self._carry(person, phone)
        claim = Claim(phone, person, self.now, self.now, f"{phone} {self.now}")
        registry.bind(claim, self.ground)

    def follow(self, way: Way) -> None:
        """The operator changes the way of tracking, and everybody is looked at."""
        self.connection = connection(tracking=way, by_shifts=True)
        waking.everybody(
            self.connection, state=self.state, changes=self.changes, cause=f"{way} {self.now}"
        )

    @property
    def as_planned(self) -> bool:
        """Whether there is what the oracle says, and nothing of the other way."""
        if self.connection.tracking == "geofences":
            return (self.circles, self.tasks) == (transitions_oracle.circles(self.plan), set())
        return (self.circles, self.tasks) == (
            set(),
            transitions_oracle.tasks(self.plan, self.now),
        )

    @property
    def tasks(self) -> set[Task]:
        found = [
            Task(
                (each.wanted.latitude, each.wanted.longitude),
                each.wanted.metadata["service_appointment_id"],
                each.wanted.worker,
                each.wanted.metadata[ASSIGNMENT_KEY],
                each.wanted.metadata.get("name", ""),
                each.wanted.metadata.get("address", ""),
                each.wanted.scheduled_at or self.now,
            )
            for each in self.hypertrack.tracked_orders
        ]
        assert len(found) == len(set(found)), "an order is tracked twice"
        for each in self.hypertrack.tracked_orders:
            assert each.wanted.metadata["service_resource_id"] == each.wanted.worker
        return set(found)

    @property
    def circles(self) -> set[Circle]:
        found = [
            Circle(
                fence.device,
                (fence.latitude, fence.longitude),
                fence.metadata["service_appointment_id"],
                fence.metadata["service_resource_id"],
                fence.metadata[ASSIGNMENT_KEY],
                fence.metadata.get("name", ""),
                fence.metadata.get("address", ""),
                fence.metadata.get("scheduled_start", ""),
            )
            for fence in self.hypertrack.fences.values()
        ]
        assert len(found) == len(set(found)), "a geofence stands twice"
        return set(found)

    @property
    def written_to(self) -> list[str]:
        return sorted(letter.to for letter in self.mail.sent)

    def seen(self) -> Plan:
        """The plan as it is now, to be compared later."""
        return deepcopy(self.plan)

    def _carry(self, person: str, phone: str) -> None:
        self.hypertrack.drivers[phone] = person
        self.hypertrack.workers[person] = person
        self.hypertrack.linked[person] = phone

    @property
    def _counter(self) -> Counter:
        return Counter(
            connection=self.connection,
            state=self.state,
            hypertrack=self.hypertrack,
            mail=self.mail,
            changes=self.changes,
            letter=letters.invitation,
            now=self.now,
        )


def rows(plan: Plan) -> Iterable[Row]:
    """The plan as Salesforce's rows."""
    yield from (_resource(each) for each in plan.people.values())
    yield from (_appointment(each) for each in plan.jobs.values())
    yield from (_assignment(each, plan) for each in plan.seats.values())
    yield from (_shift(each) for each in plan.turns.values())


def _resource(person: Person) -> Resource:
    return Resource(
        connection=CONNECTION,
        id=person.id,
        name=person.name,
        email=person.email,
        time_zone=person.zone,
        active=person.employed and person.may_log_in,
        user_active=person.may_log_in,
        technician=person.kind == "T",
    )


def _appointment(job: Job) -> Appointment:
    place: tuple[Any, Any] = job.place or (None, None)
    return Appointment(
        connection=CONNECTION,
        id=job.id,
        number=f"SA-{job.id}",
        subject=job.subject,
        category=Category(job.stage),
        starts_at=datetime.fromisoformat(job.start),
        ends_at=datetime.fromisoformat(job.end),
        latitude=place[0],
        longitude=place[1],
        address=job.street,
        bundled=job.in_bundle,
        time_zone=job.zone,
        deleted=job.deleted,
    )


def _assignment(seat: Seat, plan: Plan) -> Assignment:
    person = plan.people.get(seat.person)
    return Assignment(
        connection=CONNECTION,
        id=seat.id,
        appointment=seat.job,
        resource=seat.person,
        technician=person is None or person.kind == "T",
        crew=seat.crew,
        deleted=seat.deleted,
    )


def _shift(turn: Turn) -> Shift:
    return Shift(
        connection=CONNECTION,
        id=turn.id,
        resource=turn.person,
        starts_at=datetime.fromisoformat(turn.start),
        ends_at=datetime.fromisoformat(turn.end),
        firm=turn.sure,
        deleted=turn.deleted,
    )


def _same_but_kind(before: Row, now: Row) -> bool:
    """A resource's kind shows in its assignments without their being touched."""
    kind = {"technician": True}
    return isinstance(now, Assignment) and (
        before.model_copy(update=kind) == now.model_copy(update=kind)
    )


def _taken(messages: list[Message]) -> list[Message]:
    taken = list(messages)
    messages.clear()
    return taken


def _in(order: Order, messages: list[Message]) -> list[Message]:
    if order == "backwards":
        return messages[::-1]
    return [each for each in messages for _ in range(2 if order == "each twice" else 1)]
