"""Rule: what the console shows of parked messages, and which of them an operator means."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from fieldlink import replaying
from fieldlink.errors import Refused
from fieldlink.models import APPOINTMENT_KEY
from fieldlink.people.technicians import shown
from fieldlink.replaying import Choice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fieldlink.ports import State
    from fieldlink.records import Parked
    from fieldlink.replaying import Group

MOST_SHOWN = 50  # of one cause
QUEUES = {
    "events": "what HyperTrack reported",
    "bursts": "what HyperTrack reported, much at once",
    "changes": "tracking",
    "invites": "invitations",
    "polls": "looks at Salesforce",
}
INPUTS = ("group", "queue", "cause", "about", "since", "until")


class Line(NamedTuple):
    """One parked message on a page."""

    id: str
    at: str
    queue: str
    about: str
    cause: str


class Section(NamedTuple):
    """The parked messages of one cause on a page."""

    cause: str
    hint: str
    group: str  # its id
    number: int
    first: str
    last: str
    lines: list[Line]  # the newest ones


def typed(form: Mapping[str, str]) -> dict[str, str]:
    """What was asked for by a form or an address."""
    return {name: (form.get(name) or "").strip() for name in INPUTS}


def choice(wanted: Mapping[str, str]) -> Choice:
    """The same, understood. Refused if a time can't be read."""
    return Choice(
        group=wanted["group"],
        queue=wanted["queue"],
        cause=wanted["cause"],
        about=wanted["about"],
        since=_moment(wanted["since"]),
        until=_moment(wanted["until"]),
    )


def words(
    connection: str, wanted: dict[str, str], state: State, now: datetime
) -> dict[str, Any]:
    """What the page says.

    Its buttons mean what was parked until it was made: what is refused anew by a replay is not
    sent again by pressing the same button twice.
    """
    found = replaying.chosen(connection, choice(wanted), state)
    return {
        "wanted": wanted,
        "filtered": any(wanted.values()),
        "meant": wanted if wanted["until"] else wanted | {"until": now.isoformat()},
        "queues": QUEUES,
        "sections": sections(found),
        "most": MOST_SHOWN,
    }


def sections(parked: Iterable[Parked]) -> list[Section]:
    """By cause, the one with the most messages first."""
    return [_section(each) for each in replaying.groups(parked)]


def _section(group: Group) -> Section:
    newest = group.items[: -MOST_SHOWN - 1 : -1]
    return Section(
        cause=group.cause,
        hint=group.hint,
        group=group.id,
        number=len(group.items),
        first=shown(group.items[0].at),
        last=shown(group.items[-1].at),
        lines=[_line(each) for each in newest],
    )


def _line(item: Parked) -> Line:
    about = ", ".join(_about(item.body))
    return Line(item.id, shown(item.at), QUEUES[item.queue], about, item.cause)


def _about(body: str) -> list[str]:
    """What a message is about, as far as it says so: no place, and nothing personal."""
    try:
        told = json.loads(body)
    except ValueError:
        return []
    event = _part(told, "event")
    data = _part(event, "data")
    marked = _part(data, "geofence_metadata") | _part(data, "metadata")
    resource = told.get("resource") if isinstance(told, dict) else None
    words = (
        event.get("type"),
        data.get("value"),
        marked.get("type"),
        event.get("recorded_at"),
        marked.get(APPOINTMENT_KEY),
        data.get("order_handle"),
        resource,
    )
    return [each[:80] for each in words if isinstance(each, str) and each]


def _part(told: Any, name: str) -> dict[str, Any]:
    found = told.get(name) if isinstance(told, dict) else None
    return found if isinstance(found, dict) else {}


def _moment(text: str) -> datetime | None:
    """As a browser's input or we ourselves write it; without a zone it is UTC."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refused("A time is written as 2026-03-04T09:30, in UTC.") from error
