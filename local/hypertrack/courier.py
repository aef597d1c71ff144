"""One account's queue of webhooks, and the thread that carries them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from threading import Condition, Thread
from typing import Self

import requests

from local.http import session
from local.hypertrack.events import Event, Outcome

ANSWER_WITHIN = 10  # seconds, then HyperTrack closes the connection
ANSWER_KEPT = 1000  # characters; how many HyperTrack keeps is not documented


@dataclass
class Message:
    """One request to a receiver: its bytes are fixed, its attempts are counted."""

    account_id: str
    url: str
    body: bytes
    headers: dict[str, str]
    events: tuple[Event, ...] = ()
    attempt: int = 1
    answer: str | None = None

    def again(self) -> Self:
        return type(self)(self.account_id, self.url, self.body, self.headers, self.events)

    def note(self, status: int | None) -> None:
        """What the last attempt came to; a copy does not hide one that arrived."""
        for event in self.events:
            if event.outcome != "delivered":
                event.status, event.attempts = status, self.attempt
                event.answer = self.answer

    def conclude(self, outcome: Outcome) -> None:
        """A copy that fails does not undo one that arrived."""
        for event in self.events:
            if event.outcome != "delivered":
                event.outcome = outcome


def attempt(message: Message) -> int | None:
    """The status of the answer, or None if there was none in time; its text is kept."""
    try:
        with session() as http:
            answer = http.post(
                message.url,
                data=message.body,
                headers=message.headers,
                timeout=ANSWER_WITHIN,
                allow_redirects=False,
            )
    except requests.RequestException:
        message.answer = None
        return None
    message.answer = answer.text[:ANSWER_KEPT]
    return answer.status_code


@dataclass
class Courier:
    """Carries one message at a time; a failed one waits aside and lets the others pass."""

    turn: Condition
    settle: Callable[[Message, int | None], float | None]
    _waiting: list[tuple[float, int, Message]] = field(default_factory=list)
    _taken: int = 0
    _carrying: bool = False
    _stopping: bool = False
    _thread: Thread | None = None

    @property
    def empty(self) -> bool:
        return not self._waiting and not self._carrying

    def start(self) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._run, name="webhooks", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        with self.turn:
            self._stopping = True
            self.turn.notify_all()
        if self._thread is not None:
            self._thread.join()

    def put(self, message: Message, delay: float = 0) -> None:
        """Called while holding the turn."""
        self._taken += 1  # equal times keep their order
        heappush(self._waiting, (time.monotonic() + delay, self._taken, message))
        self.turn.notify_all()

    def _run(self) -> None:
        while (message := self._next()) is not None:
            status = attempt(message)
            with self.turn:
                delay = self.settle(message, status)
                if delay is not None:
                    message.attempt += 1
                    self.put(message, delay)
                self._carrying = False
                self.turn.notify_all()

    def _next(self) -> Message | None:
        with self.turn:
            while not self._stopping:
                wait = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if wait is not None and wait <= 0:
                    self._carrying = True
                    return heappop(self._waiting)[2]
                self.turn.wait(wait)
            return None
