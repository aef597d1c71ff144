"""Rule: the console's pages about connections, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fieldlink.connecting import settings
from fieldlink.console import overview, pages, parked_pages, sessions, settings_page
from fieldlink.looking import nudging

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.console.pages import Page
    from fieldlink.console.sessions import Session
    from fieldlink.ports import Ledger, State
    from fieldlink.records import Connection
    from fieldlink.rehearsing.rehearsal import Rehearsal
    from fieldlink.replaying import Replayed

ROWS = 30  # of the ledger, on the page of a connection


class Counter(NamedTuple):
    """Where an operator is served: who that is, and what the pages are made from."""

    session: Session
    key: str  # of the console
    state: State
    ledger: Ledger
    now: datetime
    url: str  # of this stack
    login_url: str  # of Salesforce, unless a connection has another

    @property
    def cookie(self) -> str:
        return sessions.sealed(self.session, self.key)

    @property
    def form_token(self) -> str:
        return sessions.form_token(self.session, self.key)

    def page(
        self, template: str, found: Connection, *, status: int = 200, **words: Any
    ) -> Page:
        """Any page about a connection."""
        return pages.html(
            template,
            status=status,
            login_url=found.login_url,
            cookie=self.cookie,
            form_token=self.form_token,
            connection=found,
            **words,
        )


def connections(
    counter: Counter,
    *,
    typed: settings.Typed | None = None,
    problem: str = "",
    status: int = 200,
) -> Page:
    return pages.html(
        "connections.html",
        status=status,
        cookie=counter.cookie,
        connections=overview.connections(counter.state),
        states=pages.STATES,
        form_token=counter.form_token,
        own_login_url=counter.login_url,
        typed=typed or settings.Typed(),
        problem=problem,
    )


def connection(
    counter: Counter, found: Connection, *, problem: str = "", status: int = 200
) -> Page:
    return counter.page(
        "connection.html",
        found,
        status=status,
        states=pages.STATES,
        problem=problem or found.problem,
        webhook_url=f"{counter.url}/webhooks/hypertrack/{found.connection}",
        nudge_url=f"{counter.url}/nudges/salesforce/{found.connection}",
        nudge_key=nudging.key_of(found.connection, counter.key),
        ledger=counter.ledger.last(found.connection, now=counter.now, limit=ROWS),
        **settings_page.words(settings.form_of(found), found, counter.state),
        **overview.details(found, counter.state, counter.now),
    )


def form(
    counter: Counter,
    found: Connection,
    typed: settings.Form,
    *,
    rehearsal: Rehearsal | None = None,
    problem: str = "",
) -> Page:
    """The settings as they were typed: with what is wrong, or with what they would change."""
    return counter.page(
        "settings_page.html",
        found,
        status=400 if problem else 200,
        rehearsal=rehearsal,
        problem=problem,
        **settings_page.words(typed, found, counter.state),
    )


def parked(
    counter: Counter,
    found: Connection,
    wanted: dict[str, str],
    *,
    dry: bool = False,
    done: Replayed | None = None,
) -> Page:
    """What is parked; `dry`: and what a replay of it would send."""
    words = parked_pages.words(found.connection, wanted, counter.state, counter.now)
    return counter.page("parked.html", found, dry=dry, done=done, **words)
