"""Misbehaviour as data: `{"match": {"method", "path"}, "times", "status", "body", ...}`.

`after` does the work first and then answers the fault, as if the answer was lost on the way;
`drop` closes the connection without an answer; `delay` waits that many seconds before either.
Without `status` and `drop` the real answer comes, only late. `path` may be a pattern such as
`/workers/*`; a fault is used up after `times` (1) requests.
"""

from contextlib import suppress
from fnmatch import fnmatchcase
from socket import SHUT_RDWR
from threading import Event

from flask import Response, jsonify, request

from local.hypertrack.state import Json


def take(faults: list[Json], method: str, path: str) -> Json:
    """The first fault that matches, used up by one; an empty one if there is none."""
    for fault in faults:
        if _matches(fault.get("match", {}), method, path.rstrip("/")):
            left = fault["times"] = fault.get("times", 1) - 1
            if left <= 0:
                faults.remove(fault)
            return fault
    return {}


def answer(fault: Json) -> Response | None:
    """The fault's answer in place of the real one, if it has one."""
    if "status" not in fault and not fault.get("drop"):
        return None
    response = jsonify(fault.get("body", {"message": "Fault"}))
    response.status_code = fault.get("status", 503)
    response.headers.update(fault.get("headers", {}))
    return response


def suffer(fault: Json, stopping: Event) -> None:
    """Keep the caller waiting, and hang up on it."""
    stopping.wait(fault.get("delay", 0))
    if fault.get("drop"):
        with suppress(OSError):
            request.environ["werkzeug.socket"].shutdown(SHUT_RDWR)


def _matches(match: Json, method: str, path: str) -> bool:
    wanted = str(match.get("path", "*")).rstrip("/")
    return bool(match.get("method", method) == method) and fnmatchcase(path, wanted)
