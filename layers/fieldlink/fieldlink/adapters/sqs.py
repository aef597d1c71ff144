"""The queues."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fieldlink.errors import Refused, Unavailable
from fieldlink.ports import Depth

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import timedelta

    from fieldlink.adapters.aws import Aws
    from fieldlink.ports import Message

MOST = 10  # entries in a batch
# Bytes in a batch, and of a message: 1 MiB in most places by now and 256 KiB in the others, so
# 256 KiB, less what the entries' own fields take.
LARGEST = 262_144 - 10_240
TRIES = 3  # for the entries that SQS did not take


class SqsOutbox:
    """Puts messages into one FIFO queue."""

    def __init__(self, aws: Aws, queue_url: str) -> None:
        self._aws = aws
        self._url = queue_url

    def is_called(self, name: str) -> bool:
        """By the last part of its ARN."""
        return self._url.rpartition("/")[2] == name

    def put(self, messages: Iterable[Message]) -> None:
        """In batches; only the entries that SQS did not take are sent again."""
        for batch in batches(messages):
            entries = [_entry(str(number), each) for number, each in enumerate(batch)]
            for _ in range(TRIES):
                entries = self._send(entries)
                if not entries:
                    break
            else:
                raise Unavailable(f"SQS did not take {len(entries)} messages")

    def _send(self, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answer = self._aws.call(
            "sqs", "SendMessageBatch", {"QueueUrl": self._url, "Entries": entries}
        )
        failed = {each["Id"] for each in answer.get("Failed") or ()}
        return [entry for entry in entries if entry["Id"] in failed]

    def depth(self) -> Depth:
        """By SQS's own rough count. Queue and dead-letter queue share account and region."""
        told = self._attributes(self._url, "ApproximateNumberOfMessages", "RedrivePolicy")
        dead = _dead_letters(told).rpartition(":")[2]
        lost = {}
        if dead:
            url = f"{self._url.rpartition('/')[0]}/{dead}"
            lost = self._attributes(url, "ApproximateNumberOfMessages")
        return Depth(
            *(int(each.get("ApproximateNumberOfMessages", 0)) for each in (told, lost))
        )

    def redrive(self) -> None:
        """Have SQS move the dead letters back into the queue, which goes on when we do not."""
        source = _dead_letters(self._attributes(self._url, "RedrivePolicy"))
        if not source:
            raise Refused("this queue has no dead-letter queue")
        self._aws.call("sqs", "StartMessageMoveTask", {"SourceArn": source})

    def _attributes(self, url: str, *names: str) -> dict[str, str]:
        wanted = {"QueueUrl": url, "AttributeNames": list(names)}
        return dict(self._aws.call("sqs", "GetQueueAttributes", wanted).get("Attributes") or {})

    def receive(self, lent_for: timedelta) -> list[dict[str, Any]]:
        """Up to ten messages of groups that nobody is working on, as Lambda would hand them.

        They are nobody else's for so long, also if the answer that brings them is lost.
        """
        wanted = {
            "QueueUrl": self._url,
            "MaxNumberOfMessages": MOST,
            "WaitTimeSeconds": 0,
            "VisibilityTimeout": int(lent_for.total_seconds()),
            "AttributeNames": ["ApproximateReceiveCount", "MessageGroupId"],
        }
        found = self._aws.call("sqs", "ReceiveMessage", wanted).get("Messages") or ()
        return [
            {
                "messageId": each["MessageId"],
                "receiptHandle": each["ReceiptHandle"],
                "body": each["Body"],
                "attributes": each["Attributes"],
            }
            for each in found
        ]

    def remove(self, receipts: Iterable[str]) -> None:
        """Messages that are done. What SQS does not remove comes again, which is harmless."""
        self._in_batches("DeleteMessageBatch", [{"ReceiptHandle": each} for each in receipts])

    def postpone(self, waits: Mapping[str, timedelta]) -> None:
        """Let received messages, by receipt, come again then, and not after their time-out."""
        entries = [
            {"ReceiptHandle": receipt, "VisibilityTimeout": int(wait.total_seconds())}
            for receipt, wait in waits.items()
        ]
        self._in_batches("ChangeMessageVisibilityBatch", entries)

    def _in_batches(self, action: str, entries: list[dict[str, Any]]) -> None:
        for start in range(0, len(entries), MOST):
            batch = entries[start : start + MOST]
            named = [{"Id": str(number), **each} for number, each in enumerate(batch)]
            self._aws.call("sqs", action, {"QueueUrl": self._url, "Entries": named})


def _dead_letters(attributes: Mapping[str, str]) -> str:
    """The ARN of the dead-letter queue, or ""."""
    policy = json.loads(attributes.get("RedrivePolicy") or "{}")
    return str(policy.get("deadLetterTargetArn", ""))


def batches(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """As many messages in a batch as SQS takes, by number and by bytes."""
    batch: list[Message] = []
    size = 0
    for message in messages:
        length = len(message.body.encode())
        if batch and (len(batch) == MOST or size + length > LARGEST):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += length
    if batch:
        yield batch


def _entry(number: str, message: Message) -> dict[str, Any]:
    return {
        "Id": number,
        "MessageBody": message.body,
        "MessageGroupId": message.group,
        "MessageDeduplicationId": message.key,
    }
