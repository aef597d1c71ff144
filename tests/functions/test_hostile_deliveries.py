"""What a stranger may send to the webhook door, as `make fuzz` does it for longer."""

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fuzz.door import EXAMPLES, check, delivered
from fuzz.mutating import mutated

MIB = 1024 * 1024


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=300))
@example(b"[" * 100_000)
@example(b"[" * 100_000 + b"]" * 100_000)
@example(b'[{"device_id":' + b"9" * 5_000 + b"}]")
@example(b'["' + b'\\"' * 100_000)
def test_whatever_bytes_come_the_door_answers_and_the_worker_can_read_it(body: bytes) -> None:
    check(body)


@settings(max_examples=600, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(EXAMPLES), st.integers(0, 2**32), st.integers(0, 2**32))
def test_whatever_a_member_of_an_event_is_the_door_answers_and_the_worker_can_read_it(
    path: Path, seed: int, then: int
) -> None:
    text = path.read_bytes()
    once = mutated(text, seed) or text

    check(mutated(once, then) or once)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_taken_whatever_stands_beside_it(path: Path) -> None:
    text = path.read_bytes()
    check(text)
    told = json.loads(text)
    events = told if isinstance(told, list) else [told]

    body = json.dumps([*events, {"bad": float("nan")}, *events]).encode()
    status, queue, _ = delivered(body, live=True)

    assert status == 200
    queued = [json.loads(each.body) for each in queue.messages]
    assert [each["event"] for each in queued if "unreadable" not in each][: len(events)]
    assert len([each for each in queued if "unreadable" in each]) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"0," * (MIB // 2 - 2) + b"0]",
        b"[" + b"NaN," * (MIB // 4 - 2) + b"0]",
        b"[" + b"{}," * (MIB // 3 - 2) + b"0]",
        b'["' + "ü".encode() * (MIB // 2 - 3) + b'"]',
        b'{"a":[' + b"[]," * (MIB // 3 - 4) + b"0]}",
        b"[" * MIB,
        b"[" + b"0," * (3 * MIB - 2) + b"0]",
        b'["' + b"x" * (6 * MIB - 4) + b'"]',
    ],
    ids=lambda body: repr(body[:12]) + str(len(body)),
)
def test_no_delivery_takes_more_memory_than_the_door_has(body: bytes) -> None:
    tracemalloc.start()
    try:
        status, _, _ = delivered(body)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert status in {200, 400}
    assert most < 192 * MIB  # of 256, of which the interpreter and its modules take some 40
