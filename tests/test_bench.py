import json
import sys
from collections.abc import Iterator

import pytest

from bench.deliveries import CONNECTION, ROOT, Json, delivery, delivery_of, events
from bench.polls import polls
from bench.pretended import ENVIRONMENT
from bench.same import outcome
from bench.verifying import WAYS as VERIFYING
from bench.verifying import body_of, meaning, prepared
from bench.ways import WAYS, Depth
from fieldlink.config import Settings
from fieldlink.errors import BadSignature

POSITION = events(1)[0] | {"type": "location"}


@pytest.fixture(autouse=True)
def as_in_lambda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    Settings.from_env.cache_clear()
    yield
    Settings.from_env.cache_clear()


@pytest.mark.parametrize("depth", ["decision", "calls"])
@pytest.mark.parametrize(
    ("event", "status", "queued"),
    [
        pytest.param(delivery_of(1), 200, 1, id="one"),
        pytest.param(delivery_of(10), 200, 10, id="ten"),
        pytest.param(delivery_of(100), 200, 100, id="a hundred"),
        pytest.param(delivery(json.dumps(events(1)[0]).encode()), 200, 1, id="an object"),
        pytest.param(delivery(b"[]"), 200, 0, id="none"),
        pytest.param(delivery(json.dumps(events(2) * 2).encode()), 200, 4, id="twice"),
        pytest.param(
            delivery(json.dumps([*events(3), POSITION]).encode()), 200, 3, id="a position"
        ),
        pytest.param(
            delivery(json.dumps([POSITION | {"device_id": "TEST_DEVICE_ID"}]).encode()),
            200,
            1,
            id="the position of a test",
        ),
        pytest.param(
            delivery(json.dumps([{**events(1)[0], "new": "Straße 🚚"}]).encode()),
            200,
            1,
            id="a new field",
        ),
        pytest.param(delivery(b"[]", signature="0" * 40), 401, 0, id="forged"),
        pytest.param(delivery(b"[]", signature=""), 401, 0, id="not signed"),
        pytest.param(delivery(b"not JSON"), 400, 0, id="not JSON"),
        pytest.param(delivery(b'"text"'), 400, 0, id="text"),
        pytest.param(delivery(b"[]", connection=CONNECTION[::-1]), 404, 0, id="of nobody"),
    ],
)
def test_what_is_measured_side_by_side_does_the_same(
    depth: Depth, event: Json, status: int, queued: int
) -> None:
    done = {way: outcome(way, depth, event) for way in WAYS}

    assert done["usual"] == done["ours"]
    assert done["fastapi"] == done["ours"]
    assert done["ours"][0] == status
    assert len(done["ours"][1]) == queued


@pytest.mark.parametrize(
    ("way", "size"), [(way, size) for size, ways in VERIFYING.items() for way in ways]
)
def test_those_whose_reading_is_measured_read_the_same(way: str, size: int) -> None:
    body = body_of(size)

    found = prepared(way, size)()

    assert size * 0.95 < len(body) <= size
    assert meaning(found) == json.loads(body)


@pytest.mark.parametrize("way", sorted({way for ways in VERIFYING.values() for way in ways}))
def test_those_whose_reading_is_measured_refuse_what_is_forged(way: str) -> None:
    size = next(size for size, ways in VERIFYING.items() if way in ways)
    signed = prepared(way, size)
    forged = VERIFYING[size][way](body_of(size)[:-1] + b" ", "0" * 40)

    assert signed()
    if way in {"svix", "standardwebhooks"}:  # they sign what they verify by themselves
        return
    with pytest.raises((ValueError, BadSignature)):
        forged()


def test_those_whose_looks_are_measured_see_the_same_and_an_idle_look_is_one_call() -> None:
    ours = (sys.executable, "-P", "-B")

    rows = polls(ours, [ROOT / "layers" / "fieldlink", ROOT], rounds=1, rows=20)

    peers = [(each.what.split(", ", 1)[1], each.peer) for each in rows]
    assert peers[:4] == [
        ("none changed", "tap-salesforce"),
        ("none changed", "simple-salesforce"),
        ("all new", "tap-salesforce"),
        ("all new", "simple-salesforce"),
    ]
    assert all(each.ours and each.theirs for each in rows)
    assert [(set(each.ours), set(each.theirs)) for each in rows if each.row == "P10"] == [
        ({1}, {3})
    ]
