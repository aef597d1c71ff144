"""Rule: what rows of the ledger say of the values in Salesforce, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from fieldlink.models import Model, Utc
from fieldlink.writing.activity import reference

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

# What a row says of itself, and not of a value in Salesforce.
NO_VALUES = {"appointment", "parent", "through", "request"}


class Told(Model):
    """A fact, and what became of it."""

    at: Utc  # when it happened
    received_at: Utc
    decided_at: Utc | None = None
    kind: str
    resource: str = ""
    appointment: str = ""
    device: str = ""
    outcome: str = ""  # "": see `reason`
    wrote: dict[str, Any] = Field(default={})  # by field
    before: dict[str, Any] = Field(default={})  # what stood there
    rule: str = ""
    reason: str = ""
    request: str = ""  # Salesforce's id of the request
    recovered: bool = False  # found in HyperTrack's record, not told by a webhook
    reference: str  # as it stands in the text of the rows that tell it
    delivery: str

    @property
    def order(self) -> tuple[datetime, datetime, str]:
        return (self.decided_at or self.received_at, self.received_at, self.delivery)


class Standing(Model):
    """A value that we wrote last: unless a person has changed it since, it stands."""

    value: Any
    before: Any = None
    at: Utc
    kind: str
    rule: str = ""
    delivery: str
    request: str = ""


def fields(told: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """What a row wrote, field by field: `changes.status`, `entries.<key>.starts_at`."""
    for name, value in told.items():
        path = f"{above}{name}"
        if not above and name in NO_VALUES:
            continue
        if isinstance(value, dict):
            yield from fields(value, f"{path}.")
        elif isinstance(value, list) and all(isinstance(each, dict) for each in value):
            keyed = {str(each.get("key") or n): each for n, each in enumerate(value)}
            yield from fields(keyed, f"{path}.")
        else:
            yield path, value


def concerns(told: Told, wanted: str) -> bool:
    """Whether a fact, or a row that it made or changed, has this reference."""
    keys = {str(value) for path, value in told.wrote.items() if path.endswith(".key")}
    texts = [told.reference, *map(reference, keys)]
    return any(each.endswith(wanted) for each in texts)


def standing(told: Iterable[Told]) -> dict[str, Standing]:
    """By field the last that wrote it."""
    found: dict[str, Standing] = {}
    for each in told:
        left = dict.fromkeys(_taken_away(each.wrote.get("removed", ()), found))
        for path, value in (each.wrote | left).items():
            found[path] = Standing(
                value=value,
                before=found[path].value if path in left else each.before.get(path),
                at=each.decided_at or each.received_at,
                kind=each.kind,
                rule=each.rule,
                delivery=each.delivery,
                request=each.request,
            )
    return found


def _taken_away(ids: Collection[str], stands: Mapping[str, Standing]) -> list[str]:
    """The fields of rows that were removed."""
    rows = tuple(
        path.removesuffix("id")
        for path, each in stands.items()
        if path.startswith("entries.") and path.endswith(".id") and each.value in ids
    )
    return [path for path in stands if path.startswith(rows)]
