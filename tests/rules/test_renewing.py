"""An access that expires is renewed by one worker, and one that has ended says why."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from fieldlink.connecting import granting, renewing
from fieldlink.connecting.renewing import RENEWAL_ABANDONED, Pass
from fieldlink.errors import Lost, Refused, Unavailable, Unclear
from fieldlink.models import Grant
from fieldlink.records import Access, Tokens
from tests.fakes import NOON, Killed
from tests.make import CONNECTION
from tests.rules.killing import every_death
from tests.rules.login import WAYS, Town, access, connected, opened

if TYPE_CHECKING:
    from collections.abc import Callable

EXPIRED = "INVALID_SESSION_ID: Session expired or invalid"
NO_API = "INVALID_SESSION_ID: This session is not valid for use with the REST API"
DIRECT = ("jwt", "client")
REQUEST = {"web": "refresh", "jwt": "by JWT", "client": "by client"}


def renew(town: Town, stale: Access | None = None) -> Access:
    return renewing.renew(town.kept, stale=stale or access(town), office=town.office)


def works(town: Town) -> bool:
    """Whether what is stored opens the org and can be renewed."""
    tokens = opened(town)
    newest = tokens.access_token == f"access-{len(town.authorisation.requests) + 1}"
    return newest and access(town).renewing_since is None


def lost(town: Town) -> str:
    """The end of a connection that is lost."""
    assert town.kept.state == "lost"
    return town.kept.end


# ── one worker asks ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", WAYS)
def test_new_tokens_are_kept_with_the_moment_before_they_are_used(way: str) -> None:
    town = connected(way)
    town.pass_time(timedelta(hours=2))

    renewed = renew(town)

    assert renewed == access(town)
    assert opened(town) == Tokens(
        access_token="access-2", refresh_token="refresh-2" if way == "web" else ""
    )
    assert renewed.renewed_at == NOON + timedelta(hours=2)
    assert renewed.renewing_since is None


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


def test_a_token_that_only_changed_hands_is_not_taken_for_a_new_one() -> None:
    town = connected()
    stale = access(town)
    town.fate.fail("refresh", Unavailable("can't be reached"), times=1)
    with pytest.raises(Unavailable):
        renew(town)

    renewed = renew(town, stale)

    assert renewed.tokens != stale.tokens


@pytest.mark.parametrize("way", WAYS)
def test_a_hundred_workers_with_an_expired_token_ask_once(way: str) -> None:
    town = connected(way)
    stale, ready = access(town), Barrier(100)

    def work(_: int) -> str:
        ready.wait(timeout=30)
        try:
            return renew(town, stale).tokens
        except Lost:
            return "lost"
        except Unavailable:
            return ""

    with ThreadPoolExecutor(100) as workers:
        found = set(workers.map(work, range(100)))

    assert found <= {access(town).tokens, ""}
    assert len(town.authorisation.requests) == 1
    assert town.kept.state == "connected"
    assert {renew(town, stale).tokens for _ in range(100)} == {access(town).tokens}
    assert len(town.authorisation.requests) == 1


def test_what_could_not_be_stored_is_stored_at_the_next_try() -> None:
    town = connected()
    town.fate.fail("seal", Unavailable("KMS is busy"), times=2)

    renew(town)

    assert opened(town).refresh_token == "refresh-2"


def test_a_write_without_an_answer_is_found_to_be_done() -> None:
    class Deaf(Town):
        """DynamoDB carries out the write of new tokens, and its answer is lost."""

        def deafen(self) -> None:
            whole = self.state.write

            def write(record: object) -> bool:
                done = whole(record)  # type: ignore[arg-type]
                if isinstance(record, Access) and record.renewing_since is None:
                    self.state.write = whole  # type: ignore[method-assign]
                    raise Unavailable("no answer")
                return done

            self.state.write = write  # type: ignore[method-assign]

    town = Deaf()
    town.connect()
    town.deafen()

    renewed = renew(town)

    assert renewed == access(town)
    assert opened(town).refresh_token == "refresh-2"


# ── workers die, answers get lost ─────────────────────────────────────────────


@pytest.mark.parametrize("way", WAYS)
def test_whenever_a_renewal_is_killed_the_connection_goes_on_or_says_that_it_is_lost(
    way: str,
) -> None:
    for town, death in every_death(lambda: connected(way), renew):
        asked = list(town.authorisation.requests)
        if access(town).renewing_since:
            with pytest.raises(Unavailable):
                renew(town)
            assert town.authorisation.requests == asked, death
            town.pass_time(RENEWAL_ABANDONED)
        if access(town).renewing_since and asked and way == "web":
            refused_renewal(town)
            assert lost(town) == "replayed", death
        else:
            renew(town)
            assert works(town), death
            assert not access(town).answer_lost, death


def refused_renewal(town: Town) -> None:
    with pytest.raises(Lost):
        renew(town)
    die_now(town)


def die_now(town: Town) -> None:
    """An effect that fails has no after to die in; so whoever should have dies at the end."""
    if town.fate.death:
        raise Killed


def dead() -> Town:
    town = connected()
    town.authorisation.valid.clear()
    return town


def test_whenever_it_is_killed_after_a_refusal_the_connection_is_lost_in_the_end() -> None:
    for town, death in every_death(dead, refused_renewal):
        town.fate.death = None
        town.pass_time(RENEWAL_ABANDONED)

        refused_renewal(town)

        assert lost(town) in {"revoked", "replayed"}, death
        assert len(town.authorisation.requests) <= 2, death


def unanswered(town: Town) -> None:
    town.fate.fail("refresh", Unclear("no answer"), after=True, times=1)
    with pytest.raises(Unclear):
        renew(town)
    die_now(town)


def test_whenever_it_is_killed_after_a_lost_answer_the_connection_is_lost_in_the_end() -> None:
    for town, death in every_death(connected, unanswered):
        town.fate.recover()
        town.fate.death = None
        asked = list(town.authorisation.requests)
        town.pass_time(RENEWAL_ABANDONED)
        if asked:
            refused_renewal(town)
            assert lost(town) == "replayed", death
        else:
            renew(town)
            assert works(town), death


def test_after_a_lost_answer_nobody_asks_until_the_request_is_over() -> None:
    town = connected()
    unanswered(town)

    assert access(town).answer_lost
    town.pass_time(RENEWAL_ABANDONED - timedelta(seconds=1))
    with pytest.raises(Unavailable, match="another worker"):
        renew(town)
    assert town.authorisation.requests == ["refresh-1"]


def test_a_request_that_never_arrived_is_made_once_more_and_all_is_well() -> None:
    town = connected()
    town.fate.fail("refresh", Unclear("no answer"), times=1)
    with pytest.raises(Unclear):
        renew(town)
    town.pass_time(RENEWAL_ABANDONED)

    renew(town)

    assert works(town)
    assert not access(town).answer_lost
    assert town.kept.state == "connected"


def test_an_answer_that_was_lost_stays_in_mind_while_the_login_is_down() -> None:
    town = connected()
    unanswered(town)
    town.pass_time(RENEWAL_ABANDONED)
    town.fate.fail("refresh", Unavailable("can't be reached"), times=1)
    with pytest.raises(Unavailable):
        renew(town)

    refused_renewal(town)

    assert lost(town) == "replayed"


@pytest.mark.parametrize("way", DIRECT)
def test_without_a_refresh_token_a_lost_answer_loses_nothing(way: str) -> None:
    town = connected(way)
    town.fate.fail(REQUEST[way], Unclear("no answer"), after=True, times=1)
    with pytest.raises(Unclear):
        renew(town)

    renew(town)

    assert works(town)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "error",
    [
        Unavailable("another token request is being processed"),
        Refused("rate_limit_exceeded: too many logins", code="rate_limit_exceeded"),
        Refused("invalid_grant: token request is already being processed"),
    ],
)
def test_what_passes_by_itself_can_be_asked_again_at_once(way: str, error: Exception) -> None:
    town = connected(way)
    town.fate.fail(REQUEST[way], error, times=1)
    with pytest.raises(Unavailable) as caught:
        renew(town)

    assert not isinstance(caught.value, Lost)
    assert access(town).renewing_since is None
    renew(town)
    assert town.kept.state == "connected"


# ── ends ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("way", "code", "text", "end"),
    [
        ("web", "invalid_client", "invalid client credentials", "app secret wrong"),
        ("web", "invalid_client", "app must be installed into org", "app not installed"),
        ("web", "inactive_user", "user is inactive", "user inactive"),
        ("web", "invalid_grant", "something new", "refused"),
        ("jwt", "invalid_grant", "user hasn't approved this consumer", "user not approved"),
        ("client", "invalid_grant", "no client credentials user", "no run-as user"),
    ],
)
def test_what_needs_a_person_loses_the_connection_with_its_cause_and_asks_no_more(
    way: str, code: str, text: str, end: str
) -> None:
    town = connected(way)
    town.fate.fail(REQUEST[way], Refused(f"{code}: {text}", code=code))
    town.fate.effects.clear()

    for _ in range(3):
        with pytest.raises(Lost) as caught:
            renew(town)
        assert caught.value.end == end

    assert (lost(town), town.kept.told) == (end, False)
    assert text in town.kept.problem
    assert town.fate.effects.count(REQUEST[way]) == 1


def test_an_old_alarm_does_not_silence_a_new_one() -> None:
    town = dead()
    town.state.write(town.kept.model_copy(update={"told": True}))

    refused_renewal(town)

    assert not town.kept.told


def test_what_we_refuse_ourselves_is_not_put_into_salesforces_mouth() -> None:
    town = connected("jwt")
    town.fate.fail("by JWT", Refused("The stack has no RSA private key."))

    refused_renewal(town)

    assert lost(town) == "key wrong"
    assert "Salesforce said" not in town.kept.problem


@pytest.mark.parametrize(
    ("idle", "end"), [(timedelta(days=3), "revoked"), (timedelta(days=31), "idle")]
)
def test_a_dead_token_says_whether_it_was_idle(idle: timedelta, end: str) -> None:
    town = dead()
    town.pass_time(idle)

    refused_renewal(town)

    assert lost(town) == end
    assert "expired access/refresh token" in town.kept.problem


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("change", "end"),
    [
        ({"org": "00D000000000002EAA"}, "other org"),
        ({"user": "005000000000002AAA"}, "other user"),
        ({"scope": "refresh_token id"}, "scope missing"),
    ],
)
def test_tokens_that_open_something_else_are_not_kept(
    way: str, change: dict[str, str], end: str
) -> None:
    town = connected(way)
    before = access(town).tokens
    for name, value in change.items():
        setattr(town.authorisation, name, value)

    refused_renewal(town)

    assert lost(town) == end
    assert access(town).tokens == before


@pytest.mark.parametrize("scope", ["", "api", "full refresh_token"])
def test_a_scope_that_reaches_the_api_or_is_not_told_will_do(scope: str) -> None:
    town = connected("jwt")
    town.authorisation.scope = scope

    renew(town)

    assert town.kept.state == "connected"


def test_a_refused_renewal_uses_what_was_connected_anew_meanwhile() -> None:
    town = connected()

    class Slow:
        """Somebody connects again while Salesforce refuses the old token."""

        def refresh(self, login_url: str, *, refresh_token: str) -> Grant:
            assert login_url
            assert refresh_token
            town.finish(town.begin())
            raise Refused("expired access/refresh token", code="invalid_grant")

    office = town.office._replace(authorisation=Slow())  # type: ignore[arg-type]
    renewed = renewing.renew(town.kept, stale=access(town), office=office)

    assert renewed == access(town)
    assert opened(town).refresh_token == "refresh-2"
    assert town.kept.state == "connected"


def test_an_ended_connection_is_not_made_a_lost_one() -> None:
    town = dead()
    before = town.kept
    town.state.write(before.model_copy(update={"state": "ending"}))

    with pytest.raises(Lost):
        renewing.renew(before, stale=access(town), office=town.office)

    assert town.kept.state == "ending"


# ── the pass ──────────────────────────────────────────────────────────────────


def entry(town: Town) -> Pass:
    return Pass(town.kept, lambda: town.office)


def test_the_pass_opens_the_org_and_renews_what_has_expired() -> None:
    town = connected()
    key = entry(town)

    before = key.token
    key.renew(EXPIRED)

    assert (before, key.token) == ("access-1", "access-2")
    assert key.instance_url == town.authorisation.instance_url


def test_the_pass_takes_the_time_when_it_renews_and_not_when_it_was_made() -> None:
    town = connected()
    key = entry(town)
    town.pass_time(timedelta(minutes=3))
    town.fate.fail("refresh", Unclear("no answer"))

    with pytest.raises(Unclear):
        key.renew(EXPIRED)

    assert access(town).renewing_since == NOON + timedelta(minutes=3)


def test_without_tokens_the_connection_is_lost() -> None:
    with pytest.raises(Lost):
        _ = entry(Town()).token


def test_what_no_token_heals_is_lost_without_asking_for_one() -> None:
    town = connected()

    with pytest.raises(Lost) as caught:
        entry(town).renew(NO_API)

    assert (caught.value.end, lost(town)) == ("no API session", "no API session")
    assert not town.authorisation.requests


@pytest.mark.parametrize(
    "use",
    [
        lambda key: key.renew(NO_API),
        lambda key: key.give_up("INVALID_SESSION_ID", "Session expired or invalid"),
        lambda key: key.give_up("ORG_LOCKED", ""),
    ],
)
def test_whoever_was_shut_out_with_an_older_token_loses_nothing(
    use: Callable[[Pass], None],
) -> None:
    town = connected()
    key = entry(town)
    assert key.token
    renew(town)

    with pytest.raises(Unavailable) as caught:
        use(key)

    assert not isinstance(caught.value, Lost)
    assert town.kept.state == "connected"


@pytest.mark.parametrize(
    ("code", "message", "end"),
    [
        ("INVALID_SESSION_ID", "Session expired or invalid", "session policy"),
        ("INVALID_SESSION_ID", "This session is not valid for use with the REST API", ""),
        ("API_DISABLED_FOR_ORG", "The REST API is not enabled", "API disabled for org"),
        ("410", "", "API version retired"),
    ],
)
def test_who_is_refused_with_a_new_token_gives_up_with_the_cause(
    code: str, message: str, end: str
) -> None:
    town = connected()
    town.pass_time(timedelta(hours=2))
    key = entry(town)
    key.renew(EXPIRED)

    with pytest.raises(Lost):
        key.give_up(code, message)

    assert lost(town) == (end or "no API session")
    assert message in town.kept.problem


def test_a_token_of_an_hour_ago_that_is_refused_is_no_reason_to_give_up() -> None:
    town = connected()
    stale = entry(town)
    assert stale.token
    renew(town)
    town.pass_time(timedelta(hours=1))
    stale.renew(EXPIRED)

    with pytest.raises(Unavailable) as caught:
        stale.give_up("INVALID_SESSION_ID", "Session expired or invalid")

    assert not isinstance(caught.value, Lost)
    assert town.kept.state == "connected"


def test_a_connection_that_is_lost_already_is_not_told_again() -> None:
    town = connected()
    told = {"state": "lost", "told": True, "end": "revoked"}
    town.state.write(town.kept.model_copy(update=told))

    with pytest.raises(Lost):
        entry(town).give_up("ORG_LOCKED", "")

    assert (town.kept.end, town.kept.told) == ("org locked", True)


# ── keeping alive ─────────────────────────────────────────────────────────────


def test_a_refresh_token_is_used_once_a_week_whether_anything_happens_or_not() -> None:
    town = connected()

    renewed = []
    for _ in range(30):
        town.pass_time(timedelta(days=1))
        renewed.append(renewing.keep_alive(town.kept, town.office))

    assert renewed.count(True) == 4
    assert len(town.authorisation.requests) == 4
    assert works(town)


def test_a_token_of_unknown_age_is_used() -> None:
    town = connected()
    town.state.write(access(town).model_copy(update={"renewed_at": None}))

    assert renewing.keep_alive(town.kept, town.office)


@pytest.mark.parametrize("way", DIRECT)
def test_what_has_no_refresh_token_needs_no_keeping_alive(way: str) -> None:
    town = connected(way)
    town.pass_time(timedelta(days=40))

    assert not renewing.keep_alive(town.kept, town.office)
    assert not town.authorisation.requests


def test_a_login_that_is_down_keeps_nobody_from_looking() -> None:
    town = connected()
    town.pass_time(timedelta(days=8))
    town.fate.fail("refresh", Unclear("no answer"))

    assert not renewing.keep_alive(town.kept, town.office)
    assert town.kept.state == "connected"


def test_a_dead_token_is_found_when_it_is_kept_alive() -> None:
    town = dead()
    town.pass_time(timedelta(days=8))

    with pytest.raises(Lost):
        renewing.keep_alive(town.kept, town.office)

    assert lost(town) == "revoked"


# ── revoking ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("way", "token"), [("web", "refresh-1"), ("jwt", "access-1"), ("client", "access-1")]
)
def test_what_there_is_is_revoked(way: str, token: str) -> None:
    town = connected(way)

    renewing.revoke(town.kept, town.office)

    assert town.authorisation.revoked == [token]
    assert town.state.read(Access, CONNECTION) is None


def test_tokens_that_are_stored_can_be_read_by_nobody_without_the_vault() -> None:
    town = connected()

    assert granting.tokens(access(town), town.vault).access_token == "access-1"
    assert "access-1" not in town.state.texts


def test_renewed_tokens_are_not_shown_to_a_host_that_is_none_of_salesforces() -> None:
    town = connected()
    town.authorisation.instance_url = "https://elsewhere.example.net"

    with pytest.raises(Lost):
        renew(town)

    assert access(town).instance_url != "https://elsewhere.example.net"
    assert opened(town).access_token == "access-1"
    assert lost(town) == "refused"


def test_a_key_of_the_stack_that_can_not_be_used_parks_nothing_and_ends_no_access() -> None:
    """KMS refuses for as long as somebody has disabled it."""
    town = connected()
    disabled = Refused("kms answered DisabledException", code="DisabledException")
    town.fate.fail("open", disabled, times=2)

    with pytest.raises(Unavailable):
        _ = Pass(town.kept, lambda: town.office).token
    with pytest.raises(Unavailable):
        renew(town)
    town.fate.fail("seal", disabled, times=1)
    renew(town)

    assert town.kept.state == "connected"
    assert works(town)
