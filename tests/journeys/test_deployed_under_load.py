"""A newer version is deployed while webhooks pour in, and rolled back while more do.

An update kills what is at work here, doors and workers, where AWS lets it end: who is killed
answers 5xx or leaves its messages in the queue. On AWS both versions work side by side for a
while; here one follows the other, and reads the messages and records that the other has left.
"""

from __future__ import annotations

import hmac
import json
import random
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import repeat
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple

from local.http import session
from local.ministack import wait_until
from local.town import Town
from tests.journeys.setting import check_afterwards, items, pause_workers, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import requests

CONNECTIONS, CROWD = 3, 300  # and visits of each at most
TOGETHER = 4  # visits of which a connection's webhooks come mixed up
AFTER_EACH = 50  # webhooks that are answered between one step and the next
FIRST_DAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
WORK, STAY = timedelta(minutes=40), timedelta(minutes=45)
FORM = "%Y-%m-%dT%H:%M:00.000+0000"
LEASE = timedelta(minutes=12)  # by then nobody who was killed counts as being at work
KINDS = ("arrived", "checked out", "left")

# What the newer version does otherwise: what it sends and what it stores has something new.
COMPUTED = """from pydantic import computed_field


class Visit(Anchor):
    @computed_field
    @property
    def release(self) -> str:
        return "newer"

"""
NEWER = (
    ("hearing/webhooks.py", "{envelope},{told}", '{envelope},\\"release\\":\\"newer\\",{told}'),
    ("models.py", "class Report(Model):\n", 'class Report(Model):\n    release: str = ""\n'),
    ("records.py", "class Visit(Anchor):\n", COMPUTED),
)


class Visit(NamedTuple):
    """One technician's work, from arrival to departure."""

    appointment: str
    resource: str
    name: str
    at: datetime

    @property
    def told(self) -> list[bytes]:
        """A webhook for each of its three facts."""
        ids = {"service_appointment_id": self.appointment, "service_resource_id": self.resource}
        fence: dict[str, Any] = {
            "marker_id": f"marker-{self.appointment}",
            "geofence_id": f"geofence-{self.appointment}",
            "geofence_metadata": ids,
            "arrival": {"recorded_at": self.at.isoformat()},
        }
        gone = {"recorded_at": (self.at + STAY).isoformat()}
        order = {"order_handle": f"order-{self.appointment}", "metadata": ids}
        return [
            self._event("geofence", timedelta(), {**fence, "value": "entry"}),
            self._event("order", WORK, {**order, "value": "completed"}),
            self._event("geofence", STAY, {**fence, "value": "exit", "exit": gone}),
        ]

    def _event(self, kind: str, after: timedelta, data: dict[str, Any]) -> bytes:
        at = (self.at + after).isoformat()
        event = {
            "type": kind,
            "version": "3.0.0" if kind == "order" else "2.0.0",
            "created_at": at,
            "recorded_at": at,
            "device_id": f"device-{self.resource}",
            "worker_handle": self.resource,
            "data": data,
        }
        return json.dumps([event]).encode()


class Door(NamedTuple):
    """Where one connection's webhooks go."""

    connection: str
    url: str
    secret: str


class Crowd:
    """Webhooks of all connections pour in for as long as this is entered."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.statuses: list[int] = []  # of every try
        self.visits: list[Visit] = []  # of which everything has been taken
        self._enough = Event()
        town.salesforce.run_as = town.salesforce.integration_user_id
        self._doors = [_connected(town, f"account-{each}") for each in range(CONNECTIONS)]
        self._all = [_visits(town) for _ in self._doors]
        town.settle()

    @contextmanager
    def pouring_in(self) -> Iterator[None]:
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            posting = list(map(pool.submit, repeat(self._post_all), self._doors, self._all))
            try:
                yield
            finally:
                self._enough.set()
            for each in posting:
                each.result()

    def goes_on(self) -> None:
        """So many more are taken."""
        goal = len(self.statuses) + AFTER_EACH
        wait_until(lambda: len(self.statuses) >= goal, timeout=60, what="webhooks to be taken")

    def _post_all(self, door: Door, visits: list[Visit]) -> None:
        chance = random.Random(door.secret)  # noqa: S311
        with session() as http:
            for start in range(0, CROWD, TOGETHER):
                some = visits[start : start + TOGETHER]
                told = [body for each in some for body in each.told]
                chance.shuffle(told)
                for body in [*told, told[0]]:
                    self._post(http, door, body)
                self.visits += some
                if self._enough.is_set():
                    return
        raise AssertionError("there were too few visits")

    def _post(self, http: requests.Session, door: Door, body: bytes) -> None:
        """Again and again, as HyperTrack does what was not taken."""
        signature = hmac.new(door.secret.encode(), body, "sha1").hexdigest()
        headers = {"content-type": "application/json", "x-hypertrack-signature": signature}

        def taken() -> bool:
            status = http.post(door.url, data=body, headers=headers, timeout=30).status_code
            self.statuses.append(status)
            return status == 200

        wait_until(taken, timeout=30, what="a webhook to be taken")


def _connected(town: Town, account: str) -> Door:
    operator, secret = town.operator(), f"secret-key-of-{account}"
    town.hypertrack.add_account(account, secret)
    made = operator.new_connection(
        name=account, account=account, secret=secret, authorise="client"
    )
    operator.post(f"/connections/{made}/connect").raise_for_status()
    return Door(made, operator.webhook_url(made), secret)


def _visits(town: Town) -> list[Visit]:
    people = town.salesforce.add_resources(CROWD)
    work = town.salesforce.add_appointments(CROWD, people, FIRST_DAY)
    names = {each["Id"]: each["Name"] for each in town.salesforce.rows("ServiceResource")}
    return [
        Visit(each, who, names[who], FIRST_DAY) for each, who in zip(work, people, strict=True)
    ]


def newer(built: Path, folder: Path) -> Path:
    """Another version of what was built."""
    made = shutil.copytree(built, folder / "newer")
    house = made / "Layer" / "python" / "fieldlink"
    for name, old, new in NEWER:
        path = house / name
        text = path.read_text()
        assert text.count(old) == 1, name
        path.write_text(text.replace(old, new))
        # It was compiled once and for all, so that Lambda need not look for changes.
        (path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc").unlink()
    return made


def test_nothing_is_lost_or_doubled_by_a_deployment_under_load_and_its_rollback(
    built: Path, tmp_path: Path
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    with Town(now, built=built, followed=True) as town:
        crowd = Crowd(town)
        come_again_soon(town)
        with crowd.pouring_in():
            crowd.goes_on()
            town.stack.update(newer(built, tmp_path))
            wait_until(lambda: kept(town) > 0, timeout=60, what="records of the newer one")
            pause_workers(town)
            wait_until(
                lambda: waiting(town) >= 20, timeout=30, what="messages of the newer one"
            )
            town.stack.update(built)
            crowd.goes_on()
        # Whoever was killed is gone, and nobody works just now: so their leases may be over.
        town.clock.move_to(town.clock() + LEASE)
        pause_workers(town, paused=False)
        town.settle(timeout=120)

        assert standing(town, crowd.visits) == expected(crowd.visits)
        assert noted(town) == {
            (each.appointment, kind, "applied"): 1 for each in crowd.visits for kind in KINDS
        }
        check_afterwards(town)


def come_again_soon(town: Town) -> None:
    """Have messages of a worker that died come again after seconds, not after minutes.

    Whoever is handed ten takes more by itself, and those are lent for a minute.
    """
    api = town.stack.client("lambda")
    for each in api.list_event_source_mappings()["EventSourceMappings"]:
        api.update_event_source_mapping(UUID=each["UUID"], BatchSize=9)
    for queue in ("Events", "Bursts"):
        town.stack.client("sqs").set_queue_attributes(
            QueueUrl=town.stack.queue_url(queue), Attributes={"VisibilityTimeout": "5"}
        )


def waiting(town: Town) -> int:
    """Messages of the newer version that lie in the queues."""
    return sum(
        '"release":"newer"' in str(message)
        for messages in town.stack._aws.queues().values()
        for message in messages
    )


def kept(town: Town) -> int:
    """Records that it has stored."""
    return sum('"release":"newer"' in text(each) for each in items(town, "StateTable"))


def expected(visits: list[Visit]) -> dict[str, Any]:
    """What must stand in Salesforce, told from the visits alone."""
    return {
        "appointments": sorted(
            (each.appointment, "Completed", f"{each.at:{FORM}}", f"{each.at + WORK:{FORM}}")
            for each in visits
        ),
        "events": sorted(
            (each.appointment, f"{word}: {each.name}")
            for each in visits
            for word in ("Arrived", "Checked out", "Left")
        ),
        "entries": sorted((f"{each.at:{FORM}}", f"{each.at + WORK:{FORM}}") for each in visits),
        "sheets": sorted(each.resource for each in visits),
    }


def standing(town: Town, visits: list[Visit]) -> dict[str, Any]:
    """What stands there; of work that nobody told of nothing may."""
    rows, known = town.salesforce.rows, {each.appointment for each in visits}
    work = [
        (each["Id"], each["Status"], each["ActualStartTime"], each["ActualEndTime"])
        for each in rows("ServiceAppointment")
        if each["Id"] in known or each["ActualStartTime"]
    ]
    return {
        "appointments": sorted(work),
        "events": sorted((each["WhatId"], each["Subject"]) for each in rows("Event")),
        "entries": sorted(
            (each["StartTime"], each["EndTime"]) for each in rows("TimeSheetEntry")
        ),
        "sheets": sorted(each["ServiceResourceId"] for each in rows("TimeSheet")),
    }


def noted(town: Town) -> Counter[tuple[str, str, str]]:
    """How often each outcome of each fact stands in the ledger."""
    rows = [
        json.loads(each["body"])
        for each in items(town, "LedgerTable")
        if not each["sk"].startswith("~link#")
    ]
    return Counter((row.get("appointment", ""), row["kind"], row["outcome"]) for row in rows)
