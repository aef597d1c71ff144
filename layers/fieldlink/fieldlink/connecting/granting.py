"""Rule: how an access is asked for, in each of the three ways, and what is kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.connecting.logins import audience, check_instance, check_own_host
from fieldlink.errors import Refused, Unavailable
from fieldlink.ids import named_in
from fieldlink.records import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.connecting.office import Office
    from fieldlink.models import Grant
    from fieldlink.ports import Vault
    from fieldlink.records import Access, Connection


def has_refresh_token(connection: Connection) -> bool:
    """Whether there is something that a lost answer can take along."""
    return connection.authorise == "web"


def directly(connection: Connection, office: Office) -> Grant:
    """A grant for which nobody logs in: by JWT, or with the app's own credentials."""
    login = connection.login_url
    if connection.authorise == "jwt":
        return office.authorisation.by_jwt(
            login, username=connection.username, audience=audience(connection)
        )
    check_own_host(login)
    return office.authorisation.by_client(login)


def again(connection: Connection, refresh_token: str, office: Office) -> Grant:
    """The next grant of a connection that stands."""
    login = connection.login_url
    if has_refresh_token(connection):
        grant = office.authorisation.refresh(login, refresh_token=refresh_token)
    else:
        grant = directly(connection, office)
    if grant.instance_url:
        check_instance(grant.instance_url, login, office.own_login_url)
    return grant


def not_as_before(connection: Connection, grant: Grant) -> str:
    """The end that a grant means which is not what it was when we connected; else ""."""
    org, user = named_in(grant.id)
    if org and connection.org and org != connection.org:
        return "other org"
    if user and connection.user and user != connection.user:
        return "other user"
    scopes = set(grant.scope.split())
    return "scope missing" if scopes and not scopes & {"api", "full"} else ""


def tokens(access: Access, vault: Vault) -> Tokens:
    """The tokens, opened."""
    opened = _with_our_key(lambda: vault.open(access.tokens, connection=access.connection))
    return Tokens.model_validate_json(opened)


def with_tokens(access: Access, grant: Grant, before: str, office: Office) -> Access:
    """With rotation each answer brings a new refresh token; without, the old one stays."""
    kept = Tokens(
        access_token=grant.access_token, refresh_token=grant.refresh_token or before
    ).model_dump_json()
    sealed = _with_our_key(lambda: office.vault.seal(kept, connection=access.connection))
    return access.model_copy(
        update={
            "tokens": sealed,
            "instance_url": grant.instance_url or access.instance_url,
            "renewing_since": None,
            "renewed_at": office.now,
            "answer_lost": False,
        }
    )


def _with_our_key(step: Callable[[], str]) -> str:
    """That the stack's key is disabled is for us to mend, and says nothing of what waits."""
    try:
        return step()
    except Refused as error:
        raise Unavailable(f"the stack's key can't be used: {error}") from error
