"""Authorisation of the simulator: consent, codes, rotation, and how it all ends."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from threading import Event, Thread

import pytest
import requests

from tests.local.salesforce_setting import (
    ASK,
    CALLBACK,
    CLIENT,
    TIMEOUT,
    Caller,
    allow,
    answered,
    decide,
    exchange,
    oauth_error,
    refresh,
    running,
)

DEAD = ("invalid_grant", "expired access/refresh token")


@pytest.fixture
def app() -> Iterator[Caller]:
    with running() as caller:
        yield caller


def test_the_consent_page_has_both_buttons_and_escapes_what_it_is_given(app: Caller) -> None:
    page = requests.get(
        f"{app.salesforce.url}/services/oauth2/authorize",
        params=ASK | {"state": '"><script>'},
        timeout=TIMEOUT,
    )

    assert page.status_code == 200
    assert "Allow</button>" in page.text
    assert "Deny</button>" in page.text
    assert "<script>" not in page.text


def test_allow_brings_a_code_and_the_state_back(app: Caller) -> None:
    back = decide(app.salesforce, "allow")

    assert back.headers["Location"].startswith(f"{CALLBACK}?")
    assert set(answered(back)) == {"code", "state"}
    assert answered(back)["state"] == "state-1"


def test_deny_brings_access_denied_and_the_state_back(app: Caller) -> None:
    back = answered(decide(app.salesforce, "deny"))

    assert (back["error"], back["state"]) == ("access_denied", "state-1")
    assert "code" not in back


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "other"}, "invalid_client_id"),
        ({"redirect_uri": "http://127.0.0.1:9/other"}, "redirect_uri_mismatch"),
        ({"redirect_uri": ""}, "redirect_uri_missing"),
        ({"scope": "api full"}, "OAUTH_APPROVAL_ERROR_GENERIC"),
    ],
)
def test_what_cannot_be_trusted_is_shown_and_not_redirected(
    app: Caller, changes: dict[str, str], error: str
) -> None:
    app.salesforce.callback_urls = {CALLBACK}

    shown = decide(app.salesforce, "allow", **changes)

    assert shown.status_code == 400
    assert error in shown.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_a_wrong_request_of_a_known_app_is_redirected_with_its_error(
    app: Caller, changes: dict[str, str], error: str
) -> None:
    assert answered(decide(app.salesforce, "allow", **changes))["error"] == error


def test_a_request_without_a_challenge_is_refused_since_policy_demands_one(
    app: Caller,
) -> None:
    asked = {name: value for name, value in ASK.items() if not name.startswith("code_")}

    back = requests.get(
        f"{app.salesforce.url}/services/oauth2/authorize",
        params=asked,
        allow_redirects=False,
        timeout=TIMEOUT,
    )

    assert answered(back)["error"] == "invalid_request"


def test_the_token_answer_has_what_the_vendor_gives_and_never_expires_in(app: Caller) -> None:
    body = exchange(app.salesforce, allow(app.salesforce)).json()

    assert set(body) == {
        "access_token",
        "refresh_token",
        "signature",
        "scope",
        "instance_url",
        "id",
        "token_type",
        "issued_at",
    }
    assert body["instance_url"] == app.salesforce.url
    assert body["issued_at"] == str(int(app.clock.now.timestamp() * 1000))
    user = app.salesforce.integration_user_id
    assert body["id"] == f"{app.salesforce.url}/id/{app.salesforce.org_id}/{user}"


def test_the_signature_covers_the_identity_and_the_time(app: Caller) -> None:
    signed = app.tokens["id"] + app.tokens["issued_at"]
    key = CLIENT["client_secret"].encode()
    digest = hmac.new(key, signed.encode(), hashlib.sha256).digest()

    assert base64.b64decode(app.tokens["signature"]) == digest


def test_without_the_scope_refresh_token_there_is_no_refresh_token(app: Caller) -> None:
    assert "refresh_token" not in app.log_in(scope="api")


def test_without_the_scope_api_the_session_is_not_valid_for_rest(app: Caller) -> None:
    app.log_in(scope="refresh_token")

    answer = app.call("GET", "sobjects")

    assert answer.status_code == 401
    assert "not valid for use with the REST API" in answer.json()[0]["message"]


def test_a_code_works_once(app: Caller) -> None:
    code = allow(app.salesforce)
    exchange(app.salesforce, code)

    again = exchange(app.salesforce, code)

    assert oauth_error(again) == ("invalid_grant", "expired authorization code")


@pytest.mark.parametrize(("minutes", "works"), [(15, True), (15.1, False)])
def test_a_code_lives_for_fifteen_minutes(app: Caller, minutes: float, works: bool) -> None:
    code = allow(app.salesforce)
    app.clock.forward(minutes=minutes)

    assert exchange(app.salesforce, code).ok is works


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": ""}, "invalid_grant"),
        ({"code_verifier": "w" * 43}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:9/x"}, "redirect_uri_mismatch"),
        ({"redirect_uri": ""}, "redirect_uri_missing"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client_id"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_wrong_exchange_says_what_is_wrong(
    app: Caller, changes: dict[str, str], error: str
) -> None:
    assert oauth_error(exchange(app.salesforce, allow(app.salesforce), **changes))[0] == error


def test_a_refresh_gives_a_new_refresh_token_and_a_new_session(app: Caller) -> None:
    body = refresh(app.salesforce, app.tokens["refresh_token"]).json()

    assert body["refresh_token"] != app.tokens["refresh_token"]
    assert body["access_token"] != app.tokens["access_token"]


def test_without_rotation_the_answer_has_no_refresh_token_and_the_old_one_lives(
    app: Caller,
) -> None:
    app.salesforce.rotation = False
    old = app.tokens["refresh_token"]

    assert "refresh_token" not in refresh(app.salesforce, old).json()
    assert refresh(app.salesforce, old).ok


def test_a_replayed_refresh_token_revokes_the_live_one_and_its_sessions(app: Caller) -> None:
    old = app.tokens["refresh_token"]
    app.tokens = refresh(app.salesforce, old).json()
    assert app.call("GET", "sobjects").ok

    assert oauth_error(refresh(app.salesforce, old)) == DEAD

    assert oauth_error(refresh(app.salesforce, app.tokens["refresh_token"])) == DEAD
    assert app.refused("GET", "sobjects") == (401, "INVALID_SESSION_ID")


def test_a_replay_of_one_approval_leaves_another_alone(app: Caller) -> None:
    first = app.tokens["refresh_token"]
    second = app.log_in()["refresh_token"]
    refresh(app.salesforce, first)

    refresh(app.salesforce, first)

    assert refresh(app.salesforce, second).ok


def test_a_second_refresh_in_flight_is_refused_for_now_and_harms_nothing(app: Caller) -> None:
    go_on, old, first = Event(), app.tokens["refresh_token"], []
    claimed = Event()

    class Hold:
        def wait(self, seconds: float) -> None:
            claimed.set()
            go_on.wait(seconds)

    app.salesforce.faults.append({"match": {"path": "oauth2/token"}, "hold": Hold()})
    racer = Thread(target=lambda: first.append(refresh(app.salesforce, old)))
    racer.start()
    assert claimed.wait(TIMEOUT)

    late = refresh(app.salesforce, old)
    go_on.set()
    racer.join()

    assert oauth_error(late) == ("invalid_grant", "token request is already being processed")
    assert refresh(app.salesforce, first[0].json()["refresh_token"]).ok


def test_a_refresh_token_that_idles_for_thirty_days_is_dead(app: Caller) -> None:
    app.clock.forward(days=30, seconds=1)

    assert oauth_error(refresh(app.salesforce, app.tokens["refresh_token"])) == DEAD


def test_each_refresh_begins_the_thirty_days_anew(app: Caller) -> None:
    app.clock.forward(days=29)
    renewed = refresh(app.salesforce, app.tokens["refresh_token"]).json()
    app.clock.forward(days=29)

    assert refresh(app.salesforce, renewed["refresh_token"]).ok


def test_the_sixth_approval_of_a_user_drops_the_oldest(app: Caller) -> None:
    oldest = app.tokens["refresh_token"]
    second = app.log_in()["refresh_token"]
    for _ in range(4):
        app.log_in()

    assert oauth_error(refresh(app.salesforce, oldest)) == DEAD
    assert refresh(app.salesforce, second).ok


def test_an_expired_session_answers_401_until_it_is_refreshed(app: Caller) -> None:
    app.salesforce.expire_access_tokens()
    assert app.refused("GET", "sobjects") == (401, "INVALID_SESSION_ID")

    app.tokens = refresh(app.salesforce, app.tokens["refresh_token"]).json()

    assert app.call("GET", "sobjects").ok


def test_a_session_ends_after_the_minutes_of_the_org() -> None:
    with running(session_minutes=30) as app:
        app.clock.forward(minutes=30)

        assert app.refused("GET", "sobjects") == (401, "INVALID_SESSION_ID")


def test_an_administrator_who_revokes_ends_everything(app: Caller) -> None:
    app.salesforce.revoke_all()

    assert app.refused("GET", "sobjects") == (401, "INVALID_SESSION_ID")
    assert oauth_error(refresh(app.salesforce, app.tokens["refresh_token"])) == DEAD


@pytest.mark.parametrize(("kind", "alive"), [("refresh_token", False), ("access_token", True)])
def test_revoking_a_refresh_token_ends_its_sessions_and_a_session_only_itself(
    app: Caller, kind: str, alive: bool
) -> None:
    url = f"{app.salesforce.url}/services/oauth2/revoke"

    answer = requests.post(url, data={"token": app.tokens[kind]}, timeout=TIMEOUT)
    again = requests.post(url, data={"token": app.tokens[kind]}, timeout=TIMEOUT)

    assert answer.status_code == 200
    assert oauth_error(again)[0] == "invalid_token"
    assert app.refused("GET", "sobjects") == (401, "INVALID_SESSION_ID")
    assert refresh(app.salesforce, app.tokens["refresh_token"]).ok is alive


def test_a_deactivated_user_can_neither_refresh_nor_call(app: Caller) -> None:
    app.salesforce.update("User", app.salesforce.integration_user_id, IsActive=False)

    error = oauth_error(refresh(app.salesforce, app.tokens["refresh_token"]))

    assert error[0] == "inactive_user"
    assert app.refused("GET", "sobjects") == (401, "INVALID_SESSION_ID")


def test_each_state_of_org_and_app_has_its_own_error(app: Caller) -> None:
    app.salesforce.app_installed = False
    uninstalled = refresh(app.salesforce, app.tokens["refresh_token"])
    app.salesforce.app_installed, app.salesforce.org_active = True, False
    suspended = refresh(app.salesforce, app.tokens["refresh_token"])

    assert oauth_error(uninstalled) == ("invalid_client", "app must be installed into org")
    assert oauth_error(suspended)[0] == "inactive_org"


def test_token_requests_are_kept_without_their_secrets(app: Caller) -> None:
    refresh(app.salesforce, "nonsense")

    kept = app.salesforce.token_requests
    assert [each.grant_type for each in kept] == ["authorization_code", "refresh_token"]
    assert kept[-1].error == "invalid_grant"
    assert "nonsense" not in repr(kept)


def test_a_lost_token_answer_has_rotated_all_the_same(app: Caller) -> None:
    app.salesforce.faults.append(
        {"match": {"path": "oauth2/token"}, "after": True, "drop": True}
    )
    with pytest.raises(requests.ConnectionError):
        refresh(app.salesforce, app.tokens["refresh_token"])

    assert oauth_error(refresh(app.salesforce, app.tokens["refresh_token"])) == DEAD


def test_an_injected_refusal_of_the_token_endpoint_is_an_oauth_error(app: Caller) -> None:
    app.salesforce.faults.append(
        {
            "match": {"path": "oauth2/token"},
            "error": "invalid_grant",
            "error_description": "ip restricted",
        }
    )

    answer = refresh(app.salesforce, app.tokens["refresh_token"])

    assert oauth_error(answer) == ("invalid_grant", "ip restricted")
    assert refresh(app.salesforce, app.tokens["refresh_token"]).ok
