"""What the tests of the HyperTrack simulator have in common: keys, a clock, a receiver."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import requests

from local.hypertrack import FakeHyperTrack, Phone

ACCOUNT, SECRET = "account-1", "secret-1"
OTHER, OTHER_SECRET = "account-2", "secret-2"
HANDLE = "0HnXX0000004CtoSAE"
SITE = (37.7931, -122.3941)
DEPOT = (37.7600, -122.4100)
MORNING = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)


@dataclass
class Clock:
    """Stands still until it is told otherwise."""

    now: datetime = MORNING

    def __call__(self) -> datetime:
        return self.now

    def forward(self, minutes: float) -> datetime:
        self.now += timedelta(minutes=minutes)
        return self.now


@contextmanager
def running(clock: Clock, **options: Any) -> Iterator[FakeHyperTrack]:
    """A simulator of two accounts that must not break its own contract."""
    accounts = {ACCOUNT: SECRET, OTHER: OTHER_SECRET}
    with FakeHyperTrack(clock, accounts, retry_delay=0.01, **options) as hypertrack:
        yield hypertrack
        assert hypertrack.breaches == []


def call(
    hypertrack: FakeHyperTrack, method: str, path: str, body: Any = None, **options: Any
) -> requests.Response:
    options.setdefault("auth", (ACCOUNT, SECRET))
    address = hypertrack.url + path
    return requests.request(method, address, json=body, timeout=5, **options)


def invited(hypertrack: FakeHyperTrack, handle: str = HANDLE) -> str:
    """The link of a worker, who is made if need be."""
    call(hypertrack, "POST", "/workers/", {"worker_handle": handle, "name": "Rosa"})
    answer = call(hypertrack, "POST", f"/workers/{handle}/invite", {"app": "VISITS"})
    return str(answer.json()["link"])


def phone_of(hypertrack: FakeHyperTrack, app: str = "android-0.2") -> Phone:
    """A phone at the depot."""
    phone = hypertrack.install(invited(hypertrack), app)
    phone.be_at(*DEPOT)
    return phone


def fence(hypertrack: FakeHyperTrack, phone: Phone, **more: Any) -> str:
    """The id of a geofence of 100 m around the site."""
    point = {"type": "Point", "coordinates": [SITE[1], SITE[0]]}
    metadata = {"appointment_id": "08pXX0000000abcYAA", "resource_id": HANDLE}
    shape = {"geometry": point, "radius": 100, "metadata": metadata} | more
    body = {"device_ids": [phone.device_id], "geofences": [shape]}
    return str(call(hypertrack, "POST", "/geofences", body).json()[0]["geofence_id"])


def told(hypertrack: FakeHyperTrack, *kinds: str) -> list[dict[str, Any]]:
    """The bodies of all events of these types, in the order in which they were emitted."""
    return [each.body for each in hypertrack.events if each.body["type"] in kinds]


def geotags(hypertrack: FakeHyperTrack) -> list[dict[str, Any]]:
    return [each["data"]["metadata"] for each in told(hypertrack, "geotag", "custom_marker")]


@dataclass
class Receiver:
    """Answers the statuses given to it one after the other, then 200."""

    url: str
    statuses: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for body in self.bodies for event in json.loads(body)]


@contextmanager
def receiving() -> Iterator[Receiver]:
    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """A redirect that was followed would end here."""
            receiver.paths.append(self.path)
            self.send_error(404)

        def do_POST(self) -> None:
            receiver.paths.append(self.path)
            receiver.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            receiver.headers.append({k.lower(): v for k, v in self.headers.items()})
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.send_header("content-length", "0")
            self.send_header("location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """The receiver's lists say it all."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    receiver = Receiver(f"http://receiver.localhost:{server.server_port}/hook")
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield receiver
    server.shutdown()
    server.server_close()
