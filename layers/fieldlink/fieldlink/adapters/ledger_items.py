"""Rows and links as items of the ledger's table. Others than us may have changed what stands
there, so that it can be read is not taken for granted.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from fieldlink.adapters.dynamodb_keys import ledger_key
from fieldlink.models import LedgerRow
from fieldlink.ports import Kept, Link, digest

if TYPE_CHECKING:
    from fieldlink.adapters.dynamodb_items import Item

# Links lie behind the rows of their day, whose keys begin with a year.
LINKS = "~link#"


def body(row: LedgerRow) -> dict[str, str]:
    return {"S": row.model_dump_json(exclude_defaults=True)}


def text(item: Item) -> str:
    return str(item.get("body", {}).get("S", ""))


def row_of(item: Item) -> LedgerRow | None:
    """None if it can't be read: then it is not what was put."""
    try:
        return LedgerRow.model_validate_json(text(item))
    except ValueError:
        return None


def kept(item: Item) -> Kept:
    row = row_of(item)
    was = item["hash"]["S"] if row and is_erased(item, row) else digest(text(item))
    return Kept(row, was)


def is_erased(item: Item, row: LedgerRow) -> bool:
    """Whether there is what an erasure leaves, and nothing else: only then its old hash counts,
    or whoever forges a row would put the hash of the true one beside it.
    """
    return bool(row.erased) and "hash" in item and item["body"] == body(left(row, row.erased))


def left(row: LedgerRow, erased: str) -> LedgerRow:
    """What an erasure leaves of a row."""
    return LedgerRow(
        connection=row.connection,
        received_at=row.received_at,
        delivery=row.delivery,
        outcome=row.outcome,
        erased=erased,
    )


def link_of(item: Item) -> Link:
    """What can't be read is a link that is joined to nothing."""
    number = item["sk"]["S"].removeprefix(LINKS)
    nothing = Link(int(number) if number.isdecimal() else 0, "", {}, "", "")
    try:
        found = Link(**json.loads(text(item)), hash=item["hash"]["S"])
    except (ValueError, TypeError, KeyError):
        return nothing
    same = [type(each) for each in found] == [int, str, dict, str, str]
    return found if same and found.number == nothing.number else nothing


def partition_of(connection: str, day: date) -> str:
    return ledger_key(connection, datetime.combine(day, time(), UTC), "")[0]


def rows_of(partition: str) -> dict[str, Any]:
    return _query("pk = :pk AND sk < :links", partition)


def links_of(partition: str) -> dict[str, Any]:
    return _query("pk = :pk AND begins_with(sk, :links)", partition)


def _query(condition: str, partition: str) -> dict[str, Any]:
    values = {":pk": {"S": partition}, ":links": {"S": LINKS}}
    return {"KeyConditionExpression": condition, "ExpressionAttributeValues": values}
