"""Deliveries that were kept, and what becomes of them."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest

from fieldlink.errors import Refused, Unavailable
from fieldlink.hearing import keeping, webhooks
from fieldlink.hearing.keeping import Delivery
from fieldlink.hearing.lanes import Lanes
from fieldlink.hearing.taking_up import take_up
from fieldlink.ports import Keys
from tests.fakes import NOON, Death, FakeOutbox, FakeSpool, Fate, Killed
from tests.make import CONNECTION
from tests.rules.test_webhooks import sign

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHER = "another-connection_0123456789"
RIGHT, WRONG = "the-right-secret", "the-wrong-secret"


class Ring:
    """The secrets of connections, as they are just now."""

    def __init__(self, **secrets: tuple[str, ...]) -> None:
        self.secrets = {CONNECTION: (RIGHT,)} | secrets

    def of(self, connection: str) -> Keys | None:
        found = self.secrets.get(connection)
        if found == ("sealed for another",):
            raise Refused("KMS can't read this")
        return Keys(found, live_positions=False) if found else None

    def lately(self, connection: str) -> Keys | None:
        raise AssertionError(connection)  # what is tried once needs those of now


def delivery(number: int, *, connection: str = CONNECTION, secret: str = RIGHT) -> Delivery:
    body = json.dumps([{"device_id": "d-1", "n": number}]).encode()
    return Delivery(connection, NOON.isoformat(), body, sign(body, secret))


def run(
    spool: FakeSpool,
    outbox: FakeOutbox,
    ring: Ring | None = None,
    *,
    looks: int = 1_000_000,
) -> int:
    """One run, with time for so many looks at the clock."""
    left = iter(range(looks))
    return take_up(
        spool=spool,
        bursts=outbox,
        key_ring=ring or Ring(),
        more=lambda: next(left, None) is not None,
    )


def numbers(outbox: FakeOutbox) -> list[int]:
    return sorted(json.loads(each.body)["event"]["n"] for each in outbox.queued)


def hold(spool: FakeSpool, *told: Delivery) -> None:
    for each in told:
        assert keeping.hold(each, lambda: spool)


def left(spool: FakeSpool) -> list[str]:
    return [key for key in spool.kept if not key.endswith("/tried")]


# ── what the queue did not take ───────────────────────────────────────────────


def test_what_the_queue_did_not_take_is_queued_as_it_would_have_been_and_removed() -> None:
    spool, outbox, at_once = FakeSpool(), FakeOutbox(), FakeOutbox()
    keeping.spare(delivery(1), spool)
    lanes = Lanes(at_once, at_once)
    webhooks.hand_on(delivery(1), live_positions=False, lanes=lanes, spool=FakeSpool)

    assert run(spool, outbox) == 1

    assert outbox.messages == at_once.messages
    assert spool.kept == {}


def test_while_the_queue_is_down_everything_stays() -> None:
    spool, outbox = FakeSpool(), FakeOutbox()
    keeping.spare(delivery(1), spool)
    outbox.fate.fail("put Message", Unavailable("SQS"))

    with pytest.raises(Unavailable):
        run(spool, outbox)
    outbox.fate.recover()

    assert run(spool, outbox) == 1
    assert numbers(outbox) == [1]


def test_what_the_queue_refuses_stays_and_holds_nobody_up() -> None:
    spool, outbox = FakeSpool(), FakeOutbox()
    for number in range(2):
        keeping.spare(delivery(number)._replace(received_at=f"2026-03-04T12:0{number}"), spool)
    outbox.fate.fail("put Message", Refused("InvalidMessageContents"), times=1)

    assert run(spool, outbox) == 1

    assert numbers(outbox) == [1]
    assert len(spool.kept) == 1


def test_more_than_a_list_holds_at_a_time_is_taken_up() -> None:
    spool, outbox = FakeSpool(), FakeOutbox()
    for number in range(1_003):
        keeping.spare(delivery(number), spool)

    assert run(spool, outbox) == 1_003
    assert spool.kept == {}


# ── what was signed with no secret of ours ────────────────────────────────────


def test_what_was_signed_with_a_secret_that_we_know_by_now_is_taken_up() -> None:
    spool, outbox, ring = FakeSpool(), FakeOutbox(), Ring()
    ring.secrets[CONNECTION] = (WRONG,)
    hold(spool, *(delivery(number) for number in range(5)), delivery(9, secret="a stranger's"))
    assert run(spool, outbox, ring) == 0

    ring.secrets[CONNECTION] = (RIGHT, WRONG)

    assert run(spool, outbox, ring) == 5
    assert numbers(outbox) == [0, 1, 2, 3, 4]
    assert len(left(spool)) == 1


def test_what_no_secret_fits_is_tried_once_for_each_change_of_them() -> None:
    spool, ring = FakeSpool(), Ring()
    hold(spool, *(delivery(number, secret=WRONG) for number in range(300)))
    run(spool, FakeOutbox(), ring)
    spool.now += timedelta(minutes=5)
    hold(spool, delivery(999, secret=WRONG))
    run(spool, FakeOutbox(), ring)

    def got() -> int:
        return spool.fate.effects.count("get Spooled")

    before = got()
    spool.now += timedelta(minutes=5)
    run(spool, FakeOutbox(), ring)
    assert got() - before == 2  # the note, and what was put within the last minute of it

    ring.secrets[CONNECTION] = ("a third one",)
    before = got()
    run(spool, FakeOutbox(), ring)
    assert got() - before == 1 + 301


def test_what_was_put_while_a_run_was_going_on_is_tried_by_the_next() -> None:
    spool, outbox, ring = FakeSpool(), FakeOutbox(), Ring()
    hold(spool, delivery(1, secret="a stranger's"))
    run(spool, outbox, ring)
    # Signed rightly by now, but the door had read the secrets before they were changed.
    spool.now -= timedelta(seconds=30)
    hold(spool, delivery(2))

    assert run(spool, outbox, ring) == 1
    assert numbers(outbox) == [2]


def test_a_run_that_has_no_time_left_goes_on_where_it_was() -> None:
    spool, outbox, ring = FakeSpool(), FakeOutbox(), Ring()
    for number in range(1_000):
        spool.now += timedelta(minutes=2)
        hold(spool, delivery(number, secret="a stranger's"))
    spool.now += timedelta(minutes=2)
    hold(spool, delivery(1_000))

    runs = [run(spool, outbox, ring, looks=450) for _ in range(4)]

    assert sum(runs) == 1
    assert numbers(outbox) == [1_000]


def test_without_time_nothing_is_begun() -> None:
    spool, outbox = FakeSpool(), FakeOutbox()
    keeping.spare(delivery(1), spool)
    hold(spool, delivery(2))

    assert run(spool, outbox, looks=0) == 0
    assert len(spool.kept) == 2


def test_the_note_of_what_was_tried_gives_no_secret_away() -> None:
    spool = FakeSpool()
    hold(spool, delivery(1, secret=WRONG))

    run(spool, FakeOutbox())

    assert RIGHT.encode() not in spool.kept[f"unsigned/{CONNECTION}/tried"]


# ── several connections ───────────────────────────────────────────────────────


def test_what_is_kept_of_a_connection_that_has_ended_is_removed() -> None:
    spool, outbox, ring = FakeSpool(), FakeOutbox(), Ring()
    keeping.spare(delivery(1, connection=OTHER), spool)
    hold(spool, delivery(2, connection=OTHER))
    spool.put(f"unsigned/{OTHER}/tried", b"abc 2026-03-04T12:00:00+00:00")
    keeping.spare(delivery(3), spool)

    assert run(spool, outbox, ring) == 1

    assert numbers(outbox) == [3]
    assert spool.kept == {}


def test_a_connection_whose_secrets_do_not_open_harms_no_other() -> None:
    spool, outbox, ring = FakeSpool(), FakeOutbox(), Ring(**{OTHER: ("sealed for another",)})
    for name in (OTHER, CONNECTION):
        keeping.spare(delivery(1, connection=name), spool)
        hold(spool, delivery(2, connection=name))

    assert run(spool, outbox, ring) == 2
    assert len(left(spool)) == 2


def test_no_delivery_is_taken_up_for_another_connection_than_it_was_sent_to() -> None:
    spool, outbox, ring = FakeSpool(), FakeOutbox(), Ring(**{OTHER: (WRONG,)})
    hold(spool, delivery(1, connection=OTHER, secret=RIGHT))

    assert run(spool, outbox, ring) == 0


# ── killed anywhere ───────────────────────────────────────────────────────────


def deaths() -> Iterator[Death]:
    for number in count(1):
        yield Death("before", number)
        yield Death("after", number)


def test_wherever_it_is_killed_nothing_is_lost_and_the_next_run_ends_it() -> None:
    survived = 0
    for death in deaths():
        fate = Fate()
        spool, outbox = FakeSpool(fate), FakeOutbox(fate)
        for number in range(3):
            keeping.spare(delivery(number), spool)
            hold(spool, delivery(10 + number), delivery(20 + number, secret=WRONG))
        fate.effects.clear()
        fate.death = death
        try:
            run(spool, outbox)
            survived += 1
        except Killed:
            run(spool, outbox)
        assert numbers(outbox) == [0, 1, 2, 10, 11, 12]
        assert len(left(spool)) == 3
        if survived == 2:
            return


@pytest.mark.parametrize("text", [b"", b"\n", b"2026-03-04T12:00:00Z \n"])
def test_what_is_no_delivery_of_ours_harms_nobody(text: bytes) -> None:
    spool, outbox = FakeSpool(), FakeOutbox()
    spool.put(f"spare/{CONNECTION}/0", text)
    keeping.spare(delivery(1), spool)

    run(spool, outbox)

    assert numbers(outbox) == [1]
