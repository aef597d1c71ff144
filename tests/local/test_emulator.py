"""What of ministack is ours: a FIFO queue's memory of the ids that it was sent."""

import time

from local.emulator import prune
from local.ministack import Ministack


def test_ids_whose_time_is_over_are_forgotten_and_no_others() -> None:
    now = time.time()
    ids = {f"{number}": {"id": "", "expire": now + number * 60} for number in range(-3, 4)}
    queue = {"dedup_cache": ids}

    prune(queue)
    prune(queue)

    assert list(queue["dedup_cache"]) == ["1", "2", "3"]


def test_a_queue_takes_each_id_once() -> None:
    with Ministack() as aws:
        sqs = aws.client("sqs")
        url = sqs.create_queue(QueueName="Q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        sent = {"QueueUrl": url, "MessageBody": "{}", "MessageGroupId": "g"}
        first = [
            sqs.send_message(**sent, MessageDeduplicationId=each)["MessageId"]
            for each in ("a", "b", "a", "b")
        ]

        assert first[:2] == first[2:]
        [messages] = aws.queues().values()
        assert len(messages) == 2
