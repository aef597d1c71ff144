"""What is kept of deliveries that are signed with no secret of ours, and no more."""

from __future__ import annotations

import json

import pytest

from fieldlink.errors import Unavailable
from fieldlink.hearing import keeping
from fieldlink.hearing.keeping import Delivery, hold, unpacked
from tests.fakes import FakeSpool
from tests.make import CONNECTION

SIGNATURE = "0123456789abcdef" * 2 + "01234567"
MORNING, NOON, EVENING = (
    f"2026-03-04T{hour}:30:00.000001+00:00" for hour in ("06", "12", "18")
)


def delivery(number: int = 0, *, at: str = NOON, size: int = 0) -> Delivery:
    body = json.dumps([{"n": number, "x": "x" * size}]).encode()
    return Delivery(CONNECTION, at, body, SIGNATURE)


def held(spool: FakeSpool, told: Delivery) -> bool:
    return hold(told, lambda: spool)


def test_what_is_held_is_all_that_is_needed_to_take_it_up() -> None:
    spool, told = FakeSpool(), delivery()

    assert held(spool, told)

    [(key, kept)] = spool.kept.items()
    assert key.startswith(f"unsigned/{CONNECTION}/2026-03-04-2/")
    assert unpacked(key, kept) == told


def test_a_body_with_line_ends_is_held_byte_by_byte() -> None:
    spool = FakeSpool()
    told = delivery()._replace(body=b'[\r\n{"a": 1}\n\n]\n')

    held(spool, told)

    [(key, kept)] = spool.kept.items()
    assert unpacked(key, kept) == told


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "garbage",
        SIGNATURE.upper(),
        SIGNATURE[:-1],
        SIGNATURE + "0",
        SIGNATURE + "\n",
        "é" * 40,
    ],
)
def test_nothing_is_held_that_hypertrack_would_not_sign_so(signature: str) -> None:
    spool = FakeSpool()

    assert not held(spool, delivery()._replace(signature=signature))
    assert spool.kept == {}


@pytest.mark.parametrize("body", [b"", b"text", b"<xml/>", b"\xff[", b" "])
def test_nothing_is_held_that_is_no_delivery(body: bytes) -> None:
    spool = FakeSpool()

    assert not held(spool, delivery()._replace(body=body))
    assert spool.kept == {}


def test_two_thousand_deliveries_in_a_quarter_of_a_day_are_all_held() -> None:
    spool = FakeSpool()

    assert all(held(spool, delivery(number)) for number in range(2_000))


def test_a_flood_fills_its_places_and_pushes_nobody_out() -> None:
    spool = FakeSpool()
    first = [delivery(number) for number in range(100)]
    for each in first:
        held(spool, each)
    kept = dict(spool.kept)

    flood = [held(spool, delivery(number)) for number in range(100, 25_000)]

    assert kept.items() <= spool.kept.items()
    assert len(spool.kept) == 100 + sum(flood) <= 8_192
    assert not all(flood)


def test_what_was_full_has_room_again_in_the_next_quarter() -> None:
    spool = FakeSpool()
    for number in range(3_000):
        held(spool, delivery(number, size=20_000, at=MORNING))
    assert len(spool.kept) <= 128

    assert held(spool, delivery(7, size=20_000))
    assert held(spool, delivery(7, size=20_000, at=EVENING))


def test_a_large_one_takes_no_place_of_a_small_one() -> None:
    spool = FakeSpool()
    for number in range(3_000):
        held(spool, delivery(number, size=20_000))

    assert held(spool, delivery())


@pytest.mark.parametrize(("size", "kept"), [(1_048_000, True), (1_048_576, False)])
def test_a_place_holds_a_mebibyte_at_most(size: int, kept: bool) -> None:
    spool = FakeSpool()

    assert held(spool, delivery(size=size)) is kept
    assert sum(len(each) for each in spool.kept.values()) <= 1_048_576


def test_the_same_body_again_takes_no_more_than_its_own_places() -> None:
    spool = FakeSpool()

    for _ in range(50):
        held(spool, delivery())

    assert len(spool.kept) <= keeping.TRIES


def test_a_spool_that_is_down_is_told_to_the_caller() -> None:
    spool = FakeSpool()
    spool.fate.fail("claim Spooled", Unavailable("S3"))

    with pytest.raises(Unavailable):
        held(spool, delivery())


def test_what_is_kept_as_spare_is_in_the_order_of_its_time() -> None:
    spool = FakeSpool()
    for number, at in enumerate((EVENING, MORNING, NOON)):
        keeping.spare(delivery(number, at=at), spool)

    times = [unpacked(each.key, spool.kept[each.key]) for each in spool.list("spare/", 10)]
    assert [each.received_at for each in times] == [MORNING, NOON, EVENING]
