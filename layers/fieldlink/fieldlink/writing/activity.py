"""Rule: the words of the rows that we add to Salesforce. Subjects are stable, in English."""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import TYPE_CHECKING

from fieldlink.models import Fact, Kind, NewEvent, minute
from fieldlink.zones import zone

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.models import Travel, View

SUBJECTS = {
    Kind.ARRIVED: "Arrived",
    Kind.LEFT: "Left",
    Kind.CHECKED_OUT: "Checked out",
    Kind.EXPECTED: "Expected",
    Kind.DELAYED: "Delayed",
    Kind.LINK_OFFERED: "Live tracking",
}
CAUSES = {
    "first_eta": "the first estimate",
    "position_update": "progress on the way",
    "traffic_update": "traffic",
    "route_change": "another route",
    "n_minutes_away": "almost there",
}
SHEET_SUBJECT = "Site visit"
EVENT_MINUTES = 1  # an Event of no length is nowhere documented
SUBJECT_LENGTH = 255
DESCRIPTION_LENGTH = 32_000


def row(fact: Fact, view: View) -> NewEvent:
    """The row that tells a fact; its text depends on nothing that can still change."""
    lines = [
        f"{view.resource_name or view.resource}: {fact.kind}",
        *_expected(fact, view),
        *_travelled(fact.travel),
        *_stayed(fact),
        *_doubt(fact),
        *([f"To follow on a map: {fact.link}"] if fact.link else []),
        *([f"Note: {fact.note}"] if fact.note else []),
        *([f"Photos: {', '.join(fact.photos)}"] if fact.photos else []),
    ]
    end = reference(fact.key)
    text = "\n".join(lines)[: DESCRIPTION_LENGTH - len(end) - 1]
    return NewEvent(
        key=fact.key,
        starts_at=minute(fact.at),
        minutes=EVENT_MINUTES,
        subject=f"{SUBJECTS[fact.kind]}: {view.resource_name}"[:SUBJECT_LENGTH],
        description=f"{text}\n{end}",
    )


def reference(key: str) -> str:
    """A last line by which a row of ours is found again, and its ledger row with it."""
    return f"Fieldlink reference {hashlib.sha256(key.encode()).hexdigest()[:20]}"


def clock_time(moment: datetime, view: View) -> str:
    """A moment where the work is done, and for everybody else."""
    there = zone(view.time_zone)
    local = f"{moment.astimezone(there):%Y-%m-%d %H:%M} {there.key}"
    return local if there.key == "UTC" else f"{local} ({moment.astimezone(UTC):%H:%M} UTC)"


def _expected(fact: Fact, view: View) -> list[str]:
    if fact.expected_at is None:
        return []
    expected = f"xpected at {clock_time(fact.expected_at, view)}"
    if fact.kind is Kind.DELAYED:
        planned = fact.scheduled_at
        late = f", was planned for {clock_time(planned, view)}" if planned else ""
        return [f"Delayed: e{expected}{late}"]
    cause = CAUSES.get(fact.reason)
    return [f"E{expected}", *([f"Cause: {cause}"] if cause else [])]


def _doubt(fact: Fact) -> list[str]:
    """What keeps a reader from relying on the times of this row."""
    if not fact.doubtful:
        return []
    by = f" by {abs(fact.seconds) / 60:.0f} min" if fact.seconds else ""
    return [f"The phone's clock was changed{by}: times may be wrong."]


def _travelled(travel: Travel | None) -> list[str]:
    if travel is None:
        return []
    return [
        line
        for line, known in (
            (f"Travel distance: {(travel.metres or 0) / 1000:.1f} km", travel.metres),
            (f"Travel time: {(travel.seconds or 0) / 60:.0f} min", travel.seconds),
            (
                f"Idle time on the way: {(travel.idle_seconds or 0) / 60:.0f} min",
                travel.idle_seconds,
            ),
        )
        if known is not None
    ]


def _stayed(fact: Fact) -> list[str]:
    if fact.kind is not Kind.LEFT or fact.arrived_at is None:
        return []
    minutes = (minute(fact.at) - minute(fact.arrived_at)).total_seconds() / 60
    return [f"Time on site: {minutes:.0f} min"]
