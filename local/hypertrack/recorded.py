"""What the lists of HyperTrack's own record have in common: times, pages, groups by order."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Protocol
from uuid import NAMESPACE_OID, uuid5

from local.hypertrack.answers import Ask, Page, page, unprocessable
from local.hypertrack.state import Json


class Recorded(Protocol):
    """Something that a device did at a moment, with or without an order."""

    @property
    def device_id(self) -> str: ...

    @property
    def worker_handle(self) -> str | None: ...

    @property
    def order_handle(self) -> str | None: ...

    @property
    def recorded_at(self) -> datetime: ...


def moment(ask: Ask, name: str) -> datetime | None:
    """A time of the query; one without a zone is taken as UTC."""
    text = ask.query.get(name)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise unprocessable({"query": {name: ["Not a valid datetime."]}}) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def between(ask: Ask, at: datetime, since: str, until: str) -> bool:
    """Whether the moment lies in the range that the query names, both ends included."""
    start, end = moment(ask, since), moment(ask, until)
    return (start is None or start <= at) and (end is None or at <= end)


def concerns(ask: Ask, one: Recorded) -> bool:
    """The filters by device, worker (under both of its names) and order."""
    handle = ask.query.get("worker_handle") or ask.query.get("driver_handle")
    return (
        ask.query.get("device_id") in (None, one.device_id)
        and handle in (None, one.worker_handle)
        and ask.query.get("order_handle") in (None, group_of(one))
    )


def group_of(one: Recorded) -> str:
    """The order, or one that the system makes up: assumed to be one per device and day."""
    if one.order_handle is not None:
        return one.order_handle
    return str(uuid5(NAMESPACE_OID, f"{one.device_id} {one.recorded_at:%Y-%m-%d}"))


def by_order[T: Recorded](every: Iterable[T]) -> list[list[T]]:
    """The groups that a list answers with, each in the order of time."""
    ordered = sorted(every, key=lambda each: each.recorded_at)
    first: dict[str, datetime] = {}
    for each in ordered:
        first.setdefault(group_of(each), each.recorded_at)
    ordered.sort(key=lambda each: (first[group_of(each)], group_of(each)))
    return [list(group) for _, group in groupby(ordered, group_of)]


def one_page[T](ask: Ask, items: Sequence[T], otherwise: int) -> Page[T]:
    """A page of as many as `limit` says; assumed to count what the list is made of."""
    limit, token = ask.query.get("limit"), ask.query.get("pagination_token")
    try:
        return page(items, otherwise if limit is None else limit, token)
    except ValueError as wrong:
        raise unprocessable({"query": {str(wrong): ["Invalid value."]}}) from None


def known(**fields: Any) -> Json:
    """Only the fields that there are: many of the contract may be absent but not null."""
    return {name: value for name, value in fields.items() if value is not None}
