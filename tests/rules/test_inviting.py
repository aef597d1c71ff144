"""One worker in HyperTrack and one mail for each resource, never two."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import pytest

from fieldlink.console import letters
from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.looking.comparing import Changed
from fieldlink.looking.handing_on import hand_on
from fieldlink.models import Invite
from fieldlink.people import bounces, devices, inviting
from fieldlink.people.inviting import PERHAPS_SENT, Counter
from fieldlink.records import Invitation, Worker
from tests.fakes import FakeMail
from tests.make import CONNECTION, DEVICE, RESOURCE, World, connection, resource, worker
from tests.rules.killing import every_death

ORDER = Invite(connection=CONNECTION, resource=RESOURCE)


class Town(World):
    """A world with a post office and one technician."""

    def __init__(self, **of_resource: Any) -> None:
        super().__init__()
        self.mail = FakeMail(self.fate)
        self.state.write_all([resource(**of_resource)])

    @property
    def counter(self) -> Counter:
        return Counter(
            connection=self.connection,
            state=self.state,
            hypertrack=self.hypertrack,
            mail=self.mail,
            changes=self.changes,
            letter=letters.invitation,
            now=self.now,
        )


def invite(world: World, order: Invite = ORDER) -> str:
    assert isinstance(world, Town)
    return inviting.invite(order, world.counter)


def known(world: World) -> Worker | None:
    return world.state.read(Worker, CONNECTION, RESOURCE)


def test_a_technician_gets_a_worker_and_one_mail_with_the_link() -> None:
    town = Town()

    assert invite(town) == "invited"

    [letter] = town.mail.sent
    assert letter.to == "ada@example.com"
    assert f"https://visits.example.com/{RESOURCE}" in letter.text
    assert f"https://visits.example.com/{RESOURCE}" in letter.html
    assert town.hypertrack.workers == {RESOURCE: "Ada Lovelace"}


def test_however_often_a_technician_is_seen_there_is_one_mail() -> None:
    town = Town()

    outcomes = [invite(town) for _ in range(3)]

    assert outcomes == ["invited", "invited before", "invited before"]
    assert len(town.mail.sent) == 1


def test_who_has_the_app_gets_a_worker_and_no_mail() -> None:
    town = Town()
    town.hypertrack.drivers[DEVICE] = RESOURCE

    assert invite(town) == "has the app"

    bound = known(town)
    assert bound
    assert bound.device == DEVICE
    assert not town.mail.sent
    assert len(town.changes.messages) == 1


def test_who_uninstalled_the_app_can_be_invited_again() -> None:
    town = Town()
    town.hypertrack.drivers[DEVICE] = RESOURCE
    invite(town)
    devices.told_gone(DEVICE, "uninstalled", town.now, town.desk)
    town.hypertrack.uninstalled.add(DEVICE)

    assert invite(town) == "invited"


def test_a_worker_that_was_deleted_in_hypertrack_is_made_anew() -> None:
    town = Town()
    town.hypertrack.workers[RESOURCE] = "Ada"
    town.hypertrack.deleted.add(RESOURCE)

    assert invite(town) == "invited"
    assert not town.hypertrack.deleted


def test_a_mail_carries_what_it_is_known_by_when_it_comes_back() -> None:
    town = Town()
    invite(town)

    [letter] = town.mail.sent
    back = {"tags": {name: [text] for name, text in letter.labels.items()}}
    news = bounces.read({"detail": {"mail": back, "reject": {}}})
    assert news
    assert bounces.note(*news, state=town.state)


def test_without_an_address_it_is_shown_and_not_failed() -> None:
    town = Town(email="")

    assert invite(town) == "no e-mail address in Salesforce"

    shown = known(town)
    assert shown
    assert shown.not_invited == "no e-mail address in Salesforce"


def test_an_address_that_comes_later_is_used_then() -> None:
    town = Town(email="")
    invite(town)
    town.state.write_all([resource()])

    assert invite(town) == "invited"
    shown = known(town)
    assert shown
    assert shown.not_invited == ""


@pytest.mark.parametrize("state", ["new", "ending", "ended"])
def test_a_connection_that_is_not_live_invites_nobody(state: str) -> None:
    town = Town()
    town.connection = connection(state=state)

    assert invite(town) == "not active"
    assert not town.hypertrack.workers


def test_who_left_before_the_mail_is_not_invited() -> None:
    assert invite(Town(active=False)) == "not active"


def test_a_link_template_is_filled_in_with_escapes() -> None:
    town = Town(name="Ada & Co", email="ada+visits@example.com")
    town.connection = connection(
        invitation_template="https://go.example.com/{resource_id}?m={email}&n={name}"
    )

    invite(town)

    wanted = f"https://go.example.com/{RESOURCE}?m=ada%2Bvisits%40example.com&n=Ada%20%26%20Co"
    assert wanted in town.mail.sent[0].text
    assert not town.hypertrack.invited


def test_a_killed_invitation_is_never_sent_twice_and_ends_sent_or_parked() -> None:
    for world, death in every_death(Town, invite):
        assert isinstance(world, Town)
        claimed = (found := known(world)) is not None and found.invitation is not None
        sent = bool(found and found.invitation and found.invitation.state == "sent")

        if claimed and not sent:
            with pytest.raises(Refused) as refusal:
                invite(world)
            assert str(refusal.value) == PERHAPS_SENT, death
            assert len(world.mail.sent) <= 1, death
        else:
            invite(world)
            assert len(world.mail.sent) == 1, death


def test_a_mail_server_that_did_not_answer_is_not_asked_again() -> None:
    town = Town()
    town.fate.fail("send mail", Unclear("no answer"), after=True, times=1)

    for _ in range(2):
        with pytest.raises(Refused, match="may or may not have been sent"):
            invite(town)

    assert len(town.mail.sent) == 1


@pytest.mark.parametrize("error", [Unavailable("throttled"), Refused("address suppressed")])
def test_a_mail_that_was_surely_not_sent_can_be_sent_later(error: Exception) -> None:
    town = Town()
    town.fate.fail("send mail", error, times=1)
    with pytest.raises(type(error)):
        invite(town)

    assert invite(town) == "invited"
    assert len(town.mail.sent) == 1


def test_an_operator_who_knows_that_it_may_have_gone_out_can_send_it_again() -> None:
    town = Town()
    town.fate.fail("send mail", Unclear("no answer"), times=1)
    with pytest.raises(Refused):
        invite(town)

    assert invite(town, replayed(town)) == "invited"
    assert len(town.mail.sent) == 1


def test_a_replayed_invitation_that_is_killed_is_not_sent_a_third_time() -> None:
    order = replayed(perhaps_sent())
    for world, death in every_death(perhaps_sent, lambda town: invite(town, order)):
        assert isinstance(world, Town)
        before = len(world.mail.sent)
        with contextlib.suppress(Refused):
            invite(world, order)

        assert len(world.mail.sent) <= 1, death
        assert len(world.mail.sent) >= before, death


# ── once more ─────────────────────────────────────────────────────────────────


def shown_at(town: World) -> str:
    """What the page of the console has of the last invitation."""
    found = known(town)
    return found.invitation.at.isoformat() if found and found.invitation else ""


@pytest.mark.parametrize("state", ["new", "sent", "bounced", "sending"])
def test_an_operator_invites_again_and_a_double_click_sends_one(state: str) -> None:
    town = perhaps_sent() if state == "sending" else Town()
    if state in {"sent", "bounced"}:
        invite(town)
    if state == "bounced":
        bounces.note(CONNECTION, RESOURCE, town.now, "no such user", town.state)
    town.pass_time(timedelta(minutes=5))
    before = len(town.mail.sent)
    order = inviting.once_more(CONNECTION, RESOURCE, shown_at(town))

    outcomes = [invite(town, order), invite(town, order)]

    assert outcomes == ["invited", "invited before"]
    assert len(town.mail.sent) == before + 1


@pytest.mark.parametrize("moment", ["yesterday", "2026-03-04T12:00:00"])
def test_a_form_that_nobody_was_shown_is_refused(moment: str) -> None:
    with pytest.raises(Refused, match="no moment"):
        inviting.once_more(CONNECTION, RESOURCE, moment)


def test_nobody_who_is_no_resource_is_invited_again() -> None:
    with pytest.raises(Refused, match="no such resource"):
        inviting.once_more(CONNECTION, "nobody", "")


class Meeting(FakeMail):
    """While the mail is under way others write to the same worker."""

    def __init__(self, town: Town, **update: Any) -> None:
        super().__init__()
        self.town = town
        self.update = update

    def send(self, **words: Any) -> None:
        super().send(**words)
        worker = known(self.town)
        assert worker
        assert self.town.state.write(worker.model_copy(update=self.update))


def test_a_device_that_shows_up_while_the_mail_is_sent_does_no_harm() -> None:
    town = Town()
    town.mail = Meeting(town, opened_at=town.now)

    assert invite(town) == "invited"

    worker = known(town)
    assert worker
    assert worker.invitation
    assert (worker.invitation.state, worker.opened_at) == ("sent", town.now)


def test_a_mail_that_comes_back_while_it_is_sent_has_come_back() -> None:
    town = Town()
    back = Invitation(state="bounced", at=town.now, why="no such user")
    town.mail = Meeting(town, invitation=back)

    assert invite(town) == "invited"

    worker = known(town)
    assert worker
    assert worker.invitation == back


# ── another address ───────────────────────────────────────────────────────────


def moved_house() -> Town:
    """Ada was invited at noon; her address has been changed since."""
    town = Town()
    invite(town)
    town.pass_time(timedelta(minutes=5))
    town.state.write_all([resource(email="lovelace@example.com")])
    return town


def letters_to(town: World) -> list[str]:
    assert isinstance(town, Town)
    return [letter.to for letter in town.mail.sent]


def test_who_was_invited_at_another_address_is_invited_again_and_once() -> None:
    town = moved_house()
    order = replayed(town)

    outcomes = [invite(town, order) for _ in range(2)]

    assert outcomes == ["invited", "invited before"]
    assert letters_to(town) == ["ada@example.com", "lovelace@example.com"]


def test_an_order_that_is_overtaken_by_yet_another_address_is_still_carried_out() -> None:
    town = moved_house()
    order = replayed(town)
    invite(town, order)
    town.pass_time(timedelta(minutes=5))
    town.state.write_all([resource(email="king@example.com")])

    assert invite(town, order) == "invited"
    assert letters_to(town)[-1] == "king@example.com"


def test_who_was_not_reached_at_the_former_address_is_invited_at_the_next() -> None:
    town = moved_house()
    order = replayed(town)
    invite(town, order)
    town.pass_time(timedelta(minutes=5))
    found = known(town)
    assert found
    assert found.invitation
    bounces.note(CONNECTION, RESOURCE, found.invitation.at, "no such user", town.state)
    town.state.write_all([resource(email="king@example.com")])

    assert invite(town, order) == "invited"
    assert letters_to(town)[-1] == "king@example.com"


def test_an_order_that_says_nothing_of_an_earlier_one_sends_nothing_anew() -> None:
    assert invite(moved_house()) == "invited before"


def test_who_has_used_the_invitation_is_not_invited_again() -> None:
    town = moved_house()
    order = replayed(town)
    town.hypertrack.drivers[DEVICE] = RESOURCE

    assert invite(town, order) == "has the app"
    assert letters_to(town) == ["ada@example.com"]


@pytest.mark.parametrize("change", [{"technician": False}, {"hidden": True}])
def test_who_is_no_technician_or_not_shown_to_us_is_not_invited(change: Any) -> None:
    town = Town(**change)

    assert invite(town) == "not active"
    assert not town.hypertrack.workers


def perhaps_sent() -> Town:
    """A town whose first mail may or may not have gone out."""
    town = Town()
    town.fate.fail("send mail", Unclear("no answer"), times=1)
    with pytest.raises(Refused):
        invite(town)
    town.pass_time(timedelta(minutes=5))
    return town


def replayed(town: World) -> Invite:
    """The order as an operator replays it, knowing of the claim that stands."""
    found = known(town)
    assert found
    assert found.invitation
    return ORDER.model_copy(update={"despite": found.invitation.at})


@pytest.mark.parametrize("effect", ["ensure worker", "invitation link", "device of"])
def test_hypertrack_being_down_claims_nothing(effect: str) -> None:
    town = Town()
    town.fate.fail(effect, Unavailable("503"), times=1)
    with pytest.raises(Unavailable):
        invite(town)

    assert invite(town) == "invited"
    assert len(town.mail.sent) == 1


@pytest.mark.parametrize(
    ("state", "again"), [("sent", True), ("bounced", True), ("sending", False)]
)
def test_a_new_address_of_somebody_who_was_written_to_has_them_invited_at_it(
    state: str, again: bool
) -> None:
    town = Town()
    fields = {"state": state, "at": town.now, "email": "ada@example.com"}
    before = Invitation.model_validate(fields)
    town.state.write(worker(invitation=before))
    row = resource(email="lovelace@example.com", due=("e-mail changed",))

    hand_on(Changed(rows=[row], assignments={}), "a run", town.state, town)

    orders = [Invite.model_validate_json(each.body) for each in town.invites.messages]
    assert orders == ([ORDER.model_copy(update={"despite": before.at})] if again else [])
