"""Rule: who may use the console. Links and cookies are signed, short-lived and used once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from itsdangerous import BadData, URLSafeTimedSerializer

from fieldlink.errors import Refused
from fieldlink.records import UsedLink

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.ports import State

LINK_GOOD_FOR = timedelta(minutes=15)
IDLE = timedelta(hours=1)
LONGEST = timedelta(hours=8)
# `__Host-` makes the browser refuse the cookie without Secure, for other paths or domains.
COOKIE = "__Host-fieldlink"
NOT_OURS = (BadData, UnicodeError)  # half a surrogate pair is text that can't be signed


class Session(NamedTuple):
    """A browser that came in by a setup link."""

    id: str
    since: int  # seconds since 1970


def mint(key: str, *, random: Callable[[], str]) -> str:
    """The secret part of a setup link."""
    return URLSafeTimedSerializer(key, salt="setup").dumps(random())


def enter(
    token: str, key: str, *, state: State, now: datetime, random: Callable[[], str]
) -> Session:
    """Open a session with a setup link that nobody has used before. Refused otherwise."""
    try:
        nonce = URLSafeTimedSerializer(key, salt="setup").loads(
            token, max_age=_seconds(LINK_GOOD_FOR)
        )
    except NOT_OURS as error:
        raise Refused("This setup link is not valid or has expired. Mint a new one.") from error
    used = UsedLink(connection=str(nonce), ttl=int((now + LINK_GOOD_FOR).timestamp()))
    if not state.write(used):
        raise Refused("This setup link has been used. Mint a new one.")
    return Session(id=random(), since=int(now.timestamp()))


def sealed(session: Session, key: str) -> str:
    """The value of a session's cookie; the moment of sealing counts as its last use."""
    return URLSafeTimedSerializer(key, salt="session").dumps(json.dumps(session))


def session_of(value: str, key: str, *, now: datetime) -> Session | None:
    """The session of a cookie's value; None if it is forged, idle for too long or too old."""
    try:
        text = URLSafeTimedSerializer(key, salt="session").loads(value, max_age=_seconds(IDLE))
    except NOT_OURS:
        return None
    session = Session(*json.loads(text))
    opened = datetime.fromtimestamp(session.since, UTC)
    return session if now - opened < LONGEST else None


def form_token(session: Session, key: str) -> str:
    """What each form of a session's pages carries, so that no other site can send it."""
    return URLSafeTimedSerializer(key, salt="form").dumps(session.id)


def check_form(token: str, session: Session, key: str) -> None:
    """Refused unless the form came from one of this session's pages."""
    try:
        owner = URLSafeTimedSerializer(key, salt="form").loads(token, max_age=_seconds(LONGEST))
    except NOT_OURS:
        owner = None
    if owner != session.id:
        raise Refused("This form has expired. Go back, reload the page and try again.")


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
