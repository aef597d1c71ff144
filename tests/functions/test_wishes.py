"""What a connection may wish for, through the doors: Shifts that switch, positions on a map."""

import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fieldlink.records import Connection, WebhookKeys
from fieldlink.wiring import Services
from functions import poll_salesforce, receive_webhook, sync_tracking, update_salesforce
from local.hypertrack import FakeHyperTrack
from local.salesforce import FakeSalesforce
from tests.conftest import ACCOUNT, Pretended
from tests.functions.calls import CONTEXT, batch, delivery
from tests.functions.conftest import CONNECTION, Job

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
HERE = (13.404954, 52.520008)  # longitude first


@pytest.fixture
def wish(bundle: Services, connection: Connection) -> Callable[..., None]:
    """As an operator does it on the page of settings."""
    assert connection

    def wish(**settings: object) -> None:
        current = bundle.state.read(Connection, CONNECTION)
        keys = bundle.state.read(WebhookKeys, CONNECTION)
        assert current
        assert keys
        assert bundle.state.write(current.model_copy(update=settings))
        live = bool(settings.get("live_positions"))
        assert bundle.state.write(keys.model_copy(update={"live_positions": live}))

    return wish


def looked(aws: Pretended, bundle: Services) -> None:
    """A look at the org, and what follows from it."""
    poll_salesforce.lambda_handler(batch({"connection": CONNECTION}), CONTEXT)
    if bodies := aws.queued(bundle.settings.changes_queue_url):
        answer = sync_tracking.lambda_handler(batch(*bodies), CONTEXT)
        assert answer == {"batchItemFailures": []}


def switched_on(hypertrack: FakeHyperTrack) -> list[str]:
    return [each.worker_handle for each in hypertrack.workers(ACCOUNT) if each.tracking]


def test_a_shift_of_now_switches_tracking_on_and_off_when_it_goes(
    aws: Pretended,
    bundle: Services,
    salesforce: FakeSalesforce,
    hypertrack: FakeHyperTrack,
    job: Job,
    wish: Callable[..., None],
) -> None:
    wish(by_shifts=True)
    shift = salesforce.add_shift(job.rosa, NOW - HOUR, NOW + 8 * HOUR)

    looked(aws, bundle)
    during = switched_on(hypertrack)
    salesforce.delete("Shift", shift)
    looked(aws, bundle)

    assert (during, switched_on(hypertrack)) == ([job.rosa], [])


def test_a_wish_for_shifts_is_granted_with_the_next_look_and_taken_back_likewise(
    aws: Pretended,
    bundle: Services,
    salesforce: FakeSalesforce,
    hypertrack: FakeHyperTrack,
    job: Job,
    wish: Callable[..., None],
) -> None:
    salesforce.add_shift(job.rosa, NOW - HOUR, NOW + 8 * HOUR)
    seen = []
    for by_shifts in (False, True, False):
        wish(by_shifts=by_shifts)
        looked(aws, bundle)
        seen.append(switched_on(hypertrack))

    assert seen == [[], [job.rosa], []]


def told(aws: Pretended, bundle: Services, *events: dict[str, Any]) -> None:
    answer = receive_webhook.lambda_handler(
        delivery(CONNECTION, json.dumps(events).encode()), CONTEXT
    )
    assert answer["statusCode"] == 200
    if bodies := aws.queued(bundle.settings.events_queue_url):
        done = update_salesforce.lambda_handler(batch(*bodies), CONTEXT)
        assert done == {"batchItemFailures": []}


def geotag(job: Job, button: str) -> dict[str, Any]:
    metadata = {"type": button, "driver_id": job.rosa}
    return envelope("geotag", NOW - HOUR, {"metadata": metadata}) | {"worker_handle": job.rosa}


def location(job: Job) -> dict[str, Any]:
    """Of this moment: ten minutes later, in a slow run, it would be no news any more."""
    data = {"location": {"type": "Point", "coordinates": [*HERE]}, "location_accuracy": 14}
    return envelope("location", datetime.now(UTC), data) | {"worker_handle": job.rosa}


def envelope(kind: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": kind,
        "version": "2.0.0",
        "device_id": "D1",
        "recorded_at": at.isoformat(),
        "created_at": at.isoformat(),
        "data": data,
    }


@pytest.mark.parametrize("wanted", [True, False])
def test_a_position_is_on_the_map_if_somebody_wants_it_and_nowhere_else(
    aws: Pretended,
    bundle: Services,
    salesforce: FakeSalesforce,
    job: Job,
    wish: Callable[..., None],
    wanted: bool,
) -> None:
    wish(live_positions=wanted)
    looked(aws, bundle)
    told(aws, bundle, geotag(job, "CLOCK_IN"))
    writes = len(salesforce.writes)

    told(aws, bundle, location(job))

    row = salesforce.row("ServiceResource", job.rosa)
    shown = (row["LastKnownLongitude"], row["LastKnownLatitude"])
    assert shown == (pytest.approx(HERE) if wanted else (None, None))
    assert len(salesforce.writes) - writes == int(wanted)
    kept = bundle.ledger.last(CONNECTION, now=datetime.now(UTC), limit=30)
    assert len([each for each in kept if each.kind == "position"]) == int(wanted)
    tables = json.dumps(_items(aws, bundle), default=_inflated)
    assert job.appointment in tables
    assert not [each for each in HERE if str(each) in tables]


def _items(aws: Pretended, bundle: Services) -> list[Any]:
    names = (bundle.settings.state_table, bundle.settings.ledger_table)
    client = aws.client("dynamodb")
    return [item for name in names for item in client.scan(TableName=name)["Items"]]


def _inflated(binary: bytes) -> str:
    """As appointments and days lie in the table."""
    return zlib.decompress(binary).decode()
