"""A connection ends without leaving anything of it behind, but for the ledger."""

from __future__ import annotations

from typing import Any

import pytest

from fieldlink.connecting import disconnecting
from fieldlink.connecting.office import Office
from fieldlink.errors import Refused, Unavailable
from fieldlink.models import Fence, Poll, Sync
from fieldlink.records import (
    Access,
    Connection,
    LiveFence,
    OnShift,
    Order,
    Record,
    Tracking,
    WebhookKeys,
)
from tests.fakes import FakeAuthorisation, FakeOutbox, FakeVault
from tests.make import (
    APPOINTMENT,
    ASSIGNMENT,
    COLLEAGUE,
    CONNECTION,
    DEVICE,
    HANDLE,
    RESOURCE,
    World,
    connection,
    geofence,
    resource,
    worker,
)
from tests.rules.killing import every_death

OWN = "https://own.example.com"
FENCE = Fence(device=DEVICE, latitude=52.5, longitude=13.4, radius=100, metadata={})


def tracking(**more: Any) -> Tracking:
    return Tracking(
        connection=CONNECTION,
        resource=RESOURCE,
        appointment=APPOINTMENT,
        assignment=ASSIGNMENT,
        **more,
    )


class Town(World):
    """A connection with tokens and the geofences of two resources."""

    def __init__(self) -> None:
        super().__init__()
        self.vault = FakeVault(self.fate)
        self.authorisation = FakeAuthorisation(self.fate, valid={"refresh-1"})
        self.polls = FakeOutbox(self.fate, "Poll")
        tokens = '{"access_token": "access-1", "refresh_token": "refresh-1"}'
        sealed = self.vault.seal(tokens, connection=CONNECTION)
        self.state.write(connection())
        self.state.write(Access(connection=CONNECTION, tokens=sealed, instance_url=OWN))
        self.state.write(WebhookKeys(connection=CONNECTION, secrets=("sealed",)))
        fences = [
            geofence(id="g-1"),
            geofence(id="g-2", resource=COLLEAGUE),
            geofence(id="g-3", resource="0Hn000000000009CAA", live=False),
        ]
        self.state.write_all(fences)

    @property
    def office(self) -> Office:
        return Office(self.state, self.vault, self.authorisation, OWN, self.now)

    @property
    def kept(self) -> Connection:
        found = self.state.read(Connection, CONNECTION)
        assert found
        return found


def start(world: World) -> None:
    assert isinstance(world, Town)
    disconnecting.start(
        world.kept, office=world.office, changes=world.changes, polls=world.polls
    )


def finish(world: World, cause: str = "tick") -> bool:
    assert isinstance(world, Town)
    return disconnecting.finish(
        world.kept, office=world.office, changes=world.changes, cause=cause
    )


def fences_go(world: World) -> None:
    """What SyncTracking does with the messages."""
    world.state.write_all([geofence(id="g-1", live=False)])
    world.state.write_all([geofence(id="g-2", resource=COLLEAGUE, live=False)])


def started() -> Town:
    town = Town()
    start(town)
    fences_go(town)
    return town


def test_the_access_is_revoked_and_its_tokens_are_erased() -> None:
    town = Town()

    start(town)

    assert town.authorisation.revoked == ["refresh-1"]
    assert town.state.read(Access, CONNECTION) is None
    assert town.kept.state == "ending"


def test_everybody_with_a_geofence_is_looked_at_and_a_last_poll_comes() -> None:
    town = Town()

    start(town)

    bodies = [message.body for message in town.changes.messages]
    resources = [Sync.model_validate_json(each).resource for each in bodies]
    assert resources == [RESOURCE, COLLEAGUE]
    assert [message.body for message in town.polls.messages] == [
        Poll(connection=CONNECTION).model_dump_json()
    ]


def test_while_a_geofence_is_left_its_key_is_kept() -> None:
    town = Town()
    start(town)

    assert not finish(town)

    assert town.kept.hypertrack_secret
    assert town.state.read(WebhookKeys, CONNECTION)
    assert len(town.changes.queued) == 4


UNSETTLED: dict[str, dict[str, Any]] = {
    "creating": {"creating": FENCE},
    "leaving": {"leaving": ("g-9",)},
    "live": {"live": LiveFence(id="g-9", fence=FENCE)},
    "ordered": {"ordered": True},
}


@pytest.mark.parametrize("known_by", [resource(), worker()], ids=["resource", "worker"])
@pytest.mark.parametrize("fields", UNSETTLED.values(), ids=UNSETTLED.keys())
def test_a_geofence_that_nobody_lived_to_note_keeps_its_key(
    fields: dict[str, Any], known_by: Record
) -> None:
    town = started()
    town.state.write_all([known_by, tracking(**fields)])
    before = len(town.changes.queued)

    assert not finish(town)

    assert town.kept.hypertrack_secret
    bodies = [message.body for message in town.changes.queued[before:]]
    assert [Sync.model_validate_json(each).resource for each in bodies] == [RESOURCE]


def order(**more: Any) -> Order:
    fields = {
        "connection": CONNECTION,
        "id": HANDLE,
        "resource": RESOURCE,
        "appointment": APPOINTMENT,
        "assignment": ASSIGNMENT,
        **more,
    }
    return Order.model_validate(fields)


def test_an_order_keeps_its_key_and_whoever_has_it_is_told_of_which() -> None:
    town = started()
    town.state.write_all([order(tracked=True), order(id="another", ttl=1)])
    before = len(town.changes.queued)

    assert not finish(town)

    [message] = town.changes.queued[before:]
    told = Sync.model_validate_json(message.body)
    assert (told.resource, told.assignments) == (RESOURCE, ((APPOINTMENT, ASSIGNMENT),))
    town.state.write_all([order(tracked=True, ended_by_us=True, ttl=1)])
    assert finish(town)


@pytest.mark.parametrize("tracking", [True, False])
def test_a_switch_that_is_on_keeps_its_key(tracking: bool) -> None:
    town = started()
    town.state.write(OnShift(connection=CONNECTION, resource=RESOURCE, tracking=tracking))

    assert finish(town) is not tracking


def test_work_that_only_waits_does_not_keep_a_connection_from_ending() -> None:
    town = started()
    town.state.write_all([resource(), tracking(waiting="no device yet")])

    assert finish(town)


def test_at_the_end_no_secret_is_left() -> None:
    town = started()

    assert finish(town)

    assert town.kept.state == "ended"
    assert town.kept.hypertrack_secret == ""
    assert town.state.kinds == {"Connection": 1, "Geofence": 3}


def test_the_connection_ends_clean_whoever_dies_when_it_is_started() -> None:
    for world, death in every_death(Town, start):
        assert isinstance(world, Town)
        if world.kept.state == "connected":
            start(world)
        finish(world, "first")
        fences_go(world)

        assert finish(world, "second"), death
        assert world.authorisation.valid == set(), death
        assert world.state.kinds == {"Connection": 1, "Geofence": 3}, death


def test_the_connection_ends_clean_whoever_dies_when_it_is_finished() -> None:
    for world, death in every_death(started, finish):
        assert isinstance(world, Town)
        if world.kept.state != "ended":
            assert finish(world), death

        assert world.state.kinds == {"Connection": 1, "Geofence": 3}, death
        assert world.kept.hypertrack_secret == "", death


def test_salesforce_being_down_only_puts_the_revocation_off() -> None:
    town = Town()
    town.fate.fail("revoke", Unavailable("503"), times=1)
    with pytest.raises(Unavailable):
        start(town)
    kept: Any = town.kept.state
    fences_go(town)

    assert finish(town)

    assert kept == "ending"
    assert town.authorisation.revoked == ["refresh-1"]
    assert town.state.read(Access, CONNECTION) is None


def test_a_login_that_knows_our_app_no_more_does_not_keep_the_tokens_here() -> None:
    town = Town()
    town.fate.fail("revoke", Refused("invalid_client_id"))

    start(town)

    assert town.state.read(Access, CONNECTION) is None


def test_only_one_of_two_operators_ends_a_connection() -> None:
    town = Town()
    seen = town.kept
    start(town)

    with pytest.raises(Unavailable):
        disconnecting.start(seen, office=town.office, changes=town.changes, polls=town.polls)

    assert town.authorisation.revoked == ["refresh-1"]
