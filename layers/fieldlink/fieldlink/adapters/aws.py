"""AWS's JSON services over botocore's signer and urllib3.

The webhook door pays for every import and every call while HyperTrack waits, and boto3 takes
more than twice as long for either (`make bench` compares them). What we use of it are signed
JSON posts.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from urllib3.util.ssl_ import create_urllib3_context

from fieldlink.errors import Refused, Unavailable, Unclear

if TYPE_CHECKING:
    from ssl import SSLContext

    from fieldlink.config import AwsAccess

TIMEOUT = urllib3.Timeout(connect=2, read=5)  # seconds; the door itself has 8
# service: (target prefix, JSON protocol version)
TARGETS = {
    "dynamodb": ("DynamoDB_20120810", "1.0"),
    "sqs": ("AmazonSQS", "1.0"),
    "kms": ("TrentService", "1.1"),
    "secretsmanager": ("secretsmanager", "1.1"),
}
# Not the caller's fault but the stack's: to be mended, and then tried again.
OURS = (
    "AccessDenied",
    "DecryptionFailure",
    "Disabled",
    "ExpiredToken",
    "InvalidClientTokenId",
    "InvalidSignature",
    "KMSInvalidState",
    "QueueDoesNotExist",
    "ResourceNotFound",
    "UnrecognizedClient",
)
# Answers 4xx that mean "not now".
THROTTLED = (
    "Throttl",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "LimitExceeded",
)


class Aws:
    """Signed calls with one role's credentials."""

    def __init__(self, access: AwsAccess) -> None:
        self._access = access
        self._http = urllib3.PoolManager(
            timeout=TIMEOUT, retries=False, maxsize=4, ssl_context=_trust()
        )

    def call(self, service: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """One action of a service that speaks AWS's JSON protocol."""
        prefix, version = TARGETS[service]
        headers = {
            "Content-Type": f"application/x-amz-json-{version}",
            "X-Amz-Target": f"{prefix}.{action}",
        }
        return self.post(service, service, "/", payload, headers)

    def post(
        self,
        service: str,
        host: str,
        path: str,
        payload: dict[str, Any],
        headers: dict[str, str],
    ) -> dict[str, Any]:
        """A signed POST. Raises Unavailable, Unclear, or Refused with AWS's error code."""
        return self._send("POST", service, host, path, headers, json.dumps(payload).encode())

    def get(self, service: str, host: str, path: str) -> dict[str, Any]:
        """A signed GET. Raises as `post` does."""
        return self._send("GET", service, host, path, {}, b"")

    def _send(
        self,
        method: str,
        service: str,
        host: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
    ) -> dict[str, Any]:
        url = (
            self._access.endpoint.rstrip("/")
            or f"https://{host}.{self._access.region}.amazonaws.com"
        )
        request = AWSRequest(method, url + path, headers=headers, data=body)
        SigV4Auth(self._access, service, self._access.region).add_auth(request)
        try:
            answer = self._http.request(
                method, url + path, body=body, headers=dict(request.headers.items())
            )
        except (
            urllib3.exceptions.NewConnectionError,
            urllib3.exceptions.ConnectTimeoutError,
        ) as error:
            raise Unavailable(f"{service} can't be reached") from error
        except urllib3.exceptions.HTTPError as error:
            raise Unclear(f"{service} did not answer") from error
        return _read(service, answer)


@cache
def _trust() -> SSLContext:
    """As urllib3 makes it, but once: it would read all authorities anew for each connection."""
    context = create_urllib3_context()
    context.load_default_certs()
    return context


def _read(service: str, answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    try:
        body = json.loads(answer.data or b"{}")
    except ValueError:
        body = None
    if answer.status < 300:
        if not isinstance(body, dict):
            raise Unclear(f"{service}'s answer can't be read")
        return body
    body = body if isinstance(body, dict) else {}
    named = body.get("__type") or answer.headers.get("x-amzn-ErrorType") or str(answer.status)
    code = str(named).rpartition("#")[2].partition(":")[0]
    if answer.status >= 500:
        raise Unclear(f"{service} answered {answer.status} {code}")
    if code.startswith(THROTTLED + OURS) or answer.status == 429:
        raise Unavailable(f"{service} answered {code}")
    message = body.get("message") or body.get("Message") or ""
    raise Refused(f"{service} answered {code}: {message}", code=code)
