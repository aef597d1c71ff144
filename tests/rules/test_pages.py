"""Answers to a browser."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from fieldlink.console import pages, sessions
from fieldlink.console.sessions import COOKIE, Session

KEY = "console-key"
NOW = datetime.now(UTC)  # the signing library takes no clock
SESSION = Session(id="session", since=int(NOW.timestamp()))
SEALED = sessions.sealed(SESSION, KEY)


def request(**more: Any) -> APIGatewayProxyEventV2:
    return APIGatewayProxyEventV2({"headers": {}, **more})


@pytest.mark.parametrize(
    "event",
    [
        request(cookies=[f"{COOKIE}={SEALED}"]),
        request(cookies=["other=1", f"{COOKIE}={SEALED}"]),
        request(headers={"cookie": f"other=1; {COOKIE}={SEALED}"}),
    ],
)
def test_the_session_is_found_wherever_its_cookie_is(event: APIGatewayProxyEventV2) -> None:
    assert pages.session_of(event, KEY, NOW) == SESSION


@pytest.mark.parametrize(
    "event",
    [
        request(),
        request(cookies=None),
        request(cookies=["garbage", "a=b=c", ";;;", "\x00=1"]),
        request(cookies=[f"{COOKIE}=forged"]),
        request(headers={"cookie": f"fieldlink={SEALED}"}),
    ],
)
def test_without_its_cookie_there_is_no_session(event: APIGatewayProxyEventV2) -> None:
    assert pages.session_of(event, KEY, NOW) is None


@pytest.mark.parametrize(
    ("body", "encoded", "fields"),
    [
        ("", False, {}),
        (None, False, {}),
        ("name=+Ada+&name=Eve&empty=", False, {"name": "Ada", "empty": ""}),
        (b64encode(b"name=Ada").decode(), True, {"name": "Ada"}),
        (b64encode(b"\xff\xfe").decode(), True, {}),
        ("=&==&%ff%", False, None),
    ],
)
def test_a_form_is_read_and_what_is_none_is_empty(
    body: str | None, encoded: bool, fields: dict[str, str] | None
) -> None:
    read = pages.form(request(body=body, isBase64Encoded=encoded))

    assert fields is None or read == fields


def test_no_other_site_may_frame_a_page_script_it_or_post_to_it() -> None:
    answer = pages.message("hello", status=403)

    policy = str(answer.headers["Content-Security-Policy"])
    assert answer.status_code == 403
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https://*.salesforce.com" in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_cookie_is_for_this_host_over_tls_and_out_of_reach_of_scripts() -> None:
    [cookie] = pages.redirect("/", cookie=SEALED).cookies

    text = str(cookie)
    assert text.startswith(f"__Host-fieldlink={SEALED}")
    for part in ("Path=/", "Secure", "HttpOnly", "SameSite=Lax"):
        assert part in text
    assert "Domain" not in text


def test_a_redirect_is_followed_with_get() -> None:
    answer = pages.redirect("/connections/1")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/connections/1")
    assert not answer.cookies


def test_every_state_of_a_connection_has_its_words() -> None:
    from typing import get_args

    from fieldlink.records import Connection

    assert set(pages.STATES) == set(get_args(Connection.model_fields["state"].annotation))
