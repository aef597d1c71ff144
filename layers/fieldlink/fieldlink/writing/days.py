"""Rule: the facts of a resource's day, of which Salesforce is told nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.errors import must
from fieldlink.models import Delivered, Outcome
from fieldlink.records import Day, Resource
from fieldlink.writing.desk import known_before, row
from fieldlink.writing.visits import same
from fieldlink.zones import zone

if TYPE_CHECKING:
    from fieldlink.writing.desk import Desk


def to_day(delivered: Delivered, desk: Desk) -> Outcome:
    """Keep a fact about a resource's day, of which Salesforce is told nothing."""
    fact, name = delivered.fact, desk.connection.connection
    resource = desk.state.read(Resource, name, fact.resource)
    local = fact.at.astimezone(zone(resource.time_zone if resource else "UTC")).date()
    day = desk.state.read(Day, name, fact.resource, local.isoformat()) or Day(
        connection=name, resource=fact.resource, on=local
    )
    alike = (each for each in day.facts.values() if same(each.fact, fact))
    known = day.facts.get(fact.key) or next(alike, None)
    if known:
        return known_before(known, delivered, desk)
    desk.ledger.put(row(delivered, Outcome.APPLIED, desk))
    must(desk.state.write(day.model_copy(update={"facts": {**day.facts, fact.key: delivered}})))
    return Outcome.APPLIED
