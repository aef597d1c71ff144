"""What several threads ask of a table at once goes in one call; each has its own answer."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any, cast

import pytest

from fieldlink.adapters.dynamodb import DynamoState
from fieldlink.adapters.dynamodb_statements import BATCH_TRIES, Put
from fieldlink.adapters.dynamodb_table import BATCH_GET, Table
from fieldlink.adapters.ledger import TURNS, DynamoLedger
from fieldlink.errors import Refused, Unavailable
from fieldlink.models import LedgerRow, Outcome
from fieldlink.records import Resource
from tests.adapters.test_ferry import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.adapters.aws import Aws
    from fieldlink.adapters.ferry import Ferry

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


class Scripted:
    """Answers each action as told. The first call waits until it is let go."""

    def __init__(self, **answers: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.pauses: list[int] = []
        self.go_on = Event()
        self._answers = answers

    def call(
        self, service: str, action: str, payload: dict[str, Any], *, once: bool = False
    ) -> dict[str, Any]:
        assert service == "dynamodb"
        del once
        self.calls.append((action, payload))
        if len(self.calls) == 1:
            assert self.go_on.wait(30)
        answer = self._answers.get(action)
        return answer(payload) if answer else {}

    def pause(self, number: int) -> None:
        self.pauses.append(number)

    @property
    def actions(self) -> list[str]:
        return [action for action, _ in self.calls]


def together[T](
    script: Scripted, ferry: Ferry[Any, Any, Any], *asked: Callable[[], T]
) -> list[Future[T]]:
    """The first is under way when the others come."""
    pool = ThreadPoolExecutor(len(asked))
    coming = [pool.submit(asked[0])]
    until(lambda: bool(script.calls))
    for number, each in enumerate(asked[1:], 1):
        coming.append(pool.submit(each))
        until(lambda number=number: len(ferry._waiting) == number)  # type: ignore[misc]
    script.go_on.set()
    pool.shutdown(wait=False)
    wait(coming, timeout=30)
    return coming


def table(script: Scripted) -> Table:
    return Table(cast("Aws", script), "T")


def item(name: str, **more: dict[str, str]) -> dict[str, dict[str, str]]:
    return {"pk": {"S": name}, "sk": {"S": "s"}, **more}


def put(name: str, before: int = 0) -> Put:
    return Put(item(name, version={"N": f"{before + 1}"}), before)


def stored_together(script: Scripted, *some: list[str]) -> list[Future[None]]:
    """Items of these names, each list by somebody else."""
    there = table(script)
    asked = (partial(there.store, [item(each) for each in names], once=True) for names in some)
    return together(script, there._stores_once, *asked)


def test_puts_that_meet_are_statements_and_each_thread_has_its_own_answer() -> None:
    taken = {"Error": {"Code": "DuplicateItem", "Message": ""}}
    script = Scripted(BatchExecuteStatement=lambda _asked: {"Responses": [{}, taken, {}]})
    there = table(script)

    told = together(
        script,
        there._puts,
        *(partial(there.put, each) for each in map(put, ("first", "a", "b"))),
        lambda: there.put(put("c", before=3)),
    )

    assert [each.result() for each in told] == [True, True, False, True]
    assert script.actions == ["PutItem", "BatchExecuteStatement"]
    new, _, next_ = script.calls[1][1]["Statements"]
    assert new["Statement"].startswith("INSERT")
    assert next_["Statement"] == (
        'UPDATE "T" SET "ttl" = ? SET "version" = ? '
        'WHERE "pk" = ? AND "sk" = ? AND "version" = ?'
    )
    assert next_["Parameters"][-1] == {"N": "3"}


def test_a_put_that_is_refused_in_company_is_made_alone_and_no_other_is() -> None:
    bad = {"Error": {"Code": "ValidationError", "Message": "too large"}}

    def alone(asked: dict[str, Any]) -> dict[str, Any]:
        if asked["Item"]["pk"]["S"] == "bad":
            raise Refused("too large")
        return {}

    script = Scripted(
        PutItem=alone, BatchExecuteStatement=lambda _asked: {"Responses": [{}, bad]}
    )
    there = table(script)

    told = together(
        script,
        there._puts,
        *(partial(there.put, each) for each in map(put, ("first", "good", "bad"))),
    )

    assert [each.result() for each in told[:2]] == [True, True]
    assert isinstance(told[2].exception(), Refused)
    assert script.actions == ["PutItem", "BatchExecuteStatement", "PutItem"]


def test_who_glances_at_much_asks_no_further_than_where_dynamodb_stays_busy() -> None:
    script = Scripted(
        BatchGetItem=lambda asked: {
            "Responses": {"T": []},
            "UnprocessedKeys": asked["RequestItems"],
        }
    )
    script.go_on.set()

    with pytest.raises(Unavailable, match="busy"):
        table(script).glance([(f"{number}", "s") for number in range(250)], "pk, sk")

    assert script.actions == ["BatchGetItem"] * BATCH_TRIES
    assert all(
        len(asked["RequestItems"]["T"]["Keys"]) == BATCH_GET for _, asked in script.calls
    )


def test_what_dynamodb_leaves_undone_of_a_read_fails_only_for_who_asked_for_it() -> None:
    def found(asked: dict[str, Any]) -> dict[str, Any]:
        names = [each["pk"]["S"] for each in asked["RequestItems"]["T"]["Keys"]]
        busy = {"T": {"Keys": [item("busy")]}}
        return {
            "Responses": {"T": [item(each) for each in names if each != "busy"]},
            "UnprocessedKeys": busy if "busy" in names else {},
        }

    script = Scripted(BatchGetItem=found)
    there = table(script)

    told = together(
        script,
        there._reads,
        lambda: there.read([("first", "s")]),
        lambda: there.read([("a", "s")]),
        lambda: there.read([("busy", "s"), ("b", "s")]),
        lambda: there.read([("c", "s")]),
    )

    assert told[1].result() == {("a", "s"): item("a")}
    assert told[3].result() == {("c", "s"): item("c")}
    assert isinstance(told[2].exception(), Unavailable)
    assert script.pauses == [0, 1, 2, 3, 4]


def test_what_dynamodb_leaves_undone_of_a_store_fails_only_for_who_stored_it() -> None:
    def stored(asked: dict[str, Any]) -> dict[str, Any]:
        puts = asked["RequestItems"]["T"]
        busy = [each for each in puts if each["PutRequest"]["Item"]["pk"]["S"] == "busy"]
        return {"UnprocessedItems": {"T": busy} if busy else {}}

    script = Scripted(BatchWriteItem=stored)

    told = stored_together(script, ["first"], ["a"], ["busy", "b"])

    assert [each.exception() for each in told[:2]] == [None, None]
    assert isinstance(told[2].exception(), Unavailable)
    sent = [
        [each["PutRequest"]["Item"]["pk"]["S"] for each in asked["RequestItems"]["T"]]
        for _, asked in script.calls
    ]
    assert sent == [["first"], ["a", "busy", "b"], *[["busy"]] * 4]


def test_what_is_refused_after_some_of_it_was_stored_is_not_stored_again() -> None:
    answers = iter([{}, {"UnprocessedItems": {"T": [{"PutRequest": {"Item": item("b")}}]}}])

    def stored(_asked: dict[str, Any]) -> dict[str, Any]:
        if (answer := next(answers, None)) is None:
            raise Refused("expired")
        return answer

    script = Scripted(BatchWriteItem=stored)

    told = stored_together(script, ["first"], ["a"], ["b"])

    assert [type(each.exception()) for each in told] == [type(None), Unavailable, Unavailable]
    assert len(script.calls) == 3


def test_a_row_of_salesforce_never_goes_in_a_statement() -> None:
    """It may lack what the one before it had, and a statement takes nothing away."""
    script = Scripted()
    state = DynamoState(cast("Aws", script), "T")
    rows = [Resource(connection="c", id=f"{number}", version=1) for number in range(3)]

    pool = ThreadPoolExecutor(3)
    coming = [pool.submit(state.write, each) for each in rows]
    pool.shutdown(wait=False)
    until(lambda: len(script.calls) == 3)
    script.go_on.set()

    assert [each.result(30) for each in coming] == [True] * 3
    assert script.actions == ["PutItem"] * 3


def test_links_of_several_connections_that_meet_are_inserted_in_one_call() -> None:
    script = Scripted(
        Query=lambda _asked: {"Items": []},
        BatchExecuteStatement=lambda asked: {"Responses": [{}] * len(asked["Statements"])},
    )
    ledger = DynamoLedger(cast("Aws", script), "T", 90, lambda: NOON)
    script.go_on.set()  # the first call is a row's
    begun, go_on = Event(), Event()
    whole = script.call

    def call(service: str, action: str, *asked: Any, **more: Any) -> dict[str, Any]:
        if action == "PutItem":
            begun.set()
            assert go_on.wait(30)
        return whole(service, action, *asked, **more)

    script.call = call  # type: ignore[method-assign]

    def row(connection: str) -> LedgerRow:
        return LedgerRow(
            connection=connection,
            received_at=NOON,
            delivery=f"d-{connection}",
            outcome=Outcome.APPLIED,
        )

    turns = {hash(f"{each}#2026-03-04") % TURNS: each for each in map(str, range(1_000))}
    first, *others = sorted(turns.values())[:3]  # none of them waits for another's turn
    pool = ThreadPoolExecutor(3)
    coming = [pool.submit(ledger.put, row(first))]
    assert begun.wait(30)
    coming += [pool.submit(ledger.put, row(each)) for each in others]
    pool.shutdown(wait=False)
    until(lambda: len(ledger._table._puts._waiting) == 2)
    go_on.set()

    assert [each.exception(30) for each in coming] == [None] * 3
    [statements] = [
        asked["Statements"]
        for action, asked in script.calls
        if action == "BatchExecuteStatement"
    ]
    assert [each["Statement"] for each in statements] == [
        "INSERT INTO \"T\" VALUE {'pk': ?, 'sk': ?, 'ttl': ?, 'hash': ?, 'body': ?}"
    ] * 2
    assert {each["Parameters"][0]["S"] for each in statements} == {
        f"{each}#2026-03-04" for each in others
    }
    assert script.actions.count("PutItem") == 1


def test_who_asks_for_several_gets_them_in_one_call() -> None:
    names = ("a", "b")
    script = Scripted(
        BatchGetItem=lambda _asked: {"Responses": {"T": [item(each) for each in names]}}
    )
    script.go_on.set()

    found = table(script).read((each, "s") for each in names)

    assert found == {(each, "s"): item(each) for each in names}
    assert script.actions == ["BatchGetItem"]
