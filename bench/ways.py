"""The three ways, each made to run without AWS, at one of two depths.

At "calls" what would send is replaced: urllib3's pool for ours; for the usual one botocore gets
its answer from a listener to "before-send". At "decision" the calls themselves are: there is
left what each makes of a delivery. All are imported late, as they read the environment.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from types import SimpleNamespace
from typing import Any, Literal
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from urllib3 import HTTPResponse

from bench.deliveries import CONNECTION, ROOT, SECRET, Context, Json
from bench.pretended import PretendedAws, Sent
from fieldlink import ports
from fieldlink.ports import Keys, Message

Depth = Literal["decision", "calls"]
Deliver = Callable[[Json], Json]
CONTEXT = Context()
# `make` makes it: packages of others that the layer has not
PEERS = ROOT / ".venv-clients" / "lib" / "python3.13" / "site-packages"


@contextmanager
def ours(depth: Depth, aws: PretendedAws) -> Iterator[Deliver]:
    """The webhook door."""
    from fieldlink.hearing.lanes import Lanes
    from fieldlink.wiring import services
    from functions import receive_webhook

    services.cache_clear()
    made = services()
    with ExitStack() as stack:
        if depth == "calls":
            stack.enter_context(patch.object(made._aws, "_pool", _Pool(aws)))
        else:
            known = {CONNECTION: Keys([SECRET], live_positions=False)}.get
            ring = SimpleNamespace(lately=known, of=known)
            stack.enter_context(patch.object(made, "key_ring", ring))
            outbox = _Outbox(aws)
            stack.enter_context(patch.object(made, "lanes", Lanes(outbox, outbox)))
            spool = SimpleNamespace(claim=lambda _key, _body: True)
            stack.enter_context(patch.dict(vars(made), spool=spool))
        yield lambda event: receive_webhook.lambda_handler(event, CONTEXT)
    services.cache_clear()


@contextmanager
def usual(depth: Depth, aws: PretendedAws) -> Iterator[Deliver]:
    """The same job, written the usual way."""
    from bench import usual_way

    with _without_aws(depth, aws):
        yield lambda event: usual_way.lambda_handler(event, CONTEXT)


@contextmanager
def fastapi(depth: Depth, aws: PretendedAws) -> Iterator[Deliver]:
    """The same behind FastAPI and Mangum."""
    if str(PEERS) not in sys.path:  # behind everything: what the layer has is taken from there
        sys.path.append(str(PEERS))
    loop = asyncio.new_event_loop()  # Mangum takes the one that there is
    asyncio.set_event_loop(loop)
    from bench import fastapi_way

    with _without_aws(depth, aws):
        yield lambda event: fastapi_way.lambda_handler(event, CONTEXT)
    asyncio.set_event_loop(None)
    loop.close()


@contextmanager
def _without_aws(depth: Depth, aws: PretendedAws) -> Iterator[None]:
    """What `usual_way` calls, replaced."""
    from bench import usual_way

    with ExitStack() as stack:
        if depth == "calls":
            for client in (usual_way.dynamodb, usual_way.kms, usual_way.sqs):
                before_send = _BeforeSend(aws)
                client.meta.events.register("before-send", before_send)
                stack.callback(client.meta.events.unregister, "before-send", before_send)
        else:
            keys = usual_way.Keys(secrets=(SECRET,), live_positions=False)
            known = {CONNECTION: keys}.get
            stack.enter_context(patch.object(usual_way, "keys_of", known))
            stack.enter_context(patch.object(usual_way, "send", _sender(aws)))
        yield


WAYS = {"ours": ours, "usual": usual, "fastapi": fastapi}


class _Pool:
    """In place of urllib3's."""

    def __init__(self, aws: PretendedAws) -> None:
        self._aws = aws

    def __call__(self, _origin: str) -> "_Pool":
        return self

    def urlopen(
        self, method: str, _path: str, *, body: bytes, headers: dict[str, str]
    ) -> HTTPResponse:
        if method == "PUT":  # of S3: a forged delivery is held, which the others don't do
            return HTTPResponse(b"", status=200)
        return HTTPResponse(self._aws.answer(headers["X-Amz-Target"], body), status=200)


class _BeforeSend:
    """What botocore asks before it sends."""

    def __init__(self, aws: PretendedAws) -> None:
        self._aws = aws

    def __call__(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        target = target if isinstance(target, str) else target.decode()
        answer = HTTPResponse(
            BytesIO(self._aws.answer(target, request.body)), preload_content=False
        )
        return AWSResponse(request.url, 200, {}, answer)


class _Outbox:
    """In place of our queue."""

    def __init__(self, aws: PretendedAws) -> None:
        self._aws = aws

    def put(self, messages: Iterable[Message]) -> None:
        self._aws.sent += [Sent(*each) for each in messages]

    def depth(self) -> ports.Depth:
        return ports.Depth(waiting=len(self._aws.sent), dead=0)


def _sender(aws: PretendedAws) -> Callable[[Iterable[dict[str, str]]], int]:
    def send(messages: Iterable[dict[str, str]]) -> int:
        sent = [Sent(*each.values()) for each in messages]
        aws.sent += sent
        return len(sent)

    return send
