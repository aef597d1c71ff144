from concurrent.futures import ThreadPoolExecutor

import pytest
from urllib3 import Timeout

from fieldlink.adapters.aws import Aws
from fieldlink.adapters.aws_errors import TRIES, pause_of
from fieldlink.config import AwsAccess
from fieldlink.errors import Refused, Unavailable, Unclear
from tests.adapters.scripted import Answer, nobody, scripted
from tests.conftest import Pretended


def test_aws_understands_a_signed_call(aws: Pretended) -> None:
    answer = Aws(aws.access).call("dynamodb", "ListTables", {})

    assert sorted(answer["TableNames"]) == ["Ledger", "State"]


def test_a_call_is_signed_for_its_service_and_region_with_the_token_of_the_session() -> None:
    with scripted(Answer(200, {"MessageId": "1"})) as script:
        assert script.aws.call("sqs", "SendMessage", {"a": "ü"}) == {"MessageId": "1"}

    [asked] = script.asked
    assert asked.json == {"a": "ü"}
    assert asked.headers["x-amz-target"] == "AmazonSQS.SendMessage"
    assert asked.headers["content-type"] == "application/x-amz-json-1.0"
    assert asked.headers["x-amz-security-token"] == "session-token"
    assert "/eu-central-1/sqs/aws4_request" in asked.headers["authorization"]
    signed = asked.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0]
    assert {"host", "x-amz-date", "x-amz-security-token", "x-amz-target"} <= {
        *signed.split(";")
    }


def test_what_is_only_asked_for_has_no_body_and_names_the_host_that_is_signed() -> None:
    with scripted(Answer(200, {"SendingEnabled": True})) as script:
        assert script.aws.get("ses", "email", "/v2/email/account") == {"SendingEnabled": True}

    [asked] = script.asked
    assert (asked.method, asked.body) == ("GET", b"")
    assert "transfer-encoding" not in asked.headers
    assert asked.headers["host"] == script.url.removeprefix("http://")
    assert "host" in asked.headers["authorization"].partition("SignedHeaders=")[2].split(";")[0]


@pytest.mark.parametrize(
    "code",
    [
        "ThrottlingException",
        "Throttling",
        "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
        "ProvisionedThroughputExceededException:http://internal.amazon.com/",
        "RequestLimitExceeded",
        "LimitExceededException",
        "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
        "com.amazonaws.dynamodb.v20120810#TransactionInProgressException",
    ],
)
def test_what_is_throttled_may_be_tried_again(code: str) -> None:
    with scripted(Answer(400, {"__type": code, "message": "slow down"})) as script:
        with pytest.raises(Unavailable) as caught:
            script.aws.call("dynamodb", "PutItem", {})

        assert type(caught.value) is Unavailable


@pytest.mark.parametrize(
    "code",
    [
        "AccessDeniedException",
        "DecryptionFailure",
        "DisabledException",
        "ExpiredTokenException",
        "KMSInvalidStateException",
    ],
)
def test_what_the_stack_is_not_allowed_is_mended_by_us_and_then_tried_again(code: str) -> None:
    with scripted(Answer(400, {"__type": code})) as script, pytest.raises(Unavailable):
        script.aws.call("kms", "Decrypt", {})


def test_too_many_requests_may_be_tried_again() -> None:
    with (
        scripted(Answer(429, b"<html>")) as script,
        pytest.raises(Unavailable, match="answered 429"),
    ):
        script.aws.call("sqs", "SendMessageBatch", {})


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, {"__type": "InternalServerError"}),
        Answer(503, b"<html>busy</html>"),
        Answer(reset=True),
        Answer(200, {"Item": {"a": {"S": "x" * 100}}}, half=True),
    ],
    ids=["500", "503 of an edge", "reset", "half an answer"],
)
def test_a_call_without_a_whole_answer_may_have_been_carried_out(answer: Answer) -> None:
    with scripted(answer) as script:
        with pytest.raises(Unclear):
            script.aws.call("dynamodb", "PutItem", {})

        assert len(script.asked) == 1


def test_a_call_that_is_never_answered_may_have_been_carried_out() -> None:
    with scripted(Answer(silent=True)) as script, pytest.raises(Unclear):
        Aws(script.access, timeout=Timeout(0.1)).call("sqs", "SendMessageBatch", {})


def test_a_call_that_reached_nobody_was_not_carried_out() -> None:
    with pytest.raises(Unavailable) as caught:
        Aws(AwsAccess("eu-central-1", "k", "s", None, nobody())).call("kms", "Decrypt", {})

    assert not isinstance(caught.value, Unclear)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(400, {"__type": "a.b#ConditionalCheckFailedException"}), "ConditionalCheck"),
        (Answer(400, {}, {"x-amzn-ErrorType": "MessageRejected:http://a"}), "MessageRejected"),
        (Answer(403, b"not json"), "403"),
        (Answer(400, {"__type": "ValidationException", "Message": "Bad key"}), "Validation"),
    ],
)
def test_a_refusal_carries_the_code_of_aws(answer: Answer, code: str) -> None:
    with scripted(answer) as script, pytest.raises(Refused) as caught:
        script.aws.call("dynamodb", "PutItem", {})

    assert caught.value.code.startswith(code)
    assert "#" not in caught.value.code
    assert ":" not in caught.value.code


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"null", b"<html>", b""])
@pytest.mark.parametrize("status", [400, 503])
def test_an_error_in_any_shape_is_one_of_ours(status: int, body: bytes) -> None:
    with scripted(Answer(status, body)) as script, pytest.raises((Refused, Unclear)):
        script.aws.call("dynamodb", "PutItem", {})


@pytest.mark.parametrize("body", [b"[1]", b"7", b"<html>", b'{"Item":'])
def test_an_answer_that_is_no_object_is_unclear(body: bytes) -> None:
    with scripted(Answer(200, body)) as script, pytest.raises(Unclear):
        script.aws.call("dynamodb", "GetItem", {})


# ── what passes by itself ─────────────────────────────────────────────────────

THROTTLED = Answer(400, {"__type": "ThrottlingException"})


def test_what_is_throttled_is_asked_five_times_with_ever_longer_pauses_between() -> None:
    with scripted(THROTTLED, THROTTLED, Answer(200, {"Item": {}})) as script:
        assert script.aws.call("dynamodb", "PutItem", {"a": 1}) == {"Item": {}}

        assert [each.json for each in script.asked] == [{"a": 1}] * 3
        assert script.pauses == [0, 1]
    with scripted(THROTTLED) as script, pytest.raises(Unavailable):
        script.aws.call("dynamodb", "PutItem", {})
    assert len(script.asked) == 5
    assert script.pauses == [0, 1, 2, 3]  # in doublings of 0.1 s


@pytest.mark.parametrize(
    ("action", "times"),
    [("GetItem", TRIES), ("Query", TRIES), ("BatchGetItem", TRIES), ("BatchWriteItem", TRIES),
     ("PutItem", 1), ("DeleteItem", 1), ("UpdateItem", 1), ("TransactWriteItems", 1)],
)  # fmt: skip
def test_after_an_error_of_theirs_only_what_does_no_harm_twice_is_asked_again(
    action: str, times: int
) -> None:
    with scripted(Answer(500, {"__type": "InternalServerError"})) as script:
        with pytest.raises(Unclear):
            script.aws.call("dynamodb", action, {})

        assert len(script.asked) == times


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException"])
def test_what_does_not_pass_by_itself_is_asked_once(code: str) -> None:
    with scripted(Answer(400, {"__type": code})) as script:
        with pytest.raises((Refused, Unavailable)):
            script.aws.call("dynamodb", "GetItem", {})

        assert len(script.asked) == 1


def test_those_who_were_throttled_together_come_back_at_different_moments() -> None:
    spans: list[float] = []

    for number in range(3):
        spans += [pause_of(number) for _ in range(20)]

    assert len(set(spans)) == 60
    assert all(0.05 <= each <= 0.1 for each in spans[:20])
    assert all(0.2 <= each <= 0.4 for each in spans[40:])


def test_many_threads_share_a_few_connections_and_each_has_its_own_answer() -> None:
    with scripted(Answer(200, {"Item": {}})) as script:
        aws = script.aws
        with ThreadPoolExecutor(60) as threads:
            told = list(threads.map(lambda n: aws.call("sqs", "Send", {"n": n}), range(300)))

        assert told == [{"Item": {}}] * 300
        assert sorted(each.json["n"] for each in script.asked) == list(range(300))
        assert len({each.client for each in script.asked}) <= 16
