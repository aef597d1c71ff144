"""A phone on the road: it moves, tracks, runs out of battery and drives through tunnels."""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil

from local.hypertrack.geometry import Place, along, bearing, distance
from local.hypertrack.state import Account, Device, Fix, Json, stamp
from local.hypertrack.tracker import Tracker
from local.hypertrack.world import World

EVERY = 10  # seconds between two locations while moving
BATTERY = {"low": 15, "normal": 80, "charging": 50}  # percent, unless one is given


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
        self._own = False  # the SDK's intent, apart from the remote one
        self._remote = False
        self._missed: dict[str, bool] = {}
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

    def battery(
        self, value: str, at: datetime | None = None, *, percent: int | None = None
    ) -> None:
        """Report low, normal or charging."""
        with self._world.lock:
            self._device.battery = value
            share = BATTERY.get(value, 50) if percent is None else percent
            self._tell("battery", {"value": value, "battery_percent": share}, at or self.now())

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
            missed, self._missed = self._missed, {}
            for intent, tracking in missed.items():
                self._obey(intent, tracking)

    def command(self, tracking: bool) -> None:
        """Obey a silent push of the first generation: as if the SDK had been told."""
        self._obey("own", tracking)

    def intend(self, tracking: bool) -> None:
        """Hear what orders and work status want; the SDK's own intent stays as it is."""
        self._obey("remote", tracking)

    def set_tracking(self, tracking: bool, at: datetime | None = None) -> None:
        """The SDK's own switch. Off stops even during an order, until the next remote push."""
        with self._world.lock:
            self._own = tracking
            self._run(tracking, at or self.now())

    def restart(self, at: datetime | None = None) -> None:
        """Open the app anew: it hears what HyperTrack wants of it by now."""
        with self._world.lock:
            self._run(self._own or self._remote, at or self.now())

    def _obey(self, intent: str, tracking: bool) -> None:
        if self._outbox is not None:
            self._missed[intent] = tracking
        elif intent == "own":
            self.set_tracking(tracking)
        else:
            self._remote = tracking
            self._run(self._own or tracking, self.now())

    def _run(self, tracking: bool, at: datetime) -> None:
        if tracking != self.tracking and not (tracking and self._device.deleted):
            (self._start if tracking else self._stop)(at)

    def locate(self, answer: Callable[[Fix | None], None]) -> None:
        """Say where it is, now or when back online."""
        self._send(lambda: answer(self._fix(self.now())))

    def geofence_made(self) -> None:
        """With the switch set, look around at once instead of with the next location."""
        if self._world.switches.entry_where_it_stands and self.place is not None:
            self._be(self.place, self.now())

    def _start(self, at: datetime) -> None:
        self.tracking, self._outage = True, False
        self._report("active", None, "stop", at)
        begin = self._dated(at)
        self._send(lambda: self._tracker.begin(begin))
        if self.place is not None:
            self._be(self.place, at)

    def _stop(self, at: datetime) -> None:
        self.tracking = False
        self._report("inactive", "tracking_stopped", None, at)
        end = self._dated(at)
        self._send(lambda: self._tracker.end(end))

    def _move(self, activity: str) -> None:
        changed, self._activity = activity != self._activity, activity
        if changed and self.tracking and not self._outage:
            self._report("active", None, activity, self._moment)

    def _be(self, place: Place, at: datetime, speed: float = 0, course: float = 0) -> None:
        self.place, self._moment = place, at
        if self.tracking and not self._outage:
            fix = Fix(place, self._dated(at), round(speed, 2), round(course, 1))
            self._send(lambda: self._tracker.locate(fix))

    def _report(
        self, value: str, reason: str | None, activity: str | None, at: datetime
    ) -> None:
        told = {"value": value, "reason": reason, "activity": activity}
        data = {key: text for key, text in told.items() if text is not None}
        self._tell("device_status", data, at)

    def _tell(self, kind: str, data: Json, at: datetime) -> None:
        dated, fix = self._dated(at), self._fix(at)
        self._send(lambda: self._hand_in(kind, data, dated, fix))

    def _hand_in(self, kind: str, data: Json, at: datetime, fix: Fix | None) -> None:
        if kind == "device_status":
            self._device.status = {**data, "recorded_at": stamp(at, 6)}
        self._tracker.emit(kind, data, at, fix)

    def _fix(self, at: datetime) -> Fix | None:
        if self.place is None or self._outage:
            return None
        return Fix(self.place, self._dated(at))

    def _dated(self, at: datetime) -> datetime:
        """What the phone's own clock says at that moment."""
        return at + self._tracker.skew

    def _send(self, send: Callable[[], None]) -> None:
        if self._outbox is None:
            send()
        else:
            self._outbox.append(send)
