"""Rule: what one more fact changes on its appointment, given what that holds and what we wrote.

Travel and time sheets are the day's: see `time_sheets`.
"""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from fieldlink.connecting import capabilities
from fieldlink.models import Fact, Kind, View, Writes
from fieldlink.records import Ours
from fieldlink.trouble import telling
from fieldlink.writing import activity, actual_times, confirming, links, status
from fieldlink.writing.actual_times import whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fieldlink.models import Ability, Changes, NewEvent
    from fieldlink.practice import Practice
    from fieldlink.records import Intent

NOTHING: Mapping[Ability, str] = MappingProxyType({})
JSON = TypeAdapter[dict[str, Any]](dict[str, Any])


def plan(
    fact: Fact,
    known: Iterable[Fact],
    view: View,
    ours: Ours,
    practice: Practice,
    lacking: Mapping[Ability, str] = NOTHING,
    others: Sequence[Fact] = (),
) -> Writes:
    """Everything that `fact`, added to the facts known before, changes on the appointment.

    `lacking`: what can't be written in this org, and why. `others`: added along with `fact`.
    """
    facts = {each.key: each for each in (*known, fact, *others)}.values()
    row = partial(_event, facts=facts, view=view, practice=practice, lacking=lacking)
    decision = status.decide(facts, view, ours, practice)
    times = _times(facts, view, ours, practice, lacking)
    link, no_link = links.change(fact, facts, view, ours, lacking)
    wished = Writes(
        appointment=view.appointment,
        parent=view.work_order or view.work_order_line,
        changes=_status(decision.status) | times | link,
        through=decision.through,
        event=row(fact),
        others=tuple(filter(None, map(row, others))),
        task=telling.task(fact, view, practice) if fact.kind is Kind.OUTAGE_BEGAN else None,
        left_out=(*decision.left_out, *no_link, *_unconfirmed(fact, facts, view, practice)),
        rule="; ".join(filter(None, [decision.rule, *actual_times.rules(times, practice)])),
    )
    return capabilities.within(wished, lacking)


def without_status(
    planned: Writes, fact: Fact, view: View, practice: Practice, why: str
) -> Writes:
    """The same, if Salesforce refuses the status: times only, and a row that says so.

    One for each fact that may move the status, be it of a kind that is not told else. Whoever
    uses it leaves out again what the org lacks, and the row of a fact that has one already.
    """
    refused, event = planned.changes.get("status"), planned.event
    if fact.kind in status.MOVING and (event or fact.kind not in activity.SUBJECTS):
        event = activity.row(fact, view, practice, why)
    return planned.model_copy(
        update={
            "changes": {name: to for name, to in planned.changes.items() if name != "status"},
            "through": "",
            "event": event,
            "left_out": (*planned.left_out, f"no status: {refused} was refused: {why}"),
        }
    )


def before(planned: Writes, view: View) -> dict[str, Any]:
    """What stands where `planned` writes; of a link only whether there is one."""
    held = {name: getattr(view, name) for name in planned.changes}
    if "share_link" in held:
        held["share_link"] = bool(view.share_link)
    near = [(view.team, view.appointment, view.distance)] + [
        (each.team, appointment, each.distance) for appointment, each in view.beside.items()
    ]
    travel = {each.id: each.travel for team, _, _ in near for each in team}
    far = {appointment: metres for _, appointment, metres in near}
    ids = [*(each.id for each in planned.entries), *planned.removed]
    stood = {
        "changes": held,
        "travel": {each: travel.get(each) for each in planned.travel},
        "distances": {each: far.get(each) for each in planned.distances},
        "entries": {
            each: {"starts_at": booked.starts_at, "ends_at": booked.ends_at}
            for each in ids
            if (booked := view.entries.get(each))
        },
    }
    found: dict[str, Any] = JSON.dump_python(stood, mode="json")
    return {name: each for name, each in found.items() if each}


def standing(
    facts: Iterable[Fact],
    view: View,
    ours: Ours,
    practice: Practice,
    lacking: Mapping[Ability, str] = NOTHING,
) -> Changes:
    """What the facts as a whole would change of status and times, with nothing new told.

    The customer's link does not hang on how work is written.
    """
    told, ours = list(facts), noticed(ours, view)
    decision = status.decide(told, view, ours, practice)
    times = _times(told, view, ours, practice, lacking)
    return capabilities.possible(_status(decision.status) | times, lacking)


def remember(ours: Ours, writes: Writes) -> Ours:
    """What we have written to the appointment once `writes` are carried out."""
    known = Ours.model_fields
    return ours.model_copy(
        update={str(name): to for name, to in writes.changes.items() if name in known}
    )


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
            ("actual_start", meant.actual_start, whole(view.actual_start)),
            ("actual_end", meant.actual_end, whole(view.actual_end)),
            ("share_link", meant.share_link, view.share_link),
        )
        if value == held
    }
    return ours.model_copy(update=written)


def noticed(ours: Ours, view: View) -> Ours:
    """Ours, and when a person chose another status: our next write hides that it was one."""
    differs = ours.status is not None and view.status != ours.status
    if not differs or view.changed_by_us:
        return ours
    return ours.model_copy(update={"overruled_at": view.changed_at})


def _unconfirmed(
    fact: Fact, facts: Iterable[Fact], view: View, practice: Practice
) -> tuple[str, ...]:
    why = confirming.why_not(fact, facts, view, practice)
    return (f"no status: {why}",) if why else ()


def _status(name: str) -> Changes:
    return {"status": name} if name else {}


def _times(
    facts: Iterable[Fact],
    view: View,
    ours: Ours,
    practice: Practice,
    lacking: Mapping[Ability, str],
) -> Changes:
    """With the duration, which is that of the times as they can be written."""
    times = actual_times.changes(facts, view, ours, practice)
    stays = capabilities.possible(times, lacking)
    return times | actual_times.with_duration(stays, view)


def _event(
    fact: Fact,
    facts: Iterable[Fact],
    view: View,
    practice: Practice,
    lacking: Mapping[Ability, str],
) -> NewEvent | None:
    """The row for a fact that has one; a link has one where no field takes it."""
    if fact.kind not in activity.SUBJECTS:
        return None
    if fact.kind is Kind.LINK_OFFERED and not links.row_wanted(fact, facts, view, lacking):
        return None
    return activity.row(fact, view, practice)
