"""The OAuth connection to an org: begun in one browser, finished once, renewed by one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from fieldlink import connecting, renewing
from fieldlink.errors import Lost, Refused, Unavailable, Unclear
from fieldlink.models import Grant
from fieldlink.office import Office
from fieldlink.records import Access, Connection, Listed, PendingAuthorisation, Tokens
from fieldlink.renewing import Pass
from tests.fakes import NOON, FakeAuthorisation, FakeVault
from tests.make import CONNECTION, World, connection
from tests.rules.killing import every_death

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes import FakeSalesforce

OWN = "https://own.example.com"
CALLBACK = "https://api.example.com/oauth/callback"


class Town(World):
    """A connection that is new, and Salesforce's login."""

    def __init__(self, state: str = "new") -> None:
        super().__init__()
        self.authorisation = FakeAuthorisation(self.fate)
        self.vault = FakeVault(self.fate)
        self.state.write(connection(state=state, org="", user=""))
        self.words = self._words()

    @property
    def office(self) -> Office:
        return Office(
            state=self.state,
            vault=self.vault,
            authorisation=self.authorisation,
            own_login_url=OWN,
            now=self.now,
        )

    @property
    def kept(self) -> Connection:
        found = self.state.read(Connection, CONNECTION)
        assert found
        return found

    def org(self, _: Connection) -> FakeSalesforce:
        return self.salesforce

    def begin(self, session: str = "session") -> str:
        connecting.begin(
            self.kept,
            session=session,
            callback=CALLBACK,
            office=self.office,
            random=lambda: next(self.words),
        )
        return list(self.authorisation.pages)[-1].removeprefix("code-")

    def finish(self, state: str, code: str = "", session: str = "session") -> Connection:
        return connecting.finish(
            state,
            code or f"code-{state}",
            session=session,
            office=self.office,
            org=self.org,
        )

    def _words(self) -> Iterator[str]:
        number = 0
        while True:
            number += 1
            yield f"word-{number:038d}"


def connected() -> Town:
    town = Town()
    town.finish(town.begin())
    town.authorisation.requests.clear()
    return town


def access(town: World) -> Access:
    found = town.state.read(Access, CONNECTION)
    assert found
    return found


def opened(town: Town) -> Tokens:
    return renewing.tokens(access(town), town.vault)


# ── where to log in ───────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("", OWN),
        ("  ", OWN),
        (OWN, OWN),
        (f"{OWN}/", OWN),
        ("own.example.com", OWN),
        ("login.salesforce.com", "https://login.salesforce.com"),
        (" https://login.salesforce.com/ ", "https://login.salesforce.com"),
        ("https://test.salesforce.com", "https://test.salesforce.com"),
        ("Example.My.Salesforce.com", "https://example.my.salesforce.com"),
        ("acme--uat.sandbox.my.salesforce.com", "https://acme--uat.sandbox.my.salesforce.com"),
        ("a-dev-ed.develop.my.salesforce.com", "https://a-dev-ed.develop.my.salesforce.com"),
    ],
)
def test_salesforces_own_login_hosts_are_taken(typed: str, address: str) -> None:
    assert connecting.login_url(typed, OWN) == address


@pytest.mark.parametrize(
    "typed",
    [
        "evil.com",
        "http://login.salesforce.com",
        "ftp://login.salesforce.com",
        "javascript:alert(1)",
        "//login.salesforce.com",
        "https://",
        "https:login.salesforce.com",
        "https:///login.salesforce.com",
        "https://login.salesforce.com.evil.com",
        "https://evil.com/login.salesforce.com",
        "https://evil.com?login.salesforce.com",
        "https://evil.com#login.salesforce.com",
        "https://login.salesforce.com@evil.com",
        "https://user:word@login.salesforce.com",
        "https://login.salesforce.com:8443",
        "https://login.salesforce.com/services/oauth2/authorize",
        "https://login.salesforce.com?next=evil.com",
        "https://login.salesforce.com\\@evil.com",
        "https://login.salesforce.com%00.evil.com",
        "https://login.salesforce.com%2eevil.com",
        "https://evil.com\\.my.salesforce.com",
        "https://evilmy.salesforce.com",
        "https://my.salesforce.com",
        "https://.my.salesforce.com",
        "https://-.my.salesforce.com.",
        "https://a.b.my.salesforce.com",
        "https://evil.com/.my.salesforce.com",
        "https://evil.com%2f.my.salesforce.com",
        "https://login\u3002salesforce\u3002com",
        "https://login.salesforce.com\u2100evil.com",
        "https://\uff4cogin.salesforce.com",
        "https://login.salesforce.com.",
        "https://[::1]",
        "https://[::1",
        "https://169.254.169.254",
        "https://localhost",
        "own.example.com.evil.com",
        "https://own.example.com:444",
        "http://own.example.com",
    ],
)
def test_any_other_login_host_is_refused(typed: str) -> None:
    with pytest.raises(Refused, match="no Salesforce login host"):
        connecting.login_url(typed, OWN)


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


def test_connecting_again_mends_what_was_lost() -> None:
    town = connected()
    lost = town.kept.model_copy(update={"state": "lost", "problem": "revoked"})
    town.state.write(lost)

    made = town.finish(town.begin())

    assert (made.state, made.problem) == ("connected", "")


def test_a_finish_that_was_killed_leaves_a_connection_that_can_be_begun_again() -> None:
    def finish(world: World) -> None:
        assert isinstance(world, Town)
        world.finish("word-" + "1".zfill(38))

    def begun() -> Town:
        town = Town()
        town.begin()
        return town

    for world, death in every_death(begun, finish):
        assert isinstance(world, Town)
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


# ── renewing ──────────────────────────────────────────────────────────────────


def renew(world: World, stale: Access | None = None) -> Access:
    assert isinstance(world, Town)
    return renewing.renew(world.kept, stale=stale or access(world), office=world.office)


def test_a_rotated_token_is_kept_before_it_is_used() -> None:
    town = connected()

    renewed = renew(town)

    assert renewed == access(town)
    assert opened(town) == Tokens(access_token="access-2", refresh_token="refresh-2")


def test_without_rotation_the_refresh_token_stays() -> None:
    town = connected()

    class Steady:
        def refresh(self, login_url: str, *, refresh_token: str) -> Grant:
            assert (login_url, refresh_token) == (town.kept.login_url, "refresh-1")
            return Grant(access_token="fresh", instance_url="")

    office = town.office._replace(authorisation=Steady())  # type: ignore[arg-type]
    renewed = renewing.renew(town.kept, stale=access(town), office=office)

    assert opened(town) == Tokens(access_token="fresh", refresh_token="refresh-1")
    assert renewed.instance_url == town.authorisation.instance_url


def test_who_comes_late_with_a_stale_token_gets_the_new_one_without_asking() -> None:
    town = connected()
    stale = access(town)
    renew(town, stale)

    renewed = renew(town, stale)

    assert town.authorisation.requests == ["refresh-1"]
    assert renewed == access(town)


def test_a_hundred_workers_with_an_expired_token_ask_once() -> None:
    town = connected()
    stale, ready = access(town), Barrier(20)

    def work(_: int) -> str:
        ready.wait(timeout=10)
        for _ in range(10_000):
            try:
                return renew(town, stale).tokens
            except Unavailable:
                continue
        return "never"

    with ThreadPoolExecutor(20) as workers:
        found = set(workers.map(work, range(100)))

    assert found == {access(town).tokens}
    assert town.authorisation.requests == ["refresh-1"]
    assert town.kept.state == "connected"


def test_a_renewal_that_was_killed_is_taken_over_after_five_minutes_and_not_before() -> None:
    for world, death in every_death(connected, renew):
        assert isinstance(world, Town)
        asked = list(world.authorisation.requests)
        busy = access(world).renewing_since is not None

        if busy:
            with pytest.raises(Unavailable):
                renew(world)
            assert world.authorisation.requests == asked, death
            world.pass_time(timedelta(minutes=5))
        if busy and asked:
            # Whoever died with Salesforce's answer took the token along.
            with pytest.raises(Lost):
                renew(world)
            assert world.kept.state == "lost", death
        else:
            renew(world)
            assert opened(world).refresh_token in world.authorisation.valid, death
            used = world.authorisation.requests
            assert len(used) == len(set(used)), death


def test_a_refresh_without_an_answer_is_not_repeated_at_once() -> None:
    town = connected()
    town.fate.fail("refresh", Unclear("no answer"), times=1)
    with pytest.raises(Unclear):
        renew(town)

    with pytest.raises(Unavailable, match="another worker"):
        renew(town)

    assert not town.authorisation.requests


def test_a_refresh_that_was_never_sent_can_be_repeated_at_once() -> None:
    town = connected()
    town.fate.fail("refresh", Unavailable("can't be reached"), times=1)
    with pytest.raises(Unavailable):
        renew(town)

    assert opened_after(renew(town), town) == "refresh-2"


def opened_after(renewed: Access, town: Town) -> str:
    return renewing.tokens(renewed, town.office.vault).refresh_token


def test_a_connection_that_is_lost_is_not_asked_for_again() -> None:
    town = connected()
    town.authorisation.valid.clear()
    for _ in range(3):
        with pytest.raises(Lost):
            renew(town)

    assert len(town.authorisation.requests) == 1


def test_a_fault_of_our_app_loses_no_connection() -> None:
    town = connected()
    town.fate.fail("refresh", Refused("invalid_client", code="invalid_client"), times=1)
    with pytest.raises(Unavailable, match="invalid_client"):
        renew(town)

    assert town.kept.state == "connected"
    assert opened_after(renew(town), town) == "refresh-2"


def test_a_refused_refresh_loses_the_connection_and_says_why() -> None:
    town = connected()
    town.authorisation.valid.clear()

    with pytest.raises(Lost, match="expired access/refresh token"):
        renew(town)

    assert town.kept.state == "lost"
    assert "expired access/refresh token" in town.kept.problem


def test_a_refused_refresh_does_not_lose_what_was_connected_anew_meanwhile() -> None:
    town = connected()

    class Slow:
        """Somebody connects again while Salesforce refuses the old token."""

        def refresh(self, login_url: str, *, refresh_token: str) -> Grant:
            assert login_url
            assert refresh_token
            town.finish(town.begin())
            raise Refused("invalid_grant: expired access/refresh token")

    office = town.office._replace(authorisation=Slow())  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        renewing.renew(town.kept, stale=access(town), office=office)

    assert town.kept.state == "connected"
    assert opened(town).refresh_token == "refresh-2"


def test_the_pass_opens_the_org_and_renews_what_has_expired() -> None:
    town = connected()
    entry = Pass(town.kept, town.office)

    before = entry.token
    entry.renew()

    assert (before, entry.token) == ("access-1", "access-2")
    assert entry.instance_url == town.authorisation.instance_url


def test_without_tokens_the_connection_is_lost() -> None:
    town = Town()

    with pytest.raises(Lost):
        _ = Pass(town.kept, town.office).token
