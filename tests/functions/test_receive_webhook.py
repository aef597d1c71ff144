import gzip
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from fieldlink.errors import Unavailable
from fieldlink.hearing.webhooks import LARGEST_BODY
from fieldlink.records import Connection, WebhookKeys
from fieldlink.wiring import Services
from functions import receive_webhook, take_up_deliveries
from tests.conftest import SECRET_KEY, Pretended
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
    urls = aws.settings.events_queue_url, aws.settings.bursts_queue_url
    return [json.loads(body)["event"] for url in urls for body in aws.queued(url)]


def kept(bundle: Services, prefix: str = "") -> list[str]:
    return [each.key for each in bundle.spool.list(prefix, 1_000)]


def taken_up() -> int:
    return int(take_up_deliveries.lambda_handler({}, CONTEXT)["taken_up"])


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
        GOOD[:-1],
        GOOD + "0",
        GOOD.upper(),
        f"{GOOD}, {GOOD}",
        f"{GOOD},{GOOD}",
        f" {GOOD}",
        f"{GOOD}\n",
        f"sha1={GOOD}",
        "é" * 40,
        "\ud800",
        "\x00" * 40,
    ],
)
def test_what_is_no_signature_of_hypertracks_is_401_and_nothing_is_kept(
    aws: Pretended, bundle: Services, there: str, signature: str
) -> None:
    assert answered(delivery(there, BODY, signature)) == 401
    assert queued(aws) == []
    assert kept(bundle) == []


@pytest.mark.parametrize("signature", [sign(BODY, "another secret"), sign(b"x"), "0" * 40])
def test_a_signature_with_another_secret_is_401_and_the_delivery_is_held(
    aws: Pretended, bundle: Services, there: str, logged: Callable[[], str], signature: str
) -> None:
    assert answered(delivery(there, BODY, signature)) == 401

    assert queued(aws) == []
    [key] = kept(bundle)
    assert key.startswith(f"unsigned/{there}/")
    assert '"webhook refused"' in logged()


def test_what_was_sent_while_our_secret_was_wrong_is_taken_up_once_it_is_right(
    aws: Pretended, bundle: Services, there: str
) -> None:
    known = bundle.state.read(WebhookKeys, there)
    assert known
    wrong = bundle.vault.seal("mistyped", connection=there)
    bundle.state.write(known.model_copy(update={"secrets": (wrong,)}))
    events = [EVENT | {"n": n} for n in range(20)]
    for each in events:
        assert answered(delivery(there, json.dumps([each]).encode())) == 401
    assert answered(delivery(there, BODY, "0" * 40)) == 401
    assert taken_up() == 0

    spoilt = bundle.state.read(WebhookKeys, there)
    assert spoilt
    bundle.state.write(spoilt.model_copy(update={"secrets": known.secrets}))

    assert taken_up() == 20
    found = queued(aws)
    assert len(found) == 20
    assert all(each in found for each in events)
    assert taken_up() == 0


def test_secrets_may_be_changed_at_any_time_and_no_delivery_is_refused(
    aws: Pretended, bundle: Services, there: str
) -> None:
    secrets = [SECRET_KEY, *(f"secret {number}" for number in range(5))]
    for before, now in pairwise(secrets):
        known = bundle.state.read(WebhookKeys, there)
        assert known
        sealed = bundle.vault.seal(now, connection=there)
        changed = {"secrets": (sealed, known.secrets[0])}
        assert answered(delivery(there, BODY, sign(BODY, before))) == 200
        bundle.state.write(known.model_copy(update=changed))
        assert answered(delivery(there, BODY, sign(BODY, before))) == 200
        assert answered(delivery(there, BODY, sign(BODY, now))) == 200

    assert kept(bundle) == []
    assert queued(aws)


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
        b"[" + BODY,
        b"7",
        b"null",
        b'"text"',
        b"[" * 100_000,
        b"[1,]",
        b'[{"type":"geofence"',
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_signed_and_can_not_be_cut_into_events_is_400(
    aws: Pretended, there: str, body: bytes
) -> None:
    assert answered(delivery(there, body)) == 400
    assert queued(aws) == []


@pytest.mark.parametrize(
    "bad",
    [
        b"NaN",
        b'{"a":-Infinity}',
        b'"\xff"',
        b"[" * 50_000 + b"]" * 50_000,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b"9" * 5000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_can_not_be_read_of_a_signed_delivery_is_queued_as_text(
    aws: Pretended, there: str, bad: bytes
) -> None:
    assert answered(delivery(there, b"[" + BODY[1:-1] + b"," + bad + b"]")) == 200

    assert queued(aws) == [EVENT, bad.decode(errors="replace")]


def test_what_is_said_to_be_base64_and_is_not_is_400(there: str) -> None:
    event = delivery(there, BODY) | {"body": "{}x", "isBase64Encoded": True}

    assert answered(event) == 400


def test_a_compressed_body_is_415(aws: Pretended, there: str) -> None:
    body = gzip.compress(BODY)

    assert answered(delivery(there, body, **{"content-encoding": "gzip"})) == 415
    assert queued(aws) == []


def test_an_event_that_no_message_can_hold_is_kept_and_the_others_are_queued(
    aws: Pretended, bundle: Services, there: str
) -> None:
    large = EVENT | {"note": "x" * 400_000}

    assert answered(delivery(there, json.dumps([EVENT, large]).encode())) == 200

    first, second = (json.loads(each) for each in aws.queued(bundle.settings.events_queue_url))
    assert first["event"] == EVENT
    assert json.loads(bundle.spool.get(second["spooled"]) or b"") == large


LAMBDA_TAKES = 6_291_456  # bytes of JSON, the body's quotes escaped
BESIDES = 10_240 + 2_000  # bytes: the most that headers may be, and the rest of an event


@pytest.mark.parametrize(
    ("size", "share", "passes"),
    [
        (1_048_576, 1.0, True),
        (4_000_000, 0.56, True),
        (4_000_000, 0.58, False),
        (5_640_000, 1 / 9, True),
        (5_660_000, 1 / 9, False),
        (6_270_000, 0.0, True),
    ],
)
def test_a_delivery_that_lambda_hands_us_is_taken_however_large_it_is(
    aws: Pretended, bundle: Services, there: str, size: int, share: float, passes: bool
) -> None:
    escaped = int(size * share / 2) * b'\\"'
    body = b'{"note":"' + escaped + b"x" * (size - len(escaped) - 11) + b'"}'
    event = delivery(there, body)

    handed = len(json.dumps(event["body"])) + BESIDES
    assert (handed <= LAMBDA_TAKES) is passes
    assert answered(event) == 200

    [pointer] = (json.loads(each) for each in aws.queued(bundle.settings.bursts_queue_url))
    assert bundle.spool.get(pointer["spooled"]) == body


def test_what_is_larger_than_anything_that_lambda_hands_us_is_413(
    aws: Pretended, bundle: Services, there: str
) -> None:
    body = b'["' + b"x" * LAMBDA_TAKES + b'"]'

    assert answered(delivery(there, body)) == 413
    assert queued(aws) == []
    assert kept(bundle) == []


def test_a_body_in_base64_is_as_large_as_its_bytes_and_a_third(there: str) -> None:
    body = b'["' + b"\xff" * int(LARGEST_BODY * 3 / 4) + b'"]'

    assert answered(delivery(there, body[: LARGEST_BODY * 3 // 4 - 3])) == 200
    assert answered(delivery(there, body)) == 413


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


def test_while_the_queue_is_gone_deliveries_are_kept_and_taken_up_when_it_is_back(
    aws: Pretended, there: str, bundle: Services, logged: Callable[[], str]
) -> None:
    url = bundle.settings.bursts_queue_url
    for each in (url, bundle.settings.events_queue_url):
        aws.client("sqs").delete_queue(QueueUrl=each)

    assert answered(delivery(there, BODY)) == 200

    assert [each.split("/")[:2] for each in kept(bundle)] == [["spare", there]]
    assert '"webhook kept"' in logged()
    with pytest.raises(Unavailable):
        taken_up()
    fifo = {"FifoQueue": "true"}
    aws.client("sqs").create_queue(QueueName=url.rpartition("/")[2], Attributes=fifo)
    assert taken_up() == 1
    assert [json.loads(each)["event"] for each in aws.queued(url)] == [EVENT]
    assert kept(bundle) == []


def test_without_queue_and_spool_it_is_a_503(
    aws: Pretended, there: str, bundle: Services
) -> None:
    aws.client("sqs").delete_queue(QueueUrl=bundle.settings.events_queue_url)
    aws.client("s3").delete_bucket(Bucket=bundle.settings.spool_bucket)

    assert answered(delivery(there, BODY)) == 503


def test_without_the_spool_what_is_to_be_kept_is_a_503_and_all_else_goes_on(
    aws: Pretended, there: str, bundle: Services
) -> None:
    aws.client("s3").delete_bucket(Bucket=bundle.settings.spool_bucket)

    assert answered(delivery(there, BODY)) == 200
    assert answered(delivery(there, BODY, "0" * 40)) == 503
    assert answered(delivery(there, json.dumps([{"a": "x" * 250_000}]).encode())) == 503


def test_a_table_that_is_gone_is_a_503(aws: Pretended, there: str) -> None:
    aws.client("dynamodb").delete_table(TableName="State")

    assert answered(delivery(there, BODY)) == 503


def test_a_secret_that_does_not_open_is_a_503(there: str, bundle: Services) -> None:
    kept = bundle.state.read(WebhookKeys, there)
    assert kept
    sealed = bundle.vault.seal("secret", connection="another connection")
    bundle.state.write(kept.model_copy(update={"secrets": (sealed,)}))

    assert answered(delivery(there, BODY, sign(BODY, "secret"))) == 503
