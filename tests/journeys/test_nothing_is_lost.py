"""What HyperTrack knows arrives in the end, whatever kept it from being told."""

import json
from datetime import timedelta
from typing import Any

import pytest

from local.hypertrack.phone import Phone
from tests.journeys.setting import Scene, items, visit

WRONG = "not-the-secret-that-we-know"
WORK = ("arrived", "checked out", "left")


def booked(scene: Scene, app: str = "android-0.3") -> tuple[str, str, Phone, str]:
    """A technician with a phone at one appointment: resource, appointment, phone, geofence."""
    ada = scene.hire()
    boiler = scene.book(ada)
    scene.later()
    phone = scene.install(ada, app)
    return ada, boiler, phone, scene.fence(boiler).geofence_id


def check(scene: Scene, resource: str, appointment: str) -> None:
    """It is all there, and once."""
    assert scene.appointment(appointment)["Status"] == "Completed"
    assert len(scene.events(appointment)) == len(WORK)
    assert len(scene.entries(resource)) == 1
    outcomes = scene.outcomes(*WORK)
    assert [outcomes[kind, "applied"] for kind in WORK] == [1, 1, 1]


def heard_last(scene: Scene, hours: float) -> None:
    """Have nothing been heard of for so long."""
    table = scene.town.stack.client("dynamodb")
    [item] = [
        each
        for each in items(scene.town, "StateTable")
        if (each["pk"], each["sk"]) == (scene.connection, "heard")
    ]
    body = json.loads(item["body"])
    at = scene.town.clock() - timedelta(hours=hours)
    body |= {"at": at.isoformat(), "compared_at": None}
    table.update_item(
        TableName=scene.town.stack.outputs["StateTable"],
        Key={"pk": {"S": item["pk"]}, "sk": {"S": item["sk"]}},
        UpdateExpression="SET body = :body",
        ExpressionAttributeValues={":body": {"S": json.dumps(body)}},
    )


# ── HyperTrack's own outage ───────────────────────────────────────────────────


def test_two_hours_in_which_hypertrack_told_nothing_are_made_up_for_by_day(
    scene: Scene,
) -> None:
    ada, boiler, phone, geofence = booked(scene)
    scene.hypertrack.silent()
    visit(phone, geofence)
    scene.town.clock.move_to(scene.town.clock() + timedelta(hours=2))
    assert scene.appointment(boiler)["Status"] != "Completed"
    heard_last(scene, hours=2)

    scene.later(0)

    check(scene, ada, boiler)
    assert "hypertrack is silent" in "\n".join(scene.town.stack.logs())


def test_what_was_missed_is_found_at_night_and_nothing_twice(scene: Scene) -> None:
    ada, boiler, phone, geofence = booked(scene)
    scene.hypertrack.silent()
    visit(phone, geofence)
    scene.hypertrack.speak()
    scene.town.clock.move_to(scene.town.clock() + timedelta(hours=20))

    for _ in range(2):
        scene.town.night()

    check(scene, ada, boiler)
    assert ("arrived", "duplicate") not in scene.outcomes(*WORK)


# ── secrets ───────────────────────────────────────────────────────────────────


def test_deliveries_signed_with_a_key_that_we_do_not_know_yet_are_taken_up_with_it(
    scene: Scene,
) -> None:
    ada, boiler, phone, geofence = booked(scene)
    scene.hypertrack.rotate_secret(scene.account, "a-new-secret-key")
    visit(phone, geofence)
    scene.town.settle()
    scene.town.take_up()
    assert scene.appointment(boiler)["Status"] != "Completed"
    assert {each.status for each in scene.hypertrack.deliveries[-3:]} == {401}

    answer = scene.operator.post(
        f"/connections/{scene.connection}/secret", secret="a-new-secret-key"
    )
    scene.town.take_up()

    assert answer.status_code == 200
    check(scene, ada, boiler)
    left = scene.town.stack.client("s3").list_objects_v2(
        Bucket=scene.town.stack.outputs["SpoolBucket"]
    )
    # With which secrets the rest was tried; there is no rest.
    assert [each["Key"].rpartition("/")[2] for each in left["Contents"]] == ["tried"]


def test_what_was_never_signed_with_a_key_of_ours_changes_nothing(scene: Scene) -> None:
    _, boiler, phone, geofence = booked(scene)
    scene.hypertrack.sign_with(scene.account, WRONG)
    visit(phone, geofence)
    scene.town.settle()

    scene.town.take_up()

    assert scene.appointment(boiler)["Status"] != "Completed"
    assert scene.outcomes(*WORK) == {}


# ── sizes ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [300_000, 1_048_576, 4_000_000])
def test_a_delivery_of_any_size_that_lambda_takes_is_worked_off(
    scene: Scene, size: int
) -> None:
    ada, boiler, phone, geofence = booked(scene)
    scene.hypertrack.hold()
    scene.hypertrack.batch(100)
    visit(phone, geofence)
    bulk: dict[str, Any] = {
        "type": "nearby",
        "version": "2.0.0",
        "data": {"value": "x" * 9_900},
    }
    events = [each.body for each in scene.hypertrack.events if each.outcome == "pending"]
    padding = [bulk | {"created_at": f"{number}"} for number in range(size // 10_000)]

    delivery = scene.hypertrack.send_raw(
        scene.account, json.dumps([*padding, *events]).encode()
    )
    scene.town.settle()

    assert delivery.status == 200
    check(scene, ada, boiler)
    ignored = scene.outcomes("nearby")
    assert ignored["nearby", "ignored"] == len(padding)


def test_an_event_larger_than_a_queue_message_is_worked_off(scene: Scene) -> None:
    ada, boiler, phone, geofence = booked(scene)
    scene.hypertrack.hold()
    visit(phone, geofence)
    events = [each.body for each in scene.hypertrack.events if each.outcome == "pending"]
    large = [each | {"name": "n" * 400_000} for each in events]

    statuses = [
        scene.hypertrack.send_raw(scene.account, json.dumps([each]).encode()).status
        for each in large
    ]
    scene.town.settle()

    assert set(statuses) == {200}
    check(scene, ada, boiler)
