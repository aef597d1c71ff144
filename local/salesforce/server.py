"""The simulated Salesforce on loopback: one HTTP server in a thread of its own."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Thread
from types import TracebackType
from typing import Self

from flask import Flask, Response
from flask.json.provider import DefaultJSONProvider
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from local.salesforce import (
    web_consent,
    web_identity,
    web_people,
    web_rest,
    web_session,
    web_token,
)
from local.salesforce.objects import FIELD_SERVICE
from local.salesforce.planting import Planting

WEB = (web_rest, web_token, web_session, web_identity, web_consent, web_people)
SESSION_MINUTES = 120  # Salesforce's default session timeout


class FakeSalesforce(Planting):
    """Salesforce as its documentation describes it; without `field_service`, an org that has
    not switched it on."""

    def __init__(
        self,
        clock: Callable[[], datetime] | None = None,
        client_id: str = "fieldlink-local",
        client_secret: str = "fieldlink-local-secret",  # noqa: S107, it opens nothing
        field_service: bool = True,
        page_size: int = 2000,
        session_minutes: float = SESSION_MINUTES,
    ) -> None:
        super().__init__(clock or _utc_now, timedelta(minutes=session_minutes))
        self.client_id = client_id
        self.client_secret = client_secret
        self.page_size = page_size
        if not field_service:
            for name in FIELD_SERVICE:
                del self.org.objects[name]
        self._server: BaseWSGIServer | None = None
        self._thread: Thread | None = None

    def start(self, port: int = 0) -> Self:
        """Listen on 127.0.0.1, on a free port unless one is named; `url` then says where."""
        server = make_server(
            "127.0.0.1", port, self._application(), threaded=True, request_handler=Quiet
        )
        self.url = f"http://127.0.0.1:{server.server_port}"
        self._thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self._server = server
        return self

    def stop(self) -> None:
        if self._server and self._thread:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None
        self.org.store.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _application(self) -> Flask:
        application = Flask(__name__)
        application.url_map.strict_slashes = False
        application.json = Json(application)
        for web in WEB:
            application.register_blueprint(web.blueprint(self))

        @application.after_request
        def date(response: Response) -> Response:
            now = self._clock().astimezone(UTC)
            response.headers["Date"] = format_datetime(now, usegmt=True)
            return response

        return application


class Json(DefaultJSONProvider):
    sort_keys = False  # `attributes` comes first in a row, as the vendor's answers have it


class Quiet(WSGIRequestHandler):
    """Says nothing on the terminal: `requests` keeps what was asked."""

    def send_response(self, code: int, message: str | None = None) -> None:
        """Without the Date of this machine: the answer has the org's."""
        self.send_response_only(code, message)

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        pass


def _utc_now() -> datetime:
    return datetime.now(UTC)
