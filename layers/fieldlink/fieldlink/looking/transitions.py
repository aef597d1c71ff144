"""Rule: everything that can happen to a row in Salesforce, and what follows from it.

One table, which the poller decides by and counts by.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from fieldlink.models import Category
from fieldlink.records import Appointment, Assignment, Resource, Row, Shift

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class Effect(StrEnum):
    """What the tracking side does; each looks at the state, so twice does no harm."""

    LOOK = "look at the assigned resources"
    LOOK_AT_FORMER = "look at the former one too"
    INVITE = "invite, unless that was done"
    INVITE_ANEW = "invite again, if the invitation went elsewhere and was not used"
    UNVANISH = "forget that it had vanished"


class Change(NamedTuple):
    """A row before and after; an assignment beside the others of its appointment."""

    was: Any  # of the kind of `now`, or None if the row was not known
    now: Any
    others_were: Sequence[Assignment] = ()
    others_are: Sequence[Assignment] = ()


type When = Callable[[Change], bool]


class Transition(NamedTuple):
    """Something that happens to rows, how it is told, and what follows."""

    name: str
    happened: When
    effects: frozenset[Effect]


NOTHING: frozenset[Effect] = frozenset()
LOOK = frozenset({Effect.LOOK})
LOOK_AT_BOTH = LOOK | {Effect.LOOK_AT_FORMER}
INVITE = frozenset({Effect.INVITE})
INVITE_ANEW = INVITE | {Effect.INVITE_ANEW}
BACK = LOOK_AT_BOTH | {Effect.UNVANISH}
UNKNOWN = "not noted"  # of a row that an earlier version left unfinished


def _new(change: Change) -> bool:
    return change.was is None and not change.now.gone


def _stays(change: Change) -> bool:
    return change.was is not None and not change.was.gone and not change.now.gone


def _new_and(fits: Callable[[Any], bool]) -> When:
    return lambda change: _new(change) and fits(change.now)


def _changed(*fields: str) -> When:
    return lambda change: (
        _stays(change)
        and any(getattr(change.was, each) != getattr(change.now, each) for each in fields)
    )


def _became(fits: Callable[[Any], bool]) -> When:
    return lambda change: _stays(change) and fits(change.now) and not fits(change.was)


def _closed(row: Appointment) -> bool:
    return row.category.closed


def _open(row: Appointment) -> bool:
    return not row.category.closed


def _closed_as(category: Category) -> When:
    return lambda change: _became(_closed)(change) and change.now.category is category


def _for_days(row: Appointment) -> bool:
    """Whether it begins and ends on different days, in UTC."""
    ends = row.ends_at
    return row.starts_at is not None and ends is not None and row.starts_at.date() < ends.date()


def _assigned(way: str) -> When:
    return lambda change: _new(change) and change.now.technician and _way(change) == way


def _way(change: Change) -> str:
    there = {each.id for each in change.others_are if not each.gone}
    if change.now.crew:
        return "crew"
    if any(not each.gone and each.id not in there for each in change.others_were):
        return "instead"  # another row of the appointment went at the same time
    return "beside" if there else "alone"


def _at_work(row: Resource) -> bool:
    return row.active and row.technician


def _deactivated(*, user: bool) -> When:
    return lambda change: (
        _became(lambda row: not row.active)(change) and change.now.user_active is not user
    )


def _went(how: str) -> When:
    return lambda change: (
        change.was is not None and not change.was.gone and getattr(change.now, how)
    )


def _back_from(how: str) -> When:
    return lambda change: (
        change.was is not None and getattr(change.was, how) and not change.now.gone
    )


TABLE: dict[type[Row], tuple[Transition, ...]] = {
    Appointment: (
        Transition("appointment created", _new_and(_open), LOOK),
        Transition("appointment first seen closed", _new_and(_closed), NOTHING),
        Transition("appointment rescheduled", _changed("starts_at", "ends_at"), LOOK),
        Transition("appointment now takes days", _became(_for_days), LOOK),
        Transition("appointment moved", _changed("latitude", "longitude"), LOOK),
        Transition("address changed", _changed("address"), LOOK),
        Transition("site's time zone changed", _changed("time_zone"), LOOK),
        Transition("subject changed", _changed("subject", "number"), LOOK),
        Transition("appointment cancelled", _closed_as(Category.CANCELED), LOOK),
        Transition("appointment not completed", _closed_as(Category.CANNOT_COMPLETE), LOOK),
        Transition("appointment completed", _closed_as(Category.COMPLETED), LOOK),
        Transition("appointment reopened", _became(_open), LOOK),
        Transition(
            "status moved on",
            lambda change: (
                _changed("category")(change) and _closed(change.was) == _closed(change.now)
            ),
            NOTHING,
        ),
        Transition("appointment joined a bundle", _became(lambda row: row.bundled), LOOK),
        Transition("appointment left a bundle", _became(lambda row: not row.bundled), LOOK),
        Transition("appointment deleted", _went("deleted"), LOOK),
        Transition("appointment undeleted", _back_from("deleted"), BACK),
        Transition("appointment hidden", _went("hidden"), LOOK),
        Transition("appointment shown again", _back_from("hidden"), BACK),
    ),
    Assignment: (
        Transition("crew's own row", _new_and(lambda row: not row.technician), NOTHING),
        Transition("assigned", _assigned("alone"), LOOK),
        Transition("assigned as another resource", _assigned("beside"), LOOK),
        Transition("assigned with a crew", _assigned("crew"), LOOK),
        Transition("reassigned by another row", _assigned("instead"), LOOK),
        Transition("reassigned", _changed("resource"), LOOK_AT_BOTH),
        Transition("resource's kind seen changed", _changed("technician"), LOOK),
        Transition("unassigned", _went("deleted"), LOOK_AT_BOTH),
        Transition("assignment undeleted", _back_from("deleted"), BACK),
        Transition("assignment hidden", _went("hidden"), LOOK_AT_BOTH),
        Transition("assignment shown again", _back_from("hidden"), BACK),
    ),
    Resource: (
        Transition("new technician", _new_and(_at_work), INVITE),
        Transition("new, but not at work", _new_and(lambda row: not _at_work(row)), LOOK),
        Transition("resource deactivated", _deactivated(user=False), LOOK),
        Transition("user deactivated", _deactivated(user=True), LOOK),
        Transition("resource reactivated", _became(lambda row: row.active), LOOK | INVITE_ANEW),
        Transition(
            "became a technician", _became(lambda row: row.technician), LOOK | INVITE_ANEW
        ),
        Transition("no technician any more", _became(lambda row: not row.technician), LOOK),
        Transition("e-mail changed", _changed("email"), INVITE_ANEW),
        Transition("resource renamed", _changed("name"), NOTHING),
        Transition("time zone changed", _changed("time_zone"), NOTHING),
        Transition("resource hidden", _went("hidden"), LOOK),
        Transition("resource shown again", _back_from("hidden"), BACK | INVITE_ANEW),
    ),
    Shift: (
        Transition("shift planned", _new, LOOK),
        Transition("shift moved", _changed("starts_at", "ends_at"), LOOK),
        Transition("shift of another resource", _changed("resource"), LOOK_AT_BOTH),
        Transition("shift made firm", _became(lambda row: row.firm), LOOK),
        Transition("shift no longer firm", _became(lambda row: not row.firm), LOOK),
        Transition("shift deleted", _went("deleted"), LOOK_AT_BOTH),
        Transition("shift undeleted", _back_from("deleted"), LOOK_AT_BOTH),
        Transition("shift hidden", _went("hidden"), LOOK_AT_BOTH),
        Transition("shift shown again", _back_from("hidden"), LOOK_AT_BOTH),
    ),
}
EFFECTS = {each.name: each.effects for kind in TABLE.values() for each in kind}


def found(change: Change) -> tuple[str, ...]:
    """The names of all that has happened to a row."""
    return tuple(each.name for each in TABLE[type(change.now)] if each.happened(change))


def effects(names: Iterable[str]) -> set[Effect]:
    """What follows; from a name that is not in the table, everything."""
    return {effect for name in names for effect in EFFECTS.get(name, frozenset(Effect))}
