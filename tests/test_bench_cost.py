"""The bench counts what DynamoDB charges for, and adds it up by the prices."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bench import prices
from bench.cost import CROWD, Day, Run, Step
from bench.noted import Call
from bench.tables import Tables

KEY = {"pk": {"S": "p"}, "sk": {"S": "s"}}
EVERY_MONTH = 730 * 12  # ticks


def call(action: str, asked: Any, answered: Any = None) -> Call:
    return Call("DynamoDB", action, asked, answered or {})


def item(size: int) -> dict[str, Any]:
    """Of so many bytes, its names included."""
    return {"pk": {"S": "p"}, "sk": {"S": "s"}, "body": {"S": "x" * (size - 10)}}


@pytest.mark.parametrize(
    ("asked", "units"),
    [
        (call("GetItem", {"ConsistentRead": True}, {"Item": item(4096)}), 1),
        (call("GetItem", {"ConsistentRead": True}, {"Item": item(4097)}), 2),
        (call("GetItem", {}, {"Item": item(4096)}), 0.5),
        (call("GetItem", {"ConsistentRead": True}), 1),
        (call("Query", {"ConsistentRead": True}, {"Items": [item(100)] * 40}), 1),
        (call("Query", {"ConsistentRead": True}, {"Items": [item(100)] * 41}), 2),
        (call("Query", {}, {"Items": []}), 0.5),
        (
            call(
                "BatchGetItem",
                {"RequestItems": {"t": {"Keys": [KEY] * 3, "ConsistentRead": True}}},
                {"Responses": {"t": [item(100), item(5000)]}},
            ),
            4,
        ),
        (call("PutItem", {"Item": item(10_000)}), 0),
    ],
)
def test_reads_count_by_four_kilobytes_and_half_if_they_may_be_stale(
    asked: Call, units: float
) -> None:
    assert asked.read_units == units


CHECK = {"ConditionCheck": {"Key": KEY}}


@pytest.mark.parametrize(
    ("asked", "units"),
    [
        (call("PutItem", {"Item": item(1024)}), 1),
        (call("PutItem", {"Item": item(1025)}), 2),
        (call("UpdateItem", {"Key": KEY}), 1),
        (call("DeleteItem", {"Key": KEY}), 1),
        (
            call(
                "BatchWriteItem",
                {"RequestItems": {"t": [{"PutRequest": {"Item": item(2000)}}] * 3}},
            ),
            6,
        ),
        (
            call("TransactWriteItems", {"TransactItems": [CHECK, {"Put": {"Item": item(9)}}]}),
            4,
        ),
        (call("GetItem", {}, {"Item": item(10_000)}), 0),
    ],
)
def test_writes_count_by_kilobytes_and_double_in_a_transaction(asked: Call, units: int) -> None:
    assert asked.write_units == units


def step(**more: Any) -> Step:
    nothing = Run(cpu=0, logged=0, aws=[])
    return Step(nothing, nothing._replace(**more))


def test_a_month_is_priced_by_what_was_counted() -> None:
    read = call("GetItem", {"ConsistentRead": True}, {"Item": item(100)})
    ticks = [step(aws=[read, read], messages=1) for _ in range(12)]
    day = Day([ticks], renewal=ticks[0], night=step(), crowd=ticks[0].schedule)

    month = day.month(1)

    assert month["DynamoDB, reads"] == pytest.approx(
        EVERY_MONTH * 2 * prices.DYNAMODB_READ_UNIT
    )
    assert month["SQS"] == pytest.approx(EVERY_MONTH * 2 * prices.SQS_FIFO_REQUEST)
    assert month["DynamoDB, writes"] == 0
    traces = (EVERY_MONTH + 730 / 24) * prices.XRAY_TRACE
    assert month["X-Ray"] == pytest.approx(traces)
    assert day.month(CROWD)["X-Ray"] == pytest.approx(traces * (1 + 0.05 * 99) / 100)


def test_a_day_counts_renewals_and_the_night() -> None:
    tick, dear, night = step(salesforce=1), step(salesforce=2), step(salesforce=3)

    day = Day([[tick] * 12], renewal=dear, night=night, crowd=tick.schedule)

    assert day.calls == 288 + 12 + 3


def test_the_tables_keep_what_was_put_and_guard_its_version() -> None:
    tables, at = Tables(), datetime(2026, 3, 4, tzinfo=UTC).isoformat()
    new = {"Item": {**KEY, "version": {"N": "1"}, "body": {"S": at}}}
    first = {"ConditionExpression": "attribute_not_exists(pk)"}

    assert tables.answer("PutItem", new | first)[0] == 200
    assert tables.answer("PutItem", new | first)[0] == 400
    assert json.loads(tables.answer("GetItem", {"Key": KEY})[1]) == new
    with pytest.raises(LookupError):
        tables.answer("PutItem", new | {"ConditionExpression": "size(body) > :size"})
