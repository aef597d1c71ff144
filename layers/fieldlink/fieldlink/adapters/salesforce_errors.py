"""What Salesforce's error codes, statuses and limit header mean for whoever called."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any

from fieldlink.errors import Closed, Contended, Refused, Unavailable, Unclear

# By errorCode first, since 403 stands for a used-up quota as well as for a missing permission.
LOCKED = "UNABLE_TO_LOCK_ROW"
USED_UP = "REQUEST_LIMIT_EXCEEDED"
TRANSIENT = {
    "API_CURRENTLY_DISABLED",
    "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
    "INTERNAL_ERROR",
    "INVALID_QUERY_LOCATOR",  # its pages are no longer kept; the look begins again
    "QUERY_TIMEOUT",
    "REQUEST_RUNNING_TOO_LONG",
    "SERVER_UNAVAILABLE",
    "TEMPORARY_QUERY_MORE_FAILURE",
    "TOO_MANY_APEX_REQUESTS",
    "TXN_SECURITY_METERING_ERROR",
    "UNKNOWN_EXCEPTION",
}
EXPIRED = {"INVALID_SESSION_ID", "INVALID_AUTH_HEADER"}
# What shuts out the whole app, user or org, and not only one request.
SHUT_OUT = {
    "API_DISABLED_FOR_ORG",
    "CLIENT_NOT_ACCESSIBLE_FOR_USER",
    "ORG_LOCKED",
    "TRIAL_EXPIRED",
    "UNSUPPORTED_API_VERSION",
}
# One code for what passes and for what does not: only its message tells.
DISABLED, FOR_THE_USER = "API_CURRENTLY_DISABLED", "disabled for this user"
# In an all-or-nothing Composite the others fail with this, because of one.
HALTED = "PROCESSING_HALTED"
TURNED_AWAY = {420, 429, 503}  # at the door, before anything was done
MEANT = {
    HTTPStatus.MULTIPLE_CHOICES: "more than one row has this key",
    HTTPStatus.NOT_MODIFIED: "the row has not been changed since",
    HTTPStatus.PRECONDITION_FAILED: "the row has been changed since",
}
USAGE = re.compile(r"(?:^|[\s;,])api-usage\s*=\s*(\d{1,12})\s*/\s*(\d{1,12})", re.ASCII)


def usage(header: str) -> tuple[int | None, int | None]:
    """Used and allowed calls of a Sforce-Limit-Info; the app's own share in it is not ours."""
    found = USAGE.search(header)
    return (int(found[1]), int(found[2])) if found else (None, None)


def shuts_out(code: str, message: str) -> bool:
    """Whether a person must let us in again."""
    return code in SHUT_OUT or (code == DISABLED and FOR_THE_USER in message.lower())


def refusal(errors: list[tuple[str, str]], status: int) -> Refused | Unavailable:
    """What a failed request means for its caller."""
    code, message = _telling(errors)
    if code == USED_UP:
        return Closed(f"Salesforce: {code}: {message}")
    if code == LOCKED:
        return Contended(f"Salesforce: {code}: {message}")
    if code in TRANSIENT:
        return Unavailable(f"Salesforce: {code}: {message}")
    if code in EXPIRED or status in TURNED_AWAY or status == HTTPStatus.NOT_ACCEPTABLE:
        return Unavailable(f"Salesforce answered {status} {code}".strip())
    if status in MEANT:
        said = f"{code}: {message}" if code else f"Salesforce answered {status}"
        return Refused(f"{said} ({MEANT[HTTPStatus(status)]})", code=code or str(status))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or not code:
        return Unclear(f"Salesforce answered {status} {code}".strip())
    return Refused(f"{code}: {message}", code=code)


def body_errors(body: Any) -> list[tuple[str, str]]:
    """(errorCode, message) of a REST error body: an array, or here and there a bare object."""
    found = body if isinstance(body, list) else [body]
    return [
        (
            str(each.get("errorCode") or each.get("statusCode") or ""),
            str(each.get("message") or ""),
        )
        for each in found
        if isinstance(each, dict)
    ] or [("", "")]


def _telling(errors: list[tuple[str, str]]) -> tuple[str, str]:
    """Of several errors the one to go by: what passes by itself comes before what does not."""
    for wanted in (USED_UP, LOCKED):
        for each in errors:
            if each[0] == wanted:
                return each
    return next((each for each in errors if each[0] != HALTED), errors[0])


def has_part(content: bytes, code: str) -> bool:
    """Whether a part of a Composite or a graph failed with this, and no row tells of it."""
    try:
        told = json.loads(content)
        answers = [each["graphResponse"] for each in told.get("graphs", ())] or [told]
        parts = [part for each in answers for part in each["compositeResponse"]]
        failed = [part["body"] for part in parts if part["httpStatusCode"] >= 300]
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    return any(each == code for body in failed for each, _ in body_errors(body))
