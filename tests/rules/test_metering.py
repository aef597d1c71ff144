"""Calls are counted without a write for each."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from fieldlink.connecting.metering import CountingMeter
from fieldlink.errors import Unavailable
from fieldlink.records import Watermark
from tests.fakes import NOON, FakeMeter

FIVE = timedelta(minutes=5)


def mark(at: datetime) -> Watermark:
    return Watermark(connection="c", at=at)


def looked(
    meter: CountingMeter, now: datetime, before: Watermark | None, after: Watermark | None
) -> None:
    meter.looked("c", now, before, after)
    meter.flush()


def test_what_is_counted_is_written_once_for_each_connection_and_hour() -> None:
    kept = FakeMeter()
    meter = CountingMeter(kept)
    for _ in range(20):
        meter.add("c", NOON, 1)
    meter.add("d", NOON, 1)
    meter.add("c", NOON + timedelta(hours=1), 1)

    meter.flush()
    meter.flush()

    assert kept.fate.effects == ["add calls"] * 3
    assert kept.last_day("c", NOON) == 20


def test_what_is_not_written_yet_counts_already() -> None:
    kept = FakeMeter()
    kept.add("c", NOON, 5)
    meter = CountingMeter(kept)

    meter.add("c", NOON, 1)
    meter.add("d", NOON, 1)

    assert meter.last_day("c", NOON) == 6


def test_the_meter_is_read_once_in_ten_seconds_by_however_many_runs() -> None:
    kept = FakeMeter()
    meter = CountingMeter(kept)

    for seconds in range(30):
        meter.last_day("c", NOON + timedelta(seconds=seconds))
        meter.flush()

    assert kept.fate.effects.count("read calls") == 3


def test_what_was_written_counts_at_once_and_what_others_wrote_in_ten_seconds() -> None:
    kept = FakeMeter()
    meter = CountingMeter(kept)
    kept.add("c", NOON, 1)
    assert meter.last_day("c", NOON) == 1

    kept.add("c", NOON, 10)  # by another process
    meter.add("c", NOON, 100)
    meter.add("d", NOON, 5)
    meter.flush()

    assert meter.last_day("c", NOON + timedelta(seconds=9)) == 101
    assert meter.last_day("c", NOON + timedelta(seconds=10)) == 111
    assert meter.last_day("d", NOON) == 5


def test_a_count_that_can_not_be_written_is_counted_once_at_most() -> None:
    kept = FakeMeter()
    kept.fate.fail("add calls", Unavailable("DynamoDB"), after=True, times=1)
    meter = CountingMeter(kept)
    meter.add("c", NOON, 1)

    with pytest.raises(Unavailable):
        meter.flush()
    meter.flush()

    assert kept.last_day("c", NOON) == 1


def test_idle_looks_write_nothing_and_are_counted_when_the_watermark_moves() -> None:
    kept = FakeMeter()
    before = mark(NOON)
    for number in range(1, 12):
        meter = CountingMeter(kept)  # perhaps another process
        meter.add("c", NOON + number * FIVE, 1)
        looked(meter, NOON + number * FIVE, before, before)
    assert kept.fate.effects == []

    meter = CountingMeter(kept)
    now = NOON + 12 * FIVE
    meter.add("c", now, 1)
    looked(meter, now, before, mark(now))

    assert kept.last_day("c", now) == 12


def test_a_look_that_made_more_than_one_call_is_written_at_once() -> None:
    kept = FakeMeter()
    meter = CountingMeter(kept)
    meter.add("c", NOON, 3)

    looked(meter, NOON, mark(NOON), mark(NOON))

    assert kept.last_day("c", NOON) == 3


def test_the_first_look_is_written_at_once() -> None:
    kept = FakeMeter()
    meter = CountingMeter(kept)
    meter.add("c", NOON, 1)

    looked(meter, NOON, None, mark(NOON))

    assert kept.last_day("c", NOON) == 1


def test_a_watermark_that_stood_for_days_does_not_stand_for_looks_that_never_were() -> None:
    kept = FakeMeter()
    meter = CountingMeter(kept)
    meter.add("c", NOON, 1)

    looked(meter, NOON, mark(NOON - timedelta(days=3)), mark(NOON))

    assert kept.last_day("c", NOON) == 12


def test_an_idle_look_drops_nothing_of_another_connection() -> None:
    kept = FakeMeter()
    meter = CountingMeter(kept)
    meter.add("c", NOON, 1)
    meter.add("d", NOON, 1)

    looked(meter, NOON, mark(NOON), mark(NOON))

    assert (kept.last_day("c", NOON), kept.last_day("d", NOON)) == (0, 1)


def test_a_look_that_was_asked_for_is_written_at_once_and_stands_for_no_tick() -> None:
    kept = FakeMeter()
    before = mark(NOON)
    for number in range(1, 5):
        meter = CountingMeter(kept)
        meter.add("c", NOON + number * FIVE, 1)
        meter.looked("c", NOON + number * FIVE, before, before)  # a tick
        meter.add("c", NOON + number * FIVE, 1)
        meter.looked("c", NOON + number * FIVE, before, before, nudged=True)
        meter.flush()
    assert kept.last_day("c", NOON) == 4

    meter = CountingMeter(kept)
    meter.add("c", NOON + 4 * FIVE, 1)
    meter.looked("c", NOON + 4 * FIVE, before, mark(NOON + 4 * FIVE), nudged=True)
    meter.flush()

    assert kept.last_day("c", NOON) == 4 + 1 + 4
