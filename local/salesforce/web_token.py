"""The token address: a code, a refresh token or the app itself for an access token.

Source: Salesforce Help, "OAuth Endpoints". An error is one object here, never the array of the
REST API.
"""

import hmac
from typing import Any

from flask import Blueprint, Response, jsonify, request

from local.salesforce.broken import cut, dropped
from local.salesforce.faults import Fault, answers, pause
from local.salesforce.grants import Grant, OAuthError, signature
from local.salesforce.rest import faulty
from local.salesforce.site import Site, TokenRequest


def blueprint(site: Site) -> Blueprint:
    web = Blueprint("token", __name__)

    @web.post("/services/oauth2/token")
    def token() -> Response:
        fault = site.fault_queue.take(
            request.method, request.path, request.query_string.decode()
        )
        response = _token(site, fault)
        _record(site, response)
        if fault.get("drop"):
            return dropped()
        return cut(response) if fault.get("half") else response

    return web


def _token(site: Site, fault: Fault) -> Response:
    early = answers(fault) and not fault.get("after")
    try:
        if early:
            pause(fault)
        else:
            granted = _granted(site, fault)
    except OAuthError as error:
        return refused(error)
    if not answers(fault):
        return jsonify(_grant_body(site, granted))
    answer = faulty(fault)
    response = jsonify(answer.body) if isinstance(answer.body, dict) else Response(answer.body)
    response.status_code = answer.status
    return response


def _granted(site: Site, fault: Fault) -> Grant:
    """A fault's delay falls between the claim of a refresh token and its rotation."""
    grant_type = request.form.get("grant_type", "")
    check_client(site)
    if not site.org_active:
        raise OAuthError("inactive_org", "organization is inactive")
    if grant_type == "refresh_token":
        with site.oauth.refreshing(request.form.get("refresh_token", "")) as complete:
            pause(fault)
            return _of_active_user(site, complete())
    pause(fault)
    if grant_type == "authorization_code":
        return _of_active_user(site, _exchanged(site))
    if grant_type == "client_credentials":
        scopes = tuple(set(site.app_scopes) - {"refresh_token", "full", "web"})
        return site.oauth.run_as(site.integration_user_id, scopes)
    raise OAuthError("unsupported_grant_type", "grant type not supported")


def _exchanged(site: Site) -> Grant:
    redirect_uri = request.form.get("redirect_uri")
    if not redirect_uri:
        raise OAuthError("redirect_uri_missing", "redirect_uri must be provided")
    code, verifier = request.form.get("code", ""), request.form.get("code_verifier")
    return site.oauth.exchange(code, redirect_uri, verifier)


def check_client(site: Site) -> None:
    if request.form.get("client_id") != site.client_id:
        raise OAuthError("invalid_client_id", "client identifier invalid")
    given = request.form.get("client_secret", "")
    if not hmac.compare_digest(given.encode(), site.client_secret.encode()):
        raise OAuthError("invalid_client", "invalid client credentials")
    if not site.app_installed:
        raise OAuthError("invalid_client", "app must be installed into org")


def _of_active_user(site: Site, grant: Grant) -> Grant:
    if not site.row_of_user(grant.user).get("IsActive"):
        raise OAuthError("inactive_user", "user is inactive")
    return grant


def _grant_body(site: Site, grant: Grant) -> dict[str, Any]:
    issued_at = str(int(grant.issued_at.timestamp() * 1000))
    identity = f"{site.url}/id/{site.org_id}/{grant.user}"
    body = {
        "access_token": grant.access_token,
        "signature": signature(site.client_secret, identity, issued_at),
        "scope": " ".join(grant.scopes),
        "instance_url": site.url,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued_at,
    }
    return body | ({"refresh_token": grant.refresh_token} if grant.refresh_token else {})


def _record(site: Site, response: Response) -> None:
    body = response.get_json(silent=True)
    error = body.get("error") if isinstance(body, dict) else None
    grant_type = request.form.get("grant_type", "")
    site.token_requests.append(
        TokenRequest(grant_type, response.status_code, error, site.now())
    )


def refused(error: OAuthError) -> Response:
    response = jsonify({"error": error.error, "error_description": error.description})
    response.status_code = error.status
    return response
