"""What dispatchers do to appointments, and what becomes of the geofences."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from local.hypertrack.phone import Phone
from tests.journeys.setting import NEW_SITE, SITE, Scene, opened, visit


class Job(NamedTuple):
    """One appointment of a technician of its own, who has the app."""

    scene: Scene
    appointment: str
    resource: str
    phone: Phone

    @property
    def assignment(self) -> str:
        [found] = [
            row["Id"]
            for row in self.scene.salesforce.rows("AssignedResource")
            if row["ServiceAppointmentId"] == self.appointment
        ]
        return str(found)


@pytest.fixture(scope="module")
def shared(built: Path) -> Iterator[Scene]:
    with opened(built) as town:
        yield Scene(town)


@pytest.fixture
def job(shared: Scene) -> Job:
    resource = shared.hire()
    appointment = shared.book(resource)
    shared.later()
    return Job(shared, appointment, resource, shared.install(resource))


@pytest.fixture
def colleague(shared: Scene) -> Phone:
    """Another technician, who has nothing to do yet."""
    resource = shared.hire("Bob Noyce")
    shared.later()
    return shared.install(resource)


def owner(phone: Phone, scene: Scene) -> str:
    [device] = [
        d for d in scene.hypertrack.devices(scene.account) if d.device_id == phone.device_id
    ]
    return str(device.metadata["driver_id"])


def test_an_appointment_is_reassigned_by_an_update(job: Job, colleague: Phone) -> None:
    scene, other = job.scene, owner(colleague, job.scene)

    scene.salesforce.update("AssignedResource", job.assignment, ServiceResourceId=other)
    scene.later()

    fence = scene.fence(job.appointment)
    assert fence.device_id == colleague.device_id
    assert fence.metadata["service_resource_id"] == other


def test_an_appointment_is_reassigned_by_delete_and_insert(job: Job, colleague: Phone) -> None:
    scene, other = job.scene, owner(colleague, job.scene)

    scene.salesforce.assign(job.appointment, other)
    [first] = [
        row["Id"]
        for row in scene.salesforce.rows("AssignedResource")
        if (row["ServiceAppointmentId"], row["ServiceResourceId"])
        == (job.appointment, job.resource)
    ]
    scene.salesforce.delete("AssignedResource", first)
    scene.later()

    fence = scene.fence(job.appointment)
    assert fence.device_id == colleague.device_id
    assert fence.metadata["service_resource_id"] == other


def test_the_visit_of_a_reassigned_appointment_is_the_new_technicians(
    job: Job, colleague: Phone
) -> None:
    scene, other = job.scene, owner(colleague, job.scene)
    scene.salesforce.update("AssignedResource", job.assignment, ServiceResourceId=other)
    scene.later()

    visit(colleague, scene.fence(job.appointment).geofence_id)
    scene.town.settle()

    assert scene.appointment(job.appointment)["Status"] == "Completed"
    assert [each["Subject"] for each in scene.events(job.appointment)] == [
        "Arrived: Bob Noyce",
        "Checked out: Bob Noyce",
        "Left: Bob Noyce",
    ]
    assert (len(scene.entries(other)), scene.entries(job.resource)) == (1, [])


def test_an_unassigned_appointment_loses_its_geofence(job: Job) -> None:
    job.scene.salesforce.delete("AssignedResource", job.assignment)
    job.scene.later()

    assert job.scene.fences(job.appointment) == []


@pytest.mark.parametrize("status", ["Canceled", "Completed", "Cannot Complete"])
def test_an_appointment_that_a_person_closes_loses_its_geofence(job: Job, status: str) -> None:
    job.scene.salesforce.update("ServiceAppointment", job.appointment, Status=status)
    job.scene.later()

    assert job.scene.fences(job.appointment) == []
    assert job.scene.appointment(job.appointment)["Status"] == status


def test_a_deleted_appointment_loses_its_geofence_until_it_is_undeleted(job: Job) -> None:
    scene = job.scene
    first = scene.fence(job.appointment)

    scene.salesforce.delete("ServiceAppointment", job.appointment)
    scene.later()
    between = scene.fences(job.appointment)
    scene.salesforce.undelete("ServiceAppointment", job.appointment)
    scene.later()

    assert between == []
    again = scene.fence(job.appointment)
    assert (again.geometry, again.device_id) == (first.geometry, first.device_id)


def test_a_rescheduled_appointment_keeps_its_geofence_and_shows_the_new_time(
    job: Job,
) -> None:
    scene = job.scene
    first = scene.fence(job.appointment).geofence_id
    start = scene.town.clock() + timedelta(hours=7)

    scene.salesforce.update(
        "ServiceAppointment",
        job.appointment,
        SchedStartTime=start,
        SchedEndTime=start + timedelta(hours=1),
        DueDate=start + timedelta(hours=2),
    )
    scene.later()

    fence = scene.fence(job.appointment)
    assert fence.geofence_id == first
    assert fence.metadata["scheduled_start"] == start.isoformat()


def test_a_moved_appointment_gets_its_new_geofence_before_the_old_one_goes(job: Job) -> None:
    scene = job.scene
    first = scene.fence(job.appointment).geofence_id
    asked = len(scene.hypertrack.requests)

    scene.salesforce.update(
        "ServiceAppointment", job.appointment, Latitude=NEW_SITE[0], Longitude=NEW_SITE[1]
    )
    scene.later()

    fence = scene.fence(job.appointment)
    assert fence.geometry["coordinates"] == [NEW_SITE[1], NEW_SITE[0]]
    changes = [
        (each.method, each.path.rstrip("/"))
        for each in scene.hypertrack.requests[asked:]
        if "/geofences" in each.path and each.method in {"POST", "DELETE"}
    ]
    assert changes == [("POST", "/geofences"), ("DELETE", f"/geofences/{first}")]


def test_a_deactivated_user_is_tracked_no_more(job: Job) -> None:
    scene = job.scene
    user = scene.salesforce.row("ServiceResource", job.resource)["RelatedRecordId"]

    scene.salesforce.update("User", user, IsActive=False)
    scene.later()

    assert scene.fences(job.appointment) == []


def test_a_deactivated_resource_is_tracked_no_more(job: Job) -> None:
    """Salesforce lets nobody deactivate who has open work, so that goes first."""
    scene = job.scene
    scene.salesforce.delete("AssignedResource", job.assignment)
    scene.salesforce.update("ServiceResource", job.resource, IsActive=False)
    scene.later()

    assert scene.fences(job.appointment) == []
    assert scene.hypertrack.geofences(scene.account, job.phone.device_id) == []


def test_an_appointment_without_coordinates_is_parked_until_it_has_some(shared: Scene) -> None:
    resource = shared.hire()
    appointment = shared.book(resource, place=None)
    shared.later()
    shared.install(resource)
    reason = f"appointment {appointment} is not tracked: the appointment has no coordinates"
    before = (shared.fences(appointment), reason in parked(shared))

    shared.salesforce.update(
        "ServiceAppointment", appointment, Latitude=SITE[0], Longitude=SITE[1]
    )
    shared.later()

    assert before == ([], True)
    assert shared.fence(appointment).geometry["coordinates"] == [SITE[1], SITE[0]]
    assert reason not in parked(shared)


def parked(scene: Scene) -> str:
    """What the console shows of it."""
    return scene.operator.open(f"/connections/{scene.connection}/parked").text


def test_a_resource_that_is_assigned_before_installing_is_fenced_on_installing(
    shared: Scene,
) -> None:
    resource = shared.hire()
    appointments = [shared.book(resource, hours) for hours in (2, 4, 6)]
    shared.later()
    assert [shared.fences(each) for each in appointments] == [[], [], []]

    phone = shared.install(resource)

    fenced = [shared.fence(each).device_id for each in appointments]
    assert fenced == [phone.device_id] * 3
