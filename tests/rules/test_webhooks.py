"""What a stranger may send, and what HyperTrack does."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink import webhooks
from fieldlink.errors import BadSignature, TooLarge, Unavailable, Unreadable
from fieldlink.models import Report
from fieldlink.parking import Attempt, parked
from fieldlink.ports import Keys
from tests.fakes import NOON, FakeOutbox
from tests.make import CONNECTION, event, geotag

SECRET, FORMER = "secret-of-the-account", "secret-before"
RECEIVED = NOON.isoformat()


def sign(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()


def accept(
    body: bytes,
    *,
    signature: str | None = None,
    secrets: tuple[str, ...] = (SECRET,),
    live_positions: bool = False,
    outbox: FakeOutbox | None = None,
) -> list[Any]:
    """The events that were queued."""
    queue = FakeOutbox() if outbox is None else outbox
    count = webhooks.accept(
        body,
        signature=sign(body) if signature is None else signature,
        keys=Keys(secrets, live_positions),
        connection=CONNECTION,
        received_at=RECEIVED,
        outbox=queue,
    )
    assert count == len(queue.messages)
    return [Report.model_validate(json.loads(message.body)).event for message in queue.messages]


# ── signatures ────────────────────────────────────────────────────────────────

BODY = json.dumps([event()]).encode()
GOOD = sign(BODY)


def test_the_signature_is_lower_case_hex_hmac_sha1_of_the_raw_body() -> None:
    key, text = "Jefe", b"what do ya want for nothing?"  # RFC 2202, case 2

    webhooks.verify(text, signature="effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", secrets=[key])


@pytest.mark.parametrize(
    "signature",
    [
        "",
        " ",
        "garbage",
        "0" * 40,
        GOOD.upper(),
        GOOD[:-1],
        GOOD[:20],
        GOOD + "0",
        f"{GOOD}, {GOOD}",
        f"{GOOD},{GOOD}",
        f" {GOOD}",
        f"{GOOD}\n",
        f"sha1={GOOD}",
        f"v1,{GOOD}",
        "é" * 20,
        "\ud800",
        "\x00" * 40,
        sign(BODY, "another secret"),
        sign(BODY + b" "),
        sign(b""),
        "a" * 1_000_000,
    ],
)
def test_a_hostile_signature_is_refused_and_queues_nothing(signature: str) -> None:
    outbox = FakeOutbox()

    with pytest.raises(BadSignature):
        accept(BODY, signature=signature, outbox=outbox)

    assert not outbox.messages


def test_while_a_secret_is_changed_both_are_good() -> None:
    for secret in (SECRET, FORMER):
        assert accept(BODY, signature=sign(BODY, secret), secrets=(SECRET, FORMER))


def test_without_any_secret_nothing_is_good() -> None:
    with pytest.raises(BadSignature):
        accept(BODY, signature=sign(BODY, ""), secrets=())


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=60), st.text(max_size=60))
def test_no_unsigned_body_raises_anything_but_bad_signature(body: bytes, text: str) -> None:
    with pytest.raises(BadSignature):
        accept(body, signature=text)


# ── bodies ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"5",
        b'"text"',
        b"true",
        b"{",
        b"[{]",
        b"[1,]",
        b"{'a': 1}",
        b"[NaN]",
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 01}',
        b"\xff\xfe\xfd",
        b'["\xff"]',
        b'{"a": "\xc3\x28"}',
        b"\x1f\x8b\x08\x00",
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"[" * 1_000_000,
        b"[" + b"7" * 5_000 + b"]",
        b"a=1&b=2",
        b"<xml/>",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_signed_body_that_is_no_json_is_unreadable_and_queues_nothing(body: bytes) -> None:
    outbox = FakeOutbox()

    with pytest.raises(Unreadable):
        accept(body, outbox=outbox)

    assert not outbox.messages


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=800, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=200) | json_like.map(lambda value: json.dumps(value).encode()))
def test_no_signed_body_raises_anything_but_unreadable_or_too_large(body: bytes) -> None:
    try:
        accept(body)
    except (Unreadable, TooLarge):
        return


@pytest.mark.parametrize(
    "depth",
    [*range(90, 110), *range(190, 210), 990, 1_000, *range(2_000, 12_000, 999), 100_000],
)
@pytest.mark.parametrize("member", ["device_id", "data"])
def test_no_depth_raises_anything_but_unreadable(depth: int, member: str) -> None:
    body = b'[{"%s":' % member.encode() + b"[" * depth + b"]" * depth + b"}]"

    try:
        accept(body)
    except Unreadable:
        return


def test_many_brackets_are_no_depth() -> None:
    polyline = {"data": {"coordinates": [[13.4, 52.5]] * 5_000}}

    assert accept(json.dumps([polyline]).encode()) == [polyline]


def test_a_number_as_long_as_python_reads_reaches_the_worker() -> None:
    assert accept(b"[" + b"7" * 4_300 + b"]") == [int("7" * 4_300)]


def test_of_a_doubled_key_the_last_value_counts() -> None:
    assert accept(b'{"type": "geotag", "type": "geofence"}') == [{"type": "geofence"}]


def test_a_single_object_is_as_good_as_an_array() -> None:
    assert accept(json.dumps(event()).encode()) == [event()]


def test_an_empty_array_is_accepted_and_queues_nothing() -> None:
    assert accept(b"[]") == []


def test_every_element_is_queued_by_itself_and_bad_ones_cost_their_neighbours_nothing() -> None:
    elements = [event(), 5, None, "text", [], {}, geotag(), {"data": 7}]

    assert accept(json.dumps(elements).encode()) == elements


@pytest.mark.parametrize("half", [b"\\ud83d", b"\\ude00", b"\xed\xa0\xbd"])
def test_half_an_emoji_reaches_the_worker_as_a_question_mark(half: bytes) -> None:
    [queued] = accept(b'[{"note": "cut ' + half + b'"}]')

    assert queued["note"].startswith("cut ?")


def test_a_whole_emoji_reaches_the_worker_whole() -> None:
    [queued] = accept('[{"note": "😀", "device_id": "é"}]'.encode())

    assert queued == {"note": "😀", "device_id": "é"}


# The second fits a message; parked, each of its quotes and backslashes would be escaped again.
@pytest.mark.parametrize("text", ["x" * 240_001, '"' * 100_000])
def test_an_event_larger_than_a_queue_message_or_a_parked_one_is_too_large(text: str) -> None:
    outbox = FakeOutbox()

    with pytest.raises(TooLarge):
        accept(json.dumps([event(), {"a": text}]).encode(), outbox=outbox)

    assert not outbox.messages


@pytest.mark.parametrize("text", ["x" * 239_990, "ü" * 39_990, '"' * 94_900])
def test_the_largest_events_fit_a_queue_message_and_an_item_of_the_state_table(
    text: str,
) -> None:
    outbox = FakeOutbox()
    accept(json.dumps({"a": text}).encode(), outbox=outbox)

    [message] = outbox.messages
    attempt = Attempt(CONNECTION, "events", message.body, message.group, tries=1)
    item = parked(attempt, "x" * 5_000, now=NOON)
    assert len(message.body.encode()) < 262_144 - 10_240
    assert len(item.model_dump_json().encode()) < 400 * 1024


def test_a_queue_that_is_down_is_told_to_the_caller() -> None:
    outbox = FakeOutbox()
    outbox.fate.fail("put Message", Unavailable("SQS"))

    with pytest.raises(Unavailable):
        accept(BODY, outbox=outbox)


# ── positions, groups and keys ────────────────────────────────────────────────

POSITION = {"type": "location", "device_id": "d-1", "data": {}}
TEST_POSITION = {"type": "location", "device_id": "TEST_DEVICE_ID", "data": {}}


@pytest.mark.parametrize("wanted", [True, False])
def test_positions_are_dropped_at_the_door_unless_they_are_wanted(wanted: bool) -> None:
    queued = accept(json.dumps([POSITION, event()]).encode(), live_positions=wanted)

    assert (POSITION in queued) is wanted
    assert event() in queued


def test_the_dashboards_test_event_passes_though_it_is_a_position() -> None:
    assert accept(json.dumps([TEST_POSITION]).encode()) == [TEST_POSITION]


def queued_message(told: Any, connection: str = CONNECTION) -> Any:
    return webhooks.message(told, connection=connection, received_at=RECEIVED)


def test_the_same_event_has_the_same_key_in_every_delivery() -> None:
    first, again = FakeOutbox(), FakeOutbox()

    accept(json.dumps([event()]).encode(), outbox=first)
    accept(json.dumps([geotag(), event()], indent=1).encode(), outbox=again)

    assert first.messages[0].key == again.messages[1].key


def test_the_same_event_of_another_connection_is_another_event() -> None:
    assert queued_message(event()).key != queued_message(event(), "another").key


def test_a_device_is_a_group_and_keeps_its_order() -> None:
    one, other = {"device_id": "d-1"}, {"device_id": "d-2"}

    assert queued_message({**one, "a": 1}).group == queued_message({**one, "a": 2}).group
    assert queued_message(one).group != queued_message(other).group


def test_an_event_without_a_device_is_in_the_group_of_its_order() -> None:
    one = {"data": {"order_handle": "o-1"}}

    assert queued_message(one).group != queued_message({}).group
    assert queued_message({**one, "type": "order"}).group == queued_message(one).group


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(json_like)
def test_group_and_key_are_what_sqs_takes_whatever_the_device_is_called(name: Any) -> None:
    queued = queued_message({"device_id": name, "data": {"order_handle": name}})

    assert len(queued.group) <= 128
    assert queued.group.replace("-", "").isalnum()
    assert len(queued.key) == 64
