"""The most usual way of working: done in the Salesforce app, and only then off to the next."""

from datetime import datetime
from pathlib import Path
from typing import Any

from local.town import Town
from tests.journeys.setting import DEPOT, MORNING, Scene, check_afterwards, drive


def test_who_completes_work_in_salesforce_on_site_is_seen_to_leave(built: Path) -> None:
    with Town(MORNING, built=built, followed=True) as town:
        scene = Scene(town)
        ada = scene.hire()
        boiler = scene.book(ada)
        scene.later()
        phone = scene.install(ada)
        drive(phone)
        phone.stay(45)
        town.clock.move_to(phone.now())
        town.settle()

        scene.salesforce.update("ServiceAppointment", boiler, Status="Completed")
        scene.later()
        waited_for = len(scene.fences(boiler)), scene.entries(ada)
        phone.drive_to(*DEPOT, minutes=20)
        town.clock.move_to(phone.now())
        town.settle()

        assert waited_for == (1, [])
        arrived, left = crossings(town)
        row = scene.appointment(boiler)
        assert [row["Status"], row["ActualStartTime"]] == ["Completed", arrived]
        assert row["ActualEndTime"] == left
        assert [each["Subject"].partition(":")[0] for each in scene.events(boiler)] == [
            "Arrived",
            "Left",
        ]
        [entry] = scene.entries(ada)
        assert [entry["StartTime"], entry["EndTime"]] == [arrived, left]
        assert scene.fences(boiler) == []
        assert scene.outcomes("arrived", "left", "closed") == {
            ("arrived", "applied"): 1,
            ("left", "applied"): 1,
            ("closed", "applied"): 1,
        }
        check_afterwards(town)


def crossings(town: Town) -> list[str]:
    """When the geofence was crossed, as Salesforce shows it."""
    bodies = [each.body for each in town.hypertrack.events]
    return [stamp(each) for each in bodies if each["type"] == "geofence"]


def stamp(body: dict[str, Any]) -> str:
    return datetime.fromisoformat(body["recorded_at"]).strftime("%Y-%m-%dT%H:%M:00.000+0000")
