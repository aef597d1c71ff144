"""SOQL of the simulator: what it finds, what it refuses, and how it pages."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from local.salesforce import FakeSalesforce
from local.salesforce.query import Query
from local.salesforce.soql import parse
from tests.local.salesforce_setting import MORNING, Caller, running


@pytest.fixture(scope="module")
def app() -> Iterator[Caller]:
    """Four work orders a minute apart, and one appointment of each of two resources."""
    with running() as caller:
        subjects = ["Boiler", "boiler 2", "It's 100% \\ done", None]
        for subject in subjects:
            caller.salesforce.insert("WorkOrder", Subject=subject)
            caller.clock.forward(minutes=1)
        for name, mail in (("Ada", "ada@example.com"), ("Bob", None)):
            resource = caller.salesforce.add_resource(name, mail)
            parent = caller.salesforce.rows("WorkOrder")[0]["Id"]
            caller.salesforce.add_appointment(
                resource, MORNING + timedelta(hours=1), ParentRecordId=parent, Latitude=1.5
            )
        caller.clock.now = MORNING
        yield caller


def numbers(app: Caller, where: str, rest: str = "ORDER BY WorkOrderNumber") -> list[int]:
    found = app.query(" ".join(["SELECT WorkOrderNumber FROM WorkOrder", where, rest]))
    return [int(each["WorkOrderNumber"]) for each in found]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("Subject = 'BOILER'", [1]),
        ("Subject != 'Boiler'", [2, 3, 4]),
        ("Subject <> 'Boiler'", [2, 3, 4]),
        ("Subject = null", [4]),
        ("Subject != null", [1, 2, 3]),
        ("Subject LIKE 'boil%'", [1, 2]),
        ("Subject LIKE 'Boile_'", [1]),
        ("Subject LIKE '%100\\%%'", [3]),
        ("Subject LIKE '%\\\\%'", [3]),
        ("Subject = 'It\\'s 100% \\\\ done'", [3]),
        ("Subject IN ('boiler', 'boiler 2')", [1, 2]),
        ("Subject IN ('boiler', null)", [1, 4]),
        ("Subject NOT IN ('boiler')", [2, 3, 4]),
        ("NOT Subject = 'boiler'", [2, 3, 4]),
        ("(Subject = 'boiler' OR Subject = null) AND CreatedDate != null", [1, 4]),
        ("CreatedDate >= 2026-03-04T08:02:00Z", [3, 4]),
        ("CreatedDate > 2026-03-04T09:02:00+01:00", [4]),
        ("CreatedDate < 2026-03-04T08:02:00.000000Z", [1, 2]),
        ("CreatedDate <= 2026-03-04T08:01:00Z", [1, 2]),
        ("IsDeleted = FALSE", [1, 2, 3, 4]),
        ("Latitude > 0", []),
        ("Latitude != 1.5", [1, 2, 3, 4]),
        ("Id IN (SELECT ParentRecordId FROM ServiceAppointment)", [1]),
        ("Id NOT IN (SELECT ParentRecordId FROM ServiceAppointment WHERE Latitude = 1.5)",
         [2, 3, 4]),
        ("CreatedBy.Email = 'dana@example.com' AND Subject LIKE '%2'", [2]),
    ],
)  # fmt: skip
def test_a_condition_finds_exactly_its_rows(
    app: Caller, condition: str, found: list[int]
) -> None:
    assert numbers(app, f"WHERE {condition}") == found


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        ("ORDER BY SystemModstamp DESC, Id", [4, 3, 2, 1]),
        ("ORDER BY Subject", [4, 1, 2, 3]),
        ("ORDER BY Subject ASC NULLS LAST", [1, 2, 3, 4]),
        ("ORDER BY Id LIMIT 2", [1, 2]),
        ("ORDER BY Id LIMIT 2 OFFSET 1", [2, 3]),
        ("order by Id desc limit 1", [4]),
    ],
)
def test_rows_come_in_the_order_and_number_asked_for(
    app: Caller, rest: str, found: list[int]
) -> None:
    assert numbers(app, "", rest) == found


def test_count_answers_a_number_and_no_rows(app: Caller) -> None:
    answer = app.call("GET", "query", q="SELECT COUNT() FROM WorkOrder").json()

    assert answer == {"totalSize": 4, "done": True, "records": []}


def test_parents_are_nested_with_their_attributes_and_null_where_there_is_none(
    app: Caller,
) -> None:
    ada, bob = app.query(
        "SELECT ServiceResource.Name, ServiceResource.RelatedRecord.Email, "
        "ServiceAppointment.Status, serviceappointment.address FROM AssignedResource "
        "ORDER BY ServiceResource.Name"
    )

    person = ada["ServiceResource"]
    assert next(iter(ada)) == "attributes"
    assert person["attributes"]["type"] == "ServiceResource"
    assert person["attributes"]["url"].startswith("/services/data/v67.0/sobjects/Service")
    assert person["RelatedRecord"]["Email"] == "ada@example.com"
    assert bob["ServiceResource"]["RelatedRecord"] is None
    assert ada["ServiceAppointment"]["Status"] == "Scheduled"
    assert ada["ServiceAppointment"]["Address"]["latitude"] == 1.5


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT FROM WorkOrder", "MALFORMED_QUERY"),
        ("SELECT Id WorkOrder", "MALFORMED_QUERY"),
        ("SELECT Id FROM WorkOrder WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM WorkOrder WHERE Id =", "MALFORMED_QUERY"),
        ("SELECT Id FROM WorkOrder WHERE (Subject = 'x'", "MALFORMED_QUERY"),
        ("SELECT Id FROM WorkOrder WHERE Subject = 'x", "MALFORMED_QUERY"),
        ("SELECT Id FROM WorkOrder WHERE Subject = x", "MALFORMED_QUERY"),
        ("SELECT Id FROM WorkOrder WHERE Subject IN ()", "MALFORMED_QUERY"),
        ("SELECT Id FROM WorkOrder LIMIT many", "MALFORMED_QUERY"),
        ("SELECT Id FROM WorkOrder; DROP TABLE x", "MALFORMED_QUERY"),
        ("SELECT Id FROM WorkOrder WHERE Id = '1' AND Id = '2' OR Id = '3'",
         "MALFORMED_QUERY"),
        ("SELECT Id FROM WorkOrder WHERE CreatedDate > 2026-03-04T08:00:00 00:00",
         "MALFORMED_QUERY"),
        ("SELECT Id FROM WorkOrder WHERE CreatedDate > '2026-03-04T08:00:00Z'",
         "INVALID_FIELD"),
        ("SELECT Id FROM WorkOrder WHERE CreatedDate > 2026-03-04", "INVALID_FIELD"),
        ("SELECT Id FROM WorkOrder WHERE Subject = 5", "INVALID_FIELD"),
        ("SELECT Id FROM WorkOrder WHERE IsDeleted = 'true'", "INVALID_FIELD"),
        ("SELECT Nope FROM WorkOrder", "INVALID_FIELD"),
        ("SELECT Id FROM WorkOrder WHERE Description = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM WorkOrder ORDER BY Description", "INVALID_FIELD"),
        ("SELECT Nope.Name FROM WorkOrder", "INVALID_FIELD"),
        ("SELECT Id FROM WorkOrder WHERE Id = 'nonsense'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM WorkOrder WHERE Id LIKE '0WO%'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Nope", "INVALID_TYPE"),
        ("SELECT IsDeleted FROM User", "INVALID_FIELD"),
        ("SELECT Id FROM WorkOrder OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
    ],
)  # fmt: skip
def test_what_soql_does_not_allow_is_refused(app: Caller, soql: str, code: str) -> None:
    assert app.refused("GET", "query", q=soql) == (400, code)


def test_many_literals_fit_into_one_list(app: Caller) -> None:
    ids = ", ".join(f"'{name}'" for name in range(400))

    assert numbers(app, f"WHERE Subject NOT IN ({ids}) AND Subject LIKE 'boiler'") == [1]


def test_an_address_that_is_too_long_is_refused(app: Caller) -> None:
    soql = "SELECT Id FROM WorkOrder WHERE Subject = 'x'" + " " * 17_000

    assert app.call("GET", "query", q=soql).status_code == 414


def test_pages_follow_each_other_and_show_the_rows_as_they_were() -> None:
    with running(page_size=2) as app:
        for _ in range(5):
            app.salesforce.insert("WorkOrder")
        page = app.call("GET", "query", q="SELECT Id FROM WorkOrder ORDER BY Id").json()
        app.salesforce.insert("WorkOrder")
        sizes, last = [len(page["records"])], page

        while not last["done"]:
            last = app.call("GET", last["nextRecordsUrl"].split("v67.0/")[1]).json()
            sizes.append(len(last["records"]))

        assert sizes == [2, 2, 1]
        assert page["totalSize"] == last["totalSize"] == 5
        assert "nextRecordsUrl" not in last


def test_a_page_may_be_shorter_than_asked_for_and_not_the_last() -> None:
    with running() as app:
        for _ in range(4):
            app.salesforce.insert("WorkOrder")
        app.salesforce.page_sizes += [1, 0]

        page = app.call("GET", "query", q="SELECT Id FROM WorkOrder").json()
        empty = app.call("GET", page["nextRecordsUrl"].split("v67.0/")[1]).json()
        rest = app.call("GET", empty["nextRecordsUrl"].split("v67.0/")[1]).json()

        pages = (page, empty, rest)
        assert [len(each["records"]) for each in pages] == [1, 0, 3]
        assert [each["done"] for each in pages] == [False, False, True]


@pytest.mark.parametrize(("asked", "given"), [(1, 200), (250, 250), (5000, 300)])
def test_batch_size_is_a_hint_between_200_and_2000(asked: int, given: int) -> None:
    with running() as app:
        for _ in range(300):
            app.salesforce.insert("WorkOrder")

        page = app.call(
            "GET",
            "query",
            q="SELECT Id FROM WorkOrder",
            headers={"Sforce-Query-Options": f"batchSize={asked}"},
        ).json()

        assert len(page["records"]) == given


def test_a_locator_dies_after_two_days_and_an_unknown_one_never_lived() -> None:
    with running(page_size=1, session_minutes=10_000) as app:
        for _ in range(2):
            app.salesforce.insert("WorkOrder")
        page = app.call("GET", "query", q="SELECT Id FROM WorkOrder").json()
        rest = page["nextRecordsUrl"].split("v67.0/")[1]

        app.clock.forward(days=2)
        assert app.call("GET", rest).ok
        app.clock.forward(seconds=1)
        assert app.refused("GET", rest) == (400, "INVALID_QUERY_LOCATOR")
        assert app.refused("GET", "query/01g-9") == (400, "INVALID_QUERY_LOCATOR")


def test_query_all_shows_what_is_in_the_recycle_bin_and_query_does_not() -> None:
    with running() as app:
        order = app.salesforce.insert("WorkOrder")
        app.salesforce.delete("WorkOrder", order)
        soql = "SELECT Id, IsDeleted FROM WorkOrder"

        assert app.query(soql) == []
        assert app.query(f"{soql} WHERE IsDeleted = true") == []
        assert [each["IsDeleted"] for each in app.query(soql, "queryAll")] == [True]
        app.salesforce.purge("WorkOrder", order)
        assert app.query(soql, "queryAll") == []


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Subject FROM ServiceAppointment WHERE Id IN ('08pKx0000000001IAA')",
        "SELECT Id FROM AssignedResource WHERE ServiceAppointmentId IN ('08pKx0000000001IAA')",
        "SELECT Id FROM Event WHERE WhatId = '08pKx0000000001IAA' AND Subject != 'x'",
        "SELECT Id FROM Event WHERE Key__c IN ('a', 'b') OR WhatId = '08pKx0000000001IAA'",
        "SELECT Id FROM ServiceAppointment WHERE SystemModstamp >= 2026-03-04T08:00:00Z",
    ],
)
def test_what_apps_look_for_is_found_without_reading_every_row(soql: str) -> None:
    with FakeSalesforce() as salesforce:
        salesforce.add_field("Event", "Key__c", external_id=True)
        sql, parameters = Query(parse(soql), salesforce.org.view()).sql(["1"], every=False)

        plan = salesforce.org.store.select(f"EXPLAIN QUERY PLAN {sql}", parameters)

    assert plan
    assert not any(str(step[3]).startswith("SCAN") for step in plan)
