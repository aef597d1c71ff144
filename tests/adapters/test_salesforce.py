from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fieldlink.adapters import salesforce_soql_found, salesforce_soql_work
from fieldlink.adapters.salesforce import SalesforceOrg
from fieldlink.adapters.salesforce_oauth import SalesforceAuthorisation
from fieldlink.adapters.salesforce_rest import SalesforceRest
from fieldlink.errors import Lost, Refused, Unavailable, Unclear
from fieldlink.models import Category, Writes, Written
from local.salesforce import FakeSalesforce
from tests.adapters.salesforce_work import assigned, booked, look, sheet, told, writes
from tests.adapters.scripted import Answer, nobody, scripted
from tests.conftest import CLIENT_SECRET, ROSA, ROSAS_MAIL, SITE
from tests.local.salesforce_setting import CALLBACK, CLIENT, VERIFIER, Clock, allow

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
SEEN = timedelta(minutes=1)


class Key:
    """A pass that was got from the login host, and can be renewed there."""

    def __init__(self, authorisation: SalesforceAuthorisation, org: FakeSalesforce) -> None:
        self.authorisation = authorisation
        self.instance_url = org.url
        code = allow(org)
        grant = authorisation.exchange(org.url, code=code, verifier=VERIFIER, callback=CALLBACK)
        self.token, self.refresh_token = grant.access_token, grant.refresh_token
        self.renewals = 0

    def renew(self, why: str) -> None:
        assert why.startswith("INVALID_SESSION_ID: ")
        self.renewals += 1
        grant = self.authorisation.refresh(self.instance_url, refresh_token=self.refresh_token)
        self.token, self.refresh_token = grant.access_token, grant.refresh_token

    def give_up(self, code: str, message: str) -> None:
        raise Lost(f"{code}: {message}", end=code)


class StaticKey:
    """A pass for a server that asks for none."""

    def __init__(self, url: str) -> None:
        self.instance_url, self.token = url, "the-token"
        self.renewals = 0

    def renew(self, why: str) -> None:  # noqa: ARG002
        self.renewals += 1

    def give_up(self, code: str, message: str) -> None:
        raise Lost(f"{code}: {message}", end=code)


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def salesforce(clock: Clock) -> Iterator[FakeSalesforce]:
    with FakeSalesforce(clock=clock, client_secret=CLIENT_SECRET) as org:
        yield org


@pytest.fixture
def key(http: requests.Session, salesforce: FakeSalesforce) -> Key:
    app = f'{{"client_id":"{CLIENT["client_id"]}","client_secret":"{CLIENT_SECRET}"}}'
    return Key(SalesforceAuthorisation(http, lambda: app, str), salesforce)


@pytest.fixture
def org(http: requests.Session, salesforce: FakeSalesforce, key: Key) -> SalesforceOrg:
    user = salesforce.integration_user_id
    return SalesforceOrg(SalesforceRest(http, key, "67.0"), "c", user)


@pytest.fixture
def rosa(salesforce: FakeSalesforce) -> str:
    return salesforce.add_resource(ROSA, ROSAS_MAIL)


@pytest.fixture
def job(salesforce: FakeSalesforce, rosa: str) -> str:
    return salesforce.add_appointment(
        rosa, NOW + HOUR, Subject="Boiler", Latitude=SITE[0], Longitude=SITE[1]
    )


# ── changes ────────────────────────────────────────────────────────────────────


def test_the_first_look_takes_everybody_and_the_work_that_is_not_long_over(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, job: str
) -> None:
    old = salesforce.add_appointment(rosa, NOW - timedelta(days=40))
    salesforce.update("ServiceAppointment", old, Status="Completed")
    gone = salesforce.add_appointment(rosa, NOW + HOUR)
    salesforce.delete("ServiceAppointment", gone)

    seen = org.changes(None)

    assert [each.id for each in seen.resources] == [rosa]
    assert [each.id for each in seen.appointments] == [job]
    assert [each.appointment for each in seen.assignments] == [job]
    assert old not in str(seen)


@pytest.mark.parametrize("status", ["Scheduled", "In Progress"])
def test_the_first_look_takes_work_that_is_open_however_old(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, status: str
) -> None:
    overdue = salesforce.add_appointment(rosa, NOW - timedelta(days=400))
    salesforce.update("ServiceAppointment", overdue, Status=status)

    seen = org.changes(None)

    assert [each.id for each in seen.appointments] == [overdue]
    assert [each.id for each in seen.assignments] == [assigned(salesforce, overdue)]


@pytest.mark.parametrize("status", ["Completed", "Canceled", "Cannot Complete"])
def test_the_first_look_leaves_what_was_closed_long_ago(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, status: str
) -> None:
    over = salesforce.add_appointment(rosa, NOW - timedelta(days=40))
    salesforce.update("ServiceAppointment", over, Status=status)

    seen = org.changes(None)

    assert (seen.appointments, seen.assignments) == ((), ())


def test_a_row_is_read_in_our_words(org: SalesforceOrg, rosa: str, job: str) -> None:
    seen = org.changes(None)

    [resource], [appointment], [assignment] = (
        seen.resources,
        seen.appointments,
        seen.assignments,
    )
    assert (resource.name, resource.email, resource.time_zone) == (
        ROSA,
        ROSAS_MAIL,
        "Europe/Berlin",
    )
    assert (resource.active, resource.technician) == (True, True)
    assert appointment.subject == "Boiler"
    assert appointment.latitude == pytest.approx(SITE[0])
    assert appointment.starts_at == NOW + HOUR
    assert (assignment.appointment, assignment.resource) == (job, rosa)


def test_the_moment_of_a_look_is_salesforces_own(
    org: SalesforceOrg, clock: Clock, job: str
) -> None:
    clock.forward(days=3)

    seen = org.changes(NOW)

    assert seen.asked_at == NOW + timedelta(days=3)
    assert [each.id for each in seen.appointments] == [job]


def test_a_later_look_takes_what_was_touched_since(
    org: SalesforceOrg, salesforce: FakeSalesforce, clock: Clock, job: str
) -> None:
    clock.forward(hours=1)
    assert org.changes(clock.now).appointments == ()

    salesforce.update("ServiceAppointment", job, Subject="Heating")

    seen = org.changes(clock.now)
    assert [each.subject for each in seen.appointments] == ["Heating"]
    assert seen.resources == ()


def test_what_was_deleted_is_seen_as_deleted(
    org: SalesforceOrg, salesforce: FakeSalesforce, clock: Clock, job: str
) -> None:
    row = assigned(salesforce, job)
    clock.forward(hours=1)
    salesforce.delete("AssignedResource", row)

    seen = org.changes(clock.now)

    assert [(each.id, each.deleted) for each in seen.assignments] == [(row, True)]


def test_a_change_of_the_user_is_a_change_of_the_resource(
    org: SalesforceOrg, salesforce: FakeSalesforce, clock: Clock, rosa: str
) -> None:
    user = salesforce.row("ServiceResource", rosa)["RelatedRecordId"]
    clock.forward(hours=1)
    salesforce.update("User", user, IsActive=False)

    [resource] = org.changes(clock.now).resources

    assert (resource.id, resource.active) == (rosa, False)


def test_a_resource_without_a_user_has_no_email(
    org: SalesforceOrg, salesforce: FakeSalesforce
) -> None:
    salesforce.add_resource("Crane", None)

    [resource] = org.changes(None).resources

    assert (resource.email, resource.active) == ("", True)


def test_every_page_of_an_answer_is_read(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    jobs = [salesforce.add_appointment(rosa, NOW + HOUR) for _ in range(7)]
    salesforce.page_sizes = [3, 2, 2, 1]
    salesforce.page_size = 3

    seen = org.changes(None)

    assert sorted(each.id for each in seen.appointments) == sorted(jobs)
    assert len(seen.assignments) == 7


def test_a_page_that_fails_fails_the_look(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    for _ in range(5):
        salesforce.add_appointment(rosa, NOW + HOUR)
    salesforce.page_size = 3
    salesforce.faults.append({"match": {"path": "/query/"}, "status": 503, "body": "busy"})

    with pytest.raises(Unavailable):
        org.changes(None)


def test_a_query_that_is_refused_fails_the_look(
    org: SalesforceOrg, salesforce: FakeSalesforce
) -> None:
    salesforce.no_access.add("ServiceAppointment.Latitude")

    with pytest.raises(Refused, match="Latitude"):
        org.changes(None)


# ── view ───────────────────────────────────────────────────────────────────────


def test_a_view_is_one_resources_work_on_one_appointment(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, job: str
) -> None:
    view = org.view(look(job, rosa))

    assert (view.appointment, view.resource) == (job, rosa)
    assert view.assignment == assigned(salesforce, job)
    assert (view.resource_name, view.time_zone) == (ROSA, "Europe/Berlin")
    assert view.starts_at == NOW + HOUR
    assert view.work_order == salesforce.row("ServiceAppointment", job)["ParentRecordId"]
    assert not view.changed_by_us
    assert (view.actual_start, view.actual_end, view.sheets) == (None, None, ())
    names = {status.category: status.name for status in view.statuses}
    assert names[Category.IN_PROGRESS] == "In Progress"
    assert view.category is next(s.category for s in view.statuses if s.name == view.status)


def test_a_view_has_the_sheets_around_the_day_and_no_others(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, job: str
) -> None:
    today = NOW.date()
    made = [
        salesforce.insert(
            "TimeSheet",
            ServiceResourceId=rosa,
            StartDate=today + timedelta(days=days),
            EndDate=today + timedelta(days=days),
        )
        for days in (-9, 0, 9)
    ]

    view = org.view(look(job, rosa))

    assert view.sheets is not None
    assert [(each.id, each.first, each.status) for each in view.sheets] == [
        (made[1], today, "New")
    ]


def test_a_view_of_an_org_without_time_sheets_says_so(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, job: str
) -> None:
    salesforce.no_access.add("TimeSheet")

    view = org.view(look(job, rosa))

    assert view.sheets is None
    assert "TimeSheet" in view.sheets_problem


def test_time_sheets_that_can_not_be_read_just_now_are_not_taken_for_missing(
    http: requests.Session,
) -> None:
    body: Any = [{"errorCode": "QUERY_TIMEOUT", "message": "too slow"}]
    sheets = {"referenceId": "sheets", "httpStatusCode": 400, "body": body}
    found = {"httpStatusCode": 200, "body": {"records": [{"Id": "1"}], "done": True}}
    names = ("appointments", "assignments", "statuses")
    parts = [sheets, *({"referenceId": name, **found} for name in names)]
    with scripted(Answer(200, {"compositeResponse": parts})) as script:
        org = SalesforceOrg(SalesforceRest(http, StaticKey(script.url), "67.0"), "c", "u")
        with pytest.raises(Unavailable, match="too slow"):
            org.view(look("08p000000000001AAA", "0Hn000000000001AAA"))


def test_an_appointment_that_is_gone_is_refused(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, job: str
) -> None:
    salesforce.delete("ServiceAppointment", job)

    with pytest.raises(Refused, match="does not exist"):
        org.view(look(job, rosa))


def test_a_resource_that_is_not_assigned_is_refused(
    org: SalesforceOrg, salesforce: FakeSalesforce, job: str
) -> None:
    other = salesforce.add_resource("Max", None)

    with pytest.raises(Refused, match="not assigned"):
        org.view(look(job, other))

    assert org.view(look(job, other, left=True)).assignment == ""


@pytest.mark.parametrize(
    "text",
    ["", "x", "08p000000000001", "08p000000000001AAA'", "08p' OR Id != '0000", "0" * 17 + "ü"],
)
def test_what_is_no_id_of_18_characters_never_enters_a_query(text: str) -> None:
    good = "08p000000000001AAA"
    for wanted in (look(text or "-", good), look(good, text), look(good, good, others=[text])):
        with pytest.raises(ValueError, match="not a Salesforce id"):
            salesforce_soql_work.view_queries(salesforce_soql_work.sight([wanted]))
    with pytest.raises(ValueError, match="not a Salesforce id"):
        salesforce_soql_found.find_queries([writes(text, event=told("key"))])
    with pytest.raises(ValueError, match="not a Salesforce id"):
        salesforce_soql_found.find_queries([writes(good, entries=(booked(text),))])


# ── write ──────────────────────────────────────────────────────────────────────


def test_all_that_a_fact_changes_is_written_in_one_call(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, job: str
) -> None:
    order = salesforce.row("ServiceAppointment", job)["ParentRecordId"]
    before = salesforce.api_calls
    wanted = writes(
        job,
        changes={"status": "In Progress", "actual_start": NOW, "actual_end": None},
        travel={assigned(salesforce, job): 12.25},
        event=told("key"),
        sheets=(sheet(rosa),),
        entries=(booked(rosa, new_sheet="sheet", work_order=order),),
    )

    made = org.write(wanted)

    assert salesforce.api_calls == before + 1
    work = salesforce.row("ServiceAppointment", job)
    assert work["Status"] == "In Progress"
    assert work["ActualStartTime"].startswith(f"{NOW:%Y-%m-%dT%H:%M}:00")
    travel = salesforce.row("AssignedResource", *wanted.travel)["ActualTravelTime"]
    assert travel == pytest.approx(12.25)
    event = salesforce.row("Event", made.event)
    assert (event["WhatId"], event["Subject"]) == (job, "Arrived: Rosa")
    entry = salesforce.row("TimeSheetEntry", made.entries["key"])
    assert (entry["TimeSheetId"], entry["WorkOrderId"]) == (made.sheets["sheet"], order)


def test_an_entry_goes_onto_the_sheet_that_is_there_and_can_be_moved(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, job: str
) -> None:
    first = org.write(writes(job, sheets=(sheet(rosa),), entries=(booked(rosa),)))
    there = first.sheets["sheet"]
    second = org.write(writes(job, entries=(booked(rosa, "other", sheet=there),)))
    moved = booked(rosa, id=first.entries["key"], starts_at=NOW - HOUR)

    again = org.write(writes(job, entries=(moved,)))

    assert again.entries == first.entries
    assert len(salesforce.rows("TimeSheet")) == 1
    assert salesforce.row("TimeSheetEntry", second.entries["other"])["TimeSheetId"] == there
    row = salesforce.row("TimeSheetEntry", first.entries["key"])
    assert row["StartTime"].startswith(f"{NOW - HOUR:%Y-%m-%dT%H:%M}")


@pytest.mark.parametrize("refused", ["ServiceAppointment", "Event", "TimeSheetEntry"])
def test_one_refused_part_leaves_nothing_of_the_others(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, job: str, refused: str
) -> None:
    code = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    salesforce.refuse.append({"object": refused, "errorCode": code, "message": "Not today."})
    before = salesforce.row("ServiceAppointment", job)

    with pytest.raises(Refused, match="Not today") as caught:
        org.write(
            writes(
                job,
                changes={"status": "In Progress", "actual_start": NOW},
                event=told("key"),
                sheets=(sheet(rosa),),
                entries=(booked(rosa),),
            )
        )

    assert caught.value.code == code
    assert salesforce.row("ServiceAppointment", job) == before
    for name in ("Event", "TimeSheetEntry", "TimeSheet"):
        assert salesforce.rows(name) == []


@pytest.mark.parametrize("code", ["UNABLE_TO_LOCK_ROW", "QUERY_TIMEOUT"])
def test_a_part_that_failed_for_a_while_may_be_written_later(
    org: SalesforceOrg, salesforce: FakeSalesforce, job: str, code: str
) -> None:
    salesforce.refuse.append({"object": "Event", "errorCode": code, "message": "busy"})

    with pytest.raises(Unavailable, match=code):
        org.write(writes(job, changes={"status": "In Progress"}, event=told("key")))


def test_a_write_whose_answer_was_lost_may_have_been_carried_out(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, job: str
) -> None:
    salesforce.faults.append({"drop": True, "after": True, "match": {"method": "POST"}})
    wanted = writes(job, event=told("key"), sheets=(sheet(rosa),), entries=(booked(rosa),))

    with pytest.raises(Unclear):
        org.write(wanted)

    found = org.find(wanted)
    assert found.event == salesforce.rows("Event")[0]["Id"]
    [entry] = salesforce.rows("TimeSheetEntry")
    assert found.entries == {"key": entry["Id"]}
    assert found.sheets == {"sheet": entry["TimeSheetId"]}


# ── find ───────────────────────────────────────────────────────────────────────


def test_our_row_is_found_among_others_of_the_same_minute_and_subject(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, job: str
) -> None:
    salesforce.insert(
        "Event",
        WhatId=job,
        Subject="Arrived: Rosa",
        StartDateTime=NOW,
        DurationInMinutes=1,
        Description="by hand",
    )

    def wanted(key: str) -> Writes:
        rows = {"sheets": (sheet(rosa),), "entries": (booked(rosa, key),)}
        return writes(job, event=told(key), **rows)

    ids = {key: org.write(wanted(key)) for key in ("first", "second")}

    for key, made in ids.items():
        assert org.find(wanted(key)) == made.model_copy(update={"request": ""})
    assert org.find(wanted("third")) == Written()


def test_a_row_of_ours_that_a_person_deleted_counts_as_written(
    org: SalesforceOrg, salesforce: FakeSalesforce, job: str
) -> None:
    made = org.write(writes(job, event=told("key")))
    salesforce.delete("Event", made.event)

    assert org.find(writes(job, event=told("key"))).event == made.event


def test_nothing_is_asked_where_no_row_would_be_new(
    org: SalesforceOrg, salesforce: FakeSalesforce, job: str
) -> None:
    before = salesforce.api_calls

    assert org.find(writes(job, changes={"status": "In Progress"})).event == ""

    assert salesforce.api_calls == before


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(words=st.text("ab'\\\n\r\t\"%_é ", max_size=30))
@example(words="' OR Id != '")
@example(words="\\' OR Subject != '")
@example(words="\\")
def test_any_subject_is_written_and_its_row_found_by_the_reference_alone(
    org: SalesforceOrg, salesforce: FakeSalesforce, job: str, words: str
) -> None:
    number = len(salesforce.rows("Event"))
    made = org.write(writes(job, event=told(f"key {number}", f"<{words}>")))
    other = org.write(writes(job, event=told(f"key {number + 1}", f"<{words}>")))

    found = org.find(writes(job, event=told(f"key {number}", "in other words")))

    assert salesforce.row("Event", made.event)["Subject"] == f"<{words}>".strip()
    assert found.event == made.event != other.event


# ── errors ─────────────────────────────────────────────────────────────────────

RETRIED = [
    "API_CURRENTLY_DISABLED",
    "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
    "INTERNAL_ERROR",
    "INVALID_QUERY_LOCATOR",
    "QUERY_TIMEOUT",
    "REQUEST_LIMIT_EXCEEDED",
    "REQUEST_RUNNING_TOO_LONG",
    "SERVER_UNAVAILABLE",
    "TEMPORARY_QUERY_MORE_FAILURE",
    "TOO_MANY_APEX_REQUESTS",
    "TXN_SECURITY_METERING_ERROR",
    "UNABLE_TO_LOCK_ROW",
    "UNKNOWN_EXCEPTION",
]
PARKED = [
    ("CANNOT_EXECUTE_FLOW_TRIGGER", 400),
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", 400),
    ("DUPLICATE_VALUE", 400),
    ("ENTITY_IS_DELETED", 404),
    ("ENTITY_IS_LOCKED", 400),
    ("FIELD_CUSTOM_VALIDATION_EXCEPTION", 400),
    ("FIELD_INTEGRITY_EXCEPTION", 400),
    ("INVALID_CROSS_REFERENCE_KEY", 400),
    ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", 400),
    ("MALFORMED_ID", 400),
    ("NOT_FOUND", 404),
    ("REQUIRED_FIELD_MISSING", 400),
    ("STRING_TOO_LONG", 400),
    ("INSUFFICIENT_ACCESS_OR_READONLY", 403),
    ("INVALID_FIELD", 400),
    ("INVALID_TYPE", 400),
    ("STORAGE_LIMIT_EXCEEDED", 403),
]


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize("code", RETRIED)
def test_what_passes_by_itself_is_tried_again(
    http: requests.Session, code: str, status: int
) -> None:
    error = Answer(status, [{"errorCode": code, "message": "later", "fields": []}])
    with scripted(error) as script, pytest.raises(Unavailable, match="later"):
        SalesforceRest(http, StaticKey(script.url), "67.0").call("GET", "/x")


@pytest.mark.parametrize(("code", "status"), PARKED)
def test_what_somebody_must_look_at_is_refused_in_salesforces_words(
    org: SalesforceOrg, salesforce: FakeSalesforce, code: str, status: int
) -> None:
    salesforce.faults.append({"errorCode": code, "message": "Their words.", "status": status})

    with pytest.raises(Refused, match=f"{code}: Their words") as caught:
        org.changes(None)

    assert caught.value.code == code


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "body": "<html>Down for maintenance</html>"},
        {"status": 420, "body": ""},
        {"status": 429, "body": ""},
        {"status": 406, "body": "<html>"},
        {"status": 502, "body": ""},
        {"drop": True},
        {"half": True},
    ],
)
def test_an_answer_of_the_edge_is_tried_again(
    org: SalesforceOrg, salesforce: FakeSalesforce, fault: dict[str, Any]
) -> None:
    salesforce.faults.append(fault)

    with pytest.raises(Unavailable):
        org.changes(None)

    assert org.changes(None).resources == ()


def test_an_error_that_is_a_bare_object_is_read_too(http: requests.Session) -> None:
    error = Answer(400, {"errorCode": "INVALID_FIELD", "message": "No such column"})
    with scripted(error) as script, pytest.raises(Refused, match="No such column"):
        SalesforceRest(http, StaticKey(script.url), "67.0").call("GET", "/x")


@pytest.mark.parametrize("body", [b"[]", b"null", b"7", b'"text"', b"[[]]", b"<html>"])
def test_an_error_in_any_shape_is_one_of_ours(http: requests.Session, body: bytes) -> None:
    with scripted(Answer(400, body)) as script, pytest.raises(Unavailable):
        SalesforceRest(http, StaticKey(script.url), "67.0").call("GET", "/x")


@pytest.mark.parametrize(
    "answer",
    [b"<html>", b"[]", b"{}", b'{"graphs": [7]}', b'{"graphs": []}'],
)
def test_an_answer_to_a_write_that_can_not_be_read_is_unclear(
    http: requests.Session, answer: bytes
) -> None:
    wanted = writes("08p000000000001AAA", changes={"status": "Done"})
    with scripted(Answer(200, answer)) as script:
        org = SalesforceOrg(SalesforceRest(http, StaticKey(script.url), "67.0"), "c", "u")
        with pytest.raises(Unclear):
            org.write(wanted)


def test_an_org_that_nobody_answers_for_is_unavailable(http: requests.Session) -> None:
    with pytest.raises(Unavailable):
        SalesforceRest(http, StaticKey(nobody()), "67.0").call("GET", "/x")


def test_a_redirect_is_not_followed_with_the_token(http: requests.Session) -> None:
    with scripted() as elsewhere:
        moved = Answer(302, b"", {"location": elsewhere.url})
        with scripted(moved) as script, pytest.raises(Unavailable, match="another host"):
            SalesforceRest(http, StaticKey(script.url), "67.0").call("GET", "/x")

        assert elsewhere.asked == []


# ── tokens ─────────────────────────────────────────────────────────────────────


def test_an_expired_token_is_renewed_once_and_nobody_notices(
    org: SalesforceOrg, salesforce: FakeSalesforce, key: Key, rosa: str
) -> None:
    before = key.refresh_token
    salesforce.expire_access_tokens()

    assert [each.id for each in org.changes(None).resources] == [rosa]

    assert key.renewals == 1
    assert key.refresh_token != before
    salesforce.expire_access_tokens()
    org.changes(None)
    assert key.renewals == 2


def test_a_token_that_stays_invalid_is_renewed_only_once(http: requests.Session) -> None:
    error = Answer(401, [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired"}])
    with scripted(error) as script:
        key = StaticKey(script.url)
        with pytest.raises(Unavailable):
            SalesforceRest(http, key, "67.0").call("GET", "/x")

        assert (key.renewals, len(script.asked)) == (1, 2)


# ── what is missing ────────────────────────────────────────────────────────────


def test_an_org_with_field_service_lacks_nothing(org: SalesforceOrg) -> None:
    assert org.missing_objects() == []


def test_an_object_that_can_not_be_seen_is_named(
    org: SalesforceOrg, salesforce: FakeSalesforce
) -> None:
    salesforce.no_access.add("AssignedResource")

    assert org.missing_objects() == ["AssignedResource"]


def test_an_org_that_is_down_does_not_lack_field_service(
    org: SalesforceOrg, salesforce: FakeSalesforce
) -> None:
    salesforce.faults.append({"status": 503, "body": "", "times": None})

    with pytest.raises(Unavailable):
        org.missing_objects()
