"""What goes wrong with a phone: outages for one of 31 reasons, no contact, a wrong clock.

The reasons are documented; codes, labels and categories of the worker's outages are inferred
from the names that the worker's timeline uses.
"""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from local.hypertrack.handset import MovingPhone
from local.hypertrack.state import Json, stamp

UNHEARD = timedelta(hours=1, minutes=1)  # "no data for over an hour"
CLOCK = timedelta(minutes=10)  # a clock that moved by more is told of
Category = Literal["behavioural", "adversarial", "reachability", "os", "sporadic"]


class Outage(NamedTuple):
    """Why a phone is not tracked."""

    label: str
    category: Category


REASONS: dict[str, Outage] = {
    "airplane_mode_detected": Outage("Airplane mode", "behavioural"),
    "location_permissions_denied": Outage("Location permission denied", "behavioural"),
    "location_services_disabled": Outage("Location services off", "behavioural"),
    "low_battery": Outage("Battery too low", "behavioural"),
    "motion_activity_permissions_denied": Outage("Motion permission denied", "behavioural"),
    "motion_activity_services_disabled": Outage("Motion services off", "behavioural"),
    "motion_activity_services_unavailable": Outage("Motion services missing", "os"),
    "push_token_missing_to_start_tracking": Outage("Push token missing", "reachability"),
    "tracking_stopped": Outage("Tracking stopped", "behavioural"),
    "tracking_service_terminated": Outage("Tracking terminated", "os"),
    "deleted": Outage("Device deleted", "behavioural"),
    "uninstalled": Outage("App uninstalled", "adversarial"),
    "location_unavailable": Outage("Location unavailable", "sporadic"),
    "location_unavailable_battery_saver": Outage("Battery saver", "behavioural"),
    "location_unavailable_provisional_authorization": Outage("Provisional", "behavioural"),
    "sdk_killed_low_memory": Outage("Out of memory", "os"),
    "sdk_killed_by_user": Outage("App killed by the user", "adversarial"),
    "sdk_killed_by_app_update": Outage("App updated", "os"),
    "sdk_killed_by_permissions_activity": Outage("Motion permission changed", "os"),
    "sdk_killed_by_permissions_location": Outage("Location permission changed", "os"),
    "sdk_killed_by_os_update": Outage("System updated", "os"),
    "sdk_killed_by_os_reboot": Outage("Phone restarted", "os"),
    "sdk_killed_by_low_power": Outage("Out of power", "os"),
    "storage_unavailable": Outage("No storage", "os"),
    "network_limit_reached": Outage("Network limit reached", "reachability"),
    "location_permission_asked_in_background": Outage("Asked in background", "os"),
    "location_permission_restricted": Outage("Location restricted", "os"),
    "motion_activity_permission_not_determined": Outage("Motion not decided", "behavioural"),
    "motion_activity_permission_asked_in_background": Outage("Asked in background", "os"),
    "location_permission_not_determined": Outage("Location not decided", "behavioural"),
    "location_permission_imprecise": Outage("Imprecise location", "behavioural"),
}


class TroubledPhone(MovingPhone):
    """A phone on the road that fails and recovers."""

    _reason: str | None = None
    _unheard_from: datetime | None = None

    def outage(self, reason: str, at: datetime | None = None) -> None:
        """Inactive for this reason: no location is recorded until `recover`."""
        with self._world.lock:
            moment = at or self.now()
            self._end_outage(moment)
            self._reason = reason
            self.status("inactive", reason=reason, at=moment)
            self._tell_worker("outage_started", moment)

    def uninstall(self, at: datetime | None = None) -> None:
        """The app is gone, and with it all tracking."""
        with self._world.lock:
            self.outage("uninstalled", at)
            self.tracking = False

    def set_metadata(self, metadata: Json, at: datetime | None = None) -> None:
        """The app sets other metadata, as after signing in anew."""
        with self._world.lock:
            self._device.metadata = dict(metadata)
            self._tell("registration_update", {}, at or self.now())

    def disconnect(self, at: datetime | None = None) -> None:
        """Out of reach from then on; HyperTrack says so of itself after more than an hour."""
        with self._world.lock:
            since = self._moment = at or self.now()
            self.offline()
            self._unheard_from = since + UNHEARD
            self._device.status = {
                "value": "disconnected",
                "recorded_at": stamp(self._unheard_from, 6),
            }
            self._cloud("device_status", {"value": "disconnected"}, self._unheard_from)
            if self._device.worker_handle is not None:
                told = {"value": "device_disconnected"}
                self._cloud("worker", told, self._unheard_from)

    def recover(self, at: datetime | None = None) -> None:
        """End the outage, or be within reach again; tracking goes on if it was on."""
        with self._world.lock:
            moment = at or max(self.now(), self._unheard_from or self.now())
            if self._unheard_from is not None:
                self._reconnect(moment)
            self._end_outage(moment)
            self._outage = False
            if self.tracking:
                self.status("active", activity="stop", at=moment)
                if self.place is not None:
                    self._be(self.place, moment)

    def set_clock(self, seconds: float, at: datetime | None = None) -> None:
        """The phone's clock is so far ahead from now on, or behind; all it records is."""
        with self._world.lock:
            moment, skew = at or self.now(), timedelta(seconds=seconds)
            moved = abs(skew - self._tracker.skew)
            self._tracker.skew = skew
            if moved > CLOCK:
                told: Json = {"user_time": stamp(moment + skew), "value": round(seconds, 1)}
                self._send(lambda: self._cloud("time_offset_changed", told, moment))

    def _start(self, at: datetime) -> None:
        """Wanting to track does not end an outage."""
        if self._reason is None:
            super()._start(at)
            self._of_worker({"value": "tracking_started"}, at)
        else:
            self.tracking, begin = True, self._dated(at)
            self.status("inactive", reason=self._reason, at=at)
            self._send(lambda: self._tracker.begin(begin))

    def _end_outage(self, at: datetime) -> None:
        if self._reason is not None:
            self._tell_worker("outage_ended", at)
            self._reason = None

    def _tell_worker(self, value: str, at: datetime) -> None:
        """The payload is inferred."""
        code = self._reason
        if code is not None:
            kind = REASONS[code]
            known = {"outage_label": kind.label, "outage_category": kind.category}
            self._of_worker({"value": value, "outage_code": code, **known}, at)

    def _of_worker(self, data: Json, at: datetime) -> None:
        """Only a device that a worker carries is of interest here."""
        if self._device.worker_handle is not None:
            dated = self._dated(at)
            self._send(lambda: self._tracker.emit("worker", data, dated))

    def _reconnect(self, at: datetime) -> None:
        self._unheard_from = None
        if self._device.worker_handle is not None:
            self._cloud("worker", {"value": "device_connected"}, at)
        self.online(at)

    def _cloud(self, kind: str, data: Json, at: datetime) -> None:
        """What HyperTrack finds out by itself, in its own time."""
        device, heard = self._device, self._tracker.heard_at
        if not device.deleted:
            world, account = self._world, self._account
            world.emit(account, kind, data, device=device, at=at, heard_at=heard)
