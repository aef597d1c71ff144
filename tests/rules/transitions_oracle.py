"""What should stand and who should be written to, told from a plain description of an org.

It shares no code with the rules: no row, no record, no word of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
class Plan:
    people: dict[str, Person] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    seats: dict[str, Seat] = field(default_factory=dict)

    @property
    def things(self) -> dict[str, Person | Job | Seat]:
        """All of them by their ids."""
        return {**self.people, **self.jobs, **self.seats}


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
