"""Rule: the status and the times of one appointment, under two settings."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.models import Category, Kind
from fieldlink.records import Ours
from fieldlink.rehearsing.difference import Difference, shown
from fieldlink.writing import actual_times, status, writes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from fieldlink.models import Ability, Changes, Fact, View
    from fieldlink.practice import Practice
    from fieldlink.rehearsing.sample import Work

TITLES = {"status": "Status", "actual_start": "Actual Start", "actual_end": "Actual End"}


class Side(NamedTuple):
    """One of the two settings, and what the org can't take of it."""

    practice: Practice
    lacking: Mapping[Ability, str]


class Sides(NamedTuple):
    """Both of them."""

    present: Side
    typed: Side


class Case(NamedTuple):
    """One appointment, as it stands."""

    facts: tuple[Fact, ...]
    view: View
    ours: Ours

    def anew(self, practice: Practice, now: datetime) -> Case:
        """As it would be if nothing had been written yet and everything came in now."""
        blank = {"status": "", "category": Category.NONE, "changed_by_us": True}
        times = dict.fromkeys(("actual_start", "actual_end", "actual_minutes"))
        view = self.view.model_copy(update={**blank, **times})
        return Case(with_confirmed(self.facts, practice, now), view, Ours())

    def standing(self, side: Side) -> dict[str, object]:
        """What would be written of status and times, by its name."""
        return {str(name): value for name, value in self._changes(side).items()}

    def rule(self, name: str, side: Side) -> str:
        """Why."""
        if name == "status":
            decision = status.decide(self.facts, self.view, self.ours, side.practice)
            return decision.rule or "; ".join(decision.left_out) or "no fact calls for one"
        told: Changes = {each: to for each, to in self._changes(side).items() if each == name}
        return "; ".join(actual_times.rules(told, side.practice)) or "no fact tells of it"

    def _changes(self, side: Side) -> Changes:
        return writes.standing(self.facts, self.view, self.ours, side.practice, side.lacking)


def with_confirmed(
    facts: Iterable[Fact], practice: Practice, now: datetime
) -> tuple[Fact, ...]:
    """And what would have been confirmed by now; whether it completes the work is for the
    settings to say.
    """
    told = tuple(facts)
    before = now - timedelta(minutes=practice.exit_grace)
    exits = (each for each in told if each.kind is Kind.LEFT and each.at <= before)
    return (*told, *map(_confirmed, exits))


def differences(work: Work, sides: Sides, now: datetime) -> Iterator[Difference]:
    """Both settings are asked for the whole, as if nothing had been written yet: what stands
    would hide a status, which never goes back.
    """
    case = Case(work.facts, work.view, work.visit.ours)
    present, typed = sides
    anew = case.anew(typed.practice, now)
    by_present = case.anew(present.practice, now).standing(present)
    by_typed = anew.standing(typed)
    next_present, next_typed = case.standing(present), case.standing(typed)
    for name, title in TITLES.items():
        was, would_be = by_present.get(name), by_typed.get(name)
        at_once = name in next_typed and next_typed.get(name) != next_present.get(name)
        if was == would_be:
            continue
        yield Difference(
            appointment=work.view.appointment,
            number=work.view.number,
            what=title,
            held=shown(getattr(work.view, name)),
            present=shown(was),
            typed=shown(next_typed.get(name) if at_once else would_be),
            at_once=at_once,
            rule=anew.rule(name, typed),
        )


def _confirmed(left: Fact) -> Fact:
    return left.model_copy(
        update={"kind": Kind.EXIT_CONFIRMED, "key": f"rehearsed {left.key}", "arrived_at": None}
    )
