"""Webhooks as documented: signed, at least once, in no promised order, given up after a minute.

A 2xx and a 4xx are final. Anything else, silence for 10 seconds and a dead line are tried
again up to three times, 20 seconds apart, with the same `x-amz-sns-message-id`. Sources
disagree about 3xx; here it is tried again, and no redirect is followed.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from random import Random
from threading import Condition
from typing import Literal
from uuid import uuid4

from local.hypertrack.courier import Courier, Message, attempt
from local.hypertrack.events import Delivery, Event
from local.hypertrack.shapes import Shape, wire
from local.hypertrack.silence import Silence
from local.hypertrack.state import Account, Clock, Json

RETRIES = 3
Order = Literal["as_recorded", "reversed", "shuffled"]


def sign(body: bytes, secret_key: str) -> str:
    """Lower-case hex HMAC-SHA1 over the raw body."""
    return hmac.new(secret_key.encode(), body, hashlib.sha1).hexdigest()


class Webhooks:
    """The way out to every account's receiver."""

    def __init__(self, clock: Clock, retry_delay: float) -> None:
        self.events: list[Event] = []
        self.deliveries: list[Delivery] = []
        self.copies = 1
        self.size = 1
        self.shape = Shape()
        self._clock = clock
        self._retry_delay = retry_delay
        self._held: list[tuple[Account, Event]] | None = None
        self._silence = Silence()
        self._couriers: dict[str, Courier] = {}
        self._turn = Condition()
        self._running = False

    def start(self) -> None:
        self._running = True
        for courier in self._couriers.values():
            courier.start()

    def stop(self) -> None:
        """Stop delivering; whatever was pending stays undelivered."""
        self._running = False
        for courier in self._couriers.values():
            courier.stop()
        self._couriers.clear()

    def emit(self, account: Account, body: Json) -> Event:
        """Tell the account's receiver, if it has one, or keep it for `release`."""
        event = Event(account.account_id, body)
        with self._turn:
            self.events.append(event)
            if account.webhook is None:
                event.outcome = "no webhook"
            elif self._silence.swallows(account, event):
                pass
            elif self._held is not None:
                self._held.append((account, event))
            else:
                self._hand_over(account, [event])
        return event

    def fall_silent(self, account_id: str | None) -> None:
        """Tell this account, or nobody at all, of nothing; what is on its way goes on."""
        with self._turn:
            self._silence.begin(account_id)

    def speak(self, *, lost: bool) -> None:
        """Tell again; what happened meanwhile is given up, or else told late."""
        with self._turn:
            for account, event in self._silence.end():
                if lost:
                    event.outcome = "given up"
                elif self._held is not None:
                    self._held.append((account, event))
                else:
                    self._hand_over(account, [event])

    def hold(self) -> None:
        with self._turn:
            self._held = [] if self._held is None else self._held

    def release(self, order: Order = "as_recorded", seed: int = 0) -> None:
        """Send what was held back, in an order of one's choice, `size` events to a request."""
        with self._turn:
            held, self._held = self._held or [], None
            held.sort(key=lambda each: each[1].moment)
            if order == "reversed":
                held.reverse()
            if order == "shuffled":
                Random(seed).shuffle(held)  # noqa: S311 (repeatable, not secret)
            for account in {account.account_id: account for account, _ in held}.values():
                self._hand_over(account, [event for whose, event in held if whose is account])

    def redeliver(self, index: int) -> None:
        """Send a past delivery once more: same body, same signature, same message id."""
        past = self.deliveries[index]
        message = Message(past.account_id, past.url, past.body, dict(past.headers))
        with self._turn:
            self._courier(past.account_id).put(message)

    def send(self, account: Account, body: bytes, headers: Mapping[str, str]) -> Delivery:
        """Send bytes at once, without retries, and say how it went."""
        if account.webhook is None:
            raise ValueError(f"account {account.account_id} has no webhook")
        message = Message(account.account_id, account.webhook, body, dict(headers))
        return self._record(message, attempt(message))

    def idle(self) -> bool:
        """Whether nothing is on its way; what is held back does not count."""
        with self._turn:
            return self._quiet()

    def wait_idle(self, timeout: float) -> None:
        """Wait until nothing is on its way, retries included."""
        with self._turn:
            if not self._turn.wait_for(self._quiet, timeout):
                raise TimeoutError(f"webhooks still on their way after {timeout} s")

    def _quiet(self) -> bool:
        return all(courier.empty for courier in self._couriers.values())

    def _hand_over(self, account: Account, events: Sequence[Event]) -> None:
        size = 1 if self.shape.body == "object" else self.size
        for start in range(0, len(events), size):
            message = self._pack(account, events[start : start + size])
            for _ in range(self.copies):
                self._courier(account.account_id).put(message.again())

    def _pack(self, account: Account, events: Sequence[Event]) -> Message:
        body = json.dumps(wire([event.body for event in events], self.shape)).encode()
        headers = signed(body, account.signing_key or account.secret_key)
        return Message(account.account_id, account.webhook or "", body, headers, tuple(events))

    def _courier(self, account_id: str) -> Courier:
        if account_id not in self._couriers:
            courier = self._couriers[account_id] = Courier(self._turn, self._settle)
            if self._running:
                courier.start()
        return self._couriers[account_id]

    def _settle(self, message: Message, status: int | None) -> float | None:
        """Note an attempt; returns the seconds until the next one, or None if that was it."""
        self._record(message, status)
        message.note(status)
        if status is not None and (200 <= status < 300 or 400 <= status < 500):
            message.conclude("delivered" if status < 300 else "refused")
            return None
        if message.attempt > RETRIES:
            message.conclude("given up")
            return None
        return self._retry_delay

    def _record(self, message: Message, status: int | None) -> Delivery:
        delivery = Delivery(
            time=self._clock(),
            account_id=message.account_id,
            url=message.url,
            body=message.body,
            status=status,
            attempt=message.attempt,
            message_id=message.headers.get("x-amz-sns-message-id", ""),
            headers=message.headers,
        )
        self.deliveries.append(delivery)
        return delivery


def signed(body: bytes, secret_key: str, message_id: str | None = None) -> dict[str, str]:
    """The documented headers of a delivery."""
    return {
        "content-type": "application/json",
        "x-hypertrack-signature": sign(body, secret_key),
        "x-amz-sns-message-id": message_id or str(uuid4()),
    }
