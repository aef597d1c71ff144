"""HTTP to `*.localhost`, which browsers take for this machine (RFC 6761) and libc may not."""

from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar, get_cookie_header


class _Loopback(HTTPAdapter):
    """Connects `*.localhost` to 127.0.0.1 and keeps the name in the Host header."""

    def __init__(self, cookies: RequestsCookieJar) -> None:
        super().__init__()
        self._cookies = cookies

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        # Set each time, because a redirect starts from the headers of the request before it;
        # and from our jar, because requests copies cookies into jars of its own policy.
        request.headers["Host"] = urlsplit(request.url or "").netloc.rpartition("@")[2]
        request.headers.pop("Cookie", None)
        if cookies := get_cookie_header(self._cookies, request):  # type: ignore[no-untyped-call]
            request.headers["Cookie"] = cookies
        return super().send(request, *args, **kwargs)

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        host, pool = super().build_connection_pool_key_attributes(*args, **kwargs)
        if str(host["host"]).endswith(".localhost"):
            host["host"] = "127.0.0.1"
        return host, pool


def session() -> requests.Session:
    """A session that finds `*.localhost`, and sends it Secure cookies as browsers do."""
    made = requests.Session()
    made.trust_env = False  # no proxy for this machine
    made.cookies = RequestsCookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
    made.mount("http://", _Loopback(made.cookies))
    return made
