"""Many conditional writes in one call: moto, held to conditions, and the emulator of AWS.

That reads PartiQL by itself, so the two agree only if the statements mean what they say.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.adapters.aws import Aws
from fieldlink.adapters.dynamodb import DynamoState
from fieldlink.config import AwsAccess
from fieldlink.errors import FieldlinkError, Refused, Unavailable, Unclear
from fieldlink.records import Day, Device, Intent, SheetClaim, Visit
from local.ministack import REGION, ROOT_KEY, Ministack
from tests.adapters.scripted import Answer, scripted
from tests.fakes import FakeState
from tests.make import delivered, fact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fieldlink.models import Delivered
    from fieldlink.ports import State
    from fieldlink.records import Claim
    from tests.conftest import Pretended

MORNING = datetime(2026, 3, 4, 8, 30, tzinfo=UTC)
TOLD = delivered(fact())


@pytest.fixture(scope="module")
def emulated() -> Iterator[DynamoState]:
    with Ministack() as aws:
        keys = {"pk": "HASH", "sk": "RANGE"}
        aws.client("dynamodb").create_table(
            TableName="State",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": each, "AttributeType": "S"} for each in keys
            ],
            KeySchema=[{"AttributeName": each, "KeyType": kind} for each, kind in keys.items()],
        )
        access = AwsAccess(REGION, ROOT_KEY, ROOT_KEY, None, aws.url)
        yield DynamoState(Aws(access), "State")


@pytest.fixture(params=["fake", "moto", "emulator"])
def state(request: pytest.FixtureRequest) -> State:
    if request.param == "fake":
        return FakeState()
    if request.param == "emulator":
        found: DynamoState = request.getfixturevalue("emulated")
        return found
    aws: Pretended = request.getfixturevalue("aws")
    return DynamoState(Aws(aws.access), aws.settings.state_table)


@pytest.fixture
def connection(request: pytest.FixtureRequest) -> str:
    """One of its own for each test, since the emulator's table outlives them."""
    return str(request.node.name)


def visit(connection: str, number: int = 0, version: int = 0) -> Visit:
    return Visit(connection=connection, appointment=f"08p{number}", version=version)


def sheet(connection: str, delivery: str) -> SheetClaim:
    first, ttl = date(2026, 3, 2), 2_000_000_000
    return SheetClaim(
        connection=connection,
        resource="r",
        first=first,
        since=MORNING,
        delivery=delivery,
        ttl=ttl,
    )


def test_records_of_which_there_was_none_are_stored(state: State, connection: str) -> None:
    day = Day(connection=connection, resource='Zoë\'s "r"', on=MORNING.date())
    claim = sheet(connection, "d")

    assert state.write_each([visit(connection), day, claim]) == [True, True, True]

    assert state.read(Visit, connection, "08p0") == visit(connection, version=1)
    assert state.read(Day, *day.key) == day.model_copy(update={"version": 1})
    assert state.read(SheetClaim, *claim.key) == claim.model_copy(update={"version": 1})


@pytest.mark.parametrize("others", [(), (TOLD,)], ids=["of one fact", "of several"])
def test_what_was_begun_is_claimed_and_let_go_of(
    state: State, connection: str, others: tuple[Delivered, ...]
) -> None:
    intent = Intent(delivered=TOLD, since=MORNING, others=others)
    state.write(visit(connection))

    state.write_each([visit(connection, version=1).model_copy(update={"intent": intent})])
    claimed = state.read(Visit, connection, "08p0")
    state.write_each([visit(connection, version=2)])

    assert claimed
    assert claimed.intent == intent
    assert state.read(Visit, connection, "08p0") == visit(connection, version=3)


def test_a_record_is_stored_only_over_the_version_that_was_read(
    state: State, connection: str
) -> None:
    state.write(visit(connection, 1))
    state.write(visit(connection, 2))
    state.write(visit(connection, 2, version=1))
    news = {"marks": {"r/2026-03-04": "news"}}
    told: list[Visit] = [
        visit(connection, 1, version=1),  # as it is
        visit(connection, 2, version=1),  # somebody was quicker
        visit(connection, 3, version=1),  # it is no more
        visit(connection, 1 + 3),  # new
    ]

    answers = state.write_each([each.model_copy(update=news) for each in told])

    assert answers == [True, False, False, True]
    stored = [state.read(Visit, connection, f"08p{number}") for number in range(1, 5)]
    assert [each and (each.version, each.marks) for each in stored] == [
        (2, news["marks"]),
        (2, {}),
        None,
        (1, news["marks"]),
    ]


def test_one_that_is_there_already_is_not_new(state: State, connection: str) -> None:
    assert state.write_each([sheet(connection, "first"), visit(connection)]) == [True, True]

    again: list[Claim] = [sheet(connection, "second"), visit(connection, 9)]
    assert state.write_each(again) == [False, True]

    stored = state.read(SheetClaim, *sheet(connection, "").key)
    assert stored
    assert stored.delivery == "first"


def test_any_number_of_records_is_stored(state: State, connection: str) -> None:
    many = [visit(connection, number) for number in range(60)]

    assert state.write_each(many) == [True] * 60
    assert state.write_each(many) == [False] * 60

    keys = [each.key for each in many]
    assert len(state.read_many(Visit, keys)) == 60


def test_a_record_that_is_to_be_kept_is_never_forgotten_whatever_was_said_before(
    state: State, connection: str
) -> None:
    """A statement takes no attribute away, and this is put by one if others go along."""
    passing = [
        Device(connection=connection, id=f"D{number}", ttl=2_000_000_000) for number in range(2)
    ]
    assert state.write_each(passing) == [True, True]
    kept = [each.model_copy(update={"ttl": None, "version": 1}) for each in passing]

    assert state.write_each(kept) == [True, True]

    for each in kept:
        found = state.read(Device, *each.key)
        assert found == each.model_copy(update={"version": 2})


# ── what DynamoDB says of single ones ──────────────────────────────────────────


def told(*codes: str) -> Answer:
    """An answer with one error for each code; "" where there is none."""
    responses = [{"Error": {"Code": each, "Message": "why"}} if each else {} for each in codes]
    return Answer(200, {"Responses": responses})


def some(count: int) -> list[Visit]:
    return [visit("c", number) for number in range(count)]


def test_each_is_asked_for_in_the_words_of_partiql() -> None:
    with scripted(told("", "")) as script:
        DynamoState(script.aws, "T").write_each([visit("c"), visit("c", 1, version=7)])

    new, next_ = script.asked[0].json["Statements"]
    values = "{'pk': ?, 'sk': ?, 'version': ?, 'whole': ?}"
    assert new["Statement"] == f'INSERT INTO "T" VALUE {values}'
    assert new["Parameters"][:3] == [{"S": "c#08p0"}, {"S": "visit"}, {"N": "1"}]
    assert next_["Statement"] == (
        'UPDATE "T" SET "version" = ? SET "whole" = ? '
        'WHERE "pk" = ? AND "sk" = ? AND "version" = ?'
    )
    keys = [{"S": "c#08p1"}, {"S": "visit"}, {"N": "7"}]
    asked = next_["Parameters"]
    assert [asked[0], *asked[2:]] == [{"N": "8"}, *keys]
    assert json.loads(zlib.decompress(b64decode(asked[1]["B"])))["appointment"] == "08p1"


@pytest.mark.parametrize(
    "busy",
    [
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "TransactionConflict",
    ],
)
def test_what_dynamodb_left_out_is_tried_again_and_nothing_else(busy: str) -> None:
    lost = "ConditionalCheckFailed"
    with scripted(told("", busy, lost, busy), told(busy, ""), told("")) as script:
        answers = DynamoState(script.aws, "T").write_each(some(4))

    assert answers == [True, True, False, True]
    asked = [
        [each["Parameters"][0]["S"] for each in one.json["Statements"]] for one in script.asked
    ]
    assert asked == [[f"c#08p{n}" for n in range(4)], ["c#08p1", "c#08p3"], ["c#08p1"]]
    assert script.pauses == [0, 1]


def test_a_table_that_stays_busy_is_unavailable_for_those_that_it_left_out() -> None:
    busy = "ThrottlingError"
    with scripted(told("", busy), told(busy)) as script:
        first, second = DynamoState(script.aws, "T").write_each(some(2))

        assert len(script.asked) == 5
    assert first is True
    assert isinstance(second, Unavailable)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("InternalServerError", Unclear),
        ("ResourceNotFound", Unavailable),
        ("AccessDenied", Unavailable),
        ("ValidationError", Refused),
        ("ItemCollectionSizeLimitExceeded", Refused),
    ],
)
def test_an_error_is_of_the_one_that_met_it(code: str, error: type[Exception]) -> None:
    with scripted(told("", code, "")) as script:
        first, second, third = DynamoState(script.aws, "T").write_each(some(3))

        assert len(script.asked) == 1
    assert (first, third) == (True, True)
    assert type(second) is error


@pytest.mark.parametrize(
    "answer",
    [
        {"Responses": [{}, {"Error": {"Message": "without a code"}}]},
        {"Responses": [{}, {"Error": {"Code": "OfTomorrow"}}]},
        {"Responses": [{}]},
        {"Responses": [{}] * 3},
        {},
    ],
)
def test_what_an_answer_leaves_open_is_not_taken_for_stored(answer: dict[str, Any]) -> None:
    with scripted(Answer(200, answer)) as script:
        answers = DynamoState(script.aws, "T").write_each(some(2))

    assert answers[1] is not True
    assert isinstance(answers[1], FieldlinkError)
    assert len(answers) == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(500, {"__type": "InternalServerError"}), Unclear),
        (Answer(reset=True), Unclear),
        (Answer(400, {"__type": "com.amazon#AccessDeniedException"}), Unavailable),
    ],
)
def test_a_call_that_fails_fails_for_its_own_records_and_is_not_made_again(
    answer: Answer, error: type[Exception]
) -> None:
    with scripted(told(*[""] * 25), answer) as script:
        answers = DynamoState(script.aws, "T").write_each(some(30))

        assert len(script.asked) == 2
    assert answers[:25] == [True] * 25
    assert [type(each) for each in answers[25:]] == [error] * 5


def test_what_was_stored_before_a_later_call_failed_is_known_to_be() -> None:
    failed = Answer(500, {"__type": "InternalServerError"})
    with scripted(told("", "ThrottlingError"), failed) as script:
        first, second = DynamoState(script.aws, "T").write_each(some(2))

    assert first is True
    assert isinstance(second, Unclear)
