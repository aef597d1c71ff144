"""What of ministack is ours: how its queues take, keep and hand over, and what it remembers."""

import json
import subprocess
import time

import pytest

from local.emulator import WORKERS, abreast, among, narrowed, once, prune, remembered
from local.ministack import EMULATOR, Ministack
from local.runtime import PYTHON

IN_THE_EMULATOR = """
import json, sys, threading
sys.path.append(sys.argv[1])
import emulator
emulator.change()
from ministack.services import sqs

asked = {"QueueName": "Q.fifo", "Attributes": {"FifoQueue": "true", "VisibilityTimeout": "360"}}
url = sqs._HANDLERS["CreateQueue"](asked, "")["QueueUrl"]

def send(number):
    told = {"MessageBody": "{}", "MessageGroupId": f"{number}"}
    sqs._HANDLERS["SendMessage"]({**told, "MessageDeduplicationId": f"{number}"}, url)

def left():
    return len(sqs._get_q(url)["messages"])
"""
# What a worker removes by itself, as from outside, and what is removed for it when it is done.
AT_ONE_QUEUE = """
for number in range(1_000):
    send(number)
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
print(json.dumps({"taken": len(taken), "different": len(set(taken)), "left": left()}))
"""
# The first takes longer than the queue lends; the time that it lends is over at once.
TOO_LATE = """
send(1)
[first] = sqs._receive_messages_for_esm(url, 10)
for each in sqs._get_q(url)["messages"]:
    each["visible_at"] = 0
[second] = sqs._receive_messages_for_esm(url, 10)
sqs._delete_messages_for_esm(url, {first["receipt_handle"]})
held = left()
sqs._delete_messages_for_esm(url, {second["receipt_handle"]})
print(json.dumps({"held": held, "left": left()}))
"""


def test_what_was_removed_from_a_queue_does_not_lie_there_again() -> None:
    assert told(AT_ONE_QUEUE) == {"taken": 1_000, "different": 1_000, "left": 0}


def test_who_took_too_long_does_not_remove_what_another_has_by_now() -> None:
    assert told(TOO_LATE) == {"held": 1, "left": 0}


def told(program: str) -> object:
    """What it says, of the emulator's own modules."""
    ended = subprocess.run(
        [PYTHON, "-P", "-c", IN_THE_EMULATOR + program, EMULATOR.parent],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(ended.stdout.splitlines()[-1])


def test_two_workers_may_be_at_a_fifo_queue_as_at_any_other() -> None:
    allowed = abreast(lambda *_asked: 5)

    assert allowed({}, {}, {}, {"is_fifo": True}) == WORKERS
    assert allowed({}, {}, {}, {"is_fifo": False}) == 5
    assert abreast(lambda *_asked: 1)({}, {}, {}, {"is_fifo": True}) == 1


def test_what_is_made_of_a_text_is_made_once_and_of_nothing_else() -> None:
    made = []

    def parsed(text: object, slot: str = "") -> object:
        made.append((text, slot))
        return text

    made_of = remembered(parsed)

    assert [made_of("a"), made_of("a"), made_of("a", "b"), made_of("a", "b")] == ["a"] * 4
    assert made_of({"a": 1}) == made_of({"a": 1}) == {"a": 1}
    assert made == [("a", ""), ("a", "b"), ({"a": 1}, ""), ({"a": 1}, "")]


def test_ids_whose_time_is_over_are_forgotten_and_no_others() -> None:
    now = time.time()
    ids = {f"{number}": {"id": "", "expire": now + number * 60} for number in range(-3, 4)}
    queue = {"dedup_cache": ids}

    prune(queue)
    prune(queue)

    assert list(queue["dedup_cache"]) == ["1", "2", "3"]


def test_a_message_is_made_whole_once() -> None:
    made = []

    def made_whole(message: dict[str, object]) -> None:
        made.append(message["body"])
        message.setdefault("md5_body", "")
        message.setdefault("seq", None)

    looked_at = once(made_whole)
    messages: list[dict[str, object]] = [{"body": "a"}, {"body": "b", "md5_body": ""}]

    for each in messages * 3:
        looked_at(each)

    assert made == ["a", "b"]


def test_of_a_batch_that_is_removed_each_message_has_its_own_answer() -> None:
    with Ministack() as aws:
        sqs = aws.client("sqs")
        url = sqs.create_queue(QueueName="Q")["QueueUrl"]
        for each in "abcd":
            sqs.send_message(QueueUrl=url, MessageBody=each)
        taken = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3)["Messages"]
        handles = [taken[0]["ReceiptHandle"], "of-another", taken[2]["ReceiptHandle"]]
        entries = [{"Id": f"{at}", "ReceiptHandle": each} for at, each in enumerate(handles)]

        answer = sqs.delete_message_batch(QueueUrl=url, Entries=entries)

        assert [each["Id"] for each in answer["Successful"]] == ["0", "2"]
        assert [each["Id"] for each in answer["Failed"]] == ["1"]
        [messages] = aws.queues().values()
        assert [each["Body"] for each in messages] == [taken[1]["Body"], "d"]


def test_what_was_not_removed_keeps_its_place_whatever_becomes_of_the_call() -> None:
    held = [{"receipt_handle": each} for each in (None, "a", "b", "c")]
    queue = {"messages": held}

    def fails(*_asked: object) -> None:
        queue["messages"] = [each for each in queue["messages"] if each is held[3]]
        raise ValueError("halfway")

    removed = among(fails, lambda _url: queue)
    with pytest.raises(ValueError, match="halfway"):
        removed({"Entries": [{"ReceiptHandle": "a"}, {"ReceiptHandle": "c"}]}, "")

    assert queue["messages"] == [held[0], held[2], held[3]]


def test_a_query_is_shown_what_begins_as_it_must_and_nothing_is_lost_by_that() -> None:
    items = {each: {"sk": {"S": each}} for each in ("2026", "~link#1", "~link#2")}
    tables = {"Ledger": {"items": {"c": items}}}
    shown = []

    def looked(_asked: object) -> None:
        shown.append([*tables["Ledger"]["items"]["c"]])

    query = narrowed(looked, tables)
    values = {":p": {"S": "c"}, ":s": {"S": "~link#"}}
    asked = {"TableName": "Ledger", "ExpressionAttributeValues": values}
    query({**asked, "KeyConditionExpression": "pk = :p AND begins_with(sk, :s)"})
    query({**asked, "KeyConditionExpression": "pk = :p AND sk < :s"})

    assert shown == [["~link#1", "~link#2"], [*items]]
    assert tables["Ledger"]["items"]["c"] is items


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
