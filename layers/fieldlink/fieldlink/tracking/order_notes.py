"""Rule: what is written of an assignment's orders, each write guarding against a second one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.errors import Contended, Refused, Unavailable
from fieldlink.hearing import webhooks
from fieldlink.records import LiveOrder, Order, Ordered
from fieldlink.tracking.ordered_work import handles, wanted

if TYPE_CHECKING:
    from fieldlink.models import WantedOrder
    from fieldlink.tracking.ordered_days import Slot
    from fieldlink.tracking.ordered_work import Work
    from fieldlink.tracking.tracking import Ground

# An order's facts may come days after its end: a phone was offline.
REMEMBER_ORDER = timedelta(days=60)
MOST_HANDLES = 100  # of one assignment within the time for which they are remembered


def claim(ordered: Ordered, work: Work, slot: Slot, ground: Ground) -> str:
    """A handle that stands for nothing else, nor has done so lately."""
    used = {each.wanted.handle for each in ordered.orders}
    for handle in handles(ordered.appointment, work.owner, slot.day, MOST_HANDLES):
        found = ground.state.read(Order, ordered.connection, handle)
        wish = wanted(slot, work, ground.connection, handle)
        ours = _order(ordered, wish).model_copy(update={"ttl": until(ground)})
        if found is None:
            if not ground.state.write(ours):
                raise Contended("another worker took the same handle")
            return handle
        # Ours from a worker that did not live to ask for the order.
        same = found.model_copy(update={"version": 0, "ttl": ours.ttl}) == ours
        if same and handle not in used:
            return handle
    raise Refused(f"appointment {ordered.appointment} has had too many orders")


def offer(ordered: Ordered, kept: LiveOrder | None, ground: Ground) -> Ordered:
    """Have the customer's link written, or taken back when nothing is tracked any more."""
    link = kept.share_url if kept and not kept.over else ""
    if link == ordered.offered:
        return ordered
    new, old = _offering(ordered, link), _offering(ordered, ordered.offered)
    told = [_told(ordered, new, link)] if link else []
    if not link or old:  # also of another order's: it must not come back when this one ends
        told.append(_told(ordered, old, ""))
    ground.events.put(
        webhooks.message(
            {"type": "fieldlink.link", "data": each},
            connection=ordered.connection,
            received_at=ground.now.isoformat(),
        )
        for each in told
    )
    return keep(ordered.model_copy(update={"offered": link}), ground)


def replace(ordered: Ordered, order: LiveOrder, by: LiveOrder, ground: Ground) -> Ordered:
    """Write that an order is another one by now."""
    kept = tuple(by if each == order else each for each in ordered.orders)
    return keep(ordered.model_copy(update={"orders": kept}), ground)


def answered(ordered: Ordered, asked: LiveOrder, done: LiveOrder, ground: Ground) -> Ordered:
    """Write that HyperTrack has done what was asked for.

    If somebody else has changed the order meanwhile, nobody knows whose call came last.
    """
    try:
        return replace(ordered, asked, done, ground)
    except Unavailable:
        _doubt(ordered, asked, ground)
        raise


def _doubt(ordered: Ordered, asked: LiveOrder, ground: Ground) -> None:
    """Have the order asked for once more, or ended if it is nobody's by now."""
    blank = ordered.model_copy(update={"version": 0, "orders": (), "offered": ""})
    found = ground.state.read(Ordered, *ordered.key) or blank
    again = tuple(
        each.model_copy(update={"asked": True, "paused": each.paused or asked.paused})
        if _same(each, asked)
        else each
        for each in found.orders
    )
    if not any(_same(each, asked) for each in found.orders):
        again = (*again, asked.model_copy(update={"leaving": True}))
    keep(found.model_copy(update={"orders": again}), ground)


def _same(one: LiveOrder, other: LiveOrder) -> bool:
    return one.wanted.handle == other.wanted.handle


def without(ordered: Ordered, order: LiveOrder, ground: Ground) -> Ordered:
    """Write that an order is no more."""
    kept = tuple(each for each in ordered.orders if each != order)
    return keep(ordered.model_copy(update={"orders": kept}), ground)


def register(ordered: Ordered, order: LiveOrder, ground: Ground, **more: object) -> None:
    """Note what an order's webhooks are about."""
    noted = {"tracked": order.tracked, **more}
    ground.state.write_all([_order(ordered, order.wanted).model_copy(update=noted)])


def until(ground: Ground) -> int:
    """When what is over may be forgotten."""
    return int((ground.now + REMEMBER_ORDER).timestamp())


def _offering(ordered: Ordered, link: str) -> LiveOrder | None:
    return next((each for each in ordered.orders if link and each.share_url == link), None)


def _told(ordered: Ordered, order: LiveOrder | None, link: str) -> dict[str, str]:
    return {
        "appointment": ordered.appointment,
        "resource": order.wanted.worker if order else "",
        "link": link,
        "order_handle": order.wanted.handle if order else "",
    }


def _order(ordered: Ordered, wish: WantedOrder) -> Order:
    return Order(
        connection=ordered.connection,
        id=wish.handle,
        resource=wish.worker,
        appointment=ordered.appointment,
        assignment=ordered.assignment,
    )


def keep(ordered: Ordered, ground: Ground) -> Ordered:
    """Unless somebody else did meanwhile."""
    if not ground.state.write(ordered):
        raise Contended("another worker changed the same orders")
    return ordered.model_copy(update={"version": ordered.version + 1})
