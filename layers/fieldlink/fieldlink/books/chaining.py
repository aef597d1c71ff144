"""Rule: whether a connection's ledger of a day still is what was put into it.

Each link names the rows that were put with it, by their hashes, and the link before it. So a
row or a link can't be changed or taken out without a trace. What nobody can tell from a chain
alone is that its last links were taken out together with their rows: whoever wants to know that
keeps `head`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from fieldlink.ports import Kept, Ledger, Link

DAY = timedelta(days=1)

type What = Literal[
    "links missing",  # numbers that no link has
    "link not joined",  # it names another one before it than stands there
    "link changed",  # its hash is not that of its text
    "row changed",  # it is another than the last link that names it says
    "row missing",  # a link names it
]


class Finding(NamedTuple):
    """Something that must not be."""

    what: What
    where: str  # the numbers of links, or the key of a row


class Verdict(NamedTuple):
    """What became of one day's chain."""

    day: date
    links: int = 0
    rows: int = 0
    erased: int = 0  # rows of which an erasure left only the hash
    # Rows that no link names: their worker died in between, and their delivery comes again; or
    # they are older than the chain.
    unchained: tuple[str, ...] = ()
    # Rows that a later link names with another hash: they were put again, as a parked event
    # that is replayed. Whoever forges a row and adds a link for it puts it here, too.
    again: tuple[str, ...] = ()
    head: str = ""  # number and hash of the last link
    findings: tuple[Finding, ...] = ()
    expired: bool = False  # the day is too old to be kept whole, so nothing is told of it

    @property
    def whole(self) -> bool:
        return not self.findings


class Verified(NamedTuple):
    """What became of several days, and where to go on if the time was up."""

    days: tuple[Verdict, ...]
    next: date | None = None

    @property
    def whole(self) -> bool:
        return all(each.whole for each in self.days)


def verify(
    connection: str,
    first: date,
    last: date,
    *,
    ledger: Ledger,
    kept_since: datetime,
    more: Callable[[], bool],
) -> Verified:
    """Day by day while there is time. A day that time did not suffice for is told of anew."""
    done: list[Verdict] = []
    for day in days_between(first, last):
        if datetime.combine(day, time(), UTC) < kept_since:
            done.append(Verdict(day, expired=True))
            continue
        verdict = _twice(connection, day, ledger, more)
        if verdict is None:
            return Verified(tuple(done), day)
        done.append(verdict)
    return Verified(tuple(done))


def _twice(
    connection: str, day: date, ledger: Ledger, more: Callable[[], bool]
) -> Verdict | None:
    """What is written while it is read may look wrong, once; None: the time was up."""
    first = _once(connection, day, ledger, more)
    if first is None or first.whole:
        return first
    again = _once(connection, day, ledger, more)
    lasting = set(first.findings)
    return again and again._replace(
        findings=tuple(each for each in again.findings if each in lasting)
    )


def days_between(first: date, last: date) -> Iterator[date]:
    """Both included."""
    return (first + number * DAY for number in range((last - first).days + 1))


def rows_of(connection: str, day: date, ledger: Ledger) -> Iterator[dict[str, Kept]]:
    """A day's rows by key, page by page."""
    after = ""
    while True:
        page, after = ledger.of_day(connection, day, after)
        yield page
        if not after:
            return


def _once(
    connection: str, day: date, ledger: Ledger, more: Callable[[], bool]
) -> Verdict | None:
    """The rows are read before the links: a row that is put meanwhile has its link then."""
    rows: dict[str, str] = {}
    erased = 0
    for page in rows_of(connection, day, ledger):
        if not more():
            return None
        rows.update({key: kept.hash for key, kept in page.items()})
        erased += sum(bool(kept.row and kept.row.erased) for kept in page.values())
    return judge(day, ledger.chain(connection, day), rows)._replace(erased=erased)


def judge(day: date, links: Iterable[Link], rows: Mapping[str, str]) -> Verdict:
    """`rows`: the hash of each row by its key."""
    found: list[Finding] = []
    named: dict[str, str] = {}
    again: dict[str, None] = {}
    last: Link | None = None
    count = 0
    for link in links:
        found += _of_link(link, last)
        again |= {key: None for key, told in link.rows.items() if named.get(key, told) != told}
        named.update(link.rows)
        last, count = link, count + 1
    found += [
        Finding("row changed" if key in rows else "row missing", key)
        for key, digest in sorted(named.items())
        if rows.get(key) != digest
    ]
    return Verdict(
        day,
        links=count,
        rows=len(rows),
        unchained=tuple(key for key in rows if key not in named),
        again=tuple(again),
        head=f"{last.number} {last.hash}" if last else "",
        findings=tuple(found),
    )


def _of_link(link: Link, before: Link | None) -> Iterator[Finding]:
    number, digest = (before.number, before.hash) if before else (0, "")
    if link.number != number + 1:
        yield Finding("links missing", f"{number + 1} to {link.number - 1}")
    elif link.before != digest:
        yield Finding("link not joined", str(link.number))
    if link.sealed.hash != link.hash:
        yield Finding("link changed", str(link.number))
