"""DynamoDB answers later than we wait for it: nothing is lost, nothing is written twice, and it
is asked little more often for it.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from functions import update_salesforce
from tests.fakes import Killed
from tests.functions.calls import Context
from tests.functions.company import ROUNDS, Company, whole
from tests.functions.in_memory import House, InMemory
from tests.functions.late import Distant, Late, on_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fieldlink.config import AwsAccess
    from fieldlink.records import Connection
    from fieldlink.wiring import Services
    from local.salesforce import FakeSalesforce
    from tests.conftest import Pretended

FEW, MANY, VERY_MANY = 3, 60, 300  # the last: three batches of a hundred
LAMBDA = 60_000  # milliseconds that UpdateSalesforce has, as in the template


@pytest.fixture
def house(aws: Pretended, bundle: Services) -> House:
    made = House(bundle, aws.access)
    made.aws = bundle._aws = Slow(aws.access)
    return made


@pytest.fixture
def late(house: House, aws: Pretended) -> Iterator[Late]:
    """The house's tables, over the wire."""
    tables = Late(house.aws.tables)
    with on_loopback(tables) as url:
        house.aws = house.bundle._aws = Distant(aws.access, url)
        yield tables


@pytest.mark.parametrize("done_first", [True, False], ids=["done", "done after the next call"])
def test_whichever_call_is_answered_later_than_we_wait_its_fact_is_written_once(
    house: House,
    late: Late,
    connection: Connection,
    salesforce: FakeSalesforce,
    done_first: bool,
) -> None:
    """Each call of a batch in its turn."""
    assert connection
    company = Company(house, salesforce)
    needed = company.undisturbed(FEW)
    late.done_first = done_first
    for number in range(1, needed + 1):
        fleet = company.arrivals(FEW)
        late.hold_back(number.__eq__)
        asked = company.worked_off()
        assert late.held_back == 1
        late.hold_back()
        asked += company.recovered(fleet)

        assert whole(fleet), number
        assert asked <= 3 * needed, number


def test_while_one_call_of_thirty_is_answered_too_late_the_table_is_spared(
    house: House, late: Late, connection: Connection, salesforce: FakeSalesforce
) -> None:
    assert connection
    company = Company(house, salesforce)
    needed, asked, held = company.undisturbed(VERY_MANY), 0, 0
    fleet, numbers = company.arrivals(VERY_MANY), count(1)

    for _ in range(ROUNDS):
        late.hold_back(lambda _: next(numbers) % 30 == 0)
        asked += company.worked_off()
        held += late.held_back
        late.hold_back()
        fleet.age()
        house.pass_time()

    assert held > 1
    assert whole(fleet)
    assert asked <= 3 * needed


def test_a_table_that_answers_nobody_in_time_is_asked_once_for_a_batch(
    house: House, late: Late, connection: Connection, salesforce: FakeSalesforce
) -> None:
    """Not again within the call: whoever did not answer in five seconds has too much to do."""
    assert connection
    company = Company(house, salesforce)
    fleet = company.arrivals(MANY)
    late.hold_back(lambda _: True)

    assert company.worked_off() == 1
    late.hold_back()
    company.recovered(fleet)

    assert whole(fleet)


class Slow(InMemory):
    """Every call takes its time; a function that has none left is killed."""

    def __init__(self, access: AwsAccess) -> None:
        super().__init__(access)
        self.takes, self.left = 0, LAMBDA

    def _send(self, service: str, request: Any) -> Any:
        if service == "dynamodb":
            self.left -= self.takes
        if self.left < 0:
            raise Killed
        return super()._send(service, request)


class Deadline(Context):
    """The time that is left."""

    slow: Slow

    def get_remaining_time_in_millis(self) -> int:
        return self.slow.left


@pytest.mark.filterwarnings("ignore:No application metrics")  # of whoever is killed
@pytest.mark.parametrize("takes", [2_900, 3_500, 4_100, 4_900])
def test_while_all_calls_take_almost_as_long_as_we_wait_who_gives_up_or_is_killed_loses_nothing(
    house: House, connection: Connection, salesforce: FakeSalesforce, takes: int
) -> None:
    """A batch takes some nineteen of them, and a function has a minute. Two tries meet that."""
    assert connection
    company = Company(house, salesforce)
    needed, asked = company.undisturbed(FEW), 0
    fleet = company.arrivals(FEW)
    slow, context = house.aws, Deadline()
    assert isinstance(slow, Slow)
    context.slow = slow
    for _ in range(2):
        slow.asked.clear()
        slow.takes, slow.left = takes, LAMBDA
        with suppress(Killed):
            house.work_off(update_salesforce.lambda_handler, context)
        asked += slow.asked.total()
        house.pass_time()
    slow.takes, slow.left = 0, LAMBDA
    asked += company.recovered(fleet)

    assert whole(fleet)
    assert asked <= 3 * needed
