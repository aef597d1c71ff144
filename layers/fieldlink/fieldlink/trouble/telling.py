"""Rule: the words in which a dispatcher is told that a resource can't be tracked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.models import NewTask
from fieldlink.trouble import causes
from fieldlink.writing import activity
from fieldlink.zones import zone

if TYPE_CHECKING:
    from fieldlink.models import Fact, View
    from fieldlink.records import Appointment, Connection, Resource


class Message(NamedTuple):
    """What a topic's subscribers get."""

    subject: str
    text: str


def task(fact: Fact, view: View) -> NewTask:
    """The Task for the appointment; its text depends on nothing that can still change."""
    who = view.resource_name or view.resource
    lines = [*_lines(fact, who, view.time_zone), activity.reference(fact.key)]
    return NewTask(
        key=fact.key,
        subject=f"Not tracked: {who}"[: activity.SUBJECT_LENGTH],
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
    lines = _lines(fact, who, resource.time_zone if resource else "UTC")
    about = [f"Appointment: {number}", f"Connection: {connection.name}"]
    return Message(f"{number}: {who} is not tracked", "\n".join([*lines, *about]))


def _lines(fact: Fact, who: str, time_zone: str) -> list[str]:
    cause = causes.of(fact.reason)
    there = zone(time_zone)
    since = f"{fact.at.astimezone(there):%Y-%m-%d %H:%M} {there.key}"
    return [
        f"{who} has not been tracked since {since}.",
        f"Cause: {cause.words}",
        f"What to do: {cause.cure}",
    ]
