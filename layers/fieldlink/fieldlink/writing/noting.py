"""Rule: what the ledger says of a fact that is applied: what it wrote, over what, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fieldlink.models import Outcome, Writes, Written
from fieldlink.writing import standing, writes
from fieldlink.writing.desk import row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fieldlink.models import Delivered, LedgerRow, NewEvent
    from fieldlink.writing.desk import Desk
    from fieldlink.writing.jobs import Job


def ledger_rows(job: Job, written: Writes, made: Written, desk: Desk) -> list[LedgerRow]:
    """What this try wrote, and what an earlier one did: all of it with the first fact, and with
    each other its own row in the Activity.
    """
    begun = job.begun
    done = begun is not None and standing.carried_out(begun, job.found, job.view)
    earlier = begun.planned if begun and done else None
    first = _first(job, written, made, earlier, desk)
    rows = {each.key: each for one in (earlier, written) if one for each in one.others}
    return [
        first,
        *(_other(each, rows.get(each.fact.key), first, made, desk) for each in job.others),
    ]


def _first(
    job: Job, written: Writes, made: Written, earlier: Writes | None, desk: Desk
) -> LedgerRow:
    wrote = joined(_wrote(earlier, made), _wrote(written, made))
    # A button of the day is kept as it is: there may be nothing that it frames yet.
    applied = bool(wrote) or job.visit is None
    return row(
        job.delivered,
        Outcome.APPLIED if applied else Outcome.SUPERSEDED,
        desk,
        wrote=wrote,
        before=told_before(job, written) if earlier else before(job, written),
        rule=written.rule or (earlier.rule if earlier else ""),
        request=made.request,
        reason="; ".join(written.left_out),
    )


def _other(
    told: Delivered, event: NewEvent | None, first: LedgerRow, made: Written, desk: Desk
) -> LedgerRow:
    alone = Writes(appointment=first.appointment, event=event)
    wrote = _wrote(alone, Written(event=made.others.get(told.fact.key, "")))
    return row(
        told,
        Outcome.APPLIED if wrote else first.outcome,
        desk,
        wrote=wrote,
        rule=f"applied together with delivery {first.delivery}, whose row has the changes",
        request=first.request,
        reason=first.reason,
    )


def told_before(job: Job, written: Writes) -> dict[str, Any]:
    """Likewise, and what stood there before an earlier try."""
    return joined(job.begun.before if job.begun else {}, before(job, written))


def before(job: Job, written: Writes) -> dict[str, Any]:
    """What stands where it is written, of entries by their keys."""
    stood = writes.before(written, job.view) if job.view else {}
    keys = {each.id: each.key for each in written.entries if each.id}
    entries = {keys.get(name, name): each for name, each in stood.get("entries", {}).items()}
    return {**stood, **({"entries": entries} if entries else {})}


def joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Both, and where they differ the other; rows that have a key are told apart by it."""
    found = {**one, **other}
    for name in one.keys() & other.keys():
        if isinstance(one[name], dict) and isinstance(other[name], dict):
            found[name] = {**one[name], **other[name]}
        elif isinstance(one[name], list) and name in {"entries", "sheets"}:
            rows = {each["key"]: each for each in (*one[name], *other[name])}
            found[name] = list(rows.values())
    return found


def _wrote(planned: Writes | None, made: Written) -> dict[str, Any]:
    """Without words, and with the ids of the rows that were made."""
    if planned is None or planned.empty:
        return {}
    told = planned.without_words
    for name, made_id in (("event", made.event), ("task", made.task)):
        if name in told and made_id:
            told[name]["id"] = made_id
    for name, ids in (("entries", made.entries), ("sheets", made.sheets)):
        for each in told.get(name, ()):
            if each["key"] in ids:
                each["id"] = ids[each["key"]]
    return told
