"""/places: addresses under handles that the caller chooses, as destinations of orders."""

from typing import Any
from uuid import uuid4

from local.hypertrack.answers import Answer, Ask, business, missing, unprocessable
from local.hypertrack.recorded import one_page
from local.hypertrack.state import Account, Json, stamp
from local.hypertrack.world import World

LIMIT = 100
POLYGON = 0.001  # degrees, about a hundred metres: the size of what an address becomes
SHAPELESS = "geometry or address is required"


class Places:
    """The operations on places; nothing is noticed at one without an order."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.routes = (
            ("GET", "/places/v1/", self.list),
            ("POST", "/places/v1/", self.create),
            ("GET", "/places/v1/<place_handle>", self.read),
            ("PATCH", "/places/v1/<place_handle>", self.change),
            ("DELETE", "/places/v1/<place_handle>", self.delete),
        )

    def create(self, ask: Ask) -> Answer:
        """Without geometry the address becomes a polygon, here around null island."""
        wanted = _present(ask.body)
        if wanted.get("detect_visits"):
            raise unprocessable({"json": {"detect_visits": ["Not supported any more."]}})
        if not wanted.keys() & {"geometry", "address"}:
            raise unprocessable({"json": {"geometry": [SHAPELESS]}})
        handle = wanted.setdefault("place_handle", str(uuid4()))
        if handle in ask.account.places:
            raise business(409, "duplicate_resource", "Place with this handle already exists")
        wanted.setdefault("geometry", _geocoded())
        place = {"metadata": None, **wanted, "place_id": str(uuid4())}
        ask.account.places[handle] = place | {"last_updated": self._now()}
        return 200, ask.account.places[handle]

    def list(self, ask: Ask) -> Answer:
        handles = ask.query.get("place_handles")
        name = (ask.query.get("name") or ask.query.get("search_term") or "").lower()
        found = [
            place
            for handle, place in ask.account.places.items()
            if (not handles or handle in handles.split(","))
            and name in f"{handle} {place.get('name') or ''}".lower()
        ]
        some = one_page(ask, found, LIMIT)
        return 200, {"places": some.items, "pagination_token": some.token}

    def read(self, ask: Ask, place_handle: str) -> Answer:
        return 200, _find(ask.account, place_handle)

    def change(self, ask: Ask, place_handle: str) -> Answer:
        """Null values are ignored."""
        place = _find(ask.account, place_handle)
        wanted = _present(ask.body)
        wanted.pop("place_handle", None)
        place |= wanted | {"last_updated": self._now()}
        return 200, place

    def delete(self, ask: Ask, place_handle: str) -> Answer:
        _find(ask.account, place_handle)
        del ask.account.places[place_handle]
        return 200, {}

    def _now(self) -> str:
        return stamp(self._world.clock())


def _present(body: Any) -> Json:
    return {name: value for name, value in body.items() if value is not None}


def _geocoded() -> Json:
    low, high = -POLYGON / 2, POLYGON / 2
    ring = [[low, low], [low, high], [high, high], [high, low], [low, low]]
    return {"type": "Polygon", "coordinates": [ring]}


def _find(account: Account, handle: str) -> Json:
    if handle not in account.places:
        raise missing("Place not found")
    return account.places[handle]
