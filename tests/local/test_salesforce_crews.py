"""The managed package of the simulator beyond one appointment: crews, territories, the day."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from local.salesforce import FakeSalesforce
from tests.local.salesforce_setting import MORNING, Caller, running

REFUSED = (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
LATER = "2026-03-04T08:01:00.000+0000"


@pytest.fixture
def app() -> Iterator[Caller]:
    with running() as caller:
        yield caller


@pytest.fixture
def salesforce(app: Caller) -> FakeSalesforce:
    return app.salesforce


@pytest.fixture
def ada(salesforce: FakeSalesforce) -> str:
    return salesforce.add_resource("Ada Lovelace", "ada@example.com")


@pytest.fixture
def bob(salesforce: FakeSalesforce) -> str:
    return salesforce.add_resource("Bob Boole", "bob@example.com")


@pytest.fixture
def bare(salesforce: FakeSalesforce) -> str:
    return salesforce.add_appointment(None, MORNING + timedelta(hours=1))


def assigned(salesforce: FakeSalesforce) -> list[tuple[str, str | None]]:
    return sorted(
        (row["ServiceResourceId"], row["ServiceCrewId"])
        for row in salesforce.rows("AssignedResource")
    )


def day(salesforce: FakeSalesforce, resource: str) -> list[str]:
    """Three appointments of one resource on one day, and one on the next."""
    hours = (1, 3, 5, 25)
    return [
        salesforce.add_appointment(resource, MORNING + timedelta(hours=each)) for each in hours
    ]


def moved(salesforce: FakeSalesforce) -> set[str]:
    rows = salesforce.rows("ServiceAppointment")
    return {row["Id"] for row in rows if row["SystemModstamp"] == LATER}


def change(app: Caller, appointment: str, **fields: Any) -> int:
    path = f"sobjects/ServiceAppointment/{appointment}"
    return app.call("PATCH", path, fields).status_code


def test_the_assignment_of_a_crew_spawns_one_for_each_member(
    app: Caller, salesforce: FakeSalesforce, ada: str, bob: str, bare: str
) -> None:
    crew = salesforce.add_crew("Lift crew", ada, bob)
    (row,) = salesforce.rows("ServiceCrew")

    body = {"ServiceAppointmentId": bare, "ServiceResourceId": crew}
    assert app.call("POST", "sobjects/AssignedResource", body).status_code == 201

    assert assigned(salesforce) == sorted([(ada, row["Id"]), (bob, row["Id"]), (crew, None)])
    made = [each for each in salesforce.writes if each.object == "AssignedResource"]
    assert [each.source for each in made] == ["api", "package", "package"]


def test_a_member_who_is_there_already_or_has_left_is_not_spawned(
    salesforce: FakeSalesforce, ada: str, bob: str, bare: str
) -> None:
    crew = salesforce.add_crew("Lift crew", ada, bob)
    (left,) = (
        row["Id"]
        for row in salesforce.rows("ServiceCrewMember")
        if row["ServiceResourceId"] == bob
    )
    salesforce.update("ServiceCrewMember", left, EndDate="2026-03-03")
    salesforce.assign(bare, ada)

    salesforce.assign(bare, crew)

    assert assigned(salesforce) == sorted([(ada, None), (crew, None)])


def test_the_members_go_with_the_assignment_of_their_crew(
    salesforce: FakeSalesforce, ada: str, bob: str, bare: str
) -> None:
    assignment = salesforce.assign(bare, salesforce.add_crew("Lift crew", ada, bob))

    salesforce.delete("AssignedResource", assignment)

    assert assigned(salesforce) == []
    assert salesforce.row("ServiceAppointment", bare)["SchedStartTime"] is None


def test_without_the_switch_nobody_asks_for_a_membership(
    salesforce: FakeSalesforce, ada: str
) -> None:
    territory = salesforce.add_territory("North")

    salesforce.add_appointment(ada, MORNING, ServiceTerritoryId=territory)

    assert len(assigned(salesforce)) == 1


def test_an_assignment_needs_a_membership_of_the_territory_at_that_time(
    app: Caller, salesforce: FakeSalesforce, ada: str, bob: str
) -> None:
    north = salesforce.add_territory("North", ada)
    salesforce.add_territory("South", bob)
    visit = salesforce.add_appointment(None, MORNING, ServiceTerritoryId=north)
    salesforce.memberships = True
    body = {"ServiceAppointmentId": visit, "ServiceResourceId": bob}

    assert app.refused("POST", "sobjects/AssignedResource", body) == REFUSED
    body["ServiceResourceId"] = ada
    assert app.call("POST", "sobjects/AssignedResource", body).status_code == 201


def test_travel_times_cannot_be_written_once_the_membership_has_ended(
    app: Caller, salesforce: FakeSalesforce, ada: str
) -> None:
    north = salesforce.add_territory("North", ada)
    salesforce.memberships = True
    salesforce.add_appointment(ada, MORNING, ServiceTerritoryId=north)
    (row,) = salesforce.rows("AssignedResource")
    (member,) = salesforce.rows("ServiceTerritoryMember")
    path, travel = f"sobjects/AssignedResource/{row['Id']}", {"ActualTravelTime": 12}
    assert app.call("PATCH", path, travel).status_code == 204

    salesforce.update("ServiceTerritoryMember", member["Id"], EffectiveEndDate=MORNING)

    assert app.refused("PATCH", path, travel) == REFUSED


@pytest.mark.parametrize("status", ["Completed", "Cannot Complete", "Canceled"])
def test_drip_feed_dispatches_the_next_appointment_of_the_resource(
    app: Caller, salesforce: FakeSalesforce, ada: str, status: str
) -> None:
    salesforce.drip_feed = True
    visits = day(salesforce, ada)

    change(app, visits[1], Status=status)

    found = [salesforce.row("ServiceAppointment", each)["Status"] for each in visits]
    assert found == ["Scheduled", status, "Dispatched", "Scheduled"]
    fed = [each for each in salesforce.writes if each.id == visits[2]][-1]
    assert (fed.source, fed.user) == ("package", salesforce.integration_user_id)


def test_drip_feed_passes_over_what_is_under_way_already(
    app: Caller, salesforce: FakeSalesforce, ada: str
) -> None:
    visits = day(salesforce, ada)
    salesforce.update("ServiceAppointment", visits[1], Status="In Progress")
    salesforce.drip_feed = True

    change(app, visits[0], Status="Completed")

    found = [salesforce.row("ServiceAppointment", each)["Status"] for each in visits]
    assert found == ["Completed", "In Progress", "Dispatched", "Scheduled"]


def test_without_the_switch_nothing_is_fed_and_nothing_echoes(
    app: Caller, salesforce: FakeSalesforce, ada: str
) -> None:
    visits = day(salesforce, ada)
    app.clock.forward(minutes=1)

    change(app, visits[0], Status="Completed")

    assert moved(salesforce) == {visits[0]}


def test_travel_is_calculated_anew_for_the_whole_day_so_its_stamps_move(
    app: Caller, salesforce: FakeSalesforce, ada: str, bob: str
) -> None:
    salesforce.travel_echo = True
    visits = day(salesforce, ada)
    salesforce.add_appointment(bob, MORNING + timedelta(hours=2))
    app.clock.forward(minutes=1)

    change(app, visits[0], ActualStartTime="2026-03-04T09:00:00Z")

    assert moved(salesforce) == set(visits[:3])
    user = salesforce.row("ServiceAppointment", visits[1])["LastModifiedById"]
    assert user == salesforce.integration_user_id


def test_a_written_travel_time_echoes_as_well(
    app: Caller, salesforce: FakeSalesforce, ada: str
) -> None:
    visits = day(salesforce, ada)
    salesforce.travel_echo = True
    (row,) = (
        each
        for each in salesforce.rows("AssignedResource")
        if each["ServiceAppointmentId"] == visits[0]
    )
    app.clock.forward(minutes=1)

    app.call("PATCH", f"sobjects/AssignedResource/{row['Id']}", {"ActualTravelTime": 12})

    assert moved(salesforce) == set(visits[1:3])


def test_a_duration_of_less_than_a_minute_becomes_an_hour(
    app: Caller, salesforce: FakeSalesforce, bare: str
) -> None:
    change(app, bare, Duration=0, DurationType="Minutes")

    row = salesforce.row("ServiceAppointment", bare)
    assert (row["Duration"], row["DurationType"], row["DurationInMinutes"]) == (1, "Hours", 60)


def test_a_territory_has_the_time_zone_of_its_hours(
    app: Caller, salesforce: FakeSalesforce, bare: str
) -> None:
    territory = salesforce.add_territory("North", timezone="America/New_York")
    salesforce.update("ServiceAppointment", bare, ServiceTerritoryId=territory)

    [row] = app.query(
        "SELECT Id, ServiceTerritory.OperatingHours.TimeZone FROM ServiceAppointment"
    )

    hours = row["ServiceTerritory"]["OperatingHours"]
    assert hours["TimeZone"] == "America/New_York"
    assert hours["attributes"]["type"] == "OperatingHours"


def test_hours_that_only_administrators_see_refuse_the_whole_query(
    app: Caller, salesforce: FakeSalesforce
) -> None:
    salesforce.no_access.add("OperatingHours")

    asked = "SELECT Id, ServiceTerritory.OperatingHours.TimeZone FROM ServiceAppointment"

    assert app.refused("GET", "query", q=asked) == (400, "INVALID_FIELD")


def test_a_shift_is_of_the_category_of_its_status_and_may_be_nobodys(
    salesforce: FakeSalesforce, ada: str
) -> None:
    later = MORNING + timedelta(hours=8)
    published = salesforce.add_shift(ada, MORNING, later)
    planned = salesforce.add_shift(None, MORNING, later, Status="Tentative")

    rows = [salesforce.row("Shift", each) for each in (published, planned)]

    assert [each["StatusCategory"] for each in rows] == ["Published", "Tentative"]
    assert [each["ServiceResourceId"] for each in rows] == [ada, None]


def test_a_field_for_addresses_takes_no_more_than_its_length(
    app: Caller, salesforce: FakeSalesforce, bare: str
) -> None:
    salesforce.add_field("ServiceAppointment", "Link__c", kind="url", length=20)
    path = f"sobjects/ServiceAppointment/{bare}"

    assert app.call("PATCH", path, {"Link__c": "x" * 20}).status_code == 204
    assert app.refused("PATCH", path, {"Link__c": "x" * 21}) == (400, "STRING_TOO_LONG")
