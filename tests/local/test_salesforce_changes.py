"""How changes show in the simulator: late commits, deletions, lost sharing, replication."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from tests.local.salesforce_setting import MORNING, Caller, running

SOQL = "SELECT Id, SystemModstamp, Subject FROM WorkOrder ORDER BY SystemModstamp, Id"


@pytest.fixture
def app() -> Iterator[Caller]:
    with running(session_minutes=60 * 24 * 60) as caller:
        yield caller


def wire(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_late_commit_appears_behind_rows_that_were_seen_before_it(app: Caller) -> None:
    late = app.salesforce.insert("WorkOrder", _visible_at=MORNING + timedelta(minutes=9))
    app.clock.forward(minutes=5)
    early = app.salesforce.insert("WorkOrder")
    seen = [row["Id"] for row in app.query(SOQL)]

    app.clock.forward(minutes=4)

    assert seen == [early]
    assert [row["Id"] for row in app.query(SOQL)] == [late, early]
    assert app.query(SOQL)[0]["SystemModstamp"] == "2026-03-04T08:00:00.000+0000"


def test_a_late_update_shows_the_old_values_until_it_commits(app: Caller) -> None:
    order = app.salesforce.insert("WorkOrder", Subject="old")
    at = app.clock.forward(minutes=1) + timedelta(minutes=3)
    app.salesforce.update("WorkOrder", order, _visible_at=at, Subject="new")

    before = app.query(SOQL)[0]["Subject"]
    app.clock.forward(minutes=3)
    (after,) = app.query(SOQL)

    assert before == "old"
    assert after["Subject"] == "new"
    assert after["SystemModstamp"] == "2026-03-04T08:01:00.000+0000"


def test_a_held_transaction_is_seen_when_its_block_ends(app: Caller) -> None:
    with app.salesforce.hold_commit():
        order = app.salesforce.insert("WorkOrder")
        app.clock.forward(minutes=2)
        during = app.query(SOQL)

    assert during == []
    assert [row["Id"] for row in app.query(SOQL)] == [order]
    assert app.query(SOQL)[0]["SystemModstamp"] == "2026-03-04T08:00:00.000+0000"


def test_lost_sharing_looks_like_absence_and_is_no_deletion(app: Caller) -> None:
    order = app.salesforce.insert("WorkOrder")
    line = app.salesforce.insert("WorkOrderLineItem", WorkOrderId=order)
    app.salesforce.hidden.add(order)

    parents = app.query("SELECT Id, WorkOrder.Subject FROM WorkOrderLineItem")

    assert app.query(SOQL) == []
    assert app.query(SOQL, "queryAll") == []
    assert [(each["Id"], each["WorkOrder"]) for each in parents] == [(line, None)]
    assert app.refused("GET", f"sobjects/WorkOrder/{order}") == (404, "NOT_FOUND")
    assert app.refused("PATCH", f"sobjects/WorkOrder/{order}", {}) == (404, "NOT_FOUND")
    assert len(app.salesforce.rows("WorkOrder")) == 1


def test_updated_names_the_rows_of_the_span_whose_end_is_left_out(app: Caller) -> None:
    first = app.salesforce.insert("WorkOrder")
    app.clock.forward(minutes=2)
    app.salesforce.insert("WorkOrder")

    answer = app.call(
        "GET",
        "sobjects/WorkOrder/updated",
        start=wire(MORNING),
        end=wire(MORNING + timedelta(minutes=2, seconds=59)),
    ).json()

    assert answer == {"ids": [first], "latestDateCovered": "2026-03-04T08:02:00.000+0000"}


def test_deleted_names_what_is_gone_and_forgets_what_came_back(app: Caller) -> None:
    gone, back = (app.salesforce.insert("WorkOrder") for _ in range(2))
    for each in (gone, back):
        app.salesforce.delete("WorkOrder", each)
    app.salesforce.undelete("WorkOrder", back)
    app.salesforce.purge("WorkOrder", gone)
    app.clock.forward(minutes=5)

    answer = app.call(
        "GET", "sobjects/WorkOrder/deleted", start=wire(MORNING), end=wire(app.clock.now)
    ).json()

    deleted = {"id": gone, "deletedDate": "2026-03-04T08:00:00.000+0000"}
    assert answer["deletedRecords"] == [deleted]
    assert answer["latestDateCovered"] == "2026-03-04T08:05:00.000+0000"
    assert "earliestDateAvailable" in answer


@pytest.mark.parametrize(
    ("resource", "days", "works"),
    [("deleted", 15, True), ("deleted", 16, False), ("updated", 30, True),
     ("updated", 31, False)],
)  # fmt: skip
def test_replication_reaches_back_so_far_and_no_further(
    app: Caller, resource: str, days: int, works: bool
) -> None:
    span = {"start": wire(MORNING - timedelta(days=days)), "end": wire(MORNING)}

    answer = app.call("GET", f"sobjects/WorkOrder/{resource}", **span)

    assert answer.ok is works
    if not works:
        assert answer.json()[0]["errorCode"] == "INVALID_REPLICATION_DATE"


def test_a_purged_deletion_log_asks_for_a_full_resync(app: Caller) -> None:
    app.salesforce.log_begins = MORNING - timedelta(days=1)
    path = "sobjects/WorkOrder/deleted"
    covered = {"start": wire(MORNING - timedelta(hours=23)), "end": wire(MORNING)}
    purged = {"start": wire(MORNING - timedelta(hours=25)), "end": wire(MORNING)}

    assert app.call("GET", path, **covered).ok
    assert app.refused("GET", path, **purged) == (400, "INVALID_REPLICATION_DATE")


def test_a_span_must_be_longer_than_a_minute_of_dates(app: Caller) -> None:
    path, end = "sobjects/WorkOrder/updated", wire(MORNING + timedelta(seconds=59))

    short = app.refused("GET", path, start=wire(MORNING), end=end)

    assert short == (400, "INVALID_REPLICATION_DATE")
    assert app.refused("GET", path, start="x", end=end) == (400, "INVALID_FIELD")
