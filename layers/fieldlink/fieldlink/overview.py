"""Rule: what the console shows of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fieldlink.records import (
    Connection,
    Listed,
    Parked,
    Resource,
    Watermark,
    WebhookTested,
    Worker,
)

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.ports import State

SHOWN = 200  # parked items and people on one page


def connections(state: State) -> list[Connection]:
    """Every connection of the stack, by name."""
    listed = state.all_of(Listed)
    found = state.read_many(Connection, (each.key for each in listed))
    return sorted(found, key=lambda each: (each.name.casefold(), each.connection))


def details(connection: Connection, state: State) -> dict[str, Any]:
    """What the page of one connection says besides the connection itself."""
    name = connection.connection
    mark = state.read(Watermark, name)
    tested = state.read(WebhookTested, name)
    parked = sorted(state.all_of(Parked, name), key=lambda each: each.at, reverse=True)
    return {
        "watermark": _shown(mark.at) if mark else "",
        "tested": _shown(tested.at) if tested else "",
        "parked": parked[:SHOWN],
        "people": people(name, state)[:SHOWN],
    }


def people(connection: str, state: State) -> list[tuple[str, str]]:
    """Each active technician, and how far the Visits App is with them."""
    workers = {each.resource: each for each in state.all_of(Worker, connection)}
    found = state.all_of(Resource, connection)
    return sorted(
        (each.name or each.id, _app(workers.get(each.id)))
        for each in found
        if each.active and each.technician
    )


def _app(worker: Worker | None) -> str:
    if worker and worker.device:
        return "installed"
    if worker and worker.invitation:
        return f"invitation {worker.invitation.state} {_shown(worker.invitation.at)}"
    if worker and worker.not_invited:
        return f"not invited: {worker.not_invited}"
    return "not invited yet"


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
