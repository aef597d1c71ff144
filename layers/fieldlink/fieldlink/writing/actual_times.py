"""Rule: the actual times that an appointment's facts call for, where no person wrote others."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from fieldlink.models import minute
from fieldlink.writing import status, visits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fieldlink.models import Changes, Fact, View
    from fieldlink.practice import Practice
    from fieldlink.records import Ours
    from fieldlink.writing.visits import Attendance

type Times = tuple[datetime | None, datetime | None]


def changes(facts: Iterable[Fact], view: View, ours: Ours, practice: Practice) -> Changes:
    """Of the two times those that differ from what stands, unless a person wrote that."""
    start, end = called_for(facts, view, practice)
    wanted: Changes = {"actual_start": start, "actual_end": end}
    held = {"actual_start": view.actual_start, "actual_end": view.actual_end}
    last = {"actual_start": ours.actual_start, "actual_end": ours.actual_end}
    return {
        name: at
        for name, at in wanted.items()
        if at != whole(held[name]) and whole(held[name]) == last[name]
    }


def called_for(facts: Iterable[Fact], view: View, practice: Practice) -> Times:
    """First arrival and last departure of all whose facts count."""
    told = status.moving(facts, view, practice)
    each = [_of(name, told, practice) for name in {fact.resource for fact in told}]
    start = min((one.start for one in each if one.start), default=None)
    ends = [one.end for one in each if one.start or one.end]
    # Whoever has not left once it is completed may never be seen to: no geofence waits long.
    over = None not in ends or bool(status.completing(told, view, practice))
    end = max((at for at in ends if at), default=None) if over else None
    return start, end


def with_duration(times: Changes, view: View) -> Changes:
    """The Field Service package fills ActualDuration once, and never mends it with the times.

    So where it stands for times that change we mend it, and leave any other to its author.
    """
    stood = _between(view.actual_start, view.actual_end)
    stands = _between(
        times.get("actual_start", view.actual_start), times.get("actual_end", view.actual_end)
    )
    if stood is None or stood == stands or stood != view.actual_minutes:
        return times
    return times | {"actual_minutes": stands}


def rules(times: Changes, practice: Practice) -> list[str]:
    """Why, in plain words."""
    whose = "the primary resource's" if practice.several == "primary" else "the"
    begun = "check-in" if practice.arrival_by == "check_in" else "arrival"
    told = {
        "actual_start": f"Actual Start is {whose} first {begun}",
        "actual_end": f"Actual End is {whose} last departure",
    }
    taken_back = "Actual End is taken back: somebody is there"
    return [
        taken_back if name == "actual_end" and times[name] is None else why
        for name, why in told.items()
        if name in times
    ]


def whole(moment: datetime | None) -> datetime | None:
    """Whole minutes, as they are compared."""
    return minute(moment) if moment else None


def _of(resource: str, facts: list[Fact], practice: Practice) -> Attendance:
    return visits.attendance((fact for fact in facts if fact.resource == resource), practice)


def _between(start: object, end: object) -> float | None:
    """Minutes, or None while one of the two is missing."""
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        return None
    return (end - start).total_seconds() / 60
