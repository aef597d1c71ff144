"""When work is tracked, day by day, whatever the clocks of its site do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.tracking.ordered_days import GRACE, GRACE_OF_A_DAY, LONGEST_SHIFT, Slot, slots

if TYPE_CHECKING:
    from collections.abc import Sequence

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BERLIN, NEW_YORK, UTC_ZONE = (
    ZoneInfo("Europe/Berlin"),
    ZoneInfo("America/New_York"),
    ZoneInfo("UTC"),
)


def local(zone: ZoneInfo, *when: int) -> datetime:
    return datetime(*when, tzinfo=zone).astimezone(UTC)  # type: ignore[arg-type, misc]


def all_slots(
    starts_at: datetime, ends_at: datetime, zone: ZoneInfo, *, lead: timedelta = HOUR
) -> list[Slot]:
    """Every day of the work, seen from each of its days in turn."""
    found = set()
    for days in range((ends_at - starts_at).days + 2):
        near = starts_at + days * DAY
        found |= set(slots(starts_at, ends_at, zone, lead=lead, near=near))
    return sorted(found, key=lambda each: each.starts_at)


def shown(found: Sequence[Slot], zone: ZoneInfo) -> list[str]:
    return [
        f"{each.day} {each.starts_at.astimezone(zone):%d %H:%M}"
        f"-{each.ends_at.astimezone(zone):%d %H:%M}"
        for each in found
    ]


# ── one day ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("starts", "hours"), [((2026, 3, 4, 8), 2), ((2026, 3, 4, 22), 8), ((2026, 3, 4, 8), 16)]
)
def test_work_of_a_day_or_a_night_is_one_order(starts: tuple[int, ...], hours: int) -> None:
    starts_at = local(BERLIN, *starts)
    ends_at = starts_at + timedelta(hours=hours)

    assert slots(starts_at, ends_at, BERLIN, lead=HOUR, near=starts_at) == (
        Slot(None, starts_at - HOUR, starts_at, ends_at, ends_at + GRACE),
    )


def test_a_whole_day_from_midnight_to_midnight_is_one_day() -> None:
    starts_at = local(BERLIN, 2026, 3, 4)

    [slot] = slots(starts_at, starts_at + DAY, BERLIN, lead=HOUR, near=starts_at)

    assert slot.day is None


def test_work_that_ends_before_it_starts_takes_no_time() -> None:
    starts_at = local(BERLIN, 2026, 3, 4, 8)

    [slot] = slots(starts_at, starts_at - DAY, BERLIN, lead=HOUR, near=starts_at)

    assert slot.ends_at == starts_at


# ── several days ──────────────────────────────────────────────────────────────


def test_each_day_has_the_times_of_day_of_the_schedule() -> None:
    found = all_slots(local(BERLIN, 2026, 3, 4, 8), local(BERLIN, 2026, 3, 6, 17), BERLIN)

    assert shown(found, BERLIN) == [
        "2026-03-04 04 08:00-04 17:00",
        "2026-03-05 05 08:00-05 17:00",
        "2026-03-06 06 08:00-06 17:00",
    ]
    assert [each.starts_at - each.due_at for each in found] == [HOUR] * 3
    assert [each.over_at - each.ends_at for each in found] == [
        GRACE_OF_A_DAY,
        GRACE_OF_A_DAY,
        GRACE,
    ]


def test_a_last_day_that_ends_before_the_start_time_begins_at_midnight() -> None:
    found = all_slots(local(BERLIN, 2026, 3, 4, 8), local(BERLIN, 2026, 3, 6, 6), BERLIN)

    assert shown(found, BERLIN) == [
        "2026-03-04 04 08:00-05 06:00",
        "2026-03-05 05 08:00-06 00:00",
        "2026-03-06 06 00:00-06 06:00",
    ]


def test_work_that_ends_at_midnight_does_not_reach_into_the_next_day() -> None:
    found = all_slots(local(BERLIN, 2026, 3, 4, 8), local(BERLIN, 2026, 3, 6), BERLIN)

    assert [each.day for each in found] == [date(2026, 3, 4), date(2026, 3, 5)]
    assert found[-1].ends_at == local(BERLIN, 2026, 3, 6)


def test_a_day_is_not_tracked_before_the_one_before_it_ends() -> None:
    found = all_slots(
        local(BERLIN, 2026, 3, 4, 8), local(BERLIN, 2026, 3, 6, 17), BERLIN, lead=20 * HOUR
    )

    assert [each.due_at for each in found[1:]] == [each.ends_at for each in found[:-1]]


@pytest.mark.parametrize(
    ("zone", "first", "hours"),
    [
        (BERLIN, (2026, 3, 28), [-1, 0]),  # 02:00 becomes 03:00 on the 29th
        (BERLIN, (2026, 10, 24), [1, 0]),  # 03:00 becomes 02:00 on the 25th
        (NEW_YORK, (2026, 3, 7), [-1, 0]),
    ],
)
def test_the_clocks_change_and_the_local_times_stay(
    zone: ZoneInfo, first: tuple[int, int, int], hours: list[int]
) -> None:
    starts_at = local(zone, *first, 8)
    ends_at = local(zone, first[0], first[1], first[2] + 2, 17)

    found = all_slots(starts_at, ends_at, zone)

    assert {each.starts_at.astimezone(zone).hour for each in found} == {8}
    assert {each.ends_at.astimezone(zone).hour for each in found} == {17}
    apart = [(b.starts_at - a.starts_at - DAY) / HOUR for a, b in pairwise(found)]
    assert apart == hours


def test_a_start_that_a_clock_leaves_out_is_an_hour_later() -> None:
    starts_at, ends_at = local(BERLIN, 2026, 3, 28, 2, 30), local(BERLIN, 2026, 3, 30, 17)

    found = all_slots(starts_at, ends_at, BERLIN)

    assert shown(found, BERLIN)[1] == "2026-03-29 29 03:30-29 17:00"


def test_a_day_that_a_zone_has_left_out_has_no_order() -> None:
    apia = ZoneInfo("Pacific/Apia")
    found = all_slots(local(apia, 2011, 12, 28, 8), local(apia, 2012, 1, 1, 17), apia)

    assert [each.day and each.day.day for each in found] == [28, 29, 31, 1]


def test_work_of_a_thousand_years_is_looked_at_around_now_only() -> None:
    starts_at, ends_at = local(BERLIN, 2026, 3, 4, 8), local(BERLIN, 3026, 3, 4, 17)

    found = slots(starts_at, ends_at, BERLIN, lead=HOUR, near=local(BERLIN, 2500, 1, 1, 12))

    assert len(found) == 8
    assert date(2500, 1, 1) in {each.day for each in found}


# ── any work anywhere ─────────────────────────────────────────────────────────

ZONES = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
MINUTES_OF_FIFTY_YEARS = 50 * 366 * 24 * 60
MOMENTS = st.integers(0, MINUTES_OF_FIFTY_YEARS).map(
    lambda minutes: datetime(1990, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
SPANS = st.timedeltas(timedelta(), timedelta(days=9)).map(
    lambda each: each - each % timedelta(minutes=1)
)
LEADS = st.integers(0, 24 * 60).map(lambda minutes: timedelta(minutes=minutes))


@settings(max_examples=400, deadline=None, derandomize=True)
@given(zone=ZONES, starts_at=MOMENTS, span=SPANS, lead=LEADS)
def test_days_follow_each_other_and_hold_the_whole_of_the_work(
    zone: ZoneInfo, starts_at: datetime, span: timedelta, lead: timedelta
) -> None:
    ends_at = starts_at + span

    found = all_slots(starts_at, ends_at, zone, lead=lead)

    assert (found[0].starts_at, found[-1].ends_at) == (starts_at, ends_at)
    assert (len(found) == 1) or span > LONGEST_SHIFT
    for each in found:
        assert each.due_at <= each.starts_at <= each.ends_at <= each.over_at
        if each.day:
            assert each.starts_at.astimezone(zone).date() == each.day
    for one, other in pairwise(found):
        assert one.day
        assert other.day
        assert one.day < other.day
        assert one.starts_at < other.starts_at
        assert one.ends_at <= other.due_at
        assert (other.day - one.day) <= 2 * DAY


@settings(max_examples=200, deadline=None, derandomize=True)
@given(zone=ZONES, starts_at=MOMENTS, span=SPANS, minutes=st.integers(-3000, 16000))
def test_what_is_due_does_not_depend_on_when_one_looks(
    zone: ZoneInfo, starts_at: datetime, span: timedelta, minutes: int
) -> None:
    ends_at, now = starts_at + span, starts_at + timedelta(minutes=minutes)

    near = slots(starts_at, ends_at, zone, lead=HOUR, near=now)
    every = all_slots(starts_at, ends_at, zone)

    def due(of: Sequence[Slot]) -> list[Slot]:
        return [each for each in of if each.due_at <= now][-1:]

    def upcoming(of: Sequence[Slot]) -> list[Slot]:
        return [each for each in of if each.due_at > now][:1]

    assert due(near) == due(every)
    assert upcoming(near) == upcoming(every)
