"""Rule: what the state keeps of one person, and how it is left without them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.errors import Unavailable, must
from fieldlink.records import (
    Assignment,
    Confirming,
    Day,
    Device,
    Due,
    Geofence,
    Held,
    OnShift,
    Order,
    Ordered,
    Outage,
    Parked,
    Planned,
    Position,
    Resource,
    SheetClaim,
    Shift,
    Tracking,
    Vanished,
    Visit,
    Worker,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from fieldlink.models import LedgerRow
    from fieldlink.ports import State
    from fieldlink.records import Intent, Record

# Who writes to an appointment has ended by then: see `write_back`.
AT_WORK = timedelta(minutes=15)
ID = 15  # characters of an id in its short form, with which the long one begins


class Person(NamedTuple):
    """Whose data they are."""

    connection: str
    resource: str
    devices: tuple[str, ...]  # that were theirs, and are nobody else's now

    def in_row(self, row: LedgerRow) -> bool:
        return row.resource == self.resource or (
            not row.resource and row.device in self.devices
        )

    def in_text(self, text: str) -> bool:
        return self.resource[:ID] in text or any(each in text for each in self.devices)


class Found(NamedTuple):
    """How much there is of a person, by what it is, and what has to stay for now."""

    gone: Counter[str]
    stays: Counter[str]


def person(connection: str, resource: str, state: State) -> Person:
    worker = state.read(Worker, connection, resource)
    if not worker:
        return Person(connection, resource, ())
    ids = {worker.device, *worker.devices, *(each.id for each in worker.phones)} - {""}
    known = state.read_many(Device, [(connection, each) for each in sorted(ids)]) if ids else []
    others = {each.id for each in known if each.resource not in {"", resource}}
    return Person(connection, resource, tuple(sorted(ids - others)))


def without(visit: Visit, resource: str) -> Visit:
    """An appointment as if this resource had told nothing about it.

    Its times are not ours any more: else the next fact of a colleague would correct them in
    Salesforce to what is known without this resource.
    """
    facts = {k: each for k, each in visit.facts.items() if each.fact.resource != resource}
    doubtful = {k: each for k, each in visit.doubtful.items() if not _of(each, resource)}
    marks = {k: mark for k, mark in visit.marks.items() if not k.startswith(f"{resource}/")}
    theirs = visit.intent is not None and _of(visit.intent, resource)
    entries = {k: each for k, each in visit.ours.entries.items() if k != resource}
    ours = visit.ours.model_copy(update={"entries": entries})
    if len(facts) < len(visit.facts) or theirs:
        ours = ours.model_copy(update={"actual_start": None, "actual_end": None})
    return visit.model_copy(
        update={
            "facts": facts,
            "doubtful": doubtful,
            "marks": marks,
            "ours": ours,
            "intent": None if theirs else visit.intent,
        }
    )


def _of(intent: Intent, resource: str) -> bool:
    return intent.delivered.fact.resource == resource


class Scrubber:
    """Takes one person out of the state, or only counts what there is of them."""

    def __init__(self, who: Person, state: State, now: datetime, *, dry: bool) -> None:
        self.who = who
        self.state = state
        self.now = now
        self.dry = dry
        self.found = Found(Counter(), Counter())
        self._seen: set[str] = set()  # appointments

    def count(self, what: str) -> bool:
        """Note one more that goes. Whether it really has to."""
        self.found.gone[what] += 1
        return not self.dry

    def visits(self, appointments: Iterable[str]) -> None:
        for appointment in sorted(set(appointments) - self._seen - {""}):
            self._visit(appointment)
            self._appended(appointment)
            self._seen.add(appointment)

    def _visit(self, appointment: str) -> None:
        visit = self.state.read(Visit, self.who.connection, appointment)
        if not visit or (left := without(visit, self.who.resource)) == visit:
            return
        self._at_rest(visit.intent)  # whose ever: who has claimed it writes it as it was read
        self.found.gone["facts"] += len(visit.facts) - len(left.facts)
        if self.count("visits"):
            must(self.state.write(left))

    def _appended(self, appointment: str) -> None:
        """What lies with an appointment besides: its assignments, and their orders."""
        name, resource = self.who.connection, self.who.resource
        seats = self.state.all_of(Assignment, name, appointment)
        self._erase("assignments", [each for each in seats if each.resource == resource])
        for ordered in self.state.all_of(Ordered, name, appointment):
            theirs = [each for each in ordered.orders if each.wanted.worker == resource]
            if theirs and all(each.over for each in theirs):
                self._erase("orders' links", [ordered])
            elif theirs:
                self.found.stays["orders that HyperTrack still has"] += 1

    def messages(self) -> None:
        """What is parked or held and speaks of them."""
        name = self.who.connection
        parked, held = self.state.all_of(Parked, name), self.state.all_of(Held, name)
        found: list[Parked | Held] = [*parked, *held]
        for item in found:
            if self.who.in_text(item.body) and self.count("parked and held messages"):
                self.state.forget(item)

    def records(self) -> None:
        """Whatever else lies there under their name. Whose devices are whose goes last."""
        name, resource = self.who.connection, self.who.resource
        all_of = self.state.all_of
        tracking = all_of(Tracking, name, resource)
        days = all_of(Day, name, resource)
        placed: list[Geofence | Order] = [*self._theirs(Geofence), *self._theirs(Order)]
        self.visits([each.appointment for each in tracking])
        self.visits([each.appointment for each in placed])
        self.visits([appointment for day in days for appointment in day.parts])
        for day in days:
            self._at_rest(day.intent)
        live = [each for each in tracking if each.live or each.leaving or each.creating]
        self.found.stays["geofences that HyperTrack still has"] += len(live)
        self._erase("tracking", [each for each in tracking if each not in live])
        self._erase("days", [*days, *all_of(SheetClaim, name, resource)])
        self._erase("geofences and orders", [] if live else placed)
        self._erase("times to look", [*self._theirs(Due), *self._theirs(Confirming)])
        self._erase("shifts", [*all_of(Planned, name, resource), *self._theirs(Shift)])
        ids = [(name, each) for each in self.who.devices]
        self._erase("devices", self.state.read_many(Device, ids) if ids else [])
        for kind in (Outage, Position, OnShift, Vanished, Worker, Resource):
            found = self.state.read(kind, name, resource)
            self._erase(kind.__name__, [found] if found else [])

    def _at_rest(self, begun: Intent | None) -> None:
        if begun and self.now - begun.since < AT_WORK:
            raise Unavailable("their work is just being written: try again in 15 minutes")

    def _theirs[R: Geofence | Order | Due | Confirming | Shift](self, kind: type[R]) -> list[R]:
        found = self.state.all_of(kind, self.who.connection)
        return [each for each in found if each.resource == self.who.resource]

    def _erase(self, what: str, found: Iterable[Record]) -> None:
        for record in found:
            if self.count(what):
                self.state.erase(type(record), *record.key)
