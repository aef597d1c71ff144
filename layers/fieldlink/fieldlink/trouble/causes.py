"""What keeps a resource from being tracked: HyperTrack's reasons, in plain words, with a cure.

A cure is for the dispatcher, who can tell the technician on the phone what to do.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_REASON = 60  # characters of a word of HyperTrack's that we do not know


class Cause(NamedTuple):
    """What a reason means, and what to do about it."""

    words: str
    cure: str


_LET_LOCATE = "In the phone's settings, let the app use the location Always and precisely."
_LET_MOVE = "In the phone's settings, let the app use motion and fitness (physical activity)."
_OPEN = "Open the app once; it goes on tracking by itself."
_OPEN_AND_ANSWER = "Open the app and allow what it asks for."
_NO_SAVING = "Take the app off the phone's battery saving, then open it once."
_INVITE = "Send the technician a new invitation and have the app installed from it."

# In the order of HyperTrack's own list, for the status `inactive` of a device.
REASONS: Mapping[str, Cause] = MappingProxyType(
    {
        "airplane_mode_detected": Cause(
            "The phone is in airplane mode.", "Switch airplane mode off."
        ),
        "location_permissions_denied": Cause(
            "The app may not use the phone's location.", _LET_LOCATE
        ),
        "location_services_disabled": Cause(
            "The phone's location services are off.",
            "Switch the location on in the phone's settings.",
        ),
        "low_battery": Cause(
            "The phone's battery is too low to track.", "Charge the phone, then open the app."
        ),
        "motion_activity_permissions_denied": Cause(
            "The app may not use the phone's motion sensors.", _LET_MOVE
        ),
        "motion_activity_services_disabled": Cause(
            "The phone's motion and fitness tracking is off.",
            "Switch motion and fitness on in the phone's settings.",
        ),
        "motion_activity_services_unavailable": Cause(
            "The phone's motion sensors do not answer.",
            "Restart the phone. One that has no such sensors can't be used.",
        ),
        "push_token_missing_to_start_tracking": Cause(
            "The phone can't be told to begin tracking.",
            "Allow the app's notifications and open it once while online.",
        ),
        "tracking_stopped": Cause(
            "Tracking was stopped in the app during work.",
            "Clock in, or switch tracking on, in the app.",
        ),
        "tracking_service_terminated": Cause("The phone ended the app's tracking.", _NO_SAVING),
        "deleted": Cause("The device was deleted in HyperTrack.", _INVITE),
        "uninstalled": Cause("The app was removed from the phone.", _INVITE),
        "location_unavailable": Cause(
            "The phone finds no position: there is no signal, or it is indoors or underground.",
            "It ends by itself in the open. If it does not, restart the phone.",
        ),
        "location_unavailable_battery_saver": Cause(
            "The phone's battery saver keeps it from finding its position.",
            "Switch the battery saver off, or exempt the app from it.",
        ),
        "location_unavailable_provisional_authorization": Cause(
            "The app may use the location only for now; the phone waits for an answer.",
            _LET_LOCATE,
        ),
        "sdk_killed_low_memory": Cause(
            "The phone ran out of memory and ended the app.",
            f"Close other apps. {_OPEN}",
        ),
        "sdk_killed_by_user": Cause(
            "The app was closed by hand.", f"{_OPEN} Leave it running in the background."
        ),
        "sdk_killed_by_app_update": Cause("The app was updated and has not run since.", _OPEN),
        "sdk_killed_by_permissions_activity": Cause(
            "The permission for motion was changed, which ended the app.",
            f"{_LET_MOVE} {_OPEN}",
        ),
        "sdk_killed_by_permissions_location": Cause(
            "The permission for the location was changed, which ended the app.",
            f"{_LET_LOCATE} {_OPEN}",
        ),
        "sdk_killed_by_os_update": Cause(
            "The phone's system was updated, and the app has not run since.", _OPEN
        ),
        "sdk_killed_by_os_reboot": Cause(
            "The phone was restarted, and the app has not run since.", _OPEN
        ),
        "sdk_killed_by_low_power": Cause(
            "The phone ended the app to save power.", f"Charge the phone. {_NO_SAVING}"
        ),
        "storage_unavailable": Cause(
            "The app can't store anything on the phone.",
            "Unlock the phone and free some storage, then open the app.",
        ),
        "network_limit_reached": Cause(
            "The phone's limit for data is used up.",
            "Use a Wi-Fi network, or let the app use mobile data without a limit.",
        ),
        "location_permission_asked_in_background": Cause(
            "The app could not ask for the location, as it was not open.", _OPEN_AND_ANSWER
        ),
        "location_permission_restricted": Cause(
            "The phone's management or parental controls forbid the location.",
            "Have whoever manages the phone allow the location for the app.",
        ),
        "motion_activity_permission_not_determined": Cause(
            "The app's question for the motion sensors was never answered.", _OPEN_AND_ANSWER
        ),
        "motion_activity_permission_asked_in_background": Cause(
            "The app could not ask for the motion sensors, as it was not open.",
            _OPEN_AND_ANSWER,
        ),
        "location_permission_not_determined": Cause(
            "The app's question for the location was never answered.", _OPEN_AND_ANSWER
        ),
        "location_permission_imprecise": Cause(
            "The app may use only a rough location.",
            "In the phone's settings, switch Precise Location on for the app.",
        ),
    }
)
_SILENT = Cause(
    "Nothing has been heard of the phone for a while: it is off, or without a network.",
    "Switch the phone on where it has a network. What it recorded meanwhile comes later.",
)
_UNNAMED = Cause("HyperTrack gives no reason.", "Open the app: it says what it lacks.")
# What else begins an outage: the device's other status, and the events of a worker.
OTHERS: Mapping[str, Cause] = MappingProxyType(
    {
        "disconnected": _SILENT,
        "device_disconnected": _SILENT,
        "outage_started": _UNNAMED,
    }
)


# Of a reason that is not listed, which is told in HyperTrack's own word.
NOT_LISTED = "not_listed"
ALL: Mapping[str, Cause] = MappingProxyType(
    {
        **REASONS,
        **OTHERS,
        NOT_LISTED: Cause("HyperTrack gives the reason {reason}.", _UNNAMED.cure),
    }
)


def of(reason: str) -> Cause:
    """What a reason means; one that we do not know is told as it is."""
    cause = ALL[named(reason)]
    return cause._replace(words=cause.words.replace("{reason}", spelled(reason)))


def named(reason: str) -> str:
    """Under what `ALL` has it."""
    return reason if reason in REASONS or reason in OTHERS else _name_of_another(reason)


def spelled(reason: str) -> str:
    """A word of HyperTrack's, as far as it can be shown."""
    return "".join(each for each in reason if each.isprintable())[:LONGEST_REASON]


def _name_of_another(reason: str) -> str:
    return NOT_LISTED if reason else "outage_started"
