"""Rule: what should stand of a resource's day, on time sheets and as travel."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.hours import entering, framing, travel_fields, travelling
from fieldlink.models import Writes
from fieldlink.records import OursOfDay

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fieldlink.models import Ability, View
    from fieldlink.practice import Practice
    from fieldlink.records import Day

WAY_RULE = "the way to the first arrival, without idle time, each trip once"


class Plan(NamedTuple):
    """What a day needs: of `writes` only what is the day's, with the appointment left empty."""

    writes: Writes
    meant: OursOfDay  # what we will have written once it is carried out, ids of new rows empty


def plan(
    day: Day,
    view: View,
    practice: Practice,
    lacking: Mapping[Ability, str],
    elsewhere: Sequence[Day] = (),
) -> Plan:
    """The difference between what the day's facts and parts call for and what stands.

    `view` shows the sheets around the day, our own entries, and the team of each appointment in
    `day.parts` (its own in `team`, the others' in `beside`). `elsewhere`: the other days, as
    told, that the same facts concern. Of several days the first has the travel time.
    """
    shares = travelling.shares(day.parts, framing.frame(day).begin)
    sheet = entering.plan(entering.Scene(day, view, practice, lacking), shares)
    travel = travel_fields.travel(day, view, shares, elsewhere, lacking)
    far = travel_fields.distances(day, view, shares, elsewhere, lacking, practice)
    writes = Writes(
        appointment="",
        travel=travel.writes,
        distances=far.writes,
        entries=sheet.entries,
        sheets=sheet.sheets,
        removed=sheet.removed,
        left_out=(*sheet.left_out, *travel.left_out, *far.left_out),
    )
    meant = OursOfDay(entries=sheet.meant, travel=travel.meant, distances=far.meant)
    return Plan(writes.model_copy(update={"rule": _rule(writes, practice)}), meant)


def work_rule(practice: Practice) -> str:
    """Why entries of visits are as they are."""
    return (
        f"work that is over, joined across breaks of at most {practice.join} min, "
        "from clock-in to clock-out, no minute twice"
    )


def _rule(writes: Writes, practice: Practice) -> str:
    """Why all of that is written, in plain words."""
    said = []
    if writes.entries or writes.removed:
        said.append(work_rule(practice))
    if writes.travel or writes.distances:
        said.append(WAY_RULE)
    return "; ".join(said)
