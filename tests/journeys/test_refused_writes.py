"""The org locks rows, refuses writes or loses answers: what can be written is, and once."""

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from local.town import Town
from tests.journeys.setting import DEPOT, Scene, drive, end_the_lease, items, pause_workers

if TYPE_CHECKING:
    from local.hypertrack.phone import Phone

KEY = "Fieldlink_Key__c"
FACTS = ("arrived", "checked out", "left")
GRAPHS = {"method": "POST", "path": "composite/graph"}
# The call that writes all of a check-out: status, times, Event and time sheet entry.
CHECKOUT = GRAPHS | {"contains": "sobjects/TimeSheetEntry"}
EVERY_GRAPH = {"method": "GRAPH"}
LOCKED = "UNABLE_TO_LOCK_ROW"
REFERENCE = re.compile("Fieldlink reference [0-9a-f]{20}")


class Technician:
    """Somebody with the app and one appointment a little way from the others'."""

    def __init__(self, scene: Scene, number: int = 0) -> None:
        self.scene = scene
        self.place = (52.516275 + number / 50, 13.377704)
        self.resource = scene.hire(f"Technician {number}")
        self.appointment = scene.book(self.resource, place=self.place)
        self.phone: Phone | None = None

    def start(self) -> None:
        """The invitation is opened, the appointment's geofence is there."""
        self.phone = self.scene.install(self.resource)
        self.geofence = self.scene.fence(self.appointment).geofence_id

    def arrive(self) -> None:
        assert self.phone
        drive(self.phone, self.place)

    def check_out(self) -> None:
        assert self.phone
        self.phone.stay(45)
        self.phone.check_out(self.geofence)

    def leave(self) -> None:
        assert self.phone
        self.phone.stay(4)
        self.phone.drive_to(*DEPOT, minutes=20)

    def visit(self) -> None:
        for part in (self.arrive, self.check_out, self.leave):
            part()


def team(scene: Scene, count: int) -> list[Technician]:
    people = [Technician(scene, number) for number in range(count)]
    scene.later()
    for each in people:
        each.start()
    return people


def check(scene: Scene, *people: Technician) -> None:
    """Everything that they did is there, and once."""
    for each in people:
        assert scene.appointment(each.appointment)["Status"] == "Completed"
        assert [
            event["Subject"].partition(":")[0] for event in scene.events(each.appointment)
        ] == [
            "Arrived",
            "Checked out",
            "Left",
        ]
        assert len(scene.entries(each.resource)) == 1


def parked(scene: Scene) -> list[dict[str, Any]]:
    return [
        json.loads(each["body"])
        for each in items(scene.town, "StateTable")
        if each["pk"] == scene.connection and each["sk"].startswith("parked#")
    ]


def replay(scene: Scene) -> None:
    """Everything that is parked goes to its queue again."""
    answer = scene.operator.post(f"/connections/{scene.connection}/parked/replay")
    answer.raise_for_status()
    scene.town.settle()


def told(scene: Scene, kind: str, appointment: str) -> dict[str, Any]:
    """The ledger's row of what became of that fact."""
    [row] = [
        each
        for each in scene.ledger()
        if each.get("kind") == kind and each.get("appointment") == appointment
    ]
    return row


def graphs(scene: Scene) -> list[list[str]]:
    """What each call wrote: the nodes of each of its graphs as text."""
    calls = [
        each for each in scene.salesforce.requests if each.path.endswith("composite/graph")
    ]
    return [
        [json.dumps(graph["compositeRequest"]) for graph in json.loads(each.body)["graphs"]]
        for each in calls
    ]


@pytest.fixture(params=[False, True], ids=["without keys", "with keys"])
def either(town: Town, request: pytest.FixtureRequest) -> Scene:
    """An org without our field for keys, and one with it."""
    if request.param:
        town.salesforce.add_key_field(KEY)
    return Scene(town)


def sheet(scene: Scene, technician: Technician, **fields: str) -> str:
    """A time sheet of today."""
    day = scene.town.clock().date()
    of = {"ServiceResourceId": technician.resource, "StartDate": day, "EndDate": day}
    return scene.salesforce.insert("TimeSheet", **of, **fields)


# ── for a moment ──────────────────────────────────────────────────────────────


def test_rows_that_others_lock_in_a_fifth_of_all_writes_are_written_within_few_tries(
    either: Scene,
) -> None:
    people = team(either, 3)
    # By this seed the first is among them, in however few graphs the visits are written.
    either.salesforce.faults.append(
        {"match": EVERY_GRAPH, "times": None, "share": 0.2, "seed": 57, "errorCode": LOCKED}
    )

    for each in people:
        each.visit()
    either.town.settle()

    sent = " ".join(graph for call in graphs(either) for graph in call)
    tries = Counter(REFERENCE.findall(sent))  # of each row: it may come in another graph
    assert 2 <= max(tries.values()) <= 6
    assert parked(either) == []
    check(either, *people)


@pytest.mark.parametrize(
    "lost", [{"status": 500, "body": ""}, {"drop": True}, {"half": True}], ids=str
)
def test_what_was_done_though_the_answer_was_lost_is_not_done_twice(
    either: Scene, lost: dict[str, Any]
) -> None:
    [ada] = team(either, 1)
    after = {} if "half" in lost else {"after": True}
    either.salesforce.faults.append({"match": CHECKOUT} | after | lost)

    ada.visit()
    either.hypertrack.wait_idle(30)
    end_the_lease(either.town)
    either.town.settle()

    assert either.salesforce.faults == []
    assert parked(either) == []
    check(either, ada)
    assert len(either.salesforce.rows("TimeSheet")) == 1


# ── until somebody mends it ───────────────────────────────────────────────────


def test_of_many_that_are_written_in_one_call_only_the_refused_one_is_parked(
    scene: Scene,
) -> None:
    people = team(scene, 4)
    refused = people[1]
    words = "This customer is blocked."
    scene.salesforce.faults.append(
        {
            "match": EVERY_GRAPH | {"contains": refused.appointment},
            "times": None,
            "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "message": words,
        }
    )
    for each in people:
        each.arrive()
    scene.town.settle()
    pause_workers(scene.town)

    for each in people:
        each.check_out()
    scene.hypertrack.wait_idle(30)
    pause_workers(scene.town, paused=False)
    scene.town.settle()

    assert max(len(call) for call in graphs(scene)) > 1
    assert {each["cause"] for each in parked(scene)} == {
        f"FIELD_CUSTOM_VALIDATION_EXCEPTION: {words}"
    }
    assert scene.appointment(refused.appointment)["Status"] == "Scheduled"
    assert scene.events(refused.appointment) == []
    scene.salesforce.faults.clear()
    replay(scene)
    for each in people:
        each.leave()
    scene.town.settle()
    assert parked(scene) == []
    check(scene, *people)


def test_a_validation_rule_on_entries_parks_the_fact_that_has_one_and_no_other(
    scene: Scene,
) -> None:
    ada, bert = team(scene, 2)
    scene.salesforce.refuse.append(
        {
            "object": "TimeSheetEntry",
            "message": "The year is closed.",
            "field": "Subject",
        }
    )

    ada.visit()
    scene.town.settle()

    causes = [each["cause"] for each in parked(scene)]
    assert causes
    assert all("The year is closed." in cause for cause in causes)
    assert scene.entries(ada.resource) == []
    subjects = [each["Subject"].partition(":")[0] for each in scene.events(ada.appointment)]
    assert "Arrived" in subjects
    assert "The year is closed." in scene.page()
    scene.salesforce.refuse.clear()
    replay(scene)
    bert.visit()
    scene.town.settle()
    assert parked(scene) == []
    check(scene, ada, bert)


def hide_travel(scene: Scene) -> str:
    scene.salesforce.read_only.add("AssignedResource.ActualTravelTime")
    return "AssignedResource.ActualTravelTime is read only"


def hide_entries(scene: Scene) -> str:
    scene.salesforce.no_access.add("TimeSheetEntry")
    return "TimeSheetEntry can't be seen"


def rename_type(scene: Scene) -> str:
    scene.salesforce.org.objects["TimeSheetEntry"].fields["Type"].restricted = True
    scene.salesforce.rename_value("TimeSheetEntry", "Type", "Direct", "On site")
    return "TimeSheetEntry.Type has no value Direct"


@pytest.mark.parametrize("change", [hide_travel, hide_entries, rename_type])
def test_what_can_not_be_written_any_more_is_left_out_with_its_cause_and_the_rest_is_written(
    scene: Scene, change: Callable[[Scene], str]
) -> None:
    [ada] = team(scene, 1)
    why = change(scene)

    ada.visit()
    scene.town.settle()

    assert parked(scene) == []
    assert scene.appointment(ada.appointment)["Status"] == "Completed"
    assert len(scene.events(ada.appointment)) == len(FACTS)
    reasons = " ".join(row.get("reason", "") for row in scene.ledger())
    assert why in reasons


def test_statuses_that_an_administrator_renames_in_the_middle_of_a_visit_are_used(
    scene: Scene,
) -> None:
    [ada] = team(scene, 1)
    ada.arrive()
    scene.town.settle()
    scene.salesforce.rename_status("Completed", "Done")

    ada.check_out()
    ada.leave()
    scene.town.settle()

    assert scene.appointment(ada.appointment)["Status"] == "Done"
    assert parked(scene) == []


def test_a_locked_time_sheet_is_left_alone_and_the_cause_is_told(scene: Scene) -> None:
    [ada] = team(scene, 1)
    scene.salesforce.locked.add(sheet(scene, ada))

    ada.visit()
    scene.town.settle()

    causes = [each["cause"] for each in parked(scene)]
    assert causes
    assert all("ENTITY_IS_LOCKED" in cause for cause in causes)
    assert scene.entries(ada.resource) == []
    scene.salesforce.locked.clear()
    replay(scene)
    assert parked(scene) == []
    check(scene, ada)


def test_an_approved_time_sheet_is_left_alone_and_all_else_is_written(scene: Scene) -> None:
    [ada] = team(scene, 1)
    sheet(scene, ada, Status="Approved")

    ada.visit()
    scene.town.settle()

    assert parked(scene) == []
    assert scene.entries(ada.resource) == []
    assert scene.appointment(ada.appointment)["Status"] == "Completed"
    assert len(scene.events(ada.appointment)) == len(FACTS)
    assert "Approved" in told(scene, "checked out", ada.appointment)["reason"]


def test_of_an_appointment_that_was_deleted_meanwhile_nothing_is_written_and_others_go_on(
    scene: Scene,
) -> None:
    ada, bert = team(scene, 2)
    ada.arrive()
    scene.town.settle()
    scene.salesforce.delete("ServiceAppointment", ada.appointment)

    ada.check_out()
    bert.visit()
    scene.town.settle()

    check(scene, bert)
    [cause] = [each["cause"] for each in parked(scene)]
    assert cause == f"appointment {ada.appointment} does not exist or is not shared with us"
    assert ada.appointment in scene.page()
    assert scene.outcomes("checked out") == {
        ("checked out", "parked"): 1,
        ("checked out", "applied"): 1,
    }
    assert scene.entries(ada.resource) == []
