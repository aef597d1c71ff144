"""Everything behind the simulator's addresses: the org, its tokens, and what it was told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import RLock
from typing import Any

from local.salesforce.faults import Faults
from local.salesforce.oauth import OAuth
from local.salesforce.objects import catalog
from local.salesforce.org import Org
from local.salesforce.records import Records, Write
from local.salesforce.rest import Api
from local.salesforce.rules import Rules
from local.salesforce.store import Row, Store


@dataclass(frozen=True)
class Request:
    """One call of the REST API. `counted`: whether it used up quota."""

    method: str
    path: str  # with its query
    status: int
    counted: bool
    body: str
    time: datetime
    id: str  # as X-SFDC-Request-Id tells it to the caller


@dataclass(frozen=True)
class TokenRequest:
    """One call of the token endpoint, without the secrets that it carried."""

    grant_type: str
    status: int
    error: str | None
    time: datetime


@dataclass(frozen=True)
class Pending:
    """A transaction that started at `started` and that nobody sees before `visible_at`."""

    started: datetime
    visible_at: datetime | None  # None: when the block that holds it ends
    work: Callable[[], Any]


class Site(Rules):
    integration_user_id: str

    def __init__(self, clock: Callable[[], datetime], session: timedelta) -> None:
        super().__init__()
        self.url = ""
        self.requests: list[Request] = []
        self.token_requests: list[TokenRequest] = []
        self.lock = RLock()
        self._clock = clock
        self._stamping: datetime | None = None
        self.pending: list[Pending] = []
        self.fault_queue = Faults(self)
        self.oauth = OAuth(clock, session, self)
        objects = catalog()
        store = Store(lambda identifier: identifier not in self.hidden)
        for each in objects.values():
            store.add_table(each)
        records = Records(store, objects, self.now, self)
        self.org = Org(objects, store, records, self, self.now, self.fault_queue)
        self.api = Api(self.org, self.fault_queue)

    def now(self) -> datetime:
        """The moment that writes are stamped with: the clock's, or a late commit's start."""
        return self._stamping or self._clock()

    @property
    def writes(self) -> list[Write]:
        return self.org.records.writes

    @property
    def api_calls(self) -> int:
        return self.org.calls

    def row_of_user(self, identifier: str) -> Row:
        with self.lock:
            return self.org.store.get("User", identifier) or {}

    def user_named(self, username: str) -> str | None:
        with self.lock:
            found = self.org.store.find("User", Username=username)
        return str(found[0]["Id"]) if found else None

    def may_work(self, user: str) -> bool:
        """Whether a session of that user still opens anything."""
        active = self.org_active and self.row_of_user(user).get("IsActive")
        return bool(active) and user not in self.frozen

    def settle(self) -> None:
        """Commit the late transactions whose time has come."""
        due = [
            each
            for each in self.pending
            if each.visible_at and each.visible_at <= self._clock()
        ]
        self.commit(due)

    def commit(self, due: list[Pending]) -> None:
        for each in due:
            self.pending.remove(each)
            with self._stamped(each.started):
                each.work()

    @contextmanager
    def _stamped(self, moment: datetime) -> Iterator[None]:
        self._stamping = moment
        try:
            yield
        finally:
            self._stamping = None
