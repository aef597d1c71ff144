"""What the org has switched on, changed or forbidden: plain attributes, set at any time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(eq=False)
class Rules:
    # Faults to come (faults.py says what they look like), and the customer's validation rules:
    # {"object", "field", "value", "errorCode", "message", "status"}, all but object optional.
    faults: list[dict[str, Any]] = field(default_factory=list)
    refuse: list[dict[str, Any]] = field(default_factory=list)

    # For the integration user only. Names are "Object" or "Object.Field".
    hidden: set[str] = field(default_factory=set)  # ids that sharing does not let it see
    no_access: set[str] = field(default_factory=set)
    read_only: set[str] = field(default_factory=set)

    # For everyone.
    locked: set[str] = field(default_factory=set)  # ids that an approval has locked
    transitions: set[tuple[str, str]] | None = None  # allowed status changes; None: any
    multiday_events: bool = False

    # What the Field Service package does behind a write, where the org has switched it on.
    memberships: bool = False  # assignments need a membership of the service territory
    drip_feed: bool = False  # a finished appointment dispatches the resource's next one
    travel_echo: bool = False  # a write moves the stamps of that day's other appointments

    # The API.
    versions: Sequence[int] = range(31, 69)  # that the org offers
    api_closed: str = ""  # an error code of errors.CLOSED: every call is refused with it
    session_refused: str = ""  # a 401 text: no session is good enough, however new it is
    sessions_end_in: int | None = None  # calls; the one after them finds every session expired
    page_size: int = 2000
    page_sizes: list[int] = field(default_factory=list)  # of the next pages, whatever is asked
    daily_limit: int = 100_000
    foreign_calls: int = 0  # of other apps, on top of ours
    per_app_usage: bool = False  # whether the usage header names this app's own share too
    app_limit: int = 25_000  # that the header then names; nothing is refused for it
    log_begins: datetime | None = None  # deletions before it are purged from the log

    # The app and its policies.
    client_id: str = "fieldlink-local"
    client_secret: str = "fieldlink-local-secret"  # it opens nothing
    callback_urls: set[str] = field(default_factory=set)  # empty: any
    app_scopes: tuple[str, ...] = ("api", "refresh_token", "id")
    app_installed: bool = True
    app_name: str = "Fieldlink"
    org_id: str = "00DKx0000000001MAA"
    org_active: bool = True
    require_pkce: bool = True
    rotation: bool = True
    ip_refused: bool = False  # the allowlist of refresh tokens does not hold our address
    certificate: str = ""  # PEM of a certificate or public key, for JWT bearer; "": none
    approved: set[str] = field(default_factory=set)  # usernames pre-approved for JWT bearer
    # When an assertion is read, if the org's own clock stands elsewhere than its clients'.
    assertion_clock: Callable[[], datetime] | None = None
    run_as: str | None = None  # user id for client credentials; None: not switched on
    frozen: set[str] = field(default_factory=set)  # user ids
