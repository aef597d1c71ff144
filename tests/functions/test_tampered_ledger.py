"""Whoever changes the ledger's table behind our back is told of by `verify_ledger`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.models import LedgerRow, Outcome
from fieldlink.ports import digest
from functions import answer_operator
from tests.functions.calls import CONTEXT
from tests.functions.conftest import CONNECTION
from tests.make import RESOURCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.records import Connection
    from fieldlink.wiring import Services
    from tests.conftest import Pretended

NOW = datetime.now(UTC).replace(microsecond=0)
type Items = dict[str, dict[str, Any]]


@pytest.fixture
def rows(bundle: Services, connection: Connection) -> list[LedgerRow]:
    """Four rows in two links."""
    assert connection
    told = [
        LedgerRow(
            connection=CONNECTION,
            received_at=NOW,
            delivery=f"d{number}",
            outcome=Outcome.APPLIED,
            resource=RESOURCE,
            wrote={"changes": {"status": "In Progress"}},
        )
        for number in range(4)
    ]
    bundle.ledger.put_all(told[:2])
    bundle.ledger.put_all(told[2:])
    return told


def verified() -> dict[str, Any]:
    ask = {"action": "verify_ledger", "connection": CONNECTION, "day": NOW.date().isoformat()}
    answer: dict[str, Any] = answer_operator.lambda_handler(ask, CONTEXT)
    return answer


def tamper(aws: Pretended, how: Callable[[Items], Any]) -> None:
    """The table as it is, changed in place by `how`, and put back."""
    dynamo = aws.client("dynamodb")
    before = {each["sk"]["S"]: each for each in dynamo.scan(TableName="Ledger")["Items"]}
    after = json.loads(json.dumps(before))
    how(after)
    for sort in before.keys() - after.keys():
        key = {name: before[sort][name] for name in ("pk", "sk")}
        dynamo.delete_item(TableName="Ledger", Key=key)
    for item in after.values():
        dynamo.put_item(TableName="Ledger", Item=item)


def row(items: Items, number: int) -> dict[str, Any]:
    [found] = [each for sort, each in items.items() if sort.endswith(f"#d{number}")]
    return found


def link(items: Items, number: int) -> dict[str, Any]:
    return items[f"~link#{number:08}"]


def forged(item: dict[str, Any]) -> None:
    item["body"]["S"] = item["body"]["S"].replace("In Progress", "Completed")


def forged_as_if_erased(items: Items) -> None:
    item = row(items, 0)
    item |= {"erased": {"S": NOW.isoformat()}, "hash": {"S": digest(item["body"]["S"])}}
    forged(item)


def forged_and_said_to_be_erased(items: Items) -> None:
    """The row itself says so, too, and keeps what was forged."""
    item = row(items, 0)
    item |= {"erased": {"S": NOW.isoformat()}, "hash": {"S": digest(item["body"]["S"])}}
    body = json.loads(item["body"]["S"]) | {"erased": NOW.isoformat(), "reason": "forged"}
    item["body"]["S"] = json.dumps(body)


def unreadable(items: Items) -> None:
    row(items, 0)["body"]["S"] = "nonsense"


def without_body(items: Items) -> None:
    del row(items, 0)["body"]


def link_forged(items: Items) -> None:
    body = json.loads(link(items, 1)["body"]["S"])
    item = row(items, 0)
    forged(item)
    body["rows"][item["sk"]["S"]] = digest(item["body"]["S"])
    link(items, 1)["body"]["S"] = json.dumps(body)


def link_forged_and_hashed(items: Items) -> None:
    link_forged(items)
    body = json.loads(link(items, 1)["body"]["S"])
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    link(items, 1).update(body={"S": text}, hash={"S": digest(text)})


def link_unreadable(items: Items) -> None:
    link(items, 1)["body"]["S"] = "nonsense"


def link_with_more(items: Items) -> None:
    body = json.loads(link(items, 1)["body"]["S"]) | {"more": 1}
    link(items, 1)["body"]["S"] = json.dumps(body)


def links_swapped(items: Items) -> None:
    one, two = link(items, 1), link(items, 2)
    for name in ("body", "hash"):
        one[name], two[name] = two[name], one[name]


def rows_swapped(items: Items) -> None:
    one, two = row(items, 0), row(items, 1)
    one["body"], two["body"] = two["body"], one["body"]


WAYS = {
    "a row was forged": lambda items: forged(row(items, 0)),
    "a row was forged as if it were erased": forged_as_if_erased,
    "a row was forged and says it was erased": forged_and_said_to_be_erased,
    "a row can't be read": unreadable,
    "a row has no body": without_body,
    "two rows were swapped": rows_swapped,
    "a row is gone": lambda items: items.pop(row(items, 3)["sk"]["S"]),
    "a link was forged": link_forged,
    "a link was forged with its hash": link_forged_and_hashed,
    "a link can't be read": link_unreadable,
    "a link says more": link_with_more,
    "two links were swapped": links_swapped,
    "the first link is gone": lambda items: items.pop(link(items, 1)["sk"]["S"]),
}


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
def test_whatever_is_changed_is_told(how: Callable[[Items], Any], aws: Pretended) -> None:
    assert verified()["whole"] is True

    tamper(aws, how)

    answer = verified()
    assert answer["whole"] is False
    assert answer["days"][0]["findings"]


@pytest.mark.usefixtures("rows")
def test_rows_whose_last_link_is_gone_are_told_apart(aws: Pretended) -> None:
    head = verified()["days"][0]["head"]

    tamper(aws, lambda items: items.pop("~link#00000002"))

    [day] = verified()["days"]
    assert day["unchained"] == 2
    assert day["head"] != head


@pytest.mark.usefixtures("rows")
def test_a_row_that_was_put_again_with_another_content_is_told(
    bundle: Services, aws: Pretended
) -> None:
    """As somebody would who forges a row and adds a link that names it."""
    items = {
        each["sk"]["S"]: each
        for each in aws.client("dynamodb").scan(TableName="Ledger")["Items"]
    }
    true = LedgerRow.model_validate_json(row(items, 0)["body"]["S"])

    bundle.ledger.put(true)
    assert verified()["days"][0]["again"] == 0
    bundle.ledger.put(true.model_copy(update={"wrote": {"changes": {"status": "Completed"}}}))

    [day] = verified()["days"]
    assert (day["again"], day["again_rows"]) == (1, [row(items, 0)["sk"]["S"]])


@pytest.mark.usefixtures("rows")
def test_a_person_is_erased_from_rows_that_were_forged_as_if_they_were(
    bundle: Services, aws: Pretended
) -> None:
    tamper(aws, forged_as_if_erased)

    ask = {
        "action": "erase",
        "connection": CONNECTION,
        "resource": RESOURCE,
        "confirm": RESOURCE,
    }
    told = answer_operator.lambda_handler(ask, CONTEXT)

    assert told["gone"]["ledger rows"] == 4
    found, _ = bundle.ledger.of_day(CONNECTION, NOW.date())
    assert all(each.row and each.row.erased for each in found.values())


@pytest.mark.usefixtures("rows")
def test_a_row_that_can_not_be_read_stops_neither_the_page_nor_an_export(
    bundle: Services, aws: Pretended
) -> None:
    tamper(aws, unreadable)

    shown = bundle.ledger.last(CONNECTION, now=NOW, limit=30)
    ask = {"action": "export", "connection": CONNECTION, "day": NOW.date().isoformat()}

    assert len(shown) == 3
    assert answer_operator.lambda_handler(ask, CONTEXT)["rows"] == 4
