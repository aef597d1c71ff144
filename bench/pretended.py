"""What both ways are told by a pretended AWS, and what they sent to it."""

import json
from base64 import b64encode
from datetime import datetime
from typing import Any, NamedTuple

from bench.deliveries import CONNECTION, SEALED, SECRET, Json

QUEUE = "https://sqs.eu-central-1.amazonaws.com/000000000000/Events.fifo"
# What Lambda gives a function; the second half are the variables of the template.
ENVIRONMENT = {
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "access-key",
    "AWS_SECRET_ACCESS_KEY": "secret-key",
    "AWS_SESSION_TOKEN": "session-token" * 40,  # those of a role are long
    "AWS_LAMBDA_FUNCTION_NAME": "ReceiveWebhook",
    "STATE_TABLE": "State",
    "LEDGER_TABLE": "Ledger",
    "POLLS_QUEUE_URL": QUEUE,
    "CHANGES_QUEUE_URL": QUEUE,
    "INVITES_QUEUE_URL": QUEUE,
    "EVENTS_QUEUE_URL": QUEUE,
    "BURSTS_QUEUE_URL": QUEUE,
    "SALESFORCE_APP_SECRET": "SalesforceApp",
    "SALESFORCE_JWT_KEY_SECRET": "SalesforceJwtKey",
    "CONSOLE_KEY_SECRET": "ConsoleKey",
    "SPOOL_BUCKET": "spool",
    "NOTICES_TOPIC": "arn:aws:sns:eu-central-1:000000000000:Notices",
    "KMS_KEY_ID": "arn:aws:kms:eu-central-1:000000000000:key/Key",
    "SALESFORCE_LOGIN_URL": "https://login.salesforce.com",
    "SALESFORCE_API_VERSION": "67.0",
    "HYPERTRACK_API_URL": "https://v3.api.hypertrack.com",
    "MAIL_FROM": "office@example.com",
    "MAIL_CONFIGURATION": "Mails",
    "PUBLIC_URL": "",
    "LEDGER_DAYS": "400",
}


class Sent(NamedTuple):
    """One queued message."""

    body: str
    group: str
    key: str


class PretendedAws:
    """Knows one connection, takes every message and keeps it."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    def answer(self, target: str, asked: bytes) -> bytes:
        """To a POST of AWS's JSON protocols."""
        payload = json.loads(asked)
        match target.rpartition(".")[2]:
            case "GetItem":
                told = _item(payload["Key"]["pk"]["S"])
            case "Decrypt":
                told = {"KeyId": payload["KeyId"], "Plaintext": _base64(SECRET)}
            case "SendMessageBatch":
                told = self._take(payload["Entries"])
            case other:
                raise LookupError(other)
        return json.dumps(told).encode()

    def _take(self, entries: list[dict[str, str]]) -> Json:
        self.sent += [
            Sent(each["MessageBody"], each["MessageGroupId"], each["MessageDeduplicationId"])
            for each in entries
        ]
        taken = {"MessageId": "message", "MD5OfMessageBody": "0" * 32, "SequenceNumber": "1"}
        return {"Successful": [{"Id": each["Id"], **taken} for each in entries], "Failed": []}


def _item(connection: str) -> Json:
    if connection != CONNECTION:
        return {}
    keys = json.dumps({"secrets": [SEALED], "live_positions": False})
    return {"Item": {"pk": {"S": connection}, "sk": {"S": "webhook"}, "body": {"S": keys}}}


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def meaning(sent: list[Sent]) -> list[Any]:
    """The messages, as far as both ways must agree.

    Each writes JSON, times and so the keys in its own way; what must be the same is the content
    and which messages have one key.
    """
    keys = [each.key for each in sent]
    return [(_content(each), each.group, keys.index(each.key)) for each in sent]


def _content(message: Sent) -> Json:
    envelope: Json = json.loads(message.body)
    received_at = envelope.pop("received_at")
    same_key = envelope.pop("id") == message.key
    times = {
        name: _moment(text) for name, text in envelope["event"].items() if name.endswith("_at")
    }
    return envelope | {
        "event": envelope["event"] | times,
        "zoned": received_at.endswith(("Z", "+00:00")),
        "same_key": same_key,
    }


def _moment(text: str) -> str:
    return datetime.fromisoformat(text).isoformat()
