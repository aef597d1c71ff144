import gzip
import json
from typing import Any

import pytest

from fieldlink.records import Connection, WebhookKeys
from fieldlink.wiring import Services
from functions import receive_webhook
from tests.conftest import Pretended
from tests.functions.calls import CONTEXT, delivery, sign

EVENT = {
    "type": "geofence",
    "device_id": "D1",
    "recorded_at": "2026-03-04T09:00:00.000Z",
    "data": {"value": "entry", "geofence_id": "g"},
}
BODY = json.dumps([EVENT]).encode()


@pytest.fixture
def there(connection: Connection) -> str:
    return connection.connection


def answered(event: dict[str, Any]) -> int:
    answer = receive_webhook.lambda_handler(event, CONTEXT)
    assert answer["headers"] == {"content-type": "application/json"}
    assert set(json.loads(answer["body"])) == {"message"}
    return int(answer["statusCode"])


def queued(aws: Pretended) -> list[Any]:
    return [json.loads(body)["event"] for body in aws.queued(aws.settings.events_queue_url)]


# ── what is taken ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("content", [[EVENT], EVENT], ids=["array", "object"])
def test_what_hypertrack_signed_is_queued(aws: Pretended, there: str, content: Any) -> None:
    assert answered(delivery(there, json.dumps(content).encode())) == 200

    assert queued(aws) == [EVENT]


def test_a_body_that_comes_in_base64_is_checked_byte_by_byte(
    aws: Pretended, there: str
) -> None:
    body = json.dumps([EVENT | {"note": "Grüße 🚲"}], ensure_ascii=False).encode()
    event = delivery(there, body)
    assert event["isBase64Encoded"]

    assert answered(event) == 200
    assert queued(aws) == [EVENT | {"note": "Grüße 🚲"}]


def test_text_that_is_not_ascii_may_come_as_text(aws: Pretended, there: str) -> None:
    body = json.dumps([EVENT | {"note": "Grüße"}], ensure_ascii=False).encode()
    event = delivery(there, body) | {"body": body.decode(), "isBase64Encoded": False}

    assert answered(event) == 200
    assert queued(aws) == [EVENT | {"note": "Grüße"}]


def test_each_event_of_an_array_is_a_message_of_its_own_and_bad_ones_cost_nobody(
    aws: Pretended, there: str
) -> None:
    bad: list[Any] = [
        None,
        7,
        "text",
        [],
        {},
        {"type": None, "device_id": {"a": 1}},
        {"data": []},
    ]
    good = [EVENT | {"device_id": f"D{number}"} for number in range(15)]

    assert answered(delivery(there, json.dumps([*bad, *good]).encode())) == 200

    found = queued(aws)
    assert len(found) == len(bad) + len(good)
    assert all(each in found for each in (*bad, *good))


def test_a_message_says_whose_it_is_and_keeps_the_content(aws: Pretended, there: str) -> None:
    answered(delivery(there, BODY))

    [body] = aws.queued(aws.settings.events_queue_url)
    message = json.loads(body)
    assert set(message) == {"connection", "id", "received_at", "event"}
    assert message["connection"] == there


def test_positions_are_dropped_at_the_door(aws: Pretended, there: str) -> None:
    position = {"type": "location", "device_id": "D1", "data": {"speed": 1}}

    assert answered(delivery(there, json.dumps([position, EVENT]).encode())) == 200

    assert queued(aws) == [EVENT]


def test_the_test_event_of_the_dashboard_is_kept(aws: Pretended, there: str) -> None:
    test = {"type": "location", "device_id": "TEST_DEVICE_ID", "account_id": "0"}

    assert answered(delivery(there, json.dumps([test]).encode())) == 200

    assert queued(aws) == [test]


@pytest.mark.parametrize("body", [b"[]", b" [] "])
def test_a_delivery_of_nothing_is_fine(aws: Pretended, there: str, body: bytes) -> None:
    assert answered(delivery(there, body)) == 200
    assert queued(aws) == []


def test_a_delivery_signed_with_the_secret_before_is_taken(
    there: str, bundle: Services
) -> None:
    kept = bundle.state.read(WebhookKeys, there)
    assert kept
    new = bundle.vault.seal("the new secret", connection=there)
    bundle.state.write(kept.model_copy(update={"secrets": (new, *kept.secrets)}))

    assert answered(delivery(there, BODY, sign(BODY, "the new secret"))) == 200
    assert answered(delivery(there, BODY)) == 200


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded"])
def test_any_content_type_is_taken(aws: Pretended, there: str, kind: str) -> None:
    assert answered(delivery(there, BODY, **{"content-type": kind})) == 200
    assert queued(aws) == [EVENT]


# ── what is refused, leaving nothing queued ────────────────────────────────────

GOOD = sign(BODY)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "garbage",
        sign(BODY, "another secret"),
        sign(BODY + b" "),
        GOOD[:-1],
        GOOD + "0",
        GOOD.upper(),
        f"{GOOD}, {GOOD}",
        f"{GOOD},{GOOD}",
        f" {GOOD}",
        f"sha1={GOOD}",
        "é" * 40,
        "\ud800",
        "0" * 40,
        "\x00" * 40,
    ],
)
def test_a_signature_that_is_not_hypertracks_is_401(
    aws: Pretended, there: str, signature: str
) -> None:
    assert answered(delivery(there, BODY, signature)) == 401
    assert queued(aws) == []


def test_a_delivery_without_a_signature_is_401(aws: Pretended, there: str) -> None:
    event = delivery(there, BODY)
    del event["headers"]["x-hypertrack-signature"]

    assert answered(event) == 401
    assert queued(aws) == []


def test_a_body_that_was_cut_off_is_401(aws: Pretended, there: str) -> None:
    assert answered(delivery(there, BODY[:-1], GOOD)) == 401
    assert queued(aws) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"text",
        b"\xff\xfe\xff",
        b"[\xff]",
        b"[" + BODY,
        b"7",
        b"null",
        b'"text"',
        b"[NaN]",
        b"[Infinity]",
        b'[{"a":-Infinity}]',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b"[1,]",
        b"[" + b"9" * 5000 + b"]",
        b'[{"type":"geofence"',
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_signed_and_not_json_is_400(aws: Pretended, there: str, body: bytes) -> None:
    assert answered(delivery(there, body)) == 400
    assert queued(aws) == []


def test_a_compressed_body_is_415(aws: Pretended, there: str) -> None:
    body = gzip.compress(BODY)

    assert answered(delivery(there, body, **{"content-encoding": "gzip"})) == 415
    assert queued(aws) == []


def test_an_event_that_no_message_can_hold_is_413_and_nothing_is_queued(
    aws: Pretended, there: str
) -> None:
    body = json.dumps([EVENT, EVENT | {"note": "x" * 1_050_000}]).encode()

    assert answered(delivery(there, body)) == 413
    assert queued(aws) == []


@pytest.mark.parametrize(
    "name",
    [
        "unknown-connection_0123456789",
        "",
        "short",
        "connections",
        "x" * 65,
        "connection-of-the-tests_0123456789-abcdefg",
        "../connection-of-the-tests_0123456789-abcdefgh",
        "connection-of-the-tests_0123456789-abcdefgh\n",
        "connection-of-the-tests_0123456789-abcdefgh#x",
        "\uff43onnection-of-the-tests_0123456789-abcdefgh",
        "x" * 5000,
        "\x00" * 30,
    ],
    ids=lambda text: repr(text[:40]),
)
def test_a_connection_that_does_not_exist_is_404(aws: Pretended, there: str, name: str) -> None:
    assert name != there
    assert answered(delivery(name, BODY)) == 404
    assert queued(aws) == []


def test_a_connection_never_takes_what_another_was_sent(
    aws: Pretended, there: str, bundle: Services
) -> None:
    other = "another-connection_0123456789"
    sealed = bundle.vault.seal("another secret", connection=other)
    bundle.state.write(WebhookKeys(connection=other, secrets=(sealed,)))

    assert answered(delivery(other, BODY)) == 401
    assert answered(delivery(there, BODY, sign(BODY, "another secret"))) == 401
    assert queued(aws) == []


# ── our own faults, which hypertrack repeats ───────────────────────────────────


def test_a_queue_that_is_gone_is_a_503(aws: Pretended, there: str, bundle: Services) -> None:
    aws.client("sqs").delete_queue(QueueUrl=bundle.settings.events_queue_url)

    assert answered(delivery(there, BODY)) == 503


def test_a_table_that_is_gone_is_a_503(aws: Pretended, there: str) -> None:
    aws.client("dynamodb").delete_table(TableName="State")

    assert answered(delivery(there, BODY)) == 503


def test_a_secret_that_does_not_open_is_a_503(there: str, bundle: Services) -> None:
    kept = bundle.state.read(WebhookKeys, there)
    assert kept
    sealed = bundle.vault.seal("secret", connection="another connection")
    bundle.state.write(kept.model_copy(update={"secrets": (sealed,)}))

    assert answered(delivery(there, BODY, sign(BODY, "secret"))) == 503
