"""Rule: what the doctor looks at in an org's set-up: what our user may read and write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.examining.findings import Check, Told, fault, ok, warning
from fieldlink.models import Ability, Category

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fieldlink.models import Described
    from fieldlink.records import Connection

# Each needs a value: those that we set, and those by which work is begun and ended.
WANTED = (
    Category.SCHEDULED,
    Category.DISPATCHED,
    Category.IN_PROGRESS,
    Category.COMPLETED,
    Category.CANNOT_COMPLETE,
    Category.CANCELED,
)
BASIC = {Ability.STATUS, Ability.ACTUAL_START, Ability.ACTUAL_END}
TIMES = (
    Ability.STATUS,
    Ability.ACTUAL_START,
    Ability.ACTUAL_END,
    Ability.ACTUAL_DURATION,
    Ability.TRAVEL_TIME,
)
RIGHTS = "Change the permission set of the connected user; see docs/salesforce-setup.md."


def checks(described: Callable[[], Described], connection: Connection) -> Iterator[Check]:
    """In the order in which they are told."""
    yield Check("Field Service", lambda: _objects(described()))
    yield Check("fields that are read", lambda: _read(described()))
    yield Check("fields that are written", lambda: _written(described()))
    yield Check("statuses", lambda: _statuses(described()))
    yield Check("external keys", lambda: _keys(described()))
    yield Check("automatic status change", lambda: _automatic(described()))
    yield Check("sites' time zones", lambda: _zones(described(), connection))


def _objects(told: Described) -> Told:
    gone = [each for each in told.missing if any(_of(each, field) for field in told.needed)]
    if not gone:
        return ok("its objects are there and can be seen")
    return fault(
        f"can't be seen: {', '.join(gone)}",
        f"Switch Field Service on (Setup → Field Service Settings), if it is off. {RIGHTS}",
    )


def _read(told: Described) -> Told:
    """Of objects that can be seen; whole objects are told of elsewhere."""
    hidden = [each for each in told.unreadable if not _in_missing(each, told)]
    needed = [each for each in told.needed if each in hidden]
    if needed:
        return fault(f"needed, and can't be read: {', '.join(needed)}", RIGHTS)
    if hidden:
        return warning(f"can't be read and is left out: {', '.join(hidden)}", RIGHTS)
    return ok("all can be read")


def _in_missing(field: str, told: Described) -> bool:
    return any(_of(each, field) for each in told.missing)


def _of(name: str, field: str) -> bool:
    return field.partition(".")[0] == name


def _written(told: Described) -> Told:
    lacking = [each for each in TIMES if each in told.lacking]
    if not lacking:
        return ok("all can be written")
    words = "; ".join(dict.fromkeys(told.lacking[each] for each in lacking))
    grave = BASIC & set(lacking)
    return (fault if grave else warning)(f"left out of every write: {words}", RIGHTS)


def _statuses(told: Described) -> Told:
    there = {each.category for each in told.statuses}
    absent = [str(each) for each in WANTED if each not in there]
    if not absent:
        return ok("each category that we use has a value")
    return fault(
        f"no status can be set or told for: {', '.join(absent)}",
        "Give each of these categories a value in Service Appointment's Status picklist, and "
        "let the connected user read Service Appointment Status.",
    )


def _keys(told: Described) -> Told:
    if not told.loose_keys:
        return ok("none that could mislead; they are optional")
    return warning(
        f"not unique external ids: {', '.join(told.loose_keys)}",
        "Make the field an external id and unique, or remove it.",
    )


def _automatic(told: Described) -> Told:
    if told.automatic is None:
        return warning(
            "can't be told: Field Service Mobile Settings can't be seen",
            "Let the connected user read them, or see there yourself that it is off.",
        )
    if not told.automatic:
        return ok("off")
    return warning(
        f"two writers set one status: on in {', '.join(told.automatic)}",
        "Switch automatic status change off in Field Service Mobile Settings.",
    )


def _zones(told: Described, connection: Connection) -> Told:
    """Whoever tracks orders needs them, for work of several days."""
    if connection.tracking != "orders" or not told.no_site_zone:
        return ok("known, or not needed")
    return warning(
        f"not known: {told.no_site_zone}",
        "The days of work that takes several are those of UTC until the connected user can "
        "read Service Territories and their Operating Hours.",
    )
