"""What an org says that our user may write: rights, keys, and the values of its lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fieldlink.adapters.salesforce_soql import Wants
from fieldlink.models import Ability
from fieldlink.practice import Practice
from local.salesforce import FakeSalesforce
from tests import make
from tests.adapters.salesforce_work import NOW, connected, session
from tests.local.salesforce_setting import CLIENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fieldlink.models import Described

WAY, KEY = "Way__c", "Fieldlink_Key__c"
WORK = "ServiceAppointment"


@pytest.fixture
def salesforce() -> Iterator[FakeSalesforce]:
    with FakeSalesforce(clock=lambda: NOW, client_secret=CLIENT["client_secret"]) as org:
        yield org


@pytest.fixture
def described(salesforce: FakeSalesforce) -> Iterator[Callable[[Wants], Described]]:
    with session() as http:
        yield lambda wants: connected(salesforce, http, wants).described()


def readable(org: FakeSalesforce) -> None:
    org.add_field(WORK, WAY, kind="double")
    org.read_only.add(f"{WORK}.{WAY}")


@pytest.mark.parametrize(
    ("cause", "why"),
    [
        (lambda _: None, f"{WORK}.{WAY} can't be seen"),
        (readable, f"{WORK}.{WAY} is read only"),
        (lambda org: org.add_field(WORK, WAY), f"{WORK}.{WAY} is no number"),
        (lambda org: org.add_field(WORK, WAY, kind="boolean"), f"{WORK}.{WAY} is no number"),
    ],
)
def test_a_field_that_takes_no_distance_is_told_of_with_the_reason(
    described: Callable[[Wants], Described],
    salesforce: FakeSalesforce,
    cause: Callable[[FakeSalesforce], object],
    why: str,
) -> None:
    cause(salesforce)

    assert described(Wants(distance=WAY)).lacking == {Ability.DISTANCE: why}


@pytest.mark.parametrize("kind", ["double", "int"])
def test_a_number_does_for_a_distance(
    described: Callable[[Wants], Described], salesforce: FakeSalesforce, kind: str
) -> None:
    salesforce.add_field(WORK, WAY, kind=kind)

    assert described(Wants(distance=WAY)).lacking == {}


def test_a_name_that_could_be_no_field_is_never_asked_for(
    described: Callable[[Wants], Described],
) -> None:
    assert described(Wants(distance="Id FROM User --__c")).lacking == {}


def without_activity(org: FakeSalesforce) -> None:
    org.org.objects["Task"].fields["WhatId"].refers.remove(WORK)


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        (lambda org: org.no_access.add("Event"), {}),
        (
            lambda org: org.read_only.add("Task.Status"),
            {Ability.DONE_TASKS: "Task.Status is read only"},
        ),
        (
            lambda org: org.add_field("Task", "Team__c", required=True),
            dict.fromkeys(
                (Ability.DONE_TASKS, Ability.TASKS),
                "Task.Team__c is required and has no default value",
            ),
        ),
        (
            without_activity,
            dict.fromkeys(
                (Ability.DONE_TASKS, Ability.TASKS),
                f"{WORK} has no Activity: no Task can be put there",
            ),
        ),
    ],
)
def test_who_tells_in_tasks_needs_no_events_and_hears_what_keeps_tasks_from_it(
    described: Callable[[Wants], Described],
    salesforce: FakeSalesforce,
    cause: Callable[[FakeSalesforce], object],
    told: dict[Ability, str],
) -> None:
    cause(salesforce)

    assert described(Wants(done_tasks=True)).lacking == told


def test_an_event_can_be_made_where_its_place_cannot(
    described: Callable[[Wants], Described], salesforce: FakeSalesforce
) -> None:
    salesforce.read_only.add("Event.Location")

    why = "Event.Location is read only"
    assert described(Wants()).lacking == {Ability.EVENT_PLACE: why}


def test_entries_that_cannot_be_deleted_can_be_made_and_changed(
    described: Callable[[Wants], Described], salesforce: FakeSalesforce
) -> None:
    salesforce.org.objects["TimeSheetEntry"].deletable = False

    why = "TimeSheetEntry: rows can't be deleted"
    assert described(Wants()).lacking == {Ability.REMOVED_ENTRIES: why}


@pytest.mark.parametrize(
    "hidden", ["TimeSheet.Status", "TimeSheetEntry.StartTime", "TimeSheetEntry.EndTime"]
)
def test_entries_that_cannot_be_seen_are_neither_changed_nor_removed(
    described: Callable[[Wants], Described], salesforce: FakeSalesforce, hidden: str
) -> None:
    salesforce.no_access.add(hidden)

    lacking = described(Wants()).lacking

    assert {Ability.CHANGED_ENTRIES, Ability.REMOVED_ENTRIES} <= {*lacking}


def test_who_keeps_no_time_sheets_lacks_none(
    described: Callable[[Wants], Described], salesforce: FakeSalesforce
) -> None:
    salesforce.no_access |= {"TimeSheet", "TimeSheetEntry"}

    assert described(Wants(time_sheets=False)).lacking == {}


# ── keys ──────────────────────────────────────────────────────────────────────


def test_an_org_without_a_field_for_our_key_has_none(
    described: Callable[[Wants], Described],
) -> None:
    assert described(Wants()).keyed == ()


def loose(org: FakeSalesforce) -> None:
    org.org.objects["Event"].fields[KEY].unique = False


def no_key(org: FakeSalesforce) -> None:
    org.org.objects["Event"].fields[KEY].external_id = False


@pytest.mark.parametrize(
    ("cause", "keyed"),
    [
        (lambda _: None, ("Event", "Task", "TimeSheetEntry")),
        (loose, ("Task", "TimeSheetEntry")),
        (no_key, ("Task", "TimeSheetEntry")),
        (lambda org: org.read_only.add(f"Task.{KEY}"), ("Event", "TimeSheetEntry")),
        (lambda org: org.no_access.add("TimeSheetEntry"), ("Event", "Task")),
        (lambda org: org.read_only.add("TimeSheetEntry"), ("Event", "Task")),
    ],
)
def test_a_key_is_used_where_it_tells_rows_apart_and_may_be_written(
    described: Callable[[Wants], Described],
    salesforce: FakeSalesforce,
    cause: Callable[[FakeSalesforce], object],
    keyed: tuple[str, ...],
) -> None:
    salesforce.add_key_field(KEY)
    cause(salesforce)

    assert described(Wants()).keyed == keyed


# ── lists ─────────────────────────────────────────────────────────────────────


def test_the_values_that_settings_may_name_are_told_as_they_are_now(
    described: Callable[[Wants], Described], salesforce: FakeSalesforce
) -> None:
    salesforce.rename_value("Task", "Status", "Completed", "Done")
    salesforce.deactivate_value("TimeSheetEntry", "Type", "Indirect")
    salesforce.rename_status("Completed", "Finished")

    listed = described(Wants()).listed

    assert listed["Task.Status"] == ("Not Started", "In Progress", "Done")
    assert listed["TimeSheetEntry.Type"] == ("Direct",)
    assert "Finished" in listed[f"{WORK}.Status"]
    assert "Completed" not in listed[f"{WORK}.Status"]


def test_a_list_that_cannot_be_seen_is_not_told(
    described: Callable[[Wants], Described], salesforce: FakeSalesforce
) -> None:
    salesforce.no_access |= {"TimeSheetEntry", "Task.Status"}

    assert {*described(Wants()).listed} == {f"{WORK}.Status"}


# ── what a connection wants ───────────────────────────────────────────────────


def test_a_connection_asks_for_what_its_practice_needs_and_no_more() -> None:
    plain = make.connection()
    practice = Practice(
        distance_field=WAY, activity="tasks", time_sheets="none", several="primary"
    )
    wishes = {"share_field": "Link__c", "by_shifts": True, "live_positions": True}
    full = make.connection(practice=practice, **wishes)

    assert Wants.of(plain) == Wants()
    assert Wants.of(full) == Wants(
        share_field="Link__c",
        shifts=True,
        positions=True,
        distance=WAY,
        done_tasks=True,
        time_sheets=False,
        primary=True,
    )
