"""What a worker of UpdateSalesforce has at hand, and the ledger's rows that it writes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.connecting import capabilities
from fieldlink.models import Delivered, LedgerRow, Outcome
from fieldlink.records import Resource
from fieldlink.zones import zone

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from fieldlink.models import Ability
    from fieldlink.ports import HyperTrack, Ledger, Notices, Outbox, Salesforce, State
    from fieldlink.practice import Practice
    from fieldlink.records import Capabilities, Connection
    from fieldlink.writing.company import Company

LATELY = timedelta(minutes=1)
OF_THE_FACT = ("key", "kind", "at", "device", "resource", "appointment")  # stands in a row, too


class Desk(NamedTuple):
    """What a worker has at hand for one connection."""

    connection: Connection
    state: State
    salesforce: Salesforce
    hypertrack: HyperTrack
    ledger: Ledger
    changes: Outbox
    notices: Notices
    now: datetime
    capabilities: Capabilities | None = None  # None: not known yet, so everything is tried
    fresh: bool = False  # they have just been asked for

    low: Callable[[], Salesforce] | None = None  # the org, for what is worth least
    # When it was last noted that HyperTrack talks, by connection, as far as this process knows:
    # so not every event has to look.
    heard: dict[str, datetime] | None = None
    # The time zones of resources and when they were read, by connection and resource, likewise.
    zones: dict[tuple[str, str], tuple[datetime, ZoneInfo]] | None = None
    company: Company | None = None  # of a batch

    @property
    def lacking(self) -> dict[Ability, str]:
        """What can't be written in this org, and why."""
        return capabilities.lacking(self.capabilities, self.practice)

    @property
    def keyed(self) -> tuple[str, ...]:
        """Objects of this org that have a field for our key, so that no row is made twice."""
        return self.capabilities.keyed if self.capabilities else ()

    def zone_of(self, resource: str) -> ZoneInfo:
        """As it was lately: nobody but a poll changes it, every five minutes at most."""
        lately = {} if self.zones is None else self.zones
        name = self.connection.connection, resource
        read_at, found = lately.get(name, (self.now, None))
        if found and abs(self.now - read_at) < LATELY:
            return found
        known = self.state.read(Resource, *name)
        if known is None:
            return zone("UTC")
        lately[name] = self.now, zone(known.time_zone)
        return lately[name][1]

    @property
    def practice(self) -> Practice:
        return self.connection.practice


def row(delivered: Delivered, outcome: Outcome, desk: Desk, **more: object) -> LedgerRow:
    """The ledger's row for a delivery of a fact."""
    fact = delivered.fact
    return LedgerRow.model_validate(
        {
            "connection": desk.connection.connection,
            "received_at": delivered.received_at,
            "delivery": delivered.delivery,
            "outcome": outcome,
            "recovered": delivered.recovered,
            "decided_at": desk.now,
            **{name: getattr(fact, name) for name in OF_THE_FACT},
            **more,
        }
    )


def known_before(first: Delivered, delivered: Delivered, desk: Desk) -> Outcome:
    """The queue brought the very same message again, or HyperTrack told the fact again."""
    if first.name != delivered.name:
        desk.ledger.put(row(delivered, Outcome.DUPLICATE, desk))
    return Outcome.DUPLICATE
