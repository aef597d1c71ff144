"""The authorisation server: codes, tokens, rotation and revocation, without HTTP.

Sources: Salesforce Help, "OAuth 2.0 Web Server Flow", "Refresh Token Rotation", "Limit Idle
Refresh Token TTL", "OAuth Authorization Errors". There is never an `expires_in`.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import RLock

from local.salesforce.grants import (
    Approval,
    Code,
    Grant,
    OAuthError,
    Session,
    check_verifier,
    dead_token,
)
from local.salesforce.rules import Rules

CODE_LIFE = timedelta(minutes=15)
IDLE_LIFE = timedelta(days=30)
ATTENDED = {"refresh_token", "offline_access", "full", "web"}  # never without a consent
APPROVALS = 5  # per user and app; one more silently drops the oldest


class OAuth:
    def __init__(self, clock: Callable[[], datetime], session: timedelta, rules: Rules) -> None:
        self.clock = clock
        self.session = session
        self.rules = rules
        self.codes: dict[str, Code] = {}
        self.approvals: list[Approval] = []
        self.sessions: dict[str, Session] = {}
        self._lock = RLock()

    def issue_code(
        self, user: str, scopes: tuple[str, ...], redirect_uri: str, challenge: str | None
    ) -> str:
        code = "aPrx" + secrets.token_urlsafe(40)
        self.codes[code] = Code(user, scopes, redirect_uri, challenge, self.clock())
        return code

    def exchange(self, code: str, redirect_uri: str, verifier: str | None) -> Grant:
        """A code works once and for 15 minutes."""
        with self._lock:
            issued = self.codes.pop(code, None)
            if issued is None or issued.issued_at + CODE_LIFE < self.clock():
                raise OAuthError("invalid_grant", "expired authorization code")
            if redirect_uri != issued.redirect_uri:
                raise OAuthError(
                    "redirect_uri_mismatch", "redirect_uri must match configuration"
                )
            check_verifier(issued.challenge, verifier)
            approval = Approval(issued.user, issued.scopes, self.clock())
            self._keep(approval)
            return self._grant(approval, first=True)

    @contextmanager
    def refreshing(self, token: str) -> Iterator[tuple[str, Callable[[], Grant]]]:
        """Claims the token for the length of the block; gives its user, and what completes.

        A second refresh with the same token meanwhile is refused for now; a spent token
        revokes the whole approval.
        """
        approval = self._claim(token)
        try:
            yield approval.user, lambda: self._rotate(approval)
        finally:
            approval.busy = False

    def session_for(self, user: str) -> Grant:
        """A session that no consent is asked for: the app's scopes, and no refresh token."""
        scopes = tuple(each for each in self.rules.app_scopes if each not in ATTENDED)
        return self._session(user, scopes, None, None)

    def approved(self, user: str) -> bool:
        """Whether the user has once allowed the app to act in their absence."""
        return any(
            each.user == user and each.refresh_token and not self._dead(each)
            for each in self.approvals
        )

    def revoke(self, token: str) -> None:
        with self._lock:
            if self.sessions.pop(token, None):
                return
            for approval in self.approvals:
                if token == approval.refresh_token and not approval.revoked:
                    self._end(approval)
                    return
        raise OAuthError("invalid_token", "invalid token")

    def revoke_all(self) -> None:
        with self._lock:
            for approval in self.approvals:
                self._end(approval)
            self.sessions.clear()

    def forget_all(self) -> None:
        """A refreshed sandbox knows nothing of what the one before it gave."""
        with self._lock:
            self.revoke_all()
            self.codes.clear()

    def expire_sessions(self) -> None:
        self.sessions.clear()

    def session_of(self, token: str) -> Session | None:
        session = self.sessions.get(token)
        return session if session and session.expires_at > self.clock() else None

    def live_refresh(self, token: str) -> Approval | None:
        for approval in self.approvals:
            if approval.refresh_token == token and not self._dead(approval):
                return approval
        return None

    def _claim(self, token: str) -> Approval:
        with self._lock:
            for approval in self.approvals:
                if token in approval.spent:
                    self._end(approval)
            approval_or_none = self.live_refresh(token)
            if approval_or_none is None:
                raise dead_token()
            if approval_or_none.busy:
                raise OAuthError("invalid_grant", "token request is already being processed")
            approval_or_none.busy = True
            return approval_or_none

    def _rotate(self, approval: Approval) -> Grant:
        with self._lock:
            if approval.revoked:
                raise dead_token()
            approval.refreshed_at = self.clock()
            return self._grant(approval, first=False)

    def _grant(self, approval: Approval, *, first: bool) -> Grant:
        new = None
        if {"refresh_token", "offline_access", "full"} & set(approval.scopes):
            new = self._next_refresh_token(approval, first=first)
        return self._session(approval.user, self._still(approval.scopes), approval, new)

    def _still(self, scopes: tuple[str, ...]) -> tuple[str, ...]:
        """Of the scopes that a user allowed, those that the app still has."""
        return tuple(each for each in scopes if {each, "full"} & set(self.rules.app_scopes))

    def _next_refresh_token(self, approval: Approval, *, first: bool) -> str | None:
        if not (first or self.rules.rotation):
            return None
        if approval.refresh_token:
            approval.spent.add(approval.refresh_token)
        approval.refresh_token = "5Aep861" + secrets.token_urlsafe(60)
        return approval.refresh_token

    def _session(
        self,
        user: str,
        scopes: tuple[str, ...],
        approval: Approval | None,
        refresh_token: str | None,
    ) -> Grant:
        now = self.clock()
        token = f"{self.rules.org_id[:15]}!{secrets.token_urlsafe(60)}"
        self.sessions[token] = Session(user, scopes, approval, now, now + self.session)
        return Grant(token, refresh_token, user, scopes, now)

    def _keep(self, approval: Approval) -> None:
        self.approvals.append(approval)
        alive = [
            each
            for each in self.approvals
            if each.user == approval.user and not self._dead(each)
        ]
        for oldest in alive[:-APPROVALS]:
            self._end(oldest)

    def _dead(self, approval: Approval) -> bool:
        return approval.revoked or approval.refreshed_at + IDLE_LIFE < self.clock()

    def _end(self, approval: Approval) -> None:
        approval.revoked = True
        self.sessions = {
            token: session
            for token, session in self.sessions.items()
            if session.approval is not approval
        }
