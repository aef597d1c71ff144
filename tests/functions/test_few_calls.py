"""Under load a batch becomes few calls of Salesforce, and each message has its own result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.models import Outcome
from fieldlink.records import Parked
from functions import update_salesforce
from tests.functions.conftest import CONNECTION
from tests.functions.fleet import Fleet

if TYPE_CHECKING:
    from fieldlink.records import Connection
    from local.salesforce import FakeSalesforce
    from tests.functions.in_memory import House

MOST_CALLS = 60  # for a thousand


def test_a_thousand_arrivals_are_written_in_sixty_calls(
    house: House, connection: Connection, salesforce: FakeSalesforce
) -> None:
    assert connection
    fleet = Fleet(house, salesforce, 1_000)
    fleet.arrive(range(1_000))
    before = salesforce.api_calls

    batches = house.work_off(update_salesforce.lambda_handler)

    assert salesforce.api_calls - before <= MOST_CALLS
    assert batches == 10
    assert fleet.started == list(range(1_000))
    assert fleet.told == sorted(fleet.jobs)
    assert [row.outcome for row in fleet.ledger] == [Outcome.APPLIED] * 1_000
    assert house.events.lying == []


def test_facts_of_one_visit_that_come_in_one_batch_are_written_in_one_call(
    house: House, connection: Connection, salesforce: FakeSalesforce
) -> None:
    assert connection
    fleet = Fleet(house, salesforce, 30)
    fleet.tell_whole_visits(range(30))
    before = salesforce.api_calls

    batches = house.work_off(update_salesforce.lambda_handler)

    # Ten messages are three visits and a part of a fourth; its rest comes with the next batch.
    assert batches == 2
    assert salesforce.api_calls - before == 2 * batches
    assert fleet.told == sorted(fleet.jobs * 3)
    statuses = {salesforce.row("ServiceAppointment", each)["Status"] for each in fleet.jobs}
    assert statuses == {"Completed"}
    assert [row.outcome for row in fleet.ledger] == [Outcome.APPLIED] * 90


def test_one_arrival_alone_costs_a_look_and_a_write(
    house: House, connection: Connection, salesforce: FakeSalesforce
) -> None:
    assert connection
    fleet = Fleet(house, salesforce, 2)
    fleet.arrive([0])
    before = salesforce.api_calls

    house.work_off(update_salesforce.lambda_handler)

    assert salesforce.api_calls - before == 2
    assert fleet.started == [0]


def test_what_is_refused_in_a_joint_write_is_parked_alone(
    house: House, connection: Connection, salesforce: FakeSalesforce
) -> None:
    assert connection
    fleet = Fleet(house, salesforce, 30)
    salesforce.faults += [
        {
            "match": {"method": "GRAPH", "contains": fleet.jobs[number]},
            "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "message": "Call the customer first.",
            "times": None,
        }
        for number in (3, 17)
    ]
    fleet.arrive(range(30))

    house.work_off(update_salesforce.lambda_handler)

    assert fleet.started == [each for each in range(30) if each not in {3, 17}]
    parked = house.bundle.state.all_of(Parked, CONNECTION)
    assert len(parked) == 2
    assert {"Call the customer first." in each.cause for each in parked} == {True}


def test_a_row_that_is_locked_in_a_joint_write_is_written_with_the_next(
    house: House, connection: Connection, salesforce: FakeSalesforce
) -> None:
    assert connection
    fleet = Fleet(house, salesforce, 60)
    locked = {"method": "GRAPH", "path": ""}
    salesforce.faults.append(
        {"match": locked, "errorCode": "UNABLE_TO_LOCK_ROW", "share": 0.2, "times": None}
    )
    fleet.arrive(range(60))

    for _ in range(12):
        house.work_off(update_salesforce.lambda_handler)
        house.pass_time()

    assert fleet.started == list(range(60))
    assert fleet.told == sorted(fleet.jobs)
    assert house.bundle.state.all_of(Parked, CONNECTION) == []


@pytest.mark.parametrize("fault", [{"status": 500, "body": "<html>"}, {"drop": True}])
def test_after_a_joint_write_whose_answer_was_lost_nothing_is_written_before_it_was_looked_for(
    house: House, connection: Connection, salesforce: FakeSalesforce, fault: dict[str, Any]
) -> None:
    assert connection
    fleet = Fleet(house, salesforce, 20)
    salesforce.faults.append(
        {"match": {"path": "composite/graph"}, "after": True, "times": 1, **fault}
    )
    fleet.arrive(range(20))

    house.work_off(update_salesforce.lambda_handler)
    written = fleet.told
    house.pass_time()
    before = len(salesforce.writes)
    house.work_off(update_salesforce.lambda_handler)

    assert written == sorted(fleet.jobs)  # Salesforce had carried it out
    assert len(salesforce.writes) == before  # and nobody writes while it may be at it still
    fleet.age()
    house.pass_time()
    house.work_off(update_salesforce.lambda_handler)
    assert fleet.told == sorted(fleet.jobs)
    assert fleet.started == list(range(20))
    assert [row.outcome for row in fleet.ledger] == [Outcome.APPLIED] * 20
    assert house.events.lying == []


def test_a_hundred_check_outs_whose_answer_was_lost_are_looked_for_with_a_look_and_a_search(
    house: House, connection: Connection, salesforce: FakeSalesforce
) -> None:
    assert connection
    fleet = Fleet(house, salesforce, 100)
    fleet.arrive(range(100))
    house.work_off(update_salesforce.lambda_handler)
    lost = {"match": {"path": "composite/graph"}, "after": True, "drop": True, "times": 2}
    salesforce.faults.append(lost)
    fleet.check_out(range(100))
    for _ in range(2):  # 75 graphs go in a call, and after a lost answer no other goes out
        house.work_off(update_salesforce.lambda_handler)
        house.pass_time()
    written = len(salesforce.rows("TimeSheetEntry"))
    before = salesforce.api_calls

    fleet.age()
    house.work_off(update_salesforce.lambda_handler)

    assert written >= 100  # Salesforce had carried it out
    assert salesforce.api_calls - before == 2
    assert len(salesforce.rows("TimeSheetEntry")) == written
    assert fleet.told == sorted([*fleet.jobs, *fleet.jobs])
    sheets = [row["ServiceResourceId"] for row in salesforce.rows("TimeSheet")]
    assert sorted(sheets) == sorted(fleet.people)
    assert [row.outcome for row in fleet.ledger] == [Outcome.APPLIED] * 200
    assert house.events.lying == []
