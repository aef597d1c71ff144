"""What only some connections ask of their org: Shifts, a field for the link, positions."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from fieldlink.adapters import salesforce_looks, salesforce_soql
from fieldlink.adapters.salesforce import Known, SalesforceOrg
from fieldlink.adapters.salesforce_rest import SalesforceRest
from fieldlink.adapters.salesforce_soql import Wants
from fieldlink.errors import Closed, Refused, Unavailable
from fieldlink.models import Ability, Place
from fieldlink.writing import activity
from local.salesforce import FakeSalesforce
from local.salesforce.ids import numbered
from tests.adapters.salesforce_work import look, task, writes
from tests.fakes import FakeState
from tests.local.salesforce_setting import CLIENT, Clock, allow, exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fieldlink.records import PolledRows, Shift

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIELD = "Live_Link__c"
LINK = "https://trck.at/abc123"
HERE = Place(latitude=52.520008, longitude=13.404954)


class Key:
    """A pass that nobody renews."""

    def __init__(self, url: str, token: str) -> None:
        self.instance_url, self.token = url, token

    def renew(self, why: str) -> None:
        raise AssertionError(why)

    def give_up(self, code: str, message: str) -> None:
        raise AssertionError(code, message)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def salesforce(clock: Clock) -> Iterator[FakeSalesforce]:
    with FakeSalesforce(clock=clock, client_secret=CLIENT["client_secret"]) as org:
        yield org


@pytest.fixture
def seeing(salesforce: FakeSalesforce) -> Iterator[Callable[..., SalesforceOrg]]:
    """An org as a connection with these wishes sees it, whose user can't read some fields."""
    token = str(exchange(salesforce, allow(salesforce)).json()["access_token"])
    with requests.Session() as http:
        http.trust_env = False
        rest = SalesforceRest(http, Key(salesforce.url, token), "67.0")

        def see(wants: Wants, *unreadable: str) -> SalesforceOrg:
            user = salesforce.integration_user_id
            return SalesforceOrg(rest, "c", user, wants, lambda: Known(unreadable))

        yield see


@pytest.fixture
def org(seeing: Callable[..., SalesforceOrg]) -> SalesforceOrg:
    return seeing(Wants(share_field=FIELD, shifts=True, positions=True))


@pytest.fixture
def rosa(salesforce: FakeSalesforce) -> str:
    return salesforce.add_resource("Rosa", "rosa@example.com")


@pytest.fixture
def job(salesforce: FakeSalesforce, rosa: str) -> str:
    return salesforce.add_appointment(rosa, NOW + HOUR, Subject="Boiler")


def named(seen: PolledRows) -> list[str]:
    return [each.id for each in seen.shifts]


# ── Shifts ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("since", [None, NOW - HOUR])
def test_a_look_at_shifts_too_is_still_one_call_of_five_queries(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, since: datetime | None
) -> None:
    shift = salesforce.add_shift(rosa, NOW, NOW + 8 * HOUR)
    before = salesforce.api_calls

    seen = org.changes(since)

    assert salesforce.api_calls == before + 1
    assert len(json.loads(salesforce.requests[-1].body)["compositeRequest"]) == 5
    [found] = seen.shifts
    assert (found.id, found.resource, found.firm, found.deleted) == (shift, rosa, True, False)
    assert (found.starts_at, found.ends_at) == (NOW, NOW + 8 * HOUR)
    assert seen.shifts_seen
    assert bool(seen.statuses) is (since is None)  # they come with the look at everything


def test_no_look_ever_has_more_queries_than_a_composite_takes() -> None:
    for shifts in (True, False):
        looks = (
            salesforce_soql.changed(NOW, shifts=shifts),
            salesforce_soql.current(NOW, shifts_at=NOW if shifts else None),
        )
        for queries in looks:
            assert len(queries) <= salesforce_looks.MOST_QUERIES


@pytest.mark.parametrize(
    ("status", "firm"), [("Tentative", False), ("Published", True), ("Confirmed", True)]
)
def test_a_shift_is_firm_once_it_is_published(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, status: str, firm: bool
) -> None:
    salesforce.add_shift(rosa, NOW, NOW + HOUR, Status=status)

    assert [each.firm for each in org.changes(None).shifts] == [firm]


def test_a_shift_without_a_resource_is_nobodys(
    org: SalesforceOrg, salesforce: FakeSalesforce
) -> None:
    salesforce.add_shift(None, NOW, NOW + HOUR)

    assert [each.resource for each in org.changes(None).shifts] == [""]


def test_a_deleted_shift_is_seen_as_deleted(
    org: SalesforceOrg, salesforce: FakeSalesforce, clock: Clock, rosa: str
) -> None:
    shift = salesforce.add_shift(rosa, NOW, NOW + HOUR)
    clock.forward(hours=1)
    salesforce.delete("Shift", shift)

    assert [(each.id, each.deleted) for each in org.changes(clock.now).shifts] == [
        (shift, True)
    ]


def test_a_look_at_everything_takes_the_shifts_around_now(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    near = [
        salesforce.add_shift(rosa, NOW + begin, NOW + begin + 8 * HOUR)
        for begin in (-DAY, -HOUR, timedelta(), 13 * DAY)
    ]
    for begin in (-9 * DAY, 15 * DAY):
        salesforce.add_shift(rosa, NOW + begin, NOW + begin + 8 * HOUR)

    assert sorted(named(org.changes(None))) == sorted(near)


def test_a_look_for_changes_takes_every_shift_however_far_off(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    shift = salesforce.add_shift(rosa, NOW + 90 * DAY, NOW + 91 * DAY)

    assert named(org.changes(NOW)) == [shift]


def test_a_known_shift_is_named_and_not_read_on_until_it_moves_to_somebody_else(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    other = salesforce.add_resource("Max", None)
    shift = salesforce.add_shift(rosa, NOW, NOW + HOUR)
    state = FakeState()
    state.write_all(org.changes(NOW, state.fingerprints).shifts)

    same = org.changes(NOW, state.fingerprints)
    salesforce.update("Shift", shift, ServiceResourceId=other)
    moved: list[Shift] = [*org.changes(NOW, state.fingerprints).shifts]

    assert (same.shifts, shift in same.unchanged) == ((), True)
    assert [(each.id, each.resource) for each in moved] == [(shift, other)]


@pytest.mark.parametrize("hidden", ["Shift.StartTime", "Shift.StatusCategory"])
@pytest.mark.parametrize("since", [None, NOW - HOUR])
def test_shifts_of_which_a_part_cannot_be_read_are_left_out_and_the_statuses_come_again(
    seeing: Callable[..., SalesforceOrg],
    salesforce: FakeSalesforce,
    job: str,
    hidden: str,
    since: datetime | None,
) -> None:
    salesforce.no_access.add(hidden)

    seen = seeing(Wants(shifts=True), hidden).changes(since)

    assert [each.id for each in seen.appointments] == [job]
    assert not seen.shifts_seen
    assert seen.statuses


def test_who_does_not_want_shifts_never_asks_for_them(
    seeing: Callable[..., SalesforceOrg], salesforce: FakeSalesforce, rosa: str
) -> None:
    salesforce.add_shift(rosa, NOW, NOW + HOUR)
    salesforce.no_access.add("Shift")

    seen = [seeing(Wants()).changes(since) for since in (None, NOW - HOUR)]

    assert [(each.shifts, each.shifts_seen) for each in seen] == [((), False)] * 2


def test_shifts_that_may_be_seen_no_more_are_not_taken_for_none(
    org: SalesforceOrg, salesforce: FakeSalesforce
) -> None:
    salesforce.no_access.add("Shift")

    with pytest.raises(Refused, match="Shift") as caught:
        org.changes(NOW)

    assert caught.value.code == "INVALID_TYPE"


# ── the site's time zone ──────────────────────────────────────────────────────


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin"])
def test_an_appointment_has_the_time_zone_of_its_territory(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, job: str, zone: str
) -> None:
    territory = salesforce.add_territory("North", rosa, timezone=zone)
    salesforce.add_field("ServiceAppointment", FIELD, kind="url")
    salesforce.update("ServiceAppointment", job, ServiceTerritoryId=territory)

    [work] = org.changes(NOW - HOUR).appointments

    assert work.time_zone == zone
    seen = org.view(look(job, rosa))
    assert (seen.site_zone, seen.time_zone) == (zone, "Europe/Berlin")  # of the resource's user


def test_an_appointment_without_a_territory_has_no_time_zone(
    org: SalesforceOrg, job: str
) -> None:
    assert [each.time_zone for each in org.changes(None).appointments if each.id == job] == [""]


@pytest.mark.parametrize(
    "hidden",
    [
        "ServiceAppointment.ServiceTerritoryId",
        "ServiceTerritory.OperatingHoursId",
        "OperatingHours.TimeZone",
    ],
)
def test_without_the_right_to_read_the_hours_the_work_is_seen_all_the_same(
    seeing: Callable[..., SalesforceOrg],
    salesforce: FakeSalesforce,
    rosa: str,
    job: str,
    hidden: str,
) -> None:
    territory = salesforce.add_territory("North", rosa)
    salesforce.update("ServiceAppointment", job, ServiceTerritoryId=territory)
    salesforce.no_access.add(hidden)
    org = seeing(Wants(), hidden)

    assert [(each.id, each.time_zone) for each in org.changes(None).appointments] == [(job, "")]
    assert org.view(look(job, rosa)).site_zone == ""
    assert org.described().no_site_zone == f"{hidden} can't be seen"


def test_hours_that_only_administrators_see_are_told_and_not_asked_for(
    seeing: Callable[..., SalesforceOrg], salesforce: FakeSalesforce, job: str
) -> None:
    salesforce.no_access.add("OperatingHours")
    told = seeing(Wants()).described()

    seen = seeing(Wants(), *told.unreadable).changes(None)

    assert [each.id for each in seen.appointments] == [job]
    assert told.no_site_zone == "OperatingHours.TimeZone can't be seen"
    assert told.needed == ()


def test_the_same_row_of_another_version_of_the_api_is_known(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, job: str
) -> None:
    """Its parents carry addresses, with the version in them, as deep as they lie."""
    territory = salesforce.add_territory("North", rosa)
    salesforce.update("ServiceAppointment", job, ServiceTerritoryId=territory)
    state = FakeState()
    state.write_all(org.changes(None, state.fingerprints).appointments)
    org._rest.base = "/services/data/v66.0"

    again = org.changes(None, state.fingerprints)

    assert (again.appointments, job in again.unchanged) == ((), True)


# ── Tasks ─────────────────────────────────────────────────────────────────────


def test_a_task_is_an_open_one_of_high_priority_on_the_appointment(
    org: SalesforceOrg, salesforce: FakeSalesforce, job: str
) -> None:
    made = org.write(writes(job, task=task()))

    row = salesforce.row("Task", made.task)
    assert (row["WhatId"], row["Subject"]) == (job, "Not tracked: Rosa")
    assert (row["Status"], row["Priority"]) == ("Not Started", "High")
    assert row["ActivityDate"] == NOW.date().isoformat()
    assert row["Description"].endswith(activity.reference("key"))


def test_a_task_without_haste_has_the_orgs_own_priority(
    org: SalesforceOrg, salesforce: FakeSalesforce, job: str
) -> None:
    made = org.write(writes(job, task=task(urgent=False)))

    assert salesforce.row("Task", made.task)["Priority"] == "Normal"


@pytest.mark.parametrize("refused", ["Task", "ServiceAppointment"])
def test_a_task_is_made_with_all_the_rest_or_not_at_all(
    org: SalesforceOrg, salesforce: FakeSalesforce, job: str, refused: str
) -> None:
    salesforce.refuse.append({"object": refused, "message": "Not today."})
    before = salesforce.row("ServiceAppointment", job)

    with pytest.raises(Refused, match="Not today"):
        org.write(writes(job, task=task(), changes={"status": "In Progress"}))

    assert salesforce.row("ServiceAppointment", job) == before
    assert salesforce.rows("Task") == []


def test_our_task_is_found_among_others_of_the_same_day_and_subject(
    org: SalesforceOrg, salesforce: FakeSalesforce, job: str
) -> None:
    by_hand = {"WhatId": job, "Subject": "Not tracked: Rosa", "Description": "by hand"}
    salesforce.insert("Task", **by_hand, ActivityDate=NOW.date())
    made = {key: org.write(writes(job, task=task(key))).task for key in ("first", "second")}

    for key, identifier in made.items():
        assert org.find(writes(job, task=task(key))).task == identifier
    assert org.find(writes(job, task=task("third"))).task == ""


def test_our_task_is_found_though_a_dispatcher_has_worked_on_it_meanwhile(
    org: SalesforceOrg, salesforce: FakeSalesforce, job: str
) -> None:
    made = org.write(writes(job, task=task())).task
    words = f"{salesforce.row('Task', made)['Description']}\nHas been called."
    later = (NOW + DAY).date()
    salesforce.update(
        "Task", made, Subject="Call Rosa", Description=words, ActivityDate=later.isoformat()
    )

    assert org.find(writes(job, task=task())).task == made


# ── the customer's link ───────────────────────────────────────────────────────


@pytest.fixture
def linked(salesforce: FakeSalesforce) -> None:
    salesforce.add_field("ServiceAppointment", FIELD, kind="url")


@pytest.mark.usefixtures("linked")
def test_the_link_is_read_and_written_in_the_field_that_the_connection_names(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str, job: str
) -> None:
    empty = org.view(look(job, rosa))
    org.write(writes(job, changes={"share_link": LINK}))
    filled = org.view(look(job, rosa))
    org.write(writes(job, changes={"share_link": None}))

    assert [(each.link_field, each.share_link) for each in (empty, filled)] == [
        (True, None),
        (True, LINK),
    ]
    assert salesforce.row("ServiceAppointment", job)[FIELD] is None


@pytest.mark.usefixtures("linked")
@pytest.mark.parametrize(
    "wants", [Wants(), Wants(share_field=""), Wants(share_field="Id FROM User --__c")]
)
def test_without_a_field_that_could_be_one_no_link_is_read(
    seeing: Callable[..., SalesforceOrg], rosa: str, job: str, wants: Wants
) -> None:
    seen = seeing(wants).view(look(job, rosa))

    assert (seen.link_field, seen.share_link) == (False, None)


def test_a_field_that_cannot_be_read_is_left_out_of_the_view(
    seeing: Callable[..., SalesforceOrg], rosa: str, job: str
) -> None:
    wants = Wants(share_field=FIELD)

    seen = seeing(wants, f"ServiceAppointment.{FIELD}").view(look(job, rosa))

    assert not seen.link_field
    with pytest.raises(Refused, match=FIELD):
        seeing(wants).view(look(job, rosa))


def short(salesforce: FakeSalesforce) -> None:
    salesforce.add_field("ServiceAppointment", FIELD, length=80)


def no_text(salesforce: FakeSalesforce) -> None:
    salesforce.add_field("ServiceAppointment", FIELD, kind="double")


def read_only(salesforce: FakeSalesforce) -> None:
    salesforce.add_field("ServiceAppointment", FIELD)
    salesforce.read_only.add(f"ServiceAppointment.{FIELD}")


@pytest.mark.parametrize(
    ("cause", "why"),
    [
        (lambda _: None, f"ServiceAppointment.{FIELD} can't be seen"),
        (read_only, f"ServiceAppointment.{FIELD} is read only"),
        (short, f"ServiceAppointment.{FIELD} takes 80 characters, and 255 may be needed"),
        (no_text, f"ServiceAppointment.{FIELD} is no text"),
    ],
)
def test_a_field_that_does_not_do_is_told_of_with_the_reason(
    org: SalesforceOrg,
    salesforce: FakeSalesforce,
    cause: Callable[[FakeSalesforce], object],
    why: str,
) -> None:
    cause(salesforce)

    assert org.described().lacking == {Ability.SHARE_LINK: why}


@pytest.mark.parametrize("kind", ["string", "url", "textarea"])
def test_a_text_or_a_url_of_255_characters_does(
    org: SalesforceOrg, salesforce: FakeSalesforce, kind: str
) -> None:
    salesforce.add_field("ServiceAppointment", FIELD, kind=kind)

    assert org.described().lacking == {}


# ── the last known position ───────────────────────────────────────────────────


def test_a_position_is_shown_on_its_resource_in_one_call(
    org: SalesforceOrg, salesforce: FakeSalesforce, rosa: str
) -> None:
    before = salesforce.api_calls

    org.locate(rosa, HERE, NOW + timedelta(seconds=7, microseconds=9))

    row = salesforce.row("ServiceResource", rosa)
    assert salesforce.api_calls == before + 1
    assert row["LastKnownLatitude"] == pytest.approx(HERE.latitude)
    assert row["LastKnownLongitude"] == pytest.approx(HERE.longitude)
    assert row["LastKnownLocationDate"].startswith(f"{NOW:%Y-%m-%dT%H:%M}:07")


def test_a_resource_that_has_only_moved_on_the_map_is_known(
    org: SalesforceOrg, rosa: str
) -> None:
    state = FakeState()
    state.write_all(org.changes(NOW, state.fingerprints).resources)

    org.locate(rosa, HERE, NOW)

    seen = org.changes(NOW, state.fingerprints)
    assert not seen.resources
    assert seen.unchanged == {rosa}


@pytest.mark.parametrize("resource", ["", "0Hn/../User", numbered("0Hn", 1)[:15]])
def test_what_is_no_id_never_enters_an_address(org: SalesforceOrg, resource: str) -> None:
    with pytest.raises(ValueError, match="not a Salesforce id"):
        org.locate(resource, HERE, NOW)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "no", "status": 403}, Closed),
        ({"errorCode": "UNABLE_TO_LOCK_ROW", "message": "no", "status": 400}, Unavailable),
        ({"errorCode": "INSUFFICIENT_ACCESS", "message": "no", "status": 403}, Refused),
    ],
)
def test_a_position_that_is_refused_is_one_of_our_errors(
    org: SalesforceOrg,
    salesforce: FakeSalesforce,
    rosa: str,
    fault: dict[str, Any],
    error: type[Exception],
) -> None:
    salesforce.faults.append(fault)

    with pytest.raises(error):
        org.locate(rosa, HERE, NOW)


@pytest.mark.parametrize(
    "field", ["LastKnownLatitude", "LastKnownLongitude", "LastKnownLocationDate"]
)
def test_without_the_right_to_any_part_positions_are_lacking(
    org: SalesforceOrg, salesforce: FakeSalesforce, field: str
) -> None:
    salesforce.add_field("ServiceAppointment", FIELD)
    salesforce.read_only.add(f"ServiceResource.{field}")

    why = f"ServiceResource.{field} is read only"
    assert org.described().lacking == {Ability.POSITIONS: why}


# ── what is described ─────────────────────────────────────────────────────────


def restricted(salesforce: FakeSalesforce) -> None:
    salesforce.org.objects["Task"].fields["Priority"].values.remove("High")


def without_activity(salesforce: FakeSalesforce) -> None:
    salesforce.org.objects["Task"].fields["WhatId"].refers.remove("ServiceAppointment")


@pytest.mark.parametrize(
    ("cause", "lacking"),
    [
        (restricted, {Ability.URGENT_TASKS: "Task.Priority has no value High"}),
        (
            without_activity,
            {Ability.TASKS: "ServiceAppointment has no Activity: no Task can be put there"},
        ),
        (
            lambda org: org.read_only.add("Task"),
            {
                Ability.TASKS: "Task: access is read only",
                Ability.URGENT_TASKS: "Task: access is read only",
            },
        ),
        (
            lambda org: org.add_field("Task", "Team__c", required=True),
            {Ability.TASKS: "Task.Team__c is required and has no default value"},
        ),
    ],
)
def test_what_keeps_tasks_from_being_made_is_told(
    seeing: Callable[..., SalesforceOrg],
    salesforce: FakeSalesforce,
    cause: Callable[[FakeSalesforce], object],
    lacking: dict[Ability, str],
) -> None:
    cause(salesforce)

    assert seeing(Wants()).described().lacking == lacking


def test_a_description_of_everything_is_still_one_call(
    org: SalesforceOrg, salesforce: FakeSalesforce
) -> None:
    salesforce.add_field("ServiceAppointment", FIELD)
    before = salesforce.api_calls

    told = org.described()

    assert salesforce.api_calls == before + 1
    assert (told.unreadable, told.lacking, told.missing) == ((), {}, ())
    assert (told.no_shifts, told.no_site_zone) == ("", "")


def test_why_shifts_cannot_be_looked_at_is_told(
    org: SalesforceOrg, salesforce: FakeSalesforce
) -> None:
    salesforce.no_access.add("Shift.EndTime")

    assert org.described().no_shifts == "Shift.EndTime can't be seen"
