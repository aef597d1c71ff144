"""What is only ever added to, in DynamoDB: the ledger's rows, and the count of API calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fieldlink.adapters.dynamodb import calls_key, ledger_key
from fieldlink.models import LedgerRow

if TYPE_CHECKING:
    from fieldlink.adapters.aws import Aws

DAY = timedelta(days=1)
COUNTED_FOR = timedelta(days=2)


class DynamoLedger:
    """The ledger table: a connection's rows of one day lie together, by time of arrival."""

    def __init__(self, aws: Aws, table: str, days: int) -> None:
        self._aws = aws
        self._table = table
        self._keep = timedelta(days=days)

    def put(self, row: LedgerRow) -> None:
        partition, sort = ledger_key(row.connection, row.received_at, row.delivery)
        item = {
            "pk": {"S": partition},
            "sk": {"S": sort},
            "ttl": {"N": str(int((row.received_at + self._keep).timestamp()))},
            "outcome": {"S": str(row.outcome)},
            "body": {"S": row.model_dump_json(exclude_defaults=True)},
        }
        self._aws.call("dynamodb", "PutItem", {"TableName": self._table, "Item": item})

    def last(self, connection: str, *, now: datetime, limit: int) -> list[LedgerRow]:
        """The newest rows of today and yesterday."""
        found: list[LedgerRow] = []
        for day in (now, now - DAY):
            partition, _ = ledger_key(connection, day.astimezone(UTC), "")
            query = {
                "TableName": self._table,
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": {":pk": {"S": partition}},
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


class DynamoMeter:
    """One item of the state table for each connection and hour, which DynamoDB adds up."""

    def __init__(self, aws: Aws, table: str) -> None:
        self._aws = aws
        self._table = table

    def add(self, connection: str, at: datetime, calls: int) -> None:
        """Not safe to repeat: what is unclear is better counted once too few."""
        partition, sort = calls_key(connection, at.astimezone(UTC))
        update = {
            "TableName": self._table,
            "Key": {"pk": {"S": partition}, "sk": {"S": sort}},
            "UpdateExpression": "ADD calls :calls SET #ttl = :ttl",
            "ExpressionAttributeNames": {"#ttl": "ttl"},  # the plain word is reserved
            "ExpressionAttributeValues": {
                ":calls": {"N": str(calls)},
                ":ttl": {"N": str(int((at + COUNTED_FOR).timestamp()))},
            },
        }
        self._aws.call("dynamodb", "UpdateItem", update)

    def last_day(self, connection: str, now: datetime) -> int:
        """With the whole of the hour in which the last 24 began: rather too many."""
        partition, first = calls_key(connection, now.astimezone(UTC) - DAY)
        _, last = calls_key(connection, now.astimezone(UTC))
        query = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":pk": {"S": partition},
                ":first": {"S": first},
                ":last": {"S": last},
            },
        }
        answer = self._aws.call("dynamodb", "Query", query)  # 25 small items: one page
        return sum(int(item["calls"]["N"]) for item in answer["Items"])
