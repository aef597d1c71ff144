"""The org in memory, which the rules are tested with, does as the real adapter does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import requests

from fieldlink.adapters.salesforce import SalesforceOrg
from fieldlink.adapters.salesforce_rest import SalesforceRest
from fieldlink.adapters.salesforce_soql import Wants
from fieldlink.errors import Refused
from fieldlink.models import Ability, Place, Writes
from fieldlink.records import Shift
from local.salesforce import FakeSalesforce as Simulator
from tests import fakes
from tests.adapters.salesforce_work import look, task
from tests.fakes import FakeState
from tests.local.salesforce_setting import CLIENT, allow, exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fieldlink.ports import Salesforce

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIELD = "Live_Link__c"
HERE = Place(latitude=52.520008, longitude=13.404954)


class House(Protocol):
    """An org with one appointment of one resource, and what can be seen of it past us."""

    org: Salesforce
    job: str
    rosa: str

    def tasks(self) -> list[dict[str, Any]]: ...

    def place(self) -> tuple[float, float, datetime]: ...

    def plan(self, start: datetime, end: datetime, *, firm: bool = True) -> str: ...

    def drop(self, shift: str) -> None: ...

    def forbid(self) -> None:
        """Nobody may make a Task any more, nor say where somebody is."""
        ...


class Real:
    """The adapter, on the simulated Salesforce."""

    def __init__(self, simulator: Simulator, http: requests.Session) -> None:
        self.simulator = simulator
        simulator.add_field("ServiceAppointment", FIELD)
        self.rosa = simulator.add_resource("Rosa", "rosa@example.com")
        self.job = simulator.add_appointment(self.rosa, NOW + HOUR)
        token = str(exchange(simulator, allow(simulator)).json()["access_token"])
        rest = SalesforceRest(http, _Key(simulator.url, token), "67.0")
        user, wants = simulator.integration_user_id, Wants(FIELD, shifts=True, positions=True)
        self.org: Salesforce = SalesforceOrg(rest, "c", user, wants)

    def tasks(self) -> list[dict[str, Any]]:
        return [
            {"id": each["Id"], "subject": each["Subject"], "urgent": each["Priority"] == "High"}
            for each in self.simulator.rows("Task")
        ]

    def place(self) -> tuple[float, float, datetime]:
        row = self.simulator.row("ServiceResource", self.rosa)
        at = datetime.fromisoformat(row["LastKnownLocationDate"])
        return row["LastKnownLatitude"], row["LastKnownLongitude"], at

    def plan(self, start: datetime, end: datetime, *, firm: bool = True) -> str:
        status = "Published" if firm else "Tentative"
        return self.simulator.add_shift(self.rosa, start, end, Status=status)

    def drop(self, shift: str) -> None:
        self.simulator.delete("Shift", shift)

    def forbid(self) -> None:
        self.simulator.read_only |= {"Task", "ServiceResource"}


class _Key:
    """A pass that nobody renews."""

    def __init__(self, url: str, token: str) -> None:
        self.instance_url, self.token = url, token

    def renew(self, why: str) -> None:
        raise AssertionError(why)

    def give_up(self, code: str, message: str) -> None:
        raise AssertionError(code, message)


@dataclass
class InMemory:
    """The fake."""

    fake: fakes.FakeSalesforce = field(
        default_factory=lambda: fakes.FakeSalesforce(
            link_field=True, shifts_wanted=True, now=NOW
        )
    )
    job: str = "08p000000000001AAA"
    rosa: str = "0Hn000000000001CAA"

    def __post_init__(self) -> None:
        self.fake.assign(self.job, self.rosa)

    @property
    def org(self) -> Salesforce:
        return self.fake

    @org.setter
    def org(self, _: Salesforce) -> None:
        raise AssertionError

    def tasks(self) -> list[dict[str, Any]]:
        return [
            {"id": each.id, "subject": each.subject, "urgent": each.urgent}
            for each in self.fake.tasks
        ]

    def place(self) -> tuple[float, float, datetime]:
        [*_, last] = self.fake.located
        assert last.resource == self.rosa
        return last.place.latitude, last.place.longitude, last.at

    def plan(self, start: datetime, end: datetime, *, firm: bool = True) -> str:
        made = f"0SH00000000000{len(self.fake.changed)}AAA"
        self._put(made, start, end, firm=firm)
        return made

    def drop(self, shift: str) -> None:
        self._put(shift, NOW, NOW, deleted=True)

    def _put(self, made: str, start: datetime, end: datetime, **more: Any) -> None:
        row = Shift(
            connection="c", id=made, resource=self.rosa, starts_at=start, ends_at=end, **more
        )
        self.fake.changed.append((NOW, row))

    def forbid(self) -> None:
        lacking = {Ability.TASKS: "read only", Ability.POSITIONS: "read only"}
        self.fake.told = self.fake.told.model_copy(update={"lacking": lacking})


@pytest.fixture(params=["real", "in memory"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    if request.param == "in memory":
        yield InMemory()
        return
    with (
        Simulator(clock=lambda: NOW, client_secret=CLIENT["client_secret"]) as simulator,
        requests.Session() as http,
    ):
        http.trust_env = False
        yield Real(simulator, http)


def writes(house: House, **more: Any) -> Writes:
    return Writes.model_validate({"appointment": house.job, **more})


@pytest.mark.parametrize("urgent", [True, False])
def test_a_task_is_made_and_found_by_its_reference(house: House, urgent: bool) -> None:
    made = house.org.write(writes(house, task=task(urgent=urgent)))

    assert house.tasks() == [
        {"id": made.task, "subject": "Not tracked: Rosa", "urgent": urgent}
    ]
    assert house.org.find(writes(house, task=task())).task == made.task
    assert house.org.find(writes(house, task=task("other"))).task == ""


def test_a_link_stands_until_it_is_taken_out(house: House) -> None:
    seen = []
    for link in ("https://trck.at/1", "https://trck.at/2", None):
        house.org.write(writes(house, changes={"share_link": link}))
        view = house.org.view(look(house.job, house.rosa))
        seen.append((view.link_field, view.share_link))

    assert seen == [(True, "https://trck.at/1"), (True, "https://trck.at/2"), (True, None)]


def test_the_last_position_stands_with_its_second(house: House) -> None:
    for seconds in (1, 61):
        house.org.locate(
            house.rosa, HERE, NOW + timedelta(seconds=seconds, microseconds=700_000)
        )

    latitude, longitude, at = house.place()
    assert (latitude, longitude) == pytest.approx((HERE.latitude, HERE.longitude))
    assert at == NOW + timedelta(seconds=61)


def test_what_nobody_may_write_is_refused(house: House) -> None:
    house.forbid()

    with pytest.raises(Refused):
        house.org.write(writes(house, task=task()))
    with pytest.raises(Refused):
        house.org.locate(house.rosa, HERE, NOW)

    assert house.tasks() == []


def test_a_look_at_everything_has_the_shifts_around_now_and_the_statuses(house: House) -> None:
    near = house.plan(NOW, NOW + 8 * HOUR)
    tentative = house.plan(NOW + DAY, NOW + DAY + HOUR, firm=False)
    house.plan(NOW - 9 * DAY, NOW - 8 * DAY)
    house.plan(NOW + 15 * DAY, NOW + 16 * DAY)
    gone = house.plan(NOW, NOW + HOUR)
    house.drop(gone)

    seen = house.org.changes(None)

    assert {each.id: each.firm for each in seen.shifts} == {near: True, tentative: False}
    assert (seen.shifts_seen, bool(seen.statuses)) == (True, True)


def test_a_look_for_changes_has_every_shift_and_no_statuses(house: House) -> None:
    far = house.plan(NOW + 90 * DAY, NOW + 91 * DAY)
    gone = house.plan(NOW, NOW + HOUR)
    house.drop(gone)

    seen = house.org.changes(NOW)

    assert {each.id: each.deleted for each in seen.shifts} == {far: False, gone: True}
    assert (seen.shifts_seen, seen.statuses) == (True, ())


def test_a_shift_that_is_known_is_only_named(house: House) -> None:
    shift = house.plan(NOW, NOW + HOUR)
    state = FakeState()
    state.write_all(house.org.changes(NOW, state.fingerprints).shifts)

    again = house.org.changes(NOW, state.fingerprints)

    assert again.shifts == ()
    assert shift in again.unchanged
