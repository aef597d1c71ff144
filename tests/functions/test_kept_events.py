"""From the door to the ledger, for what no message can hold or nobody can read."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from fieldlink.models import LedgerRow, Outcome
from fieldlink.records import Connection, Parked
from fieldlink.wiring import Services, now
from functions import receive_webhook, update_salesforce
from tests.conftest import Pretended
from tests.functions.calls import CONTEXT, batch, delivery

EVENT = {"type": "nearby", "device_id": "D1", "recorded_at": "2026-03-04T09:00:00.000Z"}


def delivered(there: str, body: bytes) -> None:
    answer = receive_webhook.lambda_handler(delivery(there, body), CONTEXT)
    assert answer["statusCode"] == 200


def worked_off(aws: Pretended) -> int:
    """Until the queue is empty; how many messages that took."""
    total = 0
    for _ in range(10):
        urls = aws.settings.events_queue_url, aws.settings.bursts_queue_url
        bodies = [body for url in urls for body in aws.queued(url)]
        if not bodies:
            break
        groups = [f"group-{number}" for number in range(len(bodies))]
        answer = update_salesforce.lambda_handler(batch(*bodies, groups=groups), CONTEXT)
        assert answer == {"batchItemFailures": []}
        total += len(bodies)
    return total


def ledger(bundle: Services, there: str) -> list[LedgerRow]:
    return bundle.ledger.last(there, now=now(), limit=5_000)


@pytest.fixture
def there(connection: Connection) -> str:
    return connection.connection


def test_an_event_that_no_message_can_hold_reaches_the_ledger_like_any_other(
    aws: Pretended, bundle: Services, there: str
) -> None:
    large = EVENT | {"data": {"polyline": [[13.4, 52.5]] * 30_000}}

    delivered(there, json.dumps([large, EVENT]).encode())

    assert worked_off(aws) == 2
    rows = ledger(bundle, there)
    assert [each.outcome for each in rows] == [Outcome.IGNORED] * 2
    assert {each.kind for each in rows} == {"nearby"}


@pytest.mark.parametrize("bad", [1, 5, 9])
def test_of_ten_events_the_good_ones_go_on_and_each_bad_one_is_parked(
    aws: Pretended, bundle: Services, there: str, bad: int
) -> None:
    good = [json.dumps(EVENT | {"n": n}).encode() for n in range(10 - bad)]
    flawed = [b'{"n":%d,"a":NaN}' % n for n in range(bad)]

    delivered(there, b"[" + b",".join([*flawed, *good]) + b"]")
    worked_off(aws)

    outcomes = Counter(each.outcome for each in ledger(bundle, there))
    assert outcomes == {Outcome.IGNORED: 10 - bad, Outcome.PARKED: bad}
    items = bundle.state.all_of(Parked, there)
    assert len(items) == bad
    assert {each.cause for each in items} == {"event not understood: not JSON"}


def test_a_delivery_that_was_kept_whole_is_cut_by_the_worker(
    aws: Pretended, bundle: Services, there: str
) -> None:
    events: list[Any] = [EVENT | {"n": n} for n in range(12)]
    delivered(there, json.dumps(events).encode() + b" " * 1_048_576)
    [pointer] = aws.queued(bundle.settings.bursts_queue_url)

    update_salesforce.lambda_handler(batch(pointer), CONTEXT)

    assert ledger(bundle, there) == []
    assert worked_off(aws) == 12
    assert len(ledger(bundle, there)) == 12


def test_what_is_no_longer_kept_is_parked_and_so_is_a_whole_delivery_of_nothing_readable(
    aws: Pretended, bundle: Services, there: str, logged: Callable[[], str]
) -> None:
    delivered(there, json.dumps([EVENT | {"a": "x" * 250_000}]).encode())
    [gone] = bundle.spool.list("events/", 10)
    bundle.spool.remove(gone.key)
    delivered(there, b"no delivery " * 100_000)

    worked_off(aws)

    causes = sorted(each.cause for each in bundle.state.all_of(Parked, there))
    assert causes == [
        "webhook body is not JSON",
        "what HyperTrack reported is no longer kept",
    ]
    assert [each.outcome for each in ledger(bundle, there)] == [Outcome.PARKED] * 2
    assert logged().count('"message":"parked"') == 2


def test_what_is_kept_for_a_connection_that_does_not_exist_is_parked(
    aws: Pretended, bundle: Services, there: str
) -> None:
    delivered(there, b"[{}]" + b" " * 1_048_576)
    [pointer] = aws.queued(aws.settings.bursts_queue_url)
    told = json.loads(pointer) | {"connection": "another-connection_0123456789"}

    update_salesforce.lambda_handler(batch(told), CONTEXT)

    [item] = bundle.state.all_of(Parked, "another-connection_0123456789")
    assert item.cause == "no such connection"
