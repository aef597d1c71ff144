"""A dry run of other settings, which changes nothing and asks Salesforce once."""

from typing import Any

from fieldlink.rehearsing import rehearsal
from fieldlink.rehearsing.rehearsal import Rehearsal
from tests.make import World


def rehearsed(world: World, **practice: Any) -> Rehearsal:
    before, kept = len(world.fate.effects), state_of(world)
    found = rehearsal.rehearse(
        world.connection,
        world.connection.practice.model_copy(update=practice),
        state=world.state,
        ledger=world.ledger,
        org=world.salesforce,
        now=world.now,
    )
    effects = world.fate.effects[before:]
    assert not [each for each in effects if each.startswith(("write", "put", "erase"))]
    assert effects.count("views") <= 1
    assert state_of(world) == kept
    return found


def state_of(world: World) -> tuple[object, ...]:
    org = world.salesforce
    return (*world.ledger.rows, *map(repr, (org.work, org.entries, org.events, org.done)))
