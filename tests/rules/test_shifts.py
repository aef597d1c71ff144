"""A worker's own switch is as the Shifts say, at every moment and whoever dies when."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.errors import Refused
from fieldlink.looking import polling
from fieldlink.looking.polling import Queues
from fieldlink.models import Sync
from fieldlink.records import Capabilities, Due, OnShift, Planned, Resource, Shift, Watermark
from fieldlink.tracking import shifts, waking
from tests.fakes import NOON, STATUSES, Death, Killed
from tests.make import COLLEAGUE, CONNECTION, RESOURCE, World, connection, resource
from tests.rules.killing import every_death

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fieldlink.records import Row

HOUR = timedelta(hours=1)
SHIFT = "0SH000000000001AAA"


def shift(start: datetime = NOON, end: datetime | None = None, **more: Any) -> Shift:
    fields = {
        "connection": CONNECTION,
        "id": SHIFT,
        "resource": RESOURCE,
        "starts_at": start,
        "ends_at": end or start + 8 * HOUR,
        **more,
    }
    return Shift.model_validate(fields)


class House(World):
    """A connection whose Shifts are looked at, and the workers behind."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(resources=())
        self.connection = connection(by_shifts=True, **settings)
        self.hypertrack.workers = {RESOURCE: "Ada Lovelace", COLLEAGUE: "Grace Hopper"}
        self.salesforce.shifts_wanted = True
        self._ticks = 0

    def plan(self, *rows: Row) -> None:
        """As Salesforce has it from now on."""
        self.salesforce.changed += [(self.now, row) for row in rows]

    def tick(self, *, full: bool = False) -> None:
        """Five minutes later: what changed is looked at, and whoever is due."""
        self.pass_time(timedelta(minutes=5))
        self.look(full=full)
        self.wake()

    def look(self, *, full: bool = False) -> polling.Polled:
        self._ticks += 1
        self.salesforce.shifts_wanted = self.connection.by_shifts
        return polling.poll(
            self.connection,
            salesforce=self.salesforce,
            state=self.state,
            queues=Queues(changes=self.changes, invites=self.invites),
            run=f"run {self._ticks}",
            full=full,
        )

    def wake(self) -> None:
        waking.wake(self.connection, state=self.state, changes=self.changes, now=self.now)
        self.deliver()

    def deliver(self) -> None:
        messages = [*self.changes.messages]
        self.changes.messages.clear()
        for message in messages:
            self.line_up(Sync.model_validate_json(message.body).resource)

    def line_up(self, who: str = RESOURCE) -> None:
        shifts.bring_in_line(who, self.ground)

    @property
    def on(self) -> set[str]:
        return self.hypertrack.switched_on

    @property
    def calls(self) -> int:
        return self.fate.effects.count("set tracking")


def planned(*rows: Row) -> House:
    """It is noon, and these Shifts have been seen."""
    house = House()
    house.plan(*rows)
    house.look()
    house.deliver()
    return house


# ── on and off ────────────────────────────────────────────────────────────────


def test_tracking_goes_on_when_a_shift_begins_and_off_when_it_ends() -> None:
    house = planned(shift(NOON + HOUR, NOON + 2 * HOUR))
    assert house.on == set()

    house.pass_time(HOUR)
    house.wake()
    during = set(house.on)
    house.pass_time(HOUR)
    house.wake()

    assert (during, house.on) == ({RESOURCE}, set())
    assert house.calls == 2


def test_a_shift_that_has_begun_already_counts_at_once() -> None:
    assert planned(shift(NOON - HOUR)).on == {RESOURCE}


@pytest.mark.parametrize(
    "row",
    [
        shift(firm=False),
        shift(deleted=True),
        shift(resource=""),
        shift(NOON, NOON),
        shift(NOON + HOUR, NOON - HOUR),
        shift(NOON - HOUR, NOON),  # it ends before the moment of its end
    ],
    ids=["tentative", "deleted", "nobody's", "of no length", "ends before it begins", "over"],
)
def test_what_is_no_firm_shift_of_now_switches_nothing(row: Shift) -> None:
    house = planned(row)

    assert (house.on, house.calls) == (set(), 0)


def test_between_adjacent_and_overlapping_shifts_nothing_is_switched() -> None:
    house = planned(
        shift(NOON, NOON + 2 * HOUR, id="0SH000000000001AAA"),
        shift(NOON + 2 * HOUR, NOON + 4 * HOUR, id="0SH000000000002AAA"),
        shift(NOON + 3 * HOUR, NOON + 5 * HOUR, id="0SH000000000003AAA"),
    )

    for _ in range(4):
        house.pass_time(HOUR)
        house.wake()
        assert house.on == {RESOURCE}
    house.pass_time(HOUR)
    house.wake()

    assert house.on == set()
    assert house.calls == 2


@pytest.mark.parametrize(
    "person",
    [resource(active=False), resource(technician=False)],
    ids=["deactivated", "no technician"],
)
def test_who_is_not_at_work_is_switched_off_once_and_not_on_again(person: Resource) -> None:
    house = planned(shift())
    house.plan(person)

    house.tick()
    house.tick()

    assert house.on == set()
    assert house.calls == 2


def test_who_is_shown_no_more_is_switched_off() -> None:
    house = planned(shift(), resource())
    house.salesforce.hidden.add(RESOURCE)

    house.tick(full=True)

    assert house.on == set()


def test_a_connection_that_has_ended_switches_everybody_off_who_is_on() -> None:
    house = planned(shift())
    house.connection = connection(by_shifts=True, state="ended")

    house.line_up()
    house.line_up()

    assert (house.on, house.calls) == (set(), 2)


def test_a_worker_who_is_missing_is_made_first() -> None:
    house = House()
    house.hypertrack.workers.clear()
    house.plan(resource(), shift())

    house.look()
    house.deliver()

    assert house.on == {RESOURCE}
    assert house.hypertrack.workers == {RESOURCE: "Ada Lovelace"}


def test_a_worker_who_is_missing_need_not_be_switched_off() -> None:
    house = planned(shift())
    house.hypertrack.workers.clear()
    house.pass_time(8 * HOUR)

    house.wake()

    assert house.hypertrack.workers == {}
    assert not _noted(house)


@pytest.mark.parametrize("code", ["driver_not_linked_to_device", "device_not_found"])
def test_who_has_no_phone_yet_is_tried_again_when_one_is_linked(code: str) -> None:
    house = House()
    house.fate.fail("set tracking", Refused("no phone", code=code), times=1)
    house.plan(shift())
    house.look()
    house.deliver()
    assert not _noted(house)

    house.line_up()  # as whoever links a phone asks for

    assert house.on == {RESOURCE}
    assert _noted(house)


def test_any_other_refusal_is_for_a_person_to_see() -> None:
    house = House()
    house.plan(shift())
    house.look()
    house.fate.fail("set tracking", Refused("no", code="forbidden"))

    with pytest.raises(Refused, match="no"):
        house.deliver()


def _noted(house: House) -> bool:
    known = house.state.read(OnShift, CONNECTION, RESOURCE)
    return known is not None and known.tracking


def test_whoever_switches_himself_is_left_alone_until_the_next_change() -> None:
    house = planned(shift())
    house.on.clear()

    house.tick()
    assert house.on == set()
    house.line_up()

    assert house.on == set()
    assert house.calls == 1


# ── the plan changes ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "on"),
    [
        (shift(NOON + HOUR), set()),
        (shift(NOON - HOUR, NOON + timedelta(minutes=1)), set()),
        (shift(resource=COLLEAGUE), {COLLEAGUE}),
        (shift(resource=""), set()),
        (shift(firm=False), set()),
        (shift(deleted=True), set()),
        (shift(deleted=True, resource=COLLEAGUE), set()),
    ],
    ids=["later", "over", "another's", "nobody's", "tentative", "deleted", "moved and deleted"],
)
def test_a_shift_that_changes_counts_as_it_is_now_and_for_whom(
    change: Shift, on: set[str]
) -> None:
    house = planned(shift())
    assert house.on == {RESOURCE}
    house.plan(change)

    house.tick()

    assert house.on == on


def test_an_undeleted_shift_counts_again() -> None:
    house = planned(shift())
    for row in (shift(deleted=True), shift()):
        house.plan(row)
        house.tick()

    assert house.on == {RESOURCE}


def test_a_shift_that_went_from_one_to_another_and_back_is_the_first_ones() -> None:
    house = planned(shift())
    for each in (COLLEAGUE, RESOURCE):
        house.plan(shift(resource=each))
        house.tick()

    assert house.on == {RESOURCE}


@pytest.mark.parametrize("way", ["hidden", "purged"])
def test_a_shift_that_is_shown_no_more_ends_with_the_look_at_everything(way: str) -> None:
    house = planned(shift())
    getattr(house.salesforce, way).add(SHIFT)

    house.tick()
    before = set(house.on)
    house.tick(full=True)

    assert (before, house.on) == ({RESOURCE}, set())


def test_a_shift_that_is_shown_again_counts_again() -> None:
    house = planned(shift())
    house.salesforce.hidden.add(SHIFT)
    house.tick(full=True)
    house.salesforce.hidden.clear()

    house.tick(full=True)

    assert house.on == {RESOURCE}


def test_a_shift_beyond_what_a_look_at_everything_shows_has_not_vanished() -> None:
    far = shift(NOON + timedelta(days=20))
    house = planned(shift(), far.model_copy(update={"id": "0SH000000000009AAA"}))

    house.tick(full=True)

    known = house.state.all_of(Shift, CONNECTION)
    assert {each.id: each.gone for each in known} == {SHIFT: False, "0SH000000000009AAA": False}


def test_shifts_that_could_not_be_looked_at_have_not_vanished() -> None:
    house = planned(shift())
    house.pass_time(timedelta(minutes=5))
    seen = house.salesforce.changes(None)
    blind = seen.model_copy(update={"shifts": (), "shifts_seen": False})

    class Blind:
        """An org whose Shifts may be seen no more."""

        def changes(self, *_: object) -> object:
            return blind

        def __getattr__(self, name: str) -> object:
            return getattr(house.salesforce, name)

    polling.poll(
        house.connection,
        salesforce=Blind(),  # type: ignore[arg-type]
        state=house.state,
        queues=Queues(changes=house.changes, invites=house.invites),
        run="blind",
        full=True,
    )
    house.deliver()

    assert house.on == {RESOURCE}


# ── the setting changes ───────────────────────────────────────────────────────


def test_switching_it_on_has_everything_looked_at_with_the_next_tick() -> None:
    house = House()
    house.connection = connection(by_shifts=False)
    house.plan(shift())
    house.look()
    house.deliver()
    house.pass_time(HOUR)
    house.connection = connection(by_shifts=True)

    polled = house.look()
    house.deliver()

    assert polled.full
    assert house.on == {RESOURCE}
    house.pass_time(timedelta(minutes=5))
    assert not house.look().full


def test_the_statuses_are_noted_with_the_look_at_everything() -> None:
    house = planned(shift())
    able = Capabilities(connection=CONNECTION, checked_at=NOON, statuses=STATUSES)
    house.state.write(able)
    house.salesforce.statuses = STATUSES[1:]

    house.tick()
    before = house.state.read(Capabilities, CONNECTION)
    house.tick(full=True)
    after = house.state.read(Capabilities, CONNECTION)

    assert before
    assert after
    assert (before.statuses, after.statuses) == (STATUSES, STATUSES[1:])


def test_switching_it_off_switches_everybody_off_who_is_on_and_nobody_else() -> None:
    house = planned(shift())
    house.connection = connection(by_shifts=False)

    house.tick()
    house.tick()

    assert house.on == set()
    assert house.calls == 2
    mark = house.state.read(Watermark, CONNECTION)
    assert mark
    assert not mark.shifts


def test_who_does_not_go_by_shifts_pays_one_read_for_it() -> None:
    house = House()
    house.connection = connection(by_shifts=False)

    house.line_up()

    assert house.fate.effects == ["read OnShift"]


def test_a_tick_in_which_nothing_is_due_looks_at_nobody() -> None:
    house = planned(shift())
    before = len(house.fate.effects)

    house.tick()

    assert not [each for each in house.fate.effects[before:] if each.startswith("write")]
    assert house.calls == 1


# ── what is kept, and who dies ────────────────────────────────────────────────


def test_shifts_are_forgotten_after_they_are_over() -> None:
    house = planned(shift())

    [row] = house.state.all_of(Shift, CONNECTION)
    [lies] = house.state.all_of(Planned, CONNECTION, RESOURCE)

    over = int((NOON + 8 * HOUR).timestamp())
    day = 24 * 60 * 60
    assert (row.ttl, lies.ttl) == (over + 7 * day, over + day)


def moved() -> House:
    house = planned(shift())
    house.plan(shift(resource=COLLEAGUE))
    house.pass_time(timedelta(minutes=5))
    return house


def test_a_look_that_is_killed_anywhere_leaves_no_shift_behind() -> None:
    for house, death in every_death(moved, House.look):
        house.deliver()
        house.pass_time(timedelta(minutes=5))
        house.plan(shift(resource="0Hn000000000003CAA"))
        house.look()
        house.deliver()

        assert house.on == {"0Hn000000000003CAA"}, death
        for who in (RESOURCE, COLLEAGUE):
            left = house.state.all_of(Planned, CONNECTION, who)
            assert not [each for each in left if each.starts_at < each.ends_at], death


def begun() -> House:
    house = House()
    house.plan(shift())
    house.look()
    return house


def test_whoever_is_killed_while_switching_is_made_good_by_the_next() -> None:
    for house, death in every_death(begun, House.line_up):
        house.line_up()

        assert house.on == {RESOURCE}, death
        assert _noted(house), death
        assert house.state.all_of(Due, CONNECTION), death


def test_a_slow_poller_takes_away_nothing_that_another_has_written_meanwhile() -> None:
    """What lies with a resource is never erased, only written by who holds the claim."""
    house = moved()
    house.look()

    assert "erase Planned" not in house.fate.effects


# ── any shifts, in any zone ───────────────────────────────────────────────────


class Turn(NamedTuple):
    """A Shift as people write it: local times of a day and a place."""

    day: date
    start: time
    hours: float
    firm: bool

    def moments(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        begins = datetime.combine(self.day, self.start, zone)
        wall = begins.replace(tzinfo=None) + timedelta(hours=self.hours)
        return begins.astimezone(UTC), wall.replace(tzinfo=zone).astimezone(UTC)


# The days on which clocks change in these places, and those around them.
ZONES = {
    "Europe/Berlin": (date(2026, 3, 28), date(2026, 10, 24)),
    "America/New_York": (date(2026, 3, 7), date(2026, 10, 31)),
    "Australia/Lord_Howe": (date(2026, 4, 4), date(2026, 10, 3)),
}


@st.composite
def turns(draw: st.DrawFn) -> tuple[ZoneInfo, list[Turn]]:
    name = draw(st.sampled_from(sorted(ZONES)))
    first = draw(st.sampled_from(ZONES[name]))
    found = draw(
        st.lists(
            st.builds(
                Turn,
                day=st.integers(0, 2).map(lambda days: first + timedelta(days=days)),
                start=st.integers(0, 47).map(lambda half: time(half // 2, half % 2 * 30)),
                hours=st.sampled_from([0, 0.5, 1, 2, 4, 8, 12]),
                firm=st.booleans() | st.just(True),
            ),
            max_size=6,
        )
    )
    return ZoneInfo(name), found


@settings(max_examples=250, deadline=None, derandomize=True, database=None)
@given(
    turns(),
    st.lists(st.tuples(st.sampled_from(["before", "after"]), st.integers(1, 8)), max_size=3),
)
def test_at_every_moment_the_switch_is_as_a_plain_list_of_shifts_says(
    told: tuple[ZoneInfo, list[Turn]], deaths: list[Any]
) -> None:
    """Looked at only when it is due, and by workers that die now and then."""
    zone, found = told
    spans = [each.moments(zone) for each in found if each.firm]
    house = House()
    first = min((each.day for each in found), default=date(2026, 3, 28))
    house.now = house.salesforce.now = datetime.combine(first, time(), UTC) - 24 * HOUR
    house.plan(*_rows(found, zone))
    house.look()
    house.deliver()
    half, doomed = timedelta(minutes=30), [Death(*each) for each in deaths]
    for _ in range(int(timedelta(days=6) / half)):
        waking.wake(house.connection, state=house.state, changes=house.changes, now=house.now)
        for message in house.changes.messages:
            _lined_up(house, Sync.model_validate_json(message.body).resource, doomed)
        house.changes.messages.clear()

        wanted = any(begins <= house.now < ends for begins, ends in spans)
        assert (RESOURCE in house.on) is wanted, house.now
        house.pass_time(half)


def _rows(found: Iterable[Turn], zone: ZoneInfo) -> list[Shift]:
    return [
        shift(*each.moments(zone), id=f"0SH00000000000{number}AAA", firm=each.firm)
        for number, each in enumerate(found)
    ]


def _lined_up(house: House, who: str, doomed: list[Death]) -> None:
    """The queue brings a message again whose worker died."""
    while doomed:
        side, number = doomed.pop()
        house.fate.death = Death(side, len(house.fate.effects) + number)
        try:
            house.line_up(who)
        except Killed:
            continue
        house.fate.death = None
        return
    house.line_up(who)


@pytest.mark.parametrize("more", [{"state": "ending"}, {"by_shifts": False}])
def test_whom_a_killed_worker_switched_on_is_switched_off_if_shifts_count_no_more(
    more: dict[str, Any],
) -> None:
    for house, death in every_death(begun, House.line_up):
        house.connection = connection(**{"by_shifts": True, **more})

        house.line_up()

        assert house.on == set(), death
        assert not _noted(house), death
