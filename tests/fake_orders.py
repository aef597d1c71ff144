"""HyperTrack's orders in memory; a part of `FakeHyperTrack`, held to the adapter's contract."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fieldlink.errors import Refused
from fieldlink.models import ASSIGNMENT_KEY, TrackedOrder, Travel, WantedOrder

if TYPE_CHECKING:
    from datetime import datetime

    from tests.fakes import Fate

LIVE = {"ongoing", "disabled"}
OVER = {"completed", "cancelled"}


@dataclass
class Attempt:
    """An order under its handle; when that is used again, this is the latest attempt."""

    wanted: WantedOrder
    status: str = "ongoing"
    mode: str = ""
    attempt: int = 1
    way: Travel | None = None

    @property
    def share_url(self) -> str:
        return f"https://trck.at/{self.wanted.handle}-{self.attempt}"


class FakeOrders:
    """As documented: a handle is taken until its order is completed or cancelled."""

    fate: Fate
    workers: dict[str, str]
    deleted: set[str]
    linked: dict[str, str]
    orders: dict[str, Attempt]  # the latest of each handle
    attempts: int  # orders that were ever tracked
    keeps_owner: bool  # orders can't be reassigned
    switched_on: set[str]  # workers
    orders_at_once: int  # most of one assignment that were tracked

    def track(self, order: WantedOrder, mode: str) -> TrackedOrder:
        with self.fate.effect("track"):
            self._check_worker(order.worker)
            before = self.orders.get(order.handle)
            if before and before.status not in OVER:
                raise Refused("HyperTrack answered 409", code="duplicate_resource")
            number = before.attempt + 1 if before else 1
            self.orders[order.handle] = Attempt(order, mode=mode, attempt=number)
            self.attempts += 1
            tracked = self.tracked_orders
            of_one = Counter(each.wanted.metadata.get(ASSIGNMENT_KEY) for each in tracked)
            self.orders_at_once = max(self.orders_at_once, *of_one.values())
            return self._told(order.handle)

    def order(self, handle: str) -> TrackedOrder | None:
        with self.fate.effect("order"):
            return self._told(handle) if handle in self.orders else None

    def change_order(self, order: WantedOrder) -> None:
        with self.fate.effect("change order"):
            found = self._known(order.handle)
            place = {
                name: getattr(found.wanted, name)
                for name in ("worker", "latitude", "longitude", "radius")
            }
            found.wanted = order.model_copy(update=place)

    def reassign_order(self, handle: str, worker: str) -> None:
        with self.fate.effect("reassign order"):
            found = self._known(handle, LIVE)
            if found.wanted.worker == worker:
                return
            if worker not in self.workers or worker in self.deleted:
                raise Refused("HyperTrack answered 404: no such worker", code="404")
            if worker not in self.linked or self.keeps_owner:
                raise Refused("HyperTrack answered 400", code="driver_not_linked_to_device")
            found.wanted = found.wanted.model_copy(update={"worker": worker})

    def reschedule_order(self, handle: str, at: datetime) -> None:
        with self.fate.effect("reschedule order"):
            found = self._known(handle, LIVE | {"unplanned"})
            found.wanted = found.wanted.model_copy(update={"scheduled_at": at})
            found.status = "unplanned"

    def end_order(self, handle: str, *, completed: bool) -> None:
        with self.fate.effect("end order"):
            found = self.orders.get(handle)
            if found and found.status not in OVER:
                found.status = "completed" if completed else "cancelled"

    def pause_order(self, handle: str, *, paused: bool) -> None:
        with self.fate.effect("pause order"):
            self._known(handle, LIVE).status = "disabled" if paused else "ongoing"

    def way_to(self, handle: str) -> Travel | None:
        with self.fate.effect("way to"):
            found = self.orders.get(handle)
            return found.way if found else None

    def undelete_worker(self, handle: str) -> None:
        with self.fate.effect("undelete worker"):
            if handle not in self.workers:
                raise Refused("HyperTrack answered 404: no such worker", code="404")
            self.deleted.discard(handle)

    def link_device(self, handle: str, device: str) -> None:
        with self.fate.effect("link device"):
            if handle not in self.workers or handle in self.deleted:
                raise Refused("HyperTrack answered 404: no such worker", code="404")
            if device not in self.known_devices:
                raise Refused("HyperTrack answered 404: no such device", code="404")
            self.linked[handle] = device

    def set_tracking(self, handle: str, *, tracking: bool) -> None:
        with self.fate.effect("set tracking"):
            if handle not in self.workers or handle in self.deleted:
                raise Refused("HyperTrack answered 404: no such worker", code="404")
            (self.switched_on.add if tracking else self.switched_on.discard)(handle)

    @property
    def known_devices(self) -> set[str]:
        raise NotImplementedError

    @property
    def tracked_orders(self) -> list[Attempt]:
        """Those that a worker is tracked for."""
        return [each for each in self.orders.values() if each.status == "ongoing"]

    def _check_worker(self, handle: str) -> None:
        if handle not in self.workers:
            raise Refused("HyperTrack answered 404", code="driver_not_found")
        if handle in self.deleted:
            raise Refused("HyperTrack answered 404", code="driver_deleted")
        if handle not in self.linked:
            raise Refused("HyperTrack answered 400", code="driver_not_linked_to_device")

    def _known(self, handle: str, fit: set[str] | None = None) -> Attempt:
        found = self.orders.get(handle)
        if found is None or (fit and found.status not in fit):
            raise Refused("HyperTrack answered 404: Order not found", code="404")
        return found

    def _told(self, handle: str) -> TrackedOrder:
        found = self.orders[handle]
        return TrackedOrder(
            handle=handle,
            status=found.status,
            worker=found.wanted.worker,
            device=self.linked.get(found.wanted.worker, ""),
            share_url=found.share_url,
            embed_url=f"https://embed.example.com/orders/{handle}",
        )
