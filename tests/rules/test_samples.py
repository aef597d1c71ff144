"""Every webhook that HyperTrack is known to send, and what it must mean to us.

The table was written from HyperTrack's own descriptions, not from what the rules say.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fieldlink.hearing import facts
from fieldlink.hearing.envelope import Ignored
from fieldlink.models import Kind, Place
from fieldlink.records import Order
from tests.make import CONNECTION, report

SAMPLES = {
    path.stem: json.loads(path.read_text())
    for path in (Path(__file__).parents[2] / "events" / "hypertrack").glob("*.json")
}
APPOINTMENT = "08pXX0000000abcYAA"
RESOURCE = "0HnXX0000004Cto0AE"
DEVICE = "A1B2C3D4-0001-4AAA-8BBB-000000000001"
GEOFENCE = "3a0f6f0e-5c1b-4f27-9d52-7e6c5b4a3210"
TWO = datetime(2026, 3, 4, 14, tzinfo=UTC)
OURS = Order(
    connection=CONNECTION,
    id=APPOINTMENT,
    appointment=APPOINTMENT,
    resource=RESOURCE,
    assignment="03rXX0000000001AAA",
)

IGNORED = "ignored"
WORK = {"appointment": APPOINTMENT, "resource": RESOURCE, "at": TWO, "device": DEVICE}
AT_PLACE = {"geofence": GEOFENCE, "at": TWO, "device": DEVICE, "resource": ""}
NOTED = AT_PLACE | {"note": "Replaced the valve"}
PHONE = {"device": DEVICE, "at": TWO}
HERE = {"place": Place(latitude=37.7931, longitude=-122.3941)}
OF_RESOURCE = PHONE | {"resource": RESOURCE}
IN_SEVEN_MINUTES = WORK | {"expected_at": datetime(2026, 3, 4, 14, 6, 50, tzinfo=UTC)}
IN_FIVE_MINUTES = WORK | {"expected_at": datetime(2026, 3, 4, 14, 5, tzinfo=UTC)}
LATE = WORK | {
    "expected_at": datetime(2026, 3, 4, 14, 25, tzinfo=UTC),
    "scheduled_at": datetime(2026, 3, 4, 14, 15, tzinfo=UTC),
    "reason": "delayed",
}

type Meant = tuple[Kind | str, dict[str, Any]]

NOTHING: Meant = (IGNORED, {})
MEANT: dict[str, Meant] = {
    "geofence.entry": (Kind.ARRIVED, WORK | {"geofence": GEOFENCE}),
    "geofence.exit": (
        Kind.LEFT,
        WORK
        | {
            "geofence": GEOFENCE,
            "at": datetime(2026, 3, 4, 14, 45, tzinfo=UTC),
            "arrived_at": TWO,
        },
    ),
    "skill.geofence_entry": NOTHING,  # it names neither a geofence nor whose it is
    "guide.geofence_exit": NOTHING,  # of somebody's station
    # ── orders ──
    "order.assigned": NOTHING,
    "order.started": (Kind.TRACKING_BEGAN, WORK),
    "order.first_eta": (Kind.EXPECTED, IN_SEVEN_MINUTES | {"reason": "first_eta"}),
    "order.eta": (Kind.EXPECTED, IN_SEVEN_MINUTES | {"reason": "eta"}),
    "order.eta_change": (Kind.EXPECTED, IN_SEVEN_MINUTES | {"reason": "position_update"}),
    "order.n_minutes_away": (Kind.EXPECTED, IN_SEVEN_MINUTES | {"reason": "n_minutes_away"}),
    "order.delayed": (Kind.DELAYED, LATE),
    "order.arrived": (Kind.ARRIVED, WORK),
    "order.exited": (Kind.LEFT, WORK),
    "order.completed": (Kind.CHECKED_OUT, WORK),
    "order.cancelled": (Kind.CANCELLED, WORK),
    "order.disabled": NOTHING,
    "order.enabled": NOTHING,
    "order.updated": NOTHING,
    "order.device_switched": (Kind.DEVICE_SEEN, OF_RESOURCE),
    "order.on_device_geofence_checked": NOTHING,
    "order.risk_updated": NOTHING,
    "order.billing_details_updated": NOTHING,
    "order.task_created": NOTHING,
    "order.task_updated": NOTHING,
    "order.task_completed": NOTHING,
    "order.planning_started": NOTHING,
    "order.planning_completed": NOTHING,
    "order.planning_failed": NOTHING,
    "order.timesheet_updated": NOTHING,
    "order.location_timesheet_finalized": NOTHING,
    "skill.order_first_eta": (Kind.EXPECTED, IN_SEVEN_MINUTES | {"reason": "first_eta"}),
    "skill.order_delayed": (Kind.DELAYED, LATE),
    "skill.order_arrived": (Kind.ARRIVED, WORK),
    "skill.order_exited": (Kind.LEFT, WORK),
    "skill.order_completed": (Kind.CHECKED_OUT, WORK),
    "skill.order_cancelled": (Kind.CANCELLED, WORK),
    "skill.order_billing_details_updated": NOTHING,
    "shape.exited_outage": NOTHING,
    "shape.exited_geofence_deleted": NOTHING,
    "shape.exited_deleted": NOTHING,
    "shape.nulls": (Kind.LEFT, WORK),
    "shape.value_outside": (Kind.ARRIVED, WORK),
    "shape.driver_handle": (Kind.ARRIVED, WORK),
    "shape.both_handles": (Kind.TRACKING_BEGAN, WORK),
    "shape.order_object": (Kind.ARRIVED, WORK),
    "shape.without_account_and_version": (Kind.ARRIVED, WORK),
    "shape.numbers_as_text": (Kind.EXPECTED, IN_FIVE_MINUTES | {"reason": "n_minutes_away"}),
    "shape.handle_of_ours": (Kind.ARRIVED, WORK),
    "shape.order_with_note": (
        Kind.CHECKED_OUT,
        WORK
        | {
            "note": "Replaced the valve",
            "photos": ("7f3e2d1c-0b9a-4876-a543-210fedcba987",),
        },
    ),
    # ── geotags ──
    "geotag.v2": NOTHING,
    "geotag.v3": NOTHING,
    "guide.geotag_note": NOTHING,
    "guide.geotag_distance": NOTHING,
    "skill.geotag_clock_in": (Kind.CLOCKED_IN, OF_RESOURCE | {"appointment": ""}),
    "skill.geotag_clock_out": (Kind.CLOCKED_OUT, OF_RESOURCE | {"appointment": ""}),
    "skill.geotag_check_out": (Kind.CHECKED_OUT, WORK | {"note": "Replaced the valve"}),
    "shape.geotag_location_in_data": (Kind.CHECKED_OUT, NOTED),
    # ── devices and workers ──
    "device_status.active": (Kind.OUTAGE_ENDED, PHONE),
    "device_status.inactive": (
        Kind.OUTAGE_BEGAN,
        PHONE | {"reason": "location_permissions_denied"},
    ),
    "device_status.disconnected": (Kind.OUTAGE_BEGAN, PHONE | {"reason": "disconnected"}),
    "guide.device_status_active": (Kind.OUTAGE_ENDED, {}),
    "guide.device_status_inactive": NOTHING,  # a part of a device's record, without the device
    "guide.device_status_disconnected": NOTHING,
    "shape.device_status_nested": (Kind.OUTAGE_BEGAN, PHONE | {"reason": "tracking_stopped"}),
    "shape.device_status_nested_disconnected": (
        Kind.OUTAGE_BEGAN,
        PHONE | {"reason": "disconnected"},
    ),
    "shape.device_status_beside_data": (Kind.OUTAGE_BEGAN, PHONE | {"reason": "uninstalled"}),
    "worker.tracking_started": (Kind.TRACKING_BEGAN, OF_RESOURCE),
    "worker.work_status_updated": NOTHING,
    "worker.outage_started": (Kind.OUTAGE_BEGAN, OF_RESOURCE | {"reason": ""}),
    "worker.outage_ended": (Kind.OUTAGE_ENDED, OF_RESOURCE),
    "worker.device_connected": (Kind.OUTAGE_ENDED, OF_RESOURCE),
    "worker.device_disconnected": (Kind.OUTAGE_BEGAN, OF_RESOURCE | {"reason": "disconnected"}),
    "worker.device_linked": (Kind.DEVICE_SEEN, OF_RESOURCE),
    "worker.device_unlinked": (Kind.DEVICE_RELEASED, OF_RESOURCE),
    "shape.worker_in_data": (Kind.DEVICE_SEEN, OF_RESOURCE),
    "shape.outage_with_code": (
        Kind.OUTAGE_BEGAN,
        OF_RESOURCE | {"reason": "location_services_disabled"},
    ),
    "battery.low": (Kind.BATTERY_LOW, PHONE),
    "battery.normal": (Kind.BATTERY_WELL, PHONE),
    "battery.charging": (Kind.BATTERY_WELL, PHONE),
    "guide.battery_low": (Kind.BATTERY_LOW, {}),
    "shape.battery_of_device": (Kind.BATTERY_WELL, PHONE),
    "shape.battery_in_data": (Kind.BATTERY_WELL, PHONE),
    "time_offset_changed": (Kind.CLOCK_CHANGED, OF_RESOURCE | {"seconds": 3584.2}),
    "shape.driver_in_data": (Kind.CLOCK_CHANGED, OF_RESOURCE | {"seconds": 3584.2}),
    "location": (Kind.POSITION, PHONE | HERE),
    "guide.signed_location": (Kind.POSITION, {}),
    "shape.location_of_worker": (Kind.POSITION, OF_RESOURCE | HERE),
    "registration": (Kind.DEVICE_SEEN, PHONE),
    "registration_update": (Kind.DEVICE_SEEN, PHONE),
    "reinstall": (Kind.DEVICE_SEEN, PHONE),
    "test_event": (Kind.WEBHOOK_TESTED, {}),
    "guide.test_event": (Kind.WEBHOOK_TESTED, {}),
    "locate": NOTHING,
    "nearby": NOTHING,
    "nearby_devices_request": NOTHING,
    "guide.nearby_devices_request": NOTHING,
}
# What each button of each Visits App writes; the part of the name after the last dot.
BUTTONS: dict[str, Meant] = {
    "clock_in": (Kind.CLOCKED_IN, PHONE),
    "clock_out": (Kind.CLOCKED_OUT, PHONE),
    "pick_up": (Kind.ON_THE_WAY, AT_PLACE),
    "check_in": (Kind.CHECKED_IN, AT_PLACE),
    "check_out": (Kind.CHECKED_OUT, NOTED),
    "check_out_without_note": (Kind.CHECKED_OUT, AT_PLACE | {"note": ""}),
    "completed": (Kind.CHECKED_OUT, AT_PLACE),
    "cancel": (Kind.CANCELLED, NOTED),
    "note": NOTHING,  # a note alone, which no version after the first writes
    "add_geotag": NOTHING,
    "manual_check_in": NOTHING,  # a visit that was never planned
    "manual_check_out": NOTHING,
    "trip_check_out": NOTHING,
    "trip_cancel": NOTHING,
    "order_pick_up": NOTHING,  # of an order that is not ours
    "order_check_out": NOTHING,
    "order_cancel": NOTHING,
}


def meant(name: str) -> Meant:
    if name in MEANT:
        return MEANT[name]
    if name.startswith(("route.", "trip.", "guide.route_")):
        return NOTHING
    assert name.startswith("geotag.")
    return BUTTONS[name.rpartition(".")[2]]


def remembered(handle: str) -> Order | None:
    return OURS if handle == APPOINTMENT else None


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_webhook_means_what_hypertrack_says_that_it_means(name: str) -> None:
    kind, fields = meant(name)
    content = SAMPLES[name]
    [event] = content if isinstance(content, list) else [content]

    found = facts.read(report(event), remembered)

    if isinstance(found, Ignored):
        assert kind == IGNORED, found.reason
        assert found.reason
        return
    assert (found.kind, {each: getattr(found, each) for each in fields}) == (kind, fields)


def test_the_table_names_no_webhook_of_which_there_is_no_example() -> None:
    assert set(MEANT) - set(SAMPLES) == set()
