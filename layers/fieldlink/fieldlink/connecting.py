"""Rule: begin, finish, refresh and end the OAuth connection to a Salesforce org."""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, urlsplit

from fieldlink.errors import Lost, Refused, Unavailable
from fieldlink.records import Access, Connection, PendingAuthorisation, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.models import Grant
    from fieldlink.ports import Authorisation, Salesforce, State, Vault

GOOD_FOR = timedelta(minutes=10)  # an authorisation that was begun
# PollSalesforce is stopped after 240 s; whoever began a refresh longer ago is gone.
RENEWAL_ABANDONED = timedelta(minutes=5)
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


class Office(NamedTuple):
    """What connecting needs at hand."""

    state: State
    vault: Vault
    authorisation: Authorisation
    own_login_url: str  # the stack's own SalesforceLoginUrl, allowed whatever its host
    now: datetime


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


def begin(
    connection: Connection,
    *,
    session: str,
    callback: str,
    office: Office,
    random: Callable[[], str],
) -> str:
    """Note a new authorisation and return the page to send the operator's browser to."""
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
    _must(office.state.write(pending))
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
    name = connection.connection
    before = office.state.read(Access, name) or Access(
        connection=name, tokens="", instance_url=""
    )
    _must(office.state.write(_with_tokens(before, grant, "", office.vault)))
    kept = connection.model_copy(update={"org": identity.org, "user": identity.user})
    problem = "; ".join(MISSING[missing] for missing in org(kept).missing_objects())
    state = "incomplete" if problem else "connected"
    return _stored(kept.model_copy(update={"state": state, "problem": problem}), office.state)


def renew(connection: Connection, *, stale: Access, office: Office) -> Access:
    """New tokens in place of the stale ones; at most one worker asks Salesforce for them.

    A used refresh token, shown twice, makes Salesforce revoke everything. So one conditional
    write decides who asks, and what came is stored before it is used.
    """
    access = office.state.read(Access, connection.connection)
    if access is None:
        raise Lost("this connection has to be connected to Salesforce again")
    busy = access.renewing_since and office.now - access.renewing_since < RENEWAL_ABANDONED
    if busy:
        raise Unavailable("another worker is refreshing this connection's token")
    if access.version != stale.version and access.renewing_since is None:
        return access
    ours = access.model_copy(update={"renewing_since": office.now})
    if not office.state.write(ours):
        raise Unavailable("another worker is refreshing this connection's token")
    ours = ours.model_copy(update={"version": ours.version + 1})
    refresh_token = tokens(ours, office.vault).refresh_token
    try:
        grant = office.authorisation.refresh(connection.login_url, refresh_token=refresh_token)
    except Refused as refusal:
        raise _lost(connection, ours, refusal, office) from refusal
    renewed = _with_tokens(ours, grant, refresh_token, office.vault)
    _must(office.state.write(renewed))
    return renewed.model_copy(update={"version": renewed.version + 1})


def tokens(access: Access, vault: Vault) -> Tokens:
    """The tokens, opened."""
    opened = vault.open(access.tokens, connection=access.connection)
    return Tokens.model_validate_json(opened)


def end(connection: Connection, office: Office) -> Connection:
    """No more polls from here on."""
    ending = {"state": "ending", "problem": ""}
    return _stored(connection.model_copy(update=ending), office.state)


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


def _with_tokens(access: Access, grant: Grant, before: str, vault: Vault) -> Access:
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


def _must(written: bool) -> None:
    if not written:
        raise Unavailable("the state could not be written")
