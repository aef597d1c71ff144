"""What a stranger may send, and what HyperTrack does."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.errors import BadSignature, Refused, Unavailable, Unreadable
from fieldlink.hearing import webhooks
from fieldlink.hearing.keeping import Delivery, unpacked
from fieldlink.hearing.lanes import Lanes
from fieldlink.models import Report
from fieldlink.parking import Attempt, parked
from fieldlink.ports import Keys
from tests.fakes import NOON, FakeOutbox, FakeSpool
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
    spool: FakeSpool | None = None,
) -> list[Any]:
    """The events that were queued."""
    queue = FakeOutbox() if outbox is None else outbox
    before = len(queue.messages)
    kept = FakeSpool() if spool is None else spool
    signed = sign(body) if signature is None else signature
    count = webhooks.accept(
        Delivery(CONNECTION, RECEIVED, body, signed),
        keys=Keys(secrets, live_positions),
        lanes=Lanes(queue, queue),
        spool=lambda: kept,
    )
    assert count == len(queue.messages) - before
    return [each.event for each in reports(queue)]


def reports(outbox: FakeOutbox) -> list[Report]:
    """As the worker reads them."""
    return [Report.model_validate(json.loads(each.body)) for each in outbox.messages]


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
        b"[",
        b"[{]",
        b"[}",
        b"[1,]",
        b"[,1]",
        b"[1],[2]",
        b"[1] 2",
        b"]",
        b"\xff\xfe\xfd",
        b"\x1f\x8b\x08\x00",
        b"[" * 1_000_000,
        b'[{"a": "no end}]',
        b'["' + b'\\"' * 200_000 + b"]",
        b"a=1&b=2",
        b"<xml/>",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_signed_body_that_can_not_be_cut_into_events_is_unreadable_and_queues_nothing(
    body: bytes,
) -> None:
    outbox = FakeOutbox()

    with pytest.raises(Unreadable):
        accept(body, outbox=outbox)

    assert not outbox.messages


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"NaN", "not JSON"),
        (b'{"a": Infinity}', "not JSON"),
        (b'{"a": -Infinity}', "not JSON"),
        (b'{"a": 01}', "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a" 1}', "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b'{"a": "\x01"}', "not JSON"),
        (b'{"a": "\\q"}', "not JSON"),
        (b"1 2", "not JSON"),
        (b"7" * 4_301, "not JSON"),
        (b'"\xff"', "not in UTF-8"),
        (b'{"a":"\xc3\x28"}', "not in UTF-8"),
        (b"[" * 2_151 + b"]" * 2_151, "nested too deeply"),
        (b"[" * 10_000 + b"]" * 10_000, "nested too deeply"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested too deeply"),
    ],
    ids=lambda bad: repr(bad[:20]),
)
def test_an_event_that_can_not_be_read_is_queued_as_text_and_costs_its_neighbours_nothing(
    bad: bytes, why: str
) -> None:
    outbox = FakeOutbox()
    before, after = json.dumps(event()).encode(), json.dumps(geotag()).encode()

    accept(b"[" + before + b"," + bad + b" , " + after + b"]", outbox=outbox)

    first, flawed, last = reports(outbox)
    assert (first.event, last.event) == (event(), geotag())
    assert (first.unreadable, last.unreadable) == ("", "")
    assert (flawed.event, flawed.unreadable) == (bad.decode(errors="replace"), why)
    alone = FakeOutbox()
    accept(b"[" + before + b"]", outbox=alone)
    assert alone.messages == outbox.messages[:1]


@pytest.mark.parametrize("number", [1, 50, 99])
def test_of_a_hundred_events_those_that_can_be_read_are_queued_whatever_the_others_are(
    number: int,
) -> None:
    outbox = FakeOutbox()
    bad = [b'{"n":%d,"a":NaN}' % n for n in range(number)]
    good = [json.dumps(event() | {"n": n}).encode() for n in range(100 - number)]

    accept(b"[" + b",".join(bad + good) + b"]", outbox=outbox)

    told = reports(outbox)
    assert len({each.key for each in outbox.messages}) == 100
    assert [each.unreadable for each in told] == ["not JSON"] * number + [""] * len(good)
    assert [each.event for each in told[number:]] == [json.loads(each) for each in good]


def test_a_single_object_that_can_not_be_read_is_queued_as_text() -> None:
    assert accept(b'{"a": NaN}') == ['{"a": NaN}']


def test_a_mark_that_says_utf_8_does_no_harm() -> None:
    assert accept(b"\xef\xbb\xbf" + BODY) == [event()]


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
strict_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
# What may come of bytes that are almost an array of events.
PARTS = rb"""[ ] { } , : " 7 \ \ud83d "a" "type" "device_id" "data" "order_handle" null NaN"""
almost = st.lists(st.sampled_from([*PARTS.split(), b" ", b"\xff"]), max_size=40).map(b"".join)


@settings(max_examples=800, deadline=None, derandomize=True, database=None)
@given(
    st.binary(max_size=200)
    | almost
    | almost.map(lambda inner: b"[" + inner + b"]")
    | json_like.map(lambda value: json.dumps(value).encode())
)
def test_no_signed_body_raises_anything_but_unreadable(body: bytes) -> None:
    try:
        accept(body)
    except Unreadable:
        return


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(st.lists(st.binary(max_size=60) | almost, max_size=4), st.data())
def test_whatever_stands_between_two_good_events_they_are_queued_if_anything_is(
    junk: list[bytes], data: st.DataObject
) -> None:
    good = {"type": "geofence", "device_id": "d-1", "data": {"value": data.draw(strict_json)}}
    told = json.dumps(good).encode()

    try:
        queued = accept(b"[" + b",".join([told, *junk, told]) + b"]")
    except Unreadable:
        return

    known = json.loads(json.dumps(good, ensure_ascii=False).encode(errors="replace"))
    assert queued[0] == known


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(st.lists(strict_json))
def test_what_json_can_say_reaches_the_worker_as_it_was_said(told: list[Any]) -> None:
    text = json.dumps(told).encode()

    queued = accept(text)

    whole = json.dumps(told, ensure_ascii=False).encode(errors="replace")
    assert queued == json.loads(whole)


@pytest.mark.parametrize(
    "depth",
    [
        *range(90, 110),
        *range(190, 210),
        990,
        1_000,
        *range(2_147, 2_153),
        2_999,
        9_999,
        100_000,
    ],
)
@pytest.mark.parametrize("member", ["device_id", "data"])
def test_no_depth_harms_anybody(depth: int, member: str) -> None:
    deep = b'{"%s":' % member.encode() + b"[" * depth + b"]" * depth + b"}"
    outbox = FakeOutbox()

    accept(b"[" + deep + b"]", outbox=outbox)

    [told] = reports(outbox)
    assert told.unreadable == ("" if depth < 2_150 else "nested too deeply")
    assert told.unreadable or told.event == json.loads(deep)


def test_many_brackets_are_no_depth() -> None:
    polyline = {"data": {"coordinates": [[13.4, 52.5]] * 5_000}}

    assert accept(json.dumps([polyline]).encode()) == [polyline]


def test_a_number_as_long_as_python_reads_reaches_the_worker() -> None:
    assert accept(b"[" + b"7" * 4_300 + b"]") == [int("7" * 4_300)]


def test_of_a_doubled_key_the_last_value_counts() -> None:
    position = b'{"type": "geofence", "type": "location", "device_id": "d-1"}'

    assert accept(b'[{"type": "geotag", "type": "geofence"}, %b]' % position) == [
        {"type": "geofence"}
    ]


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
@pytest.mark.parametrize("text", ["x" * 240_001, '"' * 100_000, "ü" * 100_000])
def test_an_event_too_large_for_a_message_or_to_be_parked_lies_in_the_spool(text: str) -> None:
    outbox, spool = FakeOutbox(), FakeSpool()
    large = {"a": text, "device_id": "d-1", "type": "route"}

    accept(json.dumps([event(), large, geotag()]).encode(), outbox=outbox, spool=spool)

    before, pointer, after = reports(outbox)
    assert (before.event, after.event) == (event(), geotag())
    assert pointer.event is None
    assert pointer.spooled == f"events/{CONNECTION}/{pointer.id}"
    assert json.loads(spool.kept[pointer.spooled]) == large
    assert outbox.messages[1].group == webhooks.group(CONNECTION, {"device_id": "d-1"})
    assert len(outbox.messages[1].body) < 1_000


def test_a_large_event_that_can_not_be_read_lies_in_the_spool_as_text() -> None:
    outbox, spool = FakeOutbox(), FakeSpool()

    accept(b'[{"a":NaN,"b":"' + b"x" * 250_000 + b'"}]', outbox=outbox, spool=spool)

    [pointer] = reports(outbox)
    assert pointer.unreadable == "not JSON"
    assert json.loads(spool.kept[pointer.spooled]).startswith('{"a":NaN')


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


# ── what the queue is not given at once ───────────────────────────────────────


def test_a_delivery_of_more_events_than_can_be_queued_in_time_is_kept_whole() -> None:
    outbox, spool = FakeOutbox(), FakeSpool()
    body = json.dumps([{"n": n} for n in range(1_001)]).encode()

    accept(body, outbox=outbox, spool=spool)

    [pointer] = reports(outbox)
    assert pointer.spooled.startswith(f"whole/{CONNECTION}/")
    assert spool.kept == {pointer.spooled: body}
    assert outbox.messages[0].group == CONNECTION


def test_as_many_events_as_can_be_queued_in_time_are() -> None:
    assert len(accept(json.dumps([{"n": n} for n in range(1_000)]).encode())) == 1_000


@pytest.mark.parametrize("body", [b"[" + b" " * 1_048_576 + b"]", b"x" * 1_048_577])
def test_a_delivery_too_large_to_be_looked_into_is_kept_whole_whatever_it_is(
    body: bytes,
) -> None:
    outbox, spool = FakeOutbox(), FakeSpool()

    accept(body, outbox=outbox, spool=spool)

    assert list(spool.kept.values()) == [body]


@pytest.mark.parametrize("error", [Unavailable("SQS is down"), Refused("InvalidMessage")])
def test_what_the_queue_does_not_take_is_kept_as_it_came(error: Exception) -> None:
    outbox, spool = FakeOutbox(), FakeSpool()
    outbox.fate.fail("put Message", error)
    delivery = Delivery(CONNECTION, RECEIVED, BODY, GOOD)

    lanes = Lanes(outbox, outbox)
    count = webhooks.accept(
        delivery, keys=Keys((SECRET,), False), lanes=lanes, spool=lambda: spool
    )

    assert count is None
    [(key, kept)] = spool.kept.items()
    assert key.startswith(f"spare/{CONNECTION}/202603041200")
    assert unpacked(key, kept) == delivery


def test_what_neither_queue_nor_spool_take_is_told_to_the_caller() -> None:
    outbox, spool = FakeOutbox(), FakeSpool()
    outbox.fate.fail("put Message", Unavailable("SQS"))
    spool.fate.fail("put Spooled", Unavailable("S3"))

    with pytest.raises(Unavailable, match="S3"):
        accept(BODY, outbox=outbox, spool=spool)


def test_the_spool_is_not_asked_for_while_all_is_well() -> None:
    def nobody() -> FakeSpool:
        raise AssertionError("the door would import it")

    delivery = Delivery(CONNECTION, RECEIVED, BODY, GOOD)
    keys = Keys((SECRET,), live_positions=True)

    lanes = Lanes(FakeOutbox(), FakeOutbox())
    assert webhooks.accept(delivery, keys=keys, lanes=lanes, spool=nobody) == 1


# ── positions, groups and keys ────────────────────────────────────────────────

POSITION = {"type": "location", "device_id": "d-1", "data": {}}
TEST_POSITION = {"type": "location", "device_id": "TEST_DEVICE_ID", "data": {}}


@pytest.mark.parametrize("wanted", [True, False])
def test_positions_are_dropped_at_the_door_unless_they_are_wanted(wanted: bool) -> None:
    queued = accept(json.dumps([POSITION, event()]).encode(), live_positions=wanted)

    assert (POSITION in queued) is wanted
    assert event() in queued


def position(device: str, at: str, **more: Any) -> dict[str, Any]:
    return {"type": "location", "device_id": device, "recorded_at": at, "data": more}


def test_of_live_positions_the_last_of_each_device_and_minute_is_queued() -> None:
    one, last, next_minute = (
        position("d-1", f"2026-03-04T12:0{at}Z") for at in ("0:01.0", "0:59.9", "1:00.0")
    )
    other = position("d-2", "2026-03-04T12:00:30.0Z")

    queued = accept(
        json.dumps([last, one, next_minute, other, event()]).encode(), live_positions=True
    )

    assert queued == [event(), last, next_minute, other]


def test_the_queue_itself_drops_what_later_deliveries_tell_of_the_same_minute() -> None:
    outbox = FakeOutbox()
    first = [position("d-1", "2026-03-04T12:00:01Z"), position("d-2", "2026-03-04T12:00:01Z")]
    then = [position("d-1", "2026-03-04T12:00:31Z"), position("d-1", "2026-03-04T12:01:01Z")]

    accept(json.dumps(first).encode(), live_positions=True, outbox=outbox)
    accept(json.dumps(then).encode(), live_positions=True, outbox=outbox)

    assert len(outbox.messages) == 4
    kept = [json.loads(each.body)["event"] for each in outbox.queued]
    assert len(kept) == 3
    assert all(each in kept for each in (*first, then[1]))


def test_nothing_waits_behind_positions() -> None:
    outbox = FakeOutbox()
    told = [position("d-1", "2026-03-04T12:00:01Z"), {"type": "geofence", "device_id": "d-1"}]

    accept(json.dumps(told).encode(), live_positions=True, outbox=outbox)

    arrival, where = (each.group for each in outbox.messages)
    assert where == f"{arrival}-positions"
    assert len(where) <= 128


@pytest.mark.parametrize("at", [None, 7, [], {"a": 1}, "x" * 5_000, "\ud800"])
@pytest.mark.parametrize("device", [None, 7, ["d"], "", "\ud800"])
def test_a_position_of_nobody_or_at_no_time_harms_nobody(device: Any, at: Any) -> None:
    told = [{"type": "location", "device_id": device, "recorded_at": at}, event()]

    assert event() in accept(json.dumps(told).encode(), live_positions=True)


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
