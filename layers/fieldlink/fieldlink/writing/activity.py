"""Rule: the words of the rows that we add to Salesforce. Subjects are stable."""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import TYPE_CHECKING

from fieldlink.models import Fact, Kind, NewEvent, minute
from fieldlink.writing.wording import words
from fieldlink.zones import zone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from fieldlink.models import View
    from fieldlink.practice import Practice

SUBJECTS = {
    Kind.ARRIVED: "subject_arrived",
    Kind.LEFT: "subject_left",
    Kind.CHECKED_OUT: "subject_checked_out",
    Kind.EXPECTED: "subject_expected",
    Kind.DELAYED: "subject_delayed",
    Kind.LINK_OFFERED: "subject_link",
}
CAUSES = {
    "first_eta",
    "position_update",
    "traffic_update",
    "route_change",
    "n_minutes_away",
}
# What is told of them is not when they were told, but when something will be.
OF_THE_FUTURE = {Kind.EXPECTED, Kind.DELAYED, Kind.LINK_OFFERED}
METRES = {"km": 1000.0, "mi": 1609.344}
EVENT_MINUTES = 1  # an Event of no length is nowhere documented
SUBJECT_LENGTH = 255
PLACE_LENGTH = 255
DESCRIPTION_LENGTH = 32_000


def row(fact: Fact, view: View, practice: Practice, remark: str = "") -> NewEvent:
    """The row that tells a fact; its text depends on nothing that can still change.

    `remark`: what Salesforce said when it refused the status that the fact calls for.
    """
    end = reference(fact.key)
    text = "\n".join(_lines(fact, view, practice, remark))[: DESCRIPTION_LENGTH - len(end) - 1]
    subject = words(SUBJECTS.get(fact.kind, "subject_refused"), practice)
    row = NewEvent(
        key=fact.key,
        starts_at=minute(fact.at),
        minutes=EVENT_MINUTES,
        subject=f"{subject}: {view.resource_name}"[:SUBJECT_LENGTH],
        description=f"{text}\n{end}",
        place="" if fact.kind in OF_THE_FUTURE else view.address[:PLACE_LENGTH],
    )
    if practice.activity == "events":
        return row
    day = fact.at.astimezone(zone(view.zone)).date()
    return row.model_copy(update={"done_as": practice.task_status, "due": day})


def reference(key: str) -> str:
    """A last line by which a row of ours is found again, and its ledger row with it."""
    return f"Fieldlink reference {hashlib.sha256(key.encode()).hexdigest()[:20]}"


def clock_time(moment: datetime, view: View) -> str:
    """A moment where the work is done, and for everybody else."""
    there = zone(view.zone)
    local = f"{moment.astimezone(there):%Y-%m-%d %H:%M} {there.key}"
    return local if there.key == "UTC" else f"{local} ({moment.astimezone(UTC):%H:%M} UTC)"


def distance(metres: float, practice: Practice) -> float:
    """In the unit of the connection."""
    return metres / METRES[practice.distance_unit]


def _lines(fact: Fact, view: View, practice: Practice, remark: str) -> Iterator[str]:
    who = view.resource_name or view.resource
    yield words(str(fact.kind).replace(" ", "_"), practice, who=who)
    if fact.kind not in OF_THE_FUTURE:
        yield words("time", practice, time=clock_time(fact.at, view))
    yield from _expected(fact, view, practice)
    yield from _travelled(fact, practice)
    yield from _stayed(fact, practice)
    yield from _doubt(fact, practice)
    if remark:
        yield words("refused", practice, why=remark)
    if fact.link:
        yield words("link", practice, link=fact.link)
    if fact.note:
        yield words("note", practice, note=fact.note)
    if fact.photos:
        yield words("photos", practice, photos=", ".join(fact.photos))


def _expected(fact: Fact, view: View, practice: Practice) -> Iterator[str]:
    if fact.expected_at is None:
        return
    time, planned = clock_time(fact.expected_at, view), fact.scheduled_at
    if fact.kind is not Kind.DELAYED:
        yield words("expected_at", practice, time=time)
        if fact.reason in CAUSES:
            cause = words(f"cause_{fact.reason}", practice)
            yield words("cause", practice, cause=cause)
    elif planned:
        yield words("late_for", practice, time=time, planned=clock_time(planned, view))
    else:
        yield words("late", practice, time=time)


def _doubt(fact: Fact, practice: Practice) -> Iterator[str]:
    """What keeps a reader from relying on the times of this row."""
    if fact.doubtful and fact.seconds:
        yield words("doubt_by", practice, minutes=f"{abs(fact.seconds) / 60:.0f}")
    elif fact.doubtful:
        yield words("doubt", practice)


def _travelled(fact: Fact, practice: Practice) -> Iterator[str]:
    way = fact.travel
    if way is None:
        return
    if way.metres is not None:
        long = f"{distance(way.metres, practice):.1f} {practice.distance_unit}"
        yield words("distance", practice, distance=long)
    for key, seconds in (("travel_time", way.seconds), ("idle_time", way.idle_seconds)):
        if seconds is not None:
            yield words(key, practice, minutes=f"{seconds / 60:.0f}")


def _stayed(fact: Fact, practice: Practice) -> Iterator[str]:
    if fact.kind is Kind.LEFT and fact.arrived_at:
        stayed = minute(fact.at) - minute(fact.arrived_at)
        yield words("on_site", practice, minutes=f"{stayed.total_seconds() / 60:.0f}")
