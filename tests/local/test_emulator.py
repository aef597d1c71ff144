"""What of ministack is ours: how its queues take, keep and hand over, and what it remembers."""

import json
import subprocess
import time

from local.emulator import WORKERS, abreast, prune, remembered
from local.ministack import EMULATOR, Ministack
from local.runtime import PYTHON

# What a worker removes by itself, as from outside, and what is removed for it when it is done.
AT_ONE_QUEUE = """
import json, sys, threading
sys.path.append(sys.argv[1])
import emulator
if sys.argv[2:] != ["as it is"]:
    emulator.change()
from ministack.services import sqs

asked = {"QueueName": "Q.fifo", "Attributes": {"FifoQueue": "true"}}
url = sqs._HANDLERS["CreateQueue"](asked, "")["QueueUrl"]
for number in range(1_000):
    told = {"MessageBody": "{}", "MessageGroupId": f"{number}"}
    sqs._HANDLERS["SendMessage"]({**told, "MessageDeduplicationId": f"{number}"}, url)
sys.setswitchinterval(1e-6)
taken = []

def from_outside(receipts):
    entries = [{"Id": f"{at}", "ReceiptHandle": each} for at, each in enumerate(receipts)]
    sqs._HANDLERS["DeleteMessageBatch"]({"Entries": entries}, url)

def take(remove):
    while found := sqs._receive_messages_for_esm(url, 10):
        taken.extend(each["group_id"] for each in found)
        remove([each["receipt_handle"] for each in found])

ways = from_outside, lambda receipts: sqs._delete_messages_for_esm(url, set(receipts))
threads = [threading.Thread(target=take, args=(way,)) for way in ways]
for each in threads:
    each.start()
for each in threads:
    each.join()
left = len(sqs._get_q(url)["messages"])
print(json.dumps({"taken": len(taken), "different": len(set(taken)), "left": left}))
"""


def test_what_was_removed_from_a_queue_does_not_lie_there_again() -> None:
    told = subprocess.run(
        [PYTHON, "-P", "-c", AT_ONE_QUEUE, EMULATOR.parent],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    found = json.loads(told.stdout.splitlines()[-1])
    assert found == {"taken": 1_000, "different": 1_000, "left": 0}


def test_two_workers_may_be_at_a_fifo_queue_as_at_any_other() -> None:
    allowed = abreast(lambda *_asked: 5)

    assert allowed({}, {}, {}, {"is_fifo": True}) == allowed({}, {}, {}) == WORKERS
    assert abreast(lambda *_asked: 1)({}, {}, {}, {"is_fifo": True}) == 1


def test_what_is_made_of_a_text_is_made_once_and_of_nothing_else() -> None:
    made = []

    def parsed(text: object, slot: str = "") -> object:
        made.append((text, slot))
        return text

    told = remembered(parsed)

    assert [told("a"), told("a"), told("a", "b"), told("a", "b")] == ["a"] * 4
    assert told({"a": 1}) == told({"a": 1}) == {"a": 1}
    assert made == [("a", ""), ("a", "b"), ({"a": 1}, ""), ({"a": 1}, "")]


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
