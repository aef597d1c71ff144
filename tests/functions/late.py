"""A DynamoDB on loopback that may answer later than anybody waits for it."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

import urllib3

from fieldlink.adapters.aws import Aws
from tests.functions.in_memory import InMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.tables import Tables
    from fieldlink.config import AwsAccess

PATIENCE = urllib3.Timeout(connect=2, read=0.2)  # seconds, where the bundle waits for five
HANGING_UP = 30  # seconds that a client may take for it, at most


class Late:
    """Tables that hold some answers back until nobody waits for them any more.

    `done_first`: what they are asked for is carried out before that, else with the next call.
    """

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.done_first = True
        self.held_back = 0
        self._calls = 0
        self._too_late: Callable[[int], bool] = lambda _: False
        self._undone: list[tuple[str, Any]] = []
        self._lock = Lock()

    def hold_back(self, too_late: Callable[[int], bool] = lambda _: False) -> None:
        """From now on the answers to these calls, by number from 1; none if not told which."""
        self.held_back = self._calls = 0
        self._too_late = too_late

    def answer(self, action: str, asked: Any) -> tuple[int, bytes] | None:
        """None: not before the other side has hung up."""
        with self._lock:
            self._calls += 1
            late = self._too_late(self._calls)
            self.held_back += late
            if late and not self.done_first:
                self._undone.append((action, asked))
                return None
            told = self.tables.answer(action, asked)
            self._land()
        return None if late else told

    def _land(self) -> None:
        for action, asked in self._undone:
            self.tables.answer(action, asked)
        self._undone.clear()


class Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    late: Late

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        told = self.late.answer(self.headers["x-amz-target"].rpartition(".")[2], asked)
        if told is None:
            self.close_connection = True
            self.connection.settimeout(HANGING_UP)
            with suppress(ConnectionResetError):
                assert self.connection.recv(1) == b""
            return
        status, data = told
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """The test knows."""


class Distant(InMemory):
    """The tables are reached over the wire, by our own adapter, which waits only so long."""

    def __init__(self, access: AwsAccess, url: str) -> None:
        super().__init__(access)
        self._far = Aws(access._replace(endpoint=url), self.pause, PATIENCE)

    def _send(self, service: str, request: Any) -> Any:
        if service != "dynamodb":
            return super()._send(service, request)
        self.asked[request.headers["X-Amz-Target"].rpartition(".")[2]] += 1
        request.url = self._far._url(service) + "/"
        return self._far._send(service, request)


@contextmanager
def on_loopback(late: Late) -> Iterator[str]:
    """Their address."""
    door = type("ThisDoor", (Door,), {"late": late})
    server = ThreadingHTTPServer(("127.0.0.1", 0), door)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
