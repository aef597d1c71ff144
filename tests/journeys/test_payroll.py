"""What payroll reads: a day of one person, its corrections, and why each value stands."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from local.hypertrack.phone import Phone
from local.ministack import wait_until
from local.town import Town
from tests.journeys.setting import DEPOT, Scene, drive, visit

OTHER, OTHER_SECRET = "other-account-id", "other-secret-key"
MANY = 400  # events at once, four times of what is no burst
EARLIER = timedelta(minutes=10)


def test_a_day_told_backwards_is_paid_once(scene: Scene) -> None:
    ada, boiler, heater = day(scene)

    [arrived, *_], [first, second] = said(scene, "entry"), said(scene, "CHECK_OUT")
    assert appointment(scene, boiler) == ["Completed", arrived, first]
    assert appointment(scene, heater) == ["Completed", arrived, second]
    [way, *work] = entries(scene, ada)
    assert work == [["Direct", arrived, first], ["Direct", first, second]]
    assert (way[0], way[2]) == ("Indirect", arrived)
    assert said(scene, "CLOCK_IN") <= [way[1]] < [arrived]
    trips = [
        each["ActualTravelTime"] or 0 for each in scene.salesforce.rows("AssignedResource")
    ]
    assert min(trips) == 0 < max(trips)
    assert scene.outcomes("arrived", "checked out", "left", "clocked in", "clocked out") == {
        ("clocked in", "applied"): 1,
        ("arrived", "applied"): 2,
        ("checked out", "applied"): 2,
        ("left", "applied"): 2,
        ("clocked out", "applied"): 1,
    }


def test_what_is_told_later_corrects_the_times_and_nothing_of_a_persons(scene: Scene) -> None:
    ada, boiler, heater = day(scene)
    [_, mine, _] = sorted(scene.entries(ada), key=lambda each: each["StartTime"])
    by_hand = {"EndTime": datetime.fromisoformat(mine["EndTime"]) - timedelta(minutes=5)}
    scene.salesforce.update("TimeSheetEntry", mine["Id"], **by_hand)
    theirs = scene.salesforce.row("TimeSheetEntry", mine["Id"])
    [arrived, *_], [first, second] = said(scene, "entry"), said(scene, "CHECK_OUT")

    arrive_earlier(scene, boiler)

    earlier = stamp(datetime.fromisoformat(arrived) - EARLIER)
    assert appointment(scene, boiler) == ["Completed", earlier, first]
    assert appointment(scene, heater) == ["Completed", arrived, second]
    assert scene.salesforce.row("TimeSheetEntry", mine["Id"]) == theirs
    spans = [each[1:] for each in entries(scene, ada)]
    assert len(spans) == 3
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    told = [json.dumps(row) for row in scene.ledger() if row.get("kind") == "arrived"]
    assert sum("a person has changed its times" in each for each in told) == 1


def test_an_operator_sees_that_the_ledger_is_whole_and_why_a_value_stands(scene: Scene) -> None:
    ada, boiler, _ = day(scene)
    today = {min(row["received_at"] for row in scene.ledger())[:10], f"{datetime.now(UTC):%F}"}

    found = ask(scene, "verify_ledger", **{"from": min(today), "to": max(today)})
    of_boiler = ask(scene, "explain", record=boiler)
    of_day = ask(scene, "explain", record=ada, day=f"{scene.town.clock():%F}")

    assert found["whole"] is True
    assert [each["unchained"] for each in found["days"]] == [0] * len(found["days"])
    stands = of_boiler["stands"]
    assert stands["changes.status"]["value"] == "Completed"
    began = stands["changes.actual_start"]
    assert began["kind"] == "left"  # which was told first, and when it had begun
    assert [stamp(datetime.fromisoformat(began["value"]))] == said(scene, "entry")[:1]
    assert all(each["request"] for name, each in stands.items() if name.startswith("changes."))
    kinds = {each["kind"] for each in of_day["told"]}
    assert kinds >= {"clocked in", "arrived", "checked out", "left", "clocked out"}


def test_a_burst_of_one_connection_does_not_hold_up_another(town: Town) -> None:
    town.hypertrack.add_account(OTHER, OTHER_SECRET)
    quiet, loud = Scene(town), Scene(town, OTHER, OTHER_SECRET)
    ada = quiet.hire()
    boiler = quiet.book(ada)
    quiet.later()
    phone = quiet.install(ada)
    work_off_bursts(town, wanted=False)

    assert loud.hypertrack.send_raw(OTHER, many(town)).status == 200
    visit(phone, quiet.fence(boiler).geofence_id)
    wait_until(
        lambda: len(quiet.events(boiler)) == 3,
        timeout=30,
        what="the quiet connection's visit",
    )
    waiting = town.stack.queue_depths()["Bursts"]
    work_off_bursts(town, wanted=True)
    town.settle()

    assert sum(waiting) == MANY
    assert sum(1 for row in loud.ledger() if row["device"].startswith("loud-")) == MANY
    assert len(quiet.entries(ada)) == 1


def day(scene: Scene) -> tuple[str, str, str]:
    """Two appointments at one place, of which every webhook comes in the wrong order."""
    path = f"/connections/{scene.connection}/settings"
    scene.operator.post(path, time_sheets="visits_and_travel").raise_for_status()
    ada = scene.hire()
    boiler, heater = scene.book(ada), scene.book(ada, hours=3)
    scene.later()
    phone = scene.install(ada)
    scene.hypertrack.hold()
    live(phone, [scene.fence(each).geofence_id for each in (boiler, heater)])
    scene.hypertrack.release("reversed")
    scene.town.settle()
    return ada, boiler, heater


def live(phone: Phone, geofences: list[str]) -> None:
    drive(phone)
    for each in geofences:
        phone.stay(45)
        phone.check_out(each)
    phone.stay(4)
    phone.drive_to(*DEPOT, minutes=20)
    phone.clock_out()


def arrive_earlier(scene: Scene, appointment: str) -> None:
    """HyperTrack tells of an entry that it had not told of, after everything is done."""
    [body] = [
        each.body
        for each in scene.hypertrack.events
        if each.body["data"].get("value") == "entry"
        and each.body["data"]["geofence_metadata"]["service_appointment_id"] == appointment
    ]
    at = (datetime.fromisoformat(body["recorded_at"]) - EARLIER).isoformat()
    data = body["data"] | {"marker_id": "another", "arrival": {"recorded_at": at}}
    told = body | {"recorded_at": at, "data": data}
    scene.hypertrack.send_raw(scene.account, json.dumps([told]).encode())
    scene.town.settle()


def many(town: Town) -> bytes:
    """So many phones that tell of their batteries."""
    at = town.clock().isoformat()
    event = {"type": "battery", "version": "2.0.0", "created_at": at, "recorded_at": at}
    data = {"value": "charging"}
    return json.dumps(
        [{**event, "device_id": f"loud-{each}", "data": data} for each in range(MANY)]
    ).encode()


def work_off_bursts(town: Town, *, wanted: bool) -> None:
    client = town.stack.client("lambda")
    for each in client.list_event_source_mappings()["EventSourceMappings"]:
        if "Bursts" in each["EventSourceArn"] and "Dead" not in each["EventSourceArn"]:
            client.update_event_source_mapping(UUID=each["UUID"], Enabled=wanted)


def ask(scene: Scene, action: str, **what: str) -> dict[str, Any]:
    request = {"action": action, "connection": scene.connection, **what}
    answer: dict[str, Any] = scene.town.stack.invoke("AnswerOperator", request)
    return answer


def said(scene: Scene, word: str) -> list[str]:
    """When HyperTrack says that it was, as Salesforce shows it."""
    bodies = [each.body for each in scene.hypertrack.events]
    found = [
        each
        for each in bodies
        if word in (each["data"].get("value"), each["data"].get("metadata", {}).get("type"))
    ]
    return sorted(stamp(datetime.fromisoformat(each["recorded_at"])) for each in found)


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:00.000+0000")


def appointment(scene: Scene, of: str) -> list[str]:
    row = scene.appointment(of)
    return [row["Status"], row["ActualStartTime"], row["ActualEndTime"]]


def entries(scene: Scene, resource: str) -> list[list[str]]:
    """Type, begin and end of what stands on the time sheet, in time order."""
    rows = sorted(scene.entries(resource), key=lambda each: each["StartTime"])
    return [[each["Type"], each["StartTime"], each["EndTime"]] for each in rows]
