"""Why a value stands in Salesforce."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from fieldlink.books import explaining
from fieldlink.books.explaining import NOT_KEPT, Explained
from fieldlink.errors import Refused
from fieldlink.models import Delivered, Kind, LedgerRow, Outcome
from fieldlink.records import Day, Intent, Part, Visit
from fieldlink.writing import reports
from fieldlink.writing.activity import reference
from tests import make
from tests.fakes import NOON, FakeLedger, FakeState
from tests.make import APPOINTMENT, COLLEAGUE, CONNECTION, RESOURCE, World, at

TODAY = NOON.date()
ENTRY = f"{APPOINTMENT}/{RESOURCE}/2026-03-04/1"


def delivered(kind: Kind, hour: int, **more: Any) -> Delivered:
    fact = make.fact(kind, at(hour), **more)
    return make.delivered(fact, received_at=at(hour, 1), delivery=f"{kind} {hour}")


def row(told: Delivered, **more: Any) -> LedgerRow:
    fact = told.fact
    fields = {"outcome": Outcome.APPLIED, "key": fact.key, "kind": fact.kind, **more}
    return LedgerRow(
        connection=CONNECTION, received_at=told.received_at, delivery=told.delivery, **fields
    )


CAME = delivered(Kind.ARRIVED, 9)
LEFT = delivered(Kind.LEFT, 11)
EARLIER = delivered(Kind.CHECKED_IN, 8)


class Books:
    """An appointment of which three things were told; the first of them came last."""

    def __init__(self) -> None:
        self.state, self.ledger = FakeState(), FakeLedger()
        self.keep(CAME, LEFT, EARLIER)
        began = {"status": "In Progress", "actual_start": "2026-03-04T09:00:00Z"}
        entry = {"key": ENTRY, "starts_at": "2026-03-04T09:00:00Z"}
        self.ledger.put_all(
            [
                row(
                    CAME,
                    wrote={"appointment": APPOINTMENT, "changes": began},
                    before={"changes": {"status": "Scheduled"}},
                    rule="arrived",
                    request="REQ1",
                    decided_at=at(9, 2),
                ),
                row(LEFT, wrote={"entries": [{**entry, "id": "1"}]}, decided_at=at(11, 2)),
                row(
                    EARLIER,
                    wrote={
                        "changes": {"actual_start": "2026-03-04T08:00:00Z"},
                        "entries": [{**entry, "starts_at": "2026-03-04T08:00:00Z"}],
                    },
                    before={"changes": {"actual_start": "2026-03-04T09:00:00Z"}},
                    decided_at=at(14),
                ),
            ]
        )

    def keep(self, *told: Delivered) -> None:
        facts = {each.fact.key: each for each in told}
        self.state.write_all(
            [Visit(connection=CONNECTION, appointment=APPOINTMENT, facts=facts)]
        )

    def explain(self, record: str = APPOINTMENT, **more: Any) -> Explained:
        return explaining.explain(
            record, connection=CONNECTION, state=self.state, ledger=self.ledger, **more
        )


def test_everything_that_was_decided_is_told_in_the_order_in_which_it_was() -> None:
    found = Books().explain()

    assert [each.kind for each in found.told] == ["arrived", "left", "checked in"]
    assert found.problem == ""
    first = found.told[0]
    assert first.wrote == {
        "changes.status": "In Progress",
        "changes.actual_start": "2026-03-04T09:00:00Z",
    }
    assert first.before == {"changes.status": "Scheduled"}
    assert (first.rule, first.request, first.outcome) == ("arrived", "REQ1", "applied")
    assert (first.resource, first.at, first.received_at) == (RESOURCE, at(9), at(9, 1))


def test_of_each_field_it_is_told_who_wrote_what_stands() -> None:
    stands = Books().explain().stands

    start = stands["changes.actual_start"]
    assert (start.value, start.before) == ("2026-03-04T08:00:00Z", "2026-03-04T09:00:00Z")
    assert (start.kind, start.at, start.delivery) == ("checked in", at(14), EARLIER.delivery)
    assert stands["changes.status"].delivery == CAME.delivery
    assert stands[f"entries.{ENTRY}.starts_at"].delivery == EARLIER.delivery


def test_it_takes_two_look_ups_however_much_was_told() -> None:
    books = Books()
    many = [delivered(Kind.EXPECTED, 0, key=f"k{number}") for number in range(250)]
    books.keep(*many)
    books.state.fate.effects.clear()

    assert len(books.explain().told) == 250

    assert books.state.fate.effects == ["read Visit"]
    assert books.ledger.fate.effects[-1:] == ["read LedgerRows"]
    assert books.ledger.fate.effects.count("read LedgerRows") == 1


def test_an_id_may_be_in_its_short_form() -> None:
    assert Books().explain(APPOINTMENT[:15]) == Books().explain()


@pytest.mark.parametrize("record", ["", "08p", RESOURCE, "08p000000000001AAB", "' or 1=1"])
def test_what_is_no_appointment_is_refused(record: str) -> None:
    with pytest.raises(Refused, match="08p"):
        Books().explain(record)


def test_a_row_that_the_ledger_keeps_no_more_is_said_to_be_gone() -> None:
    books = Books()
    books.keep(CAME, delivered(Kind.ON_THE_WAY, 7))

    gone = books.explain().told[0]

    assert (gone.kind, gone.outcome, gone.reason) == ("on the way", "", NOT_KEPT)


def test_a_row_that_was_erased_says_so() -> None:
    books = Books()
    [key, *_] = books.ledger.of_day(CONNECTION, TODAY)[0]
    books.ledger.erase(CONNECTION, TODAY, key, at=NOON)

    told = {each.kind: each for each in books.explain().told}

    assert "erased" in told["checked in"].reason
    assert told["checked in"].wrote == {}


def test_an_appointment_of_which_nothing_is_known_says_so() -> None:
    found = explaining.explain(
        APPOINTMENT, connection="other", state=Books().state, ledger=Books().ledger
    )

    assert found.told == ()
    assert "nothing was reported" in found.problem


def test_a_fact_that_was_begun_or_parked_is_told_too() -> None:
    state, ledger = FakeState(), FakeLedger()
    parked = row(LEFT, outcome=Outcome.PARKED, reason="no")
    ledger.put(parked)
    state.write(
        Visit(
            connection=CONNECTION,
            appointment=APPOINTMENT,
            intent=Intent(delivered=CAME, since=NOON),
            doubtful={LEFT.fact.key: Intent(delivered=LEFT, since=NOON)},
        )
    )

    found = explaining.explain(APPOINTMENT, connection=CONNECTION, state=state, ledger=ledger)

    assert {(each.kind, each.outcome) for each in found.told} == {
        ("left", "parked"),
        ("arrived", ""),
    }


# ── one of our rows ────────────────────────────────────────────────────────────


def test_an_event_is_explained_by_the_reference_in_its_text() -> None:
    text = f"Ada: arrived\nTravel time: 3 min\n{reference(CAME.fact.key)}"

    found = Books().explain(text=text)

    assert [each.kind for each in found.told] == ["arrived"]


def test_an_entry_is_explained_by_its_reference() -> None:
    found = Books().explain(text=reference(ENTRY))

    assert [each.kind for each in found.told] == ["left", "checked in"]


def test_a_reference_of_another_appointment_is_found_nowhere() -> None:
    found = Books().explain(text=reference("another"))

    assert (found.told, found.stands) == ((), {})
    assert "reference" in found.problem


def test_a_text_without_a_reference_is_refused() -> None:
    with pytest.raises(Refused, match="no reference"):
        Books().explain(text="Ada: arrived")


def test_of_an_entry_that_was_taken_away_nothing_stands() -> None:
    books = Books()
    out = delivered(Kind.CHECKED_OUT, 12)
    books.keep(CAME, LEFT, EARLIER, out)
    books.ledger.put(row(out, wrote={"removed": ["1"]}, decided_at=at(15)))

    stands = books.explain().stands

    entry = {each.value for path, each in stands.items() if path.startswith("entries.")}
    assert entry == {None}
    gone = stands[f"entries.{ENTRY}.starts_at"]
    assert (gone.before, gone.delivery) == ("2026-03-04T08:00:00Z", out.delivery)
    assert stands["changes.status"].value == "In Progress"


# ── a day ──────────────────────────────────────────────────────────────────────


def test_a_day_is_explained_by_its_own_facts_and_those_of_its_appointments() -> None:
    books = Books()
    began = delivered(Kind.CLOCKED_IN, 7, appointment="")
    other = delivered(Kind.ARRIVED, 10, resource=COLLEAGUE)
    long_before = make.delivered(make.fact(Kind.ARRIVED, at(9) - timedelta(days=9)))
    books.keep(CAME, LEFT, EARLIER, other, long_before)
    books.state.write(
        Day(
            connection=CONNECTION,
            resource=RESOURCE,
            on=TODAY,
            facts={began.fact.key: began},
            parts={APPOINTMENT: Part(appointment=APPOINTMENT)},
        )
    )

    found = books.explain(RESOURCE, day=TODAY)

    assert [each.kind for each in found.told] == ["clocked in", "arrived", "left", "checked in"]
    assert {each.resource for each in found.told} == {RESOURCE}
    assert found.day == TODAY


def test_a_day_of_which_nothing_is_known_says_so() -> None:
    assert "nothing was reported" in Books().explain(RESOURCE, day=TODAY).problem


def test_with_a_day_goes_a_resource() -> None:
    with pytest.raises(Refused, match="0Hn"):
        Books().explain(APPOINTMENT, day=TODAY)


# ── as it is really written ────────────────────────────────────────────────────


def test_what_the_workers_write_is_explained_field_by_field() -> None:
    world = World()
    world.state.write(make.geofence())
    for event in (make.event("entry", at=at(9)), make.geotag("CHECK_OUT", at=at(11))):
        reports.take(make.report(event, received_at=at(11, 5)), world.desk)

    found = explaining.explain(
        APPOINTMENT, connection=CONNECTION, state=world.state, ledger=world.ledger
    )

    assert [each.kind for each in found.told] == ["arrived", "checked out"]
    assert found.stands["changes.status"].value == "Completed"
    assert found.stands["changes.status"].before == "In Progress"
    assert found.stands["changes.status"].rule
    assert all(each.decided_at for each in found.told)
