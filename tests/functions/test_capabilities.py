"""Orgs and users that lack something get everything else, over the real adapters."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest

from fieldlink.connecting import capabilities
from fieldlink.errors import Unclear, sure
from fieldlink.models import Ability, Delivered, Fact, Kind, Travel
from fieldlink.practice import Practice
from fieldlink.records import Capabilities, Connection, OnShift
from fieldlink.wiring import Services, now
from fieldlink.writing import positions, replanning
from fieldlink.writing.desk import Desk
from local.salesforce import FakeSalesforce
from tests.functions.conftest import CONNECTION, Job


class Lack(NamedTuple):
    """What an org lacks, what is then not written, and how the ledger says so."""

    cause: Callable[[FakeSalesforce], object]
    unwritten: frozenset[str]
    words: str


def hidden(*names: str) -> Callable[[FakeSalesforce], object]:
    return lambda org: org.no_access.update(names)


def locked(*names: str) -> Callable[[FakeSalesforce], object]:
    return lambda org: org.read_only.update(names)


def without_activity(org: FakeSalesforce) -> None:
    org.org.objects["Event"].fields["WhatId"].refers.remove("ServiceAppointment")


def without_status(org: FakeSalesforce) -> None:
    for row in org.org.store.find("ServiceAppointmentStatus", StatusCode="Completed"):
        org.org.store.remove("ServiceAppointmentStatus", row["Id"])


def renamed_type(org: FakeSalesforce) -> None:
    org.org.objects["TimeSheetEntry"].fields["Type"].restricted = True
    org.rename_value("TimeSheetEntry", "Type", "Direct", "On Site")


LACKS = {
    "nothing": Lack(lambda _: None, frozenset(), ""),
    "no time sheets": Lack(
        hidden("TimeSheet", "TimeSheetEntry"), frozenset({"entry"}), "no time sheet entry: "
    ),
    "entries can't be made": Lack(
        locked("TimeSheetEntry"), frozenset({"entry"}), "no time sheet entry: TimeSheetEntry"
    ),
    "sheets can't be made": Lack(
        locked("TimeSheet"), frozenset({"entry"}), "no time sheet entry: TimeSheet:"
    ),
    "travel time can't be written": Lack(
        locked("AssignedResource.ActualTravelTime"),
        frozenset({"travel"}),
        "no actual travel time: AssignedResource.ActualTravelTime is read only",
    ),
    "travel time can't be seen": Lack(
        hidden("AssignedResource.ActualTravelTime"),
        frozenset({"travel"}),
        "no actual travel time: AssignedResource.ActualTravelTime can't be seen",
    ),
    "Events can't be made": Lack(
        locked("Event"), frozenset({"event"}), "no Events in the Activity: Event"
    ),
    "Events can't be seen": Lack(
        hidden("Event"), frozenset({"event"}), "no Events in the Activity: Event can't be seen"
    ),
    "entries can't be seen": Lack(
        hidden("TimeSheetEntry"),
        frozenset({"entry"}),
        "no time sheet entry: TimeSheetEntry can't be seen",
    ),
    "no Activity": Lack(
        without_activity, frozenset({"event"}), "no Events in the Activity: ServiceAppointment"
    ),
    "the status can't be written": Lack(
        locked("ServiceAppointment.Status"), frozenset({"status"}), "no status: Service"
    ),
    "no status of the category": Lack(
        without_status, frozenset({"status"}), "no status: the Status picklist of appointments"
    ),
    "statuses can't be seen": Lack(
        hidden("ServiceAppointmentStatus"),
        frozenset({"status"}),
        "no status: ",
    ),
    "the start can't be written": Lack(
        locked("ServiceAppointment.ActualStartTime"), frozenset({"start"}), "no actual start: S"
    ),
    "the end can't be seen": Lack(
        hidden("ServiceAppointment.ActualEndTime"), frozenset({"end"}), "no actual end: Service"
    ),
    "nobody's time zone can be seen": Lack(
        hidden("User.TimeZoneSidKey"),
        frozenset({"entry"}),
        "no time sheet entry: User.TimeZoneSidKey can't be seen",
    ),
    "a renamed type of entries": Lack(
        renamed_type,
        frozenset({"entry"}),
        "no time sheet entry: TimeSheetEntry.Type has no value Direct",
    ),
    "fields for our key": Lack(
        lambda org: org.add_key_field("Fieldlink_Key__c"), frozenset(), ""
    ),
    "a renamed status": Lack(
        lambda org: org.rename_status("Completed", "Fertig"), frozenset(), ""
    ),
}


def visit(job: Job, kind: Kind, minutes: int, **more: Any) -> Delivered:
    at = job.starts_at + timedelta(minutes=minutes)
    told = {"appointment": job.appointment, "resource": job.rosa, "at": at, **more}
    fact = Fact(kind=kind, key=f"{kind}", **told)
    return Delivered(fact=fact, delivery=f"{kind}", received_at=now())


def at_minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:00.000+0000}"


def desk(bundle: Services) -> Desk:
    """As UpdateSalesforce makes it for each message."""
    desk = sure(bundle.desks([CONNECTION])[CONNECTION])
    assert desk is not None
    return desk


def written(salesforce: FakeSalesforce, job: Job) -> set[str]:
    [work] = salesforce.rows("ServiceAppointment")
    [assigned] = salesforce.rows("AssignedResource")
    statuses = salesforce.org.store.find("ServiceAppointmentStatus", ApiName=work["Status"])
    done = {each["StatusCode"] for each in statuses} == {"Completed"}
    parts = {
        "status": done,
        "start": work["ActualStartTime"],
        "end": work["ActualEndTime"],
        "travel": assigned["ActualTravelTime"],
        "event": [
            each for each in salesforce.rows("Event") if each["WhatId"] == job.appointment
        ],
        "entry": salesforce.rows("TimeSheetEntry"),
    }
    return {name for name, found in parts.items() if found}


@pytest.mark.parametrize("known", [True, False], ids=["known before", "found out by a refusal"])
@pytest.mark.parametrize("name", LACKS)
def test_what_an_org_lacks_is_left_out_and_all_else_is_written(
    name: str,
    known: bool,
    bundle: Services,
    connection: Connection,
    salesforce: FakeSalesforce,
    job: Job,
) -> None:
    lack = LACKS[name]
    lack.cause(salesforce)
    if known:
        capabilities.refresh(
            connection,
            salesforce=bundle.salesforce(connection),
            state=bundle.state,
            now=now(),
        )

    for each in (
        visit(job, Kind.ARRIVED, 0, travel=Travel(seconds=600)),
        visit(job, Kind.CHECKED_OUT, 30),
    ):
        replanning.to_appointment(each, desk(bundle))

    everything = {"status", "start", "end", "travel", "event", "entry"}
    assert written(salesforce, job) == everything - lack.unwritten
    rows = bundle.ledger.last(CONNECTION, now=now(), limit=9)
    assert [str(row.outcome) for row in rows] == ["applied", "applied"]
    assert bool(lack.words) is any(row.reason for row in rows)
    assert any(lack.words in row.reason for row in rows)


# ── what can't be read is not guessed at ──────────────────────────────────────


def known(bundle: Services, connection: Connection) -> None:
    """What our user may do, asked anew."""
    org = bundle.salesforce(connection)
    capabilities.refresh(connection, salesforce=org, state=bundle.state, now=now())


@pytest.mark.parametrize(
    "field", ["ActualStartTime", "ActualEndTime", "Status", "LastModifiedDate"]
)
def test_what_a_person_wrote_stands_where_it_cannot_be_read(
    field: str, bundle: Services, connection: Connection, salesforce: FakeSalesforce, job: Job
) -> None:
    travel = Travel(seconds=600)
    replanning.to_appointment(visit(job, Kind.ARRIVED, -60, travel=travel), desk(bundle))
    decided = {
        "Status": "Scheduled",
        "ActualStartTime": "2030-01-01T08:00:00Z",
        "ActualEndTime": "2030-01-01T09:00:00Z",
    }
    salesforce.update("ServiceAppointment", job.appointment, **decided)
    before = salesforce.row("ServiceAppointment", job.appointment)
    salesforce.no_access.add(f"ServiceAppointment.{field}")
    known(bundle, connection)

    left = visit(job, Kind.LEFT, -30, arrived_at=job.starts_at - timedelta(minutes=60))
    replanning.to_appointment(left, desk(bundle))

    after = salesforce.row("ServiceAppointment", job.appointment)
    assert {name: after[name] for name in decided} == {name: before[name] for name in decided}


def test_an_arrival_of_perhaps_another_day_is_told_and_nothing_is_set(
    bundle: Services, connection: Connection, salesforce: FakeSalesforce, job: Job
) -> None:
    salesforce.no_access.add("ServiceAppointment.SchedStartTime")
    known(bundle, connection)

    early = visit(job, Kind.ARRIVED, -3 * 24 * 60, travel=Travel(seconds=600))
    replanning.to_appointment(early, desk(bundle))

    assert written(salesforce, job) == {"event"}
    [row] = salesforce.rows("ServiceAppointment")
    assert row["Status"] == "Scheduled"
    [told] = bundle.ledger.last(CONNECTION, now=now(), limit=9)
    assert "no actual start: ServiceAppointment.SchedStartTime can't be seen" in told.reason


@pytest.mark.parametrize(
    "field",
    ["TimeSheetEntry.StartTime", "TimeSheetEntry.EndTime", "TimeSheet.Status"],
)
def test_an_entry_of_ours_that_can_be_read_no_more_holds_nothing_else_up(
    field: str, bundle: Services, connection: Connection, salesforce: FakeSalesforce, job: Job
) -> None:
    for each in (visit(job, Kind.ARRIVED, -60), visit(job, Kind.CHECKED_OUT, -30)):
        replanning.to_appointment(each, desk(bundle))
    salesforce.no_access.add(field)
    known(bundle, connection)

    earlier = visit(job, Kind.ARRIVED, -75)
    fact = earlier.fact.model_copy(update={"key": "earlier"})
    late = earlier.model_copy(update={"fact": fact, "delivery": "late"})
    replanning.to_appointment(late, desk(bundle))

    told = bundle.ledger.last(CONNECTION, now=now(), limit=9)
    [row] = [each for each in told if each.delivery == "late"]
    assert row.outcome == "applied"
    assert f"{field} can't be seen" in row.reason


def test_an_entry_in_doubt_is_not_made_twice_for_a_right_that_was_gone_meanwhile(
    bundle: Services, connection: Connection, salesforce: FakeSalesforce, job: Job
) -> None:
    noon = job.starts_at.replace(hour=12, minute=0) - timedelta(days=1)  # so it is of one day
    appointment = salesforce.add_appointment(job.rosa, noon)
    job = job._replace(appointment=appointment, starts_at=noon)
    replanning.to_appointment(visit(job, Kind.ARRIVED, -60), desk(bundle))
    fault = {"match": {"path": "composite", "contains": "TimeSheetEntry"}, "after": True}
    salesforce.faults.append(fault | {"drop": True})
    out = visit(job, Kind.CHECKED_OUT, -30)
    with pytest.raises(Unclear):
        replanning.to_appointment(out, desk(bundle))
    assert len(salesforce.rows("TimeSheetEntry")) == 1

    salesforce.read_only.add("TimeSheetEntry")
    known(bundle, connection)
    later = desk(bundle)._replace(now=now() + timedelta(minutes=12))
    replanning.to_appointment(out, later)
    salesforce.read_only.clear()
    known(bundle, connection)
    earlier = visit(job, Kind.ARRIVED, -75)
    fact = earlier.fact.model_copy(update={"key": "earlier"})
    replanning.to_appointment(earlier.model_copy(update={"fact": fact}), desk(bundle))

    [entry] = salesforce.rows("TimeSheetEntry")
    assert entry["StartTime"] == at_minute(job.starts_at - timedelta(minutes=75))


def test_asking_takes_one_call(
    bundle: Services, connection: Connection, salesforce: FakeSalesforce
) -> None:
    before = salesforce.api_calls

    capabilities.refresh(
        connection, salesforce=bundle.salesforce(connection), state=bundle.state, now=now()
    )

    assert salesforce.api_calls - before == 1
    known = bundle.state.read(Capabilities, CONNECTION)
    assert known is not None
    assert (known.unreadable, known.lacking) == ((), {})


def test_every_ability_can_be_lacking(
    bundle: Services, connection: Connection, salesforce: FakeSalesforce
) -> None:
    salesforce.add_field("ServiceAppointment", "Live_Link__c")
    salesforce.read_only.update(
        {
            "ServiceAppointment",
            "AssignedResource",
            "ServiceResource",
            "Event",
            "Task",
            "TimeSheet",
            "TimeSheetEntry",
        }
    )
    salesforce.add_field("ServiceAppointment", "Way__c", kind="double")
    practices = [
        Practice(distance_field="Way__c", activity=activity) for activity in ("events", "tasks")
    ]
    wishes = {"share_field": "Live_Link__c", "live_positions": True}

    lacking: set[Ability] = set()
    for practice in practices:
        wished = connection.model_copy(update={**wishes, "practice": practice})
        lacking |= {*bundle.salesforce(wished).described().lacking}

    of_values = {Ability.VISIT_ENTRIES, Ability.TRAVEL_ENTRIES}  # and of no right
    assert lacking == set(Ability) - of_values


def test_a_status_is_not_set_where_nobody_can_tell_how_far_the_work_is(
    bundle: Services, connection: Connection, salesforce: FakeSalesforce
) -> None:
    salesforce.no_access.add("ServiceAppointment.StatusCategory")

    told = bundle.salesforce(connection).described()

    assert told.lacking == {Ability.STATUS: "ServiceAppointment.StatusCategory can't be seen"}
    assert told.needed == ("ServiceAppointment.StatusCategory",)


# ── what a connection wishes ──────────────────────────────────────────────────

LINK = "https://trck.at/abc123"


def wishing(bundle: Services, **settings: object) -> Connection:
    current = bundle.state.read(Connection, CONNECTION)
    assert current is not None
    assert bundle.state.write(current.model_copy(update=settings))
    changed = bundle.state.read(Connection, CONNECTION)
    assert changed is not None
    return changed


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize(
    ("prepare", "in_field"),
    [
        (lambda org: org.add_field("ServiceAppointment", "Live_Link__c", kind="url"), True),
        (lambda _: None, False),
        (lambda org: org.add_field("ServiceAppointment", "Live_Link__c", length=20), False),
        (
            lambda org: (
                org.add_field("ServiceAppointment", "Live_Link__c"),
                org.read_only.add("ServiceAppointment.Live_Link__c"),
            ),
            False,
        ),
    ],
    ids=["a good field", "no such field", "too short", "read only"],
)
def test_a_field_for_the_link_that_does_not_do_is_found_out_and_the_activity_has_it(
    prepare: Callable[[FakeSalesforce], object],
    in_field: bool,
    bundle: Services,
    salesforce: FakeSalesforce,
    job: Job,
) -> None:
    prepare(salesforce)
    wishing(bundle, share_field="Live_Link__c")
    long = LINK.ljust(40, "x")

    told = visit(job, Kind.LINK_OFFERED, -30, link=long, order="order-1")
    replanning.to_appointment(told, desk(bundle))

    row = salesforce.row("ServiceAppointment", job.appointment)
    assert (row.get("Live_Link__c") == long) is in_field
    events = [each["Description"] for each in salesforce.rows("Event")]
    assert [long in each for each in events] == ([] if in_field else [True])
    [noted] = bundle.ledger.last(CONNECTION, now=now(), limit=9)
    assert (str(noted.outcome), long in str(noted)) == ("applied", False)


@pytest.mark.usefixtures("connection")
def test_a_position_is_shown_once_somebody_wants_it_and_is_in_no_row_of_ours(
    bundle: Services, salesforce: FakeSalesforce, job: Job
) -> None:
    wishing(bundle, live_positions=True)
    shift = OnShift(connection=CONNECTION, resource=job.rosa, tracking=True)
    bundle.state.write_all([shift])
    here = {"latitude": 52.520008, "longitude": 13.404954}
    fact = Fact.model_validate(
        {"kind": "position", "key": "k", "at": now(), "resource": job.rosa, "place": here}
    )

    outcome = positions.take(
        Delivered(fact=fact, delivery="d", received_at=now()), desk(bundle)
    )

    row = salesforce.row("ServiceResource", job.rosa)
    assert outcome == "applied"
    assert row["LastKnownLatitude"] == pytest.approx(here["latitude"])
    [noted] = bundle.ledger.last(CONNECTION, now=now(), limit=9)
    assert "52.52" not in noted.model_dump_json()
