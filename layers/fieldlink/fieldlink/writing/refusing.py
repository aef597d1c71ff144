"""Rule: a status that Salesforce refuses does not hold up the rest of a fact."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from fieldlink.connecting import capabilities
from fieldlink.errors import Refused
from fieldlink.models import Writes, Written
from fieldlink.writing import standing, writes
from fieldlink.writing.status import MOVING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fieldlink.models import View
    from fieldlink.writing.desk import Desk
    from fieldlink.writing.jobs import Job


class StatusRefused(Refused):
    """Perhaps for our user's rights, perhaps for the status among it."""


def write(planned: Writes, job: Job, desk: Desk) -> tuple[Writes, Written]:
    """Write it: as planned, else by way of another status, else without one.

    Raises the refusal of the first if Salesforce takes none of these. What it refuses for our
    user's rights is planned anew first: see `replanning`. What is refused of several facts at
    once is for whoever applies them one by one.
    """
    directly = planned.model_copy(update={"through": ""})
    try:
        return directly, desk.salesforce.write(directly)
    except Refused as refusal:
        if job.view is None or job.others or "status" not in planned.changes:
            raise
        if capabilities.stale(refusal) and not desk.fresh:
            raise StatusRefused(str(refusal), code=refusal.code) from refusal
        first = refusal
    for milder in _milder(planned, job, job.view, first, desk):
        with suppress(Refused):
            made = Written() if milder.empty else desk.salesforce.write(milder)
            return milder, made
    raise first


def _milder(
    planned: Writes, job: Job, view: View, refusal: Refused, desk: Desk
) -> Iterator[Writes]:
    if planned.through:
        yield planned
    fact = job.delivered.fact
    rest = writes.without_status(planned, fact, view, desk.practice, str(refusal))
    rest = capabilities.within(rest, desk.lacking)
    # What has its row already, or moves no status, need not be parked for it.
    told = fact.kind not in MOVING or job.has_row or bool(job.found.event)
    if rest.event and not planned.event:
        told = told or _told_by_an_earlier_try(rest, job, desk)
    if told and not planned.event:
        rest = rest.model_copy(update={"event": None})
    if told or not rest.empty:
        yield rest


def _told_by_an_earlier_try(rest: Writes, job: Job, desk: Desk) -> bool:
    """Whether the row that says so is there: it was not planned, so nobody looked for it."""
    if job.begun is None or standing.safe(rest, desk):
        return False
    sought = Writes(appointment=rest.appointment, event=rest.event)
    return bool(desk.salesforce.find(sought).event)
