"""GET /oauth/callback: trade Salesforce's code for tokens and show how it went."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from fieldlink.alarms import flush
from fieldlink.commands import poll_message
from fieldlink.connecting import connecting
from fieldlink.console import pages
from fieldlink.errors import Refused, Unavailable
from fieldlink.models import Poll
from fieldlink.observability import logger, metrics
from fieldlink.wiring import now, services

app = APIGatewayHttpResolver()
DENIED = "access_denied"


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Salesforce sends the operator's browser here, with a code or an error."""
    answer = app.resolve(event, context)
    logger.info("authorisation answered", status=answer["statusCode"])
    metrics.add_metric(name=f"Authorisation{answer['statusCode']}", unit="Count", value=1)
    return answer


@app.get("/oauth/callback")
def callback() -> Response[str]:
    event = app.current_event
    assert isinstance(event, APIGatewayProxyEventV2)  # noqa: S101 (the resolver's own kind)
    session = pages.session_of(event, services().console_key, now())
    query = event.query_string_parameters
    if session is None:
        return pages.message("Open the console with a setup link first.", status=403)
    if "error" in query:
        connecting.abandon(query.get("state", ""), session=session.id, kept=services().state)
        return pages.message(_words(query), status=400)
    return _finish(query, session.id)


@app.exception_handler(Refused)  # type: ignore[untyped-decorator]
def refused(refusal: Refused) -> Response[str]:
    return pages.message(str(refusal), status=400)


@app.exception_handler(Unavailable)  # type: ignore[untyped-decorator]
def unavailable(error: Unavailable) -> Response[str]:
    return pages.message(f"Please connect again: {error}.", status=502)


def _finish(query: dict[str, str], session: str) -> Response[str]:
    try:
        connection = connecting.finish(
            query.get("state", ""),
            query.get("code", ""),
            session=session,
            office=services().office(),
            org=services().salesforce,
        )
    finally:
        flush(services().meter)
    if connection.state == "connected":
        first = poll_message(
            Poll(connection=connection.connection), f"first {now().isoformat()}"
        )
        services().polls.put([first])
    return pages.redirect(f"/connections/{connection.connection}")


def _words(query: dict[str, str]) -> str:
    if query["error"] == DENIED:
        return "Access was not granted in Salesforce. Nothing has been connected."
    return f"Salesforce answered {query['error']}: {query.get('error_description', '')}"
