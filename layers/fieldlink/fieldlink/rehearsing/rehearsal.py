"""Rule: the dry run of settings: what others would have made of the work of the last days.

It runs the rules by which facts are written, with both settings, and tells in what they differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.connecting import capabilities
from fieldlink.models import Ability
from fieldlink.records import Capabilities
from fieldlink.rehearsing import cases, rehearsed_days, rehearsed_rows, sample
from fieldlink.rehearsing.cases import Side, Sides

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.ports import Ledger, SeveralAtOnce, State
    from fieldlink.practice import Practice
    from fieldlink.records import Connection
    from fieldlink.rehearsing.difference import Difference
    from fieldlink.rehearsing.sample import Sample

MOST_SHOWN = 500  # differences: a page of some 250 KB


class Rehearsal(NamedTuple):
    """How the last days' work would look."""

    looked_at: int
    differences: tuple[Difference, ...] = ()
    unseen: tuple[tuple[str, str], ...] = ()  # appointments, and why they could not be seen
    more: int = 0  # differences that are not shown
    days_left: int = 0  # days of people whose time sheets were too many to be looked at


def rehearse(
    connection: Connection,
    typed: Practice,
    *,
    state: State,
    ledger: Ledger,
    org: SeveralAtOnce,
    now: datetime,
) -> Rehearsal:
    """Compare what the connection's settings and `typed` call for, by the same facts."""
    name, present = connection.connection, connection.practice
    books = sample.Books(name, state, ledger, now)
    with_days = rehearsed_days.touched(present, typed)
    seen = sample.take(books, org, with_days=with_days)
    if not seen.works:
        return Rehearsal(0, unseen=seen.unseen)
    found = _differences(seen, _sides(present, typed, state.read(Capabilities, name)), now)
    return Rehearsal(
        looked_at=len(seen.works),
        differences=tuple(found[:MOST_SHOWN]),
        unseen=seen.unseen,
        more=max(0, len(found) - MOST_SHOWN),
        days_left=seen.days_left,
    )


def seen_by(connection: Connection, typed: Practice) -> Connection:
    """The connection for which Salesforce is to be asked: whatever either of both looks at."""
    present = connection.practice
    practice = typed.model_copy(
        update={
            "time_sheets": _first_but("none", typed.time_sheets, present.time_sheets),
            "distance_field": typed.distance_field or present.distance_field,
            "several": "primary" if "primary" in {typed.several, present.several} else "first",
        }
    )
    return connection.model_copy(update={"practice": practice})


def _first_but(nothing: str, *values: str) -> str:
    return next((each for each in values if each != nothing), nothing)


def _sides(present: Practice, typed: Practice, able: Capabilities | None) -> Sides:
    """What the org was said to lack of another field for the distance is not of this one."""
    lacking = capabilities.lacking(able, typed)
    if typed.distance_field != present.distance_field:
        lacking.pop(Ability.DISTANCE, None)
    return Sides(
        Side(present, capabilities.lacking(able, present)),
        Side(typed, lacking),
    )


def _differences(seen: Sample, sides: Sides, now: datetime) -> list[Difference]:
    """Appointment by appointment, those that were told of last before the others."""
    order = {each.view.appointment: number for number, each in enumerate(seen.works)}
    found = [
        *(each for work in seen.works for each in cases.differences(work, sides, now)),
        *rehearsed_days.differences(seen, sides, now),
        *(each for work in seen.works for each in rehearsed_rows.differences(work, sides)),
    ]
    return sorted(found, key=lambda each: order.get(each.appointment, len(order)))
