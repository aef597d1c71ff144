"""The count of API calls, in DynamoDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fieldlink.adapters.dynamodb_keys import as_item, calls_key

if TYPE_CHECKING:
    from fieldlink.adapters.aws import Aws

DAY = timedelta(days=1)
COUNTED_FOR = timedelta(days=2)


class DynamoMeter:
    """One item of the state table for each connection and hour, which DynamoDB adds up."""

    def __init__(self, aws: Aws, table: str) -> None:
        self._aws = aws
        self._table = table

    def add(self, connection: str, at: datetime, calls: int) -> None:
        """Not safe to repeat: what is unclear is better counted once too few."""
        update = {
            "TableName": self._table,
            "Key": as_item(calls_key(connection, at.astimezone(UTC))),
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
