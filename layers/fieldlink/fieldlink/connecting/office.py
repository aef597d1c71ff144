"""What the rules that connect to Salesforce have at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.ports import Authorisation, State, Vault


class Office(NamedTuple):
    """What connecting needs at hand."""

    state: State
    vault: Vault
    authorisation: Authorisation
    own_login_url: str  # the stack's own SalesforceLoginUrl, allowed whatever its host
    now: datetime
