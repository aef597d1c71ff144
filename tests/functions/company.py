"""A connection of many technicians, DynamoDB's troubles, and what must be true after them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fieldlink.books import chaining
from fieldlink.models import Outcome
from fieldlink.records import Parked, Visit
from fieldlink.wiring import now
from functions import update_salesforce
from tests.functions.conftest import CONNECTION
from tests.functions.fleet import Fleet

if TYPE_CHECKING:
    from local.salesforce import FakeSalesforce
    from tests.functions.in_memory import House

ROUNDS = 25  # of ten minutes, at most


class Company:
    """Technicians arrive, and what they report is worked off."""

    def __init__(self, house: House, salesforce: FakeSalesforce) -> None:
        self.house = house
        self.salesforce = salesforce
        self.hired = 0

    def arrivals(self, size: int) -> Fleet:
        """So many technicians are new, and arrive."""
        fleet = Fleet(self.house, self.salesforce, size, first=self.hired)
        self.hired += size
        fleet.arrive(range(size))
        return fleet

    def worked_off(self) -> int:
        """What can be had from the queues; returns how often DynamoDB was asked for that."""
        self.house.aws.asked.clear()
        self.house.work_off(update_salesforce.lambda_handler)
        return self.house.aws.asked.total()

    def undisturbed(self, size: int) -> int:
        """How often it is asked if all is well, once anything of the connection is known."""
        self.arrivals(1)
        self.worked_off()
        self.arrivals(size)
        return self.worked_off()

    def recovered(self, fleet: Fleet) -> int:
        """All is well again and what waits comes; how often DynamoDB was asked for that."""
        asked = 0
        for _ in range(ROUNDS):
            if not self.house.events.lying:
                break
            fleet.age()
            self.house.pass_time()
            asked += self.worked_off()
        return asked


def whole(fleet: Fleet) -> bool:
    """Each arrival is written, noted and known, once, and the chain of the day holds."""
    house, told, ledger = fleet.house, fleet.told, fleet.ledger
    assert (house.events.lying, house.events.dead) == ([], [])
    assert fleet.started == list(range(len(fleet.jobs)))
    assert [told.count(each) for each in fleet.jobs] == [1] * len(fleet.jobs)
    noted = [(row.appointment, row.outcome) for row in ledger if row.appointment in fleet.jobs]
    assert sorted(noted) == [(each, Outcome.APPLIED) for each in sorted(fleet.jobs)]
    assert house.bundle.state.all_of(Parked, CONNECTION) == []
    visits = house.bundle.state.read_many(Visit, [(CONNECTION, job) for job in fleet.jobs])
    assert [each.intent for each in visits] == [None] * len(fleet.jobs)
    known = {key for each in visits for key in each.facts}
    assert known >= {f"geofence/m{fleet.first + each}/entry" for each in range(len(visits))}
    today, books = now().date(), house.bundle.ledger
    since = fleet.at - timedelta(days=2)
    [verdict] = chaining.verify(
        CONNECTION, today, today, ledger=books, kept_since=since, more=lambda: True
    ).days
    assert verdict.findings == ()
    return True
