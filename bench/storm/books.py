"""What the stack's own books say: an outcome for each event, how late it was, what it took."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from statistics import median, quantiles
from typing import Any, NamedTuple

from bench import prices
from local.stack import Stack

CHAIN = "~"  # sort keys of the ledger's links begin so
UNIT = 1024  # bytes of an item that a write unit pays for
# How the subject of a fact's Event begins.
WORDS = {"arrived": "Arrived", "left": "Left", "checked out": "Checked out"}

type Seen = Mapping[tuple[str, str], datetime]  # by appointment and word: when it stood there


class Told(NamedTuple):
    """The ledger's rows since a moment."""

    outcomes: Counter[str]
    seconds: dict[str, list[float]]  # from the webhook into Salesforce, by connection
    rows: int
    links: int
    units: int  # of writes, for rows and links

    def lag(self, *connections: str) -> tuple[float, float]:
        """Median and 99th percentile in seconds."""
        found = [each for name in connections for each in self.seconds.get(name, [])]
        if len(found) < 2:
            return (0.0, 0.0)
        return median(found), quantiles(found, n=100, method="inclusive")[98]


def told(stack: Stack, since: datetime, seen: Seen | None = None) -> Told:
    """Rows of what was received at or after `since`."""
    outcomes: Counter[str] = Counter()
    seconds: dict[str, list[float]] = {}
    links = units = 0
    for item in _items(stack, "LedgerTable"):
        units += _units(item)
        if item["sk"]["S"].startswith(CHAIN):
            links += 1
            continue
        row = json.loads(item["body"]["S"])
        received = datetime.fromisoformat(row["received_at"])
        if received < since:
            continue
        outcomes[row["outcome"]] += 1
        if row["outcome"] != "applied" or row["kind"] not in WORDS or seen is None:
            continue
        if stood := seen.get((row["appointment"], WORDS[row["kind"]])):
            late = (stood - received).total_seconds()
            seconds.setdefault(row["connection"], []).append(late)
    return Told(outcomes, seconds, outcomes.total(), links, units)


class Puts(NamedTuple):
    """How often a record of the state table was stored, and the write units of that."""

    puts: int
    units: int


def puts(stack: Stack) -> Puts:
    """Each record counts its versions; all of them are taken to be as large as the last."""
    made = units = 0
    for item in _items(stack, "StateTable"):
        versions = int(item["version"]["N"]) if "version" in item else 0
        made += versions
        units += versions * _units(item)
    return Puts(made, units)


def dollars(*, deliveries: int, events: int, units: int) -> float:
    """Of what is counted: requests of API, door and queue, and write units."""
    queued = -(-events // 10) + 2 * -(-events // 10)  # sent, received and deleted by tens
    return (
        deliveries * (prices.HTTP_API_REQUEST + prices.LAMBDA_REQUEST)
        + queued * prices.SQS_FIFO_REQUEST
        + units * prices.DYNAMODB_WRITE_UNIT
    )


def _units(item: Mapping[str, Mapping[str, Any]]) -> int:
    size = sum(
        len(name) + sum(len(_counted(each)) for each in value.values())
        for name, value in item.items()
    )
    return -(-size // UNIT)


def _counted(value: Any) -> str | bytes:
    return value if isinstance(value, bytes) else str(value)


def _items(stack: Stack, output: str) -> Iterator[dict[str, Any]]:
    pages = stack.client("dynamodb").get_paginator("scan")
    for page in pages.paginate(TableName=stack.outputs[output]):
        yield from page["Items"]
