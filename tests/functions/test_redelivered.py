"""What comes twice, or late, or while AWS has its troubles, is written once and not lost."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from fieldlink.adapters.aws_errors import TRIES
from fieldlink.models import Outcome
from fieldlink.records import Parked
from functions import update_salesforce
from tests.functions.calls import CONTEXT
from tests.functions.conftest import CONNECTION
from tests.functions.fleet import Fleet
from tests.functions.in_memory import House, Trouble

if TYPE_CHECKING:
    from fieldlink.records import Connection
    from local.salesforce import FakeSalesforce

ROUNDS = 25  # of ten minutes, at most


def whole(fleet: Fleet) -> bool:
    """Everything is written, once, and noted, once."""
    size = len(fleet.jobs)
    assert fleet.started == list(range(size))
    assert fleet.told == sorted(fleet.jobs)
    assert [row.outcome for row in fleet.ledger] == [Outcome.APPLIED] * size
    assert fleet.house.bundle.state.all_of(Parked, CONNECTION) == []
    return True


def test_what_the_queue_brings_again_after_it_was_done_writes_nothing(
    house: House, connection: Connection, salesforce: FakeSalesforce
) -> None:
    assert connection
    fleet = Fleet(house, salesforce, 30)
    fleet.arrive(range(30))
    again = [(each.body, each.group) for each in house.events.lying]
    house.work_off(update_salesforce.lambda_handler)
    written, calls = len(salesforce.writes), salesforce.api_calls

    house.events.fill(again)
    house.work_off(update_salesforce.lambda_handler)

    assert house.events.lying == []
    assert (len(salesforce.writes), salesforce.api_calls) == (written, calls)
    assert whole(fleet)


def test_what_is_lent_to_another_worker_before_the_first_has_ended_is_written_once(
    house: House, connection: Connection, salesforce: FakeSalesforce
) -> None:
    """The first one was slow: its batch is another's by the time that it is done."""
    assert connection
    fleet = Fleet(house, salesforce, 9)
    fleet.arrive(range(9))
    slow = house.events.event()
    house.pass_time(house.events.time_out)
    quick = house.events.event()
    assert len(quick["Records"]) == 9

    for event in (quick, slow):
        house.events.settle(event, update_salesforce.lambda_handler(event, CONTEXT))

    assert house.events.lying == []
    assert whole(fleet)


def test_a_worker_that_dies_with_a_hundred_in_hand_has_lost_none_of_them(
    house: House, connection: Connection, salesforce: FakeSalesforce
) -> None:
    """It has written all that it had, and nothing of that has been taken off the queue."""
    assert connection
    fleet = Fleet(house, salesforce, 60)
    fleet.arrive(range(60))
    lying = list(house.events.lying)
    update_salesforce.lambda_handler(house.events.event(), CONTEXT)
    house.events.lying = lying

    house.pass_time(house.events.time_out)
    house.work_off(update_salesforce.lambda_handler)

    assert house.events.lying == []
    assert whole(fleet)


@pytest.mark.parametrize("seed", [1, 2])
def test_while_dynamodb_throttles_and_fails_nothing_is_lost_or_doubled_and_it_is_spared(
    house: House, connection: Connection, salesforce: FakeSalesforce, seed: int
) -> None:
    """Thirty calls of a hundred are throttled, and one fails, done or not."""
    assert connection
    calm = Fleet(house, salesforce, 100)
    house.aws.asked.clear()
    calm.arrive(range(100))
    house.work_off(update_salesforce.lambda_handler)
    needed = house.aws.asked.total()
    before, ledger = len(calm.told), len(calm.ledger)

    fleet = Fleet(house, salesforce, 100, first=100)
    fleet.arrive(range(100))
    house.aws.asked.clear()
    asked = 0
    for _ in range(ROUNDS):
        house.aws.trouble = Trouble(Random(seed), throttled=0.3, failed=0.01)  # noqa: S311
        house.aws.asked.clear()
        house.work_off(update_salesforce.lambda_handler)
        asked += house.aws.asked.total()
        house.aws.trouble = None
        fleet.age()
        house.pass_time()
        seed += 100

    assert asked <= 3 * needed
    assert house.events.lying == []
    assert fleet.started == list(range(100))
    assert len(fleet.told) - before == 100
    assert len(set(fleet.told)) == len(fleet.told)
    assert len(fleet.ledger) - ledger == 100
    assert house.bundle.state.all_of(Parked, CONNECTION) == []


def test_a_table_that_does_not_answer_is_asked_no_more_often_for_it(
    house: House, connection: Connection, salesforce: FakeSalesforce
) -> None:
    """Every call is throttled: a batch makes one step, with ever longer pauses, and waits."""
    assert connection
    fleet = Fleet(house, salesforce, 100)
    fleet.arrive(range(100))
    house.aws.trouble = Trouble(Random(1), throttled=1)  # noqa: S311
    house.aws.asked.clear()

    house.work_off(update_salesforce.lambda_handler)

    assert house.aws.asked.total() == TRIES
    house.aws.trouble = None
    house.pass_time()
    house.work_off(update_salesforce.lambda_handler)
    assert house.events.lying == []
    assert whole(fleet)
