"""State and Ledger in DynamoDB. Every key of the two tables is spelled here and nowhere else.

An item is its keys, a version, perhaps a time to live, and the record as one JSON document.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fieldlink import records
from fieldlink.adapters.keyring import WEBHOOK_KEYS
from fieldlink.errors import Refused, Unavailable
from fieldlink.models import LedgerRow
from fieldlink.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fieldlink.adapters.aws import Aws

# The partition is the part of a record's key before "|", the sort key what stands behind it.
# What is read together lies together: all of a connection's parked items, all assignments of an
# appointment, all tracking of a resource.
KEYS: dict[type[Record], Callable[..., tuple[str, str]]] = {
    records.Listed: lambda c="": ("connections", c),
    records.Connection: lambda c: (c, "connection"),
    records.Access: lambda c: (c, "access"),
    records.WebhookKeys: lambda c: (c, WEBHOOK_KEYS),
    records.WebhookTested: lambda c: (c, "webhook-tested"),
    records.Watermark: lambda c: (c, "watermark"),
    records.Resource: lambda c, r="": (c, f"resource#{r}"),
    records.Worker: lambda c, r="": (c, f"worker#{r}"),
    records.Device: lambda c, d: (c, f"device#{d}"),
    records.Geofence: lambda c, g="": (c, f"geofence#{g}"),
    records.Parked: lambda c, p="": (c, f"parked#{p}"),
    records.Appointment: lambda c, a: (f"{c}#{a}", "appointment"),
    records.Visit: lambda c, a: (f"{c}#{a}", "visit"),
    records.Assignment: lambda c, a, i="": (f"{c}#{a}", f"assignment#{i}"),
    records.Tracking: lambda c, r, i="": (f"{c}#{r}", f"tracking#{i}"),
    records.Day: lambda c, r, day: (f"{c}#{r}", f"day#{day}"),
    records.PendingAuthorisation: lambda s: (f"authorisation#{s}", "pending"),
    records.UsedLink: lambda nonce: (f"link#{nonce}", "used"),
}
BATCH_GET = 100  # keys that BatchGetItem takes
BATCH_WRITE = 25  # items that BatchWriteItem takes
BATCH_TRIES = 5  # for the part of a batch that DynamoDB leaves out when it is busy
LOST_RACE = "ConditionalCheckFailedException"

Item = dict[str, dict[str, str]]


class DynamoState:
    """The state table."""

    def __init__(self, aws: Aws, table: str) -> None:
        self._aws = aws
        self._table = table

    def read[R: Record](self, kind: type[R], *key: str) -> R | None:
        """Strongly consistent."""
        answer = self._call("GetItem", Key=_key(kind, key), ConsistentRead=True)
        return _record(kind, answer["Item"]) if answer.get("Item") else None

    def read_many[R: Record](self, kind: type[R], keys: Iterable[tuple[str, ...]]) -> list[R]:
        found: list[R] = []
        for batch in _batches([_key(kind, key) for key in keys], BATCH_GET):
            request: dict[str, Any] = {self._table: {"Keys": batch, "ConsistentRead": True}}
            for answer in self._in_full("BatchGetItem", request, "UnprocessedKeys"):
                found += [_record(kind, item) for item in answer["Responses"][self._table]]
        return found

    def all_of[R: Record](self, kind: type[R], *key: str) -> list[R]:
        """Every record of this kind below the key."""
        partition, prefix = KEYS[kind](*key)
        query: dict[str, Any] = {
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)",
            "ExpressionAttributeValues": {":pk": {"S": partition}, ":sk": {"S": prefix}},
            "ConsistentRead": True,
        }
        if not prefix:
            query["KeyConditionExpression"] = "pk = :pk"
            del query["ExpressionAttributeValues"][":sk"]
        return [
            _record(kind, item)
            for item in _pages(lambda more: self._call("Query", **query, **more))
        ]

    def write(self, record: Record) -> bool:
        """Put the record as the next version of the stored one; False if that is another."""
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if record.version:
            condition = {
                "ConditionExpression": "version = :version",
                "ExpressionAttributeValues": {":version": {"N": str(record.version)}},
            }
        try:
            self._call("PutItem", Item=_item(record), **condition)
        except Refused as refusal:
            if refusal.code != LOST_RACE:
                raise
            return False
        return True

    def write_all(self, records: Iterable[Record]) -> None:
        puts = [{"PutRequest": {"Item": _item(record)}} for record in records]
        for batch in _batches(puts, BATCH_WRITE):
            for _ in self._in_full("BatchWriteItem", {self._table: batch}, "UnprocessedItems"):
                pass

    def take[R: Record](self, kind: type[R], *key: str) -> R | None:
        answer = self._call("DeleteItem", Key=_key(kind, key), ReturnValues="ALL_OLD")
        return _record(kind, answer["Attributes"]) if answer.get("Attributes") else None

    def erase(self, kind: type[Record], *key: str) -> None:
        self._call("DeleteItem", Key=_key(kind, key))

    def forget(self, record: Record) -> None:
        item = _item(record)
        condition = {
            "ConditionExpression": "body = :body",
            "ExpressionAttributeValues": {":body": item["body"]},
        }
        key = {"pk": item["pk"], "sk": item["sk"]}
        try:
            self._call("DeleteItem", Key=key, **condition)
        except Refused as refusal:
            if refusal.code != LOST_RACE:
                raise

    def _call(self, action: str, **payload: Any) -> dict[str, Any]:
        return self._aws.call("dynamodb", action, {"TableName": self._table, **payload})

    def _in_full(
        self, action: str, request: dict[str, Any], rest: str
    ) -> Iterator[dict[str, Any]]:
        """Repeat a batch with what DynamoDB left undone."""
        for _ in range(BATCH_TRIES):
            answer = self._aws.call("dynamodb", action, {"RequestItems": request})
            yield answer
            request = answer.get(rest) or {}
            if not request:
                return
        raise Unavailable("DynamoDB is too busy")


class DynamoLedger:
    """The ledger table: a connection's rows of one day lie together, by time of arrival."""

    def __init__(self, aws: Aws, table: str, days: int) -> None:
        self._aws = aws
        self._table = table
        self._keep = timedelta(days=days)

    def put(self, row: LedgerRow) -> None:
        received = row.received_at.isoformat()
        item = {
            "pk": {"S": f"{row.connection}#{received[:10]}"},
            "sk": {"S": f"{received}#{row.delivery}"},
            "ttl": {"N": str(int((row.received_at + self._keep).timestamp()))},
            "outcome": {"S": str(row.outcome)},
            "body": {"S": row.model_dump_json(exclude_defaults=True)},
        }
        self._aws.call("dynamodb", "PutItem", {"TableName": self._table, "Item": item})

    def last(self, connection: str, *, now: datetime, limit: int) -> list[LedgerRow]:
        """The newest rows of today and yesterday."""
        found: list[LedgerRow] = []
        for day in (now, now - timedelta(days=1)):
            query = {
                "TableName": self._table,
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": {
                    ":pk": {"S": f"{connection}#{day.astimezone(UTC).date()}"}
                },
                "ScanIndexForward": False,
                "Limit": limit - len(found),
            }
            answer = self._aws.call("dynamodb", "Query", query)
            found += [
                LedgerRow.model_validate_json(item["body"]["S"]) for item in answer["Items"]
            ]
            if len(found) >= limit:
                break
        return found


def _key(kind: type[Record], key: tuple[str, ...]) -> Item:
    partition, sort = KEYS[kind](*key)
    return {"pk": {"S": partition}, "sk": {"S": sort}}


def _item(record: Record) -> Item:
    item = {
        **_key(type(record), record.key),
        "version": {"N": str(record.version + 1)},
        "body": {"S": record.model_dump_json(exclude={"version", "ttl"})},
    }
    return {**item, "ttl": {"N": str(record.ttl)}} if record.ttl else item


def _record[R: Record](kind: type[R], item: Item) -> R:
    stored = json.loads(item["body"]["S"])
    ttl = int(item["ttl"]["N"]) if "ttl" in item else None
    return kind.model_validate({**stored, "version": int(item["version"]["N"]), "ttl": ttl})


def _pages(call: Callable[[dict[str, Any]], dict[str, Any]]) -> Iterator[Item]:
    more: dict[str, Any] = {}
    while True:
        answer = call(more)
        yield from answer["Items"]
        if not answer.get("LastEvaluatedKey"):
            return
        more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _batches[T](things: list[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(things), size):
        yield things[start : start + size]
