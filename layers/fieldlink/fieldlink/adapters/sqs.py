"""The four queues."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fieldlink.errors import Unavailable
from fieldlink.ports import Depth

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
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
        policy = json.loads(told.get("RedrivePolicy") or "{}")
        dead = str(policy.get("deadLetterTargetArn", "")).rpartition(":")[2]
        lost = {}
        if dead:
            url = f"{self._url.rpartition('/')[0]}/{dead}"
            lost = self._attributes(url, "ApproximateNumberOfMessages")
        return Depth(
            *(int(each.get("ApproximateNumberOfMessages", 0)) for each in (told, lost))
        )

    def _attributes(self, url: str, *names: str) -> dict[str, str]:
        wanted = {"QueueUrl": url, "AttributeNames": list(names)}
        return dict(self._aws.call("sqs", "GetQueueAttributes", wanted).get("Attributes") or {})

    def postpone(self, receipt: str, wait: timedelta) -> None:
        """Let a message that was received come again after `wait`, not after its time-out."""
        self._aws.call(
            "sqs",
            "ChangeMessageVisibility",
            {
                "QueueUrl": self._url,
                "ReceiptHandle": receipt,
                "VisibilityTimeout": int(wait.total_seconds()),
            },
        )


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
