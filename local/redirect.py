"""What a client means for a host of Salesforce's goes to the simulator, without its knowing."""

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter


class Session(requests.Session):
    """A session for which every https host is the simulator at `url`."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.trust_env = False  # no proxy for this machine
        self.mount("https://", _ToSimulator(url))


class _ToSimulator(HTTPAdapter):
    """Keeps path and query of a request and replaces scheme and host."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        parts = urlsplit(request.url or "")
        request.url = f"{self._url}{parts.path}{'?' if parts.query else ''}{parts.query}"
        return super().send(request, *args, **kwargs)
