"""Events as AWS sends them, and what a function is called with besides."""

import hmac
import json
from base64 import b64encode
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.conftest import SECRET_KEY

HOST = "example.execute-api.eu-central-1.amazonaws.com"


class Context(NamedTuple):
    """Lambda's context, as far as anybody reads it."""

    function_name: str = "fieldlink"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:fieldlink"
    aws_request_id: str = "7f5c2d3a-0000-4000-8000-000000000000"
    remaining: int = 60_000  # milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


CONTEXT = Context()


def http(
    method: str,
    path: str,
    body: bytes | str = "",
    *,
    headers: dict[str, str] | None = None,
    query: str = "",
    cookies: list[str] | None = None,
) -> dict[str, Any]:
    """An HTTP API's event, payload format 2.0. Bytes come base64, as those that are no text."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": HOST, "x-forwarded-proto": "https", **(headers or {})},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "example",
            "domainName": HOST,
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.7",
                "userAgent": "test",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "stage": "$default",
            "time": "04/Mar/2026:09:00:00 +0000",
            "timeEpoch": 1772614800000,
        },
        "isBase64Encoded": isinstance(body, bytes),
    }
    if query:
        pairs = (pair.partition("=") for pair in query.split("&"))
        event["queryStringParameters"] = {name: value for name, _, value in pairs}
    if cookies:
        event["cookies"] = cookies
    if body:
        event["body"] = b64encode(body).decode() if isinstance(body, bytes) else body
    return event


def post_form(path: str, **fields: str) -> dict[str, Any]:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return http("POST", path, urlencode(fields).encode(), headers=headers)


def sign(body: bytes, secret: str = SECRET_KEY) -> str:
    return hmac.new(secret.encode(), body, "sha1").hexdigest()


def delivery(
    connection: str, body: bytes, signature: str | None = None, **headers: str
) -> dict[str, Any]:
    """HyperTrack's webhook as the door gets it, signed rightly unless told otherwise."""
    given = sign(body) if signature is None else signature
    all_headers = {"content-type": "application/json", "x-hypertrack-signature": given}
    text = body.decode() if body.isascii() else body
    event = http(
        "POST", f"/webhooks/hypertrack/{connection}", text, headers=all_headers | headers
    )
    event["routeKey"] = "POST /webhooks/hypertrack/{connection_id}"
    event["pathParameters"] = {"connection_id": connection}
    return event


def batch(*bodies: Any, groups: list[str] | None = None, tries: int = 1) -> dict[str, Any]:
    """What a FIFO queue's mapping hands to a worker; all in one group unless told otherwise."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": f"receipt-{number}",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {
                    "ApproximateReceiveCount": str(tries),
                    "AWSTraceHeader": "Root=1-69a7f0d0-000000000000000000000000",
                    "SentTimestamp": "1772614800000",
                    "SequenceNumber": f"1888{number:016d}",
                    "MessageGroupId": groups[number] if groups else "group",
                    "SenderId": "AROAEXAMPLE:ReceiveWebhook",
                    "MessageDeduplicationId": f"key-{number}",
                    "ApproximateFirstReceiveTimestamp": "1772614800001",
                },
                "messageAttributes": {},
                "md5OfBody": "00000000000000000000000000000000",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:Queue.fifo",
                "awsRegion": "eu-central-1",
            }
            for number, body in enumerate(bodies)
        ]
    }
