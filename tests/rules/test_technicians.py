"""How far each technician is with the Visits App."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.people import technicians
from fieldlink.records import Invitation, Phone
from tests.fakes import NOON, FakeState
from tests.make import CONNECTION, RESOURCE, at, resource, worker

if TYPE_CHECKING:
    from fieldlink.people.technicians import Person

SENT = Invitation(state="sent", at=at(9))
GONE = Phone(id="d-1", since=at(8), gone="uninstalled", gone_at=at(11))


def shown(of_worker: dict[str, Any] | None = None, **of_resource: Any) -> Person | None:
    state = FakeState()
    state.write(resource(**of_resource))
    if of_worker is not None:
        state.write(worker(**of_worker))
    found = technicians.listed(CONNECTION, state, NOON)
    return found[0] if found else None


@pytest.mark.parametrize(
    ("of_worker", "words"),
    [
        (None, "not invited yet"),
        ({"not_invited": "the reason"}, "not invited: the reason"),
        (
            {"invitation": SENT.model_copy(update={"state": "sending"})},
            "invitation sending 2026-03-04 09:00 UTC",
        ),
        ({"invitation": SENT}, "invitation sent 2026-03-04 09:00 UTC"),
        (
            {"invitation": SENT.model_copy(update={"state": "bounced", "why": "no such user"})},
            "invitation of 2026-03-04 09:00 UTC came back: no such user",
        ),
        (
            {"invitation": SENT.model_copy(update={"at": NOON - timedelta(days=14, hours=1)})},
            "invited 2026-02-18 11:00 UTC, and has not opened it for 14 days",
        ),
        (
            {"invitation": SENT.model_copy(update={"at": NOON - timedelta(days=14)})},
            "invitation sent 2026-02-18 12:00 UTC",
        ),
        ({"device": "d-1"}, "installed"),
        (
            {"device": "d-1", "tracked_at": at(10), "invitation": SENT},
            "in use, tracked first 2026-03-04 10:00 UTC",
        ),
        (
            {"phones": (GONE,), "invitation": SENT, "opened_at": at(9, 30)},
            "the app was uninstalled 2026-03-04 11:00 UTC",
        ),
        (
            {"phones": (GONE,), "invitation": SENT.model_copy(update={"at": at(11, 30)})},
            "invitation sent 2026-03-04 11:30 UTC",
        ),
    ],
)
def test_everybody_is_shown_with_how_far_they_are(
    of_worker: dict[str, Any] | None, words: str
) -> None:
    person = shown(of_worker)

    assert person
    assert person.app == words


@pytest.mark.parametrize("change", [{"active": False}, {"technician": False}, {"hidden": True}])
def test_who_carries_no_phone_is_not_shown(change: dict[str, Any]) -> None:
    assert shown(**change) is None


def test_who_has_left_with_a_phone_that_hypertrack_keeps_is_shown() -> None:
    person = shown({"not_released": "422"}, active=False)

    assert person
    assert person.trouble == "HyperTrack keeps the device: 422"
    assert not person.may_be_invited


@pytest.mark.parametrize(
    ("of_worker", "may", "last"),
    [
        (None, True, ""),
        ({"invitation": SENT}, True, "2026-03-04T09:00:00+00:00"),
        ({"device": "d-1", "invitation": SENT}, False, "2026-03-04T09:00:00+00:00"),
    ],
)
def test_who_has_no_app_may_be_invited_by_whoever_saw_when_that_was_done_last(
    of_worker: dict[str, Any] | None, may: bool, last: str
) -> None:
    person = shown(of_worker)

    assert person
    assert (person.may_be_invited, person.invited_at) == (may, last)


def test_people_are_listed_by_name() -> None:
    state = FakeState()
    for number, name in enumerate(["Grace", "", "Ada"]):
        state.write(resource(id=f"{RESOURCE}{number}", name=name))

    found = technicians.listed(CONNECTION, state, NOON)

    assert [each.name for each in found] == [f"{RESOURCE}1", "Ada", "Grace"]


# ── two phones ────────────────────────────────────────────────────────────────

NEWER, OLDER = Phone(id="new", since=at(9)), Phone(id="old", since=at(8))


def active(phone: Phone, minutes_ago: int, **more: Any) -> Phone:
    told = {"active_at": NOON - timedelta(minutes=minutes_ago), **more}
    return phone.model_copy(update=told)


def test_two_phones_that_are_active_at_the_same_time_are_reported() -> None:
    person = shown({"device": "new", "phones": (active(OLDER, 60), active(NEWER, 3))})

    assert person
    assert person.phones == "2 phones are active: new, old; the newest one counts"


@pytest.mark.parametrize(
    "phones",
    [
        (active(NEWER, 3),),
        (active(NEWER, 3), OLDER),
        (active(NEWER, 3), active(OLDER, 61)),
        (active(NEWER, 3), active(OLDER, 5, gone="uninstalled", gone_at=NOON)),
    ],
)
def test_one_phone_in_use_is_no_trouble(phones: tuple[Phone, ...]) -> None:
    person = shown({"device": "new", "phones": phones})

    assert person
    assert person.phones == ""
