"""Why an access has ended, told from what Salesforce says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fieldlink.connecting import ends
from fieldlink.records import Access
from tests.fakes import NOON
from tests.make import CONNECTION

DEAD = "invalid_grant: expired access/refresh token"


def access(**more: object) -> Access:
    fields = {"connection": CONNECTION, "tokens": "", "instance_url": "", **more}
    return Access.model_validate(fields)


@pytest.mark.parametrize(
    ("code", "description", "end"),
    [
        ("invalid_grant", "expired access/refresh token", "revoked"),
        ("inactive_user", "user is inactive", "user inactive"),
        ("invalid_grant", "inactive user", "user inactive"),
        ("invalid_grant", "authentication failure", "user frozen"),
        ("invalid_grant", "user is locked", "user frozen"),
        ("invalid_grant", "login hours restricted", "login hours"),
        ("inactive_org", "organization is inactive", "org suspended"),
        ("invalid_client", "app must be installed into org", "app not installed"),
        ("invalid_client_id", "client identifier invalid", "app unknown"),
        ("invalid_client", "invalid client credentials", "app secret wrong"),
        (
            "invalid_grant",
            "authentication failure - invalid client credentials",
            "app secret wrong",
        ),
        ("invalid_grant", "ip restricted", "IP refused"),
        ("invalid_grant", "user hasn't approved this consumer", "user not approved"),
        (
            "invalid_app_access",
            "user is not admin approved to access this app",
            "user not approved",
        ),
        ("invalid_grant", "invalid assertion", "key wrong"),
        ("invalid_grant", "invalid signature", "key wrong"),
        ("", "The stack has no RSA private key to sign JWTs with.", "key wrong"),
        ("invalid_grant", "audience is invalid", "audience wrong"),
        ("invalid_grant", "Audience validation failed", "audience wrong"),
        ("invalid_scope", "the requested scope is invalid", "scope missing"),
        ("unsupported_grant_type", "grant type not supported", "flow off"),
        ("invalid_grant", "invalid grant type", "flow off"),
        ("invalid_grant", "no client credentials user enabled", "no run-as user"),
        ("invalid_grant", "request not supported on this domain", "wrong host"),
        ("invalid_grant", "the moon is full", "refused"),
        ("never_heard_of", "", "refused"),
    ],
)
def test_a_refused_token_request_is_called_by_its_cause(
    code: str, description: str, end: str
) -> None:
    assert ends.of_token(code, f"{code}: {description}", access(), NOON) == end


@pytest.mark.parametrize(
    ("code", "description"),
    [
        ("invalid_grant", "token request is already being processed"),
        ("rate_limit_exceeded", "login rate exceeded"),
        ("server_error", ""),
        ("temporarily_unavailable", ""),
        ("unknown_error", "retry your request"),
    ],
)
def test_what_passes_by_itself_is_no_end(code: str, description: str) -> None:
    assert ends.of_token(code, f"{code}: {description}", access(), NOON) == ""


@pytest.mark.parametrize(
    ("idle", "answer_lost", "end"),
    [
        (timedelta(days=29), False, "revoked"),
        (timedelta(days=30), False, "revoked"),
        (timedelta(days=30, seconds=1), False, "idle"),
        (timedelta(minutes=1), True, "replayed"),
        (timedelta(days=31), True, "replayed"),
    ],
)
def test_a_dead_token_is_told_apart_by_what_we_did_with_it(
    idle: timedelta, answer_lost: bool, end: str
) -> None:
    kept = access(renewed_at=NOON - idle, answer_lost=answer_lost)

    assert ends.of_token("invalid_grant", DEAD, kept, NOON) == end


@pytest.mark.parametrize(
    ("code", "message", "end"),
    [
        (
            "INVALID_SESSION_ID",
            "This session is not valid for use with the REST API",
            "no API session",
        ),
        ("", "BlackTab users cannot perform API operations", "no API session"),
        (
            "UnauthorizedException",
            "Connected app is not attached to Agent",
            "agent not attached",
        ),
        ("API_DISABLED_FOR_ORG", "The REST API is not enabled", "API disabled for org"),
        ("API_DISABLED_FOR_ORG", "API is disabled for this User", "API disabled for user"),
        ("API_CURRENTLY_DISABLED", "API is disabled for this User", "API disabled for user"),
        ("CLIENT_NOT_ACCESSIBLE_FOR_USER", "", "user not approved"),
        ("ORG_LOCKED", "", "org locked"),
        ("TRIAL_EXPIRED", "", "trial expired"),
        ("UNSUPPORTED_API_VERSION", "", "API version retired"),
        ("410", "", "API version retired"),
        ("GONE", "The requested resource has been retired", "API version retired"),
    ],
)
def test_a_call_that_no_token_heals_is_called_by_its_cause(
    code: str, message: str, end: str
) -> None:
    assert ends.of_call(code, message) == end


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("INVALID_SESSION_ID", "Session expired or invalid"),
        ("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE"),
        ("401", ""),
        ("API_CURRENTLY_DISABLED", "API functionality is temporarily unavailable"),
        ("", ""),
    ],
)
def test_a_call_that_a_new_token_may_heal_is_no_end(code: str, message: str) -> None:
    assert ends.of_call(code, message) == ""


def test_an_operator_reads_cause_cure_and_salesforces_own_words() -> None:
    problem = ends.problem("user inactive", "inactive_user: user is inactive")

    assert problem == (
        "The connected user is inactive. Activate the user. Connect to Salesforce again. "
        "(Salesforce said: inactive_user: user is inactive)"
    )
    assert "Salesforce said" not in ends.problem("other org")


@pytest.mark.parametrize("name", ends.ENDS)
def test_every_end_has_words_and_a_cure(name: str) -> None:
    words, cure = ends.ENDS[name]

    assert words.endswith(".")
    assert cure.endswith(".")


def test_every_end_that_is_told_from_words_is_in_the_table() -> None:
    told = {end for _, _, end in (*ends._TOKENS, *ends._CALLS)}

    assert told <= set(ends.ENDS)
