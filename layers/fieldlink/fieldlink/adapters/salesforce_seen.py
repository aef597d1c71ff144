"""What the rows of a look say about one resource's work, in our words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from fieldlink.adapters import salesforce_rows, salesforce_soql_work
from fieldlink.errors import NOT_ASSIGNED, Refused
from fieldlink.ids import salesforce_id
from fieldlink.models import Beside, View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fieldlink.adapters.salesforce_soql import Wants
    from fieldlink.models import Assigned, Look, Sheet, Status

WORK_ORDER = "0WO"
WORK_ORDER_LINE = "1WL"

type Row = dict[str, Any]


class Seen(NamedTuple):
    """The rows that some looks have found."""

    work: dict[str, Row]
    teams: dict[str, list[Row]]  # by appointment
    sheets: dict[str, list[Row]] | None  # by resource; None: there are none
    problem: str  # why
    entries: dict[str, Row]
    blind: str  # why it can't be told what became of entries, or ""
    statuses: tuple[Status, ...]


def view(look: Look, seen: Seen, user: str, wants: Wants) -> View:
    """Where no appointment is looked at, all that is told of one is empty."""
    work, name = seen.work.get(look.appointment, {}), look.appointment
    own = next(_of_resource(look, seen, name), {})
    if name and not work:
        raise Refused(f"appointment {name} does not exist or is not shared with us")
    if name and not (own or look.left):
        why = f"resource {look.resource} is not assigned to appointment {name}"
        raise Refused(why, code=NOT_ASSIGNED)
    person = next(_of_resource(look, seen, name, *look.others), {}).get("ServiceResource") or {}
    return View(
        **_of_appointment(work, wants),
        appointment=name,
        resource=look.resource,
        statuses=seen.statuses,
        changed_by_us=work.get("LastModifiedById") == user,
        assignment=own.get("Id") or "",
        team=_team(name, seen),
        resource_name=person.get("Name") or "",
        time_zone=(person.get("RelatedRecord") or {}).get("TimeZoneSidKey") or "UTC",
        sheets=_sheets(look, seen),
        sheets_problem=_problem(look, seen),
        entries={
            each: booked
            for each in look.entries
            if each in seen.entries and (booked := salesforce_rows.booked(seen.entries[each]))
        },
        beside={each: _beside(each, seen, wants) for each in look.others if each in seen.work},
    )


def _of_resource(look: Look, seen: Seen, *appointments: str) -> Iterator[Row]:
    for each in appointments:
        for row in seen.teams.get(each, ()):
            if row.get("ServiceResourceId") == look.resource:
                yield row


def _of_appointment(work: Row, wants: Wants) -> dict[str, Any]:
    moment, parent = salesforce_rows.moment, work.get("ParentRecordId")
    category = salesforce_rows.category(work.get("StatusCategory"))
    link, distance = wants.field, wants.distance_field
    return {
        "number": work.get("AppointmentNumber") or "",
        "address": salesforce_rows.address(work),
        "status": work.get("Status") or "",
        "category": category,
        "starts_at": moment(work.get("SchedStartTime")),
        "ends_at": moment(work.get("SchedEndTime")),
        "actual_start": moment(work.get("ActualStartTime")),
        "actual_end": moment(work.get("ActualEndTime")),
        "actual_minutes": work.get("ActualDuration"),
        "work_order": salesforce_id(parent, WORK_ORDER),
        "work_order_line": salesforce_id(parent, WORK_ORDER_LINE),
        "changed_at": moment(work.get("LastModifiedDate")) or datetime.min.replace(tzinfo=UTC),
        "site_zone": salesforce_rows.site_zone(work),
        # Nothing is told of a field that was not shown.
        "link_field": bool(link) and link in work,
        "share_link": work.get(link) or None,
        "distance_field": bool(distance) and distance in work,
        "distance": work.get(distance),
    }


def _team(appointment: str, seen: Seen) -> tuple[Assigned, ...]:
    """One without a resource is held for nobody in particular."""
    rows = [row for row in seen.teams.get(appointment, ()) if row.get("ServiceResourceId")]
    return tuple(salesforce_rows.assigned(row) for row in rows)


def _beside(appointment: str, seen: Seen, wants: Wants) -> Beside:
    distance = seen.work[appointment].get(wants.distance_field)
    return Beside(team=_team(appointment, seen), distance=distance)


def _problem(look: Look, seen: Seen) -> str:
    """Where our entries can't be seen, they must not be taken for deleted."""
    return seen.problem or (seen.blind if look.entries else "")


def _sheets(look: Look, seen: Seen) -> tuple[Sheet, ...] | None:
    """As if they had been asked for alone."""
    if seen.sheets is None or _problem(look, seen):
        return None
    first, last = salesforce_soql_work.span(look)
    found = [salesforce_rows.sheet(row) for row in seen.sheets.get(look.resource, ())]
    return tuple(each for each in found if each.first <= last and each.last >= first)
