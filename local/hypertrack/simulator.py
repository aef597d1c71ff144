"""The simulator as its users see it: one object to start, look at and misuse."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from local.hypertrack.apps import APPS, LinkRejected
from local.hypertrack.events import TEST_EVENT, Delivery, Event
from local.hypertrack.installing import install
from local.hypertrack.phone import Phone
from local.hypertrack.server import Server
from local.hypertrack.state import Account, Device, Geofence, Invite, Json, Switches, Worker
from local.hypertrack.webhooks import Order, Webhooks, signed
from local.hypertrack.world import Request, World


def _now() -> datetime:
    return datetime.now(UTC)


class FakeHyperTrack:
    """HyperTrack at a desk. Use it as a context manager, or `start` and `stop` it."""

    def __init__(
        self,
        clock: Callable[[], datetime] | None = None,
        accounts: Mapping[str, str] | None = None,
        retry_delay: float = 20.0,
        validate: bool = True,
    ) -> None:
        clock = clock or _now
        every = {
            account_id: Account(account_id, secret, f"publishable-{account_id}")
            for account_id, secret in (accounts or {}).items()
        }
        self._webhooks = Webhooks(clock, retry_delay)
        self.world = World(clock, every, self._webhooks, validate)
        self._server = Server(self.world)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        self._server.start()
        self._webhooks.start()

    def stop(self) -> None:
        self._webhooks.stop()
        self._server.stop()

    # ── what it knows ───────────────────────────────────────────────────────

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def switches(self) -> Switches:
        return self.world.switches

    @property
    def faults(self) -> list[Json]:
        return self.world.faults

    @property
    def requests(self) -> list[Request]:
        return self.world.requests

    @property
    def invites(self) -> list[Invite]:
        return self.world.invites

    @property
    def breaches(self) -> list[str]:
        """Where an answer of the simulator broke the contract: always empty, one hopes."""
        return self.world.breaches

    @property
    def events(self) -> list[Event]:
        return self._webhooks.events

    @property
    def deliveries(self) -> list[Delivery]:
        return self._webhooks.deliveries

    def workers(self, account: str) -> list[Worker]:
        return list(self._account(account).workers.values())

    def devices(self, account: str) -> list[Device]:
        return list(self._account(account).devices.values())

    def geofences(
        self, account: str | None = None, device_id: str | None = None, archived: bool = False
    ) -> list[Geofence]:
        """The geofences in force, or with `archived` those that were deleted as well."""
        whose = self.world.accounts.values() if account is None else [self._account(account)]
        every = [each for one in whose for each in one.geofences.values()]
        wanted = [each for each in every if device_id in (None, each.device_id)]
        return [each for each in wanted if archived or not each.archived]

    # ── its dashboard ───────────────────────────────────────────────────────

    def add_account(self, account: str, secret: str) -> None:
        self.world.accounts[account] = Account(account, secret, f"publishable-{account}")

    def rotate_secret(self, account: str, new: str) -> None:
        """From now on the key for the API and for signatures; retries keep theirs."""
        self._account(account).secret_key = new

    def set_webhook(
        self, account: str, url: str | None, location_updates: bool = False
    ) -> None:
        """The one URL of an account. The real one must be https and takes up to 10 minutes."""
        found = self._account(account)
        found.webhook, found.location_updates = url, location_updates

    def send_test_event(self, account: str) -> Event:
        """The dashboard's button: no `created_at`, no `version`, account "0"."""
        return self._webhooks.emit(self._account(account), dict(TEST_EVENT))

    def expire(self, link: str) -> None:
        self._invite(link).expired = True

    # ── phones ──────────────────────────────────────────────────────────────

    def install(self, link: str, app: str = "android-0.2", at: datetime | None = None) -> Phone:
        """Open an invitation on a fresh phone: a new device, even if it is a reinstall.

        The link is assumed to carry the worker's handle as `driver_id` and as `worker_handle`;
        what becomes of it is up to the generation of the app, see `APPS`. Later Android
        refuses such a link, and only the newest iOS links the device to the worker.
        """
        with self.world.lock:
            invite, generation = self._invite(link), APPS[app]
            if invite.expired or invite.app != "VISITS":
                raise LinkRejected("this link is expired or for another app")
            return install(self.world, invite, generation, at or self.world.clock())

    # ── webhooks ────────────────────────────────────────────────────────────

    def hold(self) -> None:
        """Keep events back until `release`."""
        self._webhooks.hold()

    def release(self, order: Order = "as_recorded", seed: int = 0) -> None:
        self._webhooks.release(order, seed)

    def duplicate(self, times: int) -> None:
        """Send each delivery so many times, under one message id."""
        self._webhooks.copies = times

    def batch(self, size: int) -> None:
        """Put up to so many of the events that were held into one request."""
        self._webhooks.size = size

    def redeliver(self, index: int) -> None:
        self._webhooks.redeliver(index)

    def send_raw(
        self,
        account: str,
        body: bytes,
        signature: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Delivery:
        """Send any bytes at once: signed rightly, or with a signature given, or "" for none."""
        found = self._account(account)
        every = signed(body, found.secret_key) | dict(headers or {})
        if signature is not None:
            every["x-hypertrack-signature"] = signature
        kept = {name: value for name, value in every.items() if value}
        return self._webhooks.send(found, body, kept)

    def idle(self) -> bool:
        return self._webhooks.idle()

    def wait_idle(self, timeout: float = 10.0) -> None:
        """Wait until nothing is on its way; raises TimeoutError."""
        self._webhooks.wait_idle(timeout)

    def _account(self, account: str) -> Account:
        return self.world.accounts[account]

    def _invite(self, link: str) -> Invite:
        bare = link.partition("?")[0]
        for invite in self.world.invites:
            if invite.link == bare:
                return invite
        raise LinkRejected("no such invitation")
