"""Salesforce's OAuth endpoints: three ways to a token, refresh, revoke."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import requests
from pydantic import ValidationError

from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.ids import named_in
from fieldlink.models import Grant, Identity

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds to connect, to read. A renewal that takes longer than 30 s is taken over by another.
TIMEOUT = (3.05, 15)
SCOPES = "api refresh_token"  # the identity URL comes with every grant
# `invalid_grant` that heals by itself: somebody else's refresh is on its way.
IN_FLIGHT = "token request is already being processed"
TOO_MANY = "rate_limit_exceeded"  # of logins
BROKEN = {"server_error", "temporarily_unavailable", "unknown_error"}
BY_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWT_LIFE = timedelta(minutes=3)  # as long as Salesforce allows
REVOKED_BEFORE = {"invalid_token", "unsupported_token_type"}


class SalesforceAuthorisation:
    """Our app, as Salesforce's login hosts know it."""

    def __init__(
        self, http: requests.Session, app: Callable[[], str], jwt_key: Callable[[], str]
    ) -> None:
        self._http = http
        self._read_app = app
        self._read_jwt_key = jwt_key

    def page(self, login_url: str, *, state: str, challenge: str, callback: str) -> str:
        query = {
            "response_type": "code",
            "client_id": self._app()["client_id"],
            "redirect_uri": callback,
            "scope": SCOPES,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{login_url}/services/oauth2/authorize?{urlencode(query)}"

    def exchange(self, login_url: str, *, code: str, verifier: str, callback: str) -> Grant:
        return self._token(
            login_url,
            grant_type="authorization_code",
            code=code,
            redirect_uri=callback,
            code_verifier=verifier,
        )

    def refresh(self, login_url: str, *, refresh_token: str) -> Grant:
        """Never repeated blindly: the first request may have used the token up."""
        return self._token(login_url, grant_type="refresh_token", refresh_token=refresh_token)

    def by_jwt(self, login_url: str, *, username: str, audience: str) -> Grant:
        """The key stands for the app's secret, which is not sent."""
        claims = {
            "iss": self._app()["client_id"],
            "sub": username,
            "aud": audience,
            "exp": int((datetime.now(UTC) + JWT_LIFE).timestamp()),
        }
        assertion = _signed(claims, _ours(self._read_jwt_key))
        return self._grant(login_url, {"grant_type": BY_JWT, "assertion": assertion})

    def by_client(self, login_url: str) -> Grant:
        return self._token(login_url, grant_type="client_credentials")

    def revoke(self, login_url: str, *, token: str) -> None:
        """Revoking a refresh token ends its access tokens too."""
        answer = self._post(login_url, "revoke", {"token": token})
        if not answer.ok and _error(answer)[0] not in REVOKED_BEFORE:
            raise Refused(f"Salesforce did not revoke the access: {_error(answer)[1]}")

    def scopes(self, login_url: str, *, token: str) -> frozenset[str] | None:
        """By introspection; None if Salesforce does not know the token any more."""
        answer = self._post(login_url, "introspect", {"token": token, **self._app()})
        if not answer.ok:
            code, text = _error(answer)
            raise Refused(f"{code}: {text}", code=code)
        try:
            told: dict[str, Any] = answer.json()
            return frozenset(str(told["scope"]).split()) if told["active"] else None
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("Salesforce's answer can't be read") from error

    def identity(self, grant: Grant, *, unsigned: bool = False) -> Identity:
        """The last two parts of `id`, which Salesforce signs with our client secret.

        It does not sign its answer to a JWT, which comes from its own host all the same.
        """
        key = self._app()["client_secret"].encode()
        signed = hmac.new(key, f"{grant.id}{grant.issued_at}".encode(), sha256).digest()
        none = unsigned and not grant.signature
        if not none and not hmac.compare_digest(b64encode(signed), grant.signature.encode()):
            raise Refused("Salesforce's answer is not signed with this app's secret.")
        org, user = named_in(grant.id)
        if not org or not user:
            raise Refused("Salesforce's answer names no org and user.")
        return Identity(org=org, user=user)

    def _token(self, login_url: str, **form: str) -> Grant:
        return self._grant(login_url, {**form, **self._app()})

    def _grant(self, login_url: str, form: dict[str, str]) -> Grant:
        answer = self._post(login_url, "token", form)
        if not answer.ok:
            raise _refusal(*_error(answer))
        try:
            return Grant.model_validate_json(answer.content)
        except ValidationError as error:
            raise Unclear("Salesforce's token answer can't be read") from error

    def _post(self, login_url: str, endpoint: str, form: dict[str, str]) -> requests.Response:
        try:
            answer = self._http.post(
                f"{login_url}/services/oauth2/{endpoint}",
                data=form,
                timeout=TIMEOUT,
                allow_redirects=False,  # the secret goes to no other host
            )
        except requests.ConnectTimeout as error:
            raise Unavailable("Salesforce's login can't be reached") from error
        except requests.RequestException as error:
            raise Unclear("Salesforce's login did not answer") from error
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS or answer.status_code >= 500:
            raise Unclear(f"Salesforce's login answered {answer.status_code}")
        return answer

    def _app(self) -> dict[str, str]:
        try:
            app = json.loads(_ours(self._read_app))
            return {name: str(app[name]) for name in ("client_id", "client_secret")}
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("the stack's secret of the app can't be read") from error


def _ours(secret: Callable[[], str]) -> str:
    """A secret of the stack. If AWS refuses it, that says nothing of anybody's access."""
    try:
        return secret()
    except Refused as error:
        raise Unavailable(f"a secret of the stack can't be read: {error}") from error


def _error(answer: requests.Response) -> tuple[str, str]:
    """OAuth's own error object; anything else is an edge's page."""
    try:
        body: Any = answer.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict) or "error" not in body:
        raise Unavailable(f"Salesforce's login answered {answer.status_code}")
    return str(body["error"]), str(body.get("error_description") or body["error"])


def _refusal(code: str, text: str) -> Refused | Unavailable:
    """What a token request that was answered by an error means for its caller."""
    if IN_FLIGHT in text or code == TOO_MANY:
        return Unavailable(f"Salesforce's login: {text}")
    if code in BROKEN:
        return Unclear(f"Salesforce's login: {code}: {text}")
    return Refused(f"{code}: {text}", code=code)


def _signed(claims: dict[str, Any], pem: str) -> str:
    """Imported here: it takes a quarter of a second, and most connections sign nothing."""
    import jwt
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key: object = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):  # no key, or one with a password
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise Refused(
            "The stack has no RSA private key to sign JWTs with. Put the one of the app's "
            "certificate, in PEM and without a password, into the stack's secret: its output "
            "JwtKeyCommand says how."
        )
    return jwt.encode(claims, key, algorithm="RS256")
