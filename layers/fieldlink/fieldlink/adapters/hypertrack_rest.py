"""How HyperTrack's REST API is called, with the keys of one account."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests

from fieldlink.errors import Refused, Unavailable, Unclear

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TIMEOUT = (3.05, 20)  # seconds to connect, to read
MOST_PAGES = 200  # a list that does not end is the vendor's fault, not a reason to go on


class HyperTrackRest:
    """Calls with one account's AccountId and SecretKey, the latter opened when it is needed."""

    def __init__(
        self, http: requests.Session, url: str, account: str, secret: Callable[[], str]
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._account = account
        self._secret = secret

    def pages(self, path: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """A list, as an array or in pages: both forms are documented."""
        for _ in range(MOST_PAGES):
            answer = self.call("GET", path, query=query)
            yield from answer if isinstance(answer, list) else field(answer, "data") or ()
            token = field(answer, "pagination_token") or field(
                field(answer, "links"), "pagination_token"
            )
            if not token:
                return
            query = {**query, "pagination_token": token}

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, Any] | None = None,
        accept: set[HTTPStatus] | frozenset[HTTPStatus] = frozenset(),
    ) -> Any:
        try:
            answer = self._http.request(
                method,
                self._url + path,
                json=body,
                params=query,
                auth=(self._account, self._secret()),
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.ConnectTimeout as error:
            raise Unavailable("HyperTrack can't be reached") from error
        except requests.RequestException as error:
            raise Unclear(f"HyperTrack did not answer ({type(error).__name__})") from error
        return _read(answer, accept)


def _read(answer: requests.Response, accept: set[HTTPStatus] | frozenset[HTTPStatus]) -> Any:
    status = answer.status_code
    if status >= 500:
        raise Unclear(f"HyperTrack answered {status}")
    if status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}:
        raise Unavailable(f"HyperTrack answered {status}")
    if status in accept:
        return None
    if status >= 300:  # a redirect too: the key goes to no other host
        raise Refused(f"HyperTrack answered {status}: {_words(answer)}", code=_code(answer))
    try:
        return answer.json() if answer.content else None
    except ValueError as error:
        raise Unclear("HyperTrack's answer can't be read") from error


def _code(answer: requests.Response) -> str:
    """HyperTrack's own word for what went wrong, else the status."""
    try:
        named = field(answer.json(), "code")
    except ValueError:
        named = None
    return named if isinstance(named, str) else str(answer.status_code)


def _words(answer: requests.Response) -> str:
    """What went wrong, in whichever of HyperTrack's four shapes of error."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    found = [field(body, name) for name in ("code", "title", "message", "detail")]
    return "; ".join(str(each)[:300] for each in found if each)


def field(value: Any, name: str) -> Any:
    """That of an object; None of anything else."""
    return value.get(name) if isinstance(value, dict) else None
