import base64
import hmac
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from fieldlink.adapters.salesforce_oauth import SalesforceAuthorisation
from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.models import Grant
from local.salesforce import FakeSalesforce
from tests.adapters.scripted import Answer, nobody, scripted
from tests.conftest import CLIENT_SECRET
from tests.local.salesforce_setting import CALLBACK, CHALLENGE, CLIENT, VERIFIER, allow

APP = f'{{"client_id":"{CLIENT["client_id"]}","client_secret":"{CLIENT_SECRET}"}}'


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def login(http: requests.Session) -> SalesforceAuthorisation:
    return SalesforceAuthorisation(http, lambda: APP)


def granted(login: SalesforceAuthorisation, salesforce: FakeSalesforce) -> Grant:
    code = allow(salesforce)
    return login.exchange(salesforce.url, code=code, verifier=VERIFIER, callback=CALLBACK)


def test_the_page_asks_for_a_code_that_only_our_verifier_opens(
    login: SalesforceAuthorisation,
) -> None:
    page = urlsplit(login.page("https://l", state="s", challenge=CHALLENGE, callback=CALLBACK))

    assert (page.scheme, page.netloc, page.path) == ("https", "l", "/services/oauth2/authorize")
    assert {name: values[0] for name, values in parse_qs(page.query).items()} == {
        "response_type": "code",
        "client_id": CLIENT["client_id"],
        "redirect_uri": CALLBACK,
        "scope": "api refresh_token",
        "state": "s",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    assert CLIENT_SECRET not in page.query


def test_a_code_is_traded_for_tokens_with_the_right_verifier(
    login: SalesforceAuthorisation, salesforce: FakeSalesforce
) -> None:
    grant = granted(login, salesforce)

    assert grant.access_token
    assert grant.refresh_token
    assert grant.instance_url == salesforce.url
    assert grant.access_token not in repr(grant)
    assert grant.refresh_token not in repr(grant)


def test_a_code_is_traded_for_nothing_with_another_verifier(
    login: SalesforceAuthorisation, salesforce: FakeSalesforce
) -> None:
    code = allow(salesforce)

    with pytest.raises(Refused, match="invalid"):
        login.exchange(salesforce.url, code=code, verifier="w" * 43, callback=CALLBACK)

    assert salesforce.oauth.approvals == []


def test_a_code_is_traded_once(
    login: SalesforceAuthorisation, salesforce: FakeSalesforce
) -> None:
    code = allow(salesforce)
    login.exchange(salesforce.url, code=code, verifier=VERIFIER, callback=CALLBACK)

    with pytest.raises(Refused):
        login.exchange(salesforce.url, code=code, verifier=VERIFIER, callback=CALLBACK)


def test_a_refresh_token_is_traded_for_another(
    login: SalesforceAuthorisation, salesforce: FakeSalesforce
) -> None:
    first = granted(login, salesforce)

    second = login.refresh(salesforce.url, refresh_token=first.refresh_token)

    assert second.refresh_token not in ("", first.refresh_token)
    with pytest.raises(Refused, match="expired") as caught:
        login.refresh(salesforce.url, refresh_token=first.refresh_token)
    assert caught.value.code == "invalid_grant"


def test_without_rotation_no_refresh_token_comes_back(
    login: SalesforceAuthorisation, salesforce: FakeSalesforce
) -> None:
    salesforce.rotation = False
    first = granted(login, salesforce)

    assert login.refresh(salesforce.url, refresh_token=first.refresh_token).refresh_token == ""


def test_a_refresh_that_somebody_else_has_under_way_may_be_tried_again(
    login: SalesforceAuthorisation, salesforce: FakeSalesforce
) -> None:
    grant = granted(login, salesforce)

    with (
        salesforce.oauth.refreshing(grant.refresh_token),
        pytest.raises(Unavailable) as caught,
    ):
        login.refresh(salesforce.url, refresh_token=grant.refresh_token)

    assert type(caught.value) is Unavailable
    assert login.refresh(salesforce.url, refresh_token=grant.refresh_token).access_token


def test_a_dead_token_is_as_good_as_revoked(
    login: SalesforceAuthorisation, salesforce: FakeSalesforce
) -> None:
    grant = granted(login, salesforce)

    login.revoke(salesforce.url, token=grant.refresh_token)
    login.revoke(salesforce.url, token=grant.refresh_token)

    assert salesforce.oauth.session_of(grant.access_token) is None


def test_the_identity_is_what_salesforce_signed(
    login: SalesforceAuthorisation, salesforce: FakeSalesforce
) -> None:
    identity = login.identity(granted(login, salesforce))

    assert identity.org == salesforce.org_id
    assert identity.user


def signed(identity: str, secret: str = CLIENT_SECRET) -> Grant:
    digest = hmac.new(secret.encode(), f"{identity}1".encode(), sha256).digest()
    return Grant(
        access_token="a",
        instance_url="https://i",
        id=identity,
        issued_at="1",
        signature=base64.b64encode(digest).decode(),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"signature": ""},
        {"signature": "é"},
        {"signature": "AAAA"},
        {"issued_at": "2"},
        {"id": "https://login.salesforce.com/id/00D000000000062EA2/005000000000001AAA"},
    ],
)
def test_an_identity_that_salesforce_did_not_sign_is_refused(
    login: SalesforceAuthorisation, salesforce: FakeSalesforce, change: dict[str, str]
) -> None:
    grant = granted(login, salesforce).model_copy(update=change)

    with pytest.raises(Refused, match="not signed"):
        login.identity(grant)


def test_an_identity_that_another_app_may_have_signed_is_refused(
    login: SalesforceAuthorisation,
) -> None:
    with pytest.raises(Refused, match="not signed"):
        login.identity(signed("https://l/id/00D000000000001EAA/005000000000001AAA", "other"))


@pytest.mark.parametrize(
    "identity", ["", "https://l/id/", "https://l/id/00D000000000001EAA/", "https://l/id/x/y"]
)
def test_an_identity_that_names_nobody_is_refused(
    login: SalesforceAuthorisation, identity: str
) -> None:
    with pytest.raises(Refused, match="names no org"):
        login.identity(signed(identity))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 503, "body": "<html>busy</html>"}, Unclear),
        ({"status": 429, "body": ""}, Unclear),
        ({"status": 404, "body": "<html>"}, Unavailable),
        ({"drop": True}, Unclear),
        ({"drop": True, "after": True}, Unclear),
        ({"half": True}, Unclear),
        ({"error": "invalid_client", "error_description": "invalid credentials"}, Refused),
        ({"error": "inactive_user", "error_description": "user is inactive"}, Refused),
    ],
)
def test_a_token_request_is_never_repeated_and_its_failure_is_told_apart(
    login: SalesforceAuthorisation,
    salesforce: FakeSalesforce,
    fault: dict[str, Any],
    error: type[Exception],
) -> None:
    grant = granted(login, salesforce)
    salesforce.faults.append({"match": {"path": "token"}, **fault})
    before = len(salesforce.token_requests)

    with pytest.raises(error) as caught:
        login.refresh(salesforce.url, refresh_token=grant.refresh_token)

    assert type(caught.value) is error
    assert len(salesforce.token_requests) == before + 1
    assert grant.refresh_token not in str(caught.value)


@pytest.mark.parametrize("body", [b"[]", b"7", b"{}", b"<html>", b'{"access_token": 7}'])
def test_a_token_answer_that_can_not_be_read_is_unclear(
    login: SalesforceAuthorisation, body: bytes
) -> None:
    with scripted(Answer(200, body)) as script, pytest.raises(Unclear):
        login.refresh(script.url, refresh_token="r")


def test_the_app_s_secret_follows_no_redirect(login: SalesforceAuthorisation) -> None:
    with scripted() as elsewhere:
        moved = Answer(307, b"", {"location": elsewhere.url})
        with scripted(moved) as script, pytest.raises((Refused, Unavailable)):
            login.refresh(script.url, refresh_token="r")

        assert elsewhere.asked == []


def test_a_login_host_that_nobody_answers_for_is_unavailable(
    login: SalesforceAuthorisation,
) -> None:
    with pytest.raises(Unavailable):
        login.refresh(nobody(), refresh_token="r")
