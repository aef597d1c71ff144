"""A server on loopback that answers what a test tells it to, and keeps what it was asked."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from fieldlink.adapters.aws import Aws
from fieldlink.config import AwsAccess


@dataclass(frozen=True)
class Answer:
    """`body` is JSON unless it is bytes; `reset` hangs up, `half` in the middle of the body."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    reset: bool = False
    half: bool = False
    silent: bool = False

    @property
    def bytes(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    client: int = 0  # port of the connection's other end

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Script:
    """The answers to come, one after the other; the last one stays."""

    url: str
    answers: list[Answer] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    pauses: list[int] = field(default_factory=list)  # that our adapter would have made
    over: Event = field(default_factory=Event)

    @property
    def access(self) -> AwsAccess:
        return AwsAccess("eu-central-1", "access-key", "secret-key", "session-token", self.url)

    @property
    def aws(self) -> Aws:
        return Aws(self.access, pause=self.pauses.append)

    def next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Door(BaseHTTPRequestHandler):
    """Plays a script."""

    protocol_version = "HTTP/1.1"
    script: Script

    def __getattr__(self, name: str) -> Any:
        """Every method of HTTP is answered alike."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        headers = {name.lower(): text for name, text in self.headers.items()}
        asked = Asked(
            self.command, self.path, headers, self.rfile.read(length), self.client_address[1]
        )
        self.script.asked.append(asked)
        answer = self.script.next()
        if answer.silent:
            self.script.over.wait(30)
        if not (answer.reset or answer.silent):
            self.give(answer)
        if answer.reset or answer.silent or answer.half:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def give(self, answer: Answer) -> None:
        self.send_response(answer.status)
        headers = {"content-length": str(len(answer.bytes)), **answer.headers}
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()
        end = len(answer.bytes) // 2 if answer.half else None
        self.wfile.write(answer.bytes[:end])

    def log_message(self, *_: Any) -> None:
        """The script's list says it all."""


@contextmanager
def scripted(*answers: Answer) -> Iterator[Script]:
    """A server that plays these answers, one empty object if there are none."""
    script = Script("", list(answers) or [Answer()])
    door = type("ThisDoor", (Door,), {"script": script})
    server = ThreadingHTTPServer(("127.0.0.1", 0), door)
    server.daemon_threads = True
    script.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield script
    finally:
        script.over.set()
        server.shutdown()
        server.server_close()


def nobody() -> str:
    """An address on loopback at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
