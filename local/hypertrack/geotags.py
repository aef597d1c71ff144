"""/geotags: what the apps marked, true whatever became of the webhooks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from local.hypertrack.answers import Answer, Ask, missing
from local.hypertrack.recorded import between, by_order, concerns, group_of, known, one_page
from local.hypertrack.state import Geotag, Json, stamp
from local.hypertrack.world import World

LIMIT = 100


@dataclass(frozen=True)
class Entry:
    """A geotag as a list finds it."""

    geotag: Geotag

    @property
    def device_id(self) -> str:
        return self.geotag.device_id

    @property
    def worker_handle(self) -> str | None:
        return self.geotag.worker_handle

    @property
    def order_handle(self) -> str | None:
        handle: str | None = self.geotag.told.get("order_handle")
        return handle

    @property
    def recorded_at(self) -> datetime:
        return self.geotag.recorded_at


class Geotags:
    """The reading operations on geotags; nobody but an app can make one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.routes = (
            ("GET", "/geotags/", self.list),
            ("GET", "/geotags/<geotag_id>", self.read),
        )

    def list(self, ask: Ask) -> Answer:
        """Groups by order, oldest first."""
        every = map(Entry, ask.account.geotags)
        found = [each for each in every if self._matches(ask, each)]
        some = one_page(ask, by_order(found), LIMIT)
        return 200, {"orders": list(map(_group, some.items)), "pagination_token": some.token}

    def read(self, ask: Ask, geotag_id: str) -> Answer:
        for geotag in ask.account.geotags:
            if geotag.geotag_id == geotag_id:
                return 200, describe(Entry(geotag))
        raise missing("Geotag not found")

    def _matches(self, ask: Ask, entry: Entry) -> bool:
        if not concerns(ask, entry):
            return False
        if entry.order_handle is not None and not self._orders_wanted(ask):
            return False
        wanted = ask.query.get("system_generated_order_handle")
        if wanted is not None and wanted != (entry.order_handle is None):
            return False
        return between(ask, entry.recorded_at, "from_time", "to_time")

    def _orders_wanted(self, ask: Ask) -> bool:
        """The contract's default is false; what that leaves out is our reading of the name."""
        if not self._world.switches.order_geotags_if_asked or ask.query.get("order_handle"):
            return True
        return bool(ask.query.get("include_geotags_with_orders"))


def _group(entries: Sequence[Entry]) -> Json:
    first, told = entries[0], [describe(each) for each in entries]
    whose = first.worker_handle
    return {
        "order_handle": group_of(first),
        "system_generated_order_handle": first.order_handle is None,
        "last_geotag_recorded_at": told[-1]["recorded_at"],
        "distance": sum(each.get("distance", 0) for each in told),
        "duration": sum(each.get("duration", 0) for each in told),
        **known(worker_handle=whose, driver_handle=whose),
        "device_id": first.device_id,
        "geotags": told,
    }


def describe(entry: Entry) -> Json:
    """A geotag as the contract has it, which knows no null but in few places."""
    geotag, whose, told = entry.geotag, entry.worker_handle, entry.geotag.told
    route = told.get("route_to") or {}
    expected, start = told.get("expected_location"), route.get("start_location")
    return {
        "geotag_id": geotag.geotag_id,
        "recorded_at": stamp(geotag.recorded_at, 6),
        "device_id": geotag.device_id,
        "order_handle": group_of(entry),
        "system_generated_order_handle": entry.order_handle is None,
        "metadata": geotag.metadata,
        "location": {"address": None, "geometry": geotag.fix.point if geotag.fix else None},
        **known(
            worker_handle=whose,
            driver_handle=whose,
            geotag_type=told.get("order_status"),
            expected_location={"geometry": expected} if expected else None,
            start_location={"geometry": start["geometry"]} if start else None,
            distance=route.get("distance", told.get("distance")),
            duration=route.get("duration"),
            deviation=told.get("deviation"),
        ),
        "timezone": "UTC",
        "attachments": [],
    }
