"""Rule: keep the access to an org: open it, renew its tokens, revoke them."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from threading import Lock, local
from typing import TYPE_CHECKING

from fieldlink.connecting import ends, granting
from fieldlink.errors import Lost, Refused, Unavailable, Unclear
from fieldlink.records import Access, Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.connecting.office import Office
    from fieldlink.models import Grant
    from fieldlink.ports import State

# A token request takes at most 3 s to connect and 15 s to answer, and keeping the answer a few
# calls of AWS. Whoever began longer ago is gone.
RENEWAL_ABANDONED = timedelta(seconds=30)
KEEP_ALIVE = timedelta(days=7)  # of the 30 that Salesforce lets a refresh token idle
NEW = timedelta(minutes=1)  # younger than this, a token can't have expired
TRIES = 3


class Pass:
    """What opens a connection's org: the stored token, renewed when it has expired."""

    def __init__(
        self, connection: Connection, office: Callable[[], Office], access: Access | None = None
    ) -> None:
        self._connection = connection
        self._office = office  # one for each renewal: its clock stands, and a look takes long
        self._access = access  # as it has just been read
        self._renewing, self._shown = Lock(), local()  # by which thread which token was shown

    @property
    def instance_url(self) -> str:
        return self._stored().instance_url

    @property
    def token(self) -> str:
        self._shown.access = self._stored()
        return granting.tokens(self._shown.access, self._office().vault).access_token

    def renew(self, why: str) -> None:
        """Another token, unless `why`, "CODE: message", says that no token would do."""
        office, stale = self._office(), getattr(self._shown, "access", None) or self._stored()
        code, _, message = why.partition(": ")
        if end := ends.of_call(code, message):
            raise _lost(self._connection, stale, end, why, office)
        with self._renewing:
            if self._stored().tokens == stale.tokens:  # else another thread has done it
                self._access = renew(self._connection, stale=stale, office=office)

    def give_up(self, code: str, message: str) -> None:
        """Salesforce has shut us out, or does not take the renewed token either."""
        office, access = self._office(), self._stored()
        end = ends.of_call(code, message)
        if not end and (access.renewed_at is None or office.now - access.renewed_at > NEW):
            raise Unavailable("Salesforce does not take the token that another worker got")
        said = f"{code}: {message}"
        raise _lost(self._connection, access, end or "session policy", said, office)

    def _stored(self) -> Access:
        if self._access is None:
            self._access = _known(self._connection.connection, self._office().state)
        return self._access


def renew(connection: Connection, *, stale: Access, office: Office) -> Access:
    """New tokens in place of the stale ones; at most one worker asks Salesforce for them.

    A used refresh token, shown twice, makes Salesforce revoke everything. So one conditional
    write decides who asks, and what came is stored before it is used.
    """
    if connection.state == "lost":  # repeating what Salesforce has refused may lock the user
        raise Lost(connection.problem, end=connection.end)
    access = _known(connection.connection, office.state)
    since = access.renewing_since
    if since and office.now - since < RENEWAL_ABANDONED:
        raise Unavailable("another worker is renewing this connection's token")
    if since is None and access.tokens != stale.tokens:
        return access
    refresh_token = granting.tokens(access, office.vault).refresh_token
    # Who began before us and is gone may have taken the answer along.
    doubtful = granting.has_refresh_token(connection) and (access.answer_lost or bool(since))
    lease = {"renewing_since": office.now, "answer_lost": doubtful}
    ours = _written(access.model_copy(update=lease), office.state)
    try:
        grant = granting.again(connection, refresh_token, office)
    except Refused as refusal:
        return _refused(connection, ours, refusal, office)
    except Unavailable as error:
        _note(connection, ours, error, office.state)
        raise
    if end := granting.not_as_before(connection, grant):
        raise _lost(connection, ours, end, "", office)
    return _keep(ours, grant, refresh_token, office)


def keep_alive(connection: Connection, office: Office) -> bool:
    """Renew a refresh token before it has idled for too long; whether that was done."""
    access = office.state.read(Access, connection.connection)
    if access is None or not granting.has_refresh_token(connection):
        return False
    if access.renewed_at and office.now - access.renewed_at < KEEP_ALIVE:
        return False
    try:
        renew(connection, stale=access, office=office)
    except Lost:
        raise
    except Unavailable:  # the access itself still stands, and there are weeks to try again
        return False
    return True


def revoke(connection: Connection, office: Office) -> None:
    """The access revoked at Salesforce and the tokens erased, unless that has been done."""
    access = office.state.read(Access, connection.connection)
    if access is None:
        return
    tokens = granting.tokens(access, office.vault)
    token = tokens.refresh_token or tokens.access_token
    # A login that knows our app no more has nothing to revoke; the tokens go all the same.
    with suppress(Refused):
        office.authorisation.revoke(connection.login_url, token=token)
    office.state.erase(Access, connection.connection)


def _known(name: str, state: State) -> Access:
    access = state.read(Access, name)
    if access is None:
        raise Lost("this connection has to be connected to Salesforce again")
    return access


def _written(access: Access, state: State) -> Access:
    if not state.write(access):
        raise Unavailable("another worker is renewing this connection's token")
    return access.model_copy(update={"version": access.version + 1})


def _note(connection: Connection, ours: Access, error: Unavailable, state: State) -> None:
    """After no answer the refresh token may be used up, so the lease stays; else it ends."""
    lost = isinstance(error, Unclear) and granting.has_refresh_token(connection)
    after = {"answer_lost": True} if lost else {"renewing_since": None}
    _written(ours.model_copy(update=after), state)


def _keep(ours: Access, grant: Grant, before: str, office: Office) -> Access:
    """The new tokens, stored. Nobody else has them, so what fails is tried again at once."""
    new = _insist(lambda: granting.with_tokens(ours, grant, before, office))
    _insist(lambda: office.state.write(new))
    kept = _known(ours.connection, office.state)
    if kept.renewing_since:
        raise Unavailable("another worker is renewing this connection's token")
    return kept  # or what somebody who connected meanwhile has stored


def _insist[T](step: Callable[[], T]) -> T:
    for _ in range(TRIES - 1):
        with suppress(Unavailable):
            return step()
    return step()


def _refused(connection: Connection, ours: Access, refusal: Refused, office: Office) -> Access:
    end = ends.of_token(refusal.code, str(refusal), ours, office.now)
    if not end:
        _note(connection, ours, Unavailable(), office.state)
        raise Unavailable(f"Salesforce does not renew the access: {refusal}") from refusal
    access = _known(ours.connection, office.state)
    if access.tokens != ours.tokens and access.renewing_since is None:
        return access  # somebody has connected again meanwhile
    # We refuse some ourselves, of which the end tells, but for one.
    said = str(refusal) if refusal.code or end == "refused" else ""
    raise _lost(connection, ours, end, said, office) from refusal


def _lost(
    connection: Connection, ours: Access, end: str, said: str, office: Office
) -> Unavailable:
    """Let the console say why; an authorisation that was finished meanwhile wins."""
    state, problem = office.state, ends.problem(end, said)
    for _ in range(TRIES):
        current = state.read(Connection, connection.connection)
        access = state.read(Access, connection.connection)
        if access is None or access.tokens != ours.tokens:
            return Unavailable("this connection has other tokens by now")
        if current is None or current.state in {"ending", "ended"}:
            break
        told = current.told and current.state == "lost"
        lost = {"state": "lost", "problem": problem, "end": end, "told": told}
        if state.write(current.model_copy(update=lost)):
            break
    return Lost(problem, end=end)
