"""Rule: whether the names that a connection's settings use are there in its org."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.connecting.habits import TITLES
from fieldlink.errors import FieldlinkError, Refused, Unavailable
from fieldlink.models import Ability

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fieldlink.models import Category, Described, Status
    from fieldlink.ports import Describing
    from fieldlink.records import Capabilities, Connection

# What Salesforce lists as the values of these is in `listed` under these names.
STATUSES, ENTRY_TYPES, TASK_STATUSES = (
    "ServiceAppointment.Status",
    "TimeSheetEntry.Type",
    "Task.Status",
)


class Named(NamedTuple):
    """A value of the org's own that a setting names."""

    title: str  # of the setting
    name: str
    where: str  # the list in which it should stand
    category: Category | None = None  # that it should have
    up_to: Category | None = None  # beyond which it must not lie


def check(
    was: Connection, wanted: Connection, org: Callable[[Connection], Describing]
) -> Described | None:
    """Refused, in sentences, if the org does not have what is named.

    Returns what the org says, None if it had not to be asked. While it can't be asked, what
    names nothing new may be kept; Unavailable for anything else.
    """
    if (was.practice, was.share_field) == (wanted.practice, wanted.share_field):
        return None
    told = _told(wanted, org) if was.live else "it is not connected to Salesforce"
    if isinstance(told, str):
        if _all_names(wanted) <= _all_names(was):
            return None
        raise Unavailable(
            f"Whether the org has what is named can't be told now: {told}. "
            "Nothing was saved; please try again later"
        )
    wrong = [
        *_unseen(wanted, told),
        *amiss(wanted, told.statuses, told.listed),
        *_fields_amiss(wanted, told.lacking),
    ]
    if wrong:
        raise Refused(" ".join(wrong))
    return told


def forgotten(connection: Connection, able: Capabilities | None) -> list[str]:
    """What the settings name and the org was last seen not to have: renamed, or removed."""
    return amiss(connection, able.statuses, able.listed) if able else []


def amiss(
    connection: Connection, statuses: tuple[Status, ...], listed: Mapping[str, tuple[str, ...]]
) -> list[str]:
    """A sentence for each value that is named and not there, or not what it is named for.

    A list that can't be seen tells nothing: what needs it is left out of every write.
    """
    categories = {each.name: each.category for each in statuses}
    found = []
    for named in _values(connection):
        known = tuple(categories) if named.where == STATUSES else ()
        values = listed.get(named.where) or known
        if values and named.name not in values:
            found.append(_not_there(named, values, categories))
        elif named.where == STATUSES:
            found.append(_misplaced(named, categories.get(named.name)))
    return [each for each in found if each]


def _told(wanted: Connection, org: Callable[[Connection], Describing]) -> Described | str:
    """What the org says of itself, or why it can't be asked."""
    try:
        return org(wanted).described()
    except FieldlinkError as error:
        return str(error)


def _values(connection: Connection) -> Iterator[Named]:
    """Those that are used as the settings stand."""
    practice = connection.practice
    for category, name in practice.statuses.items():
        yield Named(f"status for {TITLES[category]}", name, STATUSES, category)
    for category, name in practice.through.items():
        title = f"status to pass on the way to {TITLES[category]}"
        yield Named(title, name, STATUSES, up_to=category)
    if practice.time_sheets != "none":
        yield Named("type of a visit's entry", practice.work_type, ENTRY_TYPES)
    if practice.time_sheets == "visits_and_travel":
        yield Named("type of a travel entry", practice.travel_type, ENTRY_TYPES)
    if practice.activity == "tasks":
        yield Named("status of a Task", practice.task_status, TASK_STATUSES)


def _all_names(connection: Connection) -> set[tuple[str, ...]]:
    """Whatever the org would have to be asked about."""
    fields = (connection.share_field, connection.practice.distance_field)
    return {
        *((each.where, each.name, each.title) for each in _values(connection)),
        *((each,) for each in fields if each),
    }


def _not_there(
    named: Named, values: tuple[str, ...], categories: Mapping[str, Category]
) -> str:
    wanted = named.category
    fit = [each for each in values if wanted is None or categories.get(each) is wanted]
    instead = f" There is: {', '.join(fit)}." if fit else " There is none that would do."
    return f"The org has no “{named.name}” ({named.title}).{instead}"


def _unseen(connection: Connection, told: Described) -> list[str]:
    practice = connection.practice
    if told.statuses or not (practice.statuses or practice.through):
        return []
    return ["The connected user can't see the org's statuses, so none can be named."]


def _misplaced(named: Named, category: Category | None) -> str:
    """Why a status that is there does not do, or ""."""
    if category is None:
        return ""
    if named.category and category is not named.category:
        return f"“{named.name}” ({named.title}) is of the category {TITLES[category]}."
    if named.up_to and (category.rank > named.up_to.rank or _closes(category, named.up_to)):
        return f"“{named.name}” ({named.title}) is of {TITLES[category]}: no way there."
    return ""


def _closes(category: Category, before: Category) -> bool:
    """Whether the work would be closed on the way to something else."""
    return category.closed and category is not before


def _fields_amiss(connection: Connection, lacking: Mapping[Ability, str]) -> list[str]:
    """A sentence for each field that is named and can't be written."""
    practice = connection.practice
    named = (
        ("distance", practice.distance_field, Ability.DISTANCE),
        ("customer's link", connection.share_field, Ability.SHARE_LINK),
    )
    return [
        f"The field for the {title} can't be used: {lacking[ability]}."
        for title, field, ability in named
        if field and ability in lacking
    ]
