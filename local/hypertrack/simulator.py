"""The simulator as its users see it: one object to start, look at and misuse."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from local.hypertrack.apps import APPS, LinkRejected
from local.hypertrack.events import TEST_EVENT, Delivery, Event
from local.hypertrack.installing import install, reinstall, sign_in
from local.hypertrack.order_demand import on_demand
from local.hypertrack.order_state import Order, every
from local.hypertrack.phone import Phone
from local.hypertrack.server import Server
from local.hypertrack.shapes import Shape
from local.hypertrack.state import Account, Device, Geofence, Invite, Json, Switches, Worker
from local.hypertrack.webhooks import Order as Sequence
from local.hypertrack.webhooks import Webhooks, signed
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

    def orders(self, account: str) -> list[Order]:
        """Every attempt of every order, oldest first."""
        return every(self._account(account))

    def order(self, account: str, handle: str) -> Order:
        """The latest attempt under this handle."""
        return self._account(account).orders[handle][-1]

    def tell_order(
        self, account: str, handle: str, value: str, at: datetime | None = None, **data: Any
    ) -> Event:
        """Any order webhook on demand, with what the contract requires and with more."""
        with self.world.lock:
            return on_demand(self.world, self.order(account, handle), value, at, **data)

    def hold_up(self, account: str, handle: str, minutes: float) -> None:
        """Traffic on the way to an order, or less of it: its estimates change accordingly."""
        with self.world.lock:
            order = self.order(account, handle)
            order.held_up += minutes * 60
            order.change_reason = "traffic_update"

    # ── its dashboard ───────────────────────────────────────────────────────

    def add_account(self, account: str, secret: str) -> None:
        self.world.accounts[account] = Account(account, secret, f"publishable-{account}")

    def rotate_secret(self, account: str, new: str) -> None:
        """From now on the key for the API and for signatures; retries keep theirs."""
        self._account(account).secret_key = new

    def sign_with(self, account: str, secret: str | None) -> None:
        """Sign with another key than the API's, as if one side had the wrong one."""
        self._account(account).signing_key = secret

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

    def install(
        self,
        link: str,
        app: str = "android-0.2",
        at: datetime | None = None,
        carrying: Json | None = None,
    ) -> Phone:
        """Open an invitation on a fresh phone: a new device, even if it is a reinstall.

        The link is assumed to carry the worker's handle as `driver_id` and as `worker_handle`;
        what becomes of it is up to the generation of the app, see `APPS`. Later Android
        refuses such a link, and only the newest iOS links the device to the worker. `carrying`
        is what this link has besides, such as an e-mail; None takes a key out.
        """
        with self.world.lock:
            invite, generation = self._invite(link), APPS[app]
            if invite.expired or invite.app != "VISITS":
                raise LinkRejected("this link is expired or for another app")
            invite.data |= carrying or {}
            return install(self.world, invite, generation, at or self.world.clock())

    def reinstall(
        self, phone: Phone, app: str | None = None, at: datetime | None = None
    ) -> Phone:
        """The same person's app, installed again: another device, the old one uninstalled."""
        with self.world.lock:
            generation = phone.app if app is None else APPS[app]
            return reinstall(self.world, phone, generation, at or self.world.clock())

    def sign_in(
        self, account: str, who: str, app: str = "ios-2.20", at: datetime | None = None
    ) -> Phone:
        """An app without an invitation: an e-mail signs in, or a driver id is typed by hand."""
        with self.world.lock:
            whose, moment = self._account(account), at or self.world.clock()
            return sign_in(self.world, whose, who, APPS[app], moment)

    # ── webhooks ────────────────────────────────────────────────────────────

    @property
    def shape(self) -> Shape:
        """In which of the documented shapes webhooks are sent, see `SHAPES`."""
        return self._webhooks.shape

    @shape.setter
    def shape(self, shape: Shape) -> None:
        self._webhooks.shape = shape

    def silent(self, account: str | None = None) -> None:
        """An outage of HyperTrack's own: this account, or everyone, hears of nothing."""
        self._webhooks.fall_silent(account)

    def speak(self, lost: bool = True) -> None:
        """End it; the events meanwhile are only in the record, or else are sent now."""
        self._webhooks.speak(lost=lost)

    def hold(self) -> None:
        """Keep events back until `release`."""
        self._webhooks.hold()

    def release(self, order: Sequence = "as_recorded", seed: int = 0) -> None:
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
        every = signed(body, found.signing_key or found.secret_key) | dict(headers or {})
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
