"""A process of its own: the CPU that one way takes to verify and decode. Told on stderr.

Each checks the signature of a body, then reads it, as far as its row says: for P2 the events
themselves, for P3 of each its type, its device and a text of it that can be passed on.
"""

import base64
import hashlib
import hmac
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from time import process_time_ns
from typing import Any

from bench.deliveries import SECRET, events
from bench.ways import PEERS

Read = Callable[[], list[Any]]
Way = Callable[[bytes, str], Read]
Seen = tuple[str, str, Any]  # type, device, text

SMALL, LARGE = 10_000, 1_000_000  # bytes
TIMES = {SMALL: 400, LARGE: 12}
HOOK = "whsec_" + base64.b64encode(SECRET.encode()).decode()


def body_of(size: int) -> bytes:
    """As much of a day as fits, without blanks, as those write who send much."""
    found = [json.dumps(each, separators=(",", ":")) for each in events(size // 300)]
    count, length = 0, 2
    while length + len(found[count]) + 1 <= size:
        length += len(found[count]) + 1
        count += 1
    return f"[{','.join(found[:count])}]".encode()


def verified(body: bytes, signature: str) -> bytes:
    expected = hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
    if not hmac.compare_digest(expected, signature):
        raise ValueError("forged")
    return body


def floor(body: bytes, signature: str) -> Read:
    return lambda: json.loads(verified(body, signature))


def ours(body: bytes, signature: str) -> Read:
    from fieldlink.hearing import cutting, webhooks

    def read() -> list[Any]:
        webhooks.verify(body, signature=signature, secrets=[SECRET])
        return cutting.cut(body).pieces()

    return read


def standard(body: bytes, _signature: str) -> Read:
    from standardwebhooks.webhooks import (  # type: ignore[import-not-found, unused-ignore]
        Webhook,
    )

    hook, now = Webhook(HOOK), datetime.now(UTC)
    headers = {
        "webhook-id": "message",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": hook.sign("message", now, body.decode()),
    }
    return lambda: hook.verify(body, headers)


def svix(body: bytes, _signature: str) -> Read:
    """Its present version verifies only; whoever uses it reads the JSON then."""
    from svix.webhooks import Webhook  # type: ignore[import-not-found, unused-ignore]

    hook, now = Webhook(HOOK), datetime.now(UTC)
    headers = {
        "svix-id": "message",
        "svix-timestamp": str(int(now.timestamp())),
        "svix-signature": hook.sign("message", now, body.decode()),
    }

    def read() -> list[Any]:
        hook.verify(body, headers)
        return json.loads(body)  # type: ignore[no-any-return]

    return read


def stdlib(body: bytes, signature: str) -> Read:
    def read() -> list[Seen]:
        told = json.loads(verified(body, signature))
        return [(each["type"], each["device_id"], json.dumps(each)) for each in told]

    return read


def orjson(body: bytes, signature: str) -> Read:
    import orjson as fast  # type: ignore[import-not-found, unused-ignore]

    def read() -> list[Seen]:
        told = fast.loads(verified(body, signature))
        return [(each["type"], each["device_id"], fast.dumps(each)) for each in told]

    return read


def pydantic(body: bytes, signature: str) -> Read:
    from pydantic import BaseModel, ConfigDict, TypeAdapter

    class Event(BaseModel):
        model_config = ConfigDict(extra="allow")

        type: str
        device_id: str

    several = TypeAdapter(list[Event])

    def read() -> list[Seen]:
        told = several.validate_json(verified(body, signature))
        return [(each.type, each.device_id, each.model_dump_json()) for each in told]

    return read


WAYS: dict[int, dict[str, Way]] = {
    SMALL: {"ours": ours, "svix": svix, "standardwebhooks": standard, "floor": floor},
    LARGE: {"ours": ours, "json": stdlib, "orjson": orjson, "pydantic": pydantic},
}


def prepared(way: str, size: int) -> Read:
    if str(PEERS) not in sys.path:
        sys.path.append(str(PEERS))
    body = body_of(size)
    return WAYS[size][way](body, hmac.new(SECRET.encode(), body, "sha1").hexdigest())


def meaning(found: list[Any]) -> list[Any]:
    """What was read, however it is told."""
    from fieldlink.hearing.pieces import Piece

    texts = [
        each.content
        if isinstance(each, Piece)
        else each[2]
        if isinstance(each, tuple)
        else each
        for each in found
    ]
    return [each if isinstance(each, dict) else json.loads(each) for each in texts]


def main() -> None:
    way, size = sys.argv[1], int(sys.argv[2])
    read = prepared(way, size)
    number, times = TIMES[size], []
    for _ in range(number + number // 4):
        before = process_time_ns()
        found = read()
        times.append((process_time_ns() - before) / 1000)
    if meaning(found) != json.loads(body_of(size)):
        raise ValueError(way)
    sys.stderr.write(json.dumps({"cpu": median(times[number // 4 :])}))


if __name__ == "__main__":
    main()
