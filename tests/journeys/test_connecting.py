"""Connecting an org: through the real pages, and what the console says when it goes wrong."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit
from uuid import uuid4

import pytest
import requests
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from local.operator import Operator, consent_form
from local.stack import QUEUES
from local.town import ACCOUNT, SECRET, Town
from tests.journeys.setting import opened, pause_workers, state

COOKIE = "__Host-fieldlink"
NOT_BEGUN_HERE = "This answer belongs to no connection that was begun in this browser."


class Untouched(NamedTuple):
    """What is stored and queued, to be compared with what is later."""

    stored: dict[str, str]
    queued: dict[str, tuple[int, int]]


@pytest.fixture(scope="module")
def shared(built: Path) -> Iterator[Town]:
    """Its workers stand still, so that whatever is queued is seen."""
    with opened(built) as made:
        pause_workers(made)
        yield made


@pytest.fixture
def operator(shared: Town) -> Operator:
    return shared.operator()


@pytest.fixture
def begun(shared: Town, operator: Operator) -> str:
    """A connection of an account of its own, that Salesforce was not yet asked for."""
    account = f"acme-{uuid4()}"
    shared.hypertrack.add_account(account, SECRET)
    return operator.new_connection(name="Acme", account=account, secret=SECRET)


def look(town: Town) -> Untouched:
    depths = town.stack.queue_depths()
    return Untouched(state(town), {queue: depths[queue] for queue in QUEUES})


def consent(operator: Operator, connection: str, **tampered: str) -> requests.Response:
    """Salesforce's page, asked for with some parameters changed on the way."""
    answer = operator.post(f"/connections/{connection}/connect")
    parts = urlsplit(answer.url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | tampered
    return operator.browser.get(
        urljoin(answer.url, f"{parts.path}?{urlencode(query)}"), timeout=30
    )


def callback_of(operator: Operator, page: requests.Response, decision: str = "allow") -> str:
    """Where Salesforce sends the browser, which does not go there yet."""
    url, fields = consent_form(page, decision)
    answer = operator.browser.post(url, data=fields, timeout=30, allow_redirects=False)
    return answer.headers["Location"]


def says(answer: requests.Response, status: int, words: str) -> None:
    text = answer.text.replace("&#39;", "'")
    assert (answer.status_code, words in text) == (status, True), text[-800:]


def test_an_answer_with_a_wrong_state_connects_nothing(
    shared: Town, operator: Operator, begun: str
) -> None:
    callback = callback_of(operator, consent(operator, begun, state="of-somebody-else"))
    before = look(shared)

    says(operator.open(callback), 400, NOT_BEGUN_HERE)

    assert look(shared) == before


def test_an_answer_without_a_state_connects_nothing(
    shared: Town, operator: Operator, begun: str
) -> None:
    callback = callback_of(operator, consent(operator, begun))
    before = look(shared)

    says(operator.open(callback.partition("&state=")[0]), 400, NOT_BEGUN_HERE)

    assert look(shared) == before


def test_an_answer_that_is_used_again_connects_nothing(
    shared: Town, operator: Operator, begun: str
) -> None:
    callback = callback_of(operator, consent(operator, begun))
    operator.open(callback).raise_for_status()
    before = look(shared)

    says(operator.open(callback), 400, NOT_BEGUN_HERE)

    assert look(shared) == before


def test_an_answer_in_another_browser_connects_nothing_and_stays_good_in_its_own(
    shared: Town, operator: Operator, begun: str
) -> None:
    callback = callback_of(operator, consent(operator, begun))
    before = look(shared)

    says(shared.operator().open(callback), 400, NOT_BEGUN_HERE)
    says(Operator(shared.stack.api_url).open(callback), 403, "setup link first")

    assert look(shared) == before
    says(operator.open(callback), 200, "Connected")


def test_an_answer_to_another_challenge_connects_nothing(
    shared: Town, operator: Operator, begun: str
) -> None:
    callback = callback_of(operator, consent(operator, begun, code_challenge="A" * 43))
    before = look(shared)

    says(operator.open(callback), 400, "invalid code verifier")

    assert look(shared) == before


def test_a_user_who_denies_connects_nothing(
    shared: Town, operator: Operator, begun: str
) -> None:
    before = look(shared)

    says(operator.connect(begun, allow=False), 400, "Access was not granted in Salesforce.")

    assert look(shared) == before


def test_a_setup_link_works_once(shared: Town) -> None:
    link = shared.setup_link()
    Operator(shared.stack.api_url).enter(link).raise_for_status()

    says(Operator(shared.stack.api_url).enter(link), 400, "has been used")


def test_a_setup_link_expires(shared: Town) -> None:
    link = f"{shared.stack.api_url}/setup?{urlencode({'token': old_token(shared)})}"

    says(Operator(shared.stack.api_url).enter(link), 400, "not valid or has expired")


@pytest.mark.parametrize("token", ["", "x", "IngiLg.aaaaaa.bbbb", "é"])
def test_a_setup_link_that_nobody_minted_opens_nothing(shared: Town, token: str) -> None:
    link = f"{shared.stack.api_url}/setup?{urlencode({'token': token})}"
    before = look(shared)

    says(Operator(shared.stack.api_url).enter(link), 400, "not valid or has expired")

    assert look(shared) == before


@pytest.mark.parametrize("path", ["/", "/connections/x"])
def test_without_a_session_there_is_nothing_to_see(shared: Town, path: str) -> None:
    stranger = Operator(shared.stack.api_url)

    says(stranger.open(path), 403, "Open the console with a setup link.")


def test_a_forged_cookie_opens_nothing(shared: Town, operator: Operator, begun: str) -> None:
    good = operator.browser.cookies[COOKIE]
    stranger = Operator(shared.stack.api_url)
    before = look(shared)

    for forged in (good[:-1] + ("A" if good[-1] != "A" else "B"), "WyJhIiwxXQ.x.y", "\x00"):
        answer = stranger.browser.get(
            urljoin(shared.stack.api_url, f"/connections/{begun}"),
            headers={"X-Cookie": "", "Cookie": f"{COOKIE}={forged}"},
            cookies={COOKIE: forged},
            timeout=30,
        )
        says(answer, 403, "Open the console with a setup link.")

    assert look(shared) == before


def test_a_form_of_another_site_changes_nothing(
    shared: Town, operator: Operator, begun: str
) -> None:
    before = look(shared)

    for action in ("connect", "disconnect", "settings"):
        url = urljoin(shared.stack.api_url, f"/connections/{begun}/{action}")
        foreign = operator.browser.post(url, data={"radius": "5000"}, timeout=30)
        says(foreign, 400, "This form has expired.")

    assert look(shared) == before


@pytest.mark.parametrize(
    "host",
    [
        "https://login.example.com",
        "login.salesforce.com.example.com",
        "https://example.com/login.salesforce.com",
        "http://login.salesforce.com",
        "https://user@login.salesforce.com",
        "127.0.0.1",
    ],
)
def test_a_foreign_login_host_is_refused(shared: Town, operator: Operator, host: str) -> None:
    before = look(shared)

    answer = operator.post(
        "/connections",
        name="x",
        account=ACCOUNT,
        secret=SECRET,
        login_host=host,
        radius="100",
        early_hours="12",
    )

    says(answer, 400, "This is no Salesforce login host.")
    assert SECRET not in answer.text
    assert look(shared) == before


@pytest.mark.parametrize(("account", "secret"), [(ACCOUNT, "wrong-secret"), ("who", SECRET)])
def test_wrong_keys_of_hypertrack_are_refused_at_once(
    shared: Town, operator: Operator, account: str, secret: str
) -> None:
    before = look(shared)

    answer = operator.post(
        "/connections", name="x", account=account, secret=secret, radius="100", early_hours="12"
    )

    says(answer, 400, "HyperTrack does not accept this AccountId and SecretKey.")
    assert secret not in answer.text
    assert look(shared) == before


def test_an_org_without_field_service_is_told_what_is_missing(
    shared: Town, operator: Operator, begun: str
) -> None:
    shared.salesforce.no_access |= {"ServiceAppointment", "AssignedResource"}
    queued = look(shared).queued

    answer = operator.connect(begun)
    shared.salesforce.no_access.clear()

    says(answer, 200, "Connected, but Field Service can't be used yet")
    says(answer, 200, "Service Appointments can't be seen")
    says(answer, 200, "Assigned Resources can't be seen")
    assert "Service Resources can" not in answer.text
    assert look(shared).queued == queued
    says(operator.connect(begun), 200, "Connected")


def test_the_same_two_accounts_are_not_joined_twice(
    shared: Town, operator: Operator, begun: str
) -> None:
    operator.connect(begun).raise_for_status()
    account = shared.hypertrack.requests[-1].account_id
    assert account
    twin = operator.new_connection(name="Twin", account=account, secret=SECRET)

    answer = operator.connect(twin)

    says(answer, 400, "Acme joins this org and HyperTrack account already")
    says(operator.open(f"/connections/{twin}"), 200, "Not connected to Salesforce yet")


def test_a_connection_is_not_reconnected_to_another_org(
    shared: Town, operator: Operator, begun: str
) -> None:
    operator.connect(begun).raise_for_status()
    org, before = shared.salesforce.org_id, look(shared)

    shared.salesforce.org_id = "00DKx0000000002MAA"
    answer = operator.connect(begun)
    shared.salesforce.org_id = org

    says(answer, 400, "another Salesforce org than before")
    assert look(shared) == before


def test_the_pages_carry_no_secret_and_may_not_be_framed(
    operator: Operator, begun: str
) -> None:
    answer = operator.connect(begun)

    assert SECRET not in answer.text
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    cookie = re.sub(r"=[^;]*", "=…", answer.headers["Set-Cookie"], count=1)
    assert all(each in cookie for each in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))


def old_token(town: Town) -> str:
    """As `Console` would have minted it sixteen minutes ago."""
    secrets = town.stack.client("secretsmanager")
    [key] = [
        secrets.get_secret_value(SecretId=each["ARN"])["SecretString"]
        for each in secrets.list_secrets()["SecretList"]
        if "ConsoleKey" in each["Name"]
    ]

    class SixteenMinutesAgo(TimestampSigner):
        def get_timestamp(self) -> int:
            return super().get_timestamp() - int(timedelta(minutes=16).total_seconds())

    serializer = URLSafeTimedSerializer(key, salt="setup", signer=SixteenMinutesAgo)
    return str(serializer.dumps("a nonce that nobody has used"))
