"""An outage is the same in whatever order it is told, and it is told once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.books.explaining import explain
from fieldlink.errors import Closed, Refused, Unavailable, Unclear
from fieldlink.models import (
    Ability,
    Category,
    Delivered,
    Fact,
    Fence,
    Kind,
    Outcome,
    WantedOrder,
)
from fieldlink.practice import Practice
from fieldlink.records import (
    Capabilities,
    Day,
    Device,
    LiveFence,
    LiveOrder,
    OnShift,
    Ordered,
    Outage,
    Tracking,
    Visit,
)
from fieldlink.trouble import causes, outages
from fieldlink.trouble.notifying import PERHAPS_SENT
from fieldlink.trouble.one_row import OneRow
from fieldlink.writing import reports, write_back
from fieldlink.writing.activity import reference
from fieldlink.writing.desk import row as row_of
from tests.fakes import NOON
from tests.make import (
    APPOINTMENT,
    ASSIGNMENT,
    COLLEAGUE,
    CONNECTION,
    DEVICE,
    RESOURCE,
    World,
    appointment,
    at,
    connection,
    delivered,
    device_event,
    fact,
    report,
    resource,
    worker,
)
from tests.rules.killing import every_death

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fieldlink.books.values import Told

OTHER_PHONE = "A1B2C3D4-0002-4AAA-8BBB-000000000002"
NEXT = "08p000000000002AAA"
FIVE = at(17)  # when all of it is told, unless a test says otherwise
LEASE = timedelta(minutes=12)  # longer than any worker lives and any request lasts
FENCE = Fence(device=DEVICE, latitude=52.5, longitude=13.4, radius=100, metadata={})


def began(
    when: datetime = NOON, reason: str = "location_services_disabled", **more: Any
) -> Fact:
    return of_a_phone(Kind.OUTAGE_BEGAN, when, reason=reason, **more)


def ended(when: datetime = NOON, **more: Any) -> Fact:
    return of_a_phone(Kind.OUTAGE_ENDED, when, **more)


def of_a_phone(kind: Kind, when: datetime, **more: Any) -> Fact:
    device = more.get("device", DEVICE)
    key = f"{kind}/{device}/{when.isoformat()}/{more.get('reason', '')}"
    return fact(kind, when, **{"key": key, "resource": "", "appointment": "", **more})


def at_work(**settings: Any) -> World:
    """Ada's phone, and an appointment of hers at noon, of two hours."""
    world = World()
    world.now = at(18)
    world.connection = connection(**settings)
    world.state.write_all(
        [
            resource(),
            worker(device=DEVICE, device_since=at(8)),
            Device(connection=CONNECTION, id=DEVICE, resource=RESOURCE, since=at(8)),
            Device(connection=CONNECTION, id=OTHER_PHONE, resource=RESOURCE, since=at(7)),
        ]
    )
    plan(world, APPOINTMENT, ASSIGNMENT, NOON, NOON + timedelta(hours=2))
    return world


def plan(
    world: World, name: str, assignment: str, starts_at: datetime, ends_at: datetime
) -> None:
    world.salesforce.assign(name, RESOURCE)
    world.state.write_all(
        [
            appointment(
                id=name, number=f"SA-{name[-5:]}", starts_at=starts_at, ends_at=ends_at
            ),
            Tracking(
                connection=CONNECTION,
                resource=RESOURCE,
                appointment=name,
                assignment=assignment,
                live=LiveFence(id=f"fence of {name}", fence=FENCE),
            ),
        ]
    )


def said(told: Fact, delivery: str = "", received_at: datetime = FIVE) -> Delivered:
    return delivered(told, received_at=received_at, delivery=delivery)


def take(world: World, *told: Fact | Delivered) -> list[Outcome]:
    messages = [said(each) if isinstance(each, Fact) else each for each in told]
    return [outages.take(each, world.desk) for each in messages]


def outage(world: World) -> Outage:
    found = world.state.read(Outage, CONNECTION, RESOURCE)
    assert found
    return found


def reasons(world: World) -> list[str]:
    return [each.reason for each in world.ledger.rows]


# ── began and ended ───────────────────────────────────────────────────────────


def test_an_outage_lasts_until_its_phone_tracks_again() -> None:
    world = at_work()

    assert take(world, began(at(12, 10))) == [Outcome.APPLIED]
    assert outage(world).open
    assert take(world, ended(at(12, 30))) == [Outcome.APPLIED]
    assert not outage(world).open

    assert (outage(world).since, outage(world).ended_at) == (at(12, 10), at(12, 30))
    assert outage(world).reason == "location_services_disabled"
    assert [(each.kind, each.outcome) for each in world.ledger.rows] == [
        ("outage began", "applied"),
        ("outage ended", "applied"),
    ]


def test_the_end_of_an_outage_is_written_nowhere() -> None:
    world = at_work()
    take(world, began())
    before = [*world.salesforce.wrote]

    take(world, ended(at(13)))

    assert world.salesforce.wrote == before
    assert world.notices.sent == []


def test_what_had_ended_when_it_is_told_opens_nothing_and_reaches_nobody() -> None:
    world = at_work()

    assert take(world, ended(at(13)), began()) == [Outcome.SUPERSEDED] * 2

    assert not outage(world).open
    assert reasons(world)[-1] == outages.OVER
    assert world.salesforce.tasks == []


def test_what_is_told_again_changes_nothing() -> None:
    world = at_work()
    take(world, began(), ended(at(13)))
    before = outage(world)

    told = take(world, said(began(), "again"), said(ended(at(13)), "once more"))

    assert told == [Outcome.DUPLICATE] * 2
    assert outage(world) == before
    assert len(world.salesforce.tasks) == 1
    assert len(world.ledger.rows) == 4


@pytest.mark.parametrize("notice", ["task", "mail", "none"])
def test_the_same_message_keeps_its_row(notice: str) -> None:
    world = at_work(outage_notice=notice)
    take(world, began(), ended(at(13)))
    before = world.ledger.rows

    take(world, began(), ended(at(13)))

    assert world.ledger.rows == before


def test_a_reason_is_that_of_the_first_sign_that_has_one() -> None:
    world = at_work()

    take(world, began(at(12, 1), ""), began(at(12, 2), "low_battery"), began(at(12, 3)))

    assert outage(world).reason == "low_battery"
    assert outage(world).since == at(12, 1)


def test_a_phone_that_is_not_in_use_is_noted_only() -> None:
    world = at_work()

    assert take(world, began(device=OTHER_PHONE)) == [Outcome.IGNORED]

    assert reasons(world) == [outages.NOT_IN_USE]
    assert world.state.read(Outage, CONNECTION, RESOURCE) is None


def test_a_new_phone_starts_anew() -> None:
    world = at_work()
    take(world, began())
    kept = world.state.read(Device, CONNECTION, OTHER_PHONE)
    assert kept
    world.state.write_all([worker(device=OTHER_PHONE)])

    take(world, ended(at(13), device=OTHER_PHONE))

    assert not outage(world).open
    assert outage(world).device == OTHER_PHONE


def test_a_device_of_nobody_is_ignored_and_looked_up() -> None:
    world = at_work()

    assert take(world, began(device="unknown")) == [Outcome.IGNORED]

    assert reasons(world) == ["device of no resource of ours"]
    assert "driver of" in world.fate.effects
    known = world.state.read(Device, CONNECTION, "unknown")
    assert known
    assert not known.resource


def test_a_worker_is_known_by_its_handle() -> None:
    world = at_work()

    take(world, began(device="", resource=RESOURCE, reason="some_code"))

    assert outage(world).open
    assert outage(world).reason == "some_code"


def test_whose_a_phone_is_is_known_by_the_registry_first() -> None:
    world = at_work()

    take(world, began(resource=COLLEAGUE))

    assert outage(world).open
    assert world.state.read(Outage, CONNECTION, COLLEAGUE) is None


def test_a_clock_that_is_ahead_leaves_no_outage_that_can_not_end() -> None:
    world = at_work()

    take(world, said(began(at(15)), received_at=at(12, 1)))
    take(world, said(ended(at(12, 30)), received_at=at(12, 31)))

    assert not outage(world).open


def test_the_registry_hears_of_phones_that_are_gone_and_of_those_that_track() -> None:
    world = at_work()

    take(world, began(reason="uninstalled"))
    gone = world.state.read(Device, CONNECTION, DEVICE)
    assert gone
    assert gone.gone == "uninstalled"
    take(world, ended(at(13)))

    back = world.state.read(Device, CONNECTION, DEVICE)
    assert back
    assert (back.gone, back.active_at) == ("", at(13))


# ── any order ─────────────────────────────────────────────────────────────────


@st.composite
def tellings(draw: st.DrawFn) -> tuple[list[Fact], list[Delivered]]:
    """What two phones tell, and how it comes: shuffled, and some of it twice."""
    what = st.tuples(st.booleans(), st.integers(0, 100), st.sampled_from([DEVICE, OTHER_PHONE]))
    told = draw(st.lists(what, min_size=1, max_size=9, unique_by=lambda each: each[1:]))
    facts = [
        (began if ill else ended)(NOON + timedelta(minutes=minutes), device=device)
        for ill, minutes, device in told
    ]
    again = draw(st.lists(st.sampled_from(facts), max_size=3))
    messages = [said(each) for each in facts]
    more = [said(each, f"again {number}") for number, each in enumerate(again)]
    return facts, draw(st.permutations([*messages, *more]))


def true_outages(facts: list[Fact]) -> list[list[Fact]]:
    """The beginnings of each outage of the phone in use; the last is [] if none lasts."""
    found: list[list[Fact]] = [[]]
    for each in sorted(facts, key=lambda one: one.at):
        if each.device != DEVICE:
            continue
        if each.kind is Kind.OUTAGE_BEGAN:
            found[-1].append(each)
        elif found[-1]:
            found.append([])
    return found


@settings(max_examples=150, deadline=None)
@given(tellings())
def test_the_order_does_not_matter_and_each_outage_is_told_at_most_once(
    told: tuple[list[Fact], list[Delivered]],
) -> None:
    facts, messages = told
    world = at_work()

    take(world, *messages)

    truth = true_outages(facts)
    known = world.state.read(Outage, CONNECTION, RESOURCE)
    assert bool(known and known.open) == bool(truth[-1])
    if known and truth[-1]:
        assert known.since == truth[-1][0].at
    references = [each.description.splitlines()[-1] for each in world.salesforce.tasks]
    for one in truth:
        assert sum(reference(each.key) in references for each in one) <= 1
    assert len(references) == len(set(references))
    assert len(world.ledger.rows) == len(messages)


# ── whose work ────────────────────────────────────────────────────────────────


def visit(*told: Fact) -> Visit:
    facts = {each.key: delivered(each) for each in told}
    return Visit(connection=CONNECTION, appointment=APPOINTMENT, facts=facts)


@pytest.mark.parametrize(
    ("when", "told"),
    [(at(10, 59), 0), (at(11), 1), (at(12, 30), 1), (at(14), 1), (at(14, 1), 0)],
)
def test_work_is_on_from_an_hour_before_its_start_to_its_end(when: datetime, told: int) -> None:
    world = at_work()

    assert take(world, began(when)) == [Outcome.APPLIED]

    assert len(world.salesforce.tasks) == told
    assert outage(world).open


@pytest.mark.parametrize(
    ("facts", "when", "told"),
    [
        ([fact(Kind.ARRIVED, at(9))], at(9, 30), 1),
        ([fact(Kind.ARRIVED, at(9), resource=COLLEAGUE)], at(9, 30), 0),
        ([fact(Kind.ARRIVED, at(9)), fact(Kind.LEFT, at(9, 20))], at(9, 30), 0),
        ([fact(Kind.ARRIVED, at(13))], at(16), 1),
        ([fact(Kind.ARRIVED, at(13)), fact(Kind.LEFT, at(15))], at(16), 0),
        ([fact(Kind.ARRIVED, at(12)), fact(Kind.CHECKED_OUT, at(13))], at(13, 30), 0),
        ([fact(Kind.ARRIVED, at(12)), fact(Kind.CHECKED_OUT, at(13))], at(12, 30), 1),
        ([fact(Kind.CANCELLED, at(12))], at(12, 30), 0),
    ],
)
def test_a_visit_that_has_begun_is_on_until_it_ends(
    facts: list[Fact], when: datetime, told: int
) -> None:
    world = at_work()
    world.state.write_all([visit(*facts)])

    take(world, began(when))

    assert len(world.salesforce.tasks) == told


def no_fence(world: World) -> None:
    [known] = world.state.all_of(Tracking, CONNECTION)
    world.state.write_all([known.model_copy(update={"live": None})])


def closed(world: World) -> None:
    world.state.write_all([appointment(category=Category.COMPLETED)])


def no_schedule(world: World) -> None:
    world.state.write_all([appointment(starts_at=None, ends_at=None)])


@pytest.mark.parametrize("change", [no_fence, closed, no_schedule])
def test_work_that_is_not_tracked_or_over_is_not_on(change: Callable[[World], None]) -> None:
    world = at_work()
    change(world)

    take(world, began(at(12, 30)))

    assert world.salesforce.tasks == []
    assert outage(world).open


@pytest.mark.parametrize(
    ("order", "lead", "when", "told"),
    [
        ({}, 60, at(12), 1),
        ({"tracked": False, "asked": True}, 60, at(12), 0),
        ({"paused": True}, 60, at(12), 0),
        ({"later": True}, 60, at(12), 0),
        ({"over": True}, 60, at(12), 0),
        ({"leaving": True}, 60, at(12), 0),
        ({}, 30, at(11, 29), 0),
        ({}, 30, at(11, 31), 1),
        ({}, 120, at(10, 59), 0),
    ],
)
def test_an_order_is_work_from_its_lead_time_on(
    order: dict[str, Any], lead: int, when: datetime, told: int
) -> None:
    world = at_work(tracking="orders", lead=lead)
    no_fence(world)
    wanted = WantedOrder(
        handle="order", worker=RESOURCE, latitude=52.5, longitude=13.4, radius=100
    )
    live = LiveOrder.model_validate({"wanted": wanted, "tracked": True, **order})
    ordered = Ordered(
        connection=CONNECTION, appointment=APPOINTMENT, assignment=ASSIGNMENT, orders=(live,)
    )
    world.state.write_all([ordered])

    take(world, began(when))

    assert len(world.salesforce.tasks) == told


@pytest.mark.parametrize(
    ("reason", "when", "told"),
    [
        (outages.STOPPED, at(11, 30), 0),
        (outages.STOPPED, at(11, 32), 1),
        ("low_battery", at(11, 30), 1),
    ],
)
def test_tracking_that_stops_as_one_order_follows_another_is_no_outage(
    reason: str, when: datetime, told: int
) -> None:
    world = at_work(tracking="orders", lead=60)
    no_fence(world)
    wanted = WantedOrder(
        handle="order", worker=RESOURCE, latitude=52.5, longitude=13.4, radius=100
    )
    follows = LiveOrder(wanted=wanted, tracked=True, since=at(11, 30))
    ordered = Ordered(
        connection=CONNECTION, appointment=APPOINTMENT, assignment=ASSIGNMENT, orders=(follows,)
    )
    world.state.write_all([ordered])

    take(world, began(when, reason))

    assert len(world.salesforce.tasks) == told


def pressed(world: World, *told: Fact) -> None:
    facts = {each.key: delivered(each) for each in told}
    day = Day(connection=CONNECTION, resource=RESOURCE, on=NOON.date(), facts=facts)
    world.state.write_all([day])


def test_tracking_that_stops_where_no_work_is_on_is_no_outage() -> None:
    world = at_work()

    assert take(world, began(at(16), outages.STOPPED)) == [Outcome.IGNORED]

    assert reasons(world) == [outages.NO_WORK]
    assert world.state.read(Outage, CONNECTION, RESOURCE) is None


@pytest.mark.parametrize(
    ("buttons", "ignored"),
    [
        ([(Kind.CLOCKED_IN, at(8)), (Kind.CLOCKED_OUT, at(12, 29))], True),
        ([(Kind.CLOCKED_IN, at(8)), (Kind.CLOCKED_OUT, at(12, 31))], True),
        ([(Kind.CLOCKED_IN, at(8)), (Kind.CLOCKED_OUT, at(12, 45))], False),
        ([(Kind.CLOCKED_OUT, at(8)), (Kind.CLOCKED_IN, at(9))], False),
        ([], False),
    ],
)
def test_tracking_that_stops_as_the_resource_clocks_out_is_no_outage(
    buttons: list[tuple[Kind, datetime]], ignored: bool
) -> None:
    world = at_work()
    pressed(world, *(fact(kind, when, appointment="") for kind, when in buttons))

    [outcome] = take(world, began(at(12, 30), outages.STOPPED))

    assert (outcome is Outcome.IGNORED) == ignored
    assert len(world.salesforce.tasks) == (0 if ignored else 1)


def test_tracking_that_was_told_to_have_stopped_stays_told_when_the_work_is_over() -> None:
    world = at_work()
    take(world, began(at(12, 30), outages.STOPPED))
    before = world.ledger.rows
    closed(world)

    take(world, began(at(12, 30), outages.STOPPED))

    assert world.ledger.rows == before


def test_tracking_that_stops_after_leaving_is_no_outage_but_any_other_trouble_is() -> None:
    world = at_work()
    world.state.write_all([visit(fact(Kind.ARRIVED, at(12)), fact(Kind.LEFT, at(13)))])

    assert take(world, began(at(13, 10), outages.STOPPED)) == [Outcome.IGNORED]
    assert take(world, began(at(13, 20), "low_battery")) == [Outcome.APPLIED]

    assert len(world.salesforce.tasks) == 1


def test_who_clocked_out_the_evening_before_midnight_is_off_duty_after_it() -> None:
    world = at_work()
    world.now = at(23) + timedelta(days=1)
    plan(world, NEXT, "03r2", at(23), at(23) + timedelta(hours=5))
    pressed(world, fact(Kind.CLOCKED_OUT, at(23, 50), appointment=""))
    stopped = began(at(1) + timedelta(days=1), outages.STOPPED)

    take(world, said(stopped, received_at=world.now))

    assert reasons(world) == ["tracking ended: the resource is clocked out"]


def test_tracking_that_we_have_switched_off_is_no_outage() -> None:
    world = at_work(by_shifts=True)
    off = OnShift(connection=CONNECTION, resource=RESOURCE, tracking=False)
    world.state.write_all([off])

    assert take(world, began(at(12, 30), outages.STOPPED)) == [Outcome.IGNORED]

    assert reasons(world) == ["tracking is switched off: the resource is off shift"]


def test_any_other_reason_is_an_outage_off_duty_too_but_reaches_nobody() -> None:
    world = at_work()

    assert take(world, began(at(16), "uninstalled")) == [Outcome.APPLIED]

    assert outage(world).open
    assert world.salesforce.tasks == []


# ── who is told ───────────────────────────────────────────────────────────────


def test_a_task_says_what_is_wrong_and_what_to_do() -> None:
    world = at_work()

    take(world, began(at(12, 10)))

    [task] = world.salesforce.tasks
    cause = causes.REASONS["location_services_disabled"]
    assert task.appointment == APPOINTMENT
    assert task.subject == "Not tracked: Ada Lovelace"
    assert task.due == NOON.date()
    assert task.description.splitlines() == [
        "Ada Lovelace has not been tracked since 2026-03-04 12:10 UTC.",
        f"Cause: {cause.words}",
        f"What to do: {cause.cure}",
        reference(began(at(12, 10)).key),
    ]
    [row] = world.ledger.rows
    assert (row.appointment, row.resource) == (APPOINTMENT, RESOURCE)
    assert row.wrote["task"]["id"] == task.id


def test_several_facts_about_one_outage_are_told_once() -> None:
    world = at_work()

    told = take(world, began(), began(at(12, 1), "low_battery"), began(at(13, 5)))

    assert told == [Outcome.APPLIED, Outcome.SUPERSEDED, Outcome.SUPERSEDED]
    assert len(world.salesforce.tasks) == 1


@pytest.mark.parametrize(("minutes", "told"), [(14, 1), (16, 2)])
def test_tracking_that_comes_and_goes_is_told_once(minutes: int, told: int) -> None:
    world = at_work()
    back = NOON + timedelta(minutes=10)

    take(world, began(), ended(back), began(back + timedelta(minutes=minutes)))

    assert len(world.salesforce.tasks) == told


def test_an_outage_that_lasts_into_the_next_appointment_is_told_there_too() -> None:
    world = at_work()
    plan(world, NEXT, "03r000000000002AAA", at(15), at(16))

    take(world, began(), began(at(15, 5), "low_battery"))

    assert [each.appointment for each in world.salesforce.tasks] == [APPOINTMENT, NEXT]


def test_two_appointments_that_are_on_are_told_both_in_one_row() -> None:
    world = at_work()
    plan(world, NEXT, "03r000000000002AAA", NOON, at(13))

    assert take(world, began()) == [Outcome.APPLIED]

    assert [each.appointment for each in world.salesforce.tasks] == [APPOINTMENT, NEXT]
    [row] = world.ledger.rows
    assert row.appointment == ""
    told = row.wrote["appointments"]
    assert [(name, each["task"]["id"]) for name, each in told.items()] == tasks_of(world)


def tasks_of(world: World) -> list[tuple[str, str]]:
    return [(each.appointment, each.id) for each in world.salesforce.tasks]


def explained(world: World, appointment: str) -> Told:
    """What two look-ups tell of the Task at an appointment, by the last line of its text."""
    [task] = [each for each in world.salesforce.tasks if each.appointment == appointment]
    found = explain(
        appointment,
        connection=CONNECTION,
        state=world.state,
        ledger=world.ledger,
        text=task.description,
    )
    [told] = found.told
    assert told.wrote["task.id"] == task.id
    assert told.request == found.stands["task.id"].request
    return told


def test_each_of_several_tasks_is_explained_with_the_request_that_made_it() -> None:
    world = at_work()
    plan(world, NEXT, "03r000000000002AAA", NOON, at(13))
    take(world, began())

    told = [explained(world, each) for each in (APPOINTMENT, NEXT)]

    assert [each.request for each in told] == ["request-1", "request-2"]
    assert [{*each.wrote} for each in told] == [
        {"task.id", "task.key", "task.subject", "task.due"}
    ] * 2


def test_whoever_dies_between_two_tasks_leaves_both_explained() -> None:
    def two() -> World:
        world = at_work()
        plan(world, NEXT, "03r000000000002AAA", NOON, at(13))
        return world

    for world, death in every_death(two, lambda each: take(each, began())):
        world.pass_time(LEASE)

        take(world, began())

        [row] = world.ledger.rows
        assert row.outcome is Outcome.APPLIED, death
        told = {name: each["task"]["id"] for name, each in row.wrote["appointments"].items()}
        assert told == dict(tasks_of(world)), death
        assert len(world.salesforce.tasks) == 2, death
        for each in (APPOINTMENT, NEXT):
            assert explained(world, each).outcome == "applied", death


def test_a_task_is_explained_though_the_one_beside_it_was_refused() -> None:
    world = at_work()
    plan(world, NEXT, "03r000000000002AAA", NOON, at(13))
    world.fate.fail("write Salesforce", Refused("a validation rule"), times=1)
    off = device_event("device_status", at=at(12), data={"value": "inactive", "reason": "x"})
    message = report(off, received_at=FIVE)
    with pytest.raises(Refused):
        reports.take(message, world.desk)
    reports.park(message, world.desk, "a validation rule")

    parked = explained(world, NEXT)
    reports.take(message, world.desk)

    assert (parked.outcome, parked.reason) == ("parked", "a validation rule")
    assert parked.request
    [row] = world.ledger.rows
    assert (row.outcome, row.reason) == (Outcome.APPLIED, "")
    assert explained(world, NEXT).request == parked.request
    assert explained(world, APPOINTMENT).request not in {"", parked.request}


def test_work_that_is_on_only_when_an_outage_is_told_again_loses_no_trace() -> None:
    world = at_work()
    world.fate.fail("put LedgerRow", Unavailable("throttled"), times=1, after=True)
    with pytest.raises(Unavailable):
        take(world, began())
    plan(world, NEXT, "03r000000000002AAA", NOON, at(13))

    take(world, began())

    assert [name for name, _ in tasks_of(world)] == [APPOINTMENT, NEXT]
    assert explained(world, APPOINTMENT).request
    assert explained(world, NEXT).request


def test_what_is_finished_for_somebody_else_meanwhile_keeps_a_row_of_its_own() -> None:
    world = at_work()
    plan(world, NEXT, "03r000000000002AAA", NOON, at(13))
    world.now = at(12)
    world.fate.fail("write Salesforce", Unclear("no answer"), times=1)
    with pytest.raises(Unclear):
        write_back.to_appointment(delivered(fact(Kind.ARRIVED, at(12))), world.desk)
    world.now = FIVE

    take(world, began())

    [row] = [each for each in world.ledger.rows if each.kind == Kind.ARRIVED]
    assert row.appointment == APPOINTMENT
    assert row.rule
    assert row.wrote["event"]


def test_of_several_where_nobody_is_assigned_any_more_each_is_told_why() -> None:
    world = at_work()
    plan(world, NEXT, "03r000000000002AAA", NOON, at(13))
    world.salesforce.assigned.clear()

    assert take(world, began()) == [Outcome.SUPERSEDED]

    [row] = world.ledger.rows
    assert (row.outcome, row.wrote) == (Outcome.SUPERSEDED, {})
    assert row.reason == "; ".join(
        f"{each}: the resource is not assigned any more" for each in (APPOINTMENT, NEXT)
    )


def test_each_appointment_keeps_all_its_reasons_and_told_again_they_are_not_repeated() -> None:
    world = at_work()
    shared = OneRow.of(world.ledger, said(began()).delivery)
    reasons_of = {APPOINTMENT: "no status: lacking; no Tasks", NEXT: "no link; no Tasks"}

    for name in (APPOINTMENT, NEXT, APPOINTMENT, NEXT):
        told = said(began(appointment=name))
        shared.put(row_of(told, Outcome.SUPERSEDED, world.desk, reason=reasons_of[name]))

    [row] = world.ledger.rows
    assert row.reason == "; ".join(f"{name}: {each}" for name, each in reasons_of.items())


GERMAN = Practice(words={"subject_outage": "Nicht zu sehen", "outage": "{who} fehlt."})


def test_an_outage_at_several_appointments_has_a_task_at_each_also_where_tasks_have_keys() -> (
    None
):
    world = at_work()
    world.have_keys("Task")
    plan(world, NEXT, "03r000000000002AAA", NOON, at(13))

    take(world, began())
    take(world, began())

    assert [each.appointment for each in world.salesforce.tasks] == [APPOINTMENT, NEXT]


@pytest.mark.parametrize("keyed", [(), ("Task",)])
def test_a_task_that_was_made_under_former_words_is_the_same(keyed: tuple[str, ...]) -> None:
    def make() -> World:
        world = at_work()
        world.have_keys(*keyed)
        return world

    for world, death in every_death(make, lambda each: take(each, began())):
        world.pass_time(LEASE)
        world.connection = connection(practice=GERMAN)

        take(world, began(), began(at(12, 1), "low_battery"))

        assert len(world.salesforce.tasks) == 1, death
        assert outage(world).told[APPOINTMENT].settled, death


def test_new_words_are_for_the_next_outage() -> None:
    world = at_work()
    take(world, began())
    world.connection = connection(practice=GERMAN)

    take(world, began(at(12, 5)), ended(at(12, 10)), began(at(13)))

    subjects = [each.subject for each in world.salesforce.tasks]
    assert subjects == ["Not tracked: Ada Lovelace", "Nicht zu sehen: Ada Lovelace"]


def test_an_org_without_tasks_says_so() -> None:
    world = at_work()
    lacking = {Ability.TASKS: "the object is not there"}
    world.capabilities = Capabilities(connection=CONNECTION, checked_at=NOON, lacking=lacking)

    assert take(world, began()) == [Outcome.SUPERSEDED]

    assert "no Tasks for the dispatcher" in reasons(world)[0]
    assert outage(world).open


def test_a_closed_org_gets_its_task_when_it_is_open_again() -> None:
    world = at_work()
    world.fate.fail("view", Closed("down"))
    with pytest.raises(Closed):
        take(world, began())
    world.fate.recover()

    take(world, began())

    assert len(world.salesforce.tasks) == 1
    assert [each.outcome for each in world.ledger.rows] == [Outcome.APPLIED]


def test_what_was_claimed_is_told_though_another_outage_came_between() -> None:
    world = at_work()
    world.fate.fail("view", Closed("down"))
    with pytest.raises(Closed):
        take(world, began())
    take(world, ended(at(12, 10)), began(at(13)))
    world.fate.recover()

    assert take(world, began()) == [Outcome.APPLIED]

    assert len(world.salesforce.tasks) == 1
    assert len(world.ledger.rows) == 3


def test_another_fact_does_not_tell_what_the_first_has_claimed() -> None:
    world = at_work()
    world.fate.fail("view", Closed("down"))
    with pytest.raises(Closed):
        take(world, began())
    world.fate.recover()

    assert take(world, began(at(12, 1), "low_battery")) == [Outcome.SUPERSEDED]

    take(world, began())
    assert len(world.salesforce.tasks) == 1


def test_who_is_not_assigned_any_more_is_not_told_of() -> None:
    world = at_work()
    world.salesforce.assigned.clear()

    assert take(world, began()) == [Outcome.SUPERSEDED]

    assert reasons(world) == ["the resource is not assigned any more"]
    assert outage(world).open


def test_a_refused_task_holds_nobody_up() -> None:
    world = at_work()
    world.fate.fail("write Salesforce", Unclear("no answer"), times=1)
    with pytest.raises(Unclear):
        take(world, began())
    world.pass_time(LEASE)
    world.fate.fail("find", Refused("no"), times=1)

    with pytest.raises(Refused):
        take(world, began())

    anchor = world.state.read(Visit, CONNECTION, APPOINTMENT)
    assert anchor
    assert anchor.intent is None
    assert began().key in anchor.doubtful


def test_a_refused_task_keeps_no_other_appointment_from_its_own() -> None:
    world = at_work()
    plan(world, NEXT, "03r000000000002AAA", NOON, at(13))
    world.fate.fail("write Salesforce", Refused("a validation rule"), times=1)

    with pytest.raises(Refused):
        take(world, began())
    first = [each.appointment for each in world.salesforce.tasks]
    take(world, began())

    assert first == [NEXT]
    assert [each.appointment for each in world.salesforce.tasks] == [NEXT, APPOINTMENT]
    assert [each.outcome for each in world.ledger.rows] == [Outcome.APPLIED]


def test_nobody_is_told_where_nobody_wants_to_be() -> None:
    world = at_work(outage_notice="none")

    assert take(world, began()) == [Outcome.APPLIED]

    assert (world.salesforce.tasks, world.notices.sent) == ([], [])
    assert outage(world).open


def test_a_notice_says_the_same_and_which_appointment_it_is_about() -> None:
    world = at_work(outage_notice="mail")

    assert take(world, began(at(12, 10), "low_battery")) == [Outcome.APPLIED]

    [notice] = world.notices.sent
    assert (notice.connection, notice.name) == (CONNECTION, "Example")
    assert notice.subject == f"SA-{APPOINTMENT[-5:]}: Ada Lovelace is not tracked"
    assert causes.REASONS["low_battery"].cure in notice.text
    assert "Connection: Example" in notice.text
    assert world.salesforce.tasks == []
    assert world.ledger.rows[0].wrote == {"notices": [APPOINTMENT]}


@pytest.mark.parametrize("error", [Refused("no such topic"), Unavailable("throttled")])
def test_a_notice_that_certainly_failed_is_sent_again(error: Exception) -> None:
    world = at_work(outage_notice="mail")
    world.fate.fail("send notice", error, times=1)
    with pytest.raises(type(error)):
        take(world, began())
    assert outage(world).told == {}

    assert take(world, began()) == [Outcome.APPLIED]

    assert len(world.notices.sent) == 1
    assert reasons(world) == [""]


def test_a_notice_that_perhaps_went_out_is_not_sent_again_and_the_ledger_says_so() -> None:
    world = at_work(outage_notice="mail")
    world.fate.fail("send notice", Unclear("no answer"), times=1)

    assert take(world, began()) == [Outcome.APPLIED]
    take(world, began(), began(at(12, 1), "low_battery"))

    assert world.notices.sent == []
    assert reasons(world)[0] == PERHAPS_SENT


def test_of_two_notices_the_one_that_failed_is_sent_again_and_not_the_other() -> None:
    world = at_work(outage_notice="mail")
    plan(world, NEXT, "03r000000000002AAA", NOON, at(13))
    sent: list[str] = []
    send = world.notices.send

    def second_fails(**words: str) -> None:
        if len(sent) == 1:
            sent.append("failed")
            raise Unavailable("throttled")
        sent.append(words["subject"])
        send(**words)

    world.notices.send = second_fails  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        take(world, began())

    take(world, began())

    assert len({each.subject for each in world.notices.sent}) == 2
    assert len(world.notices.sent) == 2
    assert reasons(world) == [""]


# ── whoever dies when ─────────────────────────────────────────────────────────


def test_whoever_dies_when_makes_one_task_and_one_row() -> None:
    for world, death in every_death(at_work, lambda each: take(each, began())):
        world.pass_time(LEASE)

        take(world, began())

        assert len(world.salesforce.tasks) == 1, death
        assert [each.outcome for each in world.ledger.rows] == [Outcome.APPLIED], death
        assert outage(world).told[APPOINTMENT].settled, death


def test_whoever_dies_when_sends_at_most_one_notice_and_says_if_it_is_not_known() -> None:
    for world, death in every_death(
        lambda: at_work(outage_notice="mail"), lambda each: take(each, began())
    ):
        take(world, began())

        [row] = world.ledger.rows
        assert row.outcome is Outcome.APPLIED, death
        assert len(world.notices.sent) == 1 or row.reason == PERHAPS_SENT, death
        assert len(world.notices.sent) <= 1, death
        assert outage(world).told[APPOINTMENT].settled, death


def test_whoever_dies_when_an_outage_ends_leaves_one_row_and_an_end() -> None:
    def make() -> World:
        world = at_work()
        take(world, began())
        return world

    for world, death in every_death(make, lambda each: take(each, ended(at(13)))):
        take(world, ended(at(13)))

        assert outage(world).ended_at == at(13), death
        assert [each.outcome for each in world.ledger.rows] == [Outcome.APPLIED] * 2, death


# ── as HyperTrack tells it ────────────────────────────────────────────────────


def test_what_hypertrack_reports_reaches_the_dispatcher_and_ends() -> None:
    world = at_work()
    phone = {"value": "inactive", "reason": "location_permissions_denied"}
    off = device_event("device_status", at=at(12, 10), data=phone)
    on = device_event("device_status", at=at(12, 40), data={"value": "active"})
    silent = device_event(
        "worker", at=at(12, 20), data={"value": "device_disconnected"}, worker_handle=RESOURCE
    )

    for each in (off, silent, on):
        reports.take(report(each, received_at=FIVE), world.desk)

    [task] = world.salesforce.tasks
    assert causes.REASONS["location_permissions_denied"].cure in task.description
    assert (outage(world).since, outage(world).ended_at) == (at(12, 10), at(12, 40))
    outcomes = [each.outcome for each in world.ledger.rows]
    assert outcomes == [Outcome.APPLIED, Outcome.SUPERSEDED, Outcome.APPLIED]
