"""An AWS on this machine that notes every call, and what DynamoDB would charge for it."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from math import ceil
from threading import Lock, Thread
from typing import Any, NamedTuple

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from bench.statements import put_of
from bench.tables import Tables

Json = dict[str, Any]
Application = Callable[[Json, Any], Iterable[bytes]]

READ_UNIT, WRITE_UNIT = 4096, 1024  # bytes
WRITES = ("Put", "Update", "Delete", "BatchWrite", "TransactWrite", "BatchExecute")


class Call(NamedTuple):
    """One request and its answer; `action` as "DynamoDB_20120810.GetItem" has it, without
    the version."""

    service: str
    action: str
    asked: Json
    answered: Json

    @property
    def writes(self) -> bool:
        return self.service == "DynamoDB" and self.action.startswith(WRITES)

    @property
    def puts(self) -> list[Json]:
        """The items that were put, or the keys of those that were updated."""
        match self.action:
            case "PutItem":
                return [self.asked["Item"]]
            case "UpdateItem" | "DeleteItem":
                return [self.asked["Key"]]
            case "BatchWriteItem":
                tables = self.asked["RequestItems"].values()
                return [each["PutRequest"]["Item"] for table in tables for each in table]
            case "TransactWriteItems":
                items = self.asked["TransactItems"]
                return [each["Put"]["Item"] for each in items if "Put" in each]
            case "BatchExecuteStatement":
                return [put_of(each).item for each in self.asked["Statements"]]
        return []

    @property
    def read_units(self) -> float:
        match self.action:
            case "GetItem":
                return _read(self.answered.get("Item", {})) * _consistency(self.asked)
            case "Query":
                size = sum(map(_size, self.answered["Items"]))
                return max(1, ceil(size / READ_UNIT)) * _consistency(self.asked)
            case "BatchGetItem":
                return sum(_batch(self.asked, self.answered))
        return 0

    @property
    def write_units(self) -> int:
        """An item that is replaced counts as large as the new one."""
        units = sum(max(1, ceil(_size(each) / WRITE_UNIT)) for each in self.puts)
        if self.action == "TransactWriteItems":
            checks = len(self.asked["TransactItems"]) - len(self.puts)  # of small items
            return 2 * (units + checks)
        return units


class NotedAws:
    """The tables are our own and the rest is moto's, whose DynamoDB would take minutes for what
    is counted here. What boto3 asks, which is a test and not the bundle, is moto's alone and
    not noted.
    """

    def __init__(self, application: Application) -> None:
        self.url = ""
        self.tables = Tables()
        self._application = application
        self._calls: list[Call] = []
        self._lock = Lock()

    def __call__(self, environ: Json, start: Any) -> Iterable[bytes]:
        service, _, action = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")
        if not service or environ.get("HTTP_USER_AGENT", "").startswith("Boto3"):
            return self._application(environ, start)
        asked = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        payload = json.loads(asked)
        if service.startswith("DynamoDB"):
            status, answer = self.tables.answer(action, payload)
            start(f"{status} OK", [("Content-Type", "application/x-amz-json-1.0")])
        else:
            passed = {**environ, "wsgi.input": BytesIO(asked)}
            answer = b"".join(self._application(passed, start))
        call = Call(service.partition("_")[0], action, payload, json.loads(answer or b"{}"))
        with self._lock:
            self._calls.append(call)
        return [answer]

    def take(self) -> list[Call]:
        """What was called since the last time that somebody took."""
        with self._lock:
            taken, self._calls = self._calls, []
        return taken


class Quiet(MotoRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def noted_aws() -> Iterator[NotedAws]:
    aws = NotedAws(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, aws, threaded=True, request_handler=Quiet)
    aws.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield aws
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _consistency(asked: Json) -> float:
    return 1.0 if asked.get("ConsistentRead") else 0.5


def _read(item: Json) -> int:
    return max(1, ceil(_size(item) / READ_UNIT))


def _batch(asked: Json, answered: Json) -> Iterator[float]:
    """A key without an item counts as one of the smallest."""
    for name, table in asked["RequestItems"].items():
        found = answered["Responses"].get(name, [])
        missing = len(table["Keys"]) - len(found)
        yield (sum(map(_read, found)) + missing) * _consistency(table)


def _size(item: Json) -> int:
    """Bytes of names and values, roughly as DynamoDB counts them."""
    return sum(
        len(name) + len(str(next(iter(value.values()))).encode())
        for name, value in item.items()
    )
