"""A process of its own: what it takes to let each event through once. Told on stderr, as JSON.

Ours is the intent, put onto the record of the visit before anything is written: one conditional
put, beside the one that stores the state. Powertools' idempotency puts a record before the work
and updates it afterwards. What would send is replaced, so AWS's own time is left out.
"""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from statistics import median
from time import process_time_ns
from typing import Any

from botocore.awsrequest import AWSResponse
from urllib3 import HTTPResponse

from bench.deliveries import CONNECTION, Context

EVENTS = 400
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
APPOINTMENT, RESOURCE = "08p000000000001AAA", "0Hn000000000001CAA"


class Counted:
    """Answers every write, and counts them."""

    def __init__(self) -> None:
        self.writes = 0

    def urlopen(self, _method: str, _path: str, **_: Any) -> HTTPResponse:
        self.writes += 1
        return HTTPResponse(b"{}", status=200)

    def before_send(self, request: Any, **_: Any) -> AWSResponse:
        self.writes += 1
        answer = HTTPResponse(BytesIO(b"{}"), preload_content=False)
        return AWSResponse(request.url, 200, {}, answer)


def ours(aws: Counted) -> Callable[[int], None]:
    """The claim of a visit that knows two facts already."""
    from fieldlink.models import Delivered, Fact, Kind, Writes
    from fieldlink.records import Intent, Ours, Visit
    from fieldlink.wiring import services

    services()._aws._pool = lambda _: aws  # type: ignore[assignment]
    state = services().state

    def told(number: int) -> Delivered:
        at = NOW + timedelta(seconds=number)
        fact = Fact(
            kind=Kind.ARRIVED,
            key=f"geofence/{number}/entry",
            at=at,
            appointment=APPOINTMENT,
            resource=RESOURCE,
        )
        return Delivered(fact=fact, delivery=f"{number:064}", received_at=at)

    facts = {each.fact.key: each for each in (told(-1), told(-2))}
    visit = Visit(connection=CONNECTION, appointment=APPOINTMENT, facts=facts, version=3)

    def let_through(number: int) -> None:
        planned = Writes(appointment=APPOINTMENT, changes={"status": "In Progress"})
        intent = Intent(delivered=told(number), since=NOW, planned=planned, meant=Ours())
        state.write(visit.model_copy(update={"intent": intent}))

    return let_through


def powertools(aws: Counted) -> Callable[[int], None]:
    import boto3
    from aws_lambda_powertools.utilities.idempotency import (
        DynamoDBPersistenceLayer,
        IdempotencyConfig,
        idempotent_function,
    )

    client = boto3.client("dynamodb")
    client.meta.events.register("before-send", aws.before_send)
    store = DynamoDBPersistenceLayer(table_name="Idempotency", boto3_client=client)
    config = IdempotencyConfig(event_key_jmespath="key")
    config.register_lambda_context(Running())  # type: ignore[arg-type]

    def nothing(fact: dict[str, Any]) -> None: ...

    once = idempotent_function(
        nothing, data_keyword_argument="fact", persistence_store=store, config=config
    )

    def let_through(number: int) -> None:
        at = (NOW + timedelta(seconds=number)).isoformat()
        told = {"key": f"geofence/{number}/entry", "kind": "arrived", "at": at}
        once(fact={**told, "appointment": APPOINTMENT, "resource": RESOURCE})

    return let_through


class Running(Context):
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


WAYS = {"ours": ours, "powertools": powertools}


def main() -> None:
    aws = Counted()
    let_through = WAYS[sys.argv[1]](aws)
    times = []
    for number in range(EVENTS):
        before = process_time_ns()
        let_through(number)
        times.append((process_time_ns() - before) / 1000)
    told = {"cpu": median(times), "writes": aws.writes / EVENTS}
    sys.stderr.write(json.dumps(told))


if __name__ == "__main__":
    main()
