"""What a worker of UpdateSalesforce has at hand, and the ledger's rows that it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.connecting import capabilities
from fieldlink.models import Delivered, LedgerRow, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fieldlink.models import Ability
    from fieldlink.ports import HyperTrack, Ledger, Notices, Outbox, Salesforce, State
    from fieldlink.practice import Practice
    from fieldlink.records import Capabilities, Connection
    from fieldlink.writing.company import Company


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
    company: Company | None = None  # of a batch

    @property
    def lacking(self) -> dict[Ability, str]:
        """What can't be written in this org, and why."""
        return capabilities.lacking(self.capabilities, self.practice)

    @property
    def keyed(self) -> tuple[str, ...]:
        """Objects of this org that have a field for our key, so that no row is made twice."""
        return self.capabilities.keyed if self.capabilities else ()

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
            **fact.model_dump(
                include={"key", "kind", "at", "device", "resource", "appointment"}
            ),
            **more,
        }
    )


def known_before(first: Delivered, delivered: Delivered, desk: Desk) -> Outcome:
    """The queue brought the very same message again, or HyperTrack told the fact again."""
    if first.name != delivered.name:
        desk.ledger.put(row(delivered, Outcome.DUPLICATE, desk))
    return Outcome.DUPLICATE
