"""Authorisation of the simulator without a consent, and what an administrator changes later."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from local.salesforce import FakeSalesforce
from tests.local.salesforce_setting import (
    CLIENT,
    TIMEOUT,
    Caller,
    Clock,
    exchange,
    oauth_error,
    refresh,
    running,
    token,
)

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
IDA = "ida@example.com"
NOT_APPROVED = ("invalid_grant", "user hasn't approved this consumer")
DEAD = ("invalid_grant", "expired access/refresh token")
EXPIRED = (401, "INVALID_SESSION_ID")
KEY = generate_private_key(65537, 2048)


@pytest.fixture
def app() -> Iterator[Caller]:
    with running() as caller:
        yield caller


@pytest.fixture
def fresh() -> Iterator[Caller]:
    """An app that nobody has ever consented to, with its certificate and one approved user."""
    with FakeSalesforce(clock=(clock := Clock())) as salesforce:
        salesforce.certificate = public(KEY)
        salesforce.approved = {IDA}
        yield Caller(salesforce, clock)


def public(key: RSAPrivateKey) -> str:
    found = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return found.decode()


def certificate(key: RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fieldlink")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
        .sign(key, SHA256())
    )
    return built.public_bytes(Encoding.PEM).decode()


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def assertion(app: Caller, key: RSAPrivateKey = KEY, alg: str = "RS256", **changes: Any) -> str:
    claims = {
        "iss": CLIENT["client_id"],
        "sub": IDA,
        "aud": "https://login.salesforce.com",
        "exp": int(app.clock.now.timestamp()) + 180,
    } | changes
    parts = ({"alg": alg, "typ": "JWT"}, claims)
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{encoded(key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def bearer(app: Caller, given: str) -> requests.Response:
    url = f"{app.salesforce.url}/services/oauth2/token"
    form = {"grant_type": JWT_BEARER, "assertion": given}
    return requests.post(url, data=form, timeout=TIMEOUT)


@pytest.mark.parametrize("pem", [public, certificate])
def test_a_signed_assertion_is_answered_by_a_session_alone(fresh: Caller, pem: Any) -> None:
    fresh.salesforce.certificate = pem(KEY)

    body = bearer(fresh, assertion(fresh)).json()

    assert set(body) == {"access_token", "scope", "instance_url", "id", "token_type"}
    assert body["scope"] == "api id"
    fresh.tokens = body
    assert fresh.call("GET", "sobjects").ok


def test_an_assertion_may_be_for_the_org_itself(fresh: Caller) -> None:
    assert bearer(fresh, assertion(fresh, aud=fresh.salesforce.url)).ok


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"iss": "other"}, ("invalid_client_id", "client identifier invalid")),
        ({"aud": "https://example.com"}, ("invalid_grant", "audience is invalid")),
        ({"aud": None}, ("invalid_grant", "audience is invalid")),
        ({"sub": "dana@example.com"}, NOT_APPROVED),
        ({"sub": "nobody@example.com"}, NOT_APPROVED),
        ({"exp": 0}, ("invalid_grant", "invalid assertion")),
        ({"exp": 2**40}, ("invalid_grant", "invalid assertion")),
        ({"exp": "soon"}, ("invalid_grant", "invalid assertion")),
        ({"alg": "none"}, ("invalid_grant", "invalid assertion")),
        ({"key": generate_private_key(65537, 2048)}, ("invalid_grant", "invalid assertion")),
    ],
)
def test_a_wrong_assertion_says_what_is_wrong(
    fresh: Caller, changes: dict[str, Any], error: tuple[str, str]
) -> None:
    assert oauth_error(bearer(fresh, assertion(fresh, **changes))) == error


@pytest.mark.parametrize("given", ["", "a.b", "a.b.c", "e30.e30.e30", "W10.e30.e30"])
def test_what_is_no_assertion_is_invalid(fresh: Caller, given: str) -> None:
    assert oauth_error(bearer(fresh, given)) == ("invalid_grant", "invalid assertion")


def test_an_app_without_a_certificate_takes_no_assertion(fresh: Caller) -> None:
    fresh.salesforce.certificate = ""

    assert oauth_error(bearer(fresh, assertion(fresh)))[0] == "invalid_grant"


def test_a_consent_with_a_refresh_token_is_an_approval_as_well(fresh: Caller) -> None:
    fresh.salesforce.approved.clear()
    assert oauth_error(bearer(fresh, assertion(fresh))) == NOT_APPROVED

    fresh.log_in()

    assert bearer(fresh, assertion(fresh)).ok


def test_an_assertion_is_asked_for_no_address_and_no_rotation(fresh: Caller) -> None:
    fresh.salesforce.ip_refused = True

    assert bearer(fresh, assertion(fresh)).ok


def test_client_credentials_are_a_session_of_the_run_as_user(app: Caller) -> None:
    app.salesforce.run_as = app.salesforce.dispatcher_id

    app.tokens = token(app.salesforce, grant_type="client_credentials").json()

    assert "refresh_token" not in app.tokens
    assert app.tokens["id"].endswith(app.salesforce.dispatcher_id)
    assert app.call("GET", "sobjects").ok


def test_client_credentials_need_a_run_as_user_and_the_orgs_own_host(app: Caller) -> None:
    form = CLIENT | {"grant_type": "client_credentials"}
    without = token(app.salesforce, grant_type="client_credentials")
    app.salesforce.run_as = app.salesforce.integration_user_id
    elsewhere = requests.post(
        f"{app.salesforce.url}/services/oauth2/token",
        data=form,
        headers={"Host": "login.salesforce.com"},
        timeout=TIMEOUT,
    )

    assert oauth_error(without) == ("invalid_grant", "no client credentials user enabled")
    assert oauth_error(elsewhere) == ("invalid_grant", "request not supported on this domain")


def test_a_frozen_user_has_no_session_until_the_user_thaws(app: Caller) -> None:
    user = app.salesforce.integration_user_id
    app.salesforce.frozen.add(user)
    answers = [refresh(app.salesforce, app.tokens["refresh_token"]) for _ in range(2)]

    assert {oauth_error(each) for each in answers} == {
        ("invalid_grant", "authentication failure")
    }
    assert app.refused("GET", "sobjects") == EXPIRED
    app.salesforce.frozen.clear()
    assert refresh(app.salesforce, app.tokens["refresh_token"]).ok
    assert app.call("GET", "sobjects").ok


def test_a_user_who_is_reactivated_goes_on_with_the_old_refresh_token(app: Caller) -> None:
    user = app.salesforce.integration_user_id
    app.salesforce.update("User", user, IsActive=False)
    inactive = refresh(app.salesforce, app.tokens["refresh_token"])
    app.salesforce.update("User", user, IsActive=True)

    assert oauth_error(inactive)[0] == "inactive_user"
    assert refresh(app.salesforce, app.tokens["refresh_token"]).ok


def test_a_refused_address_spends_no_code_and_no_refresh_token(app: Caller) -> None:
    app.salesforce.ip_refused = True
    answers = [
        refresh(app.salesforce, app.tokens["refresh_token"]),
        exchange(app.salesforce, "any"),
    ]
    app.salesforce.ip_refused = False

    assert {oauth_error(each) for each in answers} == {("invalid_grant", "ip restricted")}
    assert refresh(app.salesforce, app.tokens["refresh_token"]).ok


def test_a_suspended_org_answers_no_session(app: Caller) -> None:
    app.salesforce.org_active = False

    assert app.refused("GET", "sobjects") == EXPIRED
    assert oauth_error(refresh(app.salesforce, app.tokens["refresh_token"]))[0] == (
        "inactive_org"
    )


def test_a_scope_that_the_app_loses_is_missing_from_the_next_token(app: Caller) -> None:
    app.salesforce.app_scopes = ("refresh_token", "id")
    assert app.call("GET", "sobjects").ok

    app.tokens = refresh(app.salesforce, app.tokens["refresh_token"]).json()

    assert app.tokens["scope"] == "refresh_token"
    answer = app.call("GET", "sobjects")
    assert answer.status_code == 401
    assert "not valid for use with the REST API" in answer.json()[0]["message"]


def test_a_refreshed_sandbox_has_another_id_and_knows_no_token(app: Caller) -> None:
    before = app.salesforce.org_id

    app.salesforce.refresh_sandbox()

    assert oauth_error(refresh(app.salesforce, app.tokens["refresh_token"])) == DEAD
    assert app.refused("GET", "sobjects") == EXPIRED
    after = app.log_in()["id"].split("/")[-2]
    assert after == app.salesforce.org_id != before


def test_introspection_tells_a_live_token_from_a_dead_one(app: Caller) -> None:
    url = f"{app.salesforce.url}/services/oauth2/introspect"
    form = CLIENT | {"token": app.tokens["access_token"]}

    live = requests.post(url, data=form, timeout=TIMEOUT).json()
    app.salesforce.revoke_all()
    dead = requests.post(url, data=form, timeout=TIMEOUT).json()

    assert live["active"]
    assert live["exp"] - live["iat"] == 120 * 60
    assert dead == {"active": False}


def test_the_identity_needs_the_bearer_and_names_org_and_user(app: Caller) -> None:
    headers = {"Authorization": f"Bearer {app.tokens['access_token']}"}

    known = requests.get(app.tokens["id"], headers=headers, timeout=TIMEOUT).json()
    stranger = requests.get(app.tokens["id"], timeout=TIMEOUT)

    assert known["organization_id"] == app.salesforce.org_id
    assert known["user_id"] == app.salesforce.integration_user_id
    assert stranger.status_code == 403


def test_the_user_info_names_the_same_org_and_user(app: Caller) -> None:
    url = f"{app.salesforce.url}/services/oauth2/userinfo"
    headers = {"Authorization": f"Bearer {app.tokens['access_token']}"}

    known = requests.get(url, headers=headers, timeout=TIMEOUT).json()
    app.salesforce.frozen.add(app.salesforce.integration_user_id)
    frozen = requests.get(url, headers=headers, timeout=TIMEOUT)

    assert known["organization_id"] == app.salesforce.org_id
    assert known["preferred_username"] == IDA
    assert frozen.status_code == 403
