"""AWS's JSON services, and objects of S3, over botocore's signer and urllib3.

The webhook door pays for every import and every call while HyperTrack waits, and boto3 takes
more than twice as long for either (`make bench` compares them). What we use of it are signed
JSON posts, and S3's plain PUT, GET and DELETE.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import urllib3
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from urllib3.util.ssl_ import create_urllib3_context

from fieldlink.errors import FieldlinkError, Refused, Unavailable, Unclear

if TYPE_CHECKING:
    from collections.abc import Mapping
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
    "AuthorizationError",
    "DecryptionFailure",
    "Disabled",
    "ExpiredToken",
    "InvalidClientTokenId",
    "InvalidSignature",
    "KMS",  # whatever is wrong with the key of a queue, a topic or a bucket
    "NoSuchBucket",
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
        url = self._url(host) + path
        request = AWSRequest("POST", url, headers=headers, data=json.dumps(payload).encode())
        return _read(service, self._send(service, request))

    def get(self, service: str, host: str, path: str) -> dict[str, Any]:
        """A signed GET. Raises as `post` does."""
        request = AWSRequest("GET", self._url(host) + path, data=b"")
        return _read(service, self._send(service, request))

    def s3(
        self,
        method: str,
        bucket: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> bytes:
        """A signed call for an object of a bucket, or for the list of them. Raises as `post`.

        `path` holds nothing that would have to be quoted. A local endpoint has no hosts for
        its buckets, so there the bucket stands in the path.
        """
        local = f"/{bucket}" if self._access.endpoint else ""
        url = self._url(f"{bucket}.s3") + local + path
        request = AWSRequest(method, url, headers=headers or {}, data=body)
        answer = self._send("s3", request)
        if answer.status >= 300:
            raise _failure("s3", answer.status, _in_xml("Code", answer))
        return answer.data

    def form(self, service: str, fields: Mapping[str, str]) -> None:
        """One action of a service that speaks AWS's query protocol. Raises as `post` does."""
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        data = urlencode(fields).encode()
        request = AWSRequest("POST", self._url(service) + "/", headers=headers, data=data)
        answer = self._send(service, request)
        if answer.status >= 300:
            code, message = _in_xml("Code", answer), _in_xml("Message", answer)
            raise _failure(service, answer.status, code, message)

    def _url(self, host: str) -> str:
        return (
            self._access.endpoint.rstrip("/")
            or f"https://{host}.{self._access.region}.amazonaws.com"
        )

    def _send(self, service: str, request: AWSRequest) -> urllib3.BaseHTTPResponse:
        signer = S3SigV4Auth if service == "s3" else SigV4Auth
        signer(self._access, service, self._access.region).add_auth(request)
        try:
            return self._http.request(
                request.method,
                request.url,
                body=request.data,
                headers=dict(request.headers.items()),
            )
        except (
            urllib3.exceptions.NewConnectionError,
            urllib3.exceptions.ConnectTimeoutError,
        ) as error:
            raise Unavailable(f"{service} can't be reached") from error
        except urllib3.exceptions.HTTPError as error:
            raise Unclear(f"{service} did not answer") from error


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
    named = body.get("__type") or answer.headers.get("x-amzn-ErrorType") or ""
    code = str(named).rpartition("#")[2].partition(":")[0]
    message = body.get("message") or body.get("Message") or ""
    raise _failure(service, answer.status, code, message)


def _in_xml(element: str, answer: urllib3.BaseHTTPResponse) -> str:
    """The text of an element of an answer."""
    found = re.search(rf"<{element}>([^<]*)</{element}>", answer.data.decode(errors="replace"))
    return found[1] if found else ""


def _failure(service: str, status: int, code: str, message: object = "") -> FieldlinkError:
    """What an answer that is an error stands for."""
    code = code or str(status)
    if status >= 500:
        return Unclear(f"{service} answered {status} {code}")
    if code.startswith(THROTTLED + OURS) or status == 429:
        return Unavailable(f"{service} answered {code}")
    return Refused(f"{service} answered {code}: {message}", code=code)
