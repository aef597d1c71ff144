"""Rule: what is parked, grouped by cause, and sent again one by one, all, or by filter."""

from __future__ import annotations

import hashlib
from itertools import batched
from typing import TYPE_CHECKING, NamedTuple

from fieldlink import cures
from fieldlink.ports import Message
from fieldlink.records import Parked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from fieldlink.ports import Outbox, State

# Sent, then forgotten: whoever is killed in between sends so many twice at most.
AT_ONCE = 100


class Group(NamedTuple):
    """What is parked for the same cause, the oldest first."""

    cause: str  # without what differs from one to the next
    hint: str
    items: tuple[Parked, ...]

    @property
    def id(self) -> str:
        return group_of(self.cause)


class Choice(NamedTuple):
    """Which parked messages are meant: those that fit in every respect that is given."""

    ids: tuple[str, ...] = ()
    group: str = ""  # id of a group
    queue: str = ""
    cause: str = ""  # a part of it
    since: datetime | None = None
    until: datetime | None = None  # this moment included
    about: str = ""  # something in the message: an appointment, a resource, a device

    def fits(self, item: Parked) -> bool:
        return (
            (not self.ids or item.id in self.ids)
            and (not self.group or group_of(item.cause) == self.group)
            and (not self.queue or item.queue == self.queue)
            and self.cause.casefold() in item.cause.casefold()
            and (self.since is None or item.at >= self.since)
            and (self.until is None or item.at <= self.until)
            and self.about in item.body
        )


class Replayed(NamedTuple):
    """How many were sent again, and how many time did not suffice for."""

    sent: int
    left: int


def group_of(cause: str) -> str:
    """The id of the group that a cause belongs to."""
    return hashlib.sha256(cures.plain(cause).encode()).hexdigest()[:12]


def groups(items: Iterable[Parked]) -> list[Group]:
    """By cause, the largest group first."""
    found: dict[str, list[Parked]] = {}
    for item in in_order(items):
        found.setdefault(cures.plain(item.cause), []).append(item)
    made = [Group(cause, cures.cure(cause), tuple(each)) for cause, each in found.items()]
    return sorted(made, key=lambda each: (-len(each.items), each.cause))


def in_order(items: Iterable[Parked]) -> list[Parked]:
    """The oldest first."""
    return sorted(items, key=lambda each: (each.at, each.id))


def chosen(connection: str, choice: Choice, state: State) -> list[Parked]:
    """What is parked and meant, the oldest first."""
    return in_order(each for each in state.all_of(Parked, connection) if choice.fits(each))


def replay(
    items: Iterable[Parked],
    *,
    state: State,
    queues: Mapping[str, Outbox],
    random: Callable[[], str],
    more: Callable[[], bool],
) -> Replayed:
    """Send messages to their queues again, the oldest first, while there is time.

    The record goes last, and only as it was read, so nothing is lost: who is killed in between
    sends some twice, which their workers find out; what is parked anew meanwhile stays.
    """
    meant = in_order(items)
    sent = 0
    for batch in batched(meant, AT_ONCE, strict=False):
        if not more():
            break
        _send(batch, queues, random)
        for item in batch:
            state.forget(item)
        sent += len(batch)
    return Replayed(sent, len(meant) - sent)


def _send(
    batch: Sequence[Parked], queues: Mapping[str, Outbox], random: Callable[[], str]
) -> None:
    """With keys of their own, since a queue would drop what it has seen a moment ago."""
    for name in sorted({each.queue for each in batch}):
        theirs = (each for each in batch if each.queue == name)
        queues[name].put([Message(each.body, each.group, random()) for each in theirs])
