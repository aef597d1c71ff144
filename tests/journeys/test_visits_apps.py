"""Every generation of the Visits App that shows geofences as visits."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from local.hypertrack.apps import APPS
from tests.journeys.setting import Scene, opened, visit

# The latest Android refuses links that name nobody by e-mail, and later iOS knows no geofences.
WITH_VISITS = [
    name
    for name, app in APPS.items()
    if app.geofence_visits and (app.completed or "check_out" in app.types)
]


@pytest.fixture(scope="module")
def shared(built: Path) -> Iterator[Scene]:
    with opened(built) as town:
        yield Scene(town)


@pytest.mark.parametrize("app", WITH_VISITS)
def test_a_check_out_in_any_visits_app_completes_the_appointment(
    shared: Scene, app: str
) -> None:
    ada = shared.hire()
    boiler = shared.book(ada)
    shared.later()
    phone = shared.install(ada, app)

    visit(phone, shared.fence(boiler).geofence_id, note="" if APPS[app].completed else "Fixed")
    shared.town.settle()

    assert shared.appointment(boiler)["Status"] == "Completed"
    arrived, out, left = shared.events(boiler)
    assert [each["Subject"].partition(":")[0] for each in (arrived, out, left)] == [
        "Arrived",
        "Checked out",
        "Left",
    ]
    assert APPS[app].completed or "Note: Fixed" in out["Description"]
    assert len(shared.entries(ada)) == 1


@pytest.mark.parametrize("app", ["android-0.3", "android-0.4"])  # before and after its renaming
def test_a_visit_cancelled_in_the_app_can_not_be_completed(shared: Scene, app: str) -> None:
    ada = shared.hire()
    boiler = shared.book(ada)
    shared.later()
    phone = shared.install(ada, app)

    phone.clock_in()
    phone.cancel(shared.fence(boiler).geofence_id, note="Nobody at home")
    shared.town.settle()

    assert shared.appointment(boiler)["Status"] == "Cannot Complete"


def test_on_my_way_dispatches_the_appointment(shared: Scene) -> None:
    ada = shared.hire()
    boiler = shared.book(ada)
    shared.later()
    phone = shared.install(ada)

    phone.clock_in(at=phone.now() + timedelta(minutes=1))
    phone.pick_up(shared.fence(boiler).geofence_id)
    shared.town.settle()

    assert shared.appointment(boiler)["Status"] == "Dispatched"
