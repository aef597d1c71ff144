"""Rule: the orders of one assignment, brought in line with what should be tracked.

They belong to the assignment, whoever has it, so anybody's look sees to them. What is about to
be asked of HyperTrack is written before: two who look at once meet there, and whoever comes
after a crash knows what may have been done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.errors import Refused
from fieldlink.records import LiveOrder, Ordered
from fieldlink.tracking import order_calls, waking
from fieldlink.tracking.fencing import NO_DEVICE
from fieldlink.tracking.order_notes import answered, offer, register, replace
from fieldlink.tracking.ordered_work import Plan, Work, plan, same_place, standing_for, wanted

if TYPE_CHECKING:
    from datetime import datetime

    from fieldlink.models import WantedOrder
    from fieldlink.tracking.ordered_days import Slot
    from fieldlink.tracking.tracking import Ground


class Standing(NamedTuple):
    """How an assignment is tracked by now."""

    stands: bool = False
    waiting: str = ""
    settled: bool = True  # it stands or can't now: nothing else need track it


class _Made(NamedTuple):
    """After the first half: what is kept, and for what the assignment waits."""

    ordered: Ordered
    kept: LiveOrder | None = None
    waiting: str = ""


def bring_in_line(
    ordered: Ordered, work: Work | None, ground: Ground, *, completed: bool = False
) -> Standing:
    """Make before break: what is wanted is tracked before anything else is ended.

    `work`: None if it is no longer to be tracked; `completed` says whether it was done.
    """
    if work is None:
        _finish(_Made(ordered), Plan(), None, ground, completed=completed)
        return Standing()
    planned = plan(work, ground.connection, ground.now)
    _wake(planned.look_at, work, ground)
    refusal = None
    try:
        made = _make(ordered, work, planned, ground)
    except Refused as error:
        # Nobody is tracked for work that is not theirs, though the new order is refused.
        refusal, found = error, ground.state.read(Ordered, *ordered.key) or ordered
        made = _Made(found, planned.slot and _own(found, work, planned.slot, ground))
    _finish(made, planned, work, ground)
    if refusal:
        raise refusal
    waiting = made.waiting or planned.waiting
    stands = bool(made.kept and not (made.kept.over or made.kept.paused))
    hopes = waiting == NO_DEVICE and work.at_work and not planned.waits_for_its_time
    return Standing(stands, waiting, settled=stands or not hopes)


def _wake(moment: datetime | None, work: Work, ground: Ground) -> None:
    if moment:
        name = ground.connection.connection
        waking.at(name, moment, work.owner, work.assignment, state=ground.state)


def _make(ordered: Ordered, work: Work, planned: Plan, ground: Ground) -> _Made:
    """Have the order tracked that should be, if there is one."""
    slot = planned.slot
    if slot is None:
        return _Made(ordered)
    if not work.at_work:
        return _pause(ordered, _own(ordered, work, slot, ground), ground)
    if not work.device:
        own = _own(ordered, work, slot, ground)
        # One that was to be moved to them may be in another's hands still.
        return _Made(ordered, None if own and own.asked else own)
    found = standing_for(ordered.orders, wanted(slot, work, ground.connection, ""), slot.day)
    if found is None or not found.tracked:
        return _track(ordered, work, slot, ground)
    wish = wanted(slot, work, ground.connection, found.wanted.handle)
    if not same_place(found.wanted, wish):
        return _track(ordered, work, slot, ground)
    if found.over or (_as_wanted(found, wish) and found.day == slot.day):
        return _Made(ordered, found)
    return _change(ordered, found, wish, work, slot, ground)


def _own(ordered: Ordered, work: Work, slot: Slot, ground: Ground) -> LiveOrder | None:
    """The owner's own order of this slot, though nothing can be changed of it just now."""
    wish = wanted(slot, work, ground.connection, "")
    found = standing_for(ordered.orders, wish, slot.day)
    theirs = found and found.wanted.worker == work.owner and same_place(found.wanted, wish)
    return found if found and theirs and found.tracked else None


def _as_wanted(order: LiveOrder, wish: WantedOrder) -> bool:
    return order.wanted == wish and not order.asked and not order.paused


def _track(ordered: Ordered, work: Work, slot: Slot, ground: Ground) -> _Made:
    ordered, kept = order_calls.track(ordered, work, slot, ground)
    return _Made(ordered, kept, "" if kept else NO_DEVICE)


def _change(
    ordered: Ordered,
    order: LiveOrder,
    wish: WantedOrder,
    work: Work,
    slot: Slot,
    ground: Ground,
) -> _Made:
    """Whoever has it now, and whatever is said of it now, under the same handle and link."""
    moves = order.asked or order.wanted.worker != wish.worker
    changed = order.model_copy(update={"wanted": wish, "asked": True, "day": slot.day})
    ordered = replace(ordered, order, changed, ground)
    try:
        if moves:
            order_calls.reassign(wish, work, ground)
            register(ordered, changed, ground)
        ground.hypertrack.change_order(wish)
        if order.paused:
            ground.hypertrack.pause_order(wish.handle, paused=False)
    except Refused:
        found = ground.hypertrack.order(wish.handle)
        if found and found.over and order.wanted.worker == wish.worker:
            return _done(ordered, changed, ground, over=True)
        if found and found.tracked and found.worker == wish.worker:
            raise
        leaving = changed.model_copy(update={"leaving": True})
        return _track(replace(ordered, changed, leaving, ground), work, slot, ground)
    since = ground.now if moves or order.paused else order.since
    return _done(ordered, changed, ground, paused=False, since=since)


def _done(ordered: Ordered, asked: LiveOrder, ground: Ground, **update: object) -> _Made:
    done = asked.model_copy(update={"asked": False, **update})
    return _Made(answered(ordered, asked, done, ground), done)


def _pause(ordered: Ordered, order: LiveOrder | None, ground: Ground) -> _Made:
    """Who is not active is not tracked; the order waits for them, and so does its link."""
    if order is None or order.over or (order.paused and not order.asked):
        return _Made(ordered, order)
    asked = order.model_copy(update={"paused": True, "asked": True})
    ordered = replace(ordered, order, asked, ground)
    try:
        ground.hypertrack.pause_order(order.wanted.handle, paused=True)
    except Refused:
        return _Made(ordered)  # it can't wait, so it is ended
    # What else was asked for is still to be done when they are back.
    paused = asked.model_copy(update={"asked": order.asked})
    return _Made(answered(ordered, asked, paused, ground), paused)


def _finish(
    made: _Made, planned: Plan, work: Work | None, ground: Ground, *, completed: bool = False
) -> None:
    """End or put off everything else, and say which link the customer has."""
    ordered = offer(made.ordered, made.kept, ground)
    kept = made.kept.wanted.handle if made.kept else ""
    for each in ordered.orders:
        if each.wanted.handle == kept:
            continue
        if work and planned.upcoming and _may_wait(each, planned, work, ground):
            ordered = order_calls.put_off(ordered, each, planned.upcoming, ground)
        else:
            done = completed or planned.past(each)
            ordered = order_calls.end(ordered, each, ground, completed=done)
    if not (work or ordered.orders or not ordered.version):
        ground.state.forget(ordered)


def _may_wait(order: LiveOrder, planned: Plan, work: Work, ground: Ground) -> bool:
    """Whether an order is of work that is only to be done later now."""
    if planned.slot or planned.past(order) or order.over or order.leaving:
        return False
    if not (work.at_work and order.tracked and order.wanted.worker == work.owner):
        return False
    wish = wanted(planned.upcoming, work, ground.connection, "") if planned.upcoming else None
    return wish is not None and same_place(order.wanted, wish)
