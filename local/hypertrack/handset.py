"""A phone on the road: it moves, tracks, runs out of battery and drives through tunnels."""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil

from local.hypertrack.geometry import Place, along, bearing, distance
from local.hypertrack.state import Account, Device, Fix, Json, stamp
from local.hypertrack.tracker import Tracker
from local.hypertrack.world import World

EVERY = 10  # seconds between two locations while moving


class MovingPhone:
    """Lives in its own time: the clock's, or its own last moment where that is later.

    So a day can be driven ahead of the clock, or along with it; no method waits for anything.
    """

    def __init__(self, world: World, account: Account, device: Device, at: datetime) -> None:
        self.device_id = device.device_id
        self.place: Place | None = None
        self.tracking = False
        self._world = world
        self._account = account
        self._device = device
        self._tracker = Tracker(world, account, device)
        self._moment = at
        self._activity = "stop"
        self._outage = False
        self._outbox: list[Callable[[], None]] | None = None
        self._ordered: bool | None = None
        world.handsets[device.device_id] = self

    def now(self) -> datetime:
        return max(self._world.clock(), self._moment)

    def be_at(self, lat: float, lon: float, at: datetime | None = None) -> None:
        """Be somewhere without having travelled; seen only if tracking."""
        with self._world.lock:
            self._be(Place(lat, lon), at or self.now())

    def drive_to(
        self, lat: float, lon: float, minutes: float, start: datetime | None = None
    ) -> datetime:
        """Drive straight on at constant speed, one location every ten seconds; the arrival."""
        with self._world.lock:
            begin, goal = start or self.now(), Place(lat, lon)
            origin, time = self.place or goal, timedelta(minutes=minutes)
            speed = distance(origin, goal) / max(time.total_seconds(), 1)
            self._be(origin, begin)
            self._move("drive")
            steps = max(1, ceil(time.total_seconds() / EVERY))
            for step, place in enumerate(along(origin, goal, steps), 1):
                self._be(place, begin + time * step / steps, speed, bearing(origin, goal))
            self._move("stop")
            return self._moment

    def stay(self, minutes: float, start: datetime | None = None) -> datetime:
        """Stay put, with a location at the start and at the end; the end."""
        with self._world.lock:
            begin = start or self.now()
            if self.place is not None:
                self._be(self.place, begin)
                self._be(self.place, begin + timedelta(minutes=minutes))
            self._moment = begin + timedelta(minutes=minutes)
            return self._moment

    def status(
        self,
        value: str,
        *,
        reason: str | None = None,
        activity: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """Report an outage, or its end; no location is recorded between the two."""
        with self._world.lock:
            self._outage = value != "active"
            self._report(value, reason, activity, at or self.now())

    def battery(self, value: str, at: datetime | None = None) -> None:
        """Report low, normal or charging."""
        with self._world.lock:
            moment = at or self.now()
            self._device.battery = value
            self._send(lambda: self._tell("battery", {"value": value}, moment))

    def offline(self) -> None:
        """Keep what is recorded from here on, and hear no commands."""
        with self._world.lock:
            self._outbox = self._outbox or []

    def online(self, at: datetime | None = None) -> None:
        """Send what was kept, with its true times, and obey the last command missed."""
        with self._world.lock:
            self._moment = at or self.now()
            kept, self._outbox = self._outbox or [], None
            self._tracker.heard_at = self._moment
            for send in kept:
                send()
            self._tracker.heard_at = None
            if self._ordered is not None:
                self.command(self._ordered)

    def command(self, tracking: bool) -> None:
        """Obey a silent push, now or when back online."""
        if self._outbox is not None:
            self._ordered = tracking
            return
        self._ordered = None
        if tracking != self.tracking and not self._device.deleted:
            (self._start if tracking else self._stop)(self.now())

    def geofence_made(self) -> None:
        """With the switch set, look around at once instead of with the next location."""
        if self._world.switches.entry_where_it_stands and self.place is not None:
            self._be(self.place, self.now())

    def _start(self, at: datetime) -> None:
        self.tracking, self._outage = True, False
        self._report("active", None, "stop", at)
        self._send(lambda: self._tracker.begin(at))
        if self.place is not None:
            self._be(self.place, at)

    def _stop(self, at: datetime) -> None:
        self.tracking = False
        self._report("inactive", "tracking_stopped", None, at)
        self._send(lambda: self._tracker.end(at))

    def _move(self, activity: str) -> None:
        changed, self._activity = activity != self._activity, activity
        if changed and self.tracking and not self._outage:
            self._report("active", None, activity, self._moment)

    def _be(self, place: Place, at: datetime, speed: float = 0, course: float = 0) -> None:
        self.place, self._moment = place, at
        if self.tracking and not self._outage:
            fix = Fix(place, at, round(speed, 2), round(course, 1))
            self._send(lambda: self._tracker.locate(fix))

    def _report(
        self, value: str, reason: str | None, activity: str | None, at: datetime
    ) -> None:
        told = {"value": value, "reason": reason, "activity": activity}
        data = {key: text for key, text in told.items() if text is not None}
        self._send(lambda: self._tell("device_status", data, at))

    def _tell(self, kind: str, data: Json, at: datetime) -> None:
        if kind == "device_status":
            self._device.status = {**data, "recorded_at": stamp(at, 6)}
        self._tracker.emit(kind, data, at, self._fix(at))

    def _fix(self, at: datetime) -> Fix | None:
        return Fix(self.place, at) if self.place is not None and not self._outage else None

    def _send(self, send: Callable[[], None]) -> None:
        if self._outbox is None:
            send()
        else:
            self._outbox.append(send)
