"""Looks at the work of many: few calls, and what each sees is as if it had looked alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fieldlink.adapters.salesforce import SalesforceOrg
from fieldlink.adapters.salesforce_rest import SalesforceRest
from fieldlink.adapters.salesforce_soql import Wants
from fieldlink.adapters.salesforce_soql_work import SHEET
from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.models import View
from local.salesforce.ids import numbered
from tests.adapters.salesforce_work import (
    DAY,
    HOUR,
    NOW,
    Key,
    booked,
    connected,
    look,
    queries,
    sheet,
    writes,
)
from tests.adapters.scripted import Answer, scripted

if TYPE_CHECKING:
    import requests

    from fieldlink.models import Look
    from local.salesforce import FakeSalesforce

LONGEST = 16_384  # bytes of an address


# ── how few ───────────────────────────────────────────────────────────────────


def test_a_hundred_looks_are_one_call_of_five_queries(
    org: SalesforceOrg, salesforce: FakeSalesforce
) -> None:
    people = salesforce.add_resources(50)
    work = salesforce.add_appointments(100, people, NOW)
    looks = [
        look(each, people[at % 50], entries=(numbered("0ku", at + 1),), others=(work[at - 50],))
        for at, each in enumerate(work)
    ]
    before = salesforce.api_calls

    answers = org.views(looks)

    assert salesforce.api_calls == before + 1
    assert [len(call) for call in queries(salesforce)] == [5]
    assert [each.appointment for each in answers if isinstance(each, View)] == work
    assert all(isinstance(each, View) and len(each.beside) == 1 for each in answers)


def test_no_look_is_no_call(org: SalesforceOrg, salesforce: FakeSalesforce) -> None:
    before = salesforce.api_calls

    assert org.views([]) == []

    assert salesforce.api_calls == before


def test_no_address_is_longer_than_salesforce_takes(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    [job] = salesforce.add_appointments(1, [rosa], NOW)
    others = [numbered("08p", number) for number in range(900, 2100)]
    looks = [
        look(job, rosa, others=others[at : at + 12], entries=(numbered("0ku", at + 1),))
        for at in range(0, 1200, 12)
    ]

    answers = org.views(looks)

    assert all(isinstance(each, View) for each in answers)
    calls = queries(salesforce)
    assert len(calls) == 3  # 1,201 appointments, at most 500 in each
    assert max(len(url) for call in calls for url in call) < LONGEST


def test_every_page_is_read(org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str) -> None:
    work = salesforce.add_appointments(12, [rosa], NOW)
    salesforce.page_size = 3

    answers = org.views([look(each, rosa) for each in work])

    assert all(isinstance(each, View) and each.assignment for each in answers)


# ── each as if alone ──────────────────────────────────────────────────────────


@pytest.fixture
def town(org: SalesforceOrg, salesforce: FakeSalesforce) -> list[Look]:
    """Looks of all kinds at work of three people."""
    people = [salesforce.add_resource(name, None) for name in ("Rosa", "Max", "Ida")]
    work = salesforce.add_appointments(6, people, NOW)
    salesforce.assign(work[0], people[1])
    entries: list[str] = []
    for number, person in enumerate(people):
        for days in (-20, -3, 0, 3):
            day = (NOW + days * DAY).date()
            rows = (sheet(person, first=day, last=day),)
            entry = booked(person, f"{number} {days}")
            made = org.write(writes(work[0], sheets=rows, entries=(entry,)))
            entries += made.entries.values()
    return [
        look(work[0], people[0], entries=entries[:3], others=work[3:]),
        look(work[0], people[1], day=NOW - 20 * DAY, entries=entries[3:5]),
        look(work[1], people[0]),  # not assigned
        look(work[1], people[0], left=True),
        look("", people[2], others=work[2:3], entries=entries[-2:]),
        look("", people[2], day=NOW + 5 * DAY),
        look(numbered("08p", 999), people[0]),  # not there
        look("nonsense", people[0]),
        look(work[5], people[2], entries=("nonsense",)),
        look(work[5], people[2], day=NOW - DAY, others=work),
    ]


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_what_one_sees_does_not_depend_on_who_else_looks(
    org: SalesforceOrg, town: list[Look], data: st.DataObject
) -> None:
    chosen = data.draw(st.lists(st.sampled_from(town), min_size=1, max_size=12))

    together = org.views(chosen)

    alone = [org.views([each])[0] for each in chosen]
    assert [repr(each) for each in together] == [repr(each) for each in alone]


def test_a_look_that_asks_for_what_is_no_id_is_refused_alone_and_never_sent(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    [job] = salesforce.add_appointments(1, [rosa], NOW)
    wrong = [
        look("x' OR Id != '", rosa),
        look(job, "x"),
        look(job, rosa, entries=("",)),
        look(job, rosa, others=("",)),
    ]

    *answers, good = org.views([*wrong, look(job, rosa)])

    assert [type(each) for each in answers] == [Refused] * 4
    assert isinstance(good, View)
    assert len(queries(salesforce)) == 1


# ── what is asked for ─────────────────────────────────────────────────────────


def asked(salesforce: FakeSalesforce) -> str:
    return unquote(" ".join(url for call in queries(salesforce) for url in call))


def test_who_is_primary_is_asked_only_by_those_to_whom_it_matters(
    salesforce: FakeSalesforce, http: requests.Session, rosa: str
) -> None:
    """Some orgs do not have that field."""
    [job] = salesforce.add_appointments(1, [rosa], NOW)
    salesforce.no_access.add("AssignedResource.IsPrimaryResource")

    seen = connected(salesforce, http).view(look(job, rosa))

    assert [each.primary for each in seen.team] == [False]
    with pytest.raises(Refused, match="IsPrimaryResource"):
        connected(salesforce, http, Wants(primary=True)).view(look(job, rosa))
    hidden = ("AssignedResource.IsPrimaryResource",)
    described = connected(salesforce, http, Wants(primary=True), unreadable=hidden)
    assert [each.primary for each in described.view(look(job, rosa)).team] == [False]


def test_time_sheets_that_nobody_wants_are_not_asked_for(
    salesforce: FakeSalesforce, http: requests.Session, rosa: str
) -> None:
    [job] = salesforce.add_appointments(1, [rosa], NOW)
    salesforce.no_access |= {"TimeSheet", "TimeSheetEntry"}

    seen = connected(salesforce, http, Wants(time_sheets=False)).view(look(job, rosa))

    assert (seen.sheets, seen.sheets_problem) == (None, "this connection keeps no time sheets")
    assert "TimeSheet" not in asked(salesforce)


@pytest.mark.parametrize(
    ("hidden", "problem"),
    [
        (("TimeSheet.Status",), "TimeSheet.Status can't be seen"),
        (tuple(f"TimeSheet.{each}" for each in SHEET.split(", ")), "TimeSheet can't be seen"),
    ],
)
def test_sheets_of_which_a_part_cannot_be_read_are_not_asked_for_and_it_is_said_why(
    salesforce: FakeSalesforce,
    http: requests.Session,
    rosa: str,
    hidden: tuple[str, ...],
    problem: str,
) -> None:
    [job] = salesforce.add_appointments(1, [rosa], NOW)

    seen = connected(salesforce, http, unreadable=hidden).view(look(job, rosa))

    assert (seen.sheets, seen.sheets_problem) == (None, problem)
    assert "TimeSheet" not in asked(salesforce)


@pytest.mark.parametrize("hidden", ["TimeSheetEntry.StartTime", "TimeSheetEntry.EndTime"])
def test_entries_of_which_a_part_cannot_be_read_are_not_taken_for_deleted(
    salesforce: FakeSalesforce, http: requests.Session, rosa: str, hidden: str
) -> None:
    [job] = salesforce.add_appointments(1, [rosa], NOW)
    made = connected(salesforce, http).write(
        writes(job, sheets=(sheet(rosa),), entries=(booked(rosa),))
    )
    salesforce.no_access.add(hidden)
    org = connected(salesforce, http, unreadable=(hidden,))

    seen = org.view(look(job, rosa, entries=(*made.entries.values(),)))
    others = org.view(look(job, rosa))

    assert (seen.sheets, seen.sheets_problem) == (None, f"{hidden} can't be seen")
    assert [each.id for each in others.sheets or ()] == [*made.sheets.values()]


def test_a_distance_that_cannot_be_read_is_not_there(
    salesforce: FakeSalesforce, http: requests.Session, rosa: str
) -> None:
    salesforce.add_field("ServiceAppointment", "Way__c", kind="double")
    [job] = salesforce.add_appointments(1, [rosa], NOW)
    hidden = ("ServiceAppointment.Way__c",)
    wants = Wants(distance="Way__c")

    open_ = connected(salesforce, http, wants).view(look(job, rosa))
    shut = connected(salesforce, http, wants, unreadable=hidden).view(look(job, rosa))

    assert (open_.distance_field, shut.distance_field) == (True, False)


def test_a_crew_that_is_assigned_without_a_resource_is_nobody_of_the_team(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    job = salesforce.add_appointment(rosa, NOW + HOUR)
    salesforce.plant("AssignedResource", [{"ServiceAppointmentId": job}])

    assert [each.resource for each in org.view(look(job, rosa)).team] == [rosa]


# ── what goes wrong for all ───────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(503, b"<html>"), Unavailable),
        (Answer(200, {"compositeResponse": []}), Unclear),
        (Answer(200, {"compositeResponse": 7}), Unclear),
        (Answer(200, b"{"), Unclear),
        (Answer(400, [{"errorCode": "INVALID_FIELD", "message": "no"}]), Refused),
    ],
)
def test_a_call_that_fails_is_nobodys_own_error(
    http: requests.Session, answer: Answer, error: type[Exception]
) -> None:
    with scripted(answer) as script:
        org = SalesforceOrg(SalesforceRest(http, Key(script.url), "67.0"), "c", "u")
        with pytest.raises(error):
            org.views([look(numbered("08p", 1), numbered("0Hn", 1))])


PARTS = ("appointments", "assignments", "sheets", "statuses")


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        *((name, rows) for name in PARTS for rows in ([7], None)),
        *((name, [{}]) for name in PARTS[:3]),  # a status without a name hurts nobody
    ],
)
def test_rows_that_cannot_be_read_are_an_error_of_ours(
    http: requests.Session, name: str, rows: Any
) -> None:
    empty: dict[str, Any] = {"done": True, "records": []}
    parts = [
        {
            "referenceId": each,
            "httpStatusCode": 200,
            "body": {"done": True, "records": rows} if each == name else empty,
        }
        for each in PARTS
    ]
    with scripted(Answer(200, {"compositeResponse": parts})) as script:
        org = SalesforceOrg(SalesforceRest(http, Key(script.url), "67.0"), "c", "u")
        with pytest.raises(Unavailable):
            org.views([look(numbered("08p", 1), numbered("0Hn", 1))])


def test_the_span_of_sheets_covers_work_that_began_days_before(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    [job] = salesforce.add_appointments(1, [rosa], NOW)
    first, last = (NOW - 12 * DAY).date(), (NOW - 6 * DAY).date()
    week = sheet(rosa, first=first, last=last)
    org.write(writes(job, sheets=(week,), entries=(booked(rosa),)))

    [seen] = org.view(look(job, rosa)).sheets or ()

    assert (seen.first, seen.last) == (first, last)
