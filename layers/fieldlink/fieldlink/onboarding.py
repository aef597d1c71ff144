"""Rule: a new connection, from what the operator typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.errors import Refused, Unavailable
from fieldlink.logins import check_own_host, login_url
from fieldlink.records import Connection, Listed, WebhookKeys

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.office import Office
    from fieldlink.ports import HyperTrack

SMALLEST_RADIUS, LARGEST_RADIUS = 50, 5_000  # metres; HyperTrack suggests 100 or more
MOST_EARLY_HOURS = 336  # two weeks
MOST_OVERLAP = 60  # minutes
SHORTEST_SECRET = 8
WAYS = {"web", "jwt", "client"}


class Typed(NamedTuple):
    """The form of a new connection."""

    name: str = ""
    account: str = ""
    secret: str = ""
    login_host: str = ""
    authorise: str = "web"
    username: str = ""
    audience: str = ""
    radius: str = "100"
    early_hours: str = "12"
    invitation_template: str = ""
    overlap: str = "10"
    quota_share: str = "5"


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


def settings_of(connection: Connection) -> Typed:
    """The form of the settings as they stand, but for what may be left empty."""
    return Typed(
        radius=str(connection.radius),
        early_hours=str(connection.early_hours),
        overlap=str(connection.overlap),
        quota_share=str(connection.quota_share),
    )


def checked_settings(typed: Typed) -> dict[str, int | str]:
    """The settings that an operator may change at any time."""
    metres, hours = _number(typed.radius), _number(typed.early_hours)
    minutes, percent = _number(typed.overlap), _number(typed.quota_share)
    if not SMALLEST_RADIUS <= metres <= LARGEST_RADIUS:
        raise Refused(f"The radius is {SMALLEST_RADIUS} to {LARGEST_RADIUS} whole metres.")
    if not 1 <= hours <= MOST_EARLY_HOURS:
        raise Refused(f"An arrival counts from 1 to {MOST_EARLY_HOURS} hours before its time.")
    template = typed.invitation_template.strip()
    if template and not (template.startswith("https://") and "{resource_id}" in template):
        raise Refused("A link template begins with https:// and contains {resource_id}.")
    if not 1 <= minutes <= MOST_OVERLAP:
        raise Refused(f"Each look reaches back 1 to {MOST_OVERLAP} minutes past the last one.")
    if not 1 <= percent <= 100:
        raise Refused("The share of the org's API calls is 1 to 100 percent.")
    return {
        "radius": metres,
        "early_hours": hours,
        "invitation_template": template,
        "overlap": minutes,
        "quota_share": percent,
    }


def _checked_way(typed: Typed, login: str) -> dict[str, int | str]:
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
