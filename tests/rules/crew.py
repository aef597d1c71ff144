"""Three people, two appointments, and what the org must hold of their work.

One of the three lives where the day ends at 11:00 UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from fieldlink.errors import Refused, Unavailable
from fieldlink.models import AT_WORK, Delivered, Fact, Kind, Outcome
from fieldlink.practice import Practice
from fieldlink.records import Day, Visit
from fieldlink.writing import write_back
from fieldlink.writing.company import Company
from fieldlink.writing.together import Together
from fieldlink.writing.write_back import OF_THE_DAY
from tests.make import (
    APPOINTMENT,
    COLLEAGUE,
    CONNECTION,
    RESOURCE,
    World,
    delivered,
    resource,
)
from tests.rules import day_oracle, oracle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.fakes import Fate
    from tests.rules.day_oracle import Standing

OTHER = "08p000000000002AAA"
APPRENTICE = "0Hn000000000003CAA"
NAMES = {RESOURCE: "Ada Lovelace", COLLEAGUE: "Grace Hopper", APPRENTICE: "Alan Turing"}
ZONES = {RESOURCE: "UTC", COLLEAGUE: "America/New_York", APPRENTICE: "Pacific/Auckland"}
WORK_ORDERS = {APPOINTMENT: "0WO000000000001AAA", OTHER: "0WO000000000002AAA"}
ESTIMATED = ("Expected:", "Delayed:")
KEYED = ("Event", "Task", "TimeSheetEntry")
WITH_TRAVEL = Practice(time_sheets="visits_and_travel")


class Held(NamedTuple):
    """What an org holds, or must hold, of these appointments and people."""

    works: dict[str, oracle.Truth]
    booked: dict[str, set[Standing]]  # by resource
    travel: dict[tuple[str, str], float]  # minutes by appointment and resource


def crew(
    *, keyed: bool = False, practice: Practice = WITH_TRAVEL, fate: Fate | None = None
) -> World:
    world = World((), fate=fate)
    for appointment, work_order in WORK_ORDERS.items():
        for each, name in NAMES.items():
            world.salesforce.assign(appointment, each, name).time_zone = ZONES[each]
        world.salesforce.work[appointment].work_order = work_order
    people = [resource(id=each, name=NAMES[each], time_zone=ZONES[each]) for each in NAMES]
    world.state.write_all(people)
    world.connection = world.connection.model_copy(update={"practice": practice})
    if keyed:
        world.have_keys(*KEYED)
    return world


def with_keys(*, practice: Practice = WITH_TRAVEL, fate: Fate | None = None) -> World:
    return crew(keyed=True, practice=practice, fate=fate)


MAKERS: dict[str, Callable[..., World]] = {"without keys": crew, "with keys": with_keys}


def take(world: World, told: Delivered | Fact) -> Outcome:
    """As `reports` does it."""
    message = told if isinstance(told, Delivered) else delivered(told)
    of_day = message.fact.kind in OF_THE_DAY
    apply = write_back.to_day if of_day else write_back.to_appointment
    return apply(message, world.desk)


def apply_together(
    world: World, *told: Delivered | Fact
) -> list[Outcome | Refused | Unavailable]:
    """As the threads of one batch do it, each of which waits until the one before has ended."""
    messages = [each if isinstance(each, Delivered) else delivered(each) for each in told]
    together = Together(1)
    company = Company(CONNECTION, together)
    for each in messages:
        if each.fact.kind in AT_WORK:
            company.wait(each)
    ended: list[Outcome | Refused | Unavailable] = []
    for each in messages:
        of_day = each.fact.kind in OF_THE_DAY
        write = write_back.to_day if of_day else write_back.to_appointment
        try:
            ended.append(write(each, world.desk._replace(company=company)))
        except (Refused, Unavailable) as error:
            ended.append(error)
        together.done()
    return ended


def apply(world: World, *told: Delivered | Fact) -> list[Outcome]:
    return [take(world, each) for each in told]


def anchor(world: World, appointment: str = APPOINTMENT) -> Visit:
    found = world.state.read(Visit, CONNECTION, appointment)
    assert found
    return found


def anchors(world: World) -> list[Visit | Day]:
    return [*world.state.all_of(Visit, CONNECTION), *world.state.all_of(Day, CONNECTION)]


def pending(world: World) -> list[Visit | Day]:
    """What is begun and not ended, or in doubt."""
    return [each for each in anchors(world) if each.intent or each.doubtful]


# ── what is held ──────────────────────────────────────────────────────────────


def held(world: World) -> Held:
    references = {each.description.splitlines()[-1] for each in world.salesforce.events}
    assert len(references) == len(world.salesforce.events), "an Event that is there twice"
    return Held(
        works={each: _work(world, each) for each in WORK_ORDERS},
        booked={each: _booked(world, each) for each in NAMES},
        travel={
            each: assigned.travel
            for each, assigned in world.salesforce.assigned.items()
            if assigned.travel is not None
        },
    )


def _work(world: World, appointment: str) -> oracle.Truth:
    work = world.salesforce.work[appointment]
    return oracle.Truth(
        status=work.status,
        start=work.actual_start,
        end=work.actual_end,
        minutes=work.actual_minutes,
        told=sorted(
            (each.starts_at, each.subject)
            for each in world.salesforce.events
            if each.appointment == appointment and not each.subject.startswith(ESTIMATED)
        ),
    )


def _booked(world: World, resource: str) -> set[Standing]:
    appointments = {work_order: each for each, work_order in WORK_ORDERS.items()}
    rows = [each for each in world.salesforce.entries if each.resource == resource]
    found = {
        (
            appointments[each.work_order],
            each.type == "Indirect",
            int(each.starts_at.timestamp()) // 60,
            int(each.ends_at.timestamp()) // 60,
        )
        for each in rows
    }
    assert len(found) == len(rows), "an entry that is there twice"
    return found


# ── what must be held ─────────────────────────────────────────────────────────


def truth(facts: Iterable[Fact], practice: Practice = WITH_TRAVEL) -> Held:
    known = list(facts)
    booked: dict[str, set[Standing]] = {}
    travel: dict[tuple[str, str], float] = {}
    for each in NAMES:
        own = [fact for fact in known if fact.resource == each]
        booked[each], ways = _of_person(own, ZONES[each], practice)
        travel |= {(appointment, each): minutes for appointment, minutes in ways.items()}
    return Held(
        works={
            each: oracle.truth([one for one in known if one.appointment == each], NAMES)
            for each in WORK_ORDERS
        },
        booked=booked,
        travel=travel,
    )


def _of_person(
    facts: list[Fact], zone: str, practice: Practice
) -> tuple[set[Standing], dict[str, float]]:
    of_work = {each: [one for one in facts if one.appointment == each] for each in WORK_ORDERS}
    clock = [each for each in facts if each.kind in {Kind.CLOCKED_IN, Kind.CLOCKED_OUT}]
    work = {each: day_oracle.work(its, zone, practice.join) for each, its in of_work.items()}
    ways = {each: day_oracle.ways(its, zone) for each, its in of_work.items()}
    entries: set[Standing] = set()
    travel: dict[str, float] = {}
    worked = {day for its in work.values() for day in its}
    for day in sorted(worked | {day for its in ways.values() for day in its}):
        told = day_oracle.truth(
            {each: its[day] for each, its in work.items() if day in its},
            {each: its[day] for each, its in ways.items() if day in its},
            [each for each in clock if each.at.astimezone(ZoneInfo(zone)).date() == day],
            on=day,
            zone=zone,
            with_travel=practice.time_sheets == "visits_and_travel",
        )
        entries |= told.entries
        first = {each for each, its in ways.items() if its and min(its) == day}
        travel |= {each: far for each, far in told.travel.items() if far and each in first}
    return entries, travel
