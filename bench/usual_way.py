"""The webhook door's job, written the usual way: what the bench puts beside ours.

Powertools' HTTP resolver, logger and metrics, pydantic models, boto3's clients made on import;
the same checks in the same order, the same messages in the same groups.
"""

import hashlib
import hmac
import json
import os
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from time import monotonic
from typing import Annotated, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import (
    BadRequestError,
    NotFoundError,
    ServiceError,
    UnauthorizedError,
)
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

logger = Logger(service="fieldlink", log_uncaught_exceptions=False)
metrics = Metrics(namespace="Fieldlink", service="fieldlink")
app = APIGatewayHttpResolver()

dynamodb = boto3.client("dynamodb")
kms = boto3.client("kms")
sqs = boto3.client("sqs")

TEST_DEVICE = "TEST_DEVICE_ID"
MOST = 10  # entries in a batch
TRIES = 3  # for the entries that SQS did not take
LATELY = 5  # seconds for which it believes what it has read


class Keys(BaseModel):
    """What is stored of a connection for its webhooks."""

    model_config = ConfigDict(frozen=True)

    secrets: tuple[str, ...]
    live_positions: bool


KNOWN: dict[str, tuple[float, Keys | None]] = {}  # when it was read, and what


class Event(BaseModel):
    """One event of HyperTrack's; it adds fields freely, and all of them are passed on."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str
    device_id: str | None = None
    created_at: AwareDatetime
    recorded_at: AwareDatetime
    data: dict[str, Any]

    @property
    def is_position(self) -> bool:
        return self.type == "location" and self.device_id != TEST_DEVICE

    @property
    def subject(self) -> str:
        return self.device_id or str(self.data.get("order_handle") or "")


class Envelope(BaseModel):
    """A queued event."""

    connection: str
    id: str
    received_at: AwareDatetime
    event: Event


Events = TypeAdapter[list[Event] | Event](
    Annotated[list[Event] | Event, Field(union_mode="left_to_right")]
)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """One delivery, in API Gateway's payload format 2.0."""
    return app.resolve(event, context)


@app.post("/webhooks/hypertrack/<connection>")
def receive(connection: str) -> dict[str, Any]:
    """Check the signature, queue the events, answer."""
    metrics.add_metric(name="Deliveries", unit=MetricUnit.Count, value=1)
    headers = app.current_event.headers
    if headers.get("content-encoding", "identity").lower() not in {"", "identity"}:
        raise ServiceError(415, "compressed webhooks are not understood")
    text = app.current_event.body or ""
    body = b64decode(text) if app.current_event.is_base64_encoded else text.encode()
    keys = keys_of(connection)
    if keys is None:
        raise NotFoundError("no such connection")
    verify(body, headers.get("x-hypertrack-signature", ""), keys)
    count = send(entries(events(body), connection, keys))
    logger.info("webhook accepted", connection=connection, events=count)
    return {"message": "webhook accepted"}


def keys_of(connection: str) -> Keys | None:
    """The secrets of a connection, as of a moment ago; None if there is no such connection."""
    at, keys = KNOWN.get(connection, (0.0, None))
    if keys is None or monotonic() - at > LATELY:
        at, keys = monotonic(), stored_keys(connection)
        KNOWN[connection] = at, keys
    return keys


def stored_keys(connection: str) -> Keys | None:
    key = {"pk": {"S": connection}, "sk": {"S": "webhook"}}
    item = dynamodb.get_item(TableName=os.environ["STATE_TABLE"], Key=key).get("Item")
    if item is None:
        return None
    stored = json.loads(item["body"]["S"])
    secrets = tuple(opened(each, connection) for each in stored["secrets"])
    return Keys(secrets=secrets, live_positions=stored["live_positions"])


@cache
def opened(sealed: str, connection: str) -> str:
    """What the stack's key sealed."""
    answer = kms.decrypt(
        KeyId=os.environ["KMS_KEY_ID"],
        CiphertextBlob=b64decode(sealed),
        EncryptionContext={"connection": connection},
    )
    return str(answer["Plaintext"].decode())


def verify(body: bytes, signature: str, keys: Keys) -> None:
    """Lower-case hex HMAC-SHA1 over the raw body, with any of the secrets."""
    expected = [
        hmac.new(each.encode(), body, hashlib.sha1).hexdigest() for each in keys.secrets
    ]
    given = signature.encode(errors="replace")
    if not any(hmac.compare_digest(each.encode(), given) for each in expected):
        raise UnauthorizedError("webhook refused")


def events(body: bytes) -> list[Event]:
    """The events of a body, whether it is an array or a single object."""
    try:
        parsed = Events.validate_json(body)
    except ValidationError as error:
        raise BadRequestError("webhook not understood") from error
    return [parsed] if isinstance(parsed, Event) else parsed


def entries(found: list[Event], connection: str, keys: Keys) -> Iterator[dict[str, str]]:
    """What is queued: no streams of positions, one message for each event."""
    received_at = datetime.now(UTC)
    for event in found:
        if event.is_position and not keys.live_positions:
            continue
        key = hashlib.sha256(f"{connection}{event.model_dump_json()}".encode()).hexdigest()
        envelope = Envelope(connection=connection, id=key, received_at=received_at, event=event)
        device = hashlib.sha256(event.subject.encode()).hexdigest()[:24]
        yield {
            "MessageBody": envelope.model_dump_json(),
            "MessageGroupId": f"{connection}-{device}",
            "MessageDeduplicationId": key,
        }


def send(messages: Iterator[dict[str, str]]) -> int:
    """In batches; only the entries that SQS did not take are sent again."""
    numbered = [{"Id": str(number), **each} for number, each in enumerate(messages)]
    for start in range(0, len(numbered), MOST):
        batch = numbered[start : start + MOST]
        for _ in range(TRIES):
            batch = send_batch(batch)
            if not batch:
                break
        else:
            raise ServiceError(503, "try again")
    return len(numbered)


def send_batch(batch: list[dict[str, str]]) -> list[dict[str, str]]:
    """Those that SQS did not take."""
    answer = sqs.send_message_batch(QueueUrl=os.environ["EVENTS_QUEUE_URL"], Entries=batch)
    failed = {each["Id"] for each in answer.get("Failed", ())}
    return [each for each in batch if each["Id"] in failed]
