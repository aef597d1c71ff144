"""Answers that break: the connection goes away before one, or in the middle of it."""

import socket
from collections.abc import Iterator

from flask import Response, request


def dropped() -> Response:
    _hang_up(request.environ["werkzeug.socket"])
    return Response(b"")


def cut(response: Response) -> Response:
    """Half of the bytes that Content-Length promises, and then nothing."""
    content = response.get_data()
    connection = request.environ["werkzeug.socket"]

    def half() -> Iterator[bytes]:
        yield content[: len(content) // 2]
        _hang_up(connection)

    broken = Response(half(), response.status_code, dict(response.headers))
    broken.headers["Content-Length"] = str(len(content))
    return broken


def _hang_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)
