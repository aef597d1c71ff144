"""Webhooks that come twice, late, in any order, alone or together, change nothing."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.hypertrack.phone import Phone
from local.hypertrack.webhooks import Order
from tests.journeys.setting import Scene, opened, visit

FACTS = ("clocked in", "arrived", "checked out", "left")
# Twins: five people of one name, each with the same appointment at the same time and place.
TWINS = 6


class Twins:
    """Each lives through the same visit; only how the webhooks arrive differs."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.people = [scene.hire() for _ in range(TWINS)]
        self.appointments = [scene.book(each) for each in self.people]
        scene.later()
        self.phones = [scene.install(each) for each in self.people]
        self.model = self.live(0)

    def live(self, twin: int, copies: int = 1, size: int = 1, order: Order = "as_recorded",
             seed: int = 0) -> dict[str, Any]:  # fmt: skip
        """What Salesforce holds afterwards of this twin's visit."""
        hypertrack = self.scene.hypertrack
        hypertrack.hold()
        hypertrack.duplicate(copies)
        hypertrack.batch(size)
        geofence = self.scene.fence(self.appointments[twin])
        visit(self.phones[twin], geofence.geofence_id, note="Done")
        hypertrack.release(order, seed)
        self.scene.town.settle()
        return self.held(twin)

    def held(self, twin: int) -> dict[str, Any]:
        """Every row of a twin's visit, without what differs between rows of like content."""
        resource, appointment = self.people[twin], self.appointments[twin]
        rows = self.scene.salesforce.rows
        assigned = [r for r in rows("AssignedResource") if r["ServiceResourceId"] == resource]
        sheets = [r for r in rows("TimeSheet") if r["ServiceResourceId"] == resource]
        return {
            "appointment": [like(self.scene.appointment(appointment))],
            "assigned": [like(each) for each in assigned],
            "events": [like(each) for each in self.scene.events(appointment)],
            "sheets": [like(each) for each in sheets],
            "entries": [like(each) for each in self.scene.entries(resource)],
        }


def like(row: dict[str, Any]) -> dict[str, Any]:
    """A row without ids, numbers, stamps and the reference in its last line."""
    own = ("Id", "Number", "Stamp", "ModifiedDate", "CreatedDate")
    kept = {name: value for name, value in row.items() if not name.endswith(own)}
    if kept.get("Description"):
        told = kept["Description"].rpartition("\nFieldlink reference")[0]
        kept["Description"] = re.sub(r"SA-\d+", "SA-…", told)
    return kept


@pytest.fixture(scope="module")
def twins(built: Path) -> Iterator[Twins]:
    with opened(built) as town:
        yield Twins(Scene(town))


def test_the_model_has_everything_that_a_visit_gives(twins: Twins) -> None:
    assert {name: len(rows) for name, rows in twins.model.items()} == {
        "appointment": 1,
        "assigned": 1,
        "events": 3,
        "sheets": 1,
        "entries": 1,
    }
    assert twins.model["appointment"][0]["Status"] == "Completed"


@pytest.mark.parametrize(
    ("twin", "manner"),
    [
        pytest.param(1, {"copies": 2}, id="each twice"),
        pytest.param(2, {"order": "reversed"}, id="reversed"),
        pytest.param(3, {"order": "reversed", "size": 100}, id="reversed in one array"),
        pytest.param(4, {"order": "shuffled", "seed": 3, "copies": 3}, id="shuffled thrice"),
        pytest.param(5, {"copies": 10, "size": 100}, id="ten times in one array"),
    ],
)
def test_however_the_webhooks_arrive_the_rows_are_the_same(
    twins: Twins, twin: int, manner: dict[str, Any]
) -> None:
    assert twins.live(twin, **manner) == twins.model


def test_the_events_of_a_day_told_again_in_other_words_are_duplicates(scene: Scene) -> None:
    twin, phone = one_visit(scene)
    before, known = twin_rows(scene, twin), scene.outcomes(*FACTS)
    bodies = [each.body for each in scene.hypertrack.events]

    again = json.dumps([later(each) for each in bodies]).encode()
    delivery = scene.hypertrack.send_raw(scene.account, again)
    scene.town.settle()

    assert delivery.status == 200
    assert phone.device_id
    assert twin_rows(scene, twin) == before
    assert scene.outcomes(*FACTS) == known + Counter((kind, "duplicate") for kind in FACTS)


def test_a_delivery_replayed_an_hour_later_is_a_duplicate(scene: Scene) -> None:
    twin, _ = one_visit(scene)
    before, known = twin_rows(scene, twin), scene.outcomes(*FACTS)

    for number, event in enumerate(told_facts(scene)):
        put_again(scene, event, f"an hour later {number}")
    scene.town.settle()

    assert twin_rows(scene, twin) == before
    assert scene.outcomes(*FACTS) == known + Counter((kind, "duplicate") for kind in FACTS)


def test_a_message_that_the_queue_brings_again_leaves_one_ledger_row(scene: Scene) -> None:
    twin, _ = one_visit(scene)
    before, known = twin_rows(scene, twin), scene.outcomes(*FACTS)

    for number, event in enumerate(told_facts(scene)):
        put_again(scene, event, f"brought again {number}", hours=0)
    scene.town.settle()

    assert twin_rows(scene, twin) == before
    assert scene.outcomes(*FACTS) == known


def one_visit(scene: Scene) -> tuple[str, Phone]:
    ada = scene.hire()
    boiler = scene.book(ada)
    scene.later()
    phone = scene.install(ada)
    visit(phone, scene.fence(boiler).geofence_id)
    scene.town.settle()
    return boiler, phone


def twin_rows(scene: Scene, appointment: str) -> dict[str, Any]:
    """Everything that there is, ids and stamps too."""
    names = ("ServiceAppointment", "AssignedResource", "Event", "TimeSheet", "TimeSheetEntry")
    return {name: scene.salesforce.rows(name) for name in names} | {"one": appointment}


def later(body: dict[str, Any]) -> dict[str, Any]:
    """The same event, as HyperTrack would tell of it an hour later."""
    told = datetime.fromisoformat(body["created_at"]) + timedelta(hours=1)
    return body | {"created_at": told.isoformat()}


def told_facts(scene: Scene) -> list[dict[str, Any]]:
    """The ledger's rows of the visit's facts."""
    return [row for row in scene.ledger() if row.get("kind") in FACTS]


def put_again(scene: Scene, row: dict[str, Any], key: str, hours: float = 1) -> None:
    """The very message of a ledger row, past the five minutes in which SQS would drop it."""
    body = message_of(scene, row, timedelta(hours=hours))
    scene.town.stack.client("sqs").send_message(
        QueueUrl=scene.town.stack.queue_url("Events"),
        MessageBody=json.dumps(body),
        MessageGroupId="anything",
        MessageDeduplicationId=key.replace(" ", "-"),
    )


def message_of(scene: Scene, row: dict[str, Any], after: timedelta) -> dict[str, Any]:
    at = datetime.fromisoformat(row["at"])
    [event] = [
        each.body
        for each in scene.hypertrack.events
        if each.body["type"] in {"geofence", "geotag"}
        and abs(datetime.fromisoformat(each.body["recorded_at"]) - at) < timedelta(seconds=1)
    ]
    received = datetime.fromisoformat(row["received_at"]) + after
    return {
        "connection": scene.connection,
        "id": row["delivery"],
        "received_at": received.isoformat(),
        "event": event,
    }
