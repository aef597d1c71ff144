"""The token address: a code, a refresh token, an assertion or the app for an access token.

Source: Salesforce Help, "OAuth Endpoints". An error is one object here, never the array of the
REST API.
"""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from local.salesforce import assertions
from local.salesforce.broken import cut, dropped
from local.salesforce.faults import Fault, answers, pause
from local.salesforce.granting import granted
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
            grant = granted(site, fault)
    except OAuthError as error:
        return refused(error)
    if not answers(fault):
        return jsonify(_grant_body(site, grant))
    answer = faulty(fault)
    response = jsonify(answer.body) if isinstance(answer.body, dict) else Response(answer.body)
    response.status_code = answer.status
    return response


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
    if request.form.get("grant_type") == assertions.GRANT:
        del body["signature"], body["issued_at"]
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
