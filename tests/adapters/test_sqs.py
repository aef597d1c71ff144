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
    waits = {"first": timedelta(minutes=10), "second": timedelta(seconds=5)}
    with scripted(Answer(200, b"")) as script:
        SqsOutbox(script.aws, "queue").postpone(waits)

    [asked] = script.asked
    assert asked.headers["x-amz-target"] == "AmazonSQS.ChangeMessageVisibilityBatch"
    assert asked.json == {
        "QueueUrl": "queue",
        "Entries": [
            {"Id": "0", "ReceiptHandle": "first", "VisibilityTimeout": 600},
            {"Id": "1", "ReceiptHandle": "second", "VisibilityTimeout": 5},
        ],
    }


def test_messages_are_postponed_and_removed_in_batches_of_ten_at_most() -> None:
    receipts = [f"receipt-{number}" for number in range(21)]
    with scripted(Answer(200, b"")) as script:
        outbox = SqsOutbox(script.aws, "queue")
        outbox.postpone(dict.fromkeys(receipts, timedelta(seconds=5)))
        outbox.remove(receipts)
        outbox.remove([])
        outbox.postpone({})

    sizes = [len(each.json["Entries"]) for each in script.asked]
    assert sizes == [10, 10, 1, 10, 10, 1]
    removed = [
        each["ReceiptHandle"] for asked in script.asked[3:] for each in asked.json["Entries"]
    ]
    assert removed == receipts
    assert script.asked[3].headers["x-amz-target"] == "AmazonSQS.DeleteMessageBatch"


def test_sqs_hands_over_what_nobody_is_working_on_as_lambda_would(aws: Pretended) -> None:
    outbox = SqsOutbox(Aws(aws.access), aws.settings.events_queue_url)
    outbox.put(message(number, f'{{"n":{number}}}') for number in range(12))

    first, then, rest = (outbox.receive(timedelta(minutes=1)) for _ in range(3))

    assert (len(first), len(then), rest) == (10, 2, [])
    found = sorted(first + then, key=lambda each: json.loads(each["body"])["n"])
    assert [each["body"] for each in found] == [f'{{"n":{number}}}' for number in range(12)]
    groups = [each["attributes"]["MessageGroupId"] for each in found]
    assert groups == [f"group-{number}" for number in range(12)]
    assert {each["attributes"]["ApproximateReceiveCount"] for each in found} == {"1"}


def test_what_is_taken_is_lent_for_as_long_as_its_taker_may_be_at_it() -> None:
    with scripted(Answer(200)) as script:
        outbox = SqsOutbox(script.aws, "https://sqs.eu-central-1.amazonaws.com/1/Events.fifo")

        outbox.receive(timedelta(seconds=68.9))

    assert script.asked[0].json["VisibilityTimeout"] == 68


def test_sqs_takes_a_postponement_and_a_removal(aws: Pretended) -> None:
    url = aws.settings.events_queue_url
    outbox = SqsOutbox(Aws(aws.access), url)
    outbox.put(message(number, f'{{"n":{number}}}') for number in range(2))
    first, second = outbox.receive(timedelta(minutes=1))

    outbox.postpone({first["receiptHandle"]: timedelta(0)})
    outbox.remove([second["receiptHandle"]])

    assert aws.queued(url) == [first["body"]]


@pytest.mark.parametrize(
    ("source", "its"), [("Events.fifo", True), ("Bursts.fifo", False), ("", False)]
)
def test_a_queue_knows_what_it_is_called(source: str, its: bool) -> None:
    with scripted() as script:
        outbox = SqsOutbox(script.aws, "https://sqs.eu-central-1.amazonaws.com/1/Events.fifo")

    assert outbox.is_called(source) is its
