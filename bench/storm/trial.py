"""A town with connections, their fleets, and a look at what has come of all that they told."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from bench.storm.fleet import Fleet, expected, fleet, standing
from local.runtime import BUILT
from local.town import Town

MORNING = datetime(2026, 3, 2, tzinfo=UTC)
DAILY_CALLS = 5_000_000  # what a full sandbox has; each connection may use its share
# Seconds until everything must be worked off: by far more than a slow machine takes.
MOST_SECONDS = 3 * 3600
TOLD_EVERY = 30  # seconds
# In this order: what Events hands on lies in Bursts before it leaves Events.
LANES = ("Events", "Bursts")
WATCHED_EVERY = 0.02  # seconds
LOOKED_EVERY = 0.5  # seconds, at the queues; later if they can't be empty by then, even at
FASTEST = 1_000  # events in a second: by far more than is worked off on any machine


class Trial:
    """A stack that is only connected: nobody is invited, and nothing is polled."""

    def __init__(self, town: Town, connections: int) -> None:
        self.town = town
        self.org = town.salesforce
        self.org.daily_limit = DAILY_CALLS
        # A user can approve an app five times only; this way needs no approval.
        self.org.run_as = self.org.integration_user_id
        self._stop_the_schedules()
        self._fleets: list[Fleet] = []
        self._doors = [self._connected(number) for number in range(connections)]
        town.settle()

    def fleet(self, *, people: int, visits: int) -> Fleet:
        """People and work for the next connection that has none."""
        connection, url, secret = self._doors[len(self._fleets)]
        made = fleet(
            self.org,
            connection,
            url,
            secret,
            people=people,
            visits=visits,
            morning=MORNING,
        )
        self._fleets.append(made)
        return made

    def problems(self) -> list[str]:
        """Where Salesforce differs from what must stand; and what lies in a dead queue."""
        found, must = standing(self.org), self._wanted()
        differing = [
            f"{name}: {len(found[name])} of {len(must[name])}; "
            f"lost {lost[:2]}, too many {more[:2]}"
            for name in must
            if found[name] != must[name]
            for lost in [_without(must[name], found[name])]
            for more in [_without(found[name], must[name])]
        ]
        depths = self.town.stack.queue_depths().items()
        dead = [
            f"{name} holds {depth[0]}"
            for name, depth in depths
            if name.startswith("Dead") and depth[0]
        ]
        return differing + dead

    @property
    def done(self) -> bool:
        return standing(self.org) == self._wanted()

    def drained(self) -> None:
        """Waits for the queues, and says now and then how far they are."""
        deadline, due = time.monotonic() + MOST_SECONDS, time.monotonic() + TOLD_EVERY
        while left := self._left():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{left} events are still queued")
            if time.monotonic() > due:
                say(f"  {left} events are still queued")
                due = time.monotonic() + TOLD_EVERY
            time.sleep(min(TOLD_EVERY, max(LOOKED_EVERY, left / FASTEST)))

    @contextmanager
    def watched(self) -> Iterator[dict[tuple[str, str], datetime]]:
        """When an Event was first seen in Salesforce, by its appointment and first words."""
        seen: dict[tuple[str, str], datetime] = {}
        done, writes = threading.Event(), self.org.writes

        def watch() -> None:
            known = len(writes)
            while not done.wait(WATCHED_EVERY):
                now, found = datetime.now(UTC), writes[known:]
                known += len(found)
                for each in found:
                    if (each.object, each.operation) == ("Event", "insert"):
                        word = each.fields["Subject"].partition(":")[0]
                        seen.setdefault((each.fields["WhatId"], word), now)

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            yield seen
        finally:
            done.set()
            watching.join()

    def tick(self) -> None:
        """Five minutes later."""
        self.town.clock.move_to(self.town.clock() + timedelta(minutes=5))
        self.town.tick()

    def _stop_the_schedules(self) -> None:
        """A tick comes when it is called for: what polls lead to would be counted as well."""
        events = self.town.stack.client("events")
        for rule in events.list_rules()["Rules"]:
            if rule.get("ScheduleExpression"):
                events.disable_rule(Name=rule["Name"])

    def _left(self) -> int:
        """As the queues count: to list ten thousand messages keeps the emulator busy."""
        return sum(self.town.stack.messages_in(name) for name in LANES)

    def _wanted(self) -> dict[str, list[object]]:
        return expected([visit for each in self._fleets for visit in each.visits])

    def _connected(self, number: int) -> tuple[str, str, str]:
        """The connection, its webhook's address, and the secret that signs."""
        operator = self.town.operator()
        account, secret = f"account-{number}", f"secret-key-{number}"
        self.town.hypertrack.add_account(account, secret)
        connection = operator.new_connection(
            name=account, account=account, secret=secret, authorise="client"
        )
        operator.post(f"/connections/{connection}/connect").raise_for_status()
        return connection, operator.webhook_url(connection), secret


@contextmanager
def trial(connections: int, *, followed: bool = False) -> Iterator[Trial]:
    """`followed`: the functions go by the clock that a tick moves, and not by the real one."""
    now = datetime.now(UTC).replace(microsecond=0)
    with Town(now, built=BUILT, followed=followed) as town:
        yield Trial(town, connections)


def _without(some: Sequence[object], others: Sequence[object]) -> list[object]:
    known = {repr(each) for each in others}
    return [each for each in some if repr(each) not in known]


def say(text: str) -> None:
    print(text, flush=True)
