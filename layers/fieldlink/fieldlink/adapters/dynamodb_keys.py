"""The keys of the two tables: each is spelled here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fieldlink import records
from fieldlink.adapters.keyring import WEBHOOK_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from fieldlink.records import Record

type Key = tuple[str, str]  # of a partition, and where in it

# The partition is the part of a record's key before "|", the sort key what stands behind it.
# What is read together lies together: all of a connection's parked items, all assignments of an
# appointment, all tracking of a resource.
KEYS: dict[type[Record], Callable[..., Key]] = {
    records.Listed: lambda c="": ("connections", c),
    records.Connection: lambda c: (c, "connection"),
    records.Access: lambda c: (c, "access"),
    records.WebhookKeys: lambda c: (c, WEBHOOK_KEYS),
    records.WebhookTested: lambda c: (c, "webhook-tested"),
    records.Watermark: lambda c: (c, "watermark"),
    records.Gate: lambda c: (c, "gate"),
    records.Capabilities: lambda c: (c, "capabilities"),
    records.Held: lambda c, h="": (c, f"held#{h}"),
    records.Nudged: lambda c: (c, "nudged"),
    records.Vanished: lambda c, v="": (c, f"vanished#{v}"),
    records.Resource: lambda c, r="": (c, f"resource#{r}"),
    records.Worker: lambda c, r="": (c, f"worker#{r}"),
    records.Device: lambda c, d: (c, f"device#{d}"),
    records.Geofence: lambda c, g="": (c, f"geofence#{g}"),
    records.Order: lambda c, o="": (c, f"order#{o}"),
    records.Due: lambda c, *rest: (c, "#".join(("due", *rest)) if rest else "due#"),
    records.Confirming: lambda c, *r: (c, "#".join(("confirm", *r)) if r else "confirm#"),
    records.OnShift: lambda c, r="": (c, f"on-shift#{r}"),
    records.Outage: lambda c, r="": (c, f"outage#{r}"),
    records.Position: lambda c, r="": (c, f"position#{r}"),
    records.Heard: lambda c: (c, "heard"),
    records.Parked: lambda c, p="": (c, f"parked#{p}"),
    records.Appointment: lambda c, a: (f"{c}#{a}", "appointment"),
    records.Visit: lambda c, a: (f"{c}#{a}", "visit"),
    records.Assignment: lambda c, a, i="": (f"{c}#{a}", f"assignment#{i}"),
    records.Ordered: lambda c, a, i="": (f"{c}#{a}", f"ordered#{i}"),
    records.Tracking: lambda c, r, i="": (f"{c}#{r}", f"tracking#{i}"),
    records.Shift: lambda c, i="": (c, f"shift#{i}"),
    records.Planned: lambda c, r, i="": (f"{c}#{r}", f"planned#{i}"),
    records.Day: lambda c, r, day="": (f"{c}#{r}", f"day#{day}"),
    records.SheetClaim: lambda c, r, first="": (f"{c}#{r}", f"sheet#{first}"),
    records.PendingAuthorisation: lambda s: (f"authorisation#{s}", "pending"),
    records.UsedLink: lambda nonce: (f"link#{nonce}", "used"),
}


def as_item(key: Key) -> dict[str, dict[str, Any]]:
    """As DynamoDB takes a key."""
    partition, sort = key
    return {"pk": {"S": partition}, "sk": {"S": sort}}


def key_of(item: Mapping[str, Mapping[str, Any]]) -> Key:
    return item["pk"]["S"], item["sk"]["S"]


def calls_key(connection: str, hour: datetime) -> Key:
    """Of the calls that a connection made in an hour. All of its workers count there while they
    write its work, so it does not lie with that.
    """
    return f"{connection}#calls", f"{hour:%Y-%m-%dT%H}"


def ledger_key(connection: str, received_at: datetime, delivery: str) -> tuple[str, str]:
    """Of an event: a connection's rows of one day lie together, by time of arrival."""
    received = received_at.isoformat()
    return f"{connection}#{received[:10]}", f"{received}#{delivery}"
