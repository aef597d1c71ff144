"""Rule: which work a dry run looks at, as it is kept and as Salesforce shows it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate, islice
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.models import Fact, Look, Outcome, View
from fieldlink.records import Day, Resource, Visit
from fieldlink.writing.days import OF_NO_DAY
from fieldlink.zones import zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fieldlink.errors import FieldlinkError
    from fieldlink.models import LedgerRow
    from fieldlink.ports import Ledger, SeveralAtOnce, State

MOST = 100  # appointments
MOST_FACTS = 2_000  # about them: some seconds of a function whose page is waited for
DAYS = 14
ROWS_OF_A_DAY = 1_000
# 150 people x (14 + 9) days, as many as are seen around them, = 3,450 sheets: two pages of an
# answer, so two API calls at most.
MOST_PEOPLE = 150
MOST_ENTRIES = 450  # of ours on their time sheets: 500 are seen in one call
KNOWN = {Outcome.APPLIED, Outcome.SUPERSEDED, Outcome.DUPLICATE}


class Work(NamedTuple):
    """One appointment."""

    visit: Visit
    view: View  # as whoever told of it last sees it
    people: Mapping[str, View]  # as those see it who told of it and are still assigned

    @property
    def facts(self) -> tuple[Fact, ...]:
        return tuple(each.fact for each in self.visit.facts.values())


class SeenDay(NamedTuple):
    """One day of a resource."""

    day: Day
    view: View


class Dated(NamedTuple):
    """One day of a resource, before Salesforce is asked."""

    day: Day
    works: frozenset[str]  # appointments of which something is told of it


class Sample(NamedTuple):
    """What is looked at."""

    works: Sequence[Work] = ()
    days: Sequence[SeenDay] = ()
    unseen: tuple[tuple[str, str], ...] = ()  # appointments, and why they could not be seen
    days_left: int = 0  # too many to be looked at


class Books(NamedTuple):
    """What is kept of a connection."""

    connection: str
    state: State
    ledger: Ledger
    now: datetime


def take(books: Books, org: SeveralAtOnce, *, with_days: bool) -> Sample:
    """Salesforce is asked once for all of it."""
    rows = dict(_last_work(books))
    kept = books.state.read_many(Visit, ((books.connection, each) for each in rows))
    known = _bounded([each for each in kept if each.facts], [*rows])
    if not known:
        return Sample()
    looks = {(each.appointment, _teller(rows, each)): _look(rows, each) for each in known}
    looks |= {(each.appointment, who): _look(rows, each, who) for each, who in _others(known)}
    people = {*islice(dict.fromkeys(who for _, who in looks), MOST_PEOPLE)}
    looks = {key: each for key, each in looks.items() if key[1] in people}
    every = _days(known, people, books) if with_days else []
    days = _seeable(every)
    views = org.views([*looks.values(), *map(_look_at_day, days)])
    seen = dict(zip([*looks], views, strict=False))
    works = [_work(each, rows, seen) for each in known]
    of_days = zip(days, views[len(looks) :], strict=True)
    return Sample(
        [each for each in works if isinstance(each, Work)],
        [SeenDay(each.day, view) for each, view in of_days if isinstance(view, View)],
        tuple(each for each in works if not isinstance(each, Work)),
        len(every) - len(days),
    )


def _last_work(books: Books) -> Iterator[tuple[str, LedgerRow]]:
    """The appointments that were told of last, each with its newest row."""
    found: set[str] = set()
    for row in _newest_first(books):
        if row.outcome not in KNOWN or not row.appointment or row.appointment in found:
            continue
        found.add(row.appointment)
        yield row.appointment, row
        if len(found) == MOST:
            return


def _bounded(visits: Sequence[Visit], order: Sequence[str]) -> list[Visit]:
    """Those that were told of last, with so many facts."""
    last = sorted(visits, key=lambda each: order.index(each.appointment))
    facts = accumulate(len(each.facts) for each in last)
    return [each for each, many in zip(last, facts, strict=True) if many <= MOST_FACTS]


def _newest_first(books: Books) -> Iterator[LedgerRow]:
    """Of the last days, as far as they are asked for."""
    name, ledger, now = books.connection, books.ledger, books.now
    yield from ledger.last(name, now=now, limit=ROWS_OF_A_DAY)  # of today and yesterday
    today = now.astimezone(UTC).date()
    for ago in range(2, DAYS):
        kept, _ = ledger.of_day(name, today - timedelta(days=ago), limit=ROWS_OF_A_DAY)
        yield from (each.row for each in reversed(kept.values()) if each.row)


def _teller(rows: Mapping[str, LedgerRow], visit: Visit) -> str:
    return rows[visit.appointment].resource


def _others(visits: Sequence[Visit]) -> Iterator[tuple[Visit, str]]:
    """Everybody else who told of some work, the last work first."""
    for visit in visits:
        for who in sorted({each.fact.resource for each in visit.facts.values()}):
            yield visit, who


def _look(rows: Mapping[str, LedgerRow], visit: Visit, who: str = "") -> Look:
    row = rows[visit.appointment]
    day = row.at or row.received_at
    return Look(appointment=visit.appointment, resource=who or row.resource, day=day, left=True)


def _days(visits: Sequence[Visit], people: set[str], books: Books) -> list[Dated]:
    """Every local day on which somebody did something, as it is kept; the newest first."""
    name = books.connection
    resources = books.state.read_many(Resource, [(name, each) for each in sorted(people)])
    zones = {each.id: zone(each.time_zone) for each in resources}
    works: dict[tuple[date, str], set[str]] = {}
    for fact in (each.fact for visit in visits for each in visit.facts.values()):
        if fact.resource in people and fact.kind not in OF_NO_DAY:
            there = zones.get(fact.resource, UTC)
            for each in filter(None, (fact.at, fact.arrived_at)):
                on = each.astimezone(there).date()
                works.setdefault((on, fact.resource), set()).add(fact.appointment)
    days = [Day(connection=name, resource=who, on=on) for on, who in sorted(works)[::-1]]
    kept = {each.key: each for each in books.state.read_many(Day, [each.key for each in days])}
    return [
        Dated(kept.get(each.key, each), frozenset(works[each.on, each.resource]))
        for each in days
    ]


def _seeable(days: Sequence[Dated]) -> list[Dated]:
    """As many as have no more entries of ours than can be seen at once."""
    entries = accumulate(len(each.day.ours.entries) for each in days)
    return [each for each, many in zip(days, entries, strict=True) if many <= MOST_ENTRIES]


def _look_at_day(of: Dated) -> Look:
    return Look(
        appointment="",
        resource=of.day.resource,
        day=datetime.combine(of.day.on, time(12), UTC),
        entries=tuple(sorted(each.id for each in of.day.ours.entries.values())),
        others=tuple(sorted(of.works)),
    )


def _work(
    visit: Visit,
    rows: Mapping[str, LedgerRow],
    seen: Mapping[tuple[str, str], View | FieldlinkError],
) -> Work | tuple[str, str]:
    """Or which it is, and why it can't be seen."""
    name = visit.appointment
    view = seen[name, _teller(rows, visit)]
    if not isinstance(view, View):
        return name, str(view)
    people = {
        who: each
        for (work, who), each in seen.items()
        if work == name and isinstance(each, View) and each.assignment
    }
    return Work(visit, view, people)
