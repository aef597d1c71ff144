"""The webhook door's job behind FastAPI and Mangum: what else people write.

Only the framework is another one: the models, the checks and the messages are those of
`usual_way`, so that what differs is the framework.
"""

import logging
from typing import Any

from aws_lambda_powertools.event_handler.exceptions import ServiceError
from fastapi import FastAPI, HTTPException, Request  # type: ignore[import-not-found, unused-ignore]
from mangum import Mangum  # type: ignore[import-not-found, unused-ignore]

from bench import usual_way

logger = logging.getLogger("fieldlink")
app = FastAPI()
handler = Mangum(app, lifespan="off")


@app.post("/webhooks/hypertrack/{connection}")  # type: ignore[untyped-decorator, unused-ignore]
async def receive(connection: str, request: Request) -> dict[str, str]:
    """Check the signature, queue the events, answer."""
    try:
        return take(connection, request.headers, await request.body())
    except ServiceError as error:
        raise HTTPException(error.status_code, error.msg) from error


def take(connection: str, headers: Any, body: bytes) -> dict[str, str]:
    if headers.get("content-encoding", "identity").lower() not in {"", "identity"}:
        raise ServiceError(415, "compressed webhooks are not understood")
    keys = usual_way.keys_of(connection)
    if keys is None:
        raise ServiceError(404, "no such connection")
    usual_way.verify(body, headers.get("x-hypertrack-signature", ""), keys)
    count = usual_way.send(usual_way.entries(usual_way.events(body), connection, keys))
    logger.info("webhook accepted", extra={"connection": connection, "events": count})
    return {"message": "webhook accepted"}


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """One delivery, in API Gateway's payload format 2.0."""
    answer: dict[str, Any] = handler(event, context)
    return answer
