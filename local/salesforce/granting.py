"""What the token address gives for each type of grant, and to whom it gives nothing.

Sources: Salesforce Help, "OAuth 2.0 Web Server Flow", "… Refresh Token Flow", "… JWT Bearer
Flow", "… Client Credentials Flow", "Set IP Allowlist for Refresh Tokens".
"""

import hmac
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import request

from local.salesforce import assertions
from local.salesforce.faults import Fault, pause
from local.salesforce.grants import Grant, OAuthError
from local.salesforce.site import Site

type Granting = Callable[[Site, Fault], Grant]


def granted(site: Site, fault: Fault) -> Grant:
    """A fault's delay falls between the claim of a refresh token and its rotation."""
    grant_type = request.form.get("grant_type", "")
    if grant_type != assertions.GRANT:
        check_client(site)
    if not site.org_active:
        raise OAuthError("inactive_org", "organization is inactive")
    if grant_type not in GRANTS:
        raise OAuthError("unsupported_grant_type", "grant type not supported")
    return GRANTS[grant_type](site, fault)


def check_client(site: Site) -> None:
    basic = request.authorization  # instead of the form, as for client credentials
    named, given = request.form.get("client_id"), request.form.get("client_secret", "")
    if basic and basic.type == "basic":
        named, given = basic.username, basic.password or ""
    if named != site.client_id:
        raise OAuthError("invalid_client_id", "client identifier invalid")
    if not hmac.compare_digest(given.encode(), site.client_secret.encode()):
        raise OAuthError("invalid_client", "invalid client credentials")
    _installed(site)


def _refreshed(site: Site, fault: Fault) -> Grant:
    _address_allowed(site)
    token = request.form.get("refresh_token", "")
    with site.oauth.refreshing(token) as (user, complete):
        pause(fault)
        _may_log_in(site, user)
        return complete()


def _exchanged(site: Site, fault: Fault) -> Grant:
    pause(fault)
    _address_allowed(site)
    redirect_uri = request.form.get("redirect_uri")
    if not redirect_uri:
        raise OAuthError("redirect_uri_missing", "redirect_uri must be provided")
    code, verifier = request.form.get("code", ""), request.form.get("code_verifier")
    issued = site.oauth.codes.get(code)
    if issued:
        _may_log_in(site, issued.user)
    return site.oauth.exchange(code, redirect_uri, verifier)


def _asserted(site: Site, fault: Fault) -> Grant:
    pause(fault)
    username = assertions.username(
        request.form.get("assertion", ""),
        site.certificate,
        site.client_id,
        site.url,
        site.assertion_clock() if site.assertion_clock else site.now(),
    )
    _installed(site)
    user = site.user_named(username)
    if user is None:
        raise OAuthError("invalid_grant", "user hasn't approved this consumer")
    _may_log_in(site, user)
    if username not in site.approved and not site.oauth.approved(user):
        raise OAuthError("invalid_grant", "user hasn't approved this consumer")
    return site.oauth.session_for(user)


def _run_as(site: Site, fault: Fault) -> Grant:
    pause(fault)
    if request.host != urlsplit(site.url).netloc:
        raise OAuthError("invalid_grant", "request not supported on this domain")
    if site.run_as is None:
        raise OAuthError("invalid_grant", "no client credentials user enabled")
    _may_log_in(site, site.run_as)
    return site.oauth.session_for(site.run_as)


def _installed(site: Site) -> None:
    if not site.app_installed:
        raise OAuthError("invalid_client", "app must be installed into org")


def _address_allowed(site: Site) -> None:
    """Holds for codes and refresh tokens, not for the flows that have none."""
    if site.ip_refused:
        raise OAuthError("invalid_grant", "ip restricted")


def _may_log_in(site: Site, user: str) -> None:
    if not site.row_of_user(user).get("IsActive"):
        raise OAuthError("inactive_user", "user is inactive")
    if user in site.frozen:
        raise OAuthError("invalid_grant", "authentication failure")


GRANTS: dict[str, Granting] = {
    "authorization_code": _exchanged,
    "refresh_token": _refreshed,
    "client_credentials": _run_as,
    assertions.GRANT: _asserted,
}
