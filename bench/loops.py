"""A process of its own: the loop over a batch of ten, with nothing to do for each message.

Told on stderr, as JSON. Ours tells of a batch in one line; "silent" in none. Its metric is
gathered but not written, as that is done once for an invocation. Beside it Powertools' FIFO
processor, with a line for each record, as its documentation shows it, and "bare", which tells
nothing. "fails": the fourth of ten messages in ten groups has to come again. What is logged
goes nowhere.
"""

import json
import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from io import StringIO
from statistics import median
from time import process_time_ns
from typing import Any

from bench.deliveries import Context

SIZE, FAILING = 10, 3
ROUNDS = 400
CASES = {"done": (False, False), "one group": (True, False), "fails": (False, True)}

Loop = Callable[[dict[str, Any]], Any]


class Running(Context):
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def batch(*, one_group: bool) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": f"receipt-{number}",
                "body": json.dumps({"connection": "c", "number": number}),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "MessageGroupId": "g" if one_group else f"g{number}",
                    "MessageDeduplicationId": str(number),
                    "SequenceNumber": str(number),
                },
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:Events.fifo",
                "awsRegion": "eu-central-1",
            }
            for number in range(SIZE)
        ]
    }


def ours(*, failing: bool, silent: bool = False) -> Loop:
    if silent:
        os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"
    from fieldlink.errors import Unavailable
    from fieldlink.observability import logger, metrics
    from fieldlink.worker import Work, work_off

    logger.registered_handler.stream = StringIO()  # type: ignore[attr-defined]

    def take(body: str) -> str:
        if failing and f'"number": {FAILING}' in body:
            raise Unavailable("not now")
        return "done"

    work = Work("changes", Nobody(), lambda _body: "c", take)  # type: ignore[arg-type]

    def loop(event: dict[str, Any]) -> Any:
        answer = work_off(event, work, Running())
        metrics.clear_metrics()
        return answer

    return loop


class Nobody:
    """In place of the queue."""

    def postpone(self, waits: Any) -> None: ...


def powertools(*, failing: bool, telling: bool = False) -> Loop:
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.utilities.batch import (
        SqsFifoPartialProcessor,
        process_partial_response,
    )

    processor = SqsFifoPartialProcessor(skip_group_on_error=True)
    logger = Logger(service="bench", stream=StringIO())

    def take(record: Any) -> str:
        if telling:
            logger.info("done", message_id=record.message_id)
        if failing and f'"number": {FAILING}' in record.body:
            raise ConnectionError("not now")
        return "done"

    def loop(event: dict[str, Any]) -> Any:
        return process_partial_response(
            event=event, record_handler=take, processor=processor, context=None
        )

    return loop


WAYS: dict[str, Callable[..., Loop]] = {
    "ours": ours,
    "silent": partial(ours, silent=True),
    "bare": powertools,
    "telling": partial(powertools, telling=True),
}


def main() -> None:
    logging.getLogger("aws_lambda_powertools").setLevel(logging.CRITICAL)
    told = {}
    for case, (one_group, failing) in CASES.items():
        loop, event = WAYS[sys.argv[1]](failing=failing), batch(one_group=one_group)
        times = []
        for number in range(ROUNDS + 50):
            before = process_time_ns()
            answer = loop(event)
            if number >= 50:
                times.append((process_time_ns() - before) / 1000)
        if len(answer["batchItemFailures"]) != int(failing):
            raise ValueError(answer)
        told[case] = median(times)
    sys.stderr.write(json.dumps(told))


if __name__ == "__main__":
    main()
