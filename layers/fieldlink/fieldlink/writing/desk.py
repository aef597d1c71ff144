"""What a worker of UpdateSalesforce has at hand, and the ledger's rows that it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.models import Delivered, Kind, LedgerRow, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fieldlink.models import Ability, Fact, View
    from fieldlink.ports import HyperTrack, Ledger, Notices, Outbox, Salesforce, State
    from fieldlink.records import Capabilities, Connection, Ours


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

    low: Callable[[], Salesforce] | None = None  # the org, for what is worth least

    @property
    def lacking(self) -> dict[Ability, str]:
        """What can't be written in this org, and why."""
        return self.capabilities.lacking if self.capabilities else {}


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
            **fact.model_dump(
                include={"key", "kind", "at", "device", "resource", "appointment"}
            ),
            **more,
        }
    )


def seen(fact: Fact, ours: Ours, desk: Desk) -> View:
    """What Salesforce holds of a fact's work; a link is taken back from who left it, too."""
    entry = ours.entries.get(fact.resource)
    return desk.salesforce.view(
        fact.appointment,
        fact.resource,
        fact.at,
        entry.id if entry else "",
        left=fact.kind is Kind.LINK_WITHDRAWN,
    )


def known_before(first: Delivered, delivered: Delivered, desk: Desk) -> Outcome:
    """The queue brought the very same message again, or HyperTrack told the fact again."""
    if (first.delivery, first.received_at) != (delivered.delivery, delivered.received_at):
        desk.ledger.put(row(delivered, Outcome.DUPLICATE, desk))
    return Outcome.DUPLICATE
