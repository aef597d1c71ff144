"""Links and cookies are signed, short-lived and used once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from fieldlink.console import sessions
from fieldlink.console.sessions import Session
from fieldlink.errors import Refused
from tests.fakes import FakeState
from tests.make import World

KEY = "console-key"
NOW = datetime.now(UTC)  # the signing library takes no clock
SESSION = Session(id="session", since=int(NOW.timestamp()))


def enter(token: str, state: FakeState | None = None) -> Session:
    kept = state or FakeState()
    return sessions.enter(token, KEY, state=kept, now=NOW, random=lambda: "session")


def aged(span: timedelta, salt: str, content: str, key: str = KEY) -> str:
    """What would have been signed that long ago."""

    class Before(TimestampSigner):
        def get_timestamp(self) -> int:
            return int((NOW - span).timestamp())

    return str(URLSafeTimedSerializer(key, salt=salt, signer=Before).dumps(content))


def test_a_setup_link_opens_one_session() -> None:
    state, link = FakeState(), sessions.mint(KEY, random=lambda: "nonce")

    assert enter(link, state) == SESSION
    with pytest.raises(Refused, match="has been used"):
        enter(link, state)


def test_a_used_link_is_remembered_for_as_long_as_it_is_good() -> None:
    world = World()
    enter(sessions.mint(KEY, random=lambda: "nonce"), world.state)

    assert world.state.kinds == {"UsedLink": 1}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "garbage",
        "a.b.c",
        "é",
        "\ud800",
        "x" * 100_000,
        sessions.mint("another key", random=lambda: "nonce"),
        sessions.mint(KEY, random=lambda: "nonce")[:-1],
        sessions.sealed(SESSION, KEY),
        sessions.form_token(SESSION, KEY),
        aged(timedelta(minutes=15, seconds=5), "setup", "nonce"),
    ],
    ids=range(11),
)
def test_any_other_link_is_refused_and_nothing_is_stored(token: str) -> None:
    world = World()

    with pytest.raises(Refused, match="not valid or has expired"):
        enter(token, world.state)

    assert not world.state.kinds


def test_a_cookie_brings_its_session_back() -> None:
    assert sessions.session_of(sessions.sealed(SESSION, KEY), KEY, now=NOW) == SESSION


@pytest.mark.parametrize(
    "value",
    [
        "",
        "garbage",
        "é",
        "\ud800",
        sessions.sealed(SESSION, "another key"),
        sessions.form_token(SESSION, KEY),
        sessions.mint(KEY, random=lambda: "nonce"),
        aged(timedelta(hours=1, seconds=5), "session", '["session", 1]'),
    ],
    ids=range(8),
)
def test_any_other_cookie_is_nobodys(value: str) -> None:
    assert sessions.session_of(value, KEY, now=NOW) is None


def test_a_session_ends_after_eight_hours_however_busy_it_is() -> None:
    fresh = sessions.sealed(SESSION, KEY)

    assert sessions.session_of(fresh, KEY, now=NOW + timedelta(hours=7, minutes=59))
    assert sessions.session_of(fresh, KEY, now=NOW + timedelta(hours=8, seconds=1)) is None


def test_a_form_of_the_sessions_own_pages_is_taken() -> None:
    sessions.check_form(sessions.form_token(SESSION, KEY), SESSION, KEY)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "garbage",
        "é",
        "\ud800",
        sessions.form_token(SESSION._replace(id="another"), KEY),
        sessions.form_token(SESSION, "another key"),
        sessions.sealed(SESSION, KEY),
        aged(timedelta(hours=8, seconds=5), "form", "session"),
    ],
    ids=range(8),
)
def test_any_other_form_is_refused(token: str) -> None:
    with pytest.raises(Refused, match="form has expired"):
        sessions.check_form(token, SESSION, KEY)
