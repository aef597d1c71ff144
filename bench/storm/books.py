"""What the stack's own books say: an outcome for each event, how late it was, what it took."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from statistics import median, quantiles
from typing import Any, NamedTuple

from bench import prices
from local.stack import Stack

CHAIN = "~"  # sort keys of the ledger's links begin so


class Told(NamedTuple):
    """The ledger's rows since a moment."""

    outcomes: Counter[str]
    seconds: dict[str, list[float]]  # from the webhook to the decision, by connection
    rows: int
    links: int

    @property
    def applied(self) -> int:
        return self.outcomes["applied"]

    def lag(self, *connections: str) -> tuple[float, float]:
        """Median and 99th percentile in seconds."""
        found = [each for name in connections for each in self.seconds.get(name, [])]
        if len(found) < 2:
            return (0.0, 0.0)
        return median(found), quantiles(found, n=100, method="inclusive")[98]


def told(stack: Stack, since: datetime) -> Told:
    """Rows of what was received at or after `since`."""
    outcomes: Counter[str] = Counter()
    seconds: dict[str, list[float]] = {}
    links = 0
    for item in _items(stack, "LedgerTable"):
        if item["sk"]["S"].startswith(CHAIN):
            links += 1
            continue
        row = json.loads(item["body"]["S"])
        received = datetime.fromisoformat(row["received_at"])
        if received < since:
            continue
        outcomes[row["outcome"]] += 1
        if row["outcome"] == "applied" and row.get("decided_at"):
            late = (datetime.fromisoformat(row["decided_at"]) - received).total_seconds()
            seconds.setdefault(row["connection"], []).append(late)
    return Told(outcomes, seconds, outcomes.total(), links)


def puts(stack: Stack) -> int:
    """How often a record of the state table was stored: each counts its versions."""
    counted = (item.get("version") for item in _items(stack, "StateTable"))
    return sum(int(each["N"]) for each in counted if each)


def dollars(*, deliveries: int, events: int, state: int, rows: int, links: int) -> float:
    """Of what is counted: requests of API, door and queue, and writes."""
    queued = -(-events // 10) + 2 * -(-events // 10)  # sent, received and deleted by tens
    return (
        deliveries * (prices.HTTP_API_REQUEST + prices.LAMBDA_REQUEST)
        + queued * prices.SQS_FIFO_REQUEST
        + (state + rows + links) * prices.DYNAMODB_WRITE_UNIT
    )


def _items(stack: Stack, output: str) -> Iterator[dict[str, Any]]:
    pages = stack.client("dynamodb").get_paginator("scan")
    for page in pages.paginate(TableName=stack.outputs[output]):
        yield from page["Items"]
