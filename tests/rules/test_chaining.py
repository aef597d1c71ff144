"""Nobody changes the ledger or takes something out of it unnoticed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from fieldlink.books import chaining
from fieldlink.models import LedgerRow, Outcome
from tests.fakes import NOON, FakeLedger
from tests.make import CONNECTION

if TYPE_CHECKING:
    from datetime import date, datetime

    from fieldlink.books.chaining import Verified
    from fieldlink.ports import Kept, Link

DAY = timedelta(days=1)
TODAY = NOON.date()


def row(number: int, at: datetime = NOON, **more: object) -> LedgerRow:
    fields = {"delivery": f"d{number}", "outcome": Outcome.APPLIED, **more}
    received = at + timedelta(seconds=number)
    return LedgerRow.model_validate(
        {"connection": CONNECTION, "received_at": received, **fields}
    )


def kept(count: int = 6) -> FakeLedger:
    """Two rows with each link."""
    ledger = FakeLedger()
    for number in range(0, count, 2):
        ledger.put_all([row(number), row(number + 1)])
    return ledger


def keys(ledger: FakeLedger) -> list[str]:
    return list(ledger.of_day(CONNECTION, TODAY)[0])


def verified(ledger: FakeLedger, first: date = TODAY, last: date = TODAY) -> Verified:
    long_ago = NOON - 30 * DAY
    return chaining.verify(
        CONNECTION, first, last, ledger=ledger, kept_since=long_ago, more=lambda: True
    )


def found(ledger: FakeLedger) -> list[tuple[str, str]]:
    [verdict] = verified(ledger).days
    return [(each.what, each.where) for each in verdict.findings]


def test_a_ledger_that_nobody_touched_is_whole() -> None:
    ledger = kept()

    result = verified(ledger)

    [verdict] = result.days
    assert result.whole
    assert (verdict.links, verdict.rows, verdict.unchained) == (3, 6, ())
    *_, last = ledger.chain(CONNECTION, TODAY)
    assert verdict.head == f"3 {last.hash}"


def test_a_day_of_which_nothing_was_told_is_whole() -> None:
    [verdict] = verified(FakeLedger()).days

    assert verdict.whole
    assert (verdict.links, verdict.rows, verdict.head) == (0, 0, "")


def test_a_row_that_was_changed_is_found() -> None:
    ledger = kept()
    key = keys(ledger)[2]
    changed = row(2, outcome=Outcome.IGNORED).model_dump_json(exclude_defaults=True)
    ledger.change(CONNECTION, key, changed)

    assert found(ledger) == [("row changed", key)]
    assert not verified(ledger).whole


def test_a_row_that_was_taken_out_is_found() -> None:
    ledger = kept()
    key = keys(ledger)[2]
    ledger.change(CONNECTION, key, None)

    assert found(ledger) == [("row missing", key)]


def test_a_row_that_was_put_back_as_it_was_before_is_found() -> None:
    """A parked event that was replayed: only the last mention of it counts."""
    ledger = FakeLedger()
    parked = row(1, outcome=Outcome.PARKED)
    ledger.put(parked)
    ledger.put(row(1))
    assert verified(ledger).whole

    [key] = keys(ledger)
    ledger.change(CONNECTION, key, parked.model_dump_json(exclude_defaults=True))

    assert found(ledger) == [("row changed", key)]


def test_links_that_were_taken_out_are_found() -> None:
    ledger = kept(10)
    ledger.cut(CONNECTION, TODAY, 1)
    ledger.cut(CONNECTION, TODAY, 3)
    ledger.cut(CONNECTION, TODAY, 4)

    assert found(ledger) == [("links missing", "1 to 1"), ("links missing", "3 to 4")]
    [verdict] = verified(ledger).days
    assert len(verdict.unchained) == 6


def test_a_link_that_was_changed_is_found_and_so_is_one_that_was_forged() -> None:
    ledger = kept()
    links = list(ledger.chain(CONNECTION, TODAY))
    hashes = {key: each.hash for key, each in ledger.of_day(CONNECTION, TODAY)[0].items()}
    changed = links[1]._replace(at="2026-01-01T00:00:00+00:00")

    def told(second: Link) -> list[str]:
        verdict = chaining.judge(TODAY, [links[0], second, links[2]], hashes)
        return [f"{what} {where}" for what, where in verdict.findings]

    assert told(links[1]) == []
    assert told(changed) == ["link changed 2"]
    assert told(changed.sealed) == ["link not joined 3"]


def test_a_row_that_no_link_names_yet_is_told_apart_and_is_no_fault() -> None:
    ledger = kept()
    ledger.cut(CONNECTION, TODAY, 3)

    [verdict] = verified(ledger).days

    assert verdict.whole
    assert list(verdict.unchained) == keys(ledger)[4:]
    assert verdict.head.startswith("2 ")


def test_what_was_erased_is_counted_and_the_chain_holds() -> None:
    ledger = kept()
    for key in keys(ledger)[:2]:
        ledger.erase(CONNECTION, TODAY, key, at=NOON)

    [verdict] = verified(ledger).days

    assert verdict.whole
    assert verdict.erased == 2


def test_several_days_are_verified_one_after_the_other() -> None:
    ledger = FakeLedger()
    ledger.put_all([row(1), row(2, NOON + DAY)])
    [key] = ledger.of_day(CONNECTION, TODAY + DAY)[0]
    ledger.change(CONNECTION, key, None)

    result = verified(ledger, TODAY - DAY, TODAY + DAY)

    assert [(each.rows, each.whole) for each in result.days] == [
        (0, True),
        (1, True),
        (0, False),
    ]
    assert not result.whole
    assert result.next is None


def test_a_day_that_is_not_kept_as_a_whole_any_more_is_not_judged() -> None:
    ledger = kept()
    ledger.cut(CONNECTION, TODAY, 1)

    result = chaining.verify(
        CONNECTION, TODAY, TODAY, ledger=ledger, kept_since=NOON, more=lambda: True
    )

    [verdict] = result.days
    assert verdict.expired
    assert result.whole


def test_when_time_is_up_it_says_with_which_day_to_go_on() -> None:
    ledger = FakeLedger()
    for day in range(4):
        ledger.put(row(day, NOON + day * DAY))
    left = iter([True, True, False])

    result = chaining.verify(
        CONNECTION,
        TODAY,
        TODAY + 3 * DAY,
        ledger=ledger,
        kept_since=NOON - DAY,
        more=lambda: next(left),
    )

    assert [each.day for each in result.days] == [TODAY, TODAY + DAY]
    assert result.next == TODAY + 2 * DAY


class Busy(FakeLedger):
    """Somebody writes a row anew each time that its day has been read."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def of_day(
        self, connection: str, day: date, after: str = "", limit: int = 1_000
    ) -> tuple[dict[str, Kept], str]:
        found = super().of_day(connection, day, after, limit)
        self.times -= 1
        if self.times >= 0:
            self.put(row(1, reason=f"again {self.times}"))
        return found


def test_what_is_written_while_it_is_read_is_no_fault() -> None:
    ledger = Busy(times=1)
    ledger.put_all([row(1), row(2)])

    assert verified(ledger).whole


@given(st.data())
def test_whatever_is_done_to_one_row_or_link_shows(data: st.DataObject) -> None:
    ledger = FakeLedger()
    for size in data.draw(st.lists(st.integers(1, 3), min_size=2, max_size=6)):
        numbers = data.draw(st.lists(st.integers(0, 9), min_size=size, max_size=size))
        reason = data.draw(st.sampled_from(["", "a", "b"]))
        ledger.put_all([row(number, reason=reason) for number in numbers])
    assert verified(ledger).whole
    links = list(ledger.chain(CONNECTION, TODAY))

    if data.draw(st.booleans()):
        number = data.draw(st.integers(1, len(links) - 1))  # of the last, see `unchained`
        ledger.cut(CONNECTION, TODAY, number)
    else:
        key = data.draw(st.sampled_from(keys(ledger)))
        text = data.draw(st.sampled_from([None, row(77).model_dump_json()]))
        ledger.change(CONNECTION, key, text)

    assert not verified(ledger).whole
