"""A process of its own: the time from nothing to a first delivery. Told on stderr, as JSON.

Run with nothing on the path but a function, the layer and Lambda's runtime. What is imported
here Lambda's runtime client has imported before it asks for a handler.
"""

import importlib
import json
import socket
import sys
from base64 import b64decode
from pathlib import Path
from time import perf_counter

from awslambdaric import bootstrap, lambda_context  # type: ignore[import-not-found, unused-ignore]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Deliver = Callable[[dict[str, Any], Any], dict[str, Any]]


def ours() -> "Deliver":
    return importlib.import_module("receive_webhook").lambda_handler  # type: ignore[no-any-return]


def usual() -> "Deliver":
    return importlib.import_module("usual_way").lambda_handler  # type: ignore[no-any-return]


def boto3() -> "Deliver":
    """boto3 and a client of SQS; then the three calls of a delivery, and nothing but them."""
    boto3 = importlib.import_module("boto3")
    sqs = boto3.client("sqs")

    def deliver(event: "dict[str, Any]", _context: "Any") -> "dict[str, Any]":
        connection = event["pathParameters"]["connection_id"]
        key = {"pk": {"S": connection}, "sk": {"S": "webhook"}}
        stored = boto3.client("dynamodb").get_item(TableName="State", Key=key)["Item"]
        sealed = b64decode(json.loads(stored["body"]["S"])["secrets"][0])
        boto3.client("kms").decrypt(KeyId="Key", CiphertextBlob=sealed)
        entries = [
            {
                "Id": str(number),
                "MessageBody": json.dumps(each),
                "MessageGroupId": each["device_id"],
                "MessageDeduplicationId": str(number),
            }
            for number, each in enumerate(json.loads(event["body"]))
        ]
        url = "https://sqs.eu-central-1.amazonaws.com/000000000000/Events.fifo"
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
        return {"statusCode": 200}

    return deliver


WAYS = {"ours": ours, "usual": usual, "boto3": boto3}


def main() -> None:
    way, port = sys.argv[1], int(sys.argv[2])
    event = json.loads(sys.argv[3])
    context = lambda_context.LambdaContext("request", None, None, 0, "arn:aws:lambda")
    sys.stdout = bootstrap.Unbuffered(sys.stdout)
    bootstrap._setup_logging(bootstrap.LogFormat.JSON, "INFO", bootstrap.StandardLogSink())
    # Every host of AWS's is our stand-in: three names, so three connections, as there.
    loopback = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
    socket.getaddrinfo = lambda *_args, **_kwargs: [loopback]
    before = perf_counter()
    deliver = WAYS[way]()
    imported = perf_counter()
    answer = deliver(event, context)
    answered = perf_counter()
    if answer["statusCode"] != 200:
        raise ValueError(answer)
    told = {"imported": imported - before, "answered": answered - before, "peak": peak()}
    sys.stderr.write(json.dumps(told))


def peak() -> float:
    """The most memory that this process ever had, in MB."""
    told = Path("/proc/self/status").read_text()
    return int(told.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
