"""/visits: who was where and when, true whatever became of the webhooks."""

from collections.abc import Iterator, Sequence

from local.hypertrack.answers import Answer, Ask, missing
from local.hypertrack.recorded import between, by_order, concerns, group_of, known, one_page
from local.hypertrack.state import Account, Json, stamp
from local.hypertrack.visits_made import Visit, visits
from local.hypertrack.world import World

LIMIT = 100


class Visits:
    """The reading operations on visits; deleted devices and geofences keep theirs."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.routes = (
            ("GET", "/visits/", self.list),
            ("GET", "/visits/<visit_id>", self.read),
        )

    def list(self, ask: Ask) -> Answer:
        """Groups by order, oldest first; `visited_at` is assumed to be the arrival."""
        found = [each for each in self._every(ask.account) if _matches(ask, each)]
        some = one_page(ask, by_order(found), LIMIT)
        orders = [_group(ask.account, each) for each in some.items]
        return 200, {"orders": orders, "pagination_token": some.token}

    def read(self, ask: Ask, visit_id: str) -> Answer:
        for visit in self._every(ask.account):
            if visit.visit_id == visit_id:
                return 200, describe(ask.account, visit)
        raise missing("Visit not found")

    def _every(self, account: Account) -> Iterator[Visit]:
        return visits(account, named_as_marker=self._world.switches.visit_is_its_marker)


def _matches(ask: Ask, visit: Visit) -> bool:
    return (
        concerns(ask, visit)
        and ask.query.get("visit_id") in (None, visit.visit_id)
        and ask.query.get("geofence_id") in (None, visit.geofence_id)
        and ask.query.get("place_handle") in (None, visit.place_handle)
        and between(ask, visit.recorded_at, "visited_at_from", "visited_at_to")
    )


def _group(account: Account, group: Sequence[Visit]) -> Json:
    first = group[0]
    told = [describe(account, each) for each in group]
    whose = first.worker_handle
    return {
        "order_handle": group_of(first),
        "system_generated_order_handle": first.order_handle is None,
        "enroute": _sum([each["enroute"] for each in told], "duration", "distance"),
        "service": _sum([each["service"] for each in told], "duration"),
        **known(worker_handle=whose, driver_handle=whose, ops_group_handle="default"),
        "visits": told,
    }


def describe(account: Account, visit: Visit) -> Json:
    """A visit as the contract has it; without an exit while it lasts."""
    whose = visit.worker_handle
    worker = account.workers.get(whose or "")
    return {
        "visit_id": visit.visit_id,
        "created_at": stamp(visit.recorded_at),
        "updated_at": stamp(visit.left_at or visit.recorded_at),
        "geofence_id": visit.geofence_id,
        **known(worker_handle=whose, driver_handle=whose),
        "worker_name": worker.name if worker else None,
        "device_id": visit.device_id,
        "order_handle": group_of(visit),
        "system_generated_order_handle": visit.order_handle is None,
        "place_handle": visit.place_handle,
        "ops_group_handle": (worker and worker.ops_group_handle) or "default",
        "arrival": {"location": visit.arrival.point, "recorded_at": stamp(visit.recorded_at)},
        "exit": _exit(visit),
        "enroute": visit.route_to or {},
        "service": {"duration": visit.stayed},
        "metadata": visit.metadata,
        "geofence_metadata": visit.geofence_metadata,
        "visit_geometry": _shape(visit),
        "timezone": "UTC",
        "attachments": [],
    }


def _exit(visit: Visit) -> Json | None:
    if visit.left_at is None:
        return None
    place = visit.left_from.point if visit.left_from else None
    return {"location": place, "recorded_at": stamp(visit.left_at)}


def _shape(visit: Visit) -> Json | None:
    """The contract knows a radius, in whole metres, and no polygon without one."""
    if visit.radius is None:
        return None
    return {"geometry": visit.geometry, "radius": round(visit.radius)}


def _sum(parts: Sequence[Json], *names: str) -> Json:
    return {name: sum(each.get(name) or 0 for each in parts) for name in names}
