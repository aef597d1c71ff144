"""The answers of the REST API: four documented shapes of error, and pages."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from local.hypertrack.state import Account

Answer = tuple[int, Any]  # a status and a JSON body, None for an empty one


@dataclass(frozen=True)
class Ask:
    """A request that was let in: whose it is, its JSON body and its query."""

    account: Account
    body: Any
    query: dict[str, Any]


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


def unauthorized() -> Refusal:
    return Refusal(401, {"message": "Unauthorized"})


def unprocessable(problems: dict[str, dict[str, list[str]]]) -> Refusal:
    """The 422 of workers and orders."""
    return Refusal(422, {"message": "Validation error", "detail": problems})


def missing(message: str) -> Refusal:
    """The generic 404 of workers."""
    return Refusal(404, {"message": message, "detail": {}})


def business(status: int, code: str, title: str, detail: str | None = None) -> Refusal:
    """A named error of workers and orders."""
    return Refusal(status, {"code": code, "title": title, "detail": detail})


def problem(status: int, code: str, title: str, detail: str) -> Refusal:
    """An error of devices and geofences."""
    body = {"status": status, "code": code, "title": title, "type": "about:blank"}
    return Refusal(status, {**body, "detail": detail})


class Page[T](NamedTuple):
    items: Sequence[T]
    token: str | None


class NoSuchPage(ValueError):
    """Says which of the two, `limit` or `pagination_token`, is wrong."""


def page[T](items: Sequence[T], limit: str | int, token: str | None) -> Page[T]:
    """One page and the opaque token of the next."""
    start = _number(_decoded(token), 0, "pagination_token")
    end = start + _number(limit, 1, "limit")
    following = urlsafe_b64encode(str(end).encode()).decode() if end < len(items) else None
    return Page(items[start:end], following)


def _number(value: bytes | str | int, least: int, name: str) -> int:
    try:
        number = int(value)
    except ValueError:
        raise NoSuchPage(name) from None
    if number < least:
        raise NoSuchPage(name)
    return number


def _decoded(token: str | None) -> bytes | int:
    try:
        return urlsafe_b64decode(token) if token else 0
    except ValueError:
        return b"no token of ours"
