"""The webhook door with nothing behind it, and what must be true of whatever it is sent."""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fieldlink.errors import Refused
from fieldlink.hearing import facts, unpacking
from fieldlink.hearing.lanes import Lanes
from fieldlink.models import Report
from fieldlink.ports import Depth, Keys, Message
from functions import receive_webhook

Json = dict[str, Any]

CONNECTION, SECRET = "connection-of-the-fuzzer", "hypertrack-secret-of-the-fuzzer"
GOOD = {"type": "geofence", "device_id": "d-1", "data": {"value": "entry"}}
LARGEST_MESSAGE = 262_144 - 10_240  # bytes, less what a batch's own fields take
EXAMPLES = sorted((Path(__file__).parent.parent / "events" / "hypertrack").glob("*.json"))


class Queue:
    """Takes everything."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def put(self, messages: Iterable[Message]) -> None:
        self.messages += messages

    def depth(self) -> Depth:
        return Depth(waiting=len(self.messages), dead=0)


class Bucket:
    """Likewise."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, key: str, body: bytes) -> None:
        self.kept[key] = body

    def claim(self, key: str, body: bytes) -> bool:
        return self.kept.setdefault(key, body) is body

    def get(self, key: str) -> bytes | None:
        return self.kept.get(key)


def delivered(body: bytes, *, signed: bool = True, live: bool = False) -> tuple[int, Any, Any]:
    """What the door answers, and what lies in queue and spool then."""
    queue, bucket = Queue(), Bucket()
    keys = Keys([SECRET], live_positions=live)
    of = {CONNECTION: keys}.get
    ring = SimpleNamespace(of=of, lately=of)
    behind = SimpleNamespace(key_ring=ring, lanes=Lanes(queue, queue), spool=bucket)
    door: Any = receive_webhook
    known, door.services = door.services, lambda: behind
    try:
        answer = door.lambda_handler(request(body, signed=signed), None)
    finally:
        door.services = known
    return answer["statusCode"], queue, bucket


def request(body: bytes, *, signed: bool) -> Json:
    """As API Gateway hands it on: what is no text comes in base64."""
    secret = SECRET if signed else "another secret"
    signature = hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
    text = body.isascii()
    return {
        "headers": {"X-HyperTrack-Signature": signature},
        "pathParameters": {"connection_id": CONNECTION},
        "body": body.decode() if text else b64encode(body).decode(),
        "isBase64Encoded": not text,
    }


def check(data: bytes) -> None:
    """Whatever comes, the door answers, and what it queues the worker can read."""
    status, queue, bucket = delivered(data, live=len(data) % 2 == 0)
    expect(status in {200, 400, 413}, status)
    expect(status == 200 or not queue.messages, "queued and refused")
    readable(queue, bucket)
    between(data)
    status, queue, bucket = delivered(data, signed=False)
    expect(status == 401, status)
    expect(not queue.messages, "queued without a signature")
    expect(len(bucket.kept) <= 1, "kept more than once")


def between(data: bytes) -> None:
    """What stands before an event that can't be read is queued if anything is."""
    good = json.dumps(GOOD).encode()
    status, queue, _ = delivered(b"[" + good + b"," + data + b"," + good + b"]")
    expect(status in {200, 400, 413}, status)
    first = json.loads(queue.messages[0].body) if queue.messages else {}
    expect(first.get("event", GOOD) == GOOD, "a good neighbour is not itself")
    expect(bool(queue.messages) is (status == 200), "lost")


def readable(queue: Queue, bucket: Bucket) -> None:
    for each in queue.messages:
        expect(each.body.isascii() and len(each.body) <= LARGEST_MESSAGE, "no message")
        expect(len(each.group) <= 128 and len(each.key) <= 128, "no group or key")
        report = Report.model_validate(json.loads(each.body))
        if unpacking.holds_many(report):
            continue
        try:
            facts.read(unpacking.with_event(report, bucket))  # type: ignore[arg-type]
        except Refused:
            continue


def expect(true: bool, otherwise: object) -> None:
    if not true:
        raise AssertionError(otherwise)
