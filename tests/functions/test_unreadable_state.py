"""A record that can't be read, as one of a later version for the version before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fieldlink.adapters.dynamodb_keys import KEYS, as_item
from fieldlink.errors import Refused
from fieldlink.models import Outcome
from fieldlink.records import (
    Access,
    Capabilities,
    Connection,
    Day,
    Gate,
    Parked,
    Record,
    Visit,
)
from fieldlink.writing.desk import Desk
from functions import update_salesforce
from tests.functions.conftest import CONNECTION
from tests.functions.fleet import Fleet

if TYPE_CHECKING:
    from local.salesforce import FakeSalesforce
    from tests.functions.in_memory import House

ROUNDS = 20  # of ten minutes, at most


def until_parked(house: House) -> None:
    """Time for all tries."""
    for _ in range(ROUNDS):
        house.work_off(update_salesforce.lambda_handler)
        house.pass_time()


@pytest.mark.parametrize("kind", [Visit, Day])
@pytest.mark.parametrize("stored", [{"body": {"S": "{}"}}, {"whole": {"B": "bm8="}}], ids=str)
def test_what_is_told_of_what_cannot_be_read_is_parked_and_nothing_else_is(
    house: House,
    connection: Connection,
    salesforce: FakeSalesforce,
    stored: dict[str, dict[str, str]],
    kind: type[Visit | Day],
) -> None:
    assert connection
    fleet = Fleet(house, salesforce, 9)
    day = (CONNECTION, fleet.people[3], fleet.at.date().isoformat())
    keys = as_item(KEYS[kind](*(day if kind is Day else (CONNECTION, fleet.jobs[3]))))
    house.aws.tables._put({**keys, "version": {"N": "7"}, **stored})

    fleet.arrive(range(9))
    until_parked(house)

    assert house.events.lying == []
    assert fleet.started == [0, 1, 2, 4, 5, 6, 7, 8]
    assert len(fleet.told) == 8
    [parked] = house.bundle.state.all_of(Parked, CONNECTION)
    assert fleet.jobs[3] in parked.body
    outcomes = sorted(row.outcome for row in fleet.ledger)
    assert outcomes == [Outcome.APPLIED] * 8 + [Outcome.PARKED]


@pytest.mark.parametrize("kind", [Connection, Access, Capabilities, Gate])
def test_what_is_told_of_a_connection_that_cannot_be_read_is_parked_and_comes_no_more(
    house: House,
    connection: Connection,
    salesforce: FakeSalesforce,
    kind: type[Record],
) -> None:
    fleet = Fleet(house, salesforce, 2)
    keys = as_item(KEYS[kind](connection.connection))
    house.aws.tables._put({**keys, "version": {"N": "7"}, "body": {"S": "{}"}})

    fleet.arrive(range(2))
    until_parked(house)

    assert house.events.lying == []
    assert len(house.bundle.state.all_of(Parked, CONNECTION)) == 2


def test_of_connections_that_are_read_at_once_one_that_cannot_be_read_refuses_no_other(
    house: House, connection: Connection
) -> None:
    other = connection.model_copy(update={"connection": "another", "version": 0})
    house.bundle.state.write_all([other])
    keys = as_item(KEYS[Gate](other.connection))
    house.aws.tables._put({**keys, "version": {"N": "7"}, "body": {"S": "{}"}})

    desks = house.bundle.desks([connection.connection, other.connection, "nobody"])

    desk, refused, nobody = (
        desks[each] for each in (connection.connection, other.connection, "nobody")
    )
    assert isinstance(desk, Desk)
    assert desk.connection.connection == connection.connection
    assert isinstance(refused, Refused)
    assert nobody is None
