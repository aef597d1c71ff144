"""Rule: what the doctor looks at in an org for what a connection's settings ask of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.connecting import checking
from fieldlink.examining.examining_rights import RIGHTS
from fieldlink.examining.findings import Check, Told, fault, ok, warning
from fieldlink.models import Ability

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fieldlink.models import Described
    from fieldlink.records import Connection

TELLING = (Ability.EVENTS, Ability.EVENT_PLACE, Ability.DONE_TASKS)
SHEETS = (
    Ability.TIME_SHEETS,
    Ability.TIME_SHEET_ENTRIES,
    Ability.CHANGED_ENTRIES,
    Ability.REMOVED_ENTRIES,
)


def checks(described: Callable[[], Described], connection: Connection) -> Iterator[Check]:
    """In the order in which they are told."""
    yield Check("names in the settings", lambda: _named(described(), connection))
    yield Check("Activity", lambda: _abilities(described(), TELLING))
    yield Check("Tasks", lambda: _tasks(described(), connection))
    yield Check("time sheets", lambda: _sheets(described(), connection))
    yield Check("travelled distance", lambda: _distance(described(), connection))
    yield Check("customer's link", lambda: _link(described(), connection))
    yield Check("Shifts", lambda: _shifts(described(), connection))
    yield Check("live positions", lambda: _positions(described(), connection))


def _named(told: Described, connection: Connection) -> Told:
    amiss = checking.amiss(connection, told.statuses, told.listed)
    if not amiss:
        return ok("the org has what they name")
    return warning(
        f"left out of every write: {' '.join(amiss)}",
        "Choose another in the settings on the connection's page, or give the org that value "
        "back.",
    )


def _abilities(told: Described, wanted: tuple[Ability, ...]) -> Told:
    words = list(dict.fromkeys(told.lacking[each] for each in wanted if each in told.lacking))
    if not words:
        return ok("rows can be made")
    return warning(
        f"left out of every write: {'; '.join(words)}",
        f"Only if these rows are wanted. {RIGHTS} A required field of your own needs a "
        "default value.",
    )


def _tasks(told: Described, connection: Connection) -> Told:
    if connection.outage_notice != "task":
        return ok("nobody wants any")
    return _abilities(told, (Ability.TASKS, Ability.URGENT_TASKS))


def _sheets(told: Described, connection: Connection) -> Told:
    if connection.practice.time_sheets == "none":
        return ok("nobody wants any")
    return _abilities(told, SHEETS)


def _distance(told: Described, connection: Connection) -> Told:
    if not connection.practice.distance_field:
        return ok("goes to the Activity only: no field is named")
    if why := told.lacking.get(Ability.DISTANCE):
        return warning(
            f"goes to the Activity only: {why}",
            f"Name a Number field in the settings. {RIGHTS}",
        )
    return ok("goes to its field, too")


def _link(told: Described, connection: Connection) -> Told:
    if not connection.share_field:
        return ok("goes to the Activity: no field is named")
    if why := told.lacking.get(Ability.SHARE_LINK):
        return warning(
            f"goes to the Activity: {why}",
            f"Name a Text or URL field of 255 characters in the settings. {RIGHTS}",
        )
    return ok("goes to its field")


def _shifts(told: Described, connection: Connection) -> Told:
    if not connection.by_shifts:
        return ok("tracking does not go by them")
    if told.no_shifts:
        return fault(f"tracking is to go by them, and can't: {told.no_shifts}", RIGHTS)
    return ok("can be read")


def _positions(told: Described, connection: Connection) -> Told:
    if not connection.live_positions:
        return ok("nobody wants them")
    if why := told.lacking.get(Ability.POSITIONS):
        return warning(f"not shown: {why}", RIGHTS)
    return ok("can be shown")
