"""Searches for rows of many writes: few calls, and each finds as if it searched alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fieldlink.adapters.salesforce import SalesforceOrg
from fieldlink.adapters.salesforce_rest import SalesforceRest
from fieldlink.errors import Refused, Unclear
from fieldlink.models import Writes, Written
from local.salesforce.ids import numbered
from tests.adapters.salesforce_work import (
    DAY,
    HOUR,
    NOW,
    Key,
    booked,
    connected,
    queries,
    sheet,
    task,
    told,
    writes,
)
from tests.adapters.scripted import Answer, scripted

if TYPE_CHECKING:
    import requests

    from local.salesforce import FakeSalesforce

LONGEST = 16_384  # bytes of an address
KEYED = ("Event", "Task", "TimeSheetEntry")


def wanted(job: str, person: str, key: str, days: int = 0) -> Writes:
    """A row of each kind."""
    at = NOW + days * DAY
    entry = booked(person, key, starts_at=at, ends_at=at + HOUR)
    return writes(job, event=told(key), task=task(key), entries=(entry,))


# ── how few ───────────────────────────────────────────────────────────────────


def test_a_hundred_searches_are_one_call_of_three_queries(
    org: SalesforceOrg, salesforce: FakeSalesforce
) -> None:
    people = salesforce.add_resources(50)
    work = salesforce.add_appointments(100, people, NOW)
    several = [writes(each, event=told(each), task=task(each)) for each in work]
    made = org.write_all(several)
    before = salesforce.api_calls

    found = org.find_all(
        [
            each.model_copy(update={"entries": (booked(people[0], str(number)),)})
            for number, each in enumerate(several)
        ]
    )

    assert salesforce.api_calls == before + 1
    assert [len(call) for call in queries(salesforce)] == [3]
    assert found == [
        each.model_copy(update={"request": ""}) for each in made if isinstance(each, Written)
    ]


def test_no_search_is_no_call(org: SalesforceOrg, salesforce: FakeSalesforce) -> None:
    before = salesforce.api_calls

    assert org.find_all([]) == []

    assert salesforce.api_calls == before


def test_no_address_is_longer_than_salesforce_takes(
    salesforce: FakeSalesforce, http: requests.Session
) -> None:
    for name in KEYED:
        salesforce.add_field(name, "Fieldlink_Key__c")
    org = connected(salesforce, http, keyed=KEYED)
    several = [
        wanted(numbered("08p", number), numbered("0Hn", number), str(number))
        for number in range(1, 201)
    ]

    assert org.find_all(several) == [Written()] * 200

    calls = queries(salesforce)
    assert len(calls) == 2  # 200 of each kind, at most 180 in each call
    assert max(len(url) for call in calls for url in call) < LONGEST


def test_entries_that_lie_weeks_apart_are_not_searched_for_in_all_that_lies_between(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    [job] = salesforce.add_appointments(1, [rosa], NOW)
    several = [wanted(job, rosa, str(days), days) for days in (0, -30, 3, -28)]

    assert org.find_all(several) == [Written()] * 4

    assert len(queries(salesforce)) == 2


# ── each as if alone ──────────────────────────────────────────────────────────


@pytest.fixture
def town(org: SalesforceOrg, salesforce: FakeSalesforce) -> list[Writes]:
    """Writes of which some have been carried out, and some rows deleted since."""
    people = [salesforce.add_resource(name, None) for name in ("Rosa", "Max")]
    work = salesforce.add_appointments(4, people, NOW)
    day = NOW.date()
    several = [
        _with_sheet(wanted(job, person, key, days))
        for job, person, key, days in (
            (work[0], people[0], "a", 0),
            (work[1], people[1], "a", -20),
            (work[2], people[0], "b", 1),
            (work[2], people[1], "c", -2),
            (work[3], people[1], "d", -21),
        )
    ]
    made = [org.write(each) for each in several[:4]]
    salesforce.delete("Event", made[0].event)
    salesforce.delete("TimeSheetEntry", next(iter(made[2].entries.values())))
    return [
        *several,
        writes(work[0], changes={"status": "Dispatched"}),
        writes(work[1], event=told("e", done_as="Completed", due=day)),
        writes("nonsense", event=told("a")),
        writes(work[0], entries=(booked("nonsense", "a"),)),
    ]


def _with_sheet(of: Writes) -> Writes:
    [entry] = of.entries
    on = entry.starts_at.date()
    return of.model_copy(update={"sheets": (sheet(entry.resource, first=on, last=on),)})


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_what_one_finds_does_not_depend_on_who_else_searches(
    org: SalesforceOrg, town: list[Writes], data: st.DataObject
) -> None:
    chosen = data.draw(st.lists(st.sampled_from(town), min_size=1, max_size=12))

    together = org.find_all(chosen)

    alone = [org.find_all([each])[0] for each in chosen]
    assert [repr(each) for each in together] == [repr(each) for each in alone]


def test_what_has_been_written_is_found(org: SalesforceOrg, town: list[Writes]) -> None:
    found = org.find_all(town)

    written = [isinstance(each, Written) and each != Written() for each in found]
    assert written == [True] * 4 + [False] * 5
    assert [type(each) for each in found[-2:]] == [Refused] * 2


def test_rows_that_may_not_be_seen_refuse_those_alone_who_search_for_such(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    [job] = salesforce.add_appointments(1, [rosa], NOW)
    made = org.write(writes(job, event=told()))
    salesforce.no_access.add("Task")

    refused, found = org.find_all([writes(job, task=task()), writes(job, event=told())])

    assert isinstance(refused, Refused)
    assert isinstance(found, Written)
    assert found.event == made.event


GOOD = {"referenceId": "events", "httpStatusCode": 200}


@pytest.mark.parametrize(
    "part",
    [
        7,
        {"referenceId": "events"},
        {**GOOD, "body": {"done": True, "records": [{}]}},
        {**GOOD, "body": {"done": True, "records": [7]}},
    ],
)
def test_an_answer_to_a_search_that_can_not_be_read_is_unclear(
    http: requests.Session, part: Any
) -> None:
    with scripted(Answer(200, {"compositeResponse": [part]})) as script:
        org = SalesforceOrg(SalesforceRest(http, Key(script.url), "67.0"), "c", "u")
        with pytest.raises(Unclear):
            org.find_all([writes(numbered("08p", 1), event=told("a"))])
