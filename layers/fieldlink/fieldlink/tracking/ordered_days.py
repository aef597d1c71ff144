"""Rule: when work is tracked, day by day if it takes days; in the local time of its site.

Each local day has the times of day of the scheduled start and end, whatever its clocks do.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)
LONGEST_SHIFT = timedelta(hours=16)  # what lasts longer, and ends on another day, takes days
# Nobody is tracked off duty: so long after its end work that nobody has closed is given up.
GRACE = timedelta(hours=12)
GRACE_OF_A_DAY = timedelta(hours=1)  # likewise if another day follows
MOMENT = timedelta(microseconds=1)  # what ends at midnight ends on the day before


class Slot(NamedTuple):
    """One day of an appointment, or the whole of it if it takes no more."""

    day: date | None  # None: the appointment takes one day only
    due_at: datetime  # tracked from here
    starts_at: datetime
    ends_at: datetime
    over_at: datetime  # tracked no longer than this


def slots(
    starts_at: datetime, ends_at: datetime, zone: ZoneInfo, *, lead: timedelta, near: datetime
) -> tuple[Slot, ...]:
    """In order: the first day, the last, and those around `near`."""
    ends_at = max(starts_at, ends_at)
    last = last_of_several(starts_at, ends_at, zone)
    if last is None:
        return (Slot(None, starts_at - lead, starts_at, ends_at, ends_at + GRACE),)
    first = starts_at.astimezone(zone).date()
    work = _Work(starts_at, ends_at, zone, first, last)
    here = near.astimezone(zone).date()
    days = {first, last, *(here + ONE_DAY * each for each in range(-2, 4))}
    known = [each for each in sorted(days) if work.begins(each)]
    return tuple(_slot(each, work, lead) for each in known)


def last_of_several(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> date | None:
    """The last local day of work that takes days; None if it takes no more than one."""
    last = (ends_at - MOMENT).astimezone(zone).date()
    several = last > starts_at.astimezone(zone).date()
    return last if several and ends_at - starts_at > LONGEST_SHIFT else None


class _Work(NamedTuple):
    """Work of several days."""

    starts_at: datetime
    ends_at: datetime
    zone: ZoneInfo
    first: date
    last: date

    def begins(self, day: date) -> datetime | None:
        """None on a day that is not one of its days, or that its zone has left out."""
        if day == self.first:
            return self.starts_at
        if not self.first < day <= self.last:
            return None
        begins = self.moment(day, self.starts_at.astimezone(self.zone).time())
        if day == self.last:
            if begins >= self.ends_at:
                begins = min(self.moment(day, time()), self.ends_at)
            return begins
        return begins if begins.astimezone(self.zone).date() == day else None

    def ends(self, day: date) -> datetime:
        if day == self.last:
            return self.ends_at
        starts, ends = (each.astimezone(self.zone) for each in (self.starts_at, self.ends_at))
        overnight = ends.time() <= starts.time()
        own = self.moment(day + ONE_DAY if overnight else day, ends.time())
        begins = self.begins(day) or own
        return max(begins, min([own, *self._following(day)]))

    def _following(self, day: date) -> Iterator[datetime]:
        """When the day after begins; one that a zone has left out is nobody's."""
        for each in (day + ONE_DAY, day + 2 * ONE_DAY):
            begins = self.begins(each)
            if begins:
                yield begins

    def before(self, day: date) -> date:
        """The day of it before another one."""
        yesterday = day - ONE_DAY
        return yesterday if self.begins(yesterday) else yesterday - ONE_DAY

    def moment(self, day: date, at: time) -> datetime:
        """In UTC; the first of two that a clock shows, and past those that it leaves out."""
        local = datetime.combine(day, at.replace(fold=0), tzinfo=self.zone)
        return local.astimezone(UTC)


def _slot(day: date, work: _Work, lead: timedelta) -> Slot:
    starts_at, ends_at = work.begins(day) or work.starts_at, work.ends(day)
    due_at = starts_at - lead
    if day != work.first:
        due_at = max(due_at, work.ends(work.before(day)))  # one day's work at a time
    over_at = ends_at + (GRACE if day == work.last else GRACE_OF_A_DAY)
    return Slot(day, due_at, starts_at, ends_at, over_at)
