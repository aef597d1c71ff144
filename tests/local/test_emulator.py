"""What of ministack is ours: how its queues take, keep and hand over, and what it remembers."""

import json
import subprocess
import time

import pytest

from local.emulator import (
    DAYS_LOOKED_AT,
    NEXT,
    WORKERS,
    Fronts,
    abreast,
    among,
    named,
    narrowed,
    now_and_then,
    once,
    parsed_once,
    prune,
    remembered,
)
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
# Two queues with the same fate: one is looked at as we do, the other as ministack by itself.
ALIKE = """
import random

TIMES = {"time": staticmethod(lambda: clock), "monotonic": staticmethod(lambda: clock)}
sqs.time, clock, emulator.NEXT = type("Clock", (), TIMES), 2e9, 2
handlers = sqs._HANDLERS


def bare(made):
    while hasattr(made, "__wrapped__"):
        made = made.__wrapped__
    return made


def made(name, dead=None):
    fifo = {"FifoQueue": "true", "VisibilityTimeout": "30"}
    if dead:
        told = {"deadLetterTargetArn": sqs._get_q(dead)["attributes"]["QueueArn"]}
        fifo["RedrivePolicy"] = json.dumps({**told, "maxReceiveCount": 3})
    return handlers["CreateQueue"]({"QueueName": name, "Attributes": fifo}, "")["QueueUrl"]


def both(look):
    \"\"\"The second without anything of ours, as its caller sees it.\"\"\"
    return look, bare(look)


collect, sweep = both(sqs._collect_fifo), both(sqs._dlq_sweep)
forget, batch = both(sqs._delete_messages_for_esm), both(handlers["DeleteMessageBatch"])


def lived(seed):
    global clock
    dead = [made(f"Dead{seed}-{each}.fifo") for each in range(2)]
    alive = [made(f"Alive{seed}-{each}.fifo", dead[each]) for each in range(2)]
    chance, sent, given, died = random.Random(seed), 0, {}, False
    for _ in range(2_000):
        act = chance.choice(ACTS)
        of = dead if act.endswith("dead") else alive
        held = sorted(name for name in given if name[0] == of[0])
        some = chance.sample(held, min(len(held), chance.randrange(1, 8)))
        handles = [[given[name][each] for name in some] for each in range(2)]
        if act == "send":
            for sent in range(sent + 1, sent + chance.randrange(2, 6)):
                told = {"MessageBody": "{}", "MessageGroupId": f"{chance.randrange(6)}"}
                for url in alive:
                    handlers["SendMessage"]({**told, "MessageDeduplicationId": f"{sent}"}, url)
        elif act.startswith("take"):
            most, lent, found = chance.randrange(1, 11), chance.choice([0, 5, 60]), []
            for each, url in enumerate(of):
                sweep[each](sqs._get_q(url))
                found.append(collect[each](sqs._get_q(url), most, lent, clock))
                for message in found[-1]:
                    name = of[0], message["dedup_id"]
                    given.setdefault(name, {})[each] = message["receipt_handle"]
            names = [[message["dedup_id"] for message in each] for each in found]
            if names[0] != names[1]:
                return [act, *names]
        elif act == "wait":
            clock += chance.choice([1, 6, 40])
        elif act == "purge":
            for url in alive:
                handlers["PurgeQueue"]({}, url)
            given = {name: each for name, each in given.items() if name[0] == dead[0]}
        elif some:
            for each, url in enumerate(of):
                listed = [{"Id": f"{at}", "ReceiptHandle": one} for at, one in
                          enumerate(handles[each])]
                if act.startswith("forget"):
                    forget[each](url, {*handles[each]})
                elif act == "remove":
                    batch[each]({"Entries": listed}, url)
                else:
                    told = [{**one, "VisibilityTimeout": int(act)} for one in listed]
                    handlers["ChangeMessageVisibilityBatch"]({"Entries": told}, url)
            if not act.isdigit():
                given = {name: each for name, each in given.items() if name not in some}
        left = [[each["dedup_id"] for each in sqs._get_q(url)["messages"]]
                for url in alive + dead]
        if left[0] != left[1] or left[2] != left[3]:
            return [act, *left]
        died = died or bool(left[2])
    return [] if died else ["nothing died"]


ACTS = ["send"] * 5 + ["take"] * 4 + ["take dead", "forget", "remove", "forget dead", "wait"]
ACTS = (ACTS + ["0", "50"]) * 4 + ["purge"]
print(json.dumps([lived(seed) for seed in range(3)]))
"""
# Somebody looks how many there are, while two workers take and remove them.
LOOKED = """
import asyncio

from ministack import app

send("first")
[first] = sqs._receive_messages_for_esm(url, 10)
sqs._delete_messages_for_esm(url, {first["receipt_handle"]})
for number in range(3_000):
    send(number)
taken, few, looks = [], 0, 0

def take():
    while found := sqs._receive_messages_for_esm(url, 10):
        taken.extend(found)
        sqs._delete_messages_for_esm(url, {each["receipt_handle"] for each in found})

async def lying():
    status, _, body = await app._handle_sqs_messages_request(
        "GET", "/_ministack/sqs/messages", {}, {}
    )
    assert status == 200
    return body.count(b'"MessageId"')

threads = [threading.Thread(target=take) for _ in range(2)]
for each in threads:
    each.start()
while any(each.is_alive() for each in threads):
    found = asyncio.run(lying())
    looks += 1
    few += found < 3_000 - len(taken) - 20  # what is taken by now, and what is just being taken
print(json.dumps({"few": few, "looked": looks > 0, "taken": len(taken), "left": left()}))
"""


def test_what_was_removed_from_a_queue_does_not_lie_there_again() -> None:
    assert told(AT_ONE_QUEUE) == {"taken": 1_000, "different": 1_000, "left": 0}


def test_who_took_too_long_does_not_remove_what_another_has_by_now() -> None:
    assert told(TOO_LATE) == {"held": 1, "left": 0}


def test_a_queue_gives_and_removes_what_it_did_when_all_of_it_was_looked_at() -> None:
    assert told(ALIKE) == [[], [], []]


def test_who_looks_at_a_queue_sees_all_of_it_while_it_is_worked_off() -> None:
    assert told(LOOKED) == {"few": 0, "looked": True, "taken": 3_000, "left": 0}


def test_of_a_queue_only_what_is_lent_and_what_comes_next_is_looked_at() -> None:
    messages = [
        {"visible_at": 0, "receive_count": 0, "group_id": f"{number}"}
        for number in range(3 * NEXT)
    ]
    queue = {"attributes": {"QueueArn": "q"}, "is_fifo": True, "messages": messages}
    looked = []

    def given(queue: dict[str, list[object]], most: int, *_more: object) -> list[object]:
        looked.append(len(queue["messages"]))
        return queue["messages"][:most]

    def removed(queue: dict[str, list[object]]) -> None:
        queue["messages"] = queue["messages"][8:]

    fronts = Fronts()
    give, remove = fronts.giving(given), fronts.shown_to(lambda queue: queue, removed)
    give(queue, 10, 60, 1.0)
    give(queue, 10, 60, 1.0)
    remove(queue)
    give(queue, 10, 60, 1.0)
    give(queue, 2 * NEXT, 60, 1.0)

    assert looked == [NEXT, 10 + NEXT, 2 + NEXT, 3 * NEXT - 8]
    assert queue["messages"] is messages


def test_what_was_given_before_the_emulator_began_is_looked_at() -> None:
    messages = [{"receive_count": each in {0, 7}, "visible_at": 0} for each in range(3 * NEXT)]
    queue = {"attributes": {"QueueArn": "q"}, "is_fifo": True, "messages": messages}
    looked = []

    look = Fronts().shown_to(
        lambda queue: queue, lambda queue: looked.append(len(queue["messages"]))
    )
    look(queue)

    assert looked == [8]


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


def test_whose_days_in_a_queue_are_over_is_looked_for_now_and_then() -> None:
    looked: list[str] = []
    times = iter([100.0, 100.0, 101.0, 101.0, 100.0 + DAYS_LOOKED_AT, 100.0 + DAYS_LOOKED_AT])
    expired = now_and_then(
        lambda queue: looked.append(queue["attributes"]["QueueArn"]), lambda: next(times)
    )
    for name in "ababab":
        expired({"attributes": {"QueueArn": name}})

    assert looked == ["a", "b", "a", "b"]


def test_a_statement_is_parsed_once_for_who_checks_it_and_who_carries_it_out() -> None:
    made = []

    def parsed(text: str, parameters: list[str]) -> int:
        made.append((text, *parameters))
        return len(made)

    once_for_both = parsed_once(parsed)
    text, mine, others = "UPDATE", ["a"], ["a"]

    assert [once_for_both(text, mine), once_for_both(text, mine)] == [1, 1]
    assert [once_for_both(text, others), once_for_both("INSERT", others)] == [2, 3]
    assert made == [("UPDATE", "a"), ("UPDATE", "a"), ("INSERT", "a")]


def test_who_has_taken_on_a_role_is_called_as_its_session_and_others_as_before() -> None:
    sessions = {"ASIA1": {"Arn": "arn:of-the-session"}, "ASIA3": {}}
    arn = named(sessions, lambda headers, _query: headers["key"], lambda *_asked: "arn:theirs")

    told = [arn({"key": each}, None) for each in ("ASIA1", "ASIA2", "ASIA3")]
    assert told == ["arn:of-the-session", "arn:theirs", "arn:theirs"]


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

    removed = among(lambda _url: queue, fails)
    with pytest.raises(ValueError, match="halfway"):
        removed({"Entries": [{"ReceiptHandle": "a"}, {"ReceiptHandle": "c"}]}, "")

    assert queue["messages"] == [held[0], held[2], held[3]]


def test_a_query_is_shown_what_begins_as_it_must_and_nothing_is_lost_by_that() -> None:
    names = "2026", "~link#1", "~link#2", "~link#3"
    items = {each: {"sk": {"S": each}} for each in names}
    tables = {"Ledger": {"items": {"c": items}}}
    shown = []

    def looked(_asked: object) -> None:
        shown.append([*tables["Ledger"]["items"]["c"]])

    query = narrowed(tables, looked)
    values = {":p": {"S": "c"}, ":s": {"S": "~link#"}}
    asked = {"TableName": "Ledger", "ExpressionAttributeValues": values}
    links = {**asked, "KeyConditionExpression": "pk = :p AND begins_with(sk, :s)"}
    query(links)
    query({**asked, "KeyConditionExpression": "pk = :p AND sk < :s"})
    query({**links, "Limit": 1, "ScanIndexForward": False})
    query({**links, "Limit": 1})
    query(
        {**links, "Limit": 1, "ExclusiveStartKey": {"pk": {"S": "c"}, "sk": {"S": "~link#2"}}}
    )

    numbered = [f"~link#{number}" for number in (1, 2, 3)]
    assert shown == [numbered, [*items], numbered[:0:-1], numbered[:2], numbered]
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
