"""Deliveries as HyperTrack makes them and API Gateway passes them on."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any, NamedTuple

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
CONNECTION = "connection-of-the-bench"
SECRET = "hypertrack-secret-of-the-bench"
SIZES = (1, 10, 100)  # events in the deliveries that are measured
# files of events/hypertrack that make up a day
KINDS = (
    "geofence.entry",
    "geofence.exit",
    "device_status.active",
    "device_status.inactive",
    "battery.low",
)
SEALED = "c2VhbGVkIHNlY3JldA=="  # stands for what KMS would have made of SECRET


class Context(NamedTuple):
    """What Lambda tells a handler of itself."""

    aws_request_id: str = "request-of-the-bench"
    function_name: str = "ReceiveWebhook"
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:000000000000:function:Webhook"
    tenant_id: str | None = None


def events(count: int) -> list[Json]:
    """Different ones, from a handful of devices."""
    folder = ROOT / "events" / "hypertrack"
    kinds = [json.loads((folder / f"{kind}.json").read_text())[0] for kind in KINDS]
    return [
        kinds[number % len(kinds)]
        | {
            "device_id": f"A1B2C3D4-0001-4AAA-8BBB-{number % 7:012}",
            "recorded_at": f"2026-03-04T14:{number // 60 % 60:02}:{number % 60:02}.250Z",
        }
        for number in range(count)
    ]


def delivery(
    body: bytes, *, signature: str | None = None, connection: str = CONNECTION
) -> Json:
    """A signed one; or signed as one says."""
    signed = hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
    path = f"/webhooks/hypertrack/{connection}"
    return {
        "version": "2.0",
        "routeKey": "POST /webhooks/hypertrack/{connection_id}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "content-type": "application/json",
            "host": "api.example.com",
            "user-agent": "HyperTrack",
            "x-forwarded-for": "127.0.0.1",
            "x-hypertrack-signature": signed if signature is None else signature,
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "api",
            "domainName": "api.example.com",
            "http": {
                "method": "POST",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "HyperTrack",
            },
            "requestId": "request",
            "routeKey": "POST /webhooks/hypertrack/{connection_id}",
            "stage": "$default",
            "time": "04/Mar/2026:14:45:02 +0000",
            "timeEpoch": 1772635502000,
        },
        "pathParameters": {"connection_id": connection},
        "body": body.decode(),
        "isBase64Encoded": False,
    }


def delivery_of(count: int) -> Json:
    """One with so many events, all of which are queued."""
    return delivery(json.dumps(events(count)).encode())
