"""Rule: begin and finish the OAuth connection to a Salesforce org."""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from fieldlink.errors import Refused, Unavailable, must
from fieldlink.records import Access, Connection, Listed, PendingAuthorisation
from fieldlink.renewing import with_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.models import Grant
    from fieldlink.office import Office
    from fieldlink.ports import Salesforce, State

GOOD_FOR = timedelta(minutes=10)  # an authorisation that was begun
ALWAYS_ALLOWED = ("login.salesforce.com", "test.salesforce.com")
MY_DOMAIN = re.compile(
    r"[a-z0-9][a-z0-9-]*(\.sandbox|\.develop|\.scratch)?\.my\.salesforce\.com"
)
FORCE_DOMAIN = re.compile(r"([a-z0-9-]+\.)+salesforce\.com")
MISSING = {
    "ServiceAppointment": "Service Appointments can't be seen",
    "AssignedResource": "Assigned Resources can't be seen",
    "ServiceResource": "Service Resources can't be seen",
}


def login_url(text: str, own_login_url: str) -> str:
    """The address to log in at, from what the operator typed. Refused if not Salesforce's.

    Our client secret goes to this host and the operator's browser, so no other is accepted.
    """
    typed = text.strip().rstrip("/")
    if typed in {"", own_login_url.rstrip("/"), urlsplit(own_login_url).netloc}:
        return own_login_url.rstrip("/")
    parts = _parts(typed if "://" in typed else f"https://{typed}")
    host = parts.netloc.lower()
    if (
        parts.scheme == "https"
        and not parts.path
        and not parts.query
        and (host in ALWAYS_ALLOWED or MY_DOMAIN.fullmatch(host))
    ):
        return f"https://{host}"
    raise Refused(
        "This is no Salesforce login host. Use login.salesforce.com, test.salesforce.com, or "
        "your My Domain host such as example.my.salesforce.com."
    )


def begin(
    connection: Connection,
    *,
    session: str,
    callback: str,
    office: Office,
    random: Callable[[], str],
) -> str:
    """Note a new authorisation and return the page to send the operator's browser to."""
    if connection.state in {"ending", "ended"}:
        raise Refused("This connection has been ended.")
    state, verifier = random(), random()
    pending = PendingAuthorisation(
        connection=connection.connection,
        state=state,
        session=session,
        verifier=office.vault.seal(verifier, connection=connection.connection),
        callback=callback,
        login_url=connection.login_url,
        ttl=int((office.now + GOOD_FOR).timestamp()),
    )
    must(office.state.write(pending))
    return office.authorisation.page(
        connection.login_url, state=state, challenge=challenge(verifier), callback=callback
    )


def challenge(verifier: str) -> str:
    """PKCE, method S256."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def finish(
    state: str,
    code: str,
    *,
    session: str,
    office: Office,
    org: Callable[[Connection], Salesforce],
) -> Connection:
    """Trade the code for tokens, keep them, and see whether Field Service is there."""
    pending = office.state.read(PendingAuthorisation, state) if state else None
    if pending is None or not session or pending.session != session:
        raise Refused("This answer belongs to no connection that was begun in this browser.")
    if office.state.take(PendingAuthorisation, state) is None:
        raise Refused("This answer has been used before.")
    if (pending.ttl or 0) < office.now.timestamp():
        raise Refused("This took longer than ten minutes. Please connect again.")
    connection = office.state.read(Connection, pending.connection)
    if connection is None or connection.state in {"ending", "ended"}:
        raise Refused("This connection does not exist any more.")
    verifier = office.vault.open(pending.verifier, connection=connection.connection)
    grant = office.authorisation.exchange(
        pending.login_url, code=code, verifier=verifier, callback=pending.callback
    )
    return _keep_grant(connection, grant, office=office, org=org)


def abandon(state: str, *, session: str, kept: State) -> None:
    """Forget an authorisation that Salesforce's user declined."""
    pending = kept.read(PendingAuthorisation, state) if state else None
    if pending and pending.session == session:
        kept.erase(PendingAuthorisation, state)


def _keep_grant(
    connection: Connection,
    grant: Grant,
    *,
    office: Office,
    org: Callable[[Connection], Salesforce],
) -> Connection:
    identity = office.authorisation.identity(grant)
    _check_instance(grant.instance_url, connection.login_url, office.own_login_url)
    if connection.org and connection.org != identity.org:
        raise Refused(
            "This login leads to another Salesforce org than before. "
            "Make a new connection for it."
        )
    if not grant.refresh_token:
        raise Refused(
            "Salesforce gave no refresh token: add the scope refresh_token to the app."
        )
    _check_only_one(connection, identity.org, office.state)
    name = connection.connection
    before = office.state.read(Access, name) or Access(
        connection=name, tokens="", instance_url=""
    )
    must(office.state.write(with_tokens(before, grant, "", office.vault)))
    kept = connection.model_copy(update={"org": identity.org, "user": identity.user})
    problem = "; ".join(MISSING[missing] for missing in org(kept).missing_objects())
    state = "incomplete" if problem else "connected"
    return _stored(kept.model_copy(update={"state": state, "problem": problem}), office.state)


def _check_instance(instance_url: str, login: str, own_login_url: str) -> None:
    parts = _parts(instance_url)
    ours = urlsplit(own_login_url).netloc
    if login == own_login_url.rstrip("/") and parts.netloc == ours:
        return
    if parts.scheme != "https" or not FORCE_DOMAIN.fullmatch(parts.netloc.lower()):
        raise Refused("Salesforce named an instance that is none of Salesforce's hosts.")


def _parts(url: str) -> SplitResult:
    """The parts of an address; none of something that is no address."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _stored(connection: Connection, state: State) -> Connection:
    if not state.write(connection):
        raise Unavailable("another worker changed this connection")
    return connection.model_copy(update={"version": connection.version + 1})


def _check_only_one(connection: Connection, org: str, state: State) -> None:
    """Two connections of the same two accounts would do everything twice."""
    others = state.read_many(Connection, (each.key for each in state.all_of(Listed)))
    for other in others:
        same = (other.org, other.hypertrack_account) == (org, connection.hypertrack_account)
        if same and other.live and other.connection != connection.connection:
            raise Refused(
                f"The connection {other.name} joins this org and HyperTrack account already."
            )
