"""A burst of webhooks about many appointments, in disorder and with repetitions."""

import json
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from bench.deliveries import Json

OF_A_DELIVERY = 10  # events
REPEATED = 0.2  # of the events come twice
METRES, SECONDS, IDLE = 4200, 1500, 300  # of the way to each appointment
STAY, WORK = timedelta(minutes=45), timedelta(minutes=40)
SEED = 20260304


class Visit(NamedTuple):
    """One appointment, its resource, and when that arrives."""

    appointment: str
    resource: str
    at: datetime
    name: str = ""  # of the resource


def burst(visits: Sequence[Visit]) -> list[bytes]:
    """Bodies of deliveries: an arrival, a departure and a check-out of each visit."""
    told = [event for visit in visits for event in told_of(visit)]
    chance = random.Random(SEED)
    told += [again(each) for each in chance.sample(told, int(len(told) * REPEATED))]
    chance.shuffle(told)
    return [
        json.dumps(told[start : start + OF_A_DELIVERY]).encode()
        for start in range(0, len(told), OF_A_DELIVERY)
    ]


def told_of(visit: Visit) -> Iterator[Json]:
    """Arrival, departure and check-out."""
    fence = {
        "marker_id": f"marker-{visit.appointment}",
        "geofence_id": f"geofence-{visit.appointment}",
        "geofence_metadata": _ids(visit),
        "route_to": {"distance": METRES, "duration": SECONDS, "idle_time": IDLE},
        "arrival": {"recorded_at": visit.at.isoformat()},
    }
    left, done = visit.at + STAY, visit.at + WORK
    yield event_of(visit, "geofence", visit.at, fence | {"value": "entry"})
    gone = {"value": "exit", "exit": {"recorded_at": left.isoformat()}}
    yield event_of(visit, "geofence", left, fence | gone)
    order = {"value": "completed", "order_handle": f"order-{visit.appointment}"}
    yield event_of(visit, "order", done, order | {"metadata": _ids(visit)})


def event_of(visit: Visit, kind: str, at: datetime, data: dict[str, Any]) -> Json:
    """As the phone of its resource tells it."""
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


def _ids(visit: Visit) -> dict[str, str]:
    return {
        "service_appointment_id": visit.appointment,
        "service_resource_id": visit.resource,
    }


def again(event: Json) -> Json:
    """The same fact in another delivery: no two queues' own memory helps against it."""
    later = datetime.fromisoformat(event["created_at"]) + timedelta(hours=1)
    return event | {"created_at": later.isoformat()}
