"""Rule: connect to a Salesforce org, by way of a browser or without one."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.connecting import capabilities, ends, granting
from fieldlink.connecting.logins import check_instance
from fieldlink.errors import Lost, Refused, Unavailable, must
from fieldlink.listing import every_connection
from fieldlink.records import Access, Connection, PendingAuthorisation

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.connecting.office import Office
    from fieldlink.models import Grant
    from fieldlink.ports import Salesforce, State

GOOD_FOR = timedelta(minutes=10)  # an authorisation that was begun
MISSING = {
    "ServiceAppointment": "Service Appointments can't be seen",
    "AssignedResource": "Assigned Resources can't be seen",
    "ServiceResource": "Service Resources can't be seen",
}


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


def connect_directly(
    connection: Connection, *, office: Office, org: Callable[[Connection], Salesforce]
) -> Connection:
    """Connect in one of the two ways that need nobody to log in."""
    if connection.state in {"ending", "ended"}:
        raise Refused("This connection has been ended.")
    try:
        grant = granting.directly(connection, office)
    except Refused as refusal:
        raise _in_plain_words(refusal, connection, office) from refusal
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
    by_browser = granting.has_refresh_token(connection)
    identity = office.authorisation.identity(grant, unsigned=not by_browser)
    check_instance(grant.instance_url, connection.login_url, office.own_login_url)
    _check_same(connection, identity.org)
    if by_browser and not grant.refresh_token:
        raise Refused(
            "Salesforce gave no refresh token: add the scope refresh_token to the app."
        )
    _check_only_one(connection, identity.org, office.state)
    name = connection.connection
    before = office.state.read(Access, name) or Access(
        connection=name, tokens="", instance_url=""
    )
    must(office.state.write(granting.with_tokens(before, grant, "", office)))
    now = {"state": "connected", "problem": "", "end": "", "told": False}
    kept = connection.model_copy(update={"org": identity.org, "user": identity.user, **now})
    return _stored(_looked_at(kept, org(kept), office), office.state)


def _check_same(connection: Connection, org: str) -> None:
    if connection.org and connection.org != org:
        raise Refused(
            "This login leads to another Salesforce org than before. "
            "Make a new connection for it."
        )


def _looked_at(connection: Connection, org: Salesforce, office: Office) -> Connection:
    """With what a first look at the org says about it."""
    try:
        problem = "; ".join(MISSING[missing] for missing in org.missing_objects())
        if not problem:
            _ask_rights(connection, org, office)
    except Lost as lost:
        noted = office.state.read(Connection, connection.connection) or connection
        update = {"state": "lost", "problem": str(lost), "end": lost.end}
        return connection.model_copy(update=update | {"version": noted.version})
    now = "incomplete" if problem else "connected"
    return connection.model_copy(update={"state": now, "problem": problem})


def _ask_rights(connection: Connection, org: Salesforce, office: Office) -> None:
    """What can't be told now is told by the next night, and everything is tried until then."""
    try:
        capabilities.refresh(connection, salesforce=org, state=office.state, now=office.now)
    except Lost:
        raise
    except (Refused, Unavailable):
        return


def _in_plain_words(
    refusal: Refused, connection: Connection, office: Office
) -> Refused | Unavailable:
    """What an administrator can do about a grant that was refused."""
    if not refusal.code:  # our own words
        return refusal
    nothing = Access(connection=connection.connection, tokens="", instance_url="")
    end = ends.of_token(refusal.code, str(refusal), nothing, office.now)
    if not end:
        return Unavailable(str(refusal))
    return Refused(ends.problem(end, str(refusal)), code=refusal.code)


def _stored(connection: Connection, state: State) -> Connection:
    if not state.write(connection):
        raise Unavailable("another worker changed this connection")
    return connection.model_copy(update={"version": connection.version + 1})


def _check_only_one(connection: Connection, org: str, state: State) -> None:
    """Two connections of the same two accounts would do everything twice."""
    for other in every_connection(state):
        same = (other.org, other.hypertrack_account) == (org, connection.hypertrack_account)
        if same and other.live and other.connection != connection.connection:
            raise Refused(
                f"The connection {other.name} joins this org and HyperTrack account already."
            )
