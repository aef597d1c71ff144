"""Rule: travel time and distance in their fields, unless a person wrote others."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.models import Ability

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fieldlink.hours.travelling import Share
    from fieldlink.models import Assigned, View
    from fieldlink.practice import Practice
    from fieldlink.records import Day, Part

METRES = {"km": 1000.0, "mi": 1609.344}  # the international mile

type Values = dict[str, float | None]


class Field(NamedTuple):
    """One field of one row, as it stands and as it should."""

    name: str  # by which what we wrote is kept: assignment or appointment
    number: str  # of the appointment
    stands: float | None
    wanted: float | None
    passed: bool  # another day of the same work has it now


class Change(NamedTuple):
    """What to write, what we will have written then, and what is left out."""

    writes: Values
    meant: Values
    left_out: tuple[str, ...] = ()


def travel(
    day: Day,
    view: View,
    shares: Mapping[str, Share],
    elsewhere: Sequence[Day],
    lacking: Mapping[Ability, str],
) -> Change:
    """Minutes on this resource's own assignments: never on a colleague's."""
    fields = _minutes(day, view, shares, elsewhere)
    others = [each.ours.travel for each in elsewhere]
    return _changed(fields, day.ours.travel, others, lacking, Ability.TRAVEL_TIME)


def distances(
    day: Day,
    view: View,
    shares: Mapping[str, Share],
    elsewhere: Sequence[Day],
    lacking: Mapping[Ability, str],
    practice: Practice,
) -> Change:
    """On the appointments of which this resource is the first one, in the practice's unit."""
    seen = practice.distance_field and view.distance_field
    fields = _lengths(day, view, shares, elsewhere, practice) if seen else ()
    others = [each.ours.distances for each in elsewhere]
    return _changed(fields, day.ours.distances, others, lacking, Ability.DISTANCE)


def _minutes(
    day: Day, view: View, shares: Mapping[str, Share], elsewhere: Sequence[Day]
) -> Iterator[Field]:
    for appointment, team, _ in _seen(view):
        part = day.parts.get(appointment)
        mine = _mine(team, day.resource, part)
        wanted = shares[appointment].minutes or None if _first(part) else None
        passed = _passed(appointment, part, elsewhere)
        if mine:
            number = part.number if part else ""
            yield Field(mine.id, number, mine.travel, wanted, passed)


def _lengths(
    day: Day,
    view: View,
    shares: Mapping[str, Share],
    elsewhere: Sequence[Day],
    practice: Practice,
) -> Iterator[Field]:
    for appointment, team, stands in _seen(view):
        part = day.parts.get(appointment)
        metres = shares[appointment].metres if _first(part) else None
        far = None if metres is None else round(metres / METRES[practice.distance_unit], 2)
        passed = _passed(appointment, part, elsewhere)
        if _lead(team) == day.resource:
            yield Field(appointment, part.number if part else "", stands, far, passed)


def _changed(
    fields: Iterable[Field],
    ours: Values,
    others: Iterable[Values],
    lacking: Mapping[Ability, str],
    ability: Ability,
) -> Change:
    """Where what stands is what we wrote last, on this day or on another of the same work."""
    writes: Values = {}
    meant, left_out = dict(ours), []
    before = [ours, *others]
    for each in fields:
        own = {one[each.name] for one in before if one.get(each.name) is not None} or {None}
        if each.passed:
            meant.pop(each.name, None)
        elif each.stands == each.wanted:
            meant |= {each.name: each.wanted} if each.stands in own - {None} else {}
        elif each.stands not in own:
            if each.wanted is not None:
                left_out.append(f"no {ability}: another stands there{_of(each)}")
        elif ability in lacking:
            left_out.append(f"no {ability}: {lacking[ability]}")
        else:
            writes[each.name] = meant[each.name] = each.wanted
    return Change(writes, meant, tuple(dict.fromkeys(left_out)))


def _seen(view: View) -> Iterator[tuple[str, Sequence[Assigned], float | None]]:
    """Of each appointment that is there: who is assigned, and the distance that stands."""
    yield view.appointment, view.team, view.distance
    for name, each in view.beside.items():
        if name != view.appointment:
            yield name, each.team, each.distance


def _mine(team: Iterable[Assigned], resource: str, part: Part | None) -> Assigned | None:
    its = [each for each in team if each.resource == resource]
    known = part.assignment if part else ""
    return min(its, key=lambda each: (each.id != known, each.id), default=None)


def _lead(team: Iterable[Assigned]) -> str:
    """The primary resource, else the one who was assigned first, as ids go."""
    first = min(team, key=lambda each: (not each.primary, each.id), default=None)
    return first.resource if first else ""


def _first(part: Part | None) -> bool:
    return bool(part and part.trip and part.trip.first)


def _passed(appointment: str, part: Part | None, elsewhere: Iterable[Day]) -> bool:
    """Whether the first way to an appointment is another day's."""
    if part and part.trip:
        return not part.trip.first
    return any(_first(day.parts.get(appointment)) for day in elsewhere)


def _of(field: Field) -> str:
    return f" ({field.number})" if field.number else ""
