"""The connection to an org: begun in one browser and finished once, or made without one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from fieldlink.connecting import connecting
from fieldlink.connecting.renewing import Pass
from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.records import (
    Access,
    Capabilities,
    Connection,
    Listed,
    PendingAuthorisation,
    Tokens,
)
from tests.fakes import NOON, FakeAuthorisation, FakeSalesforce
from tests.make import CONNECTION
from tests.rules.killing import every_death
from tests.rules.login import MY_DOMAIN, OWN, USERNAME, WAYS, Town, access, connected, opened

if TYPE_CHECKING:
    from fieldlink.models import Grant

# ── beginning ─────────────────────────────────────────────────────────────────


def test_the_challenge_is_that_of_rfc_7636_appendix_b() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    assert connecting.challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_verifier_is_sealed_and_expires_with_its_state() -> None:
    town = Town()

    state = town.begin()

    pending = town.state.read(PendingAuthorisation, state)
    assert pending
    assert pending.ttl == int((NOON + timedelta(minutes=10)).timestamp())
    verifier = town.vault.open(pending.verifier, connection=CONNECTION)
    assert verifier not in town.state.texts
    assert town.authorisation.pages[f"code-{state}"] == connecting.challenge(verifier)


# ── finishing ─────────────────────────────────────────────────────────────────


def test_the_tokens_are_kept_sealed_with_org_and_user() -> None:
    town = Town()

    made = town.finish(town.begin())

    assert (made.state, made.org, made.user) == (
        "connected",
        town.authorisation.org,
        town.authorisation.user,
    )
    assert town.kept == made
    assert opened(town) == Tokens(access_token="access-1", refresh_token="refresh-1")
    assert "refresh-1" not in town.state.texts
    assert "access-1" not in town.state.texts


def test_an_answer_is_used_once() -> None:
    town = Town()
    state = town.begin()
    town.finish(state)

    with pytest.raises(Refused):
        town.finish(state)

    assert len(town.authorisation.requests) == 1


@pytest.mark.parametrize("session", ["", "another session"])
def test_an_answer_in_another_browser_is_refused_and_can_still_be_used(session: str) -> None:
    town = Town()
    state = town.begin()

    with pytest.raises(Refused, match="this browser"):
        town.finish(state, session=session)

    assert town.finish(state).state == "connected"


@pytest.mark.parametrize("state", ["", "unknown", "word-"])
def test_an_unknown_state_is_refused_before_anything_is_asked(state: str) -> None:
    town = Town()
    town.begin()

    with pytest.raises(Refused):
        town.finish(state)

    assert not town.authorisation.requests


def test_an_answer_after_ten_minutes_is_refused_and_gone() -> None:
    town = Town()
    state = town.begin()
    town.pass_time(timedelta(minutes=10, seconds=1))

    with pytest.raises(Refused, match="ten minutes"):
        town.finish(state)

    assert town.state.read(PendingAuthorisation, state) is None
    assert not town.authorisation.requests


def test_a_code_of_another_verifier_is_refused_and_nothing_is_kept() -> None:
    town = Town()
    first, second = town.begin(), town.begin()

    with pytest.raises(Refused, match="verifier"):
        town.finish(first, code=f"code-{second}")

    assert town.state.read(Access, CONNECTION) is None
    assert town.kept.state == "new"


@pytest.mark.parametrize("state", ["ending", "ended"])
def test_a_connection_that_was_ended_meanwhile_is_not_connected(state: str) -> None:
    town = Town()
    begun = town.begin()
    town.state.write(town.kept.model_copy(update={"state": state}))

    with pytest.raises(Refused, match="does not exist"):
        town.finish(begun)

    assert not town.authorisation.requests


def test_an_answer_that_salesforce_did_not_sign_keeps_nothing() -> None:
    town = Town()
    town.authorisation.forged = True

    with pytest.raises(Refused, match="not signed"):
        town.finish(town.begin())

    assert town.state.read(Access, CONNECTION) is None


class Unsigned(FakeAuthorisation):
    """Somebody on the way who left the signature out."""

    def _grant(self) -> Grant:
        return super()._grant().model_copy(update={"signature": ""})


def test_an_answer_without_a_signature_keeps_nothing_when_a_browser_brought_it() -> None:
    town = Town()
    town.authorisation = Unsigned(town.fate)

    with pytest.raises(Refused, match="not signed"):
        town.finish(town.begin())

    assert town.state.read(Access, CONNECTION) is None


@pytest.mark.parametrize(
    "instance",
    [
        "https://evil.com",
        "http://example.my.salesforce.com",
        "https://example.my.salesforce.com.evil.com",
        "https://user@example.my.salesforce.com",
        "https://example.my.salesforce.com:444",
        "https://salesforce.com",
        "https://[::1",
        "https://own.example.com",
        "",
    ],
)
def test_an_instance_that_is_not_salesforces_keeps_nothing(instance: str) -> None:
    town = Town()
    town.authorisation.instance_url = instance

    with pytest.raises(Refused, match="none of Salesforce's hosts"):
        town.finish(town.begin())

    assert town.state.read(Access, CONNECTION) is None


def test_the_stacks_own_login_may_be_its_own_instance() -> None:
    town = Town()
    town.state.write(town.kept.model_copy(update={"login_url": OWN}))
    town.authorisation.instance_url = OWN

    assert town.finish(town.begin()).state == "connected"


def test_a_second_connection_of_the_same_two_accounts_is_refused() -> None:
    town = connected()
    twin = town.kept.model_copy(
        update={"connection": "twin", "name": "Twin", "state": "connected", "version": 0}
    )
    for record in (twin, Listed(connection="twin")):
        assert town.state.write(record)

    with pytest.raises(Refused, match="Twin joins this org"):
        town.finish(town.begin())


def test_another_org_than_before_is_refused_and_the_old_tokens_stay() -> None:
    town = connected()
    town.authorisation.org = "00D000000000002EAA"

    with pytest.raises(Refused, match="another Salesforce org"):
        town.finish(town.begin())

    assert opened(town).refresh_token == "refresh-1"
    assert town.kept.org == "00D000000000001EAA"


def test_without_a_refresh_token_nothing_is_kept() -> None:
    town = Town()
    town.authorisation.scope = "api"

    with pytest.raises(Refused, match="refresh_token"):
        town.finish(town.begin())

    assert town.state.read(Access, CONNECTION) is None


def test_what_field_service_lacks_is_said_in_plain_words() -> None:
    town = Town()
    town.salesforce.missing = ["AssignedResource", "ServiceResource"]

    made = town.finish(town.begin())

    assert made.state == "incomplete"
    assert made.problem == ("Assigned Resources can't be seen; Service Resources can't be seen")


@pytest.mark.parametrize("error", [Refused("no"), Unavailable("not now"), Unclear("?")])
def test_an_org_that_does_not_tell_what_may_be_written_is_connected_all_the_same(
    error: Exception,
) -> None:
    town = Town()
    town.fate.fail("describe all", error)

    made = town.finish(town.begin())

    assert (made.state, town.kept.state) == ("connected", "connected")
    assert town.state.read(Capabilities, CONNECTION) is None


@pytest.mark.parametrize("way", WAYS)
def test_connecting_again_mends_what_was_lost(way: str) -> None:
    town = connected(way)
    lost = {"state": "lost", "problem": "revoked", "end": "revoked", "told": True}
    town.state.write(town.kept.model_copy(update=lost))
    stale = {"answer_lost": True, "renewing_since": NOON, "renewed_at": None}
    town.state.write(access(town).model_copy(update=stale))

    made = town.connect()

    assert (made.state, made.problem, made.end, made.told) == ("connected", "", "", False)
    fresh = access(town)
    assert (fresh.answer_lost, fresh.renewing_since, fresh.renewed_at) == (False, None, NOON)
    assert town.kept == made


class ShutOut(FakeSalesforce):
    """An org that answers nobody's calls."""

    def __init__(self, town: Town, connection: Connection) -> None:
        super().__init__(town.fate)
        self.entry = Pass(connection, lambda: town.office)

    def missing_objects(self) -> list[str]:
        self.entry.give_up("API_DISABLED_FOR_ORG", "The REST API is not enabled")
        return []


@pytest.mark.parametrize("state", ["new", "connected", "lost"])
def test_an_org_that_shuts_us_out_at_the_first_look_is_lost_with_its_cause(state: str) -> None:
    town = Town(state=state)
    begun = town.begin()

    made = connecting.finish(
        begun,
        f"code-{begun}",
        session="session",
        office=town.office,
        org=lambda kept: ShutOut(town, kept),
    )

    assert (made.state, made.end) == ("lost", "API disabled for org")
    assert "no API" in made.problem
    assert made.org == town.authorisation.org
    assert town.kept == made


def test_a_finish_that_was_killed_leaves_a_connection_that_can_be_begun_again() -> None:
    def finish(world: Town) -> None:
        world.finish("word-" + "1".zfill(38))

    def begun() -> Town:
        town = Town()
        town.begin()
        return town

    for world, death in every_death(begun, finish):
        assert len(world.authorisation.requests) <= 1, death

        assert world.finish(world.begin()).state == "connected", death
        assert opened(world).refresh_token in world.authorisation.valid, death


def test_who_declines_leaves_nothing_behind_and_nobody_else_can_decline_for_them() -> None:
    town = Town()
    state = town.begin()

    connecting.abandon(state, session="another", kept=town.state)
    kept = town.state.read(PendingAuthorisation, state)
    connecting.abandon(state, session="session", kept=town.state)

    assert kept
    assert town.state.read(PendingAuthorisation, state) is None


# ── without a browser ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("way", "asked"),
    [
        ("jwt", f"{USERNAME} for https://login.salesforce.com"),
        ("client", f"client at {MY_DOMAIN}"),
    ],
)
def test_an_org_is_connected_with_nobody_at_a_browser(way: str, asked: str) -> None:
    town = Town(**WAYS[way])

    made = town.connect_directly()

    assert (made.state, made.org, made.user) == (
        "connected",
        town.authorisation.org,
        town.authorisation.user,
    )
    assert town.kept == made
    assert town.authorisation.requests == [asked]
    assert opened(town) == Tokens(access_token="access-1", refresh_token="")
    assert "access-1" not in town.state.texts


def test_what_keeps_the_app_out_is_said_with_its_cure_and_nothing_is_kept() -> None:
    town = Town(authorise="jwt", username="stranger@example.com")

    with pytest.raises(Refused, match=r"permission set.*user hasn't approved this consumer"):
        town.connect_directly()

    assert town.state.read(Access, CONNECTION) is None
    assert town.kept.state == "new"


def test_our_own_words_are_shown_as_they_are() -> None:
    town = Town(authorise="jwt", username=USERNAME)
    town.fate.fail("by JWT", Refused("There is no key."))

    with pytest.raises(Refused, match=r"^There is no key\.$"):
        town.connect_directly()


def test_client_credentials_are_not_shown_to_a_host_that_all_orgs_share() -> None:
    town = Town(authorise="client", login_url="https://login.salesforce.com")

    with pytest.raises(Refused, match="My Domain"):
        town.connect_directly()

    assert not town.authorisation.requests


@pytest.mark.parametrize("way", ["jwt", "client"])
def test_without_a_browser_the_same_is_checked(way: str) -> None:
    town = connected(way)
    twin = town.kept.model_copy(
        update={"connection": "twin", "name": "Twin", "state": "connected", "version": 0}
    )
    for record in (twin, Listed(connection="twin")):
        assert town.state.write(record)
    with pytest.raises(Refused, match="Twin joins this org"):
        town.connect_directly()

    town.authorisation.org = "00D000000000002EAA"
    with pytest.raises(Refused, match="another Salesforce org"):
        town.connect_directly()

    town.authorisation.instance_url = "https://evil.com"
    with pytest.raises(Refused, match="none of Salesforce's hosts"):
        town.connect_directly()

    assert opened(town).access_token == "access-1"


@pytest.mark.parametrize("state", ["ending", "ended"])
def test_an_ended_connection_is_not_connected_without_a_browser_either(state: str) -> None:
    town = Town(**WAYS["jwt"], state=state)

    with pytest.raises(Refused, match="ended"):
        town.connect_directly()

    assert not town.authorisation.requests


def test_a_direct_connection_that_was_killed_can_be_made_again() -> None:
    def connect(world: Town) -> None:
        world.connect_directly()

    for world, death in every_death(lambda: Town(**WAYS["jwt"]), connect):
        assert world.connect_directly().state == "connected", death
