"""AWS's JSON services, and objects of S3, over botocore's signer and urllib3.

The webhook door pays for every import and every call while HyperTrack waits, and boto3 takes
more than twice as long for either (`make bench` compares them). What we use of it are signed
JSON posts, and S3's plain PUT, GET and DELETE.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import urllib3
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from urllib3.util.ssl_ import create_urllib3_context

from fieldlink.adapters.aws_answers import in_xml, passes, read
from fieldlink.adapters.aws_errors import TRIES, failure, wait
from fieldlink.errors import Unavailable, Unclear

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ssl import SSLContext

    from fieldlink.config import AwsAccess

TIMEOUT = urllib3.Timeout(connect=2, read=5)  # seconds; the door itself has 8
MOST_HOSTS = 20  # services, and the bucket's host; a pool that is in use must not be dropped
CONNECTIONS = 16  # to each service; a batch's threads beyond that wait for one
TARGETS = {  # by service: target prefix, version of the JSON protocol
    "dynamodb": ("DynamoDB_20120810", "1.0"),
    "sqs": ("AmazonSQS", "1.0"),
    "kms": ("TrentService", "1.1"),
    "secretsmanager": ("secretsmanager", "1.1"),
}


class Request(AWSRequest):  # type: ignore[misc]
    """The signer asks for its body, which botocore prepares the whole request for."""

    @property
    def body(self) -> bytes:
        return self.data  # type: ignore[no-any-return]


class Aws:
    """Signed calls with one role's credentials, from any number of threads."""

    def __init__(
        self,
        access: AwsAccess,
        pause: Callable[[int], None] = wait,
        timeout: urllib3.Timeout = TIMEOUT,
    ) -> None:
        self._access = access
        self.pause = pause
        self._http = urllib3.PoolManager(
            num_pools=MOST_HOSTS,
            timeout=timeout,
            retries=False,
            maxsize=CONNECTIONS,
            block=True,
            ssl_context=_trust(),
        )
        self._pool = cache(self._http.connection_from_url)  # it takes long to find one

    def call(
        self, service: str, action: str, payload: dict[str, Any], *, once: bool = False
    ) -> dict[str, Any]:
        """One action of a service that speaks AWS's JSON protocol."""
        prefix, version = TARGETS[service]
        headers = {
            "Content-Type": f"application/x-amz-json-{version}",
            "X-Amz-Target": f"{prefix}.{action}",
        }
        return self.post(service, service, "/", payload, headers, once=once)

    def post(
        self,
        service: str,
        host: str,
        path: str,
        payload: dict[str, Any],
        headers: dict[str, str],
        *,
        once: bool = False,
    ) -> dict[str, Any]:
        """A signed POST. Raises Unavailable, Unclear, or Refused with AWS's error code.

        `once`: it is not made again if it may have been carried out.
        """
        url = self._url(host) + path
        data = json.dumps(payload).encode()
        action = "" if once else headers.get("X-Amz-Target", "").rpartition(".")[2]
        for number in range(TRIES):
            answer = self._send(service, Request("POST", url, headers=headers, data=data))
            if number == TRIES - 1 or not passes(answer, action):
                break
            self.pause(number)
        return read(service, answer)

    def get(self, service: str, host: str, path: str) -> dict[str, Any]:
        """A signed GET. Raises as `post` does."""
        request = Request("GET", self._url(host) + path, data=b"")
        return read(service, self._send(service, request))

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
        request = Request(method, url, headers=headers or {}, data=body)
        answer = self._send("s3", request)
        if answer.status >= 300:
            raise failure("s3", answer.status, in_xml("Code", answer))
        return answer.data

    def form(self, service: str, fields: Mapping[str, str]) -> None:
        """One action of a service that speaks AWS's query protocol. Raises as `post` does."""
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        data = urlencode(fields).encode()
        request = Request("POST", self._url(service) + "/", headers=headers, data=data)
        answer = self._send(service, request)
        if answer.status >= 300:
            code, message = in_xml("Code", answer), in_xml("Message", answer)
            raise failure(service, answer.status, code, message)

    def _url(self, host: str) -> str:
        return (
            self._access.endpoint.rstrip("/")
            or f"https://{host}.{self._access.region}.amazonaws.com"
        )

    def _send(self, service: str, request: Request) -> urllib3.BaseHTTPResponse:
        signer = S3SigV4Auth if service == "s3" else SigV4Auth
        scheme, host, path, query, _ = urlsplit(request.url)
        request.headers["Host"] = host  # the signer takes long for it
        signer(self._access, service, self._access.region).add_auth(request)
        try:
            return self._pool(f"{scheme}://{host}").urlopen(
                request.method,
                f"{path}?{query}" if query else path,
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
