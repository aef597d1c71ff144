"""Rule: why an access has ended, told from Salesforce's words, with what a person can do.

What ends an access needs a person. What passes by itself has no end and is tried again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.records import Access

# So long Salesforce lets a refresh token lie unused; calls of the API do not count as use.
LONGEST_IDLE = timedelta(days=30)


class End(NamedTuple):
    """What has happened, and its cure."""

    words: str
    cure: str


_AGAIN = "Connect to Salesforce again."
_USER = "Let an administrator of the org see to the user, then connect again."
_APP = f"Put the right one into the stack's secret of the app. {_AGAIN}"
_POLICY = "Let an administrator of the org change that, then connect again."

ENDS: dict[str, End] = {
    "revoked": End("The access was revoked in Salesforce, or replaced by newer ones.", _AGAIN),
    "idle": End("The access was not used for 30 days, after which it expires.", _AGAIN),
    "replayed": End(
        "Salesforce's answer to a renewal was lost, and the token before works only once.",
        f"{_AGAIN} What was reported meanwhile waits and is written then.",
    ),
    "user inactive": End("The connected user is inactive.", f"Activate the user. {_AGAIN}"),
    "user frozen": End(
        "Salesforce does not let the connected user log in: frozen, locked, or barred by a "
        "policy of the org.",
        f"The user's Login History in Salesforce says why. {_USER}",
    ),
    "login hours": End(
        "The connected user may not log in at this hour.",
        f"Remove the login hours from the user's profile. {_AGAIN}",
    ),
    "user not approved": End(
        "The connected user may not use the app.",
        "Give the app to the user by a permission set, with Permitted Users set to "
        f"pre-authorized in the app's policies. {_AGAIN}",
    ),
    "API disabled for user": End(
        "The connected user may not use the API.",
        f"Give the user the permission API Enabled. {_AGAIN}",
    ),
    "app not installed": End(
        "The app is not installed in the org, or not approved.",
        f"Let an administrator of the org install it. {_AGAIN}",
    ),
    "app unknown": End("Salesforce does not know the app's consumer key.", _APP),
    "app secret wrong": End("Salesforce does not accept the app's consumer secret.", _APP),
    "flow off": End(
        "The app does not allow this way to authorise.", f"Enable it in its settings. {_AGAIN}"
    ),
    "no run-as user": End(
        "The app has no Run As user.", f"Choose one in the app's policies. {_AGAIN}"
    ),
    "wrong host": End(
        "This host has no client credentials.", "Make a new connection with the My Domain host."
    ),
    "scope missing": End(
        "The access does not reach the API.", f"Give the app the scope api. {_AGAIN}"
    ),
    "key wrong": End(
        "The JWT's private key is missing, or does not belong to the app's certificate.",
        "Put the key into the stack's secret as its output JwtKeyCommand says, or upload its "
        f"certificate to the app. {_AGAIN}",
    ),
    "audience wrong": End(
        "Salesforce does not accept whom the JWT is for.",
        "Make a new connection with the right login host: test.salesforce.com or the My Domain "
        "for a sandbox.",
    ),
    "IP refused": End(
        "Salesforce does not let our address in.",
        "Remove the app's list of allowed addresses and the Login IP Ranges of the user's "
        f"profile, or give the functions a fixed address. {_AGAIN}",
    ),
    "no API session": End(
        "Salesforce gives sessions that are not valid for its REST API.",
        f"Check the app's scopes and whether API Access Control knows the app. {_POLICY}",
    ),
    "agent not attached": End(
        "The app is not attached to the agent.", f"Attach it in the agent's settings. {_AGAIN}"
    ),
    "session policy": End(
        "Salesforce refused a new access at its first use.",
        "Look for sessions that are locked to an address (Session Settings) and for policies "
        f"that ask for more than a login. {_POLICY}",
    ),
    "org suspended": End("The org is suspended.", f"Ask Salesforce about it. {_AGAIN}"),
    "org locked": End("The org is locked.", f"Ask Salesforce about it. {_AGAIN}"),
    "trial expired": End("The org's trial is over.", f"Extend it. {_AGAIN}"),
    "API disabled for org": End(
        "The org's edition has no API.", f"Add API access to the org. {_AGAIN}"
    ),
    "API version retired": End(
        "Salesforce has retired the version of its API that this stack uses.",
        "Deploy the stack with a newer SalesforceApiVersion, then connect again.",
    ),
    "other org": End(
        "This login leads to another org than before, as after the refresh of a sandbox.",
        "Nothing has been written there. Disconnect, and make a new connection for it.",
    ),
    "other user": End("This login is another user's than before.", f"If so meant: {_AGAIN}"),
    "refused": End("Salesforce no longer accepts this connection.", _AGAIN),
}

# Of a token request, the first that fits: its code, and a part of its description.
_TOKENS: tuple[tuple[str, str, str], ...] = (
    ("inactive_user", "", "user inactive"),
    ("", "inactive user", "user inactive"),
    ("inactive_org", "", "org suspended"),
    ("", "rsa private key", "key wrong"),
    ("invalid_app_access", "", "user not approved"),
    ("invalid_client_id", "", "app unknown"),
    ("invalid_scope", "", "scope missing"),
    ("unsupported_grant_type", "", "flow off"),
    ("", "must be installed", "app not installed"),
    ("invalid_client", "", "app secret wrong"),
    ("", "invalid client credentials", "app secret wrong"),
    ("", "no client credentials user", "no run-as user"),
    ("", "not supported on this domain", "wrong host"),
    ("", "my domain host", "wrong host"),
    ("", "approved this consumer", "user not approved"),
    ("", "not admin approved", "user not approved"),
    ("", "audience", "audience wrong"),
    ("", "assertion", "key wrong"),
    ("", "signature", "key wrong"),
    ("", "ip restricted", "IP refused"),
    ("", "ip address", "IP refused"),
    ("", "login hours", "login hours"),
    ("", "locked", "user frozen"),
    ("", "authentication failure", "user frozen"),
    ("", "grant type", "flow off"),
)
PASSING = {"rate_limit_exceeded", "server_error", "temporarily_unavailable", "unknown_error"}
IN_FLIGHT = "token request is already being processed"
_DEAD = "expired access/refresh token"

# Of a call of the API, likewise.
_CALLS: tuple[tuple[str, str, str], ...] = (
    ("", "not valid for use with the rest api", "no API session"),
    ("", "cannot perform api operations", "no API session"),
    ("", "not attached to agent", "agent not attached"),
    ("", "api is disabled for this user", "API disabled for user"),
    ("API_DISABLED_FOR_ORG", "", "API disabled for org"),
    ("CLIENT_NOT_ACCESSIBLE_FOR_USER", "", "user not approved"),
    ("ORG_LOCKED", "", "org locked"),
    ("TRIAL_EXPIRED", "", "trial expired"),
    ("UNSUPPORTED_API_VERSION", "", "API version retired"),
    ("410", "", "API version retired"),
    ("GONE", "", "API version retired"),
)


def of_token(code: str, description: str, access: Access, now: datetime) -> str:
    """The end that a refused token request means; "" if it passes by itself."""
    if code in PASSING or IN_FLIGHT in description.lower():
        return ""
    if _DEAD in description.lower():
        return _of_dead(access, now)
    return _first(_TOKENS, code, description) or "refused"


def of_call(code: str, message: str) -> str:
    """The end that a refused call of the API means; "" if a new token may heal it."""
    return _first(_CALLS, code, message)


def problem(end: str, said: str = "") -> str:
    """What an operator reads: what has happened, the cure, and what Salesforce said."""
    return f"{' '.join(ENDS[end])}" + (f" (Salesforce said: {said})" if said else "")


def _of_dead(access: Access, now: datetime) -> str:
    """Salesforce does not tell these apart, but we know what we did with the token."""
    if access.answer_lost:
        return "replayed"
    if access.renewed_at and now - access.renewed_at > LONGEST_IDLE:
        return "idle"
    return "revoked"


def _first(table: tuple[tuple[str, str, str], ...], code: str, text: str) -> str:
    lowered = text.lower()
    fits = (end for known, part, end in table if known in {"", code} and part in lowered)
    return next(fits, "")
