"""The ledger in DynamoDB: its rows, and the links of the chains over them."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from threading import Lock
from typing import TYPE_CHECKING

from fieldlink.adapters.dynamodb_keys import as_item, ledger_key
from fieldlink.adapters.dynamodb_statements import Put
from fieldlink.adapters.dynamodb_table import LOST_RACE, Table, batches, pages
from fieldlink.adapters.ledger_items import (
    LINKS,
    body,
    is_erased,
    kept,
    left,
    link_of,
    links_of,
    partition_of,
    row_of,
    rows_of,
    text,
)
from fieldlink.errors import Refused, Unavailable
from fieldlink.ports import Link, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from fieldlink.adapters.aws import Aws
    from fieldlink.adapters.dynamodb_items import Item
    from fieldlink.models import LedgerRow
    from fieldlink.ports import Kept

DAY = timedelta(days=1)
# Of an item's 400 KB a row's key and hash take some 180 bytes: 90 KB.
MOST_ROWS_OF_A_LINK = 500
# Of the processes that add a link at the same moment one wins each round, of some 10 ms; in a
# process one thread at a time is at it. The losers part over 0.1 to 0.4 s, room for a dozen
# rounds, and have 3 s in all: of twenty workers at once all are through. Else the queue tries.
TRIES = 12
LONGEST_PAUSE = 2  # in doublings
NEWEST_KNOWN = 256  # days of connections whose newest link is remembered
TURNS = 16  # threads of a process that add links to different days do not wait for each other


class DynamoLedger:
    """The ledger table: a connection's rows of one day lie together, by time of arrival."""

    def __init__(
        self,
        aws: Aws,
        table: str,
        days: int,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._table = Table(aws, table)
        self._keep = timedelta(days=days)
        self._clock = clock
        self._newest: OrderedDict[str, tuple[int, str]] = OrderedDict()
        self._noting = Lock()
        self._turns = [Lock() for _ in range(TURNS)]

    def put(self, row: LedgerRow) -> None:
        self.put_all([row])

    def put_all(self, rows: Sequence[LedgerRow]) -> None:
        """The rows first: one that no link names yet is told from one that was changed."""
        items = {(item["pk"]["S"], item["sk"]["S"]): item for item in map(self._item, rows)}
        self._table.store(items.values())
        for partition, keys in groupby(sorted(items), lambda key: key[0]):
            hashes = {sort: digest(items[partition, sort]["body"]["S"]) for _, sort in keys}
            with self._turns[hash(partition) % TURNS]:
                for part in batches(list(hashes.items()), MOST_ROWS_OF_A_LINK):
                    self._link(partition, dict(part))

    def last(self, connection: str, *, now: datetime, limit: int) -> list[LedgerRow]:
        """The newest rows of today and yesterday."""
        found: list[LedgerRow] = []
        for day in (now, now - DAY):
            if len(found) < limit:
                partition, _ = ledger_key(connection, day.astimezone(UTC), "")
                query = {**rows_of(partition), "ScanIndexForward": False}
                answer = self._table.call("Query", **query, Limit=limit - len(found))
                found += filter(None, map(row_of, answer["Items"]))
        return found

    def of_deliveries(
        self, connection: str, told: Collection[tuple[datetime, str]]
    ) -> list[LedgerRow]:
        keys = {ledger_key(connection, at.astimezone(UTC), delivery) for at, delivery in told}
        found = self._table.read(sorted(keys))
        return [*filter(None, map(row_of, found.values()))]

    def of_day(
        self, connection: str, day: date, after: str = "", limit: int = 1_000
    ) -> tuple[dict[str, Kept], str]:
        partition = partition_of(connection, day)
        more = {"ExclusiveStartKey": as_item((partition, after))} if after else {}
        query = {**rows_of(partition), "ConsistentRead": True, "Limit": limit}
        answer = self._table.call("Query", **query, **more)
        rows = {item["sk"]["S"]: kept(item) for item in answer["Items"]}
        return rows, (answer.get("LastEvaluatedKey") or {}).get("sk", {}).get("S", "")

    def chain(self, connection: str, day: date) -> Iterator[Link]:
        query = {**links_of(partition_of(connection, day)), "ConsistentRead": True}
        return map(link_of, pages(lambda start: self._table.call("Query", **query, **start)))

    def erase(self, connection: str, day: date, key: str, *, at: datetime) -> None:
        """Raises Unavailable if the row is changed meanwhile."""
        found = self._table.call(
            "GetItem", Key=as_item((partition_of(connection, day), key)), ConsistentRead=True
        )
        item = found.get("Item")
        row = row_of(item) if item else None
        if not item or not row or is_erased(item, row):
            return
        told = at.isoformat()
        rest = {"hash": {"S": digest(text(item))}, "body": body(left(row, told))}
        empty = {**item, "erased": {"S": told}, **rest}
        still = {"ExpressionAttributeValues": {":body": item["body"]}}
        try:
            self._table.call("PutItem", Item=empty, ConditionExpression="body = :body", **still)
        except Refused as refusal:
            if refusal.code != LOST_RACE:
                raise
            raise Unavailable("a row of the ledger is just being written") from None

    def _link(self, partition: str, rows: dict[str, str]) -> None:
        """Behind the newest link that is known; if another has come since, behind that."""
        newest = self._newest.get(partition) or self._newest_of(partition)
        for losses in range(TRIES):
            number, before = newest
            link = Link(number + 1, before, rows, self._clock().isoformat(), "").sealed
            item = {
                **as_item((partition, f"{LINKS}{link.number:08}")),
                "ttl": self._until(date.fromisoformat(partition[-10:])),
                "hash": {"S": link.hash},
                "body": {"S": link.text},
            }
            if self._table.put(Put(item, 0)):
                self._note(partition, (link.number, link.hash))
                return
            if losses:  # the first may be for what had long been there
                self._table.aws.pause(min(losses, LONGEST_PAUSE))
            newest = self._newest_of(partition)
        raise Unavailable("too many write to the ledger of one connection at once")

    def _newest_of(self, partition: str) -> tuple[int, str]:
        query = {**links_of(partition), "ConsistentRead": True, "ScanIndexForward": False}
        for item in self._table.call("Query", **query, Limit=1)["Items"]:
            return int(item["sk"]["S"].removeprefix(LINKS)), item["hash"]["S"]
        return 0, ""

    def _note(self, partition: str, newest: tuple[int, str]) -> None:
        with self._noting:
            self._newest[partition] = newest
            self._newest.move_to_end(partition)
            if len(self._newest) > NEWEST_KNOWN:
                self._newest.popitem(last=False)

    def _item(self, row: LedgerRow) -> Item:
        partition, sort = ledger_key(row.connection, row.received_at, row.delivery)
        ttl = {"N": str(int((row.received_at + self._keep).timestamp()))}
        outcome = {"S": str(row.outcome)}
        return {**as_item((partition, sort)), "ttl": ttl, "outcome": outcome, "body": body(row)}

    def _until(self, day: date) -> dict[str, str]:
        """A day's links outlive its rows, and go together."""
        end = datetime.combine(day, time(), UTC) + DAY
        return {"N": str(int((end + self._keep).timestamp()))}
