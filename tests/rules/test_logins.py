"""Which hosts are Salesforce's, and whom a JWT is for."""

from __future__ import annotations

import pytest

from fieldlink.connecting import logins
from fieldlink.errors import Refused
from tests.make import connection
from tests.rules.login import OWN


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("", OWN),
        ("  ", OWN),
        (OWN, OWN),
        (f"{OWN}/", OWN),
        ("own.example.com", OWN),
        ("login.salesforce.com", "https://login.salesforce.com"),
        (" https://login.salesforce.com/ ", "https://login.salesforce.com"),
        ("https://test.salesforce.com", "https://test.salesforce.com"),
        ("Example.My.Salesforce.com", "https://example.my.salesforce.com"),
        ("acme--uat.sandbox.my.salesforce.com", "https://acme--uat.sandbox.my.salesforce.com"),
        ("a-dev-ed.develop.my.salesforce.com", "https://a-dev-ed.develop.my.salesforce.com"),
    ],
)
def test_salesforces_own_login_hosts_are_taken(typed: str, address: str) -> None:
    assert logins.login_url(typed, OWN) == address


@pytest.mark.parametrize(
    "typed",
    [
        "evil.com",
        "http://login.salesforce.com",
        "ftp://login.salesforce.com",
        "javascript:alert(1)",
        "//login.salesforce.com",
        "https://",
        "https:login.salesforce.com",
        "https:///login.salesforce.com",
        "https://login.salesforce.com.evil.com",
        "https://evil.com/login.salesforce.com",
        "https://evil.com?login.salesforce.com",
        "https://evil.com#login.salesforce.com",
        "https://login.salesforce.com@evil.com",
        "https://user:word@login.salesforce.com",
        "https://login.salesforce.com:8443",
        "https://login.salesforce.com/services/oauth2/authorize",
        "https://login.salesforce.com?next=evil.com",
        "https://login.salesforce.com\\@evil.com",
        "https://login.salesforce.com%00.evil.com",
        "https://login.salesforce.com%2eevil.com",
        "https://evil.com\\.my.salesforce.com",
        "https://evilmy.salesforce.com",
        "https://my.salesforce.com",
        "https://.my.salesforce.com",
        "https://-.my.salesforce.com.",
        "https://a.b.my.salesforce.com",
        "https://evil.com/.my.salesforce.com",
        "https://evil.com%2f.my.salesforce.com",
        "https://login\u3002salesforce\u3002com",
        "https://login.salesforce.com\u2100evil.com",
        "https://\uff4cogin.salesforce.com",
        "https://login.salesforce.com.",
        "https://[::1]",
        "https://[::1",
        "https://169.254.169.254",
        "https://localhost",
        "own.example.com.evil.com",
        "https://own.example.com:444",
        "http://own.example.com",
    ],
)
def test_any_other_login_host_is_refused(typed: str) -> None:
    with pytest.raises(Refused, match="no Salesforce login host"):
        logins.login_url(typed, OWN)


@pytest.mark.parametrize(
    ("login", "audience"),
    [
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("https://example.my.salesforce.com", "https://login.salesforce.com"),
        ("https://a-dev-ed.develop.my.salesforce.com", "https://login.salesforce.com"),
        ("https://test.salesforce.com", "https://test.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("https://able-1.scratch.my.salesforce.com", "https://test.salesforce.com"),
        ("https://sandbox.my.salesforce.com", "https://login.salesforce.com"),
        (OWN, OWN),
        ("http://127.0.0.1:8123", "http://127.0.0.1:8123"),
    ],
)
def test_a_jwt_is_for_the_login_that_serves_the_org(login: str, audience: str) -> None:
    assert logins.audience(connection(login_url=login)) == audience


def test_a_jwt_is_for_whom_the_connection_names() -> None:
    named = connection(audience="https://login.salesforce.com", login_url=OWN)

    assert logins.audience(named) == "https://login.salesforce.com"


@pytest.mark.parametrize("login", ["login.salesforce.com", "test.salesforce.com"])
def test_client_credentials_are_refused_at_the_hosts_that_all_orgs_share(login: str) -> None:
    with pytest.raises(Refused, match="My Domain"):
        logins.check_own_host(f"https://{login}")


@pytest.mark.parametrize("login", ["https://example.my.salesforce.com", OWN])
def test_client_credentials_work_at_an_orgs_own_host(login: str) -> None:
    logins.check_own_host(login)
