"""The operator's way through the pages, as browser and AWS would have it."""

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from itsdangerous import URLSafeTimedSerializer

from fieldlink.adapters.aws import Aws
from fieldlink.adapters.meter import DynamoMeter
from fieldlink.config import AwsAccess
from fieldlink.console import sessions
from fieldlink.errors import Refused
from fieldlink.models import Invite, Poll
from fieldlink.records import (
    Access,
    Connection,
    Invitation,
    Listed,
    Parked,
    PendingAuthorisation,
    Resource,
    WebhookKeys,
    Worker,
)
from fieldlink.wiring import Services, now
from functions import console, finish_oauth
from local.hypertrack import FakeHyperTrack
from local.salesforce import FakeSalesforce
from tests.conftest import ACCOUNT, CONSOLE_KEY, SECRET_KEY, Pretended
from tests.functions.calls import CONTEXT, HOST, http, post_form

SAFE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
IDA = "ida@example.com"  # the org's integration user
HOSTILE = "<script>alert('x')</script>\"&{{7*7}}"


class Browser:
    """One session of one operator."""

    def __init__(self, cookies: str = "cookies") -> None:
        self.cookie = ""
        self._cookies = cookies

    def send(self, event: dict[str, Any], door: Any = console) -> dict[str, Any]:
        if self.cookie and self._cookies == "cookies":
            event["cookies"] = ["other=1", self.cookie]
        elif self.cookie:
            event["headers"]["cookie"] = f"other=1; {self.cookie}"
        answer: dict[str, Any] = door.lambda_handler(event, CONTEXT)
        for cookie in answer.get("cookies") or ():
            self.cookie = cookie.partition(";")[0]
        return answer

    def get(self, path: str, query: str = "") -> dict[str, Any]:
        return self.send(http("GET", path, query=query))

    def post(self, path: str, **fields: str) -> dict[str, Any]:
        return self.send(post_form(path, form_token=self.form_token(), **fields))

    def form_token(self) -> str:
        found = re.search(r'name="form_token" value="([^"]+)"', self.get("/")["body"])
        assert found
        return found[1]

    def come_back(self, query: str) -> dict[str, Any]:
        return self.send(http("GET", "/oauth/callback", query=query), finish_oauth)


def minted() -> str:
    event = {"action": "mint_setup_link", "url": f"https://{HOST}"}
    link = urlsplit(console.lambda_handler(event, CONTEXT)["setup_link"])
    assert (link.netloc, link.path) == (HOST, "/setup")
    return str(link.query)


def header(answer: dict[str, Any], name: str) -> str:
    return str(answer["headers"].get(name) or answer.get("multiValueHeaders", {})[name][0])


@pytest.fixture(params=["cookies", "header"])
def browser(request: pytest.FixtureRequest, bundle: Services) -> Browser:
    """Signed in; API Gateway's list of cookies and the plain header are both understood."""
    assert bundle
    browser = Browser(request.param)
    assert browser.get("/setup", minted())["statusCode"] == 303
    return browser


def created(browser: Browser, **fields: str) -> dict[str, Any]:
    typed = {
        "name": "North",
        "account": ACCOUNT,
        "secret": SECRET_KEY,
        "login_host": "",
        "radius": "100",
        "early_hours": "12",
        "invitation_template": "",
    }
    return browser.post("/connections", **(typed | fields))


# ── the setup link and the session ─────────────────────────────────────────────


def test_a_setup_link_opens_one_session(bundle: Services) -> None:
    assert bundle
    link = minted()

    first, second = Browser().get("/setup", link), Browser().get("/setup", link)

    assert first["statusCode"] == 303
    assert header(first, "Location") == "/"
    assert second["statusCode"] == 400
    assert "has been used" in second["body"]
    assert not second.get("cookies")


def test_the_session_s_cookie_is_for_this_host_and_no_script(bundle: Services) -> None:
    assert bundle
    [cookie] = Browser().get("/setup", minted())["cookies"]

    name, *attributes = re.split("; ?", cookie)
    assert name.startswith("__Host-")
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(attributes)
    assert not [each for each in attributes if each.startswith("Domain")]


@pytest.mark.parametrize(
    "token",
    [
        "",
        "garbage",
        URLSafeTimedSerializer("another key", salt="setup").dumps("nonce"),
        URLSafeTimedSerializer(CONSOLE_KEY, salt="session").dumps("nonce"),
        "é",
    ],
)
def test_a_setup_link_that_is_not_ours_opens_nothing(bundle: Services, token: str) -> None:
    assert bundle
    answer = Browser().get("/setup", f"token={token}")

    assert answer["statusCode"] == 400
    assert not answer.get("cookies")


def test_a_setup_link_that_is_too_old_opens_nothing(
    bundle: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bundle
    monkeypatch.setattr("time.time", lambda: 1_700_000_000)
    link = minted()
    monkeypatch.undo()

    with pytest.raises(Refused, match="expired"):
        sessions.enter(
            parse_qs(link)["token"][0],
            CONSOLE_KEY,
            state=bundle.state,
            now=now(),
            random=str,
        )


def test_nobody_mints_a_link_over_http(bundle: Services) -> None:
    assert bundle
    event = http("POST", "/", "") | {"action": "mint_setup_link", "url": "https://evil"}

    assert "setup_link" not in console.lambda_handler(event, CONTEXT)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/connections/c"),
        ("POST", "/connections"),
        ("POST", "/connections/c/connect"),
        ("POST", "/connections/c/settings"),
        ("POST", "/connections/c/disconnect"),
        ("POST", "/connections/c/parked/p/replay"),
        ("POST", "/connections/c/people/r/invite"),
    ],
)
@pytest.mark.parametrize("cookie", ["", "__Host-fieldlink=forged", "__Host-fieldlink=a.b.c"])
def test_without_a_session_every_page_is_closed(
    bundle: Services, method: str, path: str, cookie: str
) -> None:
    assert bundle
    browser = Browser()
    browser.cookie = cookie

    answer = browser.send(http(method, path))

    assert answer["statusCode"] == 403
    assert "setup link" in answer["body"]


# ── forms ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("token", ["", "garbage"])
def test_a_form_without_our_token_does_nothing(
    bundle: Services, browser: Browser, token: str
) -> None:
    event = post_form("/connections", form_token=token, account=ACCOUNT, secret=SECRET_KEY)

    assert browser.send(event)["statusCode"] == 400
    assert bundle.state.all_of(Listed) == []


def test_a_form_of_another_session_does_nothing(bundle: Services, browser: Browser) -> None:
    other = Browser()
    other.get("/setup", minted())
    event = post_form(
        "/connections", form_token=other.form_token(), account=ACCOUNT, secret=SECRET_KEY
    )

    assert browser.send(event)["statusCode"] == 400
    assert bundle.state.all_of(Listed) == []


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"form_token", b"&&&=", b"%"])
def test_a_body_that_is_no_form_does_nothing(
    bundle: Services, browser: Browser, body: bytes
) -> None:
    assert browser.send(http("POST", "/connections", body))["statusCode"] == 400
    assert bundle.state.all_of(Listed) == []


def test_a_new_connection_is_kept_and_its_secret_is_sealed_and_never_shown(
    aws: Pretended, bundle: Services, browser: Browser
) -> None:
    answer = created(browser)

    assert answer["statusCode"] == 303
    [listed] = bundle.state.all_of(Listed)
    page = browser.get(header(answer, "Location"))["body"]
    assert f"https://{HOST}/webhooks/hypertrack/{listed.connection}" in page
    assert SECRET_KEY not in page
    assert SECRET_KEY not in json.dumps(aws.client("dynamodb").scan(TableName="State"))
    keys = bundle.key_ring.of(listed.connection)
    assert keys
    assert keys.secrets == [SECRET_KEY]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"account": ""}, "Fill in"),
        ({"secret": ""}, "Fill in"),
        ({"secret": "wrong-secret-of-hypertrack"}, "does not accept"),
        ({"account": "nobody"}, "does not accept"),
        ({"login_host": "evil.example.com"}, "no Salesforce login host"),
        ({"login_host": "https://login.salesforce.com.evil.example"}, "no Salesforce login"),
        ({"login_host": "https://a@login.salesforce.com"}, "no Salesforce login host"),
        ({"login_host": "http://login.salesforce.com"}, "no Salesforce login host"),
        ({"login_host": "https://169.254.169.254"}, "no Salesforce login host"),
        ({"login_host": "x.my.salesforce.com:8080"}, "no Salesforce login host"),
        ({"radius": "49"}, "radius"),
        ({"radius": "²"}, "radius"),
        ({"early_hours": "0"}, "hours"),
        ({"early_hours": "337"}, "hours"),
        ({"overlap": "61"}, "reaches back"),
        ({"quota_share": "101"}, "percent"),
        ({"authorise": "jwt"}, "username"),
        ({"authorise": "password"}, "three ways"),
        ({"authorise": "client", "login_host": "test.salesforce.com"}, "My Domain"),
        ({"invitation_template": "http://a/{resource_id}"}, "https://"),
        ({"invitation_template": "https://a/"}, "resource_id"),
    ],
)
def test_what_was_typed_wrong_is_shown_again_without_the_secret(
    bundle: Services, browser: Browser, fields: dict[str, str], words: str
) -> None:
    answer = created(browser, name=HOSTILE, **fields)

    assert answer["statusCode"] == 400
    assert words in answer["body"]
    assert SECRET_KEY not in answer["body"]
    assert "wrong-secret" not in answer["body"]
    assert "<script>" not in answer["body"]
    assert bundle.state.all_of(Listed) == []


def test_settings_are_changed_by_their_form(bundle: Services, browser: Browser) -> None:
    path = header(created(browser), "Location")

    assert browser.post(f"{path}/settings", radius="250", early_hours="6")["statusCode"] == 303
    assert browser.post(f"{path}/settings", radius="1", early_hours="6")["statusCode"] == 400
    more = {"overlap": "30", "quota_share": "20"}
    changed = browser.post(f"{path}/settings", radius="250", early_hours="6", **more)
    kept_as_it_is = browser.post(f"{path}/settings", radius="250", early_hours="7")

    assert (changed["statusCode"], kept_as_it_is["statusCode"]) == (303, 303)
    found = bundle.state.read(Connection, path.rpartition("/")[2])
    assert found
    assert (found.radius, found.early_hours) == (250, 7)
    assert (found.overlap, found.quota_share) == (30, 20)
    page = browser.get(path)["body"]
    assert 'name="overlap" inputmode="numeric" value="30"' in page
    assert 'name="quota_share" inputmode="numeric" value="20"' in page


def test_settings_that_were_typed_are_shown_again_when_one_of_them_was_wrong(
    browser: Browser,
) -> None:
    path = header(created(browser), "Location")

    page = browser.post(f"{path}/settings", radius="77", lead="soon", tracking="orders")["body"]

    assert 'name="radius" inputmode="numeric" value="77"' in page
    assert 'name="lead" inputmode="numeric" value="soon"' in page
    assert '<option value="orders" selected>' in page
    assert 'name="radius" inputmode="numeric" value="100"' in browser.get(path)["body"]


def test_what_was_chosen_is_still_chosen_when_something_else_was_wrong(
    browser: Browser,
) -> None:
    page = created(browser, radius="1", authorise="jwt", username="ida@example.com")["body"]

    assert re.findall(r'value="(\w+)" checked', page) == ["jwt"]
    assert 'value="ida@example.com"' in page
    assert re.findall(r'value="(\w+)" checked', browser.get("/")["body"]) == ["web"]


# ── pages ──────────────────────────────────────────────────────────────────────


def test_every_page_forbids_framing_scripts_and_keeping(browser: Browser) -> None:
    path = header(created(browser), "Location")
    pages = [
        browser.get("/"),
        browser.get(path),
        browser.get("/connections/nobody"),
        browser.get("/nowhere"),
        browser.get("/setup", "token=x"),
        created(browser, radius="1"),
        Browser().get("/"),
        browser.come_back("state=x&code=y"),
        browser.come_back("error=access_denied"),
        Browser().come_back("state=x&code=y"),
    ]

    for page in pages:
        assert {name: header(page, name) for name in SAFE} == SAFE
        policy = header(page, "Content-Security-Policy")
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert header(page, "Content-Type").startswith("text/html")
        assert "max-age" in header(page, "Strict-Transport-Security")


def test_what_others_named_is_text_on_a_page(
    bundle: Services, browser: Browser, connection: Connection
) -> None:
    name = connection.connection
    bundle.state.write(connection.model_copy(update={"name": HOSTILE, "problem": HOSTILE}))
    bundle.state.write(Resource(connection=name, id="0Hn000000000001AAA", name=HOSTILE))
    bundle.state.write(
        Parked(
            connection=name,
            id="p",
            queue="events",
            body="{}",
            group="g",
            cause=HOSTILE,
            at=now(),
        )
    )

    for page in (browser.get("/"), browser.get(f"/connections/{name}")):
        assert page["statusCode"] == 200
        assert "<script>" not in page["body"]
        assert "&lt;script&gt;" in page["body"]
        assert "{{7*7}}" in page["body"]


def test_what_salesforce_says_on_the_way_back_is_text_too(browser: Browser) -> None:
    page = browser.come_back("error=%3Cscript%3E&error_description=<script>alert(1)</script>")

    assert page["statusCode"] == 400
    assert "<script>" not in page["body"]


# ── Salesforce ─────────────────────────────────────────────────────────────────


def consent(page: str, decision: str = "allow") -> str:
    """Press a button of Salesforce's page; returns the query of the way back."""
    address, _, query = page.partition("?")
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    answer = requests.post(
        address, data=asked | {"decision": decision}, allow_redirects=False, timeout=10
    )
    back = urlsplit(answer.headers["location"])
    assert (back.netloc, back.path) == (HOST, "/oauth/callback")
    return back.query


def begun(browser: Browser) -> tuple[str, str]:
    """A new connection's page, and the page of Salesforce that it leads to."""
    path = header(created(browser), "Location")
    return path, header(browser.post(f"{path}/connect"), "Location")


def counted(bundle: Services, connection: Connection) -> int:
    """The calls that have been stored, so that another function counts them, too."""
    meter = DynamoMeter(Aws(AwsAccess.from_env()), bundle.settings.state_table)
    return meter.last_day(connection.connection, now())


def kept(bundle: Services) -> Connection:
    [listed] = bundle.state.all_of(Listed)
    found = bundle.state.read(Connection, listed.connection)
    assert found
    return found


def test_an_operator_connects_both_sides(
    aws: Pretended, bundle: Services, browser: Browser, salesforce: FakeSalesforce
) -> None:
    path, page = begun(browser)

    answer = browser.come_back(consent(page))

    assert (answer["statusCode"], header(answer, "Location")) == (303, path)
    connection = kept(bundle)
    assert (connection.state, connection.org) == ("connected", salesforce.org_id)
    assert connection.user
    shown = browser.get(path)["body"]
    assert salesforce.org_id in shown
    stored = json.dumps(aws.client("dynamodb").scan(TableName="State"))
    for token in (*salesforce.oauth.sessions, salesforce.oauth.approvals[0].refresh_token):
        assert str(token) not in stored
        assert str(token) not in shown
    [poll] = aws.queued(bundle.settings.polls_queue_url)
    assert Poll.model_validate_json(poll) == Poll(connection=connection.connection)
    assert counted(bundle, connection) == len(salesforce.requests) > 0


@pytest.fixture
def key(salesforce: FakeSalesforce) -> str:
    """A private key whose other half the org's app has, for a user whom it lets in."""
    made = generate_private_key(65537, 2048)
    public = made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    salesforce.certificate = public.decode()
    salesforce.approved.add(IDA)
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_an_operator_connects_by_jwt_without_a_browser_at_salesforce(
    aws: Pretended, bundle: Services, browser: Browser, salesforce: FakeSalesforce, key: str
) -> None:
    path = header(created(browser, authorise="jwt", username=IDA), "Location")
    without = browser.post(f"{path}/connect")
    aws.client("secretsmanager").put_secret_value(SecretId="SalesforceJwtKey", SecretString=key)

    answer = browser.post(f"{path}/connect")

    assert without["statusCode"] == 400
    assert "JwtKeyCommand" in without["body"]
    assert (answer["statusCode"], header(answer, "Location")) == (303, path)
    connection = kept(bundle)
    assert (connection.state, connection.org) == ("connected", salesforce.org_id)
    assert salesforce.oauth.approvals == []
    [poll] = aws.queued(bundle.settings.polls_queue_url)
    assert json.loads(poll)["connection"] == connection.connection
    assert counted(bundle, connection) == len(salesforce.requests) > 0


def test_an_operator_connects_by_client_credentials_and_disconnects(
    bundle: Services, browser: Browser, salesforce: FakeSalesforce
) -> None:
    path = header(created(browser, authorise="client"), "Location")
    without = browser.post(f"{path}/connect")
    salesforce.run_as = salesforce.integration_user_id

    browser.post(f"{path}/connect")

    assert without["statusCode"] == 400
    assert "Run As user" in without["body"]
    assert kept(bundle).state == "connected"
    [token] = salesforce.oauth.sessions
    assert browser.post(f"{path}/disconnect")["statusCode"] == 303
    assert salesforce.oauth.session_of(token) is None


def test_an_org_without_field_service_is_told_what_is_missing(
    bundle: Services, browser: Browser, salesforce: FakeSalesforce
) -> None:
    salesforce.no_access.add("ServiceAppointment")
    path, page = begun(browser)

    browser.come_back(consent(page))

    assert kept(bundle).state == "incomplete"
    assert "Service Appointments can&#39;t be seen" in browser.get(path)["body"]


def test_a_consent_that_was_denied_connects_nothing(bundle: Services, browser: Browser) -> None:
    _, page = begun(browser)
    query = consent(page, "deny")

    answer = browser.come_back(query)

    assert answer["statusCode"] == 400
    assert "not granted" in answer["body"]
    nothing_stored(bundle)
    state = parse_qs(query)["state"][0]
    assert bundle.state.read(PendingAuthorisation, state) is None


def test_the_way_back_is_gone_only_once(bundle: Services, browser: Browser) -> None:
    _, page = begun(browser)
    query = consent(page)
    browser.come_back(query)

    assert browser.come_back(query)["statusCode"] == 400
    assert kept(bundle).state == "connected"


@pytest.mark.parametrize(
    "change",
    [
        lambda query: query.replace("state=", "state=x"),
        lambda query: re.sub("state=[^&]*", "state=", query),
        lambda query: re.sub("code=[^&]*", "code=forged", query),
        lambda query: re.sub("code=[^&]*", "code=", query),
        lambda _: "",
    ],
    ids=["wrong state", "no state", "wrong code", "no code", "nothing"],
)
def test_a_way_back_that_was_tampered_with_stores_nothing(
    bundle: Services, browser: Browser, change: Callable[[str], str]
) -> None:
    _, page = begun(browser)

    answer = browser.come_back(change(consent(page)))

    assert answer["statusCode"] == 400
    nothing_stored(bundle)


def test_a_way_back_in_another_browser_stores_nothing(
    bundle: Services, browser: Browser
) -> None:
    _, page = begun(browser)
    query = consent(page)
    other = Browser()

    assert other.come_back(query)["statusCode"] == 403
    other.get("/setup", minted())
    assert other.come_back(query)["statusCode"] == 400

    nothing_stored(bundle)
    assert browser.come_back(query)["statusCode"] == 303


def test_an_answer_that_salesforce_did_not_sign_stores_nothing(
    bundle: Services, browser: Browser, salesforce: FakeSalesforce
) -> None:
    _, page = begun(browser)
    query = consent(page)
    forged = {
        "access_token": "forged-access",
        "refresh_token": "forged-refresh",
        "instance_url": salesforce.url,
        "id": f"{salesforce.url}/id/00D000000000062EAA/005000000000001AAA",
        "issued_at": "1",
        "signature": "AAAA",
    }
    salesforce.faults.append({"match": {"path": "token"}, "status": 200, "body": forged})

    answer = browser.come_back(query)

    assert answer["statusCode"] == 400
    assert "not signed" in answer["body"]
    nothing_stored(bundle)


def test_a_login_host_that_is_down_says_to_try_again(
    bundle: Services, browser: Browser, salesforce: FakeSalesforce
) -> None:
    _, page = begun(browser)
    query = consent(page)
    salesforce.faults.append({"match": {"path": "token"}, "status": 503, "body": "busy"})

    assert browser.come_back(query)["statusCode"] == 502
    nothing_stored(bundle)


def nothing_stored(bundle: Services) -> None:
    connection = kept(bundle)
    assert connection.state == "new"
    assert bundle.state.read(Access, connection.connection) is None


def test_a_connection_that_is_ended_keeps_no_key_and_no_token(
    aws: Pretended,
    bundle: Services,
    browser: Browser,
    salesforce: FakeSalesforce,
    hypertrack: FakeHyperTrack,
) -> None:
    from functions import poll_salesforce
    from tests.functions.calls import batch

    path, page = begun(browser)
    browser.come_back(consent(page))
    aws.queued(bundle.settings.polls_queue_url)

    assert browser.post(f"{path}/disconnect")["statusCode"] == 303

    [poll] = aws.queued(bundle.settings.polls_queue_url)
    poll_salesforce.lambda_handler(batch(poll), CONTEXT)
    connection = kept(bundle)
    assert (connection.state, connection.hypertrack_secret) == ("ended", "")
    assert bundle.state.read(Access, connection.connection) is None
    assert bundle.state.read(WebhookKeys, connection.connection) is None
    assert salesforce.oauth.sessions == {}
    assert hypertrack.geofences() == []
    assert f"{path}/doctor" not in browser.get(path)["body"]
    assert header(browser.get(f"{path}/doctor"), "Location") == path


def test_a_person_is_invited_again_by_whoever_saw_the_last_invitation(
    aws: Pretended, bundle: Services, browser: Browser, connection: Connection
) -> None:
    name, person = connection.connection, "0Hn000000000001CAA"
    bundle.state.write(Resource(connection=name, id=person, name="Ada"))
    last = Invitation(state="bounced", at=now(), why="no such <user>")
    bundle.state.write(Worker(connection=name, resource=person, invitation=last))
    page = browser.get(f"/connections/{name}")["body"]
    shown = re.search(r'name="invited_at" value="([^"]+)"', page)
    assert shown
    assert "no such &lt;user&gt;" in page

    answers = [
        browser.post(f"/connections/{name}/people/{person}/invite", invited_at=unescape(at))
        for at in (shown[1], shown[1], "yesterday")
    ]

    assert [each["statusCode"] for each in answers] == [303, 303, 400]
    orders = [
        Invite.model_validate_json(each)
        for each in aws.queued(bundle.settings.invites_queue_url)
    ]
    wanted = Invite(connection=name, resource=person, despite=last.at)
    assert orders == [wanted, wanted]  # of which the second finds another invitation


def test_a_parked_item_is_sent_again_and_is_gone(
    aws: Pretended, bundle: Services, browser: Browser, connection: Connection
) -> None:
    name = connection.connection
    bundle.state.write(
        Parked(
            connection=name,
            id="p",
            queue="changes",
            body='{"a":1}',
            group="g",
            cause="no",
            at=now(),
        )
    )

    browser.post(f"/connections/{name}/parked/p/replay")
    browser.post(f"/connections/{name}/parked/p/replay")

    assert aws.queued(bundle.settings.changes_queue_url) == ['{"a":1}']
    assert bundle.state.all_of(Parked, name) == []
