"""Rule: a new connection, from what the operator typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.connecting.logins import check_own_host, login_url
from fieldlink.connecting.settings import Typed, checked_settings
from fieldlink.errors import Refused, Unavailable
from fieldlink.records import Connection, Listed, WebhookKeys

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.connecting.office import Office
    from fieldlink.ports import HyperTrack

SHORTEST_SECRET = 8
WAYS = {"web", "jwt", "client"}


def create(
    typed: Typed,
    *,
    connection: str,
    office: Office,
    account: Callable[[str, Callable[[], str]], HyperTrack],
) -> Connection:
    """Check what was typed, with HyperTrack too, and keep it. Refused in plain words."""
    login = login_url(typed.login_host, office.own_login_url)
    settings = _checked_way(typed, login) | checked_settings(typed)
    _check(typed.account, typed.secret, account)
    sealed = office.vault.seal(typed.secret, connection=connection)
    made = Connection(
        connection=connection,
        name=typed.name[:80] or typed.account,
        hypertrack_account=typed.account,
        hypertrack_secret=sealed,
        login_url=login,
    ).model_copy(update=settings)
    # The list comes last: what a crash leaves before it is never looked at.
    keys = WebhookKeys(
        connection=connection, secrets=(sealed,), live_positions=made.live_positions
    )
    records = (keys, made)
    for record in (*records, Listed(connection=connection)):
        if not office.state.write(record):
            raise Unavailable("the connection could not be kept")
    return made


def change_secret(
    connection: Connection,
    secret: str,
    *,
    office: Office,
    account: Callable[[str, Callable[[], str]], HyperTrack],
) -> None:
    """Take a new SecretKey. Deliveries signed with the one before are still accepted,
    also when the new one is entered twice.

    The webhook door learns it first: it must never refuse what HyperTrack signs.
    """
    if connection.state == "ended":
        raise Refused("This connection has been ended.")
    _check(connection.hypertrack_account, secret, account)
    name = connection.connection
    sealed = office.vault.seal(secret, connection=name)
    keys = office.state.read(WebhookKeys, name) or WebhookKeys(connection=name, secrets=())
    known = (connection.hypertrack_secret, *keys.secrets)
    former = tuple(each for each in known if office.vault.open(each, connection=name) != secret)
    changed = connection.model_copy(update={"hypertrack_secret": sealed})
    for record in (keys.model_copy(update={"secrets": (sealed, *former[:1])}), changed):
        if not office.state.write(record):
            raise Unavailable("somebody else changed this connection just now")


def _checked_way(typed: Typed, login: str) -> dict[str, int | str | bool]:
    """How we are to get access, with what that way needs."""
    if typed.authorise not in WAYS:
        raise Refused("Choose one of the three ways to authorise.")
    if typed.authorise == "jwt" and not typed.username:
        raise Refused("JWT bearer needs the username of the user in Salesforce.")
    if typed.authorise == "client":
        check_own_host(login)
    if typed.authorise != "jwt":
        return {"authorise": typed.authorise}
    audience = typed.audience.rstrip("/")
    if audience and not audience.startswith("https://"):
        raise Refused("An audience begins with https://. Empty is right for nearly everybody.")
    return {"authorise": "jwt", "username": typed.username, "audience": audience}


def _check(
    account_id: str, secret: str, account: Callable[[str, Callable[[], str]], HyperTrack]
) -> None:
    if not account_id or len(secret) < SHORTEST_SECRET:
        raise Refused("Fill in HyperTrack's AccountId and SecretKey, from its Setup page.")
    try:
        account(account_id, lambda: secret).check()
    except Refused as error:
        raise Refused("HyperTrack does not accept this AccountId and SecretKey.") from error
