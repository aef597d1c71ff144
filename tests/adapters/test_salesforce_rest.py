"""What each answer of Salesforce means, for the caller and for the org's doorkeeper."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread
from threading import enumerate as enumerate_threads
from time import sleep
from typing import Any

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

from fieldlink.adapters import salesforce_rest
from fieldlink.adapters.salesforce_errors import refusal, usage
from fieldlink.adapters.salesforce_rest import SalesforceRest
from fieldlink.errors import Closed, Contended, Lost, Refused, Unavailable, Unclear
from tests.adapters.scripted import Answer, Script, nobody, scripted

OK = Answer(200, {})
USED = {"Sforce-Limit-Info": "api-usage=18/5000"}


@dataclass
class Key:
    """A pass that notes why it was to be renewed, and why it was given up."""

    instance_url: str
    token: str = "the-token"
    renewed: list[str] = field(default_factory=list)
    given_up: list[tuple[str, str]] = field(default_factory=list)

    def renew(self, why: str) -> None:
        self.renewed.append(why)
        self.token = f"token-{len(self.renewed)}"

    def give_up(self, code: str, message: str) -> None:
        self.given_up.append((code, message))
        raise Lost(f"{code}: {message}", end=code)


@dataclass
class Door:
    """A door that stands open, or not, and notes what it hears."""

    closed: bool = False
    heard: list[Any] = field(default_factory=list)

    def enter(self) -> None:
        if self.closed:
            raise Closed("closed")
        self.heard.append("enter")

    def answered(self, used: int | None, allowed: int | None) -> None:
        self.heard.append((used, allowed))

    def failed(self) -> None:
        self.heard.append("failed")

    def used_up(self) -> None:
        self.heard.append("used up")


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


class Visitor:
    """Calls a scripted org."""

    def __init__(self, http: requests.Session, script: Script) -> None:
        self.script = script
        self.key = Key(script.url)
        self.door = Door()
        self.rest = SalesforceRest(http, self.key, "67.0", self.door)

    def get(self) -> requests.Response:
        return self.rest.call("GET", "/x")


def error(code: str, status: int = 400, message: str = "Their words.") -> Answer:
    return Answer(status, [{"errorCode": code, "message": message, "fields": []}])


def composite(*parts: tuple[int, Any]) -> Answer:
    answered = [
        {"referenceId": f"r{number}", "httpStatusCode": status, "body": body, "httpHeaders": {}}
        for number, (status, body) in enumerate(parts)
    ]
    return Answer(200, {"compositeResponse": answered})


def failed_part(code: str, message: str = "Their words.") -> tuple[int, Any]:
    return 400, [{"errorCode": code, "message": message}]


# ── what the door hears ────────────────────────────────────────────────────────


def test_a_closed_door_lets_no_call_through(http: requests.Session) -> None:
    with scripted(OK) as script:
        visitor = Visitor(http, script)
        visitor.door.closed = True
        with pytest.raises(Closed):
            visitor.get()

        assert script.asked == []


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("api-usage=18/5000", (18, 5000)),
        ("api-usage=25/5000; per-app-api-usage=17/250(appName=sample-app)", (25, 5000)),
        ("per-app-api-usage=17/250(appName=a); api-usage=25/5000", (25, 5000)),
        ("API-USAGE=1/2", (None, None)),
        (" api-usage = 7 / 15000 ", (7, 15000)),
        ("per-app-api-usage=17/250(appName=sample-app)", (None, None)),
        ("api-usage=18", (None, None)),
        ("api-usage=-1/5000", (None, None)),
        ("api-usage=\u0661/\u0662", (None, None)),
        ("", (None, None)),
    ],
)
def test_the_days_calls_are_read_from_the_header(
    header: str, expected: tuple[int | None, int | None]
) -> None:
    assert usage(header) == expected


@given(st.text())
@example("api-usage=" + "9" * 5000 + "/1")
def test_whatever_the_header_says_it_is_two_numbers_or_none(header: str) -> None:
    used, allowed = usage(header)

    assert (used is None) == (allowed is None)


@pytest.mark.parametrize("answer", [Answer(200, {}, USED), Answer(404, [], USED)])
def test_the_limits_of_every_answer_are_heard(http: requests.Session, answer: Answer) -> None:
    with scripted(answer) as script:
        visitor = Visitor(http, script)
        with suppress(Unavailable):
            visitor.get()

        assert visitor.door.heard == ["enter", (18, 5000)]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, b"<html>Down for maintenance</html>"),
        Answer(503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}]),
        Answer(500, {}),
        Answer(502, b""),
        Answer(504, b"Gateway Timeout"),
        Answer(429, b""),
        Answer(420, b"<html>"),
        Answer(200, b"<html>Please log in</html>"),
        Answer(200, b""),
        Answer(403, b"<!DOCTYPE html>"),
        Answer(302, b"", {"location": "https://elsewhere.example.com"}),
        Answer(reset=True),
        Answer(200, {"a": "long enough to be cut"}, half=True),
    ],
    ids=lambda answer: f"{answer.status} {answer.body!r:.20} {answer.reset} {answer.half}",
)
def test_what_is_no_answer_of_the_org_counts_as_a_failure(
    http: requests.Session, answer: Answer
) -> None:
    with scripted(answer) as script:
        visitor = Visitor(http, script)
        with pytest.raises(Unavailable):
            visitor.get()

        assert visitor.door.heard == ["enter", "failed"]


def test_an_org_that_does_not_answer_in_time_counts_as_a_failure(
    http: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(salesforce_rest, "TIMEOUT", (0.5, 0.05))
    with scripted(Answer(silent=True)) as script:
        visitor = Visitor(http, script)
        with pytest.raises(Unclear):
            visitor.get()

        assert visitor.door.heard == ["enter", "failed"]


def test_an_org_at_which_nobody_listens_counts_as_a_failure(http: requests.Session) -> None:
    door = Door()
    with pytest.raises(Unavailable):
        SalesforceRest(http, Key(nobody()), "67.0", door).call("GET", "/x")

    assert door.heard == ["enter", "failed"]


@pytest.mark.parametrize("code", ["UNABLE_TO_LOCK_ROW", "UNKNOWN_EXCEPTION", "INVALID_FIELD"])
@pytest.mark.parametrize("status", [400, 500])
def test_an_org_that_names_an_error_is_there(
    http: requests.Session, code: str, status: int
) -> None:
    with scripted(error(code, status)) as script:
        visitor = Visitor(http, script)
        with pytest.raises((Unavailable, Refused)):
            visitor.get()

        assert visitor.door.heard == ["enter", (None, None)]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(500, b"<html>"), Unclear),
        (Answer(500, {}), Unclear),
        (Answer(500, [{"errorCode": "SOMETHING_NEW", "message": "m"}]), Unclear),
        (Answer(502, b""), Unclear),
        (Answer(200, b"<html>"), Unclear),
        (Answer(reset=True), Unclear),
        (Answer(503, b"<html>"), Unavailable),
        (Answer(503, {}), Unavailable),
        (Answer(429, b""), Unavailable),
        (Answer(420, b""), Unavailable),
        (Answer(406, b"<html>"), Unavailable),
        (error("UNABLE_TO_LOCK_ROW", 500), Contended),
    ],
)
def test_only_what_may_have_been_carried_out_is_unclear(
    http: requests.Session, answer: Answer, kind: type[Exception]
) -> None:
    with scripted(answer) as script, pytest.raises(Unavailable) as caught:
        Visitor(http, script).rest.composite([], atomic=True)

    assert caught.type is kind


# ── what the caller hears ──────────────────────────────────────────────────────


def test_an_org_without_calls_closes_its_gate(http: requests.Session) -> None:
    with scripted(error("REQUEST_LIMIT_EXCEEDED", 403)) as script:
        visitor = Visitor(http, script)
        with pytest.raises(Closed, match="Their words"):
            visitor.get()

        assert visitor.door.heard[-1] == "used up"


def test_a_part_of_a_composite_that_had_no_call_left_closes_the_gate(
    http: requests.Session,
) -> None:
    refused = failed_part("REQUEST_LIMIT_EXCEEDED")
    with scripted(composite((200, {}), refused)) as script:
        visitor = Visitor(http, script)
        answer = visitor.rest.composite([], atomic=True)

    assert visitor.door.heard[-1] == "used up"
    part = answer.json()["compositeResponse"][1]
    said = refusal([("REQUEST_LIMIT_EXCEEDED", "x")], part["httpStatusCode"])
    assert isinstance(said, Closed)


def test_a_row_that_only_tells_of_used_up_calls_closes_nothing(http: requests.Session) -> None:
    told = {"records": [{"Subject": "REQUEST_LIMIT_EXCEEDED"}], "done": True}
    refused = failed_part("INVALID_FIELD", "REQUEST_LIMIT_EXCEEDED")
    with scripted(composite((200, told), refused)) as script:
        visitor = Visitor(http, script)
        visitor.rest.composite([], atomic=False)

    assert "used up" not in visitor.door.heard


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        (["UNABLE_TO_LOCK_ROW"], Contended),
        (["PROCESSING_HALTED", "UNABLE_TO_LOCK_ROW", "PROCESSING_HALTED"], Contended),
        (["FIELD_INTEGRITY_EXCEPTION", "UNABLE_TO_LOCK_ROW"], Contended),
        (["PROCESSING_HALTED", "REQUEST_LIMIT_EXCEEDED"], Closed),
        (["PROCESSING_HALTED", "FIELD_INTEGRITY_EXCEPTION"], Refused),
        (["PROCESSING_HALTED", "UNKNOWN_EXCEPTION"], Unavailable),
    ],
)
def test_of_the_parts_that_failed_the_one_that_passes_by_itself_says_what_to_do(
    errors: list[str], kind: type[Exception]
) -> None:
    said = refusal([(code, "Their words.") for code in errors], 400)

    assert type(said) is kind
    assert "Their words." in str(said)


@pytest.mark.parametrize(
    "code",
    [
        "API_DISABLED_FOR_ORG",
        "CLIENT_NOT_ACCESSIBLE_FOR_USER",
        "ORG_LOCKED",
        "TRIAL_EXPIRED",
        "UNSUPPORTED_API_VERSION",
    ],
)
def test_who_is_shut_out_gives_up(http: requests.Session, code: str) -> None:
    with scripted(error(code, 403)) as script:
        visitor = Visitor(http, script)
        with pytest.raises(Lost):
            visitor.get()

        assert visitor.key.given_up == [(code, "Their words.")]
        assert visitor.key.renewed == []


def test_a_version_that_is_gone_is_given_up_whatever_the_code(http: requests.Session) -> None:
    with scripted(Answer(410, [{"message": "no longer supported"}])) as script:
        visitor = Visitor(http, script)
        with pytest.raises(Lost):
            visitor.get()

        assert visitor.key.given_up == [("410", "no longer supported")]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(300, ["/services/data/v67.0/sobjects/Event/00U1"]), "more than one row"),
        (Answer(304, b""), "not been changed"),
        (Answer(412, b""), "has been changed"),
        (error("PRECONDITION_FAILED", 412), "Their words.*has been changed"),
    ],
)
def test_a_condition_that_does_not_hold_is_refused_and_named(
    http: requests.Session, answer: Answer, words: str
) -> None:
    with scripted(answer) as script, pytest.raises(Refused, match=words):
        Visitor(http, script).get()


@pytest.mark.parametrize("status", [200, 201, 400, 401, 403, 404, 500, 503])
@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b'"text"', b"null", b"{", b"[{"])
def test_an_answer_in_any_shape_is_one_of_our_errors_or_read_by_its_reader(
    http: requests.Session, status: int, body: bytes
) -> None:
    with scripted(Answer(status, body)) as script:
        part = {"records": [], "done": False, "nextRecordsUrl": "/x"}
        with pytest.raises(Unavailable):
            list(Visitor(http, script).rest.rows(part))


# ── tokens ─────────────────────────────────────────────────────────────────────


def test_why_a_token_is_renewed_is_told_in_salesforces_words(http: requests.Session) -> None:
    with scripted(error("INVALID_SESSION_ID", 401, "Session expired"), OK) as script:
        visitor = Visitor(http, script)
        visitor.get()

        assert visitor.key.renewed == ["INVALID_SESSION_ID: Session expired"]
        shown = [asked.headers["authorization"] for asked in script.asked]
        assert shown == ["Bearer the-token", "Bearer token-1"]
        assert visitor.door.heard.count("enter") == 2


def test_who_is_refused_with_a_new_token_too_gives_up(http: requests.Session) -> None:
    with scripted(error("INVALID_SESSION_ID", 401)) as script:
        visitor = Visitor(http, script)
        with pytest.raises(Lost):
            visitor.get()

        assert len(script.asked) == 2
        assert visitor.key.given_up == [("INVALID_SESSION_ID", "Their words.")]


# ── pages ──────────────────────────────────────────────────────────────────────

FIRST = {"records": [{"Id": 1}], "done": False, "nextRecordsUrl": "/query/01g-2"}
LAST = Answer(200, {"records": [{"Id": 2}], "done": True})


def test_a_token_that_expires_between_two_pages_is_renewed_and_the_page_repeated(
    http: requests.Session,
) -> None:
    with scripted(error("INVALID_SESSION_ID", 401), LAST) as script:
        visitor = Visitor(http, script)
        rows = list(visitor.rest.rows(FIRST))

        assert rows == [{"Id": 1}, {"Id": 2}]
        assert [asked.path for asked in script.asked] == ["/query/01g-2"] * 2


@pytest.mark.parametrize(
    "answer",
    [
        error("INVALID_QUERY_LOCATOR"),
        error("NOT_FOUND", 404),
        Answer(404, b"<html>"),
        Answer(200, {"records": []}),
        Answer(200, {"records": None, "done": True}),
        Answer(200, []),
        Answer(200, b'{"records": ['),
        Answer(200, b"<html>"),
    ],
)
def test_a_page_that_is_gone_or_unreadable_ends_the_look_which_begins_again(
    http: requests.Session, answer: Answer
) -> None:
    with scripted(answer) as script, pytest.raises(Unavailable):
        list(Visitor(http, script).rest.rows(FIRST))


def test_a_page_that_is_refused_is_refused(http: requests.Session) -> None:
    with scripted(error("INVALID_FIELD")) as script, pytest.raises(Refused):
        list(Visitor(http, script).rest.rows(FIRST))


def test_the_next_page_is_fetched_while_one_is_read_and_none_before_the_first(
    http: requests.Session,
) -> None:
    middle = Answer(200, FIRST | {"records": [{"Id": 2}], "nextRecordsUrl": "/query/01g-3"})
    end = Answer(200, {"records": [{"Id": 3}], "done": True})
    with scripted(middle, end) as script:
        pages = Visitor(http, script).rest.pages(FIRST)
        before = len(script.asked)
        first = next(pages)
        for _ in range(500):  # 5 s at most
            if script.asked:
                break
            sleep(0.01)
        ahead = [asked.path for asked in script.asked]

        assert (before, first, ahead) == (0, [{"Id": 1}], ["/query/01g-2"])
        assert list(pages) == [[{"Id": 2}], [{"Id": 3}]]
        assert [asked.path for asked in script.asked] == ["/query/01g-2", "/query/01g-3"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(503, b"<html>"), Unavailable),
        (Answer(reset=True), Unclear),
        (error("INVALID_FIELD"), Refused),
    ],
)
def test_an_error_in_the_page_that_is_fetched_ahead_comes_after_the_page_before(
    http: requests.Session, answer: Answer, kind: type[Exception]
) -> None:
    with scripted(answer) as script:
        pages = Visitor(http, script).rest.pages(FIRST)

        assert next(pages) == [{"Id": 1}]
        with pytest.raises(kind):
            next(pages)
        assert not list(pages)


def pooled() -> set[Thread]:
    """The threads of pools, of which a test before may have left some."""
    return {each for each in enumerate_threads() if "ThreadPoolExecutor" in each.name}


@pytest.mark.parametrize("answer", [LAST, Answer(503, b"<html>")])
def test_who_stops_reading_leaves_no_thread_and_no_further_call(
    http: requests.Session, answer: Answer
) -> None:
    before = pooled()
    with scripted(answer) as script:
        pages = Visitor(http, script).rest.pages(FIRST)
        next(pages)
        pages.close()  # type: ignore[attr-defined]  # it is a generator

        assert len(script.asked) <= 1
        assert pooled() <= before


def test_an_answer_of_one_page_needs_no_thread(http: requests.Session) -> None:
    before = pooled()
    with scripted() as script:
        pages = Visitor(http, script).rest.pages({"records": [], "done": True})

        assert next(pages) == []
        assert pooled() <= before
        assert not script.asked
