"""Rule: by which queue an event goes, so that a burst of one connection delays no other.

Decided at the door, in memory and without a call. Order does not matter: facts are a set.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.ports import Outbox

# Messages a second that one execution environment of the door may see of one connection for
# good. A fleet of 2,000 devices tells some 100 events each in ten hours: 2,000 x 100 / 36,000 s
# = 5.6 a second, and four times that when all of them clock in at eight: 22, all of which one
# environment takes, at some 20 ms a delivery. It can take 50 deliveries a second and not more;
# what is above that comes by other environments as well, each of which then sees up to 50.
CALM = 25
# Messages above that until it is a burst: what a phone stores up in a day without a network
# comes in one delivery and is none. With DoorConcurrency 50 at most 50 x 100 = 5,000 messages
# go by Events until every environment has noticed.
ROOM = 100
# Connections that an environment remembers: those of which it has heard last.
MOST = 512


class Level(NamedTuple):
    """How full a connection's bucket was, and when."""

    messages: float
    at: datetime
    bursting: bool


class Lanes:
    """The two queues of what HyperTrack reports; by Bursts goes what is much at once."""

    def __init__(self, events: Outbox, bursts: Outbox) -> None:
        self._events = events
        self.bursts = bursts
        self._levels: OrderedDict[str, Level] = OrderedDict()

    def of(self, connection: str, count: int, now: datetime) -> Outbox:
        """Where so many messages of a connection are to go."""
        level = self._levels.pop(connection, None)
        left = 0.0
        if level:
            passed = max(0.0, (now - level.at).total_seconds())
            left = max(0.0, level.messages - CALM * passed)
        bursting = left + count > ROOM or (level is not None and level.bursting and left > 0)
        # Never fuller than twice: 2 x 100 / 25 = 8 s after the last of it all is calm again.
        self._levels[connection] = Level(min(left + count, 2 * ROOM), now, bursting)
        if len(self._levels) > MOST:
            self._levels.popitem(last=False)
        return self.bursts if bursting else self._events
