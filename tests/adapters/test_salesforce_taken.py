"""Rows of a look: those that are as we know them are named, and only the others are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.adapters import salesforce_taken
from fieldlink.adapters.salesforce_taken import Taken, fingerprint, taken
from fieldlink.errors import Unavailable
from fieldlink.ports import nothing_is_known
from fieldlink.records import Appointment, Assignment, Resource
from local.salesforce.ids import numbered
from tests.fakes import FakeState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from fieldlink.records import Row

WORK, OTHER = numbered("08p", 1), numbered("08p", 2)
PERSON, SEAT = numbered("0Hn", 1), numbered("03r", 1)


def job(subject: str = "Boiler", name: str = WORK, **more: Any) -> dict[str, Any]:
    address = f"/services/data/v67.0/sobjects/ServiceAppointment/{name}"
    return {
        "attributes": {"type": "ServiceAppointment", "url": address},
        "Id": name,
        "IsDeleted": False,
        "Subject": subject,
        **more,
    }


def seat(**more: Any) -> dict[str, Any]:
    return {"Id": SEAT, "ServiceAppointmentId": WORK, "ServiceResourceId": PERSON, **more}


def take(
    *pages: list[dict[str, Any]], kind: type[Row] = Appointment, state: FakeState | None = None
) -> Taken:
    return taken(kind, pages, "c", state.fingerprints if state else nothing_is_known)


def knowing(*pages: list[dict[str, Any]], kind: type[Row] = Appointment) -> FakeState:
    """A state with these rows, handed on."""
    state = FakeState()
    state.write_all(take(*pages, kind=kind).rows)
    return state


def subjects(found: Taken) -> list[str]:
    return [each.subject for each in found.rows]


def test_a_known_row_is_named_by_its_id_and_not_read_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = knowing([job(), job(name=OTHER)])
    built: list[str] = []

    def read(row: dict[str, Any], connection: str) -> Appointment:
        built.append(row["Id"])
        return Appointment(connection=connection, id=row["Id"])

    kind: type[Row] = Appointment
    monkeypatch.setitem(salesforce_taken.READ, kind, read)
    found = take([job(), job("Heater", OTHER)], state=state)

    assert found.unchanged == {WORK}
    assert [each.id for each in found.rows] == built == [OTHER]


@pytest.mark.parametrize(
    ("kind", "row", "changed"),
    [
        (Appointment, job(), {"IsDeleted": True}),
        (Assignment, seat(), {"ServiceResourceId": numbered("0Hn", 2)}),
        (Assignment, seat(ServiceResource={"ResourceType": "T"}), {"ServiceResource": None}),
        (Resource, {"Id": PERSON, "Name": "Rosa"}, {"Name": "Rosa Fuller"}),
        (
            Resource,
            {"Id": PERSON, "RelatedRecord": {"Email": "a@example.com"}},
            {"RelatedRecord": {"Email": "b@example.com"}},
        ),
    ],
)
def test_of_every_kind_the_same_is_known_and_what_differs_is_read_on(
    kind: type[Row], row: dict[str, Any], changed: dict[str, Any]
) -> None:
    state = knowing([dict(row)], kind=kind)

    same = take([dict(row)], kind=kind, state=state)
    other = take([row | changed], kind=kind, state=state)

    assert same == Taken((), frozenset({row["Id"]}))
    assert [each.id for each in other.rows] == [row["Id"]]
    assert not other.unchanged


def test_a_row_whose_fingerprint_is_not_stored_is_read_on() -> None:
    """It was kept and not handed on, or an earlier version has stored it."""
    state = knowing([job()])
    [row] = state.all_of(Appointment, "c")
    state.write_all([row.model_copy(update={"fingerprint": ""})])

    assert subjects(take([job()], state=state)) == ["Boiler"]


@pytest.mark.parametrize("field", ["Subject", "IsDeleted"])
def test_the_same_row_with_another_field_set_is_read_on(field: str) -> None:
    state = knowing([job()])
    fewer = {name: each for name, each in job().items() if name != field}

    assert len(take([fewer], state=state).rows) == 1
    assert len(take([job(City="Berlin")], state=state).rows) == 1
    assert len(take([job(City=None)], state=state).rows) == 1


def test_of_one_connection_nothing_is_known_to_another() -> None:
    state = knowing([job()])

    assert subjects(taken(Appointment, [[job()]], "d", state.fingerprints)) == ["Boiler"]


# ── one row more than once ────────────────────────────────────────────────────


@pytest.mark.parametrize("split", [True, False], ids=["two pages", "one page"])
@pytest.mark.parametrize(
    ("first", "last", "read", "known"),
    [
        ("Boiler", "Heater", ["Heater"], set()),
        ("Heater", "Boiler", [], {WORK}),
        ("Heater", "Pump", ["Pump"], set()),
        ("Boiler", "Boiler", [], {WORK}),
    ],
)
def test_a_row_that_comes_twice_counts_as_it_came_last(
    first: str, last: str, read: list[str], known: set[str], split: bool
) -> None:
    rows = [job(first), job(last)]
    pages = [[each] for each in rows] if split else [rows]

    found = take(*pages, state=knowing([job()]))

    assert subjects(found) == read
    assert found.unchanged == known


def test_no_page_is_looked_up_twice_and_no_key_comes_twice_in_one() -> None:
    asked: list[list[tuple[str, ...]]] = []

    def known(
        _kind: type[Row], keys: Collection[tuple[str, ...]]
    ) -> Mapping[tuple[str, ...], str]:
        asked.append(list(keys))
        return {}

    taken(Appointment, [[job(), job("Heater"), job(name=OTHER)], [], [job()]], "c", known)

    assert asked == [[("c", WORK), ("c", OTHER)], [("c", WORK)]]


# ── what is no row of ours ────────────────────────────────────────────────────


@pytest.mark.parametrize("nobody", [None, ""])
def test_an_assignment_of_nobody_in_particular_is_skipped(nobody: str | None) -> None:
    other = seat(Id=numbered("03r", 2), ServiceResourceId=nobody)

    found = take([other, seat()], [other], kind=Assignment)

    assert [each.id for each in found.rows] == [SEAT]


@pytest.mark.parametrize("kind", [Appointment, Assignment, Resource])
@pytest.mark.parametrize("name", [None, "", 5, [], {}, ["x"], "nonsense", "08pKx0000000AbCAAA"])
def test_a_row_without_a_valid_id_fails_the_look(kind: type[Row], name: Any) -> None:
    with pytest.raises(Unavailable, match="valid id"):
        take([seat(Id=name)], kind=kind, state=FakeState())


@pytest.mark.parametrize("name", [None, 5, [], "nonsense"])
def test_an_assignment_without_a_valid_appointment_fails_the_look(name: Any) -> None:
    with pytest.raises(Unavailable, match="valid id"):
        take([seat(ServiceAppointmentId=name)], kind=Assignment, state=FakeState())


@pytest.mark.parametrize("kind", [Appointment, Assignment, Resource])
@pytest.mark.parametrize("row", [None, "none", [], 5])
def test_what_is_no_row_at_all_fails_the_look(kind: type[Row], row: Any) -> None:
    with pytest.raises(Unavailable):
        take([row], kind=kind)


# ── fingerprints ──────────────────────────────────────────────────────────────


def test_a_fingerprint_tells_apart_what_looks_alike() -> None:
    values: list[Any] = ["1", 1, 1.0, True, None, "", "None", [], {}]
    rows: list[dict[str, Any]] = [{"A": each, "B": None} for each in values]
    rows += [{"A": "1", "B": ""}, {"A": "", "B": "1"}, {"A": "11"}, {"A": {"C": "1"}}]

    found = {fingerprint(dict(row)) for row in rows}

    assert len(found) == len(rows)


def test_a_fingerprint_is_of_what_was_asked_for_and_not_of_where_it_lies() -> None:
    elsewhere = job() | {"attributes": {"type": "ServiceAppointment", "url": "/v68.0/x"}}

    assert fingerprint(job()) == fingerprint(elsewhere)
