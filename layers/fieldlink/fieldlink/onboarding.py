"""Rule: a new connection, from what the operator typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.connecting import login_url
from fieldlink.errors import Refused, Unavailable
from fieldlink.records import Connection, Listed, WebhookKeys

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.office import Office
    from fieldlink.ports import HyperTrack

SMALLEST_RADIUS, LARGEST_RADIUS = 50, 5_000  # metres; HyperTrack suggests 100 or more
MOST_EARLY_HOURS = 336  # two weeks
SHORTEST_SECRET = 8


class Typed(NamedTuple):
    """The form of a new connection."""

    name: str
    account: str
    secret: str
    login_host: str
    radius: str
    early_hours: str
    invitation_template: str


def create(
    typed: Typed,
    *,
    connection: str,
    office: Office,
    account: Callable[[str, Callable[[], str]], HyperTrack],
) -> Connection:
    """Check what was typed, with HyperTrack too, and keep it. Refused in plain words."""
    login = login_url(typed.login_host, office.own_login_url)
    settings = checked_settings(typed.radius, typed.early_hours, typed.invitation_template)
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
    records = (WebhookKeys(connection=connection, secrets=(sealed,)), made)
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
    """Take a new SecretKey. Deliveries signed with the one before are still accepted.

    The webhook door learns it first: it must never refuse what HyperTrack signs.
    """
    if connection.state == "ended":
        raise Refused("This connection has been ended.")
    _check(connection.hypertrack_account, secret, account)
    name = connection.connection
    sealed = office.vault.seal(secret, connection=name)
    keys = office.state.read(WebhookKeys, name) or WebhookKeys(connection=name, secrets=())
    former = (connection.hypertrack_secret,)
    changed = connection.model_copy(update={"hypertrack_secret": sealed})
    for record in (keys.model_copy(update={"secrets": (sealed, *former)}), changed):
        if not office.state.write(record):
            raise Unavailable("somebody else changed this connection just now")


def checked_settings(
    radius: str, early_hours: str, invitation_template: str
) -> dict[str, int | str]:
    """The settings that an operator may change at any time."""
    metres, hours = _number(radius), _number(early_hours)
    if not SMALLEST_RADIUS <= metres <= LARGEST_RADIUS:
        raise Refused(f"The radius is {SMALLEST_RADIUS} to {LARGEST_RADIUS} whole metres.")
    if not 1 <= hours <= MOST_EARLY_HOURS:
        raise Refused(f"An arrival counts from 1 to {MOST_EARLY_HOURS} hours before its time.")
    template = invitation_template.strip()
    if template and not (template.startswith("https://") and "{resource_id}" in template):
        raise Refused("A link template begins with https:// and contains {resource_id}.")
    return {"radius": metres, "early_hours": hours, "invitation_template": template}


def _number(text: str) -> int:
    """A short whole number; -1 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else -1


def _check(
    account_id: str, secret: str, account: Callable[[str, Callable[[], str]], HyperTrack]
) -> None:
    if not account_id or len(secret) < SHORTEST_SECRET:
        raise Refused("Fill in HyperTrack's AccountId and SecretKey, from its Setup page.")
    try:
        account(account_id, lambda: secret).check()
    except Refused as error:
        raise Refused("HyperTrack does not accept this AccountId and SecretKey.") from error
