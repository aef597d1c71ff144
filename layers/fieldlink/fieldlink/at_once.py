"""The loop of a worker whose queues may hold very much: what need not wait for each other is
worked off at the same time, so that what is asked of Salesforce can be joined.

A batch that Lambda hands over has ten messages at most. If it is full there may be more where
it came from, so more are taken. Whoever is killed before these are removed has only lent them.
"""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta
from functools import cache
from threading import Barrier
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from fieldlink.closing import close, failures, quietly
from fieldlink.errors import FieldlinkError
from fieldlink.observability import logger
from fieldlink.worker import LONGEST_MESSAGE, in_order

if sys.platform == "linux":  # as Lambda is
    from os import getpid, sched_getaffinity, sched_setaffinity

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.closing import Ended, Message
    from fieldlink.worker import Context, Work

FULL = 10  # messages of Lambda's batch, as the template has it
MOST = 100  # in hand; a call of Salesforce takes that many looks, and two that many writes
# Beyond the end of whoever takes them, what is taken stays lent. What Lambda hands over is lent
# for minutes, but nobody is at these any more once their taker is stopped.
SPARE = timedelta(seconds=10)
# Milliseconds for taking more: nine calls of some 20 ms, and what one may take that is slow.
TAKING = 5_000
LONGEST_START = 5.0  # seconds; a hundred threads take some 10 ms


class Crew(Protocol):
    """Those who work off the messages, each strand in a thread of its own."""

    def begin(self, strands: Counter[str]) -> None:
        """So many of each connection."""
        ...

    def strand(self, body: str) -> str:
        """Which of its group's messages have to be taken in their order."""
        ...

    def over(self, connection: str) -> None:
        """One of them is done."""
        ...


class Strand(NamedTuple):
    """Messages of one group that keep their order, and whose they are."""

    connection: str
    messages: list[Message]


def work_off_at_once(
    event: dict[str, Any], work: Work, context: Context, crew: Crew
) -> dict[str, Any]:
    """Every message of a batch, and of more if it was full; returns which are to come again."""
    given: list[Message] = event["Records"]
    taken = _more(work, context) if len(given) >= FULL else []
    strands = _strands([*given, *taken], work, crew)
    crew.begin(Counter(each.connection for each in strands))

    def worked(number: int) -> list[Ended]:
        strand = strands[number]
        try:
            return in_order(strand.messages, work, context, first=number == 0)
        finally:
            crew.over(strand.connection)

    ended = _alike([each for strand in _all(worked, len(strands)) for each in strand])
    close(ended, work)
    lent = {each["receiptHandle"] for each in taken}
    done = [each for each in ended if each.wait is None]
    receipts = [each.message["receiptHandle"] for each in done]
    if remove := [each for each in receipts if each in lent]:
        quietly(lambda: work.outbox.remove(remove), "not removed")
    return failures(each for each in ended if each.message["receiptHandle"] not in lent)


def _alike(ended: list[Ended]) -> list[Ended]:
    """Those of a group come again together: each of them keeps all of it waiting."""
    waits: dict[str, timedelta] = {}
    for each in ended:
        if each.wait is not None:
            group = _group(each.message)
            waits[group] = max(each.wait, waits.get(group, each.wait))
    return [
        each if each.wait is None else each._replace(wait=waits[_group(each.message)])
        for each in ended
    ]


def _group(message: Message) -> str:
    group: str = message["attributes"]["MessageGroupId"]
    return group


def _more(work: Work, context: Context) -> list[Message]:
    """What else the queue has, up to a hundred in hand, while there is time for it."""
    taken: list[Message] = []
    while len(taken) <= MOST - 2 * FULL:
        left = context.get_remaining_time_in_millis()
        if left < LONGEST_MESSAGE + TAKING:
            break
        try:
            found = work.outbox.receive(timedelta(milliseconds=left) + SPARE)
        except FieldlinkError as error:
            logger.warning("no more taken", error=type(error).__name__)
            break
        if not found:
            break
        taken += found
    return taken


def _strands(messages: list[Message], work: Work, crew: Crew) -> list[Strand]:
    strands: dict[tuple[str, str], Strand] = {}
    for each in messages:
        connection, strand = "", ""
        with suppress(Exception):  # a body that nobody can read is of no connection
            connection = work.connection_of(each["body"])
            strand = crew.strand(each["body"])
        name = _group(each), strand
        if name not in strands:
            strands[name] = Strand(connection, [])
        strands[name].messages.append(each)
    return list(strands.values())


def _all(worked: Callable[[int], list[Ended]], strands: int) -> list[list[Ended]]:
    """A thread for each of them: they wait for each other, so all have to be there."""
    if strands == 1:
        return [worked(0)]
    begun = [_threads().submit(worked, number) for number in range(strands)]
    wait(begun)
    return [each.result() for each in begun]


@cache
def _threads() -> ThreadPoolExecutor:
    """As many as a batch may need, kept from batch to batch.

    A pool that makes them by and by may count one as idle that has just taken something else,
    and makes none for what comes next. That would wait until a thread is done, and they for it.
    """
    threads, all_there = ThreadPoolExecutor(MOST, initializer=_on_one_processor), Barrier(MOST)
    begun = [threads.submit(all_there.wait, LONGEST_START) for _ in range(MOST)]
    for each in begun:
        each.result()
    return threads


def _on_one_processor() -> None:
    """This thread, like its fellows: Python lets one of them at a time go on, and to wake the
    next one on another processor takes longer than where the last one was. Lambda has one such
    process on a machine; where there are more, chance parts them.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # then they wait a little longer for each other
            allowed = sorted(sched_getaffinity(0))
            sched_setaffinity(0, {allowed[getpid() % len(allowed)]})
