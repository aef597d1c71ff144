"""Runs ministack with some of it made as it is on AWS.

Its queues keep what was removed from them: it is removed from outside in one thread and for
workers in others, and each of them replaces the list of what a queue holds. Here they take
turns.

It hands one batch of a FIFO queue to one worker at a time. AWS has as many workers at it as
there are message groups, each group with one of them; ministack's queues see to that, too. And
a message is removed by the handle with which it was taken: who took too long has none any more.

And a load test must not measure what costs AWS nothing worth the name:

- For each message that a FIFO queue takes, ministack goes through all ids of the last five
  minutes. After 30,000 messages that takes it longer than everything else together.
- Whenever messages are taken from a queue it looks at all that lie there for what they lack,
  and to remove ten it goes through all of them ten times.
- For a query it compares each item of the partition with the whole condition: for the newest
  link of a ledger's chain all rows of that day.
- It takes an expression apart for each item that it compares with it, and a role's policies
  for each call.
"""

import os
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from functools import lru_cache, wraps
from importlib import import_module
from inspect import iscoroutinefunction
from resource import RLIMIT_NOFILE, getrlimit, setrlimit
from threading import RLock
from typing import Any

type Theirs = Callable[..., Any]

# Of a FIFO queue: enough to meet each other, and a small machine has no more processors.
WORKERS = 2
KEPT_ALIVE = 75  # seconds that a connection may lie idle, as ministack has it
TEXTS = 1_000  # of which it is known what they say
# What makes up a message, once it has been looked at; the first and the last of what is added.
LOOKED_AT = {"md5_body", "seq"}
BEGINS_WITH = re.compile(r"pk = (:\w+) AND begins_with\(sk, (:\w+)\)")
# What goes through a queue's messages, or changes them, besides what is called from outside.
OF_QUEUES = (
    "_collect_msgs",
    "_dlq_sweep",
    "_expire_retained",
    "_refresh_counts",
    "_receive_messages_for_esm",
    "_delete_messages_for_esm",
)


def main() -> None:
    """Served by uvicorn, which reads HTTP in C: with hypercorn that was much of its work."""
    change()
    _, most = getrlimit(RLIMIT_NOFILE)  # ministack itself takes all that it may have, too
    with suppress(ValueError, OSError):
        setrlimit(RLIMIT_NOFILE, (most, most))
    import_module("uvicorn").run(
        import_module("ministack.app").app,
        host=os.environ["BIND_HOST"],
        port=int(os.environ["GATEWAY_PORT"]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        proxy_headers=False,
        lifespan="on",  # else it would go on if ministack can't start
        server_header=False,
        date_header=False,  # it has one of its own
        timeout_keep_alive=KEPT_ALIVE,
    )


def change() -> None:
    """Raises KeyError if this version of ministack is made otherwise."""
    queues, tables = _of("services.sqs"), _of("services.dynamodb")["_tables"]
    lock = RLock()  # theirs can't be taken twice by one thread

    def in_turn(theirs: Theirs) -> Theirs:
        return guarded(theirs, lock)

    def ours(_theirs: object) -> object:
        return lock

    handlers = queues["_HANDLERS"]
    handlers["DeleteMessageBatch"] = among(handlers["DeleteMessageBatch"], queues["_get_q"])
    for action, theirs in handlers.items():
        handlers[action] = in_turn(theirs)
    for module, name, made in (
        ("services.sqs", "_queues_lock", ours),
        ("services.sqs", "_receive_messages_for_esm", as_taken),
        *(("services.sqs", each, in_turn) for each in OF_QUEUES),
        ("services.eventbridge", "_dispatch_to_sqs", in_turn),
        ("services.lambda_svc", "_sqs_esm_concurrency", abreast),
        ("services.sqs", "_prune_dedup", lambda _theirs: prune),
        ("services.sqs", "_ensure_msg_fields", once),
        ("services.dynamodb", "_query", lambda theirs: narrowed(theirs, tables)),
        ("services.dynamodb", "_tokenize", remembered),
        ("services.dynamodb", "_condition_syntax_error", remembered),
        ("services._dynamodb_keywords", "_tokenize", remembered),
        ("core.iam_evaluator", "parse_policy_document", remembered),
    ):
        names = _of(module)
        names[name] = made(names[name])


def guarded(theirs: Theirs, lock: AbstractContextManager[Any]) -> Theirs:
    """What is awaited goes on meanwhile: it is guarded where it comes to the messages."""
    if iscoroutinefunction(theirs):
        return theirs

    @wraps(theirs)
    def in_turn(*given: Any, **named: Any) -> Any:
        with lock:
            return theirs(*given, **named)

    return in_turn


def as_taken(theirs: Theirs) -> Theirs:
    """Messages as they are now, and not as whoever takes them later makes them."""

    @wraps(theirs)
    def taken(*given: Any) -> list[dict[str, Any]]:
        return [dict(each) for each in theirs(*given)]

    return taken


def abreast(theirs: Theirs) -> Theirs:
    """How many batches of a queue may be worked off at the same time: of a FIFO queue's as of
    any other's, up to WORKERS.
    """

    def allowed(
        mapping: dict[str, Any],
        function: dict[str, Any],
        config: dict[str, Any],
        queue: dict[str, Any] | None = None,
    ) -> Any:
        told = theirs(mapping, function, config)  # as if there were no queue that is a FIFO one
        return min(WORKERS, told) if queue and queue.get("is_fifo") else told

    return allowed


def prune(queue: dict[str, Any]) -> None:
    """Drops the ids whose time is over. They lie in the order in which they came, so it looks
    no further than at the first that still counts.
    """
    ids, now, over = queue["dedup_cache"], time.time(), []
    for name, sent in ids.items():
        if sent["expire"] > now:
            break
        over.append(name)
    for name in over:
        del ids[name]


def once(theirs: Theirs) -> Theirs:
    """What a message lacks is added when it is looked at for the first time."""

    def looked_at(message: dict[str, Any]) -> None:
        if not message.keys() >= LOOKED_AT:
            theirs(message)

    return looked_at


def among(theirs: Theirs, queue_at: Callable[[str], dict[str, Any]]) -> Theirs:
    """Removes from among those that are meant, and not for each of them from among all."""

    def removed(asked: dict[str, Any], url: str) -> Any:
        queue = queue_at(asked.get("QueueUrl", url))
        handles = {each.get("ReceiptHandle") for each in asked.get("Entries", ())}
        held = queue["messages"]
        queue["messages"] = [each for each in held if each["receipt_handle"] in handles]
        try:
            return theirs(asked, url)
        finally:
            left = {id(each) for each in queue["messages"]}
            queue["messages"] = [
                each
                for each in held
                if each["receipt_handle"] not in handles or id(each) in left
            ]

    return removed


def narrowed(theirs: Theirs, tables: dict[str, dict[str, Any]]) -> Theirs:
    """A query looks at those items of a partition whose sort keys begin as they must."""

    def found(asked: dict[str, Any]) -> Any:
        table = tables.get(asked.get("TableName", ""), {})
        meant = BEGINS_WITH.fullmatch(asked.get("KeyConditionExpression") or "")
        if not meant or asked.get("IndexName") or "items" not in table:
            return theirs(asked)
        values = asked.get("ExpressionAttributeValues") or {}
        partition, begin = (values.get(name, {}).get("S") for name in meant.groups())
        items = table["items"].get(partition)
        if not items or not begin:
            return theirs(asked)
        few = {sort: each for sort, each in items.items() if sort.startswith(begin)}
        table["items"][partition] = few
        try:
            return theirs(asked)
        finally:
            table["items"][partition] = items

    return found


def remembered(theirs: Theirs) -> Theirs:
    """What it makes of a text, which is always the same and which it only reads."""
    known = lru_cache(TEXTS)(theirs)

    def told(text: Any, *more: str) -> Any:
        return known(text, *more) if isinstance(text, str) else theirs(text, *more)

    return told


def _of(module: str) -> dict[str, Any]:
    return vars(import_module(f"ministack.{module}"))


if __name__ == "__main__":
    main()
