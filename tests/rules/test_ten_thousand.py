"""Ten thousand parked facts, replayed in any order and twice, are each written once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from fieldlink import replaying
from fieldlink.models import Outcome, Report
from fieldlink.parking import Attempt, parked
from fieldlink.records import Parked
from fieldlink.replaying import Replayed
from fieldlink.writing import reports
from tests import make
from tests.make import CONNECTION, World, at, event, geotag

if TYPE_CHECKING:
    from collections.abc import Iterator

JOBS, TELLINGS = 125, 20  # of four facts each
RESOURCES = [f"0Hn0000000{number:05}CAA" for number in range(125)]


def test_ten_thousand_parked_facts_are_written_once_however_often_they_are_replayed() -> None:
    world, random = World(resources=()), Random(16)  # noqa: S311
    messages = [each for number in range(JOBS) for each in told(number, world)]
    assert len(messages) == len({each.id for each in messages}) == 10_000

    for _ in range(2):
        park(messages, world)
        bodies = replayed(world)
        assert len(bodies) == 10_000
        random.shuffle(bodies)
        for body in bodies:
            reports.take(Report.model_validate_json(body), world.desk)

    assert rows(world) == Counter({"Arrived": JOBS, "Left": JOBS, "Checked out": JOBS})
    assert len(world.salesforce.entries) == JOBS
    assert {each.status for each in world.salesforce.work.values()} == {"Completed"}
    outcomes = Counter(each.outcome for each in world.ledger.rows)
    assert outcomes.total() == 10_000
    assert outcomes[Outcome.DUPLICATE] == 10_000 - 4 * JOBS
    assert world.state.all_of(Parked, CONNECTION) == []


def told(number: int, world: World) -> Iterator[Report]:
    """What HyperTrack told of an hour at one appointment, each thing several times."""
    appointment, resource = f"08p0000000{number:05}AAA", RESOURCES[number % len(RESOURCES)]
    world.salesforce.assign(appointment, resource)
    fence = f"fence-{number}"
    place = {"appointment": appointment, "resource": resource, "assignment": f"03r{number}"}
    world.state.write(make.geofence(id=fence, **place))
    starts = at(8) + timedelta(hours=4 * (number // len(RESOURCES)))
    ends = starts + timedelta(hours=1)
    metadata = {"service_appointment_id": appointment, "service_resource_id": resource}
    about: dict[str, Any] = {"geofence_id": fence, "geofence_metadata": metadata}
    for each in (
        geotag("PICK_UP", at=starts - timedelta(minutes=20), geofence_id=fence),
        event("entry", at=starts, **about),
        event("exit", at=ends, arrival={"recorded_at": starts.isoformat()}, **about),
        geotag("CHECK_OUT", at=ends - timedelta(minutes=2), geofence_id=fence),
    ):
        for telling in range(TELLINGS):
            created = ends + timedelta(minutes=telling)
            yield make.report({**each, "created_at": created.isoformat()})


def park(messages: list[Report], world: World) -> None:
    cause = "given up after 29 tries: Salesforce answered 503"
    bodies = [each.model_dump_json() for each in messages]
    attempts = [Attempt(CONNECTION, "events", body, "group", 29) for body in bodies]
    world.state.write_all(parked(each, cause, now=world.now) for each in attempts)


def replayed(world: World) -> list[str]:
    """The bodies that were sent, all of one group."""
    items = world.state.all_of(Parked, CONNECTION)
    assert [len(each.items) for each in replaying.groups(items)] == [10_000]
    numbers = iter(range(10_000))
    world.events.messages.clear()
    done = replaying.replay(
        items,
        state=world.state,
        queues={"events": world.events},
        random=lambda: str(next(numbers)),
        more=lambda: True,
    )
    assert done == Replayed(sent=10_000, left=0)
    return [each.body for each in world.events.queued]


def rows(world: World) -> Counter[str]:
    """How many Events there are of each kind."""
    return Counter(each.subject.partition(":")[0] for each in world.salesforce.events)
