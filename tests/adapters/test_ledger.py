"""The ledger: one contract, for DynamoDB and for the fake; and its chain in DynamoDB itself."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from fieldlink.adapters.aws import Aws
from fieldlink.adapters.ledger import DynamoLedger
from fieldlink.books.chaining import judge
from fieldlink.errors import Unavailable
from fieldlink.models import LedgerRow, Outcome
from fieldlink.ports import Ledger, Link
from tests.adapters.scripted import Answer, scripted
from tests.conftest import Pretended
from tests.fakes import FakeLedger

NOW = datetime(2026, 3, 4, 8, 30, 15, 250_000, tzinfo=UTC)
TODAY = NOW.date()
LOST_RACE = Answer(400, {"__type": "x#ConditionalCheckFailedException", "message": "no"})


def row(number: int, received_at: datetime = NOW, **more: object) -> LedgerRow:
    return LedgerRow.model_validate(
        {
            "connection": "c",
            "received_at": received_at,
            "delivery": f"d{number}",
            "outcome": Outcome.APPLIED,
            **more,
        }
    )


@pytest.fixture(params=["fake", "dynamodb"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    if request.param == "fake":
        return FakeLedger()
    return dynamo(request.getfixturevalue("aws"))


def dynamo(aws: Pretended) -> DynamoLedger:
    return DynamoLedger(Aws(aws.access), aws.settings.ledger_table, 400)


def stored(aws: Pretended) -> dict[str, Any]:
    items = aws.client("dynamodb").scan(TableName="Ledger")["Items"]
    return {item["sk"]["S"]: item for item in items}


def whole(ledger: Ledger) -> bool:
    """Whether today's chain holds, and names every row."""
    rows, _ = ledger.of_day("c", TODAY)
    verdict = judge(TODAY, ledger.chain("c", TODAY), {k: v.hash for k, v in rows.items()})
    return verdict.whole and not verdict.unchained


# ── rows ───────────────────────────────────────────────────────────────────────


def test_a_row_that_is_put_twice_is_one_row(ledger: Ledger) -> None:
    ledger.put(row(1))
    ledger.put(row(1, reason="again"))

    [found] = ledger.last("c", now=NOW, limit=10)
    assert found.reason == "again"


def test_the_last_rows_are_the_newest_of_today_and_yesterday(ledger: Ledger) -> None:
    for hours in (0, 1, 9, 20, 40):
        ledger.put(row(hours, NOW - timedelta(hours=hours)))

    newest = [each.delivery for each in ledger.last("c", now=NOW, limit=3)]
    every = [each.delivery for each in ledger.last("c", now=NOW, limit=30)]

    assert newest == ["d0", "d1", "d9"]
    assert every == ["d0", "d1", "d9", "d20"]


def test_rows_are_of_one_connection(ledger: Ledger) -> None:
    ledger.put(row(1))

    assert ledger.last("other", now=NOW, limit=30) == []
    assert ledger.of_deliveries("other", [(NOW, "d1")]) == []
    assert ledger.of_day("other", TODAY) == ({}, "")
    assert list(ledger.chain("other", TODAY)) == []


def test_any_number_of_rows_is_put_and_read(ledger: Ledger) -> None:
    rows = [row(number, NOW + timedelta(seconds=number)) for number in range(137)]
    ledger.put_all(rows)

    assert ledger.last("c", now=NOW, limit=3) == rows[:-4:-1]
    told = [(each.received_at, each.delivery) for each in rows]
    found = ledger.of_deliveries("c", [*told, *told, (NOW, "of nobody")])
    assert sorted(found, key=lambda each: each.received_at) == rows


def test_the_last_of_several_rows_of_one_delivery_is_the_one_that_stands(
    ledger: Ledger,
) -> None:
    ledger.put_all([row(1, outcome=Outcome.PARKED), row(2), row(1)])

    found = ledger.of_deliveries("c", [(NOW, "d1")])

    assert [each.outcome for each in found] == [Outcome.APPLIED]
    assert whole(ledger)


def test_a_day_is_read_page_by_page_in_the_order_of_arrival(ledger: Ledger) -> None:
    rows = [row(number, NOW + timedelta(seconds=number)) for number in range(7)]
    ledger.put_all([*reversed(rows), row(9, NOW + timedelta(days=1))])

    found, after, pages = [], "", 0
    while True:
        page, after = ledger.of_day("c", TODAY, after, limit=3)
        found += [kept.row for kept in page.values()]
        pages += 1
        if not after:
            break

    assert found == rows
    assert pages == 3


def test_links_are_no_rows(ledger: Ledger) -> None:
    ledger.put(row(1))
    ledger.put(row(2, NOW + timedelta(seconds=1)))

    assert [each.delivery for each in ledger.last("c", now=NOW, limit=9)] == ["d2", "d1"]
    assert len(ledger.of_day("c", TODAY)[0]) == 2


# ── chain ──────────────────────────────────────────────────────────────────────


def test_every_put_is_a_link_that_names_the_one_before_it(ledger: Ledger) -> None:
    ledger.put(row(1))
    ledger.put_all([row(2), row(3)])
    ledger.put(row(1, reason="again"))

    links = list(ledger.chain("c", TODAY))

    assert [each.number for each in links] == [1, 2, 3]
    assert [len(each.rows) for each in links] == [1, 2, 1]
    assert [after.before for _, after in pairwise(links)] == [each.hash for each in links[:-1]]
    assert links[0].before == ""
    assert all(each.sealed == each for each in links)
    assert whole(ledger)


def test_each_connection_and_day_has_a_chain_of_its_own(ledger: Ledger) -> None:
    tomorrow = NOW + timedelta(days=1)
    elsewhere = row(4).model_copy(update={"connection": "d"})
    ledger.put_all([row(1), row(2, tomorrow), row(3), elsewhere])

    counts = {
        (name, day): [len(each.rows) for each in ledger.chain(name, day)]
        for name in ("c", "d")
        for day in (TODAY, tomorrow.date())
    }

    assert counts == {
        ("c", TODAY): [2],
        ("c", tomorrow.date()): [1],
        ("d", TODAY): [1],
        ("d", tomorrow.date()): [],
    }


def test_nothing_put_is_no_link(ledger: Ledger) -> None:
    ledger.put_all([])

    assert list(ledger.chain("c", TODAY)) == []


def test_what_is_erased_leaves_its_key_its_outcome_and_its_hash(ledger: Ledger) -> None:
    ledger.put_all([row(1, resource="Ada", wrote={"status": "Done"}), row(2)])
    [key, other] = ledger.of_day("c", TODAY)[0]
    before = ledger.of_day("c", TODAY)[0][key].hash

    ledger.erase("c", TODAY, key, at=NOW)
    ledger.erase("c", TODAY, key, at=NOW + timedelta(days=1))
    ledger.erase("c", TODAY, "of nobody", at=NOW)

    found = ledger.of_day("c", TODAY)[0]
    assert found[key].hash == before
    assert found[key].row == row(1, erased=NOW.isoformat())
    assert found[other].row == row(2)
    assert whole(ledger)


def test_what_is_put_again_after_it_was_erased_is_a_row_again(ledger: Ledger) -> None:
    ledger.put(row(1))
    [key] = ledger.of_day("c", TODAY)[0]
    ledger.erase("c", TODAY, key, at=NOW)

    ledger.put(row(1, reason="replayed"))

    found = ledger.of_day("c", TODAY)[0][key].row
    assert found
    assert found.reason == "replayed"
    assert whole(ledger)


# ── DynamoDB itself ────────────────────────────────────────────────────────────


def test_of_many_who_write_at_once_each_has_a_link_of_its_own(aws: Pretended) -> None:
    ledgers = [dynamo(aws) for _ in range(4)]

    def put(number: int) -> None:
        ledgers[number % 4].put(row(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(32)))

    links = list(ledgers[0].chain("c", TODAY))
    assert [each.number for each in links] == list(range(1, 33))
    assert whole(ledgers[0])


def test_who_knows_the_newest_link_does_not_ask_for_it() -> None:
    nothing = Answer(200, {"Items": []})
    with scripted(Answer(200), nothing, Answer(200), Answer(200), Answer(200)) as script:
        ledger = DynamoLedger(script.aws, "T", 400)
        ledger.put(row(1))
        ledger.put(row(2))

    asked = [each.headers["x-amz-target"].partition(".")[2] for each in script.asked]
    assert asked == ["BatchWriteItem", "Query", "PutItem", "BatchWriteItem", "PutItem"]
    assert [each.json["Item"]["sk"]["S"][-1] for each in script.asked[2::2]] == ["1", "2"]


def test_threads_of_one_process_add_their_links_one_after_the_other() -> None:
    with scripted(Answer(200, {"Items": []})) as script:
        ledger = DynamoLedger(script.aws, "T", 400)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: ledger.put(row(number)), range(16)))

        puts = [each.json["Item"]["sk"]["S"] for each in script.asked if "Item" in each.json]
        looks = [each for each in script.asked if "KeyConditionExpression" in each.json]
        assert [int(each[-8:]) for each in puts] == list(range(1, 17))
        assert len(looks) == 1


def test_who_loses_against_others_each_time_gives_up_after_some_tries_with_pauses() -> None:
    nothing = Answer(200, {"Items": []})
    with scripted(Answer(200), *_losing(nothing)) as script:
        with pytest.raises(Unavailable, match="at once"):
            DynamoLedger(script.aws, "T", 400).put(row(1))

        assert len(script.asked) == 1 + 12 * 2 + 1
        assert script.pauses == [1, *[2] * 10]  # in doublings of 0.1 s


def _losing(nothing: Answer) -> Iterator[Answer]:
    for _ in range(13):
        yield nothing
        yield LOST_RACE


def test_many_rows_are_put_in_few_calls() -> None:
    nothing = Answer(200, {"Items": []})
    rows = [row(number) for number in range(100)]
    with scripted(*[Answer(200)] * 4, nothing, Answer(200)) as script:
        DynamoLedger(script.aws, "T", 400).put_all(rows)

    assert len(script.asked) == 6


def test_rows_that_dynamodb_left_out_are_put_again_before_their_link() -> None:
    rest = {"T": [{"PutRequest": {"Item": {"pk": {"S": "c"}}}}]}
    left = Answer(200, {"UnprocessedItems": rest})
    with scripted(left, Answer(200), Answer(200, {"Items": []}), Answer(200)) as script:
        DynamoLedger(script.aws, "T", 400).put(row(1))

    assert script.asked[1].json == {"RequestItems": rest}
    assert script.asked[3].json["Item"]["sk"] == {"S": "~link#00000001"}


def test_a_link_holds_no_more_rows_than_an_item_can(aws: Pretended) -> None:
    ledger = dynamo(aws)
    ledger.put_all([row(number) for number in range(1_001)])

    sizes = [len(each.rows) for each in ledger.chain("c", TODAY)]

    assert sizes == [500, 500, 1]
    assert max(len(str(item)) for item in stored(aws).values()) < 200_000


def test_a_row_that_is_changed_while_it_is_erased_is_left_for_another_time() -> None:
    body = {"S": row(1).model_dump_json(exclude_defaults=True)}
    item = {"pk": {"S": "c#2026-03-04"}, "sk": {"S": "k"}, "body": body}
    with scripted(Answer(200, {"Item": item}), LOST_RACE) as script, pytest.raises(Unavailable):
        DynamoLedger(script.aws, "T", 400).erase("c", TODAY, "k", at=NOW)

    assert script.asked[1].json["ExpressionAttributeValues"] == {":body": body}


def test_a_row_is_kept_for_as_many_days_as_the_stack_says(aws: Pretended) -> None:
    dynamo(aws).put(row(1))

    items = stored(aws)
    [item] = [each for key, each in items.items() if not key.startswith("~")]
    [link] = [each for key, each in items.items() if key.startswith("~")]
    assert _kept(item, NOW).days in {399, 400}
    assert _kept(link, NOW) == _kept(item, NOW) + (_midnight(NOW) - NOW.replace(microsecond=0))


def test_the_links_of_a_day_go_together_and_not_before_its_rows(aws: Pretended) -> None:
    dynamo(aws).put(row(1, _midnight(NOW) - timedelta(days=1)))
    dynamo(aws).put(row(2, _midnight(NOW) - timedelta(microseconds=1)))

    items = stored(aws)
    links = {int(each["ttl"]["N"]) for key, each in items.items() if key.startswith("~")}
    rows = {int(each["ttl"]["N"]) for key, each in items.items() if not key.startswith("~")}

    assert len(links) == 1
    assert links.pop() >= max(rows)


def _kept(item: dict[str, Any], since: datetime) -> timedelta:
    return datetime.fromtimestamp(int(item["ttl"]["N"]), UTC) - since.replace(microsecond=0)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def test_an_erased_item_tells_when(aws: Pretended) -> None:
    ledger = dynamo(aws)
    ledger.put(row(1, resource="Ada"))
    [key] = ledger.of_day("c", TODAY)[0]

    ledger.erase("c", TODAY, key, at=NOW)

    item = stored(aws)[key]
    assert set(item) == {"pk", "sk", "ttl", "outcome", "body", "hash", "erased"}
    assert "Ada" not in str(item)
    assert item["erased"]["S"] == NOW.isoformat()


def test_a_link_is_read_as_it_was_written(aws: Pretended) -> None:
    ledger = dynamo(aws)
    ledger.put(row(1))

    [link] = ledger.chain("c", TODAY)
    item = stored(aws)["~link#00000001"]

    assert isinstance(link, Link)
    assert item["body"]["S"] == link.text
    assert item["hash"]["S"] == link.hash
