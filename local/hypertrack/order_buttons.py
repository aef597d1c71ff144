"""Orders in the Visits App (iOS from 2.6, Android from 0.8), and the geotags of today's SDK."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

from local.hypertrack import order_acts as acts
from local.hypertrack.apps import App, NotPossible
from local.hypertrack.order_state import Order
from local.hypertrack.outages import TroubledPhone
from local.hypertrack.state import Account, Device, Json
from local.hypertrack.world import World

OrderStatus = Literal["ClockIn", "ClockOut", "Custom"]


class OrderButtons(TroubledPhone):
    """What is pressed offline is told later, with the time at which it was pressed."""

    def __init__(self, world: World, account: Account, device: Device, app: App) -> None:
        super().__init__(world, account, device, device.registered_at)
        self.app = app

    def complete_order(
        self,
        handle: str,
        note: str = "",
        photos: Sequence[str] = (),
        at: datetime | None = None,
    ) -> None:
        """Write note and photos into the order's metadata, then complete it."""
        self._end_order("completed", handle, note, photos, at)

    def cancel_order(
        self,
        handle: str,
        note: str = "",
        photos: Sequence[str] = (),
        at: datetime | None = None,
    ) -> None:
        """Write note and photos into the order's metadata, then cancel it."""
        self._end_order("cancelled", handle, note, photos, at)

    def snooze_order(self, handle: str, at: datetime | None = None) -> None:
        """Disable it."""
        self._switch_order(handle, at, on=False)

    def unsnooze_order(self, handle: str, at: datetime | None = None) -> None:
        """Enable it."""
        self._switch_order(handle, at, on=True)

    def geotag_order(
        self,
        handle: str,
        status: OrderStatus,
        metadata: Json | None = None,
        at: datetime | None = None,
    ) -> None:
        """A geotag of a customer's own app with the SDK of today; any generation stands in."""
        with self._world.lock:
            order, moment = self._mine(handle), at or self.now()
            fix, told, dated = self._fix(moment), dict(metadata or {}), self._dated(moment)
            self._send(lambda: self._tracker.geotag_of_order(order, status, told, fix, dated))

    def visible_orders(self) -> list[Order]:
        """What the app lists: the orders of this device that are under way."""
        with self._world.lock:
            every = [each[-1] for each in self._account.orders.values()]
            mine = [each for each in every if each.live and each.device_id == self.device_id]
            return mine if self.app.orders else []

    def _end_order(
        self,
        how: acts.Ending,
        handle: str,
        note: str,
        photos: Sequence[str],
        at: datetime | None,
    ) -> None:
        with self._world.lock:
            if photos and self.app.platform == "iOS":
                raise NotPossible("the app takes no photos of orders")
            order, moment = self._shown(handle), at or self.now()
            told: Json = {"note": note} if note else {}
            told |= {"photos": list(photos)} if photos else {}
            self._if_live(order, lambda: self._end(order, how, told, moment))

    def _end(self, order: Order, how: acts.Ending, told: Json, at: datetime) -> None:
        heard_at = self._tracker.heard_at
        if told:
            metadata = {**(order.metadata or {}), "visits_app": told}
            acts.note(self._world, order, metadata, at, heard_at)
        acts.end(self._world, self._account, order, how, at, heard_at)

    def _switch_order(self, handle: str, at: datetime | None, *, on: bool) -> None:
        with self._world.lock:
            order, moment = self._shown(handle), at or self.now()
            if (order.status == "ongoing") == on:
                raise NotPossible(f"the order is {order.status}")
            self._if_live(order, lambda: self._switch_to(order, moment, on=on))

    def _switch_to(self, order: Order, at: datetime, *, on: bool) -> None:
        heard_at = self._tracker.heard_at
        acts.switch(self._world, self._account, order, at, on=on, heard_at=heard_at)

    def _if_live(self, order: Order, act: Callable[[], None]) -> None:
        """By the time it is sent it may have ended, or moved: the app takes that as success."""

        def send() -> None:
            if order.live and order.device_id == self.device_id:
                act()

        self._send(send)

    def _shown(self, handle: str) -> Order:
        if not self.app.orders:
            raise NotPossible("this generation of the app knows no orders")
        order = self._mine(handle)
        if not order.live:
            raise NotPossible(f"the order is {order.status}")
        return order

    def _mine(self, handle: str) -> Order:
        for order in reversed(self._account.orders.get(handle, [])):
            if order.device_id == self.device_id:
                return order
        raise NotPossible("the app does not show this order")
