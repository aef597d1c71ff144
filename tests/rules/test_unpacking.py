"""What a message points to in the spool."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fieldlink.errors import Refused, Unavailable
from fieldlink.hearing import unpacking, webhooks
from fieldlink.hearing.keeping import Delivery
from fieldlink.hearing.lanes import Lanes
from fieldlink.models import Report
from tests.fakes import NOON, Death, FakeOutbox, FakeSpool, Fate, Killed
from tests.make import CONNECTION, event


def handed_on(body: bytes, spool: FakeSpool) -> FakeOutbox:
    """As the door does it."""
    outbox = FakeOutbox()
    delivery = Delivery(CONNECTION, NOON.isoformat(), body)
    lanes = Lanes(outbox, outbox)
    webhooks.hand_on(delivery, live_positions=False, lanes=lanes, spool=lambda: spool)
    return outbox


def reports(outbox: FakeOutbox) -> list[Report]:
    return [Report.model_validate(json.loads(each.body)) for each in outbox.queued]


def split_all(report: Report, outbox: FakeOutbox, spool: FakeSpool) -> list[Any]:
    """Until nothing is left of it; the events that are queued then."""
    left = [report]
    for _ in range(10):
        if not left:
            break
        unpacking.split(left.pop(), live_positions=False, outbox=outbox, spool=spool)
        known = [each for each in reports(outbox) if unpacking.holds_many(each)]
        left = [each for each in known if each.first > report.first]
        report = left[0] if left else report
    return [each.event for each in reports(outbox) if not unpacking.holds_many(each)]


def test_an_event_that_came_with_its_message_is_as_it_was() -> None:
    spool = FakeSpool()
    [report] = reports(handed_on(json.dumps([event()]).encode(), spool))

    assert unpacking.with_event(report, spool) == report
    assert spool.fate.effects == []


def test_a_large_event_is_as_if_it_had_come_with_its_message() -> None:
    spool = FakeSpool()
    large = event() | {"note": "Grüße" * 60_000}
    [report] = reports(handed_on(json.dumps([large]).encode(), spool))
    assert report.event is None

    found = unpacking.with_event(report, spool)

    assert found.event == large
    assert (found.id, found.received_at) == (report.id, report.received_at)


def test_the_events_of_a_delivery_that_was_kept_whole_are_queued_as_the_door_would_have() -> (
    None
):
    spool, outbox = FakeSpool(), FakeOutbox()
    told: list[Any] = [{"device_id": f"d-{n % 7}", "n": n} for n in range(2_000)]
    [pointer] = reports(handed_on(json.dumps(told).encode(), spool))

    found = split_all(pointer, outbox, spool)

    assert found == told
    at_once = webhooks.message(told[7], connection=CONNECTION, received_at=NOON.isoformat())
    assert outbox.messages[7] == at_once


def test_a_delivery_of_very_many_events_is_queued_part_by_part() -> None:
    spool, outbox = FakeSpool(), FakeOutbox()
    told = [{"n": n} for n in range(12_001)]
    [pointer] = reports(handed_on(json.dumps(told).encode(), spool))

    unpacking.split(pointer, live_positions=False, outbox=outbox, spool=spool)

    assert len(outbox.messages) == 5_001
    assert reports(outbox)[-1].first == 5_000
    assert outbox.messages[-1].group == CONNECTION
    assert split_all(pointer, FakeOutbox(), spool) == told


def test_bad_events_of_a_delivery_that_was_kept_whole_cost_the_others_nothing() -> None:
    spool, outbox = FakeSpool(), FakeOutbox()
    body = b"[" + b",".join([b'{"n":1}', b'{"n":NaN}'] * 600) + b"]"
    [pointer] = reports(handed_on(body, spool))

    unpacking.split(pointer, live_positions=False, outbox=outbox, spool=spool)

    assert [each.unreadable for each in reports(outbox)] == ["", "not JSON"]  # each once
    assert len(outbox.messages) == 1_200


@pytest.mark.parametrize("side", ["before", "after"])
def test_whoever_is_killed_in_the_middle_queues_the_same_again(side: Any) -> None:
    for number in range(1, 4):
        fate = Fate()
        spool, outbox = FakeSpool(fate), FakeOutbox(fate)
        told = [{"n": n, "x": "x" * 250_000 * (n == 3)} for n in range(1_500)]
        [pointer] = reports(handed_on(json.dumps(told).encode(), spool))
        fate.effects.clear()
        fate.death = Death(side, number)

        with pytest.raises(Killed):
            split_all(pointer, outbox, spool)
        split_all(pointer, outbox, spool)

        found = [unpacking.with_event(each, spool).event for each in reports(outbox)]
        assert found == told


def test_a_body_that_turns_out_to_be_no_delivery_is_refused() -> None:
    spool = FakeSpool()
    [pointer] = reports(handed_on(b"x" * 2_000_000, spool))

    with pytest.raises(Refused, match="webhook body is"):
        unpacking.split(pointer, live_positions=False, outbox=FakeOutbox(), spool=spool)


def test_what_is_no_longer_kept_is_refused() -> None:
    spool = FakeSpool()
    [report] = reports(handed_on(json.dumps({"a": "x" * 250_000}).encode(), spool))

    with pytest.raises(Refused, match="no longer kept"):
        unpacking.with_event(report, FakeSpool())


def test_what_another_connection_was_told_is_not_fetched() -> None:
    spool = FakeSpool()
    [report] = reports(handed_on(json.dumps({"a": "x" * 250_000}).encode(), spool))
    other = report.model_copy(update={"connection": "another-connection_0123456789"})

    with pytest.raises(Refused, match="another connection's"):
        unpacking.with_event(other, spool)


def test_a_spool_that_is_down_is_waited_for() -> None:
    spool = FakeSpool()
    [report] = reports(handed_on(json.dumps({"a": "x" * 250_000}).encode(), spool))
    spool.fate.fail("get Spooled", Unavailable("S3"))

    with pytest.raises(Unavailable):
        unpacking.with_event(report, spool)
