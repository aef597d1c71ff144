"""Rule: which connections this stack has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.records import Connection, Listed

if TYPE_CHECKING:
    from fieldlink.ports import State


def every_connection(state: State) -> list[Connection]:
    """All that were ever made whole, in no order; those that have ended are among them."""
    return state.read_many(Connection, (each.key for each in state.all_of(Listed)))
