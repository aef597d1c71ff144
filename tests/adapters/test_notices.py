"""What is published reaches whoever has subscribed to that connection, and nobody else."""

import json
from collections.abc import Callable
from urllib.parse import parse_qs

import pytest

from fieldlink.adapters.aws import Aws
from fieldlink.adapters.notices import SnsNotices
from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.ports import Notices
from tests.adapters.scripted import Answer, scripted
from tests.conftest import Pretended
from tests.fakes import FakeNotices

OURS, OTHERS = "connection-of-ours", "connection-of-others"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:notices"


def send(notices: Notices, connection: str = OURS, subject: str = "SA-1: Ada") -> None:
    text = "Ada can't be tracked.\nÄ & ü = 1 + 1"
    notices.send(connection=connection, name="Example", subject=subject, text=text)


@pytest.fixture(params=["fake", "sns"])
def topic(request: pytest.FixtureRequest) -> tuple[Notices, Callable[[], list[list[str]]]]:
    """A topic, and what a subscriber to our connection gets: subject and text."""
    if request.param == "fake":
        fake = FakeNotices()
        return fake, lambda: [
            [each.subject, each.text] for each in fake.sent if each.connection == OURS
        ]
    aws: Pretended = request.getfixturevalue("aws")
    arn, url = subscribed(aws)
    return SnsNotices(Aws(aws.access), arn), lambda: [
        [told["Subject"], told["Message"]] for told in map(json.loads, aws.queued(url))
    ]


def subscribed(aws: Pretended) -> tuple[str, str]:
    """A topic, and a queue that has subscribed to one connection as the manual says."""
    sns, sqs = aws.client("sns"), aws.client("sqs")
    arn = str(sns.create_topic(Name="for-this-test")["TopicArn"])
    url = str(sqs.create_queue(QueueName="dispatcher")["QueueUrl"])
    named = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    sns.subscribe(
        TopicArn=arn,
        Protocol="sqs",
        Endpoint=named["Attributes"]["QueueArn"],
        Attributes={"FilterPolicy": json.dumps({"connection": [OURS]})},
    )
    return arn, url


def test_a_subscriber_gets_what_is_about_his_connection(
    topic: tuple[Notices, Callable[[], list[list[str]]]],
) -> None:
    notices, got = topic

    send(notices)
    send(notices, OTHERS)

    assert got() == [["SA-1: Ada", "Ada can't be tracked.\nÄ & ü = 1 + 1"]]


def test_a_notice_is_a_signed_form() -> None:
    with scripted(Answer(200, b"<PublishResponse/>")) as script:
        send(SnsNotices(script.aws, TOPIC))

    [asked] = script.asked
    assert (asked.method, asked.path) == ("POST", "/")
    assert asked.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert "/sns/aws4_request" in asked.headers["authorization"]
    assert parse_qs(asked.body.decode()) == {
        "Action": ["Publish"],
        "Version": ["2010-03-31"],
        "TopicArn": [TOPIC],
        "Subject": ["SA-1: Ada"],
        "Message": ["Ada can't be tracked.\nÄ & ü = 1 + 1"],
        "MessageAttributes.entry.1.Name": ["connection"],
        "MessageAttributes.entry.1.Value.DataType": ["String"],
        "MessageAttributes.entry.1.Value.StringValue": [OURS],
        "MessageAttributes.entry.2.Name": ["name"],
        "MessageAttributes.entry.2.Value.DataType": ["String"],
        "MessageAttributes.entry.2.Value.StringValue": ["Example"],
    }


@pytest.mark.parametrize(
    ("subject", "sent"),
    [
        ("José Müller", "Jose Muller"),
        ("two\nlines", "two lines"),
        ("山田", "??"),
        ("x" * 300, "x" * 99),
        (" \n ", "Fieldlink"),
    ],
)
def test_a_subject_is_one_line_of_ascii_that_sns_takes(
    aws: Pretended, subject: str, sent: str
) -> None:
    arn, url = subscribed(aws)

    send(SnsNotices(Aws(aws.access), arn), subject=subject)

    [told] = [json.loads(each) for each in aws.queued(url)]
    assert told["Subject"] == sent


def error(code: str) -> bytes:
    told = f"<Error><Code>{code}</Code><Message>why</Message></Error>"
    return f"<ErrorResponse>{told}</ErrorResponse>".encode()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(400, error("InvalidParameter")), Refused),
        (Answer(404, error("NotFound")), Refused),
        (Answer(403, error("AuthorizationError")), Unavailable),
        (Answer(400, error("KMSDisabled")), Unavailable),
        (Answer(400, error("Throttled")), Unavailable),
        (Answer(429, b""), Unavailable),
        (Answer(500, error("InternalError")), Unclear),
        (Answer(503, b""), Unclear),
        (Answer(reset=True), Unclear),
    ],
)
def test_what_sns_answers_says_whether_to_send_again(
    answer: Answer, expected: type[Exception]
) -> None:
    with scripted(answer) as script:
        with pytest.raises(expected) as caught:
            send(SnsNotices(script.aws, TOPIC))

        assert type(caught.value) is expected
        assert len(script.asked) == 1


def test_a_refusal_is_told_in_sns_s_own_words(aws: Pretended) -> None:
    with pytest.raises(Refused, match=r"NotFound: .+"):
        send(SnsNotices(Aws(aws.access), TOPIC))
