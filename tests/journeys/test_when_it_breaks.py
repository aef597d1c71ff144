"""Salesforce refuses, fails or hangs up, workers die: every fact arrives, and only once."""

import re
from threading import Event
from typing import Any

from local.ministack import wait_until
from tests.journeys.setting import Scene, end_the_lease, kill, return_soon, visit

FACTS = ("clocked in", "arrived", "checked out", "left")
APPLIED = {(kind, "applied"): 1 for kind in FACTS}
# The call that writes all of a check out: status, times, Event and time sheet entry.
CHECKOUT = {"method": "POST", "path": "composite", "contains": "sobjects/TimeSheetEntry"}
REPLAY = re.compile(r"/parked/([\w-]+)/replay")


def test_an_answer_lost_after_the_write_makes_no_second_event(scene: Scene) -> None:
    appointment, resource, go = ready(scene)
    scene.salesforce.faults.append({"match": CHECKOUT, "after": True, "drop": True})

    go(settled=False)
    end_the_lease(scene.town)
    scene.town.settle()

    check_visit(scene, appointment, resource)
    assert scene.salesforce.faults == []


def test_a_worker_killed_after_the_write_makes_no_second_event(scene: Scene) -> None:
    appointment, resource, go = ready(scene)
    written = Event()
    scene.salesforce.faults.append({"match": CHECKOUT, "hold": written})
    return_soon(scene.town, "Events")

    visit_in_background(scene, go)
    wait_until(lambda: not scene.salesforce.faults, timeout=30, what="the write to be sent")
    kill(scene.town, "update_salesforce")
    written.set()
    end_the_lease(scene.town)
    scene.town.settle()

    check_visit(scene, appointment, resource)
    tried = [each for each in scene.salesforce.requests if "TimeSheetEntry" in each.body]
    assert any("FROM%20TimeSheetEntry" in each.body for each in tried)


def test_a_worker_killed_before_the_write_is_taken_over(scene: Scene) -> None:
    appointment, resource, go = ready(scene)
    never = Event()
    look = {"method": "POST", "path": "composite", "contains": "ServiceAppointmentStatus"}
    scene.salesforce.faults.append({"match": look, "hold": never})
    return_soon(scene.town, "Events")

    visit_in_background(scene, go)
    wait_until(lambda: not scene.salesforce.faults, timeout=30, what="the look")
    kill(scene.town, "update_salesforce")
    never.set()
    scene.town.settle()

    check_visit(scene, appointment, resource)


def parked(scene: Scene) -> list[str]:
    """The ids of what the console lists as parked."""
    answer = scene.operator.open(f"/connections/{scene.connection}/parked")
    answer.raise_for_status()
    return REPLAY.findall(answer.text)


def test_a_refused_write_is_parked_and_replayed_once_the_rule_is_lifted(scene: Scene) -> None:
    appointment, resource, go = ready(scene)
    words = "A technician can't be paid for this without the customer's signature."
    scene.salesforce.refuse.append({"object": "TimeSheetEntry", "message": words})

    go()

    subjects = [each["Subject"].partition(":")[0] for each in scene.events(appointment)]
    assert subjects == ["Arrived", "Left"]
    assert scene.appointment(appointment)["Status"] == "In Progress"
    assert scene.outcomes("checked out") == {("checked out", "parked"): 1}
    page = scene.page()
    assert words.replace("'", "&#39;") in page
    [item] = parked(scene)

    scene.salesforce.refuse.clear()
    replayed = scene.operator.post(f"/connections/{scene.connection}/parked/{item}/replay")
    scene.town.settle()

    assert replayed.status_code == 200
    check_visit(scene, appointment, resource)
    assert parked(scene) == []


def test_what_is_replayed_too_early_is_parked_again(scene: Scene) -> None:
    appointment, _, go = ready(scene)
    scene.salesforce.refuse.append({"object": "Event", "message": "Not today."})
    go()
    items = parked(scene)
    assert len(items) == 3

    for item in items:
        scene.operator.post(f"/connections/{scene.connection}/parked/{item}/replay")
    scene.town.settle()

    assert sorted(parked(scene)) == sorted(items)
    assert scene.events(appointment) == []
    assert scene.appointment(appointment)["Status"] == "Scheduled"


def test_while_salesforce_is_down_facts_wait_and_then_arrive_in_order(scene: Scene) -> None:
    appointment, resource, go = ready(scene)
    down = {"match": {"path": "services"}, "times": None, "status": 503, "body": "<html>busy"}
    scene.salesforce.faults.append(down)
    asked = len(scene.salesforce.requests)

    visit_in_background(scene, go)
    wait_until(lambda: len(scene.salesforce.requests) > asked, timeout=30, what="the first try")
    scene.hypertrack.wait_idle(30)
    waiting = scene.town.stack.queue_depths()["Events"]
    scene.salesforce.faults.clear()
    scene.town.settle()

    assert sum(waiting) >= 3
    check_visit(scene, appointment, resource)
    made = [each.fields for each in scene.salesforce.writes if each.object == "Event"]
    starts = [each["StartDateTime"] for each in made]
    assert starts == sorted(starts)


def ready(scene: Scene) -> tuple[str, str, Any]:
    """A technician at the depot, and the way through the visit of the day."""
    ada = scene.hire()
    boiler = scene.book(ada)
    scene.later()
    phone = scene.install(ada)
    geofence = scene.fence(boiler).geofence_id

    def go(*, settled: bool = True) -> None:
        visit(phone, geofence)
        if settled:
            scene.town.settle()

    return boiler, ada, go


def visit_in_background(scene: Scene, go: Any) -> None:
    """All webhooks of the visit in one array, so that nothing has to be waited for."""
    scene.hypertrack.hold()
    scene.hypertrack.batch(100)
    go(settled=False)
    scene.hypertrack.release()


def check_visit(scene: Scene, appointment: str, resource: str) -> None:
    """The visit as if nothing had happened."""
    assert scene.appointment(appointment)["Status"] == "Completed"
    subjects = [each["Subject"].partition(":")[0] for each in scene.events(appointment)]
    assert subjects == ["Arrived", "Checked out", "Left"]
    assert len(scene.entries(resource)) == 1
    assert scene.outcomes(*FACTS) == APPLIED
