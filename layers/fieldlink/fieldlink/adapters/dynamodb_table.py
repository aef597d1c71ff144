"""A table of DynamoDB: what several threads ask of it at the same time goes in few calls."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fieldlink.adapters.dynamodb_keys import as_item, key_of
from fieldlink.adapters.dynamodb_statements import BATCH_TRIES, STATEMENTS, put_each
from fieldlink.adapters.ferry import Ferry
from fieldlink.errors import FieldlinkError, Refused, Unavailable, sure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from fieldlink.adapters.aws import Aws
    from fieldlink.adapters.dynamodb_items import Item
    from fieldlink.adapters.dynamodb_keys import Key
    from fieldlink.adapters.dynamodb_statements import Answer, Put

BATCH_GET = 100  # keys that BatchGetItem takes
BATCH_WRITE = 25  # items that BatchWriteItem takes
LOST_RACE = "ConditionalCheckFailedException"


class Table:
    """A table whose items have a partition and a sort key."""

    def __init__(self, aws: Aws, name: str) -> None:
        self.aws = aws
        self.name = name
        self._reads: Ferry[Key, None, Item | Unavailable] = Ferry(self._read, BATCH_GET)
        self._puts: Ferry[Key, Put, Answer] = Ferry(self._put_together, STATEMENTS)
        self._stores: Ferry[Key, Item, Unavailable] = Ferry(self._store, BATCH_WRITE)
        self._stores_once: Ferry[Key, Item, Unavailable] = Ferry(
            partial(self._store, once=True), BATCH_WRITE
        )

    def read(self, keys: Iterable[Key]) -> Mapping[Key, Item]:
        """Those that there are, strongly consistent."""
        found = self._reads.across(dict.fromkeys(keys))
        return {key: sure(item) for key, item in found.items()}

    def glance(self, keys: Sequence[Key], attributes: str) -> Mapping[Key, Item]:
        """Likewise, with only these of their attributes, the keys among them."""
        found: dict[Key, Item] = {}
        for batch in batches([*keys], BATCH_GET):
            for items in self._batch(batch, ProjectionExpression=attributes):
                found |= items
        return found

    def put(self, put: Put) -> bool:
        """Whether it took the place of the version before it."""
        [answer] = self.put_each([put])
        if isinstance(answer, Refused):  # perhaps only in company
            return self.put_alone(put)
        return sure(answer)

    def put_each(self, puts: Sequence[Put]) -> list[Answer]:
        """Likewise each of different items; in place of one that fails stands why."""
        named = {key_of(put.item): put for put in puts}
        answers = self._puts.across(named)
        return [answers[key] for key in named]

    def put_alone(self, put: Put) -> bool:
        """Likewise of any item, in a call of its own."""
        try:
            self.call("PutItem", Item=put.item, **put.still)
        except Refused as refusal:
            if refusal.code != LOST_RACE:
                raise
            return False
        return True

    def store(self, items: Iterable[Item], *, once: bool = False) -> None:
        """Put items whatever stands in their place. `once`: as State.write_all has it."""
        stores = self._stores_once if once else self._stores
        for busy in stores.across({key_of(item): item for item in items}).values():
            raise busy

    def call(self, action: str, **payload: Any) -> dict[str, Any]:
        return self.aws.call("dynamodb", action, {"TableName": self.name, **payload})

    def _read(self, keys: Mapping[Key, None]) -> dict[Key, Item | Unavailable]:
        if len(keys) == 1:
            [key] = keys
            answer = self.call("GetItem", Key=as_item(key), ConsistentRead=True)
            return {key: answer["Item"]} if answer.get("Item") else {}
        found: dict[Key, Item | Unavailable] = {}
        for batch in batches([*keys], BATCH_GET):
            try:
                for items in self._batch(batch):
                    found |= items
            except TooBusy as busy:
                found |= _undone(busy, busy.left[self.name]["Keys"], keys)
        return found

    def _batch(self, keys: Sequence[Key], **more: str) -> Iterator[dict[Key, Item]]:
        """Raises TooBusy after what was read."""
        wanted = [as_item(key) for key in keys]
        request = {self.name: {"Keys": wanted, "ConsistentRead": True, **more}}
        for answer in in_full(self.aws, "BatchGetItem", request, "UnprocessedKeys"):
            yield {key_of(item): item for item in answer["Responses"][self.name]}

    def _put_together(self, puts: Mapping[Key, Put]) -> Mapping[Key, Answer]:
        told = [*puts.values()]
        answers = put_each(self.aws, self.name, told) if len(told) > 1 else self._one(told[0])
        return dict(zip(puts, answers, strict=True))

    def _one(self, put: Put) -> list[Answer]:
        try:
            return [self.put_alone(put)]
        except FieldlinkError as error:
            return [error]

    def _store(
        self, items: Mapping[Key, Item], *, once: bool = False
    ) -> dict[Key, Unavailable]:
        """Those that were not stored, and why."""
        puts = [{"PutRequest": {"Item": item}} for item in items.values()]
        left: dict[Key, Unavailable] = {}
        for batch in batches(puts, BATCH_WRITE):
            request, rest = {self.name: batch}, "UnprocessedItems"
            try:
                for _ in in_full(self.aws, "BatchWriteItem", request, rest, once=once):
                    pass
            except TooBusy as busy:
                undone = [each["PutRequest"]["Item"] for each in busy.left[self.name]]
                left |= _undone(busy, undone, items)
        return left


class TooBusy(Unavailable):
    """DynamoDB left this part of a batch undone, as often as it was asked."""

    def __init__(self, left: dict[str, Any]) -> None:
        super().__init__("DynamoDB is too busy")
        self.left = left


def _undone(
    busy: TooBusy, left: Iterable[Item], asked: Iterable[Key]
) -> dict[Key, Unavailable]:
    """Whose it left undone. Raises that it did if nobody knows whose that is."""
    undone: dict[Key, Unavailable] = {key_of(each): busy for each in left}
    if not undone or not undone.keys() <= set(asked):
        raise busy
    return undone


def in_full(
    aws: Aws, action: str, request: dict[str, Any], rest: str, *, once: bool = False
) -> Iterator[dict[str, Any]]:
    """Repeat a batch with what DynamoDB left undone. Raises TooBusy, or what a call met; as
    Refused only if none of it was done.
    """
    for number in range(BATCH_TRIES):
        try:
            answer = aws.call("dynamodb", action, {"RequestItems": request}, once=once)
        except Refused as refusal:
            if number:
                raise Unavailable("DynamoDB refused what it had left undone") from refusal
            raise
        yield answer
        request = answer.get(rest) or {}
        if not request:
            return
        aws.pause(number)
    raise TooBusy(request)


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
