"""Rule: whether an appointment knows a fact already, under whatever key it came before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.errors import Refused
from fieldlink.models import Kind, Outcome
from fieldlink.records import Visit
from fieldlink.writing import expecting, links
from fieldlink.writing.desk import known_before, row
from fieldlink.writing.visits import ARRIVALS, adds, same

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fieldlink.models import Delivered, Fact
    from fieldlink.records import Anchor
    from fieldlink.writing.desk import Desk

# An anchor item may hold 400 KB; a fact takes up to 0.9 KB, as its note is not kept: 270 KB.
MOST_FACTS = 300


def bounded(anchor: Anchor, what: str) -> None:
    """Raises Refused if no other fact has room in an anchor."""
    if len(anchor.facts) >= MOST_FACTS:
        raise Refused(f"more than {MOST_FACTS} facts about {what}")


def visit(appointment: str, desk: Desk) -> Visit:
    """What is known of an appointment, perhaps nothing."""
    name = desk.connection.connection
    found = desk.state.read(Visit, name, appointment)
    return found or Visit(connection=name, appointment=appointment)


def settled(fact: Fact, visit: Visit) -> bool:
    """Whether what is known says what becomes of a fact, so that it waits for nobody."""
    return bool(twin(fact, visit) or untold(fact, visit))


def outcome(delivered: Delivered, visit: Visit, desk: Desk) -> Outcome | None:
    """What became of a fact that changes nothing any more, noted in the ledger."""
    known = twin(delivered.fact, visit)
    if known:
        return known_before(known, delivered, desk)
    why_not = untold(delivered.fact, visit)
    if not why_not:
        return None
    desk.ledger.put(row(delivered, Outcome.SUPERSEDED, desk, reason=why_not))
    return Outcome.SUPERSEDED


def twin(fact: Fact, anchor: Anchor) -> Delivered | None:
    """The fact as it is known already, unless it tells more this time."""
    known = anchor.facts.get(fact.key)
    alike = [each for each in anchor.facts.values() if same(each.fact, fact)]
    if known or not alike:
        return known
    return None if adds(fact, (each.fact for each in alike)) else alike[0]


def untold(fact: Fact, visit: Visit) -> str:
    """Why an estimate, a link or a closing is no news, unless it may have been written."""
    begun = {*visit.doubtful, *([visit.intent.delivered.fact.key] if visit.intent else [])}
    if fact.key in begun:
        return ""
    known = [each.fact for each in visit.facts.values()]
    return expecting.untold(fact, known) or links.untold(fact, known) or _over(fact, known)


def _over(fact: Fact, known: Iterable[Fact]) -> str:
    """Work that was checked out last of all is over, whoever closes it then."""
    own = [each for each in known if each.resource == fact.resource]
    moves = [each for each in own if each.kind in ARRIVALS | {Kind.CHECKED_OUT}]
    last = max(moves, key=lambda each: each.at, default=None)
    checked_out = last is not None and last.kind is Kind.CHECKED_OUT
    return "the resource has checked out" if checked_out and fact.kind is Kind.CLOSED else ""


def as_doubtful(delivered: Delivered, anchor: Anchor) -> Delivered:
    """A fact as a parked one that is the same, so that its rows are found; what that told
    besides is not lost when it is replayed.
    """
    fact = delivered.fact
    parked = (each.delivered.fact for each in anchor.doubtful.values())
    found = next((each for each in parked if same(each, fact)), None)
    if found is None:
        return delivered
    more = {
        "key": found.key,
        "travel": fact.travel or found.travel,
        "arrived_at": fact.arrived_at or found.arrived_at,
        "note": fact.note or found.note,
        "photos": fact.photos or found.photos,
    }
    return delivered.model_copy(update={"fact": fact.model_copy(update=more)})
