"""Salesforce's OAuth endpoints: web server flow with PKCE, refresh, revoke."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import requests
from pydantic import ValidationError

from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.ids import salesforce_id
from fieldlink.models import Grant, Identity

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT = (3.05, 20)  # seconds to connect, to read
SCOPES = "api refresh_token"  # the identity URL comes with every grant
# `invalid_grant` that heals by itself: somebody else's refresh is on its way.
IN_FLIGHT = "token request is already being processed"
REVOKED_BEFORE = {"invalid_token", "unsupported_token_type"}


class SalesforceAuthorisation:
    """Our app, as Salesforce's login hosts know it."""

    def __init__(self, http: requests.Session, app: Callable[[], str]) -> None:
        self._http = http
        self._read_app = app

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

    def revoke(self, login_url: str, *, token: str) -> None:
        """Revoking a refresh token ends its access tokens too."""
        answer = self._post(login_url, "revoke", {"token": token})
        if not answer.ok and _error(answer)[0] not in REVOKED_BEFORE:
            raise Refused(f"Salesforce did not revoke the access: {_error(answer)[1]}")

    def identity(self, grant: Grant) -> Identity:
        """The last two parts of `id`, which Salesforce has signed with our client secret."""
        key = self._app()["client_secret"].encode()
        signed = hmac.new(key, f"{grant.id}{grant.issued_at}".encode(), sha256).digest()
        if not hmac.compare_digest(b64encode(signed), grant.signature.encode()):
            raise Refused("Salesforce's answer is not signed with this app's secret.")
        _, _, path = urlsplit(grant.id).path.rpartition("/id/")
        org, _, user = path.partition("/")
        identity = Identity(org=salesforce_id(org, "00D"), user=salesforce_id(user, "005"))
        if not identity.org or not identity.user:
            raise Refused("Salesforce's answer names no org and user.")
        return identity

    def _token(self, login_url: str, **form: str) -> Grant:
        answer = self._post(login_url, "token", {**form, **self._app()})
        if not answer.ok:
            code, text = _error(answer)
            if text == IN_FLIGHT:
                raise Unavailable("another token request is being processed")
            raise Refused(f"{code}: {text}", code=code)
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
        return dict(json.loads(self._read_app()))


def _error(answer: requests.Response) -> tuple[str, str]:
    """OAuth's own error object; anything else is an edge's page."""
    try:
        body: Any = answer.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict) or "error" not in body:
        raise Unavailable(f"Salesforce's login answered {answer.status_code}")
    return str(body["error"]), str(body.get("error_description") or body["error"])
