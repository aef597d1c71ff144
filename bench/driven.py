"""A process of its own: the doors of one way, with the queue between them, as Lambda runs them.

Asked on stdin and told on stdout, a line of JSON each.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from io import StringIO
from time import perf_counter, process_time
from typing import Any

import boto3

from bench.deliveries import CONNECTION, SECRET, Context, delivery
from bench.ways import PEERS

Told = dict[str, Any]
Handler = Callable[[Told, Any], Told]

TELL = sys.stdout
sys.stdout = StringIO()  # what the doors log; before anything of theirs is imported
VISIBLE_AGAIN = 360  # seconds, as in the template


class Running(Context):
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def main() -> None:
    receive, update = WAYS[sys.argv[1]]()
    for line in sys.stdin:
        asked = json.loads(line)
        if "bodies" in asked:
            told = deliver(receive, [each.encode() for each in asked["bodies"]])
        else:
            told = drain(update)
        TELL.write(json.dumps(told) + "\n")
        TELL.flush()


def ours() -> tuple[Handler, Handler]:
    """With one connection to the org, as the console would leave it, and the technicians that a
    poll has found there.
    """
    import receive_webhook  # type: ignore[import-not-found, unused-ignore]
    import update_salesforce  # type: ignore[import-not-found, unused-ignore]

    from fieldlink.records import Access, Connection, Resource, Tokens, WebhookKeys
    from fieldlink.wiring import now, services

    url, seal = os.environ["SALESFORCE_URL"], services().vault.seal
    tokens = Tokens(access_token=os.environ["SALESFORCE_TOKEN"], refresh_token="")
    secret = seal(SECRET, connection=CONNECTION)
    connection = Connection(
        connection=CONNECTION,
        state="connected",
        name="Bench",
        hypertrack_account="account",
        hypertrack_secret=secret,
        login_url=url,
        authorise="client",
        user=os.environ["SALESFORCE_USER"],
        quota_share=100,
    )
    access = seal(tokens.model_dump_json(), connection=CONNECTION)
    services().state.write_all(
        [
            connection,
            Access(connection=CONNECTION, tokens=access, instance_url=url, renewed_at=now()),
            WebhookKeys(connection=CONNECTION, secrets=(secret,)),
            *(
                Resource(connection=CONNECTION, id=each)
                for each in os.environ["TECHNICIANS"].split(",")
            ),
        ]
    )
    return receive_webhook.lambda_handler, update_salesforce.lambda_handler


def reference() -> tuple[Handler, Handler]:
    if str(PEERS) not in sys.path:  # behind everything: what the layer has is taken from there
        sys.path.append(str(PEERS))
    asyncio.set_event_loop(asyncio.new_event_loop())  # Mangum takes the one that there is
    from bench import reference_stack

    return reference_stack.receive_webhook, reference_stack.update_salesforce


WAYS: dict[str, Callable[[], tuple[Handler, Handler]]] = {"ours": ours, "reference": reference}


def deliver(receive: Handler, bodies: list[bytes]) -> Told:
    """Every delivery acknowledged."""
    events = [delivery(each) for each in bodies]
    wall, cpu = perf_counter(), process_time()
    statuses = {receive(each, Running())["statusCode"] for each in events}
    if statuses != {200}:
        raise ValueError(statuses)
    return {"wall": perf_counter() - wall, "cpu": process_time() - cpu}


def drain(update: Handler) -> Told:
    """Until nothing is queued any more: what Lambda's poller does, and the worker's time."""
    sqs, queue = boto3.client("sqs"), os.environ["EVENTS_QUEUE_URL"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    arn = arn["Attributes"]["QueueArn"]
    told = {"wall": 0.0, "cpu": 0.0}
    while batch := _received(sqs, queue, arn):
        wall, cpu = perf_counter(), process_time()
        answer = update({"Records": batch}, Running())
        told["wall"] += perf_counter() - wall
        told["cpu"] += process_time() - cpu
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        done = [each for each in batch if each["messageId"] not in failed]
        entries = [
            {"Id": str(number), "ReceiptHandle": each["receiptHandle"]}
            for number, each in enumerate(done)
        ]
        if entries:
            sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
    return told


def _received(sqs: Any, queue: str, arn: str) -> list[Told]:
    """A batch as Lambda hands it on; waits as long as something is postponed."""
    for _ in range(120):
        answer = sqs.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=10,
            AttributeNames=["All"],
            VisibilityTimeout=VISIBLE_AGAIN,
        )
        if answer.get("Messages"):
            return [_record(each, arn) for each in answer["Messages"]]
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        left = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        if not any(int(each) for each in left.values()):
            return []
        sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, VisibilityTimeout=0)
    raise TimeoutError("the queue does not run empty")


def _record(message: Told, arn: str) -> Told:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": arn.split(":")[3],
    }


if __name__ == "__main__":
    main()
