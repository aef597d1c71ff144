import base64
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from fieldlink.adapters.salesforce_oauth import SalesforceAuthorisation
from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.models import Grant
from local.salesforce import FakeSalesforce
from tests.adapters.scripted import Answer, nobody, scripted
from tests.local.salesforce_setting import CALLBACK, CHALLENGE, CLIENT, VERIFIER, allow

KEY = rsa.generate_private_key(65537, 2048)
USER = "ida@example.com"
LOGIN = "https://login.salesforce.com"


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    *,
    how: PrivateFormat = PrivateFormat.PKCS8,
    lock: KeySerializationEncryption | None = None,
) -> str:
    return key.private_bytes(Encoding.PEM, how, lock or NoEncryption()).decode()


PRIVATE = pem(KEY)
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
CLIENT_SECRET = CLIENT["client_secret"]
APP = f'{{"client_id":"{CLIENT["client_id"]}","client_secret":"{CLIENT_SECRET}"}}'


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def salesforce() -> Iterator[FakeSalesforce]:
    """By the real clock: what an app signs is good for three minutes."""
    with FakeSalesforce(client_secret=CLIENT_SECRET) as org:
        yield org


@pytest.fixture
def login(http: requests.Session) -> SalesforceAuthorisation:
    return SalesforceAuthorisation(http, lambda: APP, lambda: PRIVATE)


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
        ({"error": "rate_limit_exceeded", "error_description": "too many"}, Unavailable),
        ({"error": "unknown_error", "error_description": "retry your request"}, Unclear),
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


# ── without a browser ─────────────────────────────────────────────────────────


@pytest.fixture
def trusting(salesforce: FakeSalesforce) -> FakeSalesforce:
    """An org that knows our certificate, one user for it, and one for client credentials."""
    salesforce.certificate = PUBLIC
    salesforce.approved.add(USER)
    salesforce.run_as = salesforce.integration_user_id
    return salesforce


def by_jwt(login: SalesforceAuthorisation, org: FakeSalesforce, **more: str) -> Grant:
    asked = {"username": USER, "audience": LOGIN} | more
    return login.by_jwt(org.url, **asked)


def test_a_signed_jwt_is_traded_for_an_access_of_its_user(
    login: SalesforceAuthorisation, trusting: FakeSalesforce
) -> None:
    grant = by_jwt(login, trusting)

    assert trusting.oauth.session_of(grant.access_token)
    assert (grant.refresh_token, grant.signature) == ("", "")
    assert "api" in grant.scope.split()
    identity = login.identity(grant, unsigned=True)
    assert identity.org == trusting.org_id
    assert trusting.row_of_user(identity.user)["Username"] == USER


def test_the_apps_credentials_are_traded_for_an_access_of_its_run_as_user(
    login: SalesforceAuthorisation, trusting: FakeSalesforce
) -> None:
    grant = login.by_client(trusting.url)

    assert trusting.oauth.session_of(grant.access_token)
    assert grant.refresh_token == ""
    assert login.identity(grant, unsigned=True).user == trusting.integration_user_id


def test_an_access_without_a_refresh_token_is_revoked_itself(
    login: SalesforceAuthorisation, trusting: FakeSalesforce
) -> None:
    grant = by_jwt(login, trusting)

    login.revoke(trusting.url, token=grant.access_token)

    assert trusting.oauth.session_of(grant.access_token) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"username": "nobody@example.com"}, "approved"),
        ({"audience": "https://example.com"}, "audience"),
    ],
)
def test_a_jwt_that_salesforce_refuses_says_why(
    login: SalesforceAuthorisation,
    trusting: FakeSalesforce,
    change: dict[str, str],
    words: str,
) -> None:
    with pytest.raises(Refused, match=words) as caught:
        by_jwt(login, trusting, **change)

    assert caught.value.code == "invalid_grant"


def test_a_jwt_of_another_key_is_refused(
    login: SalesforceAuthorisation, trusting: FakeSalesforce
) -> None:
    other = rsa.generate_private_key(65537, 2048).public_key()
    trusting.certificate = other.public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ).decode()

    with pytest.raises(Refused, match="assertion"):
        by_jwt(login, trusting)


def test_a_jwt_says_who_speaks_for_whom_to_whom_for_three_minutes_and_no_secret(
    login: SalesforceAuthorisation,
) -> None:
    answer = Answer(200, {"access_token": "a", "instance_url": "https://i"})
    with scripted(answer) as script:
        login.by_jwt(script.url, username=USER, audience=LOGIN)

    [asked] = script.asked
    form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
    assert (asked.method, asked.path) == ("POST", "/services/oauth2/token")
    assert set(form) == {"grant_type", "assertion"}
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(form["assertion"], PUBLIC, algorithms=["RS256"], audience=LOGIN)
    assert set(claims) == {"iss", "sub", "aud", "exp"}
    assert (claims["iss"], claims["sub"]) == (CLIENT["client_id"], USER)
    assert 0 < claims["exp"] - datetime.now(UTC).timestamp() <= 180


def test_client_credentials_are_sent_in_the_form(login: SalesforceAuthorisation) -> None:
    answer = Answer(200, {"access_token": "a", "instance_url": "https://i"})
    with scripted(answer) as script:
        login.by_client(script.url)

    [asked] = script.asked
    assert {name: values[0] for name, values in parse_qs(asked.body.decode()).items()} == {
        "grant_type": "client_credentials",
        "client_id": CLIENT["client_id"],
        "client_secret": CLIENT_SECRET,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "put the private key of the app's certificate here, in PEM",
        "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----",
        "\x00é",
        PUBLIC,
        pem(ec.generate_private_key(ec.SECP256R1())),
        pem(KEY, lock=BestAvailableEncryption(b"password")),
    ],
)
def test_what_is_no_private_key_is_refused_with_what_to_do_and_nothing_is_asked(
    http: requests.Session, salesforce: FakeSalesforce, text: str
) -> None:
    login = SalesforceAuthorisation(http, lambda: APP, lambda: text)

    with pytest.raises(Refused, match="JwtKeyCommand") as caught:
        by_jwt(login, salesforce)

    assert caught.value.code == ""
    assert salesforce.token_requests == []


@pytest.mark.parametrize(
    "text", [PRIVATE, f"\n  {PRIVATE}\n", pem(KEY, how=PrivateFormat.TraditionalOpenSSL)]
)
def test_a_private_key_is_read_each_time_in_either_form(
    http: requests.Session, trusting: FakeSalesforce, text: str
) -> None:
    keys = ["no key yet"]
    login = SalesforceAuthorisation(http, lambda: APP, lambda: keys[-1])
    with pytest.raises(Refused):
        by_jwt(login, trusting)

    keys.append(text)

    assert by_jwt(login, trusting).access_token


@pytest.mark.parametrize("signature", ["AAAA", "é"])
def test_a_wrong_signature_is_refused_where_none_would_do(
    login: SalesforceAuthorisation, trusting: FakeSalesforce, signature: str
) -> None:
    grant = by_jwt(login, trusting).model_copy(update={"signature": signature})

    with pytest.raises(Refused, match="not signed"):
        login.identity(grant, unsigned=True)


@pytest.mark.parametrize("identity", ["", "https://l/id/x/y", "https://[::1"])
def test_an_unsigned_identity_that_names_nobody_is_refused(
    login: SalesforceAuthorisation, identity: str
) -> None:
    grant = Grant(access_token="a", instance_url="https://i", id=identity)

    with pytest.raises(Refused, match="names no org"):
        login.identity(grant, unsigned=True)


def test_an_unsigned_answer_to_a_code_is_refused(
    login: SalesforceAuthorisation, trusting: FakeSalesforce
) -> None:
    with pytest.raises(Refused, match="not signed"):
        login.identity(by_jwt(login, trusting))


@pytest.mark.parametrize("app", ["no JSON", "[]", "{}", '{"client_id":"x"}', None])
def test_a_secret_of_the_stack_that_can_not_be_read_ends_no_access(
    http: requests.Session, salesforce: FakeSalesforce, app: str | None
) -> None:
    """It is for us to mend, and Salesforce has not been asked."""

    def read() -> str:
        if app is None:  # as Secrets Manager answers for one that is to be deleted
            raise Refused("secretsmanager answered", code="InvalidRequestException")
        return app

    login = SalesforceAuthorisation(http, read, read)
    asked = len(salesforce.requests)

    with pytest.raises(Unavailable) as by_browser:
        login.refresh(salesforce.url, refresh_token="r")
    with pytest.raises(Unavailable) as by_client:
        login.by_client(salesforce.url)
    with pytest.raises(Unavailable) as by_jwt:
        login.by_jwt(salesforce.url, username=USER, audience=LOGIN)

    assert {Unavailable} == {type(each.value) for each in (by_browser, by_client, by_jwt)}
    assert len(salesforce.requests) == asked
