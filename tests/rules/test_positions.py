"""A position is shown while somebody is on shift, now and then, and is nowhere else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.errors import Closed, Refused, Unavailable, Unclear
from fieldlink.models import Ability, Delivered, Fence, Kind, Outcome, Place
from fieldlink.records import (
    Capabilities,
    Device,
    LiveFence,
    OnShift,
    Ordered,
    Position,
    Resource,
    Tracking,
)
from fieldlink.writing import positions, reports, write_back
from tests.fakes import NOON, FakeSalesforce
from tests.make import (
    APPOINTMENT,
    ASSIGNMENT,
    COLLEAGUE,
    CONNECTION,
    DEVICE,
    RESOURCE,
    World,
    appointment,
    connection,
    delivered,
    device_event,
    fact,
    report,
)
from tests.rules.killing import every_death

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Place(latitude=52.520008, longitude=13.404954)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def told(at: datetime = NOON, **more: Any) -> Delivered:
    fields = {"place": HERE, "appointment": "", "resource": "", "key": f"location/{at}", **more}
    return delivered(fact(Kind.POSITION, at, **fields), received_at=at)


def wanted() -> World:
    """A connection that shows positions, and somebody with a phone."""
    world = World()
    world.connection = connection(live_positions=True)
    device = Device(connection=CONNECTION, id=DEVICE, resource=RESOURCE)
    world.state.write_all([device, Resource(connection=CONNECTION, id=RESOURCE)])
    return world


def clock(world: World, kind: Kind, at: datetime) -> None:
    write_back.to_day(delivered(fact(kind, at)), world.desk)


def clocked_in() -> World:
    world = wanted()
    clock(world, Kind.CLOCKED_IN, NOON - HOUR)
    return world


def take(world: World, each: Delivered | None = None) -> Outcome:
    return positions.take(each or told(world.now), world.desk)


def reason(world: World) -> str:
    return world.ledger.rows[-1].reason


# ── shown ─────────────────────────────────────────────────────────────────────


def test_where_somebody_is_who_is_clocked_in_is_shown_with_its_time() -> None:
    world = clocked_in()

    assert take(world) is Outcome.APPLIED

    assert world.salesforce.located == [(RESOURCE, HERE, NOON)]
    assert world.ledger.rows[-1].outcome is Outcome.APPLIED


def test_it_is_worth_least_of_all_that_is_written() -> None:
    world, last = clocked_in(), FakeSalesforce()

    positions.take(told(), world.desk._replace(low=lambda: last))

    assert (len(last.located), len(world.salesforce.located)) == (1, 0)


def test_an_unknown_phone_is_its_workers_as_hypertrack_names_it() -> None:
    world = clocked_in()

    assert take(world, told(device="unknown", resource=RESOURCE)) is Outcome.APPLIED
    assert world.salesforce.located[0].resource == RESOURCE


@pytest.mark.parametrize("resource", ["", "Bob", "005000000000001AAA"])
def test_a_phone_of_nobody_of_ours_is_ignored_and_nobody_is_asked(resource: str) -> None:
    world = clocked_in()

    assert take(world, told(device="unknown", resource=resource)) is Outcome.IGNORED
    assert reason(world) == "device of no resource of ours"
    assert "driver of" not in world.fate.effects


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda world: setattr(world, "connection", connection()), "not wanted"),
        (lambda world: setattr(world, "capabilities", lacking()), "read only"),
    ],
)
def test_what_nobody_wants_or_nobody_may_write_is_not_looked_at(
    change: Callable[[World], object], why: str
) -> None:
    world = clocked_in()
    change(world)

    assert take(world) is Outcome.IGNORED
    assert why in reason(world)
    assert world.salesforce.located == []


def lacking() -> Capabilities:
    why = {Ability.POSITIONS: "ServiceResource.LastKnownLatitude is read only"}
    return Capabilities(connection=CONNECTION, checked_at=NOON, lacking=why)


@pytest.mark.parametrize(
    "place",
    [None, Place(latitude=90.1, longitude=0), Place(latitude=0, longitude=-180.1)],
)
def test_what_is_no_place_on_earth_is_not_shown(place: Place | None) -> None:
    world = clocked_in()

    assert take(world, told(place=place)) is Outcome.IGNORED
    assert reason(world) == "it says no place on earth"


# ── on shift ──────────────────────────────────────────────────────────────────


def on_a_shift(world: World) -> None:
    world.state.write_all([OnShift(connection=CONNECTION, resource=RESOURCE, tracking=True)])


def off_a_shift(world: World) -> None:
    world.state.write_all([OnShift(connection=CONNECTION, resource=RESOURCE, tracking=False)])


def at_work(world: World, *, fenced: bool = True) -> None:
    """In the middle of an appointment that is tracked."""
    tracking = Tracking(
        connection=CONNECTION,
        resource=RESOURCE,
        appointment=APPOINTMENT,
        assignment=ASSIGNMENT,
        live=LiveFence(id="1", fence=_fence()) if fenced else None,
    )
    world.state.write_all([tracking, appointment(starts_at=NOON - HOUR, ends_at=NOON + HOUR)])


def _fence() -> Fence:
    return Fence(device=DEVICE, latitude=0, longitude=0, radius=100, metadata={})


def on(kind: Kind, at: datetime) -> Callable[[World], None]:
    return lambda world: clock(world, kind, at)


def all_of(*causes: Callable[[World], None]) -> Callable[[World], None]:
    def cause(world: World) -> None:
        for each in causes:
            each(world)

    return cause


IN, OUT = Kind.CLOCKED_IN, Kind.CLOCKED_OUT
ON_SHIFT: dict[str, Callable[[World], None]] = {
    "clocked in": on(IN, NOON - HOUR),
    "clocked in again": all_of(on(OUT, NOON - 2 * HOUR), on(IN, NOON - HOUR)),
    "clocked in last night": on(IN, NOON - 14 * HOUR),
    "on a Shift": on_a_shift,
    "at work": at_work,
    "clocked in, though off a Shift": all_of(off_a_shift, on(IN, NOON - HOUR)),
}
OFF_SHIFT: dict[str, Callable[[World], None]] = {
    "nothing is known": lambda _: None,
    "clocked out": all_of(on(IN, NOON - 2 * HOUR), on(OUT, NOON - HOUR)),
    "clocked out on a Shift": all_of(on_a_shift, on(OUT, NOON - HOUR)),
    "clocked out at work": all_of(at_work, on(OUT, NOON - HOUR)),
    "off a Shift": off_a_shift,
    "clocked in tomorrow": on(IN, NOON + 5 * HOUR),
    "clocked in yesterday and never out": on(IN, NOON - 25 * HOUR),
}


@pytest.mark.parametrize("cause", ON_SHIFT.values(), ids=ON_SHIFT.keys())
def test_who_is_on_shift_is_shown(cause: Callable[[World], None]) -> None:
    world = wanted()
    cause(world)

    assert take(world) is Outcome.APPLIED


@pytest.mark.parametrize("cause", OFF_SHIFT.values(), ids=OFF_SHIFT.keys())
def test_of_who_is_off_shift_nothing_is_shown_and_nothing_kept(
    cause: Callable[[World], None],
) -> None:
    world = wanted()
    cause(world)

    assert take(world) is Outcome.IGNORED
    assert reason(world) == "the resource is off shift"
    assert world.salesforce.located == []
    assert world.state.read(Position, CONNECTION, RESOURCE) is None


# ── now and then, and never back ──────────────────────────────────────────────


def test_one_a_minute_is_enough() -> None:
    world = clocked_in()
    outcomes = []
    for _ in range(13):
        outcomes.append(take(world))
        world.pass_time(10 * SECOND)

    shown = [number for number, each in enumerate(outcomes) if each is Outcome.APPLIED]
    assert shown == [0, 6, 12]
    assert reason(world) in {"", "one was shown less than a minute ago"}


def test_a_backlog_that_comes_all_at_once_is_one_position() -> None:
    world = clocked_in()
    world.pass_time(5 * MINUTE)

    outcomes = [take(world, told(NOON + each * MINUTE)) for each in range(5)]

    assert outcomes.count(Outcome.APPLIED) == 1


def test_an_older_position_never_follows_a_newer_one() -> None:
    world = clocked_in()
    world.pass_time(3 * MINUTE)
    take(world)
    world.pass_time(3 * MINUTE)

    assert take(world, told(NOON)) is Outcome.IGNORED
    assert reason(world) == "a later position is shown"


@pytest.mark.parametrize(
    ("span", "why"),
    [
        (-11 * MINUTE, "it is more than 10 minutes old: a position is of no use later"),
        (2 * MINUTE, "the phone's clock is wrong"),
    ],
)
def test_what_is_old_or_of_a_wrong_clock_is_not_shown(span: timedelta, why: str) -> None:
    world = clocked_in()

    assert take(world, told(NOON + span)) is Outcome.IGNORED
    assert reason(world) == why


def test_a_position_of_a_clock_that_is_known_to_be_wrong_is_not_shown() -> None:
    world = clocked_in()

    assert take(world, told(doubtful=True)) is Outcome.IGNORED


def test_each_resource_has_minutes_of_its_own() -> None:
    world = clocked_in()
    device = Device(connection=CONNECTION, id="other", resource=COLLEAGUE)
    shift = OnShift(connection=CONNECTION, resource=COLLEAGUE, tracking=True)
    world.state.write_all([device, shift])

    assert [take(world), take(world, told(device="other", key="other"))] == [
        Outcome.APPLIED,
        Outcome.APPLIED,
    ]


def test_another_worker_that_shows_one_at_the_same_moment_goes_first() -> None:
    world = clocked_in()
    other = told(NOON + SECOND)
    read = world.state.read

    def overtaken(kind: Any, *key: str) -> Any:
        found = read(kind, *key)
        if kind is Position and not world.salesforce.located:
            world.salesforce.located.append(None)  # type: ignore[arg-type]
            positions.take(other, world.desk)
        return found

    vars(world.state)["read"] = overtaken

    assert take(world) is Outcome.IGNORED
    assert reason(world) == "another position was shown at the same moment"
    assert world.salesforce.located[1:] == [(RESOURCE, HERE, NOON + SECOND)]


def test_what_is_told_again_is_a_duplicate_and_not_shown_again() -> None:
    world = clocked_in()
    take(world)
    again = told().model_copy(update={"received_at": NOON + MINUTE, "delivery": "again"})

    assert take(world, again) is Outcome.DUPLICATE
    assert len(world.salesforce.located) == 1


def test_a_worker_that_is_killed_leaves_one_outcome_all_the_same() -> None:
    for world, death in every_death(clocked_in, take):
        outcome = take(world)

        assert outcome is Outcome.APPLIED, death
        [row] = [each for each in world.ledger.rows if each.kind == Kind.POSITION]
        assert row.outcome is Outcome.APPLIED, death
        assert world.salesforce.located[-1] == (RESOURCE, HERE, NOON), death


# ── never held, never parked, never told ──────────────────────────────────────


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Closed("the day's calls are used up"), "Closed"),
        (Unavailable("down"), "Unavailable"),
        (Unclear("no answer"), "Unclear"),
        (Refused("value 52.520008 is out of range", code="NUMBER_OUTSIDE"), "NUMBER_OUTSIDE"),
        (Refused("at 13.404954"), "Refused"),
    ],
)
def test_what_salesforce_does_not_take_is_let_go(error: Exception, why: str) -> None:
    world = clocked_in()
    world.fate.fail("locate", error)

    assert take(world) is Outcome.IGNORED
    assert reason(world) == (
        f"Salesforce did not take it ({why}): a position is of no use later"
    )


def test_the_next_position_is_shown_though_the_last_one_was_not() -> None:
    world = clocked_in()
    world.fate.fail("locate", Unavailable("down"), times=1)
    take(world)
    world.pass_time(MINUTE)

    assert take(world) is Outcome.APPLIED


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    st.floats(-90, 90).map(lambda each: round(each, 6)),
    st.floats(-180, 180).map(lambda each: round(each, 6)),
    st.booleans(),
)
def test_where_somebody_is_stands_nowhere_but_in_salesforce(
    latitude: float, longitude: float, refused: bool
) -> None:
    world = clocked_in()
    place = Place(latitude=latitude, longitude=longitude)
    if refused:
        world.fate.fail("locate", Refused(f"{latitude!r} {longitude!r}"))
    each = told(place=place)

    take(world, each)

    written = [row.model_dump_json() for row in world.ledger.rows if row.kind == Kind.POSITION]
    known = world.state.read(Position, CONNECTION, RESOURCE)
    texts = [*written, repr(each), repr(each.fact.place), str(known)]
    for text in texts:
        assert f"{latitude!r}," not in text
        assert "atitude" not in text


def test_a_position_that_can_not_be_read_is_not_parked_with_where_somebody_is() -> None:
    world = wanted()
    told = device_event(
        "location", device_id=["x"], data={"type": "Point", "coordinates": [1, 2]}
    )

    assert reports.take(report(told), world.desk) is Outcome.IGNORED


def test_what_is_remembered_of_a_position_is_when_it_was_and_for_a_day() -> None:
    world = clocked_in()

    take(world)

    known = world.state.read(Position, CONNECTION, RESOURCE)
    assert known
    assert known.ttl == int((NOON + 24 * HOUR).timestamp())
    assert not {*Position.model_fields} & {*Place.model_fields}


def test_orders_that_are_tracked_count_as_work() -> None:
    world = wanted()
    world.connection = connection(live_positions=True, tracking="orders")
    at_work(world, fenced=False)
    assert take(world) is Outcome.IGNORED  # no order stands

    ordered = Ordered.model_validate(
        {
            "connection": CONNECTION,
            "appointment": APPOINTMENT,
            "assignment": ASSIGNMENT,
            "orders": [{"wanted": _wanted(), "tracked": True}],
        }
    )
    world.state.write_all([ordered])

    assert take(world) is Outcome.APPLIED


def _wanted() -> dict[str, Any]:
    return {"handle": "h", "worker": RESOURCE, "latitude": 0, "longitude": 0, "radius": 100}
