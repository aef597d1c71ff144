"""Rule: the words in which a dispatcher is told that a resource can't be tracked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.models import NewTask
from fieldlink.trouble import causes
from fieldlink.writing import activity
from fieldlink.writing.wording import words
from fieldlink.zones import zone

if TYPE_CHECKING:
    from fieldlink.models import Fact, View
    from fieldlink.practice import Practice
    from fieldlink.records import Appointment, Connection, Resource


class Message(NamedTuple):
    """What a topic's subscribers get."""

    subject: str
    text: str


def task(fact: Fact, view: View, practice: Practice) -> NewTask:
    """The Task for the appointment. By its key and its last line it is known again, whatever
    the words have been. One outage may have a Task at each of several appointments.
    """
    who = view.resource_name or view.resource
    lines = [*_lines(fact, who, view.time_zone, practice), activity.reference(fact.key)]
    subject = words("subject_outage", practice)
    return NewTask(
        key=f"{fact.key}/{view.appointment}",
        subject=f"{subject}: {who}"[: activity.SUBJECT_LENGTH],
        description="\n".join(lines),
        due=fact.at.astimezone(zone(view.time_zone)).date(),
    )


def mail(
    fact: Fact,
    connection: Connection,
    resource: Resource | None,
    appointment: Appointment | None,
) -> Message:
    """The same for those who have subscribed to a topic."""
    who = (resource.name if resource else "") or fact.resource
    number = (appointment.number if appointment else "") or fact.appointment
    practice = connection.practice
    lines = _lines(fact, who, resource.time_zone if resource else "UTC", practice)
    about = [
        words("notice_appointment", practice, number=number),
        words("notice_connection", practice, name=connection.name),
    ]
    subject = words("notice", practice, number=number, who=who)
    return Message(subject, "\n".join([*lines, *about]))


def _lines(fact: Fact, who: str, time_zone: str, practice: Practice) -> list[str]:
    name, there = causes.named(fact.reason), zone(time_zone)
    since = f"{fact.at.astimezone(there):%Y-%m-%d %H:%M} {there.key}"
    cause = words(f"cause_of_{name}", practice, reason=causes.spelled(fact.reason))
    cure = words(f"cure_of_{name}", practice)
    return [
        words("outage", practice, who=who, time=since),
        words("outage_cause", practice, cause=cause),
        words("outage_cure", practice, cure=cure),
    ]
