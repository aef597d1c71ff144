"""A connection that sends much at once goes by a queue of its own, and comes back from it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.hearing import webhooks
from fieldlink.hearing.keeping import Delivery
from fieldlink.hearing.lanes import CALM, MOST, ROOM, Lanes
from tests.fakes import NOON, FakeOutbox, FakeSpool
from tests.make import CONNECTION

if TYPE_CHECKING:
    from datetime import datetime


class Door:
    """One execution environment."""

    def __init__(self) -> None:
        self.events, self.bursts = FakeOutbox(name="Event"), FakeOutbox(name="Burst")
        self.lanes = Lanes(self.events, self.bursts)
        self.now = NOON

    def sends(self, count: int = 1, connection: str = CONNECTION) -> str:
        return "events" if self.queue(count, connection) is self.events else "bursts"

    def queue(self, count: int, connection: str) -> object:
        return self.lanes.of(connection, count, self.now)

    def fill(self, connection: str = CONNECTION) -> None:
        """Message by message until it is a burst."""
        for _ in range(ROOM):
            assert self.sends(1, connection) == "events"
        assert self.sends(1, connection) == "bursts"

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def test_a_fleet_of_two_thousand_devices_at_eight_in_the_morning_is_no_burst() -> None:
    door, lanes = Door(), set[str]()

    for _ in range(600):  # 22 a second for ten minutes
        lanes |= {door.sends() for _ in range(22)}
        door.wait(1)

    assert lanes == {"events"}


def test_who_goes_on_sending_more_than_that_is_a_burst_within_seconds() -> None:
    door, lanes = Door(), list[str]()

    for _ in range(30 * 50):  # as many deliveries as one environment can take
        lanes.append(door.sends())
        door.wait(0.02)

    first = lanes.index("bursts")
    assert first <= 10 * 50
    assert set(lanes[first:]) == {"bursts"}


def test_a_burst_of_one_connection_is_none_of_another() -> None:
    door = Door()

    door.fill()

    assert door.sends(1, "another connection") == "events"


def test_a_burst_is_over_once_it_has_been_calm_for_a_while_and_not_before() -> None:
    door = Door()
    door.fill()

    door.wait(ROOM / CALM / 2)
    assert door.sends() == "bursts"

    door.wait(2 * ROOM / CALM)
    assert door.sends() == "events"


def test_however_large_a_burst_was_it_is_over_at_the_same_time() -> None:
    door = Door()
    for _ in range(100):
        door.sends(1_000)

    door.wait(2 * ROOM / CALM)

    assert door.sends() == "events"


def test_one_delivery_of_very_many_events_is_a_burst_and_what_a_phone_stored_up_is_none() -> (
    None
):
    assert Door().sends(ROOM) == "events"
    assert Door().sends(ROOM + 1) == "bursts"


def test_a_clock_that_is_set_back_calms_nobody_and_breaks_nothing() -> None:
    door = Door()
    door.fill()

    door.wait(-3600)

    assert door.sends() == "bursts"


def test_no_more_connections_are_remembered_than_there_is_room_for() -> None:
    door = Door()
    door.fill("the first")

    for number in range(2 * MOST):
        door.sends(1, f"connection {number}")

    assert len(door.lanes._levels) == MOST
    assert door.sends(1, "the first") == "events"


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.floats(0, 30)), max_size=60))
def test_never_more_go_by_events_than_the_bucket_holds_and_what_has_run_out_of_it(
    sent: list[tuple[int, float]],
) -> None:
    door = Door()
    by_events: list[tuple[datetime, int]] = []

    for count, pause in sent:
        if door.sends(count) == "events":
            by_events.append((door.now, count))
        door.wait(pause)

    for first, (begin, _) in enumerate(by_events):
        total = 0
        for at, count in by_events[first:]:
            total += count
            assert total <= ROOM + CALM * (at - begin).total_seconds() + 0.01


# ── at the door ───────────────────────────────────────────────────────────────


def delivered(door: Door, events: int, received_at: datetime = NOON) -> None:
    body = json.dumps([{"n": number} for number in range(events)]).encode()
    delivery = Delivery(CONNECTION, received_at.isoformat(), body)
    webhooks.hand_on(delivery, live_positions=False, lanes=door.lanes, spool=FakeSpool)


def test_all_events_of_a_delivery_go_by_the_lane_that_the_door_chose() -> None:
    door = Door()

    delivered(door, ROOM)
    delivered(door, 3)
    delivered(door, 2, NOON + timedelta(minutes=5))

    assert len(door.events.messages) == ROOM + 2
    assert len(door.bursts.messages) == 3


@pytest.mark.parametrize("events", [webhooks.MOST_QUEUED, webhooks.MOST_QUEUED + 1])
def test_a_delivery_that_is_kept_whole_or_nearly_so_goes_by_bursts(events: int) -> None:
    door = Door()

    delivered(door, events)

    assert door.events.messages == []
    assert door.bursts.messages
