"""What a browser does with addresses and cookies of this machine."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from local.http import session


class Echo(BaseHTTPRequestHandler):
    """Answers with the Host and Cookie it was sent; sets a Secure cookie; /to redirects."""

    def do_GET(self) -> None:
        self.send_response(302 if self.path.startswith("/to") else 200)
        self.send_header("Set-Cookie", "__Host-seen=1; Path=/; Secure; HttpOnly")
        if self.path.startswith("/to"):
            self.send_header("Location", self.path.removeprefix("/to?"))
        self.end_headers()
        self.wfile.write(f"{self.headers['Host']} {self.headers['Cookie']}".encode())

    def log_message(self, *args: object) -> None:
        """Keeps quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Echo)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_name_below_localhost_is_this_machine(port: int) -> None:
    with session() as browser:
        answer = browser.get(f"http://abc.execute-api.localhost:{port}/", timeout=5)

    assert answer.text == f"abc.execute-api.localhost:{port} None"


def test_a_secure_cookie_comes_back_to_its_own_host_only(port: int) -> None:
    with session() as browser:
        browser.get(f"http://abc.localhost:{port}/", timeout=5)
        same = browser.get(f"http://abc.localhost:{port}/", timeout=5)
        other = browser.get(f"http://127.0.0.1:{port}/", timeout=5)

    assert same.text == f"abc.localhost:{port} __Host-seen=1"
    assert other.text == f"127.0.0.1:{port} None"


def test_a_redirect_names_the_host_it_leads_to(port: int) -> None:
    with session() as browser:
        answer = browser.get(
            f"http://abc.localhost:{port}/to?http://127.0.0.1:{port}/", timeout=5
        )

    assert answer.text == f"127.0.0.1:{port} None"
