"""Each generation of the Visits App reads links and sends geotags as documented."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.hypertrack import APPS, FakeHyperTrack, LinkRejected, NotPossible, Phone
from local.hypertrack.state import Account, Json, Worker
from tests.local.hypertrack_setting import (
    ACCOUNT,
    DEPOT,
    HANDLE,
    SITE,
    Clock,
    fence,
    geotags,
    invited,
    phone_of,
    running,
    told,
)

EVENTS = Path(__file__).parents[2] / "events" / "hypertrack"
KEYS = ("geofence_id", "visit_id")
# What the simulated phones cannot do: visits of trips and orders have no geofence.
BEYOND = ("trip_", "order_")
SENT = sorted(
    file
    for file in EVENTS.glob("geotag.*.*.json")
    if not file.name.split(".")[2].startswith(BEYOND)
)
MANUAL = {"publishable_key": "p", "driver_id": HANDLE, "show_manual_visits": "true"}
CONTACT = {"publishable_key": "p", "driver_id": HANDLE, "email": "rosa@example.com"}


@pytest.fixture
def hypertrack() -> Iterator[FakeHyperTrack]:
    with running(Clock()) as it:
        yield it


def carry(hypertrack: FakeHyperTrack, data: Json) -> None:
    """Let invitation links carry this."""

    def link_data(_account: Account, _worker: Worker) -> Json:
        return data

    hypertrack.world.link_data = link_data


def press(phone: Phone, action: str, geofence_id: str, sent: Json) -> None:
    """Do what made the app send this geotag."""
    note = str(sent.get("visit_note", sent.get("delivery_note", "")))
    some = sent.get("_visit_photos") or [sent.get("_visit_photo")]
    photos = [each for each in some if each]
    buttons: dict[str, Callable[[], object]] = {
        "clock_in": lambda: None,
        "clock_out": phone.clock_out,
        "pick_up": lambda: phone.pick_up(geofence_id),
        "check_in": lambda: phone.check_in(geofence_id),
        "check_out": lambda: phone.check_out(geofence_id, note=note, photos=photos),
        "check_out_without_note": lambda: phone.check_out(geofence_id),
        "cancel": lambda: phone.cancel(geofence_id, note, photos=photos),
        "manual_check_in": phone.check_in,
        "manual_check_out": lambda: phone.check_out(phone.check_in(), note=note),
        "completed": lambda: phone.check_out(geofence_id),
        "note": lambda: phone.check_out(geofence_id, note=note),
        "add_geotag": lambda: phone.add_geotag(sent),
    }
    buttons[action]()


@pytest.mark.parametrize("file", SENT, ids=lambda each: each.stem)
def test_a_phone_sends_what_its_generation_is_known_to_send(
    hypertrack: FakeHyperTrack, file: Path
) -> None:
    _, generation, action, _ = file.name.split(".")
    known = json.loads(file.read_text())[0]
    app = next(name for name in APPS if name.replace(".", "_").replace("-", "_") == generation)
    carry(hypertrack, CONTACT if app == "android-later" else MANUAL)
    phone = phone_of(hypertrack, app)
    geofence_id = fence(hypertrack, phone)
    phone.clock_in()

    press(phone, action, geofence_id, known["data"]["metadata"])

    sent = told(hypertrack, known["type"])[0 if action in ("clock_in", "note") else -1]
    assert blank(sent["data"]["metadata"]) == blank(known["data"]["metadata"])
    assert sent["data"].keys() - {"route_to"} == known["data"].keys() - {"route_to"}
    assert sent["version"] == known["version"]


def blank(metadata: Json) -> Json:
    return {key: key if key in KEYS else value for key, value in metadata.items()}


@pytest.mark.parametrize("app", ["ios-2.4", "ios-2.5", "ios-2.9", "ios-2.16", "ios-2.20"])
def test_newer_ios_has_no_button_for_a_geofence_visit(
    hypertrack: FakeHyperTrack, app: str
) -> None:
    phone = phone_of(hypertrack, app)
    geofence_id = fence(hypertrack, phone)
    phone.clock_in()
    before = geotags(hypertrack)

    for press_it in (phone.check_in, phone.check_out, phone.pick_up, phone.cancel):
        with pytest.raises(NotPossible):
            press_it(geofence_id)

    assert geotags(hypertrack) == before == ([{"type": "CLOCK_IN"}] if app == "ios-2.4" else [])


def test_android_orders_tracking_and_clock_geotags(hypertrack: FakeHyperTrack) -> None:
    phone = phone_of(hypertrack)
    phone.clock_in()
    phone.clock_out()

    seen = [each["type"] for each in told(hypertrack, "device_status", "geotag")]

    assert seen == ["device_status", "geotag", "geotag", "device_status"]


@pytest.mark.parametrize("app", ["android-0.2.8", "android-0.3", "android-0.4", "ios-2.3"])
def test_a_generation_that_checks_in_by_itself_has_no_button_for_it(
    hypertrack: FakeHyperTrack, app: str
) -> None:
    phone = phone_of(hypertrack, app)
    geofence_id = fence(hypertrack, phone)
    phone.clock_in()

    with pytest.raises(NotPossible):
        phone.check_in(geofence_id)


def test_a_visit_can_be_ended_once_and_only_while_tracking(hypertrack: FakeHyperTrack) -> None:
    phone = phone_of(hypertrack)
    geofence_id = fence(hypertrack, phone)
    with pytest.raises(NotPossible):
        phone.check_out(geofence_id)

    phone.clock_in()
    phone.check_out(geofence_id)

    for press_it in (phone.check_out, phone.cancel, phone.check_in):
        with pytest.raises(NotPossible):
            press_it(geofence_id)


def test_nobody_can_work_on_anothers_visit(hypertrack: FakeHyperTrack) -> None:
    phone, other = phone_of(hypertrack), phone_of(hypertrack)
    geofence_id = fence(hypertrack, other)
    phone.clock_in()

    with pytest.raises(NotPossible):
        phone.check_out(geofence_id)


def test_manual_visits_must_be_allowed_by_the_link(hypertrack: FakeHyperTrack) -> None:
    phone = phone_of(hypertrack, "android-0.4")
    phone.clock_in()

    with pytest.raises(NotPossible):
        phone.check_in()


def test_a_manual_visit_cannot_be_cancelled(hypertrack: FakeHyperTrack) -> None:
    carry(hypertrack, MANUAL)
    phone = phone_of(hypertrack)
    phone.clock_in()
    visit = phone.check_in()

    with pytest.raises(NotPossible):
        phone.cancel(visit)


def test_a_geotag_has_the_route_from_the_one_before(hypertrack: FakeHyperTrack) -> None:
    phone = phone_of(hypertrack)
    phone.clock_in()
    phone.drive_to(*SITE, minutes=20)
    phone.check_out(fence(hypertrack, phone))

    first, second = told(hypertrack, "geotag")

    assert "route_to" not in first["data"]
    route = second["data"]["route_to"]
    assert 3900 < route["distance"] < 4000
    assert route["duration"] == 1200
    assert route["start_location"] == {
        "geometry": {"type": "Point", "coordinates": [DEPOT[1], DEPOT[0]]},
        "recorded_at": first["recorded_at"],
    }
    assert second["location"] == {"type": "Point", "coordinates": [SITE[1], SITE[0]]}


def test_deviation_is_the_distance_to_the_expected_place(hypertrack: FakeHyperTrack) -> None:
    phone = phone_of(hypertrack, "android-0.4")
    phone.clock_in()
    phone.check_out(fence(hypertrack, phone))

    data = told(hypertrack, "geotag")[-1]["data"]

    assert data["expected_location"]["coordinates"] == [SITE[1], SITE[0]]
    assert 3900 < data["deviation"] < 4000


INSTALLED: list[tuple[str, Json, Json, str]] = [
    ("android-0.2", {"driver_id": HANDLE}, {"driver_id": HANDLE}, HANDLE),
    ("android-0.4", CONTACT, {"driver_id": "rosa@example.com"}, "rosa"),
    ("android-later", CONTACT, {"driver_id": HANDLE, "email": "rosa@example.com"}, "rosa"),
    ("ios-2.0", CONTACT, {"driver_id": HANDLE}, ""),
    ("ios-2.9", {"driver_id": HANDLE}, {"driver_id": HANDLE}, ""),
    ("ios-2.9", CONTACT, {"email": "rosa@example.com"}, "rosa"),
    ("ios-2.20", {"driver_id": HANDLE, "worker_handle": HANDLE}, {"driver_id": HANDLE}, ""),
    ("ios-2.20", {"worker_handle": HANDLE}, {}, HANDLE),
    ("ios-2.20", {"worker_handle": HANDLE, "metadata": {"a": 1}}, {"a": 1}, HANDLE),
]


@pytest.mark.parametrize(("app", "data", "metadata", "name"), INSTALLED)
def test_the_link_becomes_device_metadata_as_each_generation_has_it(
    hypertrack: FakeHyperTrack, app: str, data: Json, metadata: Json, name: str
) -> None:
    carry(hypertrack, {"publishable_key": "p", **data})
    link = invited(hypertrack)

    hypertrack.install(link, app)

    (device,) = hypertrack.devices(ACCOUNT)
    assert device.metadata.pop("invite_id", link) == link
    assert (device.metadata, device.name) == (metadata, name)
    events = [each["type"] for each in told(hypertrack, "registration", "worker")]
    assert events == ["registration"] + ["worker"] * (app == "ios-2.20")


def test_only_the_newest_ios_links_the_device_to_the_worker(hypertrack: FakeHyperTrack) -> None:
    for app in APPS:
        if app != "android-later":
            hypertrack.install(invited(hypertrack), app)

    linked = [each.worker_handle for each in hypertrack.devices(ACCOUNT)]

    assert linked == [
        HANDLE if app == "ios-2.20" else None for app in APPS if app != "android-later"
    ]
    assert told(hypertrack, "worker")[0]["worker_handle"] == HANDLE


def test_a_handle_of_nobody_makes_a_worker(hypertrack: FakeHyperTrack) -> None:
    carry(hypertrack, {"publishable_key": "p", "worker_handle": "new"})

    hypertrack.install(invited(hypertrack), "ios-2.20")

    assert [each.worker_handle for each in hypertrack.workers(ACCOUNT)] == [HANDLE, "new"]


def test_later_android_rejects_a_link_with_a_driver_id_alone(
    hypertrack: FakeHyperTrack,
) -> None:
    with pytest.raises(LinkRejected, match="DeprecatedDeeplink"):
        hypertrack.install(invited(hypertrack), "android-later")

    assert hypertrack.devices(ACCOUNT) == []


def test_an_unknown_and_an_expired_link_install_nothing(hypertrack: FakeHyperTrack) -> None:
    link = invited(hypertrack)
    hypertrack.expire(link)

    for wrong in (link, "https://hypertrack-logistics.app.link/unknown"):
        with pytest.raises(LinkRejected):
            hypertrack.install(wrong)

    assert hypertrack.devices(ACCOUNT) == []


def test_a_reinstall_is_another_device_with_the_same_driver_id(
    hypertrack: FakeHyperTrack,
) -> None:
    link = invited(hypertrack)
    first, second = hypertrack.install(link), hypertrack.install(link)

    assert first.device_id != second.device_id
    assert hypertrack.invites[0].opened == 2
    ids = {each.metadata["driver_id"] for each in hypertrack.devices(ACCOUNT)}
    assert ids == {HANDLE}


SHOWN: list[tuple[str, dict[str, Any]]] = [
    ("android-0.2", {"appointment": "08p", "count": "3", "empty": ""}),
    ("ios-2.0", {"appointment": "08p"}),
]


@pytest.mark.parametrize(("app", "lines"), SHOWN)
def test_the_app_shows_strings_but_nothing_that_begins_with_ht(
    hypertrack: FakeHyperTrack, app: str, lines: dict[str, Any]
) -> None:
    phone = phone_of(hypertrack, app)
    metadata = {"appointment": "08p", "count": 3, "empty": "", "ht_secret": "x"}
    geofence_id = fence(hypertrack, phone, metadata=metadata)
    fence(hypertrack, phone_of(hypertrack))

    (shown,) = phone.visible_visits()

    assert (shown.geofence_id, shown.lines) == (geofence_id, lines)
