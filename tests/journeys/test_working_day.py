"""A new assignment becomes a completed appointment."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from local.town import Town
from tests.journeys.setting import SITE, Scene, visit

KINDS = ("device seen", "clocked in", "arrived", "checked out", "left")


def test_everyone_is_invited_once_however_often_the_org_is_polled(scene: Scene) -> None:
    people = [scene.hire(name) for name in ("Ada Lovelace", "Bob Noyce", "Cem Kaner")]
    nameless = scene.salesforce.add_resource("Dan Nomail", None)

    for _ in range(3):
        scene.later()
    scene.salesforce.update("ServiceResource", people[0], Name="Ada King")
    scene.later()

    mails = scene.town.stack.mails()
    addresses = [row["Email"] for row in scene.salesforce.rows("User") if row["Email"]]
    assert sorted(to for mail in mails for to in mail["To"]) == sorted(
        each for each in addresses if each.startswith("technician")
    )
    links = {each.worker_handle: each.link for each in scene.hypertrack.invites}
    assert set(links) == set(people)
    assert len(set(links.values())) == 3
    assert {worker.worker_handle for worker in scene.hypertrack.workers(scene.account)} == {
        *people,
        nameless,
    }
    assert "not invited: no e-mail address in Salesforce" in scene.page()


def test_an_invitation_says_whom_it_is_for_and_leads_to_their_own_link(scene: Scene) -> None:
    scene.hire("Ada <b>Lovelace</b>")
    scene.later()

    [mail] = scene.town.stack.mails()
    [invite] = scene.hypertrack.invites
    assert "Hello Ada <b>Lovelace</b>" in mail["BodyText"]
    assert "Ada &lt;b&gt;Lovelace&lt;/b&gt;" in mail["BodyHtml"]
    assert invite.link in mail["BodyText"]
    assert f'href="{invite.link}"' in mail["BodyHtml"]


def test_a_new_assignment_becomes_a_completed_appointment(scene: Scene) -> None:
    ada = scene.hire()
    boiler = scene.book(ada, Subject="Boiler")
    scene.later()
    phone = scene.install(ada)
    geofence = scene.fence(boiler)

    visit(phone, geofence.geofence_id, note="Valve replaced")
    scene.town.settle()

    assert (
        geofence.metadata.items()
        >= {
            "service_appointment_id": boiler,
            "service_resource_id": ada,
            "name": "Boiler",
        }.items()
    )
    assert all(isinstance(each, str) for each in geofence.metadata.values())
    assert geofence.geometry == {"type": "Point", "coordinates": [SITE[1], SITE[0]]}
    assert (geofence.radius, geofence.device_id) == (100, phone.device_id)
    arrival, checkout = told(scene.town)
    check_appointment(scene, boiler, arrival, checkout)
    check_activity(scene, boiler, arrival)
    check_time_sheet(scene, ada, boiler)
    assert scene.outcomes(*KINDS) == {(kind, "applied"): 1 for kind in KINDS}


def test_a_completed_appointment_loses_its_geofence_with_the_next_poll(scene: Scene) -> None:
    ada = scene.hire()
    boiler = scene.book(ada)
    scene.later()
    phone = scene.install(ada)
    visit(phone, scene.fence(boiler).geofence_id)
    scene.town.settle()

    scene.later(120)

    assert scene.fences(boiler) == []
    assert scene.appointment(boiler)["Status"] == "Completed"


def told(town: Town) -> tuple[dict[str, Any], dict[str, Any]]:
    """HyperTrack's own words of the arrival and of the check out."""
    bodies = [each.body for each in town.hypertrack.events]
    [arrival] = [b for b in bodies if b["type"] == "geofence" and b["data"]["value"] == "entry"]
    [checkout] = [
        b
        for b in bodies
        if b["type"] == "geotag" and b["data"]["metadata"]["type"] == "CHECK_OUT"
    ]
    return arrival, checkout


def minute(text: str) -> str:
    """The whole minute of a moment, as Salesforce shows it."""
    at = datetime.fromisoformat(text).replace(second=0, microsecond=0)
    return at.strftime("%Y-%m-%dT%H:%M:00.000+0000")


def check_appointment(
    scene: Scene, appointment: str, arrival: dict[str, Any], checkout: dict[str, Any]
) -> None:
    row = scene.appointment(appointment)
    assert row["Status"] == "Completed"
    assert row["ActualStartTime"] == minute(arrival["recorded_at"])
    assert row["ActualEndTime"] == minute(checkout["recorded_at"])
    [assigned] = scene.salesforce.rows("AssignedResource")
    travelled = arrival["data"]["route_to"]["duration"]
    assert assigned["ActualTravelTime"] == round(travelled / 60, 2)


def check_activity(scene: Scene, appointment: str, arrival: dict[str, Any]) -> None:
    first, out, left = scene.events(appointment)
    route = arrival["data"]["route_to"]
    assert first["Subject"] == "Arrived: Ada Lovelace"
    assert f"Travel distance: {route['distance'] / 1000:.1f} km" in first["Description"]
    assert f"Travel time: {route['duration'] / 60:.0f} min" in first["Description"]
    assert f"Idle time on the way: {route['idle_time'] / 60:.0f} min" in first["Description"]
    assert out["Subject"] == "Checked out: Ada Lovelace"
    assert "Note: Valve replaced" in out["Description"]
    assert left["Subject"] == "Left: Ada Lovelace"
    assert "Time on site: " in left["Description"]


def check_time_sheet(scene: Scene, resource: str, appointment: str) -> None:
    row = scene.appointment(appointment)
    [entry] = scene.entries(resource)
    assert entry["StartTime"] == row["ActualStartTime"]
    assert entry["EndTime"] == row["ActualEndTime"]
    assert entry["WorkOrderId"] == row["ParentRecordId"]
    [sheet] = scene.salesforce.rows("TimeSheet")
    local = datetime.fromisoformat(row["ActualStartTime"]).astimezone(ZoneInfo("Europe/Berlin"))
    assert sheet["StartDate"] == sheet["EndDate"] == local.date().isoformat()
