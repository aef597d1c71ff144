"""Rule: the rows of the Activity that the facts of one appointment have under two settings.

A row that stands is never written again: other settings are for facts to come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.models import Kind
from fieldlink.records import Ours
from fieldlink.rehearsing.difference import Difference, shown
from fieldlink.writing import visits, writes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fieldlink.models import Delivered, Writes
    from fieldlink.rehearsing.cases import Side, Sides
    from fieldlink.rehearsing.sample import Work

MOST_TOLD = 20  # facts of one appointment, the newest


def differences(work: Work, sides: Sides) -> Iterator[Difference]:
    """One for each fact whose row would have been another."""
    told = sorted(work.visit.facts.values(), key=lambda each: visits.when(each.fact))
    for delivered in told[-MOST_TOLD:]:
        present, typed = (_rows(delivered, work, each) for each in sides)
        if _same(present, typed):
            continue
        fact = delivered.fact
        yield Difference(
            appointment=work.view.appointment,
            number=work.view.number,
            what=f"Activity: {fact.kind}, {shown(fact.at)}",
            held="",
            present=_text(present, typed),
            typed=_text(typed, present),
            rule="; ".join(typed.left_out),
            of="row",
        )


def _rows(delivered: Delivered, work: Work, side: Side) -> Writes:
    """Of all else that was known then only other links say whether a fact has a row."""
    fact = delivered.fact
    links = (each for each in work.visit.facts.values() if each.fact.kind is Kind.LINK_OFFERED)
    known = [each.fact for each in links if each.received_at < delivered.received_at]
    view = work.people.get(fact.resource, work.view)
    return writes.plan(fact, known, view, Ours(), side.practice, side.lacking)


def _same(one: Writes, other: Writes) -> bool:
    return (one.event, one.task) == (other.event, other.task)


def _text(rows: Writes, other: Writes) -> str:
    """What kind of row, its subject, and the lines that the other one has otherwise."""
    row = rows.event or rows.task
    if row is None:
        return ""
    beside = other.event or other.task
    lines = row.description.splitlines()
    known = {*beside.description.splitlines()} if beside else {*lines}
    differing = [each for each in lines if each not in known]
    return ": ".join([f"{_kind(rows)} “{row.subject}”", *filter(None, [" · ".join(differing)])])


def _kind(rows: Writes) -> str:
    if rows.event is None:
        return "open Task"
    return f"Task, {rows.event.done_as}," if rows.event.done_as else "Event"
