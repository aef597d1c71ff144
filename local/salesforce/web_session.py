"""The addresses that end a token or tell about it: revoke, introspect and identity.

Sources: Salesforce Help, "Revoke OAuth Tokens", "OpenID Connect Token Introspection", "Identity
URLs".
"""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from local.salesforce.grants import OAuthError
from local.salesforce.site import Site
from local.salesforce.web_token import check_client, refused


def blueprint(site: Site) -> Blueprint:
    web = Blueprint("session", __name__)

    @web.post("/services/oauth2/revoke")
    def revoke() -> Response:
        try:
            site.oauth.revoke(request.form.get("token", ""))
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

    @web.get("/id/<org>/<user>")
    def identity(org: str, user: str) -> Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        session = site.oauth.session_of(token)
        if session is None or (org, user) != (site.org_id, session.user):
            return Response("Bad_OAuth_Token", 403)
        return jsonify(_identity(site, user))

    return web


def _introspected(site: Site, token: str) -> dict[str, Any]:
    session, approval = site.oauth.session_of(token), site.oauth.live_refresh(token)
    known = session or approval
    if known is None:
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


def _identity(site: Site, user: str) -> dict[str, Any]:
    row = site.row_of_user(user)
    return {
        "id": f"{site.url}/id/{site.org_id}/{user}",
        "asserted_user": True,
        "user_id": user,
        "organization_id": site.org_id,
        "username": row["Username"],
        "display_name": row["Name"],
        "email": row["Email"],
        "timezone": row["TimeZoneSidKey"],
        "active": bool(row["IsActive"]),
        "is_app_installed": site.app_installed,
        "urls": {
            "rest": f"{site.url}/services/data/v{{version}}/",
            "query": f"{site.url}/services/data/v{{version}}/query/",
        },
    }
