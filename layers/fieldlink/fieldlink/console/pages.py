"""Answers to a browser: pages, redirects, and the session that a request belongs to."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.shared.cookies import Cookie, SameSite

from fieldlink.console import sessions
from fieldlink.console.letters import page

if TYPE_CHECKING:
    from datetime import datetime

    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

    from fieldlink.console.sessions import Session

type Page = Response[str]

STATES = {
    "new": "Not connected to Salesforce yet",
    "incomplete": "Connected, but Field Service can't be used yet",
    "connected": "Connected",
    "lost": "Reconnect needed",
    "ending": "Disconnecting: geofences and orders are being ended",
    "ended": "Disconnected",
}

# Of a doctor's finding: the state of a connection that has its colour.
HEALTH = {"ok": "connected", "warning": "new", "fault": "lost", "unknown": "lost"}


def session_of(event: APIGatewayProxyEventV2, key: str, now: datetime) -> Session | None:
    """The session of a request's cookie. API Gateway puts cookies into a list of their own."""
    for text in (*(event.get("cookies") or ()), event.headers.get("cookie") or ""):
        try:
            found = SimpleCookie(text).get(sessions.COOKIE)
        except CookieError:
            continue
        if found:
            return sessions.session_of(found.value, key, now=now)
    return None


def form(event: APIGatewayProxyEventV2) -> dict[str, str]:
    """The fields of a posted form; {} for a body that is none."""
    try:
        body = event.decoded_body or ""
    except ValueError:
        return {}
    fields = parse_qs(body, keep_blank_values=True)
    return {name: values[0].strip() for name, values in fields.items()}


def html(
    template: str, *, status: int = 200, login_url: str = "", cookie: str = "", **words: Any
) -> Response[str]:
    """A page that no other site may frame, script or post to.

    `login_url` is where its forms may lead on to, besides Salesforce's own hosts.
    """
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action 'self' https://*.salesforce.com {login_url}"
    )
    return Response(
        status_code=status,
        content_type="text/html; charset=utf-8",
        headers={
            "Content-Security-Policy": policy.strip(),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "Strict-Transport-Security": "max-age=31536000",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        },
        body=page(template, **words),
        cookies=_cookies(cookie),
    )


def message(text: str, *, status: int) -> Response[str]:
    """A page that says one thing."""
    return html("message.html", status=status, text=text)


def redirect(path: str, *, cookie: str = "") -> Response[str]:
    """See Other: the browser gets the page, so that reloading it sends nothing twice."""
    headers = {"Location": path, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Response(status_code=303, body="", headers=headers, cookies=_cookies(cookie))


def _cookies(value: str) -> list[Cookie]:
    if not value:
        return []
    return [
        Cookie(
            name=sessions.COOKIE,
            value=value,
            path="/",
            secure=True,
            http_only=True,
            max_age=int(sessions.LONGEST.total_seconds()),
            # Lax, since Salesforce sends the browser back to us.
            same_site=SameSite.LAX_MODE,
        )
    ]
