"""A look at an org: nothing missed at its edges, and nothing taken for what it is not."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from fieldlink.adapters import salesforce_looks, salesforce_soql
from fieldlink.adapters.salesforce import Known, SalesforceOrg
from fieldlink.adapters.salesforce_rest import SalesforceRest
from fieldlink.errors import Lost, Refused, Unavailable
from fieldlink.models import Category
from local.salesforce import FakeSalesforce
from local.salesforce.ids import checked, numbered
from tests.adapters.salesforce_work import look
from tests.adapters.scripted import Answer, scripted
from tests.fakes import FakeState
from tests.local.salesforce_setting import CLIENT, Clock, allow, exchange

NOW = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OVERLAP = timedelta(minutes=10)


class Key:
    """A pass that logs in anew whenever its token is not accepted."""

    def __init__(self, url: str, log_in: Callable[[], str] = lambda: "the-token") -> None:
        self.instance_url, self.token = url, log_in()
        self._log_in = log_in

    def renew(self, why: str) -> None:
        assert why.startswith("INVALID_SESSION_ID: ")
        self.token = self._log_in()

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
    with FakeSalesforce(clock=clock, client_secret=CLIENT["client_secret"]) as org:
        yield org


@pytest.fixture
def seeing(http: requests.Session, salesforce: FakeSalesforce) -> Callable[..., SalesforceOrg]:
    """An org as one sees it who can't read some fields."""

    def log_in() -> str:
        return str(exchange(salesforce, allow(salesforce)).json()["access_token"])

    def see(*unreadable: str) -> SalesforceOrg:
        rest = SalesforceRest(http, Key(salesforce.url, log_in), "67.0")
        user = salesforce.integration_user_id
        return SalesforceOrg(rest, "c", user, ask_known=lambda: Known(unreadable))

    return see


@pytest.fixture
def org(seeing: Callable[..., SalesforceOrg]) -> SalesforceOrg:
    return seeing()


@pytest.fixture
def rosa(salesforce: FakeSalesforce) -> str:
    return salesforce.add_resource("Rosa", "rosa@example.com")


@pytest.fixture
def job(salesforce: FakeSalesforce, rosa: str) -> str:
    return salesforce.add_appointment(rosa, NOW + HOUR, Subject="Boiler")


def assigned(salesforce: FakeSalesforce, job: str) -> str:
    rows = salesforce.rows("AssignedResource")
    return str(next(row["Id"] for row in rows if row["ServiceAppointmentId"] == job))


# ── one call ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("since", [None, NOW - HOUR])
def test_a_look_is_one_call_and_brings_the_statuses(
    org: SalesforceOrg, salesforce: FakeSalesforce, job: str, since: datetime | None
) -> None:
    before = salesforce.api_calls

    seen = org.changes(since)

    assert salesforce.api_calls == before + 1
    assert [each.id for each in seen.appointments] == [job]
    [statuses] = [
        url for url in _urls(salesforce.requests[-1].body) if "AppointmentStatus" in url
    ]
    assert "/query?" in statuses  # they are never in a recycle bin
    names = {each.name: each.category for each in seen.statuses}
    assert names["Cannot Complete"] is Category.CANNOT_COMPLETE
    assert [each.name for each in seen.statuses if each.default] == ["None"]


def test_a_status_that_was_renamed_is_in_the_next_look(
    org: SalesforceOrg, salesforce: FakeSalesforce
) -> None:
    salesforce.rename_status("Dispatched", "Sent Out")

    names = [each.name for each in org.changes(NOW).statuses]

    assert "Sent Out" in names
    assert "Dispatched" not in names


def test_statuses_that_are_not_for_us_to_see_fail_no_look(
    org: SalesforceOrg, salesforce: FakeSalesforce, job: str
) -> None:
    salesforce.no_access.add("ServiceAppointmentStatus")

    seen = org.changes(NOW - HOUR)

    assert ([each.id for each in seen.appointments], seen.statuses) == ([job], ())


def test_changes_are_asked_for_in_the_order_of_their_stamps() -> None:
    queries = salesforce_soql.changed(NOW)

    for name in ("appointments", "assignments", "resources"):
        assert queries[name].endswith(
            "WHERE SystemModstamp >= 2026-03-04T08:00:00Z ORDER BY SystemModstamp, Id"
        )
    assert len(queries) == salesforce_looks.MOST_QUERIES


# ── the edge ──────────────────────────────────────────────────────────────────


def test_thousands_of_rows_of_one_moment_are_all_seen_page_by_page_and_read_on_once(
    org: SalesforceOrg, salesforce: FakeSalesforce
) -> None:
    order = salesforce.insert("WorkOrder")
    made = [
        salesforce.add_appointment(None, NOW + HOUR, ParentRecordId=order) for _ in range(5000)
    ]
    state = FakeState()
    salesforce.page_sizes = [2000, 1, 1999]  # the middle one is short, and not the end

    seen = org.changes(NOW, state.fingerprints)
    state.write_all(seen.appointments)
    salesforce.update("ServiceAppointment", made[4000], Subject="Heater")
    salesforce.page_sizes = [2000, 1, 1999]
    again = org.changes(NOW, state.fingerprints)

    assert sorted(each.id for each in seen.appointments) == sorted(made)
    assert [(each.id, each.subject) for each in again.appointments] == [(made[4000], "Heater")]
    assert again.unchanged == {*made} - {made[4000]}


def test_who_is_found_by_resource_and_by_user_is_one(org: SalesforceOrg, rosa: str) -> None:
    state = FakeState()

    seen = org.changes(NOW, state.fingerprints)
    state.write_all(seen.resources)
    again = org.changes(NOW, state.fingerprints)

    assert [each.id for each in seen.resources] == [rosa]
    assert not again.resources
    assert again.unchanged == {rosa}


@pytest.mark.parametrize("minutes", [1, 5, 9])
def test_a_row_that_is_shown_behind_the_watermark_is_seen_by_the_look_after(
    org: SalesforceOrg, salesforce: FakeSalesforce, clock: Clock, rosa: str, minutes: int
) -> None:
    order = salesforce.insert("WorkOrder")
    visible_at = clock.now + timedelta(minutes=minutes)
    late = salesforce.add_appointment(
        None, NOW + HOUR, ParentRecordId=order, _visible_at=visible_at
    )
    seen = []
    for _ in range(3):
        mark = clock.now
        clock.forward(minutes=5)
        seen += [each.id for each in org.changes(mark - OVERLAP).appointments]

    assert rosa
    assert late in seen


@pytest.mark.parametrize("minutes", [-10, 0, 10])
def test_the_moment_of_a_look_is_the_servers_whatever_the_clock_here_says(
    org: SalesforceOrg, clock: Clock, job: str, minutes: int
) -> None:
    clock.now = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=minutes)

    seen = org.changes(NOW)

    assert seen.asked_at == clock.now
    assert [each.id for each in seen.appointments] == [job]


@pytest.mark.parametrize("date", [None, "yesterday", ""])
def test_an_answer_that_does_not_say_when_it_was_given_is_not_used(
    http: requests.Session, org: SalesforceOrg, job: str, date: str | None
) -> None:
    def changed(answer: requests.Response, **_: Any) -> None:
        answer.headers.pop("Date")
        if date is not None:
            answer.headers["Date"] = date

    http.hooks["response"].append(changed)

    with pytest.raises(Unavailable, match="what time it is"):
        org.changes(NOW)
    assert job


@pytest.mark.parametrize(
    "fault",
    [
        {"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"},
        {"errorCode": "INSUFFICIENT_ACCESS", "message": "no", "status": 403},
        {"status": 200, "body": {"records": "none"}},
        {"status": 200, "body": "<html>busy</html>"},
        {"half": True},
        {"drop": True},
    ],
    ids=["gone stale", "refused", "no page", "HTML", "half", "dropped"],
)
def test_a_page_that_fails_fails_the_whole_look_and_the_next_one_begins_again(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, fault: dict[str, Any]
) -> None:
    jobs = [salesforce.add_appointment(rosa, NOW + HOUR) for _ in range(5)]
    salesforce.page_size = 3
    salesforce.faults.append({"match": {"path": "/query/"}, **fault})

    with pytest.raises(Unavailable):
        org.changes(NOW)

    assert sorted(each.id for each in org.changes(NOW).appointments) == sorted(jobs)


def test_pages_that_lie_longer_than_two_days_are_asked_for_anew(
    org: SalesforceOrg, salesforce: FakeSalesforce, clock: Clock, rosa: str
) -> None:
    for _ in range(5):
        salesforce.add_appointment(rosa, NOW + HOUR)
    salesforce.page_size = 3

    class Slow:
        """Three days go by before the second page."""

        def wait(self, _longest: float) -> None:
            clock.forward(days=3)

    salesforce.faults.append({"match": {"path": "/query/"}, "hold": Slow()})

    with pytest.raises(Unavailable):
        org.changes(NOW)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"compositeResponse": []},
        {"compositeResponse": [{"referenceId": "appointments"}]},
        {"compositeResponse": "none"},
    ],
)
def test_an_answer_that_is_none_fails_the_look(http: requests.Session, body: Any) -> None:
    with scripted(Answer(200, body)) as script:
        org = SalesforceOrg(SalesforceRest(http, Key(script.url), "67.0"), "c", "u")
        with pytest.raises(Unavailable):
            org.changes(NOW)


# ── rows ──────────────────────────────────────────────────────────────────────


def answered(**rows: list[dict[str, Any]]) -> Answer:
    """A Composite with these rows, and without rows for the rest."""
    names = ("appointments", "assignments", "resources", "users", "statuses")
    parts = [
        {
            "referenceId": name,
            "httpStatusCode": 200,
            "body": {"done": True, "records": rows.get(name, [])},
        }
        for name in names
    ]
    return Answer(200, {"compositeResponse": parts})


def test_ids_of_15_characters_and_of_18_are_the_same(http: requests.Session) -> None:
    work, person, seat = "08pKx0000000AbC", "0HnKx0000000XyZ", "03rKx0000000QqQ"
    full = {each: _full(each) for each in (work, person, seat)}
    short = {"Id": seat, "ServiceAppointmentId": work, "ServiceResourceId": person}
    answer = answered(
        appointments=[{"Id": work}, {"Id": full[work]}],
        resources=[{"Id": person}],
        assignments=[short],
    )
    with scripted(answer) as script:
        org = SalesforceOrg(SalesforceRest(http, Key(script.url), "67.0"), "c", "u")
        seen = org.changes(NOW)

    assert [each.id for each in seen.appointments] == [full[work]] * 2
    assert [each.id for each in seen.resources] == [full[person]]
    [found] = seen.assignments
    assert (found.id, found.appointment, found.resource) == (
        full[seat],
        full[work],
        full[person],
    )


def _full(short: str) -> str:
    return checked(short)


def test_fields_that_are_missing_are_empty_and_those_that_came_later_ignored(
    http: requests.Session,
) -> None:
    answer = answered(
        appointments=[{"Id": numbered("08p", 1), "Mood__c": "sunny", "attributes": {}}],
        resources=[{"Id": numbered("0Hn", 1), "RelatedRecord": None}],
        statuses=[{"ApiName": "None", "StatusCode": "CheckedIn", "New": 1}],
    )
    with scripted(answer) as script:
        org = SalesforceOrg(SalesforceRest(http, Key(script.url), "67.0"), "c", "u")
        seen = org.changes(NOW)

    [work], [person], [status] = seen.appointments, seen.resources, seen.statuses
    assert (work.subject, work.address, work.latitude, work.starts_at) == ("", "", None, None)
    assert (work.deleted, work.bundled, work.category) == (False, False, Category.NONE)
    assert (person.email, person.active, person.technician) == ("", True, True)
    assert (status.category, status.default) == (Category.IN_PROGRESS, False)


@pytest.mark.parametrize("name", ["", "nonsense", None, "08pKx0000000AbCAAA"])
def test_a_row_without_a_valid_id_fails_the_look(
    http: requests.Session, name: str | None
) -> None:
    with scripted(answered(appointments=[{"Id": name}])) as script:
        org = SalesforceOrg(SalesforceRest(http, Key(script.url), "67.0"), "c", "u")
        with pytest.raises(Unavailable, match="valid id"):
            org.changes(NOW)


@pytest.mark.parametrize("kind", ["appointments", "assignments", "resources", "statuses"])
@pytest.mark.parametrize("row", [None, "none", []])
def test_what_is_no_row_at_all_fails_the_look(
    http: requests.Session, kind: str, row: Any
) -> None:
    with scripted(answered(**{kind: [row]})) as script:
        org = SalesforceOrg(SalesforceRest(http, Key(script.url), "67.0"), "c", "u")
        with pytest.raises(Unavailable):
            org.changes(NOW)


UNREADABLE = {
    "ServiceAppointment.Subject",
    "ServiceAppointment.Latitude",
    "ServiceAppointment.SchedEndTime",
    "ServiceAppointment.IsBundleMember",
    "AssignedResource.ServiceCrewId",
    "ServiceResource.ResourceType",
    "User.Email",
}


@pytest.mark.parametrize("since", [None, NOW - HOUR])
def test_fields_that_we_can_not_read_are_not_asked_for(
    seeing: Callable[..., SalesforceOrg],
    salesforce: FakeSalesforce,
    job: str,
    since: datetime | None,
) -> None:
    salesforce.no_access |= UNREADABLE

    seen = seeing(*UNREADABLE).changes(since)

    [work], [seat], person = seen.appointments, seen.assignments, seen.resources[-1]
    assert (work.id, work.subject, work.latitude, work.ends_at) == (job, "", None, None)
    assert (person.name, person.email, person.technician) == ("Rosa", "", True)
    assert seat.appointment == job


def test_without_the_users_of_resources_the_work_is_still_seen(
    seeing: Callable[..., SalesforceOrg], salesforce: FakeSalesforce, job: str
) -> None:
    salesforce.no_access.add("ServiceResource.RelatedRecordId")

    seen = seeing("ServiceResource.RelatedRecordId").changes(NOW - HOUR)

    assert [each.id for each in seen.appointments] == [job]
    assert [each.email for each in seen.resources] == [""]


def test_a_field_without_which_a_row_means_nothing_is_asked_for_and_named_in_the_refusal(
    seeing: Callable[..., SalesforceOrg], salesforce: FakeSalesforce
) -> None:
    salesforce.no_access.add("ServiceAppointment.StatusCategory")

    with pytest.raises(Refused, match="StatusCategory"):
        seeing("ServiceAppointment.StatusCategory").changes(NOW)


def test_a_view_leaves_out_what_we_can_not_read(
    seeing: Callable[..., SalesforceOrg], salesforce: FakeSalesforce, rosa: str, job: str
) -> None:
    unreadable = ("AssignedResource.ActualTravelTime", "ServiceAppointment.ActualDuration")
    salesforce.no_access |= {*unreadable}

    view = seeing(*unreadable).view(look(job, rosa))

    assert (view.travel, view.actual_minutes) == (None, None)


def test_a_member_of_a_bundle_is_seen_as_one(
    org: SalesforceOrg, salesforce: FakeSalesforce, job: str
) -> None:
    salesforce.update("ServiceAppointment", job, IsBundleMember=True)

    assert [each.bundled for each in org.changes(None).appointments] == [True]


def test_a_crew_and_its_member_are_told_apart(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    crew = salesforce.insert("ServiceCrew", Name="Night shift")
    as_one = salesforce.insert(
        "ServiceResource",
        Name="Night shift",
        IsActive=True,
        ResourceType="C",
        ServiceCrewId=crew,
    )
    job = salesforce.add_appointment(None, NOW + HOUR)
    for each in (as_one, rosa):
        salesforce.insert(
            "AssignedResource",
            ServiceAppointmentId=job,
            ServiceResourceId=each,
            ServiceCrewId=crew,
        )

    seen = org.changes(None)

    kinds = {each.resource: (each.technician, each.crew) for each in seen.assignments}
    assert kinds == {as_one: (False, crew), rosa: (True, crew)}
    assert {each.id: each.technician for each in seen.resources} == {as_one: False, rosa: True}


def test_whose_user_is_deactivated_is_told_from_whose_resource_is(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    other = salesforce.add_resource("Max", "max@example.com")
    salesforce.update("ServiceResource", other, IsActive=False)
    user = salesforce.row("ServiceResource", rosa)["RelatedRecordId"]
    salesforce.update("User", user, IsActive=False)

    seen = {each.id: (each.active, each.user_active) for each in org.changes(None).resources}

    assert seen == {rosa: (False, False), other: (False, True)}


# ── one by one ────────────────────────────────────────────────────────────────


def test_rows_are_found_by_their_ids_also_in_the_recycle_bin(
    org: SalesforceOrg, salesforce: FakeSalesforce, job: str
) -> None:
    seat = assigned(salesforce, job)
    salesforce.delete("AssignedResource", seat)
    before = salesforce.api_calls

    again = org.again([job], [seat])

    assert salesforce.api_calls == before + 1
    assert [(each.id, each.deleted) for each in again.rows.appointments] == [(job, False)]
    assert [(each.id, each.deleted) for each in again.rows.assignments] == [(seat, True)]
    assert again.deleted == frozenset()


def test_what_was_deleted_for_good_is_in_the_log_and_what_is_hidden_is_not(
    org: SalesforceOrg, salesforce: FakeSalesforce, clock: Clock, rosa: str, job: str
) -> None:
    hidden = salesforce.add_appointment(rosa, NOW + HOUR)
    seats = [assigned(salesforce, each) for each in (job, hidden)]
    salesforce.delete("ServiceAppointment", job)
    salesforce.purge("ServiceAppointment", job)
    salesforce.purge("AssignedResource", seats[0])
    salesforce.hidden |= {hidden, seats[1]}
    clock.forward(days=3)

    again = org.again([job, hidden], seats)

    assert (again.rows.appointments, again.rows.assignments) == ((), ())
    assert again.deleted == {job, seats[0]}
    assert again.rows.asked_at == clock.now


@pytest.mark.parametrize("days", [14, 16])
def test_the_log_is_asked_as_far_back_as_it_reaches_and_no_further(
    org: SalesforceOrg, salesforce: FakeSalesforce, clock: Clock, job: str, days: int
) -> None:
    salesforce.delete("ServiceAppointment", job)
    salesforce.purge("ServiceAppointment", job)
    clock.forward(days=days, seconds=30)  # the log looks at whole minutes

    again = org.again([job], [])

    assert again.deleted == ({job} if days < 15 else frozenset())


def test_of_a_log_that_was_purged_nothing_is_known(
    org: SalesforceOrg, salesforce: FakeSalesforce, clock: Clock, job: str
) -> None:
    salesforce.delete("ServiceAppointment", job)
    salesforce.purge("ServiceAppointment", job)
    clock.forward(days=3)
    salesforce.log_begins = NOW + timedelta(days=2)

    again = org.again([job], [])

    assert (again.rows.appointments, again.deleted) == ((), frozenset())
    asked = [each for each in salesforce.requests if "/deleted" in each.path]
    assert [each.status for each in asked] == [400]


def test_a_log_that_can_not_be_had_just_now_is_not_taken_for_empty(
    org: SalesforceOrg, salesforce: FakeSalesforce, job: str
) -> None:
    salesforce.hidden.add(job)
    fault = {"match": {"path": "/deleted"}, "errorCode": "SERVER_UNAVAILABLE", "status": 503}
    salesforce.faults.append(fault)

    with pytest.raises(Unavailable):
        org.again([job], [])


def test_thousands_of_ids_are_asked_for_within_salesforces_limits(
    org: SalesforceOrg, salesforce: FakeSalesforce, job: str
) -> None:
    work = [numbered("08p", number) for number in range(10_000, 12_600)]
    seats = [numbered("03r", number) for number in range(10_000, 10_501)]
    before = len(salesforce.requests)

    again = org.again([*work, job], seats)

    asked = [each for each in salesforce.requests[before:] if each.path.endswith("/composite")]
    urls = [_urls(each.body) for each in asked]
    assert [len(each) for each in urls] == [5, 3]  # 6 of 500 appointments, 2 of assignments
    assert max(len(url) for each in urls for url in each) < 16_384 - 2000  # headers, a token
    assert {_ids(url) <= 500 for each in urls for url in each} == {True}
    assert [each.id for each in again.rows.appointments] == [job]


def _urls(body: str) -> list[str]:
    return [each["url"] for each in json.loads(body)["compositeRequest"]]


def _ids(url: str) -> int:
    [soql] = parse_qs(urlsplit(url).query)["q"]
    return soql.count("'") // 2


def test_nothing_but_ids_enters_a_query() -> None:
    for text in ("", "08p' OR Id != '0", numbered("08p", 1)[:15]):
        with pytest.raises(ValueError, match="not a Salesforce id"):
            salesforce_soql.appointments_again([text])
