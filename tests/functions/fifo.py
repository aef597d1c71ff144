"""A FIFO queue of SQS in memory: groups, receipts and time-outs, by a clock that is moved."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, Any

from fieldlink.adapters.aws import Aws
from fieldlink.adapters.sqs import SqsOutbox
from fieldlink.config import AwsAccess

if TYPE_CHECKING:
    from collections.abc import Iterable

TIME_OUT = 360  # seconds that a message is lent for, as in the template
TRIES = 30  # then it is a dead letter, as in the template


@dataclass
class Lying:
    """One message in the queue."""

    id: str
    body: str
    group: str
    tries: int = 0
    visible_at: float = 0
    receipt: str = ""


@dataclass
class Fifo(Aws):
    """What SQS would do, and what was asked of it."""

    name: str = "Events.fifo"
    time_out: int = TIME_OUT
    most_tries: int = TRIES
    lying: list[Lying] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    now: float = 0
    numbers: Any = field(default_factory=count)
    lock: Any = field(default_factory=RLock)

    def __post_init__(self) -> None:
        super().__init__(AwsAccess("eu-central-1", "access-key", "secret-key", None, ""))

    @property
    def outbox(self) -> SqsOutbox:
        return SqsOutbox(self, f"https://sqs.example.com/{self.name}")

    @property
    def waiting(self) -> bool:
        """Whether anything can be had."""
        held = {each.group for each in self.lying if each.visible_at > self.now}
        return any(each.group not in held for each in self.lying)

    def fill(self, messages: Iterable[tuple[str, str]]) -> None:
        """Bodies and their groups."""
        for body, group in messages:
            self.lying.append(Lying(f"message-{next(self.numbers)}", body, group))

    def event(self, most: int = 10) -> dict[str, Any]:
        """A batch as Lambda gets it from the queue; empty if nothing can be had."""
        records = [self._record(each) for each in self._lent(most, self.time_out)]
        source = f"arn:aws:sqs:eu-central-1:123456789012:{self.name}"
        return {"Records": [{**each, "eventSourceARN": source} for each in records]}

    def settle(self, event: dict[str, Any], answer: dict[str, Any]) -> None:
        """What Lambda takes off the queue after a batch: all but what failed."""
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        given = {each["messageId"] for each in event["Records"]}
        assert failed <= given, "an id that Lambda did not hand over fails the whole batch"
        self._remove(
            each["receiptHandle"]
            for each in event["Records"]
            if each["messageId"] not in failed
        )

    def call(
        self, service: str, action: str, payload: dict[str, Any], *, once: bool = False
    ) -> dict[str, Any]:
        assert service == "sqs"
        assert not once
        with self.lock:
            self.asked.append(action)
            if action == "SendMessageBatch":
                self.fill((e["MessageBody"], e["MessageGroupId"]) for e in payload["Entries"])
            elif action == "ReceiveMessage":
                most, seconds = payload["MaxNumberOfMessages"], payload["VisibilityTimeout"]
                return {"Messages": self._received(most, seconds)}
            elif action == "DeleteMessageBatch":
                assert len(payload["Entries"]) <= 10
                self._remove(each["ReceiptHandle"] for each in payload["Entries"])
            elif action == "ChangeMessageVisibilityBatch":
                assert len(payload["Entries"]) <= 10
                for each in payload["Entries"]:
                    self._put_off(each["ReceiptHandle"], each["VisibilityTimeout"])
            else:
                raise AssertionError(action)
            return {}

    def _received(self, most: int, seconds: float) -> list[dict[str, Any]]:
        return [
            {
                "MessageId": each["messageId"],
                "ReceiptHandle": each["receiptHandle"],
                "Body": each["body"],
                "Attributes": each["attributes"],
            }
            for each in map(self._record, self._lent(most, seconds))
        ]

    def _lent(self, most: int, seconds: float) -> list[Lying]:
        """In order; of a group of which anything is lent there is nothing."""
        with self.lock:
            held = {each.group for each in self.lying if each.visible_at > self.now}
            found = [each for each in self.lying if each.group not in held][:most]
            for each in found:
                each.tries += 1
                each.visible_at = self.now + seconds
                each.receipt = f"receipt-{next(self.numbers)}"
            return [each for each in found if not self._died(each)]

    def _died(self, message: Lying) -> bool:
        if message.tries <= self.most_tries:
            return False
        self.lying.remove(message)
        self.dead.append(message.body)
        return True

    def _record(self, message: Lying) -> dict[str, Any]:
        return {
            "messageId": message.id,
            "receiptHandle": message.receipt,
            "body": message.body,
            "attributes": {
                "ApproximateReceiveCount": str(message.tries),
                "MessageGroupId": message.group,
            },
        }

    def _remove(self, receipts: Iterable[str]) -> None:
        gone = set(receipts)
        self.lying = [each for each in self.lying if each.receipt not in gone]

    def _put_off(self, receipt: str, seconds: int) -> None:
        for each in self.lying:
            if each.receipt == receipt:
                each.visible_at = self.now + seconds
