"""Rule: how our own calls are counted without a write for each of them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from threading import RLock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fieldlink.ports import Meter
    from fieldlink.records import Watermark

# A look that finds nothing makes one call and writes nothing. The watermark moves at least once
# an hour, so these are the looks at most that lie between two moves, the moving one included.
LOOK_EVERY = timedelta(minutes=5)
MOST_LOOKS = 12
# What the meter has said. So long, at most, what other processes have called is not seen: at
# ten of them with some ten calls a second each, a thousand calls, 1 % of the smallest day that
# Salesforce sells (100,000).
GOOD_FOR = timedelta(seconds=10)


class CountingMeter:
    """Counts in memory; `flush` hands it on, once for each run of a function.

    Several threads may count and ask; flushed it is once they are done.
    """

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._lock = RLock()
        self._counted: Counter[tuple[str, datetime]] = Counter()
        self._known: dict[str, tuple[datetime, int]] = {}  # when it was read, and what

    def add(self, connection: str, at: datetime, calls: int) -> None:
        with self._lock:
            self._counted[connection, at.replace(minute=0, second=0, microsecond=0)] += calls

    def last_day(self, connection: str, now: datetime) -> int:
        """What the meter has, read once in a while, and what is still in memory."""
        with self._lock:
            read_at, known = self._known.get(connection, (None, 0))
            if read_at is None or now - read_at >= GOOD_FOR:
                known = self._meter.last_day(connection, now)
                self._known[connection] = now, known
            return known + self.counted(connection)

    def counted(self, connection: str) -> int:
        """The calls that are still in memory."""
        with self._lock:
            counted = list(self._counted.items())
        return sum(calls for (name, _), calls in counted if name == connection)

    def flush(self) -> None:
        for (connection, hour), calls in list(self._counted.items()):
            # First out of memory: what is unclear is better counted once too few than twice.
            del self._counted[connection, hour]
            if calls:
                self._meter.add(connection, hour, calls)
                if connection in self._known:
                    read_at, known = self._known[connection]
                    self._known[connection] = read_at, known + calls

    def looked(
        self,
        connection: str,
        now: datetime,
        before: Watermark | None,
        after: Watermark | None,
        *,
        nudged: bool = False,
    ) -> None:
        """After a look, before the flush: an idle one is left for when the watermark moves.

        It moved by so many five minutes, in each of which there was a look with one call; the
        last of them is this one, which has been counted. Looks that failed were flushed, so a
        watermark that stood for longer than an hour adds no more than an hour's. One that
        Salesforce asked for is none of them, and is flushed too.
        """
        if before and after and before.at < after.at:
            looks = min((after.at - before.at) // LOOK_EVERY, MOST_LOOKS)
            self.add(connection, now, looks if nudged else max(0, looks - 1))
        elif before and not nudged and self.counted(connection) <= 1:
            for key in [each for each in self._counted if each[0] == connection]:
                del self._counted[key]
