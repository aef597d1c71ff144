"""The ledger handed out."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fieldlink.books import exporting
from fieldlink.models import LedgerRow, Outcome
from fieldlink.ports import Link, digest
from tests.fakes import NOON, FakeLedger, FakeSpool
from tests.make import CONNECTION

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.books.exporting import Exported

DAY = timedelta(days=1)
TODAY = NOON.date()


class Archive:
    """A ledger and where it is exported to."""

    def __init__(self, *days: int) -> None:
        self.ledger, self.spool = FakeLedger(), FakeSpool()
        for day, count in enumerate(days):
            self.ledger.put_all([row(number, day) for number in range(count)])

    def export(self, days: int, more: Callable[[], bool] = lambda: True) -> Exported:
        return exporting.export(
            CONNECTION,
            TODAY,
            TODAY + (days - 1) * DAY,
            ledger=self.ledger,
            spool=self.spool,
            more=more,
        )

    def lines(self, key: str) -> list[dict[str, Any]]:
        text = gzip.decompress(self.spool.kept[key]).decode()
        return [json.loads(line) for line in text.splitlines()]


def row(number: int, day: int = 0) -> LedgerRow:
    return LedgerRow(
        connection=CONNECTION,
        received_at=NOON + timedelta(days=day, milliseconds=number),
        delivery=f"d{number}",
        outcome=Outcome.APPLIED,
        reason="naïve 🚲",
    )


def key(day: int, part: str = "") -> str:
    return f"exports/{CONNECTION}/{TODAY + day * DAY}{part}.jsonl.gz"


def test_each_day_is_an_object_and_a_day_of_nothing_is_none() -> None:
    archive = Archive(2, 0, 1)

    done = archive.export(3)

    assert done == exporting.Exported((key(0), key(2)), 3)
    assert list(archive.spool.kept) == [key(0), key(2)]


def test_rows_come_in_the_order_of_arrival_and_then_the_chain_that_they_can_be_checked_by() -> (
    None
):
    archive = Archive(3)
    archive.export(1)

    *rows, last = archive.lines(key(0))

    assert [LedgerRow.model_validate(each["row"]) for each in rows] == [
        row(n) for n in range(3)
    ]
    link = Link(**last["link"])
    assert link.sealed == link
    assert link.rows == {each["key"]: each["hash"] for each in rows}
    texts = [row(n).model_dump_json(exclude_defaults=True) for n in range(3)]
    assert [each["hash"] for each in rows] == [digest(text) for text in texts]
    compact = (",", ":")  # as docs/operating.md says
    told = [json.dumps(each["row"], ensure_ascii=False, separators=compact) for each in rows]
    assert told == texts


def test_the_same_ledger_is_the_same_bytes_whenever_it_is_exported() -> None:
    archive = Archive(3)
    archive.export(1)
    before = dict(archive.spool.kept)

    archive.export(1)

    assert archive.spool.kept == before


def test_a_busy_day_is_in_several_objects() -> None:
    archive = Archive(0)
    count = exporting.MOST_ROWS + 1_500
    many = [row(number) for number in range(count)]
    for start in range(0, count, 5_000):
        archive.ledger.put_all(many[start : start + 5_000])

    done = archive.export(1)

    assert done.keys == (key(0), key(0, ".2"))
    assert done.rows == count
    lines = [each for name in done.keys for each in archive.lines(name)]
    assert len({each["key"] for each in lines if "key" in each}) == count
    assert [each["link"]["number"] for each in lines if "link" in each] == list(range(1, 4))


def test_when_time_is_up_it_says_with_which_day_to_go_on() -> None:
    archive = Archive(1, 1, 1)
    left = iter([True, True, True, True, False])

    done = archive.export(3, more=lambda: next(left))

    assert done.keys == (key(0), key(1))
    assert done.next == TODAY + 2 * DAY


def test_a_day_that_was_begun_when_time_was_up_is_exported_anew() -> None:
    archive = Archive(1)
    left = iter([True, False])

    done = archive.export(1, more=lambda: next(left))

    assert done == exporting.Exported((), 0, TODAY)
    assert archive.spool.kept == {}
