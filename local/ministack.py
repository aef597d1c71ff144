"""Starts ministack, the pretended AWS: on loopback, on a port of its own, roles enforced."""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Self

import boto3
import requests

from local.runtime import PYTHON, ROOT

REGION = "us-east-1"
EMULATOR = ROOT / "local" / "emulator.py"
ROOT_KEY = "test"  # ministack's own root credentials; they open nothing else


class Ministack:
    """Up from the start of its making; goes with this process, however that ends."""

    def __init__(self, directory: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fieldlink-", dir=directory))
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = self.folder / "ministack.log"
        self._process = self._launch()
        self.client: Callable[[str], Any] = cache(self._client)
        wait_until(self._answers, timeout=30, what="ministack to answer")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def process_id(self) -> int:
        """Of the process that all others of it descend from."""
        return self._process.pid

    def close(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(timeout=30)

    def queues(self) -> dict[str, list[dict[str, Any]]]:
        """What every queue holds, by its name, all at one moment; AWS does not tell that."""
        return {
            url.rpartition("/")[2]: messages
            for regions in self._inspect("sqs/messages").values()
            for queues in regions.values()
            for url, messages in queues.items()
        }

    def mails(self) -> list[dict[str, Any]]:
        """All mails sent so far; AWS does not tell that either."""
        return [mail for mails in self._inspect("ses/messages").values() for mail in mails]

    def _inspect(self, path: str) -> dict[str, Any]:
        """By account."""
        answer = requests.get(f"{self.url}/_ministack/{path}", timeout=10)
        answer.raise_for_status()
        messages: dict[str, Any] = answer.json()["messages"]
        return messages

    def _launch(self) -> subprocess.Popen[bytes]:
        leash = [sys.executable, "-m", "local.leash", str(self.folder)]
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [*leash, str(PYTHON), "-P", str(EMULATOR)],
                cwd=ROOT,
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # ctrl-C is ours to answer
            )

    def _environment(self) -> dict[str, str]:
        """All there is: functions see it too, so nothing of the caller's may slip in."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",  # else it opens one more port, on all interfaces
            "AUTH": "true",
            "AWS_ENDPOINT_URL": self.url,  # else functions would look for the real AWS
        }

    def _client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ROOT_KEY,
            aws_secret_access_key=ROOT_KEY,
        )

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"ministack did not start: {self._log.read_text()[-2000:]}")
        try:
            return requests.get(f"{self.url}/_ministack/health", timeout=1).ok
        except requests.RequestException:
            return False


def wait_until(true: Callable[[], bool], *, timeout: float, what: str) -> None:
    """Asks until the answer is yes; raises TimeoutError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout} s for {what}")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
