"""What the tests of the Salesforce simulator have in common: a clock, a login, a caller."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from local.salesforce import FakeSalesforce

MORNING = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)
CALLBACK = "http://127.0.0.1:9/oauth/callback"
VERIFIER = "v" * 43
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
CLIENT = {"client_id": "fieldlink-local", "client_secret": "fieldlink-local-secret"}
ASK = {
    "response_type": "code",
    "client_id": "fieldlink-local",
    "redirect_uri": CALLBACK,
    "scope": "api refresh_token",
    "state": "state-1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
TIMEOUT = 10


@dataclass
class Clock:
    """Stands still until it is told otherwise."""

    now: datetime = MORNING

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


class Caller:
    """An app that is logged in to the simulator."""

    def __init__(self, salesforce: FakeSalesforce, clock: Clock) -> None:
        self.salesforce = salesforce
        self.clock = clock
        self.tokens: dict[str, str] = {}

    def log_in(self, **changes: str) -> dict[str, str]:
        self.tokens = dict(exchange(self.salesforce, allow(self.salesforce, **changes)).json())
        return self.tokens

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        """A call below /services/data/v67.0/; other keywords are query parameters."""
        headers = {"Authorization": f"Bearer {self.tokens.get('access_token', '')}"}
        headers |= more.pop("headers", {})
        url = f"{self.salesforce.url}/services/data/v67.0/{path}"
        return requests.request(
            method, url, json=body, headers=headers, params=more, timeout=TIMEOUT
        )

    def query(self, soql: str, resource: str = "query") -> list[dict[str, Any]]:
        answer = self.call("GET", resource, q=soql)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["records"])

    def composite(self, *items: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
        body = {"compositeRequest": list(items), **options}
        answer = self.call("POST", "composite", body)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["compositeResponse"])

    def graphs(self, *graphs: dict[str, Any]) -> list[dict[str, Any]]:
        answer = self.call("POST", "composite/graph", {"graphs": list(graphs)})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["graphs"])

    def refused(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
        """Status and error code of a call that must fail."""
        answer = self.call(method, path, body, **more)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()[0]["errorCode"]


@contextmanager
def running(**options: Any) -> Iterator[Caller]:
    """A simulator whose clock stands at eight in the morning, and an app that is logged in."""
    clock = Clock()
    with FakeSalesforce(clock=clock, **options) as salesforce:
        caller = Caller(salesforce, clock)
        caller.log_in()
        yield caller


def item(method: str, path: str, reference: str, body: Any = None) -> dict[str, Any]:
    """A subrequest of a composite."""
    url = f"/services/data/v67.0/{path}"
    asked = {"method": method, "url": url, "referenceId": reference}
    return asked | ({} if body is None else {"body": body})


def graph(name: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"graphId": name, "compositeRequest": list(items)}


def decide(salesforce: FakeSalesforce, decision: str, **changes: str) -> requests.Response:
    """Press a button of the consent page."""
    return requests.post(
        f"{salesforce.url}/services/oauth2/authorize",
        data=ASK | changes | {"decision": decision},
        allow_redirects=False,
        timeout=TIMEOUT,
    )


def answered(response: requests.Response) -> dict[str, str]:
    """What the redirect to the app carries."""
    query = parse_qs(urlsplit(response.headers["Location"]).query)
    return {name: values[0] for name, values in query.items()}


def allow(salesforce: FakeSalesforce, **changes: str) -> str:
    return answered(decide(salesforce, "allow", **changes))["code"]


def exchange(salesforce: FakeSalesforce, code: str, **changes: str) -> requests.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    return token(salesforce, **form | changes)


def refresh(salesforce: FakeSalesforce, refresh_token: str) -> requests.Response:
    return token(salesforce, grant_type="refresh_token", refresh_token=refresh_token)


def token(salesforce: FakeSalesforce, **form: str) -> requests.Response:
    url = f"{salesforce.url}/services/oauth2/token"
    filled = {name: value for name, value in (CLIENT | form).items() if value}
    return requests.post(url, data=filled, timeout=TIMEOUT)


def oauth_error(response: requests.Response) -> tuple[str, str]:
    assert response.status_code == 400, response.text
    body = response.json()
    return body["error"], body["error_description"]
