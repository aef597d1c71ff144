"""GET /orders/{handle}/webhooks: each event of an order as it was told, and how that went."""

from collections.abc import Iterator
from datetime import datetime
from functools import cache

from local.hypertrack import openapi
from local.hypertrack.answers import Answer, Ask, missing
from local.hypertrack.events import Event
from local.hypertrack.recorded import between, one_page
from local.hypertrack.state import Json
from local.hypertrack.world import World

LIMIT = 50


class OrderWebhooks:
    """What the record knows although the webhook may have been lost."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.routes = (("GET", "/orders/<order_handle>/webhooks", self.list),)

    def list(self, ask: Ask, order_handle: str) -> Answer:
        """The newest first unless asked otherwise; `from_time` is taken to be of the device."""
        if order_handle not in ask.account.orders:
            raise missing("Order not found")
        told = [each for each in _told(ask, order_handle) if _matches(ask, each)]
        told.sort(key=_recorded_at, reverse=ask.query.get("sort_direction") != "asc")
        some = one_page(ask, told, LIMIT)
        webhooks = [_described(each) for each in some.items]
        return 200, {"webhooks": webhooks, "pagination_token": some.token}


def _told(ask: Ask, order_handle: str) -> Iterator[Event]:
    wanted = ask.query.get("fulfillment_attempt")
    for number, attempt in enumerate(ask.account.orders[order_handle], 1):
        if wanted in (None, number):
            yield from attempt.told


def _matches(ask: Ask, event: Event) -> bool:
    value, wanted = event.body["data"]["value"], ask.query.get("value")
    return (
        value in _declared()
        and (not wanted or value in wanted.split(","))
        and between(ask, _recorded_at(event), "from_time", "to_time")
    )


@cache
def _declared() -> frozenset[str]:
    """The contract has no schema for the others, so its list cannot hold them."""
    schemas = openapi.contract()["components"]["schemas"]
    variants = schemas["OrderWebhookEvent"]["properties"]["data"]["oneOf"]
    names = [each["$ref"].rpartition("/")[2] for each in variants]
    return frozenset(value for name in names for value in _values(schemas[name]))


def _values(schema: Json) -> list[str]:
    parts = [schema, *schema.get("allOf", [])]
    every = [part.get("properties", {}).get("value", {}).get("enum", []) for part in parts]
    return [value for values in every for value in values]


def _recorded_at(event: Event) -> datetime:
    return datetime.fromisoformat(event.body["recorded_at"])


def _described(event: Event) -> Json:
    """No status where nobody answered; one that was never sent has no retries either."""
    return event.body | {
        "delivery_http_status": event.status,
        "retry_count": max(0, event.attempts - 1),
        "delivery_http_response_text": event.answer,
    }
