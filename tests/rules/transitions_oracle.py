"""What should stand and who should be written to, told from a plain description of an org.

It shares no code with the rules: no row, no record, no word of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple


@dataclass
class Person:
    id: str
    name: str
    email: str
    kind: str = "T"  # technician; C is a crew
    employed: bool = True
    may_log_in: bool = True
    hidden: bool = False
    phone: str = ""
    zone: str = "UTC"

    @property
    def at_work(self) -> bool:
        return self.kind == "T" and self.employed and self.may_log_in and not self.hidden


@dataclass
class Job:
    id: str
    subject: str = "Replace the valve"
    street: str = "Unter den Linden 1"
    start: str = "2026-03-04T12:00:00+00:00"
    end: str = "2026-03-04T14:00:00+00:00"
    place: tuple[float, float] | None = (52.5, 13.4)
    stage: str = "Scheduled"
    in_bundle: bool = False
    zone: str = ""
    deleted: bool = False
    hidden: bool = False

    @property
    def to_be_done(self) -> bool:
        over = self.stage in {"Completed", "CannotComplete", "Canceled"}
        return not (over or self.in_bundle or self.deleted or self.hidden)


@dataclass
class Seat:
    """Somebody's place on a job."""

    id: str
    job: str
    person: str
    crew: str = ""
    deleted: bool = False
    hidden: bool = False


@dataclass
class Turn:
    """Somebody's hours, or nobody's yet."""

    id: str
    person: str
    start: str = "2026-03-04T08:00:00+00:00"
    end: str = "2026-03-04T16:00:00+00:00"
    sure: bool = True
    deleted: bool = False
    hidden: bool = False

    def lasts(self, now: datetime) -> bool:
        begins, ends = datetime.fromisoformat(self.start), datetime.fromisoformat(self.end)
        stands = self.sure and not self.deleted and not self.hidden
        return stands and begins <= now < ends


@dataclass
class Plan:
    people: dict[str, Person] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    seats: dict[str, Seat] = field(default_factory=dict)
    turns: dict[str, Turn] = field(default_factory=dict)

    @property
    def things(self) -> dict[str, Person | Job | Seat | Turn]:
        """All of them by their ids."""
        return {**self.people, **self.jobs, **self.seats, **self.turns}


class Circle(NamedTuple):
    """A geofence, as far as a technician and we can tell two apart."""

    phone: str
    place: tuple[float, float]
    job: str
    person: str
    seat: str
    name: str
    street: str
    start: str


def circles(plan: Plan) -> set[Circle]:
    """One for each seat of a technician at work who has a phone, on a job with a place."""
    found = set()
    for seat in plan.seats.values():
        person, job = plan.people.get(seat.person), plan.jobs.get(seat.job)
        if person is None or job is None or seat.deleted or seat.hidden:
            continue
        if person.at_work and person.phone and job.to_be_done and job.place:
            what = (job.subject, job.street, job.start)
            found.add(Circle(person.phone, job.place, job.id, person.id, seat.id, *what))
    return found


def on_shift(plan: Plan, now: datetime) -> set[str]:
    """Who is to be tracked by the hours alone, whatever the work."""
    there = {each.person for each in plan.turns.values() if each.lasts(now)}
    return {each for each in there if each in plan.people and plan.people[each].at_work}


HOUR = timedelta(hours=1)


class Task(NamedTuple):
    """An order that somebody is tracked for, as far as we can tell two apart."""

    place: tuple[float, float]
    job: str
    person: str
    seat: str
    name: str
    street: str
    start: datetime


def tasks(plan: Plan, now: datetime) -> set[Task]:
    """One for each geofence that there would be, while its time is."""
    found = set()
    for each in circles(plan):
        job = plan.jobs[each.job]
        start = _begun(datetime.fromisoformat(job.start), datetime.fromisoformat(job.end), now)
        if start:
            what = (each.job, each.person, each.seat, each.name, each.street)
            found.add(Task(each.place, *what, start))
    return found


def _begun(start: datetime, end: datetime, now: datetime) -> datetime | None:
    """When the work of now starts, in a zone whose clocks do not change; None if it is not due.

    It is due from an hour before its start until twelve after its end; of work that takes days,
    each day by itself, until an hour after its end or the next one is due.
    """
    end = max(start, end)
    days = (end.date() - start.date()).days if end - start > 16 * HOUR else 0
    begun = None
    for number in range(days + 1):
        first = start + number * 24 * HOUR
        last = end if number == days else first + (end - start) % (24 * HOUR)
        if first - HOUR <= now:
            over = last + (12 * HOUR if number == days else HOUR)
            begun = first if now < over else None
    return begun


def letters(plans: list[Plan]) -> list[str]:
    """The addresses that mail goes to, if the org is seen in these states in turn."""
    sent: list[str] = []
    last: dict[str, str] = {}
    for plan in plans:
        for person in plan.people.values():
            waits = person.at_work and person.email and not person.phone
            if waits and last.get(person.id) != person.email:
                last[person.id] = person.email
                sent.append(person.email)
    return sorted(sent)
