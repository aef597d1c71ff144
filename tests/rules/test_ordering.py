"""Work that is tracked by orders, which belong to the assignment and move with it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.models import ASSIGNMENT_KEY, Category, Report, Sync, WantedOrder
from fieldlink.records import Due, Order, Ordered, Parked, Record, Tracking, Worker
from fieldlink.tracking import tracking, waking
from fieldlink.tracking.fencing import NO_DEVICE, NO_PLACE
from fieldlink.tracking.ordered_work import NO_TIME, TIME_OVER
from fieldlink.writing import reports
from tests.fake_orders import Attempt
from tests.make import (
    APPOINTMENT,
    ASSIGNMENT,
    COLLEAGUE,
    CONNECTION,
    DEVICE,
    HANDLE,
    RESOURCE,
    World,
    appointment,
    assignment,
    at,
    connection,
    resource,
    worker,
)
from tests.rules.killing import every_death

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK = Sync(connection=CONNECTION, resource=RESOURCE, assignments=((APPOINTMENT, ASSIGNMENT),))
OF_COLLEAGUE = LOOK.model_copy(update={"resource": COLLEAGUE})
THEIRS = f"{APPOINTMENT}-{COLLEAGUE}"
LINK = f"https://trck.at/{HANDLE}-1"


def sync(world: World, order: Sync = LOOK) -> int:
    return tracking.sync(order, world.ground)


def put(world: World, *records: Record) -> None:
    world.state.write_all(records)


def assigned(**of_connection: Any) -> World:
    """Open work for noon, which it is, of a resource with a phone; nothing is tracked yet."""
    world = World()
    world.connection = connection(tracking="orders", **of_connection)
    for person, device in ((RESOURCE, DEVICE), (COLLEAGUE, "another")):
        world.hypertrack.workers[person] = "A name"
        world.hypertrack.linked[person] = device
        put(world, worker(resource=person, device=device), resource(id=person))
    put(world, appointment(), assignment())
    return world


def ordered() -> World:
    world = assigned()
    sync(world)
    return world


def with_change(*records: Record) -> World:
    world = ordered()
    put(world, *records)
    return world


def tracked(world: World) -> dict[str, str]:
    """Workers who are tracked, by handle."""
    return {each.wanted.handle: each.wanted.worker for each in world.hypertrack.tracked_orders}


def statuses(world: World) -> dict[str, str]:
    return {handle: each.status for handle, each in world.hypertrack.orders.items()}


def kept(world: World) -> Ordered | None:
    return world.state.read(Ordered, CONNECTION, APPOINTMENT, ASSIGNMENT)


def waiting(world: World, of: str = RESOURCE) -> str | None:
    found = world.state.read(Tracking, CONNECTION, of, ASSIGNMENT)
    return found.waiting if found else None


def known(world: World, handle: str = HANDLE) -> Order:
    found = world.state.read(Order, CONNECTION, handle)
    assert found
    return found


def due(world: World) -> list[str]:
    return [
        f"{each.at:%d %H:%M} {each.resource}" for each in world.state.all_of(Due, CONNECTION)
    ]


def links(world: World) -> list[dict[str, Any]]:
    """What was offered to the customer, each message once."""
    reports = [Report.model_validate_json(each.body) for each in world.events.queued]
    assert {each.event["type"] for each in reports} <= {"fieldlink.link", "fieldlink.exit"}
    return [each.event["data"] for each in reports if each.event["type"] == "fieldlink.link"]


# ── an order for every assignment that is due ─────────────────────────────────


def test_work_that_is_due_is_tracked_at_its_place_for_its_owner() -> None:
    world = assigned(radius=250, track_mode="on_shift")

    assert sync(world) == 1

    [order] = world.hypertrack.orders.values()
    assert order.mode == "on_shift"
    assert order.wanted == WantedOrder(
        handle=HANDLE,
        worker=RESOURCE,
        latitude=52.5,
        longitude=13.4,
        radius=250,
        scheduled_at=at(12),
        service_seconds=2 * 60 * 60,
        metadata={
            "service_appointment_id": APPOINTMENT,
            "service_resource_id": RESOURCE,
            "name": "Replace the valve",
            "address": "Unter den Linden 1, Berlin",
            "ht_assignment": ASSIGNMENT,
        },
    )
    assert not world.hypertrack.fences
    found = known(world)
    assert (found.resource, found.appointment, found.assignment) == (
        RESOURCE,
        APPOINTMENT,
        ASSIGNMENT,
    )


def test_the_same_look_again_asks_hypertrack_for_nothing() -> None:
    world = ordered()
    before = len(world.fate.effects)

    assert sync(world) == 1

    done = " ".join(world.fate.effects[before:])
    assert "order" not in done.replace("Ordered", "")
    assert "track" not in done.replace("Tracking", "")
    assert len(links(world)) == 1


def test_nobody_is_tracked_before_the_lead_time() -> None:
    world = assigned(lead=45)
    world.now = at(11, 14)

    assert sync(world) == 0

    assert not world.hypertrack.orders
    assert waiting(world) == "tracked from 2026-03-04 11:15"
    assert due(world) == [f"04 11:15 {RESOURCE}"]
    world.now = at(11, 15)
    assert sync(world) == 1


def test_who_waits_is_told_the_time_of_the_site() -> None:
    world = assigned()
    put(world, appointment(starts_at=at(16), time_zone="Europe/Berlin"))

    sync(world)

    assert waiting(world) == "tracked from 2026-03-04 16:00"


def test_without_the_sites_time_zone_it_is_that_of_the_resource() -> None:
    world = assigned()
    put(world, appointment(starts_at=at(16)), resource(time_zone="Europe/Athens"))

    sync(world)

    assert waiting(world) == "tracked from 2026-03-04 17:00"


def test_without_a_scheduled_start_an_appointment_waits() -> None:
    world = assigned()
    put(world, appointment(starts_at=None, ends_at=None))

    assert sync(world) == 0

    assert waiting(world) == NO_TIME
    assert due(world) == []


def test_work_that_nobody_closes_is_given_up_twelve_hours_after_its_end() -> None:
    world = ordered()
    assert due(world) == [f"05 02:00 {RESOURCE}"]
    world.pass_time(timedelta(hours=14))

    assert sync(world) == 0

    assert statuses(world) == {HANDLE: "cancelled"}
    assert waiting(world) == TIME_OVER
    assert links(world)[-1]["link"] == ""


def test_an_appointment_without_a_place_is_parked_and_taken_up_when_it_has_one() -> None:
    world = assigned()
    put(world, appointment(latitude=None))
    sync(world)
    parked = world.state.all_of(Parked, CONNECTION)
    put(world, appointment())

    assert sync(world) == 1

    assert [NO_PLACE in each.cause for each in parked] == [True]
    assert not world.state.all_of(Parked, CONNECTION)


def test_the_names_of_orders_are_short_whatever_is_in_them() -> None:
    world = assigned()
    put(world, appointment(ends_at=at(14) + timedelta(days=400)))

    sync(world)

    assert max(map(len, world.hypertrack.orders)) == 48


# ── devices ───────────────────────────────────────────────────────────────────


def test_who_has_no_device_is_invited_and_tracked_when_it_links() -> None:
    world = assigned()
    world.hypertrack.linked.pop(RESOURCE)
    put(world, worker())

    assert sync(world) == 0

    assert not world.hypertrack.orders
    assert waiting(world) == NO_DEVICE
    assert len(world.invites.messages) == 1
    world.hypertrack.linked[RESOURCE] = DEVICE
    assert sync(world) == 1


def test_a_device_that_only_says_whose_it_is_is_linked() -> None:
    world = assigned()
    world.hypertrack.linked.pop(RESOURCE)
    world.hypertrack.drivers[DEVICE] = RESOURCE

    assert sync(world) == 1

    assert world.hypertrack.linked[RESOURCE] == DEVICE


def test_a_worker_whom_hypertrack_gives_no_device_waits_and_is_looked_at_again() -> None:
    world = assigned()
    world.hypertrack.linked.pop(RESOURCE)
    world.now = at(12, 5)

    assert sync(world) == 0

    assert waiting(world) == NO_DEVICE
    assert f"04 12:15 {RESOURCE}" in due(world)
    assert not world.state.all_of(Order, CONNECTION)
    found = kept(world)
    assert found is None or not found.orders


@pytest.mark.parametrize("trouble", ["missing", "deleted"])
def test_a_worker_who_is_missing_or_deleted_is_there_again(trouble: str) -> None:
    world = assigned()
    if trouble == "missing":
        del world.hypertrack.workers[RESOURCE]
    else:
        world.hypertrack.deleted.add(RESOURCE)

    assert sync(world) == 1

    assert tracked(world) == {HANDLE: RESOURCE}


def test_what_hypertrack_refuses_for_another_reason_is_refused_and_tried_again() -> None:
    world = assigned()
    world.fate.fail("track", Refused("422", code="422"), times=1)

    with pytest.raises(Refused, match="422"):
        sync(world)

    assert sync(world) == 1
    assert tracked(world) == {HANDLE: RESOURCE}


# ── an order of the same handle ───────────────────────────────────────────────


def earlier(world: World, status: str = "ongoing", **more: Any) -> None:
    """HyperTrack has an order of this handle that we know nothing of."""
    wanted = WantedOrder(
        handle=HANDLE,
        latitude=52.5,
        longitude=13.4,
        radius=100,
        **{"worker": RESOURCE, "metadata": {ASSIGNMENT_KEY: ASSIGNMENT}, **more},
    )
    world.hypertrack.orders[HANDLE] = Attempt(wanted, status=status)


@pytest.mark.parametrize("status", ["ongoing", "disabled"])
@pytest.mark.parametrize("of", [RESOURCE, COLLEAGUE])
def test_an_order_of_the_handle_that_is_under_way_is_adopted(status: str, of: str) -> None:
    world = assigned()
    earlier(world, status, worker=of)

    assert sync(world) == 1

    assert tracked(world) == {HANDLE: RESOURCE}
    assert world.hypertrack.attempts == 0
    assert world.hypertrack.orders[HANDLE].wanted.scheduled_at == at(12)
    assert [each["link"] for each in links(world)] == [LINK]


def test_an_order_of_the_handle_that_is_only_planned_is_cancelled_and_another_tracked() -> None:
    world = assigned()
    earlier(world, "unplanned")

    assert sync(world) == 1

    assert statuses(world) == {HANDLE: "cancelled", f"{HANDLE}-2": "ongoing"}
    assert known(world).ended_by_us


def test_an_order_whose_answer_was_lost_is_adopted_and_not_made_again() -> None:
    world = assigned()
    world.fate.fail("track", Unclear("no answer"), after=True, times=1)
    with pytest.raises(Unclear):
        sync(world)

    assert sync(world) == 1

    assert world.hypertrack.attempts == 1


def test_a_handle_that_another_assignment_has_is_left_to_it() -> None:
    world = with_change(assignment(resource=COLLEAGUE), assignment(id="03r000000000009AAA"))
    sync(world)
    sync(world, LOOK.model_copy(update={"assignments": ((APPOINTMENT, "03r000000000009AAA"),)}))

    assert tracked(world) == {HANDLE: COLLEAGUE, f"{HANDLE}-2": RESOURCE}


# ── changes ───────────────────────────────────────────────────────────────────


def test_other_words_and_a_little_later_are_changed_in_place() -> None:
    world = with_change(
        appointment(subject="Boiler", starts_at=at(12, 30), ends_at=at(15), address="")
    )

    assert sync(world) == 1

    wanted = world.hypertrack.orders[HANDLE].wanted
    assert (wanted.scheduled_at, wanted.service_seconds) == (at(12, 30), 9_000)
    assert wanted.metadata["name"] == "Boiler"
    assert "address" not in wanted.metadata
    assert world.hypertrack.attempts == 1


def test_at_another_place_another_order_is_tracked_before_the_first_is_cancelled() -> None:
    world = with_change(appointment(latitude=48.1))
    before = len(world.fate.effects)

    assert sync(world) == 1

    done = world.fate.effects[before:]
    assert done.index("track") < done.index("end order")
    assert statuses(world) == {HANDLE: "cancelled", f"{HANDLE}-2": "ongoing"}
    assert world.hypertrack.orders[f"{HANDLE}-2"].wanted.latitude == 48.1
    assert [(each["link"], each["order_handle"]) for each in links(world)] == [
        (LINK, HANDLE),
        (f"https://trck.at/{HANDLE}-2-1", f"{HANDLE}-2"),
        ("", HANDLE),
    ]


def hear(world: World) -> str | None:
    """The link that stands in its field once all is heard."""
    for each in world.events.queued:
        reports.take(Report.model_validate_json(each.body), world.desk)
    world.pass_time(timedelta(minutes=5))
    return world.salesforce.work[APPOINTMENT].share_link


def test_a_link_that_was_replaced_does_not_come_back_when_the_work_ends() -> None:
    world = ordered()
    world.salesforce.link_field = True
    hear(world)
    put(world, appointment(latitude=48.1))
    sync(world)
    replaced = hear(world)
    put(world, appointment(latitude=48.1, category=Category.COMPLETED))

    sync(world)

    assert (replaced, hear(world)) == (f"https://trck.at/{HANDLE}-2-1", None)


def test_a_link_is_taken_back_from_who_is_not_assigned_any_more() -> None:
    world = ordered()
    world.salesforce.link_field = True
    offered = hear(world)
    put(world, assignment(deleted=True))
    world.salesforce.assigned.clear()

    sync(world)

    assert (offered, hear(world)) == (LINK, None)


def test_moved_to_another_time_it_is_rescheduled_and_tracked_anew_when_that_comes() -> None:
    world = with_change(appointment(starts_at=at(18), ends_at=at(20)))

    assert sync(world) == 0

    assert statuses(world) == {HANDLE: "unplanned"}
    assert world.hypertrack.orders[HANDLE].wanted.scheduled_at == at(18)
    assert known(world).ended_by_us
    assert waiting(world) == "tracked from 2026-03-04 17:00"
    assert links(world)[-1]["link"] == ""
    assert sync(world) == 0
    assert world.fate.effects.count("reschedule order") == 1
    world.now = at(17)
    assert sync(world) == 1
    assert statuses(world) == {HANDLE: "cancelled", f"{HANDLE}-2": "ongoing"}
    assert not known(world, f"{HANDLE}-2").ended_by_us


def test_moved_twice_it_is_rescheduled_twice() -> None:
    world = with_change(appointment(starts_at=at(18), ends_at=at(20)))
    sync(world)
    put(world, appointment(starts_at=at(20), ends_at=at(22)))

    sync(world)

    assert world.hypertrack.orders[HANDLE].wanted.scheduled_at == at(20)


ENDS: dict[str, tuple[list[Record], str]] = {
    "completed": ([appointment(category=Category.COMPLETED)], "completed"),
    "cancelled": ([appointment(category=Category.CANCELED)], "cancelled"),
    "not to be completed": ([appointment(category=Category.CANNOT_COMPLETE)], "cancelled"),
    "deleted": ([appointment(deleted=True)], "cancelled"),
    "shared with us no more": ([appointment(hidden=True)], "cancelled"),
    "in a bundle": ([appointment(bundled=True)], "cancelled"),
    "unassigned": ([assignment(deleted=True)], "cancelled"),
    "hidden assignment": ([assignment(hidden=True)], "cancelled"),
    "given to a crew": ([assignment(technician=False)], "cancelled"),
}


@pytest.mark.parametrize(("records", "status"), ENDS.values(), ids=ENDS.keys())
def test_work_that_is_no_longer_to_be_tracked_is_ended(
    records: list[Record], status: str
) -> None:
    world = with_change(*records)

    assert sync(world) == 0

    assert statuses(world) == {HANDLE: status}
    assert waiting(world) is None
    assert kept(world) is None
    assert known(world).ended_by_us
    assert known(world).ttl == int((world.now + timedelta(days=60)).timestamp())
    assert links(world) == [
        {
            "appointment": APPOINTMENT,
            "resource": RESOURCE,
            "link": LINK,
            "order_handle": HANDLE,
        },
        {"appointment": APPOINTMENT, "resource": RESOURCE, "link": "", "order_handle": HANDLE},
    ]


@pytest.mark.parametrize(("records", "status"), ENDS.values(), ids=ENDS.keys())
def test_work_that_is_put_off_is_ended_as_well(records: list[Record], status: str) -> None:
    world = with_change(appointment(starts_at=at(18), ends_at=at(20)))
    sync(world)
    put(world, *records)

    sync(world)

    assert statuses(world) == {HANDLE: status}
    assert kept(world) is None


def test_an_end_is_known_as_ours_before_hypertrack_can_tell_of_it() -> None:
    world = with_change(appointment(category=Category.COMPLETED))
    world.fate.fail("end order", Unavailable("503"), times=1)

    with pytest.raises(Unavailable):
        sync(world)

    assert known(world).ended_by_us
    assert known(world).ttl is None


def test_work_that_is_reopened_is_tracked_under_another_handle() -> None:
    world = with_change(appointment(category=Category.CANCELED))
    sync(world)
    put(world, appointment())

    assert sync(world) == 1

    assert tracked(world) == {f"{HANDLE}-2": RESOURCE}


def test_an_ending_connection_has_no_orders() -> None:
    world = ordered()
    world.connection = connection(tracking="orders", state="ending")

    assert sync(world) == 0

    assert not tracked(world)
    assert not [each for each in world.state.all_of(Order, CONNECTION) if each.ttl is None]


# ── pauses ────────────────────────────────────────────────────────────────────


def test_who_is_not_active_is_not_tracked_until_they_are_back() -> None:
    world = with_change(resource(active=False))
    assert sync(world) == 0
    assert statuses(world) == {HANDLE: "disabled"}
    put(world, resource())
    world.hypertrack.linked[RESOURCE] = DEVICE

    assert sync(world) == 1

    assert statuses(world) == {HANDLE: "ongoing"}
    assert [each["link"] for each in links(world)] == [LINK]


def test_who_has_left_lets_go_of_the_device() -> None:
    world = with_change(resource(active=False))

    sync(world)

    assert RESOURCE not in world.hypertrack.linked
    found = world.state.read(Worker, CONNECTION, RESOURCE)
    assert found
    assert found.device == ""


def test_a_paused_order_ends_with_its_work() -> None:
    world = with_change(resource(active=False))
    sync(world)
    put(world, appointment(category=Category.CANCELED))

    sync(world)

    assert statuses(world) == {HANDLE: "cancelled"}


# ── whoever has the work ──────────────────────────────────────────────────────


@pytest.mark.parametrize("first", [LOOK, OF_COLLEAGUE])
def test_reassigned_work_keeps_its_handle_and_link_whoever_is_looked_at(first: Sync) -> None:
    world = with_change(assignment(resource=COLLEAGUE))

    sync(world, first)
    sync(world, OF_COLLEAGUE if first is LOOK else LOOK)

    assert tracked(world) == {HANDLE: COLLEAGUE}
    assert world.hypertrack.attempts == 1
    assert world.hypertrack.orders[HANDLE].wanted.metadata["service_resource_id"] == COLLEAGUE
    assert known(world).resource == COLLEAGUE
    assert [each["link"] for each in links(world)] == [LINK]
    assert (waiting(world), waiting(world, COLLEAGUE)) == (None, "")


def test_who_has_no_phone_yet_waits_and_the_former_owner_is_not_tracked_any_more() -> None:
    world = with_change(assignment(resource=COLLEAGUE), worker(resource=COLLEAGUE))
    world.hypertrack.linked.pop(COLLEAGUE)

    assert sync(world) == 0

    assert statuses(world) == {HANDLE: "cancelled"}
    world.hypertrack.linked[COLLEAGUE] = "another"
    assert sync(world, OF_COLLEAGUE) == 1
    assert tracked(world) == {THEIRS: COLLEAGUE}


def test_an_order_that_can_not_be_reassigned_is_made_anew_and_then_cancelled() -> None:
    world = with_change(assignment(resource=COLLEAGUE))
    world.hypertrack.keeps_owner = True
    before = len(world.fate.effects)

    sync(world, OF_COLLEAGUE)

    done = world.fate.effects[before:]
    assert done.index("track") < done.index("end order")
    assert statuses(world) == {HANDLE: "cancelled", THEIRS: "ongoing"}


def test_nobody_is_tracked_for_work_that_is_not_theirs_though_the_new_order_is_refused() -> (
    None
):
    world = with_change(assignment(resource=COLLEAGUE))
    world.hypertrack.keeps_owner = True
    world.fate.fail("track", Refused("422", code="422"), times=1)

    with pytest.raises(Refused, match="422"):
        sync(world, OF_COLLEAGUE)

    assert not tracked(world)
    assert sync(world, OF_COLLEAGUE) == 1
    assert tracked(world) == {THEIRS: COLLEAGUE}


def test_a_change_that_is_refused_leaves_the_order_as_it_is() -> None:
    world = with_change(appointment(subject="Boiler"))
    world.fate.fail("change order", Refused("422", code="422"), times=1)

    with pytest.raises(Refused, match="422"):
        sync(world)

    assert tracked(world) == {HANDLE: RESOURCE}
    assert sync(world) == 1
    assert world.hypertrack.orders[HANDLE].wanted.metadata["name"] == "Boiler"


def test_an_order_that_somebody_else_has_ended_is_not_tracked_again() -> None:
    world = with_change(appointment(subject="Boiler"))
    world.hypertrack.orders[HANDLE].status = "completed"
    world.fate.fail("change order", Refused("404", code="404"), times=1)

    assert sync(world) == 0

    assert not tracked(world)
    assert sync(world) == 0
    assert not known(world).ended_by_us
    assert [each["link"] for each in links(world)] == [LINK, ""]


def test_work_that_somebody_else_has_ended_is_tracked_for_its_next_owner() -> None:
    world = with_change(appointment(subject="Boiler"))
    world.hypertrack.orders[HANDLE].status = "completed"
    world.fate.fail("change order", Refused("404", code="404"), times=1)
    sync(world)
    put(world, assignment(resource=COLLEAGUE))

    sync(world, OF_COLLEAGUE)

    assert tracked(world) == {THEIRS: COLLEAGUE}
    assert statuses(world)[HANDLE] == "completed"


def unclear_whose() -> World:
    """It was to be moved to a colleague, and nobody knows whether it was."""
    world = with_change(assignment(resource=COLLEAGUE))
    world.fate.fail("reassign order", Unclear("no answer"), times=1)
    with pytest.raises(Unclear):
        sync(world)
    return world


def test_an_order_that_may_be_in_anothers_hands_is_cancelled_if_its_owner_has_no_phone() -> (
    None
):
    world = unclear_whose()
    put(world, worker(resource=COLLEAGUE))
    world.hypertrack.linked.pop(COLLEAGUE)

    sync(world, OF_COLLEAGUE)

    assert statuses(world) == {HANDLE: "cancelled"}


def test_what_was_to_be_moved_before_its_owner_left_is_moved_when_they_are_back() -> None:
    world = unclear_whose()
    put(world, resource(id=COLLEAGUE, active=False))
    sync(world, OF_COLLEAGUE)
    assert statuses(world) == {HANDLE: "disabled"}
    put(world, resource(id=COLLEAGUE), worker(resource=COLLEAGUE, device="another"))
    world.hypertrack.linked[COLLEAGUE] = "another"

    sync(world, OF_COLLEAGUE)

    assert tracked(world) == {HANDLE: COLLEAGUE}


def test_an_order_whose_answer_was_lost_is_cancelled_if_the_work_is_elsewhere_by_now() -> None:
    world = assigned()
    world.fate.fail("track", Unclear("no answer"), after=True, times=1)
    with pytest.raises(Unclear):
        sync(world)
    put(world, appointment(latitude=1.0))

    sync(world)

    assert statuses(world) == {HANDLE: "cancelled", f"{HANDLE}-2": "ongoing"}


@pytest.mark.parametrize(
    ("action", "change"),
    [
        ("reschedule order", appointment(starts_at=at(18), ends_at=at(20))),
        ("pause order", resource(active=False)),
    ],
)
def test_an_order_that_can_not_wait_is_cancelled(action: str, change: Record) -> None:
    world = with_change(change)
    world.fate.fail(action, Refused("404", code="404"))

    sync(world)

    assert statuses(world) == {HANDLE: "cancelled"}


# ── several days ──────────────────────────────────────────────────────────────


def days_long(**more: Any) -> World:
    world = assigned()
    put(world, appointment(starts_at=at(8), ends_at=at(17) + timedelta(days=2), **more))
    return world


def test_work_of_several_days_has_an_order_for_each_day_and_none_at_night() -> None:
    world = days_long()
    seen = []
    for hours in (12, 19, 30, 31, 36, 43, 54, 55, 70, 79):
        world.now = at(0) + timedelta(hours=hours)
        sync(world)
        seen.append((hours, *(each[-5:] for each in tracked(world))))

    assert seen == [
        (12, "03-04"),
        (19,),
        (30,),
        (31, "03-05"),
        (36, "03-05"),
        (43,),
        (54,),
        (55, "03-06"),
        (70, "03-06"),
        (79,),
    ]
    assert list(statuses(world).values()) == ["completed", "completed", "cancelled"]
    assert waiting(world) == TIME_OVER


def test_each_day_is_looked_at_when_it_begins_and_when_it_is_over() -> None:
    world = days_long()
    noted = set()
    for hours in (12, 18, 31, 42, 55):
        world.now = at(0) + timedelta(hours=hours)
        sync(world)
        noted |= set(due(world))

    assert sorted(noted) == [
        f"{when} {RESOURCE}"
        for when in ("04 18:00", "05 07:00", "05 18:00", "06 07:00", "07 05:00")
    ]


def test_a_day_of_several_has_its_own_times_and_link() -> None:
    world = days_long(time_zone="Europe/Berlin")
    sync(world)
    world.now = at(7) + timedelta(days=1)

    sync(world)

    wanted = world.hypertrack.orders[f"{HANDLE}-2026-03-05"].wanted
    assert wanted.scheduled_at == at(8) + timedelta(days=1)
    assert wanted.service_seconds == 9 * 60 * 60
    assert [(bool(each["link"]), each["order_handle"]) for each in links(world)] == [
        (True, f"{HANDLE}-2026-03-04"),
        (True, f"{HANDLE}-2026-03-05"),
        (False, f"{HANDLE}-2026-03-04"),
    ]


def test_the_new_day_is_tracked_before_the_former_is_completed() -> None:
    world = assigned()
    put(world, appointment(starts_at=at(8), ends_at=at(7) + timedelta(days=2)))
    sync(world)
    world.now = at(7) + timedelta(days=1)
    before = len(world.fate.effects)

    sync(world)

    done = world.fate.effects[before:]
    assert done.index("track") < done.index("end order")
    assert statuses(world) == {
        f"{HANDLE}-2026-03-04": "completed",
        f"{HANDLE}-2026-03-05": "ongoing",
    }


def test_work_of_several_days_that_is_moved_as_a_whole_is_not_taken_for_done() -> None:
    world = days_long()
    sync(world)
    later = timedelta(days=7)
    put(world, appointment(starts_at=at(12) + later, ends_at=at(14) + later * 2))

    sync(world)

    assert list(statuses(world).values()) == ["unplanned"]
    assert links(world)[-1]["link"] == ""
    world.now = at(12) + later
    assert sync(world) == 1
    assert sorted(statuses(world).values()) == ["cancelled", "ongoing"]


def test_work_that_comes_to_take_days_goes_on_under_the_same_order() -> None:
    world = with_change(appointment(ends_at=at(14) + timedelta(days=2)))

    sync(world)

    assert tracked(world) == {HANDLE: RESOURCE}
    world.now = at(11) + timedelta(days=1)
    sync(world)
    assert statuses(world) == {HANDLE: "completed", f"{HANDLE}-2026-03-05": "ongoing"}


# ── the other way of tracking ─────────────────────────────────────────────────


def test_geofences_stand_before_orders_go_and_the_reverse() -> None:
    world = ordered()
    for way, first, last in (
        ("geofences", "add geofence", "end order"),
        ("orders", "track", "remove geofence"),
    ):
        world.connection = connection(tracking=way)
        before = len(world.fate.effects)

        assert sync(world) == 1

        done = world.fate.effects[before:]
        assert done.index(first) < done.index(last), way
    assert not world.hypertrack.fences
    assert tracked(world) == {f"{HANDLE}-2": RESOURCE}


def test_a_geofence_goes_when_its_order_waits_for_its_time() -> None:
    world = assigned()
    world.connection = connection()
    put(world, appointment(starts_at=at(18), ends_at=at(20)))
    sync(world)
    stood = dict(world.hypertrack.fences)
    world.connection = connection(tracking="orders")

    sync(world)

    assert stood
    assert not world.hypertrack.fences
    assert not tracked(world)


def test_a_geofence_stays_while_its_order_is_refused() -> None:
    world = assigned()
    world.connection = connection()
    sync(world)
    world.connection = connection(tracking="orders")
    world.fate.fail("track", Refused("403", code="403"), times=1)

    with pytest.raises(Refused):
        sync(world)

    assert len(world.hypertrack.fences) == 1
    assert sync(world) == 1
    assert not world.hypertrack.fences


def test_an_order_stays_while_no_geofence_can_stand() -> None:
    world = ordered()
    world.connection = connection()
    world.hypertrack.linked.pop(RESOURCE)
    put(world, worker())

    assert sync(world) == 0

    assert tracked(world) == {HANDLE: RESOURCE}


def test_a_geofence_stays_while_hypertrack_gives_its_order_no_device() -> None:
    world = assigned()
    world.connection = connection()
    sync(world)
    world.connection = connection(tracking="orders")
    world.hypertrack.linked.pop(RESOURCE)

    assert sync(world) == 0

    assert len(world.hypertrack.fences) == 1


def test_an_order_of_somebody_who_was_never_looked_at_goes_as_well() -> None:
    world = ordered()
    world.state.erase(Tracking, CONNECTION, RESOURCE, ASSIGNMENT)
    world.connection = connection(state="ending")

    sync(world)

    assert not tracked(world)


# ── two at once ───────────────────────────────────────────────────────────────


class Overtaken:
    """A state in whose reads or writes of a kind another worker comes by."""

    def __init__(self, world: World, what: str, kind: type[Record], meanwhile: Any) -> None:
        self._world, self._what, self._kind = world, what, kind
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._world.state, name)
        if name != self._what:
            return real

        def call(first: Any, *rest: Any) -> Any:
            of = first if isinstance(first, type) else type(first)
            if name == "read":
                found = real(first, *rest)
                self._come_by(of)
                return found
            self._come_by(of)
            return real(first, *rest)

        return call

    def _come_by(self, of: type[Record]) -> None:
        if of is self._kind and self._meanwhile:
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()


@pytest.mark.parametrize(
    ("what", "kind"), [("read", Ordered), ("write", Ordered), ("write", Order)]
)
def test_two_workers_on_two_resources_track_one_order(what: str, kind: type[Record]) -> None:
    world = assigned()
    slow = Overtaken(world, what, kind, lambda: sync(world, OF_COLLEAGUE))

    with pytest.raises(Unavailable, match="another worker"):
        tracking.sync(LOOK, world.ground._replace(state=slow))
    sync(world)

    assert tracked(world) == {HANDLE: RESOURCE}
    assert world.hypertrack.attempts == 1


def test_who_has_seen_the_former_owner_does_not_take_the_order_back() -> None:
    world = ordered()

    def reassign() -> None:
        put(world, assignment(resource=COLLEAGUE))
        sync(world, OF_COLLEAGUE)

    put(world, appointment(subject="Boiler"))
    slow = Overtaken(world, "write", Ordered, reassign)

    with pytest.raises(Unavailable, match="another worker"):
        tracking.sync(LOOK, world.ground._replace(state=slow))

    assert tracked(world) == {HANDLE: COLLEAGUE}


class Meanwhile:
    """A HyperTrack that is slow to do one thing: another worker comes by before it is done."""

    def __init__(self, world: World, what: str, meanwhile: Callable[[], object]) -> None:
        self._world, self._what, self._meanwhile = world, what, [meanwhile]

    def __getattr__(self, name: str) -> Any:
        if name == self._what and self._meanwhile:
            self._meanwhile.pop()()
        return getattr(self._world.hypertrack, name)


@pytest.mark.parametrize("phone", ["", "another"])
def test_an_order_whose_work_moved_while_it_was_asked_for_is_not_left_to_itself(
    phone: str,
) -> None:
    world = assigned()

    def reassign() -> None:
        put(world, assignment(resource=COLLEAGUE), worker(resource=COLLEAGUE, device=phone))
        if not phone:
            world.hypertrack.linked.pop(COLLEAGUE)
        sync(world, OF_COLLEAGUE)

    slow = Meanwhile(world, "track", reassign)
    with pytest.raises(Unavailable, match="another worker"):
        tracking.sync(LOOK, world.ground._replace(hypertrack=slow))
    both(world)

    assert tracked(world) == ({THEIRS: COLLEAGUE} if phone else {})
    assert known(world).ended_by_us


def test_an_order_that_went_back_while_it_was_moved_is_its_owners() -> None:
    world = with_change(assignment(resource=COLLEAGUE))

    def back() -> None:
        put(world, assignment())
        sync(world)

    slow = Meanwhile(world, "reassign_order", back)
    with pytest.raises(Unavailable, match="another worker"):
        tracking.sync(OF_COLLEAGUE, world.ground._replace(hypertrack=slow))
    both(world)

    assert tracked(world) == {HANDLE: RESOURCE}
    assert known(world).resource == RESOURCE


def test_an_order_that_moved_on_while_it_was_paused_is_tracked_for_its_new_owner() -> None:
    world = with_change(resource(active=False))

    def reassign() -> None:
        put(world, assignment(resource=COLLEAGUE))
        sync(world, OF_COLLEAGUE)

    slow = Meanwhile(world, "pause_order", reassign)
    with pytest.raises(Unavailable, match="another worker"):
        tracking.sync(LOOK, world.ground._replace(hypertrack=slow))
    assert statuses(world) == {HANDLE: "disabled"}
    both(world)

    assert tracked(world) == {HANDLE: COLLEAGUE}


def two_jobs() -> tuple[World, Sync]:
    world, other = assigned(), ("08p000000000002AAA", "03r000000000002AAA")
    put(world, appointment(id=other[0]), assignment(id=other[1], appointment=other[0]))
    look = LOOK.model_copy(update={"assignments": (*LOOK.assignments, other)})
    sync(world, look)
    assert len(tracked(world)) == 2
    return world, look


def test_an_order_that_hypertrack_fails_for_does_not_keep_the_others_from_their_end() -> None:
    world, look = two_jobs()
    done = appointment(id="08p000000000002AAA", category=Category.COMPLETED)
    put(world, appointment(subject="Boiler"), done)
    world.fate.fail("change order", Unclear("500"))

    with pytest.raises(Unclear):
        sync(world, look)

    assert tracked(world) == {HANDLE: RESOURCE}


def test_while_hypertrack_is_down_it_is_tried_twice_and_no_more() -> None:
    world, look = two_jobs()
    third = ("08p000000000003AAA", "03r000000000003AAA")
    put(world, appointment(id=third[0]), assignment(id=third[1], appointment=third[0]))
    put(world, appointment(subject="B"), appointment(id="08p000000000002AAA", subject="B"))
    for each in ("change order", "track"):
        world.fate.fail(each, Unclear("no answer"))
    world.fate.effects.clear()

    with pytest.raises(Unclear):
        sync(world, look.model_copy(update={"assignments": (*look.assignments, third)}))

    calls = world.fate.effects.count("change order") + world.fate.effects.count("track")
    assert calls == 2


# ── whoever dies when ─────────────────────────────────────────────────────────


def put_off() -> World:
    world = with_change(appointment(starts_at=at(18), ends_at=at(20)))
    sync(world)
    world.now = at(17)
    return world


def refusing_to_move() -> World:
    world = with_change(assignment(resource=COLLEAGUE))
    world.hypertrack.keeps_owner = True
    return world


def next_day() -> World:
    world = days_long()
    sync(world)
    world.now = at(7) + timedelta(days=1)
    return world


def adopting() -> World:
    world = assigned()
    earlier(world, "unplanned")
    return world


def from_geofences() -> World:
    world = assigned()
    world.connection = connection()
    sync(world)
    world.connection = connection(tracking="orders")
    return world


def paused(*records: Record) -> World:
    world = with_change(resource(active=False))
    sync(world)
    world.hypertrack.linked[RESOURCE] = DEVICE
    put(world, worker(device=DEVICE), *records)
    return world


def both(world: World) -> None:
    for each in (LOOK, OF_COLLEAGUE):
        sync(world, each)


SCENES: dict[str, tuple[Callable[[], World], dict[str, str]]] = {
    "a first order": (assigned, {HANDLE: RESOURCE}),
    "other words": (lambda: with_change(appointment(subject="B")), {HANDLE: RESOURCE}),
    "another place": (
        lambda: with_change(appointment(latitude=1.0)),
        {f"{HANDLE}-2": RESOURCE},
    ),
    "another owner": (lambda: with_change(assignment(resource=COLLEAGUE)), {HANDLE: COLLEAGUE}),
    "an owner who can't be moved to": (refusing_to_move, {THEIRS: COLLEAGUE}),
    "later": (lambda: with_change(appointment(starts_at=at(18), ends_at=at(20))), {}),
    "later, and then due": (put_off, {f"{HANDLE}-2": RESOURCE}),
    "not active": (lambda: with_change(resource(active=False)), {}),
    "back at work": (lambda: paused(resource()), {HANDLE: RESOURCE}),
    "the next day": (next_day, {f"{HANDLE}-2026-03-05": RESOURCE}),
    "a planned order in the way": (adopting, {f"{HANDLE}-2": RESOURCE}),
    "completed": (lambda: with_change(appointment(category=Category.COMPLETED)), {}),
    "unassigned": (lambda: with_change(assignment(deleted=True)), {}),
    "geofences before": (from_geofences, {HANDLE: RESOURCE}),
}


@pytest.mark.parametrize(("make", "expected"), SCENES.values(), ids=SCENES.keys())
def test_whoever_dies_when_the_end_is_the_same_and_nothing_is_tracked_twice(
    make: Callable[[], World], expected: dict[str, str]
) -> None:
    whole = make()
    both(whole)
    assert tracked(whole) == expected
    for world, death in every_death(make, both):
        both(world)

        assert tracked(world) == expected, death
        assert statuses(world) == statuses(whole), death
        assert world.hypertrack.attempts == whole.hypertrack.attempts, death
        assert links(world) == links(whole), death
        assert _orders(world) == _orders(whole), death
        assert _known(world) == _known(whole), death
        assert world.hypertrack.orders_at_once <= 2, death


def _orders(world: World) -> Any:
    """As they are kept; whether a pause was seen to be answered makes no difference."""
    found = kept(world)
    return found and [
        each.model_copy(update={"asked": each.asked and not each.paused})
        for each in found.orders
    ]


def _known(world: World) -> Any:
    return [
        each.model_dump(exclude={"version"}) for each in world.state.all_of(Order, CONNECTION)
    ]


def test_an_order_of_a_worker_that_died_goes_when_its_work_does() -> None:
    for world, death in every_death(assigned, sync):
        put(world, assignment(deleted=True))

        sync(world)

        assert not tracked(world), death
        assert not [each for each in world.state.all_of(Order, CONNECTION) if not each.ttl], (
            death
        )


# ── being woken ───────────────────────────────────────────────────────────────


def wake(world: World) -> int:
    return waking.wake(
        world.connection, state=world.state, changes=world.changes, now=world.now
    )


def noted(world: World, *hours: int, who: str = RESOURCE) -> None:
    for each in hours:
        waking.at(CONNECTION, at(each), who, f"why {each}", state=world.state)


def test_everybody_whose_time_has_come_is_looked_at_once() -> None:
    world = World()
    noted(world, 10, 12, 13)
    noted(world, 11, who=COLLEAGUE)

    assert wake(world) == 2

    bodies = [json.loads(each.body)["resource"] for each in world.changes.messages]
    assert sorted(bodies) == [RESOURCE, COLLEAGUE]
    assert due(world) == [f"04 13:00 {RESOURCE}"]
    assert wake(world) == 0


def test_a_fleet_that_begins_at_one_minute_is_woken_in_full() -> None:
    world = World()
    for number in range(60):
        noted(world, 11, who=f"0Hn{number:012d}AAA")

    assert wake(world) == 60

    assert due(world) == []


def test_nobody_is_forgotten_whoever_dies_while_waking() -> None:
    def make() -> World:
        world = World()
        noted(world, 10, 11)
        noted(world, 11, who=COLLEAGUE)
        return world

    for world, death in every_death(make, wake):
        wake(world)

        assert {json.loads(each.body)["resource"] for each in world.changes.messages} == {
            RESOURCE,
            COLLEAGUE,
        }, death
        assert due(world) == [], death


def test_a_time_of_a_connection_that_has_ended_is_forgotten_in_the_end() -> None:
    world = World()
    noted(world, 10)

    [left] = world.state.all_of(Due, CONNECTION)

    assert left.ttl == int((at(10) + timedelta(days=60)).timestamp())


def test_each_time_has_a_message_of_its_own() -> None:
    world = World()
    for hour in (10, 11):
        noted(world, hour)
        wake(world)

    assert len(world.changes.queued) == 2


def test_whoever_is_woken_is_tracked_though_the_workers_clock_is_behind() -> None:
    world = assigned()
    world.now = at(10)
    sync(world)
    waking.wake(world.connection, state=world.state, changes=world.changes, now=at(11))
    [message] = world.changes.messages
    world.now = at(10, 50)

    assert sync(world, Sync.model_validate_json(message.body)) == 1

    assert due(world) == [f"05 02:00 {RESOURCE}"]
