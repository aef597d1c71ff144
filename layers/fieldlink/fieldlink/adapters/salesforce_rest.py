"""Salesforce REST: one call, its token, its errors. Knows no object."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import requests

from fieldlink.errors import Refused, Unavailable, Unclear

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = (3.05, 20)  # seconds to connect, to read; a Composite of five queries takes < 2
# By errorCode first, since 403 stands for a used-up quota as well as for a missing permission.
TRANSIENT = {
    "API_CURRENTLY_DISABLED",
    "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
    "INTERNAL_ERROR",
    "QUERY_TIMEOUT",
    "REQUEST_LIMIT_EXCEEDED",
    "REQUEST_RUNNING_TOO_LONG",
    "SERVER_UNAVAILABLE",
    "TEMPORARY_QUERY_MORE_FAILURE",
    "TOO_MANY_APEX_REQUESTS",
    "TXN_SECURITY_METERING_ERROR",
    "UNABLE_TO_LOCK_ROW",
    "UNKNOWN_EXCEPTION",
}
EXPIRED = {"INVALID_SESSION_ID", "INVALID_AUTH_HEADER"}
# In an all-or-nothing Composite the others fail with this, because of one.
HALTED = "PROCESSING_HALTED"


class Pass(Protocol):
    """Opens the org's door: an address and a token, and another one when it has expired."""

    @property
    def instance_url(self) -> str: ...

    @property
    def token(self) -> str: ...

    def renew(self) -> None: ...


class SalesforceRest:
    """Calls to one org."""

    def __init__(self, http: requests.Session, entry: Pass, version: str) -> None:
        self._http = http
        self._pass = entry
        self.base = f"/services/data/v{version}"

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        """One request; a token that has expired is renewed once, and the request repeated."""
        answer = self._send(method, path, body)
        if answer.status_code == HTTPStatus.UNAUTHORIZED and _errors(answer)[0][0] in EXPIRED:
            self._pass.renew()
            answer = self._send(method, path, body)
        if not answer.ok:
            raise refusal(_errors(answer), answer.status_code)
        return answer

    def composite(self, requests_: list[dict[str, Any]], *, atomic: bool) -> requests.Response:
        """Up to 25 requests in one call: one of the day's quota."""
        body = {
            "allOrNone": atomic,
            "collateSubrequests": False,  # keep their order
            "compositeRequest": requests_,
        }
        return self.call("POST", f"{self.base}/composite", body)

    def query(self, reference: str, soql: str, *, deleted: bool = False) -> dict[str, Any]:
        """A query as a part of a Composite."""
        verb = "queryAll" if deleted else "query"
        return {
            "method": "GET",
            "referenceId": reference,
            "url": f"{self.base}/{verb}?q={quote(soql, safe='')}",
        }

    def rows(self, part: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """All rows of a query's answer, following its pages to the end."""
        while True:
            yield from part["records"]
            if part["done"]:
                return
            part = self.call("GET", part["nextRecordsUrl"]).json()

    def _send(self, method: str, path: str, body: Any) -> requests.Response:
        try:
            answer = self._http.request(
                method,
                self._pass.instance_url + path,
                json=body,
                headers={"Authorization": f"Bearer {self._pass.token}"},
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.ConnectTimeout as error:
            raise Unavailable("Salesforce can't be reached") from error
        except requests.RequestException as error:
            raise Unclear(f"Salesforce did not answer ({type(error).__name__})") from error
        if answer.is_redirect:
            raise Unavailable("Salesforce has moved this org to another host")
        return answer


def refusal(errors: list[tuple[str, str]], status: int) -> Refused | Unavailable:
    """What a failed request means for its caller."""
    code, message = next((each for each in errors if each[0] != HALTED), errors[0])
    if code in TRANSIENT:
        return Unavailable(f"Salesforce: {code}: {message}")
    if code in EXPIRED or status in {406, 420, 429, 503}:  # turned away at the door
        return Unavailable(f"Salesforce answered {status} {code}".strip())
    if status >= 500 or not code:
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


def _errors(answer: requests.Response) -> list[tuple[str, str]]:
    try:
        return body_errors(answer.json())
    except ValueError:
        return [("", "")]
