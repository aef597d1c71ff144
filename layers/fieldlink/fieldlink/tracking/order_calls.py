"""Rule: what is asked of HyperTrack about orders, so that whoever dies can be followed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fieldlink.errors import Refused, Unavailable
from fieldlink.records import LiveOrder, Order, Ordered
from fieldlink.tracking import waking
from fieldlink.tracking.order_notes import (
    answered,
    claim,
    keep,
    register,
    replace,
    until,
    without,
)
from fieldlink.tracking.ordered_work import same_place, wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.models import TrackedOrder, WantedOrder
    from fieldlink.tracking.ordered_days import Slot
    from fieldlink.tracking.ordered_work import Work
    from fieldlink.tracking.tracking import Ground

MOST_LEFTOVERS = 5
ASK_AGAIN = 15 * 60  # seconds after which a worker may have a device
NOT_LINKED = "driver_not_linked_to_device"


def track(
    ordered: Ordered, work: Work, slot: Slot, ground: Ground
) -> tuple[Ordered, LiveOrder | None]:
    """Have a new order tracked. None if HyperTrack has no device for its worker."""
    for _ in range(MOST_LEFTOVERS):
        before = {each.wanted.handle for each in ordered.orders}
        ordered, asked = _ask(ordered, work, slot, ground)
        try:
            found = _tracked(asked.wanted, work, ground)
        except Refused as refusal:
            fresh = asked.wanted.handle not in before
            ordered = _take_back(ordered, asked, ground, fresh=fresh)
            if refusal.code != NOT_LINKED:
                raise
            _ask_again(work, ground)
            return ordered, None
        if found:
            links = {"share_url": found.share_url, "embed_url": found.embed_url}
            held = {"asked": False, "tracked": True, "since": ground.now}
            done = asked.model_copy(update=held | links)
            register(ordered, done, ground)
            return answered(ordered, asked, done, ground), done
        ordered = end(ordered, asked, ground, completed=False)
    raise Unavailable("other orders of these handles are in the way")


def put_off(ordered: Ordered, order: LiveOrder, slot: Slot, ground: Ground) -> Ordered:
    """Its tracking ends; HyperTrack plans it for later, when another one is tracked."""
    if order.later and not order.asked and order.wanted.scheduled_at == slot.starts_at:
        return ordered
    planned = order.wanted.model_copy(update={"scheduled_at": slot.starts_at})
    update = {"later": True, "asked": True, "wanted": planned, "day": slot.day}
    asked = order.model_copy(update=update)
    ordered = replace(ordered, order, asked, ground)
    register(ordered, asked, ground, ended_by_us=True)
    try:
        ground.hypertrack.reschedule_order(planned.handle, slot.starts_at)
    except Refused:
        return end(ordered, asked, ground, completed=False)
    done = asked.model_copy(update={"asked": False})
    return answered(ordered, asked, done, ground)


def end(ordered: Ordered, order: LiveOrder, ground: Ground, *, completed: bool) -> Ordered:
    """Complete or cancel an order. It is registered before, so that we know the webhook."""
    leaving = order.model_copy(update={"leaving": True})
    if not order.leaving:
        ordered = replace(ordered, order, leaving, ground)
    if not order.over:
        register(ordered, leaving, ground, ended_by_us=True)
        ground.hypertrack.end_order(order.wanted.handle, completed=completed)
    register(ordered, leaving, ground, ended_by_us=not order.over, ttl=until(ground))
    return without(ordered, leaving, ground)


def _ask(ordered: Ordered, work: Work, slot: Slot, ground: Ground) -> tuple[Ordered, LiveOrder]:
    """Note the wish before it is told: what was told already is told again, not anew."""
    wish = wanted(slot, work, ground.connection, "")
    for each in ordered.orders:
        theirs = each.wanted.worker == wish.worker and same_place(each.wanted, wish)
        if theirs and each.day == slot.day and not (each.tracked or each.leaving):
            wish = wish.model_copy(update={"handle": each.wanted.handle})
            again = each.model_copy(update={"wanted": wish})
            known = again == each
            return ordered if known else replace(ordered, each, again, ground), again
    handle = claim(ordered, work, slot, ground)
    asked = LiveOrder(
        day=slot.day, wanted=wish.model_copy(update={"handle": handle}), asked=True
    )
    update = {"orders": (*ordered.orders, asked)}
    return keep(ordered.model_copy(update=update), ground), asked


def reassign(wish: WantedOrder, work: Work, ground: Ground) -> None:
    """Move an order to its owner, with its handle and link."""
    cured(lambda: ground.hypertrack.reassign_order(wish.handle, wish.worker), work, ground)


def cured[T](call: Callable[[], T], work: Work, ground: Ground) -> T:
    """Do something with a worker; make, undelete or give a device to them first if need be."""
    hypertrack = ground.hypertrack
    cures: dict[str, Callable[[], None]] = {
        "driver_not_found": lambda: hypertrack.ensure_worker(work.owner, work.name),
        "driver_deleted": lambda: hypertrack.undelete_worker(work.owner),
        # Known as theirs by what it says itself; an order needs it to be the worker's.
        NOT_LINKED: lambda: hypertrack.link_device(work.owner, work.device),
    }
    while True:
        try:
            return call()
        except Refused as refusal:
            cure = cures.pop(refusal.code, None)  # each is tried once
            if cure is None:
                raise
            try:
                cure()
            except Refused:
                raise refusal from None


def _tracked(wish: WantedOrder, work: Work, ground: Ground) -> TrackedOrder | None:
    """The order as HyperTrack has it; None if the handle is of one that is only planned."""
    mode = ground.connection.track_mode
    try:
        return cured(lambda: ground.hypertrack.track(wish, mode), work, ground)
    except Refused as refusal:
        if refusal.code != "duplicate_resource":
            raise
    return _adopt(wish, work, ground)


def _adopt(wish: WantedOrder, work: Work, ground: Ground) -> TrackedOrder | None:
    """An order of this handle is not over: it is what we asked for and saw no answer to."""
    found = ground.hypertrack.order(wish.handle)
    if found is None or found.over:
        raise Unavailable("the order in the way has ended")
    if not found.tracked:
        return None
    if found.worker != wish.worker:
        reassign(wish, work, ground)
    ground.hypertrack.change_order(wish)
    if found.status == "disabled":
        ground.hypertrack.pause_order(wish.handle, paused=False)
    return found


def _take_back(ordered: Ordered, asked: LiveOrder, ground: Ground, *, fresh: bool) -> Ordered:
    """It was refused. One that was asked for before may have been tracked then."""
    if not fresh:
        return end(ordered, asked, ground, completed=False)
    ordered = without(ordered, asked, ground)
    ground.state.erase(Order, ordered.connection, asked.wanted.handle)
    return ordered


def _ask_again(work: Work, ground: Ground) -> None:
    """Whose device is not linked yet is looked at again; looks of one quarter hour are one."""
    later = (int(ground.now.timestamp()) // ASK_AGAIN + 1) * ASK_AGAIN
    moment = datetime.fromtimestamp(later, UTC)
    name = ground.connection.connection
    waking.at(name, moment, work.owner, work.assignment, state=ground.state)
