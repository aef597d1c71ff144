"""State in DynamoDB: how it is read and written."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from fieldlink.adapters.dynamodb_items import Item, item_of, record_of
from fieldlink.adapters.dynamodb_keys import KEYS, as_item, key_of
from fieldlink.adapters.dynamodb_statements import Put
from fieldlink.adapters.dynamodb_table import LOST_RACE, Table, batches, pages
from fieldlink.errors import Refused, Unavailable
from fieldlink.records import Row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from fieldlink.adapters.aws import Aws
    from fieldlink.errors import FieldlinkError
    from fieldlink.records import Record

TRANSACTION = 100  # actions that TransactWriteItems takes
CANCELLED = "TransactionCanceledException"
# Why a transaction may be cancelled for good; everything else passes, or is a lost fence.
UNFIT = "ValidationError"


class DynamoState:
    """The state table."""

    def __init__(self, aws: Aws, table: str) -> None:
        self._table = Table(aws, table)

    def read[R: Record](self, kind: type[R], *key: str) -> R | None:
        """Strongly consistent."""
        return next(iter(self.read_many(kind, [key])), None)

    def read_many[R: Record](self, kind: type[R], keys: Iterable[tuple[str, ...]]) -> list[R]:
        items = self._table.read(KEYS[kind](*key) for key in keys)
        return [record_of(kind, item) for item in items.values()]

    def read_beside(self, kinds: Iterable[type[Record]], *keys: str) -> list[Record]:
        """Those that there are of several kinds with each of these keys, in one call."""
        named = {KEYS[kind](key): kind for key in keys for kind in kinds}
        items = self._table.read(named)
        return [record_of(named[key], item) for key, item in items.items()]

    def fingerprints(
        self, kind: type[Row], keys: Collection[tuple[str, ...]]
    ) -> dict[tuple[str, ...], str]:
        named = {KEYS[kind](*key): key for key in keys}
        items = self._table.glance([*named], "pk, sk, fingerprint")
        return {
            named[key]: item["fingerprint"]["S"]
            for key, item in items.items()
            if "fingerprint" in item
        }

    def all_of[R: Record](self, kind: type[R], *key: str) -> list[R]:
        """Every record of this kind below the key."""
        return [record_of(kind, item) for item in self._below(kind, key)]

    def some_of[R: Record](self, kind: type[R], *key: str, limit: int) -> list[R]:
        items = self._below(kind, key, Limit=limit)
        return [record_of(kind, item) for item in islice(items, limit)]

    def _below(self, kind: type[Record], key: tuple[str, ...], **more: Any) -> Iterator[Item]:
        partition, prefix = KEYS[kind](*key)
        query: dict[str, Any] = {
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)",
            "ExpressionAttributeValues": {":pk": {"S": partition}, ":sk": {"S": prefix}},
            "ConsistentRead": True,
            **more,
        }
        if not prefix:
            query["KeyConditionExpression"] = "pk = :pk"
            del query["ExpressionAttributeValues"][":sk"]
        return pages(lambda start: self._table.call("Query", **query, **start))

    def write(self, record: Record) -> bool:
        """Put the record as the next version of the stored one; False if that is another."""
        put = Put(item_of(record), record.version)
        if isinstance(record, Row):  # it may lack what the one before had: see `_statement`
            return self._table.put_alone(put)
        return self._table.put(put)

    def write_each(self, records: Sequence[Record]) -> list[bool | FieldlinkError]:
        return self._table.put_each([Put(item_of(each), each.version) for each in records])

    def write_all(
        self, records: Iterable[Record], *, fence: Record | None = None, once: bool = False
    ) -> None:
        if fence:
            self._write_fenced(records, fence)
        else:
            self._table.store(map(item_of, records), once=once)

    def _write_fenced(self, records: Iterable[Record], fence: Record) -> None:
        """In transactions, each of which checks the fence. It costs twice a plain write."""
        table, kept = {"TableName": self._table.name}, Put(item_of(fence), fence.version)
        check = {"ConditionCheck": {**table, "Key": as_item(key_of(kept.item)), **kept.still}}
        puts = [{"Put": {**table, "Item": item_of(record)}} for record in records]
        for batch in batches(puts, TRANSACTION - 1):
            actions = {"TransactItems": [check, *batch]}
            try:
                self._table.aws.call("dynamodb", "TransactWriteItems", actions)
            except Refused as refusal:
                if refusal.code != CANCELLED or UNFIT in str(refusal):
                    raise
                raise Unavailable("another worker has moved on, or DynamoDB is busy") from None

    def take[R: Record](self, kind: type[R], *key: str) -> R | None:
        where = as_item(KEYS[kind](*key))
        answer = self._table.call("DeleteItem", Key=where, ReturnValues="ALL_OLD")
        return record_of(kind, answer["Attributes"]) if answer.get("Attributes") else None

    def erase(self, kind: type[Record], *key: str) -> None:
        self._table.call("DeleteItem", Key=as_item(KEYS[kind](*key)))

    def forget(self, record: Record) -> None:
        item = item_of(record)
        told = "whole" if "whole" in item else "body"
        condition = {
            "ConditionExpression": f"{told} = :{told}",
            "ExpressionAttributeValues": {f":{told}": item[told]},
        }
        try:
            self._table.call("DeleteItem", Key=as_item(key_of(item)), **condition)
        except Refused as refusal:
            if refusal.code != LOST_RACE:
                raise
