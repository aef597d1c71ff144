"""One appointment's story on the console."""

from fieldlink.books import explaining
from fieldlink.console import explained
from fieldlink.console.explained import Change
from fieldlink.models import Kind, LedgerRow, Outcome
from fieldlink.records import Visit
from tests.fakes import FakeLedger, FakeState
from tests.make import (
    APPOINTMENT,
    CONNECTION,
    RESOURCE,
    appointment,
    at,
    delivered,
    fact,
    resource,
)

TEN = "2026-03-04T10:00:00Z"


def story(state: FakeState, ledger: FakeLedger) -> explained.Story:
    told = explaining.explain(APPOINTMENT, connection=CONNECTION, state=state, ledger=ledger)
    return explained.story(told, CONNECTION, state)


def visited(state: FakeState, ledger: FakeLedger) -> None:
    """A check-out was told first, and a late arrival corrected the start."""
    out = delivered(fact(Kind.CHECKED_OUT, at(11)), received_at=at(11))
    late = delivered(fact(Kind.ARRIVED, at(9)), received_at=at(15))
    kept = {each.fact.key: each for each in (out, late)}
    state.write(Visit(connection=CONNECTION, appointment=APPOINTMENT, facts=kept))
    for each, wrote, before in (
        (out, {"status": "Completed", "actual_start": TEN}, {}),
        (late, {"actual_start": "2026-03-04T09:00:00Z"}, {"actual_start": TEN}),
    ):
        row = LedgerRow(
            connection=CONNECTION,
            received_at=each.received_at,
            delivery=each.delivery,
            outcome=Outcome.APPLIED,
            appointment=APPOINTMENT,
            resource=RESOURCE,
            wrote={"changes": wrote},
            before={"changes": before} if before else {},
            rule=f"because of {each.fact.kind}",
            request=f"request of {each.fact.kind}",
            decided_at=each.received_at,
        )
        ledger.put(row)


def test_facts_are_told_by_the_time_at_which_they_happened() -> None:
    state, ledger = FakeState(), FakeLedger()
    visited(state, ledger)
    state.write_all([resource(), appointment()])

    told = story(state, ledger)

    assert (told.appointment, told.number, told.problem) == (APPOINTMENT, "SA-0001", "")
    assert [each.kind for each in told.steps] == ["arrived", "checked out"]
    arrived, _ = told.steps
    assert (arrived.at, arrived.received) == ("2026-03-04 09:00 UTC", "2026-03-04 15:00:00 UTC")
    assert (arrived.who, arrived.outcome) == ("Ada Lovelace", "applied")
    assert (arrived.rule, arrived.request) == ("because of arrived", "request of arrived")


def test_the_value_that_stands_is_marked_at_the_fact_that_wrote_it() -> None:
    state, ledger = FakeState(), FakeLedger()
    visited(state, ledger)

    arrived, out = story(state, ledger).steps

    assert arrived.changes == [
        Change("Actual Start", "2026-03-04 10:00 UTC", "2026-03-04 09:00 UTC", True)
    ]
    assert out.changes == [
        Change("Status", "", "Completed", True),
        Change("Actual Start", "", "2026-03-04 10:00 UTC", False),
    ]


def test_whoever_is_not_known_by_name_is_shown_by_id() -> None:
    state, ledger = FakeState(), FakeLedger()
    visited(state, ledger)

    assert {each.who for each in story(state, ledger).steps} == {RESOURCE}


def test_of_an_appointment_that_nothing_was_told_of_that_is_said() -> None:
    told = story(FakeState(), FakeLedger())

    assert (told.steps, told.number) == ([], "")
    assert told.problem == explaining.NOTHING_KNOWN


def test_a_row_is_told_in_a_line_and_stands_though_later_facts_have_theirs() -> None:
    state, ledger = FakeState(), FakeLedger()
    told = [delivered(fact(Kind.ARRIVED, at(hour)), received_at=at(hour)) for hour in (9, 10)]
    kept = {each.fact.key: each for each in told}
    state.write(Visit(connection=CONNECTION, appointment=APPOINTMENT, facts=kept))
    entry = {"key": "k/1", "resource": RESOURCE, "starts_at": TEN, "ends_at": TEN, "id": "0hG1"}
    for number, each in enumerate(told):
        wrote = {
            "event": {
                "key": f"k{number}",
                "subject": "Arrived",
                "starts_at": TEN,
                "id": "00U1",
            },
            "entries": [{**entry, "subject": f"visit {number}"}],
            "travel": {"03r1": number},
        }
        ledger.put(
            LedgerRow(
                connection=CONNECTION,
                received_at=each.received_at,
                delivery=each.delivery,
                outcome=Outcome.APPLIED,
                wrote=wrote,
                before={"entries": {"k/1": {"starts_at": TEN}}},
            )
        )

    first, second = story(state, ledger).steps

    ten = "2026-03-04 10:00 UTC"
    assert first.changes == [
        Change("Actual Travel Time (minutes) of 03r1", "", "0", False),
        Change("in the Activity", "", f"Arrived, {ten}, 00U1", True),
        Change("time sheet entry", ten, f"visit 0, {ten}, {ten}, 0hG1", False),
    ]
    assert [each.stands for each in second.changes] == [True, True, True]


def test_values_have_the_names_that_people_know_them_by() -> None:
    names = ("changes.status", "travel.03r1", "distances.08p1", "removed", "else")

    assert [explained._field(each) for each in names] == [
        "Status",
        "Actual Travel Time (minutes) of 03r1",
        "travelled distance to 08p1",
        "removed from the time sheet",
        "else",
    ]
