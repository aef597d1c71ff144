"""Rule: a connection's ledger, handed out as JSON Lines: each day's rows, then its chain."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.books.chaining import days_between, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from fieldlink.ports import Kept, Ledger, Link, Spool

EXPORTS = "exports/"
# Of a busier day there are several objects: one is packed in memory and put in one call. A row
# is some 1 KB, and a tenth of that packed: 1 MB.
MOST_ROWS = 10_000
GZIP = 31  # zlib's number for the format, without a name and a time


class Exported(NamedTuple):
    """What was put into the spool, and the day to go on with if the time was up."""

    keys: tuple[str, ...]
    rows: int
    next: date | None = None


def export(
    connection: str,
    first: date,
    last: date,
    *,
    ledger: Ledger,
    spool: Spool,
    more: Callable[[], bool],
) -> Exported:
    """Day by day while there is time; a day that was begun is exported anew, under its keys."""
    keys: list[str] = []
    count = 0
    for day in days_between(first, last):
        done = _of_day(connection, day, ledger, spool, more) if more() else None
        if done is None:
            return Exported(tuple(keys), count, day)
        keys += done.keys
        count += done.rows
    return Exported(tuple(keys), count)


def below(connection: str) -> str:
    """Where a connection's exports lie."""
    return f"{EXPORTS}{connection}/"


def _of_day(
    connection: str, day: date, ledger: Ledger, spool: Spool, more: Callable[[], bool]
) -> Exported | None:
    keys: list[str] = []
    count = 0
    pack, packed = Pack(), 0
    for page in rows_of(connection, day, ledger):
        if not more():
            return None
        pack.add(_row(key, kept) for key, kept in page.items())
        count, packed = count + len(page), packed + len(page)
        if packed >= MOST_ROWS:
            keys.append(_put(pack, connection, day, len(keys), spool))
            pack, packed = Pack(), 0
    if count:
        pack.add(map(_link, ledger.chain(connection, day)))
        keys.append(_put(pack, connection, day, len(keys), spool))
    return Exported(tuple(keys), count)


def _put(pack: Pack, connection: str, day: date, number: int, spool: Spool) -> str:
    part = f".{number + 1}" if number else ""
    key = f"{below(connection)}{day}{part}.jsonl.gz"
    spool.put(key, pack.closed)
    return key


class Pack:
    """Lines, compressed as they come. The same lines are the same bytes, whenever that is."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(wbits=GZIP)
        self._parts: list[bytes] = []

    def add(self, lines: Iterable[str]) -> None:
        self._parts += [self._packer.compress(line.encode() + b"\n") for line in lines]

    @property
    def closed(self) -> bytes:
        return b"".join([*self._parts, self._packer.flush()])


def _row(key: str, kept: Kept) -> str:
    row = kept.row and kept.row.model_dump(mode="json", exclude_defaults=True)
    return json.dumps({"key": key, "hash": kept.hash, "row": row}, separators=(",", ":"))


def _link(link: Link) -> str:
    return json.dumps({"link": link._asdict()}, separators=(",", ":"))
