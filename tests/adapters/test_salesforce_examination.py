"""What the doctor asks Salesforce, and what it makes of answers that are none."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from fieldlink.adapters import salesforce_describe, salesforce_footprint
from fieldlink.adapters.salesforce import SalesforceOrg
from fieldlink.adapters.salesforce_examination import SalesforceExamination
from fieldlink.adapters.salesforce_oauth import SalesforceAuthorisation
from fieldlink.adapters.salesforce_rest import SalesforceRest
from fieldlink.adapters.salesforce_soql import Wants
from fieldlink.errors import FieldlinkError, Lost, Refused, Unavailable, Unclear
from fieldlink.models import Ability
from tests.adapters.scripted import Answer, Script, nobody, scripted

VERSIONS = [{"version": "66.0"}, {"version": "67.0"}]


class Key:
    """A pass that nobody asks for more."""

    def __init__(self, url: str) -> None:
        self.instance_url, self.token = url, "the-token"

    def renew(self, why: str) -> None:
        raise AssertionError(why)

    def give_up(self, code: str, message: str) -> None:
        raise AssertionError(code, message)


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def examination(http: requests.Session, url: str) -> SalesforceExamination:
    login = SalesforceAuthorisation(
        http, lambda: '{"client_id":"c","client_secret":"s"}', lambda: ""
    )
    org = SalesforceOrg(rest(http, url), "connection", "user")
    return SalesforceExamination(
        org, http, lambda: Key(url), lambda token: login.scopes(url, token=token)
    )


def rest(http: requests.Session, url: str) -> SalesforceRest:
    return SalesforceRest(http, Key(url), "67.0")


def test_what_an_org_offers_is_asked_without_our_token(http: requests.Session) -> None:
    with scripted(Answer(200, VERSIONS)) as script:
        before = datetime.now(UTC).replace(microsecond=0)
        front = examination(http, script.url).front()

    assert front.versions == ("66.0", "67.0")
    assert before <= front.at <= datetime.now(UTC)
    [asked] = script.asked
    assert (asked.method, asked.path) == ("GET", "/services/data/")
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, b"<html>busy</html>"),
        Answer(200, {"versions": "none"}),
        Answer(200, [{"label": "no version"}]),
        Answer(200, "text"),
        Answer(302, b"", {"Location": "https://elsewhere.example.com"}),
        Answer(reset=True),
        Answer(200, VERSIONS, half=True),
    ],
)
def test_what_is_no_list_of_versions_is_no_answer(
    answer: Answer, http: requests.Session
) -> None:
    with scripted(answer) as script, pytest.raises(Unavailable):
        examination(http, script.url).front()


def test_an_org_that_nobody_reaches_is_unavailable(http: requests.Session) -> None:
    with pytest.raises(Unavailable):
        examination(http, nobody()).front()


def test_scopes_are_those_of_our_token(http: requests.Session) -> None:
    with scripted(Answer(200, {"active": True, "scope": "api refresh_token"})) as script:
        held = examination(http, script.url).scopes()

    assert held == {"api", "refresh_token"}
    [asked] = script.asked
    assert asked.path == "/services/oauth2/introspect"
    assert asked.body == b"token=the-token&client_id=c&client_secret=s"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(200, {"active": False}), Lost),
        (Answer(400, {"error": "invalid_client", "error_description": "no"}), Refused),
        (Answer(200, {"active": True}), Unavailable),
        (Answer(200, b"<html>"), Unavailable),
        (Answer(503, b"<html>"), Unclear),
    ],
)
def test_scopes_that_are_not_told_are_not_guessed(
    answer: Answer, error: type[FieldlinkError], http: requests.Session
) -> None:
    with scripted(answer) as script, pytest.raises(error) as caught:
        examination(http, script.url).scopes()

    assert type(caught.value) is error


# ── describe ──────────────────────────────────────────────────────────────────


def part(name: str, status: int, body: Any) -> dict[str, Any]:
    return {"referenceId": name, "httpStatusCode": status, "body": body}


WANTS_ALL = Wants(
    share_field="Live_Link__c", shifts=True, positions=True, distance="Way__c", primary=True
)
RIGHTS = set(Ability) - {Ability.VISIT_ENTRIES, Ability.TRAVEL_ENTRIES}  # those are of values


def answered(
    script: Script, http: requests.Session, *parts: dict[str, Any], wants: Wants = WANTS_ALL
) -> Any:
    script.answers[:] = [Answer(200, {"compositeResponse": list(parts)})]
    return salesforce_describe.described(rest(http, script.url), wants)


def test_an_org_that_describes_nothing_at_all_is_not_one_without_rights(
    http: requests.Session,
) -> None:
    error = [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
    parts = [part(name, 404, error) for name in salesforce_describe.OBJECTS]

    with scripted() as script, pytest.raises(Refused, match="describes no object"):
        answered(script, http, *parts)


@pytest.mark.parametrize(
    "code", ["UNABLE_TO_LOCK_ROW", "REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE"]
)
def test_what_passes_by_itself_is_not_taken_for_a_missing_right(
    code: str, http: requests.Session
) -> None:
    error = [{"errorCode": code, "message": "not now"}]
    with scripted() as script, pytest.raises(Unavailable):
        answered(script, http, part("ServiceAppointment", 503, error))


@pytest.mark.parametrize("body", [b"[]", b"{", {"compositeResponse": None}, {"other": []}])
def test_what_is_no_description_is_unclear(body: Any, http: requests.Session) -> None:
    with scripted(Answer(200, body)) as script, pytest.raises(Unclear):
        salesforce_describe.described(rest(http, script.url))


def test_an_org_that_shows_people_without_fields_and_nothing_else_lacks_everything(
    http: requests.Session,
) -> None:
    people = part(salesforce_describe.PERSON, 200, {"fields": []})
    with scripted() as script:
        told = answered(script, http, people)

    objects = {*salesforce_describe.OBJECTS, salesforce_describe.SHIFT}
    assert set(told.missing) == objects - {salesforce_describe.PERSON}
    assert told.unreadable == salesforce_footprint.asked(WANTS_ALL)
    assert set(told.needed) == salesforce_describe.NEEDED
    assert set(told.lacking) == RIGHTS - {Ability.DONE_TASKS}
    assert (told.statuses, told.automatic) == ((), None)


def test_every_object_that_we_ask_for_or_write_to_is_described() -> None:
    named = {each.partition(".")[0] for each in salesforce_footprint.asked(WANTS_ALL)}
    named |= {each.sobject for each in salesforce_footprint.written(WANTS_ALL).values()}

    assert named == {*salesforce_describe.OBJECTS, salesforce_describe.SHIFT}
    written = {
        *salesforce_footprint.written(WANTS_ALL),
        *salesforce_footprint.written(Wants(done_tasks=True)),
    }
    assert written == RIGHTS


def test_what_nobody_wants_is_not_asked_for_and_never_lacking(http: requests.Session) -> None:
    people = part(salesforce_describe.PERSON, 200, {"fields": []})
    with scripted() as script:
        told = answered(script, http, people, wants=Wants())
        [asked] = script.asked

    assert set(told.lacking) == RIGHTS - {
        Ability.SHARE_LINK,
        Ability.DISTANCE,
        Ability.DONE_TASKS,
        Ability.POSITIONS,
    }
    assert told.no_shifts == ""
    assert b"/sobjects/Shift/" not in asked.body
    assert not [each for each in told.unreadable if "Shift" in each or "__c" in each]
