"""Who is out on which visit, what HyperTrack tells of it, and what must stand in Salesforce."""

import hashlib
import hmac
import json
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from bench.burst import IDLE, SECONDS, STAY, WORK, Visit, again, event_of, told_of
from bench.deliveries import Json
from local.salesforce import FakeSalesforce

OF_A_DAY = 4  # visits of each technician
FIRST, APART = timedelta(hours=7), timedelta(hours=3)
LATE = timedelta(minutes=7)
OF_A_DELIVERY = 25  # events
# Of each hundred events so many are facts of visits, and repetitions; the rest is only noted.
FACTS, REPEATED = 60, 15
FACTS_OF_A_VISIT = 3
FORM = "%Y-%m-%dT%H:%M:00.000+0000"


class Fleet(NamedTuple):
    """The people of one connection."""

    connection: str
    url: str
    secret: str
    people: dict[str, str]  # names by id
    visits: list[Visit]


class Delivery(NamedTuple):
    """A body to be posted, and how many different events it has that count."""

    url: str
    body: bytes
    signature: str
    events: int


def fleet(
    org: FakeSalesforce,
    connection: str,
    url: str,
    secret: str,
    *,
    people: int,
    visits: int,
    morning: datetime,
) -> Fleet:
    """So many technicians, with work on so many days as it takes."""
    resources = org.add_resources(people)
    names = {each["Id"]: each["Name"] for each in org.rows("ServiceResource")}
    made: list[Visit] = []
    day = 0
    while len(made) < visits:
        for number in range(OF_A_DAY):
            start = morning + timedelta(days=day) + FIRST + APART * number
            crew = resources[: visits - len(made)]
            ids = org.add_appointments(len(crew), crew, start) if crew else []
            made += [
                Visit(each, who, start + LATE, names[who])
                for each, who in zip(ids, crew, strict=True)
            ]
        day += 1
    return Fleet(connection, url, secret, {each: names[each] for each in resources}, made)


def deliveries(
    of: Fleet, events: int, chance: random.Random, each: int = OF_A_DELIVERY
) -> list[Delivery]:
    """So many events in all, without any order."""
    facts = [event for visit in of.visits for event in told_of(visit)]
    repeated = chance.sample(facts, min(len(facts), events * REPEATED // 100))
    noise = max(0, events - len(facts) - len(repeated))
    all_of_them = [*facts, *map(again, repeated), *noted(of, noise, chance)]
    chance.shuffle(all_of_them)
    return [
        delivery(of, all_of_them[start : start + each])
        for start in range(0, len(all_of_them), each)
    ]


def delivery(of: Fleet, events: Sequence[Json]) -> Delivery:
    body = json.dumps(events).encode()
    signature = hmac.new(of.secret.encode(), body, hashlib.sha1).hexdigest()
    return Delivery(of.url, body, signature, len(events))


def noted(of: Fleet, count: int, chance: random.Random) -> Iterator[Json]:
    """What changes nothing in Salesforce: batteries, and phones that track."""
    for number in range(count):
        visit = chance.choice(of.visits)
        at = visit.at + timedelta(seconds=number)
        data = {"value": "charging"} if number % 2 else {"value": "active"}
        yield event_of(visit, "battery" if number % 2 else "device_status", at, data)


def expected(visits: Sequence[Visit]) -> dict[str, list[Any]]:
    """What must stand in Salesforce in the end, whatever happened on the way."""
    return {
        "appointments": sorted(
            [each.appointment, "Completed", _minute(each.at), _minute(each.at + WORK)]
            for each in visits
        ),
        "travel": sorted([each.appointment, (SECONDS - IDLE) / 60] for each in visits),
        "events": sorted(
            [each.appointment, f"{word}: {each.name}", _minute(each.at + after)]
            for each in visits
            for word, after in (
                ("Arrived", timedelta()),
                ("Checked out", WORK),
                ("Left", STAY),
            )
        ),
        "entries": sorted(
            [each.resource, _minute(each.at), _minute(each.at + WORK)] for each in visits
        ),
        "sheets": sorted({(each.resource, f"{each.at:%Y-%m-%d}") for each in visits}),
    }


def standing(org: FakeSalesforce) -> dict[str, list[Any]]:
    """What stands there."""
    sheets = {each["Id"]: each for each in org.rows("TimeSheet")}
    return {
        "appointments": sorted(
            [each["Id"], each["Status"], each["ActualStartTime"], each["ActualEndTime"]]
            for each in org.rows("ServiceAppointment")
        ),
        "travel": sorted(
            [each["ServiceAppointmentId"], each["ActualTravelTime"]]
            for each in org.rows("AssignedResource")
        ),
        "events": sorted(
            [each["WhatId"], each["Subject"], each["StartDateTime"]]
            for each in org.rows("Event")
        ),
        "entries": sorted(
            [
                sheets[each["TimeSheetId"]]["ServiceResourceId"],
                each["StartTime"],
                each["EndTime"],
            ]
            for each in org.rows("TimeSheetEntry")
        ),
        "sheets": sorted(
            (each["ServiceResourceId"], each["StartDate"]) for each in sheets.values()
        ),
    }


def _minute(moment: datetime) -> str:
    return moment.strftime(FORM)
