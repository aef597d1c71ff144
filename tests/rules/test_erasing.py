"""One person's data erased: all of it, nothing else, and as often as one likes."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.books import chaining, erasing
from fieldlink.books.erasing import Books, Erased
from fieldlink.books.scrubbing import without
from fieldlink.errors import Refused, Unavailable
from fieldlink.models import Fence, Kind, LedgerRow, Outcome, Sign, WantedOrder
from fieldlink.ports import digest
from fieldlink.records import (
    Confirming,
    Day,
    Device,
    Due,
    Geofence,
    Held,
    Intent,
    LiveFence,
    LiveOrder,
    OnShift,
    Order,
    Ordered,
    Ours,
    Outage,
    Parked,
    Part,
    Phone,
    Planned,
    Position,
    SheetClaim,
    Shift,
    Tracking,
    Visit,
)
from fieldlink.writing import write_back
from fieldlink.writing.claiming import Claims
from tests import make
from tests.fakes import NOON, Death, FakeLedger, FakeSpool, FakeState, Fate, Killed
from tests.make import APPOINTMENT, COLLEAGUE, CONNECTION, DEVICE, RESOURCE, at

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.records import Record

ADA = "Ada Lovelace"
OTHER_DEVICE = "A1B2C3D4-0002-4AAA-8BBB-000000000002"
HERS, HIS = (
    make.fact(Kind.ARRIVED, at(9)),
    make.fact(Kind.ARRIVED, at(10), resource=COLLEAGUE, device=OTHER_DEVICE),
)
ON = NOON.date()


def told(fact: Any) -> Any:
    return make.delivered(fact, delivery=digest(fact.key))


def row(fact: Any, **more: Any) -> LedgerRow:
    seen = told(fact)
    fields = {
        name: getattr(fact, name) for name in ("kind", "device", "resource", "appointment")
    }
    return LedgerRow(
        connection=CONNECTION,
        received_at=seen.received_at,
        delivery=seen.delivery,
        outcome=Outcome.APPLIED,
        wrote={"event": {"subject": f"Arrived: {fact.resource}"}},
        **(fields | more),
    )


def order(handle: str, resource: str, *, over: bool = True) -> LiveOrder:
    wanted = WantedOrder(handle=handle, worker=resource, latitude=1, longitude=2, radius=100)
    return LiveOrder(wanted=wanted, over=over, share_url=f"https://trck.at/{resource}")


def of_person(resource: str, device: str, fact: Any) -> list[Record]:
    """Everything that lies under somebody's name."""
    name = {"connection": CONNECTION, "resource": resource}
    place = {"appointment": APPOINTMENT, "assignment": f"03r of {resource}"}
    sign = Sign(at=NOON, key="k", delivery="d", received_at=NOON, ill=True)
    body = json.dumps({"connection": CONNECTION, "event": {"device_id": device}})
    return [
        make.resource(id=resource, active=False, name=f"name of {resource}"),
        make.worker(resource=resource, device=device, phones=(Phone(id=device),)),
        Device(connection=CONNECTION, id=device, resource=resource, battery_signs=(sign,)),
        Position(**name, at=NOON, shown_at=NOON, fact="k", received_at=NOON),
        Outage(**name, device=device),
        OnShift(**name, tracking=False),
        Day(
            **name,
            on=ON,
            facts={"k": told(fact)},
            parts={APPOINTMENT: Part(appointment=APPOINTMENT)},
        ),
        SheetClaim(**name, first=ON, since=NOON, delivery="d"),
        Due(**name, at=NOON, why="shift"),
        Confirming(**name, at=NOON, appointment=APPOINTMENT, left_at=NOON),
        Shift(**name, id=f"shift of {resource}", starts_at=NOON, ends_at=NOON),
        Planned(**name, id="shift", starts_at=NOON, ends_at=NOON),
        Tracking(**name, **place),
        make.geofence(id=f"fence of {resource}", resource=resource, live=False),
        Order(**name, **place, id=f"order of {resource}"),
        Ordered(connection=CONNECTION, **place, orders=(order("o", resource),)),
        make.assignment(id=f"03r of {resource}", resource=resource),
        Parked(
            connection=CONNECTION,
            id=f"p {device}",
            queue="events",
            body=body,
            group="",
            cause="",
            at=NOON,
        ),
        Held(
            connection=CONNECTION,
            id=f"h {device}",
            queue="events",
            body=body,
            group="",
            at=NOON,
        ),
    ]


class Files:
    """A connection of two technicians who worked at one appointment."""

    def __init__(self) -> None:
        fate = Fate()
        self.fate, self.state, self.ledger = fate, FakeState(fate), FakeLedger(fate)
        self.spool = FakeSpool(fate)
        his = of_person(COLLEAGUE, OTHER_DEVICE, HIS)
        self.state.write_all([*of_person(RESOURCE, DEVICE, HERS), *his])
        facts = {each.key: told(each) for each in (HERS, HIS)}
        parts = {
            f"{each}/{ON}": Part(appointment=APPOINTMENT) for each in (RESOURCE, COLLEAGUE)
        }
        ours = Ours(status="In Progress", actual_start=at(9))
        self.state.write(
            Visit(
                connection=CONNECTION,
                appointment=APPOINTMENT,
                facts=facts,
                marks={name: part.mark for name, part in parts.items()},
                ours=ours,
            )
        )
        ill = make.fact(Kind.BATTERY_LOW, at(11), resource="", appointment="")
        self.ledger.put_all([row(HERS), row(HIS)])
        self.ledger.put_all([row(ill), row(make.fact(Kind.CLOCKED_IN, at(7), appointment=""))])
        for device in (DEVICE, OTHER_DEVICE):
            self.spool.kept[f"events/{CONNECTION}/{device}"] = device.encode()
            self.spool.kept[f"whole/{CONNECTION}/{device}"] = device.encode()
        self.spool.kept[f"exports/{CONNECTION}/2026-03-04.jsonl.gz"] = b"whatever"
        self.spool.kept["events/another/1"] = DEVICE.encode()
        self.spool.put_at = dict.fromkeys(self.spool.kept, NOON)

    def erase(
        self,
        confirm: str = RESOURCE,
        more: Callable[[], bool] = lambda: True,
        resource: str = RESOURCE,
        **options: Any,
    ) -> Erased:
        books = Books(self.state, self.ledger, self.spool, 400, NOON, more)
        return erasing.erase(CONNECTION, resource, books, confirm=confirm, **options)

    @property
    def everything(self) -> str:
        objects = "\n".join(f"{key} {body!r}" for key, body in self.spool.kept.items())
        rows = "\n".join(each.model_dump_json() for each in self.ledger.rows)
        return f"{self.state.texts}\n{rows}\n{objects}"

    def visit(self) -> Visit:
        found = self.state.read(Visit, CONNECTION, APPOINTMENT)
        assert found
        return found


def test_nothing_of_the_person_is_left_but_what_expires_by_itself() -> None:
    files = Files()

    done = files.erase()

    left = files.everything.replace("events/another/1 b'" + DEVICE, "")
    assert RESOURCE not in left
    assert f"name of {RESOURCE}" not in left
    assert left.count(DEVICE) == 2  # key and body of one whole delivery
    assert done.stays == {"deliveries in whole/, at most 60 days": 1}
    assert (done.next, done.dry_run) == ("", False)


def test_everybody_else_stays_as_they_were() -> None:
    files = Files()
    before = files.state.kinds

    files.erase()

    for record in of_person(COLLEAGUE, OTHER_DEVICE, HIS):
        assert files.state.read(type(record), *record.key), record
    assert files.state.kinds["Visit"] == before["Visit"]
    assert f"events/{CONNECTION}/{OTHER_DEVICE}" in files.spool.kept
    assert "events/another/1" in files.spool.kept
    assert [each.resource for each in files.ledger.rows if not each.erased] == [COLLEAGUE]


def test_the_appointment_keeps_what_others_told_and_its_status() -> None:
    files = Files()

    files.erase()

    visit = files.visit()
    assert [each.fact.resource for each in visit.facts.values()] == [COLLEAGUE]
    assert list(visit.marks) == [f"{COLLEAGUE}/{ON}"]
    assert visit.ours.status == "In Progress"


def test_an_appointment_that_only_the_ledger_knows_of_is_found() -> None:
    files = Files()
    for kind in (Tracking, Geofence, Order, Day):
        for record in files.state.all_of(kind, CONNECTION):
            files.state.erase(kind, *record.key)

    files.erase()

    assert [each.fact.resource for each in files.visit().facts.values()] == [COLLEAGUE]


def test_an_appointment_that_the_ledger_has_forgotten_is_found() -> None:
    files = Files()
    files.ledger = FakeLedger()

    files.erase()

    assert [each.fact.resource for each in files.visit().facts.values()] == [COLLEAGUE]


def test_the_chain_still_holds() -> None:
    files = Files()

    files.erase()

    found = chaining.verify(
        CONNECTION,
        ON,
        ON,
        ledger=files.ledger,
        kept_since=NOON - timedelta(days=9),
        more=lambda: True,
    )
    assert found.whole
    assert [each.erased for each in found.days] == [3]


def test_what_is_left_of_a_row_is_when_it_came_and_what_became_of_it() -> None:
    files = Files()

    files.erase()

    left, *_ = [each for each in files.ledger.rows if each.erased]
    names = left.model_dump(exclude_defaults=True)
    assert set(names) == {"connection", "received_at", "delivery", "outcome", "erased"}


def test_without_confirmation_it_is_only_counted_what_would_go() -> None:
    files = Files()
    before = files.everything

    counted = files.erase(confirm="")

    assert files.everything == before
    assert counted.dry_run
    assert counted.gone == files.erase().gone
    assert counted.gone["ledger rows"] == 3
    assert counted.gone["parked and held messages"] == 2
    assert counted.gone["facts"] == 1


def test_it_may_be_done_again() -> None:
    files = Files()
    files.erase()
    before = files.everything

    again = files.erase()

    assert files.everything == before
    assert again.gone == {}


def test_who_confirms_another_id_erases_nobody() -> None:
    files = Files()
    before = files.everything

    with pytest.raises(Refused, match="same id"):
        files.erase(confirm=COLLEAGUE)

    assert files.everything == before


def test_what_is_no_resource_is_refused() -> None:
    for resource in ("", APPOINTMENT, "0Hn", "0Hn000000000001CAB"):
        with pytest.raises(Refused, match="0Hn"):
            Files().erase(resource=resource, confirm=resource)


def test_who_is_active_in_salesforce_is_not_erased_unless_that_is_meant() -> None:
    files = Files()
    files.state.write_all([make.resource(active=True)])

    with pytest.raises(Refused, match="deactivate"):
        files.erase()
    assert files.erase(confirm="").gone["Resource"] == 1
    assert files.erase(even_if_active=True).gone["Resource"] == 1


def test_who_was_deleted_in_salesforce_is_not_active() -> None:
    files = Files()
    files.state.write_all([make.resource(active=True, deleted=True)])

    assert files.erase().gone["Resource"] == 1


def test_a_geofence_that_still_stands_is_left_to_be_taken_down_first() -> None:
    files = Files()
    fence = Fence(device=DEVICE, latitude=1, longitude=2, radius=100, metadata={})
    key = (CONNECTION, RESOURCE, f"03r of {RESOURCE}")
    tracking = files.state.read(Tracking, *key)
    assert tracking
    live = LiveFence(id="g", fence=fence)
    files.state.write(tracking.model_copy(update={"live": live}))

    done = files.erase()

    assert files.state.read(Tracking, *key)
    assert done.stays["geofences that HyperTrack still has"] == 1


def test_an_order_that_is_not_over_is_left_to_be_ended_first() -> None:
    files = Files()
    key = (CONNECTION, APPOINTMENT, f"03r of {RESOURCE}")
    ordered = files.state.read(Ordered, *key)
    assert ordered
    live = ordered.model_copy(update={"orders": (order("o", RESOURCE, over=False),)})
    files.state.write(live)

    done = files.erase()

    assert files.state.read(Ordered, *key)
    assert done.stays["orders that HyperTrack still has"] == 1


def test_a_phone_that_is_somebody_elses_now_is_not_theirs() -> None:
    files = Files()
    files.state.write_all([Device(connection=CONNECTION, id=DEVICE, resource=COLLEAGUE)])

    done = files.erase()

    assert files.state.read(Device, CONNECTION, DEVICE)
    assert f"events/{CONNECTION}/{DEVICE}" in files.spool.kept
    assert done.gone["ledger rows"] == 2  # but not of the device alone


def test_work_that_is_just_being_written_is_waited_for() -> None:
    files = Files()
    begun = Intent(delivered=told(HERS), since=NOON - timedelta(minutes=5))
    files.state.write(files.visit().model_copy(update={"intent": begun}))

    with pytest.raises(Unavailable, match="15 minutes"):
        files.erase()

    old = begun.model_copy(update={"since": NOON - timedelta(hours=1)})
    files.state.write(files.visit().model_copy(update={"intent": old}))
    files.erase()
    assert files.visit().intent is None


def test_a_colleague_whose_work_is_being_written_brings_nothing_back() -> None:
    files = Files()
    claims, begun = Claims(files.state), Intent(delivered=told(HIS), since=NOON)
    claims.take(files.visit(), begun)
    at_work = files.visit()

    with suppress(Unavailable):
        files.erase()
    done = at_work.model_copy(update={"intent": None, "version": claims.version(at_work)})
    claims.store(done)
    files.erase()

    assert {each.fact.resource for each in files.visit().facts.values()} == {COLLEAGUE}


def test_a_colleagues_work_that_somebody_died_at_is_kept_for_whoever_finishes_it() -> None:
    files = Files()
    begun = Intent(delivered=told(HIS), since=NOON - timedelta(hours=1))
    files.state.write(files.visit().model_copy(update={"intent": begun}))

    files.erase()

    assert files.visit().intent == begun


# ── in parts ───────────────────────────────────────────────────────────────────


def test_an_erasure_in_many_parts_ends_like_one_in_one() -> None:
    whole, parts = Files(), Files()
    whole.erase()

    after, rounds = "", 0
    while True:
        done = parts.erase(more=_a_few_times(4), after=after)
        after, rounds = done.next, rounds + 1
        if not after or rounds > 400:
            break

    assert parts.everything == whole.everything
    assert 3 < rounds < 400


def _a_few_times(count: int) -> Callable[[], bool]:
    left = iter([True] * count)
    return lambda: next(left, False)


def test_what_it_goes_on_after_must_be_what_it_told() -> None:
    for after in ("nonsense", "ledger someday", "2026-03-04"):
        with pytest.raises(Refused, match="after"):
            Files().erase(after=after)


def test_who_is_killed_anywhere_and_begins_again_erases_all() -> None:
    whole = Files()
    whole.fate.effects.clear()
    whole.erase()
    writing = ("write", "erase", "remove")
    effects = [n for n, name in enumerate(whole.fate.effects, 1) if name.startswith(writing)]

    for number in effects:
        files = Files()
        files.fate.effects.clear()
        files.fate.death = Death("after", number)
        with pytest.raises(Killed):
            files.erase()

        files.erase()

        assert files.everything == whole.everything


# ── afterwards ─────────────────────────────────────────────────────────────────


def test_a_colleagues_later_fact_changes_no_time_that_stood_before() -> None:
    world = make.World()
    world.state.write(make.geofence())
    for hour, resource in ((8, RESOURCE), (9, COLLEAGUE)):
        _tell(world, make.fact(Kind.ARRIVED, at(hour), resource=resource))
    visit = world.state.read(Visit, CONNECTION, APPOINTMENT)
    assert visit
    assert visit.ours.actual_start == at(8)

    world.state.write(without(visit, RESOURCE))
    _tell(world, make.fact(Kind.LEFT, at(10), resource=COLLEAGUE))

    assert world.salesforce.work[APPOINTMENT].actual_start == at(8)


def _tell(world: make.World, fact: Any) -> None:

    write_back.to_appointment(make.delivered(fact), world.desk)
