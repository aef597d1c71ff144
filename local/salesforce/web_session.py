"""The addresses that end a token or tell about it: revoke and introspect.

Sources: Salesforce Help, "Revoke OAuth Tokens", "OpenID Connect Token Introspection".
"""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from local.salesforce.granting import check_client
from local.salesforce.grants import OAuthError
from local.salesforce.site import Site
from local.salesforce.web_token import refused


def blueprint(site: Site) -> Blueprint:
    web = Blueprint("session", __name__)

    @web.route("/services/oauth2/revoke", methods=["GET", "POST"])
    def revoke() -> Response:
        try:
            site.oauth.revoke(request.values.get("token", ""))
        except OAuthError as error:
            return refused(error)
        return Response(b"")

    @web.post("/services/oauth2/introspect")
    def introspect() -> Response:
        try:
            check_client(site)
        except OAuthError as error:
            return refused(error)
        return jsonify(_introspected(site, request.form.get("token", "")))

    return web


def _introspected(site: Site, token: str) -> dict[str, Any]:
    session, approval = site.oauth.session_of(token), site.oauth.live_refresh(token)
    known = session or approval
    if known is None or not site.may_work(known.user):
        return {"active": False}
    about = {
        "active": True,
        "scope": " ".join(known.scopes),
        "client_id": site.client_id,
        "username": site.row_of_user(known.user)["Username"],
        "sub": f"{site.url}/id/{site.org_id}/{known.user}",
        "token_type": "access_token" if session else "refresh_token",
    }
    if session:
        about |= {
            "iat": int(session.issued_at.timestamp()),
            "nbf": int(session.issued_at.timestamp()),
            "exp": int(session.expires_at.timestamp()),
        }
    return about
