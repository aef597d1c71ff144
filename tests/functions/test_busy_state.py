"""DynamoDB says no, because somebody else was quicker or is at it: that passes, and nothing is
lost, written twice, or asked for without end.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from bench.statements import put_of
from fieldlink.models import Delivered, Fact, Kind
from fieldlink.records import Connection, Visit
from fieldlink.wiring import services
from functions import poll_salesforce
from tests.functions.calls import CONTEXT, batch
from tests.functions.company import ROUNDS, Company, whole
from tests.functions.conftest import CONNECTION
from tests.functions.in_memory import House, InMemory

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.config import AwsAccess
    from fieldlink.wiring import Services
    from local.salesforce import FakeSalesforce
    from tests.conftest import Pretended

SIZE = 40
SINGLE = {"PutItem", "UpdateItem", "DeleteItem", "Statement"}
AT = datetime(2026, 3, 4, 9, tzinfo=UTC)
NAMESPACE = "com.amazonaws.dynamodb.v20120810#"
CANCELLED = "TransactionCanceledException"
WHY = "Transaction cancelled, please refer cancellation reasons for specific reasons "

type Answer = tuple[str, str]  # the name of an error, and its message


class Busy(InMemory):
    """Some calls are refused, or somebody else was there just before them."""

    def __init__(self, access: AwsAccess) -> None:
        super().__init__(access)
        self.others = 0  # how often another writer came first
        self.refused = 0
        self.refuse: Callable[[str, Any], Answer | None] = lambda _action, _asked: None

    def _send(self, service: str, request: Any) -> Any:
        if service != "dynamodb":
            return super()._send(service, request)
        action = request.headers["X-Amz-Target"].rpartition(".")[2]
        refusal = self.refuse(action, json.loads(request.data))
        if refusal is None:
            return super()._send(service, request)
        self.asked[action] += 1
        self.refused += 1
        error = {"__type": NAMESPACE + refusal[0], "message": refusal[1]}
        return SimpleNamespace(status=400, data=json.dumps(error).encode(), headers={})

    def _statement(self, statement: Any) -> Any:
        refusal = self.refuse("Statement", {"Item": put_of(statement).item})
        if refusal is None:
            return super()._statement(statement)
        self.refused += 1
        return {"Error": {"Code": refusal[0].removesuffix("Exception"), "Message": refusal[1]}}

    def before(self, put: Any) -> None:
        """Another writer adds a fact to the same appointment."""
        pk, sk = put["Item"]["pk"]["S"], put["Item"]["sk"]["S"]
        stored = self.tables._items[pk].get(sk)
        self.others += 1
        text = zlib.decompress(b64decode((stored or put["Item"])["whole"]["B"]))
        visit = json.loads(text) | ({} if stored else {"intent": None})
        fact = Fact(kind=Kind.ON_THE_WAY, key=f"other-{self.others}", at=AT)
        told = Delivered(fact=fact, delivery="other", received_at=AT)
        facts = visit.get("facts", {}) | {fact.key: told.model_dump(mode="json")}
        version = int(stored["version"]["N"]) + 1 if stored else 1
        packed = zlib.compress(json.dumps(visit | {"facts": facts}).encode())
        whole = {"B": b64encode(packed).decode()}
        item = stored or put["Item"]
        self.tables._put({**item, "version": {"N": str(version)}, "whole": whole})


@pytest.fixture
def house(aws: Pretended, bundle: Services) -> House:
    made = House(bundle, aws.access)
    made.aws = bundle._aws = Busy(aws.access)
    return made


@pytest.fixture
def busy(house: House) -> Busy:
    assert isinstance(house.aws, Busy)
    return house.aws


# ── the writer ────────────────────────────────────────────────────────────────


def others_win(busy: Busy, chance: Random) -> Callable[[str, Any], Answer | None]:
    """To every fourth appointment that is to be claimed another writer adds before."""

    def before(action: str, asked: Any) -> None:
        claims = action in {"PutItem", "Statement"} and asked["Item"]["sk"]["S"] == "visit"
        if claims and chance.random() < 0.25:
            busy.before(asked)

    return before


def in_conflict(_: Busy, chance: Random) -> Callable[[str, Any], Answer | None]:
    """Of the single writes every fourth meets a transaction."""

    def refusal(action: str, _asked: Any) -> Answer | None:
        if (
            action in {"PutItem", "Statement", "UpdateItem", "DeleteItem"}
            and chance.random() < 0.25
        ):
            return "TransactionConflictException", "Transaction is ongoing for the item"
        return None

    return refusal


@pytest.mark.parametrize("trouble", [others_win, in_conflict])
@pytest.mark.parametrize("seed", [1, 2])
def test_what_somebody_else_was_quicker_at_is_written_once_and_the_table_is_spared(
    house: House,
    busy: Busy,
    connection: Connection,
    salesforce: FakeSalesforce,
    trouble: Callable[[Busy, Random], Callable[[str, Any], Answer | None]],
    seed: int,
) -> None:
    assert connection
    company = Company(house, salesforce)
    needed, asked = company.undisturbed(SIZE), 0
    fleet = company.arrivals(SIZE)
    chance = Random(seed)  # noqa: S311

    for _ in range(ROUNDS):
        busy.refuse = trouble(busy, chance)
        asked += company.worked_off()
        busy.refuse = lambda _action, _asked: None
        fleet.age()
        house.pass_time()

    assert busy.others + busy.refused > SIZE / 10
    assert whole(fleet)
    visits = house.bundle.state.read_many(Visit, [(CONNECTION, job) for job in fleet.jobs])
    assert sum("other" in key for each in visits for key in each.facts) == busy.others
    assert asked <= 3 * needed


# ── the poller ────────────────────────────────────────────────────────────────


def cancelled(reasons: str) -> Answer:
    return CANCELLED, f"{WHY}[{reasons}]"


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        pytest.param("TransactWriteItems", cancelled("None, ThrottlingError"), id="throttled"),
        pytest.param("TransactWriteItems", cancelled("TransactionConflict, None"), id="met"),
        pytest.param(
            "TransactWriteItems", cancelled("ConditionalCheckFailed, None"), id="lost"
        ),
        pytest.param("TransactWriteItems", ("TransactionInProgressException", ""), id="begun"),
        pytest.param("PutItem", ("TransactionConflictException", ""), id="single, met"),
        pytest.param("PutItem", ("ConditionalCheckFailedException", ""), id="single, lost"),
    ],
)
def test_of_a_look_that_meets_another_writer_nothing_is_lost(
    aws: Pretended,
    busy: Busy,
    connection: Connection,
    salesforce: FakeSalesforce,
    action: str,
    answer: Answer,
) -> None:
    """Whichever of its writes that befalls, three times one after the other."""
    assert connection
    look(busy)
    salesforce.add_resources(1)
    needed = look(busy)
    writes = busy.asked[action]
    assert writes
    for number in range(1, writes + 1):
        aws.queued(aws.settings.invites_queue_url)
        people = salesforce.add_resources(2)
        busy.refuse = some(action, answer, range(number, number + 3))
        asked = look(busy)
        busy.refuse = lambda _action, _asked: None
        asked += look(busy)

        told = {
            json.loads(each)["resource"] for each in aws.queued(aws.settings.invites_queue_url)
        }
        assert told == {*people}
        assert asked <= 3 * needed


def some(action: str, answer: Answer, which: range) -> Callable[[str, Any], Answer | None]:
    """Refuse those of the calls of this kind."""
    numbers = count(1)

    def refusal(asked: str, _: Any) -> Answer | None:
        return answer if asked == action and next(numbers) in which else None

    return refusal


def look(busy: Busy) -> int:
    """Look at the org once; returns how often DynamoDB was asked for that."""
    busy.asked.clear()
    poll_salesforce.lambda_handler(batch({"connection": CONNECTION}), CONTEXT)
    asked = busy.asked.total()
    found = services().state.read(Connection, CONNECTION)
    assert found
    assert found.problem == ""
    return asked
