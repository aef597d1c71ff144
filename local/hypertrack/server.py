"""The REST API over HTTP: faults, keys, contract, then the operation."""

import json
from collections.abc import Callable
from hmac import compare_digest
from http import HTTPStatus
from threading import Event, Thread
from typing import Any

from flask import Flask, Response, current_app, g, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from local.hypertrack import faults, openapi
from local.hypertrack.answers import Answer, Ask, Refusal, problem, unauthorized, unprocessable
from local.hypertrack.devices import Devices
from local.hypertrack.geofences import Geofences
from local.hypertrack.geotags import Geotags
from local.hypertrack.locating import Locating
from local.hypertrack.oauth import OAuth, bearer
from local.hypertrack.order_webhooks import OrderWebhooks
from local.hypertrack.orders import Orders
from local.hypertrack.page import show
from local.hypertrack.places import Places
from local.hypertrack.state import Account
from local.hypertrack.visits import Visits
from local.hypertrack.workers import Workers
from local.hypertrack.world import Request, World

Operation = Callable[..., Answer]
PARTS: tuple[Callable[[World], Any], ...] = (
    Workers,
    Devices,
    Geofences,
    Visits,
    Geotags,
    OrderWebhooks,
    Orders,
    OAuth,
    Locating,
    Places,
)


class _Quiet(WSGIRequestHandler):
    """Keeps the log for what matters."""

    def log_request(self, *_: object, **__: object) -> None:
        """Requests are kept in the simulator's list instead."""

    def connection_dropped(self, *_: object, **__: object) -> None:
        """A fault may have done it."""


class Server:
    """The HTTP server, in a thread of its own, on a free port of loopback."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stopping = Event()
        self._app = Flask(__name__, static_folder=None, template_folder=".")
        self._app.json.sort_keys = False  # type: ignore[attr-defined]
        self._app.before_request(self._before)
        self._app.after_request(self._after)
        self._app.register_error_handler(Refusal, _refuse)
        self._app.register_error_handler(HTTPException, _unknown)
        self._app.add_url_rule("/", "page", lambda: show(world))
        for part in PARTS:
            for method, rule, operation in part(world).routes:
                self._route(method, rule, operation)
        self._server: BaseWSGIServer | None = None

    @property
    def url(self) -> str:
        if self._server is None:
            raise RuntimeError("the simulator is not running")
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        self._stopping.clear()
        self._server = make_server(
            "127.0.0.1", 0, self._app, threaded=True, request_handler=_Quiet
        )
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _route(self, method: str, rule: str, operation: Operation) -> None:
        """With and without trailing slash; how the vendor takes the other form is unknown."""

        def view(**names: str) -> Response:
            with self._world.lock:
                status, body = operation(self._ask(rule), **names)
            return _answered(status, body)

        self._app.add_url_rule(
            rule, f"{method} {rule}", view, methods=[method], strict_slashes=False
        )

    def _before(self) -> Response | None:
        g.account, g.fault = None, {}
        if request.endpoint == "page":
            return None
        g.fault = faults.take(self._world.faults, request.method, request.path)
        response = None if g.fault.get("after") else faults.answer(g.fault)
        if response is not None:
            return response
        if request.url_rule is not None and not _open_to_all(request.url_rule.rule):
            g.account = self._authenticate()
        return None

    def _authenticate(self) -> Account:
        """Basic AccountId:SecretKey, or a token. The publishable key opens nothing here."""
        given = request.authorization
        whose = bearer(self._world, given.token) if given and given.type == "bearer" else None
        if whose is not None:
            return whose
        account = self._world.accounts.get(str(given.username)) if given else None
        if given is None or account is None or given.type != "basic":
            raise unauthorized()
        if not compare_digest(str(given.password).encode(), account.secret_key.encode()):
            raise unauthorized()
        return account

    def _ask(self, rule: str) -> Ask:
        path = _template(rule)
        known = openapi.operation(request.method, path) is not None
        body = _json(known)
        query = openapi.read_query(request.method, path, request.args)
        if known and self._world.validate:
            problems = openapi.request_problems(request.method, path, query, body)
            if problems and openapi.refuses_with(request.method, path, 422):
                raise unprocessable(problems)
        return Ask(g.account, body, query)

    def _after(self, response: Response) -> Response:
        if request.endpoint == "page":
            return response
        self._check(response)
        if g.fault.get("after"):
            response = faults.answer(g.fault) or response
        self._keep(None if g.fault.get("drop") else response.status_code)
        faults.suffer(g.fault, self._stopping)
        return response

    def _keep(self, status: int | None) -> None:
        """Before the caller knows, so that it finds its request in the list."""
        told = Request(
            method=request.method,
            path=request.path,
            query=request.query_string.decode(),
            body=request.get_json(silent=True) if request.is_json else None,
            status=status,
            account_id=g.account.account_id if g.account else None,
        )
        self._world.requests.append(told)

    def _check(self, response: Response) -> None:
        """An answer of ours that breaks the contract is a mistake of the simulator."""
        if request.url_rule is None or g.fault:
            return
        path = _template(request.url_rule.rule)
        if path.endswith("/invite") and self._world.switches.invite_answer != "invite_link":
            return
        if response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
            self._world.breaches.append(f"{request.method} {path} failed")
        body = response.get_json(silent=True)
        self._world.breaches += openapi.answer_problems(
            request.method, path, response.status_code, body
        )


def _open_to_all(rule: str) -> bool:
    """The contract says which operation needs no key: the one that hands them out."""
    path = _template(rule)
    return (openapi.operation(request.method, path) or {}).get("security") == []


def _template(rule: str) -> str:
    return rule.replace("<", "{").replace(">", "}")


def _json(contract: bool) -> Any:
    if request.mimetype == "application/x-www-form-urlencoded":
        return request.form.to_dict()
    raw = request.get_data()
    if not raw.strip():
        return {}
    try:
        return json.loads(raw)
    except ValueError:
        if contract:
            raise Refusal(400, {"message": "Invalid JSON", "detail": {}}) from None
        raise problem(400, "bad_request", "Bad request", "invalid JSON") from None


def _answered(status: int, body: Any) -> Response:
    response = current_app.response_class() if body is None else jsonify(body)
    response.status_code = status
    return response


def _refuse(refusal: Refusal) -> Response:
    return _answered(refusal.status, refusal.body)


def _unknown(error: HTTPException) -> Response:
    status = error.code or 500
    return _answered(status, {"message": HTTPStatus(status).phrase})
