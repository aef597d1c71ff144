"""Rule: keep the access to an org: open it, renew its tokens, revoke them."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.errors import Lost, Refused, Unavailable, Unclear
from fieldlink.records import Access, Connection, Tokens

if TYPE_CHECKING:
    from fieldlink.models import Grant
    from fieldlink.office import Office
    from fieldlink.ports import State, Vault

# What ends an access for good. Anything else is about our app or about today.
FINAL = {"invalid_grant", "inactive_user", "inactive_org"}
# PollSalesforce is stopped after 240 s; whoever began a refresh longer ago is gone.
RENEWAL_ABANDONED = timedelta(minutes=5)


class Pass:
    """What opens a connection's org: the stored token, renewed when it has expired."""

    def __init__(self, connection: Connection, office: Office) -> None:
        self._connection = connection
        self._office = office
        self._access: Access | None = None

    @property
    def instance_url(self) -> str:
        return self._stored().instance_url

    @property
    def token(self) -> str:
        return tokens(self._stored(), self._office.vault).access_token

    def renew(self) -> None:
        self._access = renew(self._connection, stale=self._stored(), office=self._office)

    def _stored(self) -> Access:
        if self._access is None:
            self._access = self._office.state.read(Access, self._connection.connection)
        if self._access is None:
            raise Lost("this connection has to be connected to Salesforce again")
        return self._access


def renew(connection: Connection, *, stale: Access, office: Office) -> Access:
    """New tokens in place of the stale ones; at most one worker asks Salesforce for them.

    A used refresh token, shown twice, makes Salesforce revoke everything. So one conditional
    write decides who asks, and what came is stored before it is used.
    """
    if connection.state == "lost":  # repeating what Salesforce has refused may lock the user
        raise Lost(connection.problem)
    access = _current(connection.connection, office)
    if access.version != stale.version and access.renewing_since is None:
        return access
    ours = _kept(access.model_copy(update={"renewing_since": office.now}), office.state)
    refresh_token = tokens(ours, office.vault).refresh_token
    try:
        grant = office.authorisation.refresh(connection.login_url, refresh_token=refresh_token)
    except Refused as refusal:
        if refusal.code not in FINAL:
            _kept(ours.model_copy(update={"renewing_since": None}), office.state)
            raise Unavailable(f"Salesforce does not renew the access: {refusal}") from refusal
        raise _lost(connection, ours, refusal, office) from refusal
    except Unclear:
        raise  # the token may be used up; the next one to ask waits until nobody is at it
    except Unavailable:
        _kept(ours.model_copy(update={"renewing_since": None}), office.state)
        raise
    return _kept(with_tokens(ours, grant, refresh_token, office.vault), office.state)


def _current(name: str, office: Office) -> Access:
    access = office.state.read(Access, name)
    if access is None:
        raise Lost("this connection has to be connected to Salesforce again")
    if access.renewing_since and office.now - access.renewing_since < RENEWAL_ABANDONED:
        raise Unavailable("another worker is refreshing this connection's token")
    return access


def _kept(access: Access, state: State) -> Access:
    if not state.write(access):
        raise Unavailable("another worker is refreshing this connection's token")
    return access.model_copy(update={"version": access.version + 1})


def tokens(access: Access, vault: Vault) -> Tokens:
    """The tokens, opened."""
    opened = vault.open(access.tokens, connection=access.connection)
    return Tokens.model_validate_json(opened)


def with_tokens(access: Access, grant: Grant, before: str, vault: Vault) -> Access:
    """With rotation each answer brings a new refresh token; without, the old one stays."""
    kept = Tokens(
        access_token=grant.access_token, refresh_token=grant.refresh_token or before
    ).model_dump_json()
    return access.model_copy(
        update={
            "tokens": vault.seal(kept, connection=access.connection),
            "instance_url": grant.instance_url or access.instance_url,
            "renewing_since": None,
        }
    )


def revoke(connection: Connection, office: Office) -> None:
    """The access revoked at Salesforce and the tokens erased, unless that has been done."""
    access = office.state.read(Access, connection.connection)
    if access is None:
        return
    token = tokens(access, office.vault).refresh_token
    # A login that knows our app no more has nothing to revoke; the tokens go all the same.
    with suppress(Refused):
        office.authorisation.revoke(connection.login_url, token=token)
    office.state.erase(Access, connection.connection)


def _lost(
    connection: Connection, ours: Access, refusal: Refused, office: Office
) -> Unavailable:
    """Let the console say why; an authorisation that was finished meanwhile wins."""
    access = office.state.read(Access, connection.connection)
    if access is None or access.version != ours.version:
        return Unavailable("this connection has other tokens by now")
    problem = f"Salesforce no longer accepts this connection: {refusal}"
    current = office.state.read(Connection, connection.connection)
    if current and current.state == "connected":
        office.state.write(current.model_copy(update={"state": "lost", "problem": problem}))
    return Lost(problem)
