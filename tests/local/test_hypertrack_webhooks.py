"""Webhooks of the simulator are signed, retried and given up as documented."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from local.hypertrack import FakeHyperTrack
from local.hypertrack.webhooks import Order
from tests.local.hypertrack_setting import (
    ACCOUNT,
    MORNING,
    OTHER,
    OTHER_SECRET,
    SECRET,
    Clock,
    Receiver,
    call,
    invited,
    phone_of,
    receiving,
    running,
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as it:
        yield it


@pytest.fixture
def hypertrack(receiver: Receiver) -> Iterator[FakeHyperTrack]:
    with running(Clock()) as it:
        it.set_webhook(ACCOUNT, receiver.url)
        yield it


def statuses(hypertrack: FakeHyperTrack) -> list[int | None]:
    return [each.status for each in hypertrack.deliveries]


def test_a_delivery_is_a_signed_array_of_events(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    phone = phone_of(hypertrack)
    hypertrack.wait_idle()

    headers, (event,) = receiver.headers[0], json.loads(receiver.bodies[0])

    expected = hmac.new(SECRET.encode(), receiver.bodies[0], hashlib.sha1).hexdigest()
    assert headers["x-hypertrack-signature"] == expected
    assert headers["content-type"] == "application/json"
    assert headers["x-amz-sns-message-id"] == hypertrack.deliveries[0].message_id
    assert headers["host"].startswith("receiver.localhost:")
    assert event == {
        "created_at": "2026-03-04T08:00:00.000000Z",
        "recorded_at": "2026-03-04T08:00:00.000000Z",
        "type": "registration",
        "version": "2.0.0",
        "data": {},
        "device_id": phone.device_id,
        "account_id": ACCOUNT,
    }


@pytest.mark.parametrize("status", [200, 202, 204, 400, 401, 413, 429])
def test_any_2xx_and_any_4xx_is_final(
    hypertrack: FakeHyperTrack, receiver: Receiver, status: int
) -> None:
    receiver.statuses = [status]
    phone_of(hypertrack)
    hypertrack.wait_idle()

    assert statuses(hypertrack) == [status]
    assert hypertrack.events[0].outcome == ("delivered" if status < 300 else "refused")


@pytest.mark.parametrize("status", [302, 500, 503])
def test_anything_else_is_tried_again_under_the_same_message_id(
    hypertrack: FakeHyperTrack, receiver: Receiver, status: int
) -> None:
    receiver.statuses = [status, status]
    phone_of(hypertrack)
    hypertrack.wait_idle()

    assert statuses(hypertrack) == [status, status, 200]
    assert [each.attempt for each in hypertrack.deliveries] == [1, 2, 3]
    assert len({each.message_id for each in hypertrack.deliveries}) == 1
    assert len(set(receiver.bodies)) == 1
    assert set(receiver.paths) == {"/hook"}
    assert hypertrack.events[0].outcome == "delivered"


def test_an_event_is_given_up_after_three_retries(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    receiver.statuses = [500] * 9
    phone_of(hypertrack)
    hypertrack.wait_idle()

    assert statuses(hypertrack) == [500] * 4
    assert hypertrack.events[0].outcome == "given up"


def test_a_dead_line_counts_as_no_answer(hypertrack: FakeHyperTrack) -> None:
    hypertrack.set_webhook(ACCOUNT, "http://127.0.0.1:1/hook")
    phone_of(hypertrack)
    hypertrack.wait_idle()

    assert statuses(hypertrack) == [None] * 4
    assert hypertrack.events[0].outcome == "given up"


def test_a_failing_event_lets_the_next_one_pass(receiver: Receiver) -> None:
    receiver.statuses = [500]
    with running(Clock()) as hypertrack:
        hypertrack.set_webhook(ACCOUNT, receiver.url)
        hypertrack.hold()
        phone_of(hypertrack).clock_in()
        hypertrack.release()
        hypertrack.wait_idle()

    kinds = [each["type"] for each in receiver.events]
    assert kinds.index("device_status") < len(kinds) - 1 - kinds[::-1].index("registration")


def test_without_a_webhook_nothing_is_sent_and_nothing_is_pending(
    hypertrack: FakeHyperTrack,
) -> None:
    hypertrack.set_webhook(ACCOUNT, None)
    phone_of(hypertrack)

    assert hypertrack.idle()
    assert hypertrack.events[0].outcome == "no webhook"


@pytest.mark.parametrize(
    ("order", "kinds"),
    [
        ("as_recorded", ["registration", "battery", "battery"]),
        ("reversed", ["battery", "battery", "registration"]),
    ],
)
def test_held_events_are_released_in_any_order(
    receiver: Receiver, order: Order, kinds: list[str]
) -> None:
    clock = Clock()
    with running(clock) as hypertrack:
        hypertrack.set_webhook(ACCOUNT, receiver.url)
        hypertrack.hold()
        phone = phone_of(hypertrack)
        for value in ("low", "normal"):
            clock.forward(5)
            phone.battery(value)
        assert hypertrack.idle()
        assert receiver.bodies == []

        hypertrack.release(order)
        hypertrack.wait_idle()

    assert [each["type"] for each in receiver.events] == kinds


def test_a_shuffle_with_the_same_seed_is_the_same(receiver: Receiver) -> None:
    orders = []
    for seed in (1, 1, 2):
        receiver.bodies.clear()
        clock = Clock()
        with running(clock) as hypertrack:
            hypertrack.set_webhook(ACCOUNT, receiver.url)
            hypertrack.hold()
            phone = phone_of(hypertrack)
            for number in range(8):
                phone.battery(str(number), at=clock.forward(1))
            hypertrack.release("shuffled", seed=seed)
            hypertrack.wait_idle()
        orders.append([each["data"].get("value") for each in receiver.events])

    assert orders[0] == orders[1] != orders[2]


def test_events_travel_in_batches_and_in_copies(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    hypertrack.hold()
    hypertrack.batch(2)
    hypertrack.duplicate(2)
    phone = phone_of(hypertrack)
    phone.battery("low")
    phone.battery("normal")
    hypertrack.release()
    hypertrack.wait_idle()

    assert [len(json.loads(body)) for body in receiver.bodies] == [2, 2, 1, 1]
    ids = [each.message_id for each in hypertrack.deliveries]
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_a_copy_that_is_refused_does_not_undo_a_delivery(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    hypertrack.duplicate(2)
    receiver.statuses = [200, 400]
    phone_of(hypertrack)
    hypertrack.wait_idle()

    assert statuses(hypertrack) == [200, 400]
    assert hypertrack.events[0].outcome == "delivered"


def test_a_release_goes_by_when_things_were_recorded_not_told(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    phone = phone_of(hypertrack)
    hypertrack.wait_idle()
    hypertrack.hold()
    for minutes in (20, 10):
        phone.battery(str(minutes), at=MORNING + timedelta(minutes=minutes))
    hypertrack.release("as_recorded")
    hypertrack.wait_idle()

    assert [each["data"].get("value") for each in receiver.events[1:]] == ["10", "20"]


def test_a_delivery_can_be_repeated_to_the_byte(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    phone_of(hypertrack)
    hypertrack.wait_idle()
    hypertrack.redeliver(0)
    hypertrack.wait_idle()

    assert receiver.bodies[0] == receiver.bodies[1]
    same = [each["x-hypertrack-signature"] for each in receiver.headers]
    assert same[0] == same[1]


def test_the_test_event_has_no_account_and_no_version(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    hypertrack.send_test_event(ACCOUNT)
    hypertrack.wait_idle()

    (event,) = receiver.events
    assert (event["device_id"], event["account_id"]) == ("TEST_DEVICE_ID", "0")
    assert event.keys() == {"recorded_at", "data", "device_id", "type", "account_id"}


def test_any_bytes_can_be_sent_with_any_signature(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    body = b"\xff not json"
    hypertrack.send_raw(ACCOUNT, body)
    hypertrack.send_raw(ACCOUNT, body, signature="0" * 40)
    receiver.statuses = [503]
    last = hypertrack.send_raw(ACCOUNT, body, signature="", headers={"content-type": "text/x"})

    expected = hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
    signatures = [each.get("x-hypertrack-signature") for each in receiver.headers]
    assert signatures == [expected, "0" * 40, None]
    assert receiver.headers[2]["content-type"] == "text/x"
    assert (last.status, len(hypertrack.deliveries), hypertrack.idle()) == (503, 3, True)


def test_each_account_has_its_own_secret_and_receiver(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    hypertrack.set_webhook(ACCOUNT, None)
    hypertrack.set_webhook(OTHER, receiver.url)
    phone_of(hypertrack)
    auth = (OTHER, OTHER_SECRET)
    call(hypertrack, "POST", "/workers/", {"worker_handle": "x"}, auth=auth)
    invite = {"app": "VISITS"}
    link = call(hypertrack, "POST", "/workers/x/invite", invite, auth=auth).json()["link"]
    hypertrack.install(link)
    hypertrack.wait_idle()

    (body,) = receiver.bodies
    assert json.loads(body)[0]["account_id"] == OTHER
    expected = hmac.new(OTHER_SECRET.encode(), body, hashlib.sha1).hexdigest()
    assert receiver.headers[0]["x-hypertrack-signature"] == expected


def test_a_rotated_secret_signs_what_comes_after(
    hypertrack: FakeHyperTrack, receiver: Receiver
) -> None:
    link = invited(hypertrack)
    hypertrack.rotate_secret(ACCOUNT, "new")
    hypertrack.install(link)
    hypertrack.wait_idle()

    expected = hmac.new(b"new", receiver.bodies[0], hashlib.sha1).hexdigest()
    assert receiver.headers[0]["x-hypertrack-signature"] == expected


def test_waiting_for_what_does_not_end_is_an_error(
    receiver: Receiver,
) -> None:
    receiver.statuses = [500] * 9
    with FakeHyperTrack(Clock(), {ACCOUNT: SECRET}, retry_delay=60) as hypertrack:
        hypertrack.set_webhook(ACCOUNT, receiver.url)
        hypertrack.send_test_event(ACCOUNT)
        with pytest.raises(TimeoutError):
            hypertrack.wait_idle(0.05)
