"""Rule: why a value stands in Salesforce.

By two look-ups: of the anchor, which knows what deliveries were applied, and of their rows in
the ledger. A day has its appointments' facts besides.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import Field

from fieldlink.books.values import Standing, Told, concerns, fields, standing
from fieldlink.errors import Refused
from fieldlink.ids import salesforce_id
from fieldlink.models import Delivered, LedgerRow, Model
from fieldlink.records import Anchor, Day, Visit
from fieldlink.trouble.one_row import APPOINTMENTS
from fieldlink.writing.activity import reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fieldlink.ports import Ledger, State

APPOINTMENT, RESOURCE = "08p", "0Hn"
REFERENCE = re.compile(r"[0-9a-f]{20}", re.ASCII)
NOT_KEPT = "the ledger does not keep its row any more"
NOTHING_KNOWN = "nothing was reported about it, or it was erased"
OTHER_REFERENCE = "none of its rows has this reference"
# A local day begins and ends at most this long before and after that of UTC.
ZONES = timedelta(hours=14)


class Explained(Model):
    """What was decided about a record, in the order in which that was, and what it left."""

    record: str
    day: date | None = None
    told: tuple[Told, ...] = ()
    stands: dict[str, Standing] = Field(default={})  # by field
    problem: str = ""  # why there is nothing to tell


def explain(
    record: str,
    *,
    connection: str,
    state: State,
    ledger: Ledger,
    day: date | None = None,
    text: str = "",
) -> Explained:
    """`record`: an appointment, or with a `day` a resource. `text`: with the reference of one
    of our rows, of which only what concerns that is told.
    """
    record = _id(record, day)
    wanted = _reference(text)
    known = _of_day(connection, record, day, state) if day else _of(connection, record, state)
    told = [each for each in _with_rows(connection, known, ledger) if concerns(each, wanted)]
    return Explained(
        record=record,
        day=day,
        told=tuple(told),
        stands=standing(told),
        problem="" if told else OTHER_REFERENCE if known else NOTHING_KNOWN,
    )


def _id(text: str, day: date | None) -> str:
    found = salesforce_id(text, RESOURCE if day else APPOINTMENT)
    if not found:
        raise Refused(
            f"with a day goes the id of a resource, {RESOURCE}…"
            if day
            else f"record is the id of an appointment, {APPOINTMENT}…"
        )
    return found


def _of(connection: str, appointment: str, state: State) -> list[Delivered]:
    visit = state.read(Visit, connection, appointment)
    return list(_delivered(visit)) if visit else []


def _reference(text: str) -> str:
    """The reference in the text of one of our rows."""
    if not text:
        return ""
    found = REFERENCE.findall(text)
    if not found:
        raise Refused(
            "the text has no reference: it looks like Fieldlink reference 0123456789…"
        )
    return str(found[-1])


def _of_day(connection: str, resource: str, day: date, state: State) -> list[Delivered]:
    """Of the day's clock-ins and clock-outs, and of whatever contributes to its time sheet."""
    kept = state.read(Day, connection, resource, day.isoformat())
    if not kept:
        return []
    visits = state.read_many(Visit, [(connection, each) for each in sorted(kept.parts)])
    midnight = datetime.combine(day, time(), UTC)
    first, last = midnight - ZONES, midnight + timedelta(days=1) + ZONES
    theirs = [
        each
        for visit in visits
        for each in _delivered(visit)
        if each.fact.resource == resource and first <= each.fact.at <= last
    ]
    return [*_delivered(kept), *theirs]


def _delivered(anchor: Anchor) -> Iterator[Delivered]:
    """Applied, begun, or parked in the middle."""
    yield from anchor.facts.values()
    begun = [*anchor.doubtful.values(), *([anchor.intent] if anchor.intent else [])]
    for intent in begun:
        yield from (each for each in intent.told if each.fact.key not in anchor.facts)


def _with_rows(connection: str, known: list[Delivered], ledger: Ledger) -> list[Told]:
    """In the order in which it was decided."""
    asked = [each.name for each in known]
    rows = {
        (row.received_at, row.delivery): row for row in ledger.of_deliveries(connection, asked)
    }
    told = [_told(each, rows.get(each.name)) for each in known]
    return sorted(told, key=lambda each: each.order)


def _told(delivered: Delivered, row: LedgerRow | None) -> Told:
    fact = delivered.fact
    told = Told(
        at=fact.at,
        received_at=delivered.received_at,
        kind=fact.kind,
        resource=fact.resource,
        appointment=fact.appointment,
        device=fact.device,
        reason=NOT_KEPT,
        recovered=delivered.recovered,
        reference=reference(fact.key),
        delivery=delivered.delivery,
    )
    return told.model_copy(update=_decided(_of_one(row, fact.appointment))) if row else told


def _of_one(row: LedgerRow, appointment: str) -> LedgerRow:
    """Of a row about several appointments what it says of one, as if that had its own."""
    if APPOINTMENTS not in row.wrote:
        return row
    told = dict(row.wrote[APPOINTMENTS].get(appointment, {}))
    about = {name: told.pop(name) for name in ("rule", "request", "before") if name in told}
    return row.model_copy(update={"wrote": told, **about})


def _decided(row: LedgerRow) -> dict[str, Any]:
    return {
        "decided_at": row.decided_at,
        "outcome": row.outcome,
        "wrote": dict(fields(row.wrote)),
        "before": dict(fields(row.before)),
        "rule": row.rule,
        "reason": f"its row was erased on {row.erased}" if row.erased else row.reason,
        "request": row.request,
    }
