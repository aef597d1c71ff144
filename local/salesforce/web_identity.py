"""Who a token speaks for: the identity URL and the user info of OpenID Connect.

Sources: Salesforce Help, "Identity URLs", "User Info Endpoint".
"""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from local.salesforce.grants import Session
from local.salesforce.site import Site


def blueprint(site: Site) -> Blueprint:
    web = Blueprint("identity", __name__)

    @web.get("/id/<org>/<user>")
    def identity(org: str, user: str) -> Response:
        session = _session(site)
        if session is None or (org, user) != (site.org_id, session.user):
            return Response("Bad_OAuth_Token", 403)
        return jsonify(_identity(site, user))

    @web.get("/services/oauth2/userinfo")
    def userinfo() -> Response:
        session = _session(site)
        if session is None:
            return Response("Bad_OAuth_Token", 403)
        return jsonify(_userinfo(site, session.user))

    return web


def _session(site: Site) -> Session | None:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    session = site.oauth.session_of(token)
    return session if session and site.may_work(session.user) else None


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


def _userinfo(site: Site, user: str) -> dict[str, Any]:
    identity = _identity(site, user)
    return {
        "sub": identity["id"],
        "user_id": user,
        "organization_id": site.org_id,
        "preferred_username": identity["username"],
        "name": identity["display_name"],
        "email": identity["email"],
        "zoneinfo": identity["timezone"],
        "active": identity["active"],
        "urls": identity["urls"],
    }
