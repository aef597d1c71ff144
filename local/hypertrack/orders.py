"""/orders: work under the caller's handles; while it lasts, its worker is tracked."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from local.hypertrack import order_acts as acts
from local.hypertrack import order_answers as answers
from local.hypertrack import order_requests as requests
from local.hypertrack.answers import Answer, Ask, Refusal, business, missing, unprocessable
from local.hypertrack.order_events import tell, tell_route
from local.hypertrack.order_listing import listing
from local.hypertrack.order_state import Order, attempts
from local.hypertrack.state import Account, Device, Json, Worker
from local.hypertrack.world import World

# Kept and given back, without an effect here.
EXTRA = ("scheduled_after", "product_type", "capacity_used", "priority")


class Orders:
    """The operations on orders, each under the simulator's lock."""

    def __init__(self, world: World) -> None:
        self._world = world
        one = "/orders/<order_handle>"
        self.routes = (
            ("POST", "/orders/track", self.track),
            ("GET", "/orders/", self.list),
            ("GET", one, self.read),
            ("PATCH", one, self.change),
            ("POST", f"{one}/complete", self.complete),
            ("POST", f"{one}/cancel", self.cancel),
            ("POST", f"{one}/disable", self.disable),
            ("POST", f"{one}/enable", self.enable),
            ("POST", f"{one}/reassign", self.reassign),
            ("POST", f"{one}/reschedule", self.reschedule),
        )

    def track(self, ask: Ask) -> Answer:
        """All of them or none; the answer comes before anything is tracked."""
        account, body = ask.account, ask.body
        if body.get("route_handle"):
            raise self._planned(account, body["route_handle"])
        worker, device = requests.carrier(account, body)
        requests.check_group(worker, body.get("ops_group_handle"))
        route_handle = self._route(account, body)
        made = [
            self._make(ask, each, worker, device, route_handle)
            for each in self._wanted(account, body)
        ]
        for order in made:
            account.orders.setdefault(order.handle, []).append(order)
        at = acts.moment(self._world, device.device_id)
        for value, status in (("created", "planned"), ("assigned", "assigned")):
            tell_route(self._world, account, made[0], value, at, status)
        acts.start(self._world, account, made, at)
        tell_route(self._world, account, made[0], "started", at, "tracking")
        return 201, answers.route(made, self._embed(account, "routes", route_handle))

    def list(self, ask: Ask) -> Answer:
        some = listing(ask)
        found = [answers.listed(each) for each in some.items]
        return 200, {"orders": found, "pagination_token": some.token}

    def read(self, ask: Ask, order_handle: str) -> Answer:
        order = self._find(ask, order_handle)
        return 200, answers.with_timeline(order, self._before(ask, order))

    def change(self, ask: Ask, order_handle: str) -> Answer:
        """Metadata and plan at any time; the destination only before tracking starts."""
        order, body = self._find(ask, order_handle), ask.body
        if body.get("destination") is not None:
            if order.status != "unplanned":
                problem = "Only before tracking starts."
                raise unprocessable({"json": {"destination": [problem]}})
            order.destination = requests.destination(ask.account, body["destination"])
        if body.get("scheduled_at") is not None:
            order.scheduled_at, order.delayed = requests.time_of(body, "scheduled_at"), False
        if body.get("expected_service_time") is not None:
            order.expected_service_time = body["expected_service_time"]
        order.extra |= {key: body[key] for key in EXTRA if body.get(key) is not None}
        if body.get("metadata") is not None:
            merges = self._world.switches.order_metadata_merges
            order.metadata = ((order.metadata or {}) if merges else {}) | body["metadata"]
        tell(self._world, order, "updated", self._now(order))
        return self._answered(ask, order)

    def complete(self, ask: Ask, order_handle: str) -> Answer:
        return self._end(ask, order_handle, "completed")

    def cancel(self, ask: Ask, order_handle: str) -> Answer:
        return self._end(ask, order_handle, "cancelled")

    def disable(self, ask: Ask, order_handle: str) -> Answer:
        """Snoozed; no more is told of it until it is enabled. Again changes nothing."""
        order = self._live(ask, order_handle)
        if order.status == "ongoing":
            acts.switch(self._world, ask.account, order, self._now(order), on=False)
        return self._answered(ask, order)

    def enable(self, ask: Ask, order_handle: str) -> Answer:
        order = self._live(ask, order_handle)
        if order.status == "disabled":
            acts.switch(self._world, ask.account, order, self._now(order), on=True)
        order.enabled_at = order.enabled_at or self._now(order)
        return self._answered(ask, order)

    def reassign(self, ask: Ask, order_handle: str) -> Answer:
        """To a worker with a device; to the one who has it already, nothing happens."""
        order, switches = self._live(ask, order_handle), self._world.switches
        worker = requests.new_worker(ask.account, ask.body, switches.order_reassign_unlinked)
        if (order.worker_handle, order.device_id) != (worker.worker_handle, worker.device_id):
            at = max(self._now(order), acts.moment(self._world, worker.device_id))
            acts.reassign(self._world, ask.account, order, worker, at)
        return self._answered(ask, order)

    def reschedule(self, ask: Ask, order_handle: str) -> Answer:
        """One that is tracked is cancelled, and made anew without a worker."""
        order = self._incomplete(ask, order_handle)
        wanted = requests.time_of(ask.body, "scheduled_at")
        if order.status != "unplanned":
            order.rescheduled_at = at = self._now(order)
            acts.end(self._world, ask.account, order, "cancelled", at)
            order = self._again(ask.account, order)
        order.scheduled_at = wanted
        return self._answered(ask, order)

    def _end(self, ask: Ask, handle: str, how: acts.Ending) -> Answer:
        order = self._find(ask, handle)
        if order.incomplete:
            acts.end(self._world, ask.account, order, how, self._now(order))
        elif self._world.switches.order_ended_twice == 409:
            message = f"Order is {order.status}"
            raise Refusal(409, {"message": message, "detail": {}, "status": order.status})
        elif self._world.switches.order_ended_twice == 404 or order.status != how:
            raise missing("Order not found")
        return self._answered(ask, order)

    def _wanted(self, account: Account, body: Json) -> Sequence[Json]:
        """The orders of a request, once all of them can be made."""
        wanted = body.get("orders") or []
        if not wanted:
            raise requests.malformed("orders is required")
        seen = set()
        for each in wanted:
            handle, kind, index = each["order_handle"], each.get("type"), each.get("type_index")
            requests.destination(account, each["destination"])
            requests.time_of(each, "scheduled_at")
            before = attempts(account, handle, kind, index)
            if any(one.incomplete for one in before) or (handle, kind, index) in seen:
                raise requests.taken("order", handle)
            seen.add((handle, kind, index))
        return wanted

    def _make(
        self, ask: Ask, wanted: Json, worker: Worker | None, device: Device, route_handle: str
    ) -> Order:
        handle, kind, index = (wanted.get(n) for n in ("order_handle", "type", "type_index"))
        return Order(
            account_id=ask.account.account_id,
            handle=str(handle),
            destination=requests.destination(ask.account, wanted["destination"]),
            created_at=self._world.clock(),
            embed_url=self._embed(ask.account, "orders", str(handle)),
            fulfillment_attempt=len(attempts(ask.account, str(handle), kind, index)) + 1,
            worker_handle=worker.worker_handle if worker else None,
            device_id=device.device_id,
            route_handle=route_handle,
            track_mode=ask.body["track_mode"],
            kind=kind,
            kind_index=index,
            scheduled_at=requests.time_of(wanted, "scheduled_at"),
            expected_service_time=wanted.get("expected_service_time"),
            metadata=wanted.get("metadata"),
            extra={key: wanted[key] for key in EXTRA if key in wanted},
            device_switch_mode=ask.body.get("device_switch_mode") or "login",
        )

    def _again(self, account: Account, before: Order) -> Order:
        """The next attempt, in nobody's hands."""
        order = Order(
            account_id=account.account_id,
            handle=before.handle,
            destination=before.destination,
            created_at=self._world.clock(),
            embed_url=before.embed_url,
            status="unplanned",
            fulfillment_attempt=before.fulfillment_attempt + 1,
            kind=before.kind,
            kind_index=before.kind_index,
            expected_service_time=before.expected_service_time,
            metadata=before.metadata,
            extra=dict(before.extra),
        )
        account.orders[before.handle].append(order)
        return order

    def _route(self, account: Account, body: Json) -> str:
        given = (body.get("route") or {}).get("route_handle")
        if given and self._on_route(account, given):
            raise requests.taken("route", given)
        return given or str(uuid4())

    def _planned(self, account: Account, handle: str) -> Refusal:
        """Nothing is planned here, so a route that is known is under way or done."""
        known = self._on_route(account, handle)
        if not known:
            detail = f"No route {handle}"
            return business(404, "route_not_found", "Route not found", detail)
        live = any(each.live for each in known)
        title = "Route already tracking" if live else "Route already completed"
        return requests.malformed(f"route {handle}", title)

    def _on_route(self, account: Account, handle: str) -> Sequence[Order]:
        some = account.orders.values()
        return [each for one in some for each in one if each.route_handle == handle]

    def _find(self, ask: Ask, handle: str) -> Order:
        """The latest attempt, or the one that the query names."""
        query = ask.query
        found = attempts(ask.account, handle, query.get("type"), query.get("type_index"))
        if query.get("type") is None and not found:
            found = ask.account.orders.get(handle, [])
        number = query.get("fulfillment_attempt")
        for order in reversed(found):
            if number in (None, order.fulfillment_attempt):
                return order
        raise missing("Order not found")

    def _incomplete(self, ask: Ask, handle: str) -> Order:
        order = self._find(ask, handle)
        if not order.incomplete:
            raise missing("Order not found")
        return order

    def _live(self, ask: Ask, handle: str) -> Order:
        order = self._find(ask, handle)
        if not order.live:
            raise missing("Order not found")
        return order

    def _answered(self, ask: Ask, order: Order) -> Answer:
        return 200, answers.detailed(order, self._before(ask, order))

    def _before(self, ask: Ask, order: Order) -> Sequence[Order]:
        same = attempts(ask.account, order.handle, order.kind, order.kind_index)
        return [e for e in same if e.fulfillment_attempt < order.fulfillment_attempt]

    def _embed(self, account: Account, what: str, handle: str) -> str:
        site = f"https://embed.hypertrack.com/{what}/{handle}"
        return f"{site}?publishable_key={account.publishable_key}"

    def _now(self, order: Order) -> datetime:
        return acts.moment(self._world, order.device_id)
