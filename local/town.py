"""Everything of a working day on this machine: the two vendors, the bundle, an operator."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

from local.clock import FollowedClock, SteppedClock
from local.hypertrack import FakeHyperTrack
from local.operator import Operator
from local.salesforce import FakeSalesforce
from local.stack import APP, Stack

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

ACCOUNT = "acme-account-id"
SECRET = "acme-secret-key"
ORDERS_ACCOUNT = "acme-orders-id"  # of those who are tracked by orders
ACCOUNTS = {"geofences": ACCOUNT, "orders": ORDERS_ACCOUNT}
RETRY_DELAY = 0.5  # seconds instead of HyperTrack's 20, so that a fault can be sat out


class Town:
    """Up while it is entered. The vendors' clock stands until it is moved; AWS's runs.

    `followed`: the functions go by the vendors' clock, too, which runs for them between moves.
    """

    def __init__(
        self,
        at: datetime,
        *,
        built: Path | None = None,
        say: Callable[[str], None] | None = None,
        followed: bool = False,
    ) -> None:
        self._open = ExitStack()
        self.clock = SteppedClock(at)
        if followed:
            folder = self._open.enter_context(TemporaryDirectory(prefix="fieldlink-clock-"))
            self.clock = FollowedClock(at, Path(folder) / "ahead")
        self.salesforce = FakeSalesforce(
            clock=self.clock, client_id=APP["client_id"], client_secret=APP["client_secret"]
        )
        self.salesforce.assertion_clock = lambda: datetime.now(
            UTC
        )  # of the functions that sign
        self.hypertrack = FakeHyperTrack(
            clock=self.clock,
            accounts=dict.fromkeys(ACCOUNTS.values(), SECRET),
            retry_delay=RETRY_DELAY,
        )
        self._built = built
        self._say = say or (lambda _text: None)

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(self.salesforce)
            opening.enter_context(self.hypertrack)
            self._say("Salesforce and HyperTrack are simulated on loopback")
            stack = Stack(
                salesforce_url=self.salesforce.url,
                hypertrack_url=self.hypertrack.url,
                built=self._built,
                clock=self.clock.file if isinstance(self.clock, FollowedClock) else None,
            )
            self.stack = opening.enter_context(stack)
            self._say("the stack is deployed")
            self.salesforce.callback_urls = {self.stack.outputs["OauthCallbackUrl"]}
            self._open.push(opening.pop_all())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def setup_link(self) -> str:
        """As the documented command mints it, with AWS credentials."""
        request = {"action": "mint_setup_link", "url": self.stack.api_url}
        return str(self.stack.invoke("Console", request)["setup_link"])

    def operator(self) -> Operator:
        """A browser that has come in by a fresh setup link."""
        made = Operator(self.stack.api_url)
        made.enter(self.setup_link()).raise_for_status()
        return made

    def connect(
        self,
        operator: Operator,
        *,
        account: str = ACCOUNT,
        secret: str = SECRET,
        **settings: str,
    ) -> str:
        """A connection made through the real pages, its webhook entered at HyperTrack."""
        connection = operator.new_connection(
            name="Acme", account=account, secret=secret, **settings
        )
        operator.connect(connection).raise_for_status()
        self.hypertrack.set_webhook(account, operator.webhook_url(connection))
        self.settle()
        return connection

    def tick(self) -> None:
        """What EventBridge does every five minutes."""
        self.stack.invoke("StartPolls", self._scheduled())
        self.settle()

    def night(self) -> None:
        """What EventBridge does at seventeen past two."""
        self.stack.invoke("Reconcile", self._scheduled())
        self.settle()

    def take_up(self) -> None:
        """What EventBridge does every five minutes, too."""
        self.stack.invoke("TakeUpDeliveries", self._scheduled())
        self.settle()

    def _scheduled(self) -> dict[str, Any]:
        return {"source": "aws.events", "time": self.clock().isoformat()}

    def settle(self, timeout: float = 60) -> None:
        """Wait until every webhook is delivered and every queue is empty."""
        self.hypertrack.wait_idle(timeout)
        self.stack.settled(timeout)
