"""Salesforce REST: one call, its token, its limits, its errors. Knows no object."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import requests
from pydantic_core import from_json

from fieldlink.adapters.salesforce_errors import (
    TURNED_AWAY,
    USED_UP,
    body_errors,
    has_part,
    refusal,
    shuts_out,
    usage,
)
from fieldlink.errors import Refused, Unavailable, Unclear

if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds to connect, and to wait for the next byte; a Composite of five queries takes < 2. An
# answer that drips is ended with its function, after one minute or four.
TIMEOUT = (3.05, 20)
WITHOUT_BODY = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED, HTTPStatus.PRECONDITION_FAILED}


class Pass(Protocol):
    """Opens the org's door: an address and a token, and another one when it has expired."""

    @property
    def instance_url(self) -> str: ...

    @property
    def token(self) -> str: ...

    def renew(self, why: str) -> None: ...

    def give_up(self, code: str, message: str) -> None: ...


class Door(Protocol):
    """Says whether the org may be called, and hears how it went."""

    def enter(self) -> None: ...

    def answered(self, used: int | None, allowed: int | None) -> None: ...

    def failed(self) -> None: ...

    def used_up(self) -> None: ...


class _Open:
    """A door that nobody keeps."""

    def enter(self) -> None: ...

    def answered(self, used: int | None, allowed: int | None) -> None: ...

    def failed(self) -> None: ...

    def used_up(self) -> None: ...


class SalesforceRest:
    """Calls to one org."""

    def __init__(
        self, http: requests.Session, entry: Pass, version: str, door: Door | None = None
    ) -> None:
        self._http = http
        self._pass = entry
        self._door = door or _Open()
        self.base = f"/services/data/v{version}"

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        """One request; a token that is not accepted is renewed once, and the request repeated.

        What comes back looks like JSON, unless the answer has no body.
        """
        answer = self._send(method, path, body)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            self._pass.renew(": ".join(_errors(answer)[0]))
            answer = self._send(method, path, body)
        errors = _errors(answer)
        code, message = errors[0]
        gone = answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.GONE}
        if gone or shuts_out(code, message):
            self._pass.give_up(code or str(answer.status_code), message)
        if code == USED_UP:
            self._door.used_up()
        if not HTTPStatus.OK <= answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
            raise refusal(errors, answer.status_code)
        return answer

    def composite(self, requests_: list[dict[str, Any]], *, atomic: bool) -> requests.Response:
        """Up to 25 requests in one call, in their order: one of the day's quota."""
        how = {"allOrNone": atomic, "collateSubrequests": False}
        return self.together("composite", {**how, "compositeRequest": requests_})

    def together(self, path: str, body: dict[str, Any]) -> requests.Response:
        """Several requests in one call, each of which may be refused by itself."""
        answer = self.call("POST", f"{self.base}/{path}", body)
        if USED_UP.encode() in answer.content and has_part(answer.content, USED_UP):
            self._door.used_up()
        return answer

    def query(self, reference: str, soql: str, *, deleted: bool = False) -> dict[str, Any]:
        """A query as a part of a Composite."""
        verb = "queryAll" if deleted else "query"
        return {
            "method": "GET",
            "referenceId": reference,
            "url": f"{self.base}/{verb}?q={quote(soql, safe='')}",
        }

    def pages(self, part: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """The rows of a query's answer, page by page; the next one is fetched meanwhile."""
        try:
            with ThreadPoolExecutor(1) as ahead:
                while not part["done"]:
                    coming = ahead.submit(self._page, part["nextRecordsUrl"])
                    yield list(part["records"])
                    part = coming.result()
                yield list(part["records"])
        except (KeyError, TypeError) as error:
            raise Unavailable("a page of Salesforce's answer can't be read") from error

    def rows(self, part: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """All rows of a query's answer, following its pages to the end."""
        return chain.from_iterable(self.pages(part))

    def _page(self, path: str) -> dict[str, Any]:
        try:
            return dict(from_json(self.call("GET", path).content, cache_strings="keys"))
        except Refused as refused:
            if refused.code != "NOT_FOUND":
                raise
            raise Unavailable("Salesforce no longer keeps the pages of this look") from refused
        except ValueError as error:
            raise Unavailable("a page of Salesforce's answer can't be read") from error

    def _send(self, method: str, path: str, body: Any) -> requests.Response:
        self._door.enter()
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
            self._door.failed()
            raise Unavailable("Salesforce can't be reached") from error
        except requests.RequestException as error:
            self._door.failed()
            raise Unclear(f"Salesforce did not answer ({type(error).__name__})") from error
        if answer.is_redirect:
            self._door.failed()
            raise Unavailable("Salesforce has moved this org to another host")
        return self._heard(answer)

    def _heard(self, answer: requests.Response) -> requests.Response:
        """Tell the door whether that was the org itself, and what it said of its limits."""
        status = answer.status_code
        wordless = not _looks_like_json(answer) and status not in WITHOUT_BODY
        codeless = status >= HTTPStatus.INTERNAL_SERVER_ERROR and not _errors(answer)[0][0]
        if status in TURNED_AWAY or wordless or codeless:
            self._door.failed()
        else:
            self._door.answered(*usage(answer.headers.get("Sforce-Limit-Info", "")))
        if wordless:
            turned_away = status in TURNED_AWAY or status == HTTPStatus.NOT_ACCEPTABLE
            kind = Unavailable if turned_away else Unclear
            raise kind(f"Salesforce answered {status} and nothing that can be read")
        return answer


def _errors(answer: requests.Response) -> list[tuple[str, str]]:
    if answer.ok and answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
        return [("", "")]
    try:
        return body_errors(answer.json())
    except ValueError:
        return [("", "")]


def _looks_like_json(answer: requests.Response) -> bool:
    """By its first character; whoever needs what is in it reads it to the end."""
    return answer.content.lstrip()[:1] in {b"{", b"["}
