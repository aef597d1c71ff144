"""Rule: what the facts of an appointment contribute to each local day of a resource."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from fieldlink.models import Kind, minute
from fieldlink.records import Part, Stretch, Trip
from fieldlink.writing import evenings, visits
from fieldlink.zones import zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

    from fieldlink.hours.stretches import Span
    from fieldlink.models import Fact, View
    from fieldlink.practice import Practice
    from fieldlink.writing.visits import Stay

A_MINUTE = timedelta(minutes=1)  # an entry must not be empty
# Who stayed longer was not seen to leave: nobody is paid for that without being asked.
LONGEST_STAY = timedelta(hours=24)
LONGEST_WAY = timedelta(days=31)  # over a holiday, most of it idle
UNSEEN = "the arrival is not known"
NOT_LEFT = "it was closed while the departure was not known"
TOO_LONG = "a stay of more than 24 hours is not believed"


def parts(
    facts: Iterable[Fact], resource: str, view: View, practice: Practice
) -> dict[date, Part]:
    """By the date in the zone of the resource's user. A function of the set of facts."""
    there = zone(view.time_zone)
    ordered = visits.in_order(each for each in facts if each.resource == resource)
    lasting = evenings.without(ordered, view)
    counted = visits.working(visits.stays(ordered, practice), lasting, practice)
    done = _done(ordered, practice)
    over = _over(counted, done, there)
    known = [(stay.start, stay.end) for stay in over if stay.start and stay.end]
    blocks = _by_day(_joined(filter(_believed, known), practice), there)
    problems = dict(_problems([*over, *_unended(counted, done)], there))
    trips = _trips(ordered, there)
    about = _about(view)
    return {
        day: about.model_copy(
            update={
                "blocks": tuple(blocks.get(day, ())),
                "trip": trips.get(day),
                "problem": problems.get(day, ""),
            }
        )
        for day in sorted({*blocks, *trips, *problems})
    }


def midnight(day: date, there: ZoneInfo) -> datetime:
    """When a day begins; where its first hour is left out for summer time, with the second."""
    return datetime.combine(day, time(), there).astimezone(UTC)


def _about(view: View) -> Part:
    return Part(
        appointment=view.appointment,
        assignment=view.assignment,
        number=view.number,
        zone=view.zone,
        work_order=view.work_order,
        work_order_line=view.work_order_line,
    )


def _done(ordered: list[Fact], practice: Practice) -> datetime | None:
    """Until when the resource worked at the latest: it checked out, or the work was closed in
    Salesforce, where no check-out may ever be heard of.
    """
    closed = [each for each in ordered if each.kind is Kind.CLOSED]
    return max((each.at for each in (*visits.outs(ordered, practice), *closed)), default=None)


def _over(counted: list[Stay], done: datetime | None, there: ZoneInfo) -> list[Stay]:
    """The stays that are over: of who is done, or of a day before the next one begins."""
    latest = max((stay.start for stay in counted if stay.start), default=None)
    return [
        stay
        for stay in counted
        if stay.end
        and (
            (done and (stay.start or stay.end) <= done)
            or (latest and _date(stay.end, there) < _date(latest, there))
        )
    ]


def _unended(counted: list[Stay], done: datetime | None) -> list[Stay]:
    """Those of which nobody can say how long they were: a dispatcher may close work hours
    later, or too early, so that ends no stay.
    """
    return [stay for stay in counted if done and not stay.end and _begun(stay, done)]


def _begun(stay: Stay, by: datetime) -> bool:
    return stay.start is not None and stay.start <= by


def _believed(stay: Span) -> bool:
    return stay[1] - stay[0] <= LONGEST_STAY


def _problems(over: list[Stay], there: ZoneInfo) -> Iterator[tuple[date, str]]:
    """Why a day lacks work that we know of."""
    for stay in over:
        if stay.start and not stay.end:
            yield _date(stay.start, there), NOT_LEFT
        elif stay.end and not stay.start:
            yield _date(stay.end, there), UNSEEN
        elif stay.start and stay.end and not _believed((stay.start, stay.end)):
            yield _date(stay.end, there), TOO_LONG


def _joined(stays: Iterable[Span], practice: Practice) -> list[Span]:
    """Whole minutes of work, across breaks that are as short as a lunch."""
    found: list[Span] = []
    for came, left in stays:
        start = minute(came)
        end = max(minute(left), start + A_MINUTE)
        if found and start - found[-1][1] <= timedelta(minutes=practice.join):
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _by_day(blocks: list[Span], there: ZoneInfo) -> dict[date, list[Stretch]]:
    """Split at midnight."""
    found: dict[date, list[Stretch]] = {}
    for start, end in blocks:
        while start < end:
            day = _date(start, there)
            tomorrow = midnight(day + timedelta(days=1), there)
            until = min(end, tomorrow) if tomorrow > start else end
            found.setdefault(day, []).append(Stretch(start=start, end=until))
            start = until
    return found


def _trips(ordered: list[Fact], there: ZoneInfo) -> dict[date, Trip]:
    """The way of each day's first arrival that tells one."""
    told = [trip for each in ordered if (trip := _trip(each))]
    found: dict[date, Trip] = {}
    for trip in sorted(told, key=lambda each: each.arrived_at):
        day = _date(trip.arrived_at, there)
        found.setdefault(day, trip.model_copy(update={"first": not found}))
    return found


def _trip(fact: Fact) -> Trip | None:
    way = fact.travel
    if fact.kind not in {Kind.ARRIVED, Kind.LEFT} or way is None or way.seconds is None:
        return None
    if not 0 <= way.seconds <= LONGEST_WAY.total_seconds():
        return None
    came = fact.arrived_at if fact.kind is Kind.LEFT else None
    return Trip(
        arrived_at=came if came and came <= fact.at else fact.at,
        seconds=way.seconds,
        idle_seconds=way.idle_seconds or 0,
        metres=way.metres,
    )


def _date(moment: datetime, there: ZoneInfo) -> date:
    return moment.astimezone(there).date()
