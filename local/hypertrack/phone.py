"""The Visits App in a worker's hand: the buttons that its generation has, and no others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from local.hypertrack.apps import Action, App, NotPossible
from local.hypertrack.order_buttons import OrderButtons
from local.hypertrack.state import NO_DEVICE, Account, Device, Geofence, Invite, Json
from local.hypertrack.world import World


@dataclass(frozen=True)
class Shown:
    """One visit as the app lists it."""

    geofence_id: str
    lines: dict[str, str]


class Phone(OrderButtons):
    """An installed Visits App. Every `at` is when the phone records it, by default now."""

    def __init__(
        self, world: World, account: Account, device: Device, app: App, invite: Invite
    ) -> None:
        super().__init__(world, account, device, app)
        self.invite = invite
        self._link = invite.data
        self._manual: set[str] = set()
        self._done: set[str] = set()

    def clock_in(self, at: datetime | None = None) -> None:
        """Start tracking, then the geotag on Android; iOS does not promise the order."""
        self._shift("clock_in", at or self.now(), starts=True)

    def clock_out(self, at: datetime | None = None) -> None:
        """The geotag, then stop tracking on Android; iOS does not promise the order."""
        self._shift("clock_out", at or self.now(), starts=False)

    def check_in(self, geofence_id: str | None = None, at: datetime | None = None) -> str:
        """Check in at a geofence, or begin a manual visit; returns the visit's id."""
        with self._world.lock:
            visit = geofence_id or self._manual_visit()
            self._allow("check_in", visit)
            if geofence_id is not None and self._checks_in_by_itself():
                raise NotPossible("this generation checks in by itself, without a geotag")
            self._geotag(self._named("check_in", visit), at or self.now())
            return visit

    def pick_up(self, geofence_id: str, at: datetime | None = None) -> None:
        """On my way."""
        with self._world.lock:
            self._allow("pick_up", geofence_id)
            self._geotag(self._named("pick_up", geofence_id), at or self.now())

    def check_out(
        self,
        visit: str,
        *,
        note: str = "",
        photos: Sequence[str] = (),
        at: datetime | None = None,
    ) -> None:
        """End a visit; needs no check in before. The oldest apps send `completed` instead."""
        with self._world.lock:
            moment = at or self.now()
            if self.app.completed:
                self._complete(visit, note, moment)
            else:
                self._finish("check_out", visit, note, photos, moment)

    def cancel(
        self,
        visit: str,
        note: str = "",
        *,
        photos: Sequence[str] = (),
        at: datetime | None = None,
    ) -> None:
        """Cancel a visit; a manual one cannot be."""
        with self._world.lock:
            if visit in self._manual:
                raise NotPossible("a manual visit cannot be cancelled")
            self._finish("cancel", visit, note, photos, at or self.now())

    def add_geotag(self, metadata: Json, at: datetime | None = None) -> None:
        """Any geotag at all: later Android has a form for it, so have customers' own apps."""
        with self._world.lock:
            self._geotag(dict(metadata), at or self.now())

    def visible_visits(self) -> list[Shown]:
        """What the app lists, oldest geofence first, with the metadata that it shows."""
        with self._world.lock:
            mine = [each for each in self._account.geofences.values() if self._lists(each)]
            mine.sort(key=lambda each: each.created_at)
            return [Shown(each.geofence_id, self._lines(each.metadata)) for each in mine]

    def _shift(self, action: Action, at: datetime, *, starts: bool) -> None:
        with self._world.lock:
            if self._own == starts:
                raise NotPossible(f"{action}: the app is {'' if starts else 'not '}clocked in")
            switch_first = starts == (self.app.platform == "Android")
            if switch_first:
                self._switch(at, starts=starts)
            if action in self.app.types:
                self._geotag({"type": self.app.types[action]}, at)
            if not switch_first:
                self._switch(at, starts=starts)

    def _switch(self, at: datetime, *, starts: bool) -> None:
        self.set_tracking(starts, at)

    def _finish(
        self, action: Action, visit: str, note: str, photos: Sequence[str], at: datetime
    ) -> None:
        self._allow(action, visit)
        told = self._named(action, visit) | {str(self.app.note): note} | self._pictures(photos)
        self._done.add(visit)
        self._geotag(told, at, self._expected(visit))

    def _complete(self, visit: str, note: str, at: datetime) -> None:
        self._allow(None, visit)
        if note:
            self._geotag({"geofence_id": visit, str(self.app.note): note}, at)
        self._done.add(visit)
        self._geotag({"geofence_id": visit, "completed": True}, at)

    def _allow(self, action: Action | None, visit: str) -> None:
        if action is not None and action not in self.app.types:
            raise NotPossible(f"this generation of the app sends no geotag for {action}")
        if self.app.platform == "Android" and not self.tracking:
            raise NotPossible("visits can be worked on only while tracking")
        if visit in self._done:
            raise NotPossible("this visit is finished")
        if visit not in self._manual and not self._knows(visit):
            raise NotPossible("the app does not show this geofence as a visit")

    def _knows(self, visit: str) -> bool:
        """A geofence deleted meanwhile may still be on the screen."""
        geofence = self._account.geofences.get(visit)
        mine = geofence is not None and geofence.device_id == self.device_id
        return mine and self.app.geofence_visits

    def _manual_visit(self) -> str:
        by_link = str(self._link.get("show_manual_visits", "false")).lower() == "true"
        if self.app.manual == "never" or (self.app.manual == "by link" and not by_link):
            raise NotPossible("manual visits are not shown")
        visit = str(uuid4())
        self._manual.add(visit)
        return visit

    def _checks_in_by_itself(self) -> bool:
        if self.app.auto_check_in == "by link":
            return str(self._link.get("auto_check_in", "true")).lower() == "true"
        return self.app.auto_check_in == "always"

    def _named(self, action: Action, visit: str) -> Json:
        key = "visit_id" if visit in self._manual else "geofence_id"
        return {key: visit, "type": self.app.types[action]}

    def _pictures(self, photos: Sequence[str]) -> Json:
        if self.app.photos == "_visit_photos":
            return {"_visit_photos": list(photos)}
        if len(photos) > (self.app.photos == "_visit_photo"):
            raise NotPossible("this generation of the app has no room for these photos")
        return {"_visit_photo": next(iter(photos), None)} if self.app.photos else {}

    def _expected(self, visit: str) -> Json | None:
        geofence = self._account.geofences.get(visit)
        circle = geofence is not None and geofence.geometry["type"] == "Point"
        return geofence.geometry if geofence and circle and self.app.expects else None

    def _geotag(self, metadata: Json, at: datetime, expected: Json | None = None) -> None:
        fix, event, dated = self._fix(at), self.app.event, self._dated(at)
        self._send(lambda: self._tracker.geotag(event, metadata, fix, dated, expected))

    def _lists(self, geofence: Geofence) -> bool:
        everyones = self.app.platform == "iOS" and geofence.device_id == NO_DEVICE
        mine = geofence.device_id == self.device_id
        return not geofence.archived and (mine or everyones)

    def _lines(self, metadata: dict[str, Any]) -> dict[str, str]:
        """iOS shows only strings that are not empty; nobody shows what begins with `ht_`."""
        shown = {key: value for key, value in metadata.items() if not key.startswith("ht_")}
        if self.app.platform == "iOS":
            return {key: v for key, v in shown.items() if isinstance(v, str) and v}
        return {key: str(value) for key, value in shown.items()}
