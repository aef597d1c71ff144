"""POST /nudges/salesforce/{connection_id}, from the event to the queue."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fieldlink.looking.nudging import key_of
from fieldlink.records import Connection
from fieldlink.wiring import Services
from functions import poll_salesforce, receive_nudge
from local.salesforce import FakeSalesforce
from tests.conftest import CONSOLE_KEY, Pretended
from tests.functions.calls import CONTEXT, batch, http


def nudge(connection: str, *, key: str | None = None, **headers: str) -> dict[str, Any]:
    """The key is the connection's own unless told otherwise."""
    shown = key_of(connection, CONSOLE_KEY) if key is None else key
    event = http(
        "POST",
        f"/nudges/salesforce/{connection}",
        "{}",
        headers={"authorization": f"Bearer {shown}"} | headers,
    )
    event["pathParameters"] = {"connection_id": connection}
    answer: dict[str, Any] = receive_nudge.lambda_handler(event, CONTEXT)
    return answer


def test_salesforce_wakes_the_poller_once_however_often_it_calls(
    connection: Connection, bundle: Services, aws: Pretended
) -> None:
    answers = [nudge(connection.connection) for _ in range(5)]

    assert [each["statusCode"] for each in answers] == [202] * 5
    [body] = aws.queued(bundle.settings.polls_queue_url)
    assert json.loads(body)["connection"] == connection.connection


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"authorization": f"Basic {key_of('connection', CONSOLE_KEY)}"},
        {"authorization": "Bearer \udc80"},
        {"authorization": f"Bearer {key_of('another-connection', CONSOLE_KEY)}"},
    ],
)
def test_without_the_connections_key_nothing_is_queued_and_nothing_is_told(
    connection: Connection, bundle: Services, aws: Pretended, headers: dict[str, str]
) -> None:
    refused = nudge(connection.connection, **headers)
    nobody = nudge("no-such-connection", key="x")

    assert refused["statusCode"] == nobody["statusCode"] == 401
    assert refused["body"] == nobody["body"]
    assert aws.queued(bundle.settings.polls_queue_url) == []


@pytest.mark.parametrize("state", ["new", "incomplete", "lost", "ending", "ended"])
def test_a_connection_that_is_not_connected_is_not_looked_at(
    connection: Connection, bundle: Services, aws: Pretended, state: str
) -> None:
    assert bundle.state.write(connection.model_copy(update={"state": state}))

    answer = nudge(connection.connection)

    assert answer["statusCode"] == 409
    assert aws.queued(bundle.settings.polls_queue_url) == []


def test_the_key_is_in_no_log(connection: Connection, logged: Callable[[], str]) -> None:
    nudge(connection.connection)
    nudge(connection.connection, key="wrong-key-of-somebody")

    assert key_of(connection.connection, CONSOLE_KEY) not in logged()
    assert "wrong-key-of-somebody" not in logged()


def test_while_aws_is_down_the_caller_is_told_to_try_again(
    connection: Connection, bundle: Services, aws: Pretended
) -> None:
    aws.client("dynamodb").delete_table(TableName=bundle.settings.state_table)

    assert nudge(connection.connection)["statusCode"] == 503


def test_looks_that_were_asked_for_are_counted_though_they_find_nothing(
    connection: Connection, bundle: Services, aws: Pretended, salesforce: FakeSalesforce
) -> None:
    poll_salesforce.lambda_handler(batch({"connection": connection.connection}), CONTEXT)
    nudge(connection.connection)
    [body] = aws.queued(bundle.settings.polls_queue_url)
    before = counted(bundle, connection), len(salesforce.requests)

    for _ in range(4):
        poll_salesforce.lambda_handler(batch(body), CONTEXT)

    assert len(salesforce.requests) == before[1] + 4
    assert counted(bundle, connection) == before[0] + 4


def test_once_most_of_our_share_is_used_only_the_looks_of_every_five_minutes_go_on(
    connection: Connection, bundle: Services, aws: Pretended, salesforce: FakeSalesforce
) -> None:
    tick = batch({"connection": connection.connection})
    poll_salesforce.lambda_handler(tick, CONTEXT)
    nudge(connection.connection)
    [body] = aws.queued(bundle.settings.polls_queue_url)
    salesforce.daily_limit = 20_000  # of which 1,000 are ours
    bundle.meter.add(connection.connection, datetime.now(UTC), 850)
    bundle.meter.flush()
    poll_salesforce.lambda_handler(tick, CONTEXT)
    before = len(salesforce.requests)

    poll_salesforce.lambda_handler(batch(body), CONTEXT)
    assert len(salesforce.requests) == before
    poll_salesforce.lambda_handler(tick, CONTEXT)

    assert len(salesforce.requests) == before + 1


def counted(bundle: Services, connection: Connection) -> int:
    bundle.meter.flush()
    return bundle.meter.last_day(connection.connection, datetime.now(UTC))
