"""What the org has switched on, changed or forbidden: plain attributes, set at any time."""

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

    # The API.
    page_size: int = 2000
    page_sizes: list[int] = field(default_factory=list)  # of the next pages, whatever is asked
    daily_limit: int = 100_000
    log_begins: datetime | None = None  # deletions before it are purged from the log

    # The app and its policies.
    client_id: str = "fieldlink-local"
    client_secret: str = "fieldlink-local-secret"  # it opens nothing
    callback_urls: set[str] = field(default_factory=set)  # empty: any
    app_scopes: tuple[str, ...] = ("api", "refresh_token", "id")
    app_installed: bool = True
    org_active: bool = True
    require_pkce: bool = True
    rotation: bool = True
