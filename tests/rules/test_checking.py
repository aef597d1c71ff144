"""Names in the settings are checked against the org that is to know them."""

from typing import Any

import pytest

from fieldlink.connecting import checking
from fieldlink.errors import FieldlinkError, Lost, Refused, Unavailable
from fieldlink.models import Ability, Category, Described
from fieldlink.practice import Practice
from fieldlink.records import Capabilities, Connection
from tests.fakes import STATUSES
from tests.make import CONNECTION, NINE, connection

LISTED = {
    "ServiceAppointment.Status": tuple(each.name for each in STATUSES),
    "TimeSheetEntry.Type": ("Direct", "Indirect", "Break"),
    "Task.Status": ("Open", "Completed"),
}
TOLD = Described(statuses=STATUSES, listed=LISTED)
WAS = connection()


class Org:
    """Says what it is told to, and remembers for whom it was asked."""

    def __init__(self, told: Described | FieldlinkError = TOLD) -> None:
        self.told = told
        self.asked: list[Connection] = []

    def __call__(self, wanted: Connection) -> "Org":
        self.asked.append(wanted)
        return self

    def described(self) -> Described:
        if isinstance(self.told, FieldlinkError):
            raise self.told
        return self.told


def wanted(was: Connection = WAS, share_field: str = "", **practice: Any) -> Connection:
    changed = was.practice.model_copy(update=practice)
    return was.model_copy(update={"practice": changed, "share_field": share_field})


def refused(changed: Connection, told: Described = TOLD) -> str:
    with pytest.raises(Refused) as refusal:
        checking.check(WAS, changed, Org(told))
    return str(refusal.value)


GOOD: list[dict[str, Any]] = [
    {"statuses": {Category.IN_PROGRESS: "On Site", Category.COMPLETED: "Completed"}},
    {"through": {Category.COMPLETED: "In Progress", Category.IN_PROGRESS: "Dispatched"}},
    {"through": {Category.COMPLETED: "Completed"}},
    {"time_sheets": "visits_and_travel", "travel_type": "Break"},
    {"work_type": "Break"},
    {"activity": "tasks", "task_status": "Open"},
    {"distance_field": "Travel_Distance__c"},
    {"exit_grace": 30},
]


@pytest.mark.parametrize("practice", GOOD)
def test_names_that_the_org_has_are_taken(practice: dict[str, Any]) -> None:
    changed, org = wanted(**practice), Org()

    assert checking.check(WAS, changed, org) == TOLD
    assert org.asked == [changed]  # as it will be: the fields that it names are asked for, too


@pytest.mark.parametrize(
    ("practice", "words"),
    [
        ({"statuses": {Category.COMPLETED: "Done"}}, "no “Done” (status for Completed)"),
        ({"statuses": {Category.COMPLETED: "Done"}}, "There is: Completed."),
        ({"statuses": {Category.COMPLETED: "On Site"}}, "is of the category In Progress"),
        ({"through": {Category.COMPLETED: "Halfway"}}, "no “Halfway” (status to pass on"),
        ({"through": {Category.IN_PROGRESS: "Completed"}}, "no way there"),
        ({"through": {Category.COMPLETED: "Cannot Complete"}}, "no way there"),
        ({"through": {Category.DISPATCHED: "On Site"}}, "no way there"),
        ({"work_type": "Labour"}, "no “Labour” (type of a visit's entry). There is: Direct,"),
        (
            {"time_sheets": "visits_and_travel", "travel_type": "Driving"},
            "no “Driving” (type of a travel entry)",
        ),
        ({"activity": "tasks", "task_status": "Done"}, "no “Done” (status of a Task)"),
    ],
)
def test_a_name_that_the_org_does_not_have_is_refused_in_plain_words(
    practice: dict[str, Any], words: str
) -> None:
    assert words in refused(wanted(**practice))


def test_all_that_is_wrong_is_told_at_once() -> None:
    words = refused(wanted(statuses={Category.COMPLETED: "Done"}, work_type="Labour"))

    assert "“Done”" in words
    assert "“Labour”" in words


def test_what_is_not_used_need_not_be_there() -> None:
    unused: dict[str, Any] = {"travel_type": "Driving", "task_status": "Done"}
    without_sheets: dict[str, Any] = {
        "time_sheets": "none",
        "work_type": "Labour",
        "travel_type": "Driving",
    }

    assert checking.check(WAS, wanted(**unused), Org())
    assert checking.check(WAS, wanted(**without_sheets), Org())


def test_a_value_that_is_switched_off_is_not_there() -> None:
    active = {**LISTED, "ServiceAppointment.Status": ("Scheduled", "In Progress", "Completed")}
    told = TOLD.model_copy(update={"listed": active})

    words = refused(wanted(statuses={Category.IN_PROGRESS: "On Site"}), told)

    assert "no “On Site”" in words
    assert "There is: In Progress." in words


def test_no_status_can_be_named_while_none_can_be_seen() -> None:
    told = Described(listed={})

    assert "can't see the org's statuses" in refused(
        wanted(statuses={Category.COMPLETED: "Completed"}), told
    )


def test_a_list_that_can_not_be_seen_refuses_nothing() -> None:
    told = Described(statuses=STATUSES)

    assert checking.check(WAS, wanted(work_type="Labour"), Org(told)) == told


@pytest.mark.parametrize(
    ("changed", "ability", "title"),
    [
        (wanted(distance_field="Far__c"), Ability.DISTANCE, "distance"),
        (wanted(share_field="Link__c"), Ability.SHARE_LINK, "customer's link"),
    ],
)
def test_a_field_that_can_not_be_written_is_refused_with_the_reason(
    changed: Connection, ability: Ability, title: str
) -> None:
    told = TOLD.model_copy(update={"lacking": {ability: "Work.Field is read only"}})

    words = refused(changed, told)

    assert words == f"The field for the {title} can't be used: Work.Field is read only."
    assert checking.check(WAS, wanted(exit_grace=30), Org(told))  # names none


def test_an_org_is_not_asked_about_settings_that_name_nothing_of_it() -> None:
    org = Org()
    changed = WAS.model_copy(update={"radius": 250, "tracking": "orders"})

    assert checking.check(WAS, changed, org) is None
    assert org.asked == []


@pytest.mark.parametrize("error", [Unavailable("busy"), Lost("revoked"), Refused("no objects")])
def test_while_the_org_can_not_be_asked_nothing_new_may_be_named(error: FieldlinkError) -> None:
    for changed in (
        wanted(statuses={Category.COMPLETED: "Completed"}),
        wanted(work_type="Break"),
        wanted(activity="tasks"),
        wanted(distance_field="Far__c"),
        wanted(share_field="Link__c"),
    ):
        with pytest.raises(Unavailable, match=f"{error}.*Nothing was saved.*try again"):
            checking.check(WAS, changed, Org(error))


def test_while_the_org_can_not_be_asked_all_else_may_be_changed() -> None:
    down = Org(Unavailable("busy"))
    was = wanted(statuses={Category.COMPLETED: "Done"}, distance_field="Far__c")
    other: dict[str, Any] = {
        "exit_grace": 99,
        "complete_by": "exit",
        "words": {"arrived": "da"},
    }

    assert checking.check(was, wanted(was, **other), down) is None
    assert checking.check(was, wanted(was, statuses={}, distance_field=""), down) is None
    assert checking.check(was, wanted(was, time_sheets="none"), down) is None


@pytest.mark.parametrize("state", ["new", "ending", "ended"])
def test_a_connection_without_an_org_names_nothing_of_it(state: str) -> None:
    was, org = connection(state=state), Org()

    with pytest.raises(Unavailable, match="not connected to Salesforce"):
        checking.check(was, wanted(was, work_type="Break"), org)
    assert checking.check(was, wanted(was, exit_grace=30), org) is None
    assert org.asked == []


def test_what_was_renamed_since_it_was_named_is_told_from_what_is_known() -> None:
    named = wanted(statuses={Category.COMPLETED: "Done"}, work_type="Labour")
    able = Capabilities(
        connection=CONNECTION, checked_at=NINE, statuses=STATUSES, listed=LISTED
    )

    told = checking.forgotten(named, able)

    assert [each.partition(" (")[0] for each in told] == [
        "The org has no “Done”",
        "The org has no “Labour”",
    ]
    assert checking.forgotten(WAS, able) == []


def test_of_an_org_that_has_told_nothing_yet_nothing_is_said() -> None:
    named = wanted(statuses={Category.COMPLETED: "Done"}, work_type="Labour")
    before = Capabilities(connection=CONNECTION, checked_at=NINE)  # of a former version

    assert checking.forgotten(named, None) == []
    assert checking.forgotten(named, before) == []


def test_settings_of_a_former_version_name_what_they_always_did() -> None:
    assert checking.check(WAS, WAS.model_copy(update={"practice": Practice()}), Org()) is None
