"""State in DynamoDB: how it is read and written."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from fieldlink.adapters.dynamodb_items import Item, item_of, key_of, keys_of, record_of
from fieldlink.adapters.dynamodb_keys import KEYS
from fieldlink.adapters.dynamodb_statements import BATCH_TRIES, Put, put_each
from fieldlink.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from fieldlink.adapters.aws import Aws
    from fieldlink.errors import FieldlinkError
    from fieldlink.records import Claim, Record, Row

BATCH_GET = 100  # keys that BatchGetItem takes
BATCH_WRITE = 25  # items that BatchWriteItem takes
TRANSACTION = 100  # actions that TransactWriteItems takes
LOST_RACE = "ConditionalCheckFailedException"
CANCELLED = "TransactionCanceledException"
# Why a transaction may be cancelled for good; everything else passes, or is a lost fence.
UNFIT = "ValidationError"


class DynamoState:
    """The state table."""

    def __init__(self, aws: Aws, table: str) -> None:
        self._aws = aws
        self._table = table

    def read[R: Record](self, kind: type[R], *key: str) -> R | None:
        """Strongly consistent."""
        answer = self._call("GetItem", Key=key_of(kind, key), ConsistentRead=True)
        return record_of(kind, answer["Item"]) if answer.get("Item") else None

    def read_many[R: Record](self, kind: type[R], keys: Iterable[tuple[str, ...]]) -> list[R]:
        return list(self._several({KEYS[kind](*key): kind for key in keys}))

    def read_beside(self, kinds: Iterable[type[Record]], *key: str) -> list[Record]:
        """Those that there are of several kinds with the same key, in one call."""
        return list(self._several({KEYS[kind](*key): kind for kind in kinds}))

    def _several(self, kinds: Mapping[tuple[str, str], type[Any]]) -> Iterator[Any]:
        wanted = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in kinds]
        for batch in batches(wanted, BATCH_GET):
            request: dict[str, Any] = {self._table: {"Keys": batch, "ConsistentRead": True}}
            for answer in in_full(self._aws, "BatchGetItem", request, "UnprocessedKeys"):
                for item in answer["Responses"][self._table]:
                    yield record_of(kinds[item["pk"]["S"], item["sk"]["S"]], item)

    def fingerprints(
        self, kind: type[Row], keys: Collection[tuple[str, ...]]
    ) -> dict[tuple[str, ...], str]:
        named = {KEYS[kind](*key): key for key in keys}
        found: dict[tuple[str, ...], str] = {}
        wanted = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in named]
        for batch in batches(wanted, BATCH_GET):
            request: dict[str, Any] = {
                self._table: {
                    "Keys": batch,
                    "ConsistentRead": True,
                    "ProjectionExpression": "pk, sk, fingerprint",
                }
            }
            for answer in in_full(self._aws, "BatchGetItem", request, "UnprocessedKeys"):
                for item in answer["Responses"][self._table]:
                    if "fingerprint" in item:
                        key = named[item["pk"]["S"], item["sk"]["S"]]
                        found[key] = item["fingerprint"]["S"]
        return found

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
        return pages(lambda start: self._call("Query", **query, **start))

    def write(self, record: Record) -> bool:
        """Put the record as the next version of the stored one; False if that is another."""
        try:
            self._call("PutItem", Item=item_of(record), **_still(record))
        except Refused as refusal:
            if refusal.code != LOST_RACE:
                raise
            return False
        return True

    def write_each(self, claims: Sequence[Claim]) -> list[bool | FieldlinkError]:
        puts = [Put(item_of(claim), claim.version) for claim in claims]
        return put_each(self._aws, self._table, puts)

    def write_all(
        self, records: Iterable[Record], *, fence: Record | None = None, once: bool = False
    ) -> None:
        if fence:
            self._write_fenced(records, fence)
            return
        puts = [{"PutRequest": {"Item": item_of(record)}} for record in records]
        for batch in batches(puts, BATCH_WRITE):
            request = {self._table: batch}
            rest = "UnprocessedItems"
            for _ in in_full(self._aws, "BatchWriteItem", request, rest, once=once):
                pass

    def _write_fenced(self, records: Iterable[Record], fence: Record) -> None:
        """In transactions, each of which checks the fence. It costs twice a plain write."""
        table = {"TableName": self._table}
        check = {"ConditionCheck": {**table, "Key": keys_of(item_of(fence)), **_still(fence)}}
        puts = [{"Put": {**table, "Item": item_of(record)}} for record in records]
        for batch in batches(puts, TRANSACTION - 1):
            actions = {"TransactItems": [check, *batch]}
            try:
                self._aws.call("dynamodb", "TransactWriteItems", actions)
            except Refused as refusal:
                if refusal.code != CANCELLED or UNFIT in str(refusal):
                    raise
                raise Unavailable("another worker has moved on, or DynamoDB is busy") from None

    def take[R: Record](self, kind: type[R], *key: str) -> R | None:
        answer = self._call("DeleteItem", Key=key_of(kind, key), ReturnValues="ALL_OLD")
        return record_of(kind, answer["Attributes"]) if answer.get("Attributes") else None

    def erase(self, kind: type[Record], *key: str) -> None:
        self._call("DeleteItem", Key=key_of(kind, key))

    def forget(self, record: Record) -> None:
        item = item_of(record)
        told = "whole" if "whole" in item else "body"
        condition = {
            "ConditionExpression": f"{told} = :{told}",
            "ExpressionAttributeValues": {f":{told}": item[told]},
        }
        try:
            self._call("DeleteItem", Key=keys_of(item), **condition)
        except Refused as refusal:
            if refusal.code != LOST_RACE:
                raise

    def _call(self, action: str, **payload: Any) -> dict[str, Any]:
        return self._aws.call("dynamodb", action, {"TableName": self._table, **payload})


def in_full(
    aws: Aws, action: str, request: dict[str, Any], rest: str, *, once: bool = False
) -> Iterator[dict[str, Any]]:
    """Repeat a batch with what DynamoDB left undone."""
    for number in range(BATCH_TRIES):
        answer = aws.call("dynamodb", action, {"RequestItems": request}, once=once)
        yield answer
        request = answer.get(rest) or {}
        if not request:
            return
        aws.pause(number)
    raise Unavailable("DynamoDB is too busy")


def _still(record: Record) -> dict[str, Any]:
    """The condition that a record is stored in the version that it has."""
    if not record.version:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": {"N": str(record.version)}},
    }


def pages(call: Callable[[dict[str, Any]], dict[str, Any]]) -> Iterator[Item]:
    more: dict[str, Any] = {}
    while True:
        answer = call(more)
        yield from answer["Items"]
        if not answer.get("LastEvaluatedKey"):
            return
        more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def batches[T](things: list[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(things), size):
        yield things[start : start + size]
