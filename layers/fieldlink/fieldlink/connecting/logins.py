"""Rule: which of Salesforce's hosts we log in at, and which an org may live at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from fieldlink.errors import Refused

if TYPE_CHECKING:
    from fieldlink.records import Connection

SHARED = ("login.salesforce.com", "test.salesforce.com")
MY_DOMAIN = re.compile(
    r"[a-z0-9][a-z0-9-]*(\.sandbox|\.develop|\.scratch)?\.my\.salesforce\.com"
)
FORCE_DOMAIN = re.compile(r"([a-z0-9-]+\.)+salesforce\.com")
# A JWT is addressed to the production or the test login, whatever host it is sent to.
FOR_PRODUCTION, FOR_TESTS = "https://login.salesforce.com", "https://test.salesforce.com"
TESTS = re.compile(r"test\.salesforce\.com|.*\.(sandbox|scratch)\.my\.salesforce\.com")


def login_url(text: str, own_login_url: str) -> str:
    """The address to log in at, from what the operator typed. Refused if not Salesforce's.

    Our client secret goes to this host and the operator's browser, so no other is accepted.
    """
    typed = text.strip().rstrip("/")
    if typed in {"", own_login_url.rstrip("/"), urlsplit(own_login_url).netloc}:
        return own_login_url.rstrip("/")
    parts = _parts(typed if "://" in typed else f"https://{typed}")
    host = parts.netloc.lower()
    if (
        parts.scheme == "https"
        and not parts.path
        and not parts.query
        and (host in SHARED or MY_DOMAIN.fullmatch(host))
    ):
        return f"https://{host}"
    raise Refused(
        "This is no Salesforce login host. Use login.salesforce.com, test.salesforce.com, or "
        "your My Domain host such as example.my.salesforce.com."
    )


def check_own_host(login: str) -> None:
    """Client credentials name no user, so it is the host that says which org is meant."""
    if urlsplit(login).netloc in SHARED:
        raise Refused(
            "Client credentials work at the org's own address only. Use your My Domain host, "
            "such as example.my.salesforce.com."
        )


def audience(connection: Connection) -> str:
    """Whom a JWT is for."""
    host = urlsplit(connection.login_url).netloc
    if connection.audience:
        return connection.audience
    if TESTS.fullmatch(host):
        return FOR_TESTS
    return FOR_PRODUCTION if FORCE_DOMAIN.fullmatch(host) else connection.login_url


def check_instance(instance_url: str, login: str, own_login_url: str) -> None:
    """Our tokens go to this host. Refused if it is none of Salesforce's."""
    parts = _parts(instance_url)
    ours = urlsplit(own_login_url).netloc
    if login == own_login_url.rstrip("/") and parts.netloc == ours:
        return
    if parts.scheme != "https" or not FORCE_DOMAIN.fullmatch(parts.netloc.lower()):
        raise Refused("Salesforce named an instance that is none of Salesforce's hosts.")


def _parts(url: str) -> SplitResult:
    """The parts of an address; none of something that is no address."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
