from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fieldlink.adapters.aws import Aws
from fieldlink.adapters.spool import S3Spool
from fieldlink.errors import Refused, Unavailable, Unclear
from tests.adapters.scripted import Answer, scripted
from tests.fakes import NOON, FakeSpool

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.ports import Spool
    from tests.conftest import Pretended

KEY = "spare/connection-1_a/20260304120000-0a"


@pytest.fixture(params=["fake", "s3"])
def spool(request: pytest.FixtureRequest) -> Spool:
    if request.param == "fake":
        return FakeSpool()
    aws: Pretended = request.getfixturevalue("aws")
    return S3Spool(Aws(aws.access), aws.settings.spool_bucket)


@pytest.mark.parametrize("body", [b"{}", b"", b"\x00\xff\r\n", "Grüße".encode() * 100_000])
def test_what_was_put_is_got_byte_by_byte(spool: Spool, body: bytes) -> None:
    spool.put(KEY, body)

    assert spool.get(KEY) == body


def test_what_is_put_again_replaces_what_was_there(spool: Spool) -> None:
    spool.put(KEY, b"one")
    spool.put(KEY, b"two")

    assert spool.get(KEY) == b"two"


def test_what_is_claimed_stays_as_it_is(spool: Spool) -> None:
    assert spool.claim(KEY, b"one")
    assert not spool.claim(KEY, b"two")

    assert spool.get(KEY) == b"one"


def test_what_is_not_there_is_none(spool: Spool) -> None:
    assert spool.get(KEY) is None


def test_what_is_removed_is_gone_and_may_be_removed_again(spool: Spool) -> None:
    spool.put(KEY, b"{}")

    spool.remove(KEY)
    spool.remove(KEY)

    assert spool.get(KEY) is None
    assert spool.list("", 10) == []


def test_a_list_is_in_the_order_of_the_keys_and_goes_on_behind_one(spool: Spool) -> None:
    for name in ("b/1", "a/2", "b/3", "b/2", "bc"):
        spool.put(name, name.encode() * 2)

    assert [each.key for each in spool.list("b/", 2)] == ["b/1", "b/2"]
    assert [each.key for each in spool.list("b/", 2, "b/2")] == ["b/3"]
    assert spool.list("b/", 2, "b/3") == []
    assert spool.list("c/", 10) == []


def test_a_list_says_when_each_was_put_and_how_large_it_is(spool: Spool) -> None:
    spool.put(KEY, b"12345")

    [found] = spool.list("spare/", 1_000)

    now = NOON if isinstance(spool, FakeSpool) else datetime.now(UTC)
    assert (found.key, found.size) == (KEY, 5)
    assert abs(found.put_at - now) < timedelta(minutes=1)


# ── S3's own ways ──────────────────────────────────────────────────────────────


def test_an_object_is_signed_for_s3_with_a_digest_of_its_body() -> None:
    with scripted(Answer(200, b"")) as script:
        S3Spool(script.aws, "bucket").put("events/c/1", b"{}")

    [asked] = script.asked
    assert (asked.method, asked.path, asked.body) == ("PUT", "/bucket/events/c/1", b"{}")
    assert "/eu-central-1/s3/aws4_request" in asked.headers["authorization"]
    assert asked.headers["x-amz-content-sha256"].startswith("44136fa355b3678a1146ad16f7e8649e")
    assert asked.headers["x-amz-security-token"] == "session-token"


def test_a_claim_is_refused_by_s3_itself() -> None:
    with scripted(Answer(200, b"")) as script:
        S3Spool(script.aws, "bucket").claim("unsigned/c/1", b"{}")

    assert script.asked[0].headers["if-none-match"] == "*"


@pytest.mark.parametrize(
    ("status", "code"), [(412, "PreconditionFailed"), (409, "ConditionalRequestConflict")]
)
def test_who_comes_second_or_at_the_same_time_has_not_claimed_it(
    status: int, code: str
) -> None:
    with scripted(Answer(status, f"<Error><Code>{code}</Code></Error>".encode())) as script:
        assert not S3Spool(script.aws, "bucket").claim("unsigned/c/1", b"{}")


def test_a_list_is_asked_for_with_everything_quoted() -> None:
    with scripted(Answer(200, b"<ListBucketResult/>")) as script:
        assert S3Spool(script.aws, "bucket").list("spare/", 7, "spare/c/1") == []

    path = "/bucket/?list-type=2&max-keys=7&prefix=spare%2F&start-after=spare%2Fc%2F1"
    assert script.asked[0].path == path


@pytest.mark.parametrize(
    "code", ["AccessDenied", "KMS.DisabledException", "NoSuchBucket", "ExpiredToken"]
)
def test_what_the_stack_is_to_blame_for_is_mended_and_then_tried_again(code: str) -> None:
    answer = Answer(403, f"<Error><Code>{code}</Code></Error>".encode())
    with scripted(answer) as script, pytest.raises(Unavailable):
        S3Spool(script.aws, "bucket").get(KEY)


@pytest.mark.parametrize("answer", [Answer(503, b"<Code>SlowDown</Code>"), Answer(reset=True)])
def test_what_is_not_answered_may_have_been_done(answer: Answer) -> None:
    with scripted(answer) as script, pytest.raises(Unclear):
        S3Spool(script.aws, "bucket").put(KEY, b"{}")


@pytest.mark.parametrize(
    "act",
    [
        lambda spool: spool.get(KEY),
        lambda spool: spool.claim(KEY, b""),
        lambda spool: spool.remove(KEY),
        lambda spool: spool.list("", 1),
    ],
    ids=["get", "claim", "remove", "list"],
)
def test_any_other_refusal_is_one(act: Callable[[Spool], Any]) -> None:
    answer = Answer(400, b"<Error><Code>InvalidRequest</Code></Error>")
    with scripted(answer) as script:
        spool = S3Spool(script.aws, "bucket")
        with pytest.raises(Refused) as caught:
            act(spool)

    assert caught.value.code == "InvalidRequest"
