"""Rule: the words of the rows that we add to Salesforce. Subjects are stable, in English."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fieldlink.models import Fact, Kind, NewEvent, minute

if TYPE_CHECKING:
    from fieldlink.models import Travel, View

SUBJECTS = {Kind.ARRIVED: "Arrived", Kind.LEFT: "Left", Kind.CHECKED_OUT: "Checked out"}
SHEET_SUBJECT = "Site visit"
EVENT_MINUTES = 1  # an Event of no length is nowhere documented
SUBJECT_LENGTH = 255
DESCRIPTION_LENGTH = 32_000


def row(fact: Fact, view: View) -> NewEvent:
    """The row that tells a fact; its text depends on nothing that can still change."""
    lines = [
        f"{view.resource_name or view.resource}: {fact.kind}",
        *_travelled(fact.travel),
        *_stayed(fact),
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
