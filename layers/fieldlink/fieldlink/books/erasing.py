"""Rule: erase one person's data, so that what others did stays usable and the chain holds.

In this order, so that whoever stops in between finds the rest when it is begun again: a row of
the ledger is what tells where the person worked, so the appointment comes before the row; whose
devices are whose comes last.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.books import exporting
from fieldlink.books.chaining import days_between, rows_of
from fieldlink.books.scrubbing import Scrubber, person
from fieldlink.errors import Refused
from fieldlink.hearing import keeping
from fieldlink.ids import salesforce_id
from fieldlink.records import Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fieldlink.ports import Ledger, Spool, Spooled, State

PAGE = 1_000
# What holds deliveries as a whole, of others too, expires by itself.
EXPIRE = {keeping.WHOLE: "60 days", keeping.SPARE: "14 days", keeping.UNSIGNED: "3 days"}
LEDGER, SPOOL, STATE = "ledger", "spool", "state"
ACTIVE = (
    "this resource is active in Salesforce as it was last seen: deactivate it there first, or"
    " the next look brings it back (even_if_active erases nevertheless)"
)


class Books(NamedTuple):
    """What an erasure works on."""

    state: State
    ledger: Ledger
    spool: Spool
    ledger_days: int
    now: datetime
    more: Callable[[], bool]


class Erased(NamedTuple):
    """What went, or would go, and what has to stay for now; where to go on if time was up."""

    gone: dict[str, int]
    stays: dict[str, int]
    dry_run: bool
    next: str = ""


def erase(
    connection: str,
    resource: str,
    books: Books,
    *,
    confirm: str = "",
    after: str = "",
    even_if_active: bool = False,
) -> Erased:
    """Without `confirm`, the resource's id once more, it is only counted what would go."""
    whole = salesforce_id(resource, "0Hn")
    if not whole:
        raise Refused("resource is the id of a resource, 0Hn…")
    if confirm and confirm != resource:
        raise Refused("confirm is not the same id as resource")
    known = books.state.read(Resource, connection, whole)
    if confirm and not even_if_active and known and known.active and not known.gone:
        raise Refused(ACTIVE)
    who = person(connection, whole, books.state)
    scrubber = Scrubber(who, books.state, books.now, dry=not confirm)
    stop = _stages(scrubber, books, after)
    gone, stays = ({k: n for k, n in each.items() if n} for each in scrubber.found)
    return Erased(gone, stays, not confirm, stop)


def _stages(scrubber: Scrubber, books: Books, after: str) -> str:
    """One after the other, from where it was left. Returns where it stopped, "" at the end."""
    stage, _, place = after.partition(" ")
    if stage in {"", LEDGER}:
        day = _ledger(scrubber, books, _first(place, books))
        if day:
            return f"{LEDGER} {day}"
        stage, place = SPOOL, ""
    if stage == SPOOL:
        key = _spool(scrubber, books, place)
        if key is not None:
            return f"{SPOOL} {key}"
    elif stage != STATE:
        raise Refused("after is what an erasure told as next")
    if not books.more():
        return STATE
    scrubber.messages()
    scrubber.records()
    return ""


def _first(place: str, books: Books) -> date:
    oldest = books.now.date() - timedelta(days=books.ledger_days + 1)
    try:
        return max(oldest, date.fromisoformat(place)) if place else oldest
    except ValueError as error:
        raise Refused("after is what an erasure told as next") from error


def _ledger(scrubber: Scrubber, books: Books, first: date) -> date | None:
    """There is no index by person, so every day is read. The day to go on with, if any."""
    name = scrubber.who.connection
    for day in days_between(first, books.now.date()):
        for page in rows_of(name, day, books.ledger):
            if not books.more():
                return day
            rows = {key: kept.row for key, kept in page.items() if kept.row}
            theirs = {key: row for key, row in rows.items() if scrubber.who.in_row(row)}
            scrubber.visits(row.appointment for row in theirs.values())
            for key in theirs:
                if scrubber.count("ledger rows"):
                    books.ledger.erase(name, day, key, at=books.now)
    return None


def _spool(scrubber: Scrubber, books: Books, after: str) -> str | None:
    """The key behind which to go on, if any."""
    done = after
    for each in _kept(scrubber.who.connection, books.spool, after):
        if not books.more():
            return done
        what = _goes(each.key, scrubber, books.spool)
        if what and scrubber.count(what):
            books.spool.remove(each.key)
        done = each.key
    return None


def _goes(key: str, scrubber: Scrubber, spool: Spool) -> str:
    """As what an object is taken away, "" if it is not."""
    prefix = key.partition("/")[0] + "/"
    if prefix == exporting.EXPORTS:
        return "exports"  # copies, which may name anybody
    if not scrubber.who.in_text((spool.get(key) or b"").decode(errors="replace")):
        return ""
    if prefix not in EXPIRE:
        return "spooled events"
    scrubber.found.stays[f"deliveries in {prefix}, at most {EXPIRE[prefix]}"] += 1
    return ""


def _kept(connection: str, spool: Spool, after: str) -> Iterator[Spooled]:
    """Everything of a connection, in the order of the keys."""
    for prefix in sorted({keeping.EVENTS, exporting.EXPORTS, *EXPIRE}):
        below, behind = f"{prefix}{connection}/", after
        while page := spool.list(below, PAGE, behind):
            yield from page
            behind = page[-1].key
