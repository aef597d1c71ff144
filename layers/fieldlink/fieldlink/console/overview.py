"""Rule: what the console shows of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fieldlink.connecting.checking import forgotten
from fieldlink.connecting.gate import share
from fieldlink.console.parked_pages import sections
from fieldlink.listing import every_connection
from fieldlink.people.technicians import listed, shown
from fieldlink.records import (
    Capabilities,
    Connection,
    Gate,
    Held,
    Parked,
    Vanished,
    Watermark,
    WebhookTested,
)
from fieldlink.trouble.troubles import outages

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.ports import State

SHOWN = 200  # causes, people and the like on one page


def connections(state: State) -> list[Connection]:
    """Every connection of the stack, by name."""
    return sorted(
        every_connection(state), key=lambda each: (each.name.casefold(), each.connection)
    )


def details(connection: Connection, state: State, now: datetime) -> dict[str, Any]:
    """What the page of one connection says besides the connection itself."""
    name = connection.connection
    mark = state.read(Watermark, name)
    tested = state.read(WebhookTested, name)
    waiting = len(state.some_of(Held, name, limit=SHOWN + 1))
    able = state.read(Capabilities, name)
    people = listed(name, state, now)
    return {
        "calls": calls(state.read(Gate, name), connection),
        "waiting": f"more than {SHOWN}" if waiting > SHOWN else str(waiting or ""),
        "vanished": state.some_of(Vanished, name, limit=SHOWN),
        "lacking": sorted(able.lacking.items()) if able else [],
        "watermark": shown(mark.at) if mark else "",
        "tested": shown(tested.at) if tested else "",
        "forgotten": forgotten(connection, able),
        "parked": sections(state.all_of(Parked, name))[:SHOWN],
        "people": people[:SHOWN],
        "names": {each.resource: each.name for each in people},
        "outages": outages(name, state)[:SHOWN],
    }


def calls(gate: Gate | None, connection: Connection) -> list[str]:
    """What is known of the org's API calls, and why writes wait, line by line."""
    if gate is None:
        return []
    lines = []
    if gate.allowed:
        ours = share(gate.allowed, connection)
        lines = [
            f"{gate.ours} of our share of {ours}; the whole org {gate.used} of {gate.allowed}",
        ]
    if gate.seen_at:
        lines.append(f"in the 24 hours before {shown(gate.seen_at)}")
    if gate.paused == "share":
        lines.append("95 % are used up: writes wait until there is room again")
    if gate.paused == "limit":
        lines.append("Salesforce takes no more calls of this org for now: everything waits")
    if gate.opened_at:
        lines.append(f"Salesforce has not answered since {shown(gate.opened_at)}: writes wait")
    return lines
