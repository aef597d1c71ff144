"""What the authorisation server keeps and gives, and how its secrets are checked."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime

# RFC 7636 ends at 128, but Salesforce wants 128 random bytes, which are 171 in base64url.
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,171}")


class OAuthError(Exception):
    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status


def dead_token() -> OAuthError:
    return OAuthError("invalid_grant", "expired access/refresh token")


@dataclass
class Approval:
    """One consent of one user: its live refresh token, its old ones, its access tokens."""

    user: str
    scopes: tuple[str, ...]
    refreshed_at: datetime
    refresh_token: str | None = None
    spent: set[str] = field(default_factory=set)
    busy: bool = False
    revoked: bool = False


@dataclass(frozen=True)
class Code:
    user: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str | None
    issued_at: datetime


@dataclass
class Session:
    user: str
    scopes: tuple[str, ...]
    approval: Approval | None
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Grant:
    access_token: str
    refresh_token: str | None
    user: str
    scopes: tuple[str, ...]
    issued_at: datetime


def signature(secret: str, identity: str, issued_at: str) -> str:
    digest = hmac.new(secret.encode(), (identity + issued_at).encode(), hashlib.sha256)
    return base64.b64encode(digest.digest()).decode()


def check_verifier(challenge: str | None, verifier: str | None) -> None:
    if challenge is None:
        return
    if not verifier:
        raise OAuthError("invalid_grant", "invalid code verifier")
    digest = hashlib.sha256(verifier.encode()).digest()
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    matches = hmac.compare_digest(expected.encode(), challenge.encode())
    if not VERIFIER.fullmatch(verifier) or not matches:
        raise OAuthError("invalid_request", "invalid code verifier")
