"""Rule: how a HyperTrack event is read, in every version and shape that its sources show.

What can't be read is as good as missing, until somebody needs it.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads it)
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from fieldlink.errors import Refused
from fieldlink.models import Place, Travel, Utc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOMENT = TypeAdapter(Utc)
NUMBER = TypeAdapter(float, config=ConfigDict(allow_inf_nan=False))
NOTES = ("visit_note", "delivery_note", "order_note", "note")
PHOTOS = ("_visit_photos", "_visit_photo", "order_photos", "photos")
TRAVEL = {"metres": "distance", "seconds": "duration", "idle_seconds": "idle_time"}


class Found(NamedTuple):
    """A member as it was read; `odd`: there was one, but it could not be."""

    value: Any
    odd: bool


class Event(NamedTuple):
    """One event; a member that was not readable is "" or None, and named in `odd`."""

    type: str
    value: str
    data: dict[str, Any]
    device: str
    worker: str
    recorded_at: datetime | None
    created_at: datetime | None
    place: Place | None
    odd: frozenset[str]

    def text(self, name: str) -> str:
        """A member of the event's data, as text."""
        return text(self.data.get(name))

    def moment(self, name: str, inner: str = "") -> datetime | None:
        """A time in the event's data, or in an object there."""
        given = members(self.data.get(name)).get(inner) if inner else self.data.get(name)
        return moment(given)

    def at(self, better: datetime | None = None) -> datetime:
        """The device's own time, without which an event can't be put in order."""
        known = better or self.recorded_at
        return known if known else self.refuse("recorded_at")

    def refuse(self, member: str) -> NoReturn:
        """A person must look at an event that lacks what it is about."""
        why = "not understood" if member in self.odd else "missing"
        raise Refused(f"event not understood: {self.type}: {member}: {why}")


class Ignored(BaseModel):
    """An event that we understand well enough to know that it is not for us."""

    reason: str
    kind: str
    device: str = ""
    at: Utc | None = None


def opened(content: Any) -> Event:
    """The members of an event, wherever its version has them. Refused if it is no object."""
    if not isinstance(content, dict):
        raise Refused("event not understood: no object")
    data, status = members(content.get("data")), _status(content)
    told = members(status.get("data"))
    type_ = text(content.get("type")) or ("device_status" if status else "")
    given: dict[str, Found] = {
        "recorded_at": _found(moment, ("recorded_at",), content, data, told),
        "created_at": _found(moment, ("created_at",), content, data),
        "device_id": _found(text, ("device_id", "device"), content, data),
        "worker_handle": _found(text, ("worker_handle", "driver_handle"), content, data),
        "data": Found(data, odd=not (data or _blank(content.get("data")))),
        "type": Found(type_, odd=not (type_ or _blank(content.get("type")))),
    }
    return Event(
        type=type_,
        value=_value(type_, content, data, status),
        data={**data, **told},
        device=given["device_id"].value or "",
        worker=given["worker_handle"].value or "",
        recorded_at=given["recorded_at"].value,
        created_at=given["created_at"].value,
        place=_place(content, data),
        odd=frozenset(name for name, each in given.items() if each.odd),
    )


def ignored(event: Event, reason: str) -> Ignored:
    at = event.recorded_at or event.created_at
    return Ignored(reason=reason, kind=event.type, device=event.device, at=at)


def text(value: Any) -> str:
    """A text or a number, as text; "" for anything else."""
    known = isinstance(value, str | int | float) and not isinstance(value, bool)
    return str(value) if known else ""


def moment(value: Any) -> datetime | None:
    """A time with its zone."""
    try:
        return MOMENT.validate_python(value)
    except ValidationError:
        return None


def number(value: Any) -> float | None:
    """A finite number, be it written as a text."""
    if isinstance(value, bool):
        return None
    try:
        return NUMBER.validate_python(value)
    except ValidationError:
        return None


def members(value: Any) -> dict[str, Any]:
    """Those of an object; none of anything else."""
    return value if isinstance(value, dict) else {}


def travel(route: Any) -> Travel | None:
    """`route_to`: metres, seconds, idle seconds; null or missing for a first visit."""
    fields = members(route)
    try:
        found = Travel.model_validate({ours: fields.get(its) for ours, its in TRAVEL.items()})
    except ValidationError:
        return None
    return found if found != Travel() else None


def note(metadata: dict[str, Any]) -> str:
    """What the technician wrote, under any of the names that it has had."""
    return next((str(metadata[name]) for name in NOTES if metadata.get(name)), "")


def photos(metadata: dict[str, Any]) -> tuple[str, ...]:
    """Ids of photos: one or several, under any of their names."""
    found = next((metadata[name] for name in PHOTOS if metadata.get(name)), ())
    listed = found if isinstance(found, list | tuple) else (found,)
    return tuple(str(photo) for photo in listed)


def _status(content: Mapping[str, Any]) -> dict[str, Any]:
    """The form that a device has in HyperTrack's API: its status within an object."""
    data = members(content.get("data"))
    return members(data.get("device_status")) or members(content.get("device_status"))


def _value(
    type_: str, content: Mapping[str, Any], data: Mapping[str, Any], status: Mapping[str, Any]
) -> str:
    """What happened: in the data, or beside it, or in a member that is called as the type."""
    places = (data.get("value"), status.get("value"), content.get("value"))
    named = (data.get(type_), content.get(type_)) if type_ else ()
    return next((text(each) for each in (*places, *named) if text(each)), "")


def _place(content: Mapping[str, Any], data: Mapping[str, Any]) -> Place | None:
    """A GeoJSON Point: longitude, latitude, and perhaps a height."""
    for each in (data.get("geometry"), data.get("location"), content.get("location")):
        point = members(each).get("coordinates")
        if not isinstance(point, list | tuple) or len(point) < 2:
            continue
        longitude, latitude = number(point[0]), number(point[1])
        if longitude is None or latitude is None:
            continue
        if abs(longitude) <= 180 and abs(latitude) <= 90:
            return Place(latitude=latitude, longitude=longitude)
    return None


def _found(
    read: Callable[[Any], Any], names: tuple[str, ...], *objects: Mapping[str, Any]
) -> Found:
    """The first of these members that can be read; null, and a text without any, is none."""
    given = [each[name] for each in objects for name in names if not _blank(each.get(name))]
    known = next((value for value in map(read, given) if value), None)
    return Found(known, odd=bool(given) and known is None)


def _blank(value: Any) -> bool:
    return value is None or value in ("", {})
