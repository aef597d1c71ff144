"""The REST API on HTTP: tokens, quota, faults and the record of calls."""

from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from local.salesforce.broken import cut, dropped
from local.salesforce.calls import Answer, Call, refused
from local.salesforce.errors import Refusal, closed
from local.salesforce.faults import Fault, answers, pause
from local.salesforce.records import Actor
from local.salesforce.rest import faulty, versions
from local.salesforce.site import Request, Site

LONGEST_HEAD = 16_384  # bytes of address and headers
METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]


def blueprint(site: Site) -> Blueprint:
    web = Blueprint("rest", __name__)

    @web.get("/services/data/")
    @web.get("/services/data", strict_slashes=False)
    def list_versions() -> Response:
        return jsonify(versions(site.versions))

    @web.route("/services/data/<version>/", methods=METHODS, defaults={"path": ""})
    @web.route("/services/data/<version>/<path:path>", methods=METHODS)
    def call(version: str, path: str) -> Response:
        content = request.get_data(as_text=True)
        text = request.query_string.decode(errors="replace") + " " + content
        fault = site.fault_queue.take(request.method, request.path, text)
        pause(fault)
        with site.lock:
            answer, counted = _answer(site, version, path.strip("/"), content, fault)
            _record(site, answer, counted, content)
        return _sent(answer, fault)

    return web


def _answer(
    site: Site, version: str, path: str, content: str, fault: Fault
) -> tuple[Answer, bool]:
    """The answer, and whether the call used up quota: what the edge refuses does not."""
    if answers(fault) and not fault.get("after"):
        if "errorCode" in fault:
            site.org.count_call()
        return faulty(fault), "errorCode" in fault
    site.settle()
    _count_down(site)
    try:
        actor = _authenticated(site)
        if site.api_closed:
            raise closed(site.api_closed)
        _take_from_quota(site)
    except Refusal as refusal:
        return refused(refusal), False
    headers = {name.lower(): value for name, value in request.headers.items()}
    arguments = {name: values[-1] for name, values in request.args.lists()}
    method = arguments.pop("_HttpMethod", request.method)
    answer = site.api.answer(Call(method, path, version, actor, arguments, headers, content))
    return (faulty(fault) if answers(fault) else answer), True


def _count_down(site: Site) -> None:
    if site.sessions_end_in is None:
        return
    if site.sessions_end_in == 0:
        site.oauth.expire_sessions()
    site.sessions_end_in = site.sessions_end_in - 1 if site.sessions_end_in else None


def _authenticated(site: Site) -> Actor:
    head = len(request.full_path) + sum(len(k) + len(v) for k, v in request.headers.items())
    if head > LONGEST_HEAD:
        raise Refusal("URI_TOO_LONG", "URI Too Long")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if token and scheme not in {"Bearer", "OAuth"}:
        raise Refusal("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE", status=401)
    session = site.oauth.session_of(token)
    if session is None or not site.may_work(session.user):
        raise Refusal("INVALID_SESSION_ID", "Session expired or invalid")
    if site.session_refused:
        raise Refusal("INVALID_SESSION_ID", site.session_refused)
    if not {"api", "full"} & set(session.scopes):
        raise Refusal(
            "INVALID_SESSION_ID", "This session is not valid for use with the REST API"
        )
    return Actor(session.user, "api")


def _take_from_quota(site: Site) -> None:
    if site.org.calls_used() >= site.daily_limit:
        raise Refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    site.org.count_call()


def _record(site: Site, answer: Answer, counted: bool, content: str) -> None:
    path = request.full_path.rstrip("?")
    g.request = f"{len(site.requests) + 1:032x}"
    site.requests.append(
        Request(request.method, path, answer.status, counted, content, site.now(), g.request)
    )
    g.limits = _limits(site)


def _limits(site: Site) -> str:
    usage = f"api-usage={site.org.calls_used()}/{site.daily_limit}"
    if not site.per_app_usage:
        return usage
    share = f"{site.org.calls_of_app()}/{site.app_limit}(appName={site.app_name})"
    return f"{usage}; per-app-api-usage={share}"


def _sent(answer: Answer, fault: Fault) -> Response:
    response = _response(answer.body)
    response.status_code = answer.status
    for name, value in answer.headers.items():
        response.headers[name] = value
    response.headers["Sforce-Limit-Info"] = g.limits
    response.headers["X-SFDC-Request-Id"] = g.request
    if fault.get("drop"):
        return dropped()
    return cut(response) if fault.get("half") else response


def _response(body: Any) -> Response:
    if body is None:
        empty = Response(b"")
        del empty.headers["Content-Type"]
        return empty
    if isinstance(body, str):
        return Response(body)
    response = jsonify(body)
    response.headers["Content-Type"] = "application/json;charset=UTF-8"
    return response
