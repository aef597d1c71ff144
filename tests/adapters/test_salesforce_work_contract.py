"""Looks at work and writes to it: the org in memory does as the real adapter does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from fieldlink.adapters.salesforce_soql import Wants
from fieldlink.errors import NOT_ASSIGNED, Contended, Refused, Unclear
from fieldlink.models import Booked, Category, Described, Sheet, View, Written
from local.salesforce import FakeSalesforce as Simulator
from tests import fakes
from tests.adapters.salesforce_work import (
    HOUR,
    NOW,
    assigned,
    booked,
    connected,
    look,
    session,
    sheet,
    task,
    told,
    writes,
)
from tests.local.salesforce_setting import CLIENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from fieldlink.ports import Salesforce, SeveralAtOnce

    class Org(Salesforce, SeveralAtOnce, Protocol):
        """Both ports, as the workers have them."""


FAR, LINK = "Way__c", "Link__c"
WANTS = Wants(LINK, distance=FAR, primary=True)
KEYED = ("Event", "Task", "TimeSheetEntry")
KEY = "Fieldlink_Key__c"
LOCKED = "UNABLE_TO_LOCK_ROW"


class House(Protocol):
    """An org in which Rosa has two jobs, of which Max shares the first."""

    org: Org
    job: str
    next: str
    rosa: str
    max: str

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """What has been written, seen past us."""
        ...

    def delete_entry(self, entry: str) -> None: ...

    def close_sheet(self, sheet: str) -> None: ...

    def allow(self, *transitions: tuple[str, str]) -> None: ...

    def lock(self, appointment: str) -> None:
        """Somebody else is writing to it at this very moment."""
        ...

    def lose_answer(self) -> None:
        """Of the next write."""
        ...


class Real:
    """The adapter, on the simulated Salesforce."""

    def __init__(
        self, simulator: Simulator, http: requests.Session, keyed: tuple[str, ...]
    ) -> None:
        self.simulator = simulator
        simulator.add_field("ServiceAppointment", LINK)
        simulator.add_field("ServiceAppointment", FAR, kind="double")
        if keyed:
            simulator.add_key_field(KEY)
        self.rosa = simulator.add_resource("Rosa", "rosa@example.com")
        self.max = simulator.add_resource("Max", "max@example.com")
        self.job = simulator.add_appointment(
            self.rosa, NOW + HOUR, Street="Unter den Linden 1", City="Berlin"
        )
        simulator.assign(self.job, self.max)
        self.next = simulator.add_appointment(self.rosa, NOW + 2 * HOUR)
        first = assigned(simulator, self.job, self.rosa)
        simulator.update("AssignedResource", first, IsPrimaryResource=True)
        self.org: Org = connected(simulator, http, WANTS, keyed=keyed)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        return {
            "work": [
                (each["Status"], each[FAR])
                for each in self.simulator.rows("ServiceAppointment")
            ],
            "travel": [
                (each["ActualTravelTime"],) for each in self.simulator.rows("AssignedResource")
            ],
            "events": self._activity("Event", "Location", "DurationInMinutes"),
            "tasks": self._activity("Task", "Status", "ActivityDate"),
            "sheets": [
                (each["Id"], each["StartDate"], each["EndDate"])
                for each in self.simulator.rows("TimeSheet")
            ],
            "entries": [
                (each["Id"], each["TimeSheetId"], each["Type"], each["StartTime"][:16])
                for each in self.simulator.rows("TimeSheetEntry")
            ],
        }

    def _activity(self, name: str, *fields: str) -> list[tuple[Any, ...]]:
        return [
            (row["Id"], row["WhatId"], row["Subject"], *(row[each] for each in fields))
            for row in self.simulator.rows(name)
        ]

    def delete_entry(self, entry: str) -> None:
        self.simulator.delete("TimeSheetEntry", entry)

    def close_sheet(self, sheet: str) -> None:
        self.simulator.update("TimeSheet", sheet, Status="Approved")
        for each in self.simulator.rows("TimeSheetEntry"):
            self.simulator.locked.add(each["Id"])

    def allow(self, *transitions: tuple[str, str]) -> None:
        self.simulator.transitions = {*transitions}

    def lock(self, appointment: str) -> None:
        match = {"method": "GRAPH", "contains": appointment}
        self.simulator.faults.append({"errorCode": LOCKED, "message": "held", "match": match})

    def lose_answer(self) -> None:
        match = {"method": "POST", "path": "composite/graph"}
        self.simulator.faults.append({"drop": True, "after": True, "match": match})


@dataclass
class InMemory:
    """The fake."""

    keyed: tuple[str, ...]
    fake: fakes.FakeSalesforce = field(
        default_factory=lambda: fakes.FakeSalesforce(
            link_field=True, distance_field=True, now=NOW
        )
    )
    job: str = "08p000000000001AAA"
    next: str = "08p000000000002AAA"
    rosa: str = "0Hn000000000001CAA"
    max: str = "0Hn000000000002CAA"

    def __post_init__(self) -> None:
        for name, number in ((self.job, "SA-0001"), (self.next, "SA-0002")):
            self.fake.work[name] = fakes.Work(
                name, number=number, address="Unter den Linden 1, Berlin"
            )
        self.fake.assign(self.job, self.rosa, "Rosa", primary=True).time_zone = "Europe/Berlin"
        self.fake.assign(self.job, self.max, "Max").time_zone = "Europe/Berlin"
        self.fake.assign(self.next, self.rosa, "Rosa").time_zone = "Europe/Berlin"
        self.fake.told = Described(keyed=self.keyed)

    @property
    def org(self) -> Org:
        return self.fake

    @org.setter
    def org(self, _: Org) -> None:
        raise AssertionError

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        fake = self.fake
        open_tasks = [
            (each.id, each.appointment, each.subject, "Not Started", each.due.isoformat())
            for each in fake.tasks
        ]
        done = [
            (each.id, each.appointment, each.subject, each.done_as, f"{each.due}")
            for each in fake.done
        ]
        return {
            "work": [(each.status, each.distance) for each in fake.work.values()],
            "travel": [(each.travel,) for each in fake.assigned.values()],
            "events": [
                (each.id, each.appointment, each.subject, each.place or None, each.minutes)
                for each in fake.events
            ],
            "tasks": [*done, *open_tasks],
            "sheets": [
                (each.id, each.first.isoformat(), each.last.isoformat())
                for sheets in fake.sheets.values()
                for each in sheets
            ],
            "entries": [
                (each.id, each.sheet, each.type, f"{each.starts_at:%Y-%m-%dT%H:%M}")
                for each in fake.entries
            ],
        }

    def delete_entry(self, entry: str) -> None:
        self.fake.delete_entry(entry)

    def close_sheet(self, sheet: str) -> None:
        self.fake.close_sheet(sheet)

    def allow(self, *transitions: tuple[str, str]) -> None:
        self.fake.transitions = {*transitions}

    def lock(self, appointment: str) -> None:
        error = Contended(LOCKED)
        self.fake.fate.fail(f"write Salesforce {appointment}", error, times=1)

    def lose_answer(self) -> None:
        self.fake.fate.fail("write Salesforce", Unclear("no answer"), after=True, times=1)


def houses(kind: str, keyed: tuple[str, ...]) -> Iterator[House]:
    if kind == "in memory":
        yield InMemory(keyed)
        return
    secret = CLIENT["client_secret"]
    with Simulator(clock=lambda: NOW, client_secret=secret) as simulator, session() as http:
        yield Real(simulator, http, keyed)


@pytest.fixture(params=["real", "in memory"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    yield from houses(request.param, ())


@pytest.fixture(params=["real", "in memory"])
def keyed_house(request: pytest.FixtureRequest) -> Iterator[House]:
    yield from houses(request.param, KEYED)


def sighted(house: House, **more: Any) -> View:
    return house.org.view(look(house.job, house.rosa, **more))


def entered(house: House, **more: Any) -> Written:
    """An entry on a sheet of its own."""
    rows = {"sheets": (sheet(house.rosa),), "entries": (booked(house.rosa, **more),)}
    return house.org.write(writes(house.job, **rows))


# ── looks ─────────────────────────────────────────────────────────────────────


def test_a_look_shows_the_work_its_team_and_the_work_beside_it(house: House) -> None:
    [first, second] = sighted(house).team
    house.org.write(
        writes(house.job, travel={second.id: 7}, distances={house.job: 3.5, house.next: 0.2})
    )

    seen = sighted(house, others=(house.next, house.job))

    assert (seen.number[:3], seen.address) == ("SA-", "Unter den Linden 1, Berlin")
    assert (first.resource, first.primary, seen.assignment) == (house.rosa, True, first.id)
    assert [(each.resource, each.travel) for each in seen.team] == [
        (house.rosa, None),
        (house.max, 7),
    ]
    assert seen.distance_field
    assert seen.distance == pytest.approx(3.5)
    assert (seen.resource_name, seen.time_zone) == ("Rosa", "Europe/Berlin")
    assert {*seen.beside} == {house.next, house.job}
    assert seen.beside[house.job].team == seen.team
    [alone] = seen.beside[house.next].team
    assert alone.resource == house.rosa
    assert seen.beside[house.next].distance == pytest.approx(0.2)


def test_a_look_at_no_appointment_shows_sheets_entries_and_the_work_beside(
    house: House,
) -> None:
    made = entered(house)
    [entry], [its_sheet] = made.entries.values(), made.sheets.values()

    seen = house.org.view(look("", house.rosa, entries=(entry,), others=(house.job,)))

    assert (seen.appointment, seen.assignment, seen.team) == ("", "", ())
    assert (seen.status, seen.category) == ("", Category.NONE)
    assert seen.time_zone == "Europe/Berlin"
    today = NOW.date()
    assert seen.sheets == (Sheet(id=its_sheet, first=today, last=today, status="New"),)
    assert seen.entries == {entry: Booked(starts_at=NOW, ends_at=NOW + HOUR, sheet=its_sheet)}
    assert [each.resource for each in seen.beside[house.job].team] == [house.rosa, house.max]


def test_an_entry_that_a_person_has_deleted_is_not_seen(house: House) -> None:
    [entry] = entered(house).entries.values()
    house.delete_entry(entry)

    assert sighted(house, entries=(entry,)).entries == {}


def test_a_sheet_shows_its_status_with_its_entries(house: House) -> None:
    made = entered(house)
    [entry], [its_sheet] = made.entries.values(), made.sheets.values()
    house.close_sheet(its_sheet)

    seen = sighted(house, entries=(entry,))

    assert seen.entries[entry].sheet_status == "Approved"
    assert [each.status for each in seen.sheets or ()] == ["Approved"]


@pytest.mark.parametrize(("days", "shown"), [(-30, False), (-7, True), (0, True), (9, False)])
def test_the_sheets_around_the_day_are_seen_and_no_others(
    house: House, days: int, shown: bool
) -> None:
    day = NOW.date() + timedelta(days=days)
    on = sheet(house.rosa, first=day, last=day)
    house.org.write(writes(house.job, sheets=(on,), entries=(booked(house.rosa),)))

    assert [each.first for each in sighted(house).sheets or ()] == ([day] if shown else [])


def test_each_of_several_looks_has_its_own_answer_or_error(house: House) -> None:
    wanted = [
        look(house.job, house.rosa),
        look(house.next, house.max),
        look("08p000000000009AAA", house.rosa),
        look(house.next, house.max, left=True),
        look(house.next, house.rosa),
    ]

    first, second, third, fourth, fifth = house.org.views(wanted)

    assert first == sighted(house)
    assert isinstance(second, Refused)
    assert second.code == NOT_ASSIGNED
    assert isinstance(third, Refused)
    assert isinstance(fourth, View)
    assert (fourth.appointment, fourth.assignment) == (house.next, "")
    assert fifth == house.org.view(look(house.next, house.rosa))


# ── writes ────────────────────────────────────────────────────────────────────


def test_all_kinds_of_rows_are_written_as_one(house: House) -> None:
    [first, second] = sighted(house).team
    house.org.write(writes(house.job, travel={first.id: 5, second.id: 6}))

    made = house.org.write(
        writes(
            house.job,
            changes={"status": "In Progress"},
            travel={first.id: 12.25, second.id: None},
            distances={house.job: 3, house.next: None},
            event=told(place="Unter den Linden 1, Berlin"),
            task=task(urgent=False),
            sheets=(sheet(house.rosa),),
            entries=(
                booked(house.rosa, "work"),
                booked(house.rosa, "way", starts_at=NOW - HOUR, type="Indirect"),
            ),
        )
    )

    found, [its_sheet] = house.rows(), made.sheets.values()
    today, start = NOW.date().isoformat(), f"{NOW:%Y-%m-%dT%H:%M}"
    assert found["work"] == [("In Progress", 3), ("Scheduled", None)]
    assert found["travel"] == [(12.25,), (None,), (None,)]
    where = "Unter den Linden 1, Berlin"
    assert found["events"] == [(made.event, house.job, "Arrived: Rosa", where, 1)]
    assert found["tasks"] == [(made.task, house.job, "Not tracked: Rosa", "Not Started", today)]
    assert found["sheets"] == [(its_sheet, today, today)]
    assert found["entries"] == [
        (made.entries["work"], its_sheet, "Direct", start),
        (made.entries["way"], its_sheet, "Indirect", f"{NOW - HOUR:%Y-%m-%dT%H:%M}"),
    ]
    assert made.request


def test_what_happened_is_told_in_a_task_that_is_done(house: House) -> None:
    done = told(done_as="Completed", due=NOW.date())

    made = house.org.write(writes(house.job, event=done))

    assert house.rows()["events"] == []
    today = NOW.date().isoformat()
    assert house.rows()["tasks"] == [
        (made.event, house.job, "Arrived: Rosa", "Completed", today)
    ]
    assert house.org.find(writes(house.job, event=done)).event == made.event
    other = told("other", done_as="Completed", due=NOW.date())
    assert house.org.find(writes(house.job, event=other)).event == ""


def test_entries_are_moved_and_removed(house: House) -> None:
    made = house.org.write(
        writes(
            house.job,
            sheets=(sheet(house.rosa),),
            entries=(booked(house.rosa, "kept"), booked(house.rosa, "gone")),
        )
    )
    moved = booked(
        house.rosa, "kept", id=made.entries["kept"], starts_at=NOW - HOUR, ends_at=NOW
    )

    again = house.org.write(
        writes(house.job, entries=(moved,), removed=(made.entries["gone"],))
    )

    assert again.entries == {"kept": made.entries["kept"]}
    seen = sighted(house, entries=(*made.entries.values(),))
    [its_sheet] = made.sheets.values()
    assert seen.entries == {
        made.entries["kept"]: Booked(starts_at=NOW - HOUR, ends_at=NOW, sheet=its_sheet)
    }


@pytest.mark.parametrize("what", ["moved", "removed"])
def test_an_entry_that_went_away_since_the_look_is_worth_another_look(
    house: House, what: str
) -> None:
    [entry] = entered(house).entries.values()
    house.delete_entry(entry)
    more: dict[str, Any] = {"removed": (entry,)}
    if what == "moved":
        more = {"entries": (booked(house.rosa, id=entry),)}

    with pytest.raises(Contended):
        house.org.write(writes(house.job, changes={"status": "In Progress"}, **more))

    assert house.rows()["work"][0] == ("Scheduled", None)


@pytest.mark.parametrize("done_as", ["", "Completed"])
def test_rows_of_several_facts_are_written_and_found_each_under_its_own_key(
    house: House, done_as: str
) -> None:
    due = NOW.date() if done_as else None
    first, *others = (
        told(key, at=NOW + number * HOUR, done_as=done_as, due=due)
        for number, key in enumerate(("first", "second", "third"))
    )
    wanted = writes(house.job, changes={"status": "In Progress"}, event=first, others=others)

    made = house.org.write(wanted)

    rows = house.rows()["tasks" if done_as else "events"]
    assert [each[0] for each in rows] == [made.event, *made.others.values()]
    assert [*made.others] == ["second", "third"]
    assert house.org.find(wanted) == made.model_copy(update={"request": ""})
    more = wanted.model_copy(update={"others": (*wanted.others, told("fourth"))})
    assert house.org.find(more) == made.model_copy(update={"request": ""})


def test_rows_of_several_facts_are_written_with_the_rest_or_not_at_all(house: House) -> None:
    house.allow(("Scheduled", "Dispatched"))
    wanted = writes(
        house.job, changes={"status": "Completed"}, event=told("a"), others=(told("b"),)
    )

    with pytest.raises(Refused):
        house.org.write(wanted)

    assert house.rows()["events"] == []


def test_an_entry_of_a_closed_sheet_cannot_be_changed(house: House) -> None:
    made = entered(house)
    [entry], [its_sheet] = made.entries.values(), made.sheets.values()
    house.close_sheet(its_sheet)

    with pytest.raises(Refused) as caught:
        house.org.write(writes(house.job, entries=(booked(house.rosa, id=entry),)))

    assert caught.value.code == "ENTITY_IS_LOCKED"


def test_a_status_that_may_not_be_gone_to_at_once_is_reached_by_another(house: House) -> None:
    house.allow(("Scheduled", "Dispatched"), ("Dispatched", "In Progress"))
    wanted = writes(house.job, changes={"status": "In Progress"}, event=told())

    with pytest.raises(Refused):
        house.org.write(wanted)
    stood, events = house.rows()["work"][0], house.rows()["events"]
    made = house.org.write(wanted.model_copy(update={"through": "Dispatched"}))

    assert (stood, events) == (("Scheduled", None), [])
    assert house.rows()["work"][0] == ("In Progress", None)
    assert house.rows()["events"][0][0] == made.event
    assert made.request


def test_each_of_several_writes_is_carried_out_or_not_by_itself(house: House) -> None:
    house.allow(("Scheduled", "Dispatched"))
    several = [
        writes(house.job, changes={"status": "Completed"}, event=told("refused")),
        writes(house.next, changes={"status": "Dispatched"}, event=told("done")),
        writes(house.job, event=told("also")),
    ]

    refused, done, also = house.org.write_all(several)

    assert isinstance(refused, Refused)
    assert isinstance(done, Written)
    assert isinstance(also, Written)
    assert [each[0] for each in house.rows()["work"]] == ["Scheduled", "Dispatched"]
    assert {each[0] for each in house.rows()["events"]} == {done.event, also.event}


def test_a_row_that_somebody_holds_fails_only_those_who_want_it(house: House) -> None:
    house.lock(house.job)
    several = [
        writes(each, changes={"status": "Dispatched"}, event=told(each))
        for each in (house.job, house.next)
    ]

    held, done = house.org.write_all(several)

    assert isinstance(held, Contended)
    assert isinstance(done, Written)
    assert [each[0] for each in house.rows()["work"]] == ["Scheduled", "Dispatched"]
    [again] = house.org.write_all(several[:1])
    assert isinstance(again, Written)


# ── rows that an earlier try has made ─────────────────────────────────────────


@pytest.mark.parametrize("later", [timedelta(), timedelta(minutes=40)])
def test_entries_whose_answer_was_lost_are_found_though_their_times_are_corrected(
    house: House, later: timedelta
) -> None:
    def wanted(at: datetime) -> Any:
        entries = tuple(booked(house.rosa, key, starts_at=at) for key in ("work", "way"))
        rows = {"sheets": (sheet(house.rosa),), "entries": entries}
        return writes(house.job, event=told(), task=task(), **rows)

    house.lose_answer()
    with pytest.raises(Unclear):
        house.org.write(wanted(NOW))

    found = house.org.find(wanted(NOW + later))

    rows = house.rows()
    assert found == Written(
        event=rows["events"][0][0],
        task=rows["tasks"][0][0],
        entries=dict(zip(("work", "way"), (each[0] for each in rows["entries"]), strict=True)),
        sheets={"sheet": rows["sheets"][0][0]},
    )


def test_what_was_not_written_is_not_found(house: House) -> None:
    entered(house)
    house.org.write(writes(house.job, event=told(), task=task()))
    others = writes(
        house.job,
        event=told("other"),
        task=task("other"),
        sheets=(sheet(house.rosa),),
        entries=(booked(house.rosa, "other"),),
    )

    assert house.org.find(others) == Written()


def test_several_are_looked_for_at_once_and_each_finds_its_own_or_is_refused(
    house: House,
) -> None:
    done = told("done", done_as="Completed", due=NOW.date())
    several = [
        writes(house.job, event=told(), task=task("of both")),
        writes(house.next, event=done, task=task("of both")),
        writes(house.next, sheets=(sheet(house.rosa),), entries=(booked(house.rosa),)),
    ]
    made = [house.org.write(each).model_copy(update={"request": ""}) for each in several]
    absent = writes(house.next, event=told("absent"), entries=(booked(house.rosa, "absent"),))
    nothing = writes(house.job, changes={"status": "Dispatched"})

    found = house.org.find_all([several[2], absent, *several[:2], nothing])

    assert found == [made[2], Written(), *made[:2], Written()]


@pytest.mark.parametrize("done_as", ["", "Completed"])
def test_with_our_key_the_same_rows_are_the_same_however_often_they_are_written(
    keyed_house: House, done_as: str
) -> None:
    house = keyed_house
    due = NOW.date() if done_as else None
    wanted = writes(
        house.job,
        event=told(done_as=done_as, due=due),
        task=task(),
        sheets=(sheet(house.rosa),),
        entries=(booked(house.rosa),),
    )
    first = house.org.write(wanted)
    rows = house.rows()
    [there] = first.sheets.values()
    moved = booked(house.rosa, sheet=there, starts_at=NOW - HOUR)

    again = house.org.write(wanted.model_copy(update={"sheets": (), "entries": (moved,)}))

    assert (again.event, again.task, again.entries) == (first.event, first.task, first.entries)
    after = house.rows()
    assert [after[each] for each in ("events", "tasks", "sheets")] == [
        rows[each] for each in ("events", "tasks", "sheets")
    ]
    [entry] = after["entries"]
    assert entry[3] == f"{NOW - HOUR:%Y-%m-%dT%H:%M}"


def test_with_our_key_the_rows_of_several_facts_are_the_same_however_often_they_are_written(
    keyed_house: House,
) -> None:
    wanted = writes(keyed_house.job, event=told("a"), others=(told("b"), told("c")))

    first = keyed_house.org.write(wanted)
    again = keyed_house.org.write(wanted)

    assert (again.event, again.others) == (first.event, first.others)
    assert len(keyed_house.rows()["events"]) == 3


def test_with_our_key_rows_are_found_whatever_has_become_of_their_words(
    keyed_house: House,
) -> None:
    house = keyed_house
    wanted = writes(
        house.job,
        event=told(),
        task=task(),
        sheets=(sheet(house.rosa),),
        entries=(booked(house.rosa),),
    )
    made = house.org.write(wanted)

    reworded = writes(
        house.job,
        event=told(description="x", at=NOW + HOUR),
        task=task(description="x"),
        sheets=(sheet(house.rosa),),
        entries=(booked(house.rosa, description="x"),),
    )

    assert house.org.find(reworded) == made.model_copy(update={"request": ""})
