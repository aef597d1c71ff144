"""Many writes in few calls: what is sent, how often, and whose error is whose."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldlink.adapters import salesforce_requests
from fieldlink.adapters.salesforce import SalesforceOrg
from fieldlink.adapters.salesforce_graphs import MOST_CALLS
from fieldlink.adapters.salesforce_rest import SalesforceRest
from fieldlink.adapters.salesforce_soql import Wants
from fieldlink.errors import Closed, Contended, FieldlinkError, Refused, Unavailable, Unclear
from fieldlink.models import Written
from tests.adapters.salesforce_work import (
    HOUR,
    NOW,
    Key,
    assigned,
    booked,
    connected,
    sheet,
    told,
    writes,
)
from tests.adapters.scripted import Answer, scripted

if TYPE_CHECKING:
    import requests

    from local.salesforce import FakeSalesforce

KEY = "Fieldlink_Key__c"
GRAPHS = {"method": "POST", "path": "composite/graph"}
JOB, ROSA = "08p000000000001AAA", "0Hn000000000001AAA"


def jobs(salesforce: FakeSalesforce, rosa: str, count: int) -> list[str]:
    return salesforce.add_appointments(count, [rosa], NOW + HOUR)


def under_way(*appointments: str) -> list[Any]:
    return [writes(each, changes={"status": "In Progress"}) for each in appointments]


def statuses(salesforce: FakeSalesforce) -> dict[str, str]:
    return {each["Id"]: each["Status"] for each in salesforce.rows("ServiceAppointment")}


def sent(salesforce: FakeSalesforce) -> list[list[dict[str, Any]]]:
    """The graphs of each call."""
    found = [each for each in salesforce.requests if each.path.endswith("composite/graph")]
    return [json.loads(each.body)["graphs"] for each in found]


# ── how few ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("count", "calls"), [(0, 0), (1, 1), (75, 1), (76, 2), (150, 2)])
def test_seventy_five_writes_are_one_call(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, count: int, calls: int
) -> None:
    work = jobs(salesforce, rosa, count) if count else []
    before = salesforce.api_calls

    answers = org.write_all(under_way(*work))

    assert salesforce.api_calls == before + calls
    assert [type(each) for each in answers] == [Written] * count
    assert set(statuses(salesforce).values()) <= {"In Progress"}
    assert all(each.request for each in answers if isinstance(each, Written))


def test_no_call_has_more_than_five_hundred_nodes(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    [job] = jobs(salesforce, rosa, 1)
    entries = tuple(booked(rosa, f"{number}") for number in range(60))
    several = [
        writes(job, sheets=(sheet(rosa),), entries=entries, event=told(f"{number}"))
        for number in range(17)
    ]

    answers = org.write_all(several)

    assert [type(each) for each in answers] == [Written] * 17
    nodes = [sum(len(each["compositeRequest"]) for each in call) for call in sent(salesforce)]
    assert nodes == [8 * 62, 8 * 62, 62]


def test_rows_of_several_facts_are_made_in_the_order_in_which_they_happened(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    [job] = jobs(salesforce, rosa, 1)
    came, out, left = (told(str(number), at=NOW + number * HOUR) for number in range(3))

    made = org.write(writes(job, event=left, others=(out, came)))

    [[graph]] = sent(salesforce)
    starts = [each["body"]["StartDateTime"] for each in graph["compositeRequest"]]
    assert starts == sorted(starts)
    rows = {each["Id"]: each["StartDateTime"] for each in salesforce.rows("Event")}
    assert rows[made.others["0"]] < rows[made.others["1"]] < rows[made.event]


def test_what_locks_the_same_work_order_lies_together(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    work = jobs(salesforce, rosa, 90)
    several = [
        each.model_copy(update={"parent": "one" if number % 3 else "other"})
        for number, each in enumerate(under_way(*work))
    ]

    org.write_all(several)

    names = [each["graphId"] for call in sent(salesforce) for each in call]
    parents = [several[int(name[1:])].parent for name in names]
    assert parents == ["one"] * 60 + ["other"] * 30


# ── whose error is whose ──────────────────────────────────────────────────────


def test_of_many_that_fail_each_has_its_own_error_and_all_others_are_done(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    """From the fifteenth failure on the rest of a call is left undone: it is sent again."""
    work = jobs(salesforce, rosa, 60)
    bad = {*work[:20], *work[40:58]}
    salesforce.transitions = {("Scheduled", "In Progress")}
    several = [
        writes(each, changes={"status": "Completed" if each in bad else "In Progress"})
        for each in work
    ]
    before = salesforce.api_calls

    answers = org.write_all(several)

    for each, answer in zip(work, answers, strict=True):
        if each in bad:
            assert isinstance(answer, Refused)
            assert answer.code == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
        else:
            assert isinstance(answer, Written)
    done = {each for each, status in statuses(salesforce).items() if status == "In Progress"}
    assert done == {*work} - bad
    assert salesforce.api_calls <= before + 3


def test_when_all_of_a_hundred_fail_it_takes_few_calls_to_know_why(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    work = jobs(salesforce, rosa, 100)
    salesforce.refuse.append({"object": "ServiceAppointment", "message": "Not today."})
    before = salesforce.api_calls

    answers = org.write_all(under_way(*work))

    assert all(isinstance(each, Refused) and "Not today" in str(each) for each in answers)
    assert salesforce.api_calls <= before + 8


def test_whoever_is_left_undone_again_and_again_may_come_back_later(
    http: requests.Session,
) -> None:
    halted = {"errorCode": "PROCESSING_HALTED", "message": "left undone"}
    with scripted(Answer(200, {"graphs": [graph("w0", 400, [halted])]})) as script:
        org = SalesforceOrg(SalesforceRest(http, Key(script.url), "67.0"), "c", "u")
        [answer] = org.write_all(under_way(JOB))

        assert isinstance(answer, Unavailable)
        assert not isinstance(answer, Unclear)
        assert len(script.asked) == MOST_CALLS


def test_a_call_that_is_refused_for_one_of_its_writes_is_sent_again_without_it(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    work = jobs(salesforce, rosa, 70)
    salesforce.faults.append(
        {
            "match": {**GRAPHS, "contains": work[33]},
            "status": 400,
            "errorCode": "JSON_PARSER_ERROR",
            "message": "what is that",
            "times": None,
        }
    )

    answers = org.write_all(under_way(*work))

    refused = [at for at, each in enumerate(answers) if not isinstance(each, Written)]
    assert refused == [33]
    assert isinstance(answers[33], Refused)
    assert len(sent(salesforce)) <= MOST_CALLS


def test_what_can_be_no_id_is_refused_alone_and_never_sent(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    [job] = jobs(salesforce, rosa, 1)
    wrong = [
        writes("../User", changes={"status": "In Progress"}),
        writes(job, travel={"03r?": 1}),
        writes(job, removed=("0ku'",)),
        writes(job, distances={"x": 1}),
        writes(job, entries=(booked(rosa, sheet="0kt/"),)),
    ]

    *answers, good = org.write_all([*wrong, *under_way(job)])

    assert [type(each) for each in answers] == [Refused] * len(wrong)
    assert isinstance(good, Written)
    assert [len(call) for call in sent(salesforce)] == [1]


# ── calls that fail as a whole ────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fault",
    [
        {"drop": True, "after": True},
        {"half": True, "after": True},
        {"status": 500, "body": "<html>", "after": True},
        {"status": 504, "body": "", "after": True},
    ],
)
def test_a_call_that_may_have_been_carried_out_is_unclear_and_nothing_is_sent_again(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, fault: dict[str, Any]
) -> None:
    work = jobs(salesforce, rosa, 80)
    salesforce.faults.append({**fault, "match": GRAPHS})

    answers = org.write_all(under_way(*work))

    assert [type(each) for each in answers] == [Unclear] * 75 + [Unavailable] * 5
    assert len(sent(salesforce)) == 1
    done = [each for each in statuses(salesforce).values() if each == "In Progress"]
    assert len(done) == 75


def test_what_was_done_before_a_call_fails_is_known_to_be_done(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    work = jobs(salesforce, rosa, 80)
    salesforce.faults.append(
        {"status": 503, "body": "", "match": {**GRAPHS, "contains": '"w79"'}}
    )

    answers = org.write_all(under_way(*work))

    assert [type(each) for each in answers] == [Written] * 75 + [Unavailable] * 5


def test_used_up_calls_close_the_org_for_all(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    work = jobs(salesforce, rosa, 80)
    fault = {"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "no", "status": 403}
    salesforce.faults.append({**fault, "match": GRAPHS})

    answers = org.write_all(under_way(*work))

    assert [type(each) for each in answers] == [Closed] * 80


class Door:
    """Hears what the org says of its calls."""

    def __init__(self) -> None:
        self.used = 0

    def enter(self) -> None: ...

    def answered(self, used: int | None, allowed: int | None) -> None: ...

    def failed(self) -> None: ...

    def used_up(self) -> None:
        self.used += 1


def graph(name: str, status: int, body: Any, reference: str = "appointment") -> dict[str, Any]:
    part = {"referenceId": reference, "httpStatusCode": status, "body": body}
    answer = {"compositeResponse": [part]}
    return {"graphId": name, "graphResponse": answer, "isSuccessful": status < 300}


def test_one_write_that_meets_used_up_calls_tells_the_door(http: requests.Session) -> None:
    used_up = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "no more"}]
    body = {"graphs": [graph("w0", 204, None), graph("w1", 403, used_up)]}
    door = Door()
    with scripted(Answer(200, body)) as script:
        rest = SalesforceRest(http, Key(script.url), "67.0", door)
        answers = SalesforceOrg(rest, "c", "u").write_all(under_way(JOB, JOB))

    assert [type(each) for each in answers] == [Written, Closed]
    assert door.used == 1


@pytest.mark.parametrize(
    "graphs",
    [
        [],
        [graph("w1", 204, None)],
        [{"graphId": "w0"}],
        [{"graphId": "w0", "graphResponse": None}],
        [{"graphId": "w0", "graphResponse": {"compositeResponse": []}}],
        [graph("w0", 204, None, "another")],
        [{"graphId": "w0", "graphResponse": {"compositeResponse": [7]}}],
    ],
)
def test_an_answer_without_ours_is_unclear(http: requests.Session, graphs: list[Any]) -> None:
    with scripted(Answer(200, {"graphs": graphs})) as script:
        org = SalesforceOrg(SalesforceRest(http, Key(script.url), "67.0"), "c", "u")
        [answer] = org.write_all(under_way(JOB))

    assert isinstance(answer, Unclear)


@pytest.mark.parametrize("body", [{}, {"compositeResponse": []}, {"compositeResponse": 7}, []])
def test_an_answer_to_a_write_in_steps_that_cannot_be_read_is_unclear(
    http: requests.Session, body: Any
) -> None:
    wanted = writes(JOB, changes={"status": "Completed"}, through="In Progress")
    with scripted(Answer(200, body)) as script:
        org = SalesforceOrg(SalesforceRest(http, Key(script.url), "67.0"), "c", "u")
        with pytest.raises(Unclear):
            org.write(wanted)


def test_a_row_that_is_held_is_worth_another_try_whatever_else_was_undone_for_it(
    http: requests.Session,
) -> None:
    parts = [
        ("appointment", "PROCESSING_HALTED"),
        ("event", "UNABLE_TO_LOCK_ROW"),
    ]
    answered = [
        {
            "referenceId": name,
            "httpStatusCode": 400,
            "body": [{"errorCode": code, "message": "x"}],
        }
        for name, code in parts
    ]
    body = {"graphs": [{"graphId": "w0", "graphResponse": {"compositeResponse": answered}}]}
    with scripted(Answer(200, body)) as script:
        org = SalesforceOrg(SalesforceRest(http, Key(script.url), "67.0"), "c", "u")
        with pytest.raises(Contended):
            org.write(writes(JOB, changes={"status": "Completed"}, event=told()))


# ── what is sent ──────────────────────────────────────────────────────────────


def test_an_event_is_free_and_without_a_reminder_and_has_no_more_than_is_known(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    [job] = jobs(salesforce, rosa, 1)

    made = org.write(writes(job, event=told(place="x" * 300)))

    row = salesforce.row("Event", made.event)
    assert (row["ShowAs"], row["IsReminderSet"], row["Location"]) == ("Free", False, "x" * 255)
    [[told_of]] = sent(salesforce)
    [node] = told_of["compositeRequest"]
    assert set(node["body"]) == {
        "WhatId",
        "Subject",
        "Description",
        "StartDateTime",
        "DurationInMinutes",
        "ShowAs",
        "IsReminderSet",
        "Location",
    }


def test_a_status_on_the_way_and_the_one_to_reach_are_sent_where_their_order_is_kept(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    first, second = jobs(salesforce, rosa, 2)
    steps = writes(first, changes={"status": "Completed"}, through="In Progress")

    answers = org.write_all([steps, *under_way(second)])

    assert [type(each) for each in answers] == [Written, Written]
    assert statuses(salesforce) == {first: "Completed", second: "In Progress"}
    [composite] = [each for each in salesforce.requests if each.path.endswith("composite")]
    body = json.loads(composite.body)
    assert (body["allOrNone"], body["collateSubrequests"]) == (True, False)
    asked = [each["body"] for each in body["compositeRequest"]]
    assert asked == [{"Status": "In Progress"}, {"Status": "Completed"}]


def test_travel_and_distance_are_put_where_they_belong(
    salesforce: FakeSalesforce, http: requests.Session, rosa: str
) -> None:
    salesforce.add_field("ServiceAppointment", "Way__c", kind="double")
    first, second = jobs(salesforce, rosa, 2)
    org = connected(salesforce, http, Wants(distance="Way__c"))

    org.write(
        writes(
            first,
            changes={"status": "In Progress"},
            distances={second: 1.5, first: 2.5},
            travel={assigned(salesforce, second): 4},
        )
    )

    [[only]] = sent(salesforce)
    assert [each["referenceId"] for each in only["compositeRequest"]] == [
        "appointment",
        "travel0",
        "distance0",
    ]
    rows = {each["Id"]: each["Way__c"] for each in salesforce.rows("ServiceAppointment")}
    assert rows == {first: 2.5, second: 1.5}


# ── our keys ──────────────────────────────────────────────────────────────────


@given(st.text(), st.text())
def test_a_key_is_letters_and_digits_whatever_it_was_made_of(one: str, other: str) -> None:
    key = salesforce_requests.row_key("event", one)

    assert re.fullmatch(r"[0-9a-f]{32}", key)
    assert (key == salesforce_requests.row_key("event", other)) is (one == other)
    assert key != salesforce_requests.row_key("task", one)


def test_an_entry_that_an_earlier_try_has_made_is_changed_and_not_made_again(
    salesforce: FakeSalesforce, http: requests.Session, rosa: str
) -> None:
    """The sheet of an entry can't be named again, so there is no upsert of it."""
    salesforce.add_key_field(KEY)
    [job] = jobs(salesforce, rosa, 1)
    org = connected(salesforce, http, keyed=("Event", "Task", "TimeSheetEntry"))
    rows = {"sheets": (sheet(rosa),), "entries": (booked(rosa, "old"),)}
    first = org.write(writes(job, **rows))
    there = first.sheets["sheet"]
    before = salesforce.api_calls
    both = (
        booked(rosa, "old", starts_at=NOW - HOUR),
        booked(rosa, "new", sheet=there),
    )

    again = org.write(writes(job, event=told(), sheets=(sheet(rosa),), entries=both))

    assert salesforce.api_calls == before + 3  # refused, looked for, written
    assert again.entries["old"] == first.entries["old"]
    assert again.sheets == {"sheet": there}
    assert len(salesforce.rows("TimeSheet")) == 1
    assert {each["Id"] for each in salesforce.rows("TimeSheetEntry")} == {
        *again.entries.values()
    }
    moved = salesforce.row("TimeSheetEntry", first.entries["old"])
    assert moved["StartTime"].startswith(f"{NOW - HOUR:%Y-%m-%dT%H:%M}")
    assert len(salesforce.rows("Event")) == 1


def test_entries_of_many_writes_that_are_there_are_looked_for_and_changed_together(
    salesforce: FakeSalesforce, http: requests.Session, rosa: str
) -> None:
    salesforce.add_key_field(KEY)
    work = jobs(salesforce, rosa, 20)
    org = connected(salesforce, http, keyed=("TimeSheetEntry",))
    there = org.write(writes(work[0], sheets=(sheet(rosa),))).sheets["sheet"]
    several = [writes(each, entries=(booked(rosa, each, sheet=there),)) for each in work]
    first = org.write_all(several)
    before = salesforce.api_calls

    again = org.write_all([*several, writes(work[0], event=told())])

    calls = salesforce.api_calls - before
    assert calls <= 4  # refused, in two, since 14 refusals halt a call; looked for; written
    rows = [
        (each.entries, other.entries)
        for each, other in zip(first, again, strict=False)
        if isinstance(each, Written) and isinstance(other, Written)
    ]
    assert len(rows) == 20
    assert all(one == other for one, other in rows)
    assert len(salesforce.rows("TimeSheetEntry")) == 20
    assert isinstance(again[-1], Written)


def test_an_entry_with_our_key_that_a_person_has_deleted_does_not_stand_in_the_way(
    salesforce: FakeSalesforce, http: requests.Session, rosa: str
) -> None:
    salesforce.add_key_field(KEY)
    [job] = jobs(salesforce, rosa, 1)
    org = connected(salesforce, http, keyed=("TimeSheetEntry",))
    wanted = writes(job, sheets=(sheet(rosa),), entries=(booked(rosa),))
    first = org.write(wanted)
    salesforce.delete("TimeSheetEntry", first.entries["key"])

    again = org.write(wanted)

    assert again.entries["key"] != first.entries["key"]
    assert org.find(wanted).entries["key"] in {*first.entries.values(), *again.entries.values()}


def test_a_duplicate_that_is_none_of_ours_is_refused(
    salesforce: FakeSalesforce, http: requests.Session, rosa: str
) -> None:
    salesforce.add_key_field(KEY)
    [job] = jobs(salesforce, rosa, 1)
    org = connected(salesforce, http, keyed=("TimeSheetEntry",))
    rule = {"object": "TimeSheetEntry", "errorCode": "DUPLICATE_VALUE", "message": "a rule"}
    salesforce.refuse.append(rule)
    before = salesforce.api_calls

    with pytest.raises(Refused, match="a rule"):
        org.write(writes(job, sheets=(sheet(rosa),), entries=(booked(rosa),)))

    assert salesforce.api_calls == before + 3


def test_an_error_is_handed_back_and_not_raised(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    salesforce.faults.append({"status": 503, "body": "", "times": None})

    [answer] = org.write_all(under_way(*jobs(salesforce, rosa, 1)))

    assert isinstance(answer, FieldlinkError)
