"""Rule: what one more fact changes in Salesforce, given what it holds and what we wrote."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from fieldlink.connecting import capabilities
from fieldlink.models import Fact, Kind, View, Writes, minute
from fieldlink.records import Entry, Ours
from fieldlink.trouble import telling
from fieldlink.writing import activity, links, time_sheets, visits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fieldlink.models import Ability, Category, Changes, NewEvent
    from fieldlink.records import Connection, Intent
    from fieldlink.writing.visits import Attendance

NOTHING: Mapping[Ability, str] = MappingProxyType({})


def plan(
    fact: Fact,
    known: Iterable[Fact],
    view: View,
    ours: Ours,
    lacking: Mapping[Ability, str] = NOTHING,
) -> Writes:
    """Everything that `fact`, added to the facts known before, changes in Salesforce.

    `lacking`: what this org or our user can't have written, and why.
    """
    facts = {each.key: each for each in (*known, fact)}.values()
    present = visits.attendance(each for each in facts if each.resource == fact.resource)
    status, no_status = _status(facts, view, ours)
    times = _times(facts, view, ours)
    stays = capabilities.possible(times, lacking)  # a duration is that of the times as written
    entry, no_entry = time_sheets.entry(present, view, ours, lacking)
    link, no_link = links.change(fact, facts, view, ours, lacking)
    wished = Writes(
        appointment=view.appointment,
        assignment=view.assignment,
        changes=status | times | _with_duration(stays, view) | link,
        travel_minutes=_travel(present, view, ours),
        event=_event(fact, facts, view, lacking),
        entry=entry,
        task=telling.task(fact, view) if fact.kind is Kind.OUTAGE_BEGAN else None,
        left_out=no_status + no_entry + no_link,
    )
    return capabilities.within(wished, lacking)


def remember(ours: Ours, writes: Writes, entry: str) -> Ours:
    """What we have written to the appointment once `writes` are carried out."""
    travel = dict(ours.travel)
    if writes.travel_minutes is not None:
        travel[writes.assignment] = writes.travel_minutes
    entries = dict(ours.entries)
    if writes.entry:
        entries[writes.entry.resource] = Entry(
            id=entry, starts_at=writes.entry.starts_at, ends_at=writes.entry.ends_at
        )
    written = {
        str(name): value for name, value in writes.changes.items() if name in Ours.model_fields
    }
    return ours.model_copy(update={**written, "travel": travel, "entries": entries})


def finished(ours: Ours, intent: Intent, view: View) -> Ours:
    """Ours, and what a worker wrote that did not live to say so: its values stand there.

    A status that a person has replaced since then is taken for written, too: better one status
    that waits for the next fact than a person's decision undone.
    """
    meant = intent.meant or ours
    replaced = not view.changed_by_us and view.changed_at != intent.seen
    written: dict[str, object] = {
        name: value
        for name, value, held in (
            ("status", meant.status, meant.status if replaced else view.status),
            ("actual_start", meant.actual_start, _minute(view.actual_start)),
            ("actual_end", meant.actual_end, _minute(view.actual_end)),
            ("share_link", meant.share_link, view.share_link),
        )
        if value == held
    }
    travel = meant.travel.get(view.assignment)
    if travel is not None and travel == view.actual_travel:
        written["travel"] = {**ours.travel, view.assignment: travel}
    entry = time_sheets.changed(ours, meant, view)
    if entry:
        written["entries"] = {**ours.entries, view.resource: entry}
    return ours.model_copy(update=written)


def noticed(ours: Ours, view: View) -> Ours:
    """Ours, and when a person chose another status: our next write hides that it was one."""
    differs = ours.status is not None and view.status != ours.status
    if not differs or view.changed_by_us:
        return ours
    return ours.model_copy(update={"overruled_at": view.changed_at})


def too_early(fact: Fact, view: View, connection: Connection) -> bool:
    """Whether a resource only drove past the place of an appointment of another day."""
    if view.starts_at is None or fact.kind not in {Kind.ARRIVED, Kind.LEFT}:
        return False
    came_at = fact.arrived_at or fact.at  # a departure is judged by its arrival
    return view.starts_at - came_at > timedelta(hours=connection.early_hours)


def _event(
    fact: Fact, facts: Iterable[Fact], view: View, lacking: Mapping[Ability, str]
) -> NewEvent | None:
    """The row for a fact that has one; a link has one where no field takes it."""
    if fact.kind not in activity.SUBJECTS:
        return None
    if fact.kind is Kind.LINK_OFFERED and not links.row_wanted(fact, facts, view, lacking):
        return None
    return activity.row(fact, view)


def _status(facts: Iterable[Fact], view: View, ours: Ours) -> tuple[Changes, tuple[str, ...]]:
    """The status to set, if the facts carry the appointment further than it is; or why not.

    Facts from before a person's own decision count no more. A closed appointment stays closed,
    unless it was we who closed it and now know better.
    """
    overruled = ours.overruled_at
    wanted = visits.category(each for each in facts if not overruled or each.at >= overruled)
    closed_by_others = view.category.closed and view.status != ours.status
    if wanted.rank <= view.category.rank or closed_by_others:
        return {}, ()
    name = _status_named(wanted, view)
    if not name:
        return {}, (f"no status: this org has none of the category {wanted}",)
    return {"status": name}, ()


def _status_named(wanted: Category, view: View) -> str:
    """The org's own word for a category: its default value, else the first in its list."""
    names = [each for each in view.statuses if each.category is wanted]
    names.sort(key=lambda each: not each.default)
    return names[0].name if names else ""


def _times(facts: Iterable[Fact], view: View, ours: Ours) -> Changes:
    """First arrival and last departure of all resources, where no person wrote another."""
    resources = {fact.resource for fact in facts}
    each = [visits.attendance(f for f in facts if f.resource == name) for name in resources]
    start = min((one.start for one in each if one.start), default=None)
    ends = [one.end for one in each if one.start or one.end]
    # Once it is checked out its geofences go, so whoever has not left then is never seen to.
    over = None not in ends or any(one.checked_out for one in each)
    end = max((at for at in ends if at), default=None) if over else None
    wanted: Changes = {"actual_start": start, "actual_end": end}
    held = {"actual_start": view.actual_start, "actual_end": view.actual_end}
    last = {"actual_start": ours.actual_start, "actual_end": ours.actual_end}
    return {
        name: at
        for name, at in wanted.items()
        if at != _minute(held[name]) and _minute(held[name]) == last[name]
    }


def _with_duration(times: Changes, view: View) -> Changes:
    """The Field Service package fills ActualDuration once, and never mends it with the times.

    So where it stands for times that change we mend it, and leave any other to its author.
    """
    stood = _between(view.actual_start, view.actual_end)
    stands = _between(
        times.get("actual_start", view.actual_start), times.get("actual_end", view.actual_end)
    )
    if stood is None or stood == stands or stood != view.actual_minutes:
        return times
    return times | {"actual_minutes": stands}


def _between(start: object, end: object) -> float | None:
    """Minutes, or None while one of the two is missing."""
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        return None
    return (end - start).total_seconds() / 60


def _travel(present: Attendance, view: View, ours: Ours) -> float | None:
    """Minutes of travel, to the hundredth that the field holds; None: nothing to write."""
    if present.travel is None or present.travel.seconds is None:
        return None
    wanted = round(present.travel.seconds / 60, 2)
    untouched = view.assignment and view.actual_travel == ours.travel.get(view.assignment)
    return wanted if wanted != view.actual_travel and untouched else None


def _minute(moment: datetime | None) -> datetime | None:
    return minute(moment) if moment else None
