"""The Visits App through the years: what each generation reads from a link and sends as geotag.

`APPS` names the generations after their platform and the first version that behaves so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from local.hypertrack.links import (
    Identity,
    LinkReader,
    LinkRejected,
    android,
    android_later,
    ios_driver_id,
    ios_email,
    ios_handle,
    ios_worker,
)

Action = Literal["clock_in", "clock_out", "pick_up", "check_in", "check_out", "cancel"]
Manual = Literal["never", "by link", "always"]


class NotPossible(Exception):
    """This generation of the app has no such button, or shows it disabled."""


@dataclass(frozen=True)
class App:
    """One generation of the Visits App."""

    platform: Literal["Android", "iOS"]
    version: str
    reads: LinkReader
    types: Mapping[Action, str] = field(default_factory=dict)
    note: str | None = None
    photos: Literal["_visit_photo", "_visit_photos"] | None = None
    geofence_visits: bool = True
    auto_check_in: Literal["never", "by link", "always"] = "never"
    manual: Manual = "never"
    expects: bool = False  # passes the expected location on check out and cancel
    completed: bool = False  # {"completed": true} and separate notes, before there were types
    event: Literal["geotag", "custom_marker"] = "geotag"

    @property
    def orders(self) -> bool:
        """Whether it shows orders, and completes and cancels them through the API."""
        since = (0, 8, 0) if self.platform == "Android" else (2, 6, 0)
        return tuple(int(each) for each in self.version.split(".")) >= since


CLOCK: dict[Action, str] = {"clock_in": "CLOCK_IN", "clock_out": "CLOCK_OUT"}
CHECKS: dict[Action, str] = {
    "pick_up": "PICK_UP",
    "check_in": "CHECK_IN",
    "check_out": "CHECK_OUT",
    "cancel": "CANCEL",
}
MARKS: dict[Action, str] = {
    "pick_up": "PICK_UP",
    "check_in": "VISIT_ADDED",
    "check_out": "VISIT_MARKED_COMPLETE",
    "cancel": "VISIT_MARKED_CANCELED",  # one L
}

ANDROID = {
    "android-0.2.0": App("Android", "0.2.0", android, note="delivery_note", completed=True),
    "android-0.2": App(
        "Android", "0.2.6", android, CLOCK | CHECKS, note="delivery_note", manual="by link"
    ),
    "android-0.2.8": App(
        "Android",
        "0.2.9",
        android,
        CLOCK | CHECKS,
        note="visit_note",
        photos="_visit_photo",
        auto_check_in="by link",
        manual="by link",
    ),
    "android-0.3": App(
        "Android",
        "0.3.1",
        android,
        CLOCK | CHECKS,
        note="visit_note",
        photos="_visit_photos",
        auto_check_in="always",
        manual="by link",
        expects=True,
    ),
    "android-0.4": App(
        "Android",
        "0.4.0",
        android,
        CLOCK | MARKS,
        note="visit_note",
        photos="_visit_photos",
        auto_check_in="always",
        manual="by link",
        expects=True,
    ),
    "android-0.7": App(
        "Android",
        "0.7.0",
        android,
        MARKS,
        note="visit_note",
        photos="_visit_photos",
        auto_check_in="always",
        manual="always",
        expects=True,
    ),
    "android-0.8": App(
        "Android",
        "0.8.0",
        android,
        CLOCK | MARKS,
        note="visit_note",
        photos="_visit_photos",
        auto_check_in="always",
        manual="always",
        expects=True,
    ),
    "android-0.9": App(
        "Android",
        "0.9.13",
        android,
        MARKS,
        note="visit_note",
        photos="_visit_photos",
        auto_check_in="always",
        manual="always",
        expects=True,
    ),
    "android-later": App(
        "Android",
        "1.0.0",
        android_later,
        {"pick_up": "PICK_UP", "check_in": "VISIT_ADDED"},
        auto_check_in="always",
        manual="always",
    ),
}
IOS = {
    "ios-1": App(
        "iOS",
        "1.0.0",
        ios_driver_id,
        note="delivery_note",
        completed=True,
        event="custom_marker",
    ),
    "ios-2.0": App(
        "iOS", "2.0.0", ios_driver_id, CLOCK | CHECKS, note="visit_note", manual="by link"
    ),
    "ios-2.3": App(
        "iOS",
        "2.3.0",
        ios_driver_id,
        CLOCK | CHECKS,
        note="visit_note",
        auto_check_in="always",
        manual="by link",
    ),
    "ios-2.3-renamed": App(
        "iOS",
        "2.3.0",
        ios_driver_id,
        CLOCK | MARKS,
        note="visit_note",
        auto_check_in="always",
        manual="by link",
    ),
    "ios-2.4": App("iOS", "2.4.0", ios_driver_id, CLOCK, geofence_visits=False),
    "ios-2.5": App("iOS", "2.5.0", ios_driver_id, geofence_visits=False),
    "ios-2.9": App("iOS", "2.9.0", ios_email, geofence_visits=False),
    "ios-2.16": App("iOS", "2.16.6", ios_handle, geofence_visits=False),
    "ios-2.20": App("iOS", "2.20.2", ios_worker, geofence_visits=False),
}
APPS: dict[str, App] = ANDROID | IOS

__all__ = ["APPS", "Action", "App", "Identity", "LinkRejected", "NotPossible"]
