"""Rule: what other settings would have made of the work of the last days. Writes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.errors import FieldlinkError
from fieldlink.models import Category, Kind, Look, Outcome, View
from fieldlink.records import Capabilities, Ours, Visit
from fieldlink.writing import actual_times, status, writes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fieldlink.models import Ability, Changes, Fact, LedgerRow
    from fieldlink.ports import Ledger, SeveralAtOnce, State
    from fieldlink.practice import Practice
    from fieldlink.records import Connection

MOST = 100  # appointments: one or two API calls
DAYS = 14
ROWS_OF_A_DAY = 1_000
KNOWN = {Outcome.APPLIED, Outcome.SUPERSEDED, Outcome.DUPLICATE}
TITLES = {"status": "Status", "actual_start": "Actual Start", "actual_end": "Actual End"}


class Difference(NamedTuple):
    """One value of one appointment, as the two settings would have it."""

    appointment: str
    number: str
    what: str
    held: str  # what stands in Salesforce
    present: str  # by the settings as they are
    typed: str  # by the others
    at_once: bool  # whether the next fact of this work would bring it
    rule: str = ""


class Rehearsal(NamedTuple):
    """How the last days' work would look."""

    looked_at: int
    differences: tuple[Difference, ...] = ()
    unseen: tuple[tuple[str, str], ...] = ()  # appointments, and why they could not be seen


class Case(NamedTuple):
    """One appointment, as it stands."""

    facts: tuple[Fact, ...]
    view: View
    ours: Ours
    lacking: Mapping[Ability, str]

    def anew(self, practice: Practice, now: datetime) -> Case:
        """As it would be if nothing had been written yet and everything came in now.

        What would have been confirmed by now is; whether it completes the work is for the
        settings to say.
        """
        before = now - timedelta(minutes=practice.exit_grace)
        exits = (each for each in self.facts if each.kind is Kind.LEFT and each.at <= before)
        blank = {"status": "", "category": Category.NONE, "changed_by_us": True}
        times = dict.fromkeys(("actual_start", "actual_end", "actual_minutes"))
        return Case(
            (*self.facts, *map(_confirmed, exits)),
            self.view.model_copy(update={**blank, **times}),
            Ours(),
            self.lacking,
        )

    def standing(self, practice: Practice) -> dict[str, object]:
        """What would be written of status and times, by its name."""
        return {str(name): value for name, value in self._changes(practice).items()}

    def rule(self, name: str, practice: Practice) -> str:
        """Why."""
        if name == "status":
            decision = status.decide(self.facts, self.view, self.ours, practice)
            return decision.rule or "; ".join(decision.left_out) or "no fact calls for one"
        changes = self._changes(practice)
        told: Changes = {each: value for each, value in changes.items() if each == name}
        return "; ".join(actual_times.rules(told, practice))

    def _changes(self, practice: Practice) -> Changes:
        return writes.standing(self.facts, self.view, self.ours, practice, self.lacking)


def _confirmed(left: Fact) -> Fact:
    return left.model_copy(
        update={"kind": Kind.EXIT_CONFIRMED, "key": f"rehearsed {left.key}", "arrived_at": None}
    )


def rehearse(
    connection: Connection,
    typed: Practice,
    *,
    state: State,
    ledger: Ledger,
    org: SeveralAtOnce,
    now: datetime,
) -> Rehearsal:
    """Compare what the connection's settings and `typed` call for, by the same facts."""
    name = connection.connection
    rows = dict(_last_work(name, ledger, now))
    kept = state.read_many(Visit, ((name, each) for each in rows))
    visits = [each for each in kept if each.facts]
    if not visits:
        return Rehearsal(0)
    able = state.read(Capabilities, name)
    views = org.views([_look(rows[each.appointment]) for each in visits])
    differences: list[Difference] = []
    unseen: list[tuple[str, str]] = []
    for visit, view in zip(visits, views, strict=True):
        if isinstance(view, FieldlinkError):
            unseen.append((visit.appointment, str(view)))
            continue
        facts = tuple(each.fact for each in visit.facts.values())
        case = Case(facts, view, visit.ours, able.lacking if able else {})
        differences.extend(_differences(case, connection.practice, typed, now))
    return Rehearsal(len(visits) - len(unseen), tuple(differences), tuple(unseen))


def _last_work(name: str, ledger: Ledger, now: datetime) -> Iterator[tuple[str, LedgerRow]]:
    """The appointments that were told of last, each with its newest row."""
    found: set[str] = set()
    for row in _newest_first(name, ledger, now):
        if row.outcome not in KNOWN or not row.appointment or row.appointment in found:
            continue
        found.add(row.appointment)
        yield row.appointment, row
        if len(found) == MOST:
            return


def _newest_first(name: str, ledger: Ledger, now: datetime) -> Iterator[LedgerRow]:
    """Of the last days, as far as they are asked for."""
    yield from ledger.last(name, now=now, limit=ROWS_OF_A_DAY)  # of today and yesterday
    today = now.astimezone(UTC).date()
    for ago in range(2, DAYS):
        kept, _ = ledger.of_day(name, today - timedelta(days=ago), limit=ROWS_OF_A_DAY)
        yield from (each.row for each in reversed(kept.values()) if each.row)


def _look(row: LedgerRow) -> Look:
    day = row.at or row.received_at
    return Look(appointment=row.appointment, resource=row.resource, day=day, left=True)


def _differences(
    case: Case, present: Practice, typed: Practice, now: datetime
) -> Iterator[Difference]:
    """Both settings are asked for the whole, as if nothing had been written yet: what stands
    would hide a status, which never goes back.
    """
    anew = case.anew(typed, now)
    by_present, by_typed = case.anew(present, now).standing(present), anew.standing(typed)
    next_present, next_typed = case.standing(present), case.standing(typed)
    for name, title in TITLES.items():
        was, would_be = by_present.get(name), by_typed.get(name)
        at_once = name in next_typed and next_typed.get(name) != next_present.get(name)
        if was == would_be:
            continue
        yield Difference(
            appointment=case.view.appointment,
            number=case.view.number,
            what=title,
            held=_shown(getattr(case.view, name)),
            present=_shown(was),
            typed=_shown(next_typed.get(name) if at_once else would_be),
            at_once=at_once,
            rule=anew.rule(name, typed),
        )


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return "" if value is None else str(value)
