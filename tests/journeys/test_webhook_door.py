"""What knocks at the webhook door, through API Gateway."""

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.http import session
from local.hypertrack.phone import Phone
from local.hypertrack.webhooks import sign
from local.town import SECRET
from tests.journeys.setting import MORNING, Scene, opened, pause_workers, state

EVENT = {
    "type": "device_status",
    "device_id": "A",
    "data": {"value": "active"},
    "recorded_at": "2026-03-04T08:00:00.000000Z",
    "created_at": "2026-03-04T08:00:01.000000Z",
    "version": "2.0.0",
}
BODY = json.dumps([EVENT]).encode()
NAN = json.dumps(EVENT).encode().replace(b'"active"', b"NaN")
SMALL = gzip.compress(BODY)
BAD: list[Any] = [
    "text",
    7,
    ["an array"],
    {"type": "geotag", "data": {"metadata": {"type": "CLOCK_IN"}}},
    {
        "type": "geotag",
        "recorded_at": "yesterday",
        "data": {"metadata": {"type": "CLOCK_IN"}},
    },
    {"type": "geofence", "data": "none"},
]


@pytest.fixture(scope="module")
def shared(built: Path) -> Iterator[Scene]:
    with opened(built) as town:
        yield Scene(town)


@pytest.fixture
def still(shared: Scene) -> Iterator[Scene]:
    """Workers stand still, so that whatever is queued is seen; and nothing may be."""
    pause_workers(shared.town)
    before = state(shared.town), shared.ledger()
    yield shared
    assert not any(any(depth) for depth in shared.town.stack.queue_depths().values())
    assert (state(shared.town), shared.ledger()) == before
    pause_workers(shared.town, paused=False)


@pytest.mark.parametrize(
    ("body", "signature", "status"),
    [
        pytest.param(BODY, "", 401, id="unsigned"),
        pytest.param(BODY, "0" * 40, 401, id="forged"),
        pytest.param(BODY, sign(BODY, "another-secret"), 401, id="of another secret"),
        pytest.param(BODY, sign(BODY, SECRET)[:-1], 401, id="truncated signature"),
        pytest.param(BODY, sign(BODY, SECRET).upper(), 401, id="upper-case signature"),
        pytest.param(BODY, f"{sign(BODY, SECRET)}, {sign(BODY, SECRET)}", 401, id="doubled"),
        pytest.param(BODY[:-1], sign(BODY, SECRET), 401, id="truncated body"),
        pytest.param(BODY + b"\n", sign(BODY, SECRET), 401, id="a byte more"),
        pytest.param(b"not JSON", None, 400, id="not JSON"),
        pytest.param(BODY[:-1], None, 400, id="half JSON"),
        pytest.param(b"", None, 400, id="empty"),
        pytest.param(b"17", None, 400, id="a number"),
        pytest.param(b"[" * 100_000, None, 400, id="deep"),
    ],
)
def test_what_is_not_hypertracks_or_no_json_is_told_so_and_leaves_nothing(
    still: Scene, body: bytes, signature: str | None, status: int
) -> None:
    delivery = still.hypertrack.send_raw(still.account, body, signature)

    assert delivery.status == status


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/octet-stream", 400),  # comes in base64, and so byte by byte
        ("application/json", 401),  # comes as text, and so as other bytes than were signed
    ],
)
def test_bytes_that_are_no_text_are_told_so_and_leave_nothing(
    still: Scene, kind: str, status: int
) -> None:
    delivery = still.hypertrack.send_raw(
        still.account, b"\xff\xfe\x00[", headers={"content-type": kind}
    )

    assert delivery.status == status


def test_a_delivery_that_comes_in_base64_is_verified_on_its_own_bytes(shared: Scene) -> None:
    said = json.dumps([EVENT | {"data": {"value": "inactive", "reason": "Über"}}])

    delivery = shared.hypertrack.send_raw(
        shared.account,
        said.encode(),
        headers={"content-type": "application/octet-stream"},
    )
    shared.town.settle()

    assert delivery.status == 200
    assert ("outage began", "ignored") in shared.outcomes()


def test_a_compressed_delivery_is_told_so_and_leaves_nothing(still: Scene) -> None:
    headers = {"content-encoding": "gzip"}

    delivery = still.hypertrack.send_raw(still.account, SMALL, headers=headers)

    assert delivery.status == 415


@pytest.mark.parametrize("connection", ["x" * 43, "short", "..%2F..", "a b"])
def test_an_unknown_connection_is_told_so_and_leaves_nothing(
    still: Scene, connection: str
) -> None:
    url = f"{still.town.stack.api_url}/webhooks/hypertrack/{connection}"
    with session() as http:
        answer = http.post(
            url, BODY, headers={"x-hypertrack-signature": sign(BODY, SECRET)}, timeout=30
        )

    assert answer.status_code == 404
    assert still.connection not in answer.text


def test_the_dashboards_test_event_is_shown_on_the_console(shared: Scene) -> None:
    before = "test event arrived" in shared.page()

    shared.hypertrack.send_test_event(shared.account)
    shared.town.settle()

    assert not before
    assert "HyperTrack's test event arrived at" in shared.page().replace("&#39;", "'")


@pytest.mark.parametrize("bad", [1, 50, 99])
def test_bad_elements_of_an_array_are_parked_one_by_one_and_cost_no_neighbour(
    shared: Scene, bad: int
) -> None:
    ada = shared.hire()
    shared.later()
    phone = shared.install(ada)
    before, lying = shared.outcomes(), parked(shared)
    elements = [*(broken(bad, number) for number in range(bad)), *good(phone, 100 - bad)]

    delivery = shared.hypertrack.send_raw(shared.account, json.dumps(elements).encode())
    shared.town.settle()

    assert delivery.status == 200
    new = shared.outcomes() - before
    assert new["clocked in", "applied"] == 100 - bad
    assert sum(count for (_, each), count in new.items() if each == "parked") == bad
    assert sum(new.values()) == 100
    assert parked(shared) - lying == bad
    assert "event not understood" in shared.page()


def test_what_is_no_json_in_an_event_costs_that_event_alone(shared: Scene) -> None:
    ada = shared.hire()
    shared.later()
    [said] = good(shared.install(ada), 1)
    before, lying = shared.outcomes(), parked(shared)

    delivery = shared.hypertrack.send_raw(
        shared.account, b"[" + NAN + b"," + json.dumps(said).encode() + b"]"
    )
    shared.town.settle()

    assert delivery.status == 200
    assert (shared.outcomes() - before)["clocked in", "applied"] == 1
    assert parked(shared) - lying == 1


def test_a_delivery_that_comes_fifty_times_ten_at_once_has_one_effect(shared: Scene) -> None:
    ada = shared.hire()
    shared.later()
    phone = shared.install(ada)
    body = json.dumps(good(phone, 1)).encode()
    before = shared.outcomes()

    with ThreadPoolExecutor(10) as pool:
        sent = pool.map(
            lambda _: shared.hypertrack.send_raw(shared.account, body).status, range(50)
        )
        statuses = list(sent)
    shared.town.settle()

    told = shared.outcomes() - before
    assert statuses == [200] * 50
    assert told.pop(("clocked in", "applied")) == 1
    # Of a burst one may go by either queue, and neither knows what the other has seen.
    assert set(told) <= {("clocked in", "duplicate")}


def parked(scene: Scene) -> int:
    return sum(" parked#" in key for key in state(scene.town))


def broken(delivery: int, number: int) -> Any:
    """The numbers make each of them an event of its own."""
    kind = BAD[number % len(BAD)]
    if isinstance(kind, dict):
        return kind | {"number": [delivery, number]}
    return [delivery, number] if isinstance(kind, list) else f"{kind} {delivery} {number}"


def good(phone: Phone, count: int) -> list[dict[str, Any]]:
    """Somebody who clocks in every minute."""
    return [
        {
            "type": "geotag",
            "device_id": phone.device_id,
            "data": {"metadata": {"type": "CLOCK_IN"}},
            "recorded_at": (MORNING + timedelta(minutes=minute)).isoformat(),
        }
        for minute in range(count)
    ]
