"""The time sheets and fields of an org, as far as a resource's days touch them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from fieldlink.hours import parting, time_sheets
from fieldlink.models import Assigned, Beside, Booked, Kind, Sheet, View
from fieldlink.practice import Practice
from fieldlink.records import Day, Part
from tests.make import APPOINTMENT, ASSIGNMENT, CONNECTION, RESOURCE, delivered, view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fieldlink.hours.time_sheets import Plan
    from fieldlink.models import Ability, Fact, SheetEntry, Writes

TODAY = date(2026, 3, 4)
NEXT_DOOR = "08p000000000002AAA"
FURTHER_OFF = "08p000000000003AAA"
ASSIGNED = {
    APPOINTMENT: ASSIGNMENT,
    NEXT_DOOR: "03r000000000002AAA",
    FURTHER_OFF: "03r000000000003AAA",
}
CLOCKS = {Kind.CLOCKED_IN, Kind.CLOCKED_OUT}
NUMBERS = {APPOINTMENT: "SA-0001", NEXT_DOOR: "SA-0002", FURTHER_OFF: "SA-0003"}


@dataclass
class Paper:
    """What stands in Salesforce."""

    entries: dict[str, tuple[SheetEntry, Booked]] = field(default_factory=dict)  # by id
    sheets: dict[str, Sheet] = field(default_factory=dict)  # by id
    travel: dict[str, float | None] = field(default_factory=dict)  # by assignment
    distances: dict[str, float | None] = field(default_factory=dict)  # by appointment
    made: int = 0

    def carry_out(self, plan: Plan) -> Plan:
        """As planned; the plan comes back with the ids of what was made."""
        writes = plan.writes
        made = {}
        for sheet in writes.sheets:
            made[sheet.key] = self._new("0kt")
            self.sheets[made[sheet.key]] = Sheet(
                id=made[sheet.key], first=sheet.first, last=sheet.last, status="New"
            )
        for each in writes.removed:
            del self.entries[each]
        ids = {each.key: self._book(each, made) for each in writes.entries}
        self.travel |= writes.travel
        self.distances |= writes.distances
        entries = {
            key: each.model_copy(update={"id": ids.get(key, each.id)})
            for key, each in plan.meant.entries.items()
        }
        return plan._replace(meant=plan.meant.model_copy(update={"entries": entries}))

    def change(self, entry: str, **fields: object) -> None:
        """What a person does to an entry."""
        written, booked = self.entries[entry]
        self.entries[entry] = (written, booked.model_copy(update=fields))

    def seen(self, **more: object) -> View:
        """The first appointment, with all that is beside it."""
        teams = {
            name: (Assigned(id=its, resource=RESOURCE, travel=self.travel.get(its)),)
            for name, its in ASSIGNED.items()
        }
        fields: dict[str, object] = {
            "number": NUMBERS[APPOINTMENT],
            "team": teams[APPOINTMENT],
            "sheets": tuple(self.sheets.values()),
            "entries": {name: booked for name, (_, booked) in self.entries.items()},
            "beside": {
                name: Beside(team=teams[name], distance=self.distances.get(name))
                for name in (NEXT_DOOR, FURTHER_OFF)
            },
            "distance_field": True,
            "distance": self.distances.get(APPOINTMENT),
        }
        return view(**{**fields, **more})

    def standing(self) -> list[tuple[str, str, str]]:
        """Appointment, begin and end of each entry."""
        return sorted(
            (written.key.partition("/")[0], f"{each.starts_at:%H:%M}", f"{each.ends_at:%H:%M}")
            for written, each in self.entries.values()
        )

    def _book(self, entry: SheetEntry, made: Mapping[str, str]) -> str:
        name = entry.id or self._new("0ku")
        sheet = entry.sheet or made[entry.new_sheet]
        assert sheet in self.sheets
        booked = Booked(starts_at=entry.starts_at, ends_at=entry.ends_at, sheet=sheet)
        assert not entry.id or self.entries[name][1].sheet == sheet, "it can't be moved"
        self.entries[name] = (entry, booked)
        return name

    def _new(self, prefix: str) -> str:
        self.made += 1
        return f"{prefix}{self.made:012d}AAA"


@dataclass
class Book:
    """The days of a resource, planned anew with each fact, and carried out."""

    practice: Practice = field(default_factory=Practice)
    zone: str = "UTC"
    site: str = ""
    lacking: Mapping[Ability, str] = field(default_factory=dict)
    paper: Paper = field(default_factory=Paper)
    days: dict[date, Day] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    told: dict[tuple[str, date], Part] = field(default_factory=dict)
    plans: list[Plan] = field(default_factory=list)

    def hear(self, *facts: Fact) -> None:
        """Of each fact, one after another."""
        for fact in facts:
            self.facts.append(fact)
            concerned = self._clocked(fact) if fact.kind in CLOCKS else self._worked(fact)
            self.settle(concerned)

    def settle(self, concerned: set[date] | None = None) -> list[Writes]:
        """Plan these days, or all, and carry that out."""
        dates = sorted(self.days if concerned is None else concerned)
        return [self._settle(each, dates) for each in dates]

    @property
    def left_out(self) -> list[str]:
        """By the last plans of all days."""
        return [why for each in self.settle() for why in each.left_out]

    def seen(self) -> View:
        return self.paper.seen(time_zone=self.zone, site_zone=self.site)

    def _settle(self, on: date, dates: list[date]) -> Writes:
        elsewhere = [self.days[each] for each in dates if each != on]
        plan = time_sheets.plan(
            self.days[on], self.seen(), self.practice, self.lacking, elsewhere
        )
        self.plans.append(plan)
        ours = self.paper.carry_out(plan).meant
        self.days[on] = self.days[on].model_copy(update={"ours": ours})
        return plan.writes

    def _clocked(self, fact: Fact) -> set[date]:
        on = fact.at.astimezone(ZoneInfo(self.zone)).date()
        day = self._day(on)
        facts = {**day.facts, fact.key: delivered(fact)}
        self.days[on] = day.model_copy(update={"facts": facts})
        return {on}

    def _worked(self, fact: Fact) -> set[date]:
        name = fact.appointment
        seen = self.seen().model_copy(
            update={
                "appointment": name,
                "assignment": ASSIGNED[name],
                "number": NUMBERS[name],
            }
        )
        its = [each for each in self.facts if each.appointment == name]
        parts = parting.parts(its, RESOURCE, seen, self.practice)
        before = {on: part for (of, on), part in self.told.items() if of == name}
        changed = {on for on in {*parts, *before} if parts.get(on) != before.get(on)}
        for on in changed:
            day = self._day(on)
            others = {of: part for of, part in day.parts.items() if of != name}
            its_own = {name: parts[on]} if on in parts else {}
            self.days[on] = day.model_copy(update={"parts": others | its_own})
        self.told = {key: part for key, part in self.told.items() if key[0] != name}
        self.told |= {(name, on): part for on, part in parts.items()}
        return changed

    def _day(self, on: date) -> Day:
        return self.days.get(on) or Day(connection=CONNECTION, resource=RESOURCE, on=on)
