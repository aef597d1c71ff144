"""What the resources share: the org's objects, rows, rules, cursors and quota."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from local.salesforce.errors import not_found
from local.salesforce.faults import Faults
from local.salesforce.query import View
from local.salesforce.records import Records
from local.salesforce.rules import Rules
from local.salesforce.schema import SObject
from local.salesforce.store import Store

DAY = timedelta(hours=24)

type Calls = deque[tuple[datetime, int]]


@dataclass
class Cursor:
    rows: list[dict[str, Any]]
    opened: datetime
    size: int


@dataclass
class Org:
    objects: dict[str, SObject]
    store: Store
    records: Records
    rules: Rules
    clock: Callable[[], datetime]
    faults: Faults
    opened: int = 0  # cursors, ever
    cursors: dict[str, Cursor] = field(default_factory=dict)
    calls: int = 0  # that used up quota, ever
    recent: Calls = field(default_factory=deque)  # ours of the last 24 hours
    elsewhere: Calls = field(default_factory=deque)  # those of other apps

    def sobject(self, name: str) -> SObject:
        """The object as the integration user sees it, or NOT_FOUND."""
        found = next(
            (each for each in self.objects.values() if each.name.casefold() == name.casefold()),
            None,
        )
        if found is None or found.name in self.rules.no_access:
            raise not_found()
        return found

    def view(self) -> View:
        return View(self.objects, self.rules.no_access)

    def calls_used(self) -> int:
        """Calls of the last 24 hours, of every app: the quota rolls."""
        _roll(self.elsewhere, self.clock() - DAY)
        elsewhere = sum(calls for _, calls in self.elsewhere)
        return self.calls_of_app() + elsewhere + self.rules.foreign_calls

    def calls_of_app(self) -> int:
        _roll(self.recent, self.clock() - DAY)
        return len(self.recent)

    def count_call(self) -> None:
        self.calls += 1
        self.recent.append((self.clock(), 1))


def _roll(calls: Calls, since: datetime) -> None:
    while calls and calls[0][0] <= since:
        calls.popleft()
