"""Who is out on which visit, what HyperTrack tells of it, and what must stand in Salesforce."""

import hashlib
import hmac
import json
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from local.salesforce import FakeSalesforce

OF_A_DAY = 4  # visits of each technician
FIRST, APART = timedelta(hours=7), timedelta(hours=3)
LATE, WORK, STAY = timedelta(minutes=7), timedelta(minutes=50), timedelta(minutes=55)
METRES, SECONDS, IDLE = 5200, 1680, 240  # of the way to each
OF_A_DELIVERY = 25  # events
# Of each hundred events so many are facts of visits, and repetitions; the rest is only noted.
FACTS, REPEATED = 60, 15
FACTS_OF_A_VISIT = 3
FORM = "%Y-%m-%dT%H:%M:00.000+0000"

Json = dict[str, Any]


class Visit(NamedTuple):
    """One appointment as its technician keeps it."""

    appointment: str
    resource: str
    name: str
    at: datetime  # of the arrival


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
                Visit(each, who, names[who], start + LATE)
                for each, who in zip(ids, crew, strict=True)
            ]
        day += 1
    return Fleet(connection, url, secret, {each: names[each] for each in resources}, made)


def deliveries(
    of: Fleet, events: int, chance: random.Random, each: int = OF_A_DELIVERY
) -> list[Delivery]:
    """So many events in all, without any order."""
    facts = [event for visit in of.visits for event in told(visit)]
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


def told(visit: Visit) -> Iterator[Json]:
    """Arrival, departure and check-out."""
    ids = {
        "service_appointment_id": visit.appointment,
        "service_resource_id": visit.resource,
    }
    fence = {
        "marker_id": f"marker-{visit.appointment}",
        "geofence_id": f"geofence-{visit.appointment}",
        "geofence_metadata": ids,
        "route_to": {"distance": METRES, "duration": SECONDS, "idle_time": IDLE},
        "arrival": {"recorded_at": visit.at.isoformat()},
    }
    left, done = visit.at + STAY, visit.at + WORK
    yield _event(visit, "geofence", visit.at, fence | {"value": "entry"})
    gone = {"value": "exit", "exit": {"recorded_at": left.isoformat()}}
    yield _event(visit, "geofence", left, fence | gone)
    order = {"value": "completed", "order_handle": f"order-{visit.appointment}"}
    yield _event(visit, "order", done, order | {"metadata": ids})


def again(event: Json) -> Json:
    """The same fact in another delivery, which no queue can tell from a new one."""
    later = datetime.fromisoformat(event["created_at"]) + timedelta(minutes=30)
    return event | {"created_at": later.isoformat()}


def noted(of: Fleet, count: int, chance: random.Random) -> Iterator[Json]:
    """What changes nothing in Salesforce: batteries, and phones that track."""
    for number in range(count):
        visit = chance.choice(of.visits)
        at = visit.at + timedelta(seconds=number)
        data = {"value": "charging"} if number % 2 else {"value": "active"}
        yield _event(visit, "battery" if number % 2 else "device_status", at, data)


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


def _event(visit: Visit, kind: str, at: datetime, data: Json) -> Json:
    return {
        "account_id": "account",
        "created_at": (at + timedelta(seconds=1)).isoformat(),
        "recorded_at": at.isoformat(),
        "device_id": f"device-{visit.resource}",
        "worker_handle": visit.resource,
        "type": kind,
        "version": "3.0.0" if kind == "order" else "2.0.0",
        "data": data,
    }


def _minute(moment: datetime) -> str:
    return moment.strftime(FORM)
