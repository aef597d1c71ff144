"""An AWS whose tables and two queues lie in this process: thousands of messages in seconds."""

from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from bench.tables import Tables
from fieldlink.adapters.aws import Aws
from fieldlink.errors import Unclear
from tests.functions.calls import CONTEXT, Context
from tests.functions.fifo import Fifo

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from fieldlink.config import AwsAccess
    from fieldlink.wiring import Services

type Door = Callable[[dict[str, Any], Context], dict[str, Any]]
THROTTLED = b'{"__type":"ProvisionedThroughputExceededException"}'


class Trouble:
    """What DynamoDB does by chance instead of what it was asked for."""

    def __init__(self, chance: Random, throttled: float = 0, failed: float = 0) -> None:
        self.chance = chance
        self.throttled = throttled
        self.failed = failed

    def throttles(self) -> bool:
        return self.chance.random() < self.throttled

    def fails(self) -> bool:
        return self.chance.random() < self.failed


class InMemory(Aws):
    """DynamoDB is here; all else is asked of whoever plays AWS. Nobody pauses."""

    def __init__(self, access: AwsAccess) -> None:
        super().__init__(access, pause=lambda _: None)
        self.tables = Tables()
        self.trouble: Trouble | None = None
        self.asked: Counter[str] = Counter()

    def _send(self, service: str, request: Any) -> Any:
        if service != "dynamodb":
            return super()._send(service, request)
        action = request.headers["X-Amz-Target"].rpartition(".")[2]
        self.asked[action] += 1
        trouble = self.trouble
        if trouble and trouble.throttles():
            return SimpleNamespace(status=400, data=THROTTLED, headers={})
        done_first = bool(trouble and trouble.chance.random() < 0.5)
        if trouble and trouble.fails():
            if done_first:
                self.tables.answer(action, json.loads(request.data))
                raise Unclear("dynamodb did not answer")
            return SimpleNamespace(status=500, data=b"{}", headers={})
        status, data = self._answer(action, json.loads(request.data))
        return SimpleNamespace(status=status, data=data, headers={})

    def _answer(self, action: str, asked: Any) -> tuple[int, bytes]:
        """Statements of one call fare each by itself."""
        if action != "BatchExecuteStatement":
            return self.tables.answer(action, asked)
        told = [self._statement(each) for each in asked["Statements"]]
        return 200, json.dumps({"Responses": told}).encode()

    def _statement(self, statement: Any) -> Any:
        trouble = self.trouble
        if trouble and trouble.throttles():
            return {"Error": {"Code": "ThrottlingError"}}
        failed = {"Error": {"Code": "InternalServerError"}}
        fails = trouble is not None and trouble.fails()
        if trouble and fails and trouble.chance.random() < 0.5:
            return failed
        _, data = self.tables.answer("BatchExecuteStatement", {"Statements": [statement]})
        return failed if fails else json.loads(data)["Responses"][0]


class House:
    """The bundle on it, before anything has been made of the bundle's own."""

    def __init__(self, bundle: Services, access: AwsAccess) -> None:
        self.bundle = bundle
        self.aws = InMemory(access)
        self.events, self.bursts = Fifo("Events.fifo"), Fifo("Bursts.fifo")
        bundle._aws = self.aws
        bundle.events, bundle.bursts = self.events.outbox, self.bursts.outbox

    def work_off(self, door: Door, context: Context = CONTEXT, most: int = 1_000) -> int:
        """Batch after batch as long as there is something to be had; returns how many."""
        for number in range(most):
            queue = self.events if self.events.waiting else self.bursts
            event = queue.event()
            if not event["Records"]:
                return number
            queue.settle(event, door(event, context))
        return most

    def pass_time(self, seconds: float = 600) -> None:
        """By the queues' clock."""
        self.events.now += seconds
        self.bursts.now += seconds
