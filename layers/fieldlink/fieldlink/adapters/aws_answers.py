"""What AWS's services answer: read, or raised as one of our errors."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from fieldlink.adapters.aws_errors import failure, throttled
from fieldlink.errors import Unclear

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

REPEATABLE = {"BatchGetItem", "BatchWriteItem", "GetItem", "Query"}  # with no condition


def read(service: str, answer: BaseHTTPResponse) -> dict[str, Any]:
    body = _body(answer)
    if answer.status >= 300:
        message = body.get("message") or body.get("Message") if body else ""
        raise failure(service, answer.status, _code(answer), message or "")
    if body is None:
        raise Unclear(f"{service}'s answer can't be read")
    return body


def _body(answer: BaseHTTPResponse) -> dict[str, Any] | None:
    try:
        body = json.loads(answer.data or b"{}")
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _code(answer: BaseHTTPResponse) -> str:
    """AWS's name of an error."""
    body = _body(answer) or {}
    named = body.get("__type") or answer.headers.get("x-amzn-ErrorType") or ""
    return str(named).rpartition("#")[2].partition(":")[0]


def passes(answer: BaseHTTPResponse, action: str) -> bool:
    """Whether the same call may be made again at once: it was not made, or does no harm."""
    if answer.status >= 500:
        return action in REPEATABLE
    return answer.status >= 400 and throttled(answer.status, _code(answer))


def in_xml(element: str, answer: BaseHTTPResponse) -> str:
    """The text of an element of an answer."""
    found = re.search(rf"<{element}>([^<]*)</{element}>", answer.data.decode(errors="replace"))
    return found[1] if found else ""
