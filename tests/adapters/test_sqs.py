import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from fieldlink.adapters.aws import Aws
from fieldlink.adapters.sqs import SqsOutbox, batches
from fieldlink.errors import Unavailable
from fieldlink.ports import Depth, Message, Outbox
from tests.adapters.scripted import Answer, scripted
from tests.conftest import Pretended
from tests.fakes import FakeOutbox

LEAST = 262_144  # bytes that SQS takes in a batch everywhere


def message(number: int, body: str = "{}") -> Message:
    return Message(body, f"group-{number}", f"key-{number}")


@pytest.fixture(params=["fake", "sqs"])
def queue(request: pytest.FixtureRequest) -> tuple[Outbox, Callable[[], list[str]]]:
    """One end of a queue, and what comes out of the other."""
    if request.param == "fake":
        fake = FakeOutbox()
        return fake, lambda: [each.body for each in fake.queued]
    aws: Pretended = request.getfixturevalue("aws")
    url = aws.settings.events_queue_url
    return SqsOutbox(Aws(aws.access), url), lambda: aws.queued(url)


def test_what_is_put_lies_in_the_queue(
    queue: tuple[Outbox, Callable[[], list[str]]],
) -> None:
    outbox, queued = queue

    outbox.put(message(n, f'{{"n":{n}}}') for n in range(23))
    outbox.put([])

    assert sorted(queued()) == sorted(f'{{"n":{n}}}' for n in range(23))


def test_a_queue_tells_how_much_lies_in_it(
    queue: tuple[Outbox, Callable[[], list[str]]],
) -> None:
    outbox, _ = queue
    assert outbox.depth() == Depth(waiting=0, dead=0)

    outbox.put(message(n) for n in range(3))

    assert outbox.depth() == Depth(waiting=3, dead=0)


def test_a_queue_tells_what_lies_in_its_dead_letter_queue(aws: Pretended) -> None:
    sqs = aws.client("sqs")
    fifo = {"FifoQueue": "true"}
    dead = sqs.create_queue(QueueName="Dead.fifo", Attributes=fifo)["QueueUrl"]
    named = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    policy = json.dumps(
        {"deadLetterTargetArn": named["Attributes"]["QueueArn"], "maxReceiveCount": 3}
    )
    living = sqs.create_queue(
        QueueName="Living.fifo", Attributes={**fifo, "RedrivePolicy": policy}
    )["QueueUrl"]
    SqsOutbox(Aws(aws.access), dead).put(message(n) for n in range(2))

    assert SqsOutbox(Aws(aws.access), living).depth() == Depth(waiting=0, dead=2)


def test_nothing_is_sent_for_no_messages() -> None:
    with scripted() as script:
        SqsOutbox(script.aws, "queue").put([])

    assert script.asked == []


def test_an_entry_says_its_group_and_its_key() -> None:
    with scripted(Answer(200, {"Successful": [{"Id": "0"}]})) as script:
        SqsOutbox(script.aws, "queue").put([Message("body", "group", "key")])

    assert script.asked[0].json == {
        "QueueUrl": "queue",
        "Entries": [
            {
                "Id": "0",
                "MessageBody": "body",
                "MessageGroupId": "group",
                "MessageDeduplicationId": "key",
            }
        ],
    }


def test_a_batch_holds_ten_messages_at_most() -> None:
    sizes = [len(batch) for batch in batches(message(n) for n in range(21))]

    assert sizes == [10, 10, 1]


@pytest.mark.parametrize("text", ["x" * 75_000, "ü" * 37_500, '"' * 75_000])
def test_a_batch_holds_no_more_bytes_than_sqs_takes(text: str) -> None:
    found = list(batches(message(n, text) for n in range(7)))

    assert [each for batch in found for each in batch] == [message(n, text) for n in range(7)]
    assert max(sum(len(each.body.encode()) for each in batch) for batch in found) < LEAST
    assert len(found) == 3


def test_a_message_as_large_as_a_batch_goes_alone() -> None:
    large = message(1, "x" * 260_000)

    assert list(batches([message(0), large, message(2)])) == [
        [message(0)],
        [large],
        [message(2)],
    ]


def test_only_the_entries_that_sqs_did_not_take_are_sent_again() -> None:
    failed = Answer(200, {"Successful": [{"Id": "0"}], "Failed": [{"Id": "1"}, {"Id": "2"}]})
    with scripted(failed, Answer(200, {"Successful": []})) as script:
        SqsOutbox(script.aws, "queue").put(message(n) for n in range(3))

    sent = [
        [each["MessageGroupId"] for each in asked.json["Entries"]] for asked in script.asked
    ]
    assert sent == [["group-0", "group-1", "group-2"], ["group-1", "group-2"]]


def test_entries_that_sqs_does_not_take_three_times_are_unavailable() -> None:
    with scripted(Answer(200, {"Failed": [{"Id": "0"}]})) as script:
        with pytest.raises(Unavailable, match="did not take 1"):
            SqsOutbox(script.aws, "queue").put([message(0)])

        assert len(script.asked) == 3


def test_a_queue_that_is_not_there_is_mended_by_us_and_then_tried_again() -> None:
    gone = Answer(400, {"__type": "com.amazonaws.sqs#QueueDoesNotExist"})
    with scripted(gone) as script, pytest.raises(Unavailable):
        SqsOutbox(script.aws, "queue").put([message(0)])


def test_a_postponed_message_comes_again_after_the_wait_and_not_before() -> None:
    with scripted(Answer(200, b"")) as script:
        SqsOutbox(script.aws, "queue").postpone("receipt", timedelta(minutes=10))

    [asked] = script.asked
    assert asked.headers["x-amz-target"] == "AmazonSQS.ChangeMessageVisibility"
    assert asked.json == {
        "QueueUrl": "queue",
        "ReceiptHandle": "receipt",
        "VisibilityTimeout": 600,
    }


def test_sqs_takes_a_postponement(aws: Pretended) -> None:
    url = aws.settings.events_queue_url
    outbox = SqsOutbox(Aws(aws.access), url)
    outbox.put([message(0)])
    [received] = aws.client("sqs").receive_message(QueueUrl=url)["Messages"]

    outbox.postpone(received["ReceiptHandle"], timedelta(0))

    assert aws.queued(url) == ["{}"]
