"""Closed work whose resource is on site still: its geofence stays to see them leave."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.errors import Unavailable, Unclear
from fieldlink.hours.parting import NOT_LEFT
from fieldlink.models import Category, Kind, Outcome, Report, Sync
from fieldlink.practice import Practice
from fieldlink.records import Due, Geofence, Record, Tracking
from fieldlink.tracking import tracking, waking
from fieldlink.writing import confirming, reports
from fieldlink.writing.passing_by import TOO_LATE
from tests.make import (
    APPOINTMENT,
    ASSIGNMENT,
    COLLEAGUE,
    CONNECTION,
    DEVICE,
    RESOURCE,
    World,
    appointment,
    assignment,
    at,
    connection,
    event,
    geotag,
    report,
    resource,
    worker,
)
from tests.rules.killing import every_death

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes import FakeOutbox

ORDER = Sync(connection=CONNECTION, resource=RESOURCE, assignments=((APPOINTMENT, ASSIGNMENT),))
CAME, CLOSED, LEFT = at(12, 10), at(12, 30), at(12, 50)
FENCE = "geofence-1"
QUARTER = timedelta(minutes=15)
LEASE = timedelta(minutes=12)  # longer than any worker lives
NAMES = {Category.COMPLETED: "Completed", Category.CANNOT_COMPLETE: "Cannot Complete"}


def sync(world: World, order: Sync = ORDER) -> int:
    return tracking.sync(order, world.ground)


def put(world: World, *records: Record) -> None:
    world.state.write_all(records)


def tell(world: World, told: dict[str, Any]) -> Outcome:
    return reports.take(report(told, received_at=world.now), world.desk)


def entry(moment: datetime = CAME, fence: str = FENCE, **more: Any) -> dict[str, Any]:
    return event(at=moment, geofence_id=fence, marker_id=f"{fence} {moment}", **more)


def departure(
    moment: datetime = LEFT, came: datetime = CAME, fence: str = FENCE, **more: Any
) -> dict[str, Any]:
    named = {"marker_id": f"{fence} {came}", "arrival": {"recorded_at": came.isoformat()}}
    return event("exit", at=moment, geofence_id=fence, **{**named, **more})


def pass_until(world: World, moment: datetime) -> None:
    world.pass_time(moment - world.now)


def fenced(practice: Practice | None = None, **more: Any) -> World:
    """Open work whose geofence stands."""
    world = World()
    world.connection = connection(practice=practice or Practice(), **more)
    world.hypertrack.drivers[DEVICE] = RESOURCE
    put(world, resource(), appointment(), assignment(), worker(device=DEVICE))
    sync(world)
    assert list(world.hypertrack.fences) == [FENCE]
    return world


def on_site(practice: Practice | None = None) -> World:
    world = fenced(practice)
    pass_until(world, CAME)
    if practice and practice.arrival_by == "check_in":
        tell(world, geotag("CHECK_IN", at=CAME, geofence_id=FENCE))
    tell(world, entry())
    return world


def complete(world: World, category: Category = Category.COMPLETED) -> None:
    """In Salesforce, by a person."""
    pass_until(world, max(world.now, CLOSED))
    status = NAMES.get(category, "Canceled")
    world.salesforce.edit(APPOINTMENT, at=world.now, status=status)
    put(world, appointment(category=category))


def closed_on_site(practice: Practice | None = None) -> World:
    """It was seen that the work is closed, and that its resource is there."""
    world = on_site(practice)
    complete(world)
    sync(world)
    return world


def work_off(world: World) -> None:
    """A tick, and all that follows from it."""
    for _ in range(10):
        name, state, now = world.connection, world.state, world.now
        waking.wake(name, state=state, changes=world.changes, now=now)
        confirming.confirm(name, state=state, events=world.events, now=now)
        if not (world.changes.messages or world.events.messages):
            return
        drain(world.changes, lambda body: sync(world, Sync.model_validate_json(body)))
        drain(
            world.events,
            lambda body: reports.take(Report.model_validate_json(body), world.desk),
        )
    raise AssertionError("the workers never come to rest")


def drain(queue: FakeOutbox, take: Callable[[str], object]) -> None:
    """Who dies leaves the message in the queue."""
    while queue.messages:
        take(queue.messages[0].body)
        del queue.messages[0]


def kept(world: World) -> Tracking | None:
    return world.state.read(Tracking, CONNECTION, RESOURCE, ASSIGNMENT)


def subjects(world: World) -> list[str]:
    return sorted(each.subject.partition(":")[0] for each in world.salesforce.events)


def entered(world: World) -> list[tuple[object, object]]:
    return [(each.starts_at, each.ends_at) for each in world.salesforce.entries]


def seen_off(world: World) -> bool:
    """Whether nothing is left of the tracking."""
    fences = world.state.all_of(Geofence, CONNECTION)
    return not (world.hypertrack.fences or kept(world) or any(each.live for each in fences))


def end_of(world: World) -> datetime | None:
    return world.salesforce.work[APPOINTMENT].actual_end


# ── the departure is the real one ─────────────────────────────────────────────

PRACTICES = [
    Practice(complete_by=by, several=several, arrival_by=begun)
    for by in ("check_out", "exit")
    for several in ("first", "primary", "all")
    for begun in ("geofence", "check_in")
]


@pytest.mark.parametrize("category", NAMES)
@pytest.mark.parametrize(
    "practice",
    PRACTICES,
    ids=lambda each: f"{each.complete_by}, {each.several}, {each.arrival_by}",
)
def test_who_closes_work_on_site_is_seen_to_leave(
    practice: Practice, category: Category
) -> None:
    world = on_site(practice)
    complete(world, category)
    assert sync(world) == 1
    before = end_of(world), entered(world), list(world.hypertrack.fences)

    pass_until(world, LEFT)
    assert tell(world, departure()) is Outcome.APPLIED
    work_off(world)
    world.pass_time(QUARTER)
    work_off(world)

    assert before == (None, [], [FENCE])
    assert subjects(world) == ["Arrived", "Left"]
    assert (end_of(world), entered(world)) == (LEFT, [(CAME, LEFT)])
    assert world.salesforce.work[APPOINTMENT].status == NAMES[category]
    assert seen_off(world)


def test_the_geofence_goes_as_soon_as_the_departure_was_heard() -> None:
    world = closed_on_site()
    pass_until(world, LEFT)
    tell(world, departure())

    [asked] = world.changes.messages
    sync(world, Sync.model_validate_json(asked.body))

    assert seen_off(world)


def test_an_actual_end_that_closing_has_set_stays_and_the_time_sheet_has_the_departure() -> (
    None
):
    world = on_site()
    complete(world)
    world.salesforce.edit(APPOINTMENT, at=world.now, actual_end=CLOSED)
    sync(world)

    pass_until(world, LEFT)
    tell(world, departure())
    work_off(world)

    assert (end_of(world), entered(world)) == (CLOSED, [(CAME, LEFT)])


def test_what_was_told_late_or_twice_ends_alike() -> None:
    world = closed_on_site()
    pass_until(world, LEFT)
    for told in (departure(), entry(), departure(), entry()):
        tell(world, told)
        work_off(world)
    sync(world)

    assert subjects(world) == ["Arrived", "Left"]
    assert (end_of(world), entered(world)) == (LEFT, [(CAME, LEFT)])
    assert seen_off(world)


# ── for whom it goes at once ──────────────────────────────────────────────────


def came(world: World) -> None:
    tell(world, entry())


def left(world: World) -> None:
    tell(world, entry())
    tell(world, departure(at(12, 20)))


def checked_out(world: World) -> None:
    tell(world, entry())
    tell(world, geotag(at=at(12, 20), geofence_id=FENCE))


def never_came(_: World) -> None:
    return


def only_a_colleague_came(world: World) -> None:
    metadata = {"service_appointment_id": APPOINTMENT, "service_resource_id": COLLEAGUE}
    tell(world, entry(geofence_metadata=metadata))


def came_the_day_before(world: World) -> None:
    world.salesforce.work[APPOINTMENT].starts_at = None
    tell(world, entry(CLOSED - timedelta(days=1, seconds=1)))


NOT_THERE = [left, checked_out, never_came, only_a_colleague_came, came_the_day_before]


@pytest.mark.parametrize("happened", NOT_THERE)
def test_who_is_not_known_to_be_there_is_not_waited_for(
    happened: Callable[[World], None],
) -> None:
    world = fenced()
    pass_until(world, at(12, 20))
    happened(world)
    complete(world)

    assert sync(world) == 0

    assert seen_off(world)
    assert not world.state.all_of(Due, CONNECTION)


def test_work_that_is_called_off_keeps_nobody() -> None:
    world = on_site()
    complete(world, Category.CANCELED)

    assert sync(world) == 0
    assert seen_off(world)


def test_leaving_does_not_complete_what_was_cancelled_in_the_app() -> None:
    world = on_site(Practice(complete_by="exit"))
    tell(world, geotag("CANCEL", at=at(12, 20), geofence_id=FENCE))
    put(world, appointment(category=Category.CANNOT_COMPLETE))

    assert sync(world) == 0
    assert seen_off(world)


def test_an_arrival_that_is_heard_after_the_closing_was_seen_keeps_nothing() -> None:
    world = fenced()
    complete(world)
    sync(world)

    tell(world, entry())
    work_off(world)

    assert seen_off(world)
    assert subjects(world) == ["Arrived"]


def test_what_was_heard_counts_though_nobody_knows_whether_it_was_written() -> None:
    world = fenced()
    pass_until(world, CAME)
    tell_in_vain(world, entry())
    complete(world)
    waited_for = sync(world)

    pass_until(world, LEFT)
    tell(world, entry())
    tell_in_vain(world, departure())
    sync(world)
    gone = seen_off(world)
    tell(world, departure())
    work_off(world)

    assert (waited_for, gone) == (1, True)
    assert (end_of(world), entered(world)) == (LEFT, [(CAME, LEFT)])


def tell_in_vain(world: World, told: dict[str, Any]) -> None:
    """Salesforce does not answer what it is asked to write."""
    world.fate.fail("write Salesforce", Unclear("no answer"), times=1)
    with pytest.raises(Unclear):
        tell(world, told)
    world.pass_time(LEASE)


ENDS: dict[str, Callable[[World], None]] = {
    "unassigned": lambda world: put(world, assignment(deleted=True)),
    "given to somebody else": lambda world: put(world, assignment(resource=COLLEAGUE)),
    "deleted": lambda world: put(world, appointment(category=Category.COMPLETED, deleted=True)),
    "called off": lambda world: put(world, appointment(category=Category.CANCELED)),
    "the resource has left the company": lambda world: put(world, resource(active=False)),
    "another phone": lambda world: put(world, worker(device="another")),
    "the connection is ended": lambda world: setattr(
        world, "connection", connection(state="ending")
    ),
    "orders from now on": lambda world: setattr(
        world, "connection", connection(tracking="orders")
    ),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_nobody_is_waited_for_any_more_once_the_work_is_taken_away(
    end: Callable[[World], None],
) -> None:
    world = closed_on_site()
    end(world)

    sync(world, Sync(connection=CONNECTION, resource=RESOURCE))

    assert seen_off(world)


# ── for how long ──────────────────────────────────────────────────────────────


def test_nobody_is_waited_for_longer_than_twelve_hours_and_the_ledger_says_so() -> None:
    world = closed_on_site()
    stood = 0
    while world.hypertrack.fences and stood < 100:
        stood += 1
        world.pass_time(QUARTER)
        work_off(world)

    assert stood * QUARTER == timedelta(hours=12)
    assert seen_off(world)
    assert not world.state.all_of(Due, CONNECTION)
    told = [each for each in world.ledger.rows if each.kind == Kind.CLOSED]
    assert [NOT_LEFT in each.reason for each in told] == [True]


def test_many_looks_note_one_time_to_look_again() -> None:
    world = closed_on_site()
    for _ in range(5):
        world.pass_time(timedelta(minutes=2))
        sync(world)

    assert [each.at for each in world.state.all_of(Due, CONNECTION)] == [CLOSED + QUARTER]


def test_a_lost_request_for_a_look_is_made_up_by_the_next_time_to_look() -> None:
    world = closed_on_site()
    pass_until(world, LEFT)
    world.fate.fail("put Sync", Unavailable("the queue is down"), times=1)
    assert tell(world, departure()) is Outcome.APPLIED
    assert world.hypertrack.fences

    world.pass_time(QUARTER)
    work_off(world)

    assert seen_off(world)
    assert entered(world) == [(CAME, LEFT)]


@pytest.mark.parametrize("before", [{}, {"out": geotag(at=at(12, 20), geofence_id=FENCE)}])
def test_leaving_causes_no_look_unless_somebody_is_waited_for(before: dict[str, Any]) -> None:
    world = on_site()
    for told in before.values():
        tell(world, told)

    tell(world, departure())

    assert not world.changes.messages


def test_everybody_on_site_is_waited_for() -> None:
    world = on_site()
    metadata = {"service_appointment_id": APPOINTMENT, "service_resource_id": COLLEAGUE}
    theirs = "03r000000000009AAA"
    put(
        world,
        resource(id=COLLEAGUE),
        assignment(id=theirs, resource=COLLEAGUE),
        worker(resource=COLLEAGUE, device="other"),
    )
    colleague = Sync(
        connection=CONNECTION, resource=COLLEAGUE, assignments=((APPOINTMENT, theirs),)
    )
    sync(world, colleague)
    tell(world, entry(fence="geofence-2", geofence_metadata=metadata))
    complete(world)
    sync(world)
    sync(world, colleague)

    pass_until(world, LEFT)
    tell(world, departure())
    work_off(world)
    first = end_of(world), list(world.hypertrack.fences)
    tell(world, departure(at(13, 5), fence="geofence-2", geofence_metadata=metadata))
    work_off(world)

    assert first == (None, ["geofence-2"])
    assert end_of(world) == at(13, 5)
    assert sorted(map(str, entered(world))) == sorted(
        map(str, [(CAME, LEFT), (CAME, at(13, 5))])
    )
    assert not world.hypertrack.fences


# ── who comes for other work ──────────────────────────────────────────────────


def test_a_visit_that_began_after_the_closing_is_of_other_work() -> None:
    world = closed_on_site()
    pass_until(world, at(14))
    tell(world, departure())
    before = subjects(world), end_of(world)

    outcomes = [tell(world, entry(at(13))), tell(world, departure(at(13, 30), came=at(13)))]
    work_off(world)

    assert outcomes == [Outcome.IGNORED, Outcome.IGNORED]
    assert [each.reason for each in world.ledger.rows if each.reason] == [TOO_LATE, TOO_LATE]
    assert (subjects(world), end_of(world)) == before == (["Arrived", "Left"], LEFT)
    assert entered(world) == [(CAME, LEFT)]


def test_the_same_is_so_once_the_geofence_is_gone_and_where_only_the_departure_is_told() -> (
    None
):
    world = closed_on_site()
    pass_until(world, at(14))
    tell(world, departure())
    work_off(world)
    assert seen_off(world)

    assert tell(world, departure(at(13, 30), came=at(13))) is Outcome.IGNORED
    assert tell(world, entry(at(13))) is Outcome.IGNORED
    assert (end_of(world), entered(world)) == (LEFT, [(CAME, LEFT)])


def test_what_happened_before_the_closing_counts_however_late_it_is_told() -> None:
    world = closed_on_site()
    pass_until(world, at(14))
    tell(world, departure())
    work_off(world)

    earlier = [tell(world, departure(at(12, 2), came=at(12))), tell(world, entry(at(12)))]
    work_off(world)

    assert earlier == [Outcome.APPLIED, Outcome.APPLIED]
    assert world.salesforce.work[APPOINTMENT].actual_start == at(12)
    assert entered(world) == [(at(12), LEFT)]


@pytest.mark.parametrize("arrival", [{}, {"recorded_at": at(12, 15).isoformat()}])
def test_a_departure_that_does_not_know_that_arrival_counts(arrival: dict[str, str]) -> None:
    world = closed_on_site()
    pass_until(world, LEFT)

    assert tell(world, departure(arrival=arrival)) is Outcome.APPLIED
    assert end_of(world) == LEFT


def test_who_comes_once_it_is_open_again_counts_though_nobody_has_seen_that_yet() -> None:
    world = closed_on_site()
    pass_until(world, at(13))
    tell(world, departure())
    world.salesforce.edit(APPOINTMENT, at=LEFT, status="In Progress")

    assert tell(world, entry(at(13))) is Outcome.APPLIED
    assert end_of(world) is None


def test_work_that_is_opened_again_is_visited_again() -> None:
    world = closed_on_site()
    pass_until(world, LEFT)
    tell(world, departure())
    world.salesforce.edit(APPOINTMENT, at=LEFT, status="In Progress")
    put(world, appointment(category=Category.IN_PROGRESS))
    work_off(world)
    open_again = list(world.hypertrack.fences), kept(world)
    fences = world.state.all_of(Geofence, CONNECTION)

    pass_until(world, at(15))
    tell(world, entry(at(15)))
    complete(world)
    sync(world)
    world.pass_time(timedelta(minutes=20))
    tell(world, departure(at(15, 20), came=at(15)))
    work_off(world)

    assert open_again[0] == [FENCE]
    assert open_again[1]
    assert [open_again[1].closed_at, *[each.closed_at for each in fences]] == [None, None]
    assert end_of(world) == at(15, 20)
    assert entered(world) == [(CAME, LEFT), (at(15), at(15, 20))]
    assert seen_off(world)


# ── whoever dies when ─────────────────────────────────────────────────────────


def just_closed() -> World:
    world = on_site()
    complete(world)
    return world


def leave(world: World) -> None:
    """As the queue brings it, again after a worker has died."""
    pass_until(world, max(world.now, LEFT))
    tell(world, departure())


def departed() -> World:
    world = closed_on_site()
    leave(world)
    return world


STEPS: dict[str, tuple[Callable[[], World], Callable[[World], object]]] = {
    "seeing it closed": (just_closed, sync),
    "hearing the departure": (closed_on_site, leave),
    "taking the geofence away": (departed, work_off),
}


@pytest.mark.parametrize(("make", "run"), STEPS.values(), ids=STEPS.keys())
def test_one_departure_is_told_and_nobody_is_watched_on_whoever_dies_when(
    make: Callable[[], World], run: Callable[[World], object]
) -> None:
    for world, death in every_death(make, run):
        world.pass_time(LEASE)
        sync(world)
        leave(world)
        for _ in range(2):
            world.pass_time(QUARTER)
            work_off(world)

        assert subjects(world) == ["Arrived", "Left"], death
        assert (end_of(world), entered(world)) == (LEFT, [(CAME, LEFT)]), death
        assert seen_off(world), death
        assert not world.state.all_of(Due, CONNECTION), death


def test_a_visit_to_other_work_is_told_apart_whoever_died_when_the_closing_was_seen() -> None:
    for world, death in every_death(just_closed, sync):
        sync(world)
        pass_until(world, at(14))
        tell(world, departure())

        assert tell(world, entry(at(13))) is Outcome.IGNORED, death
        assert end_of(world) == LEFT, death
