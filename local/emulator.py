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
- Whenever it takes messages from a queue, gives them up or removes them, it goes through all
  that lie there, and to remove ten it does so ten times. (Whose days are over is now looked for
  once a minute: until then they may still be taken.)
- For a query it compares each item of the partition with the whole condition: for the newest
  link of a ledger's chain all rows of that day, and all links before it.
- It takes an expression apart for each item that it compares with it, a statement of a batch
  twice, and a role's policies for each call, which it gathers once more for the role's name.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import lru_cache, partial, wraps
from heapq import nlargest, nsmallest
from importlib import import_module
from inspect import iscoroutinefunction
from resource import RLIMIT_NOFILE, getrlimit, setrlimit
from threading import RLock
from typing import Any

type Theirs = Callable[..., Any]

# Of a FIFO queue: enough to meet each other, and a small machine has no more processors.
WORKERS = 2
DAYS_LOOKED_AT = 60.0  # seconds until it is looked again at whose days in a queue are over
NEXT = 100  # messages behind those that were ever given, among which are enough for a worker
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
    sessions, key_of = (
        _of("services.sts")["_sessions"],
        _of("core.router")["extract_access_key_id"],
    )
    lock = RLock()  # theirs can't be taken twice by one thread
    in_turn = partial(guarded, lock)
    handlers = queues["_HANDLERS"]
    fronts, queue_at = Fronts(), queues["_get_q"]
    removed = among(queue_at, handlers["DeleteMessageBatch"])
    handlers["DeleteMessageBatch"] = fronts.shown_to(
        lambda asked, url: queue_at(asked.get("QueueUrl", url)), removed
    )
    for action, theirs in handlers.items():
        handlers[action] = in_turn(theirs)
    of_url, of_itself = lambda url, _handles: queue_at(url), lambda queue: queue
    changes: tuple[tuple[str, str, Callable[[Theirs], object]], ...] = (
        ("services.sqs", "_queues_lock", lambda _theirs: lock),
        ("services.sqs", "_receive_messages_for_esm", as_taken),
        ("services.sqs", "_collect_fifo", fronts.giving),
        ("services.sqs", "_dlq_sweep", partial(fronts.shown_to, of_itself)),
        ("services.sqs", "_delete_messages_for_esm", partial(fronts.shown_to, of_url)),
        *(("services.sqs", each, in_turn) for each in OF_QUEUES),
        ("services.eventbridge", "_dispatch_to_sqs", in_turn),
        ("app", "_handle_sqs_messages_request", partial(waiting, lock)),
        ("services.lambda_svc", "_sqs_esm_concurrency", abreast),
        ("services.sqs", "_prune_dedup", lambda _theirs: prune),
        ("services.sqs", "_ensure_msg_fields", once),
        ("services.sqs", "_expire_retained", now_and_then),
        ("services.dynamodb", "_query", partial(narrowed, tables)),
        ("services.dynamodb", "_parse_partiql", parsed_once),
        ("services.dynamodb", "_tokenize", remembered),
        ("services.dynamodb", "_condition_syntax_error", remembered),
        ("services._dynamodb_keywords", "_tokenize", remembered),
        ("core.iam_evaluator", "parse_policy_document", remembered),
        ("core.iam_evaluator", "request_caller_arn", partial(named, sessions, key_of)),
    )
    for module, name, made in changes:
        names = _of(module)
        names[name] = made(names[name])


def guarded(lock: AbstractContextManager[Any], theirs: Theirs) -> Theirs:
    """What is awaited goes on meanwhile: it is guarded where it comes to the messages."""
    if iscoroutinefunction(theirs):
        return theirs

    @wraps(theirs)
    def in_turn(*given: Any, **named: Any) -> Any:
        with lock:
            return theirs(*given, **named)

    return in_turn


def waiting(lock: AbstractContextManager[Any], theirs: Theirs) -> Theirs:
    """Likewise what is awaited, but awaits nothing itself."""

    @wraps(theirs)
    async def in_turn(*given: Any) -> Any:
        with lock:
            return await theirs(*given)

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


class Fronts:
    """How far back in each FIFO queue messages have been given to anybody: all that is lent
    lies before that. Who looks for such looks no further.
    """

    def __init__(self) -> None:
        self._far: dict[str, int] = {}

    def shown_to(self, queue_of: Callable[..., dict[str, Any]], theirs: Theirs) -> Theirs:
        """What only looks for what is lent, and may take it away."""

        @wraps(theirs)
        def told(*given: Any) -> Any:
            with self._front(queue_of(*given)):
                return theirs(*given)

        return told

    def giving(self, theirs: Theirs) -> Theirs:
        """Looks at all messages only if there are not enough among the next."""

        @wraps(theirs)
        def given(queue: dict[str, Any], most: int, lent: int, now: float) -> list[Any]:
            with self._front(queue, NEXT) as front:
                enough = _free(front, now) >= most
            with self._front(queue, NEXT if enough else len(queue["messages"])) as front:
                found = theirs(queue, most, lent, now)
            if found:
                last = next(at for at, each in enumerate(front, 1) if each is found[-1])
                name = queue["attributes"]["QueueArn"]
                self._far[name] = max(last, self._far[name])
            return found  # type: ignore[no-any-return]

        return given

    @contextmanager
    def _front(self, queue: dict[str, Any], more: int = 0) -> Iterator[list[Any]]:
        """In place of all messages, so long as it is looked for some. Whoever looks or adds
        meanwhile has to wait for that.
        """
        held, name = queue["messages"], queue["attributes"]["QueueArn"]
        if not queue["is_fifo"]:
            yield held
            return
        if name not in self._far:  # perhaps some were given before this process began
            given = (at for at, each in enumerate(held, 1) if each.get("receive_count"))
            self._far[name] = max(given, default=0)
        far = self._far[name]
        front = queue["messages"] = held[: far + more]
        looked_at = len(front)
        try:
            yield front
        finally:
            left = queue["messages"]
            if len(left) != looked_at:
                held[:looked_at] = left
                self._far[name] = far + len(left) - looked_at
            queue["messages"] = held


def _free(messages: list[Any], now: float) -> int:
    """How many could be given: to be seen, and none of their group is lent."""
    lent = {each["group_id"] for each in messages if each["visible_at"] > now}
    return sum(each["visible_at"] <= now and each["group_id"] not in lent for each in messages)


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


def now_and_then(theirs: Theirs, clock: Callable[[], float] = time.monotonic) -> Theirs:
    """Whose days in a queue are over leaves it within a minute."""
    due: dict[str, float] = {}

    def expired(queue: dict[str, Any]) -> None:
        name, now = queue["attributes"]["QueueArn"], clock()
        if now >= due.get(name, 0.0):
            due[name] = now + DAYS_LOOKED_AT
            theirs(queue)

    return expired


def among(queue_at: Callable[[str], dict[str, Any]], theirs: Theirs) -> Theirs:
    """Removes from among those that are meant, and not for each of them from among all."""

    @wraps(theirs)
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


def narrowed(tables: dict[str, dict[str, Any]], theirs: Theirs) -> Theirs:
    """A query looks at those items of a partition whose sort keys begin as they must, and at
    one more than it may tell.
    """

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
        few = [sort for sort in items if sort.startswith(begin)]
        most = asked.get("Limit")
        if isinstance(most, int) and "ExclusiveStartKey" not in asked:
            first = nsmallest if asked.get("ScanIndexForward", True) else nlargest
            few = first(most + 1, few)
        table["items"][partition] = {sort: items[sort] for sort in few}
        try:
            return theirs(asked)
        finally:
            table["items"][partition] = items

    return found


def parsed_once(theirs: Theirs) -> Theirs:
    """What a batch has checked of a statement is carried out as it was checked."""
    last: tuple[Any, Any, Any] = (None, None, None)

    def parsed(statement: str, parameters: list[Any]) -> Any:
        nonlocal last
        text, given, found = last
        if text is not statement or given is not parameters:
            found = theirs(statement, parameters)
            last = statement, parameters, found
        return found

    return parsed


def named(
    sessions: Mapping[str, dict[str, Any]], key_of: Callable[..., str], theirs: Theirs
) -> Theirs:
    """Who has taken on a role is called as its session was, which is known by its key."""

    def arn(headers: dict[str, str], query: dict[str, Any] | None = None) -> str:
        session = sessions.get(key_of(headers, query or {}), {})
        told: str = session.get("Arn") or theirs(headers, query)
        return told

    return arn


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
