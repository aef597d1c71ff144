"""The filters of GET /orders/ that an integration needs; the others let every order pass."""

import json
from datetime import datetime

from local.hypertrack.answers import Ask, Page, page, unprocessable
from local.hypertrack.order_requests import time
from local.hypertrack.order_state import Order, every
from local.hypertrack.state import Json

PAGE = 100
TIMES = {
    "scheduled_at": "scheduled_at",
    "created_at": "created_at",
    "completed_at": "completed_at",
    "cancelled_at": "cancelled_at",
    "rescheduled_marked_at": "rescheduled_at",
}
FIELDS = {
    "device_id": "device_id",
    "route_handle": "route_handle",
    "track_mode": "track_mode",
    "fulfillment_attempt": "fulfillment_attempt",
    "device_switch_mode": "device_switch_mode",
    "worker_handle": "worker_handle",
    "driver_handle": "worker_handle",
}


def listing(ask: Ask) -> Page[Order]:
    """A page of what passes, oldest first unless asked otherwise."""
    metadata = _metadata(ask.query)
    found = [each for each in every(ask.account) if _passes(each, ask.query, metadata)]
    if ask.query.get("sort_direction") == "desc":
        found.reverse()
    limit = ask.query.get("limit")
    try:
        return page(found, PAGE if limit is None else limit, ask.query.get("pagination_token"))
    except ValueError as wrong:
        raise unprocessable({"query": {str(wrong): ["Invalid value."]}}) from None


def _passes(order: Order, query: Json, metadata: Json) -> bool:
    given = {name: query[name] for name in FIELDS if query.get(name) is not None}
    return (
        all(getattr(order, FIELDS[name]) == wanted for name, wanted in given.items())
        and _has_status(order, query.get("status"))
        and (query.get("search_term") or "").lower() in order.handle.lower()
        and metadata == {key: (order.metadata or {}).get(key) for key in metadata}
        and all(_in_time(getattr(order, field), name, query) for name, field in TIMES.items())
    )


def _has_status(order: Order, wanted: str | None) -> bool:
    if not wanted:
        return True
    names = {each.strip() for each in wanted.split(",")}
    rescheduled = order.rescheduled_at is not None and "rescheduled" in names
    return rescheduled or order.status in names


def _in_time(at: datetime | None, name: str, query: Json) -> bool:
    day, start, end = (query.get(f"{name}_{part}") for part in ("date", "from", "to"))
    if day is None and start is None and end is None:
        return True
    return (
        at is not None
        and (day is None or f"{at:%Y-%m-%d}" == day)
        and (start is None or time(start, f"{name}_from") <= at)
        and (end is None or at <= time(end, f"{name}_to"))
    )


def _metadata(query: Json) -> Json:
    try:
        wanted = json.loads(query.get("order_metadata_filter") or "{}")
    except ValueError:
        wanted = None
    if not isinstance(wanted, dict):
        raise unprocessable({"query": {"order_metadata_filter": ["Not a JSON object."]}})
    return wanted
