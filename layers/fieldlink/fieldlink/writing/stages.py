"""What threads that meet ask for, by how far along they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fieldlink.records import Day, Device, Order, Resource, Visit

if TYPE_CHECKING:
    from fieldlink.records import Record
    from fieldlink.writing.together import Together

VIEW, CLAIM, WRITE, PUT, STORE = "view", "claim", "write", "put", "store"
# What a fact passes, in this order; whatever is not named here comes before.
STAGES = (Order, Device, Visit, Resource, Day, VIEW, CLAIM, WRITE, PUT, STORE)


def stage(of: str | type[Record]) -> int:
    """How far along somebody is who asks for that."""
    return STAGES.index(of) + 1 if of in STAGES else 0


class Joined[P]:
    """What is not joined goes straight to the port."""

    def __init__(self, port: P, together: Together) -> None:
        self._port = port
        self._together = together

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)
