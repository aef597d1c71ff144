"""Rule: what each webhook of HyperTrack means. One table, which `facts` decides by.

A value that has several meanings is listed once for each: "exited outage" is an `exited` whose
reason is `outage`. What is not in the table is kept and ignored, too.
"""

from __future__ import annotations

from typing import NamedTuple

from fieldlink.models import Kind

# Our own, put into the queue by SyncTracking and StartPolls; no webhook is called so.
LINK, EXIT = "fieldlink.link", "fieldlink.exit"
OTHER = "anything else"
_CLOCK = "the resource's day; Salesforce is told nothing"


class Meaning(NamedTuple):
    """What follows from a webhook, in plain words; `kind` is None if it is ignored."""

    kind: Kind | None
    words: str


def _ignored(why: str) -> Meaning:
    return Meaning(None, why)


_PLANNING = _ignored("HyperTrack's own planning, which Fieldlink does not use")
_TASK = _ignored("tasks within an order have no counterpart in Salesforce")
_SHEET = _ignored("HyperTrack's own time sheet; ours follows from arrivals and check-outs")
_ROUTE = _ignored("a route groups orders; each order tells what happens to it")
_TRIP = _ignored("a trip of the old Trips API, of which Fieldlink makes none")
_NEARBY = _ignored("the answer to a search that Fieldlink does not make")
_UNSEEN = "no departure was seen"
_CHECKED_IN = Meaning(Kind.CHECKED_IN, "sets Actual Start and a status of category In Progress")
_CHECKED_OUT = Meaning(
    Kind.CHECKED_OUT,
    "completes the appointment, sets Actual End, adds an Event and a time sheet entry",
)
_CANCELLED = Meaning(Kind.CANCELLED, "sets a status of category Cannot Complete")
_CLOCKED_IN = Meaning(Kind.CLOCKED_IN, _CLOCK)
_CLOCKED_OUT = Meaning(Kind.CLOCKED_OUT, _CLOCK)
_ARRIVED = Meaning(
    Kind.ARRIVED,
    "sets Actual Start, a status of category In Progress and the travel time, adds an Event",
)
_LEFT = Meaning(Kind.LEFT, "sets Actual End and adds an Event")
_ESTIMATE = "an Event with the expected time, once for each cause and if it moves by 10 minutes"
_EXPECTED = Meaning(Kind.EXPECTED, _ESTIMATE)
_OUTAGE = Meaning(Kind.OUTAGE_BEGAN, "opens an outage; the dispatcher hears of it during work")
_OUTAGE_OVER = Meaning(Kind.OUTAGE_ENDED, "closes the outage")
_TRACKED = Meaning(Kind.TRACKING_BEGAN, "notes that the resource's app tracks")
_NEW_DEVICE = Meaning(Kind.DEVICE_SEEN, "the resource's work moves to the device")
_KNOWN_DEVICE = "notes whose the device is; the work moves to it if no other is in use"
_CHANGED_DEVICE = Meaning(Kind.DEVICE_SEEN, _KNOWN_DEVICE)
_FREED = "HyperTrack is asked anew whose the device is; the work may move"
_FREED_DEVICE = Meaning(Kind.DEVICE_RELEASED, _FREED)
_BATTERY_WELL = Meaning(Kind.BATTERY_WELL, "notes that the battery is no longer low")

BUTTONS = {
    "CLOCK_IN": _CLOCKED_IN,
    "CLOCK_OUT": _CLOCKED_OUT,
    "PICK_UP": Meaning(Kind.ON_THE_WAY, "sets a status of category Dispatched"),
    "CHECK_IN": _CHECKED_IN,
    "VISIT_ADDED": _CHECKED_IN,
    "CHECK_OUT": _CHECKED_OUT,
    "VISIT_MARKED_COMPLETE": _CHECKED_OUT,
    "completed: true": _CHECKED_OUT,  # Visits App before 0.2.3
    "CANCEL": _CANCELLED,
    "VISIT_MARKED_CANCELED": _CANCELLED,
    "order_status ClockIn": _CLOCKED_IN,  # a customer's own app
    "order_status ClockOut": _CLOCKED_OUT,
    OTHER: _ignored("no Visits App button writes such a one"),
}

TABLE: dict[str, dict[str, Meaning]] = {
    "geofence": {"entry": _ARRIVED, "exit": _LEFT},
    "geotag": BUTTONS,
    "custom_marker": BUTTONS,  # what geotags were called in 2020
    "order": {
        "assigned": _ignored("who does the work is decided in Salesforce"),
        "started": _TRACKED,
        "first_eta": _EXPECTED,
        "eta": Meaning(Kind.EXPECTED, "the ledger only: a routine estimate without a cause"),
        "eta_change": _EXPECTED,
        "n_minutes_away": _EXPECTED,
        "delayed": Meaning(Kind.DELAYED, "an Event with the expected and the planned time"),
        "arrived": _ARRIVED,
        "exited": _LEFT,
        "exited location": _LEFT,
        "exited outage": _ignored(f"{_UNSEEN}: outage"),
        "exited geofence_deleted": _ignored(f"{_UNSEEN}: geofence_deleted"),
        "exited deleted": _ignored(f"{_UNSEEN}: deleted"),
        f"exited {OTHER}": _ignored(_UNSEEN),
        "completed": _CHECKED_OUT,
        "cancelled": _CANCELLED,
        "disabled": _ignored("a pause, by Fieldlink, the worker or a person at HyperTrack"),
        "enabled": _ignored("the end of a pause"),
        "updated": _ignored("it does not say what was changed, and the plan is Salesforce's"),
        "device_switched": _NEW_DEVICE,
        "on_device_geofence_checked": _ignored("a check on the way to arrived and exited"),
        "risk_updated": _ignored("a forecast; delays, outages and batteries have their own"),
        "billing_details_updated": _SHEET,
        "task_created": _TASK,
        "task_updated": _TASK,
        "task_completed": _TASK,
        "planning_started": _PLANNING,
        "planning_completed": _PLANNING,
        "planning_failed": _PLANNING,
        "timesheet_updated": _SHEET,
        "location_timesheet_finalized": _SHEET,
    },
    "route": dict.fromkeys(
        (
            "created",
            "dispatched",
            "assigned",
            "estimate_generated",
            "started",
            "completed",
            "updated",
            "request_version_missing",
            "candidate_devices_updated",
        ),
        _ROUTE,
    ),
    "worker": {
        "tracking_started": _TRACKED,
        "work_status_updated": _ignored(
            "Fieldlink, or a person at HyperTrack, has switched it"
        ),
        "outage_started": _OUTAGE,
        "outage_ended": _OUTAGE_OVER,
        "device_disconnected": _OUTAGE,
        "device_connected": _OUTAGE_OVER,
        "device_linked": _NEW_DEVICE,
        "device_unlinked": _FREED_DEVICE,
    },
    "trip": dict.fromkeys(
        (
            "created",
            "destination_arrival",
            "destination_exit",
            "delayed",
            "first_eta",
            "eta_change",
            "completed",
            "geofence_enter",
        ),
        _TRIP,
    ),
    "device_status": {
        "active": _OUTAGE_OVER,
        "inactive": _OUTAGE,
        "disconnected": _OUTAGE,
    },
    "battery": {
        "low": Meaning(Kind.BATTERY_LOW, "notes that the battery runs low"),
        "normal": _BATTERY_WELL,
        "charging": _BATTERY_WELL,
    },
    "location": {"": Meaning(Kind.POSITION, "shows where the resource is, if one asks for it")},
    "time_offset_changed": {
        "": Meaning(Kind.CLOCK_CHANGED, "marks the times of the device as doubtful")
    },
    "registration": {"": _NEW_DEVICE},
    "registration_update": {"": _CHANGED_DEVICE},
    "reinstall": {"": _NEW_DEVICE},
    "nearby_devices_request": {"": _NEARBY},
    "nearby": {"": _NEARBY},
    "locate": {"": _ignored("the answer to a question that Fieldlink does not ask")},
}
OWN = {
    LINK: {
        "offered": Meaning(Kind.LINK_OFFERED, "the customer's link to follow is written"),
        "withdrawn": Meaning(Kind.LINK_WITHDRAWN, "the customer's link is taken back"),
    },
    EXIT: {
        "confirmed": Meaning(Kind.EXIT_CONFIRMED, "completes the appointment"),
        "closed": Meaning(Kind.CLOSED, "what has been worked goes onto time sheets"),
    },
}
UNKNOWN = _ignored("")


def meaning(type_: str, value: str, reason: str = "") -> Meaning:
    """What a webhook means; `UNKNOWN` if it is not in the table."""
    values = OWN.get(type_) or TABLE.get(type_, {})
    if "" in values:  # whatever it says there is the same to us
        return values[""]
    of_reason = (f"{value} {reason}", f"{value} {OTHER}") if reason else ()
    names = (*of_reason, value, OTHER)
    return next((values[name] for name in names if name in values), UNKNOWN)


def tells(type_: str) -> bool:
    """Whether a webhook of this type may be one that we act on."""
    return type_ in OWN or any(each.kind for each in TABLE.get(type_, {}).values())
