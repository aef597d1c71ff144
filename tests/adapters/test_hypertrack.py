from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from fieldlink.adapters.hypertrack import HyperTrackAccount
from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.models import APPOINTMENT_KEY, ASSIGNMENT_KEY, RESOURCE_KEY, Fence
from local.hypertrack import FakeHyperTrack, Phone
from tests.adapters.scripted import Answer, nobody, scripted
from tests.conftest import ACCOUNT, ROSA, ROSAS_MAIL, SECRET_KEY, SITE
from tests.fakes import NOON

HANDLE, OTHER = "0Hn000000000001AAA", "0Hn000000000002AAA"


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def account(http: requests.Session, hypertrack: FakeHyperTrack) -> HyperTrackAccount:
    return HyperTrackAccount(http, hypertrack.url, ACCOUNT, lambda: SECRET_KEY)


def phone_of(
    account: HyperTrackAccount,
    hypertrack: FakeHyperTrack,
    handle: str = HANDLE,
    app: str = "android-0.2",
) -> Phone:
    account.ensure_worker(handle, ROSA)
    return hypertrack.install(account.invitation_link(handle), app)


def fence(phone: Phone, **more: Any) -> Fence:
    metadata = {
        APPOINTMENT_KEY: "08p000000000001AAA",
        RESOURCE_KEY: HANDLE,
        ASSIGNMENT_KEY: "03r000000000001AAA",
        "name": "Boiler",
    }
    wanted = {
        "device": phone.device_id,
        "latitude": SITE[0],
        "longitude": SITE[1],
        "radius": 100,
        "metadata": metadata | more.pop("metadata", {}),
    }
    return Fence.model_validate(wanted | more)


# ── keys, workers, invitations ─────────────────────────────────────────────────


def test_keys_that_are_right_pass(account: HyperTrackAccount) -> None:
    account.check()


@pytest.mark.parametrize("keys", [(ACCOUNT, "wrong"), ("nobody", SECRET_KEY), (ACCOUNT, "ü")])
def test_keys_that_are_wrong_are_refused(
    http: requests.Session, hypertrack: FakeHyperTrack, keys: tuple[str, str]
) -> None:
    with pytest.raises(Refused) as caught:
        HyperTrackAccount(http, hypertrack.url, keys[0], lambda: keys[1]).check()

    assert caught.value.code == "401"
    assert keys[1] not in str(caught.value)


def test_a_worker_that_is_there_already_is_as_good(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack
) -> None:
    account.ensure_worker(HANDLE, ROSA)
    account.ensure_worker(HANDLE, "Another name")

    [worker] = hypertrack.workers(ACCOUNT)
    assert (worker.worker_handle, worker.name) == (HANDLE, ROSA)


def test_a_worker_that_was_deleted_is_there_again(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack
) -> None:
    account.ensure_worker(HANDLE, ROSA)
    account.call("DELETE", f"/workers/{HANDLE}")
    assert account.device_of(HANDLE) is None
    with pytest.raises(Refused):
        account.invitation_link(HANDLE)

    account.ensure_worker(HANDLE, ROSA)

    [worker] = hypertrack.workers(ACCOUNT)
    assert worker.deleted_at is None
    assert account.invitation_link(HANDLE)


@pytest.mark.parametrize(
    "answers",
    [
        [Answer(404, {"code": "driver_deleted", "title": "Worker deleted"})],
        [Answer(409, {"code": "duplicate_resource"}), Answer(404, {"message": "not found"})],
        [Answer(409, {"message": "conflict"}), Answer(200, {"deleted": True})],
    ],
)
def test_a_deleted_worker_is_undeleted_however_hypertrack_says_so(
    http: requests.Session, answers: list[Answer]
) -> None:
    with scripted(*answers, Answer(200, {})) as script:
        HyperTrackAccount(http, script.url, ACCOUNT, str).ensure_worker(HANDLE, ROSA)

    assert script.asked[-1].method == "POST"
    assert script.asked[-1].path == f"/workers/{HANDLE}/undelete"


def test_a_worker_may_have_no_name(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack
) -> None:
    account.ensure_worker(HANDLE, "")

    assert [each.worker_handle for each in hypertrack.workers(ACCOUNT)] == [HANDLE]


@pytest.mark.parametrize("shape", ["link", "invite_link", "array"])
def test_an_invitation_is_a_link_to_the_visits_app_in_every_documented_shape(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack, shape: Any
) -> None:
    hypertrack.switches.invite_answer = shape
    account.ensure_worker(HANDLE, ROSA)

    link = account.invitation_link(HANDLE)

    [invite] = hypertrack.invites
    assert (invite.link, invite.app, invite.worker_handle) == (link, "VISITS", HANDLE)


def test_nobody_who_is_not_a_worker_is_invited(account: HyperTrackAccount) -> None:
    with pytest.raises(Refused, match="404"):
        account.invitation_link(HANDLE)


@pytest.mark.parametrize("body", [{}, [], [{}], {"link": ""}, "text"])
def test_an_invitation_without_a_link_is_refused(http: requests.Session, body: Any) -> None:
    with scripted(Answer(200, body)) as script, pytest.raises(Refused, match="no link"):
        HyperTrackAccount(http, script.url, ACCOUNT, str).invitation_link(HANDLE)


# ── devices ────────────────────────────────────────────────────────────────────


def test_a_worker_without_the_app_has_no_device(account: HyperTrackAccount) -> None:
    assert account.device_of(HANDLE) is None
    account.ensure_worker(HANDLE, ROSA)
    assert account.device_of(HANDLE) is None
    assert account.devices() == []


def test_a_device_that_is_linked_is_the_worker_s_since_it_is_linked(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack
) -> None:
    phone_of(account, hypertrack, app="ios-2.20")
    linked_at = NOON + timedelta(hours=1)
    phone = hypertrack.install(account.invitation_link(HANDLE), "ios-2.20", linked_at)

    seen = account.device_of(HANDLE)

    assert seen
    assert (seen.id, seen.worker, seen.registered_at) == (phone.device_id, HANDLE, linked_at)


@pytest.mark.parametrize(
    ("app", "driver", "worker"),
    [("android-0.2", HANDLE, ""), ("ios-2.20", HANDLE, HANDLE)],
)
def test_a_device_tells_its_driver_and_the_worker_that_it_is_linked_to(
    account: HyperTrackAccount,
    hypertrack: FakeHyperTrack,
    app: str,
    driver: str,
    worker: str,
) -> None:
    phone = phone_of(account, hypertrack, app=app)

    seen = account.driver_of(phone.device_id)

    assert seen
    assert (seen.id, seen.driver, seen.worker) == (phone.device_id, driver, worker)
    assert seen.registered_at == hypertrack.devices(ACCOUNT)[0].registered_at


def test_a_device_that_only_tells_an_address_is_told_with_it(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack
) -> None:
    phone = hypertrack.sign_in(ACCOUNT, ROSAS_MAIL, "ios-2.9")

    seen = account.driver_of(phone.device_id)

    assert seen
    assert (seen.driver, seen.worker, seen.email) == ("", "", ROSAS_MAIL)
    assert [each.email for each in account.devices()] == [ROSAS_MAIL]


def test_every_device_is_listed_on_however_many_pages(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack
) -> None:
    hypertrack.switches.device_page = 1
    first = phone_of(account, hypertrack)
    other = phone_of(account, hypertrack, OTHER)
    second = hypertrack.reinstall(first)

    found = {each.id: each for each in account.devices()}

    assert found.keys() == {first.device_id, other.device_id, second.device_id}
    assert found[second.device_id].driver == HANDLE
    gone = found[first.device_id]
    assert (gone.status, gone.reason) == ("inactive", "uninstalled")


def test_devices_are_listed_from_a_plain_array(http: requests.Session) -> None:
    told = [
        {"device_id": "D1", "metadata": {"driver_id": HANDLE}, "registered_at": "yesterday"},
        {"device_id": "D2", "metadata": None, "device_status": "active"},
        {"device_id": "D3", "registered_at": "2026-03-04T12:00:00.000000Z"},
        {"device_id": "D4", "registered_at": "2026-03-04T12:00:00"},
        {"metadata": {"driver_id": OTHER}},
        "text",
    ]
    with scripted(Answer(200, told)) as script:
        found = HyperTrackAccount(http, script.url, ACCOUNT, str).devices()

    assert [(each.id, each.driver, each.registered_at) for each in found] == [
        ("D1", HANDLE, None),
        ("D2", "", None),
        ("D3", "", NOON),
        ("D4", "", None),
    ]


def test_a_worker_lets_go_of_its_device(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack
) -> None:
    phone_of(account, hypertrack, app="ios-2.20")

    account.release_device(HANDLE)
    account.release_device(HANDLE)

    assert account.device_of(HANDLE) is None


def test_an_account_that_lets_no_device_go_refuses(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack
) -> None:
    hypertrack.switches.null_releases_device = False
    phone = phone_of(account, hypertrack, app="ios-2.20")

    with pytest.raises(Refused, match="422"):
        account.release_device(HANDLE)

    seen = account.device_of(HANDLE)
    assert seen
    assert seen.id == phone.device_id


def test_a_worker_that_is_not_there_carries_no_device(account: HyperTrackAccount) -> None:
    account.release_device(HANDLE)


@pytest.mark.parametrize("device", ["00000000-0000-0000-0000-00000000000A", "no uuid"])
def test_a_device_that_does_not_exist_belongs_to_nobody(
    account: HyperTrackAccount, device: str
) -> None:
    assert account.driver_of(device) is None


def test_a_list_that_does_not_end_is_given_up(http: requests.Session) -> None:
    again = Answer(200, {"data": [], "pagination_token": "again"})
    with scripted(again) as script:
        assert HyperTrackAccount(http, script.url, ACCOUNT, str).devices() == []

        assert len(script.asked) < 250


# ── geofences ──────────────────────────────────────────────────────────────────


def test_a_geofence_stands_where_it_is_wanted(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack
) -> None:
    wanted = fence(phone_of(account, hypertrack))

    made = account.add_geofence(wanted)

    [found] = hypertrack.geofences()
    assert found.geofence_id == made
    assert found.device_id == wanted.device
    assert found.geometry == {"type": "Point", "coordinates": [SITE[1], SITE[0]]}
    assert (found.radius, found.metadata) == (100, wanted.metadata)
    assert account.geofence_metadata(made) == wanted.metadata


def test_a_geofence_for_a_device_that_is_gone_is_refused(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack
) -> None:
    wanted = fence(phone_of(account, hypertrack)).model_copy(update={"device": "D-nowhere"})

    with pytest.raises(Refused, match="device_not_found"):
        account.add_geofence(wanted)


def test_only_the_very_geofence_that_was_asked_for_is_found_again(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack
) -> None:
    phone, other = phone_of(account, hypertrack), phone_of(account, hypertrack, OTHER)
    wanted = fence(phone)
    for another in (
        fence(other),
        fence(phone, latitude=SITE[0] + 0.000002),
        fence(phone, longitude=SITE[1] - 0.000002),
        fence(phone, metadata={ASSIGNMENT_KEY: "03r000000000002AAA"}),
        fence(phone, metadata={RESOURCE_KEY: OTHER}),
    ):
        account.add_geofence(another)
    account.remove_geofence(account.add_geofence(wanted))
    assert account.find_geofence(wanted) is None

    made = account.add_geofence(wanted)

    assert account.find_geofence(wanted) == made


def test_a_geofence_made_with_another_radius_is_not_the_one_that_was_asked_for(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack
) -> None:
    wanted = fence(phone_of(account, hypertrack))
    account.add_geofence(wanted.model_copy(update={"radius": 500}))

    assert account.find_geofence(wanted) is None


@pytest.mark.parametrize(
    ("place", "radius", "same"),
    [
        ([SITE[1] + 0.0000004, SITE[0] - 0.0000004], 100.0, True),
        ([SITE[1], SITE[0], 34.5], "100", True),
        ([str(SITE[1]), str(SITE[0])], 100, True),
        ([SITE[1] + 0.00001, SITE[0]], 100, False),
        ([SITE[1], SITE[0]], 100.5, False),
        ([SITE[1], SITE[0]], None, False),
        ([[SITE[1], SITE[0]], [0, 0], [0, 1]], 100, False),
        ([SITE[1]], 100, False),
        ([], 100, False),
        (None, 100, False),
    ],
)
def test_a_geofence_is_found_again_however_hypertrack_rounds_its_numbers(
    http: requests.Session, place: Any, radius: Any, same: bool
) -> None:
    labels = {RESOURCE_KEY: HANDLE, ASSIGNMENT_KEY: "03r000000000001AAA"}
    latitude, longitude = SITE
    wanted = Fence(
        device="d", latitude=latitude, longitude=longitude, radius=100, metadata=labels
    )
    found = {
        "geofence_id": "g-1",
        "geometry": {"type": "Point", "coordinates": place},
        "radius": radius,
        "metadata": labels,
    }
    with scripted(Answer(200, [found])) as script:
        account = HyperTrackAccount(http, script.url, ACCOUNT, str)

        assert account.find_geofence(wanted) == ("g-1" if same else None)


def test_a_geofence_is_found_on_a_later_page(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack
) -> None:
    wanted = fence(phone_of(account, hypertrack))
    for number in range(101):
        account.add_geofence(wanted.model_copy(update={"latitude": 10 + number / 100}))
    made = account.add_geofence(wanted)

    assert account.find_geofence(wanted) == made


def test_a_geofence_takes_other_words_and_keeps_its_id(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack
) -> None:
    made = account.add_geofence(fence(phone_of(account, hypertrack)))

    account.relabel_geofence(made, {"name": "Heating"})

    assert account.geofence_metadata(made) == {"name": "Heating"}


def test_a_geofence_that_is_gone_is_as_good_as_removed(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack
) -> None:
    made = account.add_geofence(fence(phone_of(account, hypertrack)))

    account.remove_geofence(made)
    account.remove_geofence(made)

    assert hypertrack.geofences() == []
    assert account.geofence_metadata(made) == {}
    with pytest.raises(Refused):
        account.relabel_geofence(made, {})


@pytest.mark.parametrize("body", [{}, [], [{}], "text", [{"geofence_id": None}]])
def test_an_answer_without_the_new_geofence_is_unclear(
    http: requests.Session, body: Any
) -> None:
    wanted = Fence(device="D1", latitude=1, longitude=2, radius=100, metadata={})
    with scripted(Answer(201, body)) as script, pytest.raises(Unclear):
        HyperTrackAccount(http, script.url, ACCOUNT, str).add_geofence(wanted)


def test_an_id_with_a_slash_asks_for_nothing_else(http: requests.Session) -> None:
    with scripted(Answer(404)) as script:
        account = HyperTrackAccount(http, script.url, ACCOUNT, str)
        account.geofence_metadata("../workers?x=1#")

    assert script.asked[0].path == "/geofences/..%2Fworkers%3Fx%3D1%23"


# ── answers that are none ──────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_may_have_been_carried_out(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack, status: int
) -> None:
    hypertrack.faults.append({"match": {"method": "POST"}, "status": status})

    with pytest.raises(Unclear):
        account.ensure_worker(HANDLE, ROSA)


@pytest.mark.parametrize("status", [408, 429])
def test_a_call_that_came_too_often_may_come_again(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack, status: int
) -> None:
    hypertrack.faults.append({"status": status})

    with pytest.raises(Unavailable) as caught:
        account.check()

    assert type(caught.value) is Unavailable


def test_a_call_without_an_answer_may_have_been_carried_out(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack
) -> None:
    hypertrack.faults.append({"drop": True, "after": True})

    with pytest.raises(Unclear):
        account.ensure_worker(HANDLE, ROSA)

    assert len(hypertrack.workers(ACCOUNT)) == 1


def test_a_body_that_hypertrack_does_not_understand_is_refused_in_its_words(
    account: HyperTrackAccount, hypertrack: FakeHyperTrack
) -> None:
    body = {"message": "Validation error", "detail": {"json": {"name": ["Too long"]}}}
    hypertrack.faults.append({"status": 422, "body": body})

    with pytest.raises(Refused, match=r"422: Validation error.*Too long") as caught:
        account.ensure_worker(HANDLE, ROSA)

    assert caught.value.code == "422"


def test_an_account_that_nobody_answers_for_is_unavailable(http: requests.Session) -> None:
    with pytest.raises(Unavailable):
        HyperTrackAccount(http, nobody(), ACCOUNT, str).check()


@pytest.mark.parametrize("answer", [Answer(200, b"<html>"), Answer(200, [{}] * 9, half=True)])
def test_an_answer_that_is_no_json_is_unclear(http: requests.Session, answer: Answer) -> None:
    with scripted(answer) as script, pytest.raises(Unclear):
        HyperTrackAccount(http, script.url, ACCOUNT, str).check()


def test_a_redirect_is_not_followed(http: requests.Session) -> None:
    with scripted() as elsewhere:
        moved = Answer(302, b"", {"location": elsewhere.url})
        with scripted(moved) as script, pytest.raises((Refused, Unavailable)):
            HyperTrackAccount(http, script.url, ACCOUNT, str).check()

        assert elsewhere.asked == []
