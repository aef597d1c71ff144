"""Whatever happens in an org, the geofences and invitations are those of a plain oracle."""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from fieldlink.errors import Unavailable
from fieldlink.looking import transitions
from fieldlink.ports import nothing_is_known
from tests.fakes import Death, Killed
from tests.rules.stage import Order, Stage, Way
from tests.rules.transitions_oracle import (
    Job,
    Person,
    Plan,
    Seat,
    Turn,
    letters,
    on_shift,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fieldlink.ports import Fingerprints, Salesforce
    from fieldlink.records import PolledRows

ADA, BOB, CREW = "0Hn000000000001CAA", "0Hn000000000002CAA", "0Hn000000000003CAA"
JOB, OTHER_JOB = "08p000000000001AAA", "08p000000000002AAA"
TURN, NEXT_TURN = "0SH000000000001AAA", "0SH000000000002AAA"
SEAT, NEXT_SEAT, LAST_SEAT = "03r000000000001AAA", "03r000000000002AAA", "03r000000000003AAA"


def plan(*, phone: bool = True) -> Plan:
    """Ada has a job and a shift; Bob is free; there is a crew; another job is nobody's."""
    people = [
        Person(ADA, "Ada", "ada@example.com", phone="phone-of-ada" if phone else ""),
        Person(BOB, "Bob", "bob@example.com", phone="phone-of-bob" if phone else ""),
        Person(CREW, "Crew", "", kind="C"),
    ]
    return Plan(
        {each.id: each for each in people},
        {JOB: Job(JOB), OTHER_JOB: Job(OTHER_JOB, place=(48.1, 11.6))},
        {SEAT: Seat(SEAT, JOB, ADA)},
        {TURN: Turn(TURN, ADA)},
    )


class Case(NamedTuple):
    """What is changed before the poller first looks, and what after; how that is counted."""

    counted: str
    change: Callable[[Plan], object]
    first: Callable[[Plan], object] = lambda _: None
    full: bool = False  # only a look at everything can see it


def job(**changes: object) -> Callable[[Plan], object]:
    return lambda plan: vars(plan.jobs[JOB]).update(changes)


def seat(**changes: object) -> Callable[[Plan], object]:
    return lambda plan: vars(plan.seats[SEAT]).update(changes)


def turn(**changes: object) -> Callable[[Plan], object]:
    return lambda plan: vars(plan.turns[TURN]).update(changes)


def ada(**changes: object) -> Callable[[Plan], object]:
    return lambda plan: vars(plan.people[ADA]).update(changes)


def add(*things: Person | Job | Seat | Turn) -> Callable[[Plan], object]:
    """Each case puts copies into its plan, since plans are changed in place."""

    def change(plan: Plan) -> None:
        for each in things:
            match copy(each):
                case Person() as person:
                    plan.people[each.id] = person
                case Job() as job:
                    plan.jobs[each.id] = job
                case Seat() as seat:
                    plan.seats[each.id] = seat
                case Turn() as turn:
                    plan.turns[each.id] = turn

    return change


def both(*changes: Callable[[Plan], object]) -> Callable[[Plan], object]:
    return lambda plan: [each(plan) for each in changes]


# After so long the next look for changes shows nothing of what is as it was.
OUT_OF_REACH = timedelta(minutes=15)
NEW_JOB = "08p000000000009AAA"
DAN = "0Hn000000000008CAA"
CAROL = Person("0Hn000000000009CAA", "Carol", "carol@example.com")
WAYS: list[Way] = ["geofences", "orders"]
CASES = {
    "a job is made, with somebody on it": Case(
        "appointment created", add(Job(NEW_JOB), Seat(NEXT_SEAT, NEW_JOB, ADA))
    ),
    "a job is seen after its seat": Case(
        "appointment created", add(Job(NEW_JOB)), first=add(Seat(NEXT_SEAT, NEW_JOB, ADA))
    ),
    "a job is first seen when it is over": Case(
        "appointment first seen closed",
        add(Job(NEW_JOB, stage="Completed"), Seat(NEXT_SEAT, NEW_JOB, ADA)),
    ),
    "somebody is assigned": Case("assigned", add(Seat(NEXT_SEAT, OTHER_JOB, BOB))),
    "reassigned by an update": Case("reassigned", seat(person=BOB)),
    "reassigned to a crew by an update": Case("reassigned", seat(person=CREW)),
    "reassigned by delete and insert": Case(
        "reassigned by another row", both(seat(deleted=True), add(Seat(NEXT_SEAT, JOB, BOB)))
    ),
    "a second resource": Case("assigned as another resource", add(Seat(NEXT_SEAT, JOB, BOB))),
    "a crew's own row": Case("crew's own row", add(Seat(NEXT_SEAT, JOB, CREW, crew="0cr"))),
    "a crew with its member": Case(
        "assigned with a crew",
        add(Seat(NEXT_SEAT, JOB, CREW, crew="0cr"), Seat(LAST_SEAT, JOB, BOB, crew="0cr")),
    ),
    "unassigned": Case("unassigned", seat(deleted=True)),
    "unassigned after being reassigned": Case("unassigned", seat(deleted=True, person=BOB)),
    "an assignment is undeleted": Case(
        "assignment undeleted", seat(deleted=False), first=seat(deleted=True)
    ),
    "rescheduled": Case(
        "appointment rescheduled",
        job(start="2026-03-04T15:00:00+00:00", end="2026-03-04T16:00:00+00:00"),
    ),
    "now takes days": Case("appointment now takes days", job(end="2026-03-07T14:00:00+00:00")),
    "moved": Case("appointment moved", job(place=(48.1, 11.5))),
    "loses its place": Case("appointment moved", job(place=None)),
    "gets a place": Case("appointment moved", job(place=(1.0, 2.0)), first=job(place=None)),
    "another time zone of the site": Case("site's time zone changed", job(zone="UTC")),
    "another address": Case("address changed", job(street="Lindenstr. 2")),
    "another subject": Case("subject changed", job(subject="Boiler")),
    "cancelled": Case("appointment cancelled", job(stage="Canceled")),
    "cannot be completed": Case("appointment not completed", job(stage="CannotComplete")),
    "completed by a person": Case("appointment completed", job(stage="Completed")),
    "dispatched": Case("status moved on", job(stage="Dispatched")),
    "cancelled after completion": Case(
        "status moved on", job(stage="Canceled"), first=job(stage="Completed")
    ),
    "reopened": Case(
        "appointment reopened", job(stage="Scheduled"), first=job(stage="Completed")
    ),
    "deleted": Case("appointment deleted", job(deleted=True)),
    "undeleted": Case("appointment undeleted", job(deleted=False), first=job(deleted=True)),
    "sharing lost": Case("appointment hidden", job(hidden=True), full=True),
    "shared again": Case(
        "appointment shown again", job(hidden=False), first=job(hidden=True), full=True
    ),
    "sharing of an assignment lost": Case("assignment hidden", seat(hidden=True), full=True),
    "an assignment is shared again": Case(
        "assignment shown again", seat(hidden=False), first=seat(hidden=True), full=True
    ),
    "joins a bundle": Case("appointment joined a bundle", job(in_bundle=True)),
    "leaves a bundle": Case(
        "appointment left a bundle", job(in_bundle=False), first=job(in_bundle=True)
    ),
    "hired": Case("new technician", add(CAROL)),
    "hired, but not at work yet": Case(
        "new, but not at work",
        add(Person(DAN, "Dan", "dan@example.com", employed=False)),
    ),
    "a resource is deactivated": Case("resource deactivated", ada(employed=False)),
    "a resource is reactivated": Case(
        "resource reactivated", ada(employed=True), first=ada(employed=False)
    ),
    "reactivated with another e-mail": Case(
        "resource reactivated",
        ada(employed=True, email="new@example.com"),
        first=ada(employed=False),
    ),
    "a user is deactivated": Case("user deactivated", ada(may_log_in=False)),
    "another e-mail": Case("e-mail changed", ada(email="lovelace@example.com")),
    "a first e-mail": Case("e-mail changed", ada(email="ada@example.com"), first=ada(email="")),
    "renamed": Case("resource renamed", ada(name="Ada King")),
    "another time zone": Case("time zone changed", ada(zone="Europe/Berlin")),
    "made a dispatcher": Case("no technician any more", ada(kind="D")),
    "made a technician": Case(
        "became a technician", ada(kind="T"), first=ada(kind="D"), full=True
    ),
    "made a technician who was never written to": Case(
        "became a technician",
        add(Person(DAN, "Dan", "dan@example.com")),
        first=add(Person(DAN, "Dan", "dan@example.com", kind="D")),
    ),
    "whose kind shows in the assignment": Case(
        "resource's kind seen changed", ada(kind="T"), first=ada(kind="D"), full=True
    ),
    "a resource is hidden": Case("resource hidden", ada(hidden=True), full=True),
    "a resource is shown again": Case(
        "resource shown again", ada(hidden=False), first=ada(hidden=True), full=True
    ),
    "a shift is planned": Case("shift planned", add(Turn(NEXT_TURN, BOB))),
    "a shift is planned for nobody": Case("shift planned", add(Turn(NEXT_TURN, ""))),
    "a shift ends earlier": Case("shift moved", turn(end="2026-03-04T09:00:00+00:00")),
    "a shift is somebody else's": Case("shift of another resource", turn(person=BOB)),
    "a shift is nobody's any more": Case("shift of another resource", turn(person="")),
    "a shift is published": Case("shift made firm", turn(sure=True), first=turn(sure=False)),
    "a shift is withdrawn": Case("shift no longer firm", turn(sure=False)),
    "a shift is deleted": Case("shift deleted", turn(deleted=True)),
    "a shift is deleted after being another's": Case(
        "shift deleted", turn(deleted=True, person=BOB)
    ),
    "a shift is undeleted": Case(
        "shift undeleted", turn(deleted=False), first=turn(deleted=True)
    ),
    "a shift is hidden": Case("shift hidden", turn(hidden=True), full=True),
    "a shift is shown again": Case(
        "shift shown again", turn(hidden=False), first=turn(hidden=True), full=True
    ),
}


def on_stage(case: Case, *, phone: bool, way: Way = "geofences") -> Stage:
    """The poller has seen how it was before; what was hidden, it had seen before that."""
    stage = Stage(plan(phone=phone), way)
    stage.tick()
    stage.deliver()
    case.first(stage.plan)
    stage.put_on()
    stage.pass_time(OUT_OF_REACH)
    stage.tick(full=True)
    stage.deliver()
    return stage


@pytest.mark.parametrize("order", ["as sent", "backwards", "each twice"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("phone", [True, False], ids=["has the app", "has no app"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_after_every_transition_all_is_as_the_oracle_says(
    case: Case, phone: bool, way: Way, order: Order
) -> None:
    stage = on_stage(case, phone=phone, way=way)
    before = [plan(phone=phone), stage.seen()]
    assert stage.as_planned
    case.change(stage.plan)
    stage.put_on()

    polled = stage.tick(full=case.full)
    stage.deliver(order)

    assert polled.found.get(case.counted) == 1
    assert stage.as_planned
    assert stage.hypertrack.switched_on == on_shift(stage.plan, stage.now)
    assert stage.written_to == letters([*before, stage.seen()])
    assert stage.hypertrack.most_at_once <= 2  # the new one stands before the old one goes
    assert stage.hypertrack.orders_at_once <= 2


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_look_that_comes_twice_finds_every_transition_once(case: Case) -> None:
    stage = on_stage(case, phone=True)
    case.change(stage.plan)
    stage.put_on()
    stage.tick(full=case.full)
    effects = len(stage.fate.effects)
    stage.changes.messages.clear()

    again = stage.tick()

    assert (again.changed, again.found) == (0, {})
    assert not [each for each in stage.fate.effects[effects:] if each.startswith("write")]
    assert not stage.changes.messages


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("way", WAYS)
def test_a_change_of_the_way_of_tracking_loses_no_transition(case: Case, way: Way) -> None:
    stage = on_stage(case, phone=True, way="orders" if way == "geofences" else "geofences")
    case.change(stage.plan)
    stage.put_on()
    stage.follow(way)

    stage.tick(full=case.full)
    stage.deliver()

    assert stage.as_planned


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_look_that_is_killed_anywhere_loses_no_transition(case: Case) -> None:
    whole = on_stage(case, phone=False)
    expected = len(whole.fate.effects)
    case.change(whole.plan)
    whole.put_on()
    whole.tick(full=case.full)

    for number in range(expected + 1, len(whole.fate.effects) + 1):
        stage = on_stage(case, phone=False)
        before = [plan(phone=False), stage.seen()]
        case.change(stage.plan)
        stage.put_on()
        stage.fate.death = Death("after", number)
        with pytest.raises(Killed):
            stage.tick(full=case.full)
        stage.deliver()
        stage.tick(full=case.full)
        stage.deliver()

        assert stage.as_planned, number
        assert stage.hypertrack.switched_on == on_shift(stage.plan, stage.now), number
        assert stage.written_to == letters([*before, stage.seen()]), number


def test_every_transition_of_the_table_has_its_case() -> None:
    of_table = {each.name for kind in transitions.TABLE.values() for each in kind}

    assert {case.counted for case in CASES.values()} == of_table


def test_what_is_in_no_table_has_every_effect() -> None:
    assert transitions.effects([transitions.UNKNOWN]) == set(transitions.Effect)


# ── anything in any order ─────────────────────────────────────────────────────

PEOPLE = [ADA, BOB, CREW]
JOBS = [JOB, OTHER_JOB]
SEATS = [SEAT, NEXT_SEAT, LAST_SEAT]
TURNS = [TURN, NEXT_TURN]
HOURS = ("08:00", "12:00", "13:00", "20:00")


class Overtaken:
    """An org whose looks take so long that another poller comes by in between."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def changes(
        self, since: datetime | None, known: Fingerprints = nothing_is_known
    ) -> PolledRows:
        seen = self._stage.salesforce.changes(since, known)
        self._stage.tick()
        return seen

    def __getattr__(self, name: str) -> object:
        return getattr(self._stage.salesforce, name)


class Org(RuleBasedStateMachine):
    """An org in which anything happens, and pollers that die, come twice and overtake."""

    @initialize(phone=st.booleans(), changes_alone=st.booleans(), way=st.sampled_from(WAYS))
    def open(self, phone: bool, changes_alone: bool, way: Way) -> None:
        """`changes_alone`: nothing happens that only a look at everything can see."""
        self.changes_alone = changes_alone
        self.late = timedelta()
        self.stage = Stage(plan(phone=phone), way)
        self.stage.tick()

    @rule(way=st.sampled_from(WAYS))
    def follow(self, way: Way) -> None:
        self.stage.follow(way)

    @rule(hours=st.sampled_from([1, 7]))
    def wait(self, hours: int) -> None:
        self.stage.pass_time(timedelta(hours=hours))

    @rule(minutes=st.sampled_from([0, 4, 9]))
    def commit_late(self, minutes: int) -> None:
        """What is done from now on is stamped at once and seen after so many minutes."""
        self.late = timedelta(minutes=minutes)

    @rule(
        which=st.sampled_from(JOBS),
        change=st.sampled_from(
            [
                {"start": "2026-03-04T13:00:00+00:00"},
                {"start": "2026-03-04T12:00:00+00:00"},
                {"start": "2026-03-04T20:00:00+00:00"},
                {"end": "2026-03-04T14:00:00+00:00"},
                {"end": "2026-03-07T14:00:00+00:00"},
                {"place": (1.0, 2.0)},
                {"place": (3.0, 4.0)},
                {"place": None},
                *({"stage": each} for each in ("Scheduled", "InProgress", "Completed")),
                *({field: to} for field in ("deleted", "in_bundle") for to in (True, False)),
            ]
        ),
    )
    def change_job(self, which: str, change: dict[str, object]) -> None:
        vars(self.stage.plan.jobs[which]).update(change)
        self._put_on()

    @rule(which=st.sampled_from(SEATS), of=st.sampled_from(JOBS), who=st.sampled_from(PEOPLE))
    def assign(self, which: str, of: str, who: str) -> None:
        seats = self.stage.plan.seats
        seats.setdefault(which, Seat(which, of, who)).person = who
        self._put_on()

    @rule(which=st.sampled_from(SEATS), to=st.booleans())
    def delete_seat(self, which: str, to: bool) -> None:
        if which in self.stage.plan.seats:
            self.stage.plan.seats[which].deleted = to
            self._put_on()

    @rule(
        which=st.sampled_from(TURNS),
        who=st.sampled_from([*PEOPLE, ""]),
        hours=st.tuples(st.sampled_from(HOURS), st.sampled_from(HOURS)),
        sure=st.booleans(),
        deleted=st.booleans(),
    )
    def plan_shift(
        self, which: str, who: str, hours: tuple[str, str], sure: bool, deleted: bool
    ) -> None:
        start, end = (f"2026-03-04T{each}:00+00:00" for each in hours)
        self.stage.plan.turns[which] = Turn(which, who, start, end, sure, deleted)
        self._put_on()

    @rule(
        who=st.sampled_from(PEOPLE),
        field=st.sampled_from(["employed", "may_log_in"]),
        to=st.booleans(),
    )
    def let_work(self, who: str, field: str, to: bool) -> None:
        setattr(self.stage.plan.people[who], field, to)
        self._put_on()

    @rule(who=st.sampled_from([ADA, BOB]), name=st.sampled_from(["old", "new"]))
    def change_email(self, who: str, name: str) -> None:
        self.stage.plan.people[who].email = f"{name}.{who}@example.com"
        self._put_on()

    @rule(
        what=st.sampled_from([*PEOPLE, *JOBS, *SEATS, *TURNS]),
        to=st.booleans(),
        kind=st.booleans(),
    )
    def hide(self, what: str, to: bool, kind: bool) -> None:
        """Sharing changes, or what a resource is: the rows are not stamped anew."""
        found = self.stage.plan.things.get(what)
        if found is None or self.changes_alone:
            return
        if isinstance(found, Person) and kind:
            found.kind = "C" if to else "T"
        else:
            found.hidden = to
        self._put_on()

    @rule(who=st.sampled_from([ADA, BOB]), number=st.sampled_from([1, 2]))
    def install(self, who: str, number: int) -> None:
        self.stage.pass_time(timedelta(seconds=1))
        self.stage.install(who, f"{who} {number}")

    @rule(full=st.booleans())
    def tick(self, full: bool) -> None:
        self.stage.tick(full=self._full(full))

    @rule(
        full=st.booleans(), after=st.integers(1, 25), side=st.sampled_from(["before", "after"])
    )
    def tick_and_die(self, full: bool, after: int, side: Literal["before", "after"]) -> None:
        self.stage.fate.death = Death(side, len(self.stage.fate.effects) + after)
        with suppress(Killed):
            self.stage.tick(full=self._full(full))
        self.stage.fate.death = None

    @rule(full=st.booleans())
    def tick_and_be_overtaken(self, full: bool) -> None:
        slow = cast("Salesforce", Overtaken(self.stage))
        with suppress(Unavailable):
            self.stage.tick(full=self._full(full), salesforce=slow)

    @rule(after=st.integers(1, 60), side=st.sampled_from(["before", "after"]))
    def look_and_die(self, after: int, side: Literal["before", "after"]) -> None:
        """Somewhere in the middle of all that is to be looked at."""
        self.stage.look_and_die(Death(side, len(self.stage.fate.effects) + after))

    @rule(order=st.sampled_from(["as sent", "each twice"]))
    def deliver(self, order: Order) -> None:
        self.stage.deliver(order)

    def teardown(self) -> None:
        if not hasattr(self, "stage"):
            return
        self.stage.tick()
        self.stage.tick(full=not self.changes_alone)
        self.stage.deliver()

        assert self.stage.as_planned
        assert self.stage.hypertrack.switched_on == on_shift(self.stage.plan, self.stage.now)
        for person in self.stage.plan.people.values():
            if person.at_work and person.email and not person.phone:
                assert person.email in self.stage.written_to

    def _full(self, full: bool) -> bool:
        return full and not self.changes_alone

    def _put_on(self) -> None:
        self.stage.put_on(late=self.late)


TestOrg = Org.TestCase
TestOrg.settings = settings(
    max_examples=80, stateful_step_count=25, deadline=None, derandomize=True
)
