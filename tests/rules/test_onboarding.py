"""A new connection, from what the operator typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.connecting import onboarding
from fieldlink.connecting.office import Office
from fieldlink.connecting.settings import (
    Typed,
    change_settings,
    form_of,
    tracked_otherwise,
    wanted,
)
from fieldlink.errors import Refused, Unavailable
from fieldlink.models import Category
from fieldlink.records import Connection, Listed, WebhookKeys
from tests.fakes import FakeAuthorisation, FakeHyperTrack, FakeKeyRing, FakeVault
from tests.make import CONNECTION, World
from tests.rules.killing import every_death

if TYPE_CHECKING:
    from collections.abc import Callable

TYPED = Typed("Example", "account", "secret-key-123")
OWN = "https://own.example.com"


class Town(World):
    def __init__(self) -> None:
        super().__init__()
        self.vault = FakeVault(self.fate)
        self.asked: list[tuple[str, str]] = []

    @property
    def office(self) -> Office:
        return Office(self.state, self.vault, FakeAuthorisation(self.fate), OWN, self.now)

    def account(self, account: str, secret: Callable[[], str]) -> FakeHyperTrack:
        self.asked.append((account, secret()))
        return self.hypertrack

    @property
    def secrets(self) -> list[str]:
        keys = FakeKeyRing(self.state, self.vault).of(CONNECTION)
        return list(keys.secrets) if keys else []

    @property
    def kept(self) -> Connection:
        found = self.state.read(Connection, CONNECTION)
        assert found
        return found


def create(world: World, typed: Typed = TYPED) -> Connection:
    assert isinstance(world, Town)
    return onboarding.create(
        typed, connection=CONNECTION, office=world.office, account=world.account
    )


def change(world: World) -> None:
    assert isinstance(world, Town)
    onboarding.change_secret(
        world.kept, "another-secret", office=world.office, account=world.account
    )


def created() -> Town:
    town = Town()
    create(town)
    return town


def test_what_was_typed_is_checked_with_hypertrack_and_kept_sealed() -> None:
    town = Town()

    made = create(town)

    assert town.asked == [("account", "secret-key-123")]
    assert (made.state, made.login_url, made.radius) == ("new", OWN, 100)
    assert "secret-key-123" not in town.state.texts
    assert town.secrets == ["secret-key-123"]
    assert town.state.kinds == {"WebhookKeys": 1, "Connection": 1, "Listed": 1}


def test_keys_that_hypertrack_does_not_accept_keep_nothing() -> None:
    town = Town()
    town.hypertrack.keys_are_valid = False

    with pytest.raises(Refused, match="does not accept"):
        create(town)

    assert not town.state.kinds


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"account": ""}, "Fill in"),
    ({"secret": ""}, "Fill in"),
    ({"secret": "short"}, "Fill in"),
    ({"login_host": "evil.com"}, "no Salesforce login host"),
    ({"radius": ""}, "radius"),
    ({"radius": "49"}, "radius"),
    ({"radius": "5001"}, "radius"),
    ({"radius": "-100"}, "radius"),
    ({"radius": "1e3"}, "radius"),
    ({"radius": "\u0661\u0660\u0660"}, "radius"),
    ({"radius": "9" * 4_000}, "radius"),
    ({"overlap": "0"}, "reaches back"),
    ({"overlap": "61"}, "reaches back"),
    ({"overlap": "ten"}, "reaches back"),
    ({"quota_share": "0"}, "percent"),
    ({"quota_share": "101"}, "percent"),
    ({"quota_share": ""}, "percent"),
    ({"authorise": "password"}, "three ways"),
    ({"authorise": ""}, "three ways"),
    ({"authorise": "jwt"}, "username"),
    ({"authorise": "jwt", "username": "ida", "audience": "login"}, "audience"),
    ({"authorise": "client", "login_host": "login.salesforce.com"}, "My Domain"),
    ({"authorise": "client", "login_host": "test.salesforce.com"}, "My Domain"),
    ({"tracking": "routes"}, "geofences, orders"),
    ({"track_mode": "flex"}, "pre_shift"),
    ({"lead": "721"}, "720 minutes"),
    ({"lead": "-1"}, "720 minutes"),
    ({"by_shifts": "perhaps"}, "yes, no"),
    ({"live_positions": ""}, "yes, no"),
    ({"outage_notice": "fax"}, "task, mail, none"),
    ({"share_field": "Live_Link"}, "custom field"),
    ({"share_field": "Status, Id FROM User"}, "custom field"),
    ({"share_field": "Live-Link__c"}, "custom field"),
    ({"invitation_template": "http://x/{resource_id}"}, "template"),
    ({"invitation_template": "https://x/"}, "template"),
    ({"invitation_template": "javascript:{resource_id}"}, "template"),
]


@pytest.mark.parametrize(("wrong", "words"), WRONG)
def test_what_can_not_be_is_refused_before_anything_is_asked(
    wrong: dict[str, Any], words: str
) -> None:
    town = Town()

    with pytest.raises(Refused, match=words):
        create(town, TYPED._replace(**wrong))

    assert not town.state.kinds


@pytest.mark.parametrize(
    ("typed", "way"),
    [
        ({"username": "ida@example.com"}, ("web", "", OWN)),
        (
            {"authorise": "jwt", "username": "ida@example.com"},
            ("jwt", "ida@example.com", OWN),
        ),
        (
            {"authorise": "client", "login_host": "example.my.salesforce.com"},
            ("client", "", "https://example.my.salesforce.com"),
        ),
        ({"authorise": "client"}, ("client", "", OWN)),
    ],
)
def test_each_way_to_authorise_is_kept_with_what_it_needs(
    typed: dict[str, str], way: tuple[str, str, str]
) -> None:
    town = Town()

    create(town, TYPED._replace(**typed))

    assert (town.kept.authorise, town.kept.username, town.kept.login_url) == way


def test_the_audience_of_a_jwt_is_kept_if_one_is_named_and_for_that_way_only() -> None:
    named = {"username": "ida", "audience": "https://site.example.com/"}

    by_jwt = create(Town(), TYPED._replace(authorise="jwt", **named))
    by_browser = create(Town(), TYPED._replace(**named))

    assert (by_jwt.audience, by_browser.audience) == ("https://site.example.com", "")


def test_how_far_to_look_back_and_how_much_to_use_are_settings() -> None:
    made = create(Town(), TYPED)
    other = create(Town(), TYPED._replace(overlap="60", quota_share="100"))

    assert (made.overlap, made.quota_share) == (10, 5)
    assert (other.overlap, other.quota_share) == (60, 100)


def test_how_people_are_tracked_and_who_is_told_are_settings() -> None:
    plain = create(Town(), TYPED)
    town = Town()
    other = create(
        town,
        TYPED._replace(
            tracking="orders",
            track_mode="on_shift",
            lead="30",
            by_shifts="yes",
            live_positions="yes",
            outage_notice="mail",
            share_field="Live_Link__c",
        ),
    )

    assert (plain.tracking, plain.lead, plain.by_shifts) == ("geofences", 60, False)
    assert (plain.live_positions, plain.outage_notice, plain.share_field) == (False, "task", "")
    assert (other.tracking, other.track_mode, other.lead) == ("orders", "on_shift", 30)
    assert (other.by_shifts, other.live_positions) == (True, True)
    assert (other.outage_notice, other.share_field) == ("mail", "Live_Link__c")
    keys = town.state.read(WebhookKeys, other.connection)
    assert keys
    assert keys.live_positions


def test_the_webhook_door_learns_of_a_changed_wish_for_positions() -> None:
    town = Town()
    made = create(town, TYPED)
    stored = town.state.read(Connection, made.connection)
    assert stored

    typed = form_of(stored, {"live_positions": "yes"})
    change_settings(wanted(stored, typed), town.state)

    keys = town.state.read(WebhookKeys, made.connection)
    changed = town.state.read(Connection, made.connection)
    assert keys
    assert keys.live_positions
    assert changed
    assert changed == stored.model_copy(update={"live_positions": True, "version": 2})


def test_settings_that_could_not_be_kept_in_full_are_as_before_when_typed_again() -> None:
    town = Town()
    made = create(town, TYPED)
    stored = town.state.read(Connection, made.connection)
    assert stored
    typed = form_of(stored, {"live_positions": "yes", "tracking": "orders"})
    town.fate.fail("write WebhookKeys", Unavailable("busy"), times=1)

    with pytest.raises(Unavailable):
        change_settings(wanted(stored, typed), town.state)

    assert town.kept == stored
    again = change_settings(wanted(town.kept, typed), town.state)
    assert tracked_otherwise(stored, again)


def test_how_work_is_written_is_kept_and_nobody_is_looked_at_again_for_it() -> None:
    town = Town()
    made = create(town, TYPED)
    stored = town.state.read(Connection, made.connection)
    assert stored

    typed = form_of(stored, {"arrival_by": "check_in", "status.COMPLETED": "Done"})
    changed = change_settings(wanted(stored, typed), town.state)

    assert town.kept.practice == changed.practice
    assert (changed.practice.arrival_by, changed.practice.join) == ("check_in", 60)
    assert changed.practice.statuses == {Category.COMPLETED: "Done"}
    assert not tracked_otherwise(stored, changed)


def test_a_nameless_connection_is_called_as_its_account() -> None:
    assert create(Town(), TYPED._replace(name="")).name == "account"


def test_a_killed_creation_lists_nothing_that_is_not_whole() -> None:
    for world, death in every_death(Town, create):
        whole = world.state.read(Connection, CONNECTION) and world.state.read(
            WebhookKeys, CONNECTION
        )
        assert whole or not world.state.all_of(Listed), death


def test_a_changed_secret_is_taken_and_the_one_before_stays_good() -> None:
    town = created()

    change(town)

    assert town.secrets == ["another-secret", "secret-key-123"]
    secret = town.vault.open(town.kept.hypertrack_secret, connection=CONNECTION)
    assert secret == "another-secret"


def test_a_changed_secret_that_is_entered_twice_leaves_the_one_before_good() -> None:
    town = created()

    change(town)
    change(town)

    assert town.secrets == ["another-secret", "secret-key-123"]


def test_a_changed_secret_that_hypertrack_does_not_accept_changes_nothing() -> None:
    town = created()
    town.hypertrack.keys_are_valid = False

    with pytest.raises(Refused, match="does not accept"):
        change(town)

    assert town.secrets == ["secret-key-123"]


def test_whoever_dies_when_a_secret_is_changed_the_door_knows_the_one_in_use() -> None:
    for world, death in every_death(created, change):
        assert isinstance(world, Town)
        in_use = world.vault.open(world.kept.hypertrack_secret, connection=CONNECTION)

        assert in_use in world.secrets, death
        change(world)
        assert world.secrets[0] == "another-secret", death


def test_hypertrack_being_down_is_told_and_keeps_nothing() -> None:
    town = Town()
    town.fate.fail("check keys", Unavailable("503"))

    with pytest.raises(Unavailable):
        create(town)

    assert not town.state.kinds
